"""Baskets of event types, the sets and the sequences in them, by plain loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise

from . import Event, by_person
from .sessions import sessions

Pattern = tuple[str, ...]
Owned = tuple[str, list[Event]]
"""A person, and the events of one basket in their order."""


def baskets(log: Iterable[Event], by: str, timeout: int) -> list[Owned]:
    """Return what each session (given ids honoured and cut), or each person, did."""
    events = list(log)
    if by == "person":
        return list(by_person(events).items())
    named = {event.seq: event for event in events}
    return [
        (one["person"], [named[seq] for seq in one["seqs"]])
        for one in sessions(events, timeout_us=timeout)
    ]


def sets(found: Sequence[Owned], max_len: int) -> dict[Pattern, tuple[int, int]]:
    """Return the baskets and the people of every set that any basket holds."""
    held = [(person, {event.event_type for event in events}) for person, events in found]
    result = {}
    for size in range(1, max_len + 1):
        for members in combinations(sorted(set().union(*(kinds for _, kinds in held))), size):
            people = [person for person, kinds in held if set(members) <= kinds]
            if people:
                result[members] = (len(people), len(set(people)))
    return result


def sequences(
    found: Sequence[Owned], max_len: int, max_gap: int | None, max_between: int | None
) -> dict[Pattern, tuple[int, int]]:
    """Return the baskets and the people of every sequence that any basket holds."""
    people: dict[Pattern, list[str]] = {}
    for person, events in found:
        for pattern in set(_within(events, max_len, max_gap, max_between)):
            people.setdefault(pattern, []).append(person)
    return {pattern: (len(whose), len(set(whose))) for pattern, whose in people.items()}


def _within(
    events: Sequence[Event], max_len: int, max_gap: int | None, max_between: int | None
) -> Iterator[Pattern]:
    for size in range(1, max_len + 1):
        for places in combinations(range(len(events)), size):
            steps = list(pairwise(places))
            if max_gap is not None and any(events[b].ts - events[a].ts > max_gap for a, b in steps):
                continue
            if max_between is not None and any(b - a - 1 > max_between for a, b in steps):
                continue
            yield tuple(events[at].event_type for at in places)
