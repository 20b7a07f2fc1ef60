"""Everything that is read of a person: their events, and the relations made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from clickcli.filters import property_ref
from clickcli.relations.carts import carts
from clickcli.relations.content import content_events
from clickcli.relations.engagement import judged_sessions
from clickcli.relations.item_events import Of, item_events
from clickcli.relations.touches import touches

if TYPE_CHECKING:
    from clickcli.person.options import Options
    from clickcli.person.rows import Rows
    from clickcli.person.rules import Rules

PROFILE: Final = ("country", "city", "language", "device_type", "browser", "os")
"""Columns of which the last value that was sent is told."""
COMPLETENESS: Final = "completeness"
_READ: Final = (
    "event_type", "anonymous_id", "item_id", "page_path", "search_query", "result_count", "price",
    "revenue", "currency", *PROFILE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a person, each table in order of time and arrival.

    ``everything`` are all events, ``events`` those that the person caused; the other tables are as
    their relations say.
    """

    everything: pl.DataFrame
    events: pl.DataFrame
    sessions: pl.DataFrame
    lines: pl.DataFrame
    carts: pl.DataFrame
    content: pl.DataFrame


def known(rows: Rows, options: Options, rules: Rules) -> Known:
    """Read the person's events and make sessions, items, carts and content of them."""
    context, events = rows.context, rows.events
    completeness = property_ref(rules.completeness, "number")
    kinds = {
        "viewed": options.view, "added": options.add, "bought": options.purchases(context),
    }  # fmt: skip
    columns = ("category", "brand", "price", "currency")
    judged = judged_sessions(events, context, options, options.cut())
    collected = context.engine.collect(
        {
            "events": events.frame(_READ, [completeness]),
            "sessions": touches(judged, events, context),
            "lines": item_events(events, context, kinds, Of.ITEM, columns),
            "carts": carts(events, context, options),
            "content": content_events(events, context, options),
        }
    )
    everything = collected["events"].rename({completeness.column: COMPLETENESS})
    everything = everything.sort("ts", "seq")
    is_passive = pl.col("event_type").is_in(list(context.dataset.passive_events))
    return Known(
        everything,
        everything.filter(~is_passive.fill_null(value=False)),
        collected["sessions"].sort("start", "first_seq"),
        collected["lines"].sort("ts", "seq", "line"),
        collected["carts"].sort("start", "seq"),
        collected["content"].sort("ts", "seq"),
    )
