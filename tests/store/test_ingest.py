"""Ingest as a whole: accounts, exactly once, files, catalog."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import stat
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import DataError, InternalError, UsageError
from clickcli.identity import user_key
from clickcli.store import Progress, Store, dry_run, parts, spool
from tests.store.logs import NOW, check, event, events, ingest, options, to_bytes, write


def test_a_log_is_stored_and_described(store: Store, tmp_path: Path) -> None:
    lines = [event(n, properties={"plan": "pro"}) for n in range(5)] + ["{oops"]
    summary = ingest(store, write(tmp_path / "a.jsonl", lines))
    check(summary)
    assert (summary.read, summary.stored, summary.rejected) == (6, 5, 1)
    assert summary.batch == "b000001"
    assert summary.files[0].status == "new"
    info = store.info()
    assert (info.rows, info.people, info.batches, info.files) == (5, 3, 1, 1)
    assert info.event_types == {"view": 5}
    assert info.columns["user_id"] == 5
    assert "price" not in info.columns
    assert info.properties == {"plan": 5}
    assert (info.rejects, info.reject_reasons) == (1, {"invalid_json": 1})
    assert info.last_ingest == NOW
    assert info.first_ts == 1_709_251_200_000_000
    assert info.watermark == 1_709_251_204_000_000
    assert [(r.line, r.reason, r.raw) for r in store.rejects()] == [(6, "invalid_json", "{oops")]
    dataset = store.dataset()
    assert dataset.rows == 5
    assert dataset.property_names == ("plan",)
    assert dataset.files[0].date.isoformat() == "2024-03-01"
    assert "/date=2024-03-01/" in dataset.files[0].path


def test_an_empty_file_and_an_empty_store_are_fine(store: Store, tmp_path: Path) -> None:
    assert store.info().rows == 0
    assert store.dataset().files == ()
    assert store.dataset().watermark is None
    summary = ingest(store, write(tmp_path / "a.jsonl", []))
    assert (summary.read, summary.stored) == (0, 0)
    summary = ingest(store, write(tmp_path / "b.jsonl", ["", "  "]))
    assert (summary.read, summary.blank) == (0, 2)
    assert list(store.rejects()) == []


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_the_first_bytes_tell_the_form_not_the_name(
    store: Store, tmp_path: Path, pack: Any
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(pack(to_bytes(event(n) for n in range(9))))
    assert ingest(store, path).stored == 9
    assert ingest(store, io.BytesIO(path.read_bytes())).duplicates == 9


def test_two_files_joined_by_gzip_are_one(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(to_bytes([event(0)])) + gzip.compress(to_bytes([event(1)])))
    assert ingest(store, path).stored == 2


def test_a_stream_is_read_and_has_no_ledger_entry(store: Store) -> None:
    log = to_bytes([event(n) for n in range(4)])
    assert ingest(store, io.BytesIO(log)).stored == 4
    again = ingest(store, io.BytesIO(log))
    assert (again.stored, again.duplicates) == (0, 4)
    assert store.info().sources == ()


def test_the_same_file_again_is_a_no_op(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [event(n, event_id=None) for n in range(4)])
    ingest(store, path)
    again = ingest(store, path)
    assert again.batch is None
    assert [file.status for file in again.files] == ["unchanged"]
    os.utime(path, (1, 1))
    assert [file.status for file in ingest(store, path).files] == ["unchanged"]
    assert len(store.batches()) == 1


def test_a_file_named_twice_is_read_once(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [event(0)])
    (tmp_path / "link").symlink_to(path)
    assert ingest(store, path, str(path), tmp_path / "link").read == 1


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_a_grown_file_resumes(store: Store, tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(pack(to_bytes([event(0), "{bad"])))
    ingest(store, path)
    path.write_bytes(pack(to_bytes([event(0), "{bad", event(1), "{worse"])))
    grown = ingest(store, path)
    check(grown)
    assert [file.status for file in grown.files] == ["grown"]
    assert (grown.read, grown.stored) == (2, 1)
    assert [reject.line for reject in store.rejects("b000002")] == [4]


def test_a_rotated_file_is_read_from_its_start(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [event(n) for n in range(3)])
    ingest(store, path)
    path.rename(tmp_path / "a.jsonl.1")
    write(path, [event(n) for n in range(2, 6)])
    summary = ingest(store, tmp_path / "a.jsonl.1", path)
    assert [file.status for file in summary.files] == ["unchanged", "rotated"]
    assert (summary.stored, summary.duplicates) == (3, 1)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_last_line_without_an_end_is_neither_lost_nor_doubled(
    store: Store, tmp_path: Path, cut: int
) -> None:
    whole = to_bytes([event(n, event_id=None) for n in range(3)])
    path = tmp_path / "a.jsonl"
    path.write_bytes(whole[:-cut])
    first = ingest(store, path)
    check(first)
    assert [file.status for file in ingest(store, path).files] == ["unchanged"]
    os.utime(path, (1, 1))
    assert [file.status for file in ingest(store, path).files] == ["unchanged"]
    path.write_bytes(whole + to_bytes([event(5, event_id=None)]))
    check(ingest(store, path))
    assert store.info().rows == 4


def test_true_repeats_survive_and_a_replay_adds_nothing(store: Store, tmp_path: Path) -> None:
    line = event(0, event_id=None)
    other = event(1, event_id=None)
    assert ingest(store, write(tmp_path / "a.jsonl", [line, other, line, line])).stored == 4
    copy = ingest(store, write(tmp_path / "b.jsonl", [other, line, line, line]))
    assert (copy.stored, copy.duplicates) == (0, 4)
    more = ingest(store, write(tmp_path / "c.jsonl", [line] * 5))
    assert (more.stored, more.duplicates) == (2, 3)


def test_repeats_are_counted_over_chunks_and_over_resumed_parts(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickcli.store.sources.CHUNK", 300)
    line, other = event(0, event_id=None), event(1, event_id=None)
    ingest(store, write(tmp_path / "other.jsonl", [line, line, line]))
    path = write(tmp_path / "a.jsonl", [line, other, line, other])
    first = ingest(store, path)
    assert (first.stored, first.duplicates) == (2, 2)
    with path.open("ab") as stream:
        stream.write(to_bytes([line, other, line, line]))
    grown = ingest(store, path)
    assert grown.files[0].status == "grown"
    # line is now the 3rd, 4th, 5th: three are known from the other file; other is its 3rd.
    assert (grown.stored, grown.duplicates) == (3, 1)
    whole = ingest(store, write(tmp_path / "copy.jsonl", path.read_text().splitlines()))
    assert (whole.stored, whole.duplicates) == (0, 8)


def test_an_id_with_other_content_is_a_conflict_and_the_first_stays(
    store: Store, tmp_path: Path
) -> None:
    lines = [event(0, country="DE"), event(0, country="FR"), event(0, country="DE")]
    summary = ingest(store, write(tmp_path / "a.jsonl", lines))
    assert (summary.stored, summary.duplicates, summary.conflicts) == (1, 1, 1)
    assert "1 lines" in summary.warnings[0]
    later = ingest(store, write(tmp_path / "b.jsonl", [event(0, country="IT")]))
    assert later.conflicts == 1
    assert events(store)["country"].to_list() == ["DE"]


def test_key_order_white_space_and_arrival_make_no_other_content(
    store: Store, tmp_path: Path
) -> None:
    line = event(0, event_id="x") | {"received_at": "2024-03-01T00:00:05Z"}
    turned = dict(reversed(line.items())) | {"received_at": "2024-03-01T09:00:00Z"}
    ingest(store, write(tmp_path / "a.jsonl", [line]))
    again = ingest(store, write(tmp_path / "b.jsonl", [json.dumps(turned, indent=None) + " "]))
    assert (again.duplicates, again.conflicts) == (1, 0)


def test_repeats_of_earlier_batches_are_noted(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a.jsonl", [event(0)]))
    ingest(store, write(tmp_path / "b.jsonl", [event(1)]))
    ingest(store, write(tmp_path / "c.jsonl", [event(0), event(1), event(1), event(2), event(2)]))
    rows = store._catalog.rows("SELECT of_batch, lines FROM repeats WHERE batch = 3 ORDER BY 1")
    assert rows == [(1, 1), (2, 2), (3, 1)]


def test_dropped_lines_do_not_count_in_the_vocabulary(store: Store, tmp_path: Path) -> None:
    lines = [event(n, properties={"plan": "pro"}) for n in range(3)]
    ingest(store, write(tmp_path / "a.jsonl", lines))
    before = store.info()
    ingest(store, write(tmp_path / "b.jsonl", [*lines, event(9, properties={"seats": 1})]))
    after = store.info()
    assert after.properties == {"plan": 3, "seats": 1}
    assert after.event_types == {"view": 4}
    assert before.snapshot != after.snapshot


def test_links_are_learned_with_their_first_time(store: Store, tmp_path: Path) -> None:
    lines = [
        event(5, user_id="u", anonymous_id="a"), event(3, user_id="u", anonymous_id="a"),
        event(9, user_id="v", anonymous_id="a"), event(1, user_id="guest", anonymous_id="a"),
        event(2, user_id=None, anonymous_id="b"),
    ]  # fmt: skip
    ingest(store, write(tmp_path / "a.jsonl", lines))
    early = event(0, event_id="early", user_id="u", anonymous_id="a")
    assert ingest(store, write(tmp_path / "b.jsonl", [early])).people == 3
    assert ingest(store, tmp_path / "b.jsonl").people == 3
    dataset = store.dataset()
    assert dataset.link_count == 2
    start = 1_709_251_200_000_000
    assert dataset.links().rows() == [
        ("a", "u", user_key("u"), start), ("a", "v", user_key("v"), start + 9_000_000),
    ]  # fmt: skip
    # Persons: u, v and the device b; the device a is linked.
    assert store.info().people == 3


@pytest.mark.parametrize("parts", [((3,), (0, 1), (2,)), ((0, 1, 3), (2,)), ((2,), (0, 1, 3))])
def test_a_device_that_returns_to_a_user_belongs_to_them_again(
    store: Store, tmp_path: Path, parts: tuple[tuple[int, ...], ...]
) -> None:
    lines = [
        event(second, user_id=user, anonymous_id="a")
        for second, user in ((1, "u"), (2, "u"), (5, "v"), (9, "u"))
    ]
    for number, part in enumerate(parts):
        ingest(store, write(tmp_path / f"{number}.jsonl", [lines[at] for at in part]))
    start = 1_709_251_200_000_000
    owners = [
        (user, (ts - start) // 1_000_000) for _, user, _, ts in store.dataset().links().rows()
    ]
    assert owners == [("u", 1), ("v", 5), ("u", 9)]


def test_rejected_lines_are_cut_and_never_break_their_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xff\x00\x1b[31m[bold]" * 1000 + b"\n" + to_bytes([event(0)]))
    assert ingest(store, path).stored == 1
    (reject,) = store.rejects("b000001")
    assert reject.source == str(path)
    assert len(reject.raw) <= 4096
    with pytest.raises(UsageError):
        list(store.rejects("b9"))


def test_too_many_bad_lines_refuse_the_whole_call(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [event(0), "{", "{"])
    with pytest.raises(DataError) as caught:
        ingest(store, path, max_error_rate=0.5)
    assert "2 of 3 lines" in caught.value.message
    assert "line 2" in str(caught.value.hint)
    assert store.info().rows == 0
    assert ingest(store, path, max_error_rate=0.7).stored == 1


def test_the_future_is_rejected_or_kept(store: Store, tmp_path: Path) -> None:
    lines = [
        event(0, timestamp="2025-01-01T00:05:00Z"), event(1, timestamp="2025-01-01T00:05:00.001Z"),
    ]  # fmt: skip
    path = write(tmp_path / "a.jsonl", lines)
    assert ingest(store, path).reasons == {"time_in_future": 1}
    kept = ingest(store, write(tmp_path / "b.jsonl", lines), future="keep")
    assert (kept.stored, kept.duplicates) == (1, 1)
    assert store.info().watermark == NOW


def test_a_dry_run_shows_rows_and_writes_nothing(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [event(n) for n in range(7)] + [event(0), "{"])
    before = sorted(tmp_path.rglob("*"))
    for summary in (dry_run([path], options()), store.ingest([path], options(dry_run=True))):
        check(summary)
        assert summary.dry_run
        assert (summary.stored, summary.duplicates, summary.rejected) == (7, 1, 1)
        assert [row["event_id"] for row in summary.sample] == ["e0", "e1", "e2", "e3", "e4"]
        assert summary.batch is None
    assert sorted(tmp_path.rglob("*")) == before
    ingest(store, path)
    assert store.ingest([path], options(dry_run=True)).duplicates == 8


def test_files_are_sorted_and_private(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 40)
    monkeypatch.setattr(spool, "_FLUSH_ROWS", 30)
    monkeypatch.setattr("clickcli.store.sources.CHUNK", 2000)
    rng = random.Random(1)
    lines = [
        event(
            n,
            timestamp=1_709_251_200 + rng.randrange(3 * 86400),
            user_id=rng.choice(["a", "b", "null", None, str(rng.randrange(50))]),
        )
        for n in range(500)
    ]
    ingest(store, write(tmp_path / "a.jsonl", lines + lines[:50]))
    files = store.dataset().files
    assert sum(file.rows for file in files) == 500
    assert len(files) > 10
    for file in files:
        frame = pl.read_parquet(file.path, hive_partitioning=False)
        keys = frame.select("person_key", "ts", "seq")
        assert keys.equals(keys.sort("person_key", "ts", "seq", nulls_last=False))
        assert frame.height == file.rows <= 60
        assert (frame["ts"].min(), frame["ts"].max()) == (file.min_ts, file.max_ts)
        assert (frame["person_key"].min(), frame["person_key"].max()) == (
            file.min_key, file.max_key,
        )  # fmt: skip
        assert (frame["ts"] // 86_400_000_000).unique().to_list() == [
            (file.date - date(1970, 1, 1)).days
        ]
    for path in store.path.rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700


def test_statistics_of_files_name_nobody(store: Store, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    ingest(store, write(tmp_path / "a.jsonl", [event(0, ip="10.0.0.1", page_url="/u/secret")]))
    group = pq.read_metadata(store.dataset().files[0].path).row_group(0)
    shown = {
        group.column(i).path_in_schema
        for i in range(group.num_columns)
        if group.column(i).is_stats_set and group.column(i).statistics.has_min_max
    }
    assert shown <= {"person_key", "seq", "event_type", "ts", "received_at"}
    assert {"person_key", "ts"} <= shown


def test_workers_give_the_same_rows(store: Store, tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [event(n) for n in range(300)] + ["{"])
    with Store.create(tmp_path / "other") as other:
        ingest(store, log)
        ingest(other, log, workers=2)
        assert events(store).equals(events(other))
        assert store.info().snapshot == other.info().snapshot


def test_progress_tells_the_phases(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [event(n) for n in range(3)])
    seen: list[Progress] = []
    store.ingest([path], options(), seen.append)
    assert [step.phase for step in seen] == ["reading", "deduplicating", "writing", "committing"]
    assert seen[0].done == seen[0].total == path.stat().st_size


def test_large_batches_are_judged_in_ranges(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickcli.store.dedup._RANGE_ROWS", 16)
    lines = [event(n % 60, event_id=None) for n in range(200)] + [event(n) for n in range(100)]
    path = write(tmp_path / "a.jsonl", lines + [event(n) for n in range(50)])
    summary = ingest(store, path)
    assert (summary.stored, summary.duplicates) == (300, 50)
    again = ingest(store, write(tmp_path / "b.jsonl", path.read_text().splitlines()))
    assert (again.stored, again.duplicates) == (0, 350)


def test_id_runs_stay_few(store: Store) -> None:
    for batch in range(30):
        ingest(store, io.BytesIO(to_bytes([event(batch * 10 + n) for n in range(10)])))
    runs = store._catalog.files("ids")
    assert len(runs) <= 6
    assert sum(run.rows for run in runs) == 300
    on_disk = {path.name for path in (store.path / "ids").iterdir()}
    listed = [file for kind in ("ids", "people") for file in store._catalog.files(kind)]
    assert on_disk == {Path(file.path).name for file in listed}
    replay = ingest(store, io.BytesIO(to_bytes([event(n) for n in range(300)])))
    assert replay.duplicates == 300


COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""First bytes of gzip and zstd: such a stream is not read as lines."""

