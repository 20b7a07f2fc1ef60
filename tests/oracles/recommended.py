"""Which recommendations were clicked, and what their clicks sold.

*Definition*: Person by person, in the one order. A click belongs to the latest showing of its item
(and list) before it, at its position where it was shown there. A purchase of an item belongs to the
latest first click of that item (or of any) before it, where it is no later than the window after
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import Event, by_person


@dataclass
class Shown:
    """One recommendation shown; `bought` are the instants of the purchases that it earned."""

    person: str
    event: Event
    clicked: int | None = None
    bought: list[int] = field(default_factory=list)
    sold: int = 0


def recommended(
    events: Iterable[Event], *, within_us: int, anything: bool = False
) -> tuple[list[Shown], int, int]:
    """Return what was shown, how many clicks there were, and how many of nothing shown."""
    found: list[Shown] = []
    clicks = strays = 0
    for person, log in by_person(events).items():
        latest: dict[tuple[object, object], Shown] = {}
        there: dict[tuple[object, object, object], Shown] = {}
        clicked: dict[object, Shown] = {}
        for event in log:
            item, place = event.properties["item_id"], event.properties.get("recommendation_id")
            position = event.properties["position"]
            if event.event_type == "shown":
                latest[item, place] = there[item, place, position] = Shown(person, event)
                found.append(latest[item, place])
            elif event.event_type == "click":
                clicks += 1
                shown = latest.get((item, place))
                if position is not None:
                    shown = there.get((item, place, position), shown)
                if shown is None:
                    strays += 1
                elif shown.clicked is None:
                    shown.clicked = event.ts
                    clicked[None if anything else item] = shown
            elif event.event_type == "purchase":
                shown = clicked.get(None if anything else item)
                if shown is None or shown.clicked is None:
                    continue
                if event.ts - shown.clicked <= within_us:
                    shown.bought.append(event.ts)
                    shown.sold += event.properties["price"]
    return found, clicks, strays
