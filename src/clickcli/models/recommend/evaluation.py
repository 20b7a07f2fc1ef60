"""How good methods are on folds of a log: fitted to what was before, asked for what came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.models.recommend.cases import Cases, Mode, following, later
from clickcli.models.recommend.choosing import choose
from clickcli.models.recommend.items import MOST_EASE_ITEMS
from clickcli.models.recommend.lists import top
from clickcli.models.recommend.methods import METHODS
from clickcli.models.recommend.metrics import PER_PERSON, MapDivisor, of_lists, per_person

if TYPE_CHECKING:
    from clickcli.models.recommend.interactions import Flags, Floats, Interactions, Ints
    from clickcli.models.recommend.method import Fitted

AUTO: Final = "auto"
BASELINES: Final = ("popular", "repeat", "random")
MOST_MOMENTS: Final = 5000
"""Moments of a fold at which a next item is asked for, at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: methods at k, of later days or next items, and how it is judged."""

    methods: Sequence[str]
    mode: Mode
    k: int
    seed: int
    divisor: MapDivisor
    allow_repeat: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """A test: events in [start, end), methods fitted to those before it."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One method in one fold: a value of each metric for each case.

    ``person`` is whose case it is, ``known`` how many events were known of it.
    """

    method: str
    fold: int
    person: Ints
    known: Ints
    values: Mapping[str, Floats]
    whole: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class FoldResult:
    """All methods in one fold, for all events and for each label; what auto chose, and why."""

    fold: Fold
    events: int
    people: int
    judged: Mapping[int, Sequence[Judged]]
    chosen: str | None
    reason: str | None


ALL: Final = -1
"""Stands for all labels."""


def evaluate(
    data: Interactions, fold: Fold, plan: Plan, label: Ints | None = None
) -> FoldResult | None:
    """Return how good the methods are in a fold; None where there is nothing to learn or to ask.

    With a ``label`` for each event, each label's test events are judged apart, too.
    """
    import numpy as np

    train = data.before(fold.start)
    cases = _cases(data, fold, plan)
    if not len(train) or not cases.count:
        return None
    parts = {ALL: cases}
    for one in np.unique(label) if label is not None else ():
        own = _cases(data, fold, plan, label == one)
        if own.count:
            parts[int(one)] = own
    judged: dict[int, list[Judged]] = {one: [] for one in parts}
    chosen = reason = None
    trending = METHODS["trending"].fit(train, plan.seed)
    known = train.seen()
    for name in plan.methods:
        if name == AUTO:
            choice = choose(train, plan.mode, seed=plan.seed, allow_repeat=plan.allow_repeat)
            method, fallback = choice.method, trending
            chosen, reason = choice.method.name, choice.reason
        elif name == "ease" and data.items > MOST_EASE_ITEMS:
            continue
        else:
            method, fallback = METHODS[name], None
        fitted = method.fit(train, plan.seed)
        for one, own in parts.items():
            lists = _lists(fitted, own, plan, fallback)
            values = per_person(lists, own.relevant, plan.k, plan.divisor)
            judged[one].append(
                Judged(name, fold.number, own.people, np.diff(own.given.spans()), values,
                       of_lists(lists, known))
            )  # fmt: skip
    people = len(np.unique(cases.people))
    return FoldResult(fold, len(train), people, judged, chosen, reason)


def _cases(data: Interactions, fold: Fold, plan: Plan, among: Flags | None = None) -> Cases:
    if plan.mode is Mode.NEXT:
        return following(
            data, fold.start, MOST_MOMENTS, plan.seed, end=fold.end,
            allow_repeat=plan.allow_repeat, among=among,
        )  # fmt: skip
    return later(
        data, fold.start, fold.end, allow_repeat=plan.allow_repeat, with_cold=True, among=among
    )


def _lists(fitted: Fitted, cases: Cases, plan: Plan, fallback: Fitted | None) -> Ints:
    """Return the lists; of people of whom nothing is known those of the fallback, or none."""
    import numpy as np

    lists, _ = top(fitted, cases.given, plan.k, allow_repeat=plan.allow_repeat)
    is_cold = np.diff(cases.given.spans()) == 0
    if fitted.is_personal:
        lists[is_cold] = -1
    if fallback is None:
        return lists
    more, _ = top(fallback, cases.given, 2 * plan.k, allow_repeat=plan.allow_repeat)
    for row in np.flatnonzero((lists < 0).any(axis=1)):
        own = lists[row][lists[row] >= 0]
        extra = [item for item in more[row] if item >= 0 and item not in own]
        filled = np.concatenate([own, np.array(extra, dtype=np.int64)])[: plan.k]
        lists[row, : len(filled)] = filled
    return lists


def by_person(judged: Sequence[Judged], keep: Sequence[Flags]) -> dict[str, Floats]:
    """Return the metrics of one method over folds as one number a person, the mean of its cases.

    ``keep`` says of each fold which cases count.
    """
    import numpy as np

    person = np.concatenate([one.person[own] for one, own in zip(judged, keep, strict=True)])
    _, place, cases = np.unique(person, return_inverse=True, return_counts=True)
    result = {}
    for name in PER_PERSON:
        values = np.concatenate(
            [one.values[name][own] for one, own in zip(judged, keep, strict=True)]
        )
        result[name] = np.bincount(place, values, len(cases)) / np.maximum(cases, 1)
    return result
