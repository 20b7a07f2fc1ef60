"""What people did with items, as arrays: one row an event, by person and time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Scores = NDArray[np.float32]

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of items: whole numbers of category and brand (-1 unknown), price or NaN."""

    category: Ints
    brand: Ints
    price: Floats


@dataclass(frozen=True, slots=True)
class Rating:
    """How events of a person with an item make one number.

    Each counts its weight × 0.5 ^ (age ÷ ``half_life_us``), whole where that is None; with
    ``is_damped`` the sum s becomes ln(1 + s), so that the hundredth view counts less.
    """

    half_life_us: int | None = 30 * DAY_US
    is_damped: bool = True


@dataclass(frozen=True, slots=True)
class Interactions:
    """Events of people with items, sorted by person and time.

    ``session`` is the same number for events of one visit, and never that of another person.
    ``now`` is the moment at which ages are taken.
    """

    person: Ints
    item: Ints
    ts: Ints
    weight: Floats
    session: Ints
    people: int
    items: int
    now: int
    rating: Rating
    attributes: Attributes | None = None

    def __len__(self) -> int:
        return len(self.person)

    def where(self, mask: Flags | Ints, now: int | None = None) -> Interactions:
        """Return these events, by flags or numbers; ``now`` is another moment to look from."""
        return replace(
            self, person=self.person[mask], item=self.item[mask], ts=self.ts[mask],
            weight=self.weight[mask], session=self.session[mask],
            now=self.now if now is None else now,
        )  # fmt: skip

    def before(self, ts: int) -> Interactions:
        """Return what was known just before a moment."""
        return self.where(self.ts < ts, now=ts)

    def of(self, people: Ints) -> Interactions:
        """Return the events of these people, who are 0, 1 … from here on, in their order."""
        import numpy as np

        place = np.full(self.people, -1, dtype=np.int64)
        place[people] = np.arange(len(people))
        own = place[self.person]
        order = np.argsort(own, kind="stable")
        order = order[np.searchsorted(own[order], 0) :]
        chosen = self.where(order)
        return replace(chosen, person=own[order], people=len(people))

    def between(self, start: int, end: int) -> Interactions:
        """Return the events from one row to before another, which are one person's."""
        import numpy as np

        rows = slice(start, end)
        return replace(
            self, person=np.zeros(end - start, dtype=np.int64), item=self.item[rows],
            ts=self.ts[rows], weight=self.weight[rows], session=self.session[rows], people=1,
        )  # fmt: skip

    def spans(self) -> Ints:
        """Return where the events of each person begin, and the end of the last."""
        import numpy as np

        return np.searchsorted(self.person, np.arange(self.people + 1))

    def ratings(self, rating: Rating | None = None) -> Any:
        """Return the ratings as a sparse matrix.

        interactions : csr_matrix, shape (people, items), float32; columns sorted, no zeros.
        """
        import numpy as np

        how = self.rating if rating is None else rating
        value = self.weight
        if how.half_life_us is not None:
            value = value * np.exp2((self.ts - self.now) / how.half_life_us)
        made = self._matrix(value)
        if how.is_damped:
            made.data = np.log1p(made.data)
        made = made.astype(np.float32)
        made.eliminate_zeros()
        return made

    def seen(self) -> Any:
        """Return 1 for each pair of person and item.

        interactions : csr_matrix, shape (people, items), float32.
        """
        import numpy as np

        made = self._matrix(np.ones(len(self)))
        made.data = np.ones_like(made.data, dtype=np.float32)
        return made.astype(np.float32)

    def _matrix(self, value: Floats) -> Any:
        from scipy.sparse import csr_matrix

        made = csr_matrix((value, (self.person, self.item)), shape=(self.people, self.items))
        made.sum_duplicates()
        return made

    def counts(self) -> Ints:
        """Return how many people have each item."""
        import numpy as np

        pairs = np.unique(self.person * self.items + self.item)
        return np.bincount(pairs % self.items, minlength=self.items)
