"""Markdown: one table, numbers to the right."""

from __future__ import annotations

from collections.abc import Iterator

from clickcli.render.cells import formatter, is_number
from clickcli.render.page import Page, Style
from clickcli.render.text import markdown_cell


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the table as a person reads it."""
    sheet = page.sheet(style.table)
    columns = sheet.schema.columns
    formats = [formatter(column, style.tz) for column in columns]
    names = (markdown_cell(column.name) for column in columns)
    rules = ("---:" if is_number(column) else "---" for column in columns)
    yield f"| {' | '.join(names)} |\n| {' | '.join(rules)} |\n".encode()
    for row in sheet.rows():
        cells = (markdown_cell(show(value)) for show, value in zip(formats, row, strict=True))
        yield f"| {' | '.join(cells)} |\n".encode("utf-8", "backslashreplace")
