"""To which touches is each conversion owed.

*Definition*: A conversion's touches are the person's sessions whose first event is a touch, comes
at or before it in the one order, and at most `lookback_us` before it. Six models share it out:
`first`, `last`, `last-non-direct` (the last where all are direct), `linear`, `position` (40/20/40;
two: 50/50; one: all), `time-decay` (half for every `half_life_us` of age).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from . import DAY, Event, position
from .sessions import sessions
from .touches import Told

DIRECT: Told = ("(direct)", "(none)")
NO_TOUCH: Told = ("(no touch)", "(no touch)")
Share = Fraction | float


@dataclass(frozen=True)
class Conversion:
    """A conversion and its touches in order, each with its time."""

    event: Event
    touches: list[tuple[int, Told]]

    def credit(self, model: str, half_life_us: int = 7 * DAY) -> dict[Told, Share]:
        """Return the share of each source by a model."""
        if not self.touches:
            return {NO_TOUCH: Fraction(1)}
        shares = self._shares(model, half_life_us)
        found: dict[Told, Share] = {}
        for share, (_, told) in zip(shares, self.touches, strict=True):
            found[told] = found.get(told, Fraction(0)) + share
        return found

    def _shares(self, model: str, half_life_us: int) -> list[Share]:
        n = len(self.touches)
        if model == "linear":
            return [Fraction(1, n)] * n
        if model == "position" and n > 2:
            return [Fraction(2, 5), *[Fraction(1, 5 * (n - 2))] * (n - 2), Fraction(2, 5)]
        if model == "position":
            return [Fraction(1, n)] * n
        if model == "time-decay":
            newest = self.touches[-1][0]
            weights = [2.0 ** ((ts - newest) / half_life_us) for ts, _ in self.touches]
            return [weight / sum(weights) for weight in weights]
        at = {"first": 0, "last": n - 1}.get(model)
        if at is None:
            named = [place for place, (_, told) in enumerate(self.touches) if told != DIRECT]
            at = named[-1] if named else n - 1
        return [Fraction(int(place == at)) for place in range(n)]


def conversions(
    events: Iterable[Event],
    told: Callable[[Event], Told | None],
    *,
    timeout_us: int,
    lookback_us: int = 30 * DAY,
    conversion_event: str = "purchase",
) -> list[Conversion]:
    """Return every conversion with its touches."""
    log = {event.seq: event for event in events}
    heads = [log[one["seqs"][0]] for one in sessions(log.values(), timeout_us=timeout_us)]
    found = []
    for event in log.values():
        if event.event_type != conversion_event:
            continue
        before = sorted(
            (
                head
                for head in heads
                if head.person == event.person
                and position(head) <= position(event)
                and event.ts - head.ts <= lookback_us
            ),
            key=position,
        )
        touches = [(head.ts, touch) for head in before if (touch := told(head)) is not None]
        found.append(Conversion(event, touches))
    return found
