"""What people did with items: one row a person and item, and the lines that it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clickcli.expressions import divided
from clickcli.features.options import WEIGHTED
from clickcli.relations.content import SCALE as ENGAGEMENT_SCALE
from clickcli.relations.content import content_events
from clickcli.relations.item_events import Of, item_events
from clickcli.relations.lines import NO_ITEM

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.features.options import Options

MOST_MS: Final = 86_400_000
"""A view that is said to have lasted longer than a day is not timed, as in ``items``."""
SCALE: Final = 1_000_000
"""Terms of a rating are whole millionths, so that the sum does not depend on the order."""


def item_lines(events: Events, context: Context, options: Options) -> pl.LazyFrame:
    """Return one row an item of each event about items, held in memory.

    ``ms`` is the time of a view where it was sent; kinds of events are 0/1 columns.
    """
    import polars as pl

    kinds = options.kinds(context.dataset.conversion_event)
    columns = ("category", "brand", "price", "quantity", "currency")
    rows = native(
        context.engine.hold(item_events(events, context, kinds, Of.ITEM, columns, ("duration_ms",)))
    )
    ms = pl.col("duration_ms")
    is_view = pl.col("views") + pl.col("content_views") > 0
    is_timed = is_view & ms.is_between(0, MOST_MS)
    return rows.with_columns(pl.when(is_timed).then(ms).alias("ms"))


def native(frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
    """Return a frame of the Polars engine as Polars knows it."""
    import narwhals as nw
    import polars as pl

    found = nw.to_native(frame)
    assert isinstance(found, pl.LazyFrame)
    return found


def touched(rows: pl.LazyFrame, options: Options, conversion_event: str) -> pl.DataFrame:
    """Return one row a person and item that events name, without what depends on the cutoff."""
    import polars as pl

    kinds = list(options.kinds(conversion_event))
    keys = ["person_key", "item"]
    known = rows.filter(pl.col("item") != NO_ITEM)
    last = pl.col("ts").max().over(keys)
    return (
        known.with_columns(_term(last - pl.col("ts"), options).alias("term"))
        .group_by(keys)
        .agg(
            pl.col(*kinds).sum(),
            pl.col("ts").min().alias("first"),
            pl.col("ts").max().alias("last"),
            pl.col("ms").sum(),
            pl.col("term").sum(),
        )
        .with_columns(
            divided(pl.col("ms"), 1000).alias("seconds"),
            divided(pl.col("term"), SCALE).alias("rating_at_last"),
        )
        .drop("ms", "term")
        .collect()
    )


def engaged(events: Events, context: Context, options: Options) -> pl.DataFrame:
    """Return the highest engagement of each person's interactions with a piece of content."""
    import polars as pl

    rows = native(content_events(events, context, options))
    keys = ["person_key", pl.col("item_id").alias("item")]
    highest = divided(pl.col("engagement").max(), ENGAGEMENT_SCALE)
    return rows.group_by(keys).agg(highest.alias("content_engagement")).collect()


def with_ratings(pairs: pl.DataFrame, cutoff: int, options: Options) -> pl.DataFrame:
    """Add the rating at the cutoff."""
    import polars as pl

    age = cutoff - pl.col("last").dt.epoch("us")
    rating = pl.col("rating_at_last")
    half_life = options.half_life_us()
    return pairs.with_columns(
        (rating if half_life is None else rating * decayed(age, half_life)).alias("rating")
    )


def decayed(age: pl.Expr, half_life: int) -> pl.Expr:
    """Return what is left of 1 after an age."""
    import polars as pl

    return pl.lit(2.0).pow(-divided(age, half_life))


def _term(age: pl.Expr, options: Options) -> pl.Expr:
    """Return what an event adds to the rating at the last one, in millionths."""
    import polars as pl

    weights = options.weights()
    weight = pl.sum_horizontal(pl.col(kind) * weights[kind] for kind in WEIGHTED)
    half_life = options.half_life_us()
    term = weight if half_life is None else weight * decayed(age, half_life)
    return (term * SCALE).round().cast(pl.Int64)
