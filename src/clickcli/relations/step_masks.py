"""Mark each event with the steps of a funnel that it may fill."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.steps import Step


class FirstTime(StrEnum):
    """Which first-step events may open an attempt."""

    ANY = "any"
    EVENT = "event"
    MATCHING = "matching"


def bits(steps: Sequence[Step]) -> nw.Expr:
    """Return a small integer whose bit k says that the event fills the k-th step."""
    import narwhals as nw

    sizes = {7: nw.Int8, 15: nw.Int16, 31: nw.Int32}
    size = next((size for most, size in sizes.items() if len(steps) <= most), nw.Int64)
    mask: nw.Expr = nw.lit(0, size)
    for number, step in enumerate(steps):
        own = nw.lit(1 << number, size)
        mask = mask + nw.when(step.expression()).then(own).otherwise(nw.lit(0, size))
    return mask


def only_first_time(
    frame: nw.LazyFrame[Any], step: Step, first_time: FirstTime
) -> nw.LazyFrame[Any]:
    """Take the first step's bit from all but the person's first event of its type (and filter).

    ``event``: the first event of that type must itself pass the filter; ``matching``: the first
    event that passes it counts.
    """
    import narwhals as nw

    fills = step.expression()
    is_of_type = fills
    if first_time is FirstTime.EVENT and step.event_types is not None:
        is_of_type = nw.col("event_type").is_in(sorted(step.event_types))
    elif first_time is FirstTime.EVENT:
        is_of_type = nw.lit(value=True)
    at = nw.when(is_of_type).then(nw.col("ts")).otherwise(None)
    counts = fills & (nw.col("ts") == at.min().over("person_key"))
    without = nw.when(fills).then(nw.col("mask") - 1).otherwise(nw.col("mask"))
    return frame.with_columns(nw.when(counts).then(nw.col("mask")).otherwise(without).alias("mask"))
