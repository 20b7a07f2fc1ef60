"""What was recommended, which of it was clicked, and what was bought after a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.relations.lines import NO_ITEM, lines

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel

NO_SOURCE: Final = "(none)"
NO_POSITION: Final = -1
"""Position of what tells none, or one below 0."""
_SHOWN, _CLICK, _PURCHASE = 0, 1, 2
_PLACE: Final = ("person_key", "item", "list")
"""What an event and the one that showed it have in common."""
_INPUT: Final = (
    "person_key", "ts", "seq", "line", "kind", "item", "list", "position", "source", "sold",
    "currency",
)  # fmt: skip
_NUMBERS: Final = (
    "person_key", "ts", "seq", "line", "position", "clicked_ts", "bought_ts", "sold",
)  # fmt: skip


class Bought(StrEnum):
    """What must be bought after a click."""

    ITEM = "item"
    ANY = "any"


class Row(StrEnum):
    """What a row is."""

    SHOWN = "shown"
    CLICK = "click"
    STRAY = "stray"
    SALE = "sale"


@dataclass(frozen=True, slots=True)
class Words:
    """The event types, where they say source and list, and which purchases count for how long."""

    shown: tuple[str, ...]
    clicks: tuple[str, ...]
    purchases: tuple[str, ...]
    source: str
    list_id: str
    bought: Bought
    within: int


def recommended(events: Events, context: Context, words: Words) -> nw.LazyFrame[Any]:
    """Return one row an item shown, one a click, and one a line bought after a click.

    ``row`` says which, (seq, line) whose. A click belongs to the latest showing of its item to the
    person, under the same list where lists are told, at or before it, and at the same position
    where it was shown there; one without is ``stray``. A purchase belongs to the latest first click
    before it, no longer before it than the window. Showings have ``clicked_ts``, the first click,
    and ``bought_ts``, the first line bought; lines bought have ``sold``, what they brought, in
    minor units. Every row but a stray one has the ``position``, ``source`` and values of ``--by``
    of the showing, and its time as ``ts``.
    """
    import narwhals as nw

    from clickcli.filters import PropertyRef, column_or_property

    told = [column_or_property(text) for text in (words.source, words.list_id)]
    refs = [ref for ref in told if isinstance(ref, PropertyRef)]
    names = [ref.column if isinstance(ref, PropertyRef) else ref for ref in told]
    types = [*words.shown, *words.clicks]
    of_event = events.frame({n for n in told if isinstance(n, str)}, refs, with_by=False)
    of_event = of_event.select(
        "seq",
        nw.col(names[0]).cast(nw.String).fill_null(NO_SOURCE).alias("source"),
        nw.col(names[1]).cast(nw.String).fill_null("").alias("list"),
    )
    listed = lines(events, context, types, ("line", "lines", "item_id"), ("position",))
    kind = nw.when(nw.col("event_type").is_in(list(words.shown))).then(_SHOWN).otherwise(_CLICK)
    position = nw.col("position")
    own = nw.when(position >= 0).then(position).otherwise(NO_POSITION)
    in_list = nw.when(nw.col("lines") > 1).then(nw.col("line") + 1).otherwise(own)
    listed = listed.join(of_event, on="seq", how="inner").with_columns(
        kind.cast(nw.Int64).alias("kind"),
        nw.col("item_id").alias("item"),
        in_list.cast(nw.Int64).alias("position"),
        nw.lit(None).cast(nw.Int64).alias("sold"),
        nw.lit(None).cast(nw.String).alias("currency"),
    )
    rows = nw.concat([
        listed.select(*_INPUT, *context.by), _sales(events, context, words, context.by)
    ])  # fmt: skip
    schema: dict[str, Dtype] = dict.fromkeys(_NUMBERS, "int64")
    schema |= dict.fromkeys(("row", "source", "currency", *context.by), "string")
    return context.engine.kernel(rows, recommendation_kernel(words, context.by), schema)


def _sales(events: Events, context: Context, words: Words, by: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return one row a line of a purchase, with what it brought where that is known."""
    import narwhals as nw

    columns = ("line", "lines", "item_id", "price", "quantity", "currency")
    rows = lines(events, context, words.purchases, columns, ("revenue",))
    price, alone = nw.col("price"), nw.col("lines") == 1
    own = nw.when(alone).then(nw.col("revenue")).otherwise(None)
    sold = nw.when(~price.is_null()).then(price * nw.col("quantity")).otherwise(own)
    if words.bought is Bought.ITEM:
        rows = rows.filter(nw.col("item_id") != NO_ITEM)
    return rows.with_columns(
        nw.lit(_PURCHASE, nw.Int64).alias("kind"),
        nw.col("item_id").alias("item"),
        nw.lit("", nw.String).alias("list"),
        nw.lit(None).cast(nw.Int64).alias("position"),
        nw.lit(None).cast(nw.String).alias("source"),
        sold.alias("sold"),
    ).select(*_INPUT, *by)


