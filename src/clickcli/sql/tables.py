"""The tables that SQL reads and that can be exported: one entry each.

Those made when asked for are of the people and the period that an analysis of the same options
would see: events of bots, of people who opted out and after as-of are left out, and identity links
applied. Those of ``features`` are as they were built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from clickcli.analysis import Column, Table
from clickcli.columns import BY_NAME, EVENT_COLUMNS
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.features.tables import TABLES

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context
    from clickcli.features import Features
    from clickcli.filters import PropertyRef

LOCAL_DATE: Final = "local_date"
_SPAN_ROWS: Final = 50_000
"""Events that an export holds at once, where a day has no more."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What rows are asked for: the question, the features of its store, and properties of events.

    Each property becomes a column; only the table ``events`` has any.
    """

    context: Context
    features: Features
    properties: tuple[PropertyRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A table: what it is, its columns, and its rows; times have the zone of the question."""

    name: str
    help: str
    columns: Callable[[], tuple[Column, ...]]
    rows: Callable[[Scope], pl.LazyFrame]
    order: tuple[str, ...]
    is_long: bool = False
    """Whether it is exported some days at a time: a row belongs to the day of its ``ts``."""
    is_kept: bool = False
    """Whether it was built before: period and filter of the question change nothing."""

    def schema(self) -> Table:
        """Return the table as writers know it."""
        return Table(self.name, self.help, self.columns(), keys=(), is_list=True)

    def frames(self, scope: Scope) -> Iterator[pl.DataFrame]:
        """Yield the rows of the question in order, times in UTC."""
        import polars as pl

        from clickcli.engines.polars import POLARS_TYPES
        from clickcli.listing import day_spans

        types = [pl.col(one.name).cast(POLARS_TYPES[one.dtype]) for one in self.columns()]
        context = scope.context
        spans = day_spans(context, _SPAN_ROWS) if self.is_long else (context.period,)
        for span in spans:
            lazy = self.rows(replace(scope, context=replace(context, period=span)))
            yield _collected(lazy.sort(self.order).select(types), context)


def _collected(lazy: pl.LazyFrame, context: Context) -> pl.DataFrame:
    import narwhals as nw

    return context.engine.collect({"rows": nw.from_native(lazy)})["rows"]


def notes_on(used: Iterable[Source], scope: Scope) -> list[str]:
    """Return what the reader of tables that were built before should know."""
    kept = [source.name for source in used if source.is_kept]
    shared = scope.context.shared
    if not kept:
        return []
    notes = scope.features.notes()
    if shared.where or any((shared.from_, shared.to, shared.last, shared.as_of)):
        names = " and ".join(kept)
        notes.append(f"{names}: as built; the period and --where change nothing there")
    return notes


def sources() -> dict[str, Source]:
    """Return the tables by name."""
    return {source.name: source for source in SOURCES}


def _event_columns() -> tuple[Column, ...]:
    """Return what an event is first: when, what, who; then all that is stored, as it is stored."""
    from clickcli.listing import declared

    own = (
        Column("ts", "timestamp", "timestamp", "when it happened, in --tz"),
        Column(LOCAL_DATE, "date", "key", "day in --tz"),
        declared("event_type", "event_type"),
        declared(PERSON_ID, PERSON_ID),
        Column(IS_KNOWN, "bool", "flag", "whether person_id is a user's, not a device's"),
        Column("received_at", "timestamp", "timestamp", "when a collector received it"),
    )
    named = {column.name for column in own} | {"person_key"}
    rest = (one.name for one in EVENT_COLUMNS if one.name not in named)
    return (*own, *(declared(name, name) for name in rest))


def _events(scope: Scope) -> pl.LazyFrame:
    import polars as pl

    from clickcli.context import Events
    from clickcli.engines.polars import native_of
    from clickcli.money import major

    context, properties = scope.context, scope.properties
    stored = {name for name in BY_NAME if name != "person_key"}
    frame = Events(context).frame(
        {*stored, PERSON_ID, IS_KNOWN}, properties, period=context.period, with_nobody=True
    )
    values = []
    for column in _event_columns():
        value = pl.col("ts" if column.name == LOCAL_DATE else column.name)
        if column.kind == "timestamp" or column.name == LOCAL_DATE:
            value = _moment(value, context)
        if column.name == LOCAL_DATE:
            value = value.dt.date()
        elif column.kind == "money":
            value = major(column.name)
        values.append(value.alias(column.name))
    return native_of(frame).select(*values, *(ref.column for ref in properties))


