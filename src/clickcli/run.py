"""Run an analysis: three moves, then the checks of its declaration and the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from clickcli import __version__
from clickcli.analysis import Analysis, Column, Shared, Table, Units
from clickcli.context import OTHER, TOTAL, Context, Events, most_common, resolve
from clickcli.engines.hidden import hides
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.errors import DataError, InternalError, UsageError
from clickcli.notes import left_out
from clickcli.small_groups import without_small_groups
from clickcli.units import from_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset

P = TypeVar("P")

PEOPLE = Table(
    "people",
    "The people behind a cell.",
    (
        Column(PERSON_ID, "string", "key", "person"),
        Column(IS_KNOWN, "bool", "key", "whether the id is a user's, not a device's"),
    ),
    keys=(PERSON_ID, IS_KNOWN),
    is_broken_down=False,
)


_LEFT_OUT: Final = {
    "shown": "without_consent",
    "in_time": "after_as_of",
    "meant": "of_bots",
    "matching": "not_matching_where",
    "of_people": "of_nobody",
}
"""Why events are left out that do not meet each of the conditions of ``Events.read``."""


@dataclass(frozen=True)
class Result:
    """Tables of one analysis with their declaration, the receipt and notes for the reader.

    ``schemas`` are the declared tables with the columns of ``--by`` in front; the first is the
    main one.
    """

    name: str
    version: int
    tables: Mapping[str, pl.DataFrame]
    schemas: tuple[Table, ...]
    meta: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    title: str = ""
    definition: str = field(default="", repr=False)

    def to_polars(self, table: str | None = None) -> pl.DataFrame:
        """Return one table, the main one when not named; an unknown name is a UsageError."""
        return self.tables[self.schema(table).name]

    def schema(self, table: str | None = None) -> Table:
        """Return the declaration of one table, the main one when not named."""
        if table is None:
            return self.schemas[0]
        for schema in self.schemas:
            if schema.name == table:
                return schema
        from clickcli.errors import unknown

        raise unknown("table", table, self.tables)


def run(
    analysis: Analysis[P],
    parameters: P,
    dataset: Dataset,
    shared: Shared,
    engine: Engine,
    *,
    who: str | None = None,
    shown_as: Context | None = None,
    table: str | None = None,
) -> Result:
    """Compute an analysis over a dataset; with ``who``, the people behind one cell.

    ``shown_as`` is the question whose values of ``--by`` are shown here too. With ``table`` the
    others may come out empty.

    Raises UsageError for options that contradict each other or name what is not there, and
    InternalError when the result is not as declared.
    """
    context = resolve(dataset, engine, shared)
    if shared.min_group is None:  # what it hides is counted over all tables
        context = replace(context, table=table, cell=who)
    if context.by and not analysis.takes_by:
        raise UsageError(f"{analysis.name} has no --by")
    if analysis.check is not None:
        analysis.check(parameters, context)
    if who is not None and shared.min_group is not None:
        raise UsageError("--who and --min-group contradict each other")
    events = Events(context)
    read = events.read()
    units = _units(analysis, parameters, context, shown_as or context)
    if who is not None:
        return _people(analysis, parameters, context, events, units, who, read)
    frames = dict(analysis.reduce(units, parameters, context))
    collected = engine.collect({**frames, "receipt": read})
    receipt = collected.pop("receipt")
    finished = analysis.finish(collected, parameters, context)
    tables, schemas = {}, []
    for declared in analysis.tables:
        schema = _with_by(declared, context)
        schemas.append(schema)
        given = finished.tables.get(declared.name)
        frame = _nothing(schema) if given is None else given
        tables[declared.name] = _checked(analysis.name, schema, frame, context)
    meta = _receipt(analysis, parameters, context, receipt)
    hidden: list[str] = []
    if shared.min_group is not None:
        tables, hidden = without_small_groups(schemas, tables, shared, meta["people_read"])
    return Result(
        analysis.name,
        analysis.version,
        tables,
        tuple(schemas),
        {**meta, **finished.facts},
        (*finished.notes, *left_out(meta["left_out"]), *hidden),
        finished.title,
        definition(analysis),
    )


def definition(analysis: Analysis[Any]) -> str:
    """Return what the analysis' module says of itself, without the headline's period rules."""
    import inspect
    import sys

    module = sys.modules[analysis.parameters.__module__]
    return inspect.cleandoc(module.__doc__ or "")


def _with_by(table: Table, context: Context) -> Table:
    if not context.by or not table.is_broken_down:
        return table
    extra = tuple(Column(name, "string", "key", f"value of {name}") for name in context.shared.by)
    if clash := {column.name for column in extra} & set(table.names()):
        word = min(clash)
        raise UsageError(f"--by {word} would stand beside a column of that name in the answer")
    names = tuple(context.shared.by)
    return replace(
        table,
        columns=extra + table.columns,
        keys=names + table.keys,
        order=names + (table.order or table.keys),
    )


def _units(analysis: Analysis[P], parameters: P, context: Context, shown_as: Context) -> Units:
    """Return the units, each value of a breakdown first and then the total, computed apart."""
    events = Events(context, most_common(shown_as))
    parts = analysis.units(events, parameters, context)
    if context.by:
        import narwhals as nw

        whole = replace(context, by_sources=())
        totals = analysis.units(Events(whole), parameters, whole)
        labels = [nw.lit(TOTAL).alias(by) for by in context.by]
        parts = {
            name: nw.concat(
                [part, totals[name].with_columns(*labels).select(part.collect_schema().names())]
            )
            for name, part in parts.items()
        }
    return {name: context.engine.hold(part) for name, part in parts.items()}


def _people(
    analysis: Analysis[P],
    parameters: P,
    context: Context,
    events: Events,
    units: Units,
    cell: str,
    read: nw.LazyFrame[Any],
) -> Result:
    """Return the people of one cell, in the order of their ids."""
    import narwhals as nw

    if context.by:
        raise UsageError("--who and --by contradict each other", hint="filter with --where")
    if analysis.members is not None:
        frames = context.engine.collect(analysis.reduce(units, parameters, context))
        keys = context.engine.table(analysis.members(cell, frames, parameters, context))
    elif analysis.who is not None:
        name, chosen = analysis.who(cell, parameters, context)
        keys = units[name].filter(chosen).select("person_key").unique()
    else:
        raise UsageError(f"{analysis.name} has no --who")
    columns = [PERSON_ID, IS_KNOWN]
    names = events.frame(columns, with_by=False).with_columns(nw.col(IS_KNOWN).cast(nw.Int64))
    people = (
        names.join(keys, on="person_key", how="inner")
        .group_by("person_key")
        .agg(nw.col(*columns).min())
        .select(*columns)
    )
    collected = context.engine.collect({"people": people, "receipt": read})
    table = _checked(analysis.name, PEOPLE, collected["people"], context)
    meta = {**_receipt(analysis, parameters, context, collected["receipt"]), "who": cell}
    return Result(
        analysis.name, analysis.version, {"people": table}, (PEOPLE,), meta,
        definition=definition(analysis),
    )  # fmt: skip


def _nothing(schema: Table) -> pl.DataFrame:
    """Return an empty table of the declared columns."""
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    return pl.DataFrame(schema={one.name: POLARS_TYPES[one.dtype] for one in schema.columns})


def _checked(name: str, schema: Table, frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Return the table in declared types and order; InternalError when it is not as declared."""
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    if schema.is_broken_down:
        given = dict(zip(context.by, context.shared.by, strict=True))
        frame = frame.rename({by: name for by, name in given.items() if by in frame.columns})
    if missing := set(schema.names()) - set(frame.columns):
        raise InternalError(f"{name}: table {schema.name} lacks {sorted(missing)}")
    typed = frame.select(
        pl.col(column.name).cast(POLARS_TYPES[column.dtype]) for column in schema.columns
    )
    same_key = pl.struct(schema.keys).is_duplicated().any() if schema.keys else pl.len() > 1
    if typed.select(same_key).item():
        raise InternalError(f"{name}: table {schema.name} has two rows of one key")
    if order := _order(schema, context):
        typed = typed.sort(order, nulls_last=True, maintain_order=True)
    return typed if context.shared.limit is None else typed.head(context.shared.limit)


