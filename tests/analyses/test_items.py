"""Items by hand, against plain loops, and beside the carts that hold them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import DataError, StorageError, UsageError
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import DAY, Event
from tests.oracles.items import Item, items
from tests.oracles.logs import boundary_logs

ORDER = {
    "timestamp": "2024-05-01T10:05:00Z", "event_type": "purchase", "user_id": "ann",
    "currency": "EUR", "revenue": 65,
    "items": [{"item_id": "pan", "price": 20, "quantity": 2, "cost": 12.5, "brand": "Nord"},
              {"item_id": "pot", "price": 25, "brand": "Nord"}],
}  # fmt: skip
LOG = (
    told(
        """
    2024-05-01T10:00:00Z ann view        item_id=pan duration_ms=30000 brand=Nord
    2024-05-01T10:01:00Z ann view        item_id=pan duration_ms=10000 brand=Nord
    2024-05-01T10:02:00Z ann add_to_cart item_id=pan price=20 quantity=2 currency=EUR brand=Nord
    2024-05-01T10:10:00Z bob recommendation_shown   item_id=pan
    2024-05-01T10:11:00Z bob recommendation_clicked item_id=pan
    2024-05-01T10:12:00Z bob view        item_id=pan brand=Nord
    2024-05-01T10:13:00Z bob add_to_cart item_id=pan price=20 currency=EUR brand=Nord
    2024-05-01T10:20:00Z cat recommendation_shown   item_id=pan
    2024-05-01T10:21:00Z cat share       item_id=pan
    2024-05-01T10:30:00Z dan purchase    item_id=pan revenue=19 currency=EUR
    2024-05-03T10:00:00Z eva view        item_id=cup
    """
    )
    + json.dumps(ORDER).encode()
    + b"\n"
)
# pan: 3 views (40 s in 2 of them: mean 20 s), by ann and bob; both added it, ann bought it.
# Lines of purchases: ann's 2 x 20, dan's order of 19: revenue 59, 2 + 1 pieces; margin of ann's
# line, whose cost is known: 2 x (20 - 12.50) = 15. Shown to bob and cat, clicked by bob.
# Proof: ann, cat, dan. Carts: ann's bought, bob's abandoned. First view 10:00, purchases 10:05
# and 10:30: 300 s and 1800 s. pot: never viewed, one line of 25, no cost. cup: one view.


def test_the_golden_table() -> None:
    with store(LOG) as log:
        pan, cup, pot = rows(log.items(nth=2))
    wanted = {
        "item": "pan", "views": 3, "viewers": 2, "purchases": 2, "revenue": 59.0, "quantity": 3,
        "margin": 15.0, "currency": "EUR", "view_mean_s": 20.0, "timed": 2, "repeat_views": 1,
        "shares": 1, "proof": 3, "to_first_s": 300.0, "to_nth_s": 1800.0, "adds": 2, "buyers": 2,
        "shown": 2, "clicks": 1,
    }  # fmt: skip
    assert {name: pan[name] for name in wanted} == wanted
    check_rate(pan, "add_rate", 2, 2)
    check_rate(pan, "purchase_rate", 1, 2)
    check_rate(pan, "click_rate", 1, 2)
    check_rate(pan, "abandonment_rate", 1, 2)
    assert (cup["item"], cup["views"], cup["revenue"], cup["to_first_s"]) == ("cup", 1, 0, None)
    assert (pot["item"], pot["views"], pot["revenue"], pot["margin"]) == ("pot", 0, 25, None)
    check_rate(pot, "add_rate", 0, 0)


def money(row: worlds.Row) -> tuple[Any, ...]:
    names = ("cost", "costed_revenue", "margin", "margin_rate", "return_on_spend")
    return tuple(row[name] for name in names)


def test_the_golden_margin() -> None:
    with store(LOG) as log:
        pan, cup, pot = rows(log.items())
    assert money(pan) == (25.0, 40.0, 15.0, 0.375, 1.6)  # 2 x 12.50 of ann's line of 40
    assert (pan["people"], pan["revenue_per_person"]) == (4, 14.75)  # ann, bob, cat, dan: 59 / 4
    assert (cup["people"], cup["revenue_per_person"], *money(cup)) == (1, 0.0, *[None] * 5)
    assert (pot["people"], pot["revenue_per_person"], *money(pot)) == (1, 25.0, *[None] * 5)


COSTS = "item_id,cost,currency\npan,99,EUR\npot,30,EUR\ncup,1,\npot,7,JPY\n"


def test_costs_of_a_file_stand_in_for_those_that_were_not_sent(tmp_path: Path) -> None:
    """pan: 2 x 12.50 as sent and 99 of the file for dan's; pot is sold below its cost."""
    path = tmp_path / "costs.csv"
    path.write_text(COSTS, encoding="utf-8")
    with store(LOG) as log:
        result = log.items(costs=str(path))
        brands = {row["item"]: row for row in rows(log.items(costs=str(path), of="brand"))}
    pan, _, pot = rows(result)
    assert money(pan) == (124.0, 59.0, -65.0, pytest.approx(-65 / 59), pytest.approx(59 / 124))
    assert money(pot) == (30.0, 25.0, -5.0, -0.2, pytest.approx(25 / 30))
    assert money(brands["Nord"])[:3] == (55.0, 65.0, 10.0)
    assert result.meta["costs"] == str(path)


