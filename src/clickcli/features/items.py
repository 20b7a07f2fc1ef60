"""The features of items: what ``items`` and ``trending`` say, and who joins their groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clickcli.analyses.items import ANALYSIS as OF_ITEMS
from clickcli.analyses.trending import ANALYSIS as TRENDING
from clickcli.expressions import with_rate
from clickcli.features.asof import shared_at
from clickcli.relations.lines import NO_ITEM
from clickcli.run import run

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context
    from clickcli.features.options import Options


def items(
    context: Context, options: Options, cutoff: int, pairs: pl.DataFrame
) -> tuple[pl.DataFrame, Mapping[str, Any]]:
    """Return one row an item that an event names, and the receipt of what was read.

    ``pairs`` are the interactions.
    """
    import polars as pl

    shared = shared_at(cutoff, options)
    dataset, engine = context.dataset, context.engine
    result = run(OF_ITEMS, options.of_items(), dataset, shared, engine)
    found = result.to_polars()
    trend = run(TRENDING, options.of_trending(), dataset, shared, engine).to_polars()
    trend = trend.select("item", *(name for name in trend.columns if name not in found.columns))
    joined = pairs.filter((pl.col("views") > 0) & (pl.col("joins") > 0))
    joined = joined.group_by("item").agg(pl.len().cast(pl.Int64).alias("viewers_joined"))
    table = found.filter(pl.col("item") != NO_ITEM).join(trend, on="item", how="left")
    table = table.join(joined, on="item", how="left").with_columns(
        pl.col("score", "score_previous", "velocity", "velocity_previous", "viewers_joined")
        .fill_null(0)
    )  # fmt: skip
    return with_rate(table, "join_rate", "viewers_joined", "viewers"), result.meta
