"""A deletion: the person's rows and name are nowhere, nothing else changed, nothing comes back."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import StorageError, UsageError
from clickcli.identity import anonymous_key, user_key
from clickcli.store import Store
from clickcli.store.privacy.search import search
from clickcli.store.privacy.tokens import Names
from tests.store.logs import check, event, events, ingest, write

GONE = "mallory-4711"
DEVICE = "dev-of-mallory"


def at(second: int) -> str:
    return f"2024-03-01T00:00:{second:02d}Z"


def hostile_log() -> list[Any]:
    """Return lines of a person who stands in every place where a log can have a name."""
    mine = {"user_id": GONE, "anonymous_id": DEVICE}
    other = {"user_id": "bert-the-other"}
    return [
        event(1, **mine, plan="gold", **{f"only_{GONE}": 1}),
        event(2, **{**mine, "timestamp": "2024-03-02T00:00:00Z"}),
        event(3, user_id=None, anonymous_id=DEVICE, timestamp=at(1)),
        event(4, **mine, event_type="typed-by-" + GONE),
        event(
            5, **other, referred_by=GONE, note=f"asked {GONE}, who said no", deep=[{"x": [GONE]}]
        ),
        event(6, **other, page_url=f"https://shop.example/u/{GONE}?ref={GONE}&x=1"),
        event(7, **other, **{f"seen.{GONE}": True}, other_device=DEVICE),
        event(8, **other, note=f"{GONE}2 is somebody else, and so is x{GONE}"),
        event(9, **other, items=[{"gift_for": GONE, "sku": "a"}]),
        event(10, user_id=GONE + "2"),
        '{"user_id": "mallory-4711", "timestamp": "never", "event_type": "view"}',
        '{"anonymous_id": "dev-of-mallory", broken',
        "nothing of interest",
    ]


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """Return a store with that log, under a path that names the person too."""
    folder = tmp_path / f"export of {GONE}"
    folder.mkdir()
    ingest(store, write(folder / "log.jsonl", hostile_log()))
    return store


def words(store: Store) -> list[str]:
    """Return every text of a store, decoded: cells, keys, rejected lines, the whole catalog."""
    found: list[str] = []
    for path in store.path.rglob("*"):
        found.append(path.name)
        if path.suffix == ".parquet":
            found += [str(v) for row in pl.read_parquet(path).rows() for v in row if v is not None]
        elif path.suffix == ".npy":
            found += [str(v) for v in np.load(path).view(np.int64).ravel().tolist()]
        elif path.suffix == ".jsonl":
            found.append(path.read_text())
    with sqlite3.connect(store.path / "catalog.db") as db:
        found += list(db.iterdump())
    return found


def raw(store: Store) -> bytes:
    """Return the bytes of every file that is not compressed."""
    paths = [path for path in store.path.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in paths if path.suffix != ".parquet")


def content(store: Store) -> Counter[str]:
    """Return the stored events, without their order of arrival."""
    frame = events(store)
    rows = frame.drop("seq").to_dicts() if frame.width > 1 else []
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


def test_after_a_deletion_no_file_holds_the_name_decoded_or_raw(filled: Store) -> None:
    made = filled.privacy().delete([GONE])
    assert (made.rows, made.redacted, made.rejects, made.devices) == (4, 4, 2, 1)
    assert made.searched is not None
    assert made.searched.found == []
    texts = "\n".join(words(filled)).replace(GONE + "2", "").replace("x" + GONE, "")
    assert GONE not in texts
    assert DEVICE not in texts
    for key in (user_key(GONE), anonymous_key(DEVICE)):
        assert str(key) not in texts
    everything = raw(filled)
    assert DEVICE.encode() not in everything
    for key in (user_key(GONE), anonymous_key(DEVICE)):
        assert key.to_bytes(8, "little", signed=True) not in everything
        assert key.to_bytes(8, "big", signed=True) not in everything


def test_what_stood_beside_the_name_stays(filled: Store) -> None:
    filled.privacy().delete([GONE])
    rows = {row["event_id"]: row for row in events(filled).to_dicts()}
    assert set(rows) == {"e5", "e6", "e7", "e8", "e9", "e10"}
    assert json.loads(rows["e5"]["properties"]) == {
        "referred_by": "[deleted]",
        "note": "asked [deleted], who said no",
        "deep": [{"x": ["[deleted]"]}],
    }
    assert rows["e6"]["page_url"] == "https://shop.example/u/[deleted]?ref=[deleted]&x=1"
    assert rows["e6"]["page_path"] == "/u/[deleted]"
    assert set(json.loads(rows["e7"]["properties"])) == {"seen.[deleted]", "other_device"}
    assert GONE + "2" in rows["e8"]["properties"]
    assert json.loads(rows["e9"]["items"]) == [{"gift_for": "[deleted]", "sku": "a"}]
    assert rows["e10"]["user_id"] == GONE + "2"
    assert [(r.line, r.raw) for r in filled.rejects()] == [
        (11, "[deleted]"),
        (12, "[deleted]"),
        (13, "nothing of interest"),
    ]
    info = filled.info()
    assert (info.rows, info.people, info.links) == (6, 2, 0)
    assert "plan" not in info.properties
    assert set(info.event_types) == {"view"}
    batch = filled.batches()[0]
    assert (batch.stored, batch.removed) == (10, 4)


def test_replaying_the_old_log_brings_nothing_back(filled: Store, tmp_path: Path) -> None:
    filled.privacy().delete([GONE])
    before, snapshot = content(filled), filled.info().snapshot
    summary = ingest(filled, write(tmp_path / "again.jsonl", hostile_log()))
    check(summary)
    assert (summary.stored, summary.suppressed, summary.duplicates) == (0, 4, 6)
    assert content(filled) == before
    assert filled.info().snapshot == snapshot
    assert GONE not in "\n".join(words(filled)).replace(GONE + "2", "").replace("x" + GONE, "")
    assert GONE.encode() not in (filled.path / "rejects" / "b000002.jsonl").read_bytes()


def test_the_log_is_known_again_though_its_path_named_the_person(filled: Store) -> None:
    filled.privacy().delete([GONE])
    path = filled.path.parent / f"export of {GONE}" / "log.jsonl"
    assert ingest(filled, path).read == 0
    assert [source.path.count("[deleted]") for source in filled.info().sources] == [1]


def test_a_dry_run_tells_the_same_and_changes_no_byte(filled: Store) -> None:
    def files() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in sorted(filled.path.parent.rglob("*"))
            if path.is_file() and path.name != "lock"
        }

    before = files()
    told = filled.privacy().delete([GONE], dry_run=True)
    assert files() == before
    made = filled.privacy().delete([GONE])
    for name in ("rows", "redacted", "rejects", "devices", "links", "files_rewritten"):
        assert getattr(told, name) == getattr(made, name), name
    assert told.searched is None
    assert told.digests == ()


def test_the_certificate_and_the_audit_log_name_nobody(filled: Store) -> None:
    made = filled.privacy().delete([GONE])
    assert GONE not in repr(made)
    act = filled.privacy().acts()[-1]
    assert (act.act, act.detail["certificate"], act.detail["rows"]) == ("delete", made.id, 4)
    assert made.before != made.after
    assert [kind for kind, _ in made.digests] == ["user"]


def test_a_shared_device_keeps_what_others_did_on_it(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, user_id=None, anonymous_id="kiosk-7", timestamp=at(1)),
        event(2, user_id=GONE, anonymous_id="kiosk-7", timestamp=at(10)),
        event(3, user_id=None, anonymous_id="kiosk-7", timestamp=at(19)),
        event(4, user_id="bert", anonymous_id="kiosk-7", timestamp=at(20)),
        event(5, user_id=None, anonymous_id="kiosk-7", timestamp=at(30)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    made = store.privacy().delete([GONE])
    assert (made.rows, made.devices) == (3, 0)
    assert made.searched is not None
    assert made.searched.found == []
    assert events(store)["event_id"].to_list() == ["e4", "e5"]
    summary = ingest(store, write(tmp_path / "again", lines))
    assert (summary.stored, summary.suppressed, summary.duplicates) == (0, 3, 2)
    late = [
        event(6, user_id=None, anonymous_id="kiosk-7", timestamp=at(40)),
        event(7, user_id="bert", anonymous_id="kiosk-7", timestamp=at(5)),
    ]
    assert ingest(store, write(tmp_path / "late", late)).stored == 2


def test_a_device_goes_with_every_row_that_carries_it(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, user_id="bert", anonymous_id=DEVICE, timestamp=at(1)),
        event(2, user_id=None, anonymous_id=DEVICE, timestamp=at(2)),
        event(3, user_id="bert", anonymous_id="another", timestamp=at(3)),
        event(4, user_id=DEVICE, timestamp=at(4)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    made = store.privacy().delete(devices=[DEVICE])
    assert made.rows == 2
    assert [kind for kind, _ in made.digests] == ["device"]
    assert events(store)["event_id"].to_list() == ["e3", "e4"]
    summary = ingest(store, write(tmp_path / "again", lines))
    assert (summary.stored, summary.suppressed) == (0, 2)


def test_a_short_id_is_looked_for_where_ids_stand_only(store: Store, tmp_path: Path) -> None:
    lines: list[Any] = [
        event(1, user_id=42, note="x"),
        event(2, user_id="bert", note="42 pieces", quantity=42, referred_by="42"),
        '{"user_id": 42, "event_type": "view"}',
        '{"quantity": 42, "event_type": "view"}',
    ]
    ingest(store, write(tmp_path / "log", lines))
    made = store.privacy().delete(["42"])
    assert (made.rows, made.redacted, made.rejects) == (1, 0, 1)
    assert made.searched is not None
    assert made.searched.found == []
    assert "42 pieces" in (events(store)["properties"][0] or "")
    assert [reject.raw for reject in store.rejects()] == [
        "[deleted]",
        '{"quantity": 42, "event_type": "view"}',
    ]


def test_an_address_is_found_as_it_is_written_in_urls(store: Store, tmp_path: Path) -> None:
    mail = "mallory@example.com"
    lines = [
        event(1, user_id=mail),
        event(2, user_id="b", page_url="https://x.example/?m=mallory%40example.com&n=1"),
        event(3, user_id="b", page_url="https://x.example/?m=mallory%40example.company"),
        event(4, user_id="b", referrer="https://x.example/mallory@example.com"),
    ]
    ingest(store, write(tmp_path / "log", lines))
    made = store.privacy().delete([mail])
    assert (made.rows, made.redacted) == (1, 2)
    assert made.searched is not None
    assert made.searched.found == []
    urls = events(store)["page_url"].to_list()
    assert urls[0] == "https://x.example/?m=[deleted]&n=1"
    assert urls[1] == "https://x.example/?m=mallory%40example.company"


def test_derived_tables_and_models_are_dropped(filled: Store) -> None:
    for name in ("derived", "models"):
        (filled.path / name / "deep").mkdir(parents=True)
        (filled.path / name / "deep" / "file").write_text(f"factors of {GONE}")
    made = filled.privacy().delete([GONE])
    assert made.derived == 2
    assert made.searched is not None
    assert made.searched.found == []


def test_files_without_the_person_are_not_touched(store: Store, tmp_path: Path) -> None:
    lines = [event(n, user_id="bert", timestamp=f"2024-03-{n:02d}T00:00:00Z") for n in range(1, 20)]
    lines.append(event(99, user_id=GONE, timestamp="2024-03-05T12:00:00Z"))
    ingest(store, write(tmp_path / "log", lines))
    before = {file.path: file.date for file in store.dataset().files}
    made = store.privacy().delete([GONE])
    after = {file.path for file in store.dataset().files}
    assert made.files_rewritten == 1
    assert {str(day) for path, day in before.items() if path not in after} == {"2024-03-05"}


def test_deleting_somebody_unknown_keeps_them_out(store: Store, tmp_path: Path) -> None:
    made = store.privacy().delete([GONE])
    assert made.rows == 0
    assert ingest(store, write(tmp_path / "log", [event(1, user_id=GONE)])).suppressed == 1
    again = store.privacy().delete([GONE])
    assert again.id != made.id
    assert store.privacy().lists().deleted == 1


def test_a_deletion_ends_consent_and_forgets_the_key(filled: Store) -> None:
    privacy = filled.privacy()
    privacy.consent("grant", [GONE])
    privacy.consent("opt_out", [GONE])
    privacy.delete([GONE])
    assert privacy.lists().agreed == 0
    assert str(user_key(GONE)) not in "\n".join(words(filled))


@pytest.mark.parametrize("ids", [(), ("guest",), (GONE, "null")])
def test_nobody_cannot_be_deleted(filled: Store, ids: tuple[str, ...]) -> None:
    before = content(filled)
    with pytest.raises(UsageError):
        filled.privacy().delete(ids)
    assert content(filled) == before


def test_a_disk_that_is_full_leaves_everything_as_it_was(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, snapshot = content(filled), filled.info().snapshot

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clickcli.store.commit.sync_tree", full)
    with pytest.raises(StorageError):
        filled.privacy().delete([GONE])
    monkeypatch.undo()
    assert content(filled) == before
    assert filled.info().snapshot == snapshot
    assert filled.privacy().lists().deleted == 0
    assert filled.privacy().delete([GONE]).rows == 4


PLACES = ["rows", "keys", "mention", "people", "rejects", "links", "meta", "path", "raw"]


@pytest.mark.parametrize("place", PLACES)
def test_the_search_finds_what_is_left_in_each_place(filled: Store, place: str) -> None:
    """The certificate is worth what its search finds: each place is tried on its own."""
    filled.privacy().delete([GONE])
    clean = search(filled._catalog, frozenset([GONE]), frozenset([DEVICE]), Names([GONE, DEVICE]))
    assert clean.found == []
    _plant(filled, place)
    again = search(filled._catalog, frozenset([GONE]), frozenset([DEVICE]), Names([GONE, DEVICE]))
    assert again.found != []


def _plant(store: Store, place: str) -> None:
    root = store.path
    if place in ("rows", "keys", "mention"):
        path = next(root.glob("events/*/*.parquet"))
        column, value = {
            "rows": ("user_id", pl.lit(GONE)),
            "keys": ("person_key", pl.lit(anonymous_key(DEVICE))),
            "mention": ("page_title", pl.lit(f"the page of {GONE}!")),
        }[place]
        pl.read_parquet(path).with_columns(value.alias(column)).write_parquet(path)
    elif place == "people":
        path = next(root.glob("ids/people-*.npy"))
        np.save(path, np.append(np.load(path), user_key(GONE)))
    elif place == "rejects":
        path = root / "rejects" / "b000001.jsonl"
        lines = path.read_text().replace("nothing of interest", f"by {DEVICE} ")
        path.write_text(lines)
    elif place == "raw":
        (root / "staging" / "forgotten").write_bytes(b"\x80x" + GONE.encode() + b"y\x80")
    else:
        statement = {
            "links": "INSERT INTO links VALUES ('d', ?1, 1, 1)",
            "meta": "INSERT INTO meta VALUES ('note', 'x ' || ?1)",
            "path": "INSERT INTO repeats VALUES (1, '/logs/' || ?1 || '.gz', 1, 1)",
        }[place]
        with store._catalog.writing() as db:
            db.execute(statement, (GONE,))


def test_freed_pages_of_the_catalog_are_not_left_in_its_file(filled: Store) -> None:
    for number in range(300):
        with filled._catalog.writing() as db:
            db.execute(
                "INSERT INTO links VALUES (?, ?, ?, ?)",
                (f"{DEVICE}-{number}", GONE, user_key(GONE), number),
            )
    filled.privacy().delete([GONE])
    data = (filled.path / "catalog.db").read_bytes()
    assert DEVICE.encode() not in data
    assert list(filled.path.glob("catalog.db-*")) == []


USERS = st.sampled_from([None, "user-a", "user-b", "user-c"])
DEVICES = st.sampled_from([None, "phone-x", "phone-y"])
LINES = st.lists(st.tuples(USERS, DEVICES, st.integers(0, 4), st.booleans()), max_size=14)


@settings(max_examples=30)
@given(first=LINES, second=LINES)
def test_a_store_after_a_deletion_is_one_that_never_had_the_person(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str | None, str | None, int, bool]],
    second: list[tuple[str | None, str | None, int, bool]],
) -> None:
    folder = tmp_path_factory.mktemp("never")
    rows = [
        event(0, event_id=f"e{n}", user_id=user, anonymous_id=device, timestamp=at(time),
              seen="user-a" if mentions else None)
        for n, (user, device, time, mentions) in enumerate([*first, *second])
    ]  # fmt: skip
    parts = [rows[: len(first)], rows[len(first) :]]
    with Store.create(folder / "with") as store:
        for number, part in enumerate(parts):
            ingest(store, write(folder / f"{number}", part))
        theirs = _theirs(rows, "user-a")
        made = store.privacy().delete(["user-a"])
        assert made.rows == len(theirs)
        assert made.searched is not None
        assert made.searched.found == []
        with Store.create(folder / "without") as never:
            for number, part in enumerate(parts):
                left = [row for row in part if row["event_id"] not in theirs]
                text = [json.dumps(row).replace('"user-a"', '"[deleted]"') for row in left]
                ingest(never, write(folder / f"left {number}", text))
            assert content(store) == content(never)
            ours, other = store.info(), never.info()
            assert (ours.rows, ours.people, ours.links) == (other.rows, other.people, other.links)
            assert (ours.event_types, ours.columns) == (other.event_types, other.columns)
            assert ours.properties == other.properties
        replay = ingest(store, write(folder / "again", rows))
        assert replay.stored == 0
        assert replay.suppressed == len(theirs)
        shutil.rmtree(folder)


def _theirs(rows: list[dict[str, Any]], user: str) -> set[str]:
    """Return the ids of a user's events, by a plain reading of the rules."""
    seen: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if "user_id" in row and "anonymous_id" in row:
            pair = (row["timestamp"], row["user_id"])
            seen.setdefault(row["anonymous_id"], []).append(pair)
    found = set()
    for row in rows:
        owner = row.get("user_id")
        if owner is None and (changes := sorted(seen.get(row.get("anonymous_id", ""), []))):
            before = [who for when, who in changes if when <= row["timestamp"]]
            owner = before[-1] if before else changes[0][1]
        if owner == user:
            found.add(row["event_id"])
    return found


