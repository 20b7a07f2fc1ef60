"""Decide which columns a terminal of some width shows, and how narrow.

The declared order of columns is their importance. What does not fit is first narrowed (headers
over several lines, long text cut, an interval folded into its rate, a column without values
dropped), then left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Final

from clickcli.analysis import Column, Table
from clickcli.render.cells import NULL, cells_of, is_number
from clickcli.render.text import visible

GAP: Final = 2
COMPLETE: Final = "complete"
_CAPS: Final = (None, 60, 40, 28)
_LOW, _HIGH = "_low", "_high"


@dataclass(frozen=True, slots=True)
class Shown:
    """A column ready to be drawn: header lines, cells, width, side."""

    column: Column
    header: str
    cells: tuple[str, ...]
    width: int
    is_right: bool

    @property
    def name(self) -> str:
        """Name of the declared column."""
        return self.column.name


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns to draw, the names of those left out, and which rows are not complete."""

    columns: tuple[Shown, ...]
    hidden: tuple[str, ...]
    incomplete: frozenset[int]


def cell_width(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """Return the text in at most ``width`` cells, an ellipsis where it was cut."""
    if cell_width(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def _label(column: Column) -> str:
    name = column.name.removesuffix("_s") if column.kind == "duration_s" else column.name
    return visible(name).replace("_", " ")


def _wrapped(label: str, width: int) -> str:
    """Break a label between words into lines of about the width of its cells."""
    words = label.split(" ")
    limit = max(width, *(cell_width(word) for word in words))
    lines = [words[0]]
    for word in words[1:]:
        joined = f"{lines[-1]} {word}"
        if cell_width(joined) <= limit:
            lines[-1] = joined
        else:
            lines.append(word)
    return "\n".join(lines)


def _is_text(column: Column) -> bool:
    return column.dtype == "string"


def _shown(column: Column, cells: Sequence[str], *, wrap: bool, cap: int | None) -> Shown:
    if cap is not None and _is_text(column):
        cells = [cut(cell, cap) for cell in cells]
    widest = max((cell_width(cell) for cell in cells), default=0)
    label = _label(column)
    header = _wrapped(label, max(widest, 4)) if wrap else label
    width = max(widest, *(cell_width(line) for line in header.split("\n")))
    return Shown(column, header, tuple(cells), width, is_number(column))


def _total(columns: Sequence[Shown], mark: int) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1) + mark


def _bounds(columns: Sequence[Column]) -> dict[str, tuple[str, str]]:
    """Return the two bound columns of every share that has them."""
    names = {column.name for column in columns}
    return {
        column.name: (column.name + _LOW, column.name + _HIGH)
        for column in columns
        if column.kind in ("share", "measure")
        and {column.name + _LOW, column.name + _HIGH} <= names
    }


def _folded(value: str, low: str, high: str) -> str:
    if NULL in (value, low, high):
        return value
    return f"{value} ({low.removesuffix(' %')}–{high.removesuffix(' %')})"


class _Columns:
    """The cells of a table and the ways to show its columns."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[Any]],
                 tz: tzinfo) -> None:  # fmt: skip
        names = [column.name for column in columns]
        cells = [cells_of(column, names, rows, tz) for column in columns]
        self.columns = columns
        self.cells = {column.name: own for column, own in zip(columns, cells, strict=True)}
        self.bounds = _bounds(columns)
        self.bound_names = {name for pair in self.bounds.values() for name in pair}

    def is_blank(self, column: Column) -> bool:
        """Return whether there are rows and none has a value there."""
        cells = self.cells[column.name]
        return bool(cells) and all(cell == NULL for cell in cells)

    def shown(self, column: Column, *, wrap: bool, cap: int | None, fold: bool) -> Shown:
        cells = self.cells[column.name]
        if fold and column.name in self.bounds:
            low, high = (self.cells[name] for name in self.bounds[column.name])
            cells = [_folded(*three) for three in zip(cells, low, high, strict=True)]
        return _shown(column, cells, wrap=wrap, cap=cap)

    def all(self, *, wrap: bool, cap: int | None, fold: bool) -> list[Shown]:
        return [
            self.shown(column, wrap=wrap, cap=cap, fold=fold)
            for column in self.columns
            if not (fold and column.name in self.bound_names)
        ]


def lay_out(schema: Table, rows: Sequence[Sequence[Any]], tz: tzinfo, width: int | None) -> Layout:
    """Choose what to show of a table in ``width`` cells (None: everything)."""
    names = schema.names()
    incomplete: frozenset[int] = frozenset()
    columns = list(schema.columns)
    if COMPLETE in names and schema.columns[names.index(COMPLETE)].kind == "flag":
        at = names.index(COMPLETE)
        incomplete = frozenset(number for number, row in enumerate(rows) if row[at] is False)
        kept = [number for number in range(len(names)) if number != at]
        columns = [columns[number] for number in kept]
        rows = [[row[number] for number in kept] for row in rows]
    table = _Columns(columns, rows, tz)
    mark = 1 + GAP if incomplete else 0
    plain = table.all(wrap=False, cap=None, fold=False)
    if width is None or _total(plain, mark) <= width:
        return Layout(tuple(plain), (), incomplete)
    columns = [column for column in columns if not table.is_blank(column)] or columns
    table.columns = columns
    for cap in _CAPS:
        for fold in (False, True):
            tried = table.all(wrap=True, cap=cap, fold=fold)
            if _total(tried, mark) <= width:
                return Layout(tuple(_widened(tried, table, width - mark)), (), incomplete)
    chosen, covered = _most_important(table, set(schema.keys), width - mark)
    hidden = tuple(column.name for column in columns if column.name not in covered)
    return Layout(tuple(_widened(chosen, table, width - mark)), hidden, incomplete)


def _most_important(table: _Columns, keys: set[str], width: int) -> tuple[list[Shown], set[str]]:
    """Take keys, then columns in declared order while they fit; fold intervals that fit.

    Returns the columns and the names that they cover.
    """
    smallest = _CAPS[-1]
    chosen: dict[str, Shown] = {}
    for column in table.columns:
        if column.name in keys:
            chosen[column.name] = table.shown(column, wrap=True, cap=smallest, fold=False)
    if _total(list(chosen.values()), 0) > width and chosen:
        cap = max(4, (width - GAP * (len(chosen) - 1)) // len(chosen))
        chosen = {
            name: table.shown(one.column, wrap=True, cap=cap, fold=False)
            for name, one in chosen.items()
        }
    covered = set(chosen)
    for column in table.columns:
        if column.name in covered:
            continue
        rate = column.name.removesuffix(_LOW)
        if rate != column.name and rate in chosen and rate in table.bounds:
            tried = {
                **chosen,
                rate: table.shown(chosen[rate].column, wrap=True, cap=smallest, fold=True),
            }
            names = set(table.bounds[rate])
        elif column.name in table.bound_names:
            continue
        else:
            shown = table.shown(column, wrap=True, cap=smallest, fold=False)
            tried = {**chosen, column.name: shown}
            names = {column.name}
        if _total(list(tried.values()), 0) > width:
            break
        chosen = tried
        covered |= names
    order = [column.name for column in table.columns]
    return sorted(chosen.values(), key=lambda one: order.index(one.name)), covered


def _widened(columns: Sequence[Shown], table: _Columns, width: int) -> list[Shown]:
    """Give cut text the room that is left, first column first."""
    room = width - _total(columns, 0)
    out: list[Shown] = []
    for one in columns:
        natural = max((cell_width(cell) for cell in table.cells[one.name]), default=0)
        if not (_is_text(one.column) and one.width < natural and room > 0):
            out.append(one)
            continue
        cap = min(natural, one.width + room)
        wider = _shown(one.column, table.cells[one.name], wrap=True, cap=cap)
        room -= wider.width - one.width
        out.append(replace(wider, header=one.header))
    return out


def card(schema: Table, row: Sequence[Any], tz: tzinfo) -> list[tuple[str, str]]:
    """Return the names and cells of one row, intervals folded, cells without a value left out."""
    table = _Columns(schema.columns, [row], tz)
    shown = table.all(wrap=False, cap=None, fold=True)
    return [(one.header, one.cells[0]) for one in shown if one.cells[0] != NULL]
