"""A table whose rows lie below one another: branches before their names, shares as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from clickcli.analysis import Table, Tree
from clickcli.render.cells import NULL
from clickcli.render.text import visible

BAR: Final = 10
"""Cells of the longest bar."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def drawn(
    schema: Table, tree: Tree, rows: Sequence[Sequence[Any]]
) -> tuple[Table, list[list[Any]]]:
    """Return the table with branches before its labels, and its rows; the label is the key."""
    place = {name: at for at, name in enumerate(schema.names())}
    label, bar = place[tree.label], place[tree.bar]
    before = _branches([row[place[tree.depth]] for row in rows])
    out = [name for name in (*tree.hidden, tree.depth, tree.label) if name in place]
    by = [name for name in schema.keys if name not in out]
    kept = [place[name] for name in (*by, tree.label)]
    kept += [at for name, at in place.items() if name not in (*by, *out)]
    columns = tuple(
        replace(column, dtype="string", kind="text") if column.name == tree.bar else column
        for column in (schema.columns[at] for at in kept)
    )
    longest = max((row[bar] or 0 for row in rows), default=0)
    table = []
    for row, branch in zip(rows, before, strict=True):
        cells = list(row)
        cells[label] = branch + visible(str(row[label]))
        cells[bar] = bar_of(row[bar], longest)
        table.append([cells[at] for at in kept])
    return replace(schema, columns=columns, keys=(*by, tree.label), tree=None), table


def _branches(depths: Sequence[int]) -> list[str]:
    """Return what stands before each label, from the last row up, where it shows what follows."""
    result: list[str] = []
    going_on: set[int] = set()
    for depth in reversed(depths):
        lines = "".join("│ " if level in going_on else "  " for level in range(2, depth))
        turn = ("├ " if depth in going_on else "└ ") if depth > 1 else ""
        result.append(lines + turn)
        going_on = {level for level in going_on if level < depth} | {depth}
    return result[::-1]


def bar_of(share: float | None, longest: float) -> str:
    """Return a bar for a share, to an eighth of a cell; at least that for more than nothing."""
    if not share:
        return NULL
    full, rest = divmod(max(round(share / longest * BAR * 8), 1), 8)
    return "█" * full + _EIGHTHS[rest].strip()
