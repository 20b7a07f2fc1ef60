"""TSV: one line a row whatever the cells hold; tab, newline and backslash are escaped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clickcli.analysis import Column
from clickcli.render.page import Page, Style
from clickcli.render.text import guarded, tsv_cell, visible_lines
from clickcli.render.values import cell_text


def _cell(value: Any, column: Column, style: Style) -> str:
    text = cell_text(value, column, style.tz)
    if isinstance(value, str):
        text = tsv_cell(guarded(text) if style.safe_csv else text)
    return text


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the header and the rows of one table."""
    sheet = page.sheet(style.table)
    columns = sheet.schema.columns
    guard = guarded if style.safe_csv else str
    show = visible_lines if style.is_terminal else str
    names = (tsv_cell(guard(column.name)) for column in columns)
    yield (show("\t".join(names)) + "\n").encode()
    for row in sheet.rows():
        cells = (_cell(value, column, style) for value, column in zip(row, columns, strict=True))
        yield (show("\t".join(cells)) + "\n").encode("utf-8", "backslashreplace")
