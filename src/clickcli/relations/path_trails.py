"""The steps of many paths as arrays, and the texts that stand for rows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.relations.path_patterns import BETWEEN, OTHER_NODES, START, quoted

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_TABLE: Final = 1 << 22
"""Up to so many possible numbers, distinct ones are found by a table, above it by sorting."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps of many paths, path after path, as arrays.

    ``row`` is the event of each step, ``node`` its number, ``path`` the number of its path;
    ``first`` and ``length`` are of each path.
    """

    row: Ints
    node: Ints
    path: Ints
    first: Ints
    length: Ints
    repeats: Ints

    @property
    def place(self) -> Ints:
        """Return the place of each step in its path, from 0."""
        import numpy as np

        return np.arange(len(self.row)) - self.first[self.path]


def mask(values: pl.Series) -> Bools:
    """Return flags as an array; null is false."""
    result: Bools = values.fill_null(value=False).to_numpy()
    return result


def trail_of(rows: pl.DataFrame, kept: Bools, names: Sequence[str], *, collapse: bool) -> Trail:
    """Return the paths that the nodes of kept rows make, session by session.

    A node's number is its place in ``names``, or the one after the last. With ``collapse`` equal
    nodes one after another are one step.
    """
    import numpy as np
    import polars as pl

    at = np.flatnonzero(kept & rows["node"].is_not_null().to_numpy())
    nodes = rows["node"][at]
    session = rows["session"].to_numpy()[at]
    is_first = np.ones(len(at), dtype=np.bool_)
    is_first[1:] = session[1:] != session[:-1]
    is_step = np.ones(len(at), dtype=np.bool_)
    if collapse:
        is_step = is_first | mask(nodes.ne_missing(nodes.shift(1)))
    steps = np.flatnonzero(is_step)
    known = nodes[steps].cast(pl.Enum(list(names)), strict=False).to_physical().cast(pl.Int64)
    first = np.flatnonzero(is_first[steps])
    length = np.diff(np.append(first, len(steps)))
    return Trail(
        row=at[steps],
        node=known.fill_null(len(names)).to_numpy(),
        path=np.repeat(np.arange(len(first)), length),
        first=first,
        length=length,
        repeats=np.diff(np.append(steps, len(at))) - 1,
    )


def ways(trail: Trail, names: Sequence[str], depth: int) -> pl.Series:
    """Return the path up to each step as a text, null beyond the depth."""
    import numpy as np
    import polars as pl

    words = _words(names)
    texts, ids = pl.Series([""]), np.zeros(len(trail.first), dtype=np.int64)
    found: list[pl.Series] = []
    rows: list[Ints] = []
    for place in range(depth):
        long = np.flatnonzero(trail.length > place)
        at = trail.first[long] + place
        own, texts = _extended(ids[long], texts, trail.node[at], words)
        ids[long] = own
        found.append(texts[own])
        rows.append(at)
    return _scattered(found, np.concatenate(rows), len(trail.row))


def ngrams(trail: Trail, names: Sequence[str], size: int, followed: Ints) -> pl.Series:
    """Return the nodes from each step on as a text, null where fewer than ``size`` are followed.

    ``followed`` is how many nodes of each step's path are.
    """
    import numpy as np
    import polars as pl

    words = _words(names)
    at = np.flatnonzero(trail.place + size <= followed)
    texts, ids = pl.Series([""]), np.zeros(len(at), dtype=np.int64)
    for after in range(size):
        ids, texts = _extended(ids, texts, trail.node[at + after], words)
    return _scattered([texts[ids]], at, len(trail.row))


def goal_ways(
    trail: Trail, names: Sequence[str], depth: int, reached: Ints, converts: Bools
) -> pl.Series:
    """Return the last nodes up to the goal as a text, ``(start)`` for none, null without a goal.

    ``reached`` is how many nodes of each path come up to the goal.
    """
    import numpy as np
    import polars as pl

    after = reached[trail.path] - trail.place
    kept = np.flatnonzero((after > 0) & (after <= depth))
    steps = pl.DataFrame({"path": trail.path[kept], "node": _words(names)[trail.node[kept]]})
    ways = steps.group_by("path", maintain_order=True).agg(pl.col("node").str.join(BETWEEN))
    empty = pl.repeat(START, len(reached), dtype=pl.String, eager=True)
    texts = empty.scatter(ways["path"], ways["node"]) if ways.height else empty
    return texts.set(pl.Series(~converts), None)


def _words(names: Sequence[str]) -> pl.Series:
    import polars as pl

    return pl.Series([*(quoted(name) for name in names), OTHER_NODES], dtype=pl.String)


def _extended(ids: Ints, texts: pl.Series, nodes: Ints, words: pl.Series) -> tuple[Ints, pl.Series]:
    """Put a node behind each numbered text; return new numbers and the texts they stand for."""
    import polars as pl

    distinct, own = _distinct(ids * len(words) + nodes, len(texts) * len(words))
    before, word = texts[distinct // len(words)], words[distinct % len(words)]
    if len(texts) == 1 and texts[0] == "":
        return own, word
    return own, pl.select(pl.concat_str(before, word, separator=BETWEEN)).to_series()


def _distinct(values: Ints, limit: int) -> tuple[Ints, Ints]:
    """Return the distinct values, all from 0 to below ``limit``, and each one's place there."""
    import numpy as np

    if limit > _TABLE:
        distinct, own = np.unique(values, return_inverse=True)
        return distinct, own.astype(np.int64)
    is_there = np.zeros(limit, dtype=np.bool_)
    is_there[values] = True
    distinct = np.flatnonzero(is_there)
    number = np.zeros(limit, dtype=np.int64)
    number[distinct] = np.arange(len(distinct))
    return distinct, number[values]


def _scattered(texts: Sequence[pl.Series], rows: Ints, height: int) -> pl.Series:
    """Return a column of this height with these texts at these rows, null elsewhere."""
    import numpy as np
    import polars as pl

    column = pl.concat([*texts, pl.Series([None], dtype=pl.String)])
    at = np.full(height, len(column) - 1, dtype=np.int64)
    at[rows] = np.arange(len(rows))
    return column[at]
