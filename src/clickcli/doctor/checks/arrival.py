"""Events that arrive out of order, or late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.doctor.check import Check, Finding, Found, about, graded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.doctor.evidence import Evidence

WINDOW: Final = 16_000_000
"""Places in the order of arrival that are held at once."""
_ABSENT: Final = -(2**63)


@dataclass(frozen=True, slots=True)
class Order:
    """By how much an event is before the one that arrived just before it, and the shares."""

    microseconds: int = 60_000_000
    told: float = 0.001
    warning: float = 0.01


@dataclass(frozen=True, slots=True)
class Late:
    """How long after it happened an event is received late, and the shares."""

    microseconds: int = MICROSECONDS_PER_DAY
    told: float = 0.001
    warning: float = 0.01


def _order(evidence: Evidence, limits: Order) -> Found:
    import numpy as np
    import polars as pl

    seq = pl.col("seq")
    bounds = evidence.events("seq").select(seq.min().alias("low"), seq.max().alias("high"))
    low, high = evidence.collect(bounds).row(0)
    back: list[NDArray[np.int64]] = []
    times: list[NDArray[np.int64]] = []
    before = np.zeros(0, dtype=np.int64)
    for start in range(low, high + 1, WINDOW):
        placed = _placed(evidence, start, min(start + WINDOW, high + 1))
        arrived = np.concatenate((before, placed[placed != _ABSENT]))
        steps = arrived[:-1] - arrived[1:]
        is_back = steps > limits.microseconds
        back.append(steps[is_back])
        times.append(arrived[1:][is_back])
        before = arrived[-1:]
    steps, at = np.concatenate(back), np.concatenate(times)
    if not len(at) or len(at) < limits.told * evidence.total:
        return Found(evidence.total)
    meaning = (
        f"events earlier than the one that arrived just before, by {about(int(np.median(steps)))} "
        f"in the median, {about(int(np.quantile(steps, 0.9)))} and more for one in ten; they are "
        "put in order, but recent numbers change when they come"
    )
    severity = graded(len(at) / evidence.total, limits.warning)
    finding = Finding(
        severity, "ts", len(at), evidence.total, meaning, int(at.min()), int(at.max())
    )
    return Found(evidence.total, (finding,))


def _placed(evidence: Evidence, start: int, end: int) -> NDArray[np.int64]:
    """Return the time of each place in the order of arrival, a mark where there is none."""
    import numpy as np

    placed = np.full(end - start, _ABSENT, dtype=np.int64)
    for rows in evidence.slices("seq"):
        at = rows["seq"].to_numpy() - start
        inside = (at >= 0) & (at < len(placed))
        placed[at[inside]] = rows["ts"].to_numpy()[inside]
    return placed


def _late(evidence: Evidence, limits: Late) -> Found:
    import polars as pl

    lag = pl.col("received_at") - pl.col("ts")
    is_late = lag > limits.microseconds
    row = evidence.collect(
        evidence.events("received_at").select(
            pl.col("received_at").count().alias("all"),
            is_late.sum().alias("late"),
            lag.filter(is_late).max().alias("most"),
            pl.col("ts").filter(is_late).min().alias("first"),
            pl.col("ts").filter(is_late).max().alias("last"),
        )
    ).row(0, named=True)
    if not row["late"] or row["late"] < limits.told * row["all"]:
        return Found(row["all"])
    meaning = (
        f"events received more than {about(limits.microseconds)} after they happened, at most "
        f"{about(row['most'])}: days are not final before that"
    )
    severity = graded(row["late"] / row["all"], limits.warning)
    finding = Finding(
        severity, "received_at", row["late"], row["all"], meaning, row["first"], row["last"]
    )
    return Found(row["all"], (finding,))


CHECKS: Final = (
    Check(
        "out_of_order", "Events that arrive after later ones.", Order(),
        "a minute; {told:.1%} of the events, {warning:.1%} for a warning", "events", _order,
    ),
    Check(
        "late_events", "Events received long after they happened.", Late(),
        "a day; {told:.1%} of the events, {warning:.1%} for a warning",
        "events with received_at", _late, ("received_at",),
    ),
)  # fmt: skip
