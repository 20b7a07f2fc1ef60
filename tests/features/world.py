"""Logs of a small shop for the tests of features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.oracles import DAY, Event
from tests.oracles.logs import boundary_logs

TYPES = ("page_view", "search", "view", "view", "view", "add_to_cart", "purchase", "purchase",
         "share", "rating", "content_view")  # fmt: skip
MOVES = (0, 0, 1, 30 * 60 * 10**6, 30 * 60 * 10**6 + 1, DAY, 30 * DAY)
PEOPLE = ("p1", "p2", "p3")


@st.composite
def shop_logs(
    draw: st.DrawFn, *, max_events: int = 12, people: tuple[str, ...] = PEOPLE, late: bool = True
) -> list[Event]:
    """Draw a log of a shop with two brands; amounts are in yen, so that they are whole."""
    log = draw(boundary_logs(event_types=TYPES, people=people, moves=MOVES, late=late,
                             max_events=max_events))  # fmt: skip
    line = st.fixed_dictionaries({
        "item_id": st.sampled_from(["pan", "pot", "=cup"]), "price": st.integers(1, 3),
        "brand": st.sampled_from(["Nord", "Süd"]),
    })  # fmt: skip
    found = []
    for event in log:
        values: dict[str, Any] = {**draw(line), "currency": "JPY"}
        if event.event_type in ("view", "content_view"):
            values["duration_ms"] = draw(st.sampled_from([None, 0, 30_000, 30_001, 120_001]))
        if event.event_type == "search":
            values = {"search_query": "x", "result_count": draw(st.integers(0, 1))}
        if event.event_type == "purchase":
            if draw(st.booleans()):
                values = {"items": draw(st.lists(line, min_size=1, max_size=3))}
            values |= {"revenue": draw(st.integers(0, 3)), "currency": "JPY",
                       "order_id": draw(st.sampled_from([None, "o1", "o2"])),
                       "discount": draw(st.integers(0, 1))}  # fmt: skip
        found.append(replace(event, properties=values))
    return found
