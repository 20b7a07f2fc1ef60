"""What goes wrong around an ingest: crashes, locks, damaged input, hostile input."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from clickcli.errors import DataError, StorageError, StoreLocked, UsageError
from clickcli.store import Store, commit
from clickcli.store.lock import WriterLock
from tests.store.logs import check, event, events, ingest, options, to_bytes, write


class Crash(BaseException):
    """A stop that nothing in the store may catch for good."""


STEPS: dict[str, bool] = {
    "clickcli.store.reading.Reader.read": False,
    "clickcli.store.ingest.judge": False,
    "clickcli.store.parts.PartWriter.write_date": False,
    "clickcli.store.ingest.people_files": False,
    "clickcli.store.commit.sync_tree": False,
    "clickcli.store.commit.record": False,
    "clickcli.store.commit._record_vocabulary": False,
    "clickcli.store.commit.place": True,
    "clickcli.store.commit.move": True,
    "clickcli.store.commit.remove_files": True,
}
"""Functions of the protocol, and whether the batch is committed when they are called."""


def content(store: Store) -> list[Any]:
    """Return what the store holds, for comparison."""
    return events(store).rows()


def first_and_second(tmp_path: Path) -> tuple[Path, Path]:
    """Write two logs: one to be in the store, one to be ingested when it fails."""
    first = write(tmp_path / "a.jsonl", [event(n) for n in range(20)])
    new = [event(n, user_id="w") for n in range(20, 40)]
    second = write(tmp_path / "b.jsonl", [event(n) for n in range(10, 20)] + new + ["{"])
    return first, second


@pytest.mark.parametrize(("step", "committed"), STEPS.items())
@pytest.mark.parametrize(
    ("error", "seen"),
    [(OSError, StorageError), (KeyboardInterrupt, KeyboardInterrupt), (Crash, Crash)],
    ids=["full", "interrupt", "crash"],
)
def test_a_failure_at_any_step_leaves_the_store_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, committed: bool,
    error: type[BaseException], seen: type[BaseException],
) -> None:  # fmt: skip
    first, second = first_and_second(tmp_path)
    store = Store.create(tmp_path / "store")
    ingest(store, first)
    before = content(store)

    def fail(*given: Any, **_: Any) -> Any:
        if step.endswith("remove_files") and not given[1]:
            return
        raise error(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        if step.endswith("place"):
            patch.setattr("clickcli.store.commit.recover", lambda _: None)
        with pytest.raises(seen):
            ingest(store, second)
        if committed:
            assert len(content(store)) == 40
        else:
            assert content(store) == before
    store.close()
    with Store.open(tmp_path / "store") as again:
        assert not list((again.path / "staging").iterdir())
        assert len(content(again)) == (40 if committed else 20)
        check(ingest(again, second))
        assert len(content(again)) == 40
        assert again.info().rows == 40


KILLED = """
import os, signal, sys
from clickcli.store import IngestOptions, Store
import clickcli.store.{module} as module

real = module.{name}

def die(*arguments, **keywords):
    if "{name}" == "remove_files" and not arguments[1]:
        return
    if {after}:
        real(*arguments, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)

module.{name} = die
with Store.open(sys.argv[1]) as store:
    store.ingest([sys.argv[2]], IngestOptions(max_error_rate=1, workers=0))
