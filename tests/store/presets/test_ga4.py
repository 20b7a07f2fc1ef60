"""Google Analytics 4: typed parameters, sessions, campaigns, money and items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.store import Store
from clickcli.store.presets import find_preset
from tests.store.logs import check, ingest, write
from tests.store.presets.foreign import row, rows
from tests.store.presets.samples import leaves

GA4 = find_preset("ga4")
EVENT: dict[str, Any] = {
    "event_timestamp": "1709287200000000", "event_name": "purchase", "user_pseudo_id": "1.2",
    "event_params": [],
}  # fmt: skip


def parameter(key: str, value: Any, kind: str = "string_value") -> dict[str, Any]:
    """Return one parameter."""
    return {"key": key, "value": {kind: value}}


def event(**given: Any) -> dict[str, Any]:
    """Return an event; names with two underscores before are parameters."""
    own = {name: value for name, value in given.items() if not name.startswith("__")}
    params = [
        parameter(name[2:], value, "string_value" if isinstance(value, str) else "double_value")
        for name, value in given.items()
        if name.startswith("__")
    ]
    return EVENT | {"event_params": params} | own


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"string_value": "5"}, "5"),
        ({"int_value": "5"}, 5),
        ({"int_value": 5, "string_value": None}, 5),
        ({"int_value": "-9223372036854775808"}, -9223372036854775808),
        ({"double_value": 2.5}, 2.5),
        ({"float_value": 2.5, "double_value": None}, 2.5),
        ({"string_value": ""}, ""),
        ({}, None),
        ({"string_value": "a", "int_value": "1"}, {"string_value": "a", "int_value": "1"}),
        ({"other": 1}, {"other": 1}),
        ("bare", "bare"),
    ],
    ids=str,
)
def test_a_typed_value_is_its_one_value(value: Any, expected: Any) -> None:
    line = EVENT | {"event_params": [{"key": "k", "value": value}]}
    assert row("ga4", line)["properties"]["k"] == expected


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "key": st.sampled_from(["a", "b", "price"]) | st.text(max_size=3) | st.integers(),
                "value": st.dictionaries(
                    st.sampled_from(["string_value", "int_value", "set_timestamp_micros", "x"]),
                    st.none() | st.text(max_size=3) | st.integers() | st.lists(st.integers()),
                    max_size=3,
                ),
            }
        ),
        max_size=4,
    )
)
def test_parameters_and_properties_of_a_user_lose_nothing(entries: list[Any]) -> None:
    for read in GA4.objects.values():
        found = read(entries)
        if found is not None:
            held = leaves([entry["value"] for entry in entries])
            assert sorted(str(leaf) for leaf in leaves(found)) == sorted(map(str, held))
            assert {entry["key"] for entry in entries} <= found.keys()


def test_a_property_of_the_user_is_beside_the_time_it_was_set_at() -> None:
    plan = {"key": "plan", "value": {"string_value": "pro", "set_timestamp_micros": "17"}}
    odd = {"key": "plan.set_timestamp_micros", "value": {"string_value": "mine"}}
    assert row("ga4", EVENT | {"user_properties": [plan]})["properties"]["user_properties"] == {
        "plan": "pro", "plan.set_timestamp_micros": "17",
    }  # fmt: skip
    both = row("ga4", EVENT | {"user_properties": [plan, odd]})
    assert both["properties"]["user_properties"] == [plan, odd]


@pytest.mark.parametrize("stamp", ["1709287200000000", 1709287200000000, 1709287200000000.0])
def test_a_timestamp_is_microseconds_as_text_or_number(stamp: Any) -> None:
    assert row("ga4", EVENT | {"event_timestamp": stamp})["ts"] == "2024-03-01T10:00:00Z"


def test_a_session_is_of_one_person() -> None:
    lines = [event(user_pseudo_id=person, __ga_session_id="1709287200") for person in ("a", "b")]
    assert [one["session_id"] for one in rows("ga4", *lines)] == ["a.1709287200", "b.1709287200"]
    assert "session_id" not in row("ga4", event(user_pseudo_id=None, __ga_session_id="1"))
    assert "session_id" not in row("ga4", EVENT)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("purchase", 1250), ("add_to_cart", None), ("begin_checkout", None), ("refund", None)],
)
def test_a_value_is_earned_by_a_purchase_only(name: str, expected: int | None) -> None:
    found = row("ga4", event(event_name=name, __value=12.5, __currency="EUR"))
    assert found.get("revenue") == expected
    assert found["properties"]["value"] == 12.5


def test_a_purchase_without_a_value_earns_what_the_shop_says() -> None:
    shop = {"purchase_revenue": 20, "transaction_id": "o1", "total_item_quantity": 2}
    found = row("ga4", EVENT | {"ecommerce": shop})
    assert (found["revenue"], found["order_id"]) == (2000, "o1")
    bad = row("ga4", EVENT | {"ecommerce": {"purchase_revenue": [20]}})
    assert "revenue" not in bad
    assert bad["properties"]["ecommerce"] == {"purchase_revenue": [20]}


def test_how_a_person_came_the_first_time_is_no_campaign_of_the_event() -> None:
    first = {"source": "google", "medium": "cpc", "name": "brand"}
    found = row("ga4", EVENT | {"traffic_source": first})
    assert not {"utm_source", "utm_medium", "utm_campaign"} & found.keys()
    assert found["properties"]["traffic_source"] == first


def test_a_campaign_as_collected_goes_before_parameters_and_address() -> None:
    line = event(
        collected_traffic_source={"manual_source": "one", "dclid": "x", "gclid": None},
        __source="two", __medium="email", __page_location="https://a.example/?utm_source=three",
    )  # fmt: skip
    found = row("ga4", line)
    assert (found["utm_source"], found["utm_medium"]) == ("one", "email")
    assert found["click_id"] == "dclid"
    assert found["properties"]["source"] == "two"


def test_only_an_event_about_one_item_fills_the_columns_of_an_item() -> None:
    item = {"item_id": "007", "item_brand": "(not set)", "price": 1.5, "quantity": "2"}
    one = row("ga4", EVENT | {"items": [item]})
    assert (one["item_id"], one["price"], one["quantity"]) == ("007", 150, 2)
    assert "brand" not in one
    assert one["items"] == [item]
    assert "item_id" not in row("ga4", EVENT | {"items": [item, item]})
    oddities: list[Any] = [[], [7], [[]], "items", {"item_id": "x"}, [{"item_id": ["x"]}]]
    for odd in oddities:
        assert "item_id" not in row("ga4", EVENT | {"items": odd})


@pytest.mark.parametrize(
    ("price", "minor"), [(1990000, 199), (990000, 99), (1.99, 199), (0, 0), (129, 0)]
)
def test_a_whole_price_in_an_app_is_in_millionths(price: float, minor: int) -> None:
    found = row("ga4", event(event_name="in_app_purchase", __price=price))
    assert found["price"] == minor
    assert "revenue" not in found


@pytest.mark.parametrize("price", [True, "1990000", 10**40, [1], {"a": 1}], ids=str)
def test_an_odd_price_in_an_app_is_kept(price: Any) -> None:
    found = row("ga4", event(event_name="in_app_purchase", __price=price))
    assert json.dumps(price) in json.dumps(found)


def test_the_same_table_twice_is_stored_once(store: Store, tmp_path: Path) -> None:
    lines = [event(event_name="scroll"), event(event_name="scroll"), event(event_name="click")]
    first = ingest(store, write(tmp_path / "a.jsonl", lines), mapping=GA4)
    again = ingest(store, write(tmp_path / "b.jsonl", [*lines, EVENT]), mapping=GA4)
    assert (first.stored, again.stored, again.duplicates) == (3, 1, 3)
    check(again)
