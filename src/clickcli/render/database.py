"""What writers of databases share: which tables, and names as SQL reads them."""

from __future__ import annotations

from clickcli.analysis import Table
from clickcli.errors import UsageError
from clickcli.render.page import Page, Sheet, Style


def chosen(page: Page, style: Style) -> tuple[Sheet, ...]:
    """Return the sheets to write: all, or the one that was asked for.

    Raises UsageError for column names that a database takes for one.
    """
    sheets = (page.sheet(style.table),) if style.table else page.sheets
    for sheet in sheets:
        _check_names(sheet.schema)
    return sheets


def _check_names(schema: Table) -> None:
    seen: dict[str, str] = {}
    for name in schema.names():
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            raise UsageError(f"a database takes {other!r} and {name!r} for one column",
                             hint="leave one out, or choose another format")  # fmt: skip


def quoted(name: str) -> str:
    """Return a name as SQL reads it; a NUL, which no name can hold, is left out."""
    return '"' + name.replace("\x00", "").replace('"', '""') + '"'
