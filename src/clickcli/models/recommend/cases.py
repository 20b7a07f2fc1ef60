"""Questions with known answers: what is known of people, and what they took after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.models.recommend.interactions import DAY_US

if TYPE_CHECKING:
    from clickcli.models.recommend.interactions import Flags, Interactions, Ints

HELD_OUT: Final = 0.2
"""The last share of the events, by time, that is asked for."""
WHOLE_DAYS: Final = 10 * DAY_US
"""A log of at least this length is cut between two days."""


class Mode(StrEnum):
    """What is asked: the next item after all that a person did so far, or those of later days."""

    NEXT = "next"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Cases:
    """People as they were known, and what each took afterwards.

    relevant : csr_matrix, shape (people, items), 1 for an item to be found; no row is empty.
    ``people`` are their numbers in the log.
    """

    given: Interactions
    relevant: Any
    people: Ints

    @property
    def count(self) -> int:
        """Number of people, or of moments of people."""
        return self.given.people

    def first(self, most: int, seed: int) -> Cases:
        """Return at most so many cases, drawn by a seed."""
        import numpy as np

        if self.count <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(self.count, most, replace=False))
        return Cases(self.given.of(chosen), self.relevant[chosen], self.people[chosen])


def cut_of(data: Interactions) -> int:
    """Return the moment that parts the last fifth of the events, at midnight in a long log."""
    import numpy as np

    moment = int(np.quantile(data.ts, 1 - HELD_OUT, method="lower")) + 1
    if data.ts.max() - data.ts.min() >= WHOLE_DAYS:
        moment -= (moment - data.now) % DAY_US
    return moment


def later(
    data: Interactions,
    start: int,
    end: int | None = None,
    *,
    allow_repeat: bool = False,
    with_cold: bool = False,
    among: Flags | None = None,
) -> Cases:
    """Return the people with events on both sides of a moment, and what they took from then on.

    Items that they had before are not asked for, unless ``allow_repeat``. ``with_cold`` adds people
    of whom nothing is known before. Of what they took only the rows ``among`` count, all if None.
    """
    import numpy as np

    known = data.before(start)
    is_asked = data.ts >= start if end is None else (data.ts >= start) & (data.ts < end)
    relevant = data.where(is_asked if among is None else is_asked & among).seen()
    if not allow_repeat:
        relevant = _without(relevant, known.seen())
    is_known = np.diff(known.spans()) > 0
    both = np.flatnonzero((np.diff(relevant.indptr) > 0) & (is_known | with_cold))
    return Cases(known.of(both), relevant[both], both)


def following(
    data: Interactions,
    start: int,
    most: int,
    seed: int,
    *,
    end: int | None = None,
    allow_repeat: bool = False,
    among: Flags | None = None,
) -> Cases:
    """Return moments from ``start`` on at which somebody took a next item, at most so many.

    All that the person did before is known. Moments at which it took again what it had are left
    out, unless ``allow_repeat``: then every event is asked for, one with the item just had, too.
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    spans = data.spans()
    rows = np.flatnonzero((data.ts >= start) & (end is None or data.ts < end))
    if among is not None:
        rows = rows[among[rows]]
    rows = rows[rows > spans[data.person[rows]]]
    pair = data.person * data.items + data.item
    if not allow_repeat:
        _, firsts = np.unique(pair, return_index=True)
        rows = np.intersect1d(rows, firsts)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    begins = spans[data.person[rows]]
    sizes = rows - begins
    offsets = np.repeat(begins - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    taken = np.arange(int(sizes.sum())) + offsets if len(rows) else rows
    given = replace(
        data.where(taken), person=np.repeat(np.arange(len(rows)), sizes), people=len(rows)
    )
    relevant = csr_matrix(
        (np.ones(len(rows), np.float32), data.item[rows], np.arange(len(rows) + 1)),
        shape=(len(rows), data.items),
    )
    return Cases(given, relevant, data.person[rows])


def _without(matrix: Any, other: Any) -> Any:
    """Return a matrix of ones without the ones of another."""
    left = (matrix - matrix.multiply(other)).tocsr()
    left.eliminate_zeros()
    left.sort_indices()
    return left
