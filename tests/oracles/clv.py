"""When people bought, in whole days or weeks, counted person by person.

*Definition*: Purchases within one period are one. Ages run from the first period; what is held back
are the last periods, and as long a time before them is what a plain guess goes by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from . import Event, by_person, period_of

DAYS = {"day": 1, "week": 7}


@dataclass
class Customer:
    """The history of one person, in periods; money in minor units, None where it is unknown."""

    repeats: int
    age_at_last: int
    age: int
    mean_value: float | None


def _bought(log: Iterable[Event], unit: Literal["day", "week"], tz: str) -> dict[date, list[Event]]:
    found: dict[date, list[Event]] = {}
    for event in log:
        if event.event_type == "purchase":
            found.setdefault(period_of(event.ts, unit, tz), []).append(event)
    return found


def customers(
    events: Iterable[Event], now: int, unit: Literal["day", "week"], tz: str
) -> dict[str, Customer]:
    """Return everybody with a purchase."""
    today, found = period_of(now, unit, tz), {}
    for person, log in by_person(events).items():
        periods = _bought(log, unit, tz)
        if not periods:
            continue
        first, last, repeats = min(periods), max(periods), len(periods) - 1
        later = [event for period in periods if period != first for event in periods[period]]
        amounts = [event.properties["revenue"] for event in later]
        is_known = bool(repeats) and None not in amounts
        found[person] = Customer(
            repeats,
            (last - first).days // DAYS[unit],
            (today - first).days // DAYS[unit],
            sum(amounts) / repeats if is_known else None,
        )
    return found


def held_out(events: Iterable[Event], now: int, length: int, tz: str) -> tuple[int, int, int]:
    """Return how many bought before the last days, and the days of purchase after and before."""
    today = period_of(now, "day", tz)
    people = actual = before = 0
    for log in by_person(events).values():
        ages = [(today - day).days for day in _bought(log, "day", tz)]
        if ages and max(ages) >= length:
            people += 1
            actual += sum(age < length for age in ages)
            before += sum(length <= age < 2 * length for age in ages)
    return people, actual, before
