"""Active people against plain loops, by hand, and at the edges of the calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.run import Result
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, rows, store, told
from tests.oracles import (
    DAY,
    Event,
    Grain,
    Predicate,
    WeekStart,
    day_start,
    is_any,
    is_type,
    local_day,
    period_end,
    period_of,
)
from tests.oracles import active as oracle
from tests.oracles.logs import TIME_ZONES, boundary_logs

TYPES = ("a", "b")
LOGS = worlds.crowds(boundary_logs(event_types=TYPES, max_events=10), most=3)
EVENTS: dict[str, Predicate] = {
    "*": is_any,
    "a": is_type("a"),
    "a[properties.k = 'u']": lambda e: e.event_type == "a" and e.properties["k"] == "u",
}
STATES = ("new", "returning", "resurrecting", "dormant")
LAST = "(last)"
"""Somebody who comes at as-of, so that the oracle goes on to that day; then taken out again."""


def label(day: date, grain: Grain) -> str:
    return day.isoformat()[:7] if grain == "month" else day.isoformat()


def prolonged(log: Sequence[Event], now: int) -> list[Event]:
    """Return the events and, where there are any, one of somebody else now."""
    return [*log, Event(now, 10**6, LAST, "a")] if log else []


def check_days(
    table: Sequence[Row], log: Sequence[Event], now: int, tz: str, first: date | None = None,
    last: date | None = None,
) -> None:  # fmt: skip
    """Check every number of `active`; days from ``first`` to ``last`` are shown."""
    windows = {
        name: oracle.active_people(prolonged(log, now), days=width, tz=tz)
        for name, width in {"dau": 1, "wau": 7, "mau": 28}.items()
    }
    counts = {
        name: {day: len(people - {LAST}) for day, people in found.items()}
        for name, found in windows.items()
    }
    days = [
        day
        for day in counts["dau"]
        if (first is None or day >= first) and (last is None or day <= last)
    ]
    assert [row["date"] for row in table] == days
    for row in table:
        day = row["date"]
        found = {name: row[name] for name in counts}
        assert found == {name: of_day[day] for name, of_day in counts.items()}, row
        window = [day - timedelta(days=back) for back in range(28)]
        total = sum(counts["dau"].get(each, 0) for each in window)
        assert row["dau_sum"] == total
        monthly = counts["mau"][day]
        expected = Fraction(total, 28 * monthly) if monthly else None
        assert row["stickiness"] == (None if expected is None else pytest.approx(float(expected)))
        assert row["complete"] == (day_start(day + timedelta(days=1), tz) <= now)


def check_lifecycle(
    table: Sequence[Row], log: Sequence[Event], now: int, grain: Grain, tz: str,
    week_start: WeekStart = "monday", first: date | None = None, last: date | None = None,
) -> None:  # fmt: skip
    """Check every number of `lifecycle`, and that its numbers add up."""
    found = oracle.lifecycle(
        prolonged(log, now), grain=grain, tz=tz, week_start=week_start, as_of=now
    )
    truth = {
        day: {state: len(getattr(row, state) - {LAST}) for state in STATES}
        for day, row in found.items()
        if (first is None or day >= first) and (last is None or day <= last)
    }
    assert [row["period"] for row in table] == [label(day, grain) for day in truth]
    for row, (day, states) in zip(table, truth.items(), strict=True):
        assert {state: row[state] for state in STATES} == states, row
        assert row["complete"] == (period_end(day, grain, tz) <= now)
        assert row["active"] == row["new"] + row["returning"] + row["resurrecting"]
    for before, row in pairwise(table):
        assert row["dormant"] == before["active"] - row["returning"]


def check_histogram(table: Sequence[Row], periods: dict[int, set[str]]) -> None:
    """Check every number of `active_days`."""
    everybody = sum(map(len, periods.values()))
    assert {row["periods"]: row["people"] for row in table} == {
        n: len(people) for n, people in periods.items()
    }
    for row in table:
        assert row["everybody"] == everybody
        check_rate(row, "share", row["people"], everybody)


# --- by hand ----------------------------------------------------------------------------------

THREE_PEOPLE = """
2024-02-26T10:00:00Z ann visit country=DE
2024-02-26T23:59:59Z ann visit
2024-02-27T10:00:00Z bob visit country=FR
2024-02-28T00:00:00Z ann visit
2024-03-04T10:00:00Z cat visit country=DE
2024-03-04T11:00:00Z ann visit country=DE
2024-03-06T12:00:00Z bob visit
2024-03-06T12:00:00Z -   visit
"""
# day     26 27 28 29  1  2  3  4  5  6   (2024 is a leap year)
# dau      1  1  1  0  0  0  0  2  0  1
# wau      1  2  2  2  2  2  2  3  2  3
#          on the 4th the window starts on 27 February: ann, bob, cat; on the 5th on the 28th:
#          ann, cat; on the 6th: ann, bob, cat
# mau      1  2  2  2  2  2  2  3  3  3
# Sum of dau until 6 March: 6; stickiness on it: (6 / 28) / 3 = 1/14.
# Weeks: of 26 February ann, bob new; of 4 March cat new, ann, bob returning, not over.
# Distinct days: ann 3, bob 2, cat 1.


def test_the_golden_days() -> None:
    with store(told(THREE_PEOPLE)) as log:
        result = log.active()
    table = rows(result)
    assert [row["date"] for row in table][::9] == [date(2024, 2, 26), date(2024, 3, 6)]
    assert [row["dau"] for row in table] == [1, 1, 1, 0, 0, 0, 0, 2, 0, 1]
    assert [row["wau"] for row in table] == [1, 2, 2, 2, 2, 2, 2, 3, 2, 3]
    assert [row["mau"] for row in table] == [1, 2, 2, 2, 2, 2, 2, 3, 3, 3]
    assert table[-1]["stickiness"] == pytest.approx(1 / 14)
    assert [row["complete"] for row in table] == [True] * 9 + [False]
    assert any("not over" in note for note in result.notes)


def test_the_golden_lifecycle_and_histogram() -> None:
    with store(told(THREE_PEOPLE)) as log:
        week, day = log.active(every="week"), log.active(every="day")
    names = ("period", "active", *STATES, "complete")
    assert [tuple(row[name] for name in names) for row in rows(week, "lifecycle")] == [
        ("2024-02-26", 2, 2, 0, 0, 0, True),
        ("2024-03-04", 3, 1, 2, 0, 0, False),
    ]
    assert [tuple(row[name] for name in names) for row in rows(day, "lifecycle")] == [
        ("2024-02-26", 1, 1, 0, 0, 0, True),
        ("2024-02-27", 1, 1, 0, 0, 1, True),
        ("2024-02-28", 1, 0, 0, 1, 1, True),
        ("2024-02-29", 0, 0, 0, 0, 1, True),
        ("2024-03-01", 0, 0, 0, 0, 0, True),
        ("2024-03-02", 0, 0, 0, 0, 0, True),
        ("2024-03-03", 0, 0, 0, 0, 0, True),
        ("2024-03-04", 2, 1, 0, 1, 0, True),
        ("2024-03-05", 0, 0, 0, 0, 2, True),
        ("2024-03-06", 1, 0, 0, 1, 0, False),
    ]
    check_histogram(rows(day, "active_days"), {1: {"cat"}, 2: {"bob"}, 3: {"ann"}})
    check_histogram(rows(week, "active_days"), {1: {"cat"}, 2: {"ann", "bob"}})


def adopted(result: Result, by: str) -> list[tuple[Any, ...]]:
    names = (by, "period", "adopted", "active", "complete")
    return [tuple(row[name] for name in names) for row in rows(result, "adoption")]


FEATURES = """
2024-02-26T10:00:00Z ann visit
2024-02-26T10:00:01Z ann like
2024-02-27T10:00:00Z bob visit
2024-03-04T10:00:00Z cat like
2024-03-04T11:00:00Z ann visit
2024-03-04T12:00:00Z -   like
"""
# Week of 26 February: ann and bob; visit both, like ann. Of 4 March: ann and cat; visit ann, like
# cat, and an event of nobody.


def test_the_golden_adoption_of_event_types() -> None:
    with store(told(FEATURES)) as log:
        result, without = log.active(by="event_type"), log.active()
    assert adopted(result, "event_type") == [
        ("(total)", "2024-02-26", 2, 2, True),
        ("(total)", "2024-03-04", 2, 2, False),
        ("like", "2024-02-26", 1, 2, True),
        ("like", "2024-03-04", 1, 2, False),
        ("visit", "2024-02-26", 2, 2, True),
        ("visit", "2024-03-04", 1, 2, False),
    ]
    for row in rows(result, "adoption"):
        check_rate(row, "adoption", row["adopted"], row["active"])
    assert rows(without, "adoption") == []


def test_adoption_of_the_values_of_two_columns_is_of_all_active_people() -> None:
    with store(told(THREE_PEOPLE)) as log:
        found = rows(log.active(by=["event_type", "country"], every="month"), "adoption")
    assert [(r["event_type"], r["country"], r["period"], r["adopted"], r["active"]) for r in found
            if r["country"] == "DE"] == [
        ("visit", "DE", "2024-02", 1, 2), ("visit", "DE", "2024-03", 2, 3),
    ]  # fmt: skip


@settings(max_examples=15)
@given(
    log=LOGS,
    every=st.sampled_from(["day", "week", "month"]),
    tz=st.sampled_from(TIME_ZONES),
    data=st.data(),
)
def test_adoption_is_that_of_the_oracle(
    log: list[Event], every: Grain, tz: str, data: st.DataObject
) -> None:
    as_of = data.draw(worlds.moments(log, [DAY, 14 * DAY], tz=tz))
    seen = worlds.until(log, as_of)
    with store(log) as opened:
        result = opened.active(
            by="event_type", every=every, tz=tz, **worlds.given(as_of=worlds.moment(as_of))
        )
    people: dict[tuple[str, str], set[str]] = {}
    for event in seen:
        period = label(period_of(event.ts, every, tz), every)
        for value in (event.event_type, "(total)"):
            people.setdefault((value, period), set()).add(event.person)
    found = {(row["event_type"], row["period"]): row for row in rows(result, "adoption")}
    assert people.keys() <= found.keys()
    for (value, period), row in found.items():
        own = len(people.get((value, period), ()))
        everybody = len(people.get(("(total)", period), ()))
        assert (row["adopted"], row["active"]) == (own, everybody)
        check_rate(row, "adoption", own, everybody)
    active = {(r["event_type"], r["period"]): r["active"] for r in rows(result, "lifecycle")}
    assert {key: row["adopted"] for key, row in found.items()} == active


# --- against the oracle -----------------------------------------------------------------------


@pytest.mark.time
@settings(max_examples=40)
@given(
    log=LOGS,
    event=st.sampled_from(list(EVENTS)),
    every=st.sampled_from(["day", "week", "month"]),
    tz=st.sampled_from(TIME_ZONES),
    week_start=st.sampled_from(["monday", "sunday"]),
    data=st.data(),
)
def test_every_number_is_that_of_the_oracle(
    log: list[Event], event: str, every: Grain, tz: str, week_start: WeekStart,
    data: st.DataObject,
) -> None:  # fmt: skip
    as_of = data.draw(worlds.moments(log, [DAY, 14 * DAY, 30 * DAY], tz=tz))
    seen = [e for e in worlds.until(log, as_of) if EVENTS[event](e)]
    now = worlds.now(log, as_of)
    with store(log, knows=TYPES) as opened:
        result = opened.active(
            event=event, every=every, tz=tz, week_start=week_start,
            **worlds.given(as_of=worlds.moment(as_of)),
        )  # fmt: skip
    check_days(rows(result), seen, now, tz)
    check_lifecycle(rows(result, "lifecycle"), seen, now, every, tz, week_start)
    periods = oracle.active_periods(seen, grain=every, tz=tz, week_start=week_start)
    check_histogram(rows(result, "active_days"), periods)


@settings(max_examples=15)
@given(log=LOGS, every=st.sampled_from(["day", "week", "month"]), data=st.data())
def test_a_period_shows_a_part_and_history_before_it_counts(
    log: list[Event], every: Grain, data: st.DataObject
) -> None:
    low, high = data.draw(worlds.moments(log)), data.draw(worlds.moments(log))
    if low is not None and high is not None and low >= high:
        high = low + 1
    period = worlds.given(from_=worlds.moment(low), to=worlds.moment(high))
    with store(log) as opened:
        result = opened.active(every=every, **period)
    now = worlds.now(log, None)

    def bounds(grain: Grain) -> tuple[date | None, date | None]:
        return (
            None if low is None else period_of(low, grain, "UTC"),
            None if high is None else period_of(high - 1, grain, "UTC"),
        )

    check_days(rows(result), log, now, "UTC", *bounds("day"))
    first, last = bounds(every)
    check_lifecycle(rows(result, "lifecycle"), log, now, every, "UTC", first=first, last=last)
    inside = [
        event
        for event in log
        if (first is None or period_of(event.ts, every, "UTC") >= first)
        and (last is None or period_of(event.ts, every, "UTC") <= last)
    ]
    check_histogram(rows(result, "active_days"), oracle.active_periods(inside, grain=every))


@settings(max_examples=12)
@given(log=LOGS, top=st.integers(1, 2))
def test_a_breakdown_counts_the_events_with_its_value(log: list[Event], top: int) -> None:
    """A value's people are those with such events; days before its first one count nobody."""
    reach = {k: len({e.person for e in log if e.properties["k"] == k}) for k in ("u", "v")}
    shown = sorted((k for k in reach if reach[k]), key=lambda k: (-reach[k], k))[:top]
    groups: dict[str, list[Event]] = {"(total)": list(log)} if log else {}
    for event in log:
        value = event.properties["k"]
        groups.setdefault(value if value in shown else "(other)", []).append(event)
    with store(log) as opened:
        result = opened.active(every="week", by=["properties.k"], top=top)
    assert {row["properties.k"] for row in rows(result)} == set(groups)
    for value, events in groups.items():
        begins = min(local_day(event.ts, "UTC") for event in events)
        week = period_of(min(event.ts for event in events), "week", "UTC").isoformat()
        own = {
            table: [row for row in rows(result, table) if row["properties.k"] == value]
            for table in result.tables
        }
        assert {row["mau"] for row in own["active"] if row["date"] < begins} <= {0}
        now = worlds.now(log, None)
        check_days([row for row in own["active"] if row["date"] >= begins], events, now, "UTC")
        check_lifecycle(
            [row for row in own["lifecycle"] if row["period"] >= week], events, now, "week", "UTC"
        )
        check_histogram(own["active_days"], oracle.active_periods(events, grain="week"))


