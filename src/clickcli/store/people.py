"""How many persons a store has, links applied, kept exact by two sorted lists of keys.

``people`` holds the key of everybody with an event; ``linked`` that of every device that a
link gives to a user. A device that is linked is nobody of its own, so persons are the keys
in the first list that are not in the second.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clickcli.identity import anonymous_key
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import Link, file_row
from clickcli.store.layout import digest_file, make_file

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
    catalog: Catalog, folder: Path, keys: NDArray[np.int64], links: list[Link]
) -> People:
    """Add a batch's keys and links to the lists; stages those that grew."""
    import numpy as np

    devices = np.array(sorted({anonymous_key(link.anonymous_id) for link in links}), dtype=np.int64)
    out = People()
    everybody = _grown(catalog, folder, "people", keys, out)
    linked = _grown(catalog, folder, "linked", devices, out)
    out.count = len(everybody) - len(np.intersect1d(everybody, linked, assume_unique=True))
    return out


def _grown(
    catalog: Catalog, folder: Path, kind: str, keys: NDArray[np.int64], out: People
) -> NDArray[np.int64]:
    import numpy as np

    files = catalog.files(kind)
    before = np.zeros(0, dtype=np.int64)
    for file in files:
        before = np.load(catalog.root / file.path, mmap_mode="r", allow_pickle=False)
    after: NDArray[np.int64] = np.union1d(before, keys)
    if len(after) == len(before):
        return after
    path = folder / f"{kind}-{uuid.uuid4().hex}.npy"
    make_file(path)
    with path.open("wb") as stream:
        np.save(stream, after, allow_pickle=False)
    out.replaced += [file.path for file in files]
    target = f"ids/{path.name}"
    out.files.append(file_row(catalog.root, path, kind, target, len(after), digest_file(path)))
    return after
