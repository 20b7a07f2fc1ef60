"""Areas, Brier score, calibration and lift, against plain loops and by hand."""

from __future__ import annotations

from itertools import product
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from clickcli.predict.judging import (
    Ranking,
    bounds,
    brier,
    calibration,
    deciles,
    lift,
    single_auc,
)

CASES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.integers(0, 1)), min_size=1)


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_areas_equal_loops_over_pairs(cases: list[tuple[float, int]]) -> None:
    ranking = Ranking.of(np.array([s for s, _ in cases]), np.array([y for _, y in cases]))
    hits = [score for score, label in cases if label]
    misses = [score for score, label in cases if not label]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(hits, misses)]
    if not pairs:
        assert isnan(ranking.roc_auc())
    else:
        assert ranking.roc_auc() == pytest.approx(sum(pairs) / len(pairs))
    if hits:  # mean over positives of the precision at their score
        at = [[label for other, label in cases if other >= score] for score in hits]
        mean = sum(sum(labels) / len(labels) for labels in at) / len(hits)
        assert ranking.average_precision() == pytest.approx(mean)
    else:
        assert isnan(ranking.average_precision())


def test_areas_equal_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(3)
    score, label = draw.integers(20, size=300) / 20, draw.integers(2, size=300)
    ranking = Ranking.of(score, label)
    assert ranking.roc_auc() == pytest.approx(roc_auc_score(label, score))
    assert ranking.average_precision() == pytest.approx(average_precision_score(label, score))


def test_weights_count_cases_as_often() -> None:
    score, label = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1])
    times = np.array([1, 2, 3, 0])
    repeated = Ranking.of(np.repeat(score, times), np.repeat(label, times)).roc_auc()
    assert Ranking.of(score, label).roc_auc(times.astype(float)) == pytest.approx(repeated)


def test_a_feature_counts_in_either_direction_and_unknown_is_lowest() -> None:
    assert single_auc(np.array([3.0, 2.0, 1.0]), np.array([0, 0, 1])) == 1.0
    assert single_auc(np.array([np.nan, 2.0, 1.0]), np.array([1, 0, 0])) == 1.0
    assert single_auc(np.array([1.0, 1.0]), np.array([1, 0])) == 0.5


def test_brier_is_the_mean_squared_difference() -> None:
    assert brier(np.array([0.5, 1.0]), np.array([1, 1])) == pytest.approx(0.125)


def test_deciles_are_even_and_equal_ones_stay_in_order() -> None:
    assert deciles(np.array([0.1, 0.9, 0.5, 0.5])).tolist() == [8, 1, 3, 6]
    assert np.bincount(deciles(np.zeros(30)))[1:].tolist() == [3] * 10
    assert deciles(np.zeros(0)).tolist() == []


def test_lift_by_hand() -> None:
    # 20 cases, 4 positives: both of the top tenth, one of the second, one of the last
    probability = np.linspace(0.95, 0.0, 20)
    label = np.array([1, 1, 1, 0] + [0] * 15 + [1])
    table = lift(probability, label)
    assert table["decile"].to_list() == list(range(1, 11))
    assert table["positives"].to_list() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert table["lift"].to_list()[:3] == pytest.approx([1.0 / 0.2, 0.5 / 0.2, 0.0])
    assert table["captured"].to_list() == pytest.approx([0.5, 0.75] + [0.75] * 7 + [1.0])
    assert table["probability_mean"][0] == pytest.approx(0.925)


def test_calibration_by_hand() -> None:
    table = calibration(np.array([0.0, 0.01, 0.015, 0.25, 1.0]), np.array([0, 1, 0, 1, 1]))
    rows = table.select("from", "to", "cases", "positives", "positive_share").rows()
    assert rows == [
        (0.0, 0.01, 1, 0, 0.0), (0.01, 0.02, 2, 1, 0.5), (0.2, 0.3, 1, 1, 1.0),
        (0.9, 1.0, 1, 1, 1.0),
    ]  # fmt: skip
    assert table["probability_mean"].to_list() == pytest.approx([0.0, 0.0125, 0.25, 1.0])


def test_bounds_hold_the_area_and_a_score_is_never_ahead_of_itself() -> None:
    draw = np.random.default_rng(1)
    label = draw.integers(2, size=200)
    good, noise = label + draw.normal(size=200), draw.normal(size=200)
    limits, ahead = bounds([good, noise], label, np.arange(200), 0)
    assert limits[0][0] < Ranking.of(good, label).roc_auc() < limits[0][1]
    assert ahead[0] == 0
    assert ahead[1] > 0


def test_people_are_drawn_with_all_their_cases() -> None:
    draw = np.random.default_rng(1)
    label = draw.integers(2, size=40)
    score = label + draw.normal(size=40)
    once = bounds([score], label, np.arange(40), 0)[0][0]
    copied = bounds([np.repeat(score, 9)], np.repeat(label, 9), np.repeat(np.arange(40), 9), 0)
    assert copied[0][0] == pytest.approx(once)


def test_no_drawing_with_both_labels_gives_the_widest_bounds() -> None:
    limits, ahead = bounds([np.array([0.1, 0.2])], np.array([1, 0]), np.array([7, 7]), 0)
    assert limits == [(0.0, 0.0)]  # one person: always both cases
    assert bounds([np.array([0.1])], np.array([1]), np.array([7]), 0) == ([(0.0, 1.0)], [-1.0])
    assert ahead == [0.0]
