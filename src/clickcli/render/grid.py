"""A long table as people compare it: one row a group, one column a value of a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final

from clickcli.analysis import Column, Grid, Table
from clickcli.render.cells import NULL, formatter
from clickcli.render.layout import COMPLETE

OPEN: Final = "*"


def widened(
    schema: Table, grid: Grid, rows: Sequence[Sequence[Any]], tz: tzinfo
) -> tuple[Table, list[list[Any]]]:
    """Return the table with a column for each value of ``grid.across``, and its rows.

    A cell that is not complete carries a star; the first value of ``across``, where it is the
    group itself, is left out.
    """
    by_name = {column.name: column for column in schema.columns}
    place = {name: at for at, name in enumerate(schema.names())}
    show = formatter(by_name[grid.value], tz)
    keys = [name for name in schema.keys if name != grid.across]
    values = sorted({row[place[grid.across]] for row in rows})[0 if grid.has_first else 1 :]
    groups: dict[tuple[Any, ...], dict[Any, str]] = {}
    beside: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        group = tuple(row[place[name]] for name in keys)
        text = show(row[place[grid.value]]).removesuffix(" %")
        is_open = COMPLETE in place and row[place[COMPLETE]] is False
        groups.setdefault(group, {})[row[place[grid.across]]] = text + (OPEN if is_open else " ")
        beside.setdefault(group, [row[place[name]] for name in grid.beside])
    columns = (
        *(by_name[name] for name in keys),
        *(by_name[name] for name in grid.beside),
        *(Column(f"{value}", "float64", "share", f"{grid.across} {value}") for value in values),
    )
    table = [
        [*group, *beside[group], *(cells.get(value, f"{NULL} ") for value in values)]
        for group, cells in groups.items()
    ]
    text = f"{grid.help} {OPEN} not complete." if COMPLETE in place else grid.help
    return replace(schema, columns=columns, keys=tuple(keys), help=text, grid=None), table
