"""How good ranked lists are: per person, and for all lists together.

Lists are whole numbers of items by place, -1 where a place is empty. A person without a list
counts 0; people without anything relevant are not to be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

PER_PERSON: Final = ("ndcg", "precision", "recall", "hit_rate", "map", "mrr")
POPULAR_SHARE: Final = 0.1
"""The items that most people have, this share of all, are the popular ones."""
MOST_LISTS: Final = 500
"""Lists whose diversity is looked at: each is a product of its own."""
RESAMPLES: Final = 1000


class MapDivisor(StrEnum):
    """What average precision is divided by."""

    RELEVANT = "relevant"
    MIN = "min"


def per_person(
    lists: Ints, relevant: Any, k: int, divisor: MapDivisor = MapDivisor.RELEVANT
) -> dict[str, Floats]:
    """Return each metric at k as one number a person.

    lists : shape (people, at least k). relevant : csr_matrix, shape (people, items), nonzero where
    an item is relevant; every person has one.
    """
    import numpy as np

    lists = lists[:, :k]
    is_hit = hits(lists, relevant)
    wanted = np.diff(relevant.indptr).astype(float)
    found = is_hit.sum(axis=1)
    place = np.arange(1, lists.shape[1] + 1)
    precision_at = np.cumsum(is_hit, axis=1) / place
    below = np.minimum(wanted, k) if divisor is MapDivisor.MIN else wanted
    gain = 1 / np.log2(place + 1)
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    first = np.where(is_hit.any(axis=1), 1 / (is_hit.argmax(axis=1) + 1), 0.0)
    return {
        "ndcg": (is_hit * gain).sum(axis=1) / best[np.minimum(wanted, k).astype(int)],
        "precision": found / k,
        "recall": found / wanted,
        "hit_rate": (found > 0).astype(float),
        "map": (is_hit * precision_at).sum(axis=1) / below,
        "mrr": first,
    }


def hits(lists: Ints, relevant: Any) -> NDArray[np.bool_]:
    """Return which places of the lists hold something relevant."""
    import numpy as np

    people, items = relevant.shape
    rows = np.repeat(np.arange(people), np.diff(relevant.indptr))
    known = np.sort(rows * items + relevant.indices)
    asked = np.arange(people)[:, None] * items + lists
    at = np.minimum(np.searchsorted(known, asked), max(len(known) - 1, 0))
    return (known[at] == asked) & (lists >= 0) if len(known) else np.zeros(lists.shape, bool)


def of_lists(lists: Ints, train: Any) -> dict[str, float | None]:
    """Return what holds of all lists together: coverage, novelty, diversity, popularity share.

    Coverage: items recommended ÷ items. Novelty: mean of -log2(people with the item ÷ people with
    any), an item of nobody counts as one of one person. Diversity: 1 - mean cosine of two items of
    a list, by who has them, over the first lists. Popularity share: places held by the tenth of
    items that most people have. train : csr_matrix, shape (people, items), 1 for each pair known.
    """
    import numpy as np

    people, items = int((np.diff(train.indptr) > 0).sum()), train.shape[1]
    shown = lists[lists >= 0]
    if not len(shown):
        return dict.fromkeys(("coverage", "novelty", "diversity", "popularity_share"))
    owners = np.bincount(train.indices, minlength=items)
    rarity = -np.log2(np.maximum(owners, 1) / max(people, 1))
    top = np.argsort(-owners, kind="stable")[: max(1, round(items * POPULAR_SHARE))]
    return {
        "coverage": len(np.unique(shown)) / items,
        "novelty": float(rarity[shown].mean()),
        "diversity": _diversity(lists[:MOST_LISTS], train, owners),
        "popularity_share": float(np.isin(shown, top).mean()),
    }


def _diversity(lists: Ints, train: Any, owners: Ints) -> float | None:
    import numpy as np

    columns = train.tocsc()
    found = []
    for row in lists:
        own = row[row >= 0]
        if len(own) < 2:
            continue
        vectors = columns[:, own]
        length = np.sqrt(np.maximum(owners[own], 1))
        cosine = (vectors.T @ vectors).toarray() / length / length[:, None]
        pairs = len(own) * (len(own) - 1)
        found.append(1 - (cosine.sum() - np.trace(cosine)) / pairs)
    return float(np.mean(found)) if found else None


def intervals(values: Mapping[str, Floats], seed: int) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of each mean, by drawing people again; the same people for all."""
    import numpy as np

    names = list(values)
    table = np.stack([values[name] for name in names])
    people = table.shape[1]
    draw = np.random.default_rng(seed)
    means = np.empty((RESAMPLES, len(names)))
    for number in range(RESAMPLES):
        chosen = draw.integers(0, people, people)
        means[number] = table[:, chosen].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return {name: (float(low[at]), float(high[at])) for at, name in enumerate(names)}
