"""Mixpanel events: who it was before and after they were known, times, repeated exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clickcli.store import Store
from clickcli.store.presets import find_preset
from tests.store.logs import check, ingest, write
from tests.store.presets.foreign import row, who

MIXPANEL = find_preset("mixpanel")


def event(name: str = "Played", **own: Any) -> dict[str, Any]:
    """Return an event; a ``d_`` before a property is written ``$``."""
    properties = {"$" + k[2:] if k.startswith("d_") else k: v for k, v in own.items()}
    return {"event": name, "properties": {"time": 1709287200} | properties}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (event(distinct_id="u1"), ("u1", None)),
        (event(distinct_id=12345), ("12345", None)),
        (event(distinct_id="$device:d1"), (None, "d1")),
        (event(distinct_id="$device:d1", d_device_id="d1"), (None, "d1")),
        (event(distinct_id="d1", d_device_id="d1"), (None, "d1")),
        (event(distinct_id="u1", d_device_id="d1"), ("u1", "d1")),
        (event(distinct_id="u1", d_device_id="d1", d_user_id="u1"), ("u1", "d1")),
        (event(distinct_id="old", d_device_id="d1", d_user_id="u1"), ("u1", "d1")),
        (event(d_user_id="u1"), ("u1", None)),
        (event(d_device_id="d1"), (None, "d1")),
        (event(distinct_id=""), (None, None)),
        (event(distinct_id="$device:"), (None, None)),
        (event("$identify", distinct_id="u1", d_identified_id="u1", d_anon_id="d1"), ("u1", "d1")),
        (
            event("$identify", distinct_id="d1", d_identified_id="u1", d_anon_id="$device:d1"),
            ("u1", "d1"),
        ),
        (event("$create_alias", distinct_id="d1", alias="u1"), ("u1", "d1")),
        (event("$merge", d_distinct_ids=["u1", "u2"]), (None, None)),
    ],
)
def test_who_did_it(line: dict[str, Any], expected: tuple[str | None, str | None]) -> None:
    assert who(row("mixpanel", line)) == expected


def test_an_id_that_is_neither_user_nor_device_is_kept() -> None:
    found = row("mixpanel", event(distinct_id="old", d_device_id="d1", d_user_id="u1"))
    assert found["properties"] == {"distinct_id": "old"}


def test_ids_of_our_names_that_say_something_else_are_kept_apart() -> None:
    line = event(distinct_id="u1", user_id="theirs") | {"user_id": "other", "anonymous_id": "d9"}
    found = row("mixpanel", line)
    assert found["user_id"] == "other"
    assert found["properties"] == {"distinct_id": "u1", "user_id": "theirs"}
    line = event(d_user_id="u1") | {"user_id": "other"}
    found = row("mixpanel", line)
    assert (found["user_id"], found["properties"]) == ("u1", {"$top.user_id": "other"})


@pytest.mark.parametrize(
    "time", [1709287200, "1709287200", 1709287200000, 1709287200.0, "2024-03-01T10:00:00"]
)
def test_a_time_is_seconds_or_milliseconds_or_text_in_utc(time: Any) -> None:
    found = row("mixpanel", event(time=time), input_tz="Asia/Kolkata")
    assert found["ts"] == "2024-03-01T10:00:00Z"


@pytest.mark.parametrize("name", ["$mp_web_page_view", "mp_page_view"])
def test_a_page_view_is_one_whatever_the_library_calls_it(name: str) -> None:
    found = row("mixpanel", event(name, distinct_id="u"))
    assert (found["event_type"], found["properties"]["event"]) == ("page_view", name)


def test_a_person_is_one_before_and_after_the_login(store: Store, tmp_path: Path) -> None:
    lines = [
        event(distinct_id="$device:d1", d_device_id="d1", d_insert_id="1"),
        event("$identify", distinct_id="u1", d_user_id="u1", d_device_id="d1", d_insert_id="2"),
        event(distinct_id="u1", d_user_id="u1", d_insert_id="3"),
        event(distinct_id="$device:d2", d_device_id="d2", d_insert_id="4"),
    ]
    ingest(store, write(tmp_path / "a.jsonl", lines), mapping=MIXPANEL)
    assert (store.info().people, store.info().links) == (2, 1)


def test_an_event_that_was_processed_twice_is_a_duplicate(store: Store, tmp_path: Path) -> None:
    lines = [
        event(d_insert_id="1", mp_processing_time_ms=number, d_mp_api_timestamp_ms=1709287200000)
        for number in (1709287201000, 1709287202000)
    ]
    summary = ingest(store, write(tmp_path / "a.jsonl", lines), mapping=MIXPANEL)
    assert (summary.stored, summary.duplicates, summary.conflicts) == (1, 1, 0)
    check(summary)