def _order(schema: Table, context: Context) -> list[pl.Expr]:
    """Return what to sort by; in a breakdown the total comes first and ``(other)`` last."""
    import polars as pl

    result: list[pl.Expr] = []
    for word in schema.order or schema.keys:
        column = pl.col(word.removeprefix("-"))
        if word in context.shared.by:
            place = pl.when(column == TOTAL).then(0).when(column == OTHER).then(2).otherwise(1)
            result.append(place)
        if word.startswith("-"):
            column = column.rank("dense", descending=True)
        result.append(column)
    return result


def _plain(value: object) -> object:
    """Return a parameter as JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value


def _receipt(
    analysis: Analysis[P], parameters: P, context: Context, read: pl.DataFrame
) -> dict[str, Any]:
    assert is_dataclass(parameters)
    assert not isinstance(parameters, type)
    tz, period, shared = context.tz, context.period, context.shared
    return {
        "analysis": analysis.name,
        "version": analysis.version,
        "clickcli": __version__,
        "parameters": {name: _plain(value) for name, value in asdict(parameters).items()},
        "period": {
            "from": None if period.start is None else from_us(period.start, tz).isoformat(),
            "to": None if period.end is None else from_us(period.end, tz).isoformat(),
        },
        "tz": shared.tz,
        "week_start": shared.week_start.value,
        "as_of": None if not context.dataset.rows else from_us(context.as_of, tz).isoformat(),
        "where": None if context.where is None else context.where.text,
        "by": list(shared.by),
        **({} if shared.min_group is None else {"min_group": shared.min_group}),
        "include_bots": shared.include_bots,
        "seed": shared.seed,
        "engine": context.engine.name,
        "snapshot": context.dataset.snapshot,
        **read_counts(context, read),
    }


def read_counts(context: Context, read: pl.DataFrame) -> dict[str, Any]:
    """Return for the receipt what was read and what was left out, from the row of ``Events.read``.

    Raises DataError when the files hold more or fewer events than the catalog says.
    """
    row = read.row(0, named=True)
    scanned = int(row["scanned"])
    if scanned != context.dataset.rows:
        raise DataError(
            f"the store's files hold {scanned} events, its catalog says {context.dataset.rows}",
            hint="clickcli verify names the damaged file",
        )
    left, left_out = scanned, {}
    for condition, reason in _LEFT_OUT.items():
        kept = int(row.get(condition, left) or 0)
        left_out[reason] = left - kept
        left = kept
    if not hides(context.dataset):
        del left_out["without_consent"]
    return {"events_read": left, "people_read": int(row["people"]), "left_out": left_out}
