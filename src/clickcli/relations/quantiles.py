"""Exact quantiles and means by group, on any engine.

Only the rows at the wanted ranks leave the engine, so the result has report size whatever
the number of values; interpolation is linear between the two nearest ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clickcli.expressions import floor_div

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

RANK, COUNT = "rank", "count"


def ranked_rows(
    frame: nw.LazyFrame[Any], value: str, groups: Sequence[str], percents: Sequence[int]
) -> nw.LazyFrame[Any]:
    """Return the rows of each group that its quantiles need, with ``rank`` from 0 and ``count``.

    ``value`` is an integer column; rows where it is null do not count.
    """
    import narwhals as nw

    known = frame.filter(~nw.col(value).is_null()).select(*groups, value)
    ranked = known.with_columns(
        (nw.col(value).rank("ordinal").over(*groups).cast(nw.Int64) - 1).alias(RANK),
        nw.len().over(*groups).cast(nw.Int64).alias(COUNT),
    )
    wanted = nw.lit(value=False)
    for percent in percents:
        low = floor_div((nw.col(COUNT) - 1) * percent, 100)
        wanted = wanted | (nw.col(RANK) == low) | (nw.col(RANK) == low + 1)
    return ranked.filter(wanted)


def quantiles(
    rows: pl.DataFrame, value: str, groups: Sequence[str], percents: Sequence[int],
    *, prefix: str = "p", divisor: float = 1.0,
) -> pl.DataFrame:  # fmt: skip
    """Return one row a group with a column ``PREFIX<percent>`` for each percent.

    ``rows`` are those of ``ranked_rows``; values are divided by ``divisor`` at the end.
    """
    import polars as pl

    columns = []
    for percent in percents:
        position = (pl.col(COUNT) - 1) * percent
        low = position // 100
        at_low = pl.col(value).filter(pl.col(RANK) == low).first()
        at_high = pl.col(value).filter(pl.col(RANK) == low + 1).first()
        part = (position % 100).first()
        between = at_low * (100 - part) + at_high.fill_null(0) * part
        scale = pl.lit(100.0 * divisor) + 0 * between  # a scalar would be multiplied by 1/scale
        columns.append((between / scale).alias(f"{prefix}{percent}"))
    return rows.group_by(groups).agg(columns)
