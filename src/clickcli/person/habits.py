"""What a person prefers, when they come, how long they decide, what they pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import polars as pl

from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.expressions import share, wilson
from clickcli.filters import property_ref
from clickcli.money import major
from clickcli.relations.content import NO_TYPE
from clickcli.relations.lines import NO_ITEM
from clickcli.relations.quantiles import quantiles, ranked_rows
from clickcli.units import WeekStart

if TYPE_CHECKING:
    from clickcli.context import Context
    from clickcli.person.known import Known
    from clickcli.person.rows import Rows
    from clickcli.person.rules import Rules

MOST: Final = 3
"""Values of a kind that are told."""
PRICE_PERCENTS: Final = (25, 50, 75)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class _Shown:
    """One value each time that a kind of preference showed; null where it did not."""

    key: str
    values: pl.Series
    source: str = "inferred"


def preferences(rows: Rows, known: Known, rules: Rules) -> pl.DataFrame:
    """Return the most frequent values of each kind; of equally frequent ones the smaller first."""
    lines, (hours, days) = known.lines, _clock(known.events, rows.context)
    kinds = [
        _Shown("category", lines["category"]),
        _Shown("brand", lines["brand"]),
        _Shown("content_type", _named(known.content["content_type"], NO_TYPE)),
        _Shown("hour", hours),
        _Shown("weekday", days),
        _Shown("channel", known.sessions["channel"]),
        _Shown("device_type", known.events["device_type"]),
        *_said(rows, rules),
    ]
    table = pl.concat(_counted(kind) for kind in kinds)
    low, _ = wilson("count", "of")
    return table.with_columns(share("count", "of").alias("share"), low.alias("confidence"))


def _named(values: pl.Series, nothing: str) -> pl.Series:
    """Return values with null for the word that stands for none."""
    return values.to_frame().select(pl.first().replace(nothing, None)).to_series()


def _counted(kind: _Shown) -> pl.DataFrame:
    values = kind.values.drop_nulls().cast(pl.String)
    counts = values.alias("value").to_frame().group_by("value").len("count")
    return (
        counts.sort("count", "value", descending=[True, False])
        .head(MOST)
        .select(
            pl.lit(kind.key).alias("key"),
            "value",
            pl.col("count").cast(pl.Int64),
            pl.lit(len(values), pl.Int64).alias("of"),
            pl.lit(kind.source).alias("source"),
        )
    )


def _clock(events: pl.DataFrame, context: Context) -> tuple[pl.Series, pl.Series]:
    """Return the local hour and the weekday of each event."""
    frame = nw.from_native(events.lazy().select("ts"))
    table = context.engine.collect({"rows": context.calendar.with_clock(frame, "hour", "day")})
    first = 6 if context.week_start is WeekStart.SUNDAY else 0
    names = {number: _DAYS[(number + first) % 7] for number in range(7)}
    days = table["rows"]["day"].replace_strict(names, return_dtype=pl.String)
    return table["rows"]["hour"].cast(pl.String).str.zfill(2), days


def _said(rows: Rows, rules: Rules) -> list[_Shown]:
    """Return what the person said in properties; a kind is the property's path."""
    refs = [property_ref(text) for text in rules.likes]
    table = rows.context.engine.collect({"rows": rows.events.frame((), refs)})["rows"]
    return [_Shown(".".join(ref.path), table[ref.column], "explicit") for ref in refs]


def favourites(table: pl.DataFrame, key: str) -> str | None:
    """Return the preferred values of a kind in a line, None without any."""
    values = table.filter((pl.col("key") == key) & (pl.col("source") == "inferred"))["value"]
    return ", ".join(values.to_list()) or None


def decision_median(lines: pl.DataFrame) -> float | None:
    """Return the median of first view to first purchase over the items, in seconds.

    An item that was bought before it was viewed, or never viewed, does not count.
    """
    first = lines.filter(pl.col("item") != NO_ITEM).group_by("item").agg(
        pl.col("ts").filter(pl.col("viewed") == 1).min().alias("view"),
        pl.col("ts").filter(pl.col("bought") == 1).min().alias("purchase"),
    )  # fmt: skip
    spans = first.select((pl.col("purchase") - pl.col("view")).alias("span"))
    return median(spans.filter(pl.col("span") >= 0)["span"], MICROSECONDS_PER_SECOND)


def price_band(lines: pl.DataFrame) -> dict[str, Any]:
    """Return quantiles of the prices in the currency of most of them, and the median bought."""
    priced = lines.filter(pl.col("price").is_not_null())
    counts = priced.group_by("currency").len().sort("len", "currency", descending=[True, False])
    currency = counts["currency"][0] if counts.height else None
    own = priced.filter(pl.col("currency").eq_missing(pl.lit(currency, pl.String)))
    low, middle, high = _percentiles(own["price"], PRICE_PERCENTS)
    bought = median(own.filter(pl.col("bought") == 1)["price"])
    return {
        **in_major({"price_p25": low, "price_median": middle, "price_p75": high,
                    "price_bought_median": bought}, currency),
        "price_currency": currency,
    }  # fmt: skip


def in_major(amounts: dict[str, float | None], currency: str | None) -> dict[str, float | None]:
    """Return amounts in minor units of a currency in major ones."""
    types = {**dict.fromkeys(amounts, pl.Float64), "currency": pl.String}
    table = pl.DataFrame([{**amounts, "currency": currency}], schema=types)
    return table.select(major(name).alias(name) for name in amounts).row(0, named=True)


def median(values: pl.Series, divisor: float = 1.0) -> float | None:
    """Return the median of whole numbers; None of nothing."""
    return _percentiles(values, (50,), divisor)[0]


def _percentiles(
    values: pl.Series, percents: Sequence[int], divisor: float = 1.0
) -> list[float | None]:
    table = values.alias("value").to_frame().with_columns(pl.lit(0).alias("all"))
    ranked = ranked_rows(nw.from_native(table.lazy()), "value", ["all"], percents)
    found = quantiles(nw.to_native(ranked).collect(), "value", ["all"], percents, divisor=divisor)
    return list(found.drop("all").row(0)) if found.height else [None] * len(percents)
