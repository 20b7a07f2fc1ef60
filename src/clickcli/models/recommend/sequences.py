"""Methods that look at the order of events: seq, vsknn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from clickcli.models.recommend.items import Alike, kept
from clickcli.models.recommend.method import Carried

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.recommend.interactions import Interactions, Ints, Scores

MOST_SESSIONS: Final = 100_000
"""Sessions that vsknn keeps: the latest ones."""


def recent(given: Interactions, most: int, decay: float) -> Any:
    """Return how much each person's last items count: 1 for the last event, × decay before it.

    shape (people, items); an item counts by its latest event.
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    age = given.spans()[1:][given.person] - 1 - np.arange(len(given))
    is_recent = age < most
    person, item, age = given.person[is_recent], given.item[is_recent], age[is_recent]
    order = np.lexsort((age, item, person))
    pair = person[order] * given.items + item[order]
    first = order[np.diff(pair, prepend=-1) != 0]
    value = decay ** age[first].astype(float)
    shape = (given.people, given.items)
    return csr_matrix((value.astype(np.float32), (person[first], item[first])), shape=shape)


@dataclass(frozen=True)
class Following:
    """What follows what: ``after`` are strengths from an item to those after it."""

    after: Alike
    most: int
    decay: float
    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return the strengths from the last items, the latest counting most."""
        made: Scores = (recent(given, self.most, self.decay) @ self.after.matrix).toarray()
        return made

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return each last item's part in the scores."""
        own = recent(given, self.most, self.decay)
        part = self.after.matrix[own.indices][:, items].toarray()
        return Carried(own.indices, part * own.data[:, None])


@dataclass(frozen=True)
class Sequential:
    """Sequential item-to-item: an item within ``reach`` events after another, near ones more.

    A pair at distance d counts 1 ÷ d, and ``backward`` of that the other way round. Sums are
    divided by (people with the item after) ^ ``popularity``.
    """

    reach: int = 10
    backward: float = 0.3
    popularity: float = 0.3
    most: int = 10
    decay: float = 0.7
    neighbours: int = 200
    name: str = "seq"

    def fit(self, data: Interactions, seed: int) -> Following:
        """Count pairs of events of one person."""
        import numpy as np
        from scipy.sparse import csr_matrix, diags

        shape = (data.items, data.items)
        pairs = csr_matrix(shape, dtype=np.float64)
        for distance in range(1, self.reach + 1):
            is_same = data.person[distance:] == data.person[:-distance]
            before, after = data.item[:-distance][is_same], data.item[distance:][is_same]
            value = np.full(len(before), 1 / distance)
            pairs = pairs + csr_matrix((value, (before, after)), shape=shape)
        pairs = pairs + self.backward * pairs.T
        weight = np.maximum(data.counts(), 1).astype(float) ** -self.popularity
        identity = diags(np.ones(data.items)).tocsr()
        return Following(
            kept((pairs.tocsr(), (identity @ diags(weight)).tocsr()), self.neighbours),
            self.most, self.decay,
        )  # fmt: skip


@dataclass(frozen=True)
class Sessions:
    """Sessions as sets of items: rows of a sparse matrix of ones divided by √(items)."""

    starts: Ints
    item: NDArray[np.int32]
    items: int
    neighbours: int
    most: int
    decay: float
    popularity: Scores
    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = True

    @cached_property
    def matrix(self) -> Any:
        """The sessions, shape (sessions, items)."""
        import numpy as np
        from scipy.sparse import csr_matrix

        sizes = np.diff(self.starts)
        value = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
        return csr_matrix((value, self.item, self.starts), shape=(len(sizes), self.items))

    @cached_property
    def columns(self) -> Any:
        """For each item its sessions, 1 each: shape (items, sessions)."""
        made = self.matrix.T.tocsr()
        made.data[:] = 1.0
        return made

    def scores(self, given: Interactions) -> Scores:
        """Return what the nearest sessions hold, each by its likeness to the last items."""
        import numpy as np

        near = (recent(given, self.most, self.decay) @ self.matrix.T).tocsr()
        for row in range(near.shape[0]):
            span = slice(near.indptr[row], near.indptr[row + 1])
            value = near.data[span]
            if len(value) > self.neighbours:
                # by likeness, then by session, whatever order the product gave
                order = np.lexsort((near.indices[span], -value))
                value[order[self.neighbours :]] = 0
        near.eliminate_zeros()
        near.sort_indices()
        found: Scores = (near @ self.columns.T).toarray() * self.popularity
        return found

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return in how many sessions each last item is with each other."""
        own = recent(given, self.most, self.decay)
        shared = (self.columns[own.indices] @ self.columns[items].T).toarray()
        return Carried(own.indices, shared * own.data[:, None])


@dataclass(frozen=True)
class VsKnn:
    """Nearest sessions (of a person's events, cut where its visits end, at most ``longest``)."""

    neighbours: int = 100
    most: int = 10
    decay: float = 0.8
    longest: int = 30
    popularity: float = 0.2
    name: str = "vsknn"

    def fit(self, data: Interactions, seed: int) -> Sessions:
        """Keep the sessions; a long one is kept in overlapping parts."""
        import numpy as np

        session, item = self._parts(data)
        pair = np.unique(session * data.items + item)
        session, item = pair // data.items, pair % data.items
        names, session = np.unique(session, return_inverse=True)
        starts = np.searchsorted(session, np.arange(len(names) + 1))
        weight = np.maximum(data.counts(), 1).astype(float) ** -self.popularity
        return Sessions(
            starts.astype(np.int64), item.astype(np.int32), data.items, self.neighbours,
            self.most, self.decay, weight.astype(np.float32),
        )  # fmt: skip

    def _parts(self, data: Interactions) -> tuple[Ints, Ints]:
        """Return the session of each row kept, and its item; rows may be in two parts."""
        import numpy as np

        if not len(data):
            return data.session, data.item
        is_first = np.diff(data.session, prepend=data.session[0] - 1) != 0
        number = np.cumsum(is_first) - 1
        place = np.arange(len(data)) - np.flatnonzero(is_first)[number]
        half = max(1, self.longest // 2)
        part = place // half
        parts = int(part.max()) + 2
        last = part[np.append(np.flatnonzero(is_first)[1:], len(data)) - 1][number]
        own = number * parts + part
        # each half belongs to two parts, the last one of a session to the part before only
        is_twice = part > 0
        session = np.concatenate([own[(part < last) | (last == 0)], own[is_twice] - 1])
        item = np.concatenate([data.item[(part < last) | (last == 0)], data.item[is_twice]])
        newest = self._newest(data, number)
        keep = newest[session // parts]
        return session[keep], item[keep]

    def _newest(self, data: Interactions, number: Ints) -> Any:
        """Return which sessions are among the latest."""
        import numpy as np

        ends = np.zeros(int(number[-1]) + 1, dtype=np.int64)
        np.maximum.at(ends, number, data.ts)
        is_kept = np.zeros(len(ends), dtype=bool)
        is_kept[np.argsort(-ends, kind="stable")[:MOST_SESSIONS]] = True
        return is_kept
