"""Days and hours in which nothing was logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.doctor.calendar import STRAY, Days, midnight
from clickcli.doctor.check import Check, Finding, Found, Severity, counted
from clickcli.doctor.evidence import HOUR
from clickcli.doctor.silences import Pace, silences
from clickcli.units import from_us

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.doctor.evidence import Evidence

HOURLY: Final = Pace(reach=28 * 24, seasonal=21 * 24, patience=4, least=3 * 24, alike=24)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a silence is no chance."""

    odds: float = 1e9


@dataclass(frozen=True, slots=True)
class _Gap:
    """A run of whole days without events, its ends as instants."""

    days: int
    usual: float
    first: int
    last: int


def _day_gaps(evidence: Evidence, limits: Limits) -> list[_Gap]:
    """Return the gaps that reach into the period."""
    days = Days.of(evidence)
    found = [
        _Gap(
            gap.end - gap.start,
            gap.usual / (gap.end - gap.start),
            midnight(evidence, days.day(gap.start)),
            midnight(evidence, days.day(gap.end)),
        )
        for gap in days.gaps(limits.odds)
    ]
    return [gap for gap in found if gap.last > (evidence.period.start or gap.first)]


def _days(evidence: Evidence, limits: Limits) -> Found:
    findings = []
    for gap in _day_gaps(evidence, limits):
        first, last = (from_us(at, evidence.tz).date() for at in (gap.first, gap.last - 1))
        subject = str(first) if first == last else f"{first} to {last}"
        meaning = (
            f"{counted(gap.days, 'day')} without events, where {gap.usual:,.0f} a day are usual: "
            "is a log file missing?"
        )
        findings.append(Finding(Severity.ERROR, subject, 0, None, meaning, gap.first, gap.last))
    return Found(Days.of(evidence).number, tuple(findings))


def _hours(evidence: Evidence, limits: Limits) -> Found:
    import numpy as np

    table = evidence.hours
    sums = table["events"].cum_sum()
    start = int(table["hour"][int((sums <= STRAY * sums[-1]).sum())]) + 1
    counts = np.zeros(max(0, evidence.end // HOUR - start), dtype=np.int64)
    if not len(counts):
        return Found(0)
    at = table["hour"].to_numpy() - start
    inside = (at >= 0) & (at < len(counts))
    counts[at[inside]] = table["events"].to_numpy()[inside]
    slots = _slots(evidence, start, len(counts))
    whole_days, findings = _day_gaps(evidence, limits), []
    for gap in silences(counts, slots, HOURLY, limits.odds):
        first, end = (start + gap.start) * HOUR, (start + gap.end) * HOUR
        if evidence.period.start is not None and end <= evidence.period.start:
            continue
        if any(day.first < end and first < day.last for day in whole_days):
            continue
        subject = f"{from_us(first, evidence.tz):%Y-%m-%d %H:%M}"
        meaning = (
            f"{counted(gap.end - gap.start, 'hour')} without events, where {gap.usual:,.0f} "
            "are usual at that time of the week"
        )
        findings.append(Finding(Severity.WARNING, subject, 0, None, meaning, first, end))
    return Found(len(counts), tuple(findings))


def _slots(evidence: Evidence, start: int, number: int) -> NDArray[np.int64]:
    """Return the slot of each hour: local hour and weekday."""
    import numpy as np
    import polars as pl

    begins = pl.Series("ts", (np.arange(number, dtype=np.int64) + start) * HOUR)
    moment: Any = begins.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    local = moment.dt.convert_time_zone(evidence.tz.key)
    slots = local.dt.weekday().cast(pl.Int64) * 24 + local.dt.hour().cast(pl.Int64) - 24
    found: NDArray[np.int64] = slots.to_numpy()
    return found


CHECKS: Final = (
    Check(
        "day_gaps", "Days without events.", Limits(),
        "a silence less likely than 1 in {odds:,.0f} at the usual rate of the weekday",
        "days", _days,
    ),
    Check(
        "hour_gaps", "Hours without events.", Limits(),
        "a silence less likely than 1 in {odds:,.0f} at the usual rate of the hour",
        "hours", _hours,
    ),
)  # fmt: skip
