"""Tables for people: every table with its title, numbers to the right, unsafe text shown."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clickcli.render.cells import NULL, formatter
from clickcli.render.grid import widened
from clickcli.render.layout import Layout, card, cell_width, lay_out
from clickcli.render.page import Page, Sheet, Style
from clickcli.render.text import visible
from clickcli.render.tree import drawn

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

Rows = list[list[object]]

_LONG_CARD, _WIDE = 12, 120
"""A card of more lines than this stands in two columns at a terminal of this width."""

_INCOMPLETE = "* not complete: the period, or a window that belongs to it, is still open"


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the chosen table, or all of them; empty ones beside the main one are left out."""
    from rich.console import Console

    sheets = (page.sheet(style.table),) if style.table else page.sheets
    is_first = True
    for given in sheets:
        is_grid = given.schema.grid is not None
        sheet, rows = _laid(given, style)
        is_main = sheet.schema.name == page.sheets[0].schema.name
        is_cut = style.width is not None and not is_main and not style.table
        count = len(rows)
        rows = rows[: sheet.schema.shown] if is_cut else rows
        if not rows and len(sheets) > 1 and not is_main:
            continue
        console = Console(
            file=io.StringIO(),
            width=10_000 if style.width is None else style.width,
            color_system="standard" if style.has_color else None,
            force_terminal=style.has_color,
            no_color=not style.has_color,
            highlight=False,
            emoji=False,
            legacy_windows=False,
        )
        if not is_first:
            console.print()
        is_first = False
        title = page.title if is_main else ""
        _title(console, title, sheet, has_name=len(page.sheets) > 1, is_grid=is_grid)
        if not rows:
            console.print("(no rows)", style="dim")
        else:
            _body(console, sheet, rows, style)
        if count > len(rows):
            rest = f"… {count - len(rows)} more rows: --table {sheet.schema.name}"
            console.print(rest, style="dim")
        text = console.file
        assert isinstance(text, io.StringIO)
        lines = (line.rstrip(" ") for line in text.getvalue().split("\n"))
        yield "\n".join(lines).encode("utf-8", "backslashreplace")


def _laid(sheet: Sheet, style: Style) -> tuple[Sheet, list[list[object]]]:
    """Return a sheet and its rows; a table with a grid or a tree as that grid or tree."""
    rows = [list(row) for row in sheet.rows()]
    schema = sheet.schema
    if rows and schema.grid is not None:
        schema, rows = widened(schema, schema.grid, rows, style.tz)
    elif rows and schema.tree is not None:
        schema, rows = drawn(schema, schema.tree, rows)
    return replace(sheet, schema=schema), rows


def _title(console: Console, title: str, sheet: Sheet, *, has_name: bool, is_grid: bool) -> None:
    from rich.text import Text

    line = Text()
    if title:
        line.append(visible(title), style="bold")
        if is_grid:
            line.append(f"\n{visible(sheet.schema.help)}", style="dim")
    elif has_name:
        line.append(visible(sheet.schema.name), style="bold")
        line.append(f" · {visible(sheet.schema.help).rstrip('.')}", style="dim")
    else:
        line.append(visible(sheet.schema.help).rstrip("."), style="bold")
    console.print(line)


def _grid(console: Console, layout: Layout, count: int, below: Sequence[str] = ()) -> None:
    """Print the columns that fit; ``below`` is a text for each row, in lines under it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
        header_style="bold",
    )  # fmt: skip
    if layout.incomplete:
        table.add_column("", width=1, no_wrap=True)
    for one in layout.columns:
        table.add_column(
            Text(one.header),
            justify="right" if one.is_right else "left",
            vertical="bottom",
            width=one.width,
            no_wrap=True,
        )
    for number in range(count):
        is_open = number in layout.incomplete
        cells = [
            Text(one.cells[number], style="dim" if one.cells[number] == NULL else "",
                 overflow="ellipsis")
            for one in layout.columns
        ]  # fmt: skip
        mark = [Text("*" if is_open else "")] if layout.incomplete else []
        table.add_row(*mark, *cells, style="dim" if is_open else "")
    if below:
        _print_with(console, table, below)
    else:
        console.print(table)
    if layout.incomplete:
        console.print(_INCOMPLETE, style="dim")
    if hidden := layout.hidden:
        noun = "column" if len(hidden) == 1 else "columns"
        console.print(f"+{len(hidden)} {noun}: use -f json or a wider terminal", style="dim")


def _print_with(console: Console, table: RichTable, below: Sequence[str]) -> None:
    """Print a table whose rows are a line each, with a text below each row."""
    from rich.padding import Padding
    from rich.text import Text

    with console.capture() as captured:
        console.print(table)
    lines = captured.get().removesuffix("\n").split("\n")
    console.file.writelines(f"{line}\n" for line in lines[: -len(below)])
    for line, text in zip(lines[-len(below) :], below, strict=True):
        console.file.write(f"{line}\n")
        if text:
            console.print(Padding(Text(text, style="dim"), (0, 0, 0, 4)))


def _below(sheet: Sheet, rows: list[list[object]], style: Style) -> tuple[Sheet, Rows, list[str]]:
    """Part the texts that stand below their rows from the columns beside one another."""
    schema = sheet.schema
    names = schema.names()
    shows = [(name, names.index(name)) for name in schema.below]
    texts = []
    for row in rows:
        cells = [
            (name, formatter(schema.columns[at], style.tz)(row[at]))
            for name, at in shows
            if row[at] is not None
        ]
        texts.append("\n".join(f"{name}: {cell}" if at else cell
                               for at, (name, cell) in enumerate(cells)))  # fmt: skip
    kept = [at for at, name in enumerate(names) if name not in schema.below]
    beside = replace(schema, columns=tuple(schema.columns[at] for at in kept))
    return replace(sheet, schema=beside), [[row[at] for at in kept] for row in rows], texts


def _body(console: Console, sheet: Sheet, rows: list[list[object]], style: Style) -> None:
    """Print a grid; a card, and a single row that would lose columns, as names and values."""
    if sheet.schema.below:
        beside, kept, texts = _below(sheet, rows, style)
        _grid(console, lay_out(beside.schema, kept, style.tz, style.width), len(rows), texts)
        return
    layout = lay_out(sheet.schema, rows, style.tz, style.width)
    if not sheet.is_card and not (len(rows) == 1 and layout.hidden):
        _grid(console, layout, len(rows))
        return
    for row in rows:
        _card(console, card(sheet.schema, row, style.tz), style.width)


def _card(console: Console, cells: Sequence[tuple[str, str]], width: int | None) -> None:
    """Print names and values, a long card in two columns where both have room."""
    from rich.text import Text

    half = -(-len(cells) // 2)
    column = 0 if width is None or width < _WIDE else width // 2
    names = max((len(name) for name, _ in cells), default=0) + 2
    values = max((cell_width(cell) for _, cell in cells), default=0)
    is_split = len(cells) > _LONG_CARD and names + values < column
    for number in range(half if is_split else len(cells)):
        line = Text()
        for at in (number, number + half) if is_split else (number,):
            if at < len(cells):
                line.append(" " * (column - line.cell_len) if at != number else "")
                line.append(cells[at][0].ljust(names), style="dim")
                line.append(cells[at][1])
        console.print(line, soft_wrap=True)
