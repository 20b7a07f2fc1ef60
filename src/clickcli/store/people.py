"""How many persons a store has, links applied, kept exact by two sorted lists of keys.

``people`` holds the key of everybody with an event, and of users whose own events are gone while
a link still gives them those of a device; ``linked`` that of every device that a link gives to a
user. A device that is linked is nobody of its own, so persons are the keys in the first list that
are not in the second.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clickcli.identity import anonymous_key
from clickcli.store.arrays import read_array, write_array
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import file_row
from clickcli.store.layout import digest_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class People:
    """The number of persons, and the files that changed."""

    count: int = 0
    files: list[FileRow] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)


def people_files(
    catalog: Catalog,
    folder: Path,
    keys: NDArray[np.int64],
    linked: Iterable[str],
    gone: NDArray[np.int64] | None = None,
    unlinked: Iterable[str] = (),
) -> People:
    """Bring the lists up to date; stages those that changed.

    ``keys`` of people with events are added, ``gone`` are people without any event now. ``linked``
    are devices that are somebody's now, ``unlinked`` those that are no longer.
    """
    import numpy as np

    out = People()
    empty = np.zeros(0, dtype=np.int64)
    everybody = _changed(catalog, folder, "people", keys, empty if gone is None else gone, out)
    owned = _changed(catalog, folder, "linked", _keys(linked), _keys(unlinked), out)
    out.count = len(everybody) - len(np.intersect1d(everybody, owned, assume_unique=True))
    return out


def _keys(devices: Iterable[str]) -> NDArray[np.int64]:
    import numpy as np

    return np.array(sorted({anonymous_key(device) for device in devices}), dtype=np.int64)


def _changed(
    catalog: Catalog,
    folder: Path,
    kind: str,
    added: NDArray[np.int64],
    gone: NDArray[np.int64],
    out: People,
) -> NDArray[np.int64]:
    import numpy as np

    files = catalog.files(kind)
    before = np.zeros(0, dtype=np.int64)
    for file in files:
        before = load_keys(catalog.resolve(file))
    left = np.setdiff1d(before, gone, assume_unique=True) if len(gone) else before
    after: NDArray[np.int64] = np.union1d(left, added)
    if len(after) == len(before) and np.array_equal(after, before):
        return after
    out.replaced += [file.path for file in files]
    if not len(after):
        return after
    path = folder / f"{kind}-{uuid.uuid4().hex}.npy"
    write_array(path, after)
    target = f"ids/{path.name}"
    out.files.append(file_row(catalog.root, path, kind, target, len(after), digest_file(path)))
    return after


def load_keys(path: Path) -> NDArray[np.int64]:
    """Return a list of keys, read where it lies. Raises DataError when the file is damaged."""
    return read_array(path, "<i8", None, "list of people")
