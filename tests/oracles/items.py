"""What people did with each item of a log.

*Definition*: An event about an item counts for it; an order with a list of items once for each of
them. Rates are over people: those who viewed it and also put it into a cart or bought it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp, log

from . import DAY, Event


@dataclass
class Item:
    """The numbers of one item; people by name."""

    views: int = 0
    viewers: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    bought: set[str] = field(default_factory=set)
    proof: set[str] = field(default_factory=set)
    quantity: int = 0
    revenue: int = 0
    seconds: list[int] = field(default_factory=list)
    viewed_at: list[int] = field(default_factory=list)
    bought_at: list[int] = field(default_factory=list)


def lines(event: Event) -> list[tuple[str, int, int]]:
    """Return item, quantity and price of each line of an event."""
    listed = event.properties.get("items") or [event.properties]
    return [(one["item_id"], one["quantity"], one["price"]) for one in listed]


def items(events: Iterable[Event]) -> dict[str, Item]:
    """Return the items of views, adds, purchases and shares."""
    found: dict[str, Item] = {}
    for event in events:
        for name, quantity, price in lines(event):
            item = found.setdefault(name, Item())
            if event.event_type == "view":
                item.views += 1
                item.viewers.add(event.person)
                item.viewed_at.append(event.ts)
                if (ms := event.properties.get("duration_ms")) is not None:
                    item.seconds.append(ms)
            elif event.event_type == "add_to_cart":
                item.added.add(event.person)
            elif event.event_type == "purchase":
                item.bought.add(event.person)
                item.quantity += quantity
                item.revenue += quantity * price
                item.bought_at.append(event.ts)
            if event.event_type in ("purchase", "share"):
                item.proof.add(event.person)
    return found


def scores(
    events: Iterable[Event],
    now: int,
    half_life: int = 3 * DAY,
    weights: tuple[int, ...] = (1, 3, 5),
) -> dict[str, float]:
    """Return the decayed weight of each item's views, adds and purchases up to a moment."""
    kinds = dict(zip(("view", "add_to_cart", "purchase"), weights, strict=True))
    found: dict[str, float] = {}
    for event in events:
        if event.ts > now or event.event_type not in kinds:
            continue
        term = kinds[event.event_type] * exp(-log(2) * (now - event.ts) / half_life)
        for name, _, _ in lines(event):
            found[name] = found.get(name, 0.0) + term
    return found
