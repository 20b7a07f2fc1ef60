"""Compare a period with another one: every count and rate of an analysis, twice.

*Definition* The other period is the one before of the same length (``prev``: whole calendar
months where the period is made of such), the same one a year ago (``yoy``), or a named one. As-of
moves with it, so that a period that is not over is compared with as much of the other one.

*Output* For each table its keys, and one row a number: ``now``, ``before``, their difference,
their ratio, and the 95 % interval of the difference: Newcombe's for rates (Statistics in Medicine
17, 1998, method 10), the normal one of two Poisson counts for counts.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from clickcli.analysis import Analysis, Column, Shared, Table
from clickcli.context import resolve
from clickcli.errors import UsageError
from clickcli.expressions import Z95
from clickcli.run import Result, run
from clickcli.units import Every, Period, from_us, instant, to_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset

P = TypeVar("P")

MEASURES: Final = frozenset({"count", "share", "ratio", "money", "duration_s", "score"})
"""Kinds of columns that are compared."""
_BOUNDS: Final = ("_low", "_high")
_DAY_US: Final = 86_400_000_000
_COMPARED: Final = (
    Column("measure", "string", "key", "the number that is compared"),
    Column("now", "float64", "measure", "its value in the period"),
    Column("before", "float64", "measure", "its value in the other period"),
    Column("difference", "float64", "measure", "now − before"),
    Column("ratio", "float64", "ratio", "now ÷ before"),
    Column("difference_low", "float64", "measure", "lower 95 % bound of difference"),
    Column("difference_high", "float64", "measure", "upper 95 % bound of difference"),
    Column("kind", "string", "text", "what the number is: count, share, money, duration_s …"),
)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the other period lies back: calendar months, local days, or exact microseconds."""

    months: int = 0
    days: int = 0
    us: int = 0

    def back(self, at: int, tz: ZoneInfo) -> int:
        """Return an instant moved back by the clock on the wall; a missing day is the last one."""
        if not (self.months or self.days):
            return at - self.us
        local = from_us(at, tz)
        day = _plus_months(local.date(), -self.months, is_clamped=True)
        assert day is not None
        day -= timedelta(days=self.days)
        return to_us(datetime.combine(day, local.time(), tz))

    def forward(self, label: str, every: Every) -> str | None:
        """Return the name of the period so much later than a named one, None where there is none.

        Weeks move by whole weeks: the number nearest to the shift.
        """
        if every is Every.MONTH:
            months = self.months or round(self._in_days() / 30.436875)
            moved = _plus_months(date.fromisoformat(f"{label}-01"), months)
            return None if moved is None else moved.isoformat()[:7]
        if every is Every.HOUR:
            moved_to = _plus_months(date.fromisoformat(label[:10]), self.months)
            if moved_to is None:
                return None
            at = datetime.combine(moved_to, time(int(label[11:13])))
            at += timedelta(days=self.days, microseconds=self.us)
            return at.strftime("%Y-%m-%dT%H")
        day = date.fromisoformat(label)
        if every is Every.WEEK:
            return (day + timedelta(weeks=round(self._in_days() / 7))).isoformat()
        moved = _plus_months(day, self.months)
        if moved is None:
            return None
        return (moved + timedelta(days=self.days + round(self.us / _DAY_US))).isoformat()

    def _in_days(self) -> float:
        return self.months * 30.436875 + self.days + self.us / _DAY_US


def _plus_months(day: date, months: int, *, is_clamped: bool = False) -> date | None:
    """Return the same day of another month; None, or the month's last day, where it has none."""
    if not months:
        return day
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    if day.day > last and not is_clamped:
        return None
    return date(year, month + 1, min(day.day, last))


def other_period(period: Period, as_of: int, vs: str, tz: ZoneInfo) -> tuple[Period, Shift]:
    """Return the period to compare with, and how far back it lies.

    Raises UsageError for a period without a beginning and for a word that is none.
    """
    if period.start is None:
        raise UsageError(
            "--vs needs a period", hint="give --from (and --to) or --last, such as --last 28d"
        )
    end = _end_of_day(as_of, tz) if period.end is None else period.end
    if vs == "yoy":
        shift = Shift(months=12)
    elif vs == "prev":
        shift = _distance(period.start, end, tz)
    else:
        first, dots, last = vs.partition("..")
        if not dots:
            raise UsageError(
                f"--vs must be prev, yoy or FROM..TO, was {vs!r}",
                hint="examples: --vs prev, --vs 2024-03-01..2024-04-01",
            )
        named = Period(instant(first, tz), instant(last, tz))
        assert named.start is not None
        return named, _distance(named.start, period.start, tz)
    return Period(shift.back(period.start, tz), shift.back(end, tz)), shift


