"""The catalog against itself, against its checksum, and against what lies in the folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.errors import DataError, StorageError
from clickcli.store.catalog import Catalog, FileRow, change_count
from clickcli.store.layout import CATALOG, LOCK, SEAL, STAGING
from clickcli.store.upkeep.check_files import Finding, Tally, error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OURS: Final = frozenset((CATALOG, f"{CATALOG}-journal", SEAL, f"{SEAL}.new", LOCK))
_OTHERS: Final = frozenset(("models",))
"""Folders whose files may be others than the catalog names."""
_NUMBERS: Final = ("next_seq", "fingerprint", "people", "retained_ids")
KINDS: Final = ("events", "ids", "people", "linked", "rejects", "derived", "models")
_INTEGRITY: Final = (
    "SELECT integrity_check FROM pragma_integrity_check(1000000000)"
    " WHERE integrity_check <> 'ok' AND integrity_check NOT LIKE 'NULL value in %' LIMIT 20"
)
_KNOWN: Final = (
    "SELECT coalesce(sum(rows), 0)"
    " + coalesce((SELECT value FROM meta WHERE key = 'retained_ids'), 0)"
    " FROM files WHERE kind = 'events'"
)
_SUMS: Final = (
    (
        "SELECT coalesce(sum(stored - removed), 0) FROM batches",
        "SELECT coalesce(sum(rows), 0) FROM files WHERE kind = 'events'",
        "{} events of batches are in the store, but {} rows in its event files",
    ),
    (
        "SELECT coalesce(sum(rows), 0) FROM files WHERE kind = 'ids'",
        _KNOWN,
        "there are {} ids in the id runs, but {} events, stored or dropped for their age",
    ),
    (
        "SELECT coalesce(sum(stored - removed), 0) FROM batches",
        "SELECT coalesce(sum(lines), 0) FROM totals WHERE kind = 'event_type'",
        "{} events are in the store, but {} are counted by type",
    ),
    (
        "SELECT count(*) FROM batches WHERE NOT (removed BETWEEN 0 AND stored)",
        "SELECT 0",
        "{} batches have lost more events than they had",
    ),
    (
        "SELECT coalesce(sum(lines), 0) FROM vocabulary",
        "SELECT coalesce(sum(lines), 0) FROM totals",
        "the words of all batches count {}, their totals {}",
    ),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the catalog says at one moment; a writer may go on after it."""

    files: tuple[FileRow, ...]
    numbers: Mapping[str, int]
    users: tuple[int, ...]
    findings: tuple[Finding, ...]


def said(catalog: Catalog) -> Said:
    """Read the catalog, and check it against its checksum and itself."""
    seal = _seal(catalog.root)  # before the catalog: it may be older than that, never newer
    with catalog.reading():
        found = [*_check_seal(seal, catalog.image(), has_batches=_has_batches(catalog))]
        found += _check_integrity(catalog)
        files: list[FileRow] = []
        numbers = dict.fromkeys(_NUMBERS, 0)
        users: tuple[int, ...] = ()
        try:
            rows = [file for kind in KINDS for file in catalog.files(kind)]
            numbers = {name: catalog.meta(name) for name in _NUMBERS}
            users = tuple(k for (k,) in catalog.rows("SELECT DISTINCT user_key FROM links"))
            found += _check_sums(catalog)
            files = [file for file in rows if _is_sound(file)]
            found += [
                error(CATALOG, f"describes {r.path!r} wrongly") for r in rows if r not in files
            ]
        except (DataError, StorageError, TypeError, ValueError) as failure:
            found.append(error(CATALOG, f"cannot be read: {failure}"))
        return Said(tuple(files), numbers, users, tuple(found))


def _is_sound(file: FileRow) -> bool:
    """Return whether all that a row of the catalog says of a file is of the right type."""
    texts = (file.path, file.kind, file.sha256)
    numbers = (file.rows, file.bytes)
    bounds = (file.min_ts, file.max_ts, file.min_key, file.max_key)
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) for number in numbers)
        and all(isinstance(bound, int | None) for bound in bounds)
        and all(isinstance(text, str | None) for text in (file.staged, file.date))
    )


def _seal(root: Path) -> tuple[int, str] | Finding:
    """Return the checksum of the catalog and the count of changes that it is of."""
    try:
        word, digest = (root / SEAL).read_text("ascii").split()
        return int(word), digest
    except FileNotFoundError:
        return Finding("warning", SEAL, "is missing: the catalog has no checksum")
    except (OSError, ValueError):
        return Finding("warning", SEAL, "is damaged: the catalog has no checksum")


