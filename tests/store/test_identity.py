"""Identity: links by file, splits, what they change, and that all of it can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clickcli
from clickcli.cli.main import main
from clickcli.engines import engine
from clickcli.engines.scan import scan
from clickcli.errors import DataError, UsageError
from clickcli.identity import anonymous_key, user_key
from clickcli.store import Store
from tests.store.logs import event, ingest, write

BASE = 1_709_251_200_000_000
MINUTE = 60_000_000

DEVICES = ("d1", "d2", "d3")
USERS = ("u1", "u2", "u3")


def line(number: int, device: str | None, user: str | None, minute: int) -> dict[str, Any]:
    return event(
        number, anonymous_id=device, user_id=user, timestamp=(BASE + minute * MINUTE) // 10**6
    )


def persons(store: Store) -> pl.DataFrame:
    """Return every event's person as analyses see it, by seq."""
    frame = scan(engine("polars", None), store.dataset(), ["person_id", "is_known"])
    return engine("polars", None).collect({"events": frame})["events"].sort("seq")


def links_file(path: Path, links: list[tuple[str, str, int | None]]) -> Path:
    """Write links as CSV; times are minutes."""
    rows = [
        f"{device},{user},{'' if minute is None else BASE + minute * MINUTE}"
        for device, user, minute in links
    ]
    path.write_text("\n".join(["anonymous_id,user_id,ts", *rows]) + "\n")
    return path


def of_event(
    device: str, ts: int, learned: list[tuple[int, str]], by_hand: list[tuple[int | None, str]],
    *, is_split: bool,
) -> int:  # fmt: skip
    """Return whose an event is, by brute force."""
    if is_split:
        return anonymous_key(device)
    for at, user in by_hand:
        if at is None:
            return user_key(user)
    timed = [(at, user) for at, user in by_hand if at is not None]
    moments = {at for at, _ in timed}
    points = sorted([*timed, *((at, user) for at, user in learned if at not in moments)])
    if not points:
        return anonymous_key(device)
    before = [user for at, user in points if at <= ts]
    return user_key(before[-1] if before else points[0][1])


