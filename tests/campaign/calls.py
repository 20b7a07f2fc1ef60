"""One system call at a time: killed before it, or the call fails, for every call on the store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.campaign.campaign import Bench, Campaign, Outcome, Tally
from tests.campaign.examine import examine
from tests.campaign.processes import Ended, run
from tests.campaign.scenarios import STORE, Prepared, prepare
from tests.campaign.traces import on_store, traced

KILLED: Final = ("ingest", "first", "recover")
FAILED: Final = ("ingest", "first")
INPUT_OUTPUT: Final = 74
DRIFTS: Final = (0, 1, -1, 2, -2)
"""From run to run the interpreter makes a call more or less before the store's own."""
ERRORS: Final = {
    "write": "ENOSPC", "pwrite64": "ENOSPC", "ftruncate": "ENOSPC", "mkdir": "ENOSPC",
    "openat": "EIO", "rename": "EIO", "unlink": "EIO", "unlinkat": "EIO", "rmdir": "EIO",
    "fsync": "EIO", "fdatasync": "EIO", "msync": "EIO", "mmap": "ENOMEM",
}  # fmt: skip
"""How calls fail; those not named are left alone."""
_ENDS: Final = 3
"""Of many writes to one file so many fail at either end."""


@dataclass(frozen=True, slots=True)
class Target:
    """A call to strike: the number of its name in the main thread, and what it concerns."""

    scenario: str
    name: str
    number: int
    place: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.name} #{self.number} on {self.place or 'the store'}"


@cache
def targets(bench: Bench, name: str) -> list[Target]:
    """Return every call of a command on its store, from a run that nothing disturbs."""
    prepared = prepare(bench, name)
    with prepared.home_in(bench) as home:
        log = home / "trace"
        ended = run(traced(prepared.command(home), log))
        assert ended.code == 0, ended.err
        calls = on_store(log, home / STORE)
        return [Target(name, call.name, call.number, call.place(home / STORE)) for call in calls]


def _struck(
    prepared: Prepared, home: Path, target: Target, how: str, number: int
) -> tuple[Ended, bool]:
    """Run a command with a fault at a call; returns whether the fault struck just there."""
    root, log = home / STORE, home / "trace"
    fault = f"inject={target.name}:{how}:when={number}"
    ended = run(traced(prepared.command(home), log, "-e", fault, calls=(target.name,)))
    calls = [call for call in on_store(log, root) if call.number == number]
    log.unlink()
    return ended, bool(calls) and calls[0].place(root) == target.place


def killed(bench: Bench, target: Target) -> Outcome:
    """Kill a command as it enters a call, and look at what is left."""
    prepared = prepare(bench, target.scenario)
    for drift in DRIFTS:
        with prepared.home_in(bench) as home:
            number = max(1, target.number + drift)
            ended, is_there = _struck(prepared, home, target, "signal=KILL", number)
            if is_there and ended.was_killed:
                return examine(prepared, home)
    return Outcome(is_hit=False)


def failed(bench: Bench, target: Target) -> Outcome:
    """Let a call fail: an error with a way out or no harm at all, and a store that is whole."""
    prepared = prepare(bench, target.scenario)
    for drift in DRIFTS:
        with prepared.home_in(bench) as home:
            number = max(1, target.number + drift)
            how = f"error={ERRORS[target.name]}"
            ended, is_there = _struck(prepared, home, target, how, number)
            if is_there:
                return _refused(prepared, home, ended)
    return Outcome(is_hit=False)


def _refused(prepared: Prepared, home: Path, ended: Ended) -> Outcome:
    outcome = examine(prepared, home)
    said = told_badly(ended)
    if ended.code == 0 and outcome.left != "done":
        said.append("it ends with 0 but did not do its work")
    return Outcome(True, f"{outcome.left}, exit {ended.code}", (*said, *outcome.failures))


def told_badly(ended: Ended) -> list[str]:
    """Return what is wrong with how a failure was told: one error, one hint, exit code 74."""
    if ended.code == 0:
        return []
    lines = ended.err.splitlines()
    errors = [line for line in lines if line.startswith("clickcli: error: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    wrong = [] if ended.code == INPUT_OUTPUT else [f"exit code {ended.code}: {ended.err[-300:]}"]
    if len(errors) != 1 or len(hints) != 1 or "Traceback" in ended.err:
        wrong.append(f"{len(errors)} errors, {len(hints)} hints: {ended.err[-300:]}")
    if ended.out:
        wrong.append(f"it fails, and prints {ended.out[:200]}")
    return wrong


def thinned(found: list[Target]) -> list[Target]:
    """Leave out the middle of long rows of writes to one file: they fail all alike."""
    kept: list[Target] = []
    for _, group in groupby(found, key=lambda target: (target.name, target.place)):
        row = list(group)
        kept += row if len(row) <= 2 * _ENDS else row[:_ENDS] + row[-_ENDS:]
    return [target for target in kept if target.name in ERRORS]


def _kill(bench: Bench, points: int | None, tally: Tally) -> None:
    found = [target for name in KILLED for target in targets(bench, name)]
    bench.strike(bench.chosen(found, points), killed, tally)


def _fail(bench: Bench, points: int | None, tally: Tally) -> None:
    found = [target for name in FAILED for target in thinned(targets(bench, name))]
    bench.strike(bench.chosen(found, points), failed, tally)


CAMPAIGNS: Final = (
    Campaign("calls", "kill -9 at every file-system call of an ingest", 5, _kill),
    Campaign("errors", "each file-system call of an ingest fails once (ENOSPC, EIO)", 6, _fail),
)
