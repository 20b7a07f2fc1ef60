"""Clocks that are ahead, behind, or were never set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.doctor.check import Check, Finding, Found, Least, Severity, about
from clickcli.units import Period, to_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence

_OLD: Final = to_us(datetime(2000, 1, 2, tzinfo=UTC))
"""Clocks that were never set begin in 1970, 1980 or 2000; ingest refuses all before 1990."""
_FUTURE: Final = "events later than their own ingest: a clock that is ahead, or a wrong unit"
_UNSET: Final = "events of a clock that was never set; they stretch every span and cohort"


@dataclass(frozen=True, slots=True)
class Skew:
    """A device's clock is off when the median of its events says so; times in microseconds.

    ``ahead``: received before they happened. ``behind``: none received in less than this, all
    about as late (``spread`` between the first and the ninth tenth), and less than a day.
    """

    events: int = 5
    ahead: int = 60_000_000
    behind: int = 300_000_000
    spread: int = 300_000_000


def _skew(evidence: Evidence, limits: Skew) -> Found:
    import polars as pl

    lag, ts = pl.col("lag"), pl.col("ts")
    device = pl.coalesce("anonymous_id", "user_id")
    rows = evidence.events("received_at", "anonymous_id", "user_id").select(
        "ts", device.alias("device"), (pl.col("received_at") - ts).alias("lag")
    )
    usual = rows.filter(lag.is_not_null() & pl.col("device").is_not_null())
    devices = evidence.collect(
        usual.group_by("device").agg(
            pl.len().alias("n"), lag.median().alias("median"), lag.min().alias("least"),
            lag.quantile(0.1).alias("low"), lag.quantile(0.9).alias("high"),
            ts.min().alias("first"), ts.max().alias("last"),
        ).filter((pl.col("n") >= limits.events) & _is_off(limits))
    ).sort(["n", "device"], descending=[True, False])  # fmt: skip
    findings = [
        Finding(
            Severity.WARNING, row["device"], row["n"], evidence.total,
            f"a clock {about(abs(int(row['median'])))} "
            + ("ahead of" if row["median"] < 0 else "behind")
            + " the collector's: its events stand in the wrong place, at night or on another day",
            row["first"], row["last"],
        )
        for row in devices.iter_rows(named=True)
    ]  # fmt: skip
    looked = evidence.collect(rows.select(lag.count())).item()
    return Found(looked, tuple(findings))


def _is_off(limits: Skew) -> pl.Expr:
    import polars as pl

    is_ahead = pl.col("median") < -limits.ahead
    is_behind = (
        (pl.col("least") > limits.behind)
        & (pl.col("median") < MICROSECONDS_PER_DAY)
        & (pl.col("high") - pl.col("low") <= limits.spread)
    )
    return is_ahead | is_behind


def _impossible(evidence: Evidence, limits: Least) -> Found:
    """Look for times outside; by the bounds of the files, usually none need be read."""
    import polars as pl

    ts, findings = pl.col("ts"), []
    start, end = evidence.period.start, evidence.period.end
    watermark = evidence.dataset.watermark or 0
    spans = (
        ("future", _FUTURE, max(watermark + 1, start or 0), end),
        ("before 2000", _UNSET, start, min(_OLD, end or _OLD)),
    )
    for subject, meaning, low, high in spans:
        if low is not None and high is not None and low >= high:
            continue
        events = evidence.events(period=Period(low, high))
        table = evidence.collect(events.select(pl.len(), ts.min().alias("a"), ts.max().alias("b")))
        number, first, last = table.row(0)
        if number >= limits.events:
            findings.append(
                Finding(Severity.WARNING, subject, number, evidence.total, meaning, first, last)
            )
    return Found(evidence.total, tuple(findings))


CHECKS: Final = (
    Check(
        "clock_skew", "Devices whose clock is ahead or behind.", Skew(),
        "{events} events of a device, a minute ahead or 5 minutes behind",
        "events with received_at", _skew, ("received_at",),
    ),
    Check(
        "impossible_times", "Events of the future, or of clocks that were never set.",
        Least(), "any", "events", _impossible,
    ),
)  # fmt: skip
