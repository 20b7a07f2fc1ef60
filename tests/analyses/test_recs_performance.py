"""Recommendations by hand, against plain loops, and at the edges of the window."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import HOUR, Event
from tests.oracles.logs import boundary_logs, short_gaps
from tests.oracles.recommended import Shown, recommended

LOG = told(
    """
    2024-05-01T10:00:00Z ann recommendation_shown   item_id=tea  position=1 source=knn
    2024-05-01T10:00:00Z ann recommendation_shown   item_id=jam  position=2 source=knn
    2024-05-01T10:00:10Z ann recommendation_clicked item_id=tea
    2024-05-01T10:00:12Z ann recommendation_clicked item_id=tea
    2024-05-02T10:00:10Z ann purchase item_id=tea price=4.5 quantity=2 currency=EUR
    2024-05-02T10:00:11Z ann purchase item_id=tea price=4.5 quantity=1 currency=EUR
    2024-05-01T10:00:00Z bob recommendation_shown   item_id=tea  position=1 source=top
    2024-05-01T10:01:00Z bob recommendation_clicked item_id=jam
    2024-05-01T10:02:00Z bob purchase item_id=tea price=4.5 currency=EUR
    2024-05-02T09:00:00Z cat recommendation_shown   item_id=egg  source=top
    2024-05-02T09:00:30Z cat recommendation_clicked item_id=egg
    2024-05-02T09:30:00Z cat purchase item_id=egg price=1 currency=EUR
    2024-05-01T10:00:00Z -   recommendation_shown   item_id=tea  position=1 source=top
    """
)
# Within 1d. ann's tea: clicked twice, the first at 10:00:10; bought one day later to the second,
# which is inside; one second later is not. bob clicked what he was not shown, and bought tea
# without a click. cat's egg is clicked and bought, but her window is open at as-of, 2 May 10:00:11.
# 4 shown to 3 people: 2 clicked, 1 closed and converted, 1 pending; sold 2 × 4.50 + 1 = 10.


def test_the_golden_tables() -> None:
    with store(LOG) as log:
        result = log.recs_performance(within="1d")
    (whole,) = rows(result)
    names = ("shown", "people", "clicked", "bought", "closed", "converted", "pending", "clickers",
             "buyers", "revenue", "currency", "clicks", "unmatched")  # fmt: skip
    expected = (4, 3, 2, 2, 1, 1, 1, 2, 2, 10.0, "EUR", 4, 1)
    assert tuple(whole[name] for name in names) == expected
    assert whole["to_purchase_median_s"] == 86_400.0
    check_rate(whole, "click_rate", 2, 4)
    check_rate(whole, "conversion", 1, 1)
    assert [
        (row["position"], row["shown"], row["clicked"], row["revenue"], row["currency"])
        for row in rows(result, "positions")
    ] == [(1, 2, 1, 9.0, "EUR"), (2, 1, 0, 0.0, None), (None, 1, 1, 1.0, "EUR")]
    assert [
        (row["source"], row["shown"], row["clicked"], row["converted"])
        for row in rows(result, "sources")
    ] == [("knn", 2, 1, 1), ("top", 2, 1, 0)]
    assert any("1 click is on what was not shown" in note for note in result.notes)


@pytest.mark.parametrize(
    ("cell", "people"),
    [
        ("shown", ["ann", "bob", "cat"]), ("clicked", ["ann", "cat"]), ("bought", ["ann", "cat"]),
        ("converted", ["ann"]), ("pending", ["cat"]), ("shown:position:1", ["ann", "bob"]),
        ("clicked:source:top", ["cat"]), ("clicked:position:2", []),
    ],
)  # fmt: skip
def test_the_people_of_a_cell(cell: str, people: list[str]) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "recs_performance", cell, within="1d") == people


@pytest.mark.parametrize("cell", ["seen", "clicked:position:x", "shown:place:1"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="must be one of"):
        log.recs_performance(who=cell)


def test_anything_bought_counts_where_it_is_asked_for() -> None:
    text = """
    2024-05-01T10:00:00Z ann recommendation_shown   item_id=tea
    2024-05-01T10:00:10Z ann recommendation_clicked item_id=tea
    2024-05-01T10:00:20Z ann purchase item_id=jam revenue=3 currency=EUR
    """
    with store(told(text)) as log:
        assert rows(log.recs_performance())[0]["bought"] == 0
        (row,) = rows(log.recs_performance(bought="any"))
    assert (row["bought"], row["revenue"]) == (1, 3.0)


def test_a_list_of_items_is_shown_at_positions_from_1() -> None:
    text = """
    2024-05-01T10:00:00Z ann recommendation_shown   items=[{"item_id":"a"},{"item_id":"b"}]
    2024-05-01T10:00:10Z ann recommendation_clicked item_id=b
    """
    with store(told(text)) as log:
        found = rows(log.recs_performance(), "positions")
    assert [(row["position"], row["shown"], row["clicked"]) for row in found] == [
        (1, 1, 0), (2, 1, 1),
    ]  # fmt: skip


def test_revenue_in_two_currencies_is_not_added_up() -> None:
    text = """
    2024-05-01T10:00:00Z ann recommendation_shown   item_id=tea
    2024-05-01T10:00:10Z ann recommendation_clicked item_id=tea
    2024-05-01T10:00:20Z ann purchase item_id=tea price=3 currency=EUR
    2024-05-01T10:00:30Z ann purchase item_id=tea price=3 currency=USD
    """
    with store(told(text)) as log:
        result = log.recs_performance()
    (row,) = rows(result)
    assert (row["bought"], row["revenue"], row["currency"]) == (1, None, None)
    assert any("several currencies" in note for note in result.notes)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("2024-05-01T10:00:00Z ann click", "--shown"),
        ("2024-05-01T10:00:00Z ann recommendation_shown item_id=tea", "--click"),
    ],
    ids=["nothing shown", "nothing clicked"],
)
def test_a_log_without_the_events_says_which_option_names_them(text: str, option: str) -> None:
    with store(told(text)) as log:
        result = log.recs_performance()
    assert rows(result)[0]["clicked"] == 0
    assert any(option in note for note in result.notes)


@pytest.mark.parametrize(
    "options",
    [{"within": "soon"}, {"source": "sourse"}, {"list_id": "nothing"}, {"click": ["a"]}],
    ids=["within", "source", "list", "events"],
)
def test_options_that_cannot_be_read_are_refused(options: dict[str, Any]) -> None:
    with store(LOG) as log, pytest.raises(UsageError):
        log.recs_performance(shown=["a"], **options)


def test_a_showing_counts_in_its_period_and_its_click_after_it() -> None:
    with store(LOG) as log:
        (row,) = rows(log.recs_performance(to="2024-05-01T10:00:05Z", within="1d"))
    assert (row["shown"], row["clicked"], row["converted"], row["unmatched"]) == (3, 1, 1, 0)


@st.composite
def recommendation_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs of few items and lists, with gaps around the window."""
    types = ("shown", "shown", "click", "click", "purchase")
    log = draw(
        boundary_logs(event_types=types, people=("p1", "p2"), max_events=12,
                      moves=short_gaps(HOUR), midnights=False)
    )  # fmt: skip
    return [
        replace(event, properties={
            "item_id": draw(st.sampled_from("aab")),
            "price": draw(st.sampled_from([1, 2])), "currency": "EUR",
            "position": draw(st.sampled_from([None, 1, 2])),
            "source": draw(st.sampled_from([None, "knn"])),
            **draw(st.sampled_from([{}, {"recommendation_id": "r"}])),
        })
        for event in log
    ]  # fmt: skip


