"""Folds of people, baselines, leaks, the plain sentence, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from clickcli.errors import Undecidable
from clickcli.predict.evaluating import BASE, FOLDS, SINCE, Judged, folds, judge
from clickcli.predict.samples import Sample
from clickcli.predict.training import rules, warnings


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the boosted trees, which take longest."""
    from clickcli.models import classifiers

    few = {name: fit for name, fit in classifiers.FITS.items() if name != "boosted"}
    monkeypatch.setattr(classifiers, "FITS", few)


QUICK = pytest.mark.usefixtures("quick")


def sample(kind: str, people: int = 250) -> Sample:
    """Return two earlier cases and a later one of each person; ``kind`` is what decides."""
    draw = np.random.default_rng(6)
    group = np.repeat(np.arange(people), 3)
    trait = np.repeat(draw.normal(size=people), 3)
    values = draw.normal(size=(3 * people, 3))
    values[:, 1] = trait
    score = {"trait": trait * 2, "chance": 0 * trait, "days": values[:, 0] * 2,
             "leak": trait * 1000}[kind]  # fmt: skip
    label = (score + draw.normal(size=3 * people) > 0.3).astype(np.int64)
    return Sample(("days", "trait", "noise"), values, label, group,
                  np.arange(3 * people) % 3 == 2)  # fmt: skip


def judged(kind: str, method: str | None = "logistic") -> Judged:
    return judge(sample(kind), "days", method, 3, 1)


def test_a_person_is_in_one_fold_and_folds_are_even() -> None:
    group = np.repeat(np.arange(50), 4)
    found = folds(group, 3)
    assert all(len(set(found[group == person])) == 1 for person in range(50))
    assert np.bincount(found).tolist() == [40] * FOLDS


def test_nobody_is_on_both_sides_and_nothing_later_is_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from clickcli.models import classifiers

    data = sample("trait")
    data.values[:, 2] = np.arange(len(data.label))  # names the case
    learned: list[set[int]] = []

    class Asked:
        def __init__(self, values: np.ndarray) -> None:
            self.seen = {int(number) for number in values[:, 2]}

        def probabilities(self, values: np.ndarray) -> np.ndarray:
            people = {int(data.group[number]) for number in self.seen}
            assert not people & {int(data.group[int(number)]) for number in values[:, 2]}
            assert not any(data.is_test[number] for number in self.seen)
            learned.append(people)
            return np.zeros(len(values))

    real = classifiers.fit_tree
    monkeypatch.setattr(
        classifiers, "FITS",
        {"logistic": classifiers.fit_logistic,
         "tree": lambda values, labels, depth, seed: (
             real(values, labels, depth, seed) if len(values) == len(data.label)
             else Asked(values))},
    )  # fmt: skip
    monkeypatch.setattr("clickcli.predict.evaluating._importance", lambda *_: [])
    judge(data, "days", "logistic", 2, 0)
    assert len(learned) == FOLDS


def test_what_decides_is_found_and_the_baselines_are_beaten() -> None:
    found = judged("trait", None)
    kept = found.of(found.kept)
    assert kept.low > 0.8
    assert found.of(BASE).roc_auc == 0.5
    assert 0.4 < found.of(SINCE).roc_auc < 0.6
    assert found.of(BASE).ahead > 0
    assert found.importance[0].feature == "trait"
    assert found.importance[0].importance > 0.2
    assert "best ROC-AUC on earlier cases" in found.reason
    assert warnings(found, []) == []


@QUICK
def test_the_base_rate_is_that_of_the_earlier_cases() -> None:
    data, found = sample("trait"), judged("trait")
    share = data.label[~data.is_test].mean()
    wanted = ((share - data.label[data.is_test]) ** 2).mean()
    assert found.of(BASE).brier == pytest.approx(wanted)


@QUICK
@pytest.mark.parametrize(("kind", "name"), [("chance", "days since|base rate"), ("days", "days")])
def test_no_better_than_a_baseline_is_said_plainly(kind: str, name: str) -> None:
    (first, *_) = warnings(judged(kind), [])
    assert first.startswith("the model is no better than the baseline")
    assert any(word in first for word in name.split("|"))


@QUICK
def test_a_feature_that_tells_all_is_a_leak() -> None:
    found = judged("leak")
    assert [one.feature for one in found.importance if one.single > 0.95] == ["trait"]
    assert any(note.startswith("leak? ROC-AUC above 0.95") for note in warnings(found, ["trait"]))


@QUICK
def test_the_same_seed_gives_the_same_report() -> None:
    one, other = judged("trait", None), judged("trait", None)
    assert one.scores == other.scores
    assert one.importance == other.importance


@QUICK
def test_fewer_than_50_of_either_label_are_refused() -> None:
    data = sample("trait")
    for value, word in ((1, "positives"), (0, "negatives")):
        label = np.full(len(data.label), 1 - value)
        few = np.flatnonzero(~data.is_test)[:49]
        label[few] = value
        label[np.flatnonzero(data.is_test)[:2]] = value
        with pytest.raises(Undecidable, match=f"at least 50 {word} to learn from, were 49"):
            judge(Sample(data.names, data.values, label, data.group, data.is_test), "days",
                  None, 3, 0)  # fmt: skip
        label[np.flatnonzero(~data.is_test)[49]] = value
        judge(Sample(data.names, data.values, label, data.group, data.is_test), "days",
              "tree", 3, 0)  # fmt: skip


def test_a_test_with_one_label_is_refused() -> None:
    data = sample("trait")
    label = np.where(data.is_test, 0, data.label)
    with pytest.raises(Undecidable, match="one of them only"):
        judge(Sample(data.names, data.values, label, data.group, data.is_test), "days", None, 3, 0)


def test_the_positives_of_one_person_are_no_sample() -> None:
    draw = np.random.default_rng(0)
    label = np.array([1] * 60 + [0] * 60 + [0, 1])
    group = np.array([1] * 60 + list(range(2, 62)) + [70, 71])
    data = Sample(("days",), draw.normal(size=(122, 1)), label, group, np.arange(122) >= 120)
    with pytest.raises(Undecidable, match="of several people"):
        judge(data, "days", "logistic", 3, 0)


@QUICK
def test_rules_read_from_the_root_and_add_up() -> None:
    data = sample("trait")
    data.values[::5, 1] = np.nan
    found = judge(data, "days", "tree", 2, 0)
    tree = found.fitted["tree"]
    told = rules(tree, data)  # type: ignore[arg-type]
    assert told[0][2:5] == ("all", 750, int(data.label.sum()))
    assert told[0][6] == 1.0
    leaves = [row for row in told if row[7]]
    assert sum(row[3] for row in leaves) == 750
    assert sum(row[4] for row in leaves) == data.label.sum()
    below = [row[2] for row in told if row[1] == 2]
    assert below[0].startswith("trait <= ")
    assert below[1].startswith("trait > ")
    assert sum("or unknown" in text for text in below) == 1
