"""How good probabilities are: areas under curves, Brier score, calibration, lift.

*Definitions* ROC-AUC is the share of pairs of a positive and a negative in which the positive has
the higher probability, equal ones counting half. PR-AUC is average precision, equal probabilities
taken together. The Brier score is the mean squared difference of probability and label. Bounds come
from drawing people anew, with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DRAWS: Final = 400
BINS: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the calibration table."""
DECILES: Final = 10


@dataclass(frozen=True)
class Ranking:
    """Cases in ascending order of a score, ties known, so that areas follow from weights alone."""

    order: Ints
    starts: Ints
    label: Ints

    @classmethod
    def of(cls, score: Floats, label: Ints) -> Ranking:
        """Rank cases by their score."""
        import numpy as np

        order = np.argsort(score, kind="stable")
        ranked = score[order]
        starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
        return cls(order, starts, label[order])

    def roc_auc(self, weights: Floats | None = None) -> float:
        """Return the area under the ROC curve, NaN where one of the labels is missing."""
        import numpy as np

        hits, misses = self._tied(weights)
        below = np.cumsum(misses) - misses
        pairs = hits.sum() * misses.sum()
        return float((hits * (below + misses / 2)).sum() / pairs) if pairs else float("nan")

    def average_precision(self) -> float:
        """Return the area under the precision-recall curve, NaN without positives."""
        import numpy as np

        hits, misses = (part[::-1] for part in self._tied(None))
        found = np.cumsum(hits)
        if not found[-1]:
            return float("nan")
        return float((hits * found / (found + np.cumsum(misses))).sum() / found[-1])

    def _tied(self, weights: Floats | None) -> tuple[Floats, Floats]:
        """Return the weight of positives and of negatives at each score."""
        import numpy as np

        own = np.ones(len(self.label)) if weights is None else weights[self.order]
        hits = np.add.reduceat(own * self.label, self.starts)
        misses = np.add.reduceat(own * (1 - self.label), self.starts)
        return hits, misses


def brier(probability: Floats, label: Ints) -> float:
    """Return the mean squared difference of probability and label."""
    return float(((probability - label) ** 2).mean())


def bounds(
    scores: list[Floats], label: Ints, group: Ints, seed: int
) -> tuple[list[tuple[float, float]], list[float]]:
    """Return 95 % bounds of each score's ROC-AUC, and the lower bound of the first's advantage.

    ``group`` is whose case it is: a person is drawn with all cases or not at all. The second list
    has the lower 95 % bound of the first score's ROC-AUC minus that of each score.
    """
    import numpy as np

    _, number = np.unique(group, return_inverse=True)
    people = int(number.max()) + 1
    rankings = [Ranking.of(score, label) for score in scores]
    draw = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(draw.integers(people, size=people), minlength=people)
        weights = times[number].astype(np.float64)
        drawn.append([ranking.roc_auc(weights) for ranking in rankings])
    table = np.array(drawn)
    table = table[~np.isnan(table).any(axis=1)]
    if not len(table):
        return [(0.0, 1.0)] * len(scores), [-1.0] * len(scores)
    low, high = np.percentile(table, [2.5, 97.5], axis=0)
    ahead = np.percentile(table[:, :1] - table, 2.5, axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True)), ahead.tolist()


def single_auc(values: Floats, label: Ints) -> float:
    """Return how well one feature alone tells labels apart, in whichever direction.

    What is not known is below all that is.
    """
    import numpy as np

    score = np.where(np.isnan(values), -np.inf, values)
    area = Ranking.of(score, label).roc_auc()
    return max(area, 1.0 - area)


def deciles(probability: Floats) -> Ints:
    """Return the tenth that each case is in, 1 those with the highest probability.

    Of equal probabilities the earlier case comes first.
    """
    import numpy as np

    order = np.argsort(-probability, kind="stable")
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(len(order)) * DECILES // max(len(order), 1) + 1
    return found


def lift(probability: Floats, label: Ints) -> pl.DataFrame:
    """Return one row a decile: cases, positives, their share, lift, and share of all positives."""
    import polars as pl

    from clickcli.expressions import with_rate

    table = pl.DataFrame(
        {"decile": deciles(probability), "probability_mean": probability, "label": label}
    ).group_by("decile").agg(
        pl.len().cast(pl.Int64).alias("cases"),
        pl.col("label").sum().cast(pl.Int64).alias("positives"),
        pl.col("probability_mean").mean(),
    ).sort("decile")  # fmt: skip
    whole = pl.col("positives").sum()
    base = whole / pl.col("cases").sum()
    return with_rate(table, "positive_share", "positives", "cases").with_columns(
        pl.when(whole > 0).then(pl.col("positive_share") / base).alias("lift"),
        pl.when(whole > 0).then(pl.col("positives").cum_sum() / whole).alias("captured"),
    )


def calibration(probability: Floats, label: Ints) -> pl.DataFrame:
    """Return one row a range of probabilities with any case: what was said, and what came true."""
    import numpy as np
    import polars as pl

    from clickcli.expressions import with_rate

    number = np.searchsorted(BINS[1:-1], probability, side="right")
    low = np.array(BINS[:-1])[number]
    high = np.array(BINS[1:])[number]
    table = pl.DataFrame(
        {"from": low, "to": high, "probability_mean": probability, "label": label}
    ).group_by("from", "to").agg(
        pl.len().cast(pl.Int64).alias("cases"),
        pl.col("label").sum().cast(pl.Int64).alias("positives"),
        pl.col("probability_mean").mean(),
    ).sort("from")  # fmt: skip
    return with_rate(table, "positive_share", "positives", "cases")