"""


@pytest.mark.parametrize(
    ("module", "name", "after", "committed"),
    [("ingest", "judge", False, False), ("commit", "sync_tree", False, False),
     ("commit", "sync_tree", True, False), ("commit", "record", True, True),
     ("commit", "_record_vocabulary", True, False), ("commit", "move", True, True),
     ("commit", "sync_folder", False, False), ("commit", "remove_files", True, True)],
)  # fmt: skip
def test_a_killed_process_loses_and_doubles_nothing(
    tmp_path: Path, module: str, name: str, after: bool, committed: bool
) -> None:
    first, second = first_and_second(tmp_path)
    root = tmp_path / "store"
    with Store.create(root) as store:
        ingest(store, first)
    script = KILLED.format(module=module, name=name, after=after)
    done = subprocess.run([sys.executable, "-c", script, root, second], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(root) as store:
        assert not list((root / "staging").iterdir())
        assert len(content(store)) == (40 if committed else 20)
        check(ingest(store, second))
        assert len(content(store)) == store.info().rows == 40
        files = store.dataset().files
        assert all(Path(file.path).parent.name.startswith("date=") for file in files)


def test_a_reader_between_commit_and_placing_finds_its_files(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickcli.store.PLACING_S", 0.0)
    seen: list[int] = []
    real = commit.place

    def place(catalog: Any) -> None:
        with Store.open(store.path) as reader:
            seen.append(len(content(reader)))
        real(catalog)

    monkeypatch.setattr(commit, "place", place)
    ingest(store, write(tmp_path / "a.jsonl", [event(n) for n in range(5)]))
    assert 5 in seen


def test_a_second_writer_is_told_who_has_the_lock(store: Store, tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", [event(0)])
    with WriterLock(store.path):
        with Store.open(store.path) as other, pytest.raises(StoreLocked) as caught:
            ingest(other, log)
        assert f"process {os.getpid()} on" in caught.value.message
        assert "--wait" in str(caught.value.hint)
        start = time.monotonic()
        with pytest.raises(StoreLocked):
            ingest(store, log, wait_s=0.2)
        assert time.monotonic() - start >= 0.2
    assert ingest(store, log).stored == 1


def test_two_ingests_at_once_both_arrive(store: Store, tmp_path: Path) -> None:
    script = (
        "import sys; from clickcli.store import *; "
        "Store.open(sys.argv[1]).ingest([sys.argv[2]], IngestOptions(wait_s=60, workers=0))"
    )
    logs = [
        write(tmp_path / f"{part}.jsonl", [event(part * 50 + n) for n in range(60)])
        for part in range(3)
    ]
    running = [subprocess.Popen([sys.executable, "-c", script, store.path, log]) for log in logs]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert store.info().rows == 160
    assert len(content(store)) == 160


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """Give folders to a user without rights and become that user, where we are root."""
    if os.geteuid() != 0:
        yield
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that any user may enter."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="clickcli-test-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700)
    shutil.rmtree(folder)


def test_a_read_only_store_is_read_and_not_written(open_folder: Path) -> None:
    root = open_folder / "store"
    with Store.create(root) as store:
        ingest(store, write(open_folder / "a.jsonl", [event(n) for n in range(5)]))
    # As if a writer had crashed before putting its files in place.
    with Store.open(root) as store:
        (file,) = store.dataset().files
        staged = root / "staging" / "part.parquet"
        shutil.move(file.path, staged)
        with store._catalog.writing() as db:
            name = str(Path(file.path).relative_to(root))
            db.execute("UPDATE files SET staged = ? WHERE path = ?", ("staging/part.parquet", name))
    for path in (root, *root.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    with as_nobody(root), Store.open(root) as store:
        assert store.info().rows == 5
        assert len(content(store)) == 5
        with pytest.raises(StorageError) as caught:
            ingest(store, open_folder / "a.jsonl")
        assert "permission" in str(caught.value.hint).lower()


def test_an_unreadable_file_is_named(open_folder: Path) -> None:
    root, log = open_folder / "store", write(open_folder / "a.jsonl", [event(0)])
    log.chmod(0)
    Store.create(root).close()
    with as_nobody(root), Store.open(root) as store:
        with pytest.raises(StorageError) as caught:
            ingest(store, log)
        assert str(log) in caught.value.message


def test_a_full_disk_leaves_the_store_whole(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a.jsonl", [event(n) for n in range(5)]))
    big = write(tmp_path / "b.jsonl", [event(n, note=os.urandom(200).hex()) for n in range(4000)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (100, 20_000, 400_000, 1_000_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(StorageError):
                ingest(store, big)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.info().rows == len(content(store)) == 5
        assert not list((store.path / "staging").iterdir())
    assert ingest(store, big).conflicts == 5


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("cut", [6, 40, -9])
def test_compressed_data_that_ends_early_stores_nothing(
    store: Store, tmp_path: Path, pack: Callable[[bytes], bytes], cut: int
) -> None:
    good = write(tmp_path / "good.jsonl", [event(n) for n in range(3)])
    path = tmp_path / "cut.gz"
    path.write_bytes(pack(to_bytes(event(n) for n in range(900)))[:cut])
    with pytest.raises(DataError) as caught:
        ingest(store, good, path)
    assert str(path) in caught.value.message
    assert "early" in caught.value.message
    assert store.info().rows == 0
    assert not list((store.path / "staging").iterdir())


def test_damaged_compressed_data_is_named(store: Store, tmp_path: Path) -> None:
    data = bytearray(gzip.compress(to_bytes(event(n) for n in range(900))))
    data[len(data) // 2] ^= 255
    path = tmp_path / "bad.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"bad\.gz"):
        ingest(store, path)


def test_folders_missing_files_and_unknown_zones_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="folder"):
        ingest(store, tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        ingest(store, tmp_path / "none")
    with pytest.raises(UsageError):
        ingest(store, write(tmp_path / "a", [event(0)]), input_tz="Mars/Base")


MEASURED = textwrap.dedent("""
    import resource, sys
    from clickcli.store import IngestOptions, Store
    store = Store.create(sys.argv[1])
    store.ingest([sys.argv[2]], IngestOptions(max_error_rate=1, workers=0))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    summary = store.ingest([sys.argv[3]], IngestOptions(max_error_rate=1, workers=0))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
    print(summary.read, summary.stored, summary.rejected, dict(summary.reasons), grown // 1024)
""")


def zeros(path: Path) -> None:
    """Write 256 MB of nothing in 1 MB."""
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(256):
            stream.write(bytes(1 << 20))


def one_line(path: Path) -> None:
    """Write a line of 50 MB between two good ones."""
    long = json.dumps(event(1, note="x" * 50_000_000)).encode()
    path.write_bytes(to_bytes([event(0)]) + long + b"\n" + to_bytes([event(2)]))


def deep(path: Path) -> None:
    """Write nesting ten thousand deep, many times."""
    path.write_bytes((b'{"a":' * 10_000 + b"\n") * 100 + to_bytes([event(0)]))


@pytest.mark.parametrize(
    ("make", "counts"),
    [(zeros, (1, 0, 1, {"too_long": 1})), (one_line, (3, 2, 1, {"too_long": 1})),
     (deep, (101, 1, 100, {"too_deep": 100}))],
)  # fmt: skip
def test_hostile_input_needs_little_memory(
    tmp_path: Path, make: Callable[[Path], None], counts: tuple[Any, ...]
) -> None:
    path = tmp_path / "hostile"
    make(path)
    warm = write(tmp_path / "warm.jsonl", [event(1000 + n) for n in range(100)])
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path / "store", warm, path],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    *account, grown = done.stdout.rsplit(maxsplit=1)
    assert account[0] == " ".join(map(str, counts))
    assert int(grown) < 120


def test_what_is_no_store_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist") as caught:
        Store.open(tmp_path / "none")
    assert "clickcli" in str(caught.value.hint)
    (tmp_path / "full").mkdir()
    write(tmp_path / "full" / "a.jsonl", [event(0)])
    with pytest.raises(DataError, match="is not a store"):
        Store.open(tmp_path / "full")
    with pytest.raises(DataError, match="empty folder"):
        Store.create(tmp_path / "full")
    for name, data in (("text", b"hello" * 300), ("empty", b"")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "catalog.db").write_bytes(data)
        with pytest.raises(DataError, match=name):
            Store.open(tmp_path / name)
    Store.create(tmp_path / "s").close()
    with pytest.raises(DataError, match="already"):
        Store.create(tmp_path / "s")


def test_a_store_of_a_newer_version_is_refused(store: Store) -> None:
    with sqlite3.connect(store.path / "catalog.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(DataError, match="format 99") as caught:
        Store.open(store.path)
    assert "newer" in str(caught.value.hint)


def test_a_damaged_id_file_stops_the_ingest_and_is_named(store: Store) -> None:
    ingest(store, io.BytesIO(to_bytes([event(0)])))
    (run,) = store._catalog.files("ids")
    (store.path / run.path).write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="run-"):
        ingest(store, io.BytesIO(to_bytes([event(0)])))


def test_info_needs_no_heavy_library(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "a.jsonl", [event(0)]))
    script = (
        "import sys; from clickcli.store import Store; s = Store.open(sys.argv[1]); s.info(); "
        "s.dataset(); s.batches(); "
        "print({'polars', 'pyarrow', 'numpy', 'orjson', 'narwhals'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, store.path], check=True, capture_output=True, text=True
    )
    assert done.stdout == "set()\n"


def test_options_have_a_real_clock() -> None:
    assert options().now() < time.time() * 1e6


def test_a_staging_folder_that_cannot_be_listed_is_told_with_a_hint(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(folder))

    monkeypatch.setattr(Path, "iterdir", broken)
    with pytest.raises(StorageError, match="cannot read the store") as told:
        ingest(store, write(tmp_path / "log", [event(1)]))
    assert told.value.hint is not None
