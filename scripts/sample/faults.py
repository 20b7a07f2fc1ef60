"""Turn the story into two files of lines, with faults on purpose and a count of each."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from sample.events import Event, dump
from sample.story import Story
from sample.tables import (
    BAD_LINES,
    CONFLICTS,
    DAY,
    DUPLICATES,
    HOUR,
    LATE_VISITS_HELD_BACK,
    LATE_VISITS_IN_MAIN,
    MINUTE,
    PLACEHOLDER_PERSON,
    PLACEHOLDERS,
    REPLAYED,
    SHUFFLED,
    START,
    WITHOUT_EVENT_ID,
    WITHOUT_PERSON,
)

LATE_AFTER = DAY
"""A line is late where it was received more than a day after it happened."""


@dataclass
class Log:
    """The lines of both files, the good events behind them in file order, and the counts."""

    main: list[bytes] = field(default_factory=list)
    late: list[bytes] = field(default_factory=list)
    main_events: list[Event] = field(default_factory=list)
    late_events: list[Event] = field(default_factory=list)
    main_counts: Counter[str] = field(default_factory=Counter)
    late_counts: Counter[str] = field(default_factory=Counter)


def write_log(rng: random.Random, story: Story) -> Log:
    """Damage the story and lay it out as lines."""
    log = Log()
    held_back = _delay(rng, story)
    log.late_events = sorted((one for visit in held_back for one in visit), key=_arrival)
    held_ids = {id(event) for event in log.late_events}
    events = [one for visit in story.visits for one in visit if id(one) not in held_ids]
    _strip(rng, [one for one in events if one.event_type == "page_view"])
    log.main_events = _shuffle(rng, sorted(events, key=_arrival))
    log.main, log.main_counts = _spoil(rng, log.main_events)
    unset = [one for one in log.main_events if one.ts < START]
    log.main_events = [one for one in log.main_events if one.ts >= START]
    log.main_counts.update(good=-len(unset), clock_at_1970=len(unset))
    first = rng.randrange(len(log.main_events) // 2)
    replayed = [one.line() for one in log.main_events[first : first + REPLAYED]]
    log.late = replayed + [one.line() for one in log.late_events]
    log.late_counts = Counter(
        lines=len(log.late), good=len(log.late_events), duplicate=len(replayed)
    )
    return log


def _arrival(event: Event) -> tuple[int, int, str]:
    return event.received_at, event.ts, event.event_id or ""


def _delay(rng: random.Random, story: Story) -> list[list[Event]]:
    """Let phones that were offline send whole visits days later; return those held back."""
    odd = {story.fast_clock, story.unset_clock, story.bot}
    phones = [
        visit
        for visit in story.visits
        if visit[0].fields["device_type"] == "mobile"
        and len(visit) > 3
        and visit[0].fields["anonymous_id"] not in odd
    ]
    chosen = rng.sample(phones, LATE_VISITS_IN_MAIN + LATE_VISITS_HELD_BACK)
    for visit in chosen:
        delay = rng.randrange(DAY + HOUR, 5 * DAY)
        for event in visit:
            event.received_at += delay
    return chosen[LATE_VISITS_IN_MAIN:]


def _strip(rng: random.Random, events: list[Event]) -> None:
    """Take ids away from some page views; these stay good lines."""
    total = WITHOUT_EVENT_ID + WITHOUT_PERSON + PLACEHOLDER_PERSON
    chosen = rng.sample([one for one in events if one.fields["user_id"] is None], total)
    for index, event in enumerate(chosen):
        if index < WITHOUT_EVENT_ID:
            event.event_id = None
        elif index < WITHOUT_EVENT_ID + WITHOUT_PERSON:
            event.fields["user_id"] = event.fields["anonymous_id"] = None
        else:
            event.fields["anonymous_id"] = rng.choice(PLACEHOLDERS)


def _shuffle(rng: random.Random, events: list[Event]) -> list[Event]:
    """Move some events back by up to ten minutes of arrival, as parallel collectors do."""
    moved = set(rng.sample(range(len(events)), SHUFFLED))
    keys = [
        (event.received_at + (rng.randrange(10 * MINUTE) if index in moved else 0), index)
        for index, event in enumerate(events)
    ]
    return [events[index] for _, index in sorted(keys)]


def _spoil(rng: random.Random, events: list[Event]) -> tuple[list[bytes], Counter[str]]:
    """Put duplicates, conflicts and bad lines between the good ones."""
    placed: list[tuple[float, bytes]] = [
        (float(index), event.line()) for index, event in enumerate(events)
    ]
    with_id = [index for index, event in enumerate(events) if event.event_id is not None]
    chosen = rng.sample(with_id[:-500], DUPLICATES + CONFLICTS)
    for number, index in enumerate(chosen):
        event = events[index]
        line = event.line() if number < DUPLICATES else _conflict(event)
        placed.append((index + rng.randint(1, 400) + rng.random(), line))
    for kind, count in BAD_LINES.items():
        for _ in range(count):
            place = rng.random() * (len(events) - 1)
            placed.append((place, _bad_line(rng, kind, events[int(place)])))
    placed.sort()
    counts = Counter(BAD_LINES)
    counts.update(lines=len(placed), good=len(events), duplicate=DUPLICATES, conflict=CONFLICTS)
    return [line for _, line in placed], counts


def _conflict(event: Event) -> bytes:
    """Return the event under its own id with other content."""
    return dump(event.record() | {"page_url": "https://shop.example/preview", "language": "xx"})


def _bad_line(rng: random.Random, kind: str, event: Event) -> bytes:
    """Return a line that no reader can accept, made from a good event."""
    record = event.record() | {"event_id": f"{rng.getrandbits(44):011x}"}
    if kind == "cut_json":
        line = dump(record)
        return line[: rng.randrange(20, len(line) - 20)].rstrip()
    if kind == "binary":
        junk = bytes(rng.choice((0, 1, 7, 27, 127, 200, 255)) for _ in range(40))
        return b"\x00\xff" + junk
    if kind == "invalid_utf8":
        return dump(record | {"city": "M?nchen"}).replace(b"M?nchen", b"M\xfcnchen")
    if kind == "not_an_object":
        return rng.choice((b"[1,2,3]", b'"page_view"', b"42", b"null"))
    if kind == "missing_type":
        del record["event_type"]
    elif kind == "missing_time":
        del record["timestamp"]
    elif kind == "bad_time":
        record["timestamp"] = rng.choice(("yesterday", "2025-13-45T99:00:00Z", "soon", "12:30"))
    return b"" if kind == "empty" else dump(record)
