"""The commands that campaigns disturb: the store before, the command, the store after."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from clickcli.store import Store
from tests.campaign.campaign import Bench
from tests.campaign.logs import lines_of, write_log, write_logs, write_wide_log
from tests.campaign.processes import Ended, call, finish, program, run, start
from tests.campaign.states import State, problems_of, read
from tests.campaign.traces import on_store, traced

STORE: Final = "store"
_POLL_S: Final = 0.001


class Sign(Enum):
    """What can be seen from outside of how far a command is."""

    START = "its start"
    LOCK = "its lock"
    COMMIT = "its commit"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario made ready: a folder with the store before, the command, and both states.

    ``again`` are the exit codes of the command where it has done its work already. ``spans`` says
    how many seconds an undisturbed run lasts from each sign of its progress.
    """

    name: str
    home: Path
    words: tuple[str, ...]
    before: State
    after: State
    again: tuple[int, ...]
    spans: dict[Sign, float]

    def command(self, home: Path) -> list[str]:
        """Return the command on the store of a home."""
        return program(*self.words, "--store", home / STORE)

    def call(self, home: Path) -> Ended:
        """Run the command in this process."""
        return call(*self.words, "--store", home / STORE)

    @contextmanager
    def home_in(self, bench: Bench) -> Iterator[Path]:
        """Give a copy of the folder with the store."""
        with bench.room() as room:
            home = room / "home"
            shutil.copytree(self.home, home)
            yield home


Make = Callable[[Path, list[Path]], list[str]]
"""Makes the store in a home from logs that lie elsewhere, and returns the command's words."""


def ingest(home: Path, *logs: Path) -> None:
    """Add logs to the store of a home."""
    for log in logs:
        succeed(home, "ingest", str(log), "--max-error-rate", "1")


def succeed(home: Path, *words: str) -> None:
    """Run a command that must work."""
    ended = call(*words, "--store", home / STORE)
    assert ended.code == 0, ended.err


def _first(home: Path, logs: list[Path]) -> list[str]:
    return ["ingest", str(logs[0]), "--max-error-rate", "1"]


def _ingest(home: Path, logs: list[Path]) -> list[str]:
    ingest(home, *logs[:-1])
    return ["ingest", str(logs[-1]), "--max-error-rate", "1"]


def _large(home: Path, logs: list[Path]) -> list[str]:
    """Add a log that needs many pages of a disk."""
    ingest(home, *logs[:-1])
    lines = lines_of(9000, 1200, Random("large"))
    log = write_log(logs[0].with_name("large.jsonl"), lines)
    return ["ingest", str(log), "--max-error-rate", "1"]


def _wide(home: Path, logs: list[Path]) -> list[str]:
    ingest(home, logs[0])
    wide = logs[0].with_name("wide.jsonl")
    return ["ingest", str(write_wide_log(wide, Random(wide.name))), "--max-error-rate", "1"]


def _recover(home: Path, logs: list[Path]) -> list[str]:
    """Leave an ingest that was killed when it began to put its files in place."""
    words = _ingest(home, logs)
    command = program(*words, "--store", home / STORE)
    trial = home.with_name("trial")
    shutil.copytree(home, trial)
    log, renames = trial / "trace", ("rename", "renameat", "renameat2")
    run(traced(program(*words, "--store", trial / STORE), log, calls=renames))
    first = on_store(log, trial / STORE)[0]
    fault = f"inject={first.name}:signal=KILL:when={first.number}"
    assert run(traced(command, log, "-e", fault, calls=renames)).was_killed
    return ["info"]


def _compact(home: Path, logs: list[Path]) -> list[str]:
    ingest(home, *logs)
    return ["compact"]


def _undo(home: Path, logs: list[Path]) -> list[str]:
    ingest(home, *logs)
    return ["undo", "b000002"]


def _delete(home: Path, logs: list[Path]) -> list[str]:
    _with_key(home, logs)
    return ["privacy", "delete", "--user", "user-4"]


def _retain(home: Path, logs: list[Path]) -> list[str]:
    _with_key(home, logs)
    return ["privacy", "retain", "--keep", "6d", "--as-of", "2024-03-12"]


def _with_key(home: Path, logs: list[Path]) -> None:
    ingest(home, *logs)
    succeed(home, "privacy", "consent", "--opt-out", "nobody-of-these")


SCENARIOS: Final[dict[str, tuple[Make, tuple[int, ...]]]] = {
    "first": (_first, (0,)),
    "ingest": (_ingest, (0,)),
    "large": (_large, (0,)),
    "wide": (_wide, (0,)),
    "recover": (_recover, (0,)),
    "compact": (_compact, (0,)),
    "undo": (_undo, (2, 3)),
    "delete": (_delete, (0,)),
    "retain": (_retain, (0,)),
}


def prepare(bench: Bench, name: str) -> Prepared:
    """Make a scenario ready; the second call on a bench, from whatever process, is cheap."""
    kept = bench.folder / "scenarios" / name / "prepared"
    if not kept.exists():
        kept.parent.mkdir(parents=True)
        kept.write_bytes(pickle.dumps(_made(bench, name, kept.parent)))
    return _loaded(kept)


@cache
def _loaded(path: Path) -> Prepared:
    made = pickle.loads(path.read_bytes())  # noqa: S301 - written by ourselves
    assert isinstance(made, Prepared)
    return made


def _made(bench: Bench, name: str, folder: Path) -> Prepared:
    make, again = SCENARIOS[name]
    home, done = folder / "home", folder / "done"
    home.mkdir()
    words = make(home, write_logs(folder, bench.random("logs")))
    shutil.copytree(home, done)
    spans = _undisturbed(program(*words, "--store", done / STORE), done / STORE)
    before = folder / "before"
    if (home / STORE).exists():
        shutil.copytree(home / STORE, before)
        assert call("info", "--store", before).code == 0
    else:
        Store.create(before).close()
    return Prepared(name, home, tuple(words), sound(before), sound(done / STORE), again, spans)


def _undisturbed(command: list[str], root: Path) -> dict[Sign, float]:
    """Run a command; returns how long it lasts from each sign on."""
    seen = {Sign.START: time.monotonic()}
    process = start(command)
    while process.poll() is None:
        time.sleep(_POLL_S)
        for sign in Sign:
            if sign not in seen and is_seen(sign, root):
                seen[sign] = time.monotonic()
    end = time.monotonic()
    ended = finish(process)
    assert ended.code == 0, ended.err
    return {sign: end - seen.get(sign, end) for sign in Sign}


def is_seen(sign: Sign, root: Path) -> bool:
    """Return whether a command on a store shows this sign now."""
    if sign is Sign.COMMIT:
        return (root / "catalog.db-journal").exists()
    with suppress(OSError):
        return sign is Sign.START or (root / "lock").stat().st_size > 0
    return False


def sound(root: Path) -> State:
    """Return what a store holds in which nothing is wrong."""
    reading = read(root)
    assert not problems_of(reading), problems_of(reading)
    return reading.state
