"""Brute-force oracles: the definitions in plain loops, slow and obvious, to compare analyses with.

*Units*: every time is whole microseconds since 1970 in UTC; every period is named by the local
date it starts on. Nothing here imports what it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Grain = Literal["day", "week", "month"]
WeekStart = Literal["monday", "sunday"]


@dataclass(frozen=True)
class Event:
    """One logged event; `seq` is the order of arrival and unique within a log."""

    ts: int
    seq: int
    person: str
    event_type: str
    session_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)


Predicate = Callable[[Event], bool]


def is_any(event: Event) -> bool:
    """Match every event."""
    return True


def is_type(*event_types: str) -> Predicate:
    """Match events of the given types."""
    return lambda event: event.event_type in event_types


def position(event: Event) -> tuple[int, int]:
    """Return the place of an event in the one order: time, then arrival."""
    return (event.ts, event.seq)


def by_person(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Return each person's events in the one order, people by name."""
    logs: dict[str, list[Event]] = {}
    for event in sorted(events, key=position):
        logs.setdefault(event.person, []).append(event)
    return dict(sorted(logs.items()))


def instant(text: str) -> int:
    """Return the microseconds of an ISO-8601 time; UTC where no offset is written."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)


def local_day(ts: int, tz: str) -> date:
    """Return the date that a clock in `tz` shows at `ts`."""
    return (EPOCH + timedelta(microseconds=ts)).astimezone(ZoneInfo(tz)).date()


def day_start(day: date, tz: str) -> int:
    """Return the first instant of a local day; where midnight is skipped, the instant after."""
    midnight = datetime.combine(day, time.min, tzinfo=ZoneInfo(tz)).astimezone(UTC)
    return (midnight - EPOCH) // timedelta(microseconds=1)


def period_of(ts: int, grain: Grain, tz: str, week_start: WeekStart = "monday") -> date:
    """Return the first day of the calendar period that holds `ts`."""
    day = local_day(ts, tz)
    if grain == "day":
        return day
    if grain == "month":
        return day.replace(day=1)
    first = 0 if week_start == "monday" else 6
    while day.weekday() != first:
        day -= timedelta(days=1)
    return day


def later_period(period: date, grain: Grain, count: int) -> date:
    """Return the period `count` after `period` (before it, where `count` is negative)."""
    if grain == "day":
        return period + timedelta(days=count)
    if grain == "week":
        return period + timedelta(days=7 * count)
    months = period.year * 12 + period.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def period_end(period: date, grain: Grain, tz: str) -> int:
    """Return the first instant after a calendar period."""
    return day_start(later_period(period, grain, 1), tz)
