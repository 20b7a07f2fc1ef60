"""What a question for features may say: which events mean what, weights, neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from clickcli.analyses.items import Parameters as ItemParameters
from clickcli.analyses.trending import Parameters as TrendingParameters
from clickcli.analysis import Option
from clickcli.relations.content import ContentOptions
from clickcli.relations.engagement import EngagementOptions
from clickcli.relations.interactions import half_life_us
from clickcli.relations.searches import SEARCHES
from clickcli.units import zone

WEIGHTED: Final = ("views", "adds", "purchases", "saves", "shares", "ratings")
"""Kinds of events that make a rating."""
_RATING: Final = "Implicit rating"


def _content(word: str) -> tuple[str, str]:
    """Return how events of content are called that do this."""
    return word, f"content_{word}"


def _weight(what: str) -> Option:
    return Option(f"What {what} counts.", kind="count", minimum=0, maximum=1000, group=_RATING)


@dataclass(frozen=True, kw_only=True)
class Options(ItemParameters, ContentOptions, EngagementOptions):
    """Options of features, beside those of the analyses that they take their words from."""

    search: Annotated[
        tuple[str, ...],
        Option("Event that is a search (repeatable).", kind="event", group="Items"),
    ] = SEARCHES
    rate: Annotated[
        tuple[str, ...],
        Option("Event that rates an item (repeatable).", kind="event", group="Items"),
    ] = ("rating", "rate", "review")
    half_life: Annotated[
        str,
        Option(
            "Age at which an event counts half; none: always whole.", kind="duration", group=_RATING
        ),
    ] = "30d"
    weight_view: Annotated[int, _weight("a view")] = 1
    weight_add: Annotated[int, _weight("an add to the cart")] = 3
    weight_purchase: Annotated[int, _weight("a purchase")] = 5
    weight_save: Annotated[int, _weight("a save or an entry of a wish-list")] = 2
    weight_share: Annotated[int, _weight("a share")] = 2
    weight_rating: Annotated[int, _weight("a rating, whatever it says,")] = 3
    tz: Annotated[
        str, Option("Time zone of days, hours and weekdays.", kind="zone", group="Period")
    ] = "UTC"
    include_bots: Annotated[
        bool, Option("Count events of bots, which are left out otherwise.", group="Selection")
    ] = False
    k: Annotated[
        int,
        Option("Similar persons of each; 0 looks for none.", kind="count", minimum=0, maximum=1000,
               flag="k", group="Similarity"),
    ] = 10  # fmt: skip

    def kinds(self, conversion_event: str) -> dict[str, tuple[str, ...]]:
        """Return the event types of each kind of what people do with an item."""
        return {
            "views": self.view,
            "clicks": self.click,
            "adds": self.add,
            "purchases": self.purchase or (conversion_event,),
            "saves": self.save,
            "shares": self.share,
            "ratings": self.rate,
            "joins": self.join,
            "content_views": self.content,
            "likes": _content("like"),
            "applies": _content("apply"),
            "endorsements": _content("endorse"),
        }

    def weights(self) -> dict[str, int]:
        """Return what an event of each kind counts in a rating."""
        given = (self.weight_view, self.weight_add, self.weight_purchase, self.weight_save,
                 self.weight_share, self.weight_rating)  # fmt: skip
        return dict(zip(WEIGHTED, given, strict=True))

    def half_life_us(self) -> int | None:
        """Return the half-life, None where nothing decays; UsageError for what is no duration."""
        return half_life_us(self.half_life)

    def check(self) -> None:
        """Refuse options that cannot be read, before any data is."""
        zone(self.tz)
        self.half_life_us()
        self.limits()
        self.cut()

    def of_items(self) -> ItemParameters:
        """Return the options as those of the analysis ``items``."""
        from dataclasses import fields

        names = [field.name for field in fields(ItemParameters)]
        return ItemParameters(**{name: getattr(self, name) for name in names})

    def of_trending(self) -> TrendingParameters:
        """Return the options as those of the analysis ``trending``, with its own half-life."""
        return TrendingParameters(
            view=self.view, add=self.add, purchase=self.purchase, weight_view=self.weight_view,
            weight_add=self.weight_add, weight_purchase=self.weight_purchase,
        )  # fmt: skip
