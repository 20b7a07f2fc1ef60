"""CSV as RFC 4180 has it: comma, double quotes, CRLF."""

from __future__ import annotations

from collections.abc import Iterator

from clickcli.analysis import Column
from clickcli.render.page import Page, Style
from clickcli.render.text import guarded, visible_lines
from clickcli.render.values import cell_text


def _cells(row: object, columns: tuple[Column, ...], style: Style) -> Iterator[str]:
    assert isinstance(row, tuple | list)
    for value, column in zip(row, columns, strict=True):
        text = cell_text(value, column, style.tz)
        if style.safe_csv and isinstance(value, str):
            text = guarded(text)
        yield _quoted(text)


def _quoted(text: str) -> str:
    if any(character in text for character in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the header and the rows of one table."""
    sheet = page.sheet(style.table)
    columns = sheet.schema.columns
    names = [column.name for column in columns]
    guard = guarded if style.safe_csv else str
    show = visible_lines if style.is_terminal else str
    end = "\n" if style.is_terminal else "\r\n"
    yield (show(",".join(_quoted(guard(name)) for name in names)) + end).encode()
    for row in sheet.rows():
        line = ",".join(_cells(row, columns, style))
        yield (show(line) + end).encode("utf-8", "backslashreplace")
