"""Logs whose gaps and instants sit on every boundary that a definition draws.

Uniform random times almost never hit a limit; these logs are made of hits: gaps of exactly a limit
and one microsecond to either side, equal instants, midnights, ends of weeks and months, the days on
which a clock changes, late arrivals, interleaved session ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta

from hypothesis import strategies as st

from . import DAY, EPOCH, HOUR, MINUTE, SECOND, Event, day_start, instant, local_day

ANCHORS = tuple(
    instant(text)
    for text in (
        "2024-01-10T12:00:00",
        "2023-12-31T23:59:59.999999",  # the end of a week, a month and a year
        "2024-01-01T00:00:00",
        "2024-01-06T23:30:00",  # the end of a week that starts on Sunday
        "2024-02-28T23:59:59.999999",  # a leap day follows
        "2024-02-29T23:45:00",
        "2024-03-30T23:00:00",  # Berlin: 31 March starts, a day of 23 h
        "2024-03-31T00:59:59.999999",  # Berlin: 01:59:59.999999, then 03:00
        "2024-03-31T21:59:59.999999",  # Berlin: the end of that day and month
        "2024-10-26T22:00:00",  # Berlin: 27 October starts, a day of 25 h
        "2024-10-27T00:30:00",  # Berlin: 02:30, for the first time
        "2024-10-27T22:59:59.999999",  # Berlin: the end of that day and week
    )
)
TIME_ZONES = ("UTC", "Europe/Berlin", "Pacific/Chatham", "America/Sao_Paulo")
DAY_STEPS = (6 * DAY, 7 * DAY - 1, 7 * DAY, 27 * DAY, 28 * DAY, 30 * DAY)


def gaps(limit_us: int) -> tuple[int, ...]:
    """Return the gaps worth trying around a limit (a time-out, a window)."""
    small = (0, 0, 1, SECOND, 9 * SECOND + 999_999, 10 * SECOND)
    limits = (limit_us - 1, limit_us, limit_us, limit_us + 1, limit_us // 2)
    days = (23 * HOUR, DAY - 1, DAY, DAY + 1, 25 * HOUR, 2 * DAY)
    return (*small, *limits, *days)


def short_gaps(limit_us: int) -> tuple[int, ...]:
    """Return gaps of which several fit inside the limit, so that whole chains do."""
    half = limit_us // 2
    return (0, 0, 0, 1, SECOND, half, half, limit_us - half, limit_us - 1, limit_us, limit_us + 1)


def next_midnight(ts: int, tz: str) -> int:
    """Return the start of the local day after `ts`."""
    return day_start(local_day(ts, tz) + timedelta(days=1), tz)


@st.composite
def boundary_logs(
    draw: st.DrawFn,
    *,
    limit_us: int = 30 * MINUTE,
    people: Sequence[str] = ("p1", "p2", "p3", "p4"),
    event_types: Sequence[str] = ("a", "b", "c", "x"),
    session_ids: Sequence[str | None] = (None, None, "s1", "s2"),
    tz: str = "Europe/Berlin",
    min_events: int = 0,
    max_events: int = 12,
    moves: Sequence[int] | None = None,
    midnights: bool = True,
    late: bool = True,
    ties: bool = True,
) -> list[Event]:
    """Draw a log, in order of arrival.

    Each person has a clock that starts at the log's anchor and moves on by one of `moves` (gaps
    around `limit_us`, whole days and weeks where not given) or, with `midnights`, to the next
    midnight in `tz` or just before it. `late=False`: arrival is in order of time. `ties=False`: no
    two events of a person at one instant, so that arrival must not matter.
    """
    anchor = draw(st.sampled_from(ANCHORS))
    choices: list[int | str] = list((*gaps(limit_us), *DAY_STEPS) if moves is None else moves)
    if midnights:
        choices += ["midnight", "before midnight"]
    clocks: dict[str, int] = {}
    rows: list[tuple[int, str, str, str | None, str]] = []
    for _ in range(draw(st.integers(min_events, max_events))):
        person = draw(st.sampled_from(people))
        move = draw(st.sampled_from(choices))
        ts = clocks.get(person, anchor)
        if isinstance(move, int):
            ts += move
        else:
            midnight = next_midnight(ts, tz)
            ts = max(ts, midnight - (move == "before midnight"))
        if not ties and person in clocks:
            ts = max(ts, clocks[person] + 1)
        clocks[person] = ts
        event_type = draw(st.sampled_from(event_types))
        session_id = draw(st.sampled_from(session_ids))
        rows.append((ts, person, event_type, session_id, draw(st.sampled_from("uv"))))
    if late and draw(st.booleans()):
        rows = draw(st.permutations(rows))
    else:
        rows.sort(key=lambda row: row[0])
    return [
        Event(ts, seq, person, event_type, session_id, {"k": k})
        for seq, (ts, person, event_type, session_id, k) in enumerate(rows)
    ]


def funnel_logs(
    limit_us: int, *, max_events: int = 10, late: bool = True, ties: bool = True
) -> st.SearchStrategy[list[Event]]:
    """Draw logs of one or two people in which attempts often fit the window, or just miss it."""
    return boundary_logs(
        people=("p1", "p1", "p2"),
        event_types=("a", "a", "b", "b", "c", "c", "x"),
        session_ids=(None,),
        min_events=3,
        max_events=max_events,
        moves=short_gaps(limit_us),
        midnights=False,
        late=late,
        ties=ties,
    )


def to_jsonl(events: Iterable[Event]) -> bytes:
    """Return the log as JSON Lines in order of arrival; event ids are unique within the log."""
    lines = []
    for event in sorted(events, key=lambda event: event.seq):
        moment = EPOCH + timedelta(microseconds=event.ts)
        line: dict[str, object] = {
            "event_id": f"e{event.seq:06d}",
            "event_type": event.event_type,
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "user_id": event.person,
        }
        if event.session_id is not None:
            line["session_id"] = event.session_id
        line["properties"] = event.properties
        lines.append(json.dumps(line).encode() + b"\n")
    return b"".join(lines)
