"""Merging small files, taking a batch back, checking every file."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import DataError, StorageError, UsageError
from clickcli.store import Store
from clickcli.store.catalog import Catalog
from clickcli.store.parts import PART_ROWS
from clickcli.store.runs import mergeable, tier
from clickcli.store.upkeep import compact
from tests.store.logs import event, events, ingest, to_bytes, write
from tests.store.states import assert_sound, files_of, small_files, state


def line(number: int, day: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an event of a date."""
    given = {"timestamp": f"2024-03-{day:02d}T00:00:{number % 60:02d}Z", "anonymous_id": "d"}
    return event(number, **given | fields)


def many_batches(store: Store, batches: int, each: int = 3, days: int = 2) -> None:
    """Ingest small batches with events of the same few dates."""
    for batch in range(batches):
        log = [line(batch * each + n, 1 + n % days, user_id=f"u{n}") for n in range(each)]
        ingest(store, io.BytesIO(to_bytes(log)))


def per_date(store: Store) -> list[int]:
    """Return how many event files each date has."""
    return [count for (count,) in store._catalog.rows(
        "SELECT count(*) FROM files WHERE kind = 'events' GROUP BY date ORDER BY date"
    )]  # fmt: skip


def seq_rows(store: Store) -> list[Any]:
    """Return all events with their order of arrival."""
    return events(store).rows()


def test_compaction_merges_the_files_of_a_date_and_changes_nothing_else(store: Store) -> None:
    many_batches(store, 6)
    before, rows, acts = state(store), seq_rows(store), store._catalog.rows("SELECT * FROM acts")
    assert per_date(store) == [6, 6]
    done = store.compact()
    assert [(one.date, one.files_before, one.files_after, one.rows) for one in done] == [
        (date(2024, 3, 1), 6, 1, 12),
        (date(2024, 3, 2), 6, 1, 6),
    ]
    assert all(one.bytes_after < one.bytes_before for one in done)
    assert per_date(store) == [1, 1]
    assert (state(store), seq_rows(store)) == (before, rows)
    assert store._catalog.rows("SELECT * FROM acts") == acts
    assert_sound(store)
    files = files_of(store)
    assert [(one.files_before, one.files_after) for one in store.compact()] == [(1, 1), (1, 1)]
    assert files_of(store) == files


def test_large_dates_are_split_by_person_into_files_of_bounded_size(store: Store) -> None:
    with small_files(part_rows=10, row_group=4):
        for batch in range(6):
            log = [line(batch * 7 + n, 1, user_id=f"u{n}") for n in range(7)]
            ingest(store, io.BytesIO(to_bytes([*log, event(100 + batch, user_id=None)])))
        before, rows = state(store), seq_rows(store)
        store.compact()
        files = store.dataset().files
        assert len(files) == 5
        assert all(file.rows <= 15 for file in files)
        ranges = sorted((file.min_key or 0, file.max_key or 0) for file in files)
        assert all(low[1] <= high[0] for low, high in itertools.pairwise(ranges))
        assert [one.files_after for one in store.compact()] == [5]
    assert (state(store), seq_rows(store)) == (before, rows)
    assert_sound(store)


def test_only_the_dates_asked_for_are_merged(store: Store) -> None:
    many_batches(store, 3)
    (done,) = store.compact([date(2024, 3, 2)])
    assert (done.date, done.files_after) == (date(2024, 3, 2), 1)
    assert per_date(store) == [3, 1]
    with pytest.raises(UsageError, match="2024-03-09"):
        store.compact([date(2024, 3, 9)])


def test_many_ingests_leave_a_bounded_number_of_files(store: Store) -> None:
    most = 0
    for batch in range(40):
        ingest(store, io.BytesIO(to_bytes([line(batch)])))
        most = max(most, *per_date(store))
    assert most == compact.FILES
    assert_sound(store)


def test_an_ingest_merges_no_more_than_its_share_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "FILES", 100)
    many_batches(store, 9, days=3)
    monkeypatch.undo()
    assert per_date(store) == [9, 9, 9]
    left = []
    for number in range(4):
        ingest(store, io.BytesIO(to_bytes([line(1000 + number, 9)])))
        left.append(sorted(per_date(store)[:3]))
    assert left == [[1, 9, 9], [1, 1, 9], [1, 1, 1], [1, 1, 1]]
    assert_sound(store)


