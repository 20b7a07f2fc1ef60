"""Parsed rows on their way to files: date by date, kept on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.store.layout import make_file

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_FLUSH_ROWS: Final = 90_000
_FLUSH_BYTES: Final = 64 << 20
_FEW_DAYS: Final = 8
_ALWAYS: Final = ("person_key", "seq", "ts", "event_type", "properties")
_EPOCH_DAY: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one date in one spool file."""

    path: Path
    batch: int
    rows: int


class Spool:
    """Takes frames in order of arrival and gives them back date by date."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._bytes = 0
        self._files = 0
        self._pieces: dict[date, list[Piece]] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Take a frame; write when enough has come together."""
        self._held.append(frame)
        self._rows += frame.height
        self._bytes += int(frame.estimated_size())
        if self._rows >= _FLUSH_ROWS or self._bytes >= _FLUSH_BYTES:
            self._flush()

    def pieces(self) -> dict[date, list[Piece]]:
        """Write what is held and return the pieces of each date, dates ascending."""
        self._flush()
        return dict(sorted(self._pieces.items()))

    def _flush(self) -> None:
        import polars as pl
        import pyarrow as pa

        if not self._rows:
            return
        frame = pl.concat(self._held, how="diagonal", rechunk=False)
        self._held, self._rows, self._bytes = [], 0, 0
        frame = frame.drop(
            column.name
            for column in frame
            if column.name not in _ALWAYS and column.null_count() == len(column)
        ).rechunk()
        path = self._folder / f"spool-{self._files:05d}.arrow"
        self._files += 1
        make_file(path)
        schema = frame.clear().to_arrow().schema
        with pa.ipc.new_file(str(path), schema) as writer:
            for number, (day, rows) in enumerate(_by_day(frame)):
                writer.write_batch(rows.rechunk().to_arrow().combine_chunks().to_batches()[0])
                piece = Piece(path, number, rows.height)
                self._pieces.setdefault(_EPOCH_DAY + timedelta(days=day), []).append(piece)


def _by_day(frame: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of each day; most logs are in order of time, so that days are few."""
    days = frame["ts"] // MICROSECONDS_PER_DAY
    found = days.unique().sort().to_list()
    if len(found) <= _FEW_DAYS:
        for day in found:
            yield day, frame.filter(days == day)
        return
    order = days.arg_sort()
    frame, runs = frame[order], days.gather(order).rle().struct.unnest()
    start = 0
    for length, day in zip(runs["len"], runs["value"], strict=True):
        yield day, frame.slice(start, length)
        start += length


class SpoolFiles:
    """Reads pieces; few of the spool's files are open at a time, and none is mapped.

    Mapped files would count as memory of this process, as large as the whole input.
    """

    OPEN: Final = 64

    def __init__(self) -> None:
        self._readers: dict[Path, tuple[pa.NativeFile, pa.ipc.RecordBatchFileReader]] = {}

    def table(self, piece: Piece) -> pa.Table:
        """Return the rows of a piece."""
        import pyarrow as pa

        if piece.path not in self._readers:
            if len(self._readers) >= self.OPEN:
                self.close()
            stream = pa.OSFile(str(piece.path))
            self._readers[piece.path] = (stream, pa.ipc.open_file(stream))
        _, reader = self._readers[piece.path]
        return pa.Table.from_batches([reader.get_batch(piece.batch)])

    def close(self) -> None:
        """Close all files."""
        for stream, _ in self._readers.values():
            stream.close()
        self._readers.clear()
