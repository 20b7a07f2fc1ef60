"""Kill -9 at random instants."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaign.campaign import Bench, Campaign, Outcome, Tally
from tests.campaign.examine import examine
from tests.campaign.processes import family, finish, kill, start, survivors
from tests.campaign.scenarios import STORE, Prepared, Sign, is_seen, prepare

POINTS: Final = 200
NAMES: Final = ("ingest", "compact", "undo", "delete", "retain", "first", "wide")
SIGNS: Final = (Sign.COMMIT, Sign.LOCK, Sign.COMMIT, Sign.START)
_POLL_S: Final = 0.0005
_TRIES: Final = 8
_SHORTER: Final = 0.8
"""After a run that ended before it was killed, the next one is killed sooner."""


@dataclass(frozen=True, slots=True)
class Instant:
    """When to kill which command: at a share of the time that it lasts from a sign on.

    ``is_whole`` says whether the worker processes are killed as well, or must end by themselves.
    """

    scenario: str
    number: int
    share: float
    sign: Sign
    is_whole: bool

    def __str__(self) -> str:
        when = f"at {self.share:.3f} of the time from {self.sign.value}"
        return f"kill {self.scenario} #{self.number} {when}"


def instants(bench: Bench, count: int) -> list[Instant]:
    """Draw instants, spread over commands and signs."""
    found = []
    for number in range(count):
        choices = bench.random("instant", number)
        name, sign = NAMES[number % len(NAMES)], SIGNS[number // len(NAMES) % len(SIGNS)]
        whole = choices.random() < 0.5
        found.append(Instant(name, number, choices.random(), sign, whole))
    return found


def hit(bench: Bench, point: Instant) -> Outcome:
    """Kill a command at an instant, sooner if it was over by then, and look at what is left."""
    prepared = prepare(bench, point.scenario)
    for attempt in range(_TRIES):
        share = point.share * _SHORTER**attempt
        with prepared.home_in(bench) as home:
            failures = _killed(prepared, home, point, share)
            if failures is not None:
                outcome = examine(prepared, home, by_process=True)
                return Outcome(True, outcome.left, (*failures, *outcome.failures))
    return Outcome(is_hit=False)


def _killed(prepared: Prepared, home: Path, point: Instant, share: float) -> list[str] | None:
    """Return what was wrong with its death, None when it ended before."""
    process = start(prepared.command(home))
    while not is_seen(point.sign, home / STORE) and process.poll() is None:
        time.sleep(_POLL_S)
    time.sleep(share * prepared.spans[point.sign])
    members = family(process.pid)
    kill(members if point.is_whole else members[:1])
    ended = finish(process)
    left = survivors(members)
    kill(left)
    if not ended.was_killed:
        return None
    return [f"{len(left)} worker processes outlive the program"] if left else []


def _run(bench: Bench, points: int | None, tally: Tally) -> None:
    for name in NAMES:
        prepare(bench, name)
    bench.strike(instants(bench, points or POINTS), hit, tally)


CAMPAIGN = Campaign("kill", "kill -9 at random instants of every command that writes", 5, _run)
