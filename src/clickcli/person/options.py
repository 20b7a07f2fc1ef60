"""Which events are what in a log: the vocabulary of ``person``, under the analyses' names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from clickcli.analysis import Option
from clickcli.relations.carts import CartOptions
from clickcli.relations.content import ContentOptions
from clickcli.relations.engagement import EngagementOptions
from clickcli.relations.item_events import VIEWS
from clickcli.relations.searches import SEARCHES


@dataclass(frozen=True, kw_only=True)
class Options(CartOptions, ContentOptions, EngagementOptions):
    """Options of ``person``."""

    view: Annotated[
        tuple[str, ...],
        Option("Event that is a view of an item (repeatable).", kind="event", group="Items"),
    ] = VIEWS
    search: Annotated[
        tuple[str, ...],
        Option("Event that is a search (repeatable).", kind="event", group="Items"),
    ] = SEARCHES
