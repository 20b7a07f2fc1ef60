"""System calls of the program, watched and disturbed by strace."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CALLS: Final = (
    "open", "openat", "openat2", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "link", "linkat", "symlink",
    "symlinkat", "mkdir", "mkdirat", "truncate", "ftruncate", "fallocate", "fsync", "fdatasync",
    "msync", "sync_file_range", "mmap", "copy_file_range", "sendfile", "splice",
)  # fmt: skip
"""Calls that change files, make them last, or open them."""
_LINE: Final = re.compile(r"^(\d+) +(\w+)\((.*)")
_RESUMED: Final = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)")
_UUID: Final = re.compile(r"[0-9a-f]{32}")
_UNFINISHED: Final = " <unfinished ...>"


def strace() -> str:
    """Return the path of strace, without which campaigns prove nothing."""
    found = shutil.which("strace")
    assert found is not None, "strace is missing; on Debian and Ubuntu: apt install strace"
    return found


def traced(
    command: Sequence[str], log: Path, *options: str, calls: Sequence[str] = CALLS
) -> list[str]:
    """Return the command line that runs a command under strace; paths stand at descriptors."""
    wanted = ",".join(f"?{call}" for call in calls)
    return [
        strace(), "-f", "-qq", "-y", "-o", str(log), "-e", f"trace={wanted}", "-e", "signal=none",
        *options, *command,
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One call: which of its name it is in its thread, from 1, and the text after its name."""

    thread: int
    name: str
    number: int
    text: str

    def concerns(self, root: Path) -> bool:
        """Return whether its arguments name the folder or something in it."""
        return re.search(rf'["<]{re.escape(str(root))}[/">]', self.text) is not None

    def place(self, root: Path) -> str:
        """Return what in the folder it concerns, names made up at random left out."""
        found = re.search(rf'["<]{re.escape(str(root))}(/[^">]*)?[">]', self.text)
        return "" if found is None else _UUID.sub("*", found[1] or "/").removeprefix("/")


def on_store(log: Path, root: Path) -> list[Call]:
    """Return the calls of the main thread that concern a store."""
    calls = list(calls_of(log))
    return [call for call in calls if call.thread == calls[0].thread and call.concerns(root)]


def calls_of(log: Path) -> Iterator[Call]:
    """Yield the calls of a trace in order of their end; the last may have none."""
    counts: Counter[tuple[int, str]] = Counter()
    open_calls: dict[int, tuple[str, int, str]] = {}
    for line in log.read_text(errors="backslashreplace").splitlines():
        if resumed := _RESUMED.match(line):
            thread = int(resumed[1])
            name, number, text = open_calls.pop(thread)
            yield Call(thread, name, number, text + resumed[2])
        elif found := _LINE.match(line):
            thread, name, text = int(found[1]), found[2], found[3]
            counts[thread, name] += 1
            if text.endswith(_UNFINISHED):
                open_calls[thread] = (name, counts[thread, name], text.removesuffix(_UNFINISHED))
            else:
                yield Call(thread, name, counts[thread, name], text)
    for thread, (name, number, text) in open_calls.items():
        yield Call(thread, name, number, text)
