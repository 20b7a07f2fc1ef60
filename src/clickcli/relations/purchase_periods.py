"""How often, how late and how long ago first people bought, in whole days or weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.expressions import inside
from clickcli.relations.orders import now, orders
from clickcli.units import Every

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw

    from clickcli.context import Context, Events

SUMS: Final = ("money", "first_money", "unpriced_repeats", "actual", "before", "calibrated")


@dataclass(frozen=True)
class Held:
    """The periods after ``cutoff`` are held back, ``length`` of them; as many are before it."""

    cutoff: int
    length: int


def last_period(context: Context, every: Every) -> int:
    """Return the number of the period up to which is looked."""
    return context.calendar.index_of(now(context), every)


def purchase_periods(
    events: Events, context: Context, types: Sequence[str], every: Every, held: Held | None
) -> nw.LazyFrame[Any]:
    """Return one row a person with a purchase, and values of ``--by``; periods are by number.

    ``first``, ``last`` and ``periods`` tell when they bought; ``money`` is all that it brought,
    ``first_money`` that of the first period (minor units of ``currency``, which with
    ``is_mixed`` is one of several); ``unpriced_repeats`` are later periods with a purchase of
    unknown amount. Of what is held back, ``actual`` are the periods with a purchase after the
    cutoff, ``before`` those in as long a time before it, ``calibrated`` and ``calibrated_last``
    all up to the cutoff. ``seq`` is that of any purchase.
    """
    import narwhals as nw

    rows = inside(orders(events, context, types), context.period)
    rows = context.calendar.with_index(rows, "period", every)
    keys = ["person_key", *context.by]
    each = rows.group_by(*keys, "period").agg(
        nw.col("amount").fill_null(0).sum().alias("money"),
        nw.col("amount").is_null().cast(nw.Int64).max().alias("unpriced"),
        nw.col("currency").min(),
        nw.col("currency").max().alias("other_currency"),
        nw.col("seq").max(),
    )
    period = nw.col("period")
    each = each.with_columns(period.min().over(*keys).alias("first"))
    is_first = period == nw.col("first")
    flags = {
        "first_money": nw.when(is_first).then(nw.col("money")).otherwise(0),
        "unpriced_repeats": nw.when(is_first).then(0).otherwise(nw.col("unpriced")),
        **_held_back(held),
    }
    each = each.with_columns(**{name: flag.cast(nw.Int64) for name, flag in flags.items()})
    up_to = nw.when(nw.col("calibrated") == 1).then(period).otherwise(None)
    people = each.with_columns(up_to.alias("up_to")).group_by(*keys).agg(
        nw.col("first").min(),
        period.max().alias("last"),
        nw.len().cast(nw.Int64).alias("periods"),
        nw.col(*SUMS).sum(),
        nw.col("up_to").max().alias("calibrated_last"),
        nw.col("currency").min(),
        nw.col("other_currency").max(),
        nw.col("seq").max(),
    )  # fmt: skip
    is_mixed = (nw.col("currency") != nw.col("other_currency")).fill_null(value=False)
    return people.with_columns(is_mixed.cast(nw.Int64).alias("is_mixed")).drop("other_currency")


def _held_back(held: Held | None) -> dict[str, nw.Expr]:
    import narwhals as nw

    if held is None:
        nothing = nw.lit(0, nw.Int64)
        return dict.fromkeys(("actual", "before", "calibrated"), nothing)
    period = nw.col("period")
    is_before = period <= held.cutoff
    flags = {
        "actual": ~is_before,
        "before": is_before & (period > held.cutoff - held.length),
        "calibrated": is_before,
    }
    return {name: nw.when(flag).then(1).otherwise(0) for name, flag in flags.items()}
