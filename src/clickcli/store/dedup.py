"""Exactly once: which lines of a batch are new, which repeat another line, which contradict it.

The ids of a batch are kept on disk and looked at one range of the id space at a time, so
memory stays bounded. First is first in order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from clickcli.store.layout import make_file
from clickcli.store.runs import CONTENT, HI, LO, SEQ, lookup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.store.runs import Words

_RANGE_ROWS: Final = 500_000
_ROW: Final = 6
"""Words a row on disk: id high and low, content, seq, source number, whether derived."""
SOURCE: Final = 4
DERIVED: Final = 5

Recount = Callable[[int, set[bytes]], "dict[bytes, int]"]
"""Given a source's number and ids of lines, how often each stood in the part skipped."""


class IdLog:
    """The ids of a batch in order of arrival, in a file or (for a trial) in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        if path is not None:
            make_file(path)
            self._file = path.open("wb")
        self._held: list[Words] = []
        self.rows = 0
        self.derived = 0

    def add(self, words: Words) -> None:
        """Add rows of six words, shape (n, 6)."""
        self.rows += len(words)
        self.derived += int(words[:, DERIVED].sum())
        if self._file is None:
            self._held.append(words)
        else:
            self._file.write(words.tobytes())

    def ranges(self) -> Iterator[Words]:
        """Yield the rows, shape (6, n), a range of the id space at a time, ids ascending."""
        import numpy as np

        parts = range_count(self.rows)
        empty: Words = np.zeros((0, _ROW), dtype=np.uint64)
        for part in range(parts):
            pieces = self._pieces()
            chosen = [piece[part_of(piece[:, HI], parts) == part] for piece in pieces]
            yield np.ascontiguousarray(np.concatenate([empty, *chosen]).T)

    def _pieces(self) -> Iterator[Words]:
        """Yield all rows in order of arrival, some at a time."""
        import numpy as np

        if self._file is None:
            yield from self._held
            return
        self._file.flush()
        assert self._path is not None
        for start in range(0, self.rows, _RANGE_ROWS):
            words = np.fromfile(self._path, np.uint64, _ROW * _RANGE_ROWS, offset=start * _ROW * 8)
            yield words.reshape(-1, _ROW)

    def close(self) -> None:
        """Close and remove the file."""
        if self._file is not None:
            self._file.close()
            assert self._path is not None
            self._path.unlink(missing_ok=True)
            self._file = None


def part_of(hi: Words, parts: int) -> NDArray[np.uint64]:
    """Return in which of so many equal ranges of the id space each id lies."""
    import numpy as np

    return ((hi >> np.uint64(32)) * np.uint64(parts)) >> np.uint64(32)


def range_count(rows: int) -> int:
    """Return in how many ranges of the id space so many rows are looked at."""
    return max(1, -(-rows // _RANGE_ROWS))


@dataclass(slots=True)
class Verdict:
    """What became of a batch's lines.

    ``dropped`` holds the seqs of those not stored; ``repeats`` counts them by source number
    and the batch of the line that was there first; ``fingerprint`` sums up the new ids.
    """

    duplicates: int = 0
    conflicts: int = 0
    fingerprint: int = 0
    dropped: list[Words] = field(default_factory=list)
    repeats: dict[tuple[int, int], int] = field(default_factory=dict)

    def dropped_seqs(self) -> NDArray[np.int64]:
        """Return the seqs of all lines that are not stored, sorted."""
        import numpy as np

        empty = np.zeros(0, dtype=np.uint64)
        return np.sort(np.concatenate([empty, *self.dropped])).astype(np.int64)


def repeated_lines(log: IdLog, runs: Sequence[Words], recount: Recount) -> Words:
    """Return the lines without an id that are not the first of their kind in their source.

    Shape (6, n), with the ids that their occurrence number gives them. Where a source is
    resumed and such a line is stored already, ``recount`` says how often it stood before.
    """
    import numpy as np

    found: list[Words] = [np.zeros((_ROW, 0), dtype=np.uint64)]
    for everything in log.ranges() if log.derived else ():
        rows = everything[:, everything[DERIVED] == 1]
        order = np.lexsort((rows[SEQ], rows[LO], rows[HI], rows[SOURCE]))
        rows = rows[:, order]
        if not rows.shape[1]:
            continue
        is_first = np.ones(rows.shape[1], dtype=bool)
        same = [rows[word][1:] == rows[word][:-1] for word in (SOURCE, HI, LO)]
        is_first[1:] = ~(same[0] & same[1] & same[2])
        start = np.flatnonzero(is_first)
        group = np.cumsum(is_first) - 1
        occurrence = np.arange(rows.shape[1]) - start[group]
        known = lookup(runs, rows[HI][start], rows[LO][start]).is_known
        if known.any():
            occurrence += _counted_before(rows[:, start], known, recount)[group]
        later = rows[:, occurrence > 0].copy()
        for column, number in enumerate(occurrence[occurrence > 0].tolist()):
            later[HI, column], later[LO, column] = occurrence_id(later[:2, column], number)
        found.append(later)
    return np.concatenate(found, axis=1)


def occurrence_id(base: Words, number: int) -> tuple[int, int]:
    """Return the id of the nth repetition (from 1) of a line whose first id is ``base``."""
    digest = blake2b(base.tobytes() + b"#%d" % number, digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def _counted_before(firsts: Words, known: NDArray[np.bool_], recount: Recount) -> NDArray[np.int64]:
    import numpy as np

    before = np.zeros(firsts.shape[1], dtype=np.int64)
    for source in np.unique(firsts[SOURCE][known]).tolist():
        where = np.flatnonzero(known & (firsts[SOURCE] == source))
        ids = [firsts[:2, column].tobytes() for column in where]
        counts = recount(int(source), set(ids))
        before[where] = [counts.get(name, 0) for name in ids]
    return before


def judge(
    log: IdLog,
    runs: Sequence[Words],
    repeated: Words,
    batch_of: Callable[[Words], NDArray[np.int64]],
    keep: Callable[[Words], None],
) -> Verdict:
    """Tell new lines from repetitions and contradictions.

    ``keep`` is given the new ids as sorted runs, ascending ranges one after the other;
    ``batch_of`` says from which batch the row of a seq came.
    """
    import numpy as np

    verdict = Verdict()
    moved = np.sort(repeated[SEQ])
    parts = range_count(log.rows)
    for part, given in enumerate(log.ranges()):
        here = repeated[:, part_of(repeated[HI], parts) == part]
        stayed = given[:, ~np.isin(given[SEQ], moved)] if len(moved) else given
        unsorted = np.concatenate([stayed, here], axis=1) if here.shape[1] else stayed
        if not unsorted.shape[1]:
            continue
        rows = unsorted[:, id_order(unsorted)]
        is_first = np.ones(rows.shape[1], dtype=bool)
        is_first[1:] = (rows[HI][1:] != rows[HI][:-1]) | (rows[LO][1:] != rows[LO][:-1])
        start = np.flatnonzero(is_first)
        group = np.cumsum(is_first) - 1
        found = lookup(runs, rows[HI][start], rows[LO][start])
        content = np.where(found.is_known, found.content, rows[CONTENT][start])[group]
        origin = np.where(found.is_known, found.seq, rows[SEQ][start])[group]
        dropped = ~is_first | found.is_known[group]
        agrees = rows[CONTENT] == content
        verdict.duplicates += int((dropped & agrees).sum())
        verdict.conflicts += int((dropped & ~agrees).sum())
        verdict.dropped.append(rows[SEQ][dropped])
        _count_repeats(verdict, rows[SOURCE][dropped], batch_of(origin[dropped]))
        new = rows[:4, ~dropped]
        verdict.fingerprint += fingerprint(new)
        keep(new)
    return verdict


def id_order(rows: Words) -> NDArray[np.int64]:
    """Return the order of rows by id and seq; few ids have the same high word."""
    import numpy as np

    order: NDArray[np.int64] = np.argsort(rows[HI])
    high = rows[HI][order]
    same = np.flatnonzero(high[1:] == high[:-1])
    if len(same):
        at = np.union1d(same, same + 1)
        some = order[at]
        order[at] = some[np.lexsort((rows[SEQ][some], rows[LO][some], rows[HI][some]))]
    return order


def _count_repeats(verdict: Verdict, sources: Words, batches: NDArray[np.int64]) -> None:
    import numpy as np

    if not len(sources):
        return
    pairs = np.stack([sources.astype(np.int64), batches])
    unique, counts = np.unique(pairs, axis=1, return_counts=True)
    for (source, batch), count in zip(unique.T.tolist(), counts.tolist(), strict=True):
        key = (source, batch)
        verdict.repeats[key] = verdict.repeats.get(key, 0) + count


def fingerprint(words: Words) -> int:
    """Return a number that says which rows there are, whatever their order; sums add up."""
    import numpy as np

    odd = np.uint64(0x9E3779B97F4A7C15)
    mixed = (words[LO] ^ (words[CONTENT] * odd)) * odd
    return int(mixed.sum(dtype=np.uint64))