def _moment(value: pl.Expr, context: Context) -> pl.Expr:
    """Return microseconds as a time in the zone."""
    import polars as pl

    utc = value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return utc.dt.convert_time_zone(context.shared.tz)


_LINE_COLUMNS: Final = (
    "item_id", "quantity", "price", "cost", "currency", "category", "brand", "line", "lines",
)  # fmt: skip


def _line_columns() -> tuple[Column, ...]:
    events = {column.name: column for column in _event_columns()}
    own = {
        "item_id": Column("item_id", "string", "key", "the item; (none) where none is named"),
        "quantity": Column("quantity", "int64", "count", "pieces, 1 where it was not sent"),
        "cost": Column("cost", "float64", "money", "cost of one piece"),
        "line": Column("line", "int64", "key", "place in the event's list of items, from 0"),
        "lines": Column("lines", "int64", "count", "items of the event"),
    }
    names = ("ts", LOCAL_DATE, "event_type", PERSON_ID, IS_KNOWN, *_LINE_COLUMNS, "order_id", "seq")
    return tuple(own.get(name) or events[name] for name in names)


def _lines(scope: Scope) -> pl.LazyFrame:
    """Return one row an item of each event that buys, or changes a cart."""
    import polars as pl

    from clickcli.context import Events
    from clickcli.engines.polars import native_of
    from clickcli.expressions import inside
    from clickcli.money import major
    from clickcli.relations.carts import CartOptions
    from clickcli.relations.lines import lines

    context, options = scope.context, CartOptions()
    types = (*options.purchases(context), *options.checkout, *options.add, *options.remove)
    events = Events(context)
    people = events.frame((PERSON_ID, IS_KNOWN)).select("seq", PERSON_ID, IS_KNOWN)
    found = lines(events, context, types, _LINE_COLUMNS, ("order_id",))
    rows = native_of(inside(found, context.period).join(people, on="seq", how="left"))
    moment = _moment(pl.col("ts"), context)
    return rows.with_columns(
        moment.alias("ts"),
        moment.dt.date().alias(LOCAL_DATE),
        major("price").alias("price"),
        major("cost").alias("cost"),
    ).select(column.name for column in _line_columns())


@dataclass(frozen=True, slots=True)
class _Listed:
    """The table of an analysis that lists all of its units."""

    analysis: str
    table: str

    def columns(self) -> tuple[Column, ...]:
        """Return the columns as the analysis declares them."""
        from clickcli.registry import load

        schemas = {schema.name: schema for schema in load(self.analysis).tables}
        return schemas[self.table].columns

    def rows(self, scope: Scope) -> pl.LazyFrame:
        """Run the analysis and return the rows of the table."""
        from clickcli.registry import load
        from clickcli.run import run

        analysis, context = load(self.analysis), scope.context
        shared = replace(context.shared, limit=None, by=(), min_group=None)
        parameters = analysis.parameters(list="all")
        result = run(analysis, parameters, context.dataset, shared, context.engine)
        return _in_zone(result.to_polars(self.table).lazy(), context)


def _in_zone(rows: pl.LazyFrame, context: Context) -> pl.LazyFrame:
    """Return rows with their times in the zone of the question."""
    import polars as pl

    times = pl.selectors.datetime(time_zone="*")
    return rows.with_columns(times.dt.convert_time_zone(context.shared.tz))


def _feature(name: str) -> Source:
    """Return the entry of a table that ``features build`` keeps."""
    table = TABLES[name]

    def rows(scope: Scope) -> pl.LazyFrame:
        return _in_zone(scope.features.table(name), scope.context)

    order = tuple(word.removeprefix("-") for word in table.order or table.keys)
    return Source(name, table.help, lambda: table.columns, rows, order, is_kept=True)


_SESSIONS = _Listed("sessions", "sessions")
_CARTS = _Listed("carts", "carts")
SOURCES: Final[tuple[Source, ...]] = (
    Source("events", "One row an event.", _event_columns, _events, ("ts", "seq"), is_long=True),
    Source("sessions", "One row a session, as the command sessions lists them.",
           _SESSIONS.columns, _SESSIONS.rows, ("start", PERSON_ID, IS_KNOWN, "session_id")),
    Source("carts", "One row a cart, as the command carts lists them.",
           _CARTS.columns, _CARTS.rows, ("start", PERSON_ID, IS_KNOWN)),
    Source("lines", "One row an item of each purchase, checkout and change of a cart.",
           _line_columns, _lines, ("ts", "seq", "line")),
    *(_feature(name) for name in TABLES),
)  # fmt: skip
