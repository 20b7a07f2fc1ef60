"""One row a purchase, with what it brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Option
from clickcli.columns import Dtype
from clickcli.relations.lines import LINE_COLUMNS, MOST_MINOR, expanded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_COST: Final = "own_cost"
_SCHEMA: Final[dict[str, Dtype]] = {
    "person_key": "int64", "ts": "int64", "seq": "int64", "order_id": "string",
    "amount": "int64", "currency": "string",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OrderOptions:
    """Which events are purchases."""

    purchase: Annotated[
        tuple[str, ...],
        Option("Event that is a purchase (repeatable); default: the conversion event.",
               kind="event"),
    ] = ()  # fmt: skip

    def purchases(self, context: Context) -> tuple[str, ...]:
        """Return the event types that are purchases."""
        return self.purchase or (context.dataset.conversion_event,)

    def missing(self, context: Context) -> list[str]:
        """Return a note where the store holds no purchases."""
        if any(name in context.dataset.event_types for name in self.purchases(context)):
            return []
        return ["no purchases in the store: name the events that are with --purchase"]


def now(context: Context) -> int:
    """Return the moment up to which is looked: as-of, or the end of a period that is over."""
    end = context.period.end
    return context.as_of if end is None else min(context.as_of, end - 1)


def orders(events: Events, context: Context, types: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return one row a purchase: person_key, ts, seq, order_id, amount, currency, by_1 ….

    ``amount`` is the event's revenue in minor units, else price × quantity of all its lines; where
    neither is known, or the lines have several currencies, it and ``currency`` are null. Events
    that share an order's id are rows of their own.
    """
    import narwhals as nw

    asked = {*LINE_COLUMNS, "event_type", "order_id", "revenue"}
    frame = events.frame(asked).filter(nw.col("event_type").is_in(list(types)))
    names = ["person_key", "ts", "seq", *LINE_COLUMNS, "order_id", "revenue", *context.by]
    schema = _SCHEMA | dict.fromkeys(context.by, "string")
    return context.engine.kernel(frame.select(*names), _with_amounts, schema)


def _with_amounts(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what each purchase brought."""
    import polars as pl

    lines = expanded(frame.with_columns(pl.lit(None, pl.Float64).alias(_COST)))
    sold = (pl.col("price").cast(pl.Float64) * pl.col("quantity")).sum()
    is_known = pl.col("price").is_not_null().all() & (pl.col("currency").n_unique() == 1)
    sums = lines.group_by("seq").agg(
        pl.when(is_known).then(sold).alias("sold"), pl.col("currency").first().alias("sold_in")
    )
    revenue, sold = pl.col("revenue"), pl.col("sold")
    rows = frame.join(sums, on="seq", how="left").with_columns(
        _reasonable(revenue).alias("amount"),
        pl.when(sold < MOST_MINOR).then(sold).cast(pl.Int64).alias("sold"),
    )
    has_revenue = revenue.is_not_null()
    rows = rows.with_columns(
        pl.when(has_revenue).then("amount").otherwise("sold").alias("amount"),
        pl.when(has_revenue).then("currency").otherwise("sold_in").alias("currency"),
    )
    is_told = pl.col("amount").is_not_null() & pl.col("currency").is_not_null()
    return rows.with_columns(pl.when(is_told).then(pl.col("amount", "currency")))


def _reasonable(amount: pl.Expr) -> pl.Expr:
    """Return an amount, null where it is so large that sums would not fit 64 bits."""
    import polars as pl

    return pl.when(amount.abs() < MOST_MINOR).then(amount)
