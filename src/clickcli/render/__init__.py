"""One writer a format, found by name or by the ending of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from clickcli.errors import UsageError, unknown
from clickcli.render.page import Page, Style

__all__ = ["FORMATS", "Format", "by_ending", "by_name", "write"]


class Writer(Protocol):
    """Writes a page as bytes, in pieces."""

    def __call__(self, page: Page, style: Style) -> Iterator[bytes]:
        """Yield the bytes of the page."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, the file endings that mean it, whether a terminal can show it."""

    name: str
    endings: tuple[str, ...]
    help: str
    is_binary: bool = False

    def writer(self) -> Writer:
        """Import the writer: ``write`` of the module ``as_NAME``."""
        return cast("Writer", import_module(f"clickcli.render.as_{self.name}").write)


FORMATS: Final[tuple[Format, ...]] = (
    Format("table", (".txt",), "all tables, for people"),
    Format("json", (".json",), "versioned envelope with receipt and all tables"),
    Format("jsonl", (".jsonl", ".ndjson"), "one object a row"),
    Format("csv", (".csv",), "comma-separated, RFC 4180"),
    Format("tsv", (".tsv", ".tab"), "tab-separated, backslash escapes"),
    Format("md", (".md", ".markdown"), "Markdown table"),
    Format("parquet", (".parquet", ".pq"), "Parquet file", is_binary=True),
    Format("arrow", (".arrow", ".feather", ".ipc"), "Arrow IPC file", is_binary=True),
    Format("sqlite", (".sqlite", ".db", ".sqlite3"), "SQLite database with all tables",
           is_binary=True),
    Format("duckdb", (".duckdb", ".ddb"), "DuckDB database with all tables (clickcli[duckdb])",
           is_binary=True),
)  # fmt: skip


def by_name(name: str) -> Format:
    """Return the format of this name; UsageError with a suggestion for an unknown one."""
    for known in FORMATS:
        if known.name == name:
            return known
    raise unknown("format", name, [known.name for known in FORMATS])


def by_ending(path: str) -> Format:
    """Return the format that a file's ending means; UsageError when it means none."""
    ending = Path(path).suffix.lower()
    for known in FORMATS:
        if ending in known.endings:
            return known
    endings = ", ".join(known.endings[0] for known in FORMATS)
    raise UsageError(
        f"the ending of {path!r} names no format",
        hint=f"give -f, or an ending among {endings}",
    )


def write(page: Page, kind: Format, style: Style) -> Iterator[bytes]:
    """Yield the page in a format; what a terminal could obey is escaped when it is one."""
    page.sheet(style.table)
    return kind.writer()(page, style)
