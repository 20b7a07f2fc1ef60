"""Where each session came from: the touch of its first event, or the person's previous one.

A visitor who comes back from an own, payment or sign-on host did not come from there: the session
keeps the source of the person's session before, and is not direct. Where there is none before,
source and medium are ``(not set)`` and the channel is Unassigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.data.sites import sites_of

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.data.sites import Site
    from clickcli.engines import Kernel

TOUCH: Final = ("channel", "channel_group", "source", "medium", "campaign", "why")
"""Columns that a session is given; ``why`` names the rule, ``campaign`` is null without one."""
_GIVEN: Final = ("utm_source", "utm_medium", "utm_campaign", "click_id")
_READ: Final = (*_GIVEN, "referrer", "referrer_host", "page_url", "page_path")
_FACTS: Final = ("referred_by", "page_at", *_GIVEN)
_UP_TO_QUERY: Final = r"^([^?#]*)"
_UP_TO_PATH: Final = r"^((?:[^/?#]*//)?[^/?#]*)"


def touches(table: nw.LazyFrame[Any], events: Events, context: Context) -> nw.LazyFrame[Any]:
    """Add to every session of every person its touch, whether it is one, and what else it begins.

    ``table`` has one row a session (person_key, start, first_seq, …), whatever the period: the
    previous session may lie before it. ``is_touch`` is 0 where the touch is a previous session's,
    ``is_first`` 1 for a person's first session in the log; ``page_path`` is of the first event.
    Sessions of a person are in the order of their first event.
    """
    import narwhals as nw

    schema: dict[str, Dtype] = {
        name: "string" if dtype == nw.String else "int64"
        for name, dtype in table.collect_schema().items()
    }
    heads = events.frame(_READ, with_by=False)
    heads = heads.select("person_key", nw.col("seq").alias("first_seq"), *_READ)
    # By person too, so that a range of people is a range of both.
    rows = heads.join(table, on=["person_key", "first_seq"], how="inner").with_columns(
        nw.col("start").alias("ts"), nw.col("first_seq").alias("seq")
    )
    carried = tuple(schema)
    schema |= dict.fromkeys(TOUCH, "string")
    schema |= {"is_first": "int64", "is_touch": "int64", "page_path": "string"}
    dataset = context.dataset
    kernel = touch_kernel(carried, dataset.own_hosts, sites_of(dataset.sites))
    return context.engine.kernel(rows, kernel, schema)


def touch_kernel(
    carried: Sequence[str], own_hosts: Sequence[str], sites: tuple[Site, ...]
) -> Kernel:
    """Return the kernel of ``touches``; each combination of facts is classified once."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        rows = frame.with_columns(
            pl.col("referrer").fill_null(pl.col("referrer_host"))
            .str.extract(_UP_TO_QUERY).alias("referred_by"),
            pl.col("page_url").str.extract(_UP_TO_PATH).alias("page_at"),
        )  # fmt: skip
        known = _classified(rows.select(_FACTS).unique(), own_hosts, sites)
        rows = rows.join(known, on=_FACTS, how="left", nulls_equal=True, maintain_order="left")
        rows = rows.with_columns(pl.int_range(pl.len()).alias("row"))
        last = (
            pl.when("is_touch")
            .then("row")
            .forward_fill()
            .over("person_key")
            .fill_null(pl.col("row"))
        )
        return rows.with_columns(last.alias("last")).select(
            *carried,
            *(pl.col(name).gather(pl.col("last")) for name in TOUCH),
            pl.col("person_key").is_first_distinct().cast(pl.Int64).alias("is_first"),
            pl.col("is_touch").cast(pl.Int64),
            "page_path",
        )

    return kernel


def _classified(
    facts: pl.DataFrame, own_hosts: Sequence[str], sites: tuple[Site, ...]
) -> pl.DataFrame:
    """Add the touch of each combination of facts, and whether it is one."""
    import polars as pl

    from clickcli.channels import classify

    found = []
    for referrer, page, source, medium, campaign, click_id in facts.iter_rows():
        touch = classify(
            referrer, page, utm_source=source, utm_medium=medium, utm_campaign=campaign,
            click_id=click_id, own_hosts=own_hosts, sites=sites,
        )  # fmt: skip
        found.append(
            (touch.channel, touch.group, touch.source, touch.medium, touch.campaign, touch.why,
             touch.is_touch)
        )  # fmt: skip
    schema = {**dict.fromkeys(TOUCH, pl.String), "is_touch": pl.Boolean}
    return pl.concat([facts, pl.DataFrame(found, schema=schema, orient="row")], how="horizontal")
