"""Crashes, full disks and readers while a store is kept up."""

from __future__ import annotations

import errno
import io
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clickcli.errors import StorageError
from clickcli.store import Store, commit
from clickcli.store.upkeep.compact import FILES
from tests.store.logs import event, events, ingest, to_bytes, write
from tests.store.states import assert_sound, state


class Crash(BaseException):
    """A stop that nothing in the store may catch for good."""


SHARED = {
    "clickcli.store.rework.staging_folder": False,
    "clickcli.store.parts.EventFile.close": False,
    "clickcli.store.commit.refuse_symlinks": False,
    "clickcli.store.commit.sync_tree": False,
    "clickcli.store.commit.record": False,
    "clickcli.store.commit.insert_files": False,
    "clickcli.store.rework.revision.Revision.write": False,
    "clickcli.store.commit.place": True,
    "clickcli.store.commit.move": True,
    "clickcli.store.commit.remove_files": True,
    "clickcli.store.catalog.Catalog.seal": True,
}
"""Functions of the protocol, and whether the change is committed when they are called."""
OF_COMPACT = {"clickcli.store.upkeep.compact._merged": False} | SHARED
OF_UNDO = {
    "clickcli.store.rework.rows.RowRework.file": False,
    "clickcli.store.rework.ids.take_out": False,
    "clickcli.store.rework.people.without_rows": False,
    "clickcli.store.rework.people.LinkRework.finish": False,
    "clickcli.store.people.people_files": False,
    "clickcli.store.upkeep.undo._forget": False,
    "clickcli.store.upkeep.undo.add_up": False,
} | SHARED
ACTS: dict[str, Callable[[Store], Any]] = {
    "compact": lambda store: store.compact(),
    "undo": lambda store: store.undo("b000002"),
}
CASES = [("compact", *case) for case in OF_COMPACT.items()]
CASES += [("undo", *case) for case in OF_UNDO.items()]


def fill(store: Store, folder: Path, act: str) -> None:
    """Ingest three batches with lines in common, two dates, links and rejects.

    What is to be taken back is in files with other rows.
    """
    for number in range(3):
        log = [
            event(n, timestamp=f"2024-03-{1 + n % 2:02d}T00:00:{n:02d}Z", anonymous_id=f"d{n % 4}",
                  plan="pro")
            for n in range(8 * number, 8 * number + 12)
        ]  # fmt: skip
        ingest(store, write(folder / f"{number}.jsonl", [*log, "{"]))
    if act == "undo":
        store.compact()


@pytest.mark.parametrize(("act", "step", "committed"), CASES)
@pytest.mark.parametrize("error", [OSError, Crash], ids=["full", "crash"])
def test_a_failure_at_any_step_leaves_the_state_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, step: str, committed: bool,
    error: type[BaseException],
) -> None:  # fmt: skip
    with Store.create(tmp_path / "twin") as twin:
        fill(twin, tmp_path, act)
        ACTS[act](twin)
        after = state(twin)
    store = Store.create(tmp_path / "store")
    fill(store, tmp_path, act)
    before = state(store)

    def fail(*given: Any, **_: Any) -> Any:
        if step.endswith("remove_files") and not given[1]:
            return
        raise error(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        if step.endswith("place"):
            patch.setattr("clickcli.store.commit.recover", lambda _: None)
        with pytest.raises((StorageError, error)):
            ACTS[act](store)
        assert state(store) == (after if committed else before)
    store.close()
    with Store.open(tmp_path / "store") as again:
        assert state(again) == (after if committed else before)
        assert_sound(again)
        if not (committed and act == "undo"):
            ACTS[act](again)
        assert state(again) == after
        assert_sound(again)


KILLED = """
import os, signal, sys
import clickcli.store.upkeep.compact, clickcli.store.upkeep.undo
import clickcli.store.{module} as module
from clickcli.store import Store

real = module.{name}

def die(*arguments, **keywords):
    if "{name}" == "remove_files" and not arguments[1]:
        return
    if {after}:
        real(*arguments, **keywords)
    os.kill(os.getpid(), signal.SIGKILL)

module.{name} = die
with Store.open(sys.argv[1]) as store:
    store.{call}
"""


@pytest.mark.parametrize(
    ("act", "call"),
    [("compact", "compact()"), ("undo", 'undo("b000002")')],
    ids=["compact", "undo"],
)
@pytest.mark.parametrize(
    ("module", "name", "after", "committed"),
    [("commit", "sync_tree", True, False), ("commit", "insert_files", True, False),
     ("commit", "record", True, True), ("commit", "move", True, True),
     ("commit", "remove_files", False, True), ("commit", "place", True, True)],
)  # fmt: skip
def test_a_killed_process_leaves_the_state_before_or_after(
    tmp_path: Path, act: str, call: str, module: str, name: str, after: bool, committed: bool
) -> None:
    root = tmp_path / "store"
    with Store.create(root) as store:
        fill(store, tmp_path, act)
        before = state(store)
    script = KILLED.format(module=module, name=name, after=after, call=call)
    done = subprocess.run([sys.executable, "-c", script, root], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(root) as store:
        assert_sound(store)
        if not committed:
            assert state(store) == before
        if not (committed and act == "undo"):
            ACTS[act](store)
        assert_sound(store)
        assert len(events(store)) == (28 if act == "compact" else 20)
        assert len(store._catalog.files("events")) == 2


def test_a_kill_while_an_ingest_merges_files_keeps_the_ingest(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with Store.create(root) as store:
        for number in range(FILES):
            ingest(store, io.BytesIO(to_bytes([event(number)])))
    log = write(tmp_path / "last", [event(FILES)])
    script = KILLED.format(
        module="upkeep.compact", name="_merged", after=True, call="ingest([sys.argv[2]])"
    )
    done = subprocess.run([sys.executable, "-c", script, root, log], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(root) as store:
        assert_sound(store)
        assert len(events(store)) == FILES + 1
        assert ingest(store, log).read == 0
        assert store.compact()[0].files_after == 1
        assert_sound(store)


def test_a_reader_between_commit_and_placing_sees_the_state_after(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, tmp_path, "undo")
    monkeypatch.setattr("clickcli.store.PLACING_S", 0.0)
    seen: list[Any] = []
    real = commit.place

    def place(catalog: Any) -> None:
        with Store.open(store.path) as reader:
            seen.append(state(reader))
        real(catalog)

    monkeypatch.setattr(commit, "place", place)
    store.undo("b000002")
    assert seen[-1] == state(store)