@settings(max_examples=8)
@given(log=LOGS, every=st.sampled_from(["day", "week", "month"]), data=st.data())
def test_who_lists_the_people_of_every_cell(
    log: list[Event], every: Grain, data: st.DataObject
) -> None:
    if not log:
        return
    at = data.draw(st.sampled_from(log)).ts
    day, period = local_day(at, "UTC"), period_of(at, every, "UTC")
    with store(log) as opened:
        for name, width in {"dau": 1, "wau": 7, "mau": 28}.items():
            listed = worlds.people(opened, "active", f"{name}:{day}", every=every)
            assert listed == sorted(oracle.active_people(log, days=width)[day])
        states = oracle.lifecycle(log, grain=every)[period]
        for state in STATES:
            listed = worlds.people(opened, "active", f"{state}:{day}", every=every)
            assert listed == sorted(getattr(states, state)), state
        listed = worlds.people(opened, "active", f"active:{day}", every=every)
        assert listed == sorted(states.new | states.returning | states.resurrecting)


def hours_for_days(log: list[Event]) -> dict[date, int]:
    wrong = oracle.wrong_trailing_by_hours(log, days=7, tz="Europe/Berlin")
    return {day: len(people) for day, people in wrong.items()}


def new_after_a_pause(log: list[Event]) -> dict[date, int]:
    wrong = oracle.wrong_new_after_a_pause(log, tz="Europe/Berlin")
    return {day: len(people) for day, people in wrong.items()}


