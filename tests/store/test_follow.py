"""Follow mode: logs that grow and are rotated, every line stored exactly once."""

from __future__ import annotations

import gzip
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clickcli.errors import DataError, StoreLocked
from clickcli.store import Pace, Step, Store, finder, followed, occurrences
from clickcli.store.follow import Follower
from clickcli.store.lock import WriterLock
from clickcli.store.siblings import is_rotated_name
from clickcli.store.sources import Block, Consumed
from tests.store.logs import event, events, ingest, options, to_bytes, write

AT_ONCE = Pace(0.0, 1_000_000)


class Writer:
    """A program that writes a log, in pieces that end anywhere, and the rotation of its log."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.rng = random.Random(seed)
        self.number = 0
        self.texts: list[Counter[str]] = [Counter()]
        """How often each line stands in each file that ever was."""
        self._held = b""
        self._open_stream()

    def _open_stream(self) -> None:
        self._stream = self.path.open("ab", buffering=0)

    def line(self) -> None:
        """Make a line, now and then one to the letter like the one before."""
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            fields = {"event_id": None, "n": self.number, "word": "żółw 🐢"}
            text = json.dumps(event(self.number % 999, **fields), ensure_ascii=False)
            self.texts[-1][text] += 1
            self._held += text.encode() + b"\n"
        self.number += 1

    def write(self) -> None:
        """Write a piece of what is held."""
        cut = self.rng.randrange(len(self._held) + 1)
        self._stream.write(self._held[:cut])
        self._held = self._held[cut:]

    def flush(self) -> None:
        """Write all that is held."""
        self._stream.write(self._held)
        self._held = b""

    def _open(self) -> None:
        self.flush()
        self._stream.close()
        self._open_stream()
        self.texts.append(Counter())

    def _shift(self) -> None:
        """Give older files the next number."""
        for number in range(60, 0, -1):
            for ending in ("", ".gz"):
                old = self.path.with_name(f"{self.path.name}.{number}{ending}")
                if old.exists():
                    old.rename(self.path.with_name(f"{self.path.name}.{number + 1}{ending}"))

    def first(self) -> Path:
        """Return the name of the file that was rotated away last."""
        return self.path.with_name(f"{self.path.name}.1")

    def rename(self) -> None:
        """Rotate by a new name; what is held still goes to the old file."""
        self._shift()
        self.path.rename(self.first())
        self._open()

    def rename_and_pack(self) -> None:
        """Rotate by a new name and compress the old file."""
        self.rename()
        packed = self.first().with_name(self.first().name + ".gz")
        packed.write_bytes(gzip.compress(self.first().read_bytes()))
        shutil.copystat(self.first(), packed)
        self.first().unlink()

    def copy(self) -> None:
        """Rotate by a copy, and cut the file."""
        self.flush()
        self._shift()
        shutil.copyfile(self.path, self.first())
        os.truncate(self.path, 0)
        self.texts.append(Counter())

    def copy_and_pack(self) -> None:
        """Rotate by a compressed copy, and cut the file."""
        self.flush()
        self._shift()
        packed = self.first().with_name(self.first().name + ".gz")
        packed.write_bytes(gzip.compress(self.path.read_bytes()))
        os.truncate(self.path, 0)
        self.texts.append(Counter())

    def close(self) -> None:
        self._stream.close()

    def expected(self) -> Counter[str]:
        """Return how often each line must be stored: as often as in the file with most."""
        out: Counter[str] = Counter()
        for texts in self.texts:
            out |= texts
        return out


def stored(store: Store) -> Counter[int]:
    """Return how often each line's number is stored."""
    frame = events(store)
    if not frame.height:
        return Counter()
    numbers = frame["properties"].str.json_path_match("$.n").cast(pl.Int64)
    return Counter(numbers.to_list())


