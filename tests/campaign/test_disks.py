"""The disk of the power cuts: what it keeps, what it may lose, and what it may never do."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.campaign.disks import Disk, Luck
from tests.campaign.steps import (
    Make,
    Move,
    Remove,
    Resize,
    Step,
    Sync,
    Tree,
    Write,
    tree_of,
    write_tree,
)

BEFORE: Tree = {"a": None, "b": None, "a/old": b"12345"}


def cut(steps: list[Step], luck: Luck = Luck.NOTHING, *, is_honest: bool = True) -> Tree:
    disk = Disk(BEFORE, is_honest=is_honest)
    for step in steps:
        disk.take(step)
    return disk.after_cut(luck, Random(1))


def all_cuts(steps: list[Step]) -> list[Tree]:
    """Return what very many power cuts leave."""
    disk = Disk(BEFORE)
    for step in steps:
        disk.take(step)
    return [disk.after_cut(Luck.SOME, Random(seed)) for seed in range(300)]


def test_without_a_sync_nothing_lasts() -> None:
    steps: list[Step] = [Make("a/new"), Write("a/new", 0, b"x"), Remove("a/old")]
    assert cut(steps) == BEFORE
    assert cut(steps, Luck.ALL) == {"a": None, "b": None, "a/new": b"x"}


def test_a_file_needs_its_own_sync_and_that_of_its_folder() -> None:
    made: list[Step] = [Make("a/new"), Write("a/new", 0, b"x")]
    assert "a/new" not in cut([*made, Sync("a/new")])
    assert cut([*made, Sync("a")])["a/new"] == b""
    assert cut([*made, Sync("a/new"), Sync("a")])["a/new"] == b"x"


def test_a_sync_that_does_nothing_keeps_nothing() -> None:
    steps: list[Step] = [Make("a/new"), Write("a/new", 0, b"x"), Sync("a/new"), Sync("a")]
    assert cut(steps, is_honest=False) == BEFORE


def test_names_without_data_are_zeros_and_data_needs_names() -> None:
    steps: list[Step] = [Make("a/new"), Write("a/new", 0, b"xyz"), Write("a/old", 0, b"9")]
    assert cut(steps, Luck.NAMES) == {**BEFORE, "a/new": b"\0\0\0"}
    assert cut(steps, Luck.DATA) == {**BEFORE, "a/old": b"92345"}


def test_a_move_over_a_file_leaves_the_one_or_the_other() -> None:
    steps: list[Step] = [
        Make("a/new"), Write("a/new", 0, b"x"), Sync("a/new"), Sync("a"), Move("a/new", "a/old"),
    ]  # fmt: skip
    assert {tree["a/old"] for tree in all_cuts(steps)} == {b"12345", b"x"}


@pytest.mark.parametrize("synced", [None, "a", "b"])
def test_a_move_to_another_folder_never_loses_the_file(synced: str | None) -> None:
    steps: list[Step] = [Move("a/old", "b/old")]
    if synced is not None:
        steps.append(Sync(synced))
    found = all_cuts(steps)
    assert all(tree.get("a/old", tree.get("b/old")) == b"12345" for tree in found)
    if synced is not None:
        assert all("b/old" in tree for tree in found)
    if synced == "b":
        assert any("a/old" in tree for tree in found)


def test_a_move_into_a_folder_that_is_lost_did_not_happen() -> None:
    steps: list[Step] = [Make("b/c", is_folder=True), Move("a/old", "b/c/old")]
    assert all("a/old" in tree or "b/c/old" in tree for tree in all_cuts(steps))


def test_writes_are_torn_at_sectors_only() -> None:
    steps: list[Step] = [Write("a/old", 0, b"x" * 1024)]
    for tree in all_cuts(steps):
        data = tree["a/old"]
        assert data is not None
        assert data[:512].rstrip(b"\0") in {b"x" * 512, b"12345"}
        assert data[512:].strip(b"\0") in {b"x" * 512, b""}


WHERE = st.sampled_from(["a/old", "a/one", "b/two"])
WRITES = st.builds(Write, WHERE, st.integers(0, 9), st.binary(min_size=1, max_size=5))
RESIZES = st.builds(Resize, WHERE, st.integers(0, 9))


@given(st.lists(WRITES | RESIZES, max_size=12), st.integers(0, 12), st.randoms())
def test_what_was_synced_is_there_whatever_the_luck(
    changes: list[Step], at: int, choices: Random
) -> None:
    disk = Disk(BEFORE)
    for step in (Make("a/one"), Make("b/two"), *changes[:at]):
        disk.take(step)
    for path in ("a/old", "a/one", "b/two", "a", "b"):
        disk.take(Sync(path))
    synced = disk.tree()
    for luck in Luck:
        assert disk.after_cut(luck, choices) == synced
    for step in changes[at:]:
        disk.take(step)
    assert disk.after_cut(Luck.NOTHING, choices) == synced
    assert disk.after_cut(Luck.ALL, choices) == disk.tree()


def test_a_tree_is_written_as_it_is_read(tmp_path: Path) -> None:
    write_tree(BEFORE, tmp_path / "c")
    assert tree_of(tmp_path / "c") == BEFORE
