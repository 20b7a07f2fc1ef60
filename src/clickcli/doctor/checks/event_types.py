"""Event types that stopped, paused or appeared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial
from math import log
from typing import TYPE_CHECKING, Final, Literal

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.doctor.calendar import DAILY, Days, midnight
from clickcli.doctor.check import Check, Finding, Found, Severity, counted
from clickcli.doctor.silences import Silence, silences
from clickcli.units import from_us

if TYPE_CHECKING:
    from clickcli.doctor.evidence import Evidence

Place = Literal["start", "middle", "end"]
"""Where a silence lies in the log."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a silence is no chance, and when a type is so old that its end is no plan."""

    odds: float = 1e9
    settled_days: int = 56


@dataclass(frozen=True, slots=True)
class _Type:
    """An event type in the days looked at: its silences, and when it was first and last seen."""

    name: str
    events: int
    first: int
    last: int
    quiet: dict[Place, list[tuple[Silence, date, date]]]


@lru_cache(maxsize=1)
def _types(evidence: Evidence, limits: Limits) -> tuple[_Type, ...]:
    """Return the types with an unlikely silence on days when the log itself is alive."""
    import polars as pl

    days = Days.of(evidence)
    alive = days.open_days(days.gaps(limits.odds))
    slots = days.weekdays[alive]
    frame = evidence.days
    silent = []
    enough = pl.col("events").sum().over("event_type") > log(limits.odds)
    for (name,), rows in frame.filter(enough).group_by("event_type", maintain_order=True):
        found = silences(days.of_type(rows, alive), slots, DAILY, limits.odds)
        quiet: dict[Place, list[tuple[Silence, date, date]]] = {}
        last_day = days.day(days.number - 1)
        is_seen_since = rows.filter(pl.col("day") > last_day).height > 0
        for one in found:
            place: Place = "middle"
            if one.start == 0 and rows["day"].min() >= days.first:  # type: ignore[operator]
                place = "start"
            elif one.end == len(alive) and not is_seen_since:
                place = "end"
            ends = days.day(int(alive[one.start])), days.day(int(alive[one.end - 1]))
            quiet.setdefault(place, []).append((one, *ends))
        if quiet:
            events, first, last = rows.select(
                pl.col("events").sum(), pl.col("first").min(), pl.col("last").max()
            ).row(0)
            silent.append(_Type(str(name), events, first, last, quiet))
    return tuple(silent)


def _is_within(evidence: Evidence, last: date) -> bool:
    """Return whether a silence that ends with a day reaches into the period."""
    start = evidence.period.start
    return start is None or midnight(evidence, last + timedelta(days=1)) > start


def _rate(silence: Silence) -> str:
    usual = silence.usual / (silence.end - silence.start)
    return f"{usual:,.0f}" if usual >= 10 else f"{usual:.1f}"


def _stopped(evidence: Evidence, limits: Limits) -> Iterator[Finding]:
    for one in _types(evidence, limits):
        for silence, _, _ in one.quiet.get("end", []):
            lived = (one.last - one.first) / MICROSECONDS_PER_DAY
            is_settled = "start" not in one.quiet or lived >= limits.settled_days
            day = from_us(one.last, evidence.tz).date()
            meaning = f"none since {day}, where {_rate(silence)} a day were usual: " + (
                "was the tracking lost?" if is_settled else "it ran for a time only"
            )
            severity = Severity.ERROR if is_settled else Severity.INFO
            yield Finding(severity, one.name, one.events, None, meaning, one.first, one.last)


def _paused(evidence: Evidence, limits: Limits) -> Iterator[Finding]:
    for one in _types(evidence, limits):
        quiet = [found for found in one.quiet.get("middle", []) if _is_within(evidence, found[2])]
        if not quiet:
            continue
        days = sum(silence.end - silence.start for silence, _, _ in quiet)
        silence, first, last = max(quiet, key=lambda found: found[0].usual)
        meaning = (
            f"none for {counted(days, 'day')}, {first} to {last} above all, where "
            f"{_rate(silence)} a day were usual"
        )
        start, end = midnight(evidence, quiet[0][1]), midnight(evidence, quiet[-1][2])
        yield Finding(Severity.WARNING, one.name, one.events, None, meaning, start, end)


def _appeared(evidence: Evidence, limits: Limits) -> Iterator[Finding]:
    for one in _types(evidence, limits):
        if "start" not in one.quiet or (
            evidence.period.start is not None and one.first < evidence.period.start
        ):
            continue
        day = from_us(one.first, evidence.tz).date()
        meaning = f"none before {day}: numbers over a longer span compare unlike things"
        yield Finding(Severity.INFO, one.name, one.events, None, meaning, one.first, one.last)


def _look(evidence: Evidence, limits: Limits, *, what: Place) -> Found:
    look = {"start": _appeared, "middle": _paused, "end": _stopped}[what]
    return Found(len(evidence.types), tuple(look(evidence, limits)))


_THRESHOLD: Final = "a silence less likely than 1 in {odds:,.0f} at the usual rate of the weekday"

CHECKS: Final = (
    Check(
        "new_types", "Event types that appeared in the middle of the log.", Limits(), _THRESHOLD,
        "event types", partial(_look, what="start"),
    ),
    Check(
        "paused_types", "Event types that were silent for days while others were not.", Limits(),
        _THRESHOLD, "event types", partial(_look, what="middle"),
    ),
    Check(
        "stopped_types", "Event types that are not logged any more.", Limits(),
        _THRESHOLD + "; info where it was new and lived under {settled_days} days",
        "event types", partial(_look, what="end"),
    ),
)  # fmt: skip
