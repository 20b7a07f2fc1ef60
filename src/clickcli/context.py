"""The question as asked, resolved against a dataset, and the events it is asked of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from clickcli.analysis import Shared
from clickcli.columns import BY_NAME as COLUMNS
from clickcli.engines.hidden import IS_HIDDEN, hides
from clickcli.engines.scan import scan
from clickcli.errors import UsageError
from clickcli.expressions import Calendar
from clickcli.units import Every, Period, WeekStart, duration_us, instant, zone

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset
    from clickcli.filters import Predicate, PropertyRef
    from clickcli.steps import Step

NONE = "(none)"
OTHER = "(other)"
TOTAL = "(total)"
IS_BOT = "is_bot"
_MAX_BY = 3


def raw(by: str) -> str:
    """Return the name of the column with the values of a breakdown before ``(other)``."""
    return f"raw_{by}"


@dataclass(frozen=True)
class Context:
    """Everything but the analysis' own parameters: period, zone, moment, filter, breakdown.

    ``table`` is the only one that is asked for, None where all are; with ``cell`` none is, but the
    people behind it.
    """

    dataset: Dataset
    engine: Engine
    shared: Shared
    period: Period
    tz: ZoneInfo
    as_of: int
    where: Predicate | None
    by_sources: tuple[str | PropertyRef, ...]
    table: str | None = None
    cell: str | None = None

    def wants(self, table: str) -> bool:
        """Whether a table is asked for; an analysis need not make the others."""
        return self.table in (None, table)

    @property
    def week_start(self) -> WeekStart:
        """First day of the week."""
        return self.shared.week_start

    @property
    def leaves_out_bots(self) -> bool:
        """Whether events of bots are left out, where there are any."""
        return self.dataset.bot_rows > 0 and not self.shared.include_bots

    @property
    def by(self) -> tuple[str, ...]:
        """Names of the breakdown columns inside units and reduced tables."""
        return tuple(f"by_{number}" for number in range(1, len(self.by_sources) + 1))

    @cached_property
    def calendar(self) -> Calendar:
        """Calendar periods over everything in the store."""
        first = self.dataset.first_ts
        return Calendar(
            self.tz, self.week_start, self.as_of if first is None else first, self.as_of
        )

    def with_period_names(
        self, counts: pl.DataFrame, every: Every, *, after: int = 0
    ) -> pl.DataFrame:
        """Add ``period``, its name, and ``complete`` to a small result with a column ``index``.

        A period is complete when ``after`` microseconds past its end lie before as-of.
        """
        import polars as pl

        numbers, calendar = counts["index"].to_list(), self.calendar
        over = [calendar.start_of(at + 1, every) + after <= self.as_of for at in numbers]
        names = [calendar.label(at, every) for at in numbers]
        return counts.with_columns(
            pl.Series("period", names, dtype=pl.String),
            pl.Series("complete", over, dtype=pl.Boolean),
        )

    def step(self, text: str) -> Step:
        """Return a parsed step; UsageError when the store holds no event of its type."""
        step = _parsed_step(text, self.dataset.property_names, self.tz)
        self.know(step)
        return step

    def know(self, step: Step) -> None:
        """Raise UsageError with a suggestion when the store holds no event of a step's type."""
        from clickcli.errors import unknown

        types = self.dataset.event_types
        for name in sorted(step.event_types or ()):
            if types and name not in types:
                raise unknown("event type", name, types)


@lru_cache(maxsize=64)
def _parsed_step(text: str, known: tuple[str, ...], tz: ZoneInfo) -> Step:
    from clickcli.steps import parse_step

    return parse_step(text, known_properties=known, tz=tz)


def most_common(context: Context) -> dict[str, list[str]]:
    """Return the values of each ``--by`` column with the most people in the period.

    The rest is ``(other)``.

    Only columns with more values than ``--top`` are named; ``(none)`` does not count and is always
    shown. Ties go to the smaller text.
    """
    import narwhals as nw
    import polars as pl

    if not context.by:
        return {}
    frame = Events(context).frame(period=context.period).select("person_key", *context.by)
    counts = {
        by: frame.group_by(by).agg(nw.col("person_key").n_unique().alias("people"))
        for by in context.by
    }
    top, shown = context.shared.top, {}
    for by, table in context.engine.collect(counts).items():
        table = table.filter(pl.col(by) != NONE)  # noqa: PLW2901 - the rest of the same table
        if table.height > top:
            ordered = table.sort(pl.col("people"), pl.col(by), descending=[True, False])
            shown[by] = ordered[by].head(top).to_list()
    return shown


def resolve(dataset: Dataset, engine: Engine, shared: Shared) -> Context:
    """Turn the shared options into values.

    Raises UsageError for contradictory or unreadable options.
    """
    tz = zone(shared.tz)
    watermark = 0 if dataset.watermark is None else dataset.watermark
    as_of = watermark if shared.as_of is None else instant(shared.as_of, tz)
    if shared.last is not None and (shared.from_ is not None or shared.to is not None):
        raise UsageError("--last and --from/--to contradict each other", hint="give one of them")
    if shared.last is not None:
        period = Period(as_of + 1 - duration_us(shared.last), as_of + 1)
    else:
        period = Period(
            None if shared.from_ is None else instant(shared.from_, tz),
            None if shared.to is None else instant(shared.to, tz),
        )
    return Context(
        dataset, engine, shared, period, tz, as_of, _where(dataset, shared, tz), _by(shared)
    )


