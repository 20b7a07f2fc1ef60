"""Evaluation of recommendations: by hand, by plain loops, and on logs with nothing to judge."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses.worlds import Row, rows, store, told

GOLDEN = """
2024-03-01T10:00Z ann view item_id=a
2024-03-01T10:01Z ann view item_id=b
2024-03-01T11:00Z bob view item_id=a
2024-03-01T12:00Z cid view item_id=a
2024-03-01T12:05Z cid view item_id=c
2024-03-02T09:00Z ann view item_id=c
2024-03-02T09:01Z ann view item_id=a
2024-03-02T10:00Z bob view item_id=b country="DE"
2024-03-02T11:00Z dan view item_id=b country="DE"
"""
# Known on 1 March: a of three people, b and c of one each. Asked on 2 March, new items only:
# ann c (a she had), bob b, dan b; cid nothing. Popular, two places:
# ann [c]: hit at 1; bob [b, c]: hit at 1; dan [a, b]: hit at 2.
SPAN = {"test": "1d", "folds": 1, "k": 2, "hot": 2, "method": ["trending"]}
SECOND = 1 / log2(3)


def by(result: list[Row], *names: str) -> dict[Any, Row]:
    return {tuple(row[name] for name in names): row for row in result}


def test_popular_by_hand() -> None:
    with store(told(GOLDEN)) as log:
        result = log.evaluate(**SPAN)
    found = by(rows(result), "method")["popular",]
    expected = {
        "ndcg": (2 + SECOND) / 3, "precision": 0.5, "recall": 1.0, "hit_rate": 1.0,
        "map": (2 + 0.5) / 3, "mrr": (2 + 0.5) / 3, "people": 3, "cases": 3, "over_popular": 0.0,
        "coverage": 1.0,  # a, b and c are in lists
        "popularity_share": 1 / 5,  # a tenth of 3 items is one, a: it holds 1 of 5 places
        "novelty": (4 * log2(3) + 0) / 5,  # a of all three people, b and c of one
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert by(rows(result), "method")["repeat",]["ndcg"] == 0


def test_hot_warm_and_cold_people_stand_apart() -> None:
    with store(told(GOLDEN)) as log:
        found = by(rows(log.evaluate(**SPAN), "segments"), "segment", "method")
    values = {segment: found[segment, "popular"]["ndcg"] for segment in ("hot", "warm", "cold")}
    assert values == pytest.approx({"hot": 1.0, "warm": 1.0, "cold": SECOND})
    assert [found[s, "popular"]["people"] for s in ("hot", "warm", "cold")] == [1, 1, 1]


def test_a_fold_says_what_it_asked() -> None:
    with store(told(GOLDEN)) as log:
        (fold,) = rows(log.evaluate(**SPAN), "folds")
    assert (fold["start"].isoformat(), fold["end"].isoformat()) == (
        "2024-03-02T00:00:00+00:00", "2024-03-03T00:00:00+00:00",
    )  # fmt: skip
    assert (fold["people"], fold["events"], fold["chosen"]) == (3, 5, None)


def test_a_breakdown_judges_the_test_events_of_each_value() -> None:
    with store(told(GOLDEN)) as log:
        result = rows(log.evaluate(**SPAN, by=["country"]))
    found = by(result, "country", "method")
    assert found["DE", "popular"]["people"] == 2
    assert found["DE", "popular"]["ndcg"] == pytest.approx((1 + SECOND) / 2)
    assert found["(none)", "popular"]["people"] == 1
    assert found["(total)", "popular"]["ndcg"] == pytest.approx((2 + SECOND) / 3)


def test_next_items_are_asked_for_one_by_one() -> None:
    # from 2 March: ann's c after a, b; bob's b after a; dan's b is his first, so nothing is known
    with store(told(GOLDEN)) as log:
        found = by(rows(log.evaluate(**SPAN, mode="next")), "method")["popular",]
    assert (found["people"], found["cases"]) == (2, 2)
    assert found["ndcg"] == 1.0


def test_repeats_count_where_they_are_allowed() -> None:
    # ann c and a: popular gives [a, b], a hit of two relevant: 1 ÷ (1 + 1/log2 3); bob and dan
    # [a, b]: hit at 2
    with store(told(GOLDEN)) as log:
        found = by(rows(log.evaluate(**SPAN, allow_repeat=True)), "method")
    assert found["popular",]["ndcg"] == pytest.approx((1 / (1 + SECOND) + 2 * SECOND) / 3)
    # repeat: ann's own [b, a]: hit at 2 of two; bob's [a]: none; dan has nothing
    assert found["repeat",]["ndcg"] == pytest.approx(SECOND / (1 + SECOND) / 3)


def test_who_is_not_better_than_popular_is_told_in_a_sentence() -> None:
    with store(told(GOLDEN)) as log:
        notes = log.evaluate(**SPAN).notes
    assert any(note.startswith("trending does not beat popular") for note in notes)
    assert "3 people only: chance decides much of this" in notes


def test_ratings_that_were_given_have_errors() -> None:
    # known: ann a 5, bob a 3: mean 4, a's bias (1 - 1) / 7 = 0; ann's 1/6, bob's -1/6.
    # asked: ann b 5: errors -1 and -1 + 1/6; cid a 1: errors 3 and 3
    text = """
    2024-03-01T10:00Z ann rate item_id=a rating=5
    2024-03-01T11:00Z bob rate item_id=a rating=3
    2024-03-01T11:30Z ann view item_id=a
    2024-03-02T09:00Z ann view item_id=b
    2024-03-02T10:00Z ann rate item_id=b rating=5
    2024-03-02T10:30Z cid rate item_id=a rating=1
    """
    with store(told(text)) as log:
        found = by(rows(log.evaluate(**SPAN), "ratings"), "predictor")
    assert found["mean",]["mae"] == pytest.approx(2.0)
    assert found["mean",]["rmse"] == pytest.approx(5**0.5)
    assert found["biases",]["mae"] == pytest.approx((5 / 6 + 3) / 2)
    assert (found["mean",]["ratings"], found["mean",]["people"]) == (2, 2)


def test_days_are_those_of_the_zone() -> None:
    # 23:30 on 1 March in Berlin is the day before; one more fold has nothing to learn from
    log_text = "2024-03-01T22:30Z ann view item_id=a\n2024-03-01T23:30Z ann view item_id=b"
    with store(told(log_text)) as log:
        assert not rows(log.evaluate(**SPAN))
        (found,) = rows(log.evaluate(**SPAN, tz="Europe/Berlin"), "folds")
    assert found["start"].isoformat() == "2024-03-01T23:00:00+00:00"


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T10:00Z ann login",
        "2024-03-01T10:00Z ann view item_id=a",
        "2024-03-01T10:00Z ann view item_id=a\n2024-03-05T10:00Z ann view item_id=a",
        "2024-03-01T10:00Z - view item_id=a\n2024-03-05T10:00Z - view item_id=b",
    ],
    ids=["no items", "one event", "nothing new", "nobody"],
)
def test_nothing_to_judge_gives_empty_tables_and_says_why(text: str) -> None:
    with store(told(text)) as log:
        result = log.evaluate(**SPAN)
    assert all(not frame.height for frame in result.tables.values())
    assert result.notes


def test_auto_with_too_little_takes_popular_and_says_so() -> None:
    with store(told(GOLDEN)) as log:
        result = log.evaluate(**{**SPAN, "method": ["auto"]})
    assert rows(result, "folds")[0]["chosen"] == "popular"
    assert any("auto had too little to choose by" in note for note in result.notes)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": ["magic"]}, "unknown method"),
        ({"test": "0d"}, "longer than nothing"),
        ({"half_life": "0d"}, "longer than nothing"),
        ({"weight_view": 0, "weight_add": 0, "weight_purchase": 0}, "nothing is left"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with store(told(GOLDEN)) as log, pytest.raises(UsageError, match=says):
        log.evaluate(**options)


DAYS = st.lists(
    st.tuples(st.sampled_from("pqr"), st.sampled_from("abcd"), st.integers(1, 4)),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(DAYS, st.integers(1, 3), st.integers(1, 3))
def test_popular_equals_plain_loops(
    events: Sequence[tuple[str, str, int]], k: int, folds: int
) -> None:
    lines = [
        f"2024-03-{day:02}T10:{at:02}Z {who} view item_id={item}"
        for at, (who, item, day) in enumerate(events)
    ]
    last = max(day for _, _, day in events)
    lists: dict[str, list[float]] = {}
    for day in range(last - folds + 1, last + 1):
        before = {(who, item) for who, item, at in events if at < day}
        owners = {item: sum(1 for _, one in before if one == item) for _, item in before}
        ranked = sorted(owners, key=lambda item: (-owners[item], item))
        for who in sorted({who for who, _, at in events if at == day}) if before else ():
            had = {item for one, item in before if one == who}
            wanted = {item for one, item, at in events if at == day and one == who} - had
            shown = [item for item in ranked if item not in had][:k]
            if wanted:
                gain = sum(1 / log2(n + 2) for n, item in enumerate(shown) if item in wanted)
                ideal = sum(1 / log2(n + 2) for n in range(min(k, len(wanted))))
                lists.setdefault(who, []).append(gain / ideal)
    with store(told("\n".join(lines))) as log:
        found = by(rows(log.evaluate(test="1d", folds=folds, k=k, method=[])), "method")
    if not lists:
        assert not found
        return
    means = [sum(values) / len(values) for values in lists.values()]
    assert found["popular",]["ndcg"] == pytest.approx(sum(means) / len(means))
    assert found["popular",]["people"] == len(lists)
    assert found["popular",]["cases"] == sum(len(values) for values in lists.values())