@pytest.mark.spark
def test_costs_of_a_file_are_the_same_on_a_cluster(tmp_path: Path, spark: str) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(COSTS, encoding="utf-8")
    with store(LOG) as log:
        here = rows(log.items(costs=str(path)))
        assert rows(log.items(costs=str(path), engine="spark", master=spark)) == here


def test_costs_of_the_configuration_are_taken_and_an_option_wins(tmp_path: Path) -> None:
    (tmp_path / "usual.csv").write_text("item_id,cost,currency\npot,10,EUR\n")
    (tmp_path / "other.csv").write_text("cost,item_id,currency\n5,pot,eur\n")
    with store(LOG, settings={"costs_items": str(tmp_path / "usual.csv")}) as log:
        assert rows(log.items())[2]["margin"] == 15.0
        assert rows(log.items(costs=str(tmp_path / "other.csv")))[2]["margin"] == 20.0


def test_a_cost_in_another_currency_is_none(tmp_path: Path) -> None:
    (tmp_path / "costs.csv").write_text("item_id,cost\npot,10\n")  # in USD, the default
    with store(LOG) as log:
        assert rows(log.items(costs=str(tmp_path / "costs.csv")))[2]["margin"] is None
    with store(LOG, settings={"currency": "EUR"}) as log:
        assert rows(log.items(costs=str(tmp_path / "costs.csv")))[2]["margin"] == 15.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a column item_id, has none"),
        ("item_id\n", "must have a column cost, has item_id"),
        ("item_id,cost\npan,\n", "line 2: cost must be a number from 0, was ''"),
        ("item_id,cost\npan,-1\n", "line 2: cost must be a number from 0, was '-1'"),
        ("item_id,cost\npan,inf\n", "line 2: cost must be a number from 0"),
        ("item_id,cost\npan,1e10\n", "line 2: no piece costs '1e10'"),
        ("item_id,cost\npan,1\npan,2\n", "line 3: 'pan' has a cost in USD already"),
        ("item_id,cost\n\udcff,1\n", "no CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_of_item_costs_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "costs.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with store(LOG) as log, pytest.raises(DataError) as caught:
        log.items(costs=str(path))
    assert said in caught.value.message


def test_a_file_of_item_costs_that_is_not_there_is_named(tmp_path: Path) -> None:
    with store(LOG) as log, pytest.raises(StorageError, match=r"cannot read .*nothing\.csv"):
        log.items(costs=str(tmp_path / "nothing.csv"))


def test_brands_count_each_person_once() -> None:
    with store(LOG) as log:
        found = {row["item"]: row for row in rows(log.items(of="brand"))}
    nord = found["Nord"]
    assert (nord["viewers"], nord["buyers"], nord["revenue"], nord["quantity"]) == (2, 1, 65, 3)
    check_rate(nord, "abandonment_rate", 1, 2)
    assert found["(none)"]["views"] == 1


WHO = {
    "viewed:pan": ["ann", "bob"], "added:pan": ["ann", "bob"], "bought:pan": ["ann", "dan"],
    "shared:pan": ["cat"], "repeated:pan": ["ann"], "proof:pan": ["ann", "cat", "dan"],
    "bought:none": [],
}  # fmt: skip


@pytest.mark.parametrize("cell", WHO)
def test_the_people_of_a_cell(cell: str) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "items", cell) == WHO[cell]


