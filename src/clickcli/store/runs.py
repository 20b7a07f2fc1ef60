"""Sorted files of the event ids ever stored, searched in place.

A run is an array of shape (4, n), uint64: high and low word of the id (sorted by them), the
content hash, and the ``seq`` of the row. Runs of like size are merged, so that their number
grows with the logarithm of the store.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.store.arrays import ArrayWriter, read_array, write_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

HI: Final = 0
LO: Final = 1
CONTENT: Final = 2
SEQ: Final = 3
TIER: Final = 4
"""So many runs of one tier are merged; a tier's runs are up to so many times larger."""
SLICE: Final = 1 << 20
"""Ids that are looked at together."""


def open_run(path: Path) -> Words:
    """Return a run, read where it lies. Raises DataError when the file is damaged."""
    return read_array(path, "<u8", SEQ + 1, "id file")


@dataclass(frozen=True, slots=True)
class Found:
    """Which ids are stored, and the content hash and ``seq`` of the stored row."""

    is_known: NDArray[np.bool_]
    content: Words
    seq: Words


def lookup(runs: Sequence[Words], hi: Words, lo: Words) -> Found:
    """Look ids up in all runs; sorted ids are looked up fastest."""
    import numpy as np

    known = np.zeros(len(hi), dtype=bool)
    content = np.zeros(len(hi), dtype=np.uint64)
    seq = np.zeros(len(hi), dtype=np.uint64)
    for run in runs:
        size = run.shape[1]
        if not size:
            continue
        at = np.searchsorted(run[HI], hi)
        rows = np.flatnonzero(at < size)
        rows = rows[run[HI][at[rows]] == hi[rows]]
        while len(rows):
            same = run[LO][at[rows]] == lo[rows]
            hits = rows[same]
            known[hits] = True
            content[hits] = run[CONTENT][at[hits]]
            seq[hits] = run[SEQ][at[hits]]
            rows = rows[~same]
            at[rows] += 1
            rows = rows[at[rows] < size]
            rows = rows[run[HI][at[rows]] == hi[rows]]
    return Found(known, content, seq)


def write_run(path: Path, words: Words) -> None:
    """Write a run that is sorted already to a new file."""
    write_array(path, words)


def join_runs(paths: Sequence[Path]) -> Path:
    """Make one run of runs that follow one another, one of them in memory at a time.

    Returns its path; the others are gone.
    """
    import numpy as np

    if len(paths) == 1:
        return paths[0]
    path = paths[0].with_name(f"run-{uuid.uuid4().hex}.npy")
    total = sum(open_run(part).shape[1] for part in paths)
    with ArrayWriter(path, "<u8", (SEQ + 1, total)) as out:
        for part in paths:
            out.add(np.load(part))
            part.unlink()
    return path


def tier(rows: int) -> int:
    """Return the tier of a run of this length."""
    level = 0
    while rows >= 1024 * TIER ** (level + 1):
        level += 1
    return level


def mergeable(sizes: Sequence[int]) -> list[int]:
    """Return the positions of the runs to merge now, none when there are few of each size."""
    tiers: dict[int, list[int]] = {}
    for position, size in enumerate(sizes):
        tiers.setdefault(tier(size), []).append(position)
    chosen: list[int] = []
    for level in sorted(tiers):
        merged = tier(sum(sizes[position] for position in chosen)) if chosen else -1
        if len(tiers[level]) >= TIER or (chosen and merged >= level):
            chosen += tiers[level]
    return chosen if len(chosen) > 1 else []


def merge_runs(path: Path, runs: Sequence[Words]) -> None:
    """Write the union of runs with no id in common, a slice of the id range at a time."""
    import numpy as np

    total = sum(run.shape[1] for run in runs)
    largest = max(runs, key=lambda run: run.shape[1])
    starts = [0] * len(runs)
    with ArrayWriter(path, "<u8", (SEQ + 1, total)) as out:
        for end in range(SLICE, largest.shape[1] + SLICE, SLICE):
            stops = [run.shape[1] for run in runs]
            if end < largest.shape[1]:
                stops = [int(np.searchsorted(run[HI], largest[HI][end])) for run in runs]
            slices = [run[:, a:b] for run, a, b in zip(runs, starts, stops, strict=True)]
            part = np.concatenate(slices, axis=1)
            out.add(part[:, np.lexsort((part[LO], part[HI]))])
            starts = stops
