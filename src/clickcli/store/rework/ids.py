"""Id runs without the ids of rows that go, so that those lines are new when they come again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clickcli.errors import DataError
from clickcli.store.arrays import ArrayWriter
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import file_row
from clickcli.store.dedup import fingerprint
from clickcli.store.layout import digest_file
from clickcli.store.rework.rows import is_among
from clickcli.store.runs import SEQ, SLICE, open_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.store.runs import Words


@dataclass(slots=True)
class Ids:
    """The runs that changed; ``fingerprint`` is that of the ids taken out."""

    files: list[FileRow] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    fingerprint: int = 0


def take_out(catalog: Catalog, folder: Path, seqs: NDArray[np.int64]) -> Ids:
    """Stage the runs without the rows of these seqs (sorted), a slice at a time.

    Raises DataError unless every row has its id.
    """
    out = Ids()
    taken = 0
    for file in catalog.files("ids"):
        run = open_run(catalog.resolve(file))
        gone = 0
        for part, mask in _slices(run, seqs):
            gone += int(mask.sum())
            out.fingerprint += fingerprint(part[:, mask])
        if gone:
            taken += gone
            out.replaced.append(file.path)
            if gone < run.shape[1]:
                out.files.append(_written(catalog.root, folder, run, seqs, gone))
    if taken != len(seqs):
        raise DataError(
            f"{len(seqs)} events were to go but {taken} of their ids were found",
            hint="the store is damaged; check it: clickcli verify",
        )
    return out


def _slices(run: Words, seqs: NDArray[np.int64]) -> Iterator[tuple[Words, NDArray[np.bool_]]]:
    """Yield a run slice by slice, and which of its ids go."""
    for start in range(0, run.shape[1], SLICE):
        part = run[:, start : start + SLICE]
        yield part, is_among(part[SEQ].astype("int64"), seqs)


def _written(root: Path, folder: Path, run: Words, seqs: NDArray[np.int64], gone: int) -> FileRow:
    path = folder / f"run-{uuid.uuid4().hex}.npy"
    left = run.shape[1] - gone
    with ArrayWriter(path, "<u8", (SEQ + 1, left)) as out:
        for part, mask in _slices(run, seqs):
            out.add(part[:, ~mask])
    return file_row(root, path, "ids", f"ids/{path.name}", left, digest_file(path))
