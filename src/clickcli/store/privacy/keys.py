"""The secret that turns ids into digests: a file outside the store that only its owner can read.

An id is never kept in a list of people: its HMAC-SHA256 is, cut to 128 bits as RFC 2104 allows.
Plain hashes would not do: ids are few, and whoever tries them all has them back in seconds.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import sqlite3
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from clickcli.errors import DataError
from clickcli.identity import is_placeholder
from clickcli.store.catalog import Catalog
from clickcli.store.layout import CATALOG, storage_errors, sync_folder

Kind = Literal["user", "device"]

PSEUDONYM: Final = re.compile(r"h_[0-9a-f]{32}")
"""What ``privacy hash`` makes of an id; it is its own digest, so that nothing is hashed twice."""
VARIABLE: Final = "CLICKCLI_KEY_FILE"
HASHED: Final = "hashed"
"""Name of the flag in the catalog that the store keeps pseudonyms for ids."""
_META: Final = "key"
_BYTES: Final = 32
_DIGEST: Final = 16
_PREFIX: Final = {"user": "u:", "device": "a:"}
_RESTORE: Final = (
    f"restore it, or name it with {VARIABLE}; without it, people who are left out would come back"
)


@dataclass(frozen=True, slots=True)
class Key:
    """The secret of a store."""

    path: Path
    secret: bytes = field(repr=False)

    def digest(self, kind: Kind, text: str) -> bytes:
        """Return the digest of an id; a user and a device of one name have different ones."""
        if PSEUDONYM.fullmatch(text):
            return bytes.fromhex(text[2:])
        return self._hmac(_PREFIX[kind] + text)

    def pseudonym(self, kind: Kind, text: str) -> str:
        """Return what stands for an id where ids are not to be seen."""
        return f"h_{self.digest(kind, text).hex()}"

    @property
    def fingerprint(self) -> str:
        """A word that tells the right key from a wrong one, and nothing about it."""
        return self._hmac("clickcli key fingerprint").hex()

    def _hmac(self, text: str) -> bytes:
        message = text.encode("utf-8", "surrogatepass")
        return hmac.digest(self.secret, message, "sha256")[:_DIGEST]


def key_path(root: Path, key_file: str | None) -> Path:
    """Return where the key of a store is: as configured, else beside the store."""
    if key_file is not None:
        return Path(key_file).expanduser().absolute()
    real = root.resolve()
    return real.with_name(f"{real.name}.key")


def find_key(catalog: Catalog, key_file: str | None) -> Key | None:
    """Return the key of a store that has one, None where the store never needed one.

    Raises DataError when the key is missing, wrong, or open to others.
    """
    known = fingerprint(catalog)
    if known is None:
        return None
    path = key_path(catalog.root, key_file)
    key = read_key(catalog.root, path)
    if key is None:
        raise DataError(f"the key of the store is missing: {path}", hint=_RESTORE)
    if key.fingerprint != known:
        raise DataError(f"{path} is not the key of the store {catalog.root}", hint=_RESTORE)
    return key


def need_key(catalog: Catalog, key_file: str | None) -> Key:
    """Return the key of a store, made if the store never had one.

    The caller records it in the transaction that needs it. Raises DataError as ``find_key``.
    """
    return find_key(catalog, key_file) or usable_key(catalog.root, key_file)


def key_beside(root: Path, key_file: str | None) -> Key:
    """Return the key for a folder that may hold a store, made if there is none.

    Raises DataError as ``find_key`` where it holds one.
    """
    if not (root / CATALOG).is_file():
        return usable_key(root, key_file)
    catalog = Catalog.open(root)
    try:
        return need_key(catalog, key_file)
    finally:
        catalog.close()


def usable_key(root: Path, key_file: str | None) -> Key:
    """Return the key at its place, made if there is none."""
    path = key_path(root, key_file)
    return read_key(root, path) or _made(root, path)


def fingerprint(catalog: Catalog) -> str | None:
    """Return the fingerprint of the store's key, None where it never needed one."""
    value = catalog.value("SELECT value FROM meta WHERE key = ?", _META)
    return None if value is None else str(value)


def is_hashed(catalog: Catalog) -> bool:
    """Return whether the store keeps pseudonyms for ids, and so makes them at ingest."""
    return bool(catalog.meta(HASHED))


def stored_ids(catalog: Catalog, key_file: str | None, kind: Kind, ids: Iterable[str]) -> list[str]:
    """Return ids as the store knows them."""
    if not is_hashed(catalog):
        return list(ids)
    key = need_key(catalog, key_file)
    return [text if is_placeholder(text) else key.pseudonym(kind, text) for text in ids]


def record_key(db: sqlite3.Connection, key: Key) -> None:
    """Note in the catalog which key is the store's."""
    db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_META, key.fingerprint))


def read_key(root: Path, path: Path) -> Key | None:
    """Return the key in a file, None where there is no file.

    Raises DataError for a file that is a link, inside the store, open to others, or no key.
    """
    _check_place(root, path)
    with storage_errors(f"cannot read the key file {path}"):
        if path.is_symlink():
            raise DataError(f"the key file {path} must not be a link", hint="name the file itself")
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"the key file {path} must be a regular file")
            if status.st_mode & 0o077:
                raise DataError(
                    f"the key file {path} must be open to its owner only, was "
                    f"{stat.S_IMODE(status.st_mode):04o}",
                    hint=f"chmod 600 {path}",
                )
            text = os.read(handle, 4 * _BYTES)
        finally:
            os.close(handle)
    found = re.fullmatch(rb"([0-9a-f]{%d})\n?" % (2 * _BYTES), text)
    if found is None:
        raise DataError(f"{path} is not a key file: it must hold {2 * _BYTES} hexadecimal digits")
    return Key(path, bytes.fromhex(found[1].decode()))


def _check_place(root: Path, path: Path) -> None:
    if path.parent.resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"the key file must be outside the store, was {path}",
            hint=f"whoever copies the store must not get the key; name another with {VARIABLE}",
        )


def _made(root: Path, path: Path) -> Key:
    """Make a key file, whole or not at all; another process may have been first."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with storage_errors(f"cannot make the key file {path}"):
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(part)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)
    key = read_key(root, path)
    assert key is not None
    return key