EVENTS = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.sampled_from((None, None, *USERS)), st.integers(0, 6)),
    min_size=1, max_size=14,
)  # fmt: skip
GIVEN = st.dictionaries(
    st.sampled_from(DEVICES),
    st.one_of(
        st.tuples(st.sampled_from((*USERS, "new")), st.none()).map(lambda pair: [pair]),
        st.lists(
            st.tuples(st.sampled_from((*USERS, "new")), st.integers(0, 6)), max_size=2,
            unique_by=(lambda pair: pair[0], lambda pair: pair[1]), min_size=1,
        ),
    ),
    min_size=1,
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(EVENTS, GIVEN, st.sets(st.sampled_from(DEVICES)), EVENTS)
def test_links_and_splits_are_those_of_a_brute_force_resolver_and_can_be_taken_back(
    tmp_path_factory: pytest.TempPathFactory, log: Any, links: Any, split: set[str], more: Any
) -> None:
    folder = tmp_path_factory.mktemp("identity")
    flat = [(device, user, at) for device, found in links.items() for user, at in found]
    path = links_file(folder / "links.csv", flat)
    with Store.create(folder / "store") as store:
        ingest(store, write(folder / "a", [line(n, *one) for n, one in enumerate(log)]))
        before, info = persons(store), store.info()
        preview = store.link(path, dry_run=True)
        assert persons(store).equals(before)
        linked = store.link(path)
        assert (linked.moved, linked.people_after) == (preview.moved, preview.people_after)
        if split:
            store.split(sorted(split))
        learned: dict[str, list[tuple[int, str]]] = {}
        ingest(store, write(folder / "b", [line(100 + n, *one) for n, one in enumerate(more)]))
        for device, user, ts in store._catalog.rows("SELECT anonymous_id, user_id, ts FROM links"):
            learned.setdefault(device, []).append((ts, user))
        seen = persons(store)["person_key"].to_list()
        for (device, user, minute), key in zip([*log, *more], seen, strict=True):
            by_hand = [
                (None if at is None else BASE + at * MINUTE, who)
                for who, at in links.get(device, ())
            ]
            expected = user_key(user) if user is not None else of_event(
                device, BASE + minute * MINUTE, learned.get(device, []), by_hand,
                is_split=device in split,
            )  # fmt: skip
            assert key == expected, (device, minute)
        assert not [one for one in store.verify().findings if one.severity == "error"]
        if split:
            store.split(sorted(split), undo=True)
        store.unlink(path)
        assert store._catalog.value("SELECT count(*) FROM given_links") == 0
        with Store.create(folder / "plain") as plain:
            ingest(plain, folder / "a")
            assert persons(plain).equals(before)
            ingest(plain, folder / "b")
            assert persons(store).equals(persons(plain))
            assert (store.info().people, store.info().links) == (
                plain.info().people, plain.info().links,
            )  # fmt: skip
        assert info.people == before["person_key"].drop_nulls().n_unique()


def people(store: Store) -> int:
    return persons(store)["person_key"].drop_nulls().n_unique()


def test_a_link_says_beforehand_and_afterwards_what_it_changes(
    store: Store, tmp_path: Path
) -> None:
    lines = [
        line(0, "d1", None, 0), line(1, "d1", None, 5), line(2, "d2", None, 0),
        line(3, None, "u1", 0), line(4, "d3", None, 0),
    ]  # fmt: skip
    ingest(store, write(tmp_path / "a", lines))
    path = links_file(tmp_path / "l", [("d1", "u1", None), ("d2", "u9", 3), ("far", "u1", None)])
    change = store.link(path)
    assert (change.given, change.changed, change.known, change.moved) == (3, 3, 2, 3)
    assert (change.people_before, change.people_after) == (4, 3)
    assert store.info().people == people(store) == 3
    assert store.info().links == 3
    assert [(one.anonymous_id, one.user_id, one.origin) for one in store.links("u1")] == [
        ("d1", "u1", "given"), ("far", "u1", "given"),
    ]  # fmt: skip
    again = store.link(path)
    assert (again.changed, again.moved) == (0, 0)
    acts = store._catalog.rows("SELECT act, detail FROM acts")
    assert [act for act, _ in acts] == ["link"]
    assert json.loads(acts[0][1]) == {"changed": 3, "moved": 3, "named": 3}
    store.unlink(path)
    assert store.info().people == people(store) == 4


def test_a_split_device_is_itself_even_after_it_is_seen_with_a_user_again(
    store: Store, tmp_path: Path
) -> None:
    ingest(store, write(tmp_path / "a", [line(0, "d1", None, 0), line(1, "d1", "u1", 1)]))
    assert store.info().people == people(store) == 1
    change = store.split(["d1", "unknown"])
    assert (change.given, change.changed, change.moved) == (2, 2, 1)
    assert store.info().people == people(store) == 2
    ingest(store, write(tmp_path / "b", [line(2, "d1", "u1", 3), line(3, "d1", None, 4)]))
    assert store.info().people == people(store) == 2
    assert [one.origin for one in store.links()] == ["split", "split"]
    undone = store.split(["d1"], undo=True)
    assert (undone.people_before, undone.people_after) == (2, 1)
    assert store.info().people == people(store) == 1


def test_analyses_follow_the_links(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(0, "d1", None, 0), line(1, None, "u1", 5)]))
    store.link(links_file(tmp_path / "l", [("d1", "u1", None)]))
    with clickcli.open(store.path) as log:
        assert log.events(count=True).to_polars()["people"].item() == 1


