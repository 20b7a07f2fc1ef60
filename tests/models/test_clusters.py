"""Groups that are there are found, groups that are not are not made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickcli.models.clusters import clusters, scaled

Floats = NDArray[np.float64]


def groups(*centres: tuple[float, ...], each: int = 40, seed: int = 1) -> Floats:
    """Return people around some centres, group by group."""
    draw = np.random.default_rng(seed)
    return np.concatenate([
        np.maximum(draw.normal(centre, 0.05 * np.array(centre), (each, len(centre))), 0)
        for centre in centres
    ])  # fmt: skip


def cloud(people: int = 200, seed: int = 2) -> Floats:
    """Return people whose numbers have nothing to do with one another, without any gap."""
    draws: Floats = np.exp(np.random.default_rng(seed).normal(1.5, 0.6, (people, 5)))
    return draws


CORNERS = ((2.0, 2.0, 300.0), (50.0, 2.0, 2.0), (2.0, 60.0, 2.0), (60.0, 60.0, 300.0))


@pytest.mark.parametrize("k", [None, 4])
def test_groups_that_are_there_are_found(k: int | None) -> None:
    found = clusters(groups(*CORNERS), k, seed=0)
    assert (found.k, found.has_structure) == (4, True)
    own = found.labels.reshape(4, 40)
    assert (own == own[:, :1]).all()
    assert len(set(own[:, 0])) == 4
    assert found.silhouette is not None
    assert found.cloud is not None
    assert found.silhouette > 0.8 > found.cloud


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_a_cloud_has_no_structure_and_is_cut_only_where_k_is_given(alike: float) -> None:
    own = np.log(cloud())
    values = np.exp(alike * own[:, :1] + (1 - alike) * own)
    free, three = (clusters(values, k, seed=0) for k in (None, 3))
    assert (free.k, set(free.labels), free.has_structure) == (1, {0}, False)
    assert (three.k, set(three.labels), three.has_structure) == (3, {0, 1, 2}, False)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(40)), st.sampled_from([None, 2, 3]))
def test_the_order_of_people_does_not_matter(order: list[int], k: int | None) -> None:
    values = cloud(40)
    found, moved = clusters(values, k, seed=3), clusters(values[order], k, seed=3)
    assert (moved.labels == found.labels[order]).all()
    assert (moved.silhouette, moved.cloud) == (found.silhouette, found.cloud)


@pytest.mark.parametrize("people", [0, 1, 9])
def test_too_few_people_are_one_group(people: int) -> None:
    found = clusters(cloud(people), 3, seed=0)
    assert (found.k, list(found.labels), found.silhouette) == (1, [0] * people, None)


@pytest.mark.parametrize(("kinds", "k", "wanted"), [(1, 3, 1), (2, 5, 2), (3, None, 3), (3, 9, 3)])
def test_no_more_groups_than_kinds_of_people(kinds: int, k: int | None, wanted: int) -> None:
    values = np.repeat(np.array(CORNERS[:kinds]), 10, axis=0)
    found = clusters(values, k, seed=0)
    assert found.k == wanted
    assert len(set(found.labels)) == wanted


def test_numbers_that_do_not_vary_and_huge_ones_do_no_harm() -> None:
    values = np.column_stack([groups(*CORNERS[:2]), np.full(80, 7.0)])
    values[0, 0], values[1, 1] = 1e15, -5.0
    found = clusters(values, 2, seed=0)
    assert found.k == 2
    assert np.isfinite(scaled(values)).all()
    assert (scaled(values)[:, -1] == 0).all()
    assert clusters(np.empty((20, 0)), 2, seed=0).k == 1


def test_scaling_by_hand() -> None:
    # log1p of e^n − 1 is n: 0, 1, 2, 3, 4 has median 2 and quartiles 1 and 3. Of 0, 0, 0, 0, 5
    # half are one value: the standard deviation is 2.
    values = np.expm1(np.array([[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 5]]))
    assert scaled(values)[:, 0] == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert scaled(values)[:, 1] == pytest.approx([0, 0, 0, 0, 2.5])


def test_more_people_than_are_fitted_all_have_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clickcli.models.clusters._FITTED", 60)
    monkeypatch.setattr("clickcli.models.clusters._JUDGED", 50)
    found = clusters(groups(*CORNERS), 4, seed=0)
    own = found.labels.reshape(4, 40)
    assert (own == own[:, :1]).all()
    assert len(set(own[:, 0])) == 4
