"""Ranked lists from scores: the best k items of each person, those already seen left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.recommend.interactions import Interactions, Ints, Scores
    from clickcli.models.recommend.method import Fitted

CELLS: Final = 4_000_000
"""Scores that are held at once, about."""


def slices(people: int, items: int) -> Iterator[slice]:
    """Yield ranges of people whose scores fit into memory."""
    step = max(1, CELLS // max(items, 1))
    for start in range(0, people, step):
        yield slice(start, min(start + step, people))


def top(
    fitted: Fitted, given: Interactions, k: int, *, allow_repeat: bool = False,
    allowed: NDArray[np.bool_] | None = None,
) -> tuple[Ints, Scores]:  # fmt: skip
    """Return the best k items of each person and their scores; -1 and 0 where there are fewer."""
    import numpy as np

    lists = np.full((given.people, k), -1, dtype=np.int64)
    values = np.zeros((given.people, k), dtype=np.float32)
    for part in slices(given.people, given.items):
        own = given.of(np.arange(part.start, part.stop))
        scores = fitted.scores(own)
        lists[part], values[part] = best(
            scores, k, None if allow_repeat else own.seen(), allowed, is_sparse=fitted.is_sparse
        )
    return lists, values


def best(
    scores: Scores, k: int, seen: Any = None, allowed: NDArray[np.bool_] | None = None, *,
    is_sparse: bool,
) -> tuple[Ints, Scores]:  # fmt: skip
    """Return the k highest scores of each row, equal ones in the order of the items.

    With ``is_sparse`` a score of 0 says nothing of an item, which then is in no list.
    """
    import numpy as np

    scores = np.array(scores, dtype=np.float32)
    if is_sparse:
        scores[scores <= 0] = -np.inf
    if seen is not None:
        scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = -np.inf
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    scores[np.isnan(scores)] = -np.inf
    rows, items = scores.shape
    lists = np.full((rows, k), -1, dtype=np.int64)
    values = np.zeros((rows, k), dtype=np.float32)
    wide = min(k, items)
    if not wide:
        return lists, values
    least = -np.partition(-scores, wide - 1, axis=1)[:, wide - 1]
    for row in range(rows):
        own = scores[row]
        found = np.flatnonzero((own >= least[row]) & (own > -np.inf))
        found = found[np.argsort(-own[found], kind="stable")][:wide]
        lists[row, : len(found)] = found
        values[row, : len(found)] = own[found]
    return lists, values
