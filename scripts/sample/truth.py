"""Count the planted truths by plain loops over the good events: log, funnel, retention, days."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from sample.events import Event
from sample.tables import (
    CHANNELS,
    DAY,
    END,
    EXPERIMENT,
    HOUR,
    MINUTE,
    SKEWED_EXPERIMENT,
    START,
    SUMMER_TIME,
)

NOBODY = {
    "",
    "null",
    "undefined",
    "none",
    "nan",
    "0",
    "-1",
    "true",
    "false",
    "guest",
    "anonymous",
    "[object object]",
    "00000000-0000-0000-0000-000000000000",
}
FIRST_MONDAY = START - 5 * DAY
WINDOW = 7 * DAY
ENTRIES_END = START + 50 * DAY
"""2025-04-20: entries before it have closed windows at the end of the log."""


@dataclass(frozen=True)
class Seen:
    """A good event with the person it belongs to."""

    person: str | None
    event: Event

    @property
    def ts(self) -> int:
        """Return when it happened."""
        return self.event.ts

    @property
    def kind(self) -> str:
        """Return the event type."""
        return self.event.event_type


def known_id(value: str | None) -> str | None:
    """Return an id, or None where it means nobody."""
    return None if value is None or value.strip(" '\"").lower() in NOBODY else value


def resolve(events: list[Event]) -> list[Seen]:
    """Find the person of each event, in order of time; links count by time."""
    links: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one.ts):
        user, anonymous = known_id(event.text("user_id")), known_id(event.text("anonymous_id"))
        if user and anonymous:
            links[anonymous].append((event.ts, user))
    seen = []
    for event in sorted(events, key=lambda one: one.ts):
        user, anonymous = known_id(event.text("user_id")), known_id(event.text("anonymous_id"))
        if user is None and anonymous in links:
            times = [ts for ts, _ in links[anonymous]]
            user = links[anonymous][max(0, bisect_right(times, event.ts) - 1)][1]
        seen.append(Seen(user or anonymous, event))
    return seen


def by_person(seen: list[Seen]) -> dict[str, list[Seen]]:
    """Group events by person, nobody left out, each in order of time."""
    people: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        if one.person is not None:
            people[one.person].append(one)
    return people


def count_log(seen: list[Seen]) -> dict[str, object]:
    """Count events, people, sessions, orders."""
    people = by_person(seen)
    inside = [one for one in seen if START <= one.ts < END]
    orders = [one for one in inside if one.kind == "purchase"]
    return {
        "events": len(seen),
        "events_by_type": dict(sorted(Counter(one.kind for one in seen).items())),
        "first_event_in_period": min(one.ts for one in inside),
        "last_event": max(one.ts for one in seen),
        "people": len(people),
        "people_by_user_id": len(
            {one.person for one in seen if one.person == known_id(one.event.text("user_id"))}
            - {None}
        ),
        "events_of_nobody": sum(one.person is None for one in seen),
        "sessions": count_sessions(people),
        "orders": len(orders),
        "revenue_minor_units": sum(
            round(100 * float(str(one.event.fields["revenue"]))) for one in orders
        ),
    }


def count_sessions(people: dict[str, list[Seen]]) -> dict[str, int]:
    """Count sessions by given id, by gap alone, and by given id cut at 30 minutes."""
    given: set[tuple[str, str]] = set()
    gap = cut = 0
    for person, own in people.items():
        last: dict[str | None, int] = {}
        previous = None
        for one in own:
            session = one.event.text("session_id")
            if session is not None:
                given.add((person, session))
            gap += previous is None or one.ts - previous > 30 * MINUTE
            cut += session not in last or one.ts - last[session] > 30 * MINUTE
            previous = last[session] = one.ts
    return {"given": len(given), "gap_30m": gap, "cut_30m": cut}


def attempt(own: list[Seen], steps: tuple[str, ...], start: int, within: int | None) -> int:
    """Return how many steps an entry at index `start` reaches, each at its earliest event."""
    depth = 1
    for one in own[start + 1 :]:
        if depth == len(steps) or (within is not None and one.ts - own[start].ts > within):
            break
        depth += one.kind == steps[depth]
    return depth


def funnel(
    people: dict[str, list[Seen]], steps: tuple[str, ...], within: int | None, end: int
) -> dict[str, list[int]]:
    """Count people per step: in all, and by the channel of the deepest, earliest attempt."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(steps))
    for own in people.values():
        entries = [
            index for index, one in enumerate(own) if one.kind == steps[0] and START <= one.ts < end
        ]
        best, channel = 0, ""
        at_most = attempt(own, steps, entries[0], None) if entries else 0
        for index in entries:
            if best == at_most:
                break
            one, depth = own[index], attempt(own, steps, index, within)
            if depth > best:
                best, channel = depth, str(one.event.properties["channel"])
        for step in range(best):
            counts["(all)"][step] += 1
            counts[channel][step] += 1
    names = ["(all)", *(channel.name for channel in CHANNELS)]
    return {name: counts[name] for name in names if name in counts}


