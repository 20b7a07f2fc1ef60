"""Retention against plain loops, by hand, and at the edges of the calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, rows, store, told
from tests.oracles import (
    DAY,
    Event,
    Grain,
    Predicate,
    WeekStart,
    by_person,
    day_start,
    is_any,
    is_type,
    local_day,
    period_of,
)
from tests.oracles import retention as oracle
from tests.oracles.logs import TIME_ZONES, boundary_logs
from tests.oracles.retention import Cell, retention

TYPES = ("a", "b", "c", "x")
BRACKETS = {"0,1-2,3-6": [(0, 0), (1, 2), (3, 6)], "0,2,4-5": [(0, 0), (2, 2), (4, 5)]}
LOGS = worlds.crowds(boundary_logs(event_types=("a", "a", "b"), max_events=10))
MILESTONES = {"week 1": (7, 13), "week 2": (14, 20), "month 1": (28, 34)}
Cells = dict[tuple[date, int], Cell]


def is_start(event: Event) -> bool:
    """Match what `a[properties.k = 'u']` does."""
    return event.event_type == "a" and event.properties["k"] == "u"


STARTS: Mapping[str, tuple[Predicate, Predicate]] = {
    "*": (is_any, is_any),
    "a": (is_type("a"), is_type("a")),
    "a[properties.k = 'u']": (is_start, is_type("a")),
    "a[properties.k = 'u']|b": (lambda e: is_start(e) or e.event_type == "b", is_type("a", "b")),
}
RETURNS: Mapping[str, Predicate] = {"*": is_any, "b": is_type("b"), "a|b": is_type("a", "b")}


@dataclass(frozen=True)
class Question:
    """What is asked, in the words of the options and of the oracle."""

    start: str = "*"
    returning: str = "*"
    cohort: oracle.Cohort = "first"
    kind: oracle.Kind = "bounded"
    clock: oracle.Clock = "calendar"
    every: Grain = "day"
    periods: int = 4
    brackets: str = "0,1-2,3-6"
    tz: str = "UTC"
    week_start: WeekStart = "monday"

    def options(self) -> dict[str, Any]:
        names = ("start", "returning", "cohort", "clock", "every", "tz", "week_start", "periods")
        options: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.kind == "brackets":
            return options | {"brackets": self.brackets}
        return options | {"kind": self.kind}

    def answer(self, log: Iterable[Event], as_of: int) -> Cells:
        start, start_type = STARTS[self.start]
        return retention(
            log, start=start, start_type=start_type, returning=RETURNS[self.returning],
            cohort=self.cohort, kind=self.kind, clock=self.clock, grain=self.every,
            periods=self.periods, brackets=BRACKETS[self.brackets], tz=self.tz,
            week_start=self.week_start, as_of=as_of,
        )  # fmt: skip


QUESTIONS = st.builds(
    Question,
    start=st.sampled_from(list(STARTS)),
    returning=st.sampled_from(list(RETURNS)),
    cohort=st.sampled_from(["first", "first", "first-event", "recurring"]),
    kind=st.sampled_from(["bounded", "unbounded", "brackets"]),
    clock=st.sampled_from(["calendar", "calendar", "rolling"]),
    every=st.sampled_from(["day", "day", "week", "month"]),
    periods=st.sampled_from([0, 2, 7]),
    brackets=st.sampled_from(list(BRACKETS)),
    tz=st.sampled_from(TIME_ZONES),
    week_start=st.sampled_from(["monday", "sunday"]),
)


def label(day: date, every: Grain) -> str:
    return day.isoformat()[:7] if every == "month" else day.isoformat()


def check_cohorts(table: Sequence[Row], cells: Cells, every: Grain) -> None:
    """Check every number of `retention`; cells that have not begun are not there."""
    truth = {(label(day, every), n): cell for (day, n), cell in cells.items() if cell.begun}
    assert [(row["cohort"], row["period"]) for row in table] == sorted(truth)
    for row in table:
        cell = truth[row["cohort"], row["period"]]
        found = (row["retained"], row["cohort_size"], row["complete"])
        assert found == (len(cell.people), cell.cohort_size, cell.complete), row
        check_rate(row, "retention", len(cell.people), cell.cohort_size)


def check_average(table: Sequence[Row], cells: Cells) -> None:
    """Check the pooled average, which counts complete cells alone."""
    complete = {key for key, cell in cells.items() if cell.complete}
    assert [row["period"] for row in table] == sorted({n for _, n in complete})
    for row in table:
        retained, eligible = oracle.average(cells, row["period"])
        assert (row["retained"], row["eligible"]) == (retained, eligible)
        assert row["cohorts"] == sum(n == row["period"] for _, n in complete)
        check_rate(row, "retention", retained, eligible)


def check_milestones(
    table: Sequence[Row], log: Iterable[Event], asked: Question, as_of: int
) -> None:
    """Check the shares of days 7 to 13, 14 to 20 and 28 to 34 after the cohort day."""
    start, start_type = STARTS[asked.start]
    returns = RETURNS[asked.returning]
    truth = dict.fromkeys(MILESTONES, (0, 0))
    anybody = False
    for events in by_person(log).values():
        first = [e for e in events if (start_type if asked.cohort == "first-event" else start)(e)]
        if not first or not start(first[0]):
            continue
        anybody = True
        began = local_day(first[0].ts, asked.tz)
        ages = {(local_day(e.ts, asked.tz) - began).days for e in events if returns(e)}
        for name, (low, high) in MILESTONES.items():
            if day_start(began + timedelta(days=high + 1), asked.tz) <= as_of:
                retained, eligible = truth[name]
                back = any(low <= age <= high for age in ages)
                truth[name] = (retained + back, eligible + 1)
    assert {row["milestone"] for row in table} == (set(truth) if anybody else set())
    for row in table:
        assert (row["retained"], row["eligible"]) == truth[row["milestone"]], row
        check_rate(row, "retention", *truth[row["milestone"]])


def check_segments(table: Sequence[Row], log: Iterable[Event], as_of: int) -> None:
    """Check how long ago people were last seen: up to 7 days, up to 30, longer."""
    counts = {"active": 0, "at risk": 0, "churned": 0}
    for events in by_person(log).values():
        age = as_of - events[-1].ts
        counts["active" if age <= 7 * DAY else "at risk" if age <= 30 * DAY else "churned"] += 1
    everybody = sum(counts.values())
    assert {row["segment"]: row["people"] for row in table} == counts
    for row in table:
        assert row["everybody"] == everybody
        check_rate(row, "share", row["people"], everybody)


# --- by hand ----------------------------------------------------------------------------------

FOUR_PEOPLE = """
2024-01-01T10:00:00Z ann visit country=DE
2024-01-02T10:00:00Z bob visit country=FR
2024-01-08T10:00:00Z ann visit
2024-01-09T10:00:00Z cat visit country=DE
2024-01-14T23:00:00Z cat visit
2024-01-15T10:00:00Z ann visit
2024-01-16T10:00:00Z cat visit
2024-01-17T10:00:00Z dan visit
2024-01-22T10:00:00Z bob visit
2024-01-24T00:00:00Z -   visit
"""
# Weeks from Monday: 1, 8, 15, 22 January. As-of is 24 January: the week of the 22nd is not over.
# Cohort of the 1st: ann, bob. Week 1: ann; week 2: ann; week 3: bob, not over.
# Cohort of the 8th: cat. Week 1 (the 15th): cat; week 2 (the 22nd): nobody, not over.
# Cohort of the 15th: dan. Week 1 is not over.
# Average: week 0: 4 of 4; week 1: ann, cat of ann, bob, cat; week 2: ann of ann, bob.
# Milestones. ann: days 7 and 14; bob: day 20; cat: day 7 (the 16th); dan: none. Days 7 to 13 are
# over for those who began by the 10th (the 24th begins now): ann, bob, cat, 2 of 3 back; days 14
# to 20 for those by the 3rd: ann, bob, both back; days 28 to 34 for nobody.
# Last seen before the 24th: ann 8.6 days ago, bob 1.6, cat 7.6, dan 6.6.


def test_the_golden_triangle() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        result = log.retention(every="week", periods=3)
    names = ("cohort", "period", "cohort_size", "retained", "complete")
    assert [tuple(row[name] for name in names) for row in rows(result)] == [
        ("2024-01-01", 0, 2, 2, True),
        ("2024-01-01", 1, 2, 1, True),
        ("2024-01-01", 2, 2, 1, True),
        ("2024-01-01", 3, 2, 1, False),
        ("2024-01-08", 0, 1, 1, True),
        ("2024-01-08", 1, 1, 1, True),
        ("2024-01-08", 2, 1, 0, False),
        ("2024-01-15", 0, 1, 1, True),
        ("2024-01-15", 1, 1, 0, False),
    ]
    assert any("incomplete" in note for note in result.notes)
    assert any("fewer than 30" in note for note in result.notes)
    assert all(word in result.title for word in ("first", "bounded", "calendar", "week"))


def test_the_golden_average_milestones_and_segments() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        result = log.retention(every="week", periods=3)
    average = rows(result, "average")
    assert [(r["period"], r["retained"], r["eligible"], r["cohorts"]) for r in average] == [
        (0, 4, 4, 3), (1, 2, 3, 2), (2, 1, 2, 1),
    ]  # fmt: skip
    check_rate(average[1], "retention", 2, 3)
    milestones = rows(result, "milestones")
    assert [(r["milestone"], r["days"], r["retained"], r["eligible"]) for r in milestones] == [
        ("week 1", "07-13", 2, 3), ("week 2", "14-20", 2, 2), ("month 1", "28-34", 0, 0),
    ]  # fmt: skip
    segments = rows(result, "segments")
    assert {row["segment"]: row["people"] for row in segments} == {
        "active": 2, "at risk": 2, "churned": 0,
    }  # fmt: skip


def test_a_table_asked_for_alone_is_that_of_the_whole_answer() -> None:
    asked = {"every": "week", "periods": 3}
    with store(told(FOUR_PEOPLE)) as log:
        whole = log.retention(**asked)
        for name in whole.tables:
            alone = log.run("retention", asked, {}, table=name)
            assert rows(alone, name) == rows(whole, name), name


def test_the_golden_breakdown_by_the_country_of_the_first_event() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        table = rows(log.retention(every="week", periods=1, by=["country"]))
    # ann (week of the 1st) and cat (the 8th) began in DE, bob in FR, dan nowhere.
    assert [(r["country"], r["cohort"], r["period"], r["retained"]) for r in table] == [
        ("(total)", "2024-01-01", 0, 2), ("(total)", "2024-01-01", 1, 1),
        ("(total)", "2024-01-08", 0, 1), ("(total)", "2024-01-08", 1, 1),
        ("(total)", "2024-01-15", 0, 1), ("(total)", "2024-01-15", 1, 0),
        ("(none)", "2024-01-15", 0, 1), ("(none)", "2024-01-15", 1, 0),
        ("DE", "2024-01-01", 0, 1), ("DE", "2024-01-01", 1, 1),
        ("DE", "2024-01-08", 0, 1), ("DE", "2024-01-08", 1, 1),
        ("FR", "2024-01-01", 0, 1), ("FR", "2024-01-01", 1, 0),
    ]  # fmt: skip


# --- against the oracle -----------------------------------------------------------------------


@pytest.mark.time
@settings(max_examples=45)
@given(log=LOGS, asked=QUESTIONS, data=st.data())
def test_every_number_is_that_of_the_oracle(
    log: list[Event], asked: Question, data: st.DataObject
) -> None:
    as_of = data.draw(worlds.moments(log, [DAY, 14 * DAY, 40 * DAY], tz=asked.tz))
    seen, now = worlds.until(log, as_of), worlds.now(log, as_of)
    with store(log, knows=TYPES) as opened:
        result = opened.retention(**asked.options(), **worlds.given(as_of=worlds.moment(as_of)))
    cells = asked.answer(seen, now)
    check_cohorts(rows(result), cells, asked.every)
    check_average(rows(result, "average"), cells)
    check_milestones(rows(result, "milestones"), seen, asked, now)
    check_segments(rows(result, "segments"), seen, now)


@settings(max_examples=12)
@given(log=LOGS, clock=st.sampled_from(["calendar", "rolling"]), data=st.data())
def test_a_period_selects_cohorts_and_returns_count_after_it(
    log: list[Event], clock: oracle.Clock, data: st.DataObject
) -> None:
    low, high = data.draw(worlds.moments(log)), data.draw(worlds.moments(log))
    if low is not None and high is not None and low >= high:
        high = low + 1
    asked = Question(clock=clock)
    began = {person: events[0].ts for person, events in by_person(log).items()}
    chosen = [
        event
        for event in log
        if (low is None or began[event.person] >= low)
        and (high is None or began[event.person] < high)
    ]
    period = worlds.given(from_=worlds.moment(low), to=worlds.moment(high))
    with store(log) as opened:
        result = opened.retention(**asked.options(), **period)
    check_cohorts(rows(result), asked.answer(chosen, worlds.now(log, None)), "day")


@settings(max_examples=12)
@given(log=LOGS, top=st.integers(1, 2), kind=st.sampled_from(["bounded", "unbounded"]))
def test_a_breakdown_takes_the_value_of_the_start(
    log: list[Event], top: int, kind: oracle.Kind
) -> None:
    asked = Question(kind=kind, every="week")
    reach = {k: len({e.person for e in log if e.properties["k"] == k}) for k in ("u", "v")}
    shown = sorted((k for k in reach if reach[k]), key=lambda k: (-reach[k], k))[:top]
    groups: dict[str, list[Event]] = {"(total)": list(log)} if log else {}
    for events in by_person(log).values():
        value = events[0].properties["k"]
        groups.setdefault(value if value in shown else "(other)", []).extend(events)
    with store(log) as opened:
        table = rows(opened.retention(**asked.options(), by=["properties.k"], top=top))
    assert {row["properties.k"] for row in table} == set(groups)
    for value, members in groups.items():
        own = [row for row in table if row["properties.k"] == value]
        check_cohorts(own, asked.answer(members, worlds.now(log, None)), "week")


@settings(max_examples=12)
@given(log=LOGS, every=st.sampled_from(["day", "week"]), least=st.integers(2, 3))
def test_a_return_may_need_several_events_in_its_period(
    log: list[Event], every: Grain, least: int
) -> None:
    """Whoever has so many events in a period has a last-but-so-many in it: count only that."""
    asked = Question(every=every)
    places: dict[tuple[str, date], int] = {}
    enough: set[int] = set()
    for event in sorted(log, key=lambda e: (e.ts, e.seq)):
        key = event.person, period_of(event.ts, every, "UTC")
        places[key] = places.get(key, 0) + 1
        if places[key] == least:
            enough.add(event.seq)
    cells = retention(log, returning=lambda e: e.seq in enough, grain=every, periods=asked.periods)
    with store(log) as opened:
        result = opened.retention(**asked.options(), min_occurrences=least)
    check_cohorts(rows(result), cells, every)


@settings(max_examples=8)
@given(log=LOGS, asked=QUESTIONS, data=st.data())
def test_who_lists_the_people_of_a_cell(
    log: list[Event], asked: Question, data: st.DataObject
) -> None:
    cells = asked.answer(log, worlds.now(log, None))
    with store(log, knows=TYPES) as opened:
        if cells:
            day, n = data.draw(st.sampled_from(sorted(cells)))
            cell = f"{label(day, asked.every)}:{n}"
            listed = worlds.people(opened, "retention", cell, **asked.options())
            assert listed == sorted(cells[day, n].people)
        segments = rows(opened.retention(**asked.options()), "segments")
        for row in segments:
            listed = worlds.people(opened, "retention", row["segment"], **asked.options())
            assert len(listed) == row["people"]


@settings(max_examples=8)
@given(log=LOGS, clock=st.sampled_from(["calendar", "rolling"]))
def test_coming_back_later_counts_at_least_as_much_as_coming_back_now(
    log: list[Event], clock: oracle.Clock
) -> None:
    asked = Question(clock=clock)
    with store(log) as opened:
        now = rows(opened.retention(**asked.options()))
        later = rows(opened.retention(**replace(asked, kind="unbounded").options()))
    assert [row["cohort_size"] for row in now] == [row["cohort_size"] for row in later]
    for bounded, unbounded in zip(now, later, strict=True):
        assert bounded["retained"] <= unbounded["retained"] <= unbounded["cohort_size"]
    for row, following in pairwise(later):
        if row["cohort"] == following["cohort"]:
            assert row["retained"] >= following["retained"]


def days_of_24_hours(log: list[Event]) -> dict[tuple[date, int], int]:
    wrong = oracle.wrong_days_by_adding_24_hours(log, tz="Europe/Berlin", periods=4)
    return {key: len(people) for key, people in wrong.items()}


def days_in_utc(log: list[Event]) -> dict[tuple[date, int], int]:
    return {k: len(cell.people) for k, cell in oracle.wrong_days_in_utc(log, periods=4).items()}


@pytest.mark.parametrize("wrong", [days_of_24_hours, days_in_utc])
def test_a_wrong_variant_is_told_from_the_answer(
    wrong: Callable[[list[Event]], dict[tuple[date, int], int]],
) -> None:
    asked = Question(tz="Europe/Berlin")

    def differs(log: list[Event]) -> bool:
        said, now = wrong(log), worlds.now(log, None)
        begun = {key: cell for key, cell in asked.answer(log, now).items() if cell.begun}
        if {key: said.get(key) for key in begun} == {k: len(c.people) for k, c in begun.items()}:
            return False
        with store(log) as opened:
            table = rows(opened.retention(**asked.options()))
        found = {(r["cohort"], r["period"]): r["retained"] for r in table}
        return found != {(day.isoformat(), n): said.get((day, n)) for day, n in begun}

    logs = worlds.crowds(boundary_logs(min_events=5), most=8)
    find(logs, differs, settings=settings(max_examples=450, phases=worlds.UNSHRUNK))


# --- edges, as sentences ----------------------------------------------------------------------


def triangle(log: Any, **options: Any) -> list[tuple[str, int, int]]:
    table = rows(log.retention(**options))
    return [(row["cohort"], row["period"], row["retained"]) for row in table]


def test_an_empty_store_has_no_cohorts() -> None:
    with store(b"") as log:
        result = log.retention()
    assert [rows(result, name) for name in ("retention", "average", "milestones")] == [[]] * 3
    check_segments(rows(result, "segments"), [], 0)


def test_one_event_is_a_cohort_of_one() -> None:
    with store(told("2024-05-01T10:00:00Z ann visit")) as log:
        assert triangle(log, every="day") == [("2024-05-01", 0, 1)]


def test_period_0_is_the_whole_cohort_whatever_counts_as_coming_back() -> None:
    text = "2024-05-01T10:00:00Z ann signup\n2024-05-02T10:00:00Z bob buy"
    with store(told(text)) as log:
        assert triangle(log, every="day", start="signup", returning="buy") == [
            ("2024-05-01", 0, 1), ("2024-05-01", 1, 0),
        ]  # fmt: skip


def test_events_of_nobody_make_no_cohort() -> None:
    text = "2024-05-01T10:00:00Z undefined visit\n2024-05-02T10:00:00Z - visit"
    with store(told(text)) as log:
        result = log.retention(every="day")
    assert rows(result) == []
    assert result.meta["people_read"] == 0


def test_the_first_event_of_a_type_is_the_first_to_arrive_at_its_instant() -> None:
    text = """
    2024-05-01T10:00:00Z ann signup plan=free
    2024-05-01T10:00:00Z ann signup plan=pro
    2024-05-01T10:00:00Z bob signup plan=pro
    2024-05-01T10:00:00Z bob signup plan=free
    """
    start = "signup[properties.plan = 'pro']"
    with store(told(text)) as log:
        first = triangle(log, every="day", start=start)
        strict = worlds.people(
            log, "retention", "2024-05-01:0", every="day", start=start, cohort="first-event"
        )
    assert first == [("2024-05-01", 0, 2)]
    assert strict == ["bob"]


@pytest.mark.time
def test_the_days_of_23_and_25_hours_are_days() -> None:
    text = """
    2024-03-30T23:00:00Z ann visit
    2024-03-31T22:00:00Z ann visit
    2024-10-26T22:00:00Z bob visit
    2024-10-27T22:59:59Z bob visit
    2024-10-27T23:00:00Z cat visit
    """
    # Berlin: 31 March lasts from 23:00 to 22:00 UTC, 27 October from 22:00 to 23:00 UTC.
    with store(told(text)) as log:
        found = triangle(log, every="day", periods=1, tz="Europe/Berlin")
    assert found == [
        ("2024-03-31", 0, 1), ("2024-03-31", 1, 1),
        ("2024-10-27", 0, 1), ("2024-10-27", 1, 0),
        ("2024-10-28", 0, 1),
    ]  # fmt: skip


@pytest.mark.time
def test_a_clock_set_back_over_midnight_makes_no_third_day() -> None:
    with store(told(worlds.MIDNIGHT_TWICE)) as log:
        found = triangle(log, every="day", cohort="recurring", tz="America/St_Johns")
    assert found == [("2006-10-28", 0, 1), ("2006-10-28", 1, 1), ("2006-10-29", 0, 1)]


def test_the_rolling_clock_begins_anew_with_each_person() -> None:
    text = """
    2024-05-01T23:00:00Z        ann visit
    2024-05-02T22:59:59.999999Z ann visit
    2024-05-01T23:00:00Z        bob visit
    2024-05-02T23:00:00Z        bob visit
    """
    with store(told(text)) as log:
        day = {"every": "day", "clock": "rolling"}
        assert worlds.people(log, "retention", "2024-05-01:1", **day) == ["bob"]
        assert worlds.people(log, "retention", "2024-05-01:1", every="day") == ["ann", "bob"]


def test_a_device_is_its_user_before_and_after_the_link() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone    visit
    2024-05-02T10:00:00Z ann~phone login
    2024-05-03T10:00:00Z ~phone    visit
    """
    with store(told(text)) as log:
        assert triangle(log, every="day", start="visit") == [
            ("2024-05-01", 0, 1), ("2024-05-01", 1, 1), ("2024-05-01", 2, 1),
        ]  # fmt: skip
        assert worlds.people(log, "retention", "2024-05-01:2", every="day") == ["ann"]


