"""Which searches does a log hold, and what followed each.

*Definition*: Within a session, in the one order. A search is clicked when a click lies between it
and the next search; converted when a purchase comes later; refined when there is a next search for
something else and it was not clicked; an exit when it is the session's last event.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from . import Event
from .sessions import Rule, sessions


class Search(TypedDict):
    """One search; `results` is None where they were not sent."""

    person: str
    session: int
    query: str
    next_query: str | None
    results: int | None
    clicked: bool
    converted: bool
    refined: bool
    exited: bool


def query_of(event: Event) -> str:
    """Return the query as it is compared."""
    return " ".join((event.properties.get("search_query") or "").lower().split()) or "(none)"


def searches(
    events: Iterable[Event], *, timeout_us: int, rule: Rule = "cut", click: str = "click"
) -> list[Search]:
    """Return every search of the log."""
    log = {event.seq: event for event in events}
    found: list[Search] = []
    for session in sessions(log.values(), timeout_us=timeout_us, rule=rule):
        own = [log[seq] for seq in session["seqs"]]
        for at, event in enumerate(own):
            if event.event_type != "search":
                continue
            after = own[at + 1 :]
            nexts = [n for n, later in enumerate(after) if later.event_type == "search"]
            until = nexts[0] if nexts else len(after)
            clicked = any(later.event_type == click for later in after[:until])
            other = query_of(after[until]) if nexts else None
            refined = other is not None and other != query_of(event) and not clicked
            found.append(
                {
                    "person": session["person"],
                    "session": session["session"],
                    "query": query_of(event),
                    "next_query": other if refined else None,
                    "results": event.properties.get("result_count"),
                    "clicked": clicked,
                    "converted": any(later.event_type == "purchase" for later in after),
                    "refined": refined,
                    "exited": not after,
                }
            )
    return found
