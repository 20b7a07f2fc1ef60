"""Questions with known answers, and which method is chosen by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.models.recommend import choosing
from clickcli.models.recommend.cases import Mode, cut_of, following, later
from clickcli.models.recommend.choosing import choose
from clickcli.models.recommend.interactions import DAY_US
from clickcli.models.recommend.methods import METHODS
from tests.recommend.worlds import told, walks

LOGS = st.lists(st.text("abcd ", min_size=1, max_size=8), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(LOGS, st.integers(0, 12), st.booleans())
def test_later_items_equal_plain_loops(people: list[str], minute: int, repeat: bool) -> None:
    data = told(*people, items=4)
    start = minute * 60_000_000
    rows = list(zip(data.person, data.item, data.ts, strict=True))
    expected = []
    for person in range(len(people)):
        before = {i for p, i, ts in rows if p == person and ts < start}
        after = {i for p, i, ts in rows if p == person and ts >= start}
        wanted = after if repeat else after - before
        if before and wanted:
            expected.append((person, sorted(int(i) for i in wanted)))
    found = later(data, start, allow_repeat=repeat)
    got = [
        (int(person), found.relevant[at].indices.tolist()) for at, person in enumerate(found.people)
    ]
    assert got == expected


@settings(max_examples=50, deadline=None)
@given(LOGS, st.integers(0, 12), st.booleans())
def test_next_items_equal_plain_loops(people: list[str], minute: int, repeat: bool) -> None:
    data = told(*people, items=4)
    start = minute * 60_000_000
    expected = []
    for person in range(len(people)):
        own = [(i, ts) for p, i, ts in zip(data.person, data.item, data.ts, strict=True)
               if p == person]  # fmt: skip
        for at in range(1, len(own)):
            had = [int(i) for i, _ in own[:at]]
            item = int(own[at][0])
            if own[at][1] >= start and (repeat or item not in had):
                expected.append((person, had, item))
    found = following(data, start, 1000, 0, allow_repeat=repeat)
    spans = found.given.spans()
    got = [
        (int(person), found.given.item[spans[at] : spans[at + 1]].tolist(),
         int(found.relevant[at].indices[0]))
        for at, person in enumerate(found.people)
    ]  # fmt: skip
    assert got == expected


def test_no_more_moments_are_asked_for_than_allowed() -> None:
    data = walks()
    assert following(data, 0, 7, 1).count == 7
    assert (following(data, 0, 7, 1).people == following(data, 0, 7, 1).people).all()


def test_nothing_of_the_test_is_known() -> None:
    data = walks(days=1, length=100, items=300, people=80)
    start = cut_of(data)
    assert later(data, start).count
    assert later(data, start).given.ts.max() < start


def test_a_long_log_is_cut_at_a_whole_number_of_days_before_its_end() -> None:
    data = walks(days=20)
    assert (data.now - cut_of(data)) % DAY_US == 0
    assert 0.6 < (data.ts < cut_of(data)).mean() <= 0.8


def test_an_order_that_was_planted_is_found_for_next_items() -> None:
    chosen = choose(walks(people=70), Mode.NEXT)
    ndcg = {tried.name: tried.ndcg for tried in chosen.table}
    assert "seq" in chosen.method.name or "vsknn" in chosen.method.name
    assert ndcg["seq"] > 1.5 * ndcg["popular"]
    assert f"{chosen.cases} cases" in chosen.reason
    assert max(ndcg.values()) >= ndcg[chosen.method.name] > 0.5
    assert any(tried.name.startswith("rrf(") for tried in chosen.table)
    assert any(tried.name.startswith("logistic(") for tried in chosen.table)


def test_choosing_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: METHODS[name] for name in ("popular", "seq", "itemknn")}
    monkeypatch.setattr(choosing, "METHODS", few)
    data = walks(people=60)
    assert choose(data, Mode.NEXT, seed=2).table == choose(data, Mode.NEXT, seed=2).table


@pytest.mark.parametrize("mode", Mode)
def test_too_few_cases_give_popular_and_say_so(mode: Mode) -> None:
    chosen = choose(told("abc", "bcd"), mode)
    assert chosen.method.name == "popular"
    assert "at least 20 are needed" in chosen.reason
    assert not chosen.table


def test_nothing_at_all_gives_popular() -> None:
    assert choose(told(items=1), Mode.LATER).method.name == "popular"


def test_people_who_take_what_nobody_had_give_popular() -> None:
    people = [chr(ord("a") + at) * 2 for at in range(25)]
    data = told(*people)
    moved = np.where(np.arange(len(data)) % 2, data.item + 25, data.item)
    ts = np.where(np.arange(len(data)) % 5, 0, 1) + np.arange(len(data)) % 2 * 10
    apart = replace(data, item=moved, items=50, ts=ts, now=100)
    assert choose(apart, Mode.LATER).method.name == "popular"


def test_whatever_stands_in_the_table_can_be_fitted_again() -> None:
    choice = choose(walks(), Mode.NEXT)
    assert {tried.name for tried in choice.table} == set(choice.tried)
    assert choice.tried[choice.method.name] is choice.method
