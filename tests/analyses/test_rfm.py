"""RFM by hand and against plain loops."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import DAY, Event
from tests.oracles.logs import boundary_logs
from tests.oracles.rfm import Buyer, buyers, segment

LOG = told(
    """
    2024-05-01T00:00:00Z ann purchase revenue=10 currency=EUR
    2024-05-11T00:00:00Z ann purchase revenue=20 currency=EUR order_id=o1
    2024-05-11T00:00:00Z ann purchase revenue=5  currency=EUR order_id=o1
    2024-05-02T00:00:00Z bob purchase price=30 quantity=3 currency=EUR
    2024-05-02T00:00:00Z cat purchase revenue=30 currency=EUR
    2024-05-06T00:00:00Z dan purchase revenue=1 currency=EUR
    2024-05-09T00:00:00Z eva purchase revenue=700 currency=JPY
    2024-05-11T12:00:00Z fay view
    """
)
# As of 11 May noon. Days: ann 0.5, eva 2.5, dan 5.5, bob and cat 9.5; worse than each: 4, 3, 2, 0,
# 0 of 5, so scores 5, 4, 3, 1, 1. Purchases: ann 2 (o1 is one), the rest 1: scores 5 and 1.
# Money: bob 90, ann 35, cat 30, dan 1 of four in EUR: worse 3, 2, 1, 0, so 1 + 15/4 = 4,
# 1 + 10/4 = 3, 1 + 5/4 = 2, 1; eva is alone with JPY: 1.


def test_the_golden_table() -> None:
    with store(LOG) as log:
        result = log.rfm()
    names = ("person_id", "segment", "recency_days", "frequency", "monetary", "currency",
             "r_score", "f_score", "m_score")  # fmt: skip
    assert [tuple(row[name] for name in names) for row in rows(result, "people")] == [
        ("ann", "champions", 0.5, 2, 35.0, "EUR", 5, 5, 3),
        ("eva", "promising", 2.5, 1, 700.0, "JPY", 4, 1, 1),
        ("dan", "about to sleep", 5.5, 1, 1.0, "EUR", 3, 1, 1),
        ("bob", "hibernating", 9.5, 1, 90.0, "EUR", 1, 1, 4),
        ("cat", "hibernating", 9.5, 1, 30.0, "EUR", 1, 1, 2),
    ]
    hibernating, *_ = found = rows(result)
    assert [(row["segment"], row["people"], row["purchases"], row["revenue"]) for row in found] == [
        ("hibernating", 2, 2, 120.0),
        ("about to sleep", 1, 1, 1.0),
        ("champions", 1, 2, 35.0),
        ("promising", 1, 1, 700.0),
    ]
    check_rate(hibernating, "share", 2, 5)
    assert hibernating["recency_mean_days"] == 9.5
    assert (hibernating["frequency_mean"], hibernating["revenue_per_person"]) == (1, 60)


def test_the_scores_say_which_values_make_them() -> None:
    with store(LOG) as log:
        found = rows(log.rfm(), "scores")
    assert [
        (row["score_of"], row["currency"], row["score"], row["people"], row["lowest"],
         row["highest"]) for row in found
    ] == [
        ("frequency", None, 1, 4, 1, 1), ("frequency", None, 5, 1, 2, 2),
        ("monetary", "EUR", 1, 1, 1, 1), ("monetary", "EUR", 2, 1, 30, 30),
        ("monetary", "EUR", 3, 1, 35, 35), ("monetary", "EUR", 4, 1, 90, 90),
        ("monetary", "JPY", 1, 1, 700, 700),
        ("recency_days", None, 1, 2, 9.5, 9.5), ("recency_days", None, 3, 1, 5.5, 5.5),
        ("recency_days", None, 4, 1, 2.5, 2.5), ("recency_days", None, 5, 1, 0.5, 0.5),
    ]  # fmt: skip


WHO = {
    "champions": ["ann"], "hibernating": ["bob", "cat"], "loyal": [], "r:1": ["bob", "cat"],
    "f:1": ["bob", "cat", "dan", "eva"], "m:1": ["dan", "eva"], "rfm:553": ["ann"], "rfm:555": [],
}  # fmt: skip


@pytest.mark.parametrize("cell", WHO)
def test_the_people_of_a_cell(cell: str) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "rfm", cell) == WHO[cell]


@pytest.mark.parametrize("cell", ["r:6", "r", "x:1", "rfm:55", "rfm:5555", "rfm:050", "Champions"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="--who must be one of"):
        log.rfm(who=cell)


@pytest.mark.parametrize("count", ["-1", "many", "1.5", "", "9" * 30])
def test_a_number_of_listed_people_that_is_none_is_refused(count: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="--list must be a number or all"):
        log.rfm(list=count)


def test_as_many_people_are_listed_as_asked_for() -> None:
    with store(LOG) as log:
        listed = [rows(log.rfm(list=count), "people") for count in ("0", "1", "4", "all")]
    names = [[row["person_id"] for row in found] for found in listed]
    whole = ["ann", "eva", "dan", "bob", "cat"]
    assert names == [[], ["ann"], whole[:4], whole]


def test_equal_people_score_equally() -> None:
    lines = [f"2024-05-01T00:00:00Z p{n} purchase revenue=5 currency=EUR" for n in range(7)]
    with store(told("\n".join(lines))) as log:
        found = rows(log.rfm(), "people")
    assert {(row["r_score"], row["f_score"], row["m_score"]) for row in found} == {(1, 1, 1)}


def test_whoever_bought_in_two_currencies_has_no_money_but_a_segment() -> None:
    text = """2024-05-01T00:00:00Z ann purchase revenue=5 currency=EUR
              2024-05-01T00:00:00Z ann purchase revenue=500 currency=JPY
              2024-05-01T00:00:00Z bob purchase revenue=5 currency=EUR"""
    with store(told(text)) as log:
        result = log.rfm()
    ann, bob = rows(result, "people")
    assert (ann["person_id"], ann["monetary"], ann["m_score"]) == ("ann", None, None)
    assert (bob["monetary"], bob["m_score"]) == (5, 1)
    assert (ann["segment"], bob["segment"]) == ("at risk", "hibernating")
    assert {row["segment"]: row["revenue"] for row in rows(result)} == {
        "at risk": None,
        "hibernating": 5.0,
    }
    assert any("in several currencies" in note for note in result.notes)


def test_purchases_without_any_amount_are_left_out_of_money_and_told() -> None:
    text = """2024-05-01T00:00:00Z ann purchase
              2024-05-02T00:00:00Z ann purchase revenue=3 currency=EUR
              2024-05-02T00:00:00Z bob purchase"""
    with store(told(text)) as log:
        result = log.rfm()
    money = {row["person_id"]: row["monetary"] for row in rows(result, "people")}
    assert money == {"ann": 3.0, "bob": None}
    assert {row["segment"]: row["revenue"] for row in rows(result)} == {
        "at risk": 3.0,
        "hibernating": None,
    }
    assert any("neither revenue nor prices" in note for note in result.notes)


def test_an_order_is_worth_its_revenue_else_its_lines_where_all_are_priced() -> None:
    pan, pot = {"item_id": "pan", "price": 20, "quantity": 2}, {"item_id": "pot", "price": 5}
    base = {"timestamp": "2024-05-01T00:00:00Z", "event_type": "purchase", "currency": "EUR"}
    orders: dict[str, worlds.Row] = {
        "both": {"revenue": 9, "items": [pan, pot]},
        "lines": {"items": [pan, pot]},
        "half": {"items": [pan, {"item_id": "cup"}]},
        "mixed": {"items": [pan, pot | {"currency": "JPY"}]},
        "empty": {"items": []},
        "huge": {"price": 10**9, "quantity": 10**6},
    }
    log = b"".join(
        json.dumps(base | {"user_id": who} | values).encode() + b"\n"
        for who, values in orders.items()
    )
    with store(log) as opened:
        money = {row["person_id"]: row["monetary"] for row in rows(opened.rfm(), "people")}
    assert money == {
        "both": 9.0, "lines": 45.0, "half": None, "mixed": None, "empty": None, "huge": None,
    }  # fmt: skip


def test_a_period_that_is_over_is_judged_at_its_end() -> None:
    with store(LOG) as log:
        found = rows(log.rfm(to="2024-05-09"), "people")
        later = rows(log.rfm(from_="2024-05-09"), "people")
    days = {row["person_id"]: (row["recency_days"], row["frequency"]) for row in found}
    tick = 1 / 86_400_000_000
    assert days["dan"] == (pytest.approx(3 - tick), 1)
    assert days["ann"] == (pytest.approx(8 - tick), 1)
    assert [row["person_id"] for row in later] == ["ann", "eva"]


def test_a_breakdown_scores_within_each_value() -> None:
    text = """2024-05-01T00:00:00Z ann purchase country=DE
              2024-05-03T00:00:00Z bob purchase country=DE
              2024-05-02T00:00:00Z cat purchase"""
    with store(told(text)) as log:
        found = rows(log.rfm(by="country"), "scores")
    recency = [row for row in found if row["score_of"] == "recency_days"]
    assert [(row["country"], row["score"], row["people"]) for row in recency] == [
        ("(total)", 1, 1), ("(total)", 2, 1), ("(total)", 4, 1),
        ("(none)", 1, 1), ("DE", 1, 1), ("DE", 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["2024-05-01T00:00:00Z ann view", ""])
def test_a_log_without_purchases_says_which_option_names_them(text: str) -> None:
    with store(told(text)) as log:
        result = log.rfm()
        bought = log.rfm(purchase=("view",))
    assert [table.height for table in result.tables.values()] == [0, 0, 0]
    assert any("--purchase" in note for note in result.notes)
    assert bought.to_polars("people").height == len(text.splitlines())


def test_times_of_thousands_of_people_do_not_overflow_their_sum() -> None:
    lines = [f"2024-05-0{1 + n % 2}T00:00:00Z p{n} purchase" for n in range(6000)]
    with store(told("\n".join(lines))) as log:
        found = {row["segment"]: row["recency_mean_days"] for row in rows(log.rfm())}
    assert found == {"about to sleep": 0.0, "hibernating": 1.0}


@st.composite
def shop_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs with purchases of some amount or none, in two currencies, of shared orders."""
    log = draw(boundary_logs(event_types=("purchase", "purchase", "view"), max_events=12,
                             people=("p1", "p2", "p3", "p4", "p5", "p6"), session_ids=(None,),
                             moves=[0, 0, 1, DAY - 1, DAY]))  # fmt: skip
    values = st.fixed_dictionaries({
        "revenue": st.sampled_from([None, 0, 1, 1, 2, 700]),
        "currency": st.sampled_from(["JPY", "JPY", "JPY", "KRW"]),
        "order_id": st.sampled_from([None, None, "o1", "o2"]),
    })  # fmt: skip
    return [replace(event, properties=draw(values)) for event in log]