@pytest.mark.parametrize("cell", ["viewed", "viewed:", "lost:pan", ":pan"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="--who must be one of"):
        log.items(who=cell)


def test_revenue_in_two_currencies_is_not_added_up() -> None:
    text = """2024-05-01T10:00:00Z ann purchase item_id=pan price=20 currency=EUR
              2024-05-01T10:00:00Z bob purchase item_id=pan price=2000 currency=JPY
              2024-05-01T10:00:00Z bob purchase item_id=pot price=2000 currency=JPY"""
    with store(told(text)) as log:
        result = log.items()
    found = {row["item"]: (row["revenue"], row["currency"]) for row in rows(result)}
    assert found == {"pan": (None, None), "pot": (2000.0, "JPY")}
    assert any("several currencies" in note for note in result.notes)


def test_an_order_of_two_lines_without_prices_earns_an_unknown_sum() -> None:
    order = ORDER | {"items": [{"item_id": "pan"}, {"item_id": "pot"}]}
    with store(json.dumps(order).encode() + b"\n") as log:
        assert [row["revenue"] for row in rows(log.items())] == [None, None]


def test_a_view_that_is_said_to_last_longer_than_a_day_is_not_timed() -> None:
    text = """2024-05-01T10:00:00Z ann view item_id=pan duration_ms=86400000
              2024-05-01T11:00:00Z ann view item_id=pan duration_ms=86400001
              2024-05-01T12:00:00Z ann view item_id=pan duration_ms=-1"""
    with store(told(text)) as log:
        (row,) = rows(log.items())
    assert (row["views"], row["timed"], row["view_mean_s"]) == (3, 1, 86_400.0)


def test_a_breakdown_has_its_total() -> None:
    text = """2024-05-01T10:00:00Z ann view item_id=pan country=DE
              2024-05-01T10:00:00Z bob view item_id=pan"""
    with store(told(text)) as log:
        found = rows(log.items(by="country"))
    assert [(row["country"], row["views"]) for row in found] == [
        ("(total)", 2), ("(none)", 1), ("DE", 1),
    ]  # fmt: skip


def test_a_log_without_views_says_which_option_names_them() -> None:
    with store(told("2024-05-01T10:00:00Z ann click")) as log:
        result = log.items()
    assert rows(result) == []
    assert any("--view" in note for note in result.notes)


@st.composite
def item_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs about two items, orders with lists among them."""
    kinds = ("view", "view", "view", "add_to_cart", "purchase", "share")
    log = draw(boundary_logs(event_types=kinds, people=("p1", "p2"), max_events=10,
                             moves=[0, 0, 1, 3 * DAY, 7 * DAY - 1, 7 * DAY]))  # fmt: skip
    line = st.fixed_dictionaries({
        "item_id": st.sampled_from(["pan", "pot"]), "quantity": st.integers(1, 3),
        "price": st.integers(0, 3),
    })  # fmt: skip
    found = []
    for event in log:
        values = {**draw(line), "currency": "JPY"}
        if event.event_type == "view":
            values["duration_ms"] = draw(st.sampled_from([None, 0, 1500]))
        if event.event_type == "purchase" and draw(st.booleans()):
            values = {"currency": "JPY", "items": draw(st.lists(line, min_size=1, max_size=3))}
        found.append(replace(event, properties=values))
    return found


@settings(max_examples=30)
@given(worlds.crowds(item_logs()))
def test_items_equal_the_oracles(log: list[Event]) -> None:
    wanted = items(log)
    with store(log) as opened:
        found = {row["item"]: row for row in rows(opened.items(nth=2))}
    assert found.keys() == wanted.keys()
    for name, item in wanted.items():
        check(found[name], item)


def check(row: worlds.Row, item: Item) -> None:
    """Check the numbers of a row."""
    assert (row["views"], row["viewers"]) == (item.views, len(item.viewers))
    assert row["repeat_views"] == item.views - len(item.viewers)
    assert (row["buyers"], row["proof"]) == (len(item.bought), len(item.proof))
    assert (row["quantity"], row["revenue"]) == (item.quantity, item.revenue)
    assert row["purchases"] == len(item.bought_at)
    check_rate(row, "add_rate", len(item.viewers & item.added), len(item.viewers))
    check_rate(row, "purchase_rate", len(item.viewers & item.bought), len(item.viewers))
    mean = sum(item.seconds) / len(item.seconds) / 1000 if item.seconds else None
    assert row["view_mean_s"] == (None if mean is None else pytest.approx(mean))
    for name, place in {"to_first_s": 0, "to_nth_s": 1}.items():
        bought = sorted(item.bought_at)[place : place + 1]
        span = bought[0] - min(item.viewed_at) if bought and item.viewed_at else -1
        assert row[name] == (None if span < 0 else pytest.approx(span / 10**6))
