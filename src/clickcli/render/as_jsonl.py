"""JSON Lines: the rows of one table, one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from clickcli.render.as_json import dumps
from clickcli.render.page import Page, Style
from clickcli.render.text import visible_json
from clickcli.render.values import record_maker


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield one line a row."""
    sheet = page.sheet(style.table)
    record = record_maker(sheet.schema.columns, style.tz)
    for row in sheet.rows():
        line = dumps(record(row)) + b"\n"
        yield visible_json(line.decode()).encode() if style.is_terminal else line
