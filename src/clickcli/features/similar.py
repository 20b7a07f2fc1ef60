"""Who is like whom: nearest neighbours by the cosine of what people did with items.

A person is the vector of the ratings of items at the person's last event. Ages are the same for all
of a person's ratings later on, so that a cosine does not depend on the cutoff.

*How* Exactly: for each person the people who share an item are added up item by item, and only the
nearest are kept. That takes one product for each pair of people who share an item, for each item:
``products``, which is known beforehand. Up to ``MOST_PRODUCTS`` it takes a few minutes; beyond, the
table is left out and a note says so. No library of approximate neighbours earns its place: hnswlib
(to be compiled where it is installed) and usearch (2 MB) take dense vectors, a number for every
item, so that ratings would have to be squeezed into factors first and the cosine were theirs no
more. PyNNDescent takes sparse ones and brings 108 MB with it.

*Ties* Similarities are rounded to nine decimals; of equal ones the smaller id comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.features.touched import decayed

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.features.options import Options

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

MOST_PRODUCTS: Final = 5_000_000_000
DECIMALS: Final = 9
ROUNDED: Final = 1e-9
"""Cosines that differ by more are not equal when rounded."""
LEAST: Final = 1e-6
"""A rating below the precision of its terms is none."""
_ID: Final = ["person_id", "is_known", "person_key"]
_SPARSE: Final = 8
"""Where a person's products are so many times fewer than people, the few are sorted instead."""


def products(pairs: pl.DataFrame) -> int:
    """Return how many products the similarity of all people takes."""
    import polars as pl

    counts = pairs.group_by("item").len("n")
    return int(counts.select((pl.col("n").cast(pl.Int64) ** 2).sum()).item() or 0)


def similar(pairs: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Return the nearest neighbours of each person, from the table of interactions.

    Only people who share an item with a rating above 0 are similar at all.
    """
    import numpy as np
    import polars as pl

    rated = _weighted(pairs, options)
    people = rated.select(_ID).unique().sort(_ID)
    numbered = (
        rated.join(people.with_row_index("person"), on=_ID)
        .with_columns(pl.col("item").rank("dense").alias("number"))
        .with_columns(pl.col("person", "number").cast(pl.Int64))
        .sort("person", "number")
    )
    vectors = Vectors(*(numbered[name].to_numpy() for name in ("person", "number", "weight")))
    found = [vectors.nearest(person, options.k) for person in range(people.height)]
    none = Near(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    person = np.repeat(np.arange(len(found)), [len(one.neighbour) for one in found])
    neighbour, similarity, overlap = (
        np.concatenate([getattr(one, name) for one in (none, *found)])
        for name in ("neighbour", "similarity", "overlap")
    )
    names = dict(zip(_ID, ("neighbour_id", "neighbour_is_known", "neighbour_key"), strict=True))
    numbers = pl.DataFrame({"similarity": similarity, "overlap": overlap})
    table = pl.concat([people[person], people[neighbour].rename(names), numbers], how="horizontal")
    return table.with_columns(pl.int_range(1, pl.len() + 1).over(_ID).alias("rank"))


def _weighted(pairs: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Return the ratings above 0 as they were at the last event of each person that gave one."""
    import polars as pl

    rated = pairs.filter(pl.col("rating_at_last") > 0)
    last = pl.col("last").dt.epoch("us")
    age = last.max().over("person_key") - last
    half_life = options.half_life_us()
    rating = pl.col("rating_at_last")
    weight = rating if half_life is None else rating * decayed(age, half_life)
    return rated.select(*_ID, "item", weight.alias("weight")).filter(pl.col("weight") >= LEAST)


@dataclass(frozen=True, slots=True)
class Near:
    """A person's neighbours, the nearest first."""

    neighbour: Ints
    similarity: Floats
    overlap: Ints


class Vectors:
    """People as vectors of length 1, and for each item the people who have it.

    Rows are given by (person, item); both are whole numbers, people those from 0 on.
    """

    def __init__(self, person: Ints, item: Ints, weight: Floats) -> None:
        import numpy as np

        self._count = int(person[-1]) + 1 if len(person) else 0
        length = np.sqrt(np.bincount(person, weight * weight, self._count))
        self._item, self._value = item, weight / length[person]
        self._of_person = np.searchsorted(person, np.arange(self._count + 1))
        order = np.lexsort((person, item))
        self._people, self._values = person[order], self._value[order]
        self._of_item = np.searchsorted(item[order], np.arange(1, item.max(initial=0) + 2))

    def nearest(self, person: int, k: int) -> Near:
        """Return at most ``k`` others with a cosine above 0.

        Products are added in the order of the items, so that a cosine is the same both ways.
        """
        import numpy as np

        own = slice(*self._of_person[person : person + 2])
        items = self._item[own]
        spans = list(map(slice, self._of_item[items - 1], self._of_item[items]))
        others = np.concatenate([self._people[span] for span in spans])
        terms = np.concatenate(
            [self._values[span] * value
             for span, value in zip(spans, self._value[own], strict=True)]
        )  # fmt: skip
        if len(others) * _SPARSE < self._count:
            candidates, others = np.unique(others, return_inverse=True)
        else:
            candidates = np.arange(self._count)
        cosine = np.bincount(others, terms, len(candidates))
        cosine[np.searchsorted(candidates, person)] = 0
        least = np.partition(cosine, -k)[-k] - ROUNDED if len(cosine) > k else 0
        near = np.flatnonzero(cosine > max(least, 0))
        similarity = np.minimum(cosine[near], 1.0).round(DECIMALS)
        best = np.argsort(-similarity, kind="stable")[:k]
        best = best[similarity[best] > 0]
        overlap = np.bincount(others, minlength=len(candidates))
        return Near(candidates[near[best]], similarity[best], overlap[near[best]])
