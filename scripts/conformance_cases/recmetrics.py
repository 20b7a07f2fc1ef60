"""Ask the metrics of ranked lists: one value a person, and the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance_cases.case import Case, Check, Unsupported

_NAMES: Mapping[str, str] = {
    "map": "map", "meanaverageprecision": "map", "mrr": "mrr", "recall": "recall",
    "precision": "precision", "ndcg": "ndcg", "hitrate": "hit_rate", "hit": "hit_rate",
}  # fmt: skip
_DIVISORS: Mapping[str, str] = {
    "relevant": "relevant",
    "min": "min",
    "min(k, relevant)": "min",
    "min_k_relevant": "min",
}


def recmetrics(case: Case, check: Check) -> None:
    """Compare a metric at k; lists may have holes, and users without relevant items are ignored."""
    query = case.query
    name = str(query.take("metric")).lower().replace("_", "").replace("-", "").replace(" ", "")
    if name not in _NAMES:
        raise Unsupported(f"query metric={name!r}: no such metric")
    k = int(query.take("k"))
    divisor = query.choose("divide_by", _DIVISORS, "relevant")
    people, found = _computed(case, _NAMES[name], k, divisor)
    expected = case.expected
    if expected.has("per_user"):
        values = expected.take("per_user")
        check.equal("per user", dict(zip(people, found, strict=True)), values)
    if expected.has("mean"):
        check.equal("mean", sum(found) / len(found), expected.take("mean"))


def _computed(case: Case, name: str, k: int, divisor: str) -> tuple[list[str], list[float]]:
    import numpy as np
    from scipy.sparse import csr_matrix

    from clickcli.models.recommend.metrics import MapDivisor, per_person

    relevant: Sequence[Sequence[Any]] = case.data["relevant"]
    shown: Sequence[Sequence[Any]] = case.data["recommendations"]
    people = list(dict.fromkeys(row[0] for row in relevant))
    items = list(dict.fromkeys([row[1] for row in relevant] + [row[1] for row in shown]))
    person = {one: at for at, one in enumerate(people)}
    item = {one: at for at, one in enumerate(items)}
    lists = np.full((len(people), k), -1, dtype=np.int64)
    for user, one, rank in shown:
        if user in person and rank <= k:
            lists[person[user], rank - 1] = item[one]
    pairs = sorted({(person[row[0]], item[row[1]]) for row in relevant})
    rows, columns = zip(*pairs, strict=True)
    wanted = csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(people), len(items)))
    values = per_person(lists, wanted, k, MapDivisor(divisor))[name]
    return [str(one) for one in people], [float(value) for value in values]
