"""Merge the small files that many ingests leave, a date at a time; no answer changes.

An ingest merges files of like size when a date has more than ``FILES`` small ones, as id runs are
merged: a row is rewritten once for each time its file grows fourfold, whatever the number of
ingests. ``compact`` merges all files of a date.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.errors import DataError, StorageError, unknown
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import recover
from clickcli.store.layout import storage_errors
from clickcli.store.lock import WriterLock
from clickcli.store.parts import (
    PART_ROWS,
    EventFile,
    cuts,
    merged,
    order_keys,
)
from clickcli.store.rework import Rework
from clickcli.store.rework.rows import intact, open_events
from clickcli.store.runs import mergeable
from clickcli.store.types import IngestSummary, Progress, wall_clock

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FILES: Final = 8
"""Small files that a date may have before an ingest merges some."""
_SMALL: Final = PART_ROWS // 2
_SHARE: Final = 4
"""Files that an ingest merges for each that it adds, about."""
_AT_ONCE: Final = 4 * PART_ROWS
"""Rows that one commit merges, about."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """The files of one date, before and after."""

    date: date
    rows: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def compact(
    catalog: Catalog,
    dates: Collection[date] | None = None,
    wait_s: float = 0.0,
    progress: Callable[[Progress], None] | None = None,
) -> list[Compacted]:
    """Merge the files of these dates, of all when None, so far as fewer would do.

    Returns every date with events. Several commits: when one fails, those before it stay.
    Raises UsageError for a date without events.
    """
    if dates is not None:
        known = {str(file.date) for file in catalog.files("events")}
        for day in dates:
            if day.isoformat() not in known:
                raise unknown("date", day.isoformat(), known)
    with WriterLock(catalog.root, wait_s):
        recover(catalog)
        before = _by_date(catalog, dates)
        due = [files for files in before if len(files) > -(-_rows(files) // PART_ROWS)]
        done, total = 0, sum(map(_rows, due))
        for together in _portions(due):
            _merge(catalog, together)
            done += sum(map(_rows, together))
            if progress is not None:
                progress(Progress("merging", done, total, done))
        after = {files[0].date: files for files in _by_date(catalog, dates)}
        return [_compared(files, after[files[0].date]) for files in before]


def settle(catalog: Catalog, summary: IngestSummary) -> IngestSummary:
    """Merge small files after an ingest, where there are too many. Needs the lock.

    The ingest is committed: what goes wrong here becomes a warning of its summary.
    """
    if summary.batch is None:
        return summary
    try:
        for together in _portions(_due(catalog)):
            _merge(catalog, together)
    except (DataError, StorageError) as error:
        warning = f"small files were not merged: {error.message}"
        return replace(summary, warnings=(*summary.warnings, warning))
    return summary


def _due(catalog: Catalog) -> list[list[FileRow]]:
    """Return the files that the newest ingest merges, by date, the most crowded dates first.

    They are a few times as many as it added, so that no ingest pays for many others at once.
    """
    query = (
        "SELECT count(*) FROM files WHERE kind = 'events' AND batch = (SELECT max(id) FROM batches)"
    )
    budget = _SHARE * int(catalog.value(query))
    due: list[list[FileRow]] = []
    for files in sorted(_by_date(catalog), key=len, reverse=True):
        if len(files) <= FILES or budget <= 0:
            break
        if chosen := _alike(files):
            due.append(chosen)
            budget -= len(chosen)
    return due


def _by_date(catalog: Catalog, dates: Collection[date] | None = None) -> list[list[FileRow]]:
    """Return the event files of each date; their paths begin with it."""
    wanted = None if dates is None else {day.isoformat() for day in dates}
    found = groupby(catalog.files("events"), key=lambda file: file.date)
    return [list(files) for day, files in found if wanted is None or day in wanted]


def _alike(files: Sequence[FileRow]) -> list[FileRow]:
    """Return the small files of a date that are merged now: of like size, none when few."""
    small = [file for file in files if file.rows < _SMALL]
    if len(small) <= FILES:
        return []
    return [small[place] for place in mergeable([file.rows for file in small])]


def _rows(files: Sequence[FileRow]) -> int:
    return sum(file.rows for file in files)


def _portions(dates: Sequence[list[FileRow]]) -> Iterator[list[list[FileRow]]]:
    """Yield what is merged in one commit: dates of not too many rows together."""
    held: list[list[FileRow]] = []
    for files in dates:
        if held and sum(map(_rows, held)) + _rows(files) > _AT_ONCE:
            yield held
            held = []
        held.append(files)
    if held:
        yield held


def _merge(catalog: Catalog, dates: Sequence[list[FileRow]]) -> None:
    """Merge the files of each date, in one commit."""
    with Rework(catalog, None, wall_clock()) as work:
        with storage_errors(f"cannot write the store {catalog.root}"):
            for files in dates:
                made = _merged(catalog, work.folder, files)
                work.exchange(made, [file.path for file in files])
        work.commit()


def _merged(catalog: Catalog, folder: Path, files: Sequence[FileRow]) -> list[FileRow]:
    """Stage the rows of one date's files as few files."""
    made = []
    day = files[0].date
    assert day is not None
    with ExitStack() as stack:
        sources = [stack.enter_context(open_events(intact(catalog, file))) for file in files]
        for tables in _pieces(sources):
            table = merged(tables)
            if table.num_rows:
                out = EventFile(catalog.root, folder, day)
                out.add(table)
                made.append(out.close())
    if _rows(made) != _rows(files):
        raise DataError(
            f"the files of {day} hold {_rows(made)} events, the catalog says {_rows(files)}",
            hint="check the store: clickcli verify",
        )
    return made


def _pieces(sources: Sequence[pq.ParquetFile]) -> Iterator[list[pa.Table]]:
    """Yield the rows of sorted files, as many at a time as one file is to have."""
    if sum(source.metadata.num_rows for source in sources) <= PART_ROWS:
        yield [source.read() for source in sources]
        return
    keys = [order_keys(source.read(columns=["person_key", "ts"])) for source in sources]
    for ranges in cuts(keys):
        yield [_range(source, *part) for source, part in zip(sources, ranges, strict=True)]


def _range(source: pq.ParquetFile, start: int, stop: int) -> pa.Table:
    """Return rows [start, stop) of a file, of the row groups that hold them only."""
    import pyarrow as pa

    first, tables = 0, []
    for number in range(source.num_row_groups):
        last = first + source.metadata.row_group(number).num_rows
        if first < stop and last > start:
            table = source.read_row_group(number)
            low = max(start - first, 0)
            tables.append(table.slice(low, min(stop, last) - first - low))
        first = last
    return pa.concat_tables(tables) if tables else source.schema_arrow.empty_table()


def _compared(before: Sequence[FileRow], after: Sequence[FileRow]) -> Compacted:
    day = before[0].date
    assert day is not None
    return Compacted(
        date.fromisoformat(day), _rows(before), len(before), len(after),
        sum(file.bytes for file in before), sum(file.bytes for file in after),
    )  # fmt: skip
