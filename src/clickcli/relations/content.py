"""What somebody did with pieces of content, and how much engagement each interaction shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Option

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.context import Context, Events

NO_TYPE: Final = "(none)"
SCALE: Final = 10
"""Engagement is counted in tenths, so that its sums are exact."""
BASES: Final = {"view": 1, "click": 2, "like": 3, "share": 4, "save": 4, "apply": 5, "endorse": 5}
"""Engagement in tenths by what was done, to which come five for each interaction."""
_ALWAYS: Final = 5
_LONGER: Final = {30_000: 2, 60_000: 2, 120_000: 1}
"""Tenths for an interaction that took more milliseconds than this."""


@dataclass(frozen=True, kw_only=True)
class ContentOptions:
    """Which events are about content."""

    content: Annotated[
        tuple[str, ...],
        Option("Event that is a view of content (repeatable).", kind="event", group="Items"),
    ] = ("content_view", "article_view", "video_view")


def content_events(events: Events, context: Context, options: ContentOptions) -> nw.LazyFrame[Any]:
    """Return one row an interaction with content: ``done``, ``content_type``, ``engagement``.

    Interactions are views (``--content``), and events called ``like``, ``share`` … (or
    ``content_like`` …) that carry a content type. ``engagement`` is 0 to 10 (see ``SCALE``): the
    base of what was done, 5 in any case, and more for more than 30 s, 60 s and 120 s. ``ms`` is the
    duration that was sent, null without one.
    """
    import narwhals as nw

    kind, has_type = nw.col("event_type"), ~nw.col("content_type").is_null()
    word: nw.Expr = nw.lit(None, nw.String)
    for name in BASES:
        own = has_type & kind.is_in([name, f"content_{name}"])
        word = nw.when(own).then(nw.lit(name)).otherwise(word)
    word = nw.when(kind.is_in(list(options.content))).then(nw.lit("view")).otherwise(word)
    columns = ("event_type", "content_type", "item_id", "duration_ms")
    frame = events.frame(columns).with_columns(word.alias("done"))
    frame = frame.filter(~nw.col("done").is_null())
    score: nw.Expr = nw.lit(_ALWAYS, nw.Int64)
    for name, tenths in BASES.items():
        score = score + nw.when(nw.col("done") == name).then(tenths).otherwise(0)
    for limit, tenths in _LONGER.items():
        score = score + nw.when(nw.col("duration_ms") > limit).then(tenths).otherwise(0)
    capped = nw.when(nw.col("score") > SCALE).then(SCALE).otherwise(nw.col("score"))
    return frame.with_columns(score.alias("score")).select(
        "person_key", "ts", "seq", "item_id", "done",
        nw.col("content_type").fill_null(NO_TYPE),
        nw.col("duration_ms").alias("ms"),
        capped.cast(nw.Int64).alias("engagement"),
        *context.by,
    )  # fmt: skip
