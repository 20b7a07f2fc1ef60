"""Run commands in turns as whole processes: seconds, CPU seconds, peak memory, equal answers."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

Answer: TypeAlias = list[list[str | float | None]]
"""Rows of texts and numbers, in an order of no meaning."""


def last_line(out: str) -> Answer:
    """Return the answer of a program that prints it as JSON in its last line."""
    rows: Answer = json.loads(out.strip().splitlines()[-1])
    return rows


@dataclass(frozen=True)
class Contender:
    """A command and what its output says; ``before`` runs untimed."""

    name: str
    command: tuple[str, ...]
    answer: Callable[[str], Answer] = last_line
    before: Callable[[], None] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Measured:
    """What the rounds of one contender gave: seconds, CPU seconds, peak MiB."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


_WRAPPER = """
import json, os, resource, subprocess, sys, threading, time
page, ended, peak = os.sysconf("SC_PAGE_SIZE"), threading.Event(), 0
def family(process):
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/children") as file:
            for child in file.read().split():
                yield child
                yield from family(child)
def watch():
    global peak
    while not ended.wait(0.1):
        try:
            found = [f"/proc/{process}/statm" for process in family(os.getpid())]
            if len(found) > 1:
                peak = max(peak, sum(int(open(one).read().split()[1]) for one in found))
        except OSError:
            pass
start = time.perf_counter()
with open(sys.argv[1], "wb") as out, open(sys.argv[2], "wb") as errors:
    run = subprocess.Popen(sys.argv[3:], stdout=out, stderr=errors)
    watcher = threading.Thread(target=watch)
    watcher.start()
    code = run.wait()
wall = time.perf_counter() - start
ended.set()
watcher.join()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = max(used.ru_maxrss / 1024, peak * page / 2**20)
print(json.dumps([wall, used.ru_utime + used.ru_stime, peak, code]))
"""
"""Measures one process from outside; where it starts others, their memory at a time is added."""


def run_once(contender: Contender) -> tuple[float, float, float, str]:
    """Return seconds, CPU seconds, peak MiB and output of one run; SystemExit when it fails."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    contender.before()
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        run = subprocess.run(
            [sys.executable, "-c", _WRAPPER, str(out), str(errors), *contender.command],
            capture_output=True, text=True, check=True,
            env={**environment, **contender.environment},
        )  # fmt: skip
        wall, cpu, peak, code = json.loads(run.stdout)
        if code:
            told = errors.read_text("utf-8", "replace")[-2000:]
            raise SystemExit(f"{contender.name} ended with {code}: {told}")
        return wall, cpu, peak, out.read_text("utf-8")


def measure(contenders: Iterable[Contender], rounds: int, *, warm: bool) -> dict[str, Measured]:
    """Run the contenders in turns; SystemExit when one fails or their answers differ.

    With ``warm`` a first round, which fills caches, is not counted.
    """
    contenders = list(contenders)
    result = {contender.name: Measured() for contender in contenders}
    for number in range(rounds + warm):
        answers: dict[str, Answer] = {}
        for contender in contenders:
            wall, cpu, peak, out = run_once(contender)
            answers[contender.name] = contender.answer(out)
            if number >= warm:
                mine = result[contender.name]
                mine.wall.append(wall)
                mine.cpu.append(cpu)
                mine.peak.append(peak)
        for one, other in pairwise(answers):
            if (where := difference(answers[one], answers[other])) is not None:
                raise SystemExit(f"{one} and {other} differ: {where}")
    return result


def _sorting(row: list[str | float | None]) -> list[tuple[bool, str, float]]:
    """Return what rows are sorted by; those of an answer differ in texts and whole numbers."""
    return [
        (cell is None, cell, 0.0) if isinstance(cell, str) else (cell is None, "", round(cell or 0))
        for cell in row
    ]


def _same(one: str | float | None, other: str | float | None) -> bool:
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def difference(one: Answer, other: Answer) -> str | None:
    """Return the first difference of two answers in words, None where they are equal."""
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} rows"
    for a, b in zip(sorted(one, key=_sorting), sorted(other, key=_sorting), strict=True):
        if len(a) != len(b) or not all(_same(x, y) for x, y in zip(a, b, strict=True)):
            return f"{a} and {b}"
    return None


def table(title: str, measured: Mapping[str, Measured]) -> list[dict[str, object]]:
    """Print and return medians, and medians of the ratios to the last contender, in the rounds."""
    base = list(measured.values())[-1]
    rows: list[dict[str, object]] = []
    print(f"\n{title}\n{'':34}  wall s  clickcli ÷   cpu s  clickcli ÷  peak MiB")
    for name, mine in measured.items():
        wall, cpu = statistics.median(mine.wall), statistics.median(mine.cpu)
        wall_ratio = statistics.median(a / b for a, b in zip(base.wall, mine.wall, strict=True))
        cpu_ratio = statistics.median(a / b for a, b in zip(base.cpu, mine.cpu, strict=True))
        peak = max(mine.peak)
        numbers = f"{wall:7.3f}  {wall_ratio:10.2f} {cpu:7.3f}  {cpu_ratio:10.2f} {peak:9.0f}"
        print(f"{name:34} {numbers}", flush=True)
        rows.append({"work": title, "contender": name, "wall_s": wall, "wall_ratio": wall_ratio,
                     "cpu_s": cpu, "cpu_ratio": cpu_ratio, "peak_mib": peak})  # fmt: skip
    return rows
