"""Sessions with a purchase, by which of view and add to the cart came before it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from clickcli.relations.sessions import Cut
from clickcli.relations.visits import FIRST_SEQ, visits

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.context import Context, Events


class Path(StrEnum):
    """What came before a purchase."""

    WHOLE = "view > add > purchase"
    NO_VIEW = "add > purchase"
    NO_ADD = "view > purchase"
    NEITHER = "purchase"


def purchase_paths(
    events: Events,
    context: Context,
    cut: Cut,
    views: Sequence[str],
    adds: Sequence[str],
    purchases: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Return one row a session with a purchase: person_key, first_seq, start, path.

    The longest way to any of its purchases counts; values of ``--by`` are those of the session's
    first event. Events at one instant may stand in either
    order, as in a funnel.
    """
    import narwhals as nw

    kind, ts = nw.col("event_type"), nw.col("ts")
    keys = ["person_key", FIRST_SEQ, "start"]
    types, numbers = [*views, *adds, *purchases], (*keys, "ts", "place")
    every = context.engine.hold(visits(events, context, cut, numbers=numbers, types=types))
    heads = every.filter(nw.col("place") == 0).select(FIRST_SEQ, *context.by)
    rows = every.filter(kind.is_in(types))
    viewed = nw.when(kind.is_in(list(views))).then(ts).otherwise(None)
    rows = rows.with_columns(viewed.min().over(FIRST_SEQ).alias("viewed"))
    is_add = kind.is_in(list(adds))
    times = rows.with_columns(
        nw.when(is_add).then(ts).otherwise(None).alias("added"),
        nw.when(is_add & (ts >= nw.col("viewed"))).then(ts).otherwise(None).alias("added_after"),
        nw.when(kind.is_in(list(purchases))).then(ts).otherwise(None).alias("bought"),
    ).group_by(*keys).agg(
        nw.col("viewed", "added", "added_after").min(), nw.col("bought").max()
    )  # fmt: skip
    bought = nw.col("bought")
    path = nw.when(nw.col("viewed") <= bought).then(nw.lit(Path.NO_ADD.value))
    found = path.otherwise(nw.lit(Path.NEITHER.value))
    for name, value in {"added": Path.NO_VIEW, "added_after": Path.WHOLE}.items():
        found = nw.when(nw.col(name) <= bought).then(nw.lit(value.value)).otherwise(found)
    paths = times.filter(~bought.is_null()).select(*keys, found.alias("path"))
    return paths.join(heads, on=FIRST_SEQ, how="inner")
