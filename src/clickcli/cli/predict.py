"""What the commands of ``predict`` share: the report of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.analysis import Column, Table, Tree, rate
from clickcli.render.page import Page, Sheet, sheet_of_rows

if TYPE_CHECKING:
    from clickcli.store.models import Model

_LOW: Final = "lower 95 % bound of roc_auc"
_CASES: Final = "test cases: people, or sessions"
_POSITIVES: Final = "those for whom the target came true"

SUMMARY: Final = Table(
    "summary",
    "What was learned from and how well the kept model does.",
    (
        Column("model", "string", "key", "id of the model, a digest of it"),
        Column("target", "string", "text", "what is foreseen"),
        Column("unit", "string", "text", "of what: person or session"),
        Column("method", "string", "text", "kept model: logistic, tree or boosted"),
        Column("roc_auc", "float64", "score", "area under the ROC curve, on the test"),
        Column("roc_auc_low", "float64", "score", _LOW),
        Column("roc_auc_high", "float64", "score", "upper 95 % bound of roc_auc"),
        Column("pr_auc", "float64", "score", "average precision, on the test"),
        Column("brier", "float64", "score", "mean squared error of the probability"),
        *rate("base_rate", "test_positives ÷ test_cases"),
        Column("test_cases", "int64", "count", _CASES),
        Column("test_positives", "int64", "count", _POSITIVES),
        Column("train_cases", "int64", "count", "earlier cases, learned from"),
        Column("train_positives", "int64", "count", "those of them for whom it came true"),
        Column("test_cutoff", "string", "text", "the test begins here"),
        Column("train_cutoffs", "string", "text", "cutoffs learned from; none for sessions"),
        Column("horizon", "string", "text", "how far ahead; none for sessions"),
        Column("lookback", "string", "text", "active so long before; none for sessions"),
        Column("after", "int64", "count", "events of a session that are known; none for people"),
        Column("tree_depth", "int64", "count", "depth of the decision tree"),
        Column("tree_nodes", "int64", "count", "nodes of it, leaves included"),
        Column("tree_leaves", "int64", "count", "leaves of it"),
        Column("bytes", "int64", "count", "size of the model"),
    ),
    keys=("model",),
)
MODELS: Final = Table(
    "models",
    "All models and the two baselines on the test.",
    (
        Column("method", "string", "key", "model or baseline"),
        Column("is_baseline", "bool", "flag", "whether it is a baseline"),
        Column("is_kept", "bool", "flag", "whether it is the model that is kept"),
        Column("roc_auc", "float64", "score", "area under the ROC curve"),
        Column("roc_auc_low", "float64", "score", _LOW),
        Column("roc_auc_high", "float64", "score", "upper 95 % bound of roc_auc"),
        Column("pr_auc", "float64", "score", "average precision"),
        Column("brier", "float64", "score", "mean squared error of the probability"),
    ),
    keys=("method",),
)
CALIBRATION: Final = Table(
    "calibration",
    "Whether of those given a probability so many did it, on the test.",
    (
        Column("from", "float64", "share", "lower bound of the probability, inclusive"),
        Column("to", "float64", "share", "upper bound, exclusive but for 1"),
        Column("cases", "int64", "count", _CASES),
        Column("positives", "int64", "count", _POSITIVES),
        Column("probability_mean", "float64", "share", "mean of the probabilities"),
        *rate("positive_share", "positives ÷ cases"),
    ),
    keys=("from", "to"),
)
LIFT: Final = Table(
    "lift",
    "Tenths of the test by probability, the highest first.",
    (
        Column("decile", "int64", "key", "tenth of the cases, 1 the most probable"),
        Column("cases", "int64", "count", _CASES),
        Column("positives", "int64", "count", _POSITIVES),
        Column("lift", "float64", "ratio", "positive_share ÷ that of all cases"),
        Column("captured", "float64", "share", "positives in this tenth and above ÷ all"),
        Column("probability_mean", "float64", "share", "mean of the probabilities"),
        *rate("positive_share", "positives ÷ cases"),
    ),
    keys=("decile",),
)
IMPORTANCE: Final = Table(
    "importance",
    "What each feature does for the kept model, and alone.",
    (
        Column("feature", "string", "key", "feature"),
        Column("importance", "float64", "score",
               "what the ROC-AUC of the test loses when its values are shuffled"),
        Column("coefficient", "float64", "score",
               "of logistic regression: log odds a standard deviation of its signed log1p"),
        Column("single_auc", "float64", "score", "ROC-AUC by it alone, in its better direction"),
        Column("is_leak", "bool", "flag", "whether single_auc is above .95"),
    ),
    keys=("feature",),
)  # fmt: skip
RULES: Final = Table(
    "rules",
    "The decision tree, node by node.",
    (
        Column("node", "int64", "key", "number of the node"),
        Column("depth", "int64", "count", "depth, 1 at the root"),
        Column("rule", "string", "text", "what leads here from the node above"),
        Column("cases", "int64", "count", "cases learned from"),
        Column("positives", "int64", "count", "those of them for whom it came true"),
        Column("probability", "float64", "share", "positives ÷ cases"),
        Column("captured", "float64", "share", "positives ÷ positives at the root"),
        Column("is_leaf", "bool", "flag", "whether it is not parted any more"),
    ),
    keys=("node",),
    tree=Tree(label="rule", depth="depth", bar="captured", hidden=("node",)),
)
TABLES: Final = (SUMMARY, MODELS, CALIBRATION, LIFT, IMPORTANCE, RULES)


def page_of_model(model: Model, notes: Sequence[str], name: str) -> Page:
    """Return the report of a model."""
    told = model.manifest
    target, unit = told["options"]["target"], told["options"]["unit"]
    sheets = (
        sheet_of_rows(SUMMARY, [_summary(model)], is_card=True),
        sheet_of_rows(MODELS, told["scores"]),
        _sheet(CALIBRATION, told["calibration"]),
        _sheet(LIFT, told["lift"]),
        sheet_of_rows(IMPORTANCE, told["importance"]),
        sheet_of_rows(RULES, told["rules"]),
    )
    return Page(name, 1, sheets, receipt(model), notes, title=f"{target} of a {unit}".capitalize())


def _sheet(table: Table, rows: Sequence[Mapping[str, Any]]) -> Sheet:
    return sheet_of_rows(table, [tuple(row[name] for name in table.names()) for row in rows])


def _summary(model: Model) -> tuple[Any, ...]:
    """Return the row of the summary."""
    import polars as pl

    from clickcli.expressions import with_rate

    told, facts, options = model.manifest, model.manifest["facts"], model.manifest["options"]
    kept = next(row for row in told["scores"] if row[0] == told["method"])
    counts = pl.DataFrame({name: [facts[name]] for name in ("test_positives", "test_cases")})
    base = with_rate(counts, "base_rate", "test_positives", "test_cases").row(0, named=True)
    is_person = options["unit"] == "person"
    values = {
        "model": model.id, "target": options["target"], "unit": options["unit"],
        "method": told["method"], "roc_auc": kept[3], "roc_auc_low": kept[4],
        "roc_auc_high": kept[5], "pr_auc": kept[6], "brier": kept[7], **base, **facts,
        "train_cutoffs": ", ".join(facts["train_cutoffs"]) or None,
        "horizon": options["horizon"] if is_person else None,
        "lookback": options["lookback"] if is_person else None,
        "after": None if is_person else options["after"],
        "bytes": model.bytes,
    }  # fmt: skip
    return tuple(values[name] for name in SUMMARY.names())


def receipt(model: Model) -> dict[str, Any]:
    """Return what an answer says of its model."""
    told = model.manifest
    return {
        "model": model.id, "method": told["method"], "seed": told["seed"],
        "conversion_event": told["conversion_event"], "features": told["features"],
        "leaks": told["leaks"], "options": told["options"], "clickcli": told["clickcli"],
        **told["facts"],
    }  # fmt: skip