def test_links_given_by_hand_say_whose_a_device_is(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, user_id=GONE, timestamp=at(1)),
        event(2, user_id=None, anonymous_id="tablet-one", timestamp=at(2)),
        event(3, user_id=None, anonymous_id="tablet-two", timestamp=at(3)),
        event(4, user_id="bert", anonymous_id="tablet-two", timestamp=at(4)),
        event(5, user_id=None, anonymous_id="tablet-three", timestamp=at(5)),
        event(6, user_id=GONE, anonymous_id="tablet-three", timestamp=at(6)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    by_hand = f"anonymous_id,user_id\ntablet-one,{GONE}\ntablet-two,{GONE}\n"
    (tmp_path / "links.csv").write_text(by_hand)
    store.link(tmp_path / "links.csv")
    store.split(["tablet-three"])
    assert store.privacy().export("user", GONE).events["event_id"].to_list() == [
        "e1", "e2", "e3", "e6",
    ]  # fmt: skip
    made = store.privacy().delete([GONE])
    assert (made.rows, made.devices) == (4, 1)
    assert made.searched is not None
    assert made.searched.found == []
    assert events(store)["event_id"].to_list() == ["e4", "e5"]
    assert store.verify().findings == ()
    replay = ingest(store, write(tmp_path / "again", lines))
    assert (replay.stored, replay.suppressed) == (0, 4)