@given(st.lists(st.integers(1, 120_000), min_size=1, max_size=150))
def test_what_is_merged_of_itself_is_bounded(sizes: list[int]) -> None:
    """Simulate the choice of files: their number, and how often a row is written."""
    files: list[int] = []
    written = 0
    for size in sizes:
        files.append(size)
        small = [rows for rows in files if rows < compact._SMALL]
        large = [rows for rows in files if rows >= compact._SMALL]
        if len(small) > compact.FILES:
            chosen = [small[at] for at in mergeable(small)]
            for rows in chosen:
                small.remove(rows)
            total = sum(chosen)
            written += total
            parts = -(-total // PART_ROWS)
            small += [total // parts] * parts if parts else []
        files = small + large
        assert len([rows for rows in files if rows < compact._SMALL]) <= 3 * 4 + 1
    assert written <= (tier(PART_ROWS) + 1) * sum(sizes)


def test_an_ingest_whose_files_cannot_be_merged_is_stored_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_batches(store, compact.FILES, days=1)

    def fail(*_: Any) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr(compact, "_merged", fail)
    summary = ingest(store, io.BytesIO(to_bytes([line(1000)])))
    assert summary.stored == 1
    assert summary.warnings == ("small files were not merged: no space left",)
    monkeypatch.undo()
    assert per_date(store) == [compact.FILES + 1]
    assert ingest(store, io.BytesIO(to_bytes([line(1001)]))).warnings == ()
    assert per_date(store) == [1]
    assert_sound(store)


def test_a_damaged_file_is_not_merged(store: Store) -> None:
    many_batches(store, 3, days=1)
    path = Path(store.dataset().files[1].path)
    data = bytearray(path.read_bytes())
    data[30] ^= 4
    path.write_bytes(data)
    with pytest.raises(DataError, match=path.name):
        store.compact()
    assert len(store.dataset().files) == 3


def test_files_of_an_earlier_set_of_columns_are_merged(store: Store) -> None:
    many_batches(store, 3, days=1)
    first = store._catalog.files("events")[0]
    path = store.path / first.path
    pl.read_parquet(path, hive_partitioning=False).drop("is_bot").write_parquet(path)
    data = path.read_bytes()
    import hashlib

    with store._catalog.writing() as db:
        db.execute(
            "UPDATE files SET bytes = ?, sha256 = ? WHERE path = ?",
            (len(data), hashlib.sha256(data).hexdigest(), first.path),
        )
    store._catalog.seal()
    store.compact()
    assert events(store)["is_bot"].null_count() == len(events(store)) == 9
    assert_sound(store)


# What a batch takes with it.


BATCHES = st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=8), min_size=3, max_size=3)


