"""Methods made of others: hybrid, by z-scores, by places, or by a logistic model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clickcli.models.recommend.interactions import Interactions, Ints, Scores
    from clickcli.models.recommend.method import Carried, Fitted, Method

RRF_K: Final = 60
"""A place r counts 1 ÷ (60 + r)."""
DEPTH: Final = 200
"""Places that count."""


class Blend(StrEnum):
    """How the scores of several methods become one."""

    Z = "z"
    RRF = "rrf"
    LOGISTIC = "logistic"


def evened(scores: Scores, kind: Blend, *, is_sparse: bool) -> Scores:
    """Return scores of different methods in one measure, by person.

    z: (score - mean) ÷ deviation over all items, 0 where all are equal. rrf: 1 ÷ (60 + place) of
    the first places. The logistic model is given z-scores.
    """
    import numpy as np

    if kind is not Blend.RRF:
        mean = scores.mean(axis=1, keepdims=True, dtype=np.float64)
        deviation = scores.std(axis=1, keepdims=True, dtype=np.float64)
        above = np.maximum(deviation, 1e-12)
        return np.where(deviation > 1e-9, (scores - mean) / above, 0.0).astype(np.float32)
    from clickcli.models.recommend.lists import best

    found, _ = best(scores, DEPTH, is_sparse=is_sparse)
    result = np.zeros(scores.shape, dtype=np.float32)
    row, place = np.nonzero(found >= 0)
    result[row, found[row, place]] = 1 / (RRF_K + place + 1)
    return result


def blended(parts: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """Return the weighted sum."""
    import numpy as np

    total = np.zeros_like(parts[0])
    for part, weight in zip(parts, weights, strict=True):
        total += np.float32(weight) * part
    return total


@dataclass(frozen=True)
class Blended:
    """Fitted methods, each with its weight."""

    parts: tuple[Fitted, ...]
    weights: tuple[float, ...]
    kind: str
    is_sparse: ClassVar[bool] = False
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return the weighted sum of the parts' evened scores."""
        kind = Blend(self.kind)
        scores = [evened(part.scores(given), kind, is_sparse=part.is_sparse) for part in self.parts]
        return blended(scores, self.weights)

    def carried(self, given: Interactions, items: Ints) -> Carried | None:
        """Return that of the part of the greatest weight that rests on the person's items."""
        for at in sorted(range(len(self.parts)), key=lambda at: -self.weights[at]):
            found = self.parts[at].carried(given, items)
            if found is not None:
                return found
        return None


@dataclass(frozen=True)
class Hybrid:
    """Several methods as one."""

    parts: tuple[Method, ...]
    weights: tuple[float, ...]
    kind: Blend = Blend.Z

    @property
    def name(self) -> str:
        """What it is made of, with the weights where they differ."""
        names = [part.name for part in self.parts]
        if self.kind is Blend.RRF:
            return f"rrf({' + '.join(names)})"
        told = [f"{w:.2g} {name}" for w, name in zip(self.weights, names, strict=True)]
        return f"{self.kind.value}({' + '.join(told)})"

    def fit(self, data: Interactions, seed: int) -> Blended:
        """Fit the parts."""
        parts = tuple(part.fit(data, seed) for part in self.parts)
        return Blended(parts, self.weights, self.kind.value)


def parts_of(method: Method) -> tuple[Method, ...]:
    """Return what a method is made of: itself where it is no blend."""
    return method.parts if isinstance(method, Hybrid) else (method,)


def recipe_of(method: Method) -> dict[str, Any]:
    """Return names of the parts, their weights and how they are blended, as JSON knows it."""
    if isinstance(method, Hybrid):
        names = [part.name for part in method.parts]
        return {"parts": names, "weights": list(method.weights), "kind": method.kind.value}
    return {"parts": [method.name], "weights": None, "kind": None}


def made_of(recipe: Mapping[str, Any], fitted: Mapping[str, Fitted]) -> Fitted:
    """Return the fitted method of a recipe, from its fitted parts by name."""
    parts = tuple(fitted[name] for name in recipe["parts"])
    if recipe["kind"] is None:
        return parts[0]
    return Blended(parts, tuple(recipe["weights"]), recipe["kind"])
