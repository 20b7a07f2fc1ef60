"""PostHog events: who it was before and after they were known, text in place of objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clickcli.store import Store
from clickcli.store.presets import find_preset
from tests.store.logs import check, ingest, write
from tests.store.presets.foreign import row, rows, who

POSTHOG = find_preset("posthog")
NO: dict[str, Any] = {"$is_identified": False}
YES: dict[str, Any] = {"$is_identified": True}
PERSONLESS: dict[str, Any] = {"$process_person_profile": False}


def event(distinct: Any = "x", name: str = "Played", **more: Any) -> dict[str, Any]:
    """Return an event; what is more are its properties."""
    return {
        "event": name, "distinct_id": distinct, "timestamp": "2024-03-01T10:00:00Z",
        "properties": {"$lib": "web"} | more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (event("u1"), ("u1", None)),
        (event(7), ("7", None)),
        (event("d1", **NO), (None, "d1")),
        (event("d2", **NO, **{"$device_id": "d1"}), (None, "d2")),
        (event("d1", **PERSONLESS), (None, "d1")),
        (event("u1", **YES, **PERSONLESS), ("u1", None)),
        (event("d1", **{"$device_id": "d1"}), (None, "d1")),
        (event("d1", **YES, **{"$device_id": "d1"}), ("d1", None)),
        (event("u1", **{"$device_id": "d1"}), ("u1", "d1")),
        (event("u1", **{"$device_id": "d1", "$user_id": "u1"}), ("u1", "d1")),
        (event("d2", **{"$device_id": "d1", "$user_id": "u1"}), ("u1", "d2")),
        (event("u1", "$identify", **{"$anon_distinct_id": "d1"}), ("u1", "d1")),
        (event("u1", "$identify", **{"$anon_distinct_id": "u1"}), ("u1", None)),
        (event("u1", "$identify", **{"$device_id": "d1", "$set": {"a": 1}}), ("u1", "d1")),
        (event("u1", "$create_alias", alias="d1"), ("u1", "d1")),
        (event("u1", "$merge_dangerously", alias="u0"), ("u1", "u0")),
        (event(None, distinct_id="u1"), ("u1", None)),
        (event(None), (None, None)),
    ],
)
def test_who_did_it(line: dict[str, Any], expected: tuple[str | None, str | None]) -> None:
    assert who(row("posthog", line)) == expected


def test_no_id_is_left_a_second_time_in_properties() -> None:
    ids = {"$device_id": "d1", "$user_id": "u1", "distinct_id": "u1", "$anon_distinct_id": "d1"}
    found = row("posthog", event("u1", "$identify", **ids))
    assert found["properties"] == {"$lib": "web"}


def test_a_person_is_one_before_and_after_the_login(store: Store, tmp_path: Path) -> None:
    lines = [
        event("d1", "$pageview", **NO, **{"$device_id": "d1"}) | {"uuid": "1"},
        event("u1", "$identify", **YES, **{"$anon_distinct_id": "d1"}) | {"uuid": "2"},
        event("u1", **YES) | {"uuid": "3"},
        event("d2", **NO) | {"uuid": "4"},
    ]
    summary = ingest(store, write(tmp_path / "a.jsonl", lines), mapping=POSTHOG)
    assert (store.info().people, store.info().links) == (2, 1)
    check(summary)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"timestamp": "2024-03-01T10:00:00.123456+02:00"}, "2024-03-01T08:00:00.123456Z"),
        ({"timestamp": "2024-03-01 10:00:00.123"}, "2024-03-01T10:00:00.123Z"),
        ({"timestamp": "2024-03-01 10:00:00.000 UTC"}, "2024-03-01T10:00:00Z"),
        ({"timestamp": None, "properties": {"$time": 1709287200.25}}, "2024-03-01T10:00:00.25Z"),
    ],
)
def test_a_time_without_an_offset_is_utc(more: dict[str, Any], expected: str) -> None:
    assert row("posthog", event() | more, input_tz="America/New_York")["ts"] == expected


@pytest.mark.parametrize("text", ["{", "[]", "null", "7", "", '{"a":1e999}', "\x00"])
def test_properties_that_are_no_object_are_kept_as_they_are(text: str) -> None:
    assert row("posthog", event() | {"properties": text})["properties"]["properties"] == text


def test_properties_as_text_are_read() -> None:
    line = event("u1", price=1.5, **{"$current_url": "https://a.example/b"})
    text = line | {"properties": json.dumps(line["properties"])}
    assert rows("posthog", text) == rows("posthog", line)


def test_no_referrer_and_no_address_get_past() -> None:
    ips = {"$ip": "203.0.113.77", "$referrer": "$direct"}
    batch = {"batch": [event(**ips) | {"ip": "203.0.113.78"}], "ip": "203.0.113.79"}
    found = row("posthog", batch)
    assert "referrer" not in found
    assert found["ip"] == "203.0.113.0"
    assert "203.0.113.7" not in json.dumps(found)


def test_an_event_exported_twice_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    line = event("u1") | {"uuid": "1"}
    lines = [line | {"_inserted_at": f"2024-03-0{day}T00:00:00Z"} for day in (2, 3)]
    summary = ingest(store, write(tmp_path / "a.jsonl", lines), mapping=POSTHOG)
    assert (summary.stored, summary.duplicates, summary.conflicts) == (1, 1, 0)
