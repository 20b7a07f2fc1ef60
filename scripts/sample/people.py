"""The people of the sample shop: where they live, what they like, when they come."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sample.catalogue import Item
from sample.tables import (
    BOTH_VARIANTS,
    CHANNELS,
    CLUSTERS,
    DAY,
    DAYS,
    DEVICES,
    END,
    EXPERIMENT,
    HOUR,
    HOURS,
    LOYALTY,
    MINUTE,
    PEOPLE,
    PLACES,
    SHARED_DEVICES,
    SKEWED_EXPERIMENT,
    SKEWED_SHARE,
    START,
    SUMMER_TIME,
    WEEKDAYS,
    Channel,
)

FIRST_WEEKDAY = 5
ACTIVE_USER = "42"
OLD_CUSTOMER = 8
OLD_DAYS = 32
"""Who comes eight times or more was a customer before, and is seen in the first days."""


@dataclass
class Device:
    """A browser or an app with its own anonymous id."""

    anonymous_id: str
    kind: str
    browser: str
    os: str
    remembers: str | None = None
    """The user that a cookie still knows."""


@dataclass
class Person:
    """Somebody who visits the shop, and what they carry from visit to visit."""

    cluster: str
    channel: Channel
    place: tuple[str, str, str]
    visits: list[int]
    devices: list[Device]
    variants: dict[str, list[str]]
    has_account: bool
    signs_up: bool
    user_id: str | None = None
    known_since: int | None = None
    exposed: set[tuple[str, str]] = field(default_factory=set)
    open_cart: list[tuple[Item, int]] = field(default_factory=list)
    bought: list[Item] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Tell whether the person ever logged in."""
        return self.known_since is not None


def make_people(rng: random.Random) -> list[Person]:
    """Make everybody, ordered by first visit; accounts are numbered from 1 in that order."""
    people = [_person(rng) for _ in range(PEOPLE)]
    people.sort(key=lambda person: person.visits[0])
    accounts = [person for person in people if person.has_account]
    for number, person in enumerate(accounts, start=1):
        person.user_id = str(number)
    _make_active(rng, next(one for one in accounts if one.user_id == ACTIVE_USER))
    _share_devices(rng, [person for person in accounts if len(person.visits) > 2])
    loyal = [one for one in people if len(one.visits) > 4 and one.user_id != ACTIVE_USER]
    for person in rng.sample(loyal, BOTH_VARIANTS):
        person.variants[EXPERIMENT] = ["control", "treatment"]
    return people


def _person(rng: random.Random) -> Person:
    channel = rng.choices(CHANNELS, [one.weight for one in CHANNELS])[0]
    _, country, city, language, winter, has_summer = rng.choices(
        PLACES, [place[0] for place in PLACES]
    )[0]
    weights = [row[0] if row[1] == 1 else row[0] * channel.loyalty for row in LOYALTY]
    _, count, gap = rng.choices(LOYALTY, weights)[0]
    devices = [_device(rng) for _ in range(2 if count > 2 and rng.random() < 0.3 else 1)]
    has_account = rng.random() < (0.2 if count == 1 else 0.55 if count == 3 else 0.85)
    skewed = "treatment" if rng.random() < SKEWED_SHARE else "control"
    return Person(
        cluster=rng.choices(list(CLUSTERS), (30, 25, 25, 20))[0],
        channel=channel,
        place=(country, city, language),
        visits=_visit_times(rng, count, gap, winter, has_summer),
        devices=devices,
        variants={
            EXPERIMENT: [rng.choice(("control", "treatment"))],
            SKEWED_EXPERIMENT: [skewed],
        },
        has_account=has_account,
        signs_up=rng.random() < 0.45,
    )


def _device(rng: random.Random) -> Device:
    _, kind, browser, system = rng.choices(DEVICES, [row[0] for row in DEVICES])[0]
    return Device(f"a_{rng.getrandbits(32):08x}", kind, browser, system)


def _visit_times(
    rng: random.Random, count: int, gap: float, winter: int, has_summer: bool
) -> list[int]:
    """Draw the starts of the visits, in order, at least four hours apart."""
    days = range(DAYS)
    weights = [WEEKDAYS[(day + FIRST_WEEKDAY) % 7] * (1.6 if day < 7 else 1) for day in days]
    day = rng.choices(
        days[:OLD_DAYS] if count >= OLD_CUSTOMER else days,
        weights[:OLD_DAYS] if count >= OLD_CUSTOMER else weights,
    )[0]
    wanted = count if count == 1 else max(2, round(count * rng.uniform(0.5, 1.5)))
    times: list[int] = []
    while day < DAYS and len(times) < wanted:
        time = START + day * DAY + _time_of_day(rng)
        offset = winter + (1 if has_summer and time >= SUMMER_TIME else 0)
        time -= offset * HOUR
        is_apart = not times or time - times[-1] > 4 * HOUR
        if START + HOUR < time < END - 4 * HOUR and is_apart:
            times.append(time)
        day += 1 + int(rng.expovariate(1 / gap))
    return times or [START + rng.randrange(2 * HOUR, DAYS * DAY - 4 * HOUR)]


def _time_of_day(rng: random.Random) -> int:
    return rng.choices(range(24), HOURS)[0] * HOUR + rng.randrange(60 * MINUTE)


def _make_active(rng: random.Random, person: Person) -> None:
    """Let a person come nearly every second day from the first one on."""
    person.signs_up = False
    person.visits = [
        START + day * DAY + 18 * HOUR + rng.randrange(3 * HOUR) for day in range(1, DAYS, 2)
    ]


def _share_devices(rng: random.Random, people: list[Person]) -> None:
    """Give the first device of one person to a second one as well."""
    chosen = rng.sample(
        [person for person in people if person.user_id != ACTIVE_USER], 2 * SHARED_DEVICES
    )
    for owner, guest in zip(chosen[::2], chosen[1::2], strict=True):
        guest.devices = [owner.devices[0]]
