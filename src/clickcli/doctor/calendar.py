"""The whole days and hours of a log, with what is counted in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from clickcli.doctor.silences import Pace, Silence, silences
from clickcli.units import from_us, local_midnight

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.doctor.evidence import Evidence

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

DAILY: Final = Pace(reach=28, seasonal=21, patience=4, least=7, alike=1)
"""Weekdays are told apart from three weeks on; before, a silence outlasts a long weekend."""
STRAY: Final = 0.001
"""Share of the events at the log's begin that is not taken for its begin: unset clocks."""
TRICKLE: Final = 0.01
"""A day with at most this share of the median day counts as a day without events."""


@dataclass(frozen=True)
class Days:
    """The complete local days of a log, from the day after its first one on.

    ``frame`` has the events by day and event type.
    """

    first: date
    number: int
    frame: pl.DataFrame

    @classmethod
    def of(cls, evidence: Evidence) -> Days:
        """Return the days of the period and of the weeks before it."""
        import polars as pl

        frame = evidence.days
        daily = frame.group_by("day").agg(pl.col("events").sum()).sort("day")
        counted = daily["events"].cum_sum()
        first = daily["day"].to_list()[int((counted <= STRAY * counted[-1]).sum())]
        first += timedelta(days=1)
        last = from_us(evidence.end, evidence.tz).date()
        return cls(first, max(0, (last - first).days), frame)

    def day(self, index: int) -> date:
        """Return the date of a bucket."""
        return self.first + timedelta(days=index)

    def index(self, day: date) -> int:
        """Return the bucket of a date; it may lie outside."""
        return (day - self.first).days

    @cached_property
    def weekdays(self) -> Ints:
        """Slot of each day."""
        import numpy as np

        return (np.arange(self.number, dtype=np.int64) + self.first.weekday()) % 7

    @cached_property
    def counts(self) -> Ints:
        """Events of each day; what is under a hundredth of the median day is nothing."""
        import numpy as np
        import polars as pl

        counts = self._placed(self.frame.group_by("day").agg(pl.col("events").sum()))
        if not len(counts):
            return counts
        return np.where(counts <= TRICKLE * np.median(counts), 0, counts)

    def of_type(self, rows: pl.DataFrame, days: Ints) -> Ints:
        """Return the events of a type on the days of these indexes."""
        return self._placed(rows)[days]

    def _placed(self, rows: pl.DataFrame) -> Ints:
        import numpy as np

        out = np.zeros(self.number, dtype=np.int64)
        for day, events in rows.select("day", "events").iter_rows():
            at = self.index(day)
            if 0 <= at < self.number:
                out[at] += events
        return out

    def gaps(self, odds: float) -> list[Silence]:
        """Return the unusual runs of days without events."""
        if self.number == 0:
            return []
        return silences(self.counts, self.weekdays, DAILY, odds)

    def open_days(self, gaps: Sequence[Silence]) -> Ints:
        """Return the indexes of the days outside the gaps."""
        import numpy as np

        is_open = np.ones(self.number, dtype=bool)
        for gap in gaps:
            is_open[gap.start : gap.end] = False
        return np.flatnonzero(is_open).astype(np.int64)


def midnight(evidence: Evidence, day: date) -> int:
    """Return the instant at which a local day begins."""
    return local_midnight(day, evidence.tz)
