"""Methods that look at no other person: popular, trending, repeat, random."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from clickcli.models.recommend.interactions import DAY_US
from clickcli.models.recommend.method import Carried

if TYPE_CHECKING:
    from clickcli.models.recommend.interactions import Interactions, Ints, Scores


@dataclass(frozen=True)
class SameForAll:
    """One score an item, whoever asks."""

    score: Scores
    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = False

    def scores(self, given: Interactions) -> Scores:
        """Return the same scores for everybody."""
        import numpy as np

        return np.tile(self.score, (given.people, 1))

    def carried(self, given: Interactions, items: Ints) -> None:
        """Return None: it rests on everybody."""


@dataclass(frozen=True)
class Popular:
    """How many people have an item."""

    name: str = "popular"

    def fit(self, data: Interactions, seed: int) -> SameForAll:
        """Count the people of each item."""
        import numpy as np

        return SameForAll(data.counts().astype(np.float32))


@dataclass(frozen=True)
class Trending:
    """Events of an item by weight, each halved for every half-life of its age."""

    half_life_us: int = 3 * DAY_US
    name: str = "trending"

    def fit(self, data: Interactions, seed: int) -> SameForAll:
        """Add up what is left of each event."""
        import numpy as np

        left = data.weight * np.exp2((data.ts - data.now) / self.half_life_us)
        return SameForAll(np.bincount(data.item, left, data.items).astype(np.float32))


@dataclass(frozen=True)
class OwnItems:
    """The person's own items, the latest first."""

    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return 1 ÷ (1 + events since the item's last one)."""
        import numpy as np

        result = np.zeros((given.people, given.items), dtype=np.float32)
        ends = given.spans()[1:]
        value = 1 / (ends[given.person] - np.arange(len(given)))
        np.maximum.at(result, (given.person, given.item), value.astype(np.float32))
        return result

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return that each carries itself."""
        import numpy as np

        return Carried(items, np.eye(len(items), dtype=np.float32))


@dataclass(frozen=True)
class Repeat:
    """What the person had last, again."""

    name: str = "repeat"

    def fit(self, data: Interactions, seed: int) -> OwnItems:
        """Return the rule: there is nothing to learn."""
        return OwnItems()


@dataclass(frozen=True)
class Dice:
    """Any item, drawn anew for each person."""

    seed: int
    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = False

    def scores(self, given: Interactions) -> Scores:
        """Return numbers drawn by the seed, the number of a person's events, and its last one."""
        import numpy as np

        spans = given.spans()
        result = np.empty((given.people, given.items), dtype=np.float32)
        for person, (start, end) in enumerate(pairwise(spans)):
            last = int(given.ts[end - 1]) if end > start else 0
            draw = np.random.default_rng([self.seed, abs(last), int(end - start)])
            result[person] = draw.random(given.items, dtype=np.float32) + 1e-6
        return result

    def carried(self, given: Interactions, items: Ints) -> None:
        """Return None: it rests on nothing."""


@dataclass(frozen=True)
class Random:
    """What any method must beat."""

    name: str = "random"

    def fit(self, data: Interactions, seed: int) -> Dice:
        """Keep the seed."""
        return Dice(seed)
