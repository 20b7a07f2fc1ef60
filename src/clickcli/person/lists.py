"""The lists of a person: sessions, open carts, content by type, devices, events."""

from __future__ import annotations

from typing import Final

import polars as pl

from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.money import major
from clickcli.person.known import Known
from clickcli.relations.carts import Row, State
from clickcli.relations.content import SCALE

_LATEST: Final = 10


def session_rows(known: Known) -> pl.DataFrame:
    """Return the last sessions, the latest first."""
    return known.sessions.reverse().head(_LATEST).with_columns(
        (pl.col("duration") / MICROSECONDS_PER_SECOND).alias("duration_s"),
        major("revenue", "revenue_currency").alias("revenue"),
        pl.col("revenue_currency").alias("currency"),
        pl.col("page_path").alias("landing"),
    )  # fmt: skip


def open_carts(known: Known) -> pl.DataFrame:
    """Return the rows of carts that are active or abandoned, the latest change first."""
    is_open = pl.col("state").is_in([State.ACTIVE.value, State.ABANDONED.value])
    table = known.carts.filter((pl.col("row") == Row.CART.value) & is_open)
    return table.sort("last", "seq", descending=True)


def cart_rows(known: Known) -> pl.DataFrame:
    """Return the open carts with what is in them."""
    name = pl.concat_str(pl.col("pieces"), pl.lit(" × "), pl.col("item_id"))
    contents = (
        known.carts.filter(pl.col("row") == Row.ITEM.value)
        .sort("seq", "item_id")
        .group_by("seq")
        .agg(name.str.join(", ").alias("contents"))
    )
    table = open_carts(known).join(contents, on="seq", how="left", maintain_order="left")
    return table.with_columns(major("value").alias("value"), pl.col("start").alias("opened"))


def content_rows(known: Known) -> pl.DataFrame:
    """Return content by type, the most used type first."""
    engagement = pl.col("engagement").sum() / (pl.len() * SCALE)
    seconds = pl.when(pl.col("ms").is_not_null().any()).then(pl.col("ms").sum() / 1000)
    table = known.content.group_by("content_type").agg(
        engagement.alias("engagement"),
        pl.len().alias("interactions"),
        pl.col("item_id").drop_nulls().n_unique().alias("pieces"),
        (pl.col("done") == "view").sum().alias("views"),
        seconds.alias("time_s"),
        pl.col("ts").max().alias("last"),
    )
    return table.sort("interactions", "content_type", descending=[True, False])


def device_rows(known: Known) -> pl.DataFrame:
    """Return the devices on which the person was seen, the latest first."""
    last = (pl.col(name).drop_nulls().last() for name in ("device_type", "browser", "os"))
    table = known.everything.filter(pl.col("anonymous_id").is_not_null())
    table = table.group_by("anonymous_id", maintain_order=True).agg(
        pl.len().alias("events"),
        pl.col("ts").min().alias("first_seen"),
        pl.col("ts").max().alias("last_seen"),
        *last,
    )
    return table.sort("last_seen", "anonymous_id", descending=[True, False])


def event_rows(known: Known) -> pl.DataFrame:
    """Return the last events, passive ones too, the latest first."""
    return known.everything.reverse().head(_LATEST).with_columns(
        major("price").alias("price"), major("revenue").alias("revenue")
    )  # fmt: skip
