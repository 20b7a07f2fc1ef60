"""Classifiers as arrays: what they learn, what they say of odd numbers, and that they last."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clickcli.models import classifiers
from clickcli.models.classifiers import FITS, LEAF, Trees, fit_boosted, fit_tree, restored

Floats = NDArray[np.float64]
ALL = sorted(FITS)


def world(rows: int = 400) -> tuple[Floats, NDArray[np.int64]]:
    """Return four features: one that decides, noise, one mostly unknown, one that never varies."""
    draw = np.random.default_rng(2)
    values = draw.normal(size=(rows, 4)) * 3
    label = (values[:, 0] + draw.normal(size=rows) > 1).astype(np.int64)
    values[draw.random(rows) < 0.7, 2] = np.nan
    values[:, 3] = 5
    return values, label


@pytest.mark.parametrize("name", ALL)
def test_what_decides_is_found(name: str) -> None:
    values, label = world()
    fitted = FITS[name](values, label, 3, 0)
    low, high = fitted.probabilities(np.array([[-6.0, 0, 0, 5], [6.0, 0, 0, 5]]))
    assert low < 0.1
    assert high > 0.9


@pytest.mark.parametrize("name", ALL)
def test_probabilities_are_true_shares_on_average(name: str) -> None:
    values, label = world()
    mean = FITS[name](values, label, 3, 0).probabilities(values).mean()
    assert mean == pytest.approx(label.mean(), abs=0.005)


@pytest.mark.parametrize("name", ALL)
def test_arrays_make_the_same_model_again(name: str) -> None:
    values, label = world()
    fitted = FITS[name](values, label, 3, 4)
    again = restored(fitted.arrays())
    assert (again.probabilities(values) == fitted.probabilities(values)).all()
    assert all(array.dtype != object for array in fitted.arrays().values())


@pytest.mark.parametrize("name", ALL)
def test_odd_numbers_give_probabilities(name: str) -> None:
    values, label = world()
    values[::7, 1] = 1e300
    values[1::7, 1] = -np.inf
    values[2::7, 1] = np.nan
    found = FITS[name](values, label, 3, 0).probabilities(
        np.array([[np.nan] * 4, [np.inf] * 4, [-1e308] * 4, [0.0] * 4])
    )
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_features_that_say_nothing_give_the_share(name: str, value: float) -> None:
    label = np.array([0, 0, 0, 1] * 20)
    fitted = FITS[name](np.full((80, 2), value), label, 3, 0)
    assert fitted.probabilities(np.zeros((1, 2)) + value) == pytest.approx([0.25], abs=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_nobody_asked_for_gives_nothing(name: str) -> None:
    values, label = world()
    assert FITS[name](values, label, 3, 0).probabilities(values[:0]).shape == (0,)


def test_a_tree_is_as_deep_as_allowed_and_its_nodes_add_up() -> None:
    values, label = world()
    tree = fit_tree(values, label, 2, 0)
    assert tree.depths().max() == 2
    inner = np.flatnonzero(tree.feature != LEAF)
    assert (tree.cases[tree.left[inner]] + tree.cases[tree.right[inner]]
            == tree.cases[inner]).all()  # fmt: skip
    assert tree.cases[tree.feature == LEAF].min() >= classifiers.LEAST_LEAF
    assert tree.value[0] == pytest.approx(label.mean())


def test_unknown_goes_where_it_went_when_it_was_learned() -> None:
    values = np.repeat([[1.0], [np.nan]], 50, axis=0)
    label = np.repeat([0, 1], 50)
    for fit in (fit_tree, fit_boosted):
        low, high = fit(values, label, 2, 0).probabilities(np.array([[1.0], [np.nan]]))
        assert low < 0.1
        assert high > 0.9


def test_rows_are_sent_down_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values, label = world()
    fitted = fit_boosted(values, label, 3, 0)
    whole = fitted.probabilities(values)
    monkeypatch.setattr(classifiers, "_ROWS", 7)
    assert (fitted.probabilities(values) == whole).all()


def test_arrays_of_no_classifier_are_refused() -> None:
    values, label = world()
    arrays = fit_tree(values, label, 2, 0).arrays()
    del arrays["left"]
    with pytest.raises(TypeError):
        restored(arrays)
    assert isinstance(restored(fit_tree(values, label, 2, 0).arrays()), Trees)


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    values, label = world()
    one, other = (FITS[name](values, label, 3, 9).arrays() for _ in range(2))
    assert all(one[key].tobytes() == other[key].tobytes() for key in one)
