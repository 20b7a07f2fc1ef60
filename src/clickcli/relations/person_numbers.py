"""A few numbers of each person: how often they came, what they bought, how long they are away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clickcli.expressions import inside
from clickcli.relations.orders import now, orders
from clickcli.relations.sessions import Cut, sessions
from clickcli.units import Every

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw

    from clickcli.context import Context, Events

NUMBERS: Final = {
    "sessions": "sessions that began in the period",
    "active_days": "local days on which one began",
    "events": "events in them",
    "purchases": "purchases of the period",
    "revenue": "what these brought",
    "recency_days": "days from the last event to as-of",
}
"""The numbers, and what each is; revenue is in minor units of ``currency``."""


def person_numbers(
    events: Events, context: Context, cut: Cut, purchases: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return one row a person with a session in the period, and values of ``--by``.

    Beside ``NUMBERS``, with ``away`` in microseconds for recency_days: ``first``, the first event
    ever, ``currency``, ``is_mixed`` where there are several, ``unpriced`` purchases, which brought
    nobody knows what, and ``seq`` of one of their events.
    """
    import narwhals as nw

    keys = ["person_key", *context.by]
    visits = sessions(events, context, cut, {})
    visits = visits.with_columns(nw.col("start").min().over(*keys).alias("first"))
    visits = context.calendar.with_index(
        inside(visits, context.period, "start"), "day", Every.DAY, "start"
    )
    people = visits.group_by(*keys).agg(
        nw.len().cast(nw.Int64).alias("sessions"),
        nw.col("day").n_unique().cast(nw.Int64).alias("active_days"),
        nw.col("events").sum(),
        nw.col("end").max().alias("last"),
        nw.col("first").min(),
        nw.col("first_seq").max().alias("seq"),
    )
    bought = inside(orders(events, context, purchases), context.period).group_by(*keys).agg(
        nw.len().cast(nw.Int64).alias("purchases"),
        nw.col("amount").fill_null(0).sum().alias("revenue"),
        nw.col("amount").is_null().cast(nw.Int64).sum().alias("unpriced"),
        nw.col("currency").min(),
        nw.col("currency").max().alias("other_currency"),
    )  # fmt: skip
    people = people.join(bought, on=keys, how="left")
    is_mixed = (nw.col("currency") != nw.col("other_currency")).fill_null(value=False)
    end = nw.lit(now(context), nw.Int64)
    away = nw.when(nw.col("last") < end).then(end - nw.col("last")).otherwise(0)
    return people.with_columns(
        nw.col("purchases", "revenue", "unpriced").fill_null(0),
        is_mixed.cast(nw.Int64).alias("is_mixed"),
        away.cast(nw.Int64).alias("away"),
    ).drop("other_currency", "last")