@pytest.mark.parametrize(
    ("wrong", "table", "name"),
    [(hours_for_days, "active", "wau"), (new_after_a_pause, "lifecycle", "new")],
)
def test_a_wrong_variant_is_told_from_the_answer(
    wrong: Callable[[list[Event]], dict[date, int]], table: str, name: str
) -> None:
    berlin = "Europe/Berlin"

    def differs(log: list[Event]) -> bool:
        weekly = oracle.active_people(log, days=7, tz=berlin)
        states = oracle.lifecycle(log, tz=berlin)
        right = {
            "wau": {day: len(people) for day, people in weekly.items()},
            "new": {day: len(row.new) for day, row in states.items()},
        }
        if wrong(log) == right[name]:
            return False
        with store(log) as opened:
            found = rows(opened.active(every="day", tz=berlin), table)
        return [row[name] for row in found] != list(wrong(log).values())

    logs = worlds.crowds(boundary_logs(min_events=4), most=3)
    find(logs, differs, settings=settings(max_examples=1000, phases=worlds.UNSHRUNK))


# --- edges, as sentences ----------------------------------------------------------------------


def column(log: Any, name: str, table: str = "active", **options: Any) -> list[Any]:
    return [row[name] for row in rows(log.active(**options), table)]


def test_an_empty_store_has_no_days() -> None:
    with store(b"") as log:
        result = log.active()
    assert [rows(result, name) for name in result.tables] == [[]] * 4
    assert result.notes == ()


