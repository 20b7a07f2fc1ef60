"""Which pages does a log hold, and what came of each view.

*Definition*: A session's page views in the one order. The first is its entrance, the last its
exit; the entrance bounces when the session does. Time on a page runs to the next page view, for the
last one to the session's last event; unknown where the view is that last event. Depth is the
deepest scroll of the events from the view up to the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import TypedDict

from . import Event
from .sessions import PAGE_VIEW, Bounce, Rule, sessions


class Page(TypedDict):
    """The numbers of one page."""

    views: int
    people: set[str]
    sessions: set[tuple[str, int]]
    entrances: int
    exits: int
    bounces: int
    times: list[int]
    depths: list[float]


def pages(
    events: Iterable[Event], *, timeout_us: int, rule: Rule = "cut", bounce: Bounce = "engaged"
) -> dict[str | None, Page]:
    """Return the pages by path; `properties` hold page_path and scroll_depth."""
    log = {event.seq: event for event in events}
    found: dict[str | None, Page] = {}
    for session in sessions(log.values(), timeout_us=timeout_us, rule=rule, bounce=bounce):
        own = [log[seq] for seq in session["seqs"]]
        views = [at for at, event in enumerate(own) if PAGE_VIEW(event)]
        for number, at in enumerate(views):
            is_last = number == len(views) - 1
            until = len(own) if is_last else views[number + 1]
            page = found.setdefault(own[at].properties.get("page_path"), nothing())
            page["views"] += 1
            page["people"].add(session["person"])
            page["sessions"].add((session["person"], session["session"]))
            page["entrances"] += number == 0
            page["exits"] += is_last
            page["bounces"] += number == 0 and session["is_bounce"]
            following = own[-1] if is_last else own[until]
            if following is not own[at]:
                page["times"].append(following.ts - own[at].ts)
            depths = [
                event.properties["scroll_depth"]
                for event in own[at:until]
                if event.properties.get("scroll_depth") is not None
            ]
            if depths:
                page["depths"].append(max(depths))
    return found


def nothing() -> Page:
    """Return a page that nobody saw."""
    return {
        "views": 0, "people": set(), "sessions": set(), "entrances": 0, "exits": 0, "bounces": 0,
        "times": [], "depths": [],
    }  # fmt: skip


def median_seconds(times: list[int]) -> float | None:
    """Return the median in seconds, None of none."""
    return median(times) / 10**6 if times else None
