"""Six models of how a conversion's credit is shared, and shares that add up exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


class Model(StrEnum):
    """How a conversion's credit is shared among its touches."""

    FIRST = "first"
    LAST = "last"
    LAST_NON_DIRECT = "last-non-direct"
    LINEAR = "linear"
    POSITION = "position"
    TIME_DECAY = "time-decay"

    @property
    def column(self) -> str:
        """Name in tables."""
        return self.value.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Facts:
    """Arrays with one row a conversion and touch, and the half-life in microseconds.

    ``place`` counts a conversion's touches from 0, ``count`` is their number, ``group`` numbers
    the conversions, ``age`` is the time from the touch to the conversion.
    """

    place: Ints
    count: Ints
    group: Ints
    age: Ints
    is_direct: Ints
    half_life: int


def apportioned(totals: Ints, weights: Floats, group: Ints) -> Ints:
    """Share whole numbers within each group by weight; the parts of a group add up exactly.

    ``totals`` repeats its group's on each row. What rounding down leaves goes to the largest
    remainders, of equal ones to the earliest.
    """
    import numpy as np

    if not len(group):
        return totals.astype(np.int64)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    size = np.diff(np.append(first, len(group)))
    exact = totals * (weights / np.add.reduceat(weights, first)[group])
    parts = np.floor(exact).astype(np.int64)
    left = (totals[first] - np.add.reduceat(parts, first))[group]
    order = np.lexsort((np.arange(len(group)), parts - exact, group))
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - first[group]
    more, rest = np.divmod(left, size[group])
    shared: Ints = parts + more + (rank < rest)
    return shared


def _mark(chosen: Bools) -> Floats:
    import numpy as np

    return chosen.astype(np.float64)


def _first(facts: Facts) -> Floats:
    return _mark(facts.place == 0)


def _last(facts: Facts) -> Floats:
    return _mark(facts.place >= facts.count - 1)


def _last_non_direct(facts: Facts) -> Floats:
    """Credit the last touch that is not direct; the last one where all are."""
    import numpy as np

    if not len(facts.group):
        return np.zeros(0)
    first = np.flatnonzero(np.diff(facts.group, prepend=-1))
    named = np.where(facts.is_direct == 0, facts.place, -1)
    last = np.maximum.reduceat(named, first)[facts.group]
    wanted = np.where(last >= 0, last, np.maximum(facts.count - 1, 0))
    return _mark(facts.place == wanted)


def _linear(facts: Facts) -> Floats:
    import numpy as np

    return np.ones(len(facts.group))


def _position(facts: Facts) -> Floats:
    """Weigh the first and last touch 40 % each, those between 20 % together; two 50 % each."""
    import numpy as np

    is_end = (facts.place == 0) | (facts.place >= facts.count - 1)
    return np.where(is_end, 40.0, 20.0 / np.maximum(facts.count - 2, 1))


def _time_decay(facts: Facts) -> Floats:
    """Halve the weight with every half-life before the newest touch."""
    import numpy as np

    if not len(facts.group):
        return np.zeros(0)
    first = np.flatnonzero(np.diff(facts.group, prepend=-1))
    newest = np.minimum.reduceat(facts.age, first)[facts.group]
    weights: Floats = np.exp2(-(facts.age - newest) / facts.half_life)
    return weights


WEIGHTS: Final[Mapping[Model, Callable[[Facts], Floats]]] = {
    Model.FIRST: _first,
    Model.LAST: _last,
    Model.LAST_NON_DIRECT: _last_non_direct,
    Model.LINEAR: _linear,
    Model.POSITION: _position,
    Model.TIME_DECAY: _time_decay,
}
