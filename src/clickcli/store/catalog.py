"""The catalog: an SQLite file that alone says what the store holds.

The journal is SQLite's own rollback journal: it also works from a read-only folder, where a
write-ahead log does not. ``synchronous=EXTRA`` rather than ``FULL``, because with a rollback
journal only EXTRA waits for the folder after the journal is removed; with FULL a power cut
could take back a commit whose files are in place already.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from clickcli.errors import DataError
from clickcli.store.layout import CATALOG, SEAL, make_file, storage_errors, sync_file, sync_folder
from clickcli.store.schema import APPLICATION_ID, FORMAT_VERSION, TABLES, UPGRADES

_BUSY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file of the store; ``staged`` is where it is until it is put in place."""

    path: str
    kind: str
    rows: int
    bytes: int
    sha256: str
    staged: str | None = None
    date: str | None = None
    min_ts: int | None = None
    max_ts: int | None = None
    min_key: int | None = None
    max_key: int | None = None


_FILE_COLUMNS: Final = (
    "path, kind, rows, bytes, sha256, staged, date, min_ts, max_ts, min_key, max_key"
)


class Catalog:
    """A connection to a catalog. Every method sees or makes one consistent state."""

    def __init__(self, root: Path, connection: sqlite3.Connection) -> None:
        self.root = root
        self._db = connection

    @classmethod
    def create(cls, root: Path) -> Catalog:
        """Make an empty catalog in a folder that has none."""
        with storage_errors(f"cannot make the store {root}"):
            if not (root / CATALOG).exists():
                make_file(root / CATALOG)
            catalog = cls(root, _connect(root / CATALOG, "rw"))
            catalog._db.executescript(
                f"BEGIN IMMEDIATE;{TABLES}PRAGMA application_id={APPLICATION_ID};"
                f"PRAGMA user_version={FORMAT_VERSION};COMMIT;"
            )
            sync_folder(root)
        catalog.seal()
        return catalog

    @classmethod
    def open(cls, root: Path) -> Catalog:
        """Open a catalog. Raises DataError when it is none, or made by a newer version."""
        path = root / CATALOG
        hint = "make one with: clickcli ingest FILE…"
        if not path.is_file():
            what = "is not a store" if root.exists() else "does not exist"
            raise DataError(f"the store {root} {what}", hint=hint)
        with storage_errors(f"cannot read the store {root}"):
            try:
                connection = _connect(path, "rw")
                version = _version(connection)
            except sqlite3.OperationalError:
                connection = _connect(path, "ro")
                version = _version(connection)
        if version is None or version < 1:
            raise DataError(f"{path} is not the catalog of a store", hint=hint)
        if version > FORMAT_VERSION:
            raise DataError(
                f"the store {root} has format {version}; this version knows up to {FORMAT_VERSION}",
                hint="it was made by a newer clickcli: upgrade this one",
            )
        catalog = cls(root, connection)
        if version < FORMAT_VERSION:
            catalog._upgrade()
        return catalog

    def _upgrade(self) -> None:
        """Bring an older catalog to the present format; another process may be first."""
        with self.writing() as db:
            version = _version(db)
            assert version is not None
            for older in range(version, FORMAT_VERSION):
                for statement in UPGRADES[older].split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        self.seal()

    def image(self) -> bytes:
        """Return the catalog's file as it is now."""
        with storage_errors(f"cannot read the store {self.root}"):
            return self._db.serialize()

    def seal(self) -> None:
        """Keep the checksum of the catalog's file beside it, for ``verify`` to compare.

        A crash before this leaves the checksum of an earlier state, and the count of changes in
        it says so. Nothing but ``verify`` needs it, so failing to write it is no failure.
        """
        image = self.image()
        made = self.root / f"{SEAL}.new"
        with contextlib.suppress(OSError):
            made.unlink(missing_ok=True)
            make_file(made)
            made.write_text(f"{change_count(image)} {sha256(image).hexdigest()}\n", "ascii")
            sync_file(made)
            made.replace(self.root / SEAL)

    def vacuum(self) -> None:
        """Write the catalog anew, so that nothing of what was taken out is left in its file."""
        with storage_errors(f"cannot write the store {self.root}"):
            self._db.execute("VACUUM")
        self.seal()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make all reads inside see the same state."""
        with storage_errors(f"cannot read the store {self.root}"):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside as a whole, or not at all."""
        with storage_errors(f"cannot write the store {self.root}"):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with storage_errors(f"cannot read the store {self.root}"):
            return self._db.execute(query, values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """Return the first value of a query's first row, None when there is none."""
        rows = self.rows(query, *values)
        return rows[0][0] if rows else None

    def meta(self, key: str, default: int = 0) -> int:
        """Return one of the catalog's numbers."""
        value = self.value("SELECT value FROM meta WHERE key = ?", key)
        return default if value is None else int(value)

    def files(self, kind: str) -> list[FileRow]:
        """Return the files of a kind, by path."""
        query = f"SELECT {_FILE_COLUMNS} FROM files WHERE kind = ? ORDER BY path"  # noqa: S608
        return [FileRow(*row) for row in self.rows(query, kind)]

    def totals(self, kind: str) -> dict[str, int]:
        """Return the counts of a vocabulary over all batches, the greatest first."""
        query = "SELECT name, lines FROM totals WHERE kind = ? AND lines > 0"
        return dict(self.rows(query + " ORDER BY lines DESC, name", kind))

    def span(self) -> tuple[int | None, int | None]:
        """Return the time of the oldest event, and the watermark.

        That is the time of the newest event, but no later than the newest ingest of those whose
        events go furthest: an event from the future moves it no further than to the present.
        """
        query = "SELECT min(min_ts), max(max_ts) FROM files WHERE kind = 'events'"
        first, last = self.rows(query)[0]
        watermark = self.value("SELECT max(watermark) FROM batches WHERE stored > removed")
        return first, None if None in (last, watermark) else min(last, watermark)

    def has_unplaced(self) -> bool:
        """Return whether a commit's files are still to be put in place or removed."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM files WHERE staged IS NOT NULL)"
            " OR EXISTS (SELECT 1 FROM trash)"
        )
        return bool(self.value(query))

    def resolve(self, file: FileRow) -> Path:
        """Return where a file is now: staged still, or in its place.

        Staged first: the file that it replaces may be in that place yet.
        """
        if file.staged is not None and (self.root / file.staged).exists():
            return self.root / file.staged
        return self.root / file.path


def change_count(image: bytes) -> int:
    """Return how often a catalog was changed, as its file's header says."""
    return int.from_bytes(image[24:28], "big")


def insert_files(db: sqlite3.Connection, batch: int, files: list[FileRow]) -> None:
    """Record the files of a batch."""
    db.executemany(
        f"INSERT INTO files (batch, {_FILE_COLUMNS}) VALUES (?{', ?' * 11})",  # noqa: S608
        [
            (batch, f.path, f.kind, f.rows, f.bytes, f.sha256, f.staged, f.date, f.min_ts,
             f.max_ts, f.min_key, f.max_key)
            for f in files
        ],
    )  # fmt: skip


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    connection.execute("PRAGMA synchronous=EXTRA")
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def _version(connection: sqlite3.Connection) -> int | None:
    """Return the format version, None when the file is not ours."""
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            return None
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return None
    return int(version)
