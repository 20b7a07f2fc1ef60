"""Features by hand, and against plain loops."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.api import Log
from clickcli.errors import UsageError
from clickcli.features import TABLES, Options
from tests.analyses import worlds
from tests.analyses.worlds import moment, rows, store, told
from tests.features.world import shop_logs
from tests.oracles import DAY, Event, instant
from tests.oracles import features as oracle

ORDER = {
    "timestamp": "2024-05-08T10:20:00Z", "event_type": "purchase", "user_id": "ann",
    "currency": "EUR", "revenue": 65, "discount": 5, "order_id": "o1",
    "items": [{"item_id": "pan", "price": 20, "quantity": 2, "brand": "Nord"},
              {"item_id": "pot", "price": 25, "brand": "Süd"}],
}  # fmt: skip
LOG = (
    told(
        """
    2024-05-01T10:00:00Z ann page_view
    2024-05-01T10:00:10Z ann search      search_query=pans result_count=0
    2024-05-01T10:00:20Z ann view        item_id=pan price=30 currency=EUR brand=Nord category=cook
    2024-05-08T10:00:00Z ann view        item_id=pan price=20 currency=EUR brand=Nord category=cook
    2024-05-08T10:10:00Z ann add_to_cart item_id=pan price=20 currency=EUR brand=Nord category=cook
    2024-05-08T10:20:00Z bob view        item_id=pan price=20 currency=EUR device_type=mobile
    2024-05-08T10:20:00Z bob group_join  item_id=pan
    2024-05-08T10:21:00Z bob content_view item_id=c1 content_type=article duration_ms=61000
    """
    )
    + json.dumps(ORDER).encode()
    + b"\n"
)
CUTOFF = "2024-05-15T10:20:00Z"
# ann: sessions of 1 May (20 s: page view, search, view) and 8 May (20 min: view, add, purchase), 7
# days apart; 6 events on 2 days; last seen 7 days before the cutoff. Lines bought: pan and pot, of
# Nord and Süd: one switch, loyalty 1/2. Decision on pan: 7 d 0 h 19 min 40 s; pot was never viewed.
# Prices viewed 30, 20: mean 25; bought 20, 25: 22.5; ratio 25 / 22.5. Revenue 65 of one order.
# Brands met: Nord 4 (2 views, add, purchase), Süd 1: share 4/5. Hour 10 six times.
# Wednesday both times. Engagement: 2^-1, 1 - 2^(-2/5), 1 - 2^(-3/5). Churn: 1 - 2^(-7/7).
# Rating of pan at the cutoff: the view of 1 May is 14 d 19 m 40 s old, the rest 7 days and some
# minutes; 2^(-7/30) for the purchase.


@pytest.fixture(scope="module")
def tables() -> Mapping[str, pl.DataFrame]:
    with store(LOG) as log:
        built = log.features.build(cutoff=CUTOFF)
        assert built.people == built.computed == 2
        return {name: log.features.table(name).collect() for name in TABLES}


def test_the_golden_person(tables: Mapping[str, pl.DataFrame]) -> None:
    ann = tables["persons"].row(0, named=True)
    wanted = {
        "person_id": "ann", "is_known": True, "events": 6, "sessions": 2, "active_days": 2,
        "engaged_sessions": 2, "page_views": 1, "pages_per_session": 0.5, "searches": 1,
        "zero_searches": 1, "views": 2, "adds": 1, "purchases": 1, "checkouts": 0, "orders": 1,
        "conversion": 0.5, "cart_rate": 0.5, "revenue": 65.0, "order_mean": 65.0,
        "currency": "EUR", "price_viewed_mean": 25.0, "price_bought_mean": 22.5,
        "price_currency": "EUR", "discounted_share": 1.0, "brand_lines": 2, "brand_switches": 1,
        "brand_loyalty": 0.5, "hour_1": 10, "hour_2": None, "weekday": 3, "brand_1": "Nord",
        "brand_1_events": 4, "brand_events": 5, "brand_1_share": 0.8, "brand_2": "Süd",
        "brand_3": None, "category_1": "cook", "category_events": 3, "category_1_share": 1.0,
        "device_sessions": 0, "device_1": None, "channel_1": "Direct", "channel_1_share": 1.0,
        "gap_mean_days": pytest.approx(7), "session_mean_s": (20 + 1200) / 2,
        "session_median_s": 610.0, "decision_s": 7 * 86_400 + 19 * 60 + 40,
        "days_since_seen": 7.0, "churn_risk": pytest.approx(0.5), "price_ratio": 25 / 22.5,
    }  # fmt: skip
    assert {name: ann[name] for name in wanted} == wanted
    parts = (2**-1, 1 - 2 ** (-2 / 5), 1 - 2 ** (-3 / 5))
    assert ann["engagement_score"] == pytest.approx(sum(parts) / 3)
    tenure = 7 + (20 * 60) / 86_400
    assert ann["loyalty_score"] == pytest.approx((0 + 1 - 2 ** (-tenure / 90) + 0.5) / 3)


def test_the_golden_interactions(tables: Mapping[str, pl.DataFrame]) -> None:
    found = {(row["person_id"], row["item"]): row for row in tables["interactions"].to_dicts()}
    assert list(found) == [("ann", "pan"), ("ann", "pot"), ("bob", "pan"), ("bob", "c1")]
    pan = found["ann", "pan"]
    ages = (14 * 86_400 + 1180, 7 * 86_400 + 1200, 7 * 86_400 + 600, 7 * 86_400)
    weighted = zip((1, 1, 3, 5), ages, strict=True)
    rating = sum(weight * 2 ** (-age / 86_400 / 30) for weight, age in weighted)
    assert pan["rating"] == pytest.approx(rating, abs=1e-5)
    assert (pan["views"], pan["adds"], pan["purchases"], pan["content_engagement"]) == (
        2,
        1,
        1,
        None,
    )
    content = found["bob", "c1"]
    assert (content["content_views"], content["seconds"], content["content_engagement"]) == (
        1, 61.0, 1.0,
    )  # fmt: skip


def test_the_golden_items(tables: Mapping[str, pl.DataFrame]) -> None:
    found = {row["item"]: row for row in tables["items"].to_dicts()}
    pan = found["pan"]
    assert (pan["views"], pan["viewers"], pan["viewers_joined"], pan["join_rate"]) == (3, 2, 1, 0.5)
    assert found["pot"]["join_rate"] is None
    assert found["pan"]["revenue"] == 40.0


def test_the_golden_similarity(tables: Mapping[str, pl.DataFrame]) -> None:
    found = tables["similar_persons"].to_dicts()
    assert [(row["person_id"], row["neighbour_id"], row["overlap"]) for row in found] == [
        ("ann", "bob", 1), ("bob", "ann", 1),
    ]  # fmt: skip
    ratings = {
        row["item"]: row["rating"]
        for row in tables["interactions"].to_dicts()
        if row["person_id"] == "ann"
    }
    cosine = ratings["pan"] / (ratings["pan"] ** 2 + ratings["pot"] ** 2) ** 0.5
    assert [row["similarity"] for row in found] == [pytest.approx(cosine, abs=1e-6)] * 2


def test_items_are_those_of_the_analyses(tables: Mapping[str, pl.DataFrame]) -> None:
    as_of = "2024-05-15T10:19:59.999999Z"
    with store(LOG) as log:
        of_items, trending = rows(log.items(as_of=as_of)), rows(log.trending(as_of=as_of))
    found = {row["item"]: row for row in tables["items"].to_dicts()}
    assert {row["item"] for row in of_items} - {"(none)"} == found.keys()
    for row in of_items:
        assert {name: found[row["item"]][name] for name in row} == row
    trend = [name for name in trending[0] if name in found["pan"] and name not in of_items[0]]
    assert {"score", "velocity", "growth"} <= set(trend)
    for row in trending:
        own = found[row["item"]]
        assert [own[name] for name in trend] == [row[name] for name in trend]


def test_every_table_is_as_declared(tables: Mapping[str, pl.DataFrame]) -> None:
    for name, table in TABLES.items():
        assert tables[name].columns == table.names()
        assert not tables[name].select(table.keys).is_duplicated().any()


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Event], int, str]:
    """Draw a log, a cutoff at or beside one of its events, and a time zone."""
    log = draw(worlds.crowds(shop_logs(), most=4))
    cutoff = draw(worlds.moments(log, (1, DAY)))
    at = max((event.ts for event in log), default=0) + 1 if cutoff is None else cutoff
    return log, at, draw(st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Chatham"]))


def by_name(log: Log, name: str, *keys: str) -> dict[Any, dict[str, Any]]:
    found = log.features.table(name).collect().with_columns(
        pl.col(pl.Datetime).dt.epoch("us")
    )  # fmt: skip
    return {
        tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]: row
        for row in found.to_dicts()
    }


@settings(max_examples=15)
@given(questions())
def test_tables_equal_the_oracles(question: tuple[list[Event], int, str]) -> None:
    log, cutoff, tz = question
    people = oracle.persons(log, cutoff, tz)
    pairs = oracle.interactions(log, cutoff)
    with store(log) as opened:
        opened.features.build(cutoff=moment(cutoff), options=Options(tz=tz, k=100))
        same(by_name(opened, "persons", "person_id"), people)
        same(by_name(opened, "interactions", "person_id", "item"), pairs)
        similar = opened.features.table("similar_persons").collect().to_dicts()
    wanted = oracle.similarities(pairs)
    assert {(row["person_id"], row["neighbour_id"]) for row in similar} == wanted.keys()
    for row in similar:
        cosine, shared = wanted[row["person_id"], row["neighbour_id"]]
        assert row["similarity"] == pytest.approx(cosine, abs=1e-5)
        assert row["overlap"] == shared
    order = [(r["person_id"], -r["similarity"], r["neighbour_id"]) for r in similar]
    assert order == sorted(order)


def same(found: dict[Any, dict[str, Any]], wanted: Mapping[Any, Mapping[str, Any]]) -> None:
    """Check rows; sums of terms of ratings are rounded to millionths."""
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        for name, value in row.items():
            own = found[key][name]
            exact = value is None or isinstance(value, int | str)
            assert own == (value if exact else pytest.approx(value, rel=1e-9, abs=2e-5)), name


@settings(max_examples=7)
@given(shop_logs(max_events=20), st.integers(1, 3))
def test_the_nearest_are_the_first_of_all(log: list[Event], k: int) -> None:
    with store(log) as opened:
        opened.features.build(options=Options(k=100))
        everybody = opened.features.table("similar_persons").collect()
        opened.features.build(options=Options(k=k))
        nearest = opened.features.table("similar_persons").collect()
    assert nearest.equals(everybody.filter(pl.col("rank") <= k))


def test_nothing_decays_where_it_is_turned_off() -> None:
    with store(LOG) as log:
        log.features.build(options=Options(half_life="none", weight_view=10))
        found = {(r["person_id"], r["item"]): r["rating"]
                 for r in log.features.table("interactions").collect().to_dicts()}  # fmt: skip
    assert found == {
        ("ann", "pan"): 28.0, ("ann", "pot"): 5.0, ("bob", "pan"): 10.0, ("bob", "c1"): 0.0,
    }  # fmt: skip


def test_money_in_two_currencies_is_not_added_up() -> None:
    text = """2024-05-01T10:00:00Z ann purchase item_id=pan price=20 revenue=20 currency=EUR
              2024-05-01T10:00:00Z ann purchase item_id=pan price=2000 revenue=2000 currency=JPY"""
    with store(told(text)) as log:
        (row,) = log.features.persons().collect().to_dicts()
    assert (row["orders"], row["revenue"], row["currency"]) == (2, None, None)
    assert (row["price_bought_mean"], row["price_currency"]) == (None, None)


def test_a_cutoff_before_everything_knows_nobody() -> None:
    with store(LOG) as log:
        built = log.features.build(cutoff="2020-01-01")
    assert set(built.rows.values()) == {0}


def test_a_log_without_items_says_which_options_name_them() -> None:
    with store(told("2024-05-01T10:00:00Z ann look")) as log:
        built = log.features.build()
    assert built.rows == {"persons": 1, "items": 0, "interactions": 0, "similar_persons": 0}
    assert any("--view" in note for note in built.notes)


def test_persons_are_computed_without_being_built() -> None:
    with store(LOG) as log:
        found = log.features.persons(cutoff=CUTOFF).collect()
        assert log.features.kept() == []
        log.features.build(cutoff=CUTOFF)
        assert log.features.table("persons").collect().equals(found)


@pytest.mark.parametrize(
    "options",
    [Options(half_life="0s"), Options(half_life="soon"), Options(tz="Mars"), Options(timeout="x")],
    ids=["no half-life", "half-life", "zone", "time-out"],
)
def test_options_that_cannot_be_read_are_refused(options: Options) -> None:
    with store(LOG) as log, pytest.raises(UsageError):
        log.features.build(options=options)


def test_the_last_microsecond_counts_and_the_cutoff_itself_does_not() -> None:
    text = "2024-05-01T10:00:00Z ann view item_id=pan"
    at = instant("2024-05-01T10:00:00")
    with store(told(text)) as log:
        assert log.features.persons(cutoff=moment(at)).collect().height == 0
        assert log.features.persons(cutoff=moment(at + 1)).collect().height == 1