def _end_of_day(at: int, tz: ZoneInfo) -> int:
    day = from_us(at, tz).date() + timedelta(days=1)
    return to_us(datetime.combine(day, time(), tz))


def _distance(start: int, end: int, tz: ZoneInfo) -> Shift:
    """Return how far two instants lie apart, in the largest unit that both are a start of."""
    first, last = from_us(start, tz), from_us(end, tz)
    if any(at.timetz().replace(tzinfo=None) != time() for at in (first, last)):
        return Shift(us=end - start)
    if first.day == 1 and last.day == 1:
        return Shift(months=(last.year - first.year) * 12 + last.month - first.month)
    return Shift(days=(last.date() - first.date()).days)


def run_compared(
    analysis: Analysis[P], parameters: P, dataset: Dataset, shared: Shared, engine: Engine
) -> Result:
    """Run an analysis over both periods and put their numbers side by side.

    Raises UsageError where the options name no period, or what a run refuses.
    """
    assert shared.vs is not None
    if shared.min_group is not None:
        raise UsageError(
            "--vs and --min-group contradict each other", hint="ask for the two periods apart"
        )
    if all(table.is_list for table in analysis.tables):
        raise UsageError(
            f"{analysis.name} lists single people or items: there is nothing to compare",
            hint="leave --vs out",
        )
    whole = replace(shared, limit=None)
    context = resolve(dataset, engine, whole)
    other, shift = other_period(context.period, context.as_of, shared.vs, context.tz)
    as_of = from_us(shift.back(context.as_of, context.tz)).isoformat()
    assert other.start is not None
    assert other.end is not None
    earlier = replace(
        whole, last=None, as_of=as_of, from_=from_us(other.start).isoformat(),
        to=from_us(other.end).isoformat(),
    )  # fmt: skip
    now = run(analysis, parameters, dataset, whole, engine)
    before = run(analysis, parameters, dataset, earlier, engine, shown_as=context)
    every = getattr(parameters, "every", Every.DAY)
    tables, schemas = {}, []
    for schema in now.schemas:
        if schema.is_list:
            continue
        schemas.append(_schema(schema))
        table = _compared(schema, now.tables[schema.name], before.tables[schema.name], shift, every)
        tables[schema.name] = table if shared.limit is None else table.head(shared.limit)
    spans = [from_us(at, context.tz).isoformat() for at in (other.start, other.end)]
    return replace(
        now, name=f"{now.name}-vs", tables=tables, schemas=tuple(schemas),
        meta={**now.meta, "vs": {"from": spans[0], "to": spans[1], "as_of": before.meta["as_of"],
                                 "events_read": before.meta["events_read"]}},
        notes=(*now.notes, *_notes(context.period, other, shift, dataset.first_ts)),
        title=f"{now.title} · now against {spans[0][:10]} to {spans[1][:10]}",
    )  # fmt: skip


def _notes(period: Period, other: Period, shift: Shift, first_ts: int | None) -> list[str]:
    notes = ["before is as it stood then: as-of moves back with the period"]
    if first_ts is not None and other.start is not None and first_ts - other.start > _DAY_US:
        notes.append("the log begins later than the other period: compare with care")
    if period.start is None or period.end is None or other.start is None or other.end is None:
        return notes
    lengths = (period.end - period.start, other.end - other.start)
    if not shift.months and abs(lengths[0] - lengths[1]) > _DAY_US // 8:
        notes.append("the two periods are not of the same length: compare rates, not counts")
    return notes


def _schema(table: Table) -> Table:
    """Return the declaration of a compared table."""
    kept = tuple(
        column for column in table.columns if column.name in table.keys or column.kind == "text"
    )
    complete = tuple(column for column in table.columns if column.name == "complete")
    return replace(
        table, columns=(*kept, *_COMPARED, *complete), keys=(*table.keys, "measure"),
        order=(), grid=None, tree=None,
    )  # fmt: skip


