"""Duplicates, conflicts, near-duplicates, repeated orders and refused lines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doctor.world import Line, brief, findings, found, line, numbered, steady, store

BASE = numbered(steady(range(10), a_day=100))


def test_one_duplicate_in_a_thousand_is_told_and_five_are_a_warning() -> None:
    assert findings("duplicates", [*BASE, BASE[0]]) == [], "1 of 1,001"
    assert brief(findings("duplicates", [*BASE[:999], BASE[0]])) == [("info", "lines", 1)]
    assert brief(findings("duplicates", [*BASE[:995], *BASE[:5]])) == [("warning", "lines", 5)]


def test_a_replay_says_that_an_earlier_ingest_had_the_lines() -> None:
    (row,) = findings("duplicates", BASE, BASE[:500])
    assert (row["events"], row["all"]) == (500, 1500)
    assert "500 of them one of an earlier ingest" in row["meaning"]


def test_any_conflict_is_a_warning() -> None:
    odd = dict(BASE[0], event_type="other")
    assert brief(findings("conflicts", [*BASE, odd])) == [("warning", "event_id", 1)]
    assert findings("conflicts", [*BASE, BASE[0]]) == []


def test_ingests_of_other_days_are_left_out() -> None:
    later = numbered(steady(range(30, 33)))
    with store(
        [*BASE, *BASE[:50]], [dict(one, event_id=f"l{n}") for n, one in enumerate(later)]
    ) as log:
        assert len(found(log, "duplicates")) == 1
        assert found(log, "duplicates", from_="2024-04-01") == []
        assert len(found(log, "duplicates", to="2024-04-01")) == 1


def _twins(number: int, **fields: Any) -> list[Line]:
    """Return pairs of events of a person within a second."""
    return [
        line("tap", n / 10, second, page_url=f"/{n}", **fields)
        for n in range(number)
        for second in (0.1, 0.8)
    ]


def test_ten_near_duplicates_of_one_percent_are_told() -> None:
    singles = [line("tap", n / 100, 0.5, user_id="bert") for n in range(980)]
    assert findings("near_duplicates", singles + _twins(9)) == []
    assert brief(findings("near_duplicates", singles + _twins(10))) == [("warning", "tap", 10)]
    more = [line("tap", 20 + n / 100, user_id="bert") for n in range(20)]
    assert findings("near_duplicates", singles + more + _twins(10)) == [], "10 of 1,020"


def test_events_with_an_id_are_no_near_duplicates() -> None:
    assert findings("near_duplicates", numbered(_twins(50))) == []


@pytest.mark.parametrize(
    "change",
    [{"user_id": "bert"}, {"page_url": "/other"}, {"event_type": "type"}, {"item_id": "p1"}],
)
def test_what_differs_in_person_type_page_or_item_is_no_near_duplicate(change: Line) -> None:
    twins = _twins(20)
    other = [one | change if number % 2 else one for number, one in enumerate(twins)]
    assert findings("near_duplicates", other) == []


def test_an_order_that_is_counted_twice_is_an_error() -> None:
    def order(number: int, **fields: Any) -> Line:
        paid = line("purchase", number, order_id="o1", revenue=9.5, currency="EUR")
        return paid | fields

    single = [*BASE, order(1, event_id="p1"), order(2, event_id="p2", order_id="o2")]
    assert findings("repeated_orders", single) == []
    (row,) = findings("repeated_orders", [*single, order(3, event_id="p3")])
    assert brief([row]) == [("error", "purchase", 1)]
    assert (row["all"], row["example"]) == (3, "o1")
    step = line("checkout", 1, order_id="o1", event_id="c1")
    assert findings("repeated_orders", [*single, step]) == [], "another type, without a revenue"


def test_refused_lines_are_graded_by_their_share_of_all() -> None:
    bad = b'{"cut'
    assert brief(findings("rejects", [*BASE, bad])) == [("info", "invalid_json", 1)]
    assert brief(findings("rejects", [*BASE[:999], bad])) == [("warning", "invalid_json", 1)]
    old = b'{"event":"view","ts":"1970-01-01T07:00:00Z"}'
    rows = findings("rejects", [*BASE[:990], *[bad] * 8, *[old] * 2])
    assert brief(rows) == [("error", "invalid_json", 8), ("error", "time_out_of_range", 2)]
    assert "1970" in rows[1]["meaning"]
    assert old[:40].decode() in rows[1]["example"]


def test_a_batch_of_nothing_but_bad_lines_belongs_to_the_day_of_its_ingest() -> None:
    with store(BASE, [b"oops"] * 20) as log:
        assert brief(found(log, "rejects")) == [("error", "invalid_json", 20)]
        assert found(log, "rejects", to="2024-04-01") == []
