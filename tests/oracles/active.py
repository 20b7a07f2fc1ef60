"""How many people are active, how often, and who is new, returning, resurrecting or dormant.

*Definition*: Active on a day over n days: a person with an event on that
local day or one of the n - 1 local days before it. Stickiness of a day: the mean of daily active
people over the `window` local days that end on it, days without events counting 0, divided by the
people active in those days. Lifecycle: see `lifecycle`. Histogram: distinct active periods.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from . import (
    DAY,
    Event,
    Grain,
    Predicate,
    WeekStart,
    day_start,
    is_any,
    later_period,
    local_day,
    period_end,
    period_of,
)


@dataclass(frozen=True)
class Lifecycle:
    """The people of one period, by what the period before and the first ever say of them."""

    new: frozenset[str]
    returning: frozenset[str]
    resurrecting: frozenset[str]
    dormant: frozenset[str]
    complete: bool


def active_people(
    events: Iterable[Event], *, days: int, tz: str = "UTC", counts: Predicate = is_any
) -> dict[date, frozenset[str]]:
    """Return each local day, first to last with an event -> people active in the trailing days."""
    events = [event for event in events if counts(event)]
    result: dict[date, frozenset[str]] = {}
    for day in _labels(events, "day", tz, "monday"):
        window = [day - timedelta(days=back) for back in range(days)]
        result[day] = frozenset(
            event.person for event in events if local_day(event.ts, tz) in window
        )
    return result


def stickiness(
    events: Iterable[Event], *, window: int = 28, tz: str = "UTC", counts: Predicate = is_any
) -> dict[date, Fraction]:
    """Return each local day -> mean daily active people over the window / people in the window."""
    events = list(events)
    daily = active_people(events, days=1, tz=tz, counts=counts)
    in_window = active_people(events, days=window, tz=tz, counts=counts)
    result: dict[date, Fraction] = {}
    for day, people in in_window.items():
        person_days = sum(len(daily.get(day - timedelta(days=back), ())) for back in range(window))
        result[day] = Fraction(person_days, window * len(people))
    return result


def lifecycle(
    events: Iterable[Event],
    *,
    grain: Grain = "day",
    tz: str = "UTC",
    week_start: WeekStart = "monday",
    counts: Predicate = is_any,
    as_of: int | None = None,
) -> dict[date, Lifecycle]:
    """Return each period from the first to the last with an event -> its people.

    New: first ever active. Returning: active before the period in the one next to it, too.
    Resurrecting: active before, but not in the period before. Dormant: active in the period
    before, not in this one. Complete: the period has ended at `as_of`.
    """
    everything = list(events)
    now = max((event.ts for event in everything), default=0) if as_of is None else as_of
    events = [event for event in everything if counts(event)]
    active: dict[date, set[str]] = {}
    for event in events:
        active.setdefault(period_of(event.ts, grain, tz, week_start), set()).add(event.person)
    seen: set[str] = set()
    before: set[str] = set()
    result: dict[date, Lifecycle] = {}
    for label in _labels(events, grain, tz, week_start):
        people = active.get(label, set())
        result[label] = Lifecycle(
            new=frozenset(people - seen),
            returning=frozenset(people & before),
            resurrecting=frozenset((people & seen) - before),
            dormant=frozenset(before - people),
            complete=period_end(label, grain, tz) <= now,
        )
        seen |= people
        before = people
    return result


def active_periods(
    events: Iterable[Event],
    *,
    grain: Grain = "day",
    tz: str = "UTC",
    week_start: WeekStart = "monday",
    counts: Predicate = is_any,
) -> dict[int, set[str]]:
    """Return number of distinct active periods -> the people with that number."""
    periods: dict[str, set[date]] = {}
    for event in events:
        if counts(event):
            label = period_of(event.ts, grain, tz, week_start)
            periods.setdefault(event.person, set()).add(label)
    histogram: dict[int, set[str]] = {}
    for person, labels in sorted(periods.items()):
        histogram.setdefault(len(labels), set()).add(person)
    return dict(sorted(histogram.items()))


def _labels(events: list[Event], grain: Grain, tz: str, week_start: WeekStart) -> list[date]:
    """Return every period from the first to the last with an event, empty ones included."""
    used = [period_of(event.ts, grain, tz, week_start) for event in events]
    labels: list[date] = []
    if used:
        labels.append(min(used))
        while labels[-1] < max(used):
            labels.append(later_period(labels[-1], grain, 1))
    return labels


def wrong_trailing_by_hours(
    events: Iterable[Event], *, days: int, tz: str = "UTC"
) -> dict[date, frozenset[str]]:
    """WRONG on purpose: the trailing days are n x 24 h, so days of 23 and 25 h are missed."""
    events = list(events)
    result: dict[date, frozenset[str]] = {}
    for day in _labels(events, "day", tz, "monday"):
        end = day_start(day + timedelta(days=1), tz)
        result[day] = frozenset(
            event.person for event in events if end - days * DAY <= event.ts < end
        )
    return result


def wrong_new_after_a_pause(
    events: Iterable[Event], *, grain: Grain = "day", tz: str = "UTC"
) -> dict[date, frozenset[str]]:
    """WRONG on purpose: whoever was not active in the period before is new."""
    return {
        label: row.new | row.resurrecting
        for label, row in lifecycle(events, grain=grain, tz=tz).items()
    }