def _compared(
    schema: Table, now: pl.DataFrame, before: pl.DataFrame, shift: Shift, every: Every
) -> pl.DataFrame:
    """Return one row a key and measure; rows of now first, in their order."""
    import polars as pl

    if schema.time is not None:
        grain = Every.DAY if schema.time == "date" else every
        before = _moved(before, schema.time, shift, grain)
    keys = list(schema.keys)
    texts = [column.name for column in schema.columns if column.kind == "text"]
    both = now.with_row_index("row").join(
        before, on=keys, how="full", coalesce=True, nulls_equal=True, suffix="_before"
    ) if keys else pl.concat([now.with_row_index("row"), before.rename(lambda n: f"{n}_before")],
                             how="horizontal")  # fmt: skip
    both = both.sort("row", *keys, nulls_last=True, maintain_order=True)
    both = both.with_columns(row=pl.int_range(pl.len()))
    has_complete = "complete" in now.columns
    extra = [pl.col("complete")] if has_complete else []
    measures = [
        column for column in schema.columns
        if column.kind in MEASURES and column.name not in keys
        and not _is_bound(column.name, schema.names())
    ]  # fmt: skip
    pieces = [
        both.select(
            "row", *keys, *_either(texts, keys), pl.lit(column.name).alias("measure"),
            pl.lit(column.kind).alias("kind"), pl.lit(at).alias("at"),
            *_numbers(column, schema), *extra,
        )
        for at, column in enumerate(measures)
    ]  # fmt: skip
    names = _schema(schema).names()
    if not pieces:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.Null()))
    rows = pl.concat(pieces).filter(pl.any_horizontal(pl.col("now", "before").is_not_null()))
    return rows.sort("row", "at").select(names)


def _either(texts: list[str], keys: list[str]) -> list[pl.Expr]:
    """Return what a row is called now, else what it was called before."""
    import polars as pl

    return [pl.coalesce(name, f"{name}_before").alias(name) for name in texts if name not in keys]


def _numbers(column: Column, schema: Table) -> list[pl.Expr]:
    """Return the six numbers of a measure; a count without a row on one side is 0 there."""
    import polars as pl

    name = column.name
    now, before = pl.col(name).cast(pl.Float64), pl.col(f"{name}_before").cast(pl.Float64)
    if column.kind == "count":
        now, before = now.fill_null(0), before.fill_null(0)
    if column.kind == "money" and "currency" in set(schema.names()) - set(schema.keys):
        same = pl.col("currency").eq_missing(pl.col("currency_before"))
        before = pl.when(same).then(before)
    difference = now - before
    low: Any = pl.lit(None, dtype=pl.Float64)
    high: Any = low
    if column.kind == "count":
        half = Z95 * (now + before).sqrt()
        low, high = difference - half, difference + half
    elif f"{name}_low" in schema.names():
        ends = [pl.col(f"{name}{end}{side}") for side in ("", "_before") for end in _BOUNDS]
        low = difference - ((now - ends[0]) ** 2 + (ends[3] - before) ** 2).sqrt()
        high = difference + ((ends[1] - now) ** 2 + (before - ends[2]) ** 2).sqrt()
    return [
        now.alias("now"), before.alias("before"), difference.alias("difference"),
        pl.when(before != 0).then(now / before).alias("ratio"),
        low.alias("difference_low"), high.alias("difference_high"),
    ]  # fmt: skip


def _is_bound(name: str, names: list[str]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in names for end in _BOUNDS)


def _moved(table: pl.DataFrame, key: str, shift: Shift, every: Every) -> pl.DataFrame:
    """Name each period of an earlier table as its counterpart; those without one go."""
    import polars as pl

    dtype = table.schema[key]
    labels = table[key].cast(pl.String).to_list()
    moved = [shift.forward(label, every) for label in labels]
    if dtype == pl.Date:
        days = [None if one is None else date.fromisoformat(one) for one in moved]
        series = pl.Series(days, dtype=dtype)
    else:
        series = pl.Series(moved, dtype=dtype)
    return table.with_columns(series.alias(key)).filter(pl.col(key).is_not_null())
