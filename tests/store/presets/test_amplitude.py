"""Amplitude events: times in UTC, sessions, devices, money, repeated exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickcli.store import Store
from clickcli.store.presets import find_preset
from tests.store.logs import check, ingest, write
from tests.store.presets.foreign import row, rows, who

AMPLITUDE = find_preset("amplitude")
EVENT: dict[str, Any] = {
    "event_type": "Played", "user_id": "u1", "device_id": "d1", "uuid": "1", "event_id": 17,
    "event_time": "2024-03-01 10:00:00.123000", "event_properties": {},
}  # fmt: skip


def test_a_time_without_an_offset_is_utc_wherever_we_are() -> None:
    found = row(
        "amplitude",
        EVENT | {"server_received_time": "2024-03-01 10:00:01"},
        input_tz="America/New_York",
    )
    assert found["ts"] == "2024-03-01T10:00:00.123Z"
    assert found["received_at"] == "2024-03-01T10:00:01Z"


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"time": 1709287200123}, "2024-03-01T10:00:00.123Z"),
        ({"client_event_time": "2024-03-01 10:00:00"}, "2024-03-01T10:00:00Z"),
        ({"time": "2024-03-01T12:00:00+02:00"}, "2024-03-01T10:00:00Z"),
    ],
)
def test_uploads_and_old_exports_have_other_times(times: dict[str, Any], expected: str) -> None:
    line = {key: value for key, value in EVENT.items() if key != "event_time"} | times
    assert row("amplitude", line)["ts"] == expected


def test_the_counter_of_a_device_is_no_event_id() -> None:
    found = rows("amplitude", EVENT, {k: v for k, v in EVENT.items() if k != "uuid"})
    assert [one.get("event_id") for one in found] == ["1", None]
    assert found[0]["properties"] == {"$top.event_id": 17}
    assert found[1]["properties"] == {"event_id": 17}


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"uuid": "1", "$insert_id": "2", "insert_id": "3"}, "1"),
        ({"uuid": None, "$insert_id": "2", "insert_id": "3"}, "2"),
        ({"uuid": None, "insert_id": "3"}, "3"),
    ],
)
def test_the_id_of_an_event(ids: dict[str, Any], expected: str) -> None:
    assert row("amplitude", EVENT | ids)["event_id"] == expected


def test_minus_one_is_no_session() -> None:
    assert "session_id" not in row("amplitude", EVENT | {"session_id": -1})
    assert row("amplitude", EVENT | {"session_id": 1709287200000})["session_id"] == "1709287200000"


@pytest.mark.parametrize(
    ("platform", "browser", "system"),
    [
        ("Web", "Chrome", None),
        ("iOS", None, "Chrome"),
        (None, None, "Chrome"),
        ([], None, "Chrome"),
    ],
)
def test_on_the_web_the_system_is_a_browser(
    platform: Any, browser: str | None, system: str | None
) -> None:
    found = row("amplitude", EVENT | {"platform": platform, "os_name": "Chrome"})
    assert (found.get("browser"), found.get("os")) == (browser, system)


def test_money_of_an_upload_and_of_a_revenue_event() -> None:
    upload = EVENT | {"price": 2.5, "quantity": 2, "revenue": 5, "productId": "p"}
    own = {"$price": 2.5, "$quantity": 2, "$revenue": 5, "$productId": "p"}
    for line in (upload, EVENT | {"event_properties": own}):
        found = row("amplitude", line)
        assert (found["price"], found["quantity"], found["revenue"]) == (250, 2, 500)
        assert found["item_id"] == "p"


def test_the_last_campaign_of_a_person_is_not_that_of_the_event() -> None:
    found = row("amplitude", EVENT | {"user_properties": {"utm_source": "google", "gclid": "x"}})
    assert not {"utm_source", "click_id"} & found.keys()


def test_an_upload_links_user_and_device_of_each_event() -> None:
    upload = {"api_key": "k", "ip": "203.0.113.77",
              "events": [EVENT | {"ip": "198.51.100.7"}, EVENT | {"user_id": None}]}  # fmt: skip
    found = rows("amplitude", upload)
    assert [who(one) for one in found] == [("u1", "d1"), (None, "d1")]
    assert [one["ip"] for one in found] == ["198.51.100.0", "203.0.113.0"]
    assert not any(whole in json.dumps(found) for whole in ("203.0.113.77", "198.51.100.7"))


def test_an_event_exported_twice_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    lines = [
        EVENT | {"server_upload_time": f"2024-03-0{day} 00:00:00", "processed_time": str(day)}
        for day in (2, 3)
    ]
    summary = ingest(store, write(tmp_path / "a.jsonl", lines), mapping=AMPLITUDE)
    assert (summary.stored, summary.duplicates, summary.conflicts) == (1, 1, 0)
    check(summary)