@settings(max_examples=25)
@given(worlds.crowds(recommendation_logs()), st.sampled_from(["item", "any"]), st.data())
def test_recommendations_equal_the_oracles(log: list[Event], bought: Any, data: Any) -> None:
    as_of = data.draw(worlds.moments(log, (HOUR, HOUR - 1)))
    seen = worlds.until(log, as_of)
    found, clicks, strays = recommended(seen, within_us=HOUR, anything=bought == "any")
    options = worlds.given(as_of=worlds.moment(as_of))
    with store(log) as opened:
        result = opened.recs_performance(
            shown=["shown"], click=["click"], bought=bought, within="1h", **options
        )
    (whole,) = rows(result)
    assert (whole["clicks"], whole["unmatched"]) == (clicks, strays)
    end = worlds.now(log, as_of)
    check(whole, found, end)
    for table, key in {"positions": "position", "sources": "source"}.items():
        lines = {row[key]: row for row in rows(result, table)}
        values = Counter(one.event.properties[key] for one in found)
        none = "(none)" if key == "source" else None
        assert {key: row["shown"] for key, row in lines.items()} == {
            none if value is None else value: count for value, count in values.items()
        }
        for value in values:
            own = [one for one in found if one.event.properties[key] == value]
            check(lines[none if value is None else value], own, end)


def check(row: worlds.Row, found: list[Shown], end: int) -> None:
    """Check every number of a row."""
    clicked = [one for one in found if one.clicked is not None]
    closed = [one for one in clicked if one.clicked is not None and end - one.clicked >= HOUR]
    converted = [one for one in closed if one.bought]
    assert row["people"] == len({one.person for one in found})
    assert row["clickers"] == len({one.person for one in clicked})
    assert row["buyers"] == len({one.person for one in found if one.bought})
    assert row["bought"] == sum(bool(one.bought) for one in found)
    assert row["pending"] == len(clicked) - len(closed)
    assert isclose(row["revenue"], sum(one.sold for one in found))
    check_rate(row, "click_rate", len(clicked), len(found))
    check_rate(row, "conversion", len(converted), len(closed))
    spans = [min(one.bought) - (one.clicked or 0) for one in converted]
    worlds.check_seconds(row, "to_purchase_median_s", worlds.quantile(spans, 50))