def _where(dataset: Dataset, shared: Shared, tz: ZoneInfo) -> Predicate | None:
    if not shared.where:
        return None
    from clickcli.filters import parse

    text = (
        " and ".join(f"({part})" for part in shared.where)
        if len(shared.where) > 1
        else (shared.where[0])
    )
    return parse(text, known_properties=dataset.property_names, tz=tz)


def _by(shared: Shared) -> tuple[str | PropertyRef, ...]:
    if not shared.by:
        return ()
    from clickcli.filters import column_or_property, property_ref

    if len(shared.by) > _MAX_BY:
        raise UsageError(f"--by takes at most {_MAX_BY} columns, was {len(shared.by)}")
    if len(set(shared.by)) < len(shared.by):
        raise UsageError("--by names a column twice")
    sources = (column_or_property(text) for text in shared.by)
    return tuple(
        property_ref(f"properties.{source}") if _is_money(source) else source for source in sources
    )


def _is_money(source: str | PropertyRef) -> bool:
    """Return whether values are minor units, which a breakdown shows as major ones."""
    return isinstance(source, str) and source in COLUMNS and COLUMNS[source].money


def is_bot() -> nw.Expr:
    """Return whether an event is known to be a bot's; never null."""
    import narwhals as nw

    return nw.col(IS_BOT).fill_null(value=False)


class Events:
    """The events of a question: those up to ``as_of`` for which ``--where`` holds.

    Those of bots are left out unless they are asked for.
    ``shown`` are the values of each ``--by`` column that are not ``(other)``; None: all.
    """

    def __init__(self, context: Context, shown: Mapping[str, Sequence[str]] | None = None) -> None:
        self._context = context
        self._shown = shown or {}

    def frame(
        self,
        columns: Iterable[str] = (),
        properties: Iterable[PropertyRef] = (),
        *,
        period: Period = Period(),
        with_nobody: bool = False,
        with_by: bool = True,
    ) -> nw.LazyFrame[Any]:
        """Return one row an event: person_key, ts, seq, what was asked for, and by_1 ….

        The values of ``--by`` are text: ``(none)`` where there is none, ``(other)`` for those not
        shown, and as they are in ``raw(by)``; a value that reads like a mark is put in quotes.
        Events of nobody are left out unless asked for.
        """
        import narwhals as nw

        from clickcli.filters import PropertyRef

        context = self._context
        asked, refs = set(columns), list(properties)
        if (where := context.where) is not None:
            asked |= where.columns
            refs += where.properties
        sources = context.by_sources if with_by else ()
        for source in sources:
            if isinstance(source, PropertyRef):
                refs.append(source)
            else:
                asked.add(source)
        end = context.as_of + 1 if period.end is None else min(period.end, context.as_of + 1)
        start = period.start if period.start is None else min(period.start, end - 1)
        if context.leaves_out_bots:
            asked.add(IS_BOT)
        frame = scan(context.engine, context.dataset, asked, refs, Period(start, end))
        if context.leaves_out_bots:
            frame = frame.filter(~is_bot())
        if where is not None:
            frame = frame.filter(where.expression())
        if not with_nobody:
            frame = frame.filter(~nw.col("person_key").is_null())
        if not sources:
            return frame
        names = [source if isinstance(source, str) else source.column for source in sources]
        marks = [NONE, OTHER, TOTAL]
        values = []
        for by, name in zip(context.by, names, strict=True):
            value = nw.col(name).cast(nw.String)
            quoted = nw.concat_str([nw.lit("'"), value, nw.lit("'")])
            value = nw.when(value.is_in(marks)).then(quoted).otherwise(value).fill_null(NONE)
            if by in self._shown:
                is_shown = value.is_in([*self._shown[by], NONE])
                values.append(nw.when(is_shown).then(value).otherwise(nw.lit(OTHER)).alias(by))
            else:
                values.append(value.alias(by))
            values.append(value.alias(raw(by)))
        return frame.with_columns(*values)

    def filling(self, step: Step, *, with_by: bool = True) -> nw.LazyFrame[Any]:
        """Return the events that fill a step, as ``frame`` does, with the columns it reads."""
        if step.is_any:
            return self.frame(with_by=with_by)
        frame = self.frame(step.columns, step.properties, with_by=with_by)
        return frame.filter(step.expression())

    def read(self) -> nw.LazyFrame[Any]:
        """Return one row for the receipt: events scanned, those kept, and people.

        There is a count after each condition that may leave some out: shown, in_time, meant,
        matching, of_people.
        """
        import narwhals as nw

        context = self._context
        dataset, where = context.dataset, context.where
        columns = set() if where is None else set(where.columns)
        conditions: dict[str, nw.Expr] = {}
        if hides(dataset):
            conditions["shown"] = ~nw.col(IS_HIDDEN)
        if any(file.max_ts > context.as_of for file in dataset.files):
            conditions["in_time"] = nw.col("ts") <= context.as_of
        if context.leaves_out_bots:
            columns.add(IS_BOT)
            conditions["meant"] = ~is_bot()
        if where is not None:
            conditions["matching"] = where.expression()
        conditions["of_people"] = ~nw.col("person_key").is_null()
        frame = scan(
            context.engine, dataset, columns, () if where is None else where.properties,
            with_hidden=True,
        )  # fmt: skip
        kept, counts = nw.lit(value=True), [nw.len().alias("scanned")]
        for name, condition in conditions.items():
            kept = kept & condition
            counts.append(kept.cast(nw.Int64).sum().alias(name))
        people = context.engine.distinct(frame.filter(kept), ["person_key"])
        return frame.select(*counts).join(people.select(nw.len().alias("people")), how="cross")
