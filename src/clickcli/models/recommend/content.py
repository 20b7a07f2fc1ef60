"""The method that rests on what items are: content (category, brand and price)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clickcli.models.recommend.method import Carried

if TYPE_CHECKING:
    from clickcli.models.recommend.interactions import Attributes, Interactions, Ints, Scores


@dataclass(frozen=True)
class Affinity:
    """Traits of items: groups (categories, then brands) and log price; -1 and NaN are unknown."""

    category: Ints
    brand: Ints
    price: Scores
    prior: Scores
    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return (share of category + share of brand / 2) × nearness of price × popularity."""
        import numpy as np

        ratings = given.ratings()
        score = _shares(ratings, self.category) + 0.5 * _shares(ratings, self.brand)
        return np.asarray(score * self._near(ratings) * self.prior, dtype=np.float32)

    def _near(self, ratings: Any) -> Scores:
        """Return how near an item's price is to the mean of the person's, 1 where unknown."""
        import numpy as np

        is_known = ~np.isnan(self.price)
        price = np.where(is_known, self.price, 0.0)
        below = ratings @ is_known.astype(np.float32)
        mean = np.divide(ratings @ price, below, out=np.full(len(below), np.nan), where=below > 0)
        near = np.exp(-np.abs(self.price[None, :] - mean[:, None]))
        result: Scores = np.nan_to_num(near, nan=1.0).astype(np.float32)
        return result

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return which of the person's items are of the same category or brand."""
        import numpy as np

        ratings = given.ratings()
        own = ratings.indices
        is_like = np.zeros((len(own), len(items)), dtype=np.float32)
        for groups, weight in ((self.category, 1.0), (self.brand, 0.5)):
            is_same = groups[own][:, None] == groups[items]
            is_like += np.float32(weight) * (is_same & (groups[items] >= 0))
        return Carried(own, is_like * ratings.data[:, None])


def _shares(ratings: Any, group: Ints) -> Scores:
    """Return for each item the share of the person's ratings in the item's group."""
    import numpy as np
    from scipy.sparse import csr_matrix

    known = np.flatnonzero(group >= 0)
    groups = int(group.max(initial=-1)) + 1
    if not groups:
        return np.zeros(ratings.shape, dtype=np.float32)
    of_item = csr_matrix(
        (np.ones(len(known), dtype=np.float32), (known, group[known])),
        shape=(len(group), groups),
    )
    sums = (ratings @ of_item).toarray()
    total = np.maximum(np.asarray(ratings.sum(axis=1)), 1e-12)
    shares = sums / total
    result: Scores = np.where(group >= 0, shares[:, np.maximum(group, 0)], 0.0)
    return result


@dataclass(frozen=True)
class Content:
    """Items of the categories, brands and prices that a person chose; reaches new items, too."""

    name: str = "content"

    def fit(self, data: Interactions, seed: int) -> Affinity:
        """Keep the traits, and how popular items are: (1 + people) ^ 0.5."""
        import numpy as np

        own = data.attributes or unknown(data.items)
        with np.errstate(divide="ignore", invalid="ignore"):
            price = np.where(own.price > 0, np.log(own.price), np.nan).astype(np.float32)
        prior = np.sqrt(1.0 + data.counts()).astype(np.float32)
        return Affinity(own.category, own.brand, price, prior)


def unknown(items: int) -> Attributes:
    """Return the attributes of items of which nothing is known."""
    import numpy as np

    from clickcli.models.recommend.interactions import Attributes

    none = np.full(items, -1, dtype=np.int64)
    return Attributes(none, none, np.full(items, np.nan))
