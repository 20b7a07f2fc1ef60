"""What became of each cart of a log.

*Definition*: A cart belongs to a person and opens at the first add. An item's pieces are those
added minus those removed, never below 0. A purchase closes it: `purchased` at most `after` after
the last add or removal, later `recovered`; the cart is over when its last change is more than
`window` ago. At as-of it is `active`, `abandoned` or `expired` by the time since the last change,
and `emptied`, whatever comes, when it holds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypedDict

from . import Event, by_person


class Cart(TypedDict):
    """What became of one cart; `value` and `pieces` when it last was not empty."""

    person: str
    start: int
    state: str
    step: str
    pieces: Counter[str]
    value: int


def carts(
    events: Iterable[Event], *, as_of: int, after: int, window: int
) -> tuple[list[Cart], int]:
    """Return the carts, and how many purchases closed none.

    `properties` hold item_id, quantity and price (whole, of one currency).
    """
    found: list[Cart] = []
    bare = 0
    for person, log in by_person(events).items():
        rest = log
        while rest:
            opening = next((n for n, one in enumerate(rest) if one.event_type == "add"), None)
            before = rest if opening is None else rest[:opening]
            bare += sum(one.event_type == "buy" for one in before)
            if opening is None:
                break
            cart, used, was_empty = one_cart(person, rest[opening:], as_of, after, window)
            bare += was_empty
            found.append(cart)
            rest = rest[opening + used :]
    return found, bare


def one_cart(
    person: str, log: list[Event], as_of: int, after: int, window: int
) -> tuple[Cart, int, bool]:
    """Return the cart that the first event opens and how many events it took.

    Last comes whether a purchase closed it when it was empty.
    """
    last, step, state = log[0].ts, "(cart)", None
    pieces: Counter[str] = Counter()
    prices: dict[str, int] = {}
    held, used, bare = Counter[str](), 0, False
    for event in log:
        if event.ts - last > window:
            break
        used += 1
        item, number = event.properties["item_id"], event.properties["quantity"]
        if event.event_type == "add":
            pieces[item] += number
            prices[item] = event.properties["price"]
            last = event.ts
        elif event.event_type == "remove":
            pieces[item] = max(0, pieces[item] - number)
            last = event.ts
        elif event.event_type == "check":
            step = event.properties["step"]
        elif event.event_type == "buy":
            bare = not pieces.total()
            state = "purchased" if event.ts - last <= after else "recovered"
            break
        held = Counter(pieces) if pieces.total() else held
    if not pieces.total():
        state = "emptied"
    elif state is None:
        idle = as_of - last
        state = "active" if idle <= after else "abandoned" if idle <= window else "expired"
    value = sum(number * prices[item] for item, number in (+held).items())
    return (
        Cart(person=person, start=log[0].ts, state=state, step=step, pieces=+held, value=value),
        used,
        bare,
    )