def test_one_event_is_one_day_of_one_new_person() -> None:
    with store(told("2024-05-01T10:00:00Z ann visit")) as log:
        assert column(log, "dau") == [1]
        assert column(log, "new", "lifecycle") == [1]
        assert column(log, "stickiness") == [pytest.approx(1 / 28)]


def test_events_of_nobody_make_nobody_active() -> None:
    text = "2024-05-01T10:00:00Z null visit\n2024-05-01T11:00:00Z - visit"
    with store(told(text)) as log:
        assert column(log, "dau") == []


def test_a_day_on_which_only_nobody_came_is_a_day_of_nobody() -> None:
    text = "2024-05-01T10:00:00Z ann visit\n2024-05-02T11:00:00Z - visit"
    with store(told(text)) as log:
        assert column(log, "dau") == [1, 0]


def test_two_events_at_one_instant_are_one_active_day() -> None:
    text = "2024-05-01T10:00:00Z ann visit\n2024-05-01T10:00:00Z ann visit"
    with store(told(text)) as log:
        assert column(log, "dau") == [1]
        assert column(log, "people", "active_days") == [1]


@pytest.mark.time
def test_the_days_of_23_and_25_hours_are_one_day_each() -> None:
    text = """
    2024-03-30T23:00:00Z ann visit
    2024-03-31T21:59:59Z bob visit
    2024-03-31T22:00:00Z cat visit
    2024-10-26T22:00:00Z ann visit
    2024-10-27T22:59:59Z bob visit
    2024-10-27T23:00:00Z cat visit
    """
    # Berlin: 31 March lasts from 23:00 to 22:00 UTC, 27 October from 22:00 to 23:00 UTC.
    with store(told(text)) as log:
        table = rows(log.active(tz="Europe/Berlin", event="visit"))
    found = {row["date"]: row["dau"] for row in table if row["dau"]}
    assert found == {
        date(2024, 3, 31): 2, date(2024, 4, 1): 1, date(2024, 10, 27): 2, date(2024, 10, 28): 1,
    }  # fmt: skip


