"""Frequent item sets and rules give what mlxtend gives, and people are counted once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth

from clickcli.errors import UsageError
from clickcli.models import itemsets
from clickcli.models.itemsets import Sets, frequent_sets
from clickcli.models.rules import named, rules

Basket = set[int]
Counted = dict[tuple[int, ...], int]
MEASURES = ("support", "confidence", "lift", "leverage", "conviction", "zhangs_metric", "jaccard",
            "kulczynski")  # fmt: skip


def mined(
    baskets: Sequence[Basket], min_count: int, max_len: int, owners: Sequence[int] | None = None
) -> list[Sets]:
    pairs = [(number, item) for number, basket in enumerate(baskets) for item in sorted(basket)]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    whose = np.arange(len(baskets)) if owners is None else np.array(owners)
    return frequent_sets(table[:, 0], table[:, 1], whose, min_count=min_count, max_len=max_len)


def counted(sets: Iterable[Sets]) -> Counted:
    rows = ((one.members.tolist(), one.counts.tolist()) for one in sets)
    found = [
        (tuple(members), count) for table in rows for members, count in zip(*table, strict=True)
    ]
    assert len(found) == len(dict(found))
    return dict(found)


def in_columns(baskets: Sequence[Basket]) -> Any:
    """Return the table that mlxtend takes, its columns called as the items."""
    items = sorted(set(chain.from_iterable(baskets)))
    return pl.DataFrame({str(at): [at in basket for basket in baskets] for at in items}).to_pandas()


def by_mlxtend(baskets: Sequence[Basket], min_count: int, max_len: int) -> Counted:
    if min_count > len(baskets):
        return {}
    least = (min_count - 0.5) / len(baskets)
    table = fpgrowth(in_columns(baskets), least, use_colnames=True, max_len=max_len)
    rows = zip(table["itemsets"], table["support"], strict=True)
    return {
        tuple(sorted(map(int, items))): round(support * len(baskets)) for items, support in rows
    }


def shoppers(count: int, seed: int = 3) -> list[Basket]:
    """Return baskets in which ten items are common, ninety are not, and two go together."""
    draw = np.random.default_rng(seed)
    result = []
    for size in draw.integers(1, 12, count):
        basket = set((100 * draw.random(size) ** 2).astype(int).tolist())
        result.append(basket | {98, 99} if draw.random() < 0.1 else basket)
    return result


baskets_of_few = st.lists(st.sets(st.integers(0, 6), min_size=1), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(baskets_of_few, st.integers(1, 4), st.integers(1, 5))
def test_sets_and_counts_are_those_of_mlxtend(
    baskets: list[Basket], min_count: int, max_len: int
) -> None:
    expected = by_mlxtend(baskets, min_count, max_len)
    assert counted(mined(baskets, min_count, max_len)) == expected


@pytest.mark.parametrize(("min_count", "max_len"), [(3, 2), (8, 3), (40, None)])
def test_a_larger_log_too(min_count: int, max_len: int | None) -> None:
    baskets = shoppers(1500)
    found = counted(mined(baskets, min_count, max_len or 10))
    assert found == by_mlxtend(baskets, min_count, max_len or 10)
    assert found[98, 99] >= 100


def test_blocks_of_the_product_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    baskets = shoppers(300)
    whole = counted(mined(baskets, 3, 4))
    monkeypatch.setattr(itemsets, "_BLOCK", 7)
    assert counted(mined(baskets, 3, 4)) == whole


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sets(st.integers(0, 4), min_size=1)),
        min_size=1,
        max_size=10,
    ),
    st.integers(1, 2),
)
def test_people_with_several_baskets_are_counted_once(
    owned: list[tuple[int, Basket]], min_count: int
) -> None:
    owned.sort(key=lambda pair: pair[0])
    owners = [owner for owner, _ in owned]
    for one in mined([basket for _, basket in owned], min_count, 5, owners):
        for members, people in zip(one.members.tolist(), one.owners.tolist(), strict=True):
            assert people == len({owner for owner, basket in owned if set(members) <= basket})


@settings(max_examples=12, deadline=None)
@given(baskets_of_few)
def test_rules_are_those_of_mlxtend(baskets: list[Basket]) -> None:
    names = pl.Series([str(item) for item in range(7)])
    sets = named(mined(baskets, 1, 4), names, ",")
    found = {
        (row["antecedents"], row["consequents"]): row
        for row in rules(sets, len(baskets), consequent_size=3).to_dicts()
    }
    frequent = fpgrowth(in_columns(baskets), 0.5 / len(baskets), use_colnames=True, max_len=4)
    expected = association_rules(
        frequent, metric="support", min_threshold=0, return_metrics=list(MEASURES)
    )
    assert len(found) == len(expected)
    for row in expected.to_dict("records"):
        left, right = (
            ",".join(map(str, sorted(row[side]))) for side in ("antecedents", "consequents")
        )
        mine = found[left, right]
        for name in MEASURES:
            stated = row[name]
            if mine[name] is None:
                assert name == "zhangs_metric" or stated == math.inf
            else:
                assert math.isclose(mine[name], stated, rel_tol=1e-9, abs_tol=1e-12), name


def test_a_rule_leads_to_what_was_asked_for() -> None:
    baskets = [{0, 1, 2}, {0, 1, 2}, {0}]
    sets = named(mined(baskets, 1, 3), pl.Series(["a", "b", "c"]), ",")
    asked = rules(sets, 3, consequent_size=2, consequent=[2])
    sides = sorted(asked.select("antecedents", "consequents").rows())
    assert sides == [("a", "b,c"), ("a", "c"), ("a,b", "c"), ("b", "a,c"), ("b", "c")]


def test_every_subset_of_a_frequent_set_is_at_least_as_frequent() -> None:
    found = counted(mined(shoppers(400), 4, 4))
    for members, count in found.items():
        for part in combinations(members, len(members) - 1):
            assert not part or found[part] >= count


def test_no_baskets_give_no_sets() -> None:
    assert mined([], 1, 3) == []
    assert mined([{1}, {2}], 2, 3) == []


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_WORK", 10), ("MOST_SETS", 3), ("MOST_ENTRIES", 5)]
)
def test_what_would_be_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(itemsets, limit, value)
    with pytest.raises(UsageError) as refused:
        mined([{0, 1, 2}, {0, 1, 2}], 1, 3)
    assert "--min-support" in str(refused.value.hint)


def test_deeper_sets_that_would_be_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    baskets: list[Basket] = [set(range(12))] * 200
    monkeypatch.setattr(itemsets, "MOST_WORK", 200 * 12 * 12)
    assert len(mined(baskets, 200, 2)) == 2
    with pytest.raises(UsageError, match="too many"):
        mined(baskets, 200, 12)
