"""Searches by hand, against plain loops, and at the edges of a session."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, rows, store, told
from tests.oracles import MINUTE, Event
from tests.oracles.logs import boundary_logs
from tests.oracles.searches import Search, searches

LOG = told(
    """
    2024-05-01T10:00:00Z ann search   search_query=Tent   result_count=12
    2024-05-01T10:00:10Z ann view_item
    2024-05-01T10:01:00Z ann search   search_query=stove  result_count=0
    2024-05-01T10:01:20Z ann search   search_query=cooker result_count=4
    2024-05-01T10:02:00Z ann purchase
    2024-05-01T11:00:00Z bob search   search_query=tent   result_count=12
    2024-05-01T11:31:00Z bob view_item
    2024-05-01T12:00:00Z cat filter   filter=price
    2024-05-01T12:00:05Z cat sort     by=newest
    2024-05-01T12:00:09Z cat filter   filter=price
    2024-05-01T13:00:00Z -   search   search_query=tent   result_count=12
    """
)
# ann: tent is clicked; stove finds nothing and is refined to cooker; cooker is not clicked. All
# three come before the purchase, so all three succeed. bob: his view is 31 minutes later, in the
# next session: not clicked, an exit. Nobody's search is in no session.
# 4 searches of ann and bob in 2 sessions: 3 succeeded, 1 clicked, 3 converted, 1 refined, 1 exited,
# 1 of 4 without a result; results 0, 4, 12, 12: median 8.


def test_the_golden_tables() -> None:
    with store(LOG) as log:
        result = log.searches()
    (whole,) = rows(result)
    names = ("searches", "people", "sessions", "queries", "succeeded", "clicked", "converted",
             "refined", "exited", "zero", "counted", "results_median")  # fmt: skip
    assert tuple(whole[name] for name in names) == (4, 2, 2, 3, 3, 1, 3, 1, 1, 1, 4, 8.0)
    check_rate(whole, "success_rate", 3, 4)
    check_rate(whole, "zero_rate", 1, 4)
    queries, filters = rows(result, "queries"), rows(result, "filters")
    assert [(row["query"], row["searches"], row["succeeded"]) for row in queries] == [
        ("tent", 2, 1), ("cooker", 1, 1), ("stove", 1, 1),
    ]  # fmt: skip
    assert [(row["query"], row["zero"], row["people"]) for row in rows(result, "zero")] == [
        ("stove", 1, 1)
    ]
    assert [
        (row["query"], row["next_query"], row["searches"]) for row in rows(result, "refinements")
    ] == [("stove", "cooker", 1)]
    assert [(row["event_type"], row["value"], row["events"]) for row in filters] == [
        ("filter", "price", 2), ("sort", "newest", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "people"),
    [
        ("searched", ["ann", "bob"]), ("succeeded", ["ann"]), ("exited", ["bob"]),
        ("zero", ["ann"]), ("searched:tent", ["ann", "bob"]), ("zero:tent", []),
        ("refined:stove", ["ann"]),
    ],
)  # fmt: skip
def test_the_people_of_a_cell(cell: str, people: list[str]) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "searches", cell) == people


def test_a_cell_that_is_none_is_refused() -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="must be one of"):
        log.searches(who="found")


def test_a_search_for_the_same_again_refines_nothing() -> None:
    text = """
    2024-05-01T10:00:00Z ann search search_query=Tent
    2024-05-01T10:00:10Z ann search search_query=tent
    """
    with store(told(text)) as log:
        result = log.searches()
    assert rows(result)[0]["refined"] == 0
    assert any("how many results" in note for note in result.notes)
    assert rows(result)[0]["zero_rate"] is None


def test_a_search_without_a_query_is_a_search() -> None:
    with store(told("2024-05-01T10:00:00Z ann search")) as log:
        assert [row["query"] for row in rows(log.searches(), "queries")] == ["(none)"]


def test_a_log_without_searches_says_which_option_names_them() -> None:
    with store(told("2024-05-01T10:00:00Z ann click")) as log:
        result = log.searches()
    assert rows(result)[0]["searches"] == 0
    assert any("--search" in note for note in result.notes)


@st.composite
def search_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs of searches with queries and counts."""
    types = ("search", "search", "click", "purchase", "x")
    log = draw(boundary_logs(event_types=types, max_events=10))
    return [
        replace(event, properties={
            "search_query": draw(st.sampled_from(["a", " A ", "b  c", "B C", None])),
            "result_count": draw(st.sampled_from([None, 0, 0, 1, 7])),
        })
        for event in log
    ]  # fmt: skip


@settings(max_examples=30)
@given(worlds.crowds(search_logs()), st.sampled_from(["cut", "given", "gap"]))
def test_searches_equal_the_oracles(log: list[Event], rule: Any) -> None:
    found = searches(log, timeout_us=30 * MINUTE, rule=rule)
    with store(log) as opened:
        result = opened.searches(session_rule=rule, timeout="30m", click=["click"])
    (whole,) = rows(result)
    check(whole, found)
    queries = {row["query"]: row for row in rows(result, "queries")}
    assert queries.keys() == {one["query"] for one in found}
    for query, row in queries.items():
        check(row, [one for one in found if one["query"] == query])
    pairs = Counter((one["query"], one["next_query"]) for one in found if one["refined"])
    assert {
        (row["query"], row["next_query"]): row["searches"] for row in rows(result, "refinements")
    } == pairs
    vain = Counter(one["query"] for one in found if one["results"] == 0)
    assert {row["query"]: row["zero"] for row in rows(result, "zero")} == vain


def check(row: Row, found: list[Search]) -> None:
    """Check every number of a row."""
    counted = [one["results"] for one in found if one["results"] is not None]
    succeeded = sum(one["clicked"] or one["converted"] for one in found)
    zero = counted.count(0)
    assert row["searches"] == len(found)
    assert row["people"] == len({one["person"] for one in found})
    assert row["sessions"] == len({(one["person"], one["session"]) for one in found})
    assert row["results_median"] == (median(counted) if counted else None)
    check_rate(row, "success_rate", succeeded, len(found))
    check_rate(row, "click_rate", sum(one["clicked"] for one in found), len(found))
    check_rate(row, "conversion", sum(one["converted"] for one in found), len(found))
    check_rate(row, "refinement_rate", sum(one["refined"] for one in found), len(found))
    check_rate(row, "exit_rate", sum(one["exited"] for one in found), len(found))
    check_rate(row, "zero_rate", zero, len(counted))
