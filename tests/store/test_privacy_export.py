"""An export holds everything about a person and nothing about anybody else; the record, nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import DataError, UsageError
from clickcli.store import Store
from clickcli.store.privacy.export import Export
from tests.store.logs import event, ingest, write


def at(second: int) -> str:
    return f"2024-03-01T00:00:{second:02d}Z"


def ids(export: Export) -> list[str]:
    return export.events["event_id"].to_list()


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    lines: list[Any] = [
        event(1, user_id="anna-4711", anonymous_id="d1", timestamp=at(10), plan="gold"),
        event(2, user_id=None, anonymous_id="d1", timestamp=at(5)),
        event(3, user_id="bert", anonymous_id="d1", timestamp=at(20)),
        event(4, user_id=None, anonymous_id="d1", timestamp=at(25)),
        event(5, user_id="anna-4711", timestamp="2024-04-01T00:00:00Z", price=9.5),
        event(6, user_id="bert", referred_by="anna-4711", timestamp=at(30)),
        event(7, user_id=None, anonymous_id="anna-4711", timestamp=at(31)),
        '{"user_id": "anna-4711", "ts": "never", "event_type": "x"}',
        '{"user_id": "bert", "ts": "never", "event_type": "x"}',
    ]
    ingest(store, write(tmp_path / "log", lines))
    return store


def test_a_user_has_the_events_of_linked_devices_at_the_right_times(filled: Store) -> None:
    export = filled.privacy().export("user", "anna-4711")
    assert ids(export) == ["e2", "e1", "e5"]
    assert [(span.device, span.until) for span in export.spans] == [("d1", 1_709_251_220_000_000)]
    assert [(reject.line, "anna-4711" in reject.raw) for reject in export.rejects] == [(8, True)]
    assert "plan" in export.events["properties"][1]


def test_a_device_has_every_event_that_carries_it(filled: Store) -> None:
    assert ids(filled.privacy().export("device", "d1")) == ["e2", "e1", "e3", "e4"]


def test_a_device_named_like_a_user_is_somebody_else(filled: Store) -> None:
    assert ids(filled.privacy().export("device", "anna-4711")) == ["e7"]


def test_what_is_on_no_list_is_not_said_to_be(filled: Store) -> None:
    privacy = filled.privacy()
    export = privacy.export("user", "anna-4711")
    assert (export.is_opted_out, export.has_agreed) == (None, None)
    privacy.consent("opt_out", ["anna-4711"])
    export = privacy.export("user", "anna-4711")
    assert (export.is_opted_out, export.has_agreed) == (True, False)
    assert ids(export) == ["e2", "e1", "e5"]
    assert privacy.export("device", "anna-4711").is_opted_out is False


def test_an_export_needs_the_key_where_there_are_lists(filled: Store) -> None:
    filled.privacy().consent("opt_out", ["bert"])
    (filled.path.parent / "store.key").unlink()
    with pytest.raises(DataError, match="missing"):
        filled.privacy().export("user", "anna-4711")


def test_nobody_cannot_be_exported_and_a_stranger_has_nothing(filled: Store) -> None:
    with pytest.raises(UsageError, match="means nobody"):
        filled.privacy().export("user", "guest")
    export = filled.privacy().export("user", "somebody-else")
    assert (export.events.height, export.spans, export.rejects) == (0, (), ())


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%", "_", "*", "\x00", "é" * 300, "anna-4711 "])
def test_a_hostile_id_matches_nobody_else(filled: Store, text: str) -> None:
    export = filled.privacy().export("user", text)
    assert export.events.height == 0


USERS = st.sampled_from([None, "user-a", "user-b"])
DEVICES = st.sampled_from([None, "phone-x", "phone-y"])


@settings(max_examples=20)
@given(st.lists(st.tuples(USERS, DEVICES, st.integers(0, 4)), max_size=14))
def test_what_is_exported_is_what_a_deletion_takes(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str | None, str | None, int]]
) -> None:
    folder = tmp_path_factory.mktemp("both")
    rows = [
        event(0, event_id=f"e{n}", user_id=user, anonymous_id=device, timestamp=at(time))
        for n, (user, device, time) in enumerate(lines)
    ]
    with Store.create(folder / "store") as store:
        ingest(store, write(folder / "log", rows))
        exported = store.privacy().export("user", "user-a").events.height
        assert store.privacy().delete(["user-a"]).rows == exported
        assert store.privacy().export("user", "user-a").events.height == 0


def test_the_record_tells_what_is_kept_and_names_nobody(filled: Store) -> None:
    privacy = filled.privacy()
    privacy.consent("opt_out", ["anna-4711"])
    entries = privacy.record()
    told = {(entry.section, entry.item): entry.value for entry in entries}
    assert told["extent", "events"] == "7"
    assert told["personal data", "user_id"] == "4 events"
    assert told["personal data", "rejected lines"] == "2 lines"
    assert told["safeguards", "key"] == "yes"
    assert told["safeguards", "opted out"] == "1"
    assert told["acts", "opt_out"] == "1"
    text = repr(entries)
    assert "anna" not in text
    assert "bert" not in text


def test_properties_that_look_personal_are_named_in_the_record(
    store: Store, tmp_path: Path
) -> None:
    names = ["email", "firstName", "phone_number", "iban", "colour", "page", "company"]
    ingest(store, write(tmp_path / "log", [event(1, **dict.fromkeys(names, "x"))]))
    listed = {entry.item for entry in store.privacy().record()}
    found = {name for name in names if f"properties.{name}" in listed}
    assert found == {"email", "firstName", "phone_number", "iban"}


def test_an_empty_store_has_a_record_and_no_acts(store: Store) -> None:
    told = {entry.item: entry.value for entry in store.privacy().record()}
    assert (told["events"], told["oldest event"], told["key"]) == ("0", "none", "no")
    assert store.privacy().acts() == []
