"""What must hold in a store after any fault: it opens, nothing is lost, nothing is doubled."""

from __future__ import annotations

from pathlib import Path

from tests.campaign.campaign import Outcome
from tests.campaign.processes import Ended, call, run
from tests.campaign.scenarios import STORE, Prepared
from tests.campaign.states import Reading, State, problems_of, read


def examine(prepared: Prepared, home: Path, *, by_process: bool = False) -> Outcome:
    """Look at a store after a fault, run the command again, and look again.

    ``by_process`` runs it as a process of its own rather than in this one.
    """
    root = home / STORE
    failures: list[str] = []
    left = _look(prepared, root, failures)
    ended = run(prepared.command(home)) if by_process else prepared.call(home)
    if ended.code not in (prepared.again if left == "done" else (0,)):
        failures.append(f"run again, it ends with {ended.code}: {ended.err.strip()[-300:]}")
    else:
        failures += [f"run again: {text}" for text in _wrong(root, prepared.after)]
    return Outcome(is_hit=True, left=left, failures=tuple(failures))


def _look(prepared: Prepared, root: Path, failures: list[str]) -> str:
    """Open a store and compare it with the states before and after; returns which it is."""
    if prepared.name == "first" and not (root / "catalog.db").exists():
        return "no store"
    opened = call("info", "--store", root)
    if opened.code != 0:
        if prepared.name != "first":
            failures.append(f"it does not open: {opened.err.strip()}")
        return "unopened"
    failures += checked(call("verify", "--store", root))
    reading = _reading(root, failures)
    if reading is None:
        return "unreadable"
    failures += problems_of(reading)
    if not reading.state.differences(prepared.after):
        return "done"
    wrong = reading.state.differences(prepared.before)
    failures += [f"neither as before nor done: {text}" for text in wrong[:3]]
    return "as before"


def checked(verified: Ended) -> list[str]:
    """Return what the program itself finds wrong in a store."""
    if verified.code == 0:
        return []
    return [
        f"verify ends with {verified.code}: {verified.out.strip()[-300:]} {verified.err[-300:]}"
    ]


def _wrong(root: Path, expected: State) -> list[str]:
    """Return what is wrong with a store that must hold just this."""
    failures: list[str] = []
    reading = _reading(root, failures)
    if reading is not None:
        failures += [*problems_of(reading), *reading.state.differences(expected)]
    return failures


def _reading(root: Path, failures: list[str]) -> Reading | None:
    """Read a store; that it cannot be read is a failure."""
    try:
        return read(root)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        failures.append(f"it cannot be read: {type(error).__name__}: {error}")
        return None
