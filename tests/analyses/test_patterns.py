"""Patterns by hand, against plain loops, and the bundles of the sample data."""

from __future__ import annotations

import json
from math import isclose
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.relations.set_texts import parted
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, rows, store, told
from tests.oracles import HOUR, MINUTE, Event
from tests.oracles.baskets import baskets, sets
from tests.oracles.logs import boundary_logs


def order(person: str, order_id: str | None, *items: str, minute: int = 0) -> bytes:
    line: Row = {
        "timestamp": f"2024-05-01T10:{minute:02}:00Z", "event_type": "purchase",
        "user_id": person, "items": [{"item_id": item} for item in items],
    }  # fmt: skip
    return json.dumps(line if order_id is None else line | {"order_id": order_id}).encode() + b"\n"


ORDERS = b"".join([
    order("ann", "o1", "pan", "pot"),
    order("ann", "o2", "pan", minute=1), order("ann", "o2", "pot", minute=2),
    order("bob", "o1", "pan", "pot", "cup", "pan"),
    order("bob", None, "pan", minute=3), order("bob", None, "cup", minute=4),
])  # fmt: skip
# Five orders: the two lines of ann's o2 are one, bob's o1 is not ann's, an order without an id is
# one. pan is in 4 of them, pot in 3, cup in 2; pan and pot in 3, of ann and bob.
# pot -> pan: confidence 3/3, lift 1 / (4/5) = 1.25, lower bound of 3/3 (Wilson) 3 / (3 + 1.96²)
# = 0.438503, of lift 0.438503 / 0.8; leverage 3/5 - 3/5 x 4/5 = 0.12, conviction infinite,
# Zhang 0.12 / max(3/5 x 2/5, 3/5 x 1/5) = 0.5; Jaccard 3 / (3 + 4 - 3); Kulczynski (1 + 3/4) / 2.
# pan -> pot: confidence 3/4, conviction (1 - 3/5) / (1 - 3/4) = 1.6, Zhang 0.12 / (3/5 x 1/5) = 1.
SMALL: dict[str, Any] = {"min_count": 2, "min_support": 0}


def test_the_golden_table() -> None:
    with store(ORDERS) as log:
        result = log.patterns(**SMALL)
    first, second = rows(result)
    assert (first["antecedents"], first["consequents"]) == ("pot", "pan")
    wanted = {
        "count": 3, "people": 2, "antecedent_count": 3, "consequent_count": 4, "baskets": 5,
        "confidence": 1.0, "lift": 1.25, "lift_low": 0.438503 / 0.8, "lift_high": 1.25,
        "support": 0.6,
        "leverage": 0.12, "zhangs_metric": 0.5, "jaccard": 0.75, "kulczynski": 0.875,
    }  # fmt: skip
    for name, value in wanted.items():
        assert isclose(first[name], value, rel_tol=1e-5), name
    assert first["conviction"] is None
    assert (second["antecedents"], second["confidence"]) == ("pan", 0.75)
    assert isclose(second["conviction"], 1.6)
    assert isclose(second["zhangs_metric"], 1)
    for row in (first, second):
        check_rate(row, "confidence", row["count"], row["antecedent_count"])
        check_rate(row, "support", row["count"], row["baskets"])
    (pair,) = rows(result, "itemsets")
    assert (pair["items"], pair["size"], pair["count"], pair["people"]) == ("pan, pot", 2, 3, 2)
    (summary,) = rows(result, "summary")
    assert summary == {
        "baskets": 5, "people": 2, "things": 3, "frequent": 3, "least": 2, "sets": 1, "rules": 2,
        "too_large": 0,
    }  # fmt: skip


def listed(result: Any) -> list[tuple[str, str]]:
    return [(row["antecedents"], row["consequents"]) for row in rows(result)]


