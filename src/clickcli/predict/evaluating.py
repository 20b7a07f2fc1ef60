"""Judge classifiers on cases of later than they learned from, and of other people.

*Definition* people are parted into five folds. For each fold a model learns from the earlier cases
of everybody else and is asked for the later cases of the fold, so that a person is never on both
sides. What is reported is over the answers for all folds. ``auto`` takes the model with the best
ROC-AUC on earlier cases in the same way, without those of the test; of equal ones the simplest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.errors import Undecidable
from clickcli.predict.judging import Ranking, bounds, brier, single_auc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.classifiers import Fit, Fitted
    from clickcli.predict.samples import Sample

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

FOLDS: Final = 5
LEAST_POSITIVES: Final = 50
LEAK: Final = 0.95
"""A feature whose ROC-AUC alone is above this may know what it should not."""
BASE, SINCE = "base rate", "days since last activity"
BASELINES: Final = (BASE, SINCE)
REPEATS: Final = 3
_MOST_SHUFFLED: Final = 2000


@dataclass(frozen=True)
class Score:
    """How good a method was on the test cases; ``ahead`` is how far the kept one is before it.

    That is the lower 95 % bound of the difference in ROC-AUC.
    """

    method: str
    roc_auc: float
    low: float
    high: float
    pr_auc: float
    brier: float
    ahead: float


@dataclass(frozen=True)
class Importance:
    """What a feature does for the kept model, and what it can do alone."""

    feature: str
    importance: float
    coefficient: float | None
    single: float


@dataclass(frozen=True)
class Judged:
    """What the test said; ``probability`` are the kept method's answers for its cases in order."""

    kept: str
    reason: str
    scores: Sequence[Score]
    importance: Sequence[Importance]
    label: Ints
    probability: Floats
    fitted: Mapping[str, Fitted]

    def of(self, method: str) -> Score:
        """Return the score of a method."""
        return next(score for score in self.scores if score.method == method)


def check(label: Ints, is_test: Bools) -> None:
    """Raise Undecidable where there are too few positives, or negatives, to learn from."""
    learned = label[~is_test]
    for name, count in (("positives", learned.sum()), ("negatives", (1 - learned).sum())):
        if count < LEAST_POSITIVES:
            raise Undecidable(
                f"there must be at least {LEAST_POSITIVES} {name} to learn from, were {count}",
                hint="a longer log has more, a longer --horizon for people, a smaller --after for"
                " sessions",
            )
    if label[is_test].min(initial=1) == label[is_test].max(initial=0):
        raise Undecidable(
            "the test must have positives and negatives, had one of them only",
            hint="give an earlier --cutoff",
        )


def judge(sample: Sample, since: str, method: str | None, depth: int, seed: int) -> Judged:
    """Judge all methods, and fit them to all cases; ``method`` None chooses the one to keep.

    ``since`` is the feature of the baseline.
    """
    from clickcli.models.classifiers import FITS, fit_logistic

    check(sample.label, sample.is_test)
    fold = folds(sample.group, seed)
    test, earlier = sample.is_test, ~sample.is_test
    answers = {name: _Answers(sample, fit, fold, test, depth, seed) for name, fit in FITS.items()}
    reason = "asked for"
    if method is None:
        tried = {
            name: _Answers(sample, fit, fold, earlier, depth, seed).roc_auc()
            for name, fit in FITS.items()
        }
        method = max(tried, key=lambda name: tried[name])
        told = ", ".join(f"{name} {area:.3f}" for name, area in tried.items())
        reason = f"best ROC-AUC on earlier cases: {told}"
    only = [list(sample.names).index(since)]
    days = _Answers(sample, fit_logistic, fold, test, depth, seed, only).probability
    probability = {name: found.probability for name, found in answers.items()}
    probability |= {BASE: _base_rate(sample), SINCE: days}
    label = sample.label[test]
    fitted = {name: fit(sample.values, sample.label, depth, seed) for name, fit in FITS.items()}
    return Judged(
        method, reason, _scores(method, probability, label, sample.group[test], seed),
        _importance(sample, answers[method], fitted, seed), label, probability[method], fitted,
    )  # fmt: skip


