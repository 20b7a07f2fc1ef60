"""Which paths does a log hold, step by step.

*Definition*: A path is a session's events in the one order, each as a node; a skipped event is no
node. With `collapse` equal nodes one after another are one step. With `start` a path begins at its
first such node, and there is none without it. A path converts with its first event of the goal.
Nodes that are not among `names` are `(other)` when paths are told, but are told apart before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from . import MINUTE, Event
from .sessions import Rule, sessions

START, EXIT, CUT, OTHER = "(start)", "(exit)", "(cut)", "(other)"
AGES = 400 * 366 * 24 * 60 * MINUTE


@dataclass
class Path:
    """One path; `repeats` is of each step, `before_goal` how many come up to the goal's event."""

    person: str
    nodes: list[str]
    times: list[int]
    repeats: list[int]
    before_goal: int | None
    goal_us: int


def paths(
    events: Iterable[Event],
    *,
    timeout_us: int,
    rule: Rule = "cut",
    by_person: bool = False,
    collapse: bool = True,
    start: str | None = None,
    skip: Collection[str] = (),
    goal: str = "purchase",
) -> list[Path]:
    """Return every path of the log that has a node."""
    log = {event.seq: event for event in events}
    if by_person:
        cut = sessions(log.values(), timeout_us=timeout_us, max_length_us=AGES, rule="gap")
    else:
        cut = sessions(log.values(), timeout_us=timeout_us, rule=rule)
    found = []
    for session in cut:
        own = [log[seq] for seq in session["seqs"]]
        if start is not None:
            begins = [
                at for at, event in enumerate(own)
                if event.event_type == start and event.event_type not in skip
            ]  # fmt: skip
            own = own[begins[0] :] if begins else []
        path = _path(own, collapse=collapse, skip=skip, goal=goal)
        if path is not None:
            found.append(path)
    return found


def _path(events: list[Event], *, collapse: bool, skip: Collection[str], goal: str) -> Path | None:
    nodes: list[str] = []
    times: list[int] = []
    repeats: list[int] = []
    before_goal, goal_ts = None, 0
    for event in events:
        if event.event_type not in skip:
            if collapse and nodes and nodes[-1] == event.event_type:
                repeats[-1] += 1
            else:
                nodes.append(event.event_type)
                times.append(event.ts)
                repeats.append(0)
        if event.event_type == goal and before_goal is None:
            before_goal, goal_ts = len(nodes), event.ts
    if not nodes:
        return None
    goal_us = max(goal_ts - times[0], 0) if before_goal is not None else 0
    return Path(events[0].person, nodes, times, repeats, before_goal, goal_us)


def named(events: Iterable[Event], most: int, skip: Collection[str] = ()) -> set[str]:
    """Return the most common nodes; of equally common ones the smaller texts."""
    counts = Counter(event.event_type for event in events if event.event_type not in skip)
    return set(sorted(counts, key=lambda name: (-counts[name], name))[:most])


Step = tuple[str, int, str, str, int | None, bool, bool]
"""Person, place, node, target, time to it, whether it was there before, right before."""


def steps(path: Path, names: Collection[str], most: int | None = None) -> list[Step]:
    """Return the steps of a path, its start first, followed for at most so many nodes."""
    told = [name if name in names else OTHER for name in path.nodes]
    followed = told if most is None else told[:most]
    result: list[Step] = [(path.person, 0, START, followed[0], None, False, False)]
    for at, node in enumerate(followed):
        time: int | None = None
        returns = goes_back = False
        if at + 1 < len(followed):
            target = followed[at + 1]
            time = path.times[at + 1] - path.times[at]
            returns = target != OTHER and target in followed[: at + 1]
            goes_back = returns and target != node and at > 0 and followed[at - 1] == target
        else:
            target = EXIT if len(followed) == len(told) else CUT
        result.append((path.person, at + 1, node, target, time, returns, goes_back))
    return result
