"""Everything that happens in the sixty days: visits, mails, pushes, the bot, the wrong clocks."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sample.browsing import act
from sample.buying import check_out, give_opinion, shop
from sample.catalogue import Catalogue, make_catalogue
from sample.events import Event
from sample.people import ACTIVE_USER, Device, Person, make_people
from sample.tables import (
    BOT_AGENT,
    BOT_RUNS,
    CHANNELS,
    DAY,
    DEVICES,
    END,
    HOUR,
    PLACEHOLDERS,
    PUSH_DAYS,
    PUSHES,
    START,
    UNDEFINED_USERS,
    Channel,
)
from sample.visit import Visit

DIRECT = CHANNELS[0]
EMAIL = next(one for one in CHANNELS if one.name == "Email")
AGENTS = {
    "Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/134.0 Safari/537.36",
    "macOS": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) Version/18.3 Safari/605.1.15",
    "Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "Android": "Mozilla/5.0 (Linux; Android 15) Chrome/134.0 Mobile Safari/537.36",
    "iOS": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) Mobile Safari/604.1",
    "iPadOS": "Mozilla/5.0 (iPad; CPU OS 18_3 like Mac OS X) Mobile Safari/604.1",
}


@dataclass
class Story:
    """All events, visit by visit, and who is who."""

    catalogue: Catalogue
    people: list[Person]
    visits: list[list[Event]]
    fast_clock: str
    unset_clock: str
    bot: str


def tell(rng: random.Random) -> Story:
    """Make everything that happens, before any line is damaged."""
    catalogue = make_catalogue(rng)
    people = make_people(rng)
    starts = sorted(((ts, index) for index, person in enumerate(people) for ts in person.visits))
    visits = [_visit(rng, catalogue, people[index], ts) for ts, index in starts]
    visits += _pushes(rng, people)
    bot = f"a_{rng.getrandbits(32):08x}"
    visits += [_bot_run(rng, catalogue, bot, start, count) for start, count in BOT_RUNS]
    unset, unset_visits = _unset_clock(rng, catalogue)
    fast = _fast_clock(rng, people, visits)
    _undefined_users(rng, visits)
    return Story(catalogue, people, visits + unset_visits, fast, unset, bot)


def _visit(rng: random.Random, catalogue: Catalogue, person: Person, ts: int) -> list[Event]:
    channel = _channel(rng, person, is_first=ts == person.visits[0])
    visit = Visit(
        rng,
        catalogue,
        person,
        rng.choice(person.devices),
        channel,
        ts,
        session_id=f"s_{rng.getrandbits(36):09x}",
        referrer=rng.choice(channel.referrers) if channel.referrers else None,
    )
    _log_in_silently(visit)
    if channel is EMAIL:
        mail = visit.emit("email_open", {"mail": "weekly_picks"})
        mail.fields["session_id"] = None
        mail.fields["user_id"] = person.user_id if person.is_known else None
        visit.wait(5, 90)
    _arrive(visit)
    if visit.chance(channel.bounce):
        return visit.events
    _identify(visit)
    if person.open_cart and visit.chance(0.35):
        check_out(visit)
    pause_after = rng.randrange(2, 5) if visit.chance(0.02) else None
    for step in range(1 + min(int(rng.expovariate(1 / 2.6)), 14)):
        if step == pause_after:
            visit.pause()
        act(visit)
    if visit.viewed and visit.chance(min(0.9, channel.cart * visit.lift)):
        shop(visit)
    if visit.chance(0.05):
        give_opinion(visit)
    _leave(visit)
    return visit.events


def _channel(rng: random.Random, person: Person, *, is_first: bool) -> Channel:
    """Pick the channel of a visit: later ones are often direct, or from a mail to a user."""
    draw = rng.random()
    if not is_first and draw < 0.42:
        return DIRECT
    if not is_first and draw < 0.58 and person.is_known:
        return EMAIL
    return person.channel


def _arrive(visit: Visit) -> None:
    """Open the session and its landing page at one and the same instant."""
    start = visit.emit("session_start", user_agent=AGENTS[visit.device.os])
    path = visit.rng.choice(("/", "/", "/", "/sale", "/new", "/stories", "/groups"))
    if visit.channel.click_id is not None:
        path += f"?{visit.channel.click_id}={visit.rng.getrandbits(40):010x}"
    start.fields["page_url"] = f"https://shop.example{path}"
    start.fields["referrer"] = visit.referrer
    if visit.device.kind == "mobile":
        version = visit.rng.choice((4.1, 4.2, 4.3))
        start.properties["app_version"] = version if visit.device.os == "Android" else str(version)
    visit.page = path.partition("?")[0]
    visit.emit("page_view", page_url=start.fields["page_url"], referrer=visit.referrer)
    if visit.channel is DIRECT and visit.device.kind == "mobile" and visit.chance(0.08):
        visit.wait(1, 4)
        visit.emit("qr_scan", {"place": visit.rng.choice(("store_window", "flyer", "packaging"))})


def _log_in_silently(visit: Visit) -> None:
    """Know the person at once where the device remembers the same user."""
    person = visit.person
    if person.user_id == ACTIVE_USER or (
        person.is_known and visit.device.remembers == person.user_id and visit.chance(0.6)
    ):
        visit.user_id = person.user_id


def _identify(visit: Visit) -> None:
    """Sign up or log in; both link the device to the user."""
    person = visit.person
    if not person.has_account or visit.user_id is not None or not visit.chance(0.55):
        return
    visit.wait(8, 60)
    visit.user_id = person.user_id
    is_new = person.signs_up and not person.is_known
    visit.emit("signup" if is_new else "login", {"method": visit.rng.choice(("email", "google"))})
    visit.device.remembers = person.user_id
    if person.known_since is None:
        person.known_since = visit.ts
    if visit.chance(0.3 if is_new else 0.04):
        visit.wait(5, 60)
        visit.emit(
            "profile_update",
            {
                "completeness": visit.rng.choice((0.2, 0.4, 0.6, 0.8, 1.0)),
                "plan": visit.rng.choice(("free", "free", "plus")),
            },
        )
    if visit.chance(0.2 if is_new else 0.03):
        visit.wait(5, 60)
        visit.emit("preference_update", {"likes": person.cluster, "newsletter": visit.chance(0.7)})


def _leave(visit: Visit) -> None:
    """End the session where the tracker gets to say so."""
    if visit.chance(0.45):
        visit.wait(1, 10)
        start = next(one.ts for one in visit.events if one.event_type == "session_start")
        visit.emit("session_end", duration_ms=visit.ts - start)


def _pushes(rng: random.Random, people: list[Person]) -> list[list[Event]]:
    """Send four campaigns to phones: events that people did not cause."""
    pushes: list[list[Event]] = []
    for day in PUSH_DAYS:
        sent_at = START + day * DAY + 9 * HOUR
        users = [
            one
            for one in people
            if one.devices[0].kind == "mobile" and (one.known_since or END) < sent_at
        ]
        for person in rng.sample(users, min(PUSHES, len(users))):
            ts = sent_at + rng.randrange(30_000)
            visit = Visit(
                rng, Catalogue(), person, person.devices[0], DIRECT, ts, "", user_id=person.user_id
            )
            event = visit.emit("push_sent", {"campaign": f"push_day_{day}"})
            event.fields["session_id"] = None
            del event.properties["channel"]
            pushes.append(visit.events)
    return pushes


def _stranger(device: Device, place: tuple[str, str, str]) -> Person:
    return Person("tech", DIRECT, place, [], [device], {}, has_account=False, signs_up=False)


def _bot_run(
    rng: random.Random, catalogue: Catalogue, bot: str, start: int, count: int
) -> list[Event]:
    """Read product pages faster than anybody could."""
    device = Device(bot, "desktop", "Other", "Linux")
    person = _stranger(device, ("US", "Ashburn", "en-US"))
    visit = Visit(rng, catalogue, person, device, DIRECT, start, f"s_{rng.getrandbits(36):09x}")
    items = list(catalogue.by_id.values())
    for index in range(count):
        item = items[index % len(items)]
        visit.emit(
            "product_view",
            page_url=f"https://shop.example{item.path}",
            user_agent=BOT_AGENT,
            **visit.item_fields(item),
        )
        visit.ts += rng.randrange(350, 950)
    return visit.events


def _unset_clock(rng: random.Random, catalogue: Catalogue) -> tuple[str, list[list[Event]]]:
    """Let a tablet that lost its clock browse: its times count from 1970."""
    _, kind, browser, system = DEVICES[-1]
    device = Device(f"a_{rng.getrandbits(32):08x}", kind, browser, system)
    person = _stranger(device, ("FR", "Paris", "fr-FR"))
    visits = []
    for day in (9, 10, 18):
        visit = Visit(
            rng,
            catalogue,
            person,
            device,
            DIRECT,
            rng.randrange(40_000, 90_000),
            f"s_{rng.getrandbits(36):09x}",
        )
        _arrive(visit)
        for _ in range(4):
            visit.wait(5, 40)
            visit.open_page(f"/c/{rng.choice(('audio', 'photo', 'toys'))}")
        for event in visit.events:
            event.received_at += START + day * DAY + 19 * HOUR
        visits.append(visit.events)
    return device.anonymous_id, visits


def _fast_clock(rng: random.Random, people: list[Person], visits: list[list[Event]]) -> str:
    """Put one person's only device two hours ahead, and return its anonymous id."""
    shared = [one.devices[0].anonymous_id for one in people]
    wanted = [
        one
        for one in people
        if len(one.visits) > 5
        and len(one.devices) == 1
        and one.user_id != ACTIVE_USER
        and one.visits[-1] < END - 2 * DAY
        and shared.count(one.devices[0].anonymous_id) == 1
    ]
    chosen = rng.choice(wanted).devices[0].anonymous_id
    for event in (event for events in visits for event in events):
        if event.fields["anonymous_id"] == chosen and event.event_type != "push_sent":
            event.ts += 2 * HOUR
    return chosen


def _undefined_users(rng: random.Random, visits: list[list[Event]]) -> None:
    """Let a faulty tracker send a placeholder for the user in visits of unknown people."""
    unknown = [
        events
        for events in visits
        if len(events) < 60 and all(one.fields["user_id"] is None for one in events)
    ]
    for events in rng.sample(unknown, UNDEFINED_USERS):
        placeholder = rng.choice(PLACEHOLDERS[:4])
        for event in events:
            event.fields["user_id"] = placeholder
