"""From the system calls of a run to the steps that it took on its disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
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
    Write,
)
from tests.campaign.traces import CALLS, Call, calls_of

RECORDED: Final = (*CALLS, "lseek", "dup", "dup2", "dup3", "fcntl", "close")
FULLY: Final = ("-xx", "-s", "100000000")
"""Options of strace that write all data out, every byte in hexadecimal."""
_HARMLESS: Final = {"close", "sync_file_range"}
_DESCRIPTOR: Final = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_BASE: Final = re.compile(r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>")
_RESULT: Final = re.compile(r"= (-?\d+|0x[0-9a-f]+)[^=]*$")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True)
class _Open:
    """Where an open file stands; descriptors that were duplicated share it."""

    at: int = 0
    appends: bool = False


@dataclass(slots=True)
class Recorder:
    """Turns the calls of one process into steps; paths are relative to ``root``.

    ``known`` are the paths that are there before. Raises AssertionError for a call on the
    folder that it does not know.
    """

    root: Path
    known: set[str]
    _open: dict[int, _Open] = field(default_factory=dict)

    def steps(self, log: Path) -> Iterator[Step]:
        """Yield the steps of a trace in order."""
        for call in calls_of(log):
            result = _RESULT.search(call.text)
            if result is not None and not result[1].startswith("-"):
                yield from self._step(call, int(result[1], 0))

    def _inside(self, full: Path) -> str | None:
        """Return a path relative to the root, None when it is elsewhere."""
        return str(full.relative_to(self.root)) if full.is_relative_to(self.root) else None

    def _paths(self, call: Call) -> list[str | None]:
        """Return the paths among the arguments, each relative to the descriptor before it."""
        bases = [_bytes(found[1]).decode() for found in _BASE.finditer(call.text)]
        names = [_bytes(found[1]).decode() for found in _STRING.finditer(call.text)]
        bases += ["/"] * (len(names) - len(bases))
        return [self._inside(Path(base) / name) for base, name in zip(bases, names, strict=False)]

    def _step(self, call: Call, result: int) -> Iterator[Step]:
        name = call.name
        if name in {"open", "openat", "openat2", "creat"}:
            yield from self._opened(call, result)
        elif name in {"rename", "renameat", "renameat2"}:
            yield from self._moved(call)
        elif name in {"unlink", "unlinkat", "rmdir"}:
            (path,) = self._paths(call)
            if path is not None:
                self.known.discard(path)
                yield Remove(path)
        elif name in {"mkdir", "mkdirat"}:
            (path,) = self._paths(call)
            if path is not None:
                self.known.add(path)
                yield Make(path, is_folder=True)
        else:
            yield from self._on_descriptor(call, result)

    def _opened(self, call: Call, result: int) -> Iterator[Step]:
        self._open[result] = _Open(appends="O_APPEND" in call.text)
        path = self._paths(call)[0]
        if path is None:
            return
        if path not in self.known and "O_CREAT" in call.text:
            self.known.add(path)
            yield Make(path)
        elif "O_TRUNC" in call.text:
            yield Resize(path, 0)

    def _moved(self, call: Call) -> Iterator[Step]:
        path, target = self._paths(call)
        if path is None and target is None:
            return
        assert path is not None, call
        assert target is not None, call
        inside = {known for known in self.known if known == path or known.startswith(f"{path}/")}
        self.known = self.known - inside | {target + known[len(path) :] for known in inside}
        yield Move(path, target)

    def _on_descriptor(self, call: Call, result: int) -> Iterator[Step]:
        found = _DESCRIPTOR.search(call.text)
        if found is None:
            return
        handle, path = int(found[1]), self._inside(Path(_bytes(found[2]).decode()))
        at = self._open.setdefault(handle, _Open())
        if call.name == "lseek":
            at.at = result
        elif call.name.startswith("dup") or (call.name == "fcntl" and "F_DUPFD" in call.text):
            self._open[result] = at
        elif call.name == "write" and handle == 1:
            yield Told()
        elif path is not None and path in {".", *self.known} and not found[3]:
            yield from self._on_file(call, result, path, at)

    def _on_file(self, call: Call, result: int, path: str, at: _Open) -> Iterator[Step]:
        numbers = re.findall(r"(?<=, )(\d+)(?=[,)])", call.text)
        if call.name == "write":
            assert not at.appends, call
            data = _STRING.search(call.text)
            assert data is not None
            yield Write(path, at.at, _bytes(data[1])[:result])
            at.at += result
        elif call.name == "pwrite64":
            data = _STRING.search(call.text)
            assert data is not None
            yield Write(path, int(numbers[-1]), _bytes(data[1])[:result])
        elif call.name in {"ftruncate", "truncate"}:
            yield Resize(path, int(numbers[-1]))
        elif call.name in {"fsync", "fdatasync"}:
            yield Sync(path)
        elif call.name == "mmap":
            if "PROT_WRITE" in call.text and "MAP_SHARED" in call.text:
                yield Mapped(path)
        else:
            assert call.name in {*_HARMLESS, "fcntl"}, f"cannot replay {call}"