def test_suspects_are_users_devices_and_chains(store: Store, tmp_path: Path) -> None:
    pairs = [("kiosk", f"u{n}") for n in range(4)] + [(f"b{n}", "bot") for n in range(12)]
    pairs += [("x", "a1"), ("x", "a2"), ("y", "a2"), ("y", "a3"), ("z", "a3"), ("z", "a4")]
    lines = [line(n, device, user, n) for n, (device, user) in enumerate(pairs)]
    ingest(store, write(tmp_path / "a", lines))
    found = {(one.kind, one.id, one.devices, one.users, one.example) for one in store.suspects()}
    assert found == {
        ("user_with_many_devices", "bot", 12, 1, "b0"),
        ("device_with_many_users", "kiosk", 1, 4, "u0"),
        ("chain_of_users", "u0", 1, 4, "kiosk"), ("chain_of_users", "a1", 3, 4, "x"),
    }  # fmt: skip
    store.split(["kiosk"])
    assert "kiosk" not in {one.id for one in store.suspects()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no links"), ("\n\n", "holds no links"),
        ("device,user\nd,u\n", "line 1 .* lacks anonymous_id"),
        ("anonymous_id,user_id,email\nd,u,x\n", "line 1 .* must have"),
        ("anonymous_id,user_id,user_id\nd,u,u\n", "line 1 .* each once"),
        ("anonymous_id,user_id\nd\n", "line 2 .* has 1 cells"),
        ("anonymous_id,user_id\nd,null\n", "line 2 .* is nobody"),
        ("anonymous_id,user_id\n,u\n", "line 2 .* is nobody"),
        ("anonymous_id,user_id,ts\nd,u,soon\n", "line 2 .* no time"),
        ("anonymous_id,user_id,ts\nd,u,2024-01-01T00:00:00\n", "line 2 .* no time"),
        ('anonymous_id,user_id\nd,"u\n', "line 2 .* is not CSV"),
        ("anonymous_id,user_id\nd,u\nd,v\n", "line 3 .* contradicts"),
        ("anonymous_id,user_id,ts\nd,u,1709251200\nd,v,1709251200\n", "line 3 .* same moment"),
        ("anonymous_id,user_id,ts\nd,u,1709251200\nd,v,\n", "line 3 .* all time"),
        ("anonymous_id,user_id,ts\nd,u,1709251200\nd,u,1709251201\n", "line 3 .* another time"),
        ("anonymous_id,user_id\nd,\0\n", "line 2 .* NUL"),
        ("anonymous_id,user_id\n" + "x" * 70_000, "line 2 .* longer than"),
        ("anonymous_id,user_id\nd," + "u" * 5000, "line 2 .* more than 4096"),
        ('{"anonymous_id": "d"}\n', "line 1 .* lacks user_id"),
        ('{"anonymous_id": "d", "user_id": {}}\n', "line 1 .* no text"),
        ('{"anonymous_id": "d", "user_id": "u"}\n[1]\n', "line 2 .* not a JSON object"),
        ('{"anonymous_id": "d", "user_id": "u"}\n{\n', "line 2 .* not valid JSON"),
        ('{"anonymous_id": "d", "user_id": "\\ud800"}\n', "line 1 .* Unicode"),
        ('{"anonymous_id": "d", "user_id": "u", "ts": [1]}\n', "line 1 .* no time"),
        ("{" * 50_000, "line 1 .* not valid JSON"),
    ],
)  # fmt: skip
def test_files_that_are_no_links_are_refused_by_line(
    store: Store, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "links"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        store.link(path)
    assert store._catalog.rows("SELECT * FROM given_links") == []


def test_a_file_of_bytes_and_one_long_line_are_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "links"
    path.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(DataError, match=r"UTF-8|NUL"):
        store.link(path)
    with path.open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(DataError, match=r"longer than|NUL"):
        store.link(path)


def test_what_contradicts_a_link_in_force_is_refused(store: Store, tmp_path: Path) -> None:
    store.link(links_file(tmp_path / "a", [("d", "=cmd()", None)]))
    with pytest.raises(DataError, match="contradicts one given before") as caught:
        store.link(links_file(tmp_path / "b", [("d", "v", None)]))
    assert "unlink" in str(caught.value.hint)
    assert [one.user_id for one in store.links()] == ["=cmd()"]
    with pytest.raises(UsageError):
        store.split(["null"])


def test_the_commands_show_tables(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest(store, write(tmp_path / "a", [line(0, "d1", None, 0), line(1, "\x1b[31m", "u1", 1)]))
    path = links_file(tmp_path / "l.csv", [("d1", "u1", None)])
    for words, expected in (
        (("preview", path), "link\t1\t1\t1\t1\t2\t1"), (("link", path), "link\t1\t1\t1\t1\t2\t1"),
        (("list",), "d1\tu1\tgiven"), (("split", "d1"), "split\t1\t1\t1\t1\t1\t2"),
        (("split", "--undo", "d1"), "unsplit\t1\t1\t1\t1\t2\t1"),
        (("unlink", path), "unlink\t1\t1\t1\t1\t1\t2"), (("suspects",), "kind\tid"),
    ):  # fmt: skip
        asked = [str(word) for word in words]
        assert main(["identity", *asked, "--store", str(store.path)]) == 0
        out = capsys.readouterr().out
        assert expected in out
        assert "\x1b" not in out