@pytest.mark.time
def test_a_clock_set_back_over_midnight_makes_no_third_day() -> None:
    with store(told(worlds.MIDNIGHT_TWICE)) as log:
        asked = {"every": "day", "tz": "America/St_Johns"}
        assert column(log, "dau", **asked) == [1, 1]
        assert column(log, "periods", "active_days", **asked) == [2]


def test_a_person_leaves_the_week_with_the_eighth_day_and_the_month_with_the_29th() -> None:
    text = "2024-05-01T10:00:00Z ann visit\n2024-05-30T00:00:00Z - visit"
    with store(told(text)) as log:
        assert column(log, "wau") == [1] * 7 + [0] * 23
        assert column(log, "mau") == [1] * 28 + [0] * 2
        assert column(log, "stickiness")[-2:] == [None, None]


def test_a_device_is_its_user_before_and_after_the_link() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone    visit
    2024-05-02T10:00:00Z ann~phone login
    2024-05-03T10:00:00Z ~phone    visit
    """
    with store(told(text)) as log:
        assert column(log, "mau") == [1, 1, 1]
        assert worlds.people(log, "active", "dau:2024-05-01") == ["ann"]


def test_a_device_with_two_users_is_parted_by_time() -> None:
    text = """
    2024-05-01T10:00:00Z ann~phone login
    2024-05-02T10:00:00Z ~phone    visit
    2024-05-03T10:00:00Z bob~phone login
    2024-05-04T10:00:00Z ~phone    visit
    """
    with store(told(text)) as log:
        listed = [worlds.people(log, "active", f"dau:2024-05-0{day}") for day in range(1, 5)]
    assert listed == [["ann"], ["ann"], ["bob"], ["bob"]]


def test_a_device_named_like_a_user_is_listed_beside_the_user() -> None:
    text = "2024-05-01T10:00:00Z ann visit\n2024-05-01T10:05:00Z ~ann visit"
    with store(told(text)) as log:
        (active,) = column(log, "dau")
        assert len(worlds.people(log, "active", "dau:2024-05-01")) == active == 2


def test_as_of_earlier_than_everything_is_an_empty_answer() -> None:
    with store(told(THREE_PEOPLE)) as log:
        result = log.active(as_of="2024-02-01")
    assert [rows(result, name) for name in result.tables] == [[]] * 4


def test_as_of_in_the_middle_answers_as_it_would_have_then() -> None:
    then = "\n".join(THREE_PEOPLE.strip().splitlines()[:4])
    with store(told(THREE_PEOPLE)) as log, store(told(then)) as earlier:
        options: dict[str, Any] = {"every": "week", "as_of": "2024-02-28"}
        now, before = log.active(**options), earlier.active(**options)
    assert [rows(now, name) for name in now.tables] == [rows(before, name) for name in now.tables]


def test_where_takes_events_before_anybody_is_new() -> None:
    with store(told(THREE_PEOPLE)) as log:
        lifecycle = rows(log.active(every="week", where=["country = 'DE'"]), "lifecycle")
    assert [(row["new"], row["returning"]) for row in lifecycle] == [(1, 0), (1, 1)]


def test_the_last_days_end_at_as_of_and_may_begin_within_a_day() -> None:
    with store(told(THREE_PEOPLE)) as log:
        assert column(log, "date", last="3d") == [date(2024, 3, day) for day in (3, 4, 5, 6)]


def test_hours_have_a_lifecycle_too() -> None:
    text = """
    2024-05-01T10:59:59Z ann visit
    2024-05-01T11:00:00Z ann visit
    2024-05-01T13:00:00Z ann visit
    """
    with store(told(text)) as log:
        lifecycle = rows(log.active(every="hour"), "lifecycle")
        assert worlds.people(log, "active", "resurrecting:2024-05-01T13:00", every="hour") == [
            "ann"
        ]
    assert [(row["period"], row["new"], row["returning"], row["dormant"]) for row in lifecycle] == [
        ("2024-05-01T10", 1, 0, 0),
        ("2024-05-01T11", 0, 1, 0),
        ("2024-05-01T12", 0, 0, 1),
        ("2024-05-01T13", 0, 0, 0),
    ]


@pytest.mark.time
def test_the_hour_that_is_missing_is_no_pause_and_the_hour_that_comes_twice_is_two() -> None:
    text = """
    2024-03-31T00:59:59Z ann visit
    2024-03-31T01:00:00Z ann visit
    2024-10-27T00:30:00Z bob visit
    2024-10-27T01:30:00Z bob visit
    """
    # Berlin: 00:59:59 UTC is 01:59:59, a second later it is 03:00; in October 02:30 comes twice.
    options: dict[str, Any] = {"every": "hour", "tz": "Europe/Berlin"}
    with store(told(text)) as log:
        result = log.active(**options)
        cells = [f"active:{hour}" for hour in ("2024-03-31T01:00", "2024-03-31T03:00")]
        listed = [worlds.people(log, "active", cell, **options) for cell in cells]
    assert listed == [["ann"], ["ann"]]
    check_histogram(rows(result, "active_days"), {2: {"ann", "bob"}})
    states = {row["period"]: row for row in rows(result, "lifecycle")}
    assert "2024-03-31T02" not in states
    assert states["2024-03-31T03"]["returning"] == 1
    assert states["2024-10-27T02+01:00"]["returning"] == 1
    assert states["2024-10-27T02"]["complete"]
    assert not states["2024-10-27T02+01:00"]["complete"]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"event": "vist"}, "unknown event type 'vist'", "visit"),
        ({"event": "visit["}, "has a filter that is not closed", "examples"),
        ({"every": "fortnight"}, "unknown every 'fortnight'", "week"),
        ({"who": "lost:2024-03-04"}, "--who must be dau, wau, mau", "returning:2024-03-04"),
        ({"who": "new"}, "--who must be dau, wau, mau", "returning:2024-03-04"),
        ({"who": "new:soon"}, "a time must be a date", "2024-03-01"),
        ({"where": ["country ="]}, "the filter", None),
        ({"where": ["contry = 'DE'"]}, "unknown column 'contry'", "country"),
        ({"by": ["contry"]}, "unknown column 'contry'", "country"),
        ({"as_of": "soon"}, "a time must be a date", "2024-03-01"),
        ({"evry": "day"}, "unknown option 'evry'", "every"),
    ],
)
def test_an_option_that_cannot_be_says_what_it_must_be(
    options: dict[str, Any], message: str, hint: str | None
) -> None:
    with store(told(THREE_PEOPLE)) as log, pytest.raises(UsageError) as failed:
        log.active(**options)
    assert message in failed.value.message
    assert hint is None or hint in (failed.value.hint or "")
