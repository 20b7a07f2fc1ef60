"""The store: log lines in, event files and a catalog out, every line exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from clickcli.engines.dataset import DataFile, Dataset
from clickcli.errors import DataError, StorageError, StoreLocked
from clickcli.store.catalog import Catalog
from clickcli.store.layout import CATALOG, FOLDERS, make_file, make_folder, storage_errors
from clickcli.store.lock import WriterLock
from clickcli.store.schema import FORMAT_VERSION
from clickcli.store.types import (
    REASONS,
    Batch,
    IngestOptions,
    IngestSummary,
    Progress,
    Reject,
    SourceInfo,
    SourceReport,
    StoreInfo,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "REASONS",
    "Batch",
    "IngestOptions",
    "IngestSummary",
    "Progress",
    "Reject",
    "SourceInfo",
    "SourceReport",
    "Store",
    "StoreInfo",
    "dry_run",
]

Given = str | Path | BinaryIO
DEFAULTS: Final = IngestOptions()
PLACING_S: Final = 1.0
"""How long a writer may take to put files in place before a reader takes them as they lie."""


_LINKS: Final = "SELECT count(*) FROM (SELECT DISTINCT anonymous_id, user_id FROM links)"
"""Counts the pairs of device and user."""


class Store:
    """A folder of events with its catalog; readers any number, writers one at a time."""

    def __init__(self, path: Path, catalog: Catalog) -> None:
        self.path = path
        self._catalog = catalog

    @classmethod
    def create(cls, path: str | Path) -> Store:
        """Make an empty store. Raises DataError when the folder is one, or holds other files."""
        root = Path(path)
        with storage_errors(f"cannot make the store {root}"):
            if (root / CATALOG).exists():
                raise DataError(f"{root} is a store already", hint="add to it: clickcli ingest")
            if root.exists() and (not root.is_dir() or any(root.iterdir())):
                raise DataError(
                    f"{root} must be a new or empty folder", hint="name another with --store"
                )
            make_folder(root)
            root.chmod(0o700)
            for name in FOLDERS:
                make_folder(root / name)
            make_file(root / "lock")
        return cls(root, Catalog.create(root))

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Open a store; finishes what a crashed writer left, where that is possible.

        Raises DataError when there is none, or when a newer version made it.
        """
        from clickcli.store.commit import needs_recovery, recover

        root = Path(path)
        catalog = Catalog.open(root)
        if needs_recovery(catalog):
            try:
                with WriterLock(root):
                    recover(catalog)
            except (StoreLocked, StorageError):
                pass  # a writer is at work, or we may only read: the catalog is right anyway
        return cls(root, catalog)

    def ingest(
        self,
        sources: Sequence[Given],
        options: IngestOptions = DEFAULTS,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestSummary:
        """Add log files or streams: one call is one batch, stored as a whole or not at all."""
        from clickcli.store.commit import recover
        from clickcli.store.ingest import Ingest
        from clickcli.store.trial import dry_run as trial

        if options.dry_run:
            return trial(sources, options, progress, self._catalog)
        with WriterLock(self.path, options.wait_s):
            recover(self._catalog)
            return Ingest(self._catalog, options, progress).run(sources)

    def dataset(self) -> Dataset:
        """Return a snapshot of what the store holds now.

        While a writer puts the files of its commit in place, wait for it a moment.
        """
        catalog = self._catalog
        deadline = time.monotonic() + PLACING_S
        while True:
            with catalog.reading():
                if not catalog.has_unplaced() or time.monotonic() > deadline:
                    return self._dataset()
            time.sleep(0.01)

    def _dataset(self) -> Dataset:
        catalog = self._catalog
        with catalog.reading():
            files = catalog.files("events")
            paths = [str(catalog.resolve(file).absolute()) for file in files]
            span = catalog.rows("SELECT min(first_ts), max(watermark) FROM batches")[0]
            dataset = Dataset(
                root=str(self.path),
                files=tuple(_data_file(f, path) for f, path in zip(files, paths, strict=True)),
                rows=sum(file.rows for file in files),
                snapshot=self._snapshot(),
                first_ts=span[0],
                watermark=span[1],
                event_types=catalog.totals("event_type"),
                property_names=tuple(catalog.totals("property")),
                link_count=int(catalog.value(_LINKS)),
            )
            links = catalog.rows(
                "SELECT anonymous_id, user_id, user_key, ts FROM links ORDER BY 1, 4, 2"
            )
        return replace(dataset, links=cache(lambda: _link_frame(links)))

    def _snapshot(self) -> str:
        """Return a word that is equal for stores with the same events, in whatever order."""
        rows = self._catalog.value("SELECT coalesce(sum(stored), 0) FROM batches")
        return f"{self._catalog.meta('fingerprint') % 2**64:016x}-{rows}"

    def info(self) -> StoreInfo:
        """Return what the catalog alone can say."""
        catalog = self._catalog
        with catalog.reading():
            batches = catalog.rows(
                "SELECT count(*), min(first_ts), max(watermark), max(at),"
                " coalesce(sum(rejected), 0), coalesce(sum(stored), 0) FROM batches"
            )[0]
            files = catalog.rows(
                "SELECT count(*) FILTER (WHERE kind = 'events'), coalesce(sum(bytes), 0) FROM files"
            )[0]
            sources = catalog.rows("SELECT path, offset, lines, at FROM sources ORDER BY path")
            return StoreInfo(
                path=str(self.path),
                format_version=FORMAT_VERSION,
                snapshot=self._snapshot(),
                rows=batches[5],
                people=catalog.meta("people"),
                files=files[0],
                batches=batches[0],
                bytes=files[1],
                first_ts=batches[1],
                watermark=batches[2],
                event_types=catalog.totals("event_type"),
                columns=catalog.totals("column"),
                properties=catalog.totals("property"),
                sources=tuple(SourceInfo(*row) for row in sources),
                last_ingest=batches[3],
                rejects=batches[4],
                reject_reasons=catalog.totals("reason"),
                links=int(catalog.value(_LINKS)),
            )

    def batches(self) -> list[Batch]:
        """Return all ingests, oldest first."""
        query = (
            "SELECT name, at, read, stored, duplicates, conflicts, suppressed, rejected, blank,"
            " first_ts, last_ts FROM batches ORDER BY id"
        )
        return [Batch(*row) for row in self._catalog.rows(query)]

    def rejects(self, batch: str | None = None) -> Iterator[Reject]:
        """Yield rejected lines, of one batch or of all. Raises UsageError for an unknown batch."""
        from clickcli.errors import unknown
        from clickcli.store.rejects import read_rejects

        names = [found.name for found in self.batches()]
        if batch is not None and batch not in names:
            raise unknown("batch", batch, names)
        for file in self._catalog.files("rejects"):
            name = Path(file.path).stem
            if batch is None or batch == name:
                with storage_errors(f"cannot read the rejects of {name}"):
                    yield from read_rejects(self._catalog.resolve(file), name)

    def close(self) -> None:
        """Close the catalog."""
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def dry_run(
    sources: Sequence[Given],
    options: IngestOptions = DEFAULTS,
    progress: Callable[[Progress], None] | None = None,
) -> IngestSummary:
    """Read logs and report, without a store and without writing anything."""
    from clickcli.store.trial import dry_run as trial

    return trial(sources, options, progress)


def _data_file(file: Any, path: str) -> DataFile:
    return DataFile(
        path=path,
        date=date.fromisoformat(file.date),
        rows=file.rows,
        min_ts=file.min_ts,
        max_ts=file.max_ts,
        min_key=file.min_key,
        max_key=file.max_key,
    )


def _link_frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Return the times at which the user of a device changes."""
    import polars as pl

    from clickcli.engines.dataset import no_links

    links = pl.DataFrame(rows, schema=no_links().schema, orient="row")
    before = pl.col("user_id").shift(1).over("anonymous_id")
    return links.filter(pl.col("user_id").ne_missing(before))
