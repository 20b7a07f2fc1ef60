"""The store: log lines in, event files and a catalog out, every line exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, Self

from clickcli.engines.dataset import DataFile, Dataset
from clickcli.errors import DataError, StorageError, StoreLocked
from clickcli.store.catalog import Catalog
from clickcli.store.layout import (
    CATALOG,
    FOLDERS,
    is_unfinished,
    make_folder,
    storage_errors,
)
from clickcli.store.lock import WriterLock
from clickcli.store.schema import FORMAT_VERSION
from clickcli.store.types import (
    REASONS,
    Batch,
    IngestOptions,
    IngestSummary,
    Pace,
    Progress,
    Reject,
    SourceInfo,
    SourceReport,
    Step,
    StoreInfo,
)

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.store.derived import Derived, Deriving, State
    from clickcli.store.identities.change import IdentityChange
    from clickcli.store.identities.listing import ListedLink, Suspect
    from clickcli.store.intake import Intake
    from clickcli.store.ledger import Job
    from clickcli.store.models import Model
    from clickcli.store.privacy import Privacy
    from clickcli.store.upkeep.compact import Compacted
    from clickcli.store.upkeep.undo import Undone
    from clickcli.store.upkeep.verify import Verified

__all__ = [
    "REASONS",
    "Batch",
    "IngestOptions",
    "IngestSummary",
    "Pace",
    "Progress",
    "Reject",
    "SourceInfo",
    "SourceReport",
    "Step",
    "Store",
    "StoreInfo",
    "dry_run",
]

Given = str | Path | BinaryIO
DEFAULTS: Final = IngestOptions()
PACE: Final = Pace()
MAKING_S: Final = 10.0
"""How long to wait for another process that makes the same store."""
PLACING_S: Final = 1.0
"""How long a writer may take to put files in place before a reader takes them as they lie."""


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
            if root.exists() and not is_unfinished(root):
                if (root / CATALOG).exists():
                    raise DataError(f"{root} is a store already", hint="add to it: clickcli ingest")
                raise DataError(
                    f"{root} must be a new or empty folder", hint="name another with --store"
                )
            make_folder(root)
            root.chmod(0o700)
        with WriterLock(root, MAKING_S):
            with storage_errors(f"cannot make the store {root}"):
                for name in FOLDERS:
                    make_folder(root / name)
            if is_unfinished(root):  # else another process has made it meanwhile
                Catalog.create(root).close()
        return cls(root, Catalog.open(root))

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
        sources: Sequence[Given | Job],
        options: IngestOptions = DEFAULTS,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestSummary:
        """Add log files or streams: one call is one batch, stored as a whole or not at all."""
        from clickcli.store.commit import recover
        from clickcli.store.ingest import Ingest
        from clickcli.store.trial import dry_run as trial
        from clickcli.store.upkeep.compact import settle

        if options.dry_run:
            return trial(sources, options, progress, self._catalog)
        with WriterLock(self.path, options.wait_s):
            recover(self._catalog)
            return settle(self._catalog, Ingest(self._catalog, options, progress).run(sources))

    def follow(
        self,
        paths: Sequence[str | Path],
        options: IngestOptions = DEFAULTS,
        pace: Pace = PACE,
        report: Callable[[Step], None] | None = None,
        is_stopped: Callable[[], bool] | None = None,
    ) -> IngestSummary:
        """Ingest logs as they grow and are rotated, a batch every so often, until stopped.

        Returns the sum of all batches.
        """
        from clickcli.store.follow import Follower

        follower = Follower(
            self._catalog, [Path(path) for path in paths], options, pace, self.ingest,
            report or (lambda _step: None),
        )  # fmt: skip
        with closing(follower):
            return follower.run(is_stopped or (lambda: False))

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
        from clickcli.store.identities import link_count, link_rows
        from clickcli.store.privacy.seen import seen

        catalog = self._catalog
        with catalog.reading():
            files = catalog.files("events")
            paths = [str(catalog.resolve(file).absolute()) for file in files]
            first_ts, watermark = catalog.span()
            dataset = Dataset(
                root=str(self.path),
                files=tuple(_data_file(f, path) for f, path in zip(files, paths, strict=True)),
                rows=sum(file.rows for file in files),
                snapshot=self._snapshot(),
                first_ts=first_ts,
                watermark=watermark,
                event_types=catalog.totals("event_type"),
                property_names=tuple(catalog.totals("property")),
                bot_rows=catalog.totals("flag").get("is_bot", 0),
                link_count=link_count(catalog),
            )
            links = link_rows(catalog)
            people = seen(catalog)
        return replace(dataset, links=cache(lambda: _link_frame(links)), **people)

    def _snapshot(self) -> str:
        """Return a word that is equal for stores with the same events, in whatever order."""
        catalog = self._catalog
        rows = catalog.value("SELECT coalesce(sum(stored - removed), 0) FROM batches")
        word = catalog.meta("fingerprint") + catalog.meta("edits")
        return f"{word % 2**64:016x}-{rows}"

    def info(self) -> StoreInfo:
        """Return what the catalog alone can say."""
        from clickcli.store.identities import link_count, unseen_users

        catalog = self._catalog
        with catalog.reading():
            batches = catalog.rows(
                "SELECT count(*), max(at), coalesce(sum(rejected), 0),"
                " coalesce(sum(stored - removed), 0) FROM batches WHERE undone IS NULL"
            )[0]
            first_ts, watermark = catalog.span()
            files = catalog.rows(
                "SELECT count(*) FILTER (WHERE kind = 'events'), coalesce(sum(bytes), 0) FROM files"
            )[0]
            sources = catalog.rows("SELECT path, offset, lines, at FROM sources ORDER BY path")
            return StoreInfo(
                path=str(self.path),
                format_version=FORMAT_VERSION,
                snapshot=self._snapshot(),
                rows=batches[3],
                people=catalog.meta("people") + unseen_users(catalog),
                files=files[0],
                batches=batches[0],
                bytes=files[1],
                first_ts=first_ts,
                watermark=watermark,
                event_types=catalog.totals("event_type"),
                columns=catalog.totals("column"),
                properties=catalog.totals("property"),
                bots=catalog.totals("flag").get("is_bot", 0),
                sources=tuple(SourceInfo(*row) for row in sources),
                last_ingest=batches[1],
                rejects=batches[2],
                reject_reasons=catalog.totals("reason"),
                links=link_count(catalog),
            )

    def batches(self) -> list[Batch]:
        """Return all ingests, oldest first."""
        query = (
            "SELECT name, at, read, stored, duplicates, conflicts, suppressed, rejected, blank,"
            " first_ts, last_ts, removed, undone FROM batches ORDER BY id"
        )
        return [Batch(*row) for row in self._catalog.rows(query)]

    def intakes(self) -> list[Intake]:
        """Return what became of the lines of each ingest in force, oldest first."""
        from clickcli.store.intake import intakes

        return intakes(self._catalog)

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

    def privacy(self, key_file: str | None = None, wait_s: float = 0.0) -> Privacy:
        """Return what can be done for people: consent, export, deletion, retention, audit.

        ``key_file`` is where the store's key is, None beside the store; ``wait_s`` how long to
        wait for another writer.
        """
        from clickcli.store.privacy import Privacy

        return Privacy(self._catalog, self._snapshot, key_file, wait_s)

    def compact(
        self,
        dates: Collection[date] | None = None,
        wait_s: float = 0.0,
        progress: Callable[[Progress], None] | None = None,
    ) -> list[Compacted]:
        """Merge the small files of these dates, of all when None; no answer changes."""
        from clickcli.store.upkeep.compact import compact

        return compact(self._catalog, dates, wait_s, progress)

    def link(
        self, path: str | Path, *, dry_run: bool = False, wait_s: float = 0.0
    ) -> IdentityChange:
        """Link the devices of a file to their users; the links can be taken back."""
        from clickcli.store.identities.change import link

        return link(self._catalog, Path(path), dry_run=dry_run, wait_s=wait_s)

    def unlink(
        self, path: str | Path, *, dry_run: bool = False, wait_s: float = 0.0
    ) -> IdentityChange:
        """Take links that were given by a file back."""
        from clickcli.store.identities.change import unlink

        return unlink(self._catalog, Path(path), dry_run=dry_run, wait_s=wait_s)

    def split(
        self, devices: Sequence[str], *, undo: bool = False, dry_run: bool = False,
        wait_s: float = 0.0,
    ) -> IdentityChange:  # fmt: skip
        """Let no link count for devices; ``undo`` lets them count again."""
        from clickcli.store.identities.change import split

        return split(self._catalog, devices, undo=undo, dry_run=dry_run, wait_s=wait_s)

    def links(self, person: str | None = None) -> list[ListedLink]:
        """Return the links in force and the splits; of one user or device."""
        from clickcli.store.identities.listing import listed

        return listed(self._catalog, person)

    def suspects(self, *, devices: int = 10, users: int = 3, chain: int = 4) -> list[Suspect]:
        """Return users of many devices, devices of many users, and users chained by devices."""
        from clickcli.store.identities.listing import suspects

        return suspects(self._catalog, devices=devices, users=users, chain=chain)

    def derived(self) -> Derived | None:
        """Return the tables that were computed from events, None where there are none."""
        from clickcli.store.derived import derived

        return derived(self._catalog)

    def deriving(self, wait_s: float = 0.0) -> AbstractContextManager[Deriving]:
        """Hold the writer's lock while such tables are computed and replaced."""
        from clickcli.store.derived import deriving

        return deriving(self._catalog, wait_s)

    def drop_derived(self, wait_s: float = 0.0) -> list[str]:
        """Take such tables out of the store; returns their names."""
        from clickcli.store.derived import drop

        return drop(self._catalog, wait_s)

    def state(self) -> State:
        """Return what answers of this moment rest on."""
        from clickcli.store.derived import state_of

        return state_of(self._catalog)

    def model(self, name: str) -> Model | None:
        """Return a trained model, None where there is none. DataError for another store's."""
        from clickcli.store.models import model

        return model(self._catalog, name)

    def keep_model(
        self, name: str, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any],
        state: State, wait_s: float = 0.0,
    ) -> str:  # fmt: skip
        """Make this the model of that name; ``state`` is that when its events were read."""
        from clickcli.store.models import keep_model

        return keep_model(self._catalog, name, arrays, manifest, state, wait_s)

    def key_of(
        self, text: str, *, is_device: bool = False, key_file: str | None = None,
        require_consent: bool = False,
    ) -> int | None:  # fmt: skip
        """Return the person key of an id, None for somebody whom no question may see.

        A device is the user's whose it is by its latest link.
        """
        from clickcli.identity import anonymous_key, user_key
        from clickcli.store.identities import owner_of
        from clickcli.store.privacy.keys import stored_ids
        from clickcli.store.privacy.seen import is_hidden

        kind: Literal["user", "device"] = "device" if is_device else "user"
        (stored,) = stored_ids(self._catalog, key_file, kind, [text])
        key = anonymous_key(stored) if is_device else user_key(stored)
        owner = owner_of(self._catalog, stored) if is_device else None
        hidden = is_hidden(self._catalog, key, require_consent=require_consent and owner is None)
        if owner is not None:
            hidden |= is_hidden(self._catalog, owner, require_consent=require_consent)
            key = owner
        return None if hidden else key

    def undo(self, batch: str, *, dry_run: bool = False, wait_s: float = 0.0) -> Undone:
        """Take an ingest back. Raises UsageError for a batch that is unknown or was before."""
        from clickcli.store.upkeep.undo import undo

        return undo(self._catalog, batch, dry_run=dry_run, wait_s=wait_s)

    def verify(
        self, *, quick: bool = False, progress: Callable[[Progress], None] | None = None
    ) -> Verified:
        """Check every file against the catalog, and the files against one another."""
        from clickcli.store.upkeep.verify import verify

        return verify(self._catalog, quick=quick, progress=progress)

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
