"""What a report says of methods that were judged: rows by method, and by how known people are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.models.recommend.evaluation import by_person
from clickcli.models.recommend.metrics import intervals

if TYPE_CHECKING:
    from clickcli.models.recommend.evaluation import Judged

_METRICS: Final = ("precision", "recall", "hit_rate", "map", "mrr")
_WHOLE: Final = ("coverage", "novelty", "diversity", "popularity_share")


def by_method(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return what was judged of each method, in the order of the folds."""
    result: dict[str, list[Judged]] = {}
    for one in judged:
        result.setdefault(one.method, []).append(one)
    return result


def method_rows(judged: Sequence[Judged], seed: int) -> list[dict[str, Any]]:
    """Return one row a method; all methods were asked the same cases."""
    import numpy as np

    own = by_method(judged)
    people = {
        name: by_person(parts, [np.ones(len(one.person), bool) for one in parts])
        for name, parts in own.items()
    }
    popular = people["popular"]["ndcg"]
    means = {name: values["ndcg"] for name, values in people.items()}
    over = {f"{name} over": value - popular for name, value in means.items()}
    bounds = intervals({**means, **over}, seed)
    rows = []
    for name, values in people.items():
        parts = own[name]
        low, high = bounds[name]
        over_low, over_high = bounds[f"{name} over"]
        rows.append(
            {
                "method": name, "ndcg": float(values["ndcg"].mean()), "ndcg_low": low,
                "ndcg_high": high, "people": len(popular),
                "over_popular": float((values["ndcg"] - popular).mean()),
                "over_popular_low": over_low, "over_popular_high": over_high,
                "cases": sum(len(one.person) for one in parts),
                **{metric: float(values[metric].mean()) for metric in _METRICS},
                **{metric: _mean([one.whole[metric] for one in parts]) for metric in _WHOLE},
            }
        )  # fmt: skip
    return rows


def segment_rows(judged: Sequence[Judged], hot: int, seed: int) -> list[dict[str, Any]]:
    """Return one row a segment and method."""
    rows = []
    for segment, low, high in (("hot", hot, None), ("warm", 1, hot),
                               ("cold", 0, 1)):  # fmt: skip
        for name, parts in by_method(judged).items():
            keep = [(one.known >= low) & (high is None or one.known < high) for one in parts]
            cases = sum(int(own.sum()) for own in keep)
            if not cases:
                continue
            values = by_person(parts, keep)
            bounds = intervals({"ndcg": values["ndcg"]}, seed)["ndcg"]
            rows.append(
                {
                    "segment": segment, "method": name, "ndcg": float(values["ndcg"].mean()),
                    "ndcg_low": bounds[0], "ndcg_high": bounds[1],
                    "hit_rate": float(values["hit_rate"].mean()),
                    "recall": float(values["recall"].mean()), "people": len(values["ndcg"]),
                    "cases": cases,
                }
            )  # fmt: skip
    return rows


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