def test_limits_choose_among_the_rules() -> None:
    options = SMALL | {"min_count": 1, "min_lift": 0, "min_confidence": 0}
    with store(ORDERS) as log:
        everything = listed(log.patterns(**options, consequent_size=2))
        assert len(everything) == 12
        assert listed(log.patterns(**options, max_len=2)) == [
            pair for pair in everything if "," not in "".join(pair)
        ]
        to_cup = listed(log.patterns(**options, consequent=["cup"]))
        assert sorted(to_cup) == [("pan", "cup"), ("pan, pot", "cup"), ("pot", "cup")]
        sure = log.patterns(**options | {"min_confidence": 1}, consequent_size=2)
        assert {row["confidence"] for row in rows(sure)} == {1.0}
        assert (
            min(row["lift"] for row in rows(log.patterns(**options | {"min_lift": 1.25}))) == 1.25
        )
        assert listed(log.patterns(**options, consequent=["moon"])) == []


def test_a_share_of_the_baskets_is_met_exactly() -> None:
    log_of_100 = b"".join(
        order("ann", f"o{n}", *(["pan", "pot"] if n < 7 else ["cup"])) for n in range(100)
    )
    with store(log_of_100) as log:
        at = rows(log.patterns(min_support=0.07, min_count=1), "itemsets")
        above = rows(log.patterns(min_support=0.0700001, min_count=1), "itemsets")
    assert ([row["items"] for row in at], above) == (["pan, pot"], [])


def test_single_things_are_listed_when_asked_for() -> None:
    with store(ORDERS) as log:
        found = rows(log.patterns(**SMALL, min_len=1), "itemsets")
    assert [(row["items"], row["count"]) for row in found] == [
        ("pan", 4), ("pot", 3), ("pan, pot", 3), ("cup", 2),
    ]  # fmt: skip


def test_baskets_that_are_too_large_are_left_out_and_counted() -> None:
    with store(ORDERS) as log:
        result = log.patterns(**SMALL, max_basket=2)
        assert worlds.people(log, "patterns", "holds:pan, pot", max_basket=2) == ["ann"]
    (summary,) = rows(result, "summary")
    assert (summary["baskets"], summary["too_large"]) == (4, 1)
    assert [row["count"] for row in rows(result, "itemsets")] == [2]
    assert "left out: 1 basket of more than 2 things" in result.notes


WHO = {
    "holds:pan": ["ann", "bob"], "holds:pot,pan": ["ann", "bob"], "holds: cup , pan": ["bob"],
    "holds:pan, moon": [],
}  # fmt: skip


@pytest.mark.parametrize("cell", WHO)
def test_the_people_of_a_cell(cell: str) -> None:
    with store(ORDERS) as log:
        assert worlds.people(log, "patterns", cell) == WHO[cell]


@pytest.mark.spark
def test_spark_lists_the_same_people(spark: str) -> None:
    there = {"engine": "spark", "master": spark}
    with store(ORDERS) as log:
        assert worlds.people(log, "patterns", "holds:cup, pan", **there) == ["bob"]


@pytest.mark.parametrize("name", ["patterns", "sequences"])
def test_two_processes_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    first, second = worlds.told_twice(
        tmp_path, PAGES, name, "--over", "page", "--basket", "session", "--min-count", "1"
    )
    assert first == second
    assert json.loads(first)["data"]


