"""Run a query over the tables of a dataset, and say plainly what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import clickcli.sql
from clickcli import __version__
from clickcli.analysis import Column, ColumnKind, Shared, Table
from clickcli.columns import Dtype
from clickcli.context import Context, Events, resolve
from clickcli.errors import DataError, UsageError, suggestion, unknown
from clickcli.notes import left_out
from clickcli.run import Result, read_counts
from clickcli.sql.statement import Look, Statement, names_of, parsed
from clickcli.sql.tables import Scope, Source, notes_on, sources
from clickcli.units import from_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset
    from clickcli.features import Features

ROWS: Final = "rows"
_TOLD: Final = 200
"""Characters of what Polars says that an error repeats, at most."""
_NO_COLUMN: Final = re.compile(
    r"unable to find column \"(?P<name>.+?)\"; valid"
    r"|no column named '(?P<of_table>.+?)' found in table"
)
_NO_TABLE: Final = re.compile(r"no table or struct column named '(?P<name>.+?)' found")
_LIKE_SOURCE: Final = frozenset({"money", "duration_s", "timestamp", "count", "share"})
"""Kinds that stay what they are when values are summed, averaged or compared."""


def ask(dataset: Dataset, engine: Engine, shared: Shared, features: Features, text: str) -> Result:
    """Return the answer to a query as the table ``rows``; ``features`` are those of the store.

    Raises UsageError for a query that is not one, or that cannot be computed.
    """
    tables = sources()
    orders = {name: table.order for name, table in tables.items()}
    statement = parsed(text, orders, is_utc=shared.tz == "UTC")
    context = resolve(dataset, engine, shared)
    read = engine.collect({"read": Events(context).read()})["read"]
    counts = read_counts(context, read)
    used = [tables[name] for name in statement.tables]
    scope = Scope(context, features, statement.properties)
    answer = _computed(statement, used, scope)
    columns, frame = _plain(answer, statement, used)
    if shared.limit is not None:
        frame = frame.head(shared.limit)
    schema = Table(ROWS, "Rows of the query.", columns, keys=(), is_list=True)
    notes = (*left_out(counts["left_out"]), *notes_on(used, scope))
    words = (clickcli.sql.__doc__ or "").strip()
    meta = _receipt(statement, context, counts)
    return Result("sql", 1, {ROWS: frame}, (schema,), meta, notes, definition=words)


def _computed(statement: Statement, used: Iterable[Source], scope: Scope) -> pl.DataFrame:
    """Run the query; what Polars says against it becomes a UsageError.

    Raises DataError for a damaged file.
    """
    import polars as pl

    frames = {source.name: source.rows(scope) for source in used}
    try:
        return _collected(pl.SQLContext(frames, eager=False).execute(statement.sql))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if str(error).startswith("parquet:"):
            raise DataError(
                f"a file of the store cannot be read: {str(error).splitlines()[0]}",
                hint="clickcli verify names it",
            ) from error
        raise _refused(str(error), statement, used, scope.context.dataset) from error


def _collected(lazy: pl.LazyFrame) -> pl.DataFrame:
    return lazy.collect(engine="streaming")


def _refused(
    text: str, statement: Statement, used: Iterable[Source], dataset: Dataset
) -> UsageError:
    """Return the error for what Polars says, with a way out."""
    columns = {column.name for source in used for column in source.columns()}
    if match := _NO_COLUMN.search(text):
        name = match["name"] or match["of_table"]
        written = dict(names_of(statement))
        if name in written:
            return UsageError(
                f"{written[name]} stands where there are no events",
                hint="properties are read from the table events: give them a name there with AS",
            )
        if suggestion(name, columns) is None and name in dataset.property_names:
            return UsageError(f"unknown column {name!r}", hint=f"did you mean properties.{name}?")
        return unknown("column", name, columns)
    if match := _NO_TABLE.search(text):
        return unknown("table", match["name"], [source.name for source in used])
    said = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    for column, written_as in names_of(statement):
        said = said.replace(column, written_as)
    said = said if len(said) <= _TOLD else said[:_TOLD] + "…"
    hint = "try_cast gives no value where one cannot be" if "conversion from" in said else None
    return UsageError(f"the query cannot be computed: {said}", hint=hint)


def _plain(
    answer: pl.DataFrame, statement: Statement, used: Iterable[Source]
) -> tuple[tuple[Column, ...], pl.DataFrame]:
    """Return the declared columns of an answer, and the answer in their types."""
    import polars as pl

    known = {column.name: column for source in used for column in source.columns()}
    written = dict(names_of(statement))
    looks = statement.looks or tuple(Look(name) for name in answer.columns)
    columns, values = [], []
    for name, look in zip(answer.columns, looks, strict=True):
        value, dtype, kind = _value(pl.col(name), answer.schema[name], name)
        source = known.get(look.source or "")
        kind = _kind(dtype, kind, look, source)
        text = source.help if source is not None and source.name == name else "of the query"
        shown = written.get(name, name)
        columns.append(Column(shown, dtype, kind, text))
        values.append(value.alias(shown))
    try:
        return tuple(columns), answer.select(values)
    except pl.exceptions.InvalidOperationError as error:
        raise UsageError(
            "the answer holds a whole number that does not fit 64 bits",
            hint="cast(… as double) counts with fractions, less exactly",
        ) from error


def _value(value: pl.Expr, found: pl.DataType, name: str) -> tuple[pl.Expr, Dtype, ColumnKind]:
    """Return a column in one of our types, the type, and how it looks when nothing else is known.

    Durations are seconds; a time without a zone is its text.
    """
    import polars as pl

    if found.is_integer():
        return value.cast(pl.Int64), "int64", "key"
    if found.is_numeric():
        number = value.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number), "float64", "score"
    if isinstance(found, pl.Datetime):
        if found.time_zone is None:
            return value.dt.to_string("%Y-%m-%dT%H:%M:%S%.f"), "string", "text"
        moment = value.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
        return moment, "timestamp", "timestamp"
    if isinstance(found, pl.Duration):
        return value.dt.total_microseconds() / 1_000_000, "float64", "duration_s"
    if isinstance(found, pl.Date):
        return value, "date", "key"
    if isinstance(found, pl.Boolean):
        return value, "bool", "flag"
    if isinstance(found, pl.String | pl.Null):
        return value.cast(pl.String), "string", "text"
    raise UsageError(
        f"column {name!r} is of a type that an answer cannot hold ({found})",
        hint="cast it to text or a number",
    )


def _kind(dtype: Dtype, usual: ColumnKind, look: Look, source: Column | None) -> ColumnKind:
    """Return how a column looks: like the column that it is of, like a count, or as usual."""
    if source is not None and source.dtype == dtype:
        return source.kind
    is_number = dtype in ("int64", "float64")
    if source is not None and is_number and source.kind in _LIKE_SOURCE - {"timestamp"}:
        return source.kind
    return "count" if look.is_count and dtype == "int64" else usual


def _receipt(statement: Statement, context: Context, counts: Mapping[str, Any]) -> dict[str, Any]:
    period, tz = context.period, context.tz
    return {
        "query": statement.text,
        "tables": list(statement.tables),
        "clickcli": __version__,
        "period": {
            "from": None if period.start is None else from_us(period.start, tz).isoformat(),
            "to": None if period.end is None else from_us(period.end, tz).isoformat(),
        },
        "tz": context.shared.tz,
        "as_of": from_us(context.as_of, tz).isoformat() if context.dataset.rows else None,
        "where": None if context.where is None else context.where.text,
        "include_bots": context.shared.include_bots,
        "snapshot": context.dataset.snapshot,
        **counts,
    }
