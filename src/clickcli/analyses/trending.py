"""What rises: items by decayed counts of views, adds and purchases, with rank change and velocity.

Definition
----------
An item's score is the sum over its views, adds and purchases of weight × 0.5 ^ (age ÷
``--half-life``), the age taken at as-of, or at the end of the period where that is earlier; an
event with a list of items counts for each of them. Velocity is the number of those events a day in
the ``--window`` that ends there; the window before it gives velocity_previous, score_previous and
rank_previous, the score and rank that the item had then. Growth = velocity ÷ velocity_previous.
Rank change is how many places it rose; none for what had no score then.

Input
-----
Views, adds and purchases of items.

Output
------
``trending``: one row an item with a score, highest first.

Units
-----
Weighted events; events a day.

Cost
----
One pass over the events of items, sorted by person and time.

Source
------
Exponential decay as in ranking by recency; terms are rounded to millionths, so that the sum does
not depend on the order of the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import (
    Analysis,
    Cell,
    Column,
    Finished,
    Option,
    Table,
    Units,
    people_count,
)
from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError
from clickcli.relations.item_events import ItemOptions, item_events
from clickcli.relations.orders import now
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_KINDS: Final = ("views", "adds", "purchases")
_SCALE: Final = 1_000_000


def _weight(what: str) -> Option:
    return Option(f"What {what} counts.", kind="count", minimum=0, maximum=1000)


@dataclass(frozen=True, kw_only=True)
class Parameters(ItemOptions):
    """Options of ``trending``."""

    half_life: Annotated[str, Option("Age at which an event counts half.", kind="duration")] = "3d"
    window: Annotated[str, Option("Span of velocity, and of the one before.", kind="duration")] = (
        "7d"
    )
    weight_view: Annotated[int, _weight("a view")] = 1
    weight_add: Annotated[int, _weight("an add to the cart")] = 3
    weight_purchase: Annotated[int, _weight("a purchase")] = 5
    add: Annotated[
        tuple[str, ...],
        Option("Event that is an add to the cart (repeatable).", kind="event", group="Items"),
    ] = ("add_to_cart", "cart", "cart_add", "product_added")
    purchase: Annotated[
        tuple[str, ...],
        Option(
            "Event that is a purchase (repeatable); default: the conversion event.",
            kind="event",
            group="Items",
        ),
    ] = ()


TRENDING = Table(
    "trending",
    "One row an item with a score, highest first.",
    (
        Column("rank", "int64", "count", "place by score; equal scores share it"),
        Column("item", "string", "key", "item, category or brand"),
        Column("score", "float64", "score", "decayed weighted events"),
        Column("rank_change", "int64", "count", "places risen since the window before"),
        Column("velocity", "float64", "ratio", "events a day in the window"),
        Column("velocity_previous", "float64", "ratio", "events a day in the window before"),
        Column("growth", "float64", "ratio", "velocity ÷ velocity_previous"),
        Column("views", "int64", "count", "views in the window"),
        Column("adds", "int64", "count", "adds in the window"),
        Column("purchases", "int64", "count", "purchases in the window"),
        people_count("people", "people who did any of these"),
        Column("events", "int64", "count", "views, adds and purchases in the window"),
        Column("events_previous", "int64", "count", "of the window before"),
        Column("score_previous", "float64", "score", "score at the end of the window before"),
        Column("rank_previous", "int64", "count", "place by that; none without a score"),
    ),
    keys=("item",),
    order=("rank", "item"),
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse durations that cannot be read."""
    for name in ("half_life", "window"):
        if duration_us(getattr(parameters, name)) == 0:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} must be longer than nothing, was 0")


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a person and item of the window, and one an item with what counts up.

    ``pairs``: who did anything with it in the window. ``items``: terms of the score, and events in
    both windows.
    """
    import narwhals as nw

    from clickcli.expressions import inside

    kinds = {
        "views": parameters.view,
        "adds": parameters.add,
        "purchases": parameters.purchase or (context.dataset.conversion_event,),
    }
    rows = inside(item_events(events, context, kinds, parameters.of), context.period)
    window, half_life = duration_us(parameters.window), duration_us(parameters.half_life)
    age = nw.lit(now(context), nw.Int64) - nw.col("ts")
    weights = (parameters.weight_view, parameters.weight_add, parameters.weight_purchase)
    weight = nw.lit(0, nw.Int64)
    for name, own in zip(_KINDS, weights, strict=True):
        weight = weight + nw.col(name) * own
    is_recent = age < window
    was_recent = ~is_recent & (age < 2 * window)
    rows = rows.with_columns(age.alias("age"), weight.alias("weight"))
    rows = rows.with_columns(
        _term(nw.col("age"), half_life).alias("score"),
        nw.when(nw.col("age") >= window).then(_term(nw.col("age") - window, half_life))
        .otherwise(0).cast(nw.Int64).alias("score_previous"),
        nw.when(was_recent).then(1).otherwise(0).cast(nw.Int64).alias("events_previous"),
        *(nw.when(is_recent).then(nw.col(name)).otherwise(0).cast(nw.Int64).alias(name)
          for name in _KINDS),
        nw.when(is_recent).then(1).otherwise(0).cast(nw.Int64).alias("events"),
    )  # fmt: skip
    sums = ("score", "score_previous", *_KINDS, "events", "events_previous")
    recent = rows.filter(nw.col("events") > 0)
    return {
        "pairs": recent.select("person_key", *context.by, "item").unique(),
        "items": rows.group_by(*context.by, "item").agg(nw.col(*sums).sum()),
    }


def _term(age: nw.Expr, half_life: int) -> nw.Expr:
    """Return what an event of this age adds to a score, in millionths."""
    import narwhals as nw

    decay = (age.cast(nw.Float64) * (-log(2) / half_life)).exp()
    return (nw.col("weight").cast(nw.Float64) * decay * _SCALE + 0.5).cast(nw.Int64)


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count people by item."""
    import narwhals as nw

    by_item = units["pairs"].group_by(*context.by, "item")
    return {"items": units["items"], "people": by_item.agg(nw.len().alias("people"))}


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Rank by score, now and a window ago."""
    import polars as pl

    from clickcli.expressions import share

    by = list(context.by)
    days = duration_us(parameters.window) / MICROSECONDS_PER_DAY
    scored = pl.when(pl.col("score_previous") > 0).then(pl.col("score_previous"))
    ranks = {
        "rank": pl.col("score").rank("min", descending=True),
        "rank_previous": scored.rank("min", descending=True),
    }
    table = frames["items"].join(frames["people"], on=[*by, "item"], how="left")
    table = table.with_columns(pl.col("people").fill_null(0)).with_columns(
        (rank.over(by) if by else rank).cast(pl.Int64).alias(name) for name, rank in ranks.items()
    )
    table = table.filter(pl.col("score") > 0)
    table = table.with_columns(
        (pl.col("rank_previous") - pl.col("rank")).alias("rank_change"),
        (pl.col("events") / days).alias("velocity"),
        (pl.col("events_previous") / days).alias("velocity_previous"),
        share("events", "events_previous").alias("growth"),
        pl.col("score", "score_previous") / _SCALE,
    )
    notes = []
    if not table.height:
        notes.append("no views of items: name the events that are with --view")
    title = f"Trending · half-life {parameters.half_life}, window {parameters.window}"
    return Finished({"trending": table}, notes, title)


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return who viewed, added or bought an item in the window."""
    import narwhals as nw

    word, _, item = cell.partition(":")
    if word != "people" or not item:
        raise UsageError(f"--who must be people:ITEM, was {cell!r}")
    return "pairs", nw.col("item") == item


ANALYSIS = Analysis(
    name="trending",
    version=1,
    parameters=Parameters,
    sample=Parameters(view=("view", "page_view"), window="20d", half_life="10d"),
    tables=(TRENDING,),
    unit_keys={"pairs": ("person_key", "item"), "items": ("item",)},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(Cell("people:ITEM", "people who viewed, added or bought it in the window"),),
    examples=(
        "clickcli trending --limit 10",
        "clickcli trending --of category --half-life 1d --window 3d",
        "clickcli trending --who people:p_221",
    ),
    check=check,
)
