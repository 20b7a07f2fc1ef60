"""Pseudonyms: the same for an id wherever it stands; every answer stays, but for the names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clickcli
from clickcli.store import Store
from clickcli.store.privacy.hash_lines import LineHasher, fields_of
from clickcli.store.privacy.keys import Key
from clickcli.store.sources import Block
from tests.store.logs import check, event, events, ingest, write
from tests.store.test_privacy_delete import words

KEY = Key(Path("k"), bytes(range(32)))


def user(text: str) -> str:
    return KEY.pseudonym("user", text)


def device(text: str) -> str:
    return KEY.pseudonym("device", text)


def hashed(data: bytes, **more: Any) -> tuple[bytes, LineHasher]:
    hasher = LineHasher(KEY, fields_of(**more))
    return b"".join(hasher.blocks([Block(data, 1)])), hasher


def test_ids_are_hashed_and_the_rest_of_a_line_stays_to_the_letter() -> None:
    line = '{ "user_id" :"anna","n": [1.0, 1e5,12345678901234567890], "deviceId":7 , "é":"\\u00e9"}'
    out, hasher = hashed(line.encode())
    assert out.decode() == line.replace('"anna"', f'"{user("anna")}"').replace(
        "7 ,", f'"{device("7")}" ,'
    )
    assert (hasher.lines, hasher.ids, hasher.left_out) == (1, 2, 0)


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ('{"user_id": null}', 0),
        ('{"user_id": "guest", "uid": "undefined"}', 0),
        ('{"user_id": true, "anonymous_id": {"user_id": "x"}}', 0),
        ('{"user_id": ["x"]}', 0),
        ('{"properties": {"user_id": "x"}}', 0),
        ('{"user_id": 4.0}', 1),
        ('{"user_id": "a", "user_id": "b"}', 2),
        ('{"user_id": "h_' + "0" * 32 + '"}', 1),
        ("{}", 0),
        ("", 0),
    ],
)
def test_only_what_is_an_id_is_hashed(line: str, ids: int) -> None:
    out, hasher = hashed(line.encode() + b"\n")
    assert hasher.ids == ids
    if not ids or "h_0" in line:
        assert out == line.encode() + b"\n"


def test_the_same_id_is_the_same_however_it_is_written() -> None:
    out, _ = hashed(b'{"user_id": 42}\n{"userId": "42"}\n{"customer_id":42.0}\n')
    assert {next(iter(json.loads(line).values())) for line in out.splitlines()} == {user("42")}


def test_further_fields_are_hashed_wherever_they_lie() -> None:
    line = '{"actor": {"id": "anna", "name": "x"}, "phone.id": "p", "traits": {"phone": "p"}}'
    out, _ = hashed(line.encode(), users=["actor.id"], devices=["traits.phone"])
    assert json.loads(out) == {
        "actor": {"id": user("anna"), "name": "x"},
        "phone.id": "p",
        "traits": {"phone": device("p")},
    }


@pytest.mark.parametrize(
    "line",
    [b'{"user_id": "a"', b"[1]", b'"x"', b"\xff{}", b'{"user_id" "a"}', b'{"user_id":"a"} x',
     b'{"user_id":"a",}', b'{"a":' * 5000, b'{"user_id":"' + b"a" * (1 << 20) + b'"}'],
)  # fmt: skip
def test_a_line_whose_ids_cannot_be_told_is_left_out(line: bytes) -> None:
    out, hasher = hashed(line + b'\n{"user_id":"b"}\n')
    assert out == f'{{"user_id":"{user("b")}"}}\n'.encode()
    assert (hasher.lines, hasher.left_out) == (2, 1)


def test_hashing_twice_is_hashing_once() -> None:
    once, _ = hashed(b'{"user_id":"a","anonymous_id":"b"}')
    assert hashed(once)[0] == once


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["user_id", "deviceId", "x", "é"]), VALUES, max_size=4))
def test_any_object_is_the_same_but_for_its_ids(line: dict[str, Any]) -> None:
    for text in (json.dumps(line), json.dumps(line, ensure_ascii=False, indent=None)):
        out, hasher = hashed(text.encode())
        assert hasher.left_out == 0
        after = json.loads(out)
        same = {name for name in line if after[name] == line[name]}
        for name in line.keys() - same:
            assert name in ("user_id", "deviceId")
            assert isinstance(line[name], str | int | float)
            assert after[name].startswith("h_")


@given(st.binary(max_size=80))
def test_no_bytes_are_too_hostile(data: bytes) -> None:
    out, hasher = hashed(data)
    assert hasher.left_out <= hasher.lines
    assert len(out) <= len(data) + 64 * hasher.ids


LOG = [
    event(1, user_id="anna-long-id", anonymous_id="phone-1", customer_id="anna-long-id"),
    event(2, user_id=None, anonymous_id="phone-1", page_url="https://x.example/?d=phone-1&x=1"),
    event(3, user_id="42", quantity=42, note="42", event_type="buy"),
    event(4, user_id="anna-long-id", anonymous_id="phone-2", note="by anna-long-id",
          event_type="buy"),
    event(5, user_id="bert-long-id", referred_by="anna-long-id"),
    event(6, user_id=None),
    event(7, user_id=None, anonymous_id="42"),
    '{"user_id": "anna-long-id", broken',
]  # fmt: skip


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    ingest(store, write(tmp_path / "log", LOG))
    return store


def answers(store: Store) -> list[Any]:
    """Return what analyses say, without names."""
    with clickcli.open(store.path) as log:
        ask: list[Callable[[], Any]] = [
            lambda: log.funnel(steps=["view", "buy"], within="none", by=["event_type"]),
            lambda: log.retention(every="day"),
            log.active,
            log.sessions,
            lambda: log.events(by=["event_type"]),
        ]
        found = [[table.to_dicts() for table in one().tables.values()] for one in ask]
    for row in found[3][-1]:
        row.pop("person_id", None)
    return found


def test_every_answer_stays_and_no_id_is_left(filled: Store) -> None:
    before, info = answers(filled), filled.info()
    made = filled.privacy().hash()
    assert (made.rows, made.devices, made.rejects) == (6, 2, 1)
    assert answers(filled) == before
    after = filled.info()
    assert (after.rows, after.people, after.links) == (info.rows, info.people, info.links)
    assert (after.columns, after.event_types) == (info.columns, info.event_types)
    text = "\n".join(words(filled)).replace('{"referred_by":"anna-long-id"}', "")
    assert "long-id" not in text
    assert "phone-1" not in text
    data = b"".join(p.read_bytes() for p in filled.path.rglob("*.db"))
    assert b"long-id" not in data


def test_a_row_that_names_its_own_id_again_is_hashed_there_too(filled: Store) -> None:
    filled.privacy().hash()
    rows = {row["event_id"]: row for row in events(filled).to_dicts()}
    anna, phone = rows["e1"]["user_id"], rows["e1"]["anonymous_id"]
    assert json.loads(rows["e1"]["properties"]) == {"customer_id": anna}
    assert rows["e2"]["page_url"] == f"https://x.example/?d={phone}&x=1"
    assert json.loads(rows["e4"]["properties"]) == {"note": f"by {anna}"}
    assert json.loads(rows["e3"]["properties"]) == {"note": "42"}
    assert rows["e3"]["quantity"] == 42
    assert rows["e3"]["user_id"] != rows["e7"]["anonymous_id"]
    assert [reject.raw for reject in filled.rejects()] == ["[hashed]"]


def test_raw_lines_are_hashed_at_ingest_from_then_on(filled: Store, tmp_path: Path) -> None:
    filled.privacy().hash()
    people = filled.info().people
    assert ingest(filled, write(tmp_path / "again", LOG)).duplicates == 7
    more = [
        event(8, user_id="anna-long-id", anonymous_id="phone-3", event_type="buy"),
        event(9, user_id=None, anonymous_id="phone-3"),
        '{"user_id": "anna-long-id", broken again',
    ]
    summary = ingest(filled, write(tmp_path / "more", more))
    check(summary)
    assert summary.stored == 2
    assert filled.info().people == people
    assert filled.info().links == 3
    assert "long-id" not in "\n".join(words(filled)).replace('{"referred_by":"anna-long-id"}', "")
    with clickcli.open(filled.path) as log:
        shown = log.events(columns=["event_id", "person_id"]).to_polars()
    of = dict(zip(shown["event_id"], shown["person_id"], strict=True))
    assert of["e9"] == of["e8"] == of["e1"] == of["e2"]


def test_a_log_hashed_before_goes_with_a_store_that_hashes(filled: Store, tmp_path: Path) -> None:
    filled.privacy().hash()
    path = filled.path.parent / "store.key"
    key = Key(path, bytes.fromhex(path.read_text()))
    line = event(10, user_id=key.pseudonym("user", "anna-long-id"))
    people = filled.info().people
    assert ingest(filled, write(tmp_path / "hashed", [line])).stored == 1
    assert filled.info().people == people


def test_lists_made_before_and_after_mean_the_same_people(filled: Store, tmp_path: Path) -> None:
    privacy = filled.privacy()
    privacy.consent("opt_out", ["anna-long-id"])
    with clickcli.open(filled.path) as log:
        before = log.events(count=True).to_polars()["events"].to_list()
    privacy.hash()
    with clickcli.open(filled.path) as log:
        assert log.events(count=True).to_polars()["events"].to_list() == before
    more = [event(11, user_id="anna-long-id"), event(12, user_id=None, anonymous_id="phone-1")]
    assert ingest(filled, write(tmp_path / "more", more)).suppressed == 2
    assert privacy.consent("opt_in", ["anna-long-id"]).known == 1
    change = privacy.consent("opt_out", ["bert-long-id"])
    assert (change.changed, change.known) == (1, 1)
    with clickcli.open(filled.path) as log:
        assert "e5" not in log.events(columns=["event_id"]).to_polars()["event_id"].to_list()


def test_people_are_exported_and_deleted_by_their_raw_ids(filled: Store, tmp_path: Path) -> None:
    privacy = filled.privacy()
    privacy.hash()
    export = privacy.export("user", "anna-long-id")
    assert export.events["event_id"].to_list() == ["e1", "e2", "e4"]
    made = privacy.delete(["anna-long-id"])
    assert (made.rows, made.devices) == (3, 2)
    assert made.searched is not None
    assert made.searched.found == []
    assert ingest(filled, write(tmp_path / "again", LOG)).suppressed == 3


def test_a_dry_run_changes_nothing(filled: Store) -> None:
    before = events(filled)
    told = filled.privacy().hash(dry_run=True)
    assert events(filled).equals(before)
    assert not (filled.path.parent / "store.key").exists()
    made = filled.privacy().hash()
    assert (told.rows, told.devices, told.rejects) == (made.rows, made.devices, made.rejects)
    assert filled.privacy().hash().rows == 0


USERS = st.sampled_from([None, "a", "b", "user-c"])
DEVICES = st.sampled_from([None, "x", "y", "a"])
LINES = st.lists(st.tuples(USERS, DEVICES, st.integers(0, 5)), max_size=12)


@settings(max_examples=25)
@given(first=LINES, second=LINES)
def test_hashing_before_or_after_an_ingest_gives_the_same_store(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str | None, str | None, int]],
    second: list[tuple[str | None, str | None, int]],
) -> None:
    folder = tmp_path_factory.mktemp("order")
    rows = [
        event(0, event_id=f"e{n}", user_id=u, anonymous_id=d, timestamp=f"2024-03-01T00:00:0{t}Z")
        for n, (u, d, t) in enumerate([*first, *second])
    ]
    one, two = write(folder / "1", rows[: len(first)]), write(folder / "2", rows[len(first) :])
    key = str(folder / "both.key")
    stores = []
    for name in ("early", "late"):
        store = Store.create(folder / name)
        ingest(store, one, key_file=key)
        if name == "early":
            store.privacy(key).hash()
        ingest(store, two, key_file=key)
        if name == "late":
            store.privacy(key).hash()
        stores.append(store)
    early, late = stores
    assert events(early).equals(events(late))
    assert (early.info().people, early.info().links) == (late.info().people, late.info().links)
    links = [store.dataset().links().sort(pl.all()) for store in stores]
    assert links[0].equals(links[1])
    for store in stores:
        store.close()
