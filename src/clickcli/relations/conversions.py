"""From the attempts at a funnel to its steps: people, rates, times, and the same by period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.units import Every

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context

_PERCENTS: Final = (25, 50, 75, 90)


def counted(
    attempts: nw.LazyFrame[Any], steps: int, by: Sequence[str]
) -> dict[str, nw.LazyFrame[Any]]:
    """Return people by depth, sums of the times, and the times at the ranks of quantiles."""
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    depths = (
        attempts.with_columns(nw.col("is_pending").cast(nw.Int64).alias("pending"))
        .group_by(*by, "depth")
        .agg(nw.len().alias("people"), nw.col("pending").sum())
    )
    spans = nw.concat(
        [
            attempts.filter(nw.col("depth") >= step).select(
                *by,
                nw.lit(_pair(step, since), nw.Int64).alias("pair"),
                (nw.col(f"t_{step}") - nw.col(f"t_{since}")).alias("span"),
            )
            for step, since in _pairs(steps) or [(1, 1)]
        ]
    )
    groups = [*by, "pair"]
    return {
        "depths": depths,
        "means": spans.group_by(*groups).agg(nw.col("span").sum(), nw.len().alias("n")),
        "ranks": ranked_rows(spans, "span", groups, _PERCENTS),
    }


def _pairs(steps: int) -> list[tuple[int, int]]:
    """Return the steps between which times are told: from the step before and from the entry."""
    later = range(2, steps + 1)
    return [(step, step - 1) for step in later] + [(step, 1) for step in later if step > 2]


def _pair(step: int, since: int) -> int:
    """Return one number for a pair of steps; grouping by a number is cheaper than by names."""
    return step * 100 + since


def counted_by_period(
    attempts: nw.LazyFrame[Any], steps: int, every: Every, context: Context
) -> nw.LazyFrame[Any]:
    """Return people by period of the entry: all, converted, pending, reached the end in time."""
    import narwhals as nw

    done, is_pending = nw.col("depth") == steps, nw.col("is_pending")
    return (
        context.calendar.with_index(attempts, "index", every, "t_1")
        .with_columns(
            is_pending.cast(nw.Int64).alias("pending"),
            done.cast(nw.Int64).alias("converted"),
            (done & ~is_pending).cast(nw.Int64).alias("reached"),
        )
        .group_by(*context.by, "index")
        .agg(nw.len().alias("people"), nw.col("converted", "pending", "reached").sum())
    )


def step_rows(
    frames: Mapping[str, pl.DataFrame], labels: Sequence[str], by: Sequence[str]
) -> pl.DataFrame:
    """Return one row a step, and value of ``by``, from what ``counted`` gave."""
    import polars as pl

    from clickcli.expressions import share, with_rate

    table = _people(frames["depths"], labels, by)
    before, first = pl.col("reached").shift(1), pl.col("reached").first()
    table = table.with_columns(
        previous=before.over(by) if by else before, entered=first.over(by) if by else first
    )
    table = with_rate(table, "conversion", "reached", "entered")
    table = with_rate(table, "step_conversion", "reached", "previous")
    dropped = pl.col("previous") - pl.col("reached")
    table = table.with_columns(dropped=dropped).with_columns(drop_off=share("dropped", "previous"))
    return _with_times(table, frames, by)


def _people(depths: pl.DataFrame, labels: Sequence[str], by: Sequence[str]) -> pl.DataFrame:
    """Add up depths to the people that came at least so far; every step has a row."""
    import polars as pl

    names = pl.DataFrame({"step": range(1, len(labels) + 1), "name": labels})
    groups = depths.select(by).unique() if by else pl.DataFrame({"only": [0]})
    grid = groups.join(names, how="cross")
    found = depths if by else depths.with_columns(only=0)
    on = list(by) or ["only"]
    sums = (
        grid.join(found, on=on)
        .filter(pl.col("depth") >= pl.col("step"))
        .group_by(*on, "step")
        .agg(pl.col("people", "pending").sum())
    )
    return (
        grid.join(sums, on=[*on, "step"], how="left")
        .with_columns(pl.col("people", "pending").fill_null(0).cast(pl.Int64))
        .with_columns(reached=pl.col("people") - pl.col("pending"))
        .sort(*on, "step")
    )


def _with_times(
    table: pl.DataFrame, frames: Mapping[str, pl.DataFrame], by: Sequence[str]
) -> pl.DataFrame:
    import polars as pl

    from clickcli.relations.quantiles import quantiles

    keys = [*by, "pair"]
    mean = pl.col("span") / (pl.col("n") * MICROSECONDS_PER_SECOND)
    spans = quantiles(
        frames["ranks"], "span", keys, _PERCENTS, divisor=MICROSECONDS_PER_SECOND
    ).join(frames["means"].with_columns(mean=mean), on=keys)
    names = {"p50": "median", "mean": "mean", "p25": "p25", "p75": "p75", "p90": "p90"}
    step, first = pl.col("pair") // 100, pl.lit(1)
    for origin, since in (("previous", step - 1), ("entry", first)):
        own = spans.filter((step > 1) & (pl.col("pair") % 100 == since)).select(
            *by,
            step.alias("step"),
            *(pl.col(old).alias(f"from_{origin}_{new}_s") for old, new in names.items()),
        )
        table = table.join(own, on=[*by, "step"], how="left")
    return table


def period_rows(counts: pl.DataFrame, every: Every, within: int, context: Context) -> pl.DataFrame:
    """Name the periods of ``counted_by_period``; one is complete when all its windows closed."""
    import polars as pl

    from clickcli.expressions import with_rate

    table = context.with_period_names(counts, every, after=within)
    table = table.with_columns(
        entered=pl.col("people") - pl.col("pending"),
        complete=pl.col("complete") & (pl.col("pending") == 0),
    )
    return with_rate(table, "conversion", "reached", "entered")