def _has_batches(catalog: Catalog) -> bool:
    """Return whether anything was ever ingested; a catalog too damaged to say it had batches."""
    try:
        return bool(catalog.value("SELECT EXISTS (SELECT 1 FROM batches)"))
    except (DataError, StorageError):
        return True


def _check_seal(
    seal: tuple[int, str] | Finding, image: bytes, *, has_batches: bool
) -> Iterator[Finding]:
    """Yield whether the catalog's file is as it was last written."""
    if image[24:28] != image[92:96]:
        yield error(CATALOG, "is damaged: its header contradicts itself")
    if isinstance(seal, Finding):
        if has_batches:  # the making of a store may be cut off just before its first checksum
            yield seal
    elif seal[0] == change_count(image) and seal[1] != sha256(image).hexdigest():
        yield error(CATALOG, "was changed since it was written: its SHA-256 is another")
    elif seal[0] > change_count(image):
        yield error(CATALOG, "is older than its checksum: an earlier copy, or damaged")


def _check_integrity(catalog: Catalog) -> Iterator[Finding]:
    """Yield what SQLite itself finds wrong.

    SQLite 3.40.0 to 3.41.0 takes columns of some tables WITHOUT ROWID for null that are not.
    """
    try:
        for (text,) in catalog.rows(_INTEGRITY):
            yield error(CATALOG, str(text).splitlines()[0])
    except (DataError, StorageError) as failure:
        yield error(CATALOG, f"is damaged: {failure}")


def _check_sums(catalog: Catalog) -> Iterator[Finding]:
    """Yield where the catalog contradicts itself."""
    for left, right, text in _SUMS:
        numbers = catalog.value(left), catalog.value(right)
        if numbers[0] != numbers[1]:
            yield error(CATALOG, text.format(*numbers))


def check_tally(said: Said, tally: Tally) -> Iterator[Finding]:
    """Yield where the files contradict one another, or the catalog."""
    import numpy as np

    if twice := int((tally.stored > 1).sum()):
        yield error("events", f"{twice} events are in the store twice")
    if (tally.known > 1).any():
        yield error("ids", f"{int((tally.known > 1).sum())} events have two ids")
    idless = int(((tally.stored > 0) & (tally.known == 0)).sum())
    eventless = int(((tally.stored == 0) & (tally.known > 0)).sum())
    if unlike := idless + abs(eventless - said.numbers["retained_ids"]):
        yield error("ids", f"{unlike} events and ids have no counterpart")
    if (tally.fingerprint - said.numbers["fingerprint"]) % 2**64:
        yield error("ids", "the ids add up to another fingerprint than the catalog's")
    empty = np.zeros(0, dtype=np.int64)
    people = empty if tally.people is None else tally.people
    linked = empty if tally.linked is None else tally.linked
    named = np.unique(np.concatenate([empty, *tally.keys]))
    others = set(np.setdiff1d(people, named).tolist())  # users who have a device's events only
    if len(np.setdiff1d(named, people)) or not others <= set(said.users):
        yield error("ids", "the list of people is not that of the events")
    if (count := _persons(people, linked)) != said.numbers["people"]:
        yield error(CATALOG, f"counts {said.numbers['people']} people, the lists {count}")


def _persons(people: NDArray[np.int64], linked: NDArray[np.int64]) -> int:
    import numpy as np

    return len(people) - len(np.intersect1d(people, linked, assume_unique=True))


def strangers(root: Path, known: Collection[str]) -> Iterator[Finding]:
    """Yield what lies in the folder and is not the store's; symbolic links are not followed."""
    for name in sorted(_walk(root, "")):
        path = root / name
        if path.is_symlink():
            yield error(name, "is a symbolic link; nothing is read or written through it")
        elif name.startswith("events/") and name not in known:
            yield Finding(
                "warning", name, "is not in the catalog; other programs would count its rows"
            )
        elif name not in known and name not in _OURS:
            yield Finding("warning", name, "is not in the catalog")


def _walk(root: Path, folder: str) -> Iterator[str]:
    """Yield the paths of files and symbolic links below a folder."""
    with os.scandir(root / folder) as found:
        entries = list(found)
    for entry in entries:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if not entry.is_dir(follow_symlinks=False):
            if name.split("/")[0] not in (STAGING, *_OTHERS) or entry.is_symlink():
                yield name
        else:
            yield from _walk(root, name)