def retention(people: dict[str, list[Seen]], kind: str | None) -> dict[str, list[int]]:
    """Count people active per week since the week of their first event of a type, or of any."""
    cells: dict[int, Counter[int]] = defaultdict(Counter)
    for own in people.values():
        weeks = {
            (one.ts - FIRST_MONDAY) // (7 * DAY) for one in own if kind is None or one.kind == kind
        }
        if weeks and min(weeks) >= 0:
            cells[min(weeks)].update(week - min(weeks) for week in weeks)
    last = max(cohort + max(row) for cohort, row in cells.items())
    return {
        _day(FIRST_MONDAY + cohort * 7 * DAY): [row[n] for n in range(last - cohort + 1)]
        for cohort, row in sorted(cells.items())
    }


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1000, UTC).strftime("%Y-%m-%d")


def active_people(seen: list[Seen], *, local: bool) -> dict[str, int]:
    """Count distinct people per day of the period, in UTC or in Berlin's time."""
    days: dict[str, set[str]] = defaultdict(set)
    for one in seen:
        ahead = (2 if one.ts >= SUMMER_TIME else 1) * HOUR if local else 0
        if one.person is not None and one.ts >= START:
            days[_day(one.ts + ahead)].add(one.person)
    return {day: len(people) for day, people in sorted(days.items())}


def experiment(people: dict[str, list[Seen]], name: str) -> dict[str, object]:
    """Count people per variant, and how many added and bought at or after first exposure."""
    variants: dict[str, Counter[str]] = defaultdict(Counter)
    in_both = 0
    for own in people.values():
        exposures = [one for one in own if one.event.fields.get("experiment") == name]
        shown = {one.event.text("variant") or "" for one in exposures}
        if len(shown) > 1:
            in_both += 1
        elif exposures:
            after = {one.kind for one in own if one.ts >= exposures[0].ts}
            counts = variants[shown.pop()]
            counts.update(people=1, added="add_to_cart" in after, purchased="purchase" in after)
    return {
        "people_in_both_variants": in_both,
        "variants": {variant: dict(counts) for variant, counts in sorted(variants.items())},
    }


def measure(events: list[Event]) -> dict[str, object]:
    """Count everything that an analysis should find again in these good events."""
    seen = resolve(events)
    people = by_person(seen)
    short = ("product_view", "add_to_cart", "purchase")
    long = ("product_view", "add_to_cart", "checkout", "purchase")
    return {
        "log": count_log(seen),
        "funnel_7d": funnel(people, short, WINDOW, ENTRIES_END),
        "funnel_7d_with_checkout": funnel(people, long, WINDOW, ENTRIES_END),
        "funnel_without_window": funnel(people, short, None, END),
        "retention_session_start": retention(people, "session_start"),
        "retention_any_event": retention(people, None),
        "active_people_utc": active_people(seen, local=False),
        "active_people_berlin": active_people(seen, local=True),
        "experiments": {name: experiment(people, name) for name in (EXPERIMENT, SKEWED_EXPERIMENT)},
    }
