"""Persons, event ids, placeholders, shared devices: at the threshold and just under."""

from __future__ import annotations

from typing import Any

from tests.doctor.world import Line, brief, findings, line, numbered, steady

BASE = steady(range(5), a_day=100)


def _views(number: int, **fields: Any) -> list[Line]:
    return [line("tap", n / 100, **fields) for n in range(number)]


def test_events_of_nobody_are_told_from_five_and_from_one_percent_of_their_type() -> None:
    people = _views(495)
    assert findings("nobody", numbered(people + _views(4, user_id=None))) == []
    lines = numbered(people + _views(5, user_id=None))
    (row,) = findings("nobody", lines)
    assert (row["severity"], row["subject"], row["events"], row["all"]) == (
        "warning", "tap", 5, 500,
    )  # fmt: skip
    assert row["share"] == 0.01
    assert findings("nobody", numbered(_views(496) + _views(5, user_id=None))) == []


def test_a_type_that_never_says_whose_it_is_may_be_meant_so() -> None:
    lines = numbered(BASE + _views(50, user_id=None))
    assert brief(findings("nobody", lines)) == [("info", "tap", 50)]


def test_missing_event_ids_among_others_are_told() -> None:
    lines = [dict(one, event_id=f"e{n}") for n, one in enumerate(BASE)]
    assert findings("missing_event_ids", lines + _views(4)) == [], "a type of its own without ids"
    some = lines + [dict(one, event_type="view") for one in _views(4)]
    assert findings("missing_event_ids", some) == []
    some = lines + [dict(one, event_type="view") for one in _views(5)]
    assert brief(findings("missing_event_ids", some)) == [("warning", "view", 5)]


def test_a_log_without_any_event_id_is_none_to_worry_about() -> None:
    assert findings("missing_event_ids", BASE) == []


def test_placeholders_are_counted_by_column_and_event_type() -> None:
    device = [line("tap", n / 9, user_id=" NULL ", anonymous_id=f"a{n}") for n in range(5)]
    rows = findings("placeholder_ids", numbered(BASE + device))
    ((severity, subject, events),) = brief(rows)
    assert (severity, subject, events) == ("warning", "user_id", 5)
    assert "tap 100.0%" in rows[0]["meaning"]
    assert rows[0]["example"] == " NULL "
    assert findings("placeholder_ids", numbered(BASE + device[:4])) == []


def test_few_placeholders_among_many_events_are_worth_knowing_only() -> None:
    many = steady(range(10), a_day=600)
    odd = [line("view", n, anonymous_id="undefined") for n in range(5)]
    assert brief(findings("placeholder_ids", numbered(many + odd))) == [("info", "anonymous_id", 5)]


def test_an_alias_of_an_id_column_is_that_column() -> None:
    odd = [
        {"event": "tap", "time": f"2024-03-04T00:00:0{n}Z", "userId": "guest", "deviceId": f"d{n}"}
        for n in range(6)
    ]
    assert brief(findings("placeholder_ids", odd)) == [("warning", "user_id", 6)]


def test_a_device_of_two_users_is_told_and_one_of_ten_is_a_warning() -> None:
    def of(users: int) -> list[Line]:
        return [line("tap", n / 10, user_id=f"user{n}", anonymous_id="kiosk") for n in range(users)]

    assert findings("shared_devices", numbered(BASE + of(1))) == []
    assert brief(findings("shared_devices", numbered(BASE + of(2)))) == [
        ("info", "anonymous_id", 2)
    ]
    assert brief(findings("shared_devices", numbered(BASE + of(9))))[0][0] == "info"
    (row,) = findings("shared_devices", numbered(BASE + of(10)))
    assert (row["severity"], row["example"]) == ("warning", "kiosk: 10 users")
