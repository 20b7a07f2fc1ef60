"""What a person did, as things in baskets: items of orders, pages of sessions, event types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

from clickcli.analysis import Option
from clickcli.errors import UsageError
from clickcli.expressions import inside
from clickcli.relations.engagement import EngagementOptions, SessionOptions
from clickcli.relations.item_events import VIEWS
from clickcli.relations.lines import NO_ITEM, lines
from clickcli.relations.page_paths import NO_PATH, Paths, page_path
from clickcli.relations.visits import session_starts

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events


class Basket(StrEnum):
    """What is one basket."""

    ORDER = "order"
    SESSION = "session"
    PERSON = "person"


class Over(StrEnum):
    """What is in the baskets."""

    ITEM = "item"
    CATEGORY = "category"
    BRAND = "brand"
    PAGE = "page"
    EVENT_TYPE = "event_type"

    @property
    def many(self) -> str:
        """More than one of them, in words."""
        return "categories" if self is Over.CATEGORY else f"{self.value.replace('_', ' ')}s"

    @property
    def is_of_items(self) -> bool:
        """Whether an event may hold several of them."""
        return self in (Over.ITEM, Over.CATEGORY, Over.BRAND)


@dataclass(frozen=True, kw_only=True)
class ThingOptions(SessionOptions):
    """What counts as a thing."""

    over: Annotated[Over, Option("What patterns are made of.")] = Over.ITEM
    event: Annotated[
        tuple[str, ...],
        Option("Only these events (repeatable); default: see --explain.", kind="event"),
    ] = ()
    paths: Annotated[
        Paths, Option("clean: ids, dates and addresses in paths become words; raw: as they are.")
    ] = Paths.CLEAN

    def types(self, context: Context, basket: Basket) -> list[str]:
        """Return the types of the events that count."""
        if self.event:
            return list(self.event)
        if basket is Basket.ORDER:
            return [context.dataset.conversion_event]
        if self.over is Over.EVENT_TYPE:
            passive = set(context.dataset.passive_events)
            return [name for name in context.dataset.event_types if name not in passive]
        return list(EngagementOptions.page_view if self.over is Over.PAGE else VIEWS)


@dataclass(frozen=True, kw_only=True)
class SupportOptions(ThingOptions):
    """What counts as a thing, and how often patterns of them must be found."""

    min_support: Annotated[
        float, Option("Least share of the baskets.", kind="count", minimum=0, maximum=1)
    ] = 0.01
    min_count: Annotated[int, Option("Least number of baskets.", kind="count", minimum=1)] = 5

    def least(self, baskets: int) -> int:
        """Return how many of so many baskets a pattern must be in."""
        return max(self.min_count, ceil(self._share() * baskets))

    def _share(self) -> Fraction:
        """Return the least share as it was written, so that 7 of 100 are 0.07."""
        return Fraction(repr(self.min_support))

    def frequent(self, rows: nw.LazyFrame[Any], by: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return the rows of those things that are in enough baskets; an integer comparison."""
        import narwhals as nw

        rows, share = rows.with_columns(nw.lit(0, nw.Int64).alias("all")), self._share()
        groups = [*by, "all"]
        baskets = nw.col("basket").n_unique()
        totals = rows.group_by(*groups).agg(baskets.alias("baskets"))
        counts = rows.group_by(*groups, "thing").agg(baskets.alias("count"))
        counts = counts.join(totals, on=groups, how="inner").filter(
            (nw.col("count") >= self.min_count)
            & (nw.col("count") * share.denominator >= nw.col("baskets") * share.numerator)
        )
        return rows.join(counts.select(*groups, "thing"), on=[*groups, "thing"], how="inner")


def check_things(options: ThingOptions, basket: Basket) -> None:
    """Refuse durations that cannot be read, and orders of what is never ordered."""
    options.cut()
    if basket is Basket.ORDER and not options.over.is_of_items:
        raise UsageError(
            f"an order holds no {options.over.many}", hint="--basket session or person does"
        )


def things(
    events: Events, context: Context, options: ThingOptions, basket: Basket
) -> nw.LazyFrame[Any]:
    """Return one row a thing of an event: ``basket``, ``thing``, ``line`` (its place in the event).

    A basket is named by a number that no other has: the ``seq`` of the session's first event or
    of the order's (an event without an order id is an order), or the person's key. Those of
    sessions that start in the period, else of events in it; what names no thing is left out.
    """
    import narwhals as nw

    types = options.types(context, basket)
    if options.over.is_of_items:
        column = "item_id" if options.over is Over.ITEM else options.over.value
        carried = ("order_id",) if basket is Basket.ORDER else ()
        frame = lines(events, context, types, ("line", column), carried)
        thing = nw.col(column)
    else:
        column = "page_path" if options.over is Over.PAGE else "event_type"
        frame = events.frame({"event_type", column})
        frame = frame.filter(nw.col("event_type").is_in(types))
        frame = frame.with_columns(nw.lit(0, nw.Int64).alias("line"))
        thing = page_path(column, options.paths) if options.over is Over.PAGE else nw.col(column)
    frame = frame.with_columns(thing.alias("thing"))
    frame = frame.filter(~nw.col("thing").is_null() & ~nw.col("thing").is_in([NO_ITEM, NO_PATH]))
    if basket is Basket.SESSION:
        starts = session_starts(events, context, options.cut(), types)
        frame = inside(frame.join(starts, on="seq", how="inner"), context.period, "start")
        number = nw.col("first_seq")
    elif basket is Basket.ORDER:
        frame = inside(frame, context.period)
        first = nw.col("seq").min().over("person_key", "order_id")
        number = nw.when(nw.col("order_id").is_null()).then(nw.col("seq")).otherwise(first)
    else:
        frame = inside(frame, context.period)
        number = nw.col("person_key")
    frame = frame.with_columns(number.alias("basket"))
    return frame.select("person_key", "ts", "seq", "line", "basket", "thing", *context.by)


def each_group(
    totals: pl.DataFrame,
    rows: pl.DataFrame,
    by: Sequence[str],
    mined: Callable[[pl.DataFrame, Mapping[str, Any]], Mapping[str, pl.DataFrame]],
) -> dict[str, pl.DataFrame]:
    """Return the tables that ``mined`` makes of the rows of each value of a breakdown.

    ``totals`` has one line a value, which goes along; without a breakdown nothing is a line of
    zeros.
    """
    import polars as pl

    from clickcli.expressions import zeros

    if not totals.height and not by:
        totals = zeros(totals)
    found: dict[str, list[pl.DataFrame]] = {}
    for line in totals.sort(*by, "all").iter_rows(named=True):
        mine = rows.filter([pl.col(name) == line[name] for name in by]) if by else rows
        labels = [pl.lit(line[name], pl.String).alias(name) for name in by]
        for table, part in mined(mine, line).items():
            found.setdefault(table, []).append(part.with_columns(*labels))
    return {name: pl.concat(parts) for name, parts in found.items()}