JUNK = st.lists(
    st.one_of(
        st.binary(max_size=30)
        .map(lambda data: data.replace(b"\n", b" "))
        .filter(lambda data: not data.startswith(COMPRESSED)),
        st.integers(0, 6).map(lambda n: json.dumps(event(n)).encode()),
        st.integers(0, 6).map(lambda n: json.dumps(event(n, country="X")).encode()),
        st.integers(0, 3).map(lambda n: json.dumps(event(n, event_id=None)).encode()),
        st.integers(0, 3).map(lambda n: json.dumps(event(n, timestamp=n)).encode()),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(JUNK, min_size=1, max_size=3))
def test_every_line_is_accounted_for_and_a_replay_adds_nothing(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    with Store.create(folder / "store") as store:
        streams = [b"\n".join(log) for log in logs]
        first = ingest(store, *map(io.BytesIO, streams))
        check(first)
        lines = sum(bool(line.strip()) for log in logs for line in log)
        assert first.read == lines
        assert store.info().rows == first.stored == events(store).height
        replay = ingest(store, *map(io.BytesIO, streams))
        check(replay)
        assert replay.stored == 0
        assert sum(1 for _ in store.rejects()) == first.rejected + replay.rejected


@settings(max_examples=15, deadline=None)
@given(JUNK, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_change_what_is_stored(
    tmp_path_factory: pytest.TempPathFactory, log: list[bytes], rng: random.Random
) -> None:
    lines = [line for line in log if b'"X"' not in line]  # a conflict is decided by arrival
    shuffled = rng.sample(lines, len(lines))
    folder = tmp_path_factory.mktemp("order")
    with Store.create(folder / "a") as a, Store.create(folder / "b") as b:
        ingest(a, io.BytesIO(b"\n".join(lines)))
        ingest(b, io.BytesIO(b"\n".join(shuffled)))
        assert a.info().snapshot == b.info().snapshot
        assert a.info().columns == b.info().columns


def test_an_account_that_does_not_add_up_stops_the_commit(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.PartWriter, "write_date", lambda *_: None)
    with pytest.raises(InternalError):
        ingest(store, write(tmp_path / "a.jsonl", [event(0)]))
    assert store.info().batches == 0


def test_a_pipe_is_read_like_a_stream(store: Store, tmp_path: Path) -> None:
    script = f"cat > {tmp_path}/pipe"
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        writer.stdin.write(to_bytes([event(0)]))
        writer.stdin.close()
        assert ingest(store, tmp_path / "pipe").stored == 1
    assert store.info().sources == ()


def test_odd_names_are_stored_as_they_are(store: Store, tmp_path: Path) -> None:
    odd = {"a\x00b": 1, "\x1b[31m": 2, "[bold]x": 3, "'; DROP TABLE batches; --": 4}
    folder = tmp_path / "odd ?#% folder"
    folder.mkdir()
    path = write(folder / "ü [b].jsonl", [event(0, properties=odd, event_type="a\x00b")])
    ingest(store, path)
    info = store.info()
    assert set(info.properties) == set(odd)
    assert info.event_types == {"a\x00b": 1}
    assert info.sources[0].path == str(path)
    with Store.create(folder / "store ?#%") as other:
        assert ingest(other, path).stored == 1
        assert events(other).height == 1


def test_the_first_rejects_are_in_the_summary(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ["{"] * 9)
    for summary in (ingest(store, path), dry_run([path], options())):
        assert [reject.line for reject in summary.reject_sample] == [1, 2, 3, 4, 5]