def numbers(expected: Counter[str]) -> Counter[int]:
    """Return how often each line's number is expected."""
    return Counter({json.loads(text)["n"]: count for text, count in expected.items()})


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin the next file as soon as the one before is read, and look at a folder once."""
    monkeypatch.setattr(followed, "QUIET_S", 0.0)
    monkeypatch.setattr(finder, "_SETTLED_NS", -1)


@pytest.fixture
def follow(store: Store, hasty: None) -> Iterator[Callable[..., Follower]]:
    """Return what makes followers that have begun and store whenever there is something."""
    made: list[Follower] = []

    def begin(*paths: Path, pace: Pace = AT_ONCE, told: list[str] | None = None,
              **changes: Any) -> Follower:  # fmt: skip
        def report(step: Step) -> None:
            if told is not None and step.message is not None:
                told.append(step.message)

        one = Follower(store._catalog, list(paths), options(**changes), pace, store.ingest, report)
        made.append(one)
        one.begin()
        return one

    yield begin
    for one in made:
        one.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the name of a log in a folder of its own."""
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "app.log"


SIMULATED = int(os.environ.get("FOLLOW_ROUNDS", "8"))


@pytest.mark.parametrize("seed", range(SIMULATED))
def test_every_line_arrives_once_whatever_is_rotated_and_restarted(
    store: Store, log: Path, follow: Callable[..., Follower], seed: int
) -> None:
    with closing(Writer(log, seed)) as writer:
        rng = writer.rng
        ways = [writer.rename, writer.rename_and_pack, writer.copy, writer.copy_and_pack]
        ways = [writer.rename, *rng.sample(ways, 2)]
        writer.line()
        writer.flush()
        running = follow(log)
        running.step()
        for _ in range(60):
            what = rng.random()
            if what < 0.45:
                writer.line()
                writer.write()
            elif what < 0.75:
                running.step()
            elif what < 0.9:
                rng.choice(ways)()
            else:
                running.close()
                running = follow(log)
        writer.flush()
        while running.step():
            pass
    running.step(is_last=True)
    assert stored(store) == numbers(writer.expected())
    assert store.info().rejects == 0
    assert ingest(store, *log.parent.iterdir()).stored == 0


PROCESSES = int(os.environ.get("FOLLOW_ROUNDS", "3"))


