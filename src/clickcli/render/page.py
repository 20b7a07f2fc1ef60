"""What a writer is given: tables as rows or frames, with their declaration and receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from clickcli.analysis import Table
from clickcli.errors import unknown

if TYPE_CHECKING:
    import polars as pl

    from clickcli.run import Result

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its declaration and a way to its rows, which may be a stream.

    ``is_card`` says that a terminal shows its rows as name and value, one below the other.
    """

    schema: Table
    rows: Callable[[], Iterable[Row]]
    frames: Callable[[], Iterable[pl.DataFrame]] | None = None
    is_card: bool = False

    def as_frames(self) -> Iterator[pl.DataFrame]:
        """Return the table as Polars frames of the declared types."""
        import polars as pl

        from clickcli.engines.polars import POLARS_TYPES

        types = {column.name: POLARS_TYPES[column.dtype] for column in self.schema.columns}
        if self.frames is None:
            yield pl.DataFrame(list(self.rows()), schema=types, orient="row")
            return
        is_empty = True
        for frame in self.frames():
            is_empty = False
            yield frame
        if is_empty:
            yield pl.DataFrame(schema=types)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer ready to be written; the first sheet is the main one."""

    name: str
    version: int
    sheets: tuple[Sheet, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    title: str = ""
    is_stream: bool = False

    @property
    def schema(self) -> str:
        """Name and version of the JSON envelope."""
        return f"clickcli.{self.name}.v{self.version}"

    def sheet(self, table: str | None) -> Sheet:
        """Return one sheet, the main one when not named; UsageError for an unknown name."""
        if table is None:
            return self.sheets[0]
        for sheet in self.sheets:
            if sheet.schema.name == table:
                return sheet
        raise unknown("table", table, [sheet.schema.name for sheet in self.sheets])


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: chosen table, zone of times, and what the terminal can do.

    ``width`` None is as wide as it gets. ``is_terminal`` asks for text that a terminal cannot
    obey.
    """

    table: str | None = None
    tz: tzinfo = UTC
    width: int | None = None
    has_color: bool = False
    is_terminal: bool = False
    safe_csv: bool = False


def sheet_of_rows(schema: Table, rows: Sequence[Row], *, is_card: bool = False) -> Sheet:
    """Make a sheet from rows at hand."""
    return Sheet(schema, lambda: rows, is_card=is_card)


def sheet_of_frame(schema: Table, frame: pl.DataFrame) -> Sheet:
    """Make a sheet from a frame with the declared columns."""
    return Sheet(schema, frame.iter_rows, lambda: (frame,))


def page_of(result: Result) -> Page:
    """Make a page from the result of an analysis."""
    sheets = tuple(sheet_of_frame(schema, result.tables[schema.name]) for schema in result.schemas)
    return Page(result.name, result.version, sheets, result.meta, result.notes, result.title)
