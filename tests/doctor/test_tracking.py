"""Event types that stop, pause and appear; days and hours without events."""

from __future__ import annotations

import pytest

from tests.doctor.world import Line, brief, findings, found, line, numbered, steady, store

pytestmark = pytest.mark.time

DAYS = range(40)


def _base(days: range = DAYS) -> list[Line]:
    return steady(days)


def test_nothing_is_wrong_with_a_steady_log() -> None:
    with store(numbered(_base() + steady(DAYS, event="order"))) as log:
        assert brief(log.doctor().to_polars().to_dicts()) == []


@pytest.mark.parametrize(("last", "severity"), [(30, "error"), (37, "error")])
def test_a_type_that_stopped_is_an_error(last: int, severity: str) -> None:
    lines = numbered(_base() + steady(range(last), event="order"))
    (row,) = findings("stopped_types", lines)
    assert (row["severity"], row["subject"]) == (severity, "order")
    assert row["events"] == last * 24
    assert row["last"].date().isoformat() in row["meaning"]


def test_the_last_day_which_is_not_over_is_no_stop() -> None:
    day = [one for one in steady([40]) if one["timestamp"] < "2024-04-13T12"]
    assert findings("stopped_types", numbered(_base() + day + steady(DAYS, event="order"))) == []


def test_a_type_seen_on_the_last_day_has_not_stopped_but_paused() -> None:
    orders = [*steady(range(30), event="order"), line("order", 39, 60)]
    lines = numbered(_base() + orders)
    assert findings("stopped_types", lines) == []
    ((severity, subject, events),) = brief(findings("paused_types", lines))
    assert (severity, subject, events) == ("warning", "order", 30 * 24 + 1)


def test_a_rare_type_is_given_more_time() -> None:
    rare = [line("rate", day, 300) for day in range(30)]
    assert findings("stopped_types", numbered(_base() + rare)) == []
    rare = steady(range(30), event="rate", a_day=4)
    (row,) = findings("stopped_types", numbered(_base() + rare))
    assert row["subject"] == "rate"


def test_a_type_that_came_and_went_is_worth_knowing_only() -> None:
    lines = numbered(_base() + steady(range(15, 30), event="survey"))
    assert brief(findings("stopped_types", lines)) == [("info", "survey", 15 * 24)]
    (row,) = findings("new_types", lines)
    assert (row["severity"], row["subject"]) == ("info", "survey")
    assert row["first"].date().isoformat() == "2024-03-19"


def test_a_new_type_that_lived_long_is_missed_when_it_stops() -> None:
    days = range(100)
    lines = numbered(_base(days) + steady(range(30, 85), event="new"))
    assert brief(findings("stopped_types", lines)) == [("info", "new", 55 * 24)]
    lines = numbered(_base(days) + steady(range(30, 87), event="new"))
    assert brief(findings("stopped_types", lines)) == [("error", "new", 57 * 24)]


def test_a_pause_in_the_middle_names_its_days() -> None:
    orders = steady([*range(20), *range(23, 40)], event="order")
    (row,) = findings("paused_types", numbered(_base() + orders))
    assert (row["severity"], row["subject"]) == ("warning", "order")
    assert "3 days, 2024-03-24 to 2024-03-26" in row["meaning"]


def test_a_gap_of_the_whole_log_is_one_finding_and_no_pause_of_every_type() -> None:
    days = [*range(20), *range(23, 40)]
    lines = numbered(steady(days) + steady(days, event="order"))
    assert findings("paused_types", lines) == []
    (row,) = findings("day_gaps", lines)
    assert (row["severity"], row["subject"]) == ("error", "2024-03-24 to 2024-03-26")
    assert row["first"].isoformat() == "2024-03-24T00:00:00+00:00"
    assert row["last"].isoformat() == "2024-03-27T00:00:00+00:00"
    assert findings("hour_gaps", lines) == [], "days are a matter of the other check"


def test_a_trickle_of_late_events_does_not_fill_a_gap() -> None:
    days = [*range(20), *range(23, 40)]
    lines = steady(days, a_day=200)
    assert len(findings("day_gaps", numbered([*lines, line("view", 21), line("view", 21, 9)]))) == 1
    more = [line("view", 21, second) for second in range(3)]
    (row,) = [*findings("day_gaps", numbered(lines + more))][:1]
    assert row["subject"] == "2024-03-24", "three of 200 events are more than a hundredth"


def test_weekends_off_are_no_gap() -> None:
    days = [day for day in range(42) if day % 7 < 5]
    lines = numbered(steady(days, a_day=60))
    assert findings("day_gaps", lines) == []
    assert findings("day_gaps", numbered(steady([d for d in days if d != 23], a_day=60))) != []


def test_an_unset_clock_long_ago_makes_no_gap_of_years() -> None:
    lines = _base()
    stray = [dict(lines[0], timestamp="1995-05-05T00:00:00Z", event_id="stray")]
    (row,) = findings("impossible_times", numbered(lines + stray))
    assert (row["subject"], row["events"]) == ("before 2000", 1)
    assert findings("day_gaps", numbered(_base(range(60)) + stray)) == []


def test_hours_without_events_are_found_where_they_are_unusual() -> None:
    lines = steady(range(30), a_day=24 * 30)
    dark = [one for one in lines if not "2024-03-24T10:00" <= one["timestamp"] < "2024-03-24T12:00"]
    (row,) = findings("hour_gaps", numbered(dark))
    assert (row["severity"], row["subject"]) == ("warning", "2024-03-24 10:00")
    assert "2 hours" in row["meaning"]
    assert findings("hour_gaps", numbered(lines)) == []


def test_quiet_nights_are_usual() -> None:
    lines = [one for one in steady(range(30), a_day=24 * 30) if one["timestamp"][11:13] > "05"]
    assert findings("hour_gaps", numbered(lines)) == []


def test_days_are_those_of_the_zone() -> None:
    # Without 24 March in Chatham (UTC+13:45): from 10:15 on the 23rd to 10:15 on the 24th.
    lines = [
        one
        for one in steady(range(40), a_day=96)
        if not "2024-03-23T10:15" <= one["timestamp"] < "2024-03-24T10:15"
    ]
    assert findings("day_gaps", numbered(lines)) == []
    (row,) = findings("day_gaps", numbered(lines), tz="Pacific/Chatham")
    assert row["subject"] == "2024-03-24"


def test_a_short_period_is_compared_with_what_was_usual_before() -> None:
    lines = numbered(_base() + steady(range(37), event="order"))
    with store(lines) as log:
        assert brief(found(log, "stopped_types", last="1d")) == [("error", "order", 37 * 24)]
        assert found(log, "stopped_types", to="2024-04-08") == []
        assert found(log, "new_types", last="1d") == []


def test_a_gap_before_the_period_is_not_told() -> None:
    days = [*range(20), *range(23, 40)]
    with store(numbered(steady(days))) as log:
        assert len(found(log, "day_gaps", from_="2024-03-26")) == 1
        assert found(log, "day_gaps", from_="2024-03-27") == []
