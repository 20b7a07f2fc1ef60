"""Show the features that were built: which tables, or the rows of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.features import page_of_features
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.errors import UsageError, unknown
from clickcli.features.tables import ITEMS, PERSONS, TABLES
from clickcli.render.page import Page, Sheet, sheet_of_rows
from clickcli.units import zone

if TYPE_CHECKING:
    from clickcli.api import Log

_LIMIT: Final = 20
_COLUMNS: Final = Table(
    "columns",
    "The columns of a table.",
    (
        Column("column", "string", "key", "name of the column"),
        Column("type", "string", "text", "what it holds"),
        Column("meaning", "string", "text", "what it says, or how it is computed"),
    ),
    keys=("column",),
    below=("meaning",),
)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``features show``."""

    name: Annotated[
        str | None,
        Flag(f"Table: {', '.join(TABLES)}; without it, the list of them.", is_argument=True,
             metavar="TABLE"),
    ] = None  # fmt: skip
    person: Annotated[
        str | None, Flag("Only rows about this person.", metavar="ID", group="Selection")
    ] = None
    item: Annotated[
        str | None, Flag("Only rows about this item.", metavar="ID", group="Selection")
    ] = None
    limit: Annotated[
        int,
        Flag("At most this many rows; 0 is all of them.", kind="count", minimum=0, short="n",
             group="Selection"),
    ] = _LIMIT  # fmt: skip
    columns: Annotated[
        bool,
        Flag("List the columns of the table instead, and what they mean.", group="Selection"),
    ] = False

    def table(self) -> str | None:
        """Return which table is meant, None for the list; UsageError where there is none such."""
        implied = PERSONS.name if self.person is not None else None
        name = self.name or (ITEMS.name if self.item is not None and not implied else implied)
        if name is None:
            return None
        if name not in TABLES:
            raise unknown("table", name, TABLES)
        for flag, column in (("person", "person_id"), ("item", "item")):
            if getattr(self, flag) is not None and column not in TABLES[name].names():
                having = [one for one, table in TABLES.items() if column in table.names()]
                raise UsageError(
                    f"--{flag} must be given with {', '.join(having)}, was with {name}"
                )
        return name


def _run(given: Mapping[str, Any]) -> None:
    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    name = parameters.table()
    if parameters.columns:
        emit(_columns(name), to)
        return
    with opened(general, settings) as log:
        page = _list(log) if name is None else _rows(log, name, parameters)
    emit(page, to.in_zone(zone(settings["tz"])))


def _columns(name: str | None) -> Page:
    """Return what the columns of a table mean."""
    if name is None:
        raise UsageError("--columns must be given with a table", hint=", ".join(TABLES))
    rows = [(column.name, column.dtype, column.help) for column in TABLES[name].columns]
    title = f"Columns of {name}"
    return Page("features-columns", 1, (sheet_of_rows(_COLUMNS, rows),), title=title)


def _list(log: Log) -> Page:
    kept = log.features.kept()
    notes = log.features.notes() if kept else ["nothing was built: clickcli features build"]
    return page_of_features(kept, notes, log.features.receipt())


def _rows(log: Log, name: str, parameters: Parameters) -> Page:
    """Return the rows of a table that are asked for."""
    import polars as pl

    rows = log.features.table(name)
    if parameters.person is not None:
        rows = rows.filter(pl.col("person_id") == parameters.person)
    if parameters.item is not None:
        rows = rows.filter(pl.col("item") == parameters.item)
    limit = parameters.limit or None
    found = (rows if limit is None else rows.head(limit + 1)).collect()
    notes = log.features.notes()
    if limit is not None and found.height > limit:
        notes.append(f"the first {limit} rows; --limit 0 gives all of them")
        found = found.head(limit)
    if found.is_empty() and (parameters.person or parameters.item):
        notes.append(f"{name} has no such rows")
    is_card = parameters.person is not None and name == PERSONS.name
    is_card = is_card or (parameters.item is not None and name == ITEMS.name)
    sheet = Sheet(TABLES[name], found.iter_rows, lambda: (found,), is_card=is_card)
    title = name.replace("_", " ").capitalize()
    return Page(f"features-{name}", 1, (sheet,), log.features.receipt(), notes, title=title)


COMMAND = Command(
    "show",
    "Show the features that were built: which tables, or the rows of one.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli features show",
        "clickcli features show persons --columns",
        "clickcli features show persons --person 42",
        "clickcli features show interactions --limit 0 -o interactions.csv",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in TABLES.values())},
    without=frozenset({"table"}),
)
