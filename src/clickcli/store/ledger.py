"""Which part of a file was consumed before: nothing, all of it, or its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clickcli.store.catalog import Catalog
from clickcli.store.sources import Consumed, Identity, Source
from clickcli.store.types import Status

_COLUMNS: Final = (
    "path, device, inode, size, mtime_ns, offset, lines, sha256, content_size, content_sha256"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalog knows of a source."""

    identity: Identity
    consumed: Consumed


@dataclass(slots=True)
class Job:
    """A source to read: opened, and set after what was consumed before.

    ``source`` is None when there is nothing new. ``identity`` is None for a stream, which
    has no entry in the ledger. ``skipped`` is how much of the content was gone over.
    ``is_ours`` says whether the source is ours to close.
    """

    name: str
    status: Status
    source: Source | None
    identity: Identity | None = None
    skipped: int = 0
    is_ours: bool = True


def find_entry(catalog: Catalog, identity: Identity) -> Entry | None:
    """Return the entry of the same file: by path, else (renamed) by device and inode."""
    for where, values in (
        ("path = ?", (identity.path,)),
        ("device = ? AND inode = ? ORDER BY at DESC", (identity.device, identity.inode)),
    ):
        query = f"SELECT {_COLUMNS} FROM sources WHERE {where} LIMIT 1"  # noqa: S608
        rows = catalog.rows(query, *values)
        if rows:
            row = rows[0]
            return Entry(Identity(*row[:5]), Consumed(*row[5:]))
    return None


def open_job(catalog: Catalog | None, identity: Identity, max_line_bytes: int) -> Job:
    """Open a file where its unread part begins.

    A file with the size, time of change and inode of before is unchanged without a look
    inside; any other is compared by the hash of what was consumed. A last line without an
    end is ingested, but the consumed part stops before it: should the file grow, that line is
    read again, and dropped as a duplicate if it stayed the same.
    """
    path = Path(identity.path)
    entry = None if catalog is None else find_entry(catalog, identity)
    if entry is None:
        source = Source.open(path, max_line_bytes)
        return Job(identity.path, "new", source, identity)
    if entry.identity == identity:
        return Job(identity.path, "unchanged", None, identity)
    before = entry.consumed
    source = Source.open(path, max_line_bytes)
    if source.skip(before.offset, before.lines, before.sha256):
        tail = before.content_size - before.offset
        if source.ends_with(tail, before.content_sha256):
            source.close()
            return Job(identity.path, "unchanged", None, identity)
        return Job(identity.path, "grown", source, identity, before.offset)
    source.close()
    status: Status = "rotated" if entry.identity.path == identity.path else "new"
    return Job(identity.path, status, Source.open(path, max_line_bytes), identity)