@settings(max_examples=10, deadline=None)
@given(shop_logs())
def test_scores_and_segments_equal_the_oracles(log: list[Event]) -> None:
    wanted = buyers(log)
    now = max((event.ts for event in log), default=0)
    with store(log) as opened:
        result = opened.rfm(list="all")
    found = {row["person_id"]: row for row in rows(result, "people")}
    assert found.keys() == wanted.keys()
    for name, buyer in wanted.items():
        check(found[name], buyer, now)
    for row in rows(result):
        inside = [one for one in wanted.values() if segment(*one.scores[:2]) == row["segment"]]
        assert (row["people"], row["everybody"]) == (len(inside), len(wanted))
        assert row["purchases"] == sum(buyer.frequency for buyer in inside)


def check(row: worlds.Row, buyer: Buyer, now: int) -> None:
    """Check the numbers of a person."""
    assert row["recency_days"] == pytest.approx((now - buyer.last) / DAY)
    assert row["frequency"] == buyer.frequency
    assert (row["monetary"], row["currency"]) == (buyer.monetary, buyer.currency)
    assert (row["r_score"], row["f_score"], row["m_score"]) == buyer.scores
    assert row["segment"] == segment(row["r_score"], row["f_score"])


def test_every_pair_of_scores_has_a_segment() -> None:
    from clickcli.analyses.rfm import _SEGMENTS

    for pair in product(range(1, 6), repeat=2):
        fits = [name for name, (r, f) in _SEGMENTS.items() if pair[0] in r and pair[1] in f]
        assert fits == [segment(*pair)]
