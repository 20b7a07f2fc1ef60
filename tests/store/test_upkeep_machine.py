"""Any sequence of ingests, undos, compactions and removals against a plain model of a store."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clickcli.identity import user_key
from clickcli.store import Store
from clickcli.store.rework import Rule, reworking
from tests.store.logs import event, events, ingest, to_bytes
from tests.store.states import assert_sound, small_files

LINES = st.lists(st.integers(0, 15), max_size=6)
FILES = st.sampled_from(["a", "b"])


def text(number: int) -> bytes:
    """Return the line of a number: two dates, three users, two event types."""
    return to_bytes([
        event(number, timestamp=f"2024-03-{1 + number % 2:02d}T00:00:{number:02d}Z",
              event_type="view" if number % 4 else "buy", user_id=f"u{number % 3}",
              anonymous_id=f"d{number % 6}")
    ])  # fmt: skip


class Machine(RuleBasedStateMachine):
    """A store beside what it must hold.

    That is the batch of each stored line, how far files are read, and which batch left out lines of
    which file because of another.
    """

    @initialize()
    def create(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.small = small_files()
        self.small.__enter__()
        self.store = Store.create(self.folder / "store")
        self.stored: dict[int, str] = {}
        self.lines: dict[str, list[int]] = {"a": [], "b": []}
        self.consumed = {"a": 0, "b": 0}
        self.read_by: dict[str, set[str]] = {}
        self.repeats: set[tuple[str, str, str]] = set()

    @rule(name=FILES, added=LINES)
    def grow_and_ingest(self, name: str, added: list[int]) -> None:
        path = self.folder / f"{name}.jsonl"
        with path.open("ab") as stream:
            stream.writelines(text(number) for number in added)
        self.lines[name] += added
        done = ingest(self.store, path)
        batch = done.batch or ""
        new = self.lines[name][self.consumed[name] :]
        stored = 0
        for number in new:
            if number in self.stored:
                self.repeats.add((self.stored[number], batch, name))
            else:
                self.stored[number] = batch
                stored += 1
        assert (done.read, done.stored, done.duplicates) == (len(new), stored, len(new) - stored)
        self.consumed[name] = len(self.lines[name])
        if done.batch is not None:
            self.read_by[batch] = {name}

    @precondition(lambda self: self.read_by)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(sorted(self.read_by)))
        done = self.store.undo(batch)
        mine = [number for number, of in self.stored.items() if of == batch]
        assert done.rows == len(mine)
        own = self.read_by.pop(batch)
        others = {name for of, by, name in self.repeats if of == batch != by} - own
        self.repeats = {one for one in self.repeats if batch not in one[:2]}
        assert {Path(path).stem for path in done.sources} == own
        assert {Path(path).stem for path in done.others} == others
        for number in mine:
            del self.stored[number]
        for name in own | others:
            self.consumed[name] = 0

    @rule()
    def compact(self) -> None:
        self.store.compact()
        with small_files():
            assert all(one.files_after <= -(-one.rows // 12) for one in self.store.compact())

    @rule(user=st.integers(0, 2))
    def remove_a_user(self, user: int) -> None:
        key = user_key(f"u{user}")

        def goes(table: pa.Table) -> np.typing.NDArray[np.bool_]:
            found: np.typing.NDArray[np.bool_] = table["person_key"].to_numpy() == key
            return found

        with reworking(self.store._catalog, "delete") as work:
            done = work.apply(Rule(goes=goes, columns=("person_key",)))
            work.commit()
        mine = [number for number in self.stored if number % 3 == user]
        assert done.rows == len(mine)
        for number in mine:
            del self.stored[number]

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder / "store")

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "store"):
            return
        store = self.store
        assert_sound(store)
        held = Counter(int(name.removeprefix("e")) for name in events_of(store))
        assert held == Counter(list(self.stored))
        info = store.info()
        assert info.people == len({number % 3 for number in self.stored})
        types = Counter("view" if number % 4 else "buy" for number in self.stored)
        assert info.event_types == dict(types)
        live = {one.name: one.stored - one.removed for one in store.batches() if not one.undone}
        assert {name: rows for name, rows in live.items() if rows} == Counter(self.stored.values())
        pairs = store._catalog.rows("SELECT DISTINCT anonymous_id, user_id FROM links")
        assert set(pairs) == {(f"d{number % 6}", f"u{number % 3}") for number in self.stored}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.small.__exit__(None, None, None)
            shutil.rmtree(self.folder)


def events_of(store: Store) -> list[str]:
    """Return the ids of all events."""
    frame = events(store)
    return frame["event_id"].to_list() if frame.height else []


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