@given(BATCHES, st.permutations([0, 1, 2]), st.integers(0, 2), st.booleans())
@settings(max_examples=12)
def test_undo_and_ingest_again_is_as_if_ingested_once(
    batches: list[list[int]], order: list[int], undone: int, merges: bool
) -> None:
    """Three files with lines in common: with ids, without ids (which may repeat), and bad ones."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.create(Path(folder, "a")) as store,
        Store.create(Path(folder, "b")) as never,
        small_files(),
    ):
        logs = []
        for number, chosen in enumerate(batches):
            with_id = [line(n, 1 + n % 2, user_id=f"u{n % 2}") for n in chosen if n < 6]
            without = [line(n, event_id=None, plan="pro", user_id="v") for n in chosen if n >= 6]
            bad = ["{"] * number
            logs.append(write(Path(folder, f"{number}.jsonl"), [*with_id, *without, *bad]))
        names = {log: ingest(store, log).batch for log in (logs[place] for place in order)}
        for log in logs:
            if log != logs[undone]:
                ingest(never, log)
        whole = state(store)
        if merges:
            store.compact()
        batch = names[logs[undone]]
        assert batch is not None
        planned = store.undo(batch, dry_run=True)
        assert state(store) == whole
        done = store.undo(batch)
        assert (planned.rows, planned.sources, planned.others) == (
            done.rows, done.sources, done.others,
        )  # fmt: skip
        assert_sound(store)
        before = state(store)
        ingest(store, *(log for log in logs if log != logs[undone]))
        assert events_of(store) == events_of(never)
        if not done.others:
            assert state(store) == before
        again = ingest(store, *done.sources)
        assert again.stored + again.duplicates + again.rejected == again.read
        assert events_of(store) == {name: whole[name] for name in events_of(store)}
        if not done.others:  # lines of other batches that are read again are rejected again
            assert state(store) == whole
        assert_sound(store)


def events_of(store: Store) -> dict[str, Any]:
    """Return what a store holds, without the rejects."""
    return {name: value for name, value in state(store).items() if not name.startswith("re")}


def test_undo_takes_the_rejects_and_the_words_with_it(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(0), "{", "[]"]))
    before = state(store)
    ingest(store, write(tmp_path / "b", [line(1, event_type="buy", plan="pro", city="Rome"), "{"]))
    done = store.undo("b000002")
    assert (done.rows, done.rejected, done.sources) == (1, 1, (str(tmp_path / "b"),))
    assert state(store) == before
    assert not (store.path / "rejects" / "b000002.jsonl").exists()
    info = store.info()
    assert (info.batches, info.rejects, len(info.sources)) == (1, 2, 1)
    batch = store.batches()[1]
    assert (batch.stored, batch.removed, batch.rejected) == (1, 1, 1)
    assert batch.undone is not None
    acts = store._catalog.rows("SELECT act, detail FROM acts")
    assert [(act, json.loads(detail)) for act, detail in acts] == [
        ("undo", {"batch": "b000002", "rejected": 1, "rows": 1})
    ]
    assert_sound(store)


def test_undo_names_the_files_whose_lines_were_left_out_as_repeats(
    store: Store, tmp_path: Path
) -> None:
    first = write(tmp_path / "a", [line(0), line(1)])
    second = write(tmp_path / "b", [line(1), line(2)])
    third = write(tmp_path / "c", [line(2), line(3)])
    for log in (first, second, third):
        ingest(store, log)
    done = store.undo("b000001")
    assert (done.sources, done.others) == ((str(first),), (str(second),))
    assert [source.path for source in store.info().sources] == [str(third)]
    assert ingest(store, second).stored == 1
    assert ingest(store, third).files[0].status == "unchanged"
    assert sorted(events(store)["event_id"]) == ["e1", "e2", "e3"]
    assert_sound(store)


def test_undo_of_the_beginning_of_a_file_that_grew_reads_all_of_it_again(
    store: Store, tmp_path: Path
) -> None:
    log = write(tmp_path / "a.log", [line(0, event_id=None), line(0, event_id=None)])
    ingest(store, log)
    with log.open("ab") as stream:
        stream.write(to_bytes([line(0, event_id=None), line(5)]))
    assert ingest(store, log).files[0].status == "grown"
    moved = log.rename(tmp_path / "a.log.1")
    with moved.open("ab") as stream:
        stream.write(to_bytes([line(6)]))
    assert ingest(store, moved).files[0].status == "grown"
    whole = state(store)
    for batch in ("b000001", "b000003"):
        store.undo(batch)
        assert_sound(store)
    again = ingest(store, moved)
    assert (again.read, again.stored, again.duplicates) == (5, 3, 2)
    assert state(store) == whole


def test_a_batch_that_is_unknown_or_was_taken_back_is_refused(store: Store) -> None:
    many_batches(store, 2)
    with pytest.raises(UsageError, match="'b00001'") as caught:
        store.undo("b00001")
    assert "b000001" in str(caught.value.hint)
    with pytest.raises(UsageError, match="unknown batch"):
        store.undo("\x1b[31m'; DROP TABLE batches; --")
    store.undo("b000001")
    with pytest.raises(UsageError, match="already"):
        store.undo("b000001")
    with pytest.raises(UsageError, match="already"):
        store.undo("b000001", dry_run=True)
    assert store.info().rows == 3


def test_a_batch_of_nothing_but_rejects_can_be_taken_back(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", ["{"]))
    assert store.undo("b000001").rejected == 1
    assert store.info().reject_reasons == {}
    assert ingest(store, tmp_path / "a").rejected == 1
    assert_sound(store)


def test_the_watermark_follows_what_is_left(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a", [line(0, 5)]))
    five = store.dataset().watermark
    ingest(store, write(tmp_path / "b", [line(1, 9), line(2, 1)]))
    ingest(store, write(tmp_path / "c", [line(3, timestamp="2031-01-01T00:00:00Z")]), future="keep")
    now = store.dataset().watermark
    assert now == 1_735_689_600_000_000  # the clock of the ingest, not the event from the future
    store.undo("b000003")
    store.undo("b000002")
    assert (store.dataset().watermark, store.dataset().first_ts) == (five, five)
    assert (store.info().watermark, store.info().first_ts) == (five, five)


# Checking every file.


@pytest.fixture
def full(store: Store, tmp_path: Path) -> Store:
    """Return a store with a file of each kind."""
    log = [line(n, 1 + n % 2, user_id=f"u{n}") for n in range(9)]
    ingest(store, write(tmp_path / "a", [*log, line(20, user_id=None), "{"]))
    ingest(store, write(tmp_path / "b", [line(n, user_id=f"u{n}") for n in range(20, 30)]))
    assert_sound(store)
    return store


def found(store: Store, **options: Any) -> list[tuple[str, str]]:
    """Return the findings: severity and file."""
    return [(one.severity, one.path) for one in store.verify(**options).findings]


def one_of(store: Store, kind: str) -> Path:
    """Return a file of a kind."""
    return store.path / store._catalog.files(kind)[0].path


KINDS = ["events", "ids", "people", "linked", "rejects"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.999])
def test_a_flipped_bit_is_named(full: Store, kind: str, place: float) -> None:
    path = one_of(full, kind)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 16
    path.write_bytes(data)
    assert found(full) == [("error", path.relative_to(full.path).as_posix())]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quick", [False, True])
def test_a_file_that_is_cut_empty_or_gone_is_named(full: Store, kind: str, quick: bool) -> None:
    path = one_of(full, kind)
    name = path.relative_to(full.path).as_posix()
    path.write_bytes(path.read_bytes()[:-1])
    assert found(full, quick=quick) == [("error", name)]
    path.write_bytes(b"")
    assert found(full, quick=quick) == [("error", name)]
    path.unlink()
    assert found(full, quick=quick) == [("error", name)]


def test_every_flipped_bit_of_the_catalog_is_named(full: Store, tmp_path: Path) -> None:
    data = (full.path / "catalog.db").read_bytes()
    full.close()
    generator = np.random.default_rng(3)
    for place in [*range(0, 100, 7), *generator.integers(0, len(data), 60).tolist()]:
        copy = shutil.copytree(full.path, tmp_path / f"copy-{place}")
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(generator.integers(0, 8))
        (copy / "catalog.db").write_bytes(damaged)
        try:
            with Store.open(copy) as store:
                named = found(store)
        except DataError as error:
            named = [("error", "catalog.db")] if str(copy) in error.message else []
        assert ("error", "catalog.db") in named, place
        shutil.rmtree(copy)


def test_a_catalog_without_or_with_a_damaged_checksum_says_so(full: Store) -> None:
    seal = full.path / "catalog.sum"
    seal.write_text("what\n")
    assert found(full) == [("warning", "catalog.sum")]
    seal.unlink()
    assert found(full) == [("warning", "catalog.sum")]
    full._catalog.seal()
    assert found(full) == []


def test_an_older_copy_of_the_catalog_is_told_from_the_present_one(
    full: Store, tmp_path: Path
) -> None:
    old = (full.path / "catalog.db").read_bytes()
    full.compact()
    ingest(full, write(tmp_path / "more", [line(99)]))
    full.close()
    (full.path / "catalog.db").write_bytes(old)
    with Store.open(full.path) as store:
        assert ("error", "catalog.db") in found(store)


def test_a_commit_whose_checksum_was_not_written_is_no_finding(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "seal", lambda _: None)
        ingest(store, write(tmp_path / "a", [line(0)]))
    assert found(store) == []


CONTRADICTIONS: dict[str, tuple[str, str]] = {
    "UPDATE batches SET removed = 1 WHERE id = 1": ("catalog.db", "rows in its event files"),
    "UPDATE batches SET removed = 99 WHERE id = 1": ("catalog.db", "lost more events"),
    "UPDATE totals SET lines = lines + 1 WHERE kind = 'event_type'": ("catalog.db", "by type"),
    "UPDATE meta SET value = 3 WHERE key = 'people'": ("catalog.db", "counts 3 people"),
    "UPDATE meta SET value = 3 WHERE key = 'fingerprint'": ("ids", "fingerprint"),
    "UPDATE files SET rows = rows + 1 WHERE kind = 'rejects'": ("rejects/b000001", "has 1 rows"),
    "UPDATE files SET min_ts = min_ts - 1 WHERE kind = 'events'": ("events/date=", "bounds"),
    "UPDATE files SET date = '2024-03-07' WHERE kind = 'events'": ("events/date=", "another date"),
    "UPDATE files SET path = '../' || path WHERE kind = 'rejects'": ("../rejects", "outside"),
    "UPDATE files SET path = '/etc/passwd' WHERE kind = 'rejects'": ("/etc/passwd", "outside"),
    "UPDATE files SET bytes = 'x' WHERE kind = 'rejects'": ("catalog.db", "wrongly"),
}


@pytest.mark.parametrize(("change", "finding"), CONTRADICTIONS.items())
def test_a_catalog_that_contradicts_itself_or_the_files_is_named(
    full: Store, change: str, finding: tuple[str, str]
) -> None:
    with full._catalog.writing() as db:
        db.execute(change)
    full._catalog.seal()
    findings = full.verify().findings
    assert any(finding[0] in one.path and finding[1] in one.problem for one in findings), findings


def resealed(store: Store, path: Path) -> None:
    """Take a changed file for the right one, as a defect of our own would."""
    import hashlib

    data = path.read_bytes()
    with store._catalog.writing() as db:
        db.execute(
            "UPDATE files SET bytes = ?, sha256 = ? WHERE path = ?",
            (len(data), hashlib.sha256(data).hexdigest(),
             path.relative_to(store.path).as_posix()),
        )  # fmt: skip
    store._catalog.seal()


def test_unsorted_events_and_a_seq_twice_are_named(full: Store) -> None:
    path = one_of(full, "events")
    frame = pl.read_parquet(path, hive_partitioning=False)
    frame.reverse().write_parquet(path)
    resealed(full, path)
    assert "not sorted" in full.verify().findings[0].problem
    frame.with_columns(pl.lit(frame["seq"][0]).alias("seq")).write_parquet(path)
    resealed(full, path)
    problems = [one.problem for one in full.verify().findings]
    assert any("in the store twice" in problem for problem in problems)
    frame.with_columns(pl.lit(10**9).alias("seq")).write_parquet(path)
    resealed(full, path)
    assert any("no batch was given" in one.problem for one in full.verify().findings)


def change_run(run: Any) -> Any:
    return run[:, ::-1]


def change_ids(run: Any) -> Any:
    run[3, 0] = run[3, 1]
    return run


@pytest.mark.parametrize(
    ("change", "word"),
    [(change_run, "not sorted"), (change_ids, "two ids"), (lambda run: run[:3], "rows")],
)
def test_a_wrong_id_run_is_named(full: Store, change: Callable[[Any], Any], word: str) -> None:
    path = one_of(full, "ids")
    np.save(path, np.ascontiguousarray(change(np.load(path))))
    resealed(full, path)
    problems = [one.problem for one in full.verify().findings]
    assert any(word in problem or "cannot be read" in problem for problem in problems), problems


def test_a_list_of_people_that_is_not_that_of_the_events_is_named(full: Store) -> None:
    path = one_of(full, "people")
    keys = np.load(path)
    keys[0] -= 1
    np.save(path, keys)
    resealed(full, path)
    assert [one.problem for one in full.verify().findings] == [
        "the list of people is not that of the events"
    ]
    np.save(path, keys[::-1])
    resealed(full, path)
    assert "not sorted" in full.verify().findings[0].problem


def test_strange_files_and_links_are_named_and_not_followed(full: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (full.path / "events" / "date=2024-03-01" / "mine.parquet").write_bytes(b"")
    (full.path / "notes \x1b[31m.txt").write_text("x")
    (full.path / "loop").symlink_to(full.path)
    (full.path / "rejects" / "link").symlink_to(outside)
    (full.path / "derived").mkdir()
    (full.path / "derived" / "table.parquet").write_bytes(b"")
    assert found(full) == [
        ("error", "loop"),
        ("error", "rejects/link"),
        ("warning", "derived/table.parquet"),
        ("warning", "events/date=2024-03-01/mine.parquet"),
        ("warning", "notes \x1b[31m.txt"),
    ]


def test_a_folder_that_became_a_link_is_named_and_not_written_through(
    full: Store, tmp_path: Path
) -> None:
    many_batches(full, 2)
    day = full.path / "events" / "date=2024-03-01"
    outside = day.rename(tmp_path / "outside")
    day.symlink_to(outside)
    names = sorted(outside.iterdir())
    problems = {one.problem for one in full.verify().findings}
    assert "is reached by a symbolic link and was not read" in problems
    for write_it in (
        full.compact,
        lambda: full.undo("b000001"),
        lambda: ingest(full, io.BytesIO(to_bytes([line(777)]))),
    ):
        with pytest.raises(DataError, match="symbolic link"):
            write_it()
        assert sorted(outside.iterdir()) == names
        assert not list((full.path / "staging").iterdir())
    assert ingest(full, io.BytesIO(to_bytes([line(777, 9)]))).stored == 1


@pytest.mark.parametrize("name", ["staging", "ids", "rejects", "events"])
def test_a_main_folder_that_is_a_link_is_not_written_through(
    full: Store, tmp_path: Path, name: str
) -> None:
    outside = (full.path / name).rename(tmp_path / "outside")
    (full.path / name).symlink_to(outside)
    names = sorted(outside.rglob("*"))
    with pytest.raises(DataError, match="symbolic link"):
        ingest(full, io.BytesIO(to_bytes([line(777)])))
    with pytest.raises(DataError, match="symbolic link"):
        full.undo("b000001")
    assert sorted(outside.rglob("*")) == names


def test_files_that_a_writer_replaces_meanwhile_are_no_findings(
    full: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clickcli.store.upkeep import verify
    from clickcli.store.upkeep.check_files import check_file

    calls: list[str] = []

    def check(catalog: Any, file: Any, tally: Any) -> Any:
        calls.append(file.path)
        if len(calls) == 1:
            with Store.open(full.path) as other:
                other.compact()
                other.undo("b000002")
                ingest(other, io.BytesIO(to_bytes([line(50)])))
        return check_file(catalog, file, tally)

    monkeypatch.setattr(verify, "check_file", check)
    done = full.verify()
    assert done.findings == ()
    assert done.skipped >= 3
    assert full.verify().skipped == 0


def test_an_empty_store_is_fine(store: Store) -> None:
    done = store.verify()
    assert (done.findings, done.files, done.rows) == ((), 0, 0)
    assert store.compact() == []


def test_a_store_of_the_first_format_is_brought_to_the_present_one(
    store: Store, tmp_path: Path
) -> None:
    ingest(store, write(tmp_path / "a", [line(n) for n in range(4)]))
    before = state(store)
    store.close()
    db = sqlite3.connect(store.path / "catalog.db")
    for table in ("given_links", "splits", "suppressions", "consents", "acts"):
        db.execute(f"DROP TABLE {table}")
    for column in ("removed", "undone"):
        db.execute(f"ALTER TABLE batches DROP COLUMN {column}")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    (store.path / "catalog.sum").unlink()
    with Store.open(store.path) as again:
        assert state(again) == before
        assert_sound(again)
        again.undo("b000001")
        assert_sound(again)
