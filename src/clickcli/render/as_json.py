"""JSON: one versioned envelope with receipt, rows, further tables and notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clickcli.render.page import Page, Sheet, Style
from clickcli.render.text import visible_json
from clickcli.render.values import record_maker


def dumps(value: Any) -> bytes:
    """Return compact JSON; NaN and infinity are null, unknown types their text."""
    import orjson

    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        import json

        text = json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def _rows(sheet: Sheet, style: Style, indent: bytes) -> Iterator[bytes]:
    record = record_maker(sheet.schema.columns, style.tz)
    separator = b"\n" + indent
    is_empty = True
    yield b"["
    for row in sheet.rows():
        yield separator + dumps(record(row))
        separator = b",\n" + indent
        is_empty = False
    yield b"]" if is_empty else b"\n" + indent[:-1] + b"]"


def _envelope(page: Page, style: Style) -> Iterator[bytes]:
    main = page.sheet(style.table)
    others = () if style.table else page.sheets[1:]
    yield b'{"schema":' + dumps(page.schema) + b',\n "meta":' + dumps(dict(page.meta))
    yield b',\n "data":'
    yield from _rows(main, style, b"  ")
    if others:
        separator = b',\n "tables":{\n  '
        for sheet in others:
            yield separator + dumps(sheet.schema.name) + b":"
            yield from _rows(sheet, style, b"   ")
            separator = b",\n  "
        yield b"}"
    yield b',\n "notes":' + dumps(list(page.notes)) + b"}\n"


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the envelope; ``tables`` holds the others when no table is chosen."""
    for piece in _envelope(page, style):
        yield visible_json(piece.decode()).encode() if style.is_terminal else piece
