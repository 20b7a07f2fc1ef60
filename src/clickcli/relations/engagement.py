"""Options of sessions that several analyses take, and which sessions are engaged or bounce."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Option
from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.relations.sessions import Cut, SessionRule, Split, sessions
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.context import Context, Events

ENGAGED_US: Final = 10 * MICROSECONDS_PER_SECOND
"""A session that lasts so long is engaged."""
_GROUP: Final = "Sessions"


class Bounce(StrEnum):
    """What makes a session a bounce."""

    ENGAGED = "engaged"
    SINGLE_PAGE = "single-page"


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """How sessions are cut."""

    timeout: Annotated[
        str, Option("A longer gap than this ends a session.", kind="duration", group=_GROUP)
    ] = "30m"
    max_length: Annotated[str, Option("Longest session.", kind="duration", group=_GROUP)] = "24h"
    session_rule: Annotated[
        SessionRule,
        Option("Given session ids: honour and cut, take as given, or ignore (gap).", group=_GROUP),
    ] = SessionRule.CUT

    def cut(self, split: Split = Split.NONE) -> Cut:
        """Return the cut that the options ask for; UsageError for durations that are none."""
        return Cut(
            duration_us(self.timeout), duration_us(self.max_length), self.session_rule, split
        )


@dataclass(frozen=True, kw_only=True)
class EngagementOptions(SessionOptions):
    """How sessions are cut, and which of them are engaged."""

    bounce: Annotated[
        Bounce,
        Option("A bounce is a session not engaged, or one with a single page view.", group=_GROUP),
    ] = Bounce.ENGAGED
    page_view: Annotated[
        tuple[str, ...],
        Option("Event that is a page view (repeatable).", kind="event", group=_GROUP),
    ] = ("page_view", "pageview", "$pageview", "page", "screen_view")


def is_engaged(duration: Any, views: Any, converts: Any) -> Any:
    """Return whether a session is engaged, in the expressions of whichever engine asks."""
    return (duration >= ENGAGED_US) | (views >= 2) | converts


def is_bounce(engaged: Any, views: Any, rule: Bounce) -> Any:
    """Return whether a session is a bounce."""
    return ~engaged if rule is Bounce.ENGAGED else views == 1


def judged_sessions(
    events: Events, context: Context, options: EngagementOptions, cut: Cut
) -> nw.LazyFrame[Any]:
    """Return one row a session with ``page_views``, ``conversions``, duration and 0/1 judgements.

    The judgements are zero_length, engaged, bounces, converted, and mixed (revenue in several
    currencies). A session is engaged when it lasts 10 s, has two page views or converts.
    """
    import narwhals as nw

    kind = nw.col("event_type")
    flags = {
        "page_views": kind.is_in(list(options.page_view)),
        "conversions": kind == context.dataset.conversion_event,
    }
    return _judged(sessions(events, context, cut, flags), options.bounce)


def _judged(table: nw.LazyFrame[Any], rule: Bounce) -> nw.LazyFrame[Any]:
    import narwhals as nw

    duration = nw.col("end") - nw.col("start")
    views, converts = nw.col("page_views"), nw.col("conversions") > 0
    engaged = is_engaged(duration, views, converts)
    judgements = {
        "zero_length": duration == 0,
        "engaged": engaged,
        "bounces": is_bounce(engaged, views, rule),
        "converted": converts,
        "mixed": nw.col("revenue").is_null(),
    }
    return table.with_columns(
        duration.alias("duration"),
        *(nw.when(judgement).then(1).otherwise(0).cast(nw.Int8).alias(name)
          for name, judgement in judgements.items()),
    )  # fmt: skip
