"""Find frequent item sets or fit factors once, by clickcli or by the library called bare.

Usage: bench_fit.py sets mlxtend-sparse|mlxtend-dense|clickcli PAIRS.npy LEAST
       bench_fit.py als implicit|clickcli COUNTS.npy ITERATIONS
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

_FACTORS, _REGULARIZATION = 64, 10.0


def sets_mlxtend(path: str, least: int, *, dense: bool) -> list[float]:
    """Return how many sets of up to three items there are, and the sum of their counts."""
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth
    from scipy.sparse import csr_array

    basket, item = np.load(path).T
    shape = basket[-1] + 1, item.max() + 1
    if dense:
        cells = np.zeros(shape, bool)
        cells[basket, item] = True
        table = pd.DataFrame(cells, copy=False)
    else:
        ones = csr_array((np.ones(len(item), bool), (basket, item)), shape=shape)
        table = pd.DataFrame.sparse.from_spmatrix(ones)
        table.columns = table.columns.astype(str)
    found = fpgrowth(table, (least - 0.5) / shape[0], max_len=3)
    return [len(found), round((found["support"] * shape[0]).sum())]


def sets_clickcli(path: str, least: int) -> list[float]:
    """Return the same."""
    from clickcli.models.itemsets import frequent_sets

    basket, item = np.load(path).T
    found = frequent_sets(basket, item, np.arange(basket[-1] + 1), min_count=least, max_len=3)
    return [sum(len(one.counts) for one in found), sum(int(one.counts.sum()) for one in found)]


def als_implicit(path: str, iterations: int) -> list[float]:
    """Return how large the items' factors are."""
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix

    person, item, count = np.load(path).T
    shape = int(person.max()) + 1, int(item.max()) + 1
    ratings = csr_matrix((count.astype(np.float32), (person, item)), shape=shape)
    model = AlternatingLeastSquares(
        factors=_FACTORS, regularization=_REGULARIZATION, alpha=1.0, iterations=iterations,
        random_state=0,
    )  # fmt: skip
    ratings.data += 1
    model.fit(ratings, show_progress=False)
    return _size(model.item_factors)


def als_clickcli(path: str, iterations: int) -> list[float]:
    """Return the same."""
    from clickcli.models.recommend.factors import Als
    from clickcli.models.recommend.interactions import Interactions, Rating

    person, item, count = np.load(path).T
    nothing = np.zeros(len(person), dtype=np.int64)
    data = Interactions(
        person, item, nothing, count.astype(np.float64), nothing, int(person.max()) + 1,
        int(item.max()) + 1, 0, Rating(None, is_damped=False),
    )  # fmt: skip
    method = Als(_FACTORS, _REGULARIZATION, alpha=1.0, iterations=iterations)
    return _size(method.fit(data, seed=0).item)


def _size(factors: Any) -> list[float]:
    """Return the shape of factors and their length, which differs wherever a number does."""
    return [*factors.shape, float(np.linalg.norm(np.asarray(factors, dtype=np.float64)))]


if __name__ == "__main__":
    work, who, given, number = sys.argv[1:]
    if work == "als":
        answer = {"implicit": als_implicit, "clickcli": als_clickcli}[who](given, int(number))
    elif who == "clickcli":
        answer = sets_clickcli(given, int(number))
    else:
        answer = sets_mlxtend(given, int(number), dense=who == "mlxtend-dense")
    print(json.dumps([answer]))
