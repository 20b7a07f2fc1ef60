"""Every page view with what came of it: time on the page, depth, entrance, exit, bounce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.relations.engagement import Bounce, EngagementOptions, is_bounce, is_engaged
from clickcli.relations.sessions import Cut, by_session, over_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel

DEPTH_SCALE: Final = 1_000_000
"""Scroll depth is counted in millionths of a page, so that its sums are exact."""
_NUMBERS: Final = (
    "person_key", "ts", "seq", "first_seq", "start", "time", "depth", "entrances", "exits",
    "bounces",
)  # fmt: skip


def page_views(events: Events, context: Context, options: EngagementOptions) -> nw.LazyFrame[Any]:
    """Return one row a page view of a session, with its ``page_path``.

    ``time`` is until the next page view of the session, for the last one until the session's
    last event; null where nothing follows. ``depth`` is the deepest scroll up to then (see
    ``DEPTH_SCALE``), null where none was sent. ``entrances``, ``exits`` and ``bounces`` are 1 for
    the first and the last page view of a session, and for the first of one that bounced.
    ``start`` and ``first_seq`` are of the session's first event.
    """
    import narwhals as nw

    cut = options.cut()
    columns = {"page_path", "scroll_depth"}
    kind = nw.col("event_type")
    flags = {
        "is_view": kind.is_in(list(options.page_view)),
        "is_conversion": kind == context.dataset.conversion_event,
    }
    schema: dict[str, Dtype] = {**dict.fromkeys(_NUMBERS, "int64"), "page_path": "string"}
    schema |= dict.fromkeys(context.by, "string")
    kernel = page_view_kernel(cut, options.bounce, context.by)
    return over_sessions(events, context, cut, kernel, schema, columns, flags)


def page_view_kernel(cut: Cut, rule: Bounce, by: Sequence[str]) -> Kernel:
    """Return the kernel of ``page_views``."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        session, ts = "session", pl.col("ts")
        rows = by_session(frame, cut).with_columns(
            pl.col("is_view").cum_sum().over(session).alias("view"),
            pl.col("is_view").sum().over(session).alias("views"),
            pl.col("is_conversion").any().over(session).alias("converted"),
            pl.col("seq").last().over(session).alias("last_seq"),
        )
        depth = pl.col("scroll_depth").max().over(session, "view")
        rows = rows.with_columns(_millionths(depth).alias("depth")).filter("is_view")
        following = ts.shift(-1).over(session)
        until = pl.when(pl.col("seq") != pl.col("last_seq")).then(pl.col("session_end"))
        is_first = pl.col("view") == 1
        lasts, views = pl.col("session_end") - pl.col("start"), pl.col("views")
        bounce = is_bounce(is_engaged(lasts, views, pl.col("converted")), views, rule)
        return rows.select(
            "person_key", "ts", "seq", "first_seq", "start",
            (following.fill_null(until) - ts).alias("time"),
            "depth",
            is_first.alias("entrances"),
            (pl.col("view") == pl.col("views")).alias("exits"),
            (is_first & bounce).alias("bounces"),
            "page_path", *by,
        )  # fmt: skip

    return kernel


def _millionths(depth: pl.Expr) -> pl.Expr:
    """Return a share of the page; what is above 1 was sent in percent, more than all is all."""
    import polars as pl

    share = pl.when(depth > 1).then(depth / 100).otherwise(depth).clip(0, 1)
    return (share * DEPTH_SCALE).round().cast(pl.Int64)
