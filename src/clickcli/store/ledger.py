"""Which part of a file was consumed before: nothing, all of it, or its beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from clickcli.store.catalog import Catalog
from clickcli.store.mapping import FieldMap
from clickcli.store.sources import Block, Consumed, Identity, Source
from clickcli.store.types import Status

_TRIED: Final = 3
"""Entries that are compared with a file, at most: each may cost reading its beginning."""

_COLUMNS: Final = (
    "path, device, inode, size, mtime_ns, offset, lines, sha256, content_size, content_sha256"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalog knows of a source."""

    identity: Identity
    consumed: Consumed


class Lines(Protocol):
    """What a source gives that is set after what was consumed before."""

    @property
    def is_packed(self) -> bool:
        """Whether its bytes are compressed."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield the rest of the content in blocks of whole lines."""
        ...

    def consumed(self) -> Consumed:
        """Return how far the content was read, once ``blocks`` is exhausted."""
        ...

    def position(self) -> int:
        """Return how many bytes of the file were read."""
        ...

    def close(self) -> None:
        """Close what is read."""
        ...


Digests = Callable[[Block], Iterable[bytes]]
"""The 16-byte hash of each good line of a block."""


class Counts(Protocol):
    """Knows how often lines stand in the part of a source that was consumed before."""

    def counts(self, wanted: set[bytes], digests: Digests) -> dict[bytes, int]:
        """Return how often each of these lines stands there."""
        ...


@dataclass(slots=True)
class Job:
    """A source to read: opened, and set after what was consumed before.

    ``source`` is None when there is nothing new. ``identity`` is None for a stream, which
    has no entry in the ledger. ``skipped`` is how much of the content was gone over.
    ``is_ours`` says whether the source is ours to close. A file that is followed stays open
    from one ingest to the next: ``earlier`` is the part of it that is stored, and
    ``is_current`` whether the ledger still is as that part was left; ``is_told`` says that its
    ``mapping`` is known already.
    """

    name: str
    status: Status
    source: Lines | None
    identity: Identity | None = None
    skipped: int = 0
    is_ours: bool = True
    earlier: Counts | None = None
    is_current: Callable[[Catalog], bool] | None = None
    mapping: FieldMap | None = None
    """How its lines are read; set when it is read."""
    is_told: bool = False


def find_entries(catalog: Catalog, identity: Identity) -> list[Entry]:
    """Return the entries of the same file: by path, then (renamed) by device and inode."""
    query = (
        f"SELECT {_COLUMNS} FROM sources WHERE path = ?1 OR (device = ?2 AND inode = ?3)"  # noqa: S608
        " ORDER BY path = ?1 DESC, at DESC LIMIT ?4"
    )
    rows = catalog.rows(query, identity.path, identity.device, identity.inode, _TRIED)
    return [_entry(row) for row in rows]


def entry_at(catalog: Catalog, path: str) -> Entry | None:
    """Return the entry of a path."""
    rows = catalog.rows(f"SELECT {_COLUMNS} FROM sources WHERE path = ?", path)  # noqa: S608
    return _entry(rows[0]) if rows else None


def all_entries(catalog: Catalog) -> list[Entry]:
    """Return all entries, by path."""
    return [_entry(row) for row in catalog.rows(f"SELECT {_COLUMNS} FROM sources ORDER BY path")]  # noqa: S608


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(Identity(*row[:5]), Consumed(*row[5:]))


def open_job(catalog: Catalog | None, identity: Identity, max_line_bytes: int) -> Job:
    """Open a file where its unread part begins.

    A file with the size, time of change and inode of before is unchanged without a look
    inside; any other is compared by the hash of what was consumed. A last line without an
    end is ingested, but the consumed part stops before it: should the file grow, that line is
    read again, and dropped as a duplicate if it stayed the same.
    """
    entries = [] if catalog is None else find_entries(catalog, identity)
    path = Path(identity.path)
    return open_after(entries, identity, lambda: Source.open(path, max_line_bytes))


def open_after(entries: list[Entry], identity: Identity, opened: Callable[[], Source]) -> Job:
    """Open a file after the first of these parts that it begins with."""
    if any(entry.identity == identity for entry in entries):
        return Job(identity.path, "unchanged", None, identity)
    for entry in entries:
        before = entry.consumed
        source = opened()
        if source.skip(before.offset, before.lines, before.sha256):
            tail = before.content_size - before.offset
            if source.ends_with(tail, before.content_sha256):
                source.close()
                return Job(identity.path, "unchanged", None, identity)
            return Job(identity.path, "grown", source, identity, before.offset)
        source.close()
    is_known = any(entry.identity.path == identity.path for entry in entries)
    status: Status = "rotated" if is_known else "new"
    return Job(identity.path, status, opened(), identity)
