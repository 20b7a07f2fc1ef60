"""What a method of recommending is: it is fitted to interactions, and then scores items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.recommend.interactions import Interactions, Ints, Scores

MOST_CARRIERS: Final = 2
"""Items that are named as what carried another."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How much each of a person's own items speaks for others: shape (own, others)."""

    own: Ints
    strength: Scores


class Fitted(Protocol):
    """A fitted method: a frozen dataclass of arrays, numbers and other fitted methods."""

    @property
    def is_sparse(self) -> bool:
        """Whether a score of 0 says nothing of an item."""
        ...

    @property
    def is_personal(self) -> bool:
        """Whether it has nothing to say to a person without events."""
        ...

    def scores(self, given: Interactions) -> Scores:
        """Return a score for every item, from what is known of people.

        shape (people, items), float32; the people need not be those that it was fitted to.
        """
        ...

    def carried(self, given: Interactions, items: Ints) -> Carried | None:
        """Return what of the one person given carried these items.

        None where the method does not rest on the person's own items.
        """
        ...


class Method(Protocol):
    """A method with its settings."""

    @property
    def name(self) -> str:
        """Its name, by which it is told apart from all others."""
        ...

    def fit(self, data: Interactions, seed: int) -> Fitted:
        """Learn from interactions; the same seed gives the same bytes."""
        ...


def strongest(carried: Carried | None, count: int) -> NDArray[np.int32]:
    """Return for each of ``count`` items the most two that carried it, -1 where there are fewer.

    shape (count, 2).
    """
    import numpy as np

    found = np.full((count, MOST_CARRIERS), -1, dtype=np.int32)
    if carried is None or not len(carried.own):
        return found
    wide = min(MOST_CARRIERS, len(carried.own))
    order = np.argsort(-carried.strength, axis=0, kind="stable")[:wide].T
    strength = np.take_along_axis(carried.strength.T, order, axis=1)
    found[:, :wide] = np.where(strength > 0, carried.own[order], -1)
    return found