def start(log: Path, store: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start the program as a follower."""
    words = ["ingest", "--follow", str(log), "--store", str(store), "--commit-every", "100ms"]
    return subprocess.Popen(
        [sys.executable, "-m", "clickcli", *words, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> tuple[str, str]:
    """Ask a follower to stop; returns what it printed."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return out.decode(), err.decode()


@pytest.mark.parametrize("seed", range(PROCESSES))
def test_a_follower_that_is_killed_again_and_again_loses_and_doubles_nothing(
    store: Store, log: Path, seed: int
) -> None:
    with closing(Writer(log, 1000 + seed)) as writer:
        rng = writer.rng
        ways = [writer.rename, writer.rename_and_pack, writer.copy]
        writer.line()
        writer.flush()
        process = start(log, store.path)
        until(lambda: store.info().rows > 0)
        kills = 0
        for _ in range(150):
            what = rng.random()
            if what < 0.9:
                writer.line()
                writer.write()
                time.sleep(rng.random() * 0.03)
            elif what < 0.96:
                rng.choice(ways)()
            elif kills < 3:
                process.kill()
                process.communicate()
                assert process.returncode == -signal.SIGKILL
                kills += 1
                process = start(log, store.path)
        writer.flush()
    expected = numbers(writer.expected())
    until(lambda: store.info().rows >= expected.total())
    _, err = stop(process)
    assert process.returncode == 0, err
    assert stored(store) == expected
    assert store.info().rejects == 0
    assert not list((store.path / "staging").iterdir())
    assert ingest(store, *log.parent.iterdir()).stored == 0


def test_a_half_written_line_waits_for_its_end(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    data = to_bytes([event(0, event_id=None, word="żółw"), event(1)])
    log.write_bytes(b"")
    running = follow(log)
    for end in range(0, len(data), 7):
        log.write_bytes(data[: end + 7])
        running.step()
    assert running.total.read == 2
    with log.open("ab") as stream:
        stream.write(to_bytes([event(2)])[:-1])
    running.step(is_last=True)
    assert running.total.read == 2
    again = follow(log)
    again.step()
    assert again.total.batch is None
    with log.open("ab") as stream:
        stream.write(b"\n")
    again.step()
    assert (again.total.read, again.total.stored) == (1, 1)
    assert [file.status for file in ingest(store, log).files] == ["unchanged"]


def test_nothing_new_makes_no_batch(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(0)])
    running = follow(log)
    for _ in range(3):
        running.step()
    again = follow(log)
    again.step(is_last=True)
    assert len(store.batches()) == 1


def test_so_many_lines_or_so_much_time_make_a_commit(
    store: Store, log: Path, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("clickcli.store.follow.time.monotonic", lambda: now[0])
    write(log, [event(0)])
    running = follow(log, pace=Pace(10.0, 3))
    running.step()
    assert running.total.stored == 1
    with log.open("ab") as stream:
        for number, seconds, batches in ((1, 0, 1), (2, 9, 1), (3, 0, 2), (4, 9, 2), (5, 1, 3)):
            now[0] += seconds
            stream.write(to_bytes([event(number)]))
            stream.flush()
            running.step()
            assert len(store.batches()) == batches, number


def test_a_commit_costs_what_is_new_and_a_restart_hashes_the_rest_once(
    store: Store, log: Path, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = [0]
    real = os.pread

    def counted(handle: int, size: int, start: int) -> bytes:
        piece = real(handle, size, start)
        read[0] += len(piece)
        return piece

    monkeypatch.setattr("clickcli.store.tails.os.pread", counted)
    write(log, [event(n, note="x" * 500) for n in range(400)])
    size = log.stat().st_size
    running = follow(log)
    running.step()
    assert size <= read[0] < size * 1.1
    for number in range(400, 420):
        read[0] = 0
        with log.open("ab") as stream:
            stream.write(to_bytes([event(number)]))
        running.step()
        assert 0 < read[0] < 3000
    assert running.total.stored == 420
    read[0] = 0
    again = follow(log)
    again.step()
    assert read[0] < size * 1.2


def test_true_repeats_survive_commits_and_cost_what_is_new(
    store: Store, log: Path, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = [0]
    real = occurrences._Stretch.read

    def counted(stretch: Any, size: int) -> bytes:
        piece = real(stretch, size)
        looked[0] += len(piece)
        return piece

    monkeypatch.setattr("clickcli.store.occurrences._Stretch.read", counted)
    monkeypatch.setattr("clickcli.store.occurrences.MOST", 1 << 20)
    line = event(0, event_id=None)
    write(log, [line, *(event(n, event_id=None) for n in range(1, 50))])
    running = follow(log)
    running.step()
    for _ in range(10):
        with log.open("ab") as stream:
            stream.write(to_bytes([line, event(7, event_id=None)]))
        running.step()
    assert running.total.stored == 70
    assert looked[0] < log.stat().st_size
    again = follow(log)
    with log.open("ab") as stream:
        stream.write(to_bytes([line, line]))
    again.step()
    assert again.total.stored == 2
    assert ingest(store, write(log.with_name("copy"), log.read_text().splitlines())).stored == 0


def test_only_so_many_lines_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occurrences, "MOST", 64)

    class Held:
        is_cut = False

        def peek(self, size: int, start: int, /) -> bytes:
            return data[start : start + size]

    data = b"".join(b"%d\n" % number for number in range(1000))
    counter = occurrences.Occurrences(Held(), 100)

    def digests(block: Block) -> list[bytes]:
        return [line.ljust(16) for line in block.data.splitlines()]

    for rough in range(40, len(data) + 1, 40):
        end = data.rfind(b"\n", 0, rough) + 1
        counter.up_to(Consumed(end, data[:end].count(b"\n"), "", end, ""))
        counter.counts(set(), digests)
        assert sum(map(len, counter._runs)) <= 64
    wanted = {b"3".ljust(16), b"990".ljust(16)}
    assert counter.counts(wanted, digests) == {b"3".ljust(16): 0, b"990".ljust(16): 1}


def test_while_the_store_is_locked_it_waits_and_reads_no_more_than_it_may(
    store: Store, log: Path, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickcli.store.follow.BUFFER", 20_000)
    monkeypatch.setattr("clickcli.store.tails._PIECE", 4_000)
    monkeypatch.setattr("clickcli.store.sources.CHUNK", 4_000)
    monkeypatch.setattr("clickcli.store.follow.LONG_S", 0.1)
    monkeypatch.setattr("clickcli.store.follow._LAST_WAIT_S", 0.1)
    write(log, [event(n) for n in range(2000)])
    told: list[str] = []
    running = follow(log, told=told)
    with WriterLock(store.path):
        for _ in range(3):
            running.step()
        (tail,) = running._tails()
        assert 20_000 <= tail.size < 30_000
        assert tail.behind() == log.stat().st_size
        with pytest.raises(StoreLocked):
            running.step(is_last=True)
    assert len(told) == 1
    assert "locked by process" in told[0]
    while running.step():
        pass
    assert (running.total.stored, running.total.duplicates) == (2000, 0)


def test_others_write_between_two_commits(
    store: Store, log: Path, tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(0)])
    running = follow(log)
    running.step()
    ingest(store, write(tmp_path / "b.jsonl", [event(n) for n in range(10, 20)]))
    with log.open("ab") as stream:
        stream.write(to_bytes([event(1)]))
    running.step()
    assert [batch.stored for batch in store.batches()] == [1, 10, 1]


def test_a_few_bad_lines_go_on_and_too_many_stop_it_with_nothing_lost(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, ["{bad"])
    running = follow(log, max_error_rate=0.05)
    for _ in range(4):
        running.step()
        with log.open("ab") as stream:
            stream.write(b"{bad\n")
    running.step()
    assert running.total.rejected == 5
    with log.open("ab") as stream:
        stream.write(to_bytes([event(1), "{worse"]))
    with pytest.raises(DataError, match=r"1 of 2 lines .* with the lines before them") as caught:
        running.step()
    assert "line 7" in str(caught.value.hint)
    assert store.info().rejects == 5
    again = follow(log, max_error_rate=1.0)
    again.step()
    assert (again.total.stored, again.total.rejected) == (1, 1)


def test_bad_lines_long_ago_are_forgotten(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, ["{bad"] * 5)
    running = follow(log, max_error_rate=0.05)
    running.step()
    for start_at in (0, 600):
        with log.open("ab") as stream:
            stream.write(to_bytes(event(start_at + n) for n in range(600)))
        running.step()
    assert running._earlier() == (1200, 0)


def test_a_batch_that_is_undone_is_read_again(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(0)])
    running = follow(log)
    running.step()
    with store._catalog.writing() as db:  # what taking back a batch does to the ledger
        db.execute("DELETE FROM sources")
    with log.open("ab") as stream:
        stream.write(to_bytes([event(1)]))
    while running.step():
        pass
    running.step()
    assert (running.total.read, running.total.stored, running.total.duplicates) == (3, 2, 1)


def test_another_ingest_of_the_same_file_doubles_nothing(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    line = event(0, event_id=None)
    write(log, [line])
    running = follow(log)
    running.step()
    with log.open("ab") as stream:
        stream.write(to_bytes([line, line]))
    assert ingest(store, log).stored == 2
    for number in range(2):
        running.step()
        with log.open("ab") as stream:
            stream.write(to_bytes([line, event(number)]))
    running.step()
    running.step()
    assert store.info().rows == 7


def test_a_file_that_comes_late_goes_and_comes_again(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    told: list[str] = []
    running = follow(log, told=told)
    running.step()
    assert told == [f"{log} is not there; waiting for it"]
    for number in range(3):
        with log.open("wb") as stream:
            stream.write(to_bytes([event(number * 10)]))
            stream.flush()
            running.step()
            log.unlink()
            running.step()
            stream.write(to_bytes([event(number * 10 + 1)]))
        running.step()
    assert running.total.stored == 6
    assert len(told) == 4
    assert len(running._tails()) == 1


def test_late_writers_of_the_old_file_are_heard(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    with log.open("ab", buffering=0) as old:
        old.write(to_bytes([event(0)]))
        running = follow(log)
        running.step()
        log.rename(log.with_name("app.log.1"))
        write(log, [event(1)])
        running.step()
        running.step()
        assert running.total.stored == 2
        for number in range(2, 5):
            old.write(to_bytes([event(number)]))
            running.step()
        assert running.total.stored == 5
        running.close()
        old.write(to_bytes([event(5)]))
    again = follow(log)
    while again.step():
        pass
    assert (again.total.read, again.total.stored) == (1, 1)


def test_the_old_file_is_read_first_while_it_grows(
    store: Store, log: Path, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "QUIET_S", 0.3)
    with log.open("ab", buffering=0) as old:
        old.write(to_bytes([event(0)]))
        running = follow(log)
        running.step()
        log.rename(log.with_name("app.log.1"))
        write(log, [event(9)])
        running.step()
        old.write(to_bytes([event(1)]))
        running.step()
        assert running.total.stored == 2
        until(lambda: running.step() or running.total.stored == 3, 5)
        running.step()
    assert events(store)["event_id"].to_list() == ["e0", "e1", "e9"]


def test_the_last_line_of_an_old_file_needs_no_end(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    log.write_bytes(to_bytes([event(0), event(1)])[:-1])
    running = follow(log)
    running.step()
    assert running.total.stored == 1
    for number in (1, 2):
        log.rename(log.with_name(f"app.log.{number}"))
        write(log, [event(number * 10)])
        for _ in range(3):
            running.step()
    assert running.total.stored == 4
    assert running.total.rejected == 0


def test_a_link_to_a_dated_file_is_followed_when_it_is_switched(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    def switch(day: int, numbers: list[int]) -> Path:
        dated = log.with_name(f"app-2024010{day}.log")
        write(dated, [event(number) for number in numbers])
        log.unlink(missing_ok=True)
        log.symlink_to(dated.name)
        return dated

    first = switch(1, [0, 1])
    running = follow(log)
    running.step()
    switch(2, [2])
    running.step()
    running.step()
    assert running.total.stored == 3
    running.close()
    with first.open("ab") as stream:
        stream.write(to_bytes([event(3)]))
    switch(3, [4])
    switch(4, [5])
    again = follow(log)
    while again.step():
        pass
    assert (again.total.stored, again.total.duplicates) == (3, 0)
    assert events(store)["event_id"].to_list() == ["e0", "e1", "e2", "e3", "e4", "e5"]


def test_a_file_under_two_names_is_read_once(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(0)])
    link = log.with_name("link.log")
    link.symlink_to(log)
    running = follow(log, link, log)
    for _ in range(3):
        running.step()
    assert running.total.read == 1


def test_several_logs_are_followed_at_once(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    others = [log.with_name(f"{name}.log") for name in ("one", "two")]
    running = follow(log, *others)
    for number, path in enumerate((log, *others)):
        write(path, [event(number)])
    running.step()
    assert running.total.stored == 3
    assert len(store.batches()) == 1
    assert {Path(file.path).name for file in running.total.files} == {
        "app.log", "one.log", "two.log",
    }  # fmt: skip


def test_what_was_rotated_while_it_did_not_run_is_found_by_its_content(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(n) for n in range(3)])
    running = follow(log)
    running.step()
    running.close()
    first, second = log.with_name("app.log-20240101.gz"), log.with_name("app.log-20240102.gz")
    first.write_bytes(gzip.compress(to_bytes(event(n) for n in range(5))))
    second.write_bytes(gzip.compress(to_bytes([event(5), event(6)])))
    write(log.with_name("other.log.1"), [event(99)])
    write(log, [event(7)])
    told: list[str] = []
    again = follow(log, told=told)
    while again.step():
        pass
    assert told == []
    assert [(Path(f.path).name, f.status, f.read) for f in again.total.files] == [
        (first.name, "grown", 2), (second.name, "new", 2), ("app.log", "rotated", 1),
    ]  # fmt: skip
    assert store.info().rows == 8


def test_what_cannot_be_found_any_more_is_told(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(n) for n in range(3)])
    running = follow(log)
    running.step()
    running.close()
    write(log, [event(7)])
    told: list[str] = []
    follow(log, told=told).step()
    assert len(told) == 1
    assert "is not found" in told[0]
    assert store.info().rows == 4


def test_a_damaged_old_file_is_told_and_passed_over(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(0)])
    running = follow(log)
    running.step()
    running.close()
    first = log.with_name("app.log.2.gz")
    first.write_bytes(gzip.compress(to_bytes([event(0)])))
    data = gzip.compress(to_bytes(event(n, note=os.urandom(50).hex()) for n in range(1, 900)))
    log.with_name("app.log.1.gz").write_bytes(data[:-30])
    write(log, [event(2000)])
    told: list[str] = []
    again = follow(log, told=told)
    while again.step():
        pass
    assert store.info().rows == 2
    assert "ends early" in told[0]
    assert "going on without it" in told[0]


def test_content_that_is_replaced_is_noticed_whatever_its_size(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    write(log, [event(n) for n in range(3)])
    running = follow(log)
    running.step()
    size = log.stat().st_size
    with log.open("r+b") as stream:  # the same file, cut and longer than before already
        stream.truncate()
        stream.write(to_bytes(event(n) for n in range(10, 19)))
    assert log.stat().st_size > size
    while running.step():
        pass
    assert running.total.stored == 12


@pytest.mark.parametrize(
    ("name", "of", "is_rotated"),
    [("app.log.1", "app.log", True), ("app.log.12.gz", "app.log", True),
     ("app.log-20240101", "app.log", True), ("app.log.2024-01-01_10.zst", "app.log", True),
     ("app.1.log", "app.log", True), ("app-20240101.log.gz", "app.log", True),
     ("app-2024-01-01-2.log", "app.log", True), ("app.log.old", "app.log", True),
     ("access_log.1", "access_log", True), ("app-20240102.log", "app-20240101.log", True),
     ("app.log", "app.log", False), ("app-2.log", "app.log", False),
     ("apple.log.1", "app.log", False), ("app.log.1.bak2", "app.log", False),
     ("app.logs", "app.log", False), ("app.json.1", "app.log", False),
     ("app.log.1.txt", "app.log", False), ("app-2024.log", "app-20240101.log", False),
     (".log.1", ".log", True), ("1", "app.log", False)],
)  # fmt: skip
def test_names_that_rotation_gives_are_known(name: str, of: str, is_rotated: bool) -> None:
    assert is_rotated_name(name, of) is is_rotated


def test_what_cannot_be_followed_is_refused(
    store: Store, log: Path, follow: Callable[..., Follower]
) -> None:
    with pytest.raises(DataError, match="folder"):
        follow(log.parent)
    with pytest.raises(DataError, match="does not exist"):
        follow(log.parent / "none" / "app.log")
    os.mkfifo(log.parent / "pipe")
    with pytest.raises(DataError, match="must be a file"):
        follow(log.parent / "pipe")
    log.write_bytes(gzip.compress(to_bytes([event(0)])))
    with pytest.raises(DataError, match="is compressed"):
        follow(log)


def test_what_is_complete_is_stored_when_it_is_stopped(store: Store, log: Path) -> None:
    log.write_bytes(to_bytes([event(0)]))
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        process = start(log, store.path, "--commit-every", "1h", "-f", "json")
        rows = store.info().rows
        assert process.stderr is not None
        if not rows:
            assert b"b000001: 1 lines, 1 stored" in process.stderr.readline()
        else:
            with log.open("ab") as stream:
                stream.write(to_bytes([event(9)]))
            assert b"b000003" in process.stderr.readline()
        with log.open("ab") as stream:
            stream.write(to_bytes([event(rows + 1)]) + b'{"half')
        time.sleep(0.1)
        out, err = stop(process, number)
        assert process.returncode == code
        assert "behind by 6 B" in err
        assert ("clickcli: interrupted" in err) is (number == signal.SIGINT)
        assert json.loads(out)["data"][0]["stored"] == 2
        assert store.info().rows == rows + 2
        log.write_bytes(log.read_bytes().removesuffix(b'{"half'))


def test_a_status_line_stands_at_a_terminal(store: Store, log: Path) -> None:
    write(log, [event(n) for n in range(3)] + ["{"])
    main, other = pty.openpty()
    words = ["ingest", "--follow", str(log), "--store", str(store.path), "--max-error-rate", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "clickcli", *words], stdout=subprocess.PIPE, stderr=other,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    )  # fmt: skip
    os.close(other)
    text = b""
    until_text = "following · b000001 · 3 stored · 1 rejected · 0 waiting · behind by 0 B"
    while until_text.encode() not in text:
        text += os.read(main, 1000)
    process.terminate()
    process.communicate(timeout=60)
    os.close(main)
    assert process.returncode == 0
    assert text.count(b"\n") == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [(["-", "--follow"], "stdin"), (["a.log", "--follow", "--dry-run"], "exclude each other"),
     (["a.log", "--commit-every", "5s"], "need --follow"),
     (["a.log", "--follow", "--commit-every", "1ms"], "from 100ms to 1d"),
     (["a.log", "--follow", "--commit-every", "9d"], "from 100ms to 1d"),
     (["a.log", "--follow", "--commit-lines", "0"], "at least 1"),
     (["a*.log", "--follow"], "no file matches")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from clickcli.cli.main import main

    assert main(["ingest", *words, "--store", str(tmp_path / "s")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
