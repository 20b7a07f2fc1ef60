"""SQLite database: every table with declared types, the receipt in the table ``clickcli_meta``.

Times are ISO 8601 with offset, yes and no are 1 and 0.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from clickcli.columns import Dtype
from clickcli.errors import StorageError
from clickcli.render.as_json import dumps
from clickcli.render.database import chosen, quoted
from clickcli.render.files import filled
from clickcli.render.page import Page, Sheet, Style
from clickcli.render.values import plain

META: Final = "clickcli_meta"
_TYPES: Final[dict[Dtype, str]] = {
    "int64": "INTEGER", "int32": "INTEGER", "float64": "REAL", "bool": "INTEGER",
}  # fmt: skip


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the database; its rows are written as they come."""
    sheets = chosen(page, style)

    def fill(path: Path) -> None:
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as database:
                database.execute("PRAGMA journal_mode = OFF")
                database.execute("PRAGMA synchronous = OFF")
                database.execute("BEGIN")
                for sheet in sheets:
                    _fill(database, sheet, style)
                database.execute(f"CREATE TABLE {META} (key TEXT PRIMARY KEY, value TEXT)")
                facts = {"schema": page.schema, **page.meta}
                rows = ((name, dumps(value).decode()) for name, value in facts.items())
                database.executemany(f"INSERT INTO {META} VALUES (?, ?)", rows)  # noqa: S608
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(f"cannot write the SQLite database: {error}") from error

    return filled(fill)


def _fill(database: sqlite3.Connection, sheet: Sheet, style: Style) -> None:
    columns = sheet.schema.columns
    table = quoted(sheet.schema.name)
    declared = ", ".join(f"{quoted(one.name)} {_TYPES.get(one.dtype, 'TEXT')}" for one in columns)
    database.execute(f"CREATE TABLE {table} ({declared})")
    marks = ", ".join("?" * len(columns))

    def row(values: Any) -> tuple[Any, ...]:
        return tuple(plain(v, one, style.tz) for v, one in zip(values, columns, strict=True))

    insert = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - our own names, quoted
    database.executemany(insert, map(row, sheet.rows()))
