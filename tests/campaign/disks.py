"""A disk as POSIX promises it: what was not synced may be there after a power cut, or not.

A file's content lasts from its fsync on, a name from the fsync of its folder on. Of everything
else any part may be there: whole sectors of writes, names without data, data without names. A
rename is there as a whole or not at all, but the old name may stay beside the new one until its
folder is synced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from tests.campaign.steps import (
    Make,
    Mapped,
    Move,
    Remove,
    Resize,
    Step,
    Sync,
    Told,
    Tree,
    Write,
    tree_of,
)

SECTOR: Final = 512


class Luck(Enum):
    """What of all that was not synced is there after the power cut."""

    NOTHING = "nothing"
    ALL = "all"
    NAMES = "names, no data"
    DATA = "data, no names"
    SOME = "some"


@dataclass(slots=True)
class _Entry:
    """A change of a folder's names: ``node`` None takes the name away."""

    step: int
    name: str
    node: int | None


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)


@dataclass(slots=True)
class _Folder:
    durable: dict[str, int] = field(default_factory=dict)
    pending: list[_Entry] = field(default_factory=list)

    def names(self) -> dict[str, int]:
        """Return the names as programs see them."""
        return _renamed(self.durable, self.pending)


def _renamed(durable: Mapping[str, int], entries: list[_Entry]) -> dict[str, int]:
    names = dict(durable)
    for entry in entries:
        if entry.node is None:
            names.pop(entry.name, None)
        else:
            names[entry.name] = entry.node
    return names


