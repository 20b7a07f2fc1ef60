"""Calendar arithmetic and shares as engine-neutral column expressions.

Everything is integer arithmetic, so that Polars and Spark give the same values: engines
differ in ``weekday``, week truncation and in the sign of a remainder below zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.units import Every, Period, WeekStart, from_us, local_midnight

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

_HOUR: Final = 3_600_000_000
_SHIFT_DAYS: Final = 400 * 366
"""Days added before a remainder is taken, so that it is never taken of a negative number."""
_LOCAL, _DAY = "calendar_local", "calendar_day"
_EPOCH_DAY: Final = date(1970, 1, 1)
_WEEK_SHIFT: Final = {WeekStart.MONDAY: 3, WeekStart.SUNDAY: 4}
Z95: Final = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def floor_div(value: nw.Expr, divisor: int) -> nw.Expr:
    """Divide a non-negative integer column by a constant, rounding down, exactly.

    The dividend is made a multiple first: some engines divide integers as floats.
    """
    return (value - value % divisor) // divisor


def inside(frame: nw.LazyFrame[Any], period: Period, ts: str = "ts") -> nw.LazyFrame[Any]:
    """Return the rows whose instant lies in a half-open period."""
    import narwhals as nw

    if period.start is not None:
        frame = frame.filter(nw.col(ts) >= period.start)
    if period.end is not None:
        frame = frame.filter(nw.col(ts) < period.end)
    return frame


def offset_steps(tz: ZoneInfo, first: int, last: int) -> tuple[int, list[tuple[int, int]]]:
    """Return the UTC offset at ``first`` and each later change, in microseconds.

    The changes are (instant, difference) pairs with ``first < instant <= last``.
    """

    def offset(at: int) -> int:
        delta = from_us(at, tz).utcoffset() or timedelta()
        return delta // timedelta(microseconds=1)

    start = offset(first)
    steps: list[tuple[int, int]] = []
    at, current = first, start
    while at < last:
        ahead = min(at + MICROSECONDS_PER_DAY, last)
        if (new := offset(ahead)) != current:
            low, high = at, ahead
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle) == new else (middle, high)
            steps.append((high, new - current))
            current = new
        at = ahead
    return start, steps


@dataclass(frozen=True)
class Calendar:
    """Calendar periods of one time zone over the span ``[first, last]`` of instants."""

    tz: ZoneInfo
    week_start: WeekStart
    first: int
    last: int

    @cached_property
    def _offsets(self) -> tuple[int, list[tuple[int, int]]]:
        return offset_steps(self.tz, self.first, self.last)

    @property
    def _past_hour(self) -> int:
        """How far local hours begin before those of UTC; hours are elapsed ones on every day."""
        return self._offsets[0] % _HOUR

    def with_index(
        self, frame: nw.LazyFrame[Any], name: str, every: Every, ts: str = "ts"
    ) -> nw.LazyFrame[Any]:
        """Add the number of the local hour, day, week or month that holds each instant.

        Numbers count up by one a period; ``date_of`` turns one back into its first day. Columns
        are added in steps, since an engine may copy an expression wherever it is used.
        """
        import narwhals as nw

        if every is Every.HOUR:
            moved = nw.col(ts) + (self._past_hour + _SHIFT_DAYS * MICROSECONDS_PER_DAY)
            return frame.with_columns((floor_div(moved, _HOUR) - _SHIFT_DAYS * 24).alias(name))
        frame = frame.with_columns(self._local(ts).alias(_LOCAL))
        day = floor_div(nw.col(_LOCAL), MICROSECONDS_PER_DAY) - _SHIFT_DAYS
        frame = frame.with_columns(day.alias(_DAY)).drop(_LOCAL)
        return self.with_period(frame, name, every, _DAY).drop(_DAY)

    def _local(self, ts: str) -> nw.Expr:
        """Return what the local clock shows at each instant, moved up by ``_SHIFT_DAYS``."""
        import narwhals as nw

        start, steps = self._offsets
        local = nw.col(ts) + (start + _SHIFT_DAYS * MICROSECONDS_PER_DAY)
        for instant, difference in steps:
            local = local + nw.when(nw.col(ts) >= instant).then(difference).otherwise(0)
        return local

    def with_clock(
        self, frame: nw.LazyFrame[Any], hour: str, weekday: str, ts: str = "ts"
    ) -> nw.LazyFrame[Any]:
        """Add the local hour of the day, 0–23, and the day of the week, 0 the first one."""
        import narwhals as nw

        frame = self.with_index(frame, weekday, Every.DAY, ts)
        day = nw.col(weekday) + (_WEEK_SHIFT[self.week_start] + 7 * _SHIFT_DAYS)
        frame = frame.with_columns(
            (self._local(ts) % MICROSECONDS_PER_DAY).alias(_LOCAL), (day % 7).alias(weekday)
        )
        return frame.with_columns(floor_div(nw.col(_LOCAL), _HOUR).alias(hour)).drop(_LOCAL)

    def with_period(
        self, frame: nw.LazyFrame[Any], name: str, every: Every, day: str
    ) -> nw.LazyFrame[Any]:
        """Add the number of the week or month that holds each local day number."""
        import narwhals as nw

        number = nw.col(day)
        if every is Every.WEEK:
            shift = _WEEK_SHIFT[self.week_start] - _SHIFT_DAYS % 7 + 7 + _SHIFT_DAYS
            number = floor_div(nw.col(day) + shift, 7) - (_SHIFT_DAYS // 7 + 1)
        if every is Every.MONTH:
            first = self.index_of(self.first, Every.MONTH)
            last = self.index_of(self.last, Every.MONTH)
            number = nw.lit(first, nw.Int64)
            for month in range(first + 1, last + 1):
                begin = (self.date_of(month, Every.MONTH) - _EPOCH_DAY).days
                number = number + nw.when(nw.col(day) >= begin).then(1).otherwise(0)
        return frame.with_columns(number.cast(nw.Int64).alias(name))

    def index_of(self, at: int, every: Every) -> int:
        """Return the number of the period that holds one instant."""
        if every is Every.HOUR:
            return (at + self._past_hour) // _HOUR
        local = from_us(at, self.tz).replace(tzinfo=None)
        day = (local.date() - _EPOCH_DAY).days
        if every is Every.DAY:
            return day
        if every is Every.WEEK:
            return (day + _WEEK_SHIFT[self.week_start]) // 7
        return local.year * 12 + local.month - 1

    def date_of(self, index: int, every: Every) -> date:
        """Return the first local day of a period."""
        if every is Every.HOUR:
            return from_us(self.start_of(index, every), self.tz).date()
        if every is Every.DAY:
            return _EPOCH_DAY + timedelta(days=index)
        if every is Every.WEEK:
            return _EPOCH_DAY + timedelta(days=index * 7 - _WEEK_SHIFT[self.week_start])
        return date(index // 12, index % 12 + 1, 1)

    def start_of(self, index: int, every: Every) -> int:
        """Return the instant at which a period begins."""
        if every is Every.HOUR:
            return index * _HOUR - self._past_hour
        return local_midnight(self.date_of(index, every), self.tz)

    def label(self, index: int, every: Every) -> str:
        """Return the name of a period: 2024-03-01T15, 2024-03-01 or, for months, 2024-03.

        The second of two hours of one name, when clocks go back, carries its offset.
        """
        if every is Every.HOUR:
            start = from_us(self.start_of(index, every), self.tz)
            return start.strftime("%Y-%m-%dT%H") + (start.isoformat()[-6:] if start.fold else "")
        first = self.date_of(index, every).isoformat()
        return first[:7] if every is Every.MONTH else first


def share(numerator: str, denominator: str) -> pl.Expr:
    """Return numerator ÷ denominator of a small result; null where the denominator is 0.

    A column that holds one value throughout is made a full one first: dividing by such a scalar
    is done by its reciprocal, which gives 0.9999999999999999 for some n ÷ n.
    """
    import polars as pl

    above, below = pl.col(numerator), pl.col(denominator) + 0 * pl.col(numerator)
    return pl.when(below > 0).then(above / below).otherwise(None)


def divided(value: pl.Expr, divisor: pl.Expr | float) -> pl.Expr:
    """Return value ÷ divisor, to the last bit the same for one row and for many.

    Polars multiplies many rows by the reciprocal of a constant, and divides a single one.
    """
    return value / (divisor + 0 * value)


def wilson(numerator: str, denominator: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the Wilson 95 % interval of a share, both null where the denominator is 0.

    Source: E. B. Wilson, JASA 22 (1927), without continuity correction.
    """
    import polars as pl

    hits, n = pl.col(numerator).cast(pl.Float64), pl.col(denominator).cast(pl.Float64)
    p, z2 = hits / n, Z95 * Z95
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)).sqrt()
    low = pl.when(hits <= 0).then(0.0).otherwise((centre - half).clip(0, 1))
    high = pl.when(hits >= n).then(1.0).otherwise((centre + half).clip(0, 1))
    known = n > 0
    return (
        pl.when(known).then(low).otherwise(None),
        pl.when(known).then(high).otherwise(None),
    )


def zeros(table: pl.DataFrame) -> pl.DataFrame:
    """Return one row of zeros with a table's columns: the totals of nothing."""
    import polars as pl

    return pl.DataFrame({column: [0] for column in table.columns}, schema=table.schema)


def with_rate(frame: pl.DataFrame, name: str, numerator: str, denominator: str) -> pl.DataFrame:
    """Add a share and the bounds of its interval to a small result; see ``analysis.rate``."""
    low, high = wilson(numerator, denominator)
    return frame.with_columns(
        share(numerator, denominator).alias(name),
        low.alias(f"{name}_low"),
        high.alias(f"{name}_high"),
    )
