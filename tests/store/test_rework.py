"""Rows that go or change, and all that rests on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import DataError, InternalError, StoreLocked
from clickcli.identity import anonymous_key, user_key
from clickcli.store import Store
from clickcli.store.commit import Link
from clickcli.store.lock import WriterLock
from clickcli.store.rework import Reworked, Rule, look_for, reworking
from tests.store.logs import event, events, ingest, write
from tests.store.states import assert_sound, files_of, small_files, state


def seqs(*chosen: int) -> Callable[[pa.Table], Any]:
    """Return the mask function of these rows."""
    return lambda table: np.isin(table["seq"].to_numpy(), np.array(chosen, dtype=np.int64))


def users(*chosen: str) -> Callable[[pa.Table], Any]:
    """Return the mask function of these users' rows."""
    keys = [user_key(name) for name in chosen]
    return lambda table: np.isin(table["person_key"].fill_null(0).to_numpy(), keys)


def apply(store: Store, rule: Rule, act: str = "test") -> Reworked:
    """Apply a rule and commit."""
    with reworking(store._catalog, act, now=lambda: 7) as work:
        done = work.apply(rule)
        work.commit({"rows": done.rows})
    return done


def line(number: int, day: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an event of a date, with a device and a property of its own kind."""
    given = {"timestamp": f"2024-03-{day:02d}T00:00:{number % 60:02d}Z", "anonymous_id": "d"}
    return event(number, **given | {"plan": "pro", f"p{number % 3}": number} | fields)


LOGS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        day=st.integers(1, 3),
        user_id=st.sampled_from([None, "u1", "u2", "u3"]),
        anonymous_id=st.sampled_from([None, "d1", "d2", "null"]),
        event_type=st.sampled_from(["view", "buy"]),
        price=st.sampled_from([None, 1.5]),
    ),
    min_size=1,
    max_size=30,
)


def one_user_a_device(lines: list[dict[str, Any]]) -> bool:
    """Return whether no device changes hands: how many ingests there are then changes no link."""
    pairs = {(one["anonymous_id"], one["user_id"]) for one in lines if one["user_id"]}
    return len({device for device, _ in pairs}) == len(pairs)


@given(LOGS, st.data())
@settings(max_examples=20)
def test_a_store_after_removal_is_one_that_never_had_the_rows(
    lines: list[dict[str, Any]], data: st.DataObject
) -> None:
    log = [line(number, **fields) for number, fields in enumerate(lines)]
    gone = data.draw(st.sets(st.integers(0, len(log) - 1), max_size=len(log)))
    half = data.draw(st.integers(0, len(log)))
    kept = [one for number, one in enumerate(log) if number not in gone]
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.create(Path(folder, "a")) as store,
        Store.create(Path(folder, "b")) as other,
        small_files(),
    ):
        for number, part in enumerate((log[:half], log[half:])):
            ingest(store, write(Path(folder, f"{number}.jsonl"), part))
        whole = state(store)
        ingest(other, write(Path(folder, "kept.jsonl"), kept))
        rule = Rule(goes=seqs(*gone), columns=("seq",))
        assert look_for(store._catalog, rule).rows == len(gone)
        done = apply(store, rule)
        assert done.rows == len(gone)
        assert sum(done.by_batch.values()) == len(gone)
        assert_sound(store)
        after, expected = state(store), state(other)
        if not one_user_a_device(lines):
            del after["links"], expected["links"]
            after["dataset"], expected["dataset"] = (), ()
        assert after == expected
        again = ingest(store, write(Path(folder, "again.jsonl"), log))
        assert (again.stored, again.duplicates) == (len(gone), len(kept))
        back = state(store)
        if not one_user_a_device(lines):
            del back["links"], whole["links"]
            back["dataset"], whole["dataset"] = (), ()
        assert back == whole
        assert_sound(store)


def test_only_touched_files_and_row_groups_are_read_and_rewritten(
    store: Store, tmp_path: Path
) -> None:
    with small_files(part_rows=1000):
        log = [line(n, day, user_id=f"u{n % 20}") for day in (1, 2, 3) for n in range(100)]
        log = [one | {"event_id": f"e{number}"} for number, one in enumerate(log)]
        ingest(store, write(tmp_path / "a", log))
        before = {file.path: file.sha256 for file in store._catalog.files("events")}
        seen: list[int] = []

        def goes(table: pa.Table) -> Any:
            seen.append(table.num_rows)
            return users("u7")(table)

        key = user_key("u7")
        done = apply(
            store,
            Rule(
                goes=goes,
                columns=("person_key",),
                may_hold=lambda file: file.date != "2024-03-02",
                bounds={"person_key": (key, key)},
            ),
        )
    assert (done.rows, done.files_rewritten, done.files_dropped) == (10, 2, 0)
    assert 10 <= sum(seen) <= 40  # of 200 rows in these files
    after = {file.path: file.sha256 for file in store._catalog.files("events")}
    assert len(before.keys() & after.keys()) == 1
    assert all("date=2024-03-02" in path for path in before.keys() & after.keys())
    assert_sound(store)


def test_somebody_among_rows_of_nobody_is_still_there_after_some_of_them_go(
    store: Store, tmp_path: Path
) -> None:
    log = [line(n, user_id=None, anonymous_id="d" if n > 2 else None) for n in range(6)]
    ingest(store, write(tmp_path / "a", log))
    apply(store, Rule(goes=seqs(1, 4), columns=("seq",)))
    assert store.info().people == 1
    assert_sound(store)


def test_files_without_rows_left_go_and_their_folder_too(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(1, 1), line(2, 2)]))
    done = apply(store, Rule(goes=seqs(0), columns=("seq",)))
    assert (done.files_rewritten, done.files_dropped) == (0, 1)
    assert [path.name for path in (store.path / "events").iterdir()] == ["date=2024-03-02"]
    apply(store, Rule(goes=seqs(1), columns=("seq",)))
    assert store.info().people == 0
    assert store._catalog.rows("SELECT path FROM files") == []
    assert (store.dataset().first_ts, store.dataset().watermark) == (None, None)
    assert_sound(store)


def test_an_act_is_in_the_audit_log_with_its_counts(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(1)]))
    apply(store, Rule(goes=seqs(0)), act="delete")
    acts = store._catalog.rows("SELECT at, act, detail FROM acts")
    assert acts == [(7, "delete", '{"rows": 1}')]


def test_leaving_without_a_commit_changes_nothing(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(n) for n in range(5)]))
    before, files = state(store), files_of(store)
    with reworking(store._catalog, "test") as work:
        assert work.apply(Rule(goes=seqs(1, 2))).rows == 2
    assert (state(store), files_of(store)) == (before, files)
    assert_sound(store)


def test_one_rework_takes_one_rule(store: Store) -> None:
    with reworking(store._catalog, "test") as work:
        work.apply(Rule(goes=seqs(1)))
        with pytest.raises(InternalError):
            work.apply(Rule(goes=seqs(2)))


def test_a_rework_waits_for_the_lock_like_an_ingest(store: Store) -> None:
    with WriterLock(store.path), pytest.raises(StoreLocked), reworking(store._catalog, "test"):
        pass


def test_a_damaged_file_is_not_rewritten(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(n) for n in range(5)]))
    (file,) = store.dataset().files
    data = bytearray(Path(file.path).read_bytes())
    data[20] ^= 1
    Path(file.path).write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        apply(store, Rule(goes=seqs(1), columns=("seq",)))
    assert store.info().rows == 5


def test_rows_whose_ids_are_not_there_do_not_go(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(n) for n in range(5)]))
    with store._catalog.writing() as db:
        db.execute("DELETE FROM files WHERE kind = 'ids'")
    with pytest.raises(DataError, match="5 events were to go but 0 of their ids"):
        apply(store, Rule(goes=seqs(0, 1, 2, 3, 4), columns=("seq",)))


def renamed(names: Mapping[str, str]) -> Callable[[pa.Table], pa.Table]:
    """Return the edit that gives users other ids."""

    def edit(table: pa.Table) -> pa.Table:
        frame = pl.DataFrame(pl.from_arrow(table))
        user = pl.col("user_id").replace(dict(names))
        keys = {old: user_key(new) for old, new in names.items()}
        key = pl.col("user_id").replace_strict(keys, default=pl.col("person_key"))
        return frame.with_columns(key.alias("person_key"), user.alias("user_id")).to_arrow()

    return edit


def test_rows_that_change_keep_their_ids_and_are_sorted_anew(store: Store, tmp_path: Path) -> None:
    names = {f"u{n}": f"x{n}" for n in range(5)}
    with small_files():
        log = [line(n, 1 + n % 2, user_id=f"u{n % 8}", anonymous_id=None) for n in range(40)]
        ingest(store, write(tmp_path / "a", log))
        before = store.info()
        rule = Rule(changes=users(*names), edit=renamed(names), moves=True, columns=("person_key",))
        assert look_for(store._catalog, rule).changed == 25
        done = apply(store, rule)
    assert (done.rows, done.changed) == (0, 25)
    assert_sound(store)
    found = set(events(store)["user_id"].unique())
    assert found == {"x0", "x1", "x2", "x3", "x4", "u5", "u6", "u7"}
    after = store.info()
    assert after.snapshot != before.snapshot
    assert (after.people, after.columns, after.properties) == (8, before.columns, before.properties)
    again = ingest(store, write(tmp_path / "again", log))
    assert (again.stored, again.duplicates, again.conflicts) == (0, 40, 0)
    apply(store, Rule(goes=users("x1"), columns=("person_key",)))
    assert store.info().people == 7
    assert_sound(store)


def test_the_words_of_changed_rows_are_counted_anew(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(n, city="Rome", mail="a@b.c") for n in range(6)]))

    def edit(table: pa.Table) -> pa.Table:
        empty = pa.nulls(table.num_rows, pa.large_string())
        columns = {name: table[name] for name in table.column_names}
        texts = pa.array(['{"plan": "pro"}'] * table.num_rows, pa.large_string())
        return pa.table(columns | {"city": empty, "properties": texts})

    assert apply(store, Rule(changes=seqs(1, 2), edit=edit)).changed == 2
    info = store.info()
    assert (info.columns["city"], info.properties) == (4, {"plan": 6, "mail": 4, "p0": 2, "p1": 1,
                                                           "p2": 1})  # fmt: skip
    assert_sound(store)


def test_rows_go_and_others_change_in_one_commit(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(n, user_id=f"u{n % 3}") for n in range(9)]))
    rule = Rule(goes=users("u0"), changes=users("u0", "u1"), edit=renamed({"u1": "x"}), moves=True)
    done = apply(store, rule)
    assert (done.rows, done.changed) == (3, 3)
    assert sorted(events(store)["user_id"]) == ["u2"] * 3 + ["x"] * 3
    assert store.verify().findings == ()


@pytest.mark.parametrize("column", ["seq", "ts", "person_key"])
def test_an_edit_may_not_move_rows_in_secret(store: Store, tmp_path: Path, column: str) -> None:
    ingest(store, write(tmp_path / "a", [line(n) for n in range(3)]))
    before = state(store)

    def edit(table: pa.Table) -> pa.Table:
        place = table.column_names.index(column)
        return table.set_column(place, column, pa.array([5] * table.num_rows))

    with pytest.raises(InternalError, match=column):
        apply(store, Rule(changes=seqs(1), edit=edit))
    assert state(store) == before


def links(store: Store) -> set[tuple[str, str]]:
    """Return the pairs of device and user."""
    return set(store._catalog.rows("SELECT DISTINCT anonymous_id, user_id FROM links"))


def test_a_link_goes_with_the_last_row_it_rests_on(store: Store, tmp_path: Path) -> None:
    log = [
        line(0, user_id="u", anonymous_id="d"),
        line(1, user_id="u", anonymous_id="d"),
        line(2, user_id=None, anonymous_id="d"),
        line(3, user_id="v", anonymous_id="e"),
    ]
    ingest(store, write(tmp_path / "a", log))
    assert store.info().people == 2
    apply(store, Rule(goes=seqs(0)))
    assert links(store) == {("d", "u"), ("e", "v")}
    apply(store, Rule(goes=seqs(1)))
    assert links(store) == {("e", "v")}
    assert store.info().people == 2  # the device is somebody of its own again
    assert_sound(store)


def test_a_device_with_two_users_is_learned_again_from_what_is_left(
    store: Store, tmp_path: Path
) -> None:
    log = [line(n, user_id=user, anonymous_id="d") for n, user in enumerate("uuvuuvv")]
    ingest(store, write(tmp_path / "a", log))
    apply(store, Rule(goes=users("v"), columns=("person_key",)))
    times = store._catalog.rows("SELECT user_id, ts FROM links ORDER BY ts")
    first = int(events(store)["ts"][0])
    assert times == [("u", first), ("u", first + 4_000_000)]


def test_retention_keeps_the_links_of_devices_that_are_still_seen(
    store: Store, tmp_path: Path
) -> None:
    log = [
        line(0, 1, user_id="u", anonymous_id="d"),
        line(1, 1, user_id="v", anonymous_id="e"),
        line(2, 2, user_id=None, anonymous_id="d"),
    ]
    ingest(store, write(tmp_path / "a", log))
    apply(store, Rule(goes=seqs(0, 1), keeps_links=True))
    assert links(store) == {("d", "u")}
    assert store.info().people == 1  # the device's events are of a user without own ones
    assert_sound(store)
    more = [line(4, 3, user_id="u"), line(5, 3, user_id="w", anonymous_id=None)]
    ingest(store, write(tmp_path / "b", more))
    assert store.info().people == 2
    apply(store, Rule(goes=seqs(3, 4), keeps_links=True))
    assert store.info().people == 1
    assert_sound(store)
    apply(store, Rule(goes=seqs(2), keeps_links=True))
    assert (links(store), store.info().people) == (set(), 0)
    assert_sound(store)


def test_links_of_the_forgotten_go_whatever_rows_are_left(store: Store, tmp_path: Path) -> None:
    log = [
        line(0, user_id="u", anonymous_id="d"),
        line(1, user_id="v", anonymous_id="d"),
        line(2, user_id="v", anonymous_id="e"),
        line(3, user_id="w", anonymous_id="f"),
    ]
    ingest(store, write(tmp_path / "a", log))
    apply(store, Rule(goes=users("v"), forgets=frozenset({user_key("v"), anonymous_key("f")})))
    assert links(store) == {("d", "u")}


def test_links_and_files_that_the_caller_changes(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(0, user_id="u"), line(1, user_id=None), "{"]))
    with reworking(store._catalog, "test") as work:
        path = work.folder / "new.jsonl"
        path.write_bytes(b'{"source":"a","line":3,"reason":"invalid_json","raw":"-"}\n')
        work.replace(path, "rejects", "rejects/b000001.jsonl", 1)
        work.relink(["d"], [Link("d", "v", user_key("v"), 5)])
        work.relist(linked=["other"], unlinked=[])
        work.also(lambda db: db.execute("DELETE FROM repeats"))
        work.commit()
    assert [reject.raw for reject in store.rejects()] == ["-"]
    assert links(store) == {("d", "v")}
    (file,) = store._catalog.files("linked")
    assert file.rows == 2
    assert store.verify().findings == ()
    with reworking(store._catalog, None) as work:
        work.drop("rejects/b000001.jsonl")
        work.commit()
    assert list(store.rejects()) == []
    assert len(store._catalog.rows("SELECT act FROM acts")) == 1
    assert store.verify().findings == ()
