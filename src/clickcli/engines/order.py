"""Hand whole persons, in order of time, to a kernel: rows of sorted files, a piece at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.engines import Kernel

    Ints = NDArray[np.int64]

PIECE_ROWS: Final = 500_000
"""Rows that a kernel is given at once, about: what it makes of them on the way stays small."""
_NOBODY: Final = -(2**63)
"""What stands for no person key where keys are compared; it is nobody's key."""


def over_pieces(frame: pl.DataFrame, kernel: Kernel) -> list[pl.DataFrame]:
    """Return what a kernel makes of each range of person keys, in their order.

    Pieces are worked on side by side, as many as there are cores. ``frame`` is used up.
    """
    import polars as pl

    whole = pl.DataFrame([frame.drop_in_place(name).rechunk() for name in frame.columns])
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        return list(pool.map(lambda rows: kernel(_by_time(whole, rows)), _pieces(_keys(whole))))


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in order of (person_key, ts, seq), nobody first."""
    import numpy as np

    return _by_time(frame, np.argsort(_keys(frame), kind="stable"))


def _keys(frame: pl.DataFrame) -> Ints:
    return frame["person_key"].fill_null(_NOBODY).to_numpy()


def _pieces(key: Ints) -> list[Ints]:
    """Return the rows of each piece, whole persons in order of their key."""
    import numpy as np

    rows = np.argsort(key, kind="stable")
    ordered = key[rows]
    cuts = ordered[PIECE_ROWS : len(key) : PIECE_ROWS]
    return np.split(rows, np.unique(np.searchsorted(ordered, cuts)))


def _by_time(frame: pl.DataFrame, rows: Ints) -> pl.DataFrame:
    """Return rows, which stand in order of person, in order of (person_key, ts, seq).

    Files follow one another by date, so that rows of one person, left as they stand, are in order
    of time. Where they are not (a date with several files), they are sorted.
    """
    import numpy as np
    import polars as pl

    key, ts, seq = _keys(frame)[rows], frame["ts"].to_numpy()[rows], frame["seq"].to_numpy()[rows]
    later = (ts[1:] > ts[:-1]) | ((ts[1:] == ts[:-1]) & (seq[1:] >= seq[:-1]))
    if not (later | (key[1:] != key[:-1])).all():
        rows = rows[np.lexsort((seq, ts, key))]
    return frame[pl.Series(rows.astype(np.uint32))]
