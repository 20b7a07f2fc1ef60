"""The commit protocol: staged files, one transaction, then every file to its place.

1. The caller writes all files into a folder of ``staging/``.
2. ``sync_tree``: files and folders reach the disk.
3. ``record``: one SQLite transaction names them. This is the commit.
4. ``place``: files move to their places, replaced ones go. A crash from here on is finished
   by whoever opens the store next; a crash before 3 leaves only staged files, which go.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clickcli.errors import DataError
from clickcli.store.catalog import Catalog, FileRow, insert_files
from clickcli.store.layout import (
    FOLDERS,
    STAGING,
    empty_folder,
    make_folder,
    refuse_symlinks,
    remove_files,
    storage_errors,
    sync_folder,
    sync_tree,
)  # fmt: skip
from clickcli.store.ledger import Entry
from clickcli.store.types import Batch, SourceReport

_WORD: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Link:
    """A device seen with a user from ``ts`` on, until it is seen with another."""

    anonymous_id: str
    user_id: str
    user_key: int
    ts: int


@dataclass(slots=True, kw_only=True)
class Update:
    """What any commit changes: files, and the numbers that go with them.

    ``number`` is the batch that the new files belong to, 0 when to several. ``fingerprint`` is
    added to the store's. ``people`` is how many there are now, None when that stays.
    """

    number: int = 0
    files: list[FileRow] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    fingerprint: int = 0
    people: int | None = None

    def write(self, db: sqlite3.Connection) -> None:
        """Write what else belongs into the same transaction."""


@dataclass(slots=True, kw_only=True)
class Change(Update):
    """All that one batch changes in the catalog."""

    batch: Batch
    first_seq: int
    end_seq: int
    watermark: int | None = None
    ledger: list[Entry] = field(default_factory=list)
    sources: list[SourceReport] = field(default_factory=list)
    repeats: Mapping[tuple[str, int], int] = field(default_factory=dict)
    vocabulary: Mapping[str, Counter[str]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    def write(self, db: sqlite3.Connection) -> None:
        """Write the batch and all that was learned from it."""
        batch = self.batch
        db.execute(
            f"INSERT INTO batches VALUES ({_marks(16)}, 0, NULL)",  # noqa: S608
            (self.number, batch.name, batch.at, batch.read, batch.stored, batch.duplicates,
             batch.conflicts, batch.suppressed, batch.rejected, batch.blank, batch.first_ts,
             batch.last_ts, self.watermark, self.first_seq, self.end_seq,
             signed(self.fingerprint)),
        )  # fmt: skip
        db.execute("INSERT OR REPLACE INTO meta VALUES ('next_seq', ?)", (self.end_seq,))
        _record_sources(db, self)
        _record_vocabulary(db, self)
        _record_links(db, self.links)


def staging_folder(root: Path, name: str) -> Path:
    """Return an empty folder for what is not committed yet."""
    with storage_errors(f"cannot write the store {root}"):
        refuse_symlinks(root, FOLDERS)
        make_folder(root / STAGING)
        empty_folder(root / STAGING)
        folder = root / STAGING / name
        folder.mkdir(mode=0o700)
    return folder


def commit(catalog: Catalog, folder: Path, update: Update) -> None:
    """Make what was staged part of the store. On return it survives a power cut."""
    with storage_errors(f"cannot write the store {catalog.root}"):
        refuse_symlinks(catalog.root, [*(file.path for file in update.files), *update.replaced])
        sync_tree(folder)
        sync_folder(folder.parent)
    record(catalog, update)
    place(catalog)
    catalog.seal()


def record(catalog: Catalog, update: Update) -> None:
    """Write everything about a commit in one transaction.

    A file may take the path of one that it replaces; then there is nothing to remove.
    """
    kept = {file.path for file in update.files}
    with catalog.writing() as db:
        total = signed(catalog.meta("fingerprint") + update.fingerprint)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('fingerprint', ?)", (total,))
        if update.people is not None:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('people', ?)", (update.people,))
        for path in update.replaced:
            db.execute("DELETE FROM files WHERE path = ?", (path,))
            if path not in kept:
                db.execute("INSERT INTO trash VALUES (?)", (path,))
        insert_files(db, update.number, update.files)
        update.write(db)


def _record_links(db: sqlite3.Connection, links: list[Link]) -> None:
    """Keep the ends of each span over which a device had one user.

    Both ends are needed: a link to another user may come late and lie between them. While a device
    has one user only, the first and the last time are enough.
    """
    db.executemany(
        "INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?)",
        [(link.anonymous_id, link.user_id, link.user_key, link.ts) for link in links],
    )
    db.executemany(
        "DELETE FROM links WHERE anonymous_id = ?1"
        " AND (SELECT count(DISTINCT user_id) FROM links WHERE anonymous_id = ?1) = 1"
        " AND ts > (SELECT min(ts) FROM links WHERE anonymous_id = ?1)"
        " AND ts < (SELECT max(ts) FROM links WHERE anonymous_id = ?1)",
        {(link.anonymous_id,) for link in links},
    )


def _record_sources(db: sqlite3.Connection, change: Change) -> None:
    for entry in change.ledger:
        who, what = entry.identity, entry.consumed
        db.execute(
            f"INSERT OR REPLACE INTO sources VALUES ({_marks(12)})",  # noqa: S608
            (who.path, who.device, who.inode, who.size, who.mtime_ns, what.offset, what.lines,
             what.sha256, what.content_size, what.content_sha256, change.number, change.batch.at),
        )  # fmt: skip
    db.executemany(
        "INSERT OR REPLACE INTO batch_sources VALUES (?, ?, ?, ?, ?)",
        [(change.number, s.path, s.status, s.read, s.rejected) for s in change.sources],
    )
    db.executemany(
        "INSERT INTO repeats VALUES (?, ?, ?, ?)",
        [(change.number, path, of, lines) for (path, of), lines in change.repeats.items()],
    )


def _record_vocabulary(db: sqlite3.Connection, change: Change) -> None:
    words = [
        (kind, name, lines)
        for kind, counts in change.vocabulary.items()
        for name, lines in counts.items()
        if lines > 0
    ]
    db.executemany(
        "INSERT INTO vocabulary VALUES (?, ?, ?, ?)", [(change.number, *word) for word in words]
    )
    db.executemany(
        "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET lines = lines + excluded.lines",
        words,
    )


def _marks(count: int) -> str:
    """Return so many place marks of a statement."""
    return ", ".join("?" * count)


def signed(number: int) -> int:
    """Return an unsigned sum as SQLite can hold it, wrapping like 64-bit words do."""
    number %= _WORD
    return number - _WORD if number >= _WORD // 2 else number


def place(catalog: Catalog) -> None:
    """Move committed files to their places and remove replaced ones; safe to do again."""
    root = catalog.root
    moves = catalog.rows("SELECT path, staged FROM files WHERE staged IS NOT NULL")
    trash = [path for (path,) in catalog.rows("SELECT path FROM trash")]
    with storage_errors(f"cannot write the store {root}"):
        folders: set[Path] = set()
        for path, staged in moves:
            folders |= move(root / staged, root / path)
        for folder in sorted(folders):
            sync_folder(folder)
        remove_files(root, trash)
    if moves or trash:
        with catalog.writing() as db:
            db.execute("UPDATE files SET staged = NULL WHERE staged IS NOT NULL")
            db.execute("DELETE FROM trash")
    empty_folder(root / STAGING)


def move(staged: Path, target: Path) -> set[Path]:
    """Move one file; returns the folders whose names changed."""
    changed = {target.parent, target.parent.parent}  # a run that died may have made the folder
    make_folder(target.parent)
    try:
        staged.replace(target)
    except FileNotFoundError:
        if not target.exists():
            raise DataError(
                f"a file of the store is missing: {target}", hint="check it: clickcli verify"
            ) from None
    return changed


def needs_recovery(catalog: Catalog) -> bool:
    """Return whether a crash (or a writer at work) left something to be finished."""
    staging = catalog.root / STAGING
    with storage_errors(f"cannot read the store {catalog.root}"):
        return catalog.has_unplaced() or (staging.is_dir() and any(staging.iterdir()))


def recover(catalog: Catalog) -> None:
    """Finish a commit that was cut off and remove what was never committed. Needs the lock."""
    if needs_recovery(catalog):
        place(catalog)
        catalog.seal()


def is_recorded(catalog: Catalog, folder: Path) -> bool:
    """Return whether the catalog names a file that is staged in this folder."""
    staged = folder.relative_to(catalog.root).as_posix() + "/"
    query = "SELECT EXISTS (SELECT 1 FROM files WHERE substr(staged, 1, ?) = ?)"
    return bool(catalog.value(query, len(staged), staged))


def discard(folder: Path) -> None:
    """Remove what was staged, as far as it goes."""
    shutil.rmtree(folder, ignore_errors=True)


def file_row(root: Path, path: Path, kind: str, target: str, rows: int, digest: str) -> FileRow:
    """Describe a staged file that is no event file."""
    return FileRow(
        path=target, kind=kind, rows=rows, bytes=path.stat().st_size, sha256=digest,
        staged=str(path.relative_to(root)),
    )  # fmt: skip
