"""How far does each person get through the steps, by trying every chain of events.

*Definition*: An attempt is opened by an entry event: one that matches step
1, or, with `order="any"`, any step. From it every chain of distinct events that the order, the tie
rule and the window allow is tried. The attempt's depth is the length of the longest chain.

Times: of all longest chains, the times that come first when compared step by step; with
`order="any"`, the time of level k is the end of the chain of length k that ends first.

Strict chains touch: no other event of the person lies between. With `ties="any"` events of one
instant may stand in any order, so only events strictly inside the chain's span break it.

Exclusion `(predicate, i, j)`, steps from 1 (levels, with `order="any"`): judged on the attempt's
times, strictly between those of i and j, or after i and up to the window's end where j is not
reached. A void attempt does not count at all. Scope `person`: who has a void attempt and no clean
full conversion is left out.

Entry `every`: one attempt after another. An attempt ends with the event that voids it, with the
first event at which it can be complete when events are read in order, at the end of its window,
or, with `order="strict"`, also with the last event of its longest chain; the next attempt sees
only later events.

*Cost*: exponential in the number of steps; for logs of about a dozen events a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from . import Event, Predicate, by_person, position

Order = Literal["ordered", "strict", "any"]
Entry = Literal["best", "first", "every"]
Ties = Literal["any", "arrival", "increasing"]
Scope = Literal["attempt", "person"]
Exclusion = tuple[Predicate, int, int]
Chain = tuple[Event, ...]


@dataclass(frozen=True)
class Attempt:
    """One attempt that counts: `times[k - 1]` is the time of step (level) k."""

    person: str
    entry: int
    entry_seq: int
    depth: int
    times: tuple[int, ...]
    pending: bool


@dataclass(frozen=True)
class _Rules:
    steps: Sequence[Predicate]
    order: Order
    ties: Ties
    within_us: int | None
    exclusions: Sequence[Exclusion]

    def is_entry(self, event: Event) -> bool:
        entry_steps = self.steps if self.order == "any" else self.steps[:1]
        return any(step(event) for step in entry_steps)

    def deadline(self, entry_ts: int) -> float:
        return inf if self.within_us is None else entry_ts + self.within_us


@dataclass(frozen=True)
class _Try:
    """An attempt before exclusions are applied; `end` is where the next one may begin."""

    entry: Event
    times: tuple[int, ...]
    is_void: bool
    end: tuple[float, float]


def funnel(
    events: Iterable[Event],
    steps: Sequence[Predicate],
    *,
    order: Order = "ordered",
    entry: Entry = "best",
    ties: Ties = "any",
    within_us: int | None = None,
    exclusions: Sequence[Exclusion] = (),
    exclusion_scope: Scope = "attempt",
    date_from: int | None = None,
    date_to: int | None = None,
    as_of: int | None = None,
) -> list[Attempt]:
    """Return the attempts that count: one a person, or with `entry="every"` all of them.

    `date_from` and `date_to` are half-open and limit entries only. `as_of` is the newest event
    time where it is not given.
    """
    events = list(events)
    rules = _Rules(steps, order, ties, within_us, exclusions)
    now = max((event.ts for event in events), default=0) if as_of is None else as_of
    result: list[Attempt] = []
    for person, log in by_person(events).items():
        entries = [
            event
            for event in log
            if rules.is_entry(event)
            and (date_from is None or event.ts >= date_from)
            and (date_to is None or event.ts < date_to)
        ]
        if entry == "every":
            tries = _one_after_another(log, entries, rules)
        else:
            tries = [_try(log, opener, rules) for opener in entries]
            tries = tries[:1] if entry == "first" else tries
        clean = [attempt for attempt in tries if not attempt.is_void]
        converted = any(len(attempt.times) == len(steps) for attempt in clean)
        if exclusion_scope == "person" and len(clean) < len(tries) and not converted:
            clean = []
        if entry != "every" and clean:
            clean = [max(clean, key=lambda attempt: len(attempt.times))]  # the first of equals
        for chosen in clean:
            pending = rules.deadline(chosen.entry.ts) > now if within_us is not None else False
            times = chosen.times
            result.append(Attempt(person, times[0], chosen.entry.seq, len(times), times, pending))
    return result


def counts(attempts: Iterable[Attempt], steps: int) -> list[int]:
    """Return how many attempts reach each step."""
    attempts = list(attempts)
    return [sum(attempt.depth >= k for attempt in attempts) for k in range(1, steps + 1)]


def people_at(attempts: Iterable[Attempt], step: int) -> set[str]:
    """Return the people who reach a step (from 1)."""
    return {attempt.person for attempt in attempts if attempt.depth >= step}


def _one_after_another(log: list[Event], entries: list[Event], rules: _Rules) -> list[_Try]:
    """Return the attempts of one person, each opened after the one before has ended."""
    tries: list[_Try] = []
    while entries:
        attempt = _try(log, entries[0], rules)
        tries.append(attempt)
        log = [event for event in log if position(event) > attempt.end]
        entries = [event for event in entries if position(event) > attempt.end]
    return tries


def _try(log: list[Event], entry: Event, rules: _Rules) -> _Try:
    """Follow one entry event as far as any chain goes."""
    chains = list(_chains(log, entry, rules))
    depth = max(len(chain) for chain in chains)
    longest = [chain for chain in chains if len(chain) == depth]
    if rules.order == "any":
        levels = range(1, depth + 1)
        times = tuple(min(c[-1].ts for c in chains if len(c) == level) for level in levels)
    else:
        times = min(tuple(event.ts for event in chain) for chain in longest)
    voided_by = _voiding_event(log, times, rules)
    ends: list[tuple[float, float]] = [(rules.deadline(entry.ts), inf)]
    if depth == len(rules.steps) or rules.order == "strict":
        ends.append(min(max(position(event) for event in chain) for chain in longest))
    if voided_by is not None:
        ends.append(position(voided_by))
    return _Try(entry, times, voided_by is not None, min(ends))


def _chains(log: list[Event], entry: Event, rules: _Rules) -> Iterator[Chain]:
    """Yield every chain that begins with the entry event, shorter ones included."""
    if rules.order == "any":
        every_step = frozenset(range(len(rules.steps)))
        for step in every_step:
            if rules.steps[step](entry):
                yield from _grow_unordered(log, (entry,), every_step - {step}, rules)
        return
    for chain in _grow_ordered(log, (entry,), rules):
        if rules.order == "ordered" or _touches(log, chain, rules.ties):
            yield chain


def _grow_ordered(log: list[Event], chain: Chain, rules: _Rules) -> Iterator[Chain]:
    yield chain
    if len(chain) < len(rules.steps):
        for event in log:
            if rules.steps[len(chain)](event) and _may_follow(chain, event, rules):
                yield from _grow_ordered(log, (*chain, event), rules)


def _grow_unordered(
    log: list[Event], chain: Chain, open_steps: frozenset[int], rules: _Rules
) -> Iterator[Chain]:
    yield chain
    for event in log:
        if _may_follow(chain, event, rules):
            for step in open_steps:
                if rules.steps[step](event):
                    longer = (*chain, event)
                    yield from _grow_unordered(log, longer, open_steps - {step}, rules)


def _may_follow(chain: Chain, event: Event, rules: _Rules) -> bool:
    """Tell whether an event may be the next of a chain: unused, in the window, late enough."""
    if event.seq in [used.seq for used in chain] or event.ts > rules.deadline(chain[0].ts):
        return False
    if rules.ties == "any":
        return event.ts >= chain[-1].ts
    if rules.ties == "arrival":
        return position(event) > position(chain[-1])
    return event.ts > chain[-1].ts


def _touches(log: list[Event], chain: Chain, ties: Ties) -> bool:
    """Tell whether no other event of the person need stand between those of the chain."""
    used = [event.seq for event in chain]
    others = [event for event in log if event.seq not in used]
    if ties == "any":
        return not any(chain[0].ts < other.ts < chain[-1].ts for other in others)
    first, last = position(chain[0]), position(chain[-1])
    return not any(first < position(other) < last for other in others)


def _voiding_event(log: list[Event], times: tuple[int, ...], rules: _Rules) -> Event | None:
    """Return the first event that makes the attempt void."""
    for event in log:
        for excluded, i, j in rules.exclusions:
            if not excluded(event) or len(times) < i or event.ts <= times[i - 1]:
                continue
            if len(times) >= j:
                if event.ts < times[j - 1]:
                    return event
            elif event.ts <= rules.deadline(times[0]):
                return event
    return None


def wrong_window_exclusive(
    events: Iterable[Event], steps: Sequence[Predicate], *, within_us: int, order: Order = "ordered"
) -> list[Attempt]:
    """WRONG on purpose: a step exactly at the window's end is outside."""
    return funnel(events, steps, within_us=within_us - 1, order=order)


def wrong_first_entry_only(
    events: Iterable[Event],
    steps: Sequence[Predicate],
    *,
    within_us: int | None,
    order: Order = "ordered",
) -> list[Attempt]:
    """WRONG on purpose, where `best` is asked: only the first entry event is tried."""
    return funnel(events, steps, within_us=within_us, order=order, entry="first")


def wrong_sorted_by_time_only(
    events: Iterable[Event], steps: Sequence[Predicate], *, within_us: int | None
) -> list[Attempt]:
    """WRONG on purpose, where `ties="arrival"` is asked: events of one instant are turned round."""
    turned = [replace(event, seq=-event.seq) for event in events]
    return funnel(turned, steps, within_us=within_us, ties="arrival")
