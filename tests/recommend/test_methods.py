"""What each method learns from small logs, and what none may do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.models.recommend import items as item_methods
from clickcli.models.recommend.blends import Blend, Hybrid, evened
from clickcli.models.recommend.interactions import DAY_US, Interactions, Rating
from clickcli.models.recommend.items import Ease, ItemKnn, Rp3
from clickcli.models.recommend.lists import best, top
from clickcli.models.recommend.method import Fitted, strongest
from clickcli.models.recommend.methods import METHODS
from clickcli.models.recommend.saved import packed, unpacked
from clickcli.models.recommend.sequences import Sequential, VsKnn, recent
from clickcli.models.recommend.simple import Popular, Repeat, Trending
from tests.recommend.worlds import PLAIN, letters, told, walks

ALL = sorted(METHODS)


def lists_of(fitted: Fitted, data: Interactions, k: int = 5, *, repeat: bool = False) -> list[str]:
    return [letters(row) for row in top(fitted, data, k, allow_repeat=repeat)[0]]


def test_popular_counts_people_not_events() -> None:
    data = told("aaaab", "b", "bc")
    assert Popular().fit(data, 0).score.tolist() == [1, 3, 1]


def test_popular_leaves_out_what_was_seen_and_keeps_equal_ones_in_order() -> None:
    assert lists_of(Popular().fit(told("ab", "b", "bc"), 0), told("b", items=3)) == ["ac"]


def test_trending_halves_an_event_each_half_life() -> None:
    data = told("ab")
    later = replace(data, ts=np.array([0, 3 * DAY_US]), now=6 * DAY_US)
    assert Trending().fit(later, 0).score.tolist() == [0.25, 0.5]


def test_repeat_gives_the_latest_first_and_nothing_where_repeats_are_not_wanted() -> None:
    data = told("abca")
    assert lists_of(Repeat().fit(data, 0), data, repeat=True) == ["acb"]
    assert lists_of(Repeat().fit(data, 0), data) == [""]


def test_ratings_decay_and_are_damped() -> None:
    data = told("aab", rating=Rating(DAY_US, is_damped=True))
    moved = replace(data, ts=np.array([0, DAY_US, DAY_US]), now=DAY_US,
                    weight=np.array([1.0, 3.0, 5.0]))  # fmt: skip
    assert moved.ratings().toarray()[0] == pytest.approx([log(1 + 0.5 + 3), log(1 + 5)], rel=1e-6)
    plain = moved.ratings(PLAIN).toarray()[0]
    assert plain.tolist() == [4, 5]


def test_itemknn_is_a_shrunk_cosine() -> None:
    # a and b: both of people 0 and 1; |a| = sqrt 2, |b| = sqrt 3
    data = told("ab", "ab", "b")
    fitted = ItemKnn(shrinkage=1.0).fit(data, 0)
    assert fitted.matrix.toarray()[0, 1] == pytest.approx(2 / (sqrt(2) * sqrt(3) + 1))
    assert fitted.matrix.diagonal().tolist() == [0, 0]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=6))
def test_itemknn_equals_plain_loops(people: list[str]) -> None:
    data = told(*people)
    count = data.items
    owners = [[text.count(chr(ord("a") + item)) for text in people] for item in range(count)]
    expected = np.zeros((count, count))
    for one in range(count):
        for other in range(count):
            dot = sum(x * y for x, y in zip(owners[one], owners[other], strict=True))
            length = sqrt(sum(x * x for x in owners[one])) * sqrt(sum(y * y for y in owners[other]))
            expected[one, other] = 0 if one == other else dot / (length + 10)
    assert ItemKnn().fit(data, 0).matrix.toarray() == pytest.approx(expected, rel=1e-5)


def test_only_the_nearest_neighbours_are_kept() -> None:
    data = told("abc", "ab", "abd")
    fitted = ItemKnn(neighbours=1).fit(data, 0)
    assert np.diff(fitted.starts).max() == 1
    assert fitted.others[0] == 1


def test_ease_solves_the_least_squares_without_the_diagonal() -> None:
    data = walks(people=20, items=5)
    weights = Ease(regularization=2.0).fit(data, 0).strengths.astype(float)
    seen = data.seen().toarray().astype(float)
    for item in range(5):
        others = [at for at in range(5) if at != item]
        left = seen[:, others].T @ seen[:, others] + 2.0 * np.eye(4)
        own = np.linalg.solve(left, seen[:, others].T @ seen[:, item])
        assert weights[others, item] == pytest.approx(own, abs=1e-5)
    assert np.diag(weights).tolist() == [0] * 5


def test_ease_refuses_too_many_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_methods, "MOST_EASE_ITEMS", 2)
    with pytest.raises(UsageError, match="at most 2 items, there are 3"):
        Ease().fit(told("abc"), 0)


def test_rp3_walks_from_item_to_person_to_item() -> None:
    # from b: half to person 0 and half to person 1; from person 0 to a with 1/2, person 1 to c
    fitted = Rp3(alpha=1.0, beta=0.0).fit(told("ab", "bc"), 0)
    assert fitted.matrix.toarray()[1].tolist() == [0.25, 0, 0.25]


def test_seq_prefers_what_follows_and_what_is_near() -> None:
    data = told("abc", "abc", "abc")
    fitted = Sequential(popularity=0.0, backward=0.5).fit(data, 0)
    strength = fitted.after.matrix.toarray()
    assert strength[0].tolist() == [0, 3, 1.5]  # b at distance 1, c at distance 2
    assert strength[1].tolist() == [1.5, 0, 3]  # a only backward
    assert lists_of(fitted, told("a", items=3)) == ["bc"]


def test_recent_counts_an_item_by_its_latest_event() -> None:
    found = recent(told("abca", "b"), 3, 0.5).toarray()
    assert found.tolist() == [[1, 0.25, 0.5], [0, 1, 0]]


def test_vsknn_recommends_what_the_nearest_sessions_hold() -> None:
    data = told("abc", "ab", "xyz")
    fitted = VsKnn(popularity=0.0).fit(data, 0)
    assert lists_of(fitted, told("a", items=data.items)) == ["bc"]
    assert lists_of(fitted, told("x", items=data.items)) == ["yz"]


def test_sessions_of_vsknn_end_with_the_visit_and_long_ones_are_kept_in_parts() -> None:
    two = VsKnn().fit(told("ab cd"), 0)
    assert len(two.starts) - 1 == 2
    long = VsKnn(longest=4).fit(told("abcdefg"), 0)  # ab|cd|ef|g: abcd, cdef, efg
    rows = [long.item[long.starts[at] : long.starts[at + 1]] for at in range(len(long.starts) - 1)]
    assert [letters(row) for row in rows] == ["abcd", "cdef", "efg"]


def test_content_reaches_items_that_nobody_had() -> None:
    data = walks(people=10, items=12, length=2)
    mine = replace(told("a", items=12), attributes=data.attributes)
    found = METHODS["content"].fit(data, 0)
    assert lists_of(found, mine, 3)[0][0] in "bcd"  # the category of item a


def test_content_without_attributes_says_nothing() -> None:
    data = told("ab", "bc")
    assert lists_of(METHODS["content"].fit(data, 0), data) == ["", ""]


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_arrays(name: str) -> None:
    data = walks()
    one: dict[str, Any] = {}
    other: dict[str, Any] = {}
    first = packed(METHODS[name].fit(data, 5), "m", one)
    second = packed(METHODS[name].fit(data, 5), "m", other)
    assert first == second
    assert all(one[key].tobytes() == other[key].tobytes() for key in one)


@pytest.mark.parametrize("name", ALL)
def test_a_fitted_method_survives_being_packed(name: str) -> None:
    data = walks()
    arrays: dict[str, Any] = {}
    fitted = METHODS[name].fit(data, 1)
    again = unpacked(packed(fitted, "m", arrays), arrays)
    assert (fitted.scores(data) == again.scores(data)).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("people", [("a",), ("a", "a"), ("ab",), ("aaa", "b")], ids=str)
def test_one_item_or_one_person_is_no_failure(name: str, people: tuple[str, ...]) -> None:
    data = told(*people)
    fitted = METHODS[name].fit(data, 0)
    lists, scores = top(fitted, data, 50)
    assert lists.shape == (len(people), 50)
    assert np.isfinite(scores).all()
    nobody = replace(told(items=data.items), people=1)
    assert fitted.scores(nobody).shape == (1, data.items)


@pytest.mark.parametrize("name", ALL)
def test_what_carried_an_item_is_the_persons_own(name: str) -> None:
    data = walks()
    fitted = METHODS[name].fit(data, 0)
    one = data.of(np.array([3]))
    items = top(fitted, one, 4)[0][0]
    items = items[items >= 0]
    found = strongest(fitted.carried(one, items), len(items))
    assert set(found[found >= 0].tolist()) <= set(one.item.tolist())


@pytest.mark.parametrize("name", ["seq", "vsknn", "als", "ease", "itemknn"])
def test_a_planted_order_or_taste_is_found(name: str) -> None:
    data = told(*["abcde"] * 30, *["pqrst"] * 30)
    fitted = METHODS[name].fit(data, 0)
    assert set(lists_of(fitted, told("abc", items=data.items), 2)[0]) == {"d", "e"}


def test_best_is_sorted_has_no_seen_items_and_keeps_equal_ones_in_order() -> None:
    seen = told("b", items=4).seen()
    lists, scores = best(np.array([[1, 9, 2, 2]], np.float32), 4, seen, is_sparse=True)
    assert lists.tolist() == [[2, 3, 0, -1]]
    assert scores.tolist() == [[2, 2, 1, 0]]


def test_scores_that_are_no_numbers_are_in_no_list() -> None:
    scores = np.array([[np.nan, 1.0, np.inf, -np.inf]], np.float32)
    assert best(scores, 4, is_sparse=False)[0].tolist() == [[2, 1, -1, -1]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8), st.integers(1, 10), st.booleans())
def test_best_equals_a_plain_sort(values: list[int], k: int, is_sparse: bool) -> None:
    lists, _ = best(np.array([values], np.float32), k, is_sparse=is_sparse)
    order = sorted(range(len(values)), key=lambda at: (-values[at], at))
    expected = [at for at in order if values[at] > 0 or not is_sparse][:k]
    assert [int(at) for at in lists[0] if at >= 0] == expected


def test_z_scores_of_equal_scores_are_0() -> None:
    assert evened(np.ones((1, 3), np.float32), Blend.Z, is_sparse=False).tolist() == [[0, 0, 0]]


def test_places_count_1_over_60_and_the_place() -> None:
    found = evened(np.array([[0, 5, 3]], np.float32), Blend.RRF, is_sparse=True)
    assert found[0] == pytest.approx([0, 1 / 61, 1 / 62])


def test_a_blend_of_one_method_ranks_as_that_method() -> None:
    data = walks()
    alone, blend = METHODS["seq"].fit(data, 0), Hybrid((METHODS["seq"],), (1.0,)).fit(data, 0)
    assert lists_of(alone, data, 3) == lists_of(blend, data, 3)


def test_two_processes_give_the_same_bytes() -> None:
    code = (
        "from hashlib import sha256\n"
        "from clickcli.models.recommend.methods import METHODS\n"
        "from clickcli.models.recommend.saved import packed\n"
        "from tests.recommend.worlds import walks\n"
        "arrays = {}\n"
        "for name, method in METHODS.items(): packed(method.fit(walks(), 3), name, arrays)\n"
        "whole = b''.join(arrays[name].tobytes() for name in sorted(arrays))\n"
        "print(sha256(whole).hexdigest())\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""
