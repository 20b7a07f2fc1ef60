"""Durations, instants, half-open periods and calendar grains.

Everything here is plain Python on small values; the same arithmetic on columns is in
``expressions``. Instants are int64 microseconds since 1970 in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.errors import UsageError

_UNIT_SECONDS: Final = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|min|s|m|h|d|w)")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MIN_TS: Final = int((datetime(1900, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * 10**6
MAX_TS: Final = int((datetime(2200, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * 10**6


class Every(StrEnum):
    """A calendar grain."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class WeekStart(StrEnum):
    """First day of the week."""

    MONDAY = "monday"
    SUNDAY = "sunday"


def duration_us(text: str) -> int:
    """Parse ``30m``, ``7d``, ``1h30m`` or ``90s`` into microseconds.

    Raises UsageError when the text is not a duration or is negative.
    """
    compact = text.strip().lower().replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise UsageError(
            f"a duration must be a number and a unit (us, ms, s, m, h, d, w), was {text!r}",
            hint="examples: 30m, 7d, 1h30m",
        )
    total = 0
    for number, unit in parts:
        scale = round(_UNIT_SECONDS[unit] * MICROSECONDS_PER_SECOND)
        total += int(number) * scale if number.isdigit() else round(float(number) * scale)
    if total > MAX_TS:
        raise UsageError(f"a duration must be under 230 years, was {text!r}")
    return total


def duration_text(microseconds: int) -> str:
    """Write a duration the short way: ``30m``, ``1d12h``; the reverse of ``duration_us``."""
    if microseconds == 0:
        return "0s"
    out: list[str] = []
    rest = microseconds
    for unit, scale in (
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1000),
        ("us", 1),
    ):
        count, rest = divmod(rest, scale)
        if count:
            out.append(f"{count}{unit}")
    return "".join(out)


def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of this name.

    Raises UsageError with a suggestion when there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones

        from clickcli.errors import unknown

        raise unknown("time zone", name, available_timezones()) from None


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware datetime, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int, tz: ZoneInfo | timezone = UTC) -> datetime:
    """Return the aware datetime of an instant."""
    return (EPOCH + timedelta(microseconds=microseconds)).astimezone(tz)


def utc(microseconds: int | None) -> datetime | None:
    """Return the datetime of an instant in UTC, None of none."""
    return None if microseconds is None else from_us(microseconds, UTC)


def instant(text: str, tz: ZoneInfo) -> int:
    """Parse a date or time given by the user; without an offset it is local time in ``tz``.

    A bare date is its local midnight. ``now`` is the wall clock.
    """
    stripped = text.strip()
    if stripped == "now":
        return to_us(datetime.now(tz=UTC))
    try:
        moment = datetime.fromisoformat(stripped)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=tz)
        value = to_us(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        raise UsageError(
            f"a time must be a date or an ISO-8601 time, was {text!r}",
            hint="examples: 2024-03-01, 2024-03-01T12:00, 2024-03-01T12:00+02:00",
        ) from None
    if not MIN_TS <= value <= MAX_TS:
        raise UsageError(f"a time must lie between 1900 and 2200, was {text!r}")
    return value


def local_midnight(day: date, tz: ZoneInfo) -> int:
    """Return the instant at which the local day begins."""
    return to_us(datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC))


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span ``[start, end)`` of instants; None is unbounded on that side."""

    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise UsageError(
                f"--to must be later than --from, was {from_us(self.end).isoformat()} "
                f"against {from_us(self.start).isoformat()}"
            )
