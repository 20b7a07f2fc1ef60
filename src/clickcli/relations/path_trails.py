"""The steps of many paths as arrays, and the texts that stand for rows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.relations.path_patterns import BETWEEN, OTHER_NODES, START, quoted

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Ints = NDArray[np.integer[Any]]
    Bools = NDArray[np.bool_]

_TABLE: Final = 1 << 22
"""Up to so many possible numbers, distinct ones are found by a table, above it by sorting."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps of many paths, path after path, as arrays.

    ``row`` is the event of each step, ``node`` its number, ``path`` the number of its path and
    ``place`` its place there, from 0; ``first`` and ``length`` are of each path.
    """

    row: Ints
    node: Ints
    path: Ints
    place: Ints
    first: Ints
    length: Ints
    repeats: Ints


def mask(values: pl.Series) -> Bools:
    """Return flags as an array; null is false."""
    result: Bools = values.fill_null(value=False).to_numpy()
    return result


def trail_of(
    node: pl.Series, session: Ints, kept: Bools, names: Sequence[str], *, collapse: bool
) -> Trail:
    """Return the paths that the nodes of kept rows make, session by session.

    A node's number is its place in ``names``, or the one after the last. With ``collapse`` equal
    nodes one after another are one step.
    """
    import numpy as np
    import polars as pl

    at = np.flatnonzero(kept & node.is_not_null().to_numpy())
    if len(at) < len(node):
        node, session = node[at], session[at]
    known = node.cast(pl.Enum(list(names)), strict=False).to_physical()
    number = known.cast(pl.Int32).fill_null(len(names)).to_numpy()
    is_first = np.ones(len(at), dtype=np.bool_)
    is_first[1:] = session[1:] != session[:-1]
    steps = np.arange(len(at))
    if collapse:
        is_step = is_first | _changes(node, number, len(names))
        steps = np.flatnonzero(is_step)
    first = np.flatnonzero(is_first[steps])
    length = np.diff(np.append(first, len(steps)))
    return Trail(
        row=at[steps],
        node=number[steps],
        path=np.repeat(np.arange(len(first), dtype=np.int32), length),
        place=(np.arange(len(steps)) - np.repeat(first, length)).astype(np.int32),
        first=first,
        length=length,
        repeats=np.diff(np.append(steps, len(at))) - 1,
    )


def _changes(node: pl.Series, number: Ints, others: int) -> Bools:
    """Return where a node is another one than before; those without a number differ by text."""
    import numpy as np

    changes = np.ones(len(number), dtype=np.bool_)
    changes[1:] = number[1:] != number[:-1]
    if (number == others).any():
        changes |= (number == others) & mask(node != node.shift(1))
    return changes


def ways(trail: Trail, names: Sequence[str], depth: int) -> pl.Series:
    """Return the path up to each step as a text, null beyond the depth."""
    import numpy as np

    found: list[pl.Series] = []
    rows: list[Ints] = []
    for at, ids, texts in numbered_ways(trail, names, depth):
        found.append(texts[ids])
        rows.append(at)
    return _scattered(found, np.concatenate(rows), len(trail.row))


def numbered_ways(
    trail: Trail, names: Sequence[str], depth: int
) -> Iterator[tuple[Ints, Ints, pl.Series]]:
    """Yield for each place the steps there, the number of the path up to each, and the texts."""
    import numpy as np
    import polars as pl

    words = _words(names)
    texts, ids = pl.Series([""]), np.zeros(len(trail.first), dtype=np.int64)
    for place in range(depth):
        long = np.flatnonzero(trail.length > place)
        at: Ints = trail.first[long] + place
        own, texts = _extended(ids[long], texts, trail.node[at], words)
        ids[long] = own
        yield at, own, texts


def ngrams(trail: Trail, names: Sequence[str], size: int, followed: Ints) -> pl.Series:
    """Return the nodes from each step on as a text, null where fewer than ``size`` are followed.

    ``followed`` is how many nodes of each step's path are.
    """
    at, ids, texts = numbered_ngrams(trail, names, size, followed)
    return _scattered([texts[ids]], at, len(trail.row))


def numbered_ngrams(
    trail: Trail, names: Sequence[str], size: int, followed: Ints
) -> tuple[Ints, Ints, pl.Series]:
    """Return the steps with ``size`` followed nodes from there on, their numbers and the texts."""
    import numpy as np
    import polars as pl

    words = _words(names)
    at = np.flatnonzero(trail.place + size <= followed)
    texts = pl.Series([""])
    ids: Ints = np.zeros(len(at), dtype=np.int64)
    for after in range(size):
        ids, texts = _extended(ids, texts, trail.node[at + after], words)
    return at, ids, texts


def goal_ways(
    trail: Trail, names: Sequence[str], depth: int, reached: Ints, converts: Bools
) -> pl.Series:
    """Return the last nodes up to the goal as a text, ``(start)`` for none, null without a goal.

    ``reached`` is how many nodes of each path come up to the goal.
    """
    import numpy as np

    paths = np.flatnonzero(converts)
    ids, texts = numbered_goal_ways(trail, names, depth, reached, paths)
    return _scattered([texts[ids]], paths, len(reached))


def numbered_goal_ways(
    trail: Trail, names: Sequence[str], depth: int, reached: Ints, paths: Ints
) -> tuple[Ints, pl.Series]:
    """Return the number of the last nodes up to the goal, of each of these paths, and the texts."""
    import numpy as np
    import polars as pl

    words = _words(names)
    told = np.minimum(reached[paths], depth)
    begins = trail.first[paths] + reached[paths] - told
    texts, ids = pl.Series([""]), np.zeros(len(paths), dtype=np.int64)
    result, found = ids.copy(), [pl.Series([START])]
    for after in range(int(told.max(initial=0))):
        long = np.flatnonzero(told > after)
        own, texts = _extended(ids[long], texts, trail.node[begins[long] + after], words)
        ids[long] = own
        result[long] = sum(map(len, found)) + own
        found.append(texts)
    return result, pl.concat(found)


def _words(names: Sequence[str]) -> pl.Series:
    import polars as pl

    return pl.Series([*(quoted(name) for name in names), OTHER_NODES], dtype=pl.String)


def _extended(ids: Ints, texts: pl.Series, nodes: Ints, words: pl.Series) -> tuple[Ints, pl.Series]:
    """Put a node behind each numbered text; return new numbers and the texts they stand for."""
    import polars as pl

    distinct, own = distinct_numbers(ids * len(words) + nodes, len(texts) * len(words))
    before, word = texts[distinct // len(words)], words[distinct % len(words)]
    if len(texts) == 1 and texts[0] == "":
        return own, word
    return own, pl.select(pl.concat_str(before, word, separator=BETWEEN)).to_series()


def distinct_numbers(values: Ints, limit: int) -> tuple[Ints, Ints]:
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