def test_a_device_with_two_users_is_parted_by_time() -> None:
    text = """
    2024-05-01T10:00:00Z ann~phone login
    2024-05-02T10:00:00Z ~phone    visit
    2024-05-03T10:00:00Z bob~phone login
    2024-05-04T10:00:00Z ~phone    visit
    """
    with store(told(text)) as log:
        assert worlds.people(log, "retention", "2024-05-01:1", every="day") == ["ann"]
        assert worlds.people(log, "retention", "2024-05-03:1", every="day") == ["bob"]


def test_as_of_earlier_than_everything_is_an_empty_answer() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        result = log.retention(as_of="2023-12-31")
    assert rows(result) == []
    check_segments(rows(result, "segments"), [], 0)


def test_as_of_in_the_middle_answers_as_it_would_have_then() -> None:
    then = "\n".join(FOUR_PEOPLE.strip().splitlines()[:5])
    moment = "2024-01-14T23:00:00Z"
    with store(told(FOUR_PEOPLE)) as log, store(told(then)) as earlier:
        for table in ("retention", "average", "milestones", "segments"):
            options = {"every": "week", "as_of": moment}
            assert rows(log.retention(**options), table) == rows(
                earlier.retention(**options), table
            )


def test_where_takes_events_before_anything_is_counted() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        found = triangle(log, every="week", periods=1, where=["country = 'DE'"])
    assert found == [
        ("2024-01-01", 0, 1), ("2024-01-01", 1, 0),
        ("2024-01-08", 0, 1), ("2024-01-08", 1, 0),
    ]  # fmt: skip


