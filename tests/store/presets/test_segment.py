"""Segment and RudderStack calls: times, batches, money, and calls that are sent again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickcli.store import Store
from clickcli.store.presets import find_preset
from tests.store.logs import check, events, ingest, write
from tests.store.presets.foreign import row, rows, who
from tests.store.presets.samples import FOLDER

CALL: dict[str, Any] = {
    "type": "track", "event": "Played", "messageId": "m1", "anonymousId": "a1", "context": {},
    "timestamp": "2024-03-01T10:00:00Z",
}  # fmt: skip
SEGMENT = find_preset("segment")


def test_rudderstack_is_the_same_preset() -> None:
    assert find_preset("rudderstack") is SEGMENT


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"timestamp": "2024-03-01T10:00:00Z", "originalTimestamp": "2024-03-01T11:00:00Z"}, "10"),
        ({"originalTimestamp": "2024-03-01T11:00:00Z", "sentAt": "2024-03-01T12:00:00Z"}, "11"),
        ({"timestamp": None, "sentAt": "2024-03-01T12:00:00Z"}, "12"),
        ({"timestamp": "2024-03-01T10:00:00+02:00"}, "08"),
        ({"timestamp": "2024-03-01 10:00:00.000"}, "10"),
        ({"timestamp": 1709287200000}, "10"),
    ],
)  # fmt: skip
def test_the_time_of_a_call(times: dict[str, Any], expected: str) -> None:
    call = {key: value for key, value in CALL.items() if key != "timestamp"} | times
    assert row("segment", call)["ts"] == f"2024-03-01T{expected}:00:00Z"


def test_a_time_without_an_offset_is_utc_wherever_we_are() -> None:
    call = CALL | {"timestamp": "2024-03-01 10:00:00"}
    assert row("segment", call, input_tz="Pacific/Chatham")["ts"] == "2024-03-01T10:00:00Z"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"type": "page"}, "page_view"),
        ({"type": "page", "event": "odd"}, "page_view"),
        ({"type": "track", "event": "page"}, "page"),
        ({"type": "screen", "name": "Home"}, "screen"),
        ({"type": "charge", "event": None}, "charge"),
        ({"type": None, "event": "Played"}, "Played"),
    ],
)
def test_the_event_type_of_a_call(call: dict[str, Any], expected: str) -> None:
    assert row("segment", CALL | call)["event_type"] == expected


def test_an_order_earns_its_money_once() -> None:
    money = {"revenue": 50, "total": 60, "currency": "EUR", "order_id": "o"}
    names = ("Checkout Started", "checkout_step_completed", "Order Completed", "Order Updated",
             "Order Refunded", "Order Cancelled")  # fmt: skip
    found = rows("segment", *(CALL | {"event": name, "properties": money} for name in names))
    assert [one.get("revenue") for one in found] == [None, None, 5000, None, None, None]
    assert [one["properties"].get("revenue") for one in found] == [50, 50, None, 50, 50, 50]
    assert {one["properties"]["total"] for one in found} == {60}


def test_the_variant_of_a_product_is_not_that_of_an_experiment() -> None:
    product = row("segment", CALL | {"properties": {"variant": "red", "sku": "s"}})
    assert "variant" not in product
    assert product["properties"]["variant"] == "red"
    shown = {"experiment_id": "e", "variant": "red"}
    assert row("segment", CALL | {"properties": shown})["variant"] == "red"


def test_a_call_of_a_batch_has_the_context_of_the_batch() -> None:
    batch = {
        "context": {"ip": "203.0.113.77", "locale": "de", "app": "one"},
        "batch": [CALL | {"context": {"app": "two", "page": {"url": "https://a.example/b"}}}],
    }
    found = row("segment", batch)
    assert (found["ip"], found["language"], found["page_path"]) == ("203.0.113.0", "de", "/b")
    assert found["properties"]["context"] == {"app": "two", "$top.app": "one"}


@pytest.mark.parametrize("context", [{"ip": "198.51.100.9"}, {}, None, "text", [1]], ids=str)
def test_no_whole_address_of_a_batch_is_stored(context: Any) -> None:
    shared = {"context": {"ip": "203.0.113.77"}, "request_ip": "203.0.113.77"}
    batch = shared | {"batch": [CALL | {"context": context, "request_ip": "203.0.113.78"}]}
    found = row("segment", batch)
    assert found["ip"] in ("203.0.113.0", "198.51.100.0")
    assert "203.0.113.7" not in json.dumps(found)
    assert "198.51.100.9" not in json.dumps(found)


def test_an_alias_links_the_device_with_the_user() -> None:
    call = {"type": "alias", "previousId": "a1", "userId": "u1", "timestamp": 1709287200}
    assert who(row("segment", call)) == ("u1", "a1")


def test_a_call_sent_again_is_a_duplicate_and_another_one_a_conflict(
    store: Store, tmp_path: Path
) -> None:
    again = CALL | {"timestamp": "2024-03-01T10:00:00.250Z", "sentAt": "2024-03-01T10:01:00Z"}
    other = CALL | {"event": "Stopped"}
    summary = ingest(store, write(tmp_path / "a.jsonl", [CALL, again, other]), mapping=SEGMENT)
    assert (summary.stored, summary.duplicates, summary.conflicts) == (1, 1, 1)
    check(summary)


def test_a_log_read_twice_is_stored_once(store: Store, tmp_path: Path) -> None:
    data = (FOLDER / "segment.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl").write_bytes(data + b"\n")
    first = ingest(store, tmp_path / "a.jsonl", mapping=SEGMENT)
    again = ingest(store, tmp_path / "b.jsonl", mapping=SEGMENT)
    assert (first.read, first.stored, first.rejected) == (13, 12, 1)
    assert (again.stored, again.duplicates) == (0, 12)
    assert events(store).height == 12
    check(first)
    check(again)
