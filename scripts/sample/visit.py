"""One visit of one person: its clock, its context, and the events it leaves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sample.catalogue import Catalogue, Item
from sample.events import Event
from sample.people import Device, Person
from sample.tables import (
    CURRENCY,
    EXPERIMENT,
    EXPERIMENT_LIFT,
    EXPERIMENT_PERIOD,
    INCIDENT,
    MINUTE,
    SITE,
    SKEWED_EXPERIMENT,
    Channel,
)


@dataclass
class Visit:
    """A person on a device, from the first page to the last."""

    rng: random.Random
    catalogue: Catalogue
    person: Person
    device: Device
    channel: Channel
    ts: int
    session_id: str
    user_id: str | None = None
    referrer: str | None = None
    page: str = "/"
    viewed: list[Item] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """Answer yes with the given probability."""
        return self.rng.random() < share

    def wait(self, low: float, high: float) -> int:
        """Let seconds pass, and return them as milliseconds."""
        passed = int(1000 * (low + (high - low) * self.rng.random() ** 2)) + 1
        self.ts += passed
        return passed

    def pause(self) -> None:
        """Let the person leave the device for longer than a session's usual time-out."""
        self.ts += self.rng.randrange(40 * MINUTE, 90 * MINUTE)

    def emit(
        self, event_type: str, properties: dict[str, object] | None = None, /, **fields: object
    ) -> Event:
        """Log an event now, with the context of the visit."""
        country, city, language = self.person.place
        context: dict[str, object] = {
            "user_id": self.user_id,
            "anonymous_id": self.device.anonymous_id,
            "session_id": self.session_id,
            "device_type": self.device.kind,
            "browser": self.device.browser,
            "os": self.device.os,
            "country": country,
            "city": city,
            "language": language,
        }
        if self.channel.utm is not None:
            keys = ("utm_source", "utm_medium", "utm_campaign")
            context.update(zip(keys, self.channel.utm, strict=True))
        event = Event(
            event_id=f"{self.rng.getrandbits(44):011x}",
            event_type=event_type,
            ts=self.ts,
            received_at=self.ts + self.rng.randrange(30, 900),
            fields=context | fields,
            properties={"channel": self.channel.name} | (properties or {}),
        )
        self.events.append(event)
        return event

    def open_page(self, path: str) -> None:
        """Log the view of a page, with the page before as the referrer."""
        before, self.page = self.page, path
        self.emit("page_view", page_url=SITE + path, referrer=SITE + before)

    def item_fields(self, item: Item) -> dict[str, object]:
        """Return the columns that describe an item."""
        return {
            "item_id": item.item_id,
            "category": item.category,
            "brand": item.brand,
            "price": item.price,
            "currency": CURRENCY,
        }

    def api(self, endpoint: str, median_ms: float) -> None:
        """Log the request to the shop's own API that stands behind the last event."""
        fails = endpoint == "/api/payment" and self.is_incident
        status = 503 if fails else self.rng.choices((200, 404, 429, 500), (965, 18, 9, 8))[0]
        slow = 12.0 if fails else 1.0
        duration = int(slow * median_ms * self.rng.lognormvariate(0, 0.55)) + 1
        self.ts += min(duration, 900)
        self.emit(
            "api_request",
            {
                "cache": "hit" if self.chance(0.45) else "miss",
                "bytes": self.rng.randrange(300, 30_000),
            },
            endpoint=endpoint,
            status=status,
            duration_ms=duration,
        )

    @property
    def is_incident(self) -> bool:
        """Tell whether payments are failing now."""
        return INCIDENT[0] <= self.ts < INCIDENT[1]

    def expose(self) -> None:
        """Log the first exposure to each experiment that runs now, for this device."""
        if not EXPERIMENT_PERIOD[0] <= self.ts < EXPERIMENT_PERIOD[1]:
            return
        for experiment in (EXPERIMENT, SKEWED_EXPERIMENT):
            key = (experiment, self.device.anonymous_id)
            if key in self.person.exposed:
                continue
            if experiment == SKEWED_EXPERIMENT and not self.chance(0.5):
                continue
            self.person.exposed.add(key)
            for variant in self.person.variants[experiment]:
                self.wait(0.01, 0.05)
                self.emit("experiment_exposure", experiment=experiment, variant=variant)

    @property
    def lift(self) -> float:
        """Return the factor on the wish to buy: more after exposure to the treatment."""
        is_exposed = (EXPERIMENT, self.device.anonymous_id) in self.person.exposed
        treated = "treatment" in self.person.variants[EXPERIMENT]
        return EXPERIMENT_LIFT if is_exposed and treated else 1.0
