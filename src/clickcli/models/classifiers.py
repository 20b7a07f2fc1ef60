"""Classifiers as plain arrays: logistic regression, a decision tree, gradient-boosted trees.

scikit-learn fits them; what is kept are arrays, from which NumPy alone computes probabilities.

*Input* numbers, one row a case; NaN where one is not known. They are rounded to float32, which is
what trees compare. Logistic regression sees the signed log1p of a number, centred and divided by
its standard deviation; what is not known is the mean. Trees learn which way it goes.

*Units* probabilities are not rebalanced: they are meant to be true shares.

*Source* boosting as in G. Ke et al., LightGBM (NIPS 2017), in scikit-learn's implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from clickcli.errors import InternalError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LEAF: Final = -1
"""Number of the feature at a node that asks none."""
LEAST_LEAF: Final = 20
"""Cases of a leaf, at least."""
_CHECKED: Final = 1000
_ROWS: Final = 20_000
"""Rows that are sent down the trees at a time."""


class Fitted(Protocol):
    """A fitted classifier."""

    def probabilities(self, values: Floats) -> Floats:
        """Return the probability of the label 1 for each row."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name; ``restored`` makes it again."""


Fit = Callable[["Floats", "Ints", int, int], Fitted]
"""Takes numbers, labels 0 and 1 (both occur), the greatest depth of a single tree, and a seed."""


@dataclass(frozen=True)
class Logistic:
    """Logistic regression of standardised features, a coefficient each."""

    center: Floats
    scale: Floats
    coefficients: Floats
    intercept: Floats

    def probabilities(self, values: Floats) -> Floats:
        """Return the probability of the label 1 for each row."""
        moved = _moved(values, self.center, self.scale)
        return _logistic((moved * self.coefficients).sum(axis=1) + self.intercept[0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        return {
            "center": self.center, "scale": self.scale, "coefficients": self.coefficients,
            "intercept": self.intercept,
        }  # fmt: skip


@dataclass(frozen=True)
class Trees:
    """Trees, node after node: the values of the leaves that a row falls into are added up.

    A row goes left where its number is at most the threshold, or, not known, where
    ``missing_left`` says so. ``roots`` are the first nodes of the trees. The sum is added to
    ``base[0]``; it is a logarithm of odds where ``base`` has a second number that is not 0.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.int8]
    value: Floats
    cases: Ints
    roots: NDArray[np.int32]
    base: Floats

    def probabilities(self, values: Floats) -> Floats:
        """Return the probability of the label 1 for each row."""
        import numpy as np

        total = np.empty(len(values))
        for start in range(0, len(values), _ROWS):
            part = slice(start, start + _ROWS)
            total[part] = self.value[self.leaves(values[part])].sum(axis=1) + self.base[0]
        return _logistic(total) if self.base[1] else np.clip(total, 0.0, 1.0)

    def leaves(self, values: Floats) -> NDArray[np.int32]:
        """Return the leaf that each row falls into in each tree, shape (rows, trees)."""
        import numpy as np

        numbers = rounded_values(values)
        row = np.repeat(np.arange(len(values)) * values.shape[1], len(self.roots))
        numbers = numbers.ravel()
        at = np.tile(self.roots, len(values))
        going = np.flatnonzero(self.feature[at] != LEAF)
        while len(going):
            node = at[going]
            number = numbers[row[going] + self.feature[node]]
            is_left = number <= self.threshold[node]
            is_left |= np.isnan(number) & (self.missing_left[node] == 1)
            node = np.where(is_left, self.left[node], self.right[node])
            at[going] = node
            going = going[self.feature[node] != LEAF]
        return at.reshape(len(values), len(self.roots))

    def depths(self) -> NDArray[np.int64]:
        """Return the depth of each node, 0 at a root."""
        import numpy as np

        depth = np.zeros(len(self.feature), dtype=np.int64)
        for node in range(len(depth)):  # a node comes before those below it
            if self.feature[node] != LEAF:
                depth[[self.left[node], self.right[node]]] = depth[node] + 1
        return depth

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        return {
            "feature": self.feature, "threshold": self.threshold, "left": self.left,
            "right": self.right, "missing_left": self.missing_left, "value": self.value,
            "cases": self.cases, "roots": self.roots, "base": self.base,
        }  # fmt: skip


def restored(arrays: Mapping[str, NDArray[Any]]) -> Fitted:
    """Make a fitted classifier of its arrays; TypeError where they are not those of any."""
    return Trees(**arrays) if "roots" in arrays else Logistic(**arrays)


def rounded_values(values: Floats) -> Floats:
    """Return numbers as float32 has them; what is not finite is not known."""
    import numpy as np

    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    rounded[~np.isfinite(rounded)] = np.nan
    return rounded


def fit_logistic(values: Floats, labels: Ints, depth: int, seed: int) -> Logistic:  # noqa: ARG001
    """Fit logistic regression with a penalty of half the squared coefficients."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    logs = _logs(values)
    known = ~np.isnan(logs)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, logs, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (logs - center) ** 2, 0.0).sum(axis=0) / count)
    scale = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=200)
    with _single():
        model.fit(_moved(values, center, scale), labels)
    return Logistic(center, scale, model.coef_[0].copy(), model.intercept_.copy())


