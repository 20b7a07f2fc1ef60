"""Answer a question in SQL: events, sessions, carts, features."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Shared, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, Target, emit, target
from clickcli.config import load
from clickcli.errors import StorageError, UsageError
from clickcli.render.page import Page, page_of, sheet_of_rows
from clickcli.sql.tables import SOURCES
from clickcli.units import zone

if TYPE_CHECKING:
    from clickcli.run import Result

_MOST_ROWS: Final = 100
"""Rows that a terminal shows when nobody says how many."""
_HINT: Final = 'clickcli sql "select event_type, count(*) from events group by 1"'


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``sql``."""

    query: Annotated[
        str | None,
        Flag("One SELECT; - reads it from stdin.", metavar="QUERY", is_argument=True,
             group="Query"),
    ] = None  # fmt: skip
    file: Annotated[
        str | None,
        Flag("Read the query from this file.", metavar="FILE", complete="file", group="Query"),
    ] = None
    tables: Annotated[bool, Flag("List the tables and their columns instead.", group="Query")] = (
        False
    )
    explain: Annotated[bool, Flag("Say in words what was computed from what.", group="Output")] = (
        False
    )


_TABLES: Final = Table(
    "tables",
    "Tables and their columns.",
    (
        Column("table", "string", "key", "name of the table"),
        Column("column", "string", "key", "name of the column"),
        Column("type", "string", "text", "type of its values"),
        Column("meaning", "string", "text", "what it is"),
    ),
    keys=("table", "column"),
)


def _page_of_tables() -> Page:
    rows = [
        (source.name, one.name, one.dtype, one.help)
        for source in SOURCES
        for one in source.columns()
    ]
    return Page("sql-tables", 1, (sheet_of_rows(_TABLES, rows),))


def _text(parameters: Parameters) -> str:
    """Return the query; UsageError unless it is given once."""
    if (parameters.query is None) == (parameters.file is None):
        raise UsageError("give a query, or a file with --file", hint=_HINT)
    if parameters.query is not None and parameters.query != "-":
        return parameters.query
    try:
        if parameters.file is None:
            return sys.stdin.buffer.read().decode()
        return Path(parameters.file).read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot read {parameters.file}: {error.strerror}") from error
    except UnicodeDecodeError:
        where = parameters.file or "what stdin gives"
        raise UsageError(f"the query must be valid UTF-8; {where} is not") from None


def _shown(result: Result, shared: Shared, to: Target) -> Page:
    """Return the page; a table at a terminal ends after some rows where no limit was given."""
    page = page_of(result)
    frame = result.to_polars()
    is_long = to.style.is_terminal and to.kind.name == "table" and frame.height > _MOST_ROWS
    if shared.limit is not None or not is_long:
        return page
    rows = f"{frame.height:,}".replace(",", "\u202f")
    note = f"the first {_MOST_ROWS} of {rows} rows; --limit N shows more, -o FILE writes all"
    head = replace(result, tables={result.schema().name: frame.head(_MOST_ROWS)})
    return replace(page_of(head), notes=(*page.notes, note))


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.api import build
    from clickcli.cli.explain import explain

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    if parameters.tables:
        emit(_page_of_tables(), to)
        return
    text = _text(parameters)
    asked = {**settings.given("shared"), **only(Shared, given)}
    shared = build(Shared, asked)
    with opened(general, settings) as log:
        result = log.sql(
            text, **{name: value for name, value in asked.items() if name not in _WITHOUT}
        )
    emit(_shown(result, shared, to), to.in_zone(zone(shared.tz)))
    if parameters.explain:
        explain(result, general)


_WITHOUT: Final = frozenset(
    {"vs", "week_start", "include_incomplete", "by", "top", "min_group", "engine", "master", "seed"}
)
COMMAND = Command(
    "sql",
    "Answer a question in SQL: events, sessions, carts, features.",
    (Parameters, Shared, Output, General),
    _run,
    examples=(
        _HINT,
        'clickcli sql "select channel, sum(converted) / count(*) from sessions group by 1"',
        "clickcli sql --file weekly.sql --last 7d --tz Europe/Berlin -o weekly.csv",
    ),
    sections={"Tables": tuple((source.name, source.help) for source in SOURCES)},
    without=_WITHOUT | {"table"},
)
