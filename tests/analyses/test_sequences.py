"""Sequences by hand and against plain loops."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.run import Result
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import HOUR, MINUTE, Event
from tests.oracles.baskets import baskets, sequences
from tests.oracles.logs import boundary_logs

LOG = told(
    """
    2024-05-01T10:00:00Z ann home
    2024-05-01T10:01:00Z ann item
    2024-05-01T10:02:00Z ann buy
    2024-05-01T12:00:00Z ann home
    2024-05-01T12:01:00Z ann item
    2024-05-01T10:00:00Z bob home
    2024-05-01T10:05:00Z bob help
    2024-05-01T10:10:00Z bob item
    2024-05-01T10:20:00Z cat item
    2024-05-01T10:20:00Z cat home
"""
)
# Four sessions: ann home item buy; ann home item; bob home help item; cat item home (logged in
# that order at one instant). home -> item in the first three, of two people; all four have home:
# confidence 3/4. item -> buy in one of four with item. item -> home in cat's alone.
SMALL: dict[str, Any] = {"min_count": 1, "min_support": 0}


def counts(result: Result) -> dict[str, int]:
    return {row["pattern"]: row["count"] for row in rows(result)}


def test_the_golden_table() -> None:
    with store(LOG) as log:
        result = log.sequences(**SMALL, max_len=2)
    first = rows(result)[0]
    wanted = {
        "pattern": "home → item", "count": 3, "people": 2, "size": 2, "before_count": 4,
        "sequences": 4,
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    check_rate(first, "support", 3, 4)
    check_rate(first, "confidence", 3, 4)
    assert counts(result) == {
        "home → item": 3, "help → item": 1, "home → buy": 1, "home → help": 1, "item → buy": 1,
        "item → home": 1,
    }  # fmt: skip
    assert rows(result, "summary") == [
        {"sequences": 4, "people": 3, "events": 10, "things": 4, "least": 1, "patterns": 6}
    ]


def test_people_are_one_sequence_each() -> None:
    with store(LOG) as log:
        found = counts(log.sequences(**SMALL, basket="person", max_len=2))
    assert found["home → item"] == 2
    assert found["item → item"] == 1


def test_nothing_may_lie_between_where_that_is_asked() -> None:
    with store(LOG) as log:
        found = counts(log.sequences(**SMALL, max_between=0, max_len=2))
        rare = counts(log.sequences(min_count=3, min_support=0, max_between=0, max_len=2))
    assert (found["home → item"], found.get("home → buy")) == (2, None)
    assert rare == {}


@pytest.mark.parametrize(("max_gap", "expected"), [("10m", 3), ("599s", 2), ("60s", 2), ("59s", 0)])
def test_a_gap_of_exactly_the_limit_is_allowed(max_gap: str, expected: int) -> None:
    with store(LOG) as log:
        found = counts(log.sequences(**SMALL, max_gap=max_gap, max_len=2))
    assert found.get("home → item", 0) == expected


def test_closed_patterns_leave_out_what_a_longer_one_says() -> None:
    with store(LOG) as log:
        found = counts(log.sequences(**SMALL, closed=True, min_len=1))
        capped = counts(log.sequences(**SMALL, closed=True, min_len=1, max_len=2))
    assert found == {
        "home": 4, "item": 4, "home → item": 3, "home → item → buy": 1, "home → help → item": 1,
        "item → home": 1,
    }  # fmt: skip
    assert capped == {pattern: n for pattern, n in found.items() if pattern.count("→") < 2}


def test_the_top_k_are_the_first_rows() -> None:
    with store(LOG) as log:
        every = rows(log.sequences(**SMALL))
        assert rows(log.sequences(**SMALL, top_k=3)) == every[:3]
        assert rows(log.sequences(**SMALL, top_k=100)) == every
        closed = rows(log.sequences(**SMALL, closed=True))
        assert rows(log.sequences(**SMALL, closed=True, top_k=2)) == closed[:2]


def test_pages_and_items_follow_one_another_too() -> None:
    text = """2024-05-01T10:00:00Z ann view      item_id=pan page_path=/p/1
              2024-05-01T10:01:00Z ann page_view page_path=/help
              2024-05-01T10:02:00Z ann view      item_id=pot page_path=/p/2
              2024-05-01T10:03:00Z ann page_view page_path=/p/7"""
    with store(told(text)) as log:
        assert counts(log.sequences(**SMALL, over="item")) == {"pan → pot": 1}
        assert counts(log.sequences(**SMALL, over="page")) == {"/help → /p/:id": 1}


def test_names_with_arrows_stand_in_quotes() -> None:
    text = b"".join(
        b'{"timestamp": "2024-05-01T10:0%d:00Z", "event_type": "%s", "user_id": "ann"}\n' % line
        for line in enumerate(["a → b".encode(), b"c"])
    )
    with store(text) as log:
        assert list(counts(log.sequences(**SMALL))) == ['"a → b" → c']


def test_what_contradicts_itself_is_refused() -> None:
    with store(LOG) as log:
        with pytest.raises(UsageError, match="--min-len must be at most"):
            log.sequences(min_len=5)
        with pytest.raises(UsageError):
            log.sequences(max_gap="soon")
        with pytest.raises(UsageError):
            log.sequences(basket="order")


def test_nothing_frequent_and_nothing_at_all_are_told() -> None:
    with store(LOG) as log:
        rare = log.sequences(min_count=9)
        nothing = log.sequences(event=["moon"])
    assert any("is in 9 of 4 sequences" in note for note in rare.notes)
    assert any("--event" in note for note in nothing.notes)
    assert rows(rare) == rows(nothing) == []


crowds = boundary_logs(
    people=("p1", "p2"), event_types=("a", "b", "c"), max_events=10,
    moves=(0, 1, 5, 30 * MINUTE, 30 * MINUTE + 1, HOUR),
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(
    worlds.crowds(crowds, most=3), st.sampled_from(["session", "person"]),
    st.sampled_from([None, 5, 30 * MINUTE]), st.sampled_from([None, 0, 1]),
)  # fmt: skip
def test_patterns_and_people_are_those_of_plain_loops(
    log: list[Event], basket: str, max_gap: int | None, max_between: int | None
) -> None:
    owned = baskets(log, basket, 30 * MINUTE)
    options = worlds.given(
        max_gap=None if max_gap is None else f"{max_gap}us", max_between=max_between
    )
    with store(log) as opened:
        result = opened.sequences(**SMALL, **options, basket=basket, max_len=3, min_len=1)
    got = {
        tuple(row["pattern"].split(" → ")): (row["count"], row["people"]) for row in rows(result)
    }
    assert got == sequences(owned, 3, max_gap, max_between)
