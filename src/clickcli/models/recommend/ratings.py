"""How far ratings that people gave are from what could be foretold: RMSE and MAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from clickcli.models.recommend.evaluation import Fold
    from clickcli.models.recommend.interactions import Flags, Floats, Ints

CAUTION: Final = 5
"""A bias of n ratings counts n ÷ (n + 5)."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings in order of time."""

    person: Ints
    item: Ints
    ts: Ints
    value: Floats


def errors(given: Ratings, folds: Sequence[Fold]) -> tuple[Mapping[str, Floats], Ints]:
    """Return the errors of two predictors at the ratings of all folds, and whose these are.

    mean: the mean of all ratings before the fold. biases: that and how far the item, and then the
    person, are from it.
    """
    import numpy as np

    found: dict[str, list[Floats]] = {"mean": [], "biases": []}
    people = []
    for fold in folds:
        known = given.ts < fold.start
        asked = ~known & (given.ts < fold.end)
        if not known.any() or not asked.any():
            continue
        mean = float(given.value[known].mean())
        left = given.value - mean
        found["mean"].append(-left[asked])
        left = left - _bias(given.item, left, known)
        left = left - _bias(given.person, left, known)
        found["biases"].append(-left[asked])
        people.append(given.person[asked])
    if not people:
        return {}, np.zeros(0, dtype=np.int64)
    return {name: np.concatenate(parts) for name, parts in found.items()}, np.concatenate(people)


def _bias(group: Ints, left: Floats, known: Flags) -> Floats:
    """Return for each row how far its group is from 0 in what is known, the fewer the nearer."""
    import numpy as np

    groups = int(group.max()) + 1
    sums = np.bincount(group[known], left[known], groups)
    counts = np.bincount(group[known], minlength=groups)
    result: Floats = (sums / (counts + CAUTION))[group]
    return result