@pytest.mark.parametrize("cell", ["holds", "holds:", "holds:pan,,pot", 'holds:"pan', "pan"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(ORDERS) as log, pytest.raises(UsageError):
        log.patterns(who=cell)


def test_names_with_commas_and_quotes_can_be_told_apart() -> None:
    names = ["a", "b", "a, b", 'the "a"', " a"]
    text = b"".join(
        json.dumps({"timestamp": "2024-05-01T10:00:00Z", "event_type": name, "user_id": who})
        .encode() + b"\n" for who in ("ann", "bob") for name in names
    )  # fmt: skip
    options: dict[str, Any] = SMALL | {"basket": "person", "over": "event_type"}
    with store(text) as log:
        found = [row["items"] for row in rows(log.patterns(**options, max_len=4), "itemsets")]
        assert len(set(found)) == 10 + 10 + 5
        assert all(set(parted(items, ",")) < set(names) for items in found)
        for items in found[::8]:
            assert worlds.people(log, "patterns", f"holds:{items}", **options) == ["ann", "bob"]


PAGES = told(
    """
    2024-05-01T10:00:00Z ann page_view page_path=/p/81
    2024-05-01T10:01:00Z ann page_view page_path=/help
    2024-05-01T10:02:00Z ann click     page_path=/away
    2024-05-01T10:31:00Z ann page_view page_path=/p/82/
    2024-05-01T11:01:01Z ann page_view page_path=/home
    2024-05-01T10:00:00Z bob page_view page_path=/p/90
    2024-05-01T10:00:00Z bob page_view page_path=/help
"""
)


def test_pages_of_sessions_are_cleaned_paths_of_page_views() -> None:
    with store(PAGES) as log:
        result = log.patterns(**SMALL, basket="session", over="page")
    (pair,) = rows(result, "itemsets")
    assert (pair["items"], pair["count"], pair["baskets"]) == ("/help, /p/:id", 2, 3)


def test_other_events_can_be_named() -> None:
    with store(PAGES) as log:
        options = SMALL | {"min_count": 1}
        result = log.patterns(**options, basket="person", over="page", event=["click", "page_view"])
        (summary,) = rows(result, "summary")
        assert summary["things"] == 4
        nothing = log.patterns(**options, basket="person", over="page", event=["moon"])
    assert rows(nothing) == []
    assert any("--event" in note for note in nothing.notes)


def test_a_session_counts_in_the_period_in_which_it_starts() -> None:
    with store(PAGES) as log:
        options = SMALL | {"min_count": 1, "basket": "session", "over": "page"}
        assert rows(log.patterns(**options, from_="2024-05-01T10:31:00Z"), "summary")[0][
            "baskets"
        ] == 1  # fmt: skip


def test_an_order_holds_items_only() -> None:
    with store(PAGES) as log, pytest.raises(UsageError, match="an order holds no pages"):
        log.patterns(over="page")
    with store(PAGES) as log, pytest.raises(UsageError, match="--min-len must be at most"):
        log.patterns(min_len=4)


def test_nothing_that_goes_together_is_told() -> None:
    with store(ORDERS) as log:
        result = log.patterns(min_count=50)
    assert rows(result) == []
    assert any("together in 50 of 5 baskets" in note for note in result.notes)


def test_a_breakdown_mines_each_value_and_the_total() -> None:
    lines = told("""
        2024-05-01T10:00:00Z ann a country=DE
        2024-05-01T10:00:00Z ann b country=DE
        2024-05-01T10:00:00Z bob a country=FR
        2024-05-01T10:00:00Z bob b country=FR
        2024-05-01T10:00:00Z cat a
    """)
    options = SMALL | {"min_count": 1, "basket": "person", "over": "event_type"}
    with store(lines) as log:
        found = rows(log.patterns(**options, by="country"), "itemsets")
    assert [(row["country"], row["items"], row["count"], row["baskets"]) for row in found] == [
        ("(total)", "a, b", 2, 3), ("DE", "a, b", 1, 1), ("FR", "a, b", 1, 1),
    ]  # fmt: skip


crowds = boundary_logs(
    people=("p1", "p2"), max_events=12, moves=(0, 1, 30 * MINUTE, 30 * MINUTE + 1, HOUR)
)


@settings(max_examples=8, deadline=None)
@given(worlds.crowds(crowds, most=3), st.sampled_from(["session", "person"]))
def test_sets_people_and_baskets_are_those_of_plain_loops(log: list[Event], basket: str) -> None:
    found = baskets(log, basket, 30 * MINUTE)
    with store(log) as opened:
        result = opened.patterns(
            basket=basket, over="event_type", min_count=1, min_support=0, min_len=1
        )
    got = {
        tuple(row["items"].split(", ")): (row["count"], row["people"])
        for row in rows(result, "itemsets")
    }
    assert got == sets(found, 3)
    assert sum(row["baskets"] for row in rows(result, "summary")) == len(found)
