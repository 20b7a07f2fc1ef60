"""Learn to foresee what people or sessions will do, judge it, and make the model to be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli import __version__
from clickcli.predict.evaluating import BASELINES, LEAK, Judged, judge
from clickcli.predict.judging import calibration, lift
from clickcli.predict.options import Kind, Unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clickcli.engines.dataset import Dataset
    from clickcli.models.classifiers import Trees
    from clickcli.predict.options import TrainOptions
    from clickcli.predict.samples import Sample

VERSION: Final = 1
"""Of the manifest; a model of another version is trained again."""
_DIGITS: Final = 6
"""Of a threshold in a rule."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model ready to be kept: arrays, and a manifest that JSON can hold."""

    arrays: Mapping[str, NDArray[Any]]
    manifest: Mapping[str, Any]


def train(dataset: Dataset, options: TrainOptions, as_of: str | None, seed: int) -> Trained:
    """Fit the classifiers, judge them on later cases, and keep one fitted to all cases.

    Raises Undecidable where there is too little to learn from.
    """
    options.check()
    if options.unit is Unit.PERSON:
        from clickcli.predict.people import SINCE, people_sample

        sample = people_sample(dataset, options, as_of)
    else:
        from clickcli.predict.sessions import SINCE, session_sample

        sample = session_sample(dataset, options, as_of)
    method = None if options.model is Kind.AUTO else options.model.value
    judged = judge(sample, SINCE, method, options.depth, seed)
    manifest = {
        "version": VERSION, "clickcli": __version__, "seed": seed, "options": options.plain(),
        "conversion_event": dataset.conversion_event, "features": list(sample.names),
        "method": judged.kept, **_told(sample, judged),
    }  # fmt: skip
    return Trained(judged.fitted[judged.kept].arrays(), manifest)


def _told(sample: Sample, judged: Judged) -> dict[str, Any]:
    """Return the report as JSON knows it."""
    from clickcli.models.classifiers import LEAF, Trees

    tree = judged.fitted["tree"]
    assert isinstance(tree, Trees)
    learned = ~sample.is_test
    leaks = [one.feature for one in judged.importance if one.single > LEAK]
    return {
        "facts": {
            **sample.facts,
            "train_cases": int(learned.sum()),
            "train_positives": int(sample.label[learned].sum()),
            "test_cases": int(sample.is_test.sum()),
            "test_positives": int(sample.label[sample.is_test].sum()),
            "tree_depth": int(tree.depths().max()),
            "tree_nodes": len(tree.feature),
            "tree_leaves": int((tree.feature == LEAF).sum()),
        },
        "leaks": leaks,
        "scores": [
            (one.method, one.method in BASELINES, one.method == judged.kept, one.roc_auc, one.low,
             one.high, one.pr_auc, one.brier)
            for one in judged.scores
        ],
        "calibration": calibration(judged.probability, judged.label).to_dicts(),
        "lift": lift(judged.probability, judged.label).to_dicts(),
        "importance": [
            (one.feature, one.importance, one.coefficient, one.single, one.feature in leaks)
            for one in judged.importance
        ],
        "rules": rules(tree, sample),
        "notes": [*sample.notes, f"{judged.kept} is kept: {judged.reason}"],
        "warnings": warnings(judged, leaks),
    }  # fmt: skip


def warnings(judged: Judged, leaks: Sequence[str]) -> list[str]:
    """Return what speaks against the model, in plain sentences."""
    kept = judged.of(judged.kept)
    best = max((judged.of(name) for name in BASELINES), key=lambda one: one.roc_auc)
    notes = []
    if best.ahead <= 0:
        notes.append(
            f"the model is no better than the baseline {best.method}: ROC-AUC {kept.roc_auc:.3f}"
            f" against {best.roc_auc:.3f}, and the difference may be chance"
        )
    if kept.brier >= judged.of(BASELINES[0]).brier:
        notes.append(
            "its probabilities are no better than the base rate for everybody: the Brier score is"
            f" {kept.brier:.4f} against {judged.of(BASELINES[0]).brier:.4f}"
        )
    if leaks:
        notes.append(
            f"leak? ROC-AUC above {LEAK} by one feature alone: {', '.join(leaks)}; does it say what"
            " is to be foreseen?"
        )
    return notes


def rules(tree: Trees, sample: Sample) -> list[tuple[int, int, str, int, int, float, float, bool]]:
    """Return the nodes from the root down, each before those below it.

    Node, depth from 1, rule, cases, positives, their share, the share of all positives, is a leaf.
    """
    import numpy as np

    from clickcli.models.classifiers import LEAF

    depths = tree.depths()
    has_unknown = np.atleast_1d(np.isnan(sample.values).any(axis=0))
    words, found = {0: "all"}, []
    positives = np.round(tree.value * tree.cases).astype(np.int64)
    for node, feature in enumerate(tree.feature.tolist()):
        if feature != LEAF:
            name, limit = sample.names[feature], f"{tree.threshold[node]:.{_DIGITS}g}"
            unknown = " or unknown" if has_unknown[feature] else ""
            left, right = (unknown, "") if tree.missing_left[node] else ("", unknown)
            words[int(tree.left[node])] = f"{name} <= {limit}{left}"
            words[int(tree.right[node])] = f"{name} > {limit}{right}"
        own = int(positives[node])
        found.append(
            (node, int(depths[node]) + 1, words[node], int(tree.cases[node]), own,
             own / int(tree.cases[node]), own / int(positives[0]), feature == LEAF)
        )  # fmt: skip
    return found
