"""Where things are in a store's folder, and the few file operations that must not fail halfway."""

from __future__ import annotations

import contextlib
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
SEAL: Final = "catalog.sum"
LOCK: Final = "lock"
STAGING: Final = "staging"
FOLDERS: Final = ("events", "ids", "rejects", STAGING)
CHUNK: Final = 8 << 20

_DAMAGED: Final = f"{CATALOG} is damaged; restore it from a copy"
_HINTS: Final = {
    errno.ENOSPC: "free some space and run it again; the store is as it was",
    errno.EDQUOT: "the quota is used up; the store is as it was",
    errno.EACCES: "check who owns the folder and its permissions",
    errno.EPERM: "check who owns the folder and its permissions",
    errno.EROFS: "the file system is mounted read-only",
    errno.ENOMEM: "free some memory and run it again; the store is as it was",
    errno.EIO: "the disk reports an error; look at the system's log",
}


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn failures of files and of SQLite into StorageError or DataError, with a hint."""
    try:
        yield
    except OSError as error:
        message, hint = reason_of(what, error)
        raise StorageError(message, hint=hint) from error
    except sqlite3.OperationalError as error:
        if "decode to UTF-8" in str(error):
            raise DataError(f"{what}: {error}", hint=_DAMAGED) from error
        hint = _HINTS[errno.ENOSPC] if "full" in str(error) else _HINTS[errno.EACCES]
        raise StorageError(f"{what}: {error}", hint=hint) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # of text that SQLite gives
        raise DataError(f"{what}: {error}", hint=_DAMAGED) from error


def reason_of(what: str, error: OSError) -> tuple[str, str | None]:
    """Return what could not be done and why, and what to do about it."""
    code = error.errno if error.errno is not None else 0
    return f"{what}: {error.strerror or error}", _HINTS.get(code)


def make_file(path: Path) -> None:
    """Make an empty file that only its owner can read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that only their owner can enter; sync their names."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


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


def refuse_symlinks(root: Path, names: Iterable[str]) -> None:
    """Raise DataError when one of these, or a folder on the way to it, is a symbolic link.

    What is written or removed through it would be outside the store.
    """
    for part in sorted({part for name in names for part in (Path(name), *Path(name).parents)}):
        if part != Path() and (root / part).is_symlink():
            raise DataError(
                f"{root / part} is a symbolic link; the store writes only inside its own folder",
                hint="put what it points to in its place",
            )


def remove_files(root: Path, names: Iterable[str]) -> None:
    """Remove files of a store, and dates without files; one that is gone already is fine.

    On return they are gone from the disk too: a power cut brings none of them back.
    """
    folders: set[Path] = set()
    for name in names:
        path = root / name
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in sorted(folders):
        if "=" in folder.name:
            with contextlib.suppress(OSError):
                folder.rmdir()
        sync_folder(folder if folder.is_dir() else folder.parent)


def is_unfinished(root: Path) -> bool:
    """Return whether a folder is empty, or holds what the making of a store left that was cut off.

    That is a lock, empty folders, and a catalog without a table.
    """
    with storage_errors(f"cannot read the store {root}"):
        return root.is_dir() and all(_is_left_over(entry) for entry in root.iterdir())


def _is_left_over(entry: Path) -> bool:
    if entry.name in FOLDERS:
        return not any(entry.iterdir())
    if entry.name == CATALOG:
        return _is_blank(entry)
    return entry.name == LOCK or entry.name.startswith(CATALOG)


def _is_blank(catalog: Path) -> bool:
    """Return whether a catalog has no table; a transaction that was cut off is rolled back."""
    if not catalog.stat().st_size:
        return True
    connection = sqlite3.connect(catalog)
    try:
        query = "SELECT EXISTS (SELECT 1 FROM sqlite_master)"
        return not connection.execute(query).fetchone()[0]
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