def fit_tree(values: Floats, labels: Ints, depth: int, seed: int) -> Trees:
    """Fit one tree of at most this depth by the Gini impurity."""
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    rounded = rounded_values(values)
    model = DecisionTreeClassifier(
        max_depth=depth, min_samples_leaf=LEAST_LEAF, random_state=seed % 2**32
    ).fit(rounded, labels)
    tree = model.tree_
    shares = tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1)
    is_leaf = tree.children_left < 0
    fitted = Trees(
        np.where(is_leaf, LEAF, tree.feature).astype(np.int32),
        np.where(is_leaf, 0.0, tree.threshold),
        tree.children_left.astype(np.int32),
        tree.children_right.astype(np.int32),
        tree.missing_go_to_left.astype(np.int8),
        shares,
        tree.n_node_samples.astype(np.int64),
        np.zeros(1, dtype=np.int32),
        np.zeros(2),
    )
    _check(fitted, model, rounded)
    return fitted


def fit_boosted(values: Floats, labels: Ints, depth: int, seed: int) -> Trees:  # noqa: ARG001
    """Fit a hundred small trees, each to what those before it leave over."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    rounded = rounded_values(values)
    known = _known(rounded)
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=8, min_samples_leaf=LEAST_LEAF,
        l2_regularization=1.0, early_stopping=False, random_state=seed % 2**32,
    )  # fmt: skip
    with _single():
        model.fit(rounded[:, known], labels)
        nodes = [trees[0].nodes for trees in model._predictors]  # noqa: SLF001 - the only way
        base = float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001 - to its arrays
        roots = np.cumsum([0, *(len(one) for one in nodes)])[:-1]
        whole = np.concatenate(nodes)
        moved = np.repeat(roots, [len(one) for one in nodes])
        is_leaf = whole["is_leaf"] == 1
        fitted = Trees(
            np.where(is_leaf, LEAF, known[whole["feature_idx"]]).astype(np.int32),
            np.where(is_leaf, 0.0, whole["num_threshold"]),
            (whole["left"] + moved).astype(np.int32),
            (whole["right"] + moved).astype(np.int32),
            whole["missing_go_to_left"].astype(np.int8),
            np.where(is_leaf, whole["value"], 0.0),
            whole["count"].astype(np.int64),
            roots.astype(np.int32),
            np.array([base, 1.0]),
        )
        _check(fitted, model, rounded, known)
    return fitted


FITS: Final[Mapping[str, Fit]] = {
    "logistic": fit_logistic, "tree": fit_tree, "boosted": fit_boosted,
}  # fmt: skip
"""The classifiers, the simplest first."""


def _known(values: Floats) -> Ints:
    """Return the columns with a number; where there is none, the first is made 0.

    Boosting cannot cut a column without any number into bins.
    """
    import numpy as np

    found = np.flatnonzero(~np.isnan(values).all(axis=0))
    if not len(found):
        values[:, 0] = 0.0
        found = np.zeros(1, dtype=np.int64)
    return found


def _check(fitted: Trees, model: Any, values: Floats, columns: Ints | None = None) -> None:
    """Compare what the arrays say with what the library says."""
    import numpy as np

    some = values[:_CHECKED]
    told = model.predict_proba(some if columns is None else some[:, columns])[:, 1]
    if not np.allclose(fitted.probabilities(some), told, rtol=0, atol=1e-9):
        raise InternalError("the arrays of a tree do not predict what scikit-learn predicts")


def _logs(values: Floats) -> Floats:
    import numpy as np

    rounded = rounded_values(values)
    logs: Floats = np.sign(rounded) * np.log1p(np.abs(rounded))
    return logs


def _moved(values: Floats, center: Floats, scale: Floats) -> Floats:
    import numpy as np

    moved = (_logs(values) - center) / scale
    moved[np.isnan(moved)] = 0.0
    return moved


def _logistic(odds: Floats) -> Floats:
    """Return probabilities from logarithms of odds, without overflow."""
    import numpy as np

    small = np.exp(-np.abs(odds))
    shares: Floats = np.where(odds >= 0, 1.0, small) / (1.0 + small)
    return shares


@contextmanager
def _single() -> Iterator[None]:
    """Let libraries use one thread, so that sums are always added in one order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
