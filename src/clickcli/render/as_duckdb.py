"""DuckDB database: every table with declared types; needs the extra ``duckdb``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.columns import Dtype
from clickcli.errors import StorageError, UsageError
from clickcli.render.as_json import dumps
from clickcli.render.database import chosen, quoted
from clickcli.render.files import filled
from clickcli.render.page import Page, Sheet, Style

if TYPE_CHECKING:
    import duckdb

META: Final = "clickcli_meta"
_TYPES: Final[dict[Dtype, str]] = {
    "int64": "BIGINT", "int32": "INTEGER", "float64": "DOUBLE", "string": "VARCHAR",
    "bool": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMPTZ",
}  # fmt: skip
_OFFLINE: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1",
}  # fmt: skip
"""Nothing is fetched from the network; one thread, so that rows stay in their order."""


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the database; its rows are written as they come."""
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UsageError(
            "a DuckDB file needs the package duckdb", hint="pip install 'clickcli[duckdb]'"
        ) from None
    sheets = chosen(page, style)

    def fill(path: Path) -> None:
        try:
            with duckdb.connect(str(path), config=_OFFLINE) as database:
                for sheet in sheets:
                    _fill(database, sheet)
                database.execute(f"CREATE TABLE {META} (key VARCHAR, value VARCHAR)")
                for name, value in {"schema": page.schema, **page.meta}.items():
                    database.execute(
                        f"INSERT INTO {META} VALUES (?, ?)",  # noqa: S608
                        [name, dumps(value).decode()],
                    )
        except duckdb.Error as error:
            raise StorageError(f"cannot write the DuckDB database: {error}") from error

    return filled(fill)


def _fill(database: duckdb.DuckDBPyConnection, sheet: Sheet) -> None:
    columns = sheet.schema.columns
    table = quoted(sheet.schema.name)
    declared = ", ".join(f"{quoted(one.name)} {_TYPES[one.dtype]}" for one in columns)
    database.execute(f"CREATE TABLE {table} ({declared})")
    for frame in sheet.as_frames():
        database.register("rows_of_now", frame.to_arrow())
        database.execute(f"INSERT INTO {table} SELECT * FROM rows_of_now")  # noqa: S608
        database.unregister("rows_of_now")
