"""Of the people who started in a period, who came back n periods later.

*Definition*: A person's cohort is the calendar period of their first
start event (`first`), of their first event of the start's type if that event is itself a start
(`first-event`), or every period with a start event (`recurring`; the clock then starts at the
first start event of that period).

Period of a return event: calendar periods after the cohort's (`calendar`), or whole multiples of
24 h (day), 7 x 24 h (week), 30 x 24 h (month) after the person's own start event (`rolling`).

Cell n holds the people with a return event in period n (`bounded`), in n or later (`unbounded`),
or in any period of the bracket that begins at n (`brackets`). Period 0, and a bracket that begins
there, hold the whole cohort.

A cell is complete when its last period has ended at `as_of`; on the rolling clock, when it has
ended for the last person who could belong to the cohort.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Literal

from . import (
    DAY,
    Event,
    Grain,
    Predicate,
    WeekStart,
    by_person,
    day_start,
    is_any,
    later_period,
    local_day,
    period_end,
    period_of,
)

Cohort = Literal["first", "first-event", "recurring"]
Kind = Literal["bounded", "unbounded", "brackets"]
Clock = Literal["calendar", "rolling"]
ROLLING_US = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY}


@dataclass(frozen=True)
class Cell:
    """The people of one cohort who came back in one period; `begun` tells if it began by as_of."""

    people: frozenset[str]
    cohort_size: int
    complete: bool
    begun: bool


def retention(
    events: Iterable[Event],
    *,
    start: Predicate = is_any,
    returning: Predicate = is_any,
    start_type: Predicate = is_any,
    cohort: Cohort = "first",
    kind: Kind = "bounded",
    clock: Clock = "calendar",
    grain: Grain = "day",
    periods: int = 7,
    brackets: Sequence[tuple[int, int]] = (),
    tz: str = "UTC",
    week_start: WeekStart = "monday",
    as_of: int | None = None,
) -> dict[tuple[date, int], Cell]:
    """Return (cohort, n) -> cell for n = 0 to `periods`, or for each bracket by its first period.

    `start_type` is used by `cohort="first-event"` only; brackets are (first, last), both inside.
    """
    events = list(events)
    logs = by_person(events)
    now = max((event.ts for event in events), default=0) if as_of is None else as_of
    started: dict[date, dict[str, int]] = {}
    for person, log in logs.items():
        for event in _starts(log, cohort, start, start_type):
            period = period_of(event.ts, grain, tz, week_start)
            started.setdefault(period, {}).setdefault(person, event.ts)
    spans = list(brackets) if kind == "brackets" else [(n, n) for n in range(periods + 1)]
    cells: dict[tuple[date, int], Cell] = {}
    for label, members in sorted(started.items()):
        for first, last in spans:
            people = set(members) if first == 0 else set()
            for person, started_at in members.items():
                for event in logs[person]:
                    if not returning(event):
                        continue
                    if clock == "calendar":
                        period = period_of(event.ts, grain, tz, week_start)
                        n = _periods_between(label, period, grain)
                    else:
                        n = (event.ts - started_at) // ROLLING_US[grain]
                    if first <= n <= (inf if kind == "unbounded" else last):
                        people.add(person)
            begin, end = _span(label, first, last, clock, grain, tz)
            cells[label, first] = Cell(frozenset(people), len(members), end <= now, begin <= now)
    return cells


def sizes(cells: dict[tuple[date, int], Cell]) -> dict[date, list[int]]:
    """Return cohort -> number of people in each period, as a table shows it."""
    rows: dict[date, list[int]] = {}
    for (label, _), cell in sorted(cells.items()):
        rows.setdefault(label, []).append(len(cell.people))
    return rows


def average(cells: dict[tuple[date, int], Cell], n: int) -> tuple[int, int]:
    """Return retained and eligible people of period n, pooled over complete cells."""
    complete = [cell for (_, m), cell in cells.items() if m == n and cell.complete]
    return sum(len(cell.people) for cell in complete), sum(cell.cohort_size for cell in complete)


def _starts(
    log: list[Event], cohort: Cohort, start: Predicate, start_type: Predicate
) -> list[Event]:
    """Return the start events of one person that make a cohort."""
    if cohort == "first-event":
        first_of_type = [event for event in log if start_type(event)][:1]
        return [event for event in first_of_type if start(event)]
    matching = [event for event in log if start(event)]
    return matching if cohort == "recurring" else matching[:1]


def _periods_between(earlier: date, later: date, grain: Grain) -> int:
    """Count the steps from one calendar period to another; -1 where `later` comes first."""
    if later < earlier:
        return -1
    n = 0
    while later_period(earlier, grain, n) < later:
        n += 1
    return n


def _span(
    label: date, first: int, last: int, clock: Clock, grain: Grain, tz: str
) -> tuple[int, int]:
    """Return when the periods first to last of a cohort begin and have ended."""
    if clock == "rolling":
        length = ROLLING_US[grain]
        begin = day_start(label, tz) + first * length
        return begin, period_end(label, grain, tz) + (last + 1) * length
    return day_start(later_period(label, grain, first), tz), period_end(
        later_period(label, grain, last), grain, tz
    )


def wrong_days_by_adding_24_hours(
    events: Iterable[Event], *, tz: str, periods: int = 7
) -> dict[tuple[date, int], frozenset[str]]:
    """WRONG on purpose, for bounded daily retention by first event: every day lasts 24 h."""
    people: dict[tuple[date, int], set[str]] = {}
    for person, log in by_person(events).items():
        label = local_day(log[0].ts, tz)
        for n in range(periods + 1):
            begin = day_start(label, tz) + n * DAY
            cell = people.setdefault((label, n), set())
            if n == 0 or any(begin <= event.ts < begin + DAY for event in log):
                cell.add(person)
    return {key: frozenset(cell) for key, cell in people.items()}


def wrong_days_in_utc(events: Iterable[Event], *, periods: int = 7) -> dict[tuple[date, int], Cell]:
    """WRONG on purpose, where a time zone is asked: days are those of UTC."""
    return retention(events, periods=periods, tz="UTC")
