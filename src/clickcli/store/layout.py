"""Where things are in a store's folder, and the few file operations that must not fail halfway."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from clickcli.errors import DataError, StorageError

CATALOG: Final = "catalog.db"
LOCK: Final = "lock"
STAGING: Final = "staging"
FOLDERS: Final = ("events", "ids", "rejects", STAGING)
CHUNK: Final = 8 << 20

_HINTS: Final = {
    errno.ENOSPC: "free some space and run it again; the store is as it was",
    errno.EDQUOT: "the quota is used up; the store is as it was",
    errno.EACCES: "check who owns the folder and its permissions",
    errno.EPERM: "check who owns the folder and its permissions",
    errno.EROFS: "the file system is mounted read-only",
}


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn failures of files and of SQLite into StorageError or DataError, with a hint."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        code = error.errno if error.errno is not None else 0
        raise StorageError(f"{what}: {reason}", hint=_HINTS.get(code)) from error
    except sqlite3.OperationalError as error:
        hint = _HINTS[errno.ENOSPC] if "full" in str(error) else _HINTS[errno.EACCES]
        raise StorageError(f"{what}: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise DataError(f"{what}: {error}", hint="the catalog is damaged; restore it") from error


def make_file(path: Path) -> None:
    """Make an empty file that only its owner can read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that only their owner can enter."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def sync_file(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Wait until every file and folder below is on the disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            sync_file(Path(root, name))
        sync_folder(Path(root))


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def empty_folder(folder: Path) -> None:
    """Remove everything in a folder, as far as it can be removed."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)


def remove_files(root: Path, names: Iterable[str]) -> None:
    """Remove files of a store; one that is gone already is fine."""
    for name in names:
        (root / name).unlink(missing_ok=True)