def test_incomplete_periods_join_the_average_when_asked() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        result = log.retention(every="week", periods=3, include_incomplete=True)
    average = rows(result, "average")
    # Week 1: ann, cat of ann, bob, cat, dan; week 2: ann of ann, bob, cat; week 3: bob of ann, bob.
    assert [(row["period"], row["retained"], row["eligible"]) for row in average] == [
        (0, 4, 4), (1, 2, 4), (2, 1, 3), (3, 1, 2),
    ]  # fmt: skip


def test_a_bracket_is_named_and_holds_who_came_back_in_any_of_its_periods() -> None:
    with store(told(FOUR_PEOPLE)) as log:
        table = rows(log.retention(every="week", brackets="0,1-3"))
    assert [(row["cohort"], row["bracket"], row["retained"]) for row in table][:2] == [
        ("2024-01-01", "0", 2), ("2024-01-01", "1-3", 2),
    ]  # fmt: skip


def test_the_limits_of_the_segments_are_included() -> None:
    text = """
    2024-05-01T00:00:00Z        ann visit
    2024-05-01T00:00:00.000001Z bob visit
    2024-05-08T00:00:00Z        cat visit
    """
    limits = {"active_within": "6d", "at_risk_within": "7d"}
    with store(told(text)) as log:
        assert worlds.people(log, "retention", "at risk", **limits) == ["ann", "bob"]
        later = {**limits, "as_of": "2024-05-08T00:00:00.000001Z"}
        assert worlds.people(log, "retention", "churned", **later) == ["ann"]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"start": "vist"}, "unknown event type 'vist'", "visit"),
        ({"returning": "vist"}, "unknown event type 'vist'", "visit"),
        ({"brackets": "0,2-1"}, "--brackets must be numbers and spans", "0,1-3,4-7"),
        ({"brackets": "0,1-3,3-5"}, "--brackets must ascend and not overlap", "0,1-3,4-7"),
        ({"brackets": "1-3"}, "--brackets begins with 0", None),
        ({"brackets": "0,1", "kind": "unbounded"}, "contradict each other", None),
        ({"at_risk_within": "1d"}, "--at-risk-within must not be shorter", None),
        ({"who": "2024-01-01"}, "--who must be COHORT:PERIOD or a segment", "2024-03-04:1"),
        ({"who": "2024-01-01:99"}, "--who must be COHORT:PERIOD or a segment", "churned"),
        ({"who": "2024-01-03:1"}, "no cohort begins at '2024-01-03'", "2024-01-01"),
        ({"every": "year"}, "unknown every 'year'", "day"),
        ({"cohort": "frist"}, "unknown cohort 'frist'", "first"),
    ],
)
def test_an_option_that_cannot_be_says_what_it_must_be(
    options: dict[str, Any], message: str, hint: str | None
) -> None:
    with store(told(FOUR_PEOPLE)) as log, pytest.raises(UsageError) as failed:
        log.retention(**options)
    assert message in failed.value.message
    assert hint is None or hint in (failed.value.hint or "")
