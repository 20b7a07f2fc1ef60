"""Recency, frequency and money of buyers, and their scores, counted person by person.

*Definition*: A score is 1 + the whole part of 5 × people who are strictly worse ÷ people. Money is
compared among the people of one currency; whoever bought in several has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import Event, by_person


@dataclass
class Buyer:
    """The numbers of one person; money in minor units."""

    last: int
    frequency: int
    monetary: int | None
    currency: str | None
    scores: tuple[int, int, int | None] = (0, 0, None)


def buyers(events: Iterable[Event]) -> dict[str, Buyer]:
    """Return everybody with a purchase, scored."""
    found: dict[str, Buyer] = {}
    for person, log in by_person(events).items():
        bought = [event for event in log if event.event_type == "purchase"]
        if not bought:
            continue
        orders = {event.properties.get("order_id") or f"#{event.seq}" for event in bought}
        amounts = [
            (event.properties["revenue"], event.properties["currency"])
            for event in bought
            if event.properties.get("revenue") is not None
        ]
        codes = {code for _, code in amounts}
        code = codes.pop() if len(codes) == 1 else None
        money = sum(amount for amount, _ in amounts) if code else None
        found[person] = Buyer(max(event.ts for event in bought), len(orders), money, code)
    for buyer in found.values():
        everybody = list(found.values())
        rivals = [one for one in everybody if one.currency == buyer.currency]
        buyer.scores = (
            _score([one.last < buyer.last for one in everybody]),
            _score([one.frequency < buyer.frequency for one in everybody]),
            None
            if buyer.monetary is None
            else _score([(one.monetary or 0) < buyer.monetary for one in rivals]),
        )
    return found


def _score(is_worse: list[bool]) -> int:
    return 1 + 5 * sum(is_worse) // len(is_worse)


def segment(recency: int, frequency: int) -> str:
    """Return the segment, read from the grid: a row a score of recency, a column of frequency."""
    grid = {
        5: ("new", "potential loyal", "potential loyal", "champions", "champions"),
        4: ("promising", "potential loyal", "potential loyal", "loyal", "loyal"),
        3: ("about to sleep", "about to sleep", "needs attention", "loyal", "loyal"),
        2: ("hibernating", "hibernating", "at risk", "at risk", "cannot lose"),
        1: ("hibernating", "hibernating", "at risk", "at risk", "cannot lose"),
    }
    return grid[recency][frequency - 1]