def _changed(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write bytes into a content, or (None) give it a size; what lies between is zero."""
    end = offset if data is None else offset + len(data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:end] = data


class Disk:
    """A folder on a disk; takes steps, and tells what a power cut may leave of them."""

    def __init__(self, tree: Tree, *, is_honest: bool = True) -> None:
        self._is_honest = is_honest
        self._numbers = count(1)
        self._nodes: dict[int, _File | _Folder] = {0: _Folder()}
        for path, content in sorted(tree.items()):
            number = self._new(_Folder() if content is None else _File(bytearray(content)))
            self._parent(path).durable[Path(path).name] = number
        self._steps = 0

    def _new(self, node: _File | _Folder) -> int:
        number = next(self._numbers)
        self._nodes[number] = node
        return number

    def number(self, path: str) -> int:
        """Return which file or folder has this path now."""
        found = 0
        for name in Path(path).parts:
            folder = self._nodes[found]
            assert isinstance(folder, _Folder), path
            found = folder.names()[name]
        return found

    def _parent(self, path: str) -> _Folder:
        folder = self._nodes[self.number(str(Path(path).parent))]
        assert isinstance(folder, _Folder)
        return folder

    def _file(self, path: str) -> _File:
        file = self._nodes[self.number(path)]
        assert isinstance(file, _File), path
        return file

    def take(self, step: Step) -> None:
        """Do a step."""
        self._steps += 1
        match step:
            case Write(path, offset, data):
                self._file(path).pending.append((offset, data))
            case Mapped(path, data):
                self._file(path).pending.append((0, data))
            case Resize(path, size):
                self._file(path).pending.append((size, None))
            case Make(path, is_folder):
                self._name(path, self._new(_Folder() if is_folder else _File()))
            case Move(path, target):
                number = self.number(path)
                self._name(target, number)
                self._name(path, None)
            case Remove(path):
                self._name(path, None)
            case Sync(path):
                if self._is_honest:
                    self._sync(self._nodes[self.number(path)])
            case Told():
                pass

    def _name(self, path: str, node: int | None) -> None:
        self._parent(path).pending.append(_Entry(self._steps, Path(path).name, node))

    def _sync(self, node: _File | _Folder) -> None:
        if isinstance(node, _File):
            for change in node.pending:
                _changed(node.durable, *change)
            node.pending.clear()
            return
        gone = {entry.step for entry in node.pending if entry.node is None}
        node.durable = node.names()
        node.pending.clear()
        # What left this folder for another is there, or it would be lost: a rename is whole.
        for other in self._nodes.values():
            if isinstance(other, _Folder) and any(entry.step in gone for entry in other.pending):
                last = max(at for at, entry in enumerate(other.pending) if entry.step in gone)
                other.durable = _renamed(other.durable, other.pending[: last + 1])
                del other.pending[: last + 1]

    def tree(self) -> Tree:
        """Return the folder as programs see it."""
        return self.after_cut(Luck.ALL, Random(0))

    def after_cut(self, luck: Luck, choices: Random) -> Tree:
        """Return what may be there after a power cut now."""
        keeps = _Choices(luck, choices)
        self._leave_out(keeps)
        return dict(self._kept(0, "", keeps))

    def _leave_out(self, keeps: _Choices) -> None:
        """Let nothing have happened in new folders whose names are lost."""
        folders = {n: node for n, node in self._nodes.items() if isinstance(node, _Folder)}
        entries = [entry for folder in folders.values() for entry in folder.pending]
        for entry in sorted(entries, key=lambda entry: entry.step):
            if entry.node in folders and not keeps.name(entry):
                for below in folders[entry.node].pending:
                    keeps.lose(below.step)

    def _kept(self, number: int, path: str, keeps: _Choices) -> Iterator[tuple[str, bytes | None]]:
        folder = self._nodes[number]
        assert isinstance(folder, _Folder)
        kept = [entry for entry in folder.pending if keeps.name(entry)]
        for name, child in sorted(_renamed(folder.durable, kept).items()):
            below, node = f"{path}{name}", self._nodes[child]
            if isinstance(node, _Folder):
                yield below, None
                yield from self._kept(child, f"{below}/", keeps)
            else:
                yield below, keeps.content(node)


class _Choices:
    """What one power cut leaves; a rename is left in both its folders or in neither."""

    def __init__(self, luck: Luck, choices: Random) -> None:
        self._luck = luck
        self._random = choices
        self._share = choices.random()
        self._steps: dict[int, bool] = {}

    def _coin(self) -> bool:
        return self._random.random() < self._share

    def name(self, entry: _Entry) -> bool:
        if self._luck is not Luck.SOME:
            return self._luck in {Luck.ALL, Luck.NAMES}
        if entry.step not in self._steps:
            self._steps[entry.step] = self._coin()
        return self._steps[entry.step]

    def lose(self, step: int) -> None:
        self._steps[step] = False

    def content(self, file: _File) -> bytes:
        content = bytearray(file.durable)
        for offset, data in file.pending:
            if self._luck in {Luck.ALL, Luck.DATA}:
                _changed(content, offset, data)
            elif self._luck is Luck.NAMES and data is not None:
                _changed(content, max(len(content), offset + len(data)), None)
            elif self._luck is Luck.SOME:
                self._write_some(content, offset, data)
        return bytes(content)

    def _write_some(self, content: bytearray, offset: int, data: bytes | None) -> None:
        """Write some sectors; the size may grow without them, and is not cut without luck."""
        if data is None:
            if self._coin():
                _changed(content, offset, None)
            return
        if self._coin():
            _changed(content, max(len(content), offset + len(data)), None)
        at = 0
        while at < len(data):
            end = min(len(data), at + SECTOR - (offset + at) % SECTOR)
            if self._coin():
                _changed(content, offset + at, data[at:end])
            at = end


def with_final_data(steps: list[Step], before: Tree, after: Path) -> list[Step]:
    """Fill in what mapped files hold, from the folder as it is in the end.

    Raises AssertionError when the steps do not lead from one to the other.
    """
    disk, owners = Disk(before), {}
    for at, step in enumerate(steps):
        disk.take(step)
        if isinstance(step, Mapped):
            owners[at] = (step.path, disk.number(step.path))
    paths = {disk.number(path): path for path in disk.tree()}
    filled = list(steps)
    for at, (path, number) in owners.items():
        if number in paths:
            filled[at] = Mapped(path, (after / paths[number]).read_bytes())
    end = Disk(before)
    for step in filled:
        end.take(step)
    real = tree_of(after)
    wrong = [path for path in {*real, *end.tree()} if real.get(path, 0) != end.tree().get(path, 0)]
    assert not wrong, f"the recorded calls do not explain {sorted(wrong)}"
    return filled
