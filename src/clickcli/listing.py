"""Which events are there: raw rows in order of time, their number, and counts per value.

Rows are read a span of whole days at a time, so that memory holds one span, not the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from clickcli.analysis import Column, ColumnKind, Shared, Table
from clickcli.columns import BY_NAME, EVENT_COLUMNS, MICROSECONDS_PER_DAY, Dtype
from clickcli.context import Context, Events, resolve
from clickcli.engines.hidden import hides
from clickcli.engines.scan import PERSON_ID, files_of
from clickcli.errors import UsageError, unknown
from clickcli.units import EPOCH, Period, from_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset
    from clickcli.filters import PropertyRef
    from clickcli.run import Result

SHOWN: Final = (
    "ts", "event_type", PERSON_ID, "item_id", "page_path", "price", "revenue", "currency",
    "search_query", "device_type", "country", "properties",
)  # fmt: skip
"""Columns of a row when nobody says which."""

_SPAN_ROWS: Final = 2_000_000
_TIMES: Final = frozenset({"ts", "received_at"})
_CODES: Final = frozenset({"seq", "person_key", "status", "position"})


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What to list: rows of these types, of one person or item; the first or the last ones.

    ``head`` and ``tail`` None are no limit. ``columns`` may name properties.
    """

    types: tuple[str, ...] = ()
    person: str | None = None
    item: str | None = None
    columns: tuple[str, ...] = ()
    head: int | None = None
    tail: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A table whose rows are computed when asked for."""

    schema: Table
    frames: Callable[[], Iterator[pl.DataFrame]]
    context: Context

    def meta(self) -> dict[str, Any]:
        """Return what was asked of which data."""
        context = self.context
        has_rows = bool(context.dataset.rows)
        return {
            "as_of": from_us(context.as_of, context.tz).isoformat() if has_rows else None,
            "tz": context.shared.tz,
            "where": None if context.where is None else context.where.text,
            "include_bots": context.shared.include_bots,
            "snapshot": context.dataset.snapshot,
        }

    def notes(self) -> tuple[str, ...]:
        """Return what the reader should know: whose events are not listed."""
        notes = []
        if self.context.leaves_out_bots:
            count = f"{self.context.dataset.bot_rows:,}".replace(",", "\u202f")
            notes.append(
                f"events of bots are left out, {count} in the store; --include-bots adds them"
            )
        if hides(self.context.dataset):
            notes.append("events of people who opted out or did not agree are left out")
        return tuple(notes)

    def begun(self) -> Listed:
        """Compute the first rows now: what fails there fails before anything is written."""
        from clickcli.engines.gone import told_frames

        frames = told_frames(self.context.dataset, self.frames())
        started = [chain(list(islice(frames, 1)), frames)]
        return replace(self, frames=lambda: started.pop() if started else self.frames())

    def result(self) -> Result:
        """Compute all rows."""
        import polars as pl

        from clickcli.engines.polars import POLARS_TYPES
        from clickcli.run import Result

        types = {column.name: POLARS_TYPES[column.dtype] for column in self.schema.columns}
        frame = pl.concat([pl.DataFrame(schema=types), *self.frames()])
        name = self.schema.name
        return Result(
            name, 1, {name: frame}, (self.schema,), self.meta(), self.notes(), title=name.title()
        )


def rows(dataset: Dataset, engine: Engine, shared: Shared, listing: Listing) -> Listed:
    """Return the rows of the events that are meant, in order of (ts, seq).

    Raises UsageError for unknown columns and event types.
    """
    if listing.head is not None and listing.tail is not None:
        raise UsageError("--head and --tail contradict each other", hint="give one of them")
    context = _resolved(dataset, engine, shared, listing)
    sources = _sources(listing.columns or SHOWN, dataset)
    columns = tuple(declared(text, source) for text, source in sources)
    schema = Table("events", "One row an event.", columns, keys=())
    return Listed(schema, lambda: _frames(context, listing, sources, columns), context)


def _resolved(dataset: Dataset, engine: Engine, shared: Shared, listing: Listing) -> Context:
    context = resolve(dataset, engine, shared)
    for name in listing.types:
        if dataset.event_types and name not in dataset.event_types:
            raise unknown("event type", name, dataset.event_types)
    return context


def _sources(texts: Sequence[str], dataset: Dataset) -> list[tuple[str, str | PropertyRef]]:
    """Return each asked column with what it is read from; ``*`` is every stored column."""
    from clickcli.filters import column_or_property

    found: dict[str, str | PropertyRef] = {}
    for text in texts:
        if text == "*":
            found.update({one.name: one.name for one in EVENT_COLUMNS if one.name != "person_key"})
        elif text == PERSON_ID:
            found[text] = PERSON_ID
        else:
            found[text] = column_or_property(text, known_properties=dataset.property_names)
    return list(found.items())


def declared(text: str, source: str | PropertyRef) -> Column:
    """Return the column that shows a stored one, the person or a property."""
    if not isinstance(source, str):
        return Column(text, "string", "text", "a property, as text")
    if source == PERSON_ID:
        return Column(text, "string", "key", "the person, identity links applied")
    stored = BY_NAME[source]
    dtype: Dtype = stored.dtype
    kind: ColumnKind = "text"
    if source in _TIMES:
        dtype, kind = "timestamp", "timestamp"
    elif stored.money:
        dtype, kind = "float64", "money"
    elif source in _CODES:
        kind = "key"
    elif dtype == "int64":
        kind = "count"
    elif dtype == "float64":
        kind = "ratio"
    elif dtype == "bool":
        kind = "flag"
    return Column(text, dtype, kind, stored.help)


def _meant(
    context: Context, listing: Listing, columns: Iterable[str] = (),
    properties: Iterable[PropertyRef] = (), period: Period | None = None,
) -> nw.LazyFrame[Any]:  # fmt: skip
    """Return the events that are meant, with the columns asked for."""
    import narwhals as nw

    asked = set(columns)
    asked |= {"event_type"} if listing.types else set()
    asked |= {PERSON_ID} if listing.person is not None else set()
    asked |= {"item_id"} if listing.item is not None else set()
    frame = Events(context).frame(
        asked, properties, period=context.period if period is None else period, with_nobody=True
    )
    if listing.types:
        frame = frame.filter(nw.col("event_type").is_in(list(listing.types)))
    if listing.person is not None:
        frame = frame.filter(nw.col(PERSON_ID) == listing.person)
    if listing.item is not None:
        frame = frame.filter(nw.col("item_id") == listing.item)
    return frame


def _frames(
    context: Context,
    listing: Listing,
    sources: Sequence[tuple[str, str | PropertyRef]],
    columns: Sequence[Column],
) -> Iterator[pl.DataFrame]:
    """Yield the rows span by span; the last rows are looked for from the end."""
    is_tail = listing.tail is not None
    left = listing.tail if is_tail else listing.head
    spans = list(day_spans(context, _SPAN_ROWS))
    held: list[pl.DataFrame] = []
    for span in reversed(spans) if is_tail else spans:
        if left is not None and left <= 0:
            break
        frame = _span(context, listing, sources, span, left)
        if left is not None:
            left -= frame.height
        shown = _shown(frame, sources, columns)
        if is_tail:
            held.append(shown)
        elif shown.height:
            yield shown
    yield from (frame for frame in reversed(held) if frame.height)


def day_spans(context: Context, rows: int) -> Iterator[Period]:
    """Yield spans of whole UTC days that cover the period, of at most ``rows`` or one day each."""
    sizes: dict[date, int] = {}
    for file in files_of(context.dataset, context.period):
        sizes[file.date] = sizes.get(file.date, 0) + file.rows
    first: date | None = None
    total = 0
    days = sorted(sizes)
    for number, day in enumerate(days):
        first = first or day
        total += sizes[day]
        is_last = number == len(days) - 1
        if is_last or total + sizes[days[number + 1]] > rows:
            low, high = _midnight(first), _midnight(day + timedelta(days=1))
            start, end = context.period.start, context.period.end
            low = low if start is None else max(low, start)
            high = high if end is None else min(high, end)
            high = min(high, context.as_of + 1)
            if low < high:
                yield Period(low, high)
            first, total = None, 0


def _midnight(day: date) -> int:
    return (day - EPOCH.date()).days * MICROSECONDS_PER_DAY


def _span(
    context: Context,
    listing: Listing,
    sources: Sequence[tuple[str, str | PropertyRef]],
    span: Period,
    limit: int | None,
) -> pl.DataFrame:
    """Return the rows of one span in order, at most ``limit`` of its start or end."""
    asked = {source for _, source in sources if isinstance(source, str)}
    if any(source in BY_NAME and BY_NAME[source].money for source in asked):
        asked.add("currency")
    refs = [source for _, source in sources if not isinstance(source, str)]
    frame = _meant(context, listing, asked, refs, span)
    if limit is not None:
        backwards = listing.tail is not None
        frame = frame.sort("ts", "seq", descending=backwards).head(limit)
    collected = context.engine.collect({"rows": frame})["rows"]
    return collected.sort("ts", "seq")


def _shown(
    frame: pl.DataFrame,
    sources: Sequence[tuple[str, str | PropertyRef]],
    columns: Sequence[Column],
) -> pl.DataFrame:
    """Return the rows with the names and types that the table declares."""
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES
    from clickcli.money import unit

    expressions = []
    for (_, source), column in zip(sources, columns, strict=True):
        value = pl.col(source if isinstance(source, str) else source.column)
        if column.kind == "timestamp":
            value = value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        elif column.kind == "money":
            value = value / unit()
        expressions.append(value.cast(POLARS_TYPES[column.dtype]).alias(column.name))
    return frame.select(expressions)


_COUNTS: Final = (
    Column("events", "int64", "count", "events"),
    Column("people", "int64", "count", "people who caused them"),
    Column("first", "timestamp", "timestamp", "time of the oldest of them"),
    Column("last", "timestamp", "timestamp", "time of the newest of them"),
)


def counts(dataset: Dataset, engine: Engine, shared: Shared, listing: Listing) -> Listed:
    """Return one row a value of ``shared.by`` (one row in all without), most events first.

    At most ``listing.head`` rows.
    """
    context = _resolved(dataset, engine, shared, listing)
    named = tuple(Column(text, "string", "key", f"value of {text}") for text in shared.by)
    if clash := {column.name for column in named} & {column.name for column in _COUNTS}:
        raise UsageError(f"--by {min(clash)} would stand beside a column of that name")
    schema = Table("counts", "Events per value.", (*named, *_COUNTS), keys=tuple(shared.by))
    return Listed(schema, lambda: iter([_counted(context, listing, schema)]), context)


def _counted(context: Context, listing: Listing, schema: Table) -> pl.DataFrame:
    import narwhals as nw
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    key = nw.col("person_key")
    aggregates = (
        nw.len().alias("events"),
        (key.n_unique() - key.is_null().any().cast(nw.Int64)).alias("people"),
        nw.col("ts").min().alias("first"),
        nw.col("ts").max().alias("last"),
    )
    frame = _meant(context, listing)
    reduced = (
        frame.group_by(*context.by).agg(*aggregates) if context.by else frame.select(*aggregates)
    )
    table = context.engine.collect({"counts": reduced})["counts"]
    named = table.rename(dict(zip(context.by, context.shared.by, strict=True)))
    order = [pl.col("events"), *(pl.col(name) for name in context.shared.by)]
    ordered = named.sort(order, descending=[True] + [False] * len(context.by))
    return ordered.select(
        pl.col(column.name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        if column.kind == "timestamp"
        else pl.col(column.name).cast(POLARS_TYPES[column.dtype])
        for column in schema.columns
    ).head(listing.head if listing.head is not None else ordered.height)
