"""Storms of one-hit ids, bots, and sessions that no person has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doctor.world import Line, brief, findings, found, line, numbered, steady, store

BASE = [one | {"anonymous_id": f"d-{one['user_id']}"} for one in steady(range(10), a_day=200)]


def _hits(number: int, day: float, seconds: float = 3000) -> list[Line]:
    """Return events of people who are seen once."""
    return [
        line("view", day, n * seconds / number, user_id=None, anonymous_id=f"lost{day}-{n}")
        for n in range(number)
    ]


def test_fifty_lost_cookies_in_an_hour_are_a_storm() -> None:
    assert findings("one_hit_storms", numbered(BASE + _hits(49, 5))) == []
    (row,) = findings("one_hit_storms", numbered(BASE + _hits(50, 5)))
    assert brief([row]) == [("error", "2024-03-09 00:00", 50)]
    assert row["example"].startswith("lost5-")


def test_a_storm_over_a_day_is_found_where_no_hour_stands_out() -> None:
    (row,) = findings("one_hit_storms", numbered(BASE + _hits(200, 5, 86_000)))
    assert brief([row]) == [("error", "2024-03-09", 200)]


def test_where_many_come_once_every_day_is_like_the_other() -> None:
    usual = [one for day in range(10) for one in _hits(100, day, 80_000)]
    regular = [line("view", 3, n, anonymous_id=f"r{n % 400}") for n in range(1200)]
    assert findings("one_hit_storms", numbered(BASE + regular + usual)) == []
    (row,) = findings("one_hit_storms", numbered(BASE + regular + usual + _hits(600, 7.25)))
    assert row["subject"] == "2024-03-11 06:00"


def test_a_crowd_that_stays_is_no_storm() -> None:
    crowd = [line("view", 5, n / 2, user_id=None, anonymous_id=f"new{n // 2}") for n in range(1000)]
    assert findings("one_hit_storms", numbered(BASE + crowd)) == []


def test_who_logs_in_after_one_event_has_a_device_that_lasts() -> None:
    door = [line("door", 5, n, user_id=None, anonymous_id=f"x{n}") for n in range(300)]
    home = [line("home", 5, n + 9, user_id=f"y{n}", anonymous_id=f"x{n}") for n in range(300)]
    assert findings("one_hit_storms", numbered(BASE + door + home)) == []


def test_what_the_server_sends_to_many_is_no_storm() -> None:
    sent = [dict(one, event_type="push_sent") for one in _hits(200, 5)]
    with store(numbered(BASE + sent), settings={"passive_events": ("push_sent",)}) as log:
        assert found(log, "one_hit_storms") == []


def test_a_day_is_compared_with_the_weeks_before_it() -> None:
    usual = [one for day in range(10) for one in _hits(100, day, 80_000)]
    regular = [line("view", 3, n, anonymous_id=f"r{n % 400}") for n in range(1200)]
    with store(numbered(BASE + regular + usual + _hits(600, 7.25))) as log:
        assert found(log, "one_hit_storms", from_="2024-03-10", to="2024-03-11") == []
        assert len(found(log, "one_hit_storms", from_="2024-03-11", to="2024-03-12")) == 1
        assert found(log, "one_hit_storms", from_="2024-03-12") == []


def test_a_log_without_devices_has_users_who_come_once() -> None:
    hits = [{**one, "user_id": one["anonymous_id"], "anonymous_id": None} for one in _hits(60, 5)]
    users = [{**one, "anonymous_id": None} for one in BASE]
    (row,) = findings("one_hit_storms", numbered(users + hits))
    assert row["example"].startswith("lost5-")


def test_ids_that_never_last_are_one_finding() -> None:
    lines = [one for day in range(5) for one in _hits(100, day, 80_000)]
    assert brief(findings("one_hit_storms", numbered(lines))) == [("error", "all people", 500)]


def _fast(events: int, minutes: int, **fields: Any) -> list[Line]:
    return [
        line("view", 2, minute * 60 + n * 59 / events, user_id="robot", **fields)
        for minute in range(minutes)
        for n in range(events)
    ]


@pytest.mark.parametrize(
    ("events", "minutes", "is_told"), [(60, 2, True), (59, 2, False), (60, 1, False)]
)
def test_sixty_events_a_minute_in_two_minutes_are_no_person(
    events: int, minutes: int, is_told: bool
) -> None:
    rows = findings("fast_people", numbered(BASE + _fast(events, minutes)))
    assert brief(rows) == ([("warning", "robot", events * minutes)] if is_told else [])


def test_a_bot_that_says_so_is_no_fast_person_but_counted() -> None:
    lines = numbered(BASE + _fast(100, 3, is_bot=True))
    assert findings("fast_people", lines) == []
    assert brief(findings("flagged_bots", lines)) == [("info", "1 bot", 300)]
    assert findings("flagged_bots", numbered(BASE)) == []


@pytest.mark.parametrize(("hours", "is_told"), [(12, False), (12.5, True)])
def test_twelve_hours_without_a_pause_are_too_long(hours: float, is_told: bool) -> None:
    steps = int(hours * 2)
    lines = [line("ping", 1, n * 1800, user_id="screen") for n in range(steps + 1)]
    rows = findings("long_sessions", numbered(BASE + lines))
    assert brief(rows) == ([("warning", "sessions", steps + 1)] if is_told else [])


def test_session_ids_of_more_than_a_day_are_told() -> None:
    def session(seconds: float) -> list[Line]:
        return [line("view", 1, at, session_id="s1") for at in (0, seconds)]

    assert findings("session_ids", numbered(BASE + session(86_400))) == []
    (row,) = findings("session_ids", numbered(BASE + session(86_401)))
    assert brief([row]) == [("warning", "session_id", 2)]
    assert row["example"] == "s1"


def test_whoever_opted_out_is_seen_by_no_check() -> None:
    with store(numbered(BASE + _fast(100, 3))) as log:
        assert len(found(log, "fast_people")) == 1
        log.store.privacy().consent("opt_out", ["robot"])
        assert found(log, "fast_people") == []
