"""Methods that give people and items a few numbers each: als, bpr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clickcli.models.recommend.method import Carried

if TYPE_CHECKING:
    from clickcli.models.recommend.interactions import Interactions, Ints, Scores


@dataclass(frozen=True)
class Factors:
    """The numbers of items, shape (items, factors); a person's are solved from its own items."""

    item: Scores
    regularization: float
    alpha: float
    is_sparse: ClassVar[bool] = False
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return the products of people's numbers and items'."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            made: Scores = self.people(given) @ self.item.T
        return made

    def people(self, given: Interactions) -> Scores:
        """Return the numbers of people: the least squares that the items were fitted by."""
        import numpy as np

        item = self.item.astype(np.float64)
        width = item.shape[1]
        ratings = given.ratings()
        whole = item.T @ item + self.regularization * np.eye(width)
        result = np.zeros((given.people, width), dtype=np.float32)
        for person in range(given.people):
            span = slice(ratings.indptr[person], ratings.indptr[person + 1])
            own = item[ratings.indices[span]]
            if not len(own):
                continue
            extra = self.alpha * ratings.data[span].astype(np.float64)
            left = whole + (own.T * extra) @ own
            result[person] = np.linalg.solve(left, own.T @ (1 + extra))
        return result

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return the products of the items' numbers."""
        return _carried(self.item, given, items)


@dataclass(frozen=True)
class Als:
    """Alternating least squares for implicit feedback; confidence 1 + alpha × rating.

    Each row is solved on its own by conjugate gradients, so that threads change
    nothing: the same seed gives the same bytes.
    """

    factors: int = 64
    regularization: float = 10.0
    alpha: float = 5.0
    iterations: int = 15
    name: str = "als"

    def fit(self, data: Interactions, seed: int) -> Factors:
        """Fit the items' numbers."""
        import numpy as np
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        confidence = data.ratings()
        confidence.data = 1 + self.alpha * confidence.data
        with threadpool_limits(1, user_api="blas"):
            model = AlternatingLeastSquares(
                factors=min(self.factors, data.items), regularization=self.regularization,
                alpha=1.0, iterations=self.iterations, random_state=seed, use_cg=True,
            )  # fmt: skip
            model.fit(confidence, show_progress=False)
        found = np.asarray(model.item_factors, dtype=np.float32)
        return Factors(found, self.regularization, self.alpha)


@dataclass(frozen=True)
class Pairs:
    """The numbers of items, and how liked each is by everybody.

    A person's numbers are the mean of its items' × ``stretch``, which brings the means nearest to
    the numbers of the people that it was fitted to.
    """

    item: Scores
    bias: Scores
    stretch: float
    is_sparse: ClassVar[bool] = False
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return the products of people's numbers and items', and how liked an item is."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            made = _means(given.seen(), self.item) * self.stretch @ self.item.T + self.bias
        return made.astype("float32")

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return the products of the items' numbers."""
        return _carried(self.item, given, items)


@dataclass(frozen=True)
class Bpr:
    """Bayesian personalised ranking, fitted by one thread: two would race, and bytes differ."""

    factors: int = 32
    learning_rate: float = 0.05
    regularization: float = 0.01
    iterations: int = 60
    name: str = "bpr"

    def fit(self, data: Interactions, seed: int) -> Pairs:
        """Fit the items' numbers; the last of them is how liked an item is by everybody."""
        import numpy as np
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            model = BayesianPersonalizedRanking(
                factors=min(self.factors, data.items), learning_rate=self.learning_rate,
                regularization=self.regularization, iterations=self.iterations, num_threads=1,
                random_state=seed,
            )  # fmt: skip
            model.fit(data.seen(), show_progress=False)
        item = np.asarray(model.item_factors, dtype=np.float32)
        person = np.asarray(model.user_factors, dtype=np.float32)[:, :-1]
        means = _means(data.seen(), item[:, :-1])
        below = float((means * means).sum())
        stretch = float((means * person).sum()) / below if below > 0 else 1.0
        return Pairs(item[:, :-1].copy(), item[:, -1].copy(), stretch)


def _carried(item: Scores, given: Interactions, items: Ints) -> Carried:
    import numpy as np

    own = np.unique(given.item)
    return Carried(own, item[own] @ item[items].T)


def _means(seen: Any, item: Scores) -> Scores:
    """Return the mean of the numbers of each person's items."""
    import numpy as np

    made: Scores = seen @ item / np.maximum(np.diff(seen.indptr), 1)[:, None]
    return made