def recommendation_kernel(words: Words, by: Sequence[str]) -> Kernel:
    """Return the kernel of ``recommended``; ``kind`` is 0 for shown, 1 click, 2 purchase."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        rows = frame.sort("person_key", "ts", "seq", "line")
        kind = pl.col("kind")
        seen = rows.filter(kind != _PURCHASE).with_columns(
            (kind == _SHOWN).cum_sum().over(_PLACE).alias("number"),
            (kind == _SHOWN).cum_sum().over(*_PLACE, "position").alias("number_there"),
        )
        shown = seen.filter(kind == _SHOWN).with_row_index("at")
        clicks = _matched(seen.filter(kind == _CLICK), shown)
        first = clicks.drop_nulls("at").sort("ts", "seq", "line").unique("at", keep="first")
        sales = _after_clicks(rows.filter(kind == _PURCHASE), first, words)
        shown = shown.join(
            first.select("at", pl.col("ts").alias("clicked_ts")), on="at", how="left"
        ).join(sales.group_by("at").agg(pl.col("ts").min().alias("bought_ts")), on="at", how="left")
        shown = shown.with_columns(pl.lit(Row.SHOWN.value).alias("row"))
        facts = shown.select("at", "position", "source", "ts", *by)
        parts = [shown]
        for name, part in {Row.CLICK: clicks.drop_nulls("at"), Row.SALE: sales}.items():
            part = part.drop("position", "source", "ts", *by).join(facts, on="at")  # noqa: PLW2901 - the same rows
            parts.append(part.with_columns(pl.lit(name.value).alias("row")))
        stray = clicks.filter(pl.col("at").is_null())
        parts.append(stray.with_columns(pl.lit(Row.STRAY.value).alias("row")))
        names = [*_NUMBERS, "row", "source", "currency", *by]
        return pl.concat(parts, how="diagonal").select(names).sort("person_key", "seq", "line")

    return kernel


def _matched(clicks: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Add which showing a click belongs to, ``at``; one at its own position goes before others."""
    import polars as pl

    latest, there = [*_PLACE, "number"], [*_PLACE, "position", "number_there"]
    has_position = pl.col("position") != NO_POSITION
    return (
        clicks.join(shown.select(*latest, "at"), on=latest, how="left")
        .join(shown.select(*there, pl.col("at").alias("at_there")), on=there, how="left")
        .with_columns(pl.coalesce(pl.when(has_position).then("at_there"), pl.col("at")).alias("at"))
    )


def _after_clicks(bought: pl.DataFrame, clicks: pl.DataFrame, words: Words) -> pl.DataFrame:
    """Return the purchases inside the window of the latest click before, with its ``at``."""
    import polars as pl

    who = ["person_key", "item"] if words.bought is Bought.ITEM else ["person_key"]
    names = [*_INPUT, "at", *(name for name in bought.columns if name not in _INPUT)]
    clicks = clicks.select(names).with_columns(pl.col("ts").alias("clicked"))
    rows = pl.concat([clicks, bought], how="diagonal").sort("person_key", "ts", "seq", "line")
    rows = rows.with_columns(pl.col("at", "clicked").forward_fill().over(who))
    is_inside = pl.col("ts") - pl.col("clicked") <= words.within
    return rows.filter((pl.col("kind") == _PURCHASE) & is_inside)
