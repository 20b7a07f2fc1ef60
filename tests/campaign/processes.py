"""The program as a process, and the same program called here where a process proves no more."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 120.0
"""After so long a process is taken to hang."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the program ended; a negative code is the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def was_killed(self) -> bool:
        """Whether it died by SIGKILL."""
        return self.code == -signal.SIGKILL


def program(*words: object) -> list[str]:
    """Return the command line of the installed program."""
    return [sys.executable, "-m", "clickcli", *map(str, words)]


def environment() -> dict[str, str]:
    """Return the environment of a run: few threads, nobody's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLICKCLI_")}
    return kept | {"POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "1", "TZ": "UTC"}


def start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a process in a session of its own."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, errors="backslashreplace", env=environment(), start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process and return how it ended. Kills one that hangs, which is an error."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        kill(family(process.pid))
        process.communicate()
        raise
    return Ended(process.returncode, out, err)


def run(command: Sequence[str]) -> Ended:
    """Run a process to its end."""
    return finish(start(command))


def call(*words: object) -> Ended:
    """Run the program in this process: as fast as its work, without the start of Python."""
    from clickcli.cli.main import main

    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    out.flush()
    raw = out.buffer
    assert isinstance(raw, io.BytesIO)
    return Ended(code, raw.getvalue().decode(), err.getvalue())


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def family(pid: int) -> list[int]:
    """Return a process and all that it started, itself first."""
    return [pid, *(member for child in children(pid) for member in family(child))]


def kill(pids: Sequence[int]) -> None:
    """Kill processes; one that has ended already is fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that waits to be buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def survivors(pids: Sequence[int], patience_s: float = 10.0) -> list[int]:
    """Return those processes that still run after a while."""
    deadline = time.monotonic() + patience_s
    alive = list(pids)
    while alive and time.monotonic() < deadline:
        alive = [pid for pid in alive if is_alive(pid)]
        if alive:
            time.sleep(0.01)
    return alive