def folds(group: Ints, seed: int) -> Ints:
    """Return the fold of each case: all those of a person are in one."""
    import numpy as np

    people, number = np.unique(group, return_inverse=True)
    own = np.random.default_rng(seed).permutation(len(people)) % FOLDS
    return own[number]


class _Answers:
    """What models fitted without a person's cases, and without later ones, say of these cases."""

    def __init__(
        self, sample: Sample, fit: Fit, fold: Ints, asked: Bools, depth: int, seed: int,
        columns: list[int] | None = None,
    ) -> None:  # fmt: skip
        import numpy as np

        values = sample.values if columns is None else sample.values[:, columns]
        self.label = sample.label[asked]
        self.values, self.fold = values[asked], fold[asked]
        self.models: list[Fitted] = []
        self.probability = np.empty(len(self.label))
        for number in range(FOLDS):
            learned = ~sample.is_test & (fold != number)
            labels = sample.label[learned]
            if labels.min(initial=1) == labels.max(initial=0):
                raise Undecidable(
                    "the positives must be of several people, were of too few to judge a model",
                    hint="a longer log or another target has more",
                )
            model = fit(values[learned], labels, depth, seed)
            self.models.append(model)
            own = self.fold == number
            self.probability[own] = model.probabilities(self.values[own])

    def roc_auc(self) -> float:
        return Ranking.of(self.probability, self.label).roc_auc()

    def shuffled(self, column: int, draw: np.random.Generator) -> float:
        """Return the ROC-AUC when a feature's values are dealt out anew within each fold."""
        import numpy as np

        found = np.empty(len(self.label))
        for number, model in enumerate(self.models):
            own = self.values[self.fold == number]
            own[:, column] = draw.permutation(own[:, column])
            found[self.fold == number] = model.probabilities(own)
        return Ranking.of(found, self.label).roc_auc()

    def some(self, draw: np.random.Generator) -> None:
        """Keep no more cases than are shuffled."""
        import numpy as np

        if len(self.label) <= _MOST_SHUFFLED:
            return
        kept = np.sort(draw.choice(len(self.label), _MOST_SHUFFLED, replace=False))
        self.label, self.values, self.fold = self.label[kept], self.values[kept], self.fold[kept]
        self.probability = self.probability[kept]


def _base_rate(sample: Sample) -> Floats:
    """Return one share for all test cases: that of positives among the earlier ones."""
    import numpy as np

    return np.full(int(sample.is_test.sum()), sample.label[~sample.is_test].mean())


def _scores(
    kept: str, probability: Mapping[str, Floats], label: Ints, group: Ints, seed: int
) -> list[Score]:
    names = [kept, *(name for name in probability if name != kept)]
    limits, ahead = bounds([probability[name] for name in names], label, group, seed)
    told = dict(zip(names, zip(limits, ahead, strict=True), strict=True))
    scores = []
    for name, found in probability.items():
        (low, high), difference = told[name]
        ranking = Ranking.of(found, label)
        scores.append(
            Score(name, ranking.roc_auc(), low, high, ranking.average_precision(),
                  brier(found, label), difference)
        )  # fmt: skip
    return scores


def _importance(
    sample: Sample, answers: _Answers, fitted: Mapping[str, Fitted], seed: int
) -> list[Importance]:
    """Return what each feature does, the one whose loss costs most first."""
    import numpy as np

    from clickcli.models.classifiers import Logistic

    logistic = fitted["logistic"]
    assert isinstance(logistic, Logistic)
    draw = np.random.default_rng(seed)
    answers.some(draw)
    whole = answers.roc_auc()
    earlier = ~sample.is_test
    found = []
    for column, name in enumerate(sample.names):
        areas = [answers.shuffled(column, draw) for _ in range(REPEATS)]
        alone = single_auc(sample.values[earlier, column], sample.label[earlier])
        found.append(
            Importance(name, whole - sum(areas) / REPEATS, float(logistic.coefficients[column]),
                       alone)
        )  # fmt: skip
    return sorted(found, key=lambda one: (-one.importance, one.feature))
