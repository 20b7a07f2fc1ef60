"""Metrics of ranked lists, by hand and by brute force."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from clickcli.models.recommend.metrics import (
    MapDivisor,
    intervals,
    of_lists,
    per_person,
)


def matrix(rows: list[list[int]], items: int) -> Any:
    """Return ones where a row names an item."""
    full = np.zeros((len(rows), items), dtype=np.float32)
    for at, row in enumerate(rows):
        full[at, row] = 1
    return csr_matrix(full)


def test_each_metric_by_hand() -> None:
    # ranks 1 2 3: hit, miss, hit; 3 relevant. precision 2/3, recall 2/3,
    # AP = (1/1 + 2/3) / 3, DCG = 1 + 1/log2(4), ideal 1 + 1/log2(3) + 1/2, first hit at 1
    values = per_person(np.array([[4, 0, 2]]), matrix([[2, 3, 4]], 5), 3)
    ideal = 1 + 1 / log2(3) + 0.5
    expected = {
        "precision": 2 / 3, "recall": 2 / 3, "hit_rate": 1.0, "map": (1 + 2 / 3) / 3,
        "ndcg": 1.5 / ideal, "mrr": 1.0,
    }  # fmt: skip
    assert {name: value[0] for name, value in values.items()} == pytest.approx(expected)


def test_map_divides_by_relevant_items_or_by_what_fits_into_the_list() -> None:
    lists, relevant = np.array([[0, 1]]), matrix([[0, 2, 3, 4]], 5)
    assert per_person(lists, relevant, 2)["map"][0] == 1 / 4
    assert per_person(lists, relevant, 2, MapDivisor.MIN)["map"][0] == 1 / 2


def test_a_person_without_a_list_counts_0_in_every_metric() -> None:
    values = per_person(np.array([[-1, -1]]), matrix([[0]], 2), 2)
    assert all(value[0] == 0 for value in values.values())


def test_a_short_list_is_judged_as_if_its_places_were_missed() -> None:
    values = per_person(np.array([[0, -1, -1]]), matrix([[0]], 2), 3)
    assert values["precision"][0] == pytest.approx(1 / 3)
    assert values["ndcg"][0] == 1


def test_coverage_novelty_diversity_and_popularity_by_hand() -> None:
    # 4 people; item 0 of all four, 1 of two, 2 of one, 3 of nobody
    train = matrix([[0, 1], [0, 1], [0, 2], [0]], 10)
    found = of_lists(np.array([[1, 2], [1, 3]]), train)
    assert found["coverage"] == 3 / 10
    assert found["novelty"] == pytest.approx((1 + 2 + 1 + 2) / 4)  # -log2 of 2/4, 1/4, 2/4, 1/4
    assert found["diversity"] == 1.0  # no two of them have a person in common
    assert found["popularity_share"] == 0.0  # the tenth is item 0 alone
    both = of_lists(np.array([[0, 1]]), train)
    assert both["diversity"] == pytest.approx(1 - 2 / (4 * 2) ** 0.5)
    assert both["popularity_share"] == 0.5


def test_no_list_at_all_has_no_coverage() -> None:
    found = of_lists(np.full((2, 3), -1), matrix([[0], [0]], 2))
    assert set(found.values()) == {None}


def test_an_interval_holds_the_mean_and_is_the_same_for_a_seed() -> None:
    values = {"a": np.arange(50) / 50}
    low, high = intervals(values, 3)["a"]
    assert low < values["a"].mean() < high
    assert intervals(values, 3)["a"] == (low, high)


def test_equal_people_give_an_interval_of_no_width() -> None:
    low, high = intervals({"a": np.full(9, 0.25)}, 0)["a"]
    assert low == high == 0.25


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.permutations(range(6)), st.integers(0, 6),
                       st.sets(st.integers(0, 5), min_size=1)), min_size=1, max_size=5),
    st.integers(1, 6),
    st.sampled_from(MapDivisor),
)  # fmt: skip
def test_metrics_equal_those_of_plain_loops(
    people: list[tuple[list[int], int, set[int]]], k: int, divisor: MapDivisor
) -> None:
    lists = np.array([[*order[:length], *[-1] * (6 - length)] for order, length, _ in people])
    values = per_person(lists, matrix([sorted(r) for _, _, r in people], 6), k, divisor)
    for at, (order, length, relevant) in enumerate(people):
        shown = order[:length][:k]
        places = [place for place, item in enumerate(shown, 1) if item in relevant]
        below = min(k, len(relevant)) if divisor is MapDivisor.MIN else len(relevant)
        precisions = [(n + 1) / place for n, place in enumerate(places)]
        ideal = sum(1 / log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
        expected = {
            "precision": len(places) / k,
            "recall": len(places) / len(relevant),
            "hit_rate": float(bool(places)),
            "map": sum(precisions) / below,
            "ndcg": sum(1 / log2(place + 1) for place in places) / ideal,
            "mrr": 1 / places[0] if places else 0.0,
        }
        assert {name: value[at] for name, value in values.items()} == pytest.approx(expected)
