"""Which sessions does a log hold, and which of them are engaged.

*Definition*: A stream is one person's events with one given id;
events without an id are a stream of their own; under rule `gap` ids are ignored. A stream is cut
before an event that comes more than `timeout_us` after the one before it, that lies more than
`max_length_us` after the session's start, or, with `split="midnight"`, that falls on another
local day. Under rule `given` a stream with an id is one session, never cut.

*Output*: one dict per session; by person, then by first event; `session` counts from 1 per person.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypedDict

from . import DAY, MINUTE, SECOND, Event, Predicate, is_type, local_day, position

Rule = Literal["cut", "given", "gap"]
Split = Literal["midnight"] | None
Bounce = Literal["engaged", "single-page"]
PAGE_VIEW = is_type("page_view")


class Session(TypedDict):
    """One session; `seqs` names its events, `entry` and `exit` its first and last page view."""

    person: str
    session: int
    session_id: str | None
    start: int
    end: int
    duration_us: int
    events: int
    seqs: list[int]
    page_views: int
    entry: int | None
    exit: int | None
    converted: bool
    engaged: bool
    is_bounce: bool


def sessions(
    events: Iterable[Event],
    *,
    timeout_us: int = 30 * MINUTE,
    max_length_us: int = DAY,
    rule: Rule = "cut",
    split: Split = None,
    tz: str = "UTC",
    is_page_view: Predicate = PAGE_VIEW,
    conversion_event: str = "purchase",
    bounce: Bounce = "engaged",
) -> list[Session]:
    """Return every session of the log."""
    streams: dict[tuple[str, str | None], list[Event]] = {}
    for event in sorted(events, key=position):
        given = None if rule == "gap" else event.session_id
        streams.setdefault((event.person, given), []).append(event)
    found: list[tuple[str | None, list[Event]]] = []
    for (_, given), stream in streams.items():
        if rule == "given" and given is not None:
            found.append((given, stream))
        else:
            pieces = _cut(stream, timeout_us, max_length_us, split, tz)
            found.extend((given, piece) for piece in pieces)
    found.sort(key=lambda item: (item[1][0].person, position(item[1][0])))
    result: list[Session] = []
    for given, piece in found:
        row = _describe(piece, is_page_view, conversion_event, bounce)
        row["session_id"] = given
        row["session"] = 1 + sum(other["person"] == row["person"] for other in result)
        result.append(row)
    return result


def _cut(
    stream: list[Event], timeout_us: int, max_length_us: int, split: Split, tz: str
) -> list[list[Event]]:
    """Cut one stream where a new session starts."""
    pieces = [[stream[0]]]
    for event in stream[1:]:
        current = pieces[-1]
        too_late = event.ts - current[-1].ts > timeout_us
        too_long = event.ts - current[0].ts > max_length_us
        next_day = local_day(event.ts, tz) != local_day(current[-1].ts, tz)
        if too_late or too_long or (split == "midnight" and next_day):
            pieces.append([event])
        else:
            current.append(event)
    return pieces


def _describe(
    piece: list[Event], is_page_view: Predicate, conversion_event: str, bounce: Bounce
) -> Session:
    """Return what one session's events say; ordinal and id are filled in by the caller."""
    views = [event.seq for event in piece if is_page_view(event)]
    duration_us = piece[-1].ts - piece[0].ts
    converted = any(event.event_type == conversion_event for event in piece)
    engaged = duration_us >= 10 * SECOND or len(views) >= 2 or converted
    return {
        "person": piece[0].person,
        "session": 0,
        "session_id": None,
        "start": piece[0].ts,
        "end": piece[-1].ts,
        "duration_us": duration_us,
        "events": len(piece),
        "seqs": [event.seq for event in piece],
        "page_views": len(views),
        "entry": views[0] if views else None,
        "exit": views[-1] if views else None,
        "converted": converted,
        "engaged": engaged,
        "is_bounce": len(views) == 1 if bounce == "single-page" else not engaged,
    }


def wrong_gap_at_limit(
    events: Iterable[Event],
    *,
    timeout_us: int = 30 * MINUTE,
    max_length_us: int = DAY,
    rule: Rule = "cut",
) -> list[Session]:
    """WRONG on purpose: a gap of exactly the time-out already starts a new session."""
    return sessions(events, timeout_us=timeout_us - 1, max_length_us=max_length_us, rule=rule)


def wrong_length_at_limit(
    events: Iterable[Event],
    *,
    timeout_us: int = 30 * MINUTE,
    max_length_us: int = DAY,
    rule: Rule = "cut",
) -> list[Session]:
    """WRONG on purpose: a session of exactly the longest length is already cut."""
    return sessions(events, timeout_us=timeout_us, max_length_us=max_length_us - 1, rule=rule)


def wrong_midnight_in_utc(
    events: Iterable[Event],
    *,
    timeout_us: int = 30 * MINUTE,
    max_length_us: int = DAY,
    tz: str = "UTC",
) -> list[Session]:
    """WRONG on purpose: splits at midnight in UTC, whatever the time zone."""
    return sessions(
        events, timeout_us=timeout_us, max_length_us=max_length_us, split="midnight", tz="UTC"
    )
