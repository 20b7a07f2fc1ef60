"""Which method is best for a log: all are tried on its last fifth, and blends of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from clickcli.models.recommend.blends import Blend, Hybrid, blended, evened
from clickcli.models.recommend.cases import Cases, Mode, cut_of, following, later
from clickcli.models.recommend.lists import CELLS, best
from clickcli.models.recommend.methods import METHODS
from clickcli.models.recommend.metrics import intervals, per_person

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.recommend.interactions import Floats, Interactions, Scores
    from clickcli.models.recommend.method import Fitted, Method

K: Final = 10
MOST_CASES: Final = 2000
LEAST_CASES: Final = 20
"""With fewer, chance would choose."""
BLENDED: Final = 4
"""The best single methods that are blended."""
MOST_EASE_TRIED: Final = 3000
"""With more items ease would take longer than all others together; it can be asked for by name."""
GAIN: Final = 0.01
"""A blend is chosen where it is so much better than the best single method, as a share."""
_SHARES: Final = ((0.5, 0.5), (0.7, 0.3), (0.3, 0.7))
_SHOWN: Final = 30
"""First places of each method that the logistic model is shown."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A method and how good it was: NDCG at 10 with its 95 % interval."""

    name: str
    ndcg: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The method chosen, why, and all that were tried, the best first; ``tried`` by name."""

    method: Method
    reason: str
    table: tuple[Tried, ...]
    cases: int
    tried: Mapping[str, Method] = field(default_factory=dict)


def candidates(data: Interactions, *, allow_repeat: bool) -> list[Method]:
    """Return the single methods that make sense for a log."""
    left_out = {"random"} if allow_repeat else {"random", "repeat"}
    if data.items > MOST_EASE_TRIED:
        left_out.add("ease")
    if data.attributes is None:
        left_out.add("content")
    return [method for name, method in METHODS.items() if name not in left_out]


def choose(
    data: Interactions, mode: Mode, *, seed: int = 0, allow_repeat: bool = False,
    fitted: dict[str, Fitted] | None = None,
) -> Choice:  # fmt: skip
    """Fit every method to what was before the last fifth of the log, and ask for the rest.

    Methods of ``fitted`` need not be fitted again, and those that are come into it.
    """
    if len(data):
        start = cut_of(data)
        train = data.before(start)
        cases = (
            following(data, start, MOST_CASES, seed, allow_repeat=allow_repeat)
            if mode is Mode.NEXT
            else later(data, start, allow_repeat=allow_repeat).first(MOST_CASES, seed)
        )
        if len(train) and cases.count >= LEAST_CASES:
            methods = candidates(data, allow_repeat=allow_repeat)
            known = {} if fitted is None else fitted
            known |= {one.name: one.fit(train, seed) for one in methods if one.name not in known}
            return _best(cases, methods, known, seed, allow_repeat=allow_repeat)
        found = cases.count
    else:
        found = 0
    reason = f"{found} cases to choose by, at least {LEAST_CASES} are needed: popular"
    return Choice(METHODS["popular"], reason, (), found)


def _best(
    cases: Cases, methods: Sequence[Method], fitted: Mapping[str, Fitted], seed: int, *,
    allow_repeat: bool,
) -> Choice:  # fmt: skip
    trial = _Trial(cases, allow_repeat=allow_repeat)
    by_name = {method.name: method for method in methods}
    values: dict[str, Floats] = trial.singles({name: fitted[name] for name in by_name})
    ranked = sorted(values, key=lambda name: -float(values[name].mean()))
    heads = [name for name in ranked[:BLENDED] if values[name].mean() > 0]
    hybrids = _hybrids([by_name[name] for name in heads])
    values |= trial.hybrids(hybrids, fitted)
    known: dict[str, Method] = {**by_name, **{hybrid.name: hybrid for hybrid in hybrids}}
    if len(heads) > 1 and (logistic := trial.logistic(heads, fitted)) is not None:
        weights, value = logistic
        parts = tuple(by_name[name] for name in heads)
        made = Hybrid(parts, weights, Blend.LOGISTIC)
        known[made.name], values[made.name] = made, value
    bounds = intervals(values, seed)
    table = sorted(
        (Tried(name, float(value.mean()), *bounds[name]) for name, value in values.items()),
        key=lambda tried: -tried.ndcg,
    )
    first = table[0]
    if first.ndcg == 0:
        reason = "no method found anything that was taken: popular"
        return Choice(METHODS["popular"], reason, tuple(table), cases.count, known)
    single = next(tried for tried in table if tried.name in by_name)
    told = f"NDCG@{K} on {cases.count} cases {{:.4f}}, "
    if first.ndcg < single.ndcg * (1 + GAIN):
        reason = told.format(single.ndcg) + "the best single method"
        if first.name != single.name:
            reason += f"; the best blend gains less than {GAIN:.0%}"
        return Choice(known[single.name], reason, tuple(table), cases.count, known)
    reason = told.format(first.ndcg) + f"the best single method is {single.name}, {single.ndcg:.4f}"
    return Choice(known[first.name], reason, tuple(table), cases.count, known)


def _hybrids(methods: Sequence[Method]) -> list[Hybrid]:
    """Return the blends that are tried: pairs of the best three by shares, all of them evenly."""
    made = [
        Hybrid(pair, shares, Blend.Z) for pair in combinations(methods[:3], 2) for shares in _SHARES
    ]
    for count in (2, 3, 4):
        if len(methods) >= count:
            parts = tuple(methods[:count])
            if count > 2:
                made.append(Hybrid(parts, (1 / count,) * count, Blend.Z))
            made.append(Hybrid(parts, (1.0,) * count, Blend.RRF))
    return made


class _Trial:
    """Asks fitted methods the same cases, some at a time."""

    def __init__(self, cases: Cases, *, allow_repeat: bool) -> None:
        self._cases = cases
        self._allow_repeat = allow_repeat

    def _parts(self, count: int) -> list[tuple[Interactions, Any]]:
        """Return the cases in parts, so that the scores of so many methods fit into memory."""
        import numpy as np

        given, relevant = self._cases.given, self._cases.relevant
        step = max(1, CELLS // max(1, given.items * count // 2))
        return [
            (given.of(np.arange(at, min(at + step, given.people))), relevant[at : at + step])
            for at in range(0, given.people, step)
        ]

    def _value(self, scores: Scores, given: Interactions, relevant: Any, *, sparse: bool) -> Floats:
        seen = None if self._allow_repeat else given.seen()
        return per_person(best(scores, K, seen, is_sparse=sparse)[0], relevant, K)["ndcg"]

    def singles(self, fitted: Mapping[str, Fitted]) -> dict[str, Floats]:
        """Return the NDCG of each method and case."""
        import numpy as np

        found: dict[str, list[Floats]] = {name: [] for name in fitted}
        for given, relevant in self._parts(1):
            for name, one in fitted.items():
                value = self._value(one.scores(given), given, relevant, sparse=one.is_sparse)
                found[name].append(value)
        return {name: np.concatenate(values) for name, values in found.items()}

    def hybrids(self, hybrids: Sequence[Hybrid], fitted: Mapping[str, Fitted]) -> dict[str, Floats]:
        """Return the NDCG of each blend and case."""
        import numpy as np

        found: dict[str, list[Floats]] = {hybrid.name: [] for hybrid in hybrids}
        names = sorted({part.name for hybrid in hybrids for part in hybrid.parts})
        for given, relevant in self._parts(2 * len(names)):
            raw = {name: fitted[name].scores(given) for name in names}
            even = {
                (name, kind): evened(raw[name], kind, is_sparse=fitted[name].is_sparse)
                for name in names
                for kind in (Blend.Z, Blend.RRF)
            }
            for hybrid in hybrids:
                scores = blended(
                    [even[part.name, hybrid.kind] for part in hybrid.parts], hybrid.weights
                )
                value = self._value(scores, given, relevant, sparse=False)
                found[hybrid.name].append(value)
        return {name: np.concatenate(values) for name, values in found.items()}

    def logistic(
        self, names: Sequence[str], fitted: Mapping[str, Fitted]
    ) -> tuple[tuple[float, ...], Floats] | None:
        """Return the weights of a logistic model, and its NDCG at cases that it was not shown.

        Cases of even number are judged by a model of the odd ones, and the other way round; the
        weights are those of all cases. None where a half has nothing to learn from.
        """
        import numpy as np

        shown: list[NDArray[np.float32]] = []
        labels: list[NDArray[np.bool_]] = []
        halves: list[NDArray[np.int64]] = []
        number = 0
        for given, relevant in self._parts(len(names)):
            even = self._even(names, fitted, given)
            row, item = self._shown(even, given)
            shown.append(np.stack([one[row, item] for one in even], axis=1))
            wanted = relevant.toarray() > 0
            labels.append(wanted[row, item])
            halves.append((row + number) % 2)
            number += given.people
        features, label = np.concatenate(shown), np.concatenate(labels)
        half = np.concatenate(halves)
        weights = [_weights(features[half == own], label[half == own]) for own in (1, 0)]
        whole = _weights(features, label)
        if whole is None or weights[0] is None or weights[1] is None:
            return None
        values, number = [], 0
        for given, relevant in self._parts(len(names)):
            even = self._even(names, fitted, given)
            own = np.where(
                ((np.arange(given.people) + number) % 2 == 0)[:, None], weights[0], weights[1]
            )
            scores = sum(own[:, [at]] * one for at, one in enumerate(even))
            values.append(
                self._value(np.asarray(scores, np.float32), given, relevant, sparse=False)
            )
            number += given.people
        return tuple(float(weight) for weight in whole), np.concatenate(values)

    def _even(
        self, names: Sequence[str], fitted: Mapping[str, Fitted], given: Interactions
    ) -> list[Scores]:
        return [
            evened(fitted[name].scores(given), Blend.Z, is_sparse=fitted[name].is_sparse)
            for name in names
        ]

    def _shown(
        self, even: Sequence[Scores], given: Interactions
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of case and item: the first places of each method.

        What was taken but is in no list is not shown: its low scores would teach the wrong way.
        """
        import numpy as np

        seen = None if self._allow_repeat else given.seen()
        pairs = []
        for scores in even:
            lists, _ = best(scores, _SHOWN, seen, is_sparse=False)
            row, place = np.nonzero(lists >= 0)
            pairs.append(row * given.items + lists[row, place])
        pair = np.unique(np.concatenate(pairs))
        return pair // given.items, pair % given.items


def _weights(features: NDArray[np.float32], label: NDArray[np.bool_]) -> Floats | None:
    """Return the coefficients of a logistic model; None where all labels are equal."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if not len(label) or label.all() or not label.any():
        return None
    with threadpool_limits(1):
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(features.astype(np.float64), label)
    found: Floats = np.round(model.coef_[0], 6)
    return found
