"""The distinct periods in which people were active, each with the ones before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.columns import Dtype
    from clickcli.context import Context
    from clickcli.engines import Kernel


def active_periods(
    frame: nw.LazyFrame[Any], name: str, context: Context, *, begin: int | None
) -> nw.LazyFrame[Any]:
    """Return one row a person, value of ``--by`` and period, numbered by the column ``name``.

    ``before`` and ``after`` are the neighbouring active periods of the person (and value), null
    where there is none. ``place`` counts them from 1, anew at the first one not before ``begin``.
    ``frame`` may name a person's period more than once.
    """
    import narwhals as nw

    keys = ["person_key", *context.by]
    rows = frame.select(*keys, name, nw.col(name).alias("ts"), nw.lit(0, nw.Int64).alias("seq"))
    schema: dict[str, Dtype] = {"person_key": "int64", **dict.fromkeys(context.by, "string")}
    schema |= dict.fromkeys((name, "before", "after", "place"), "int32")
    return context.engine.kernel(rows, _periods_kernel(keys, name, begin), schema)


def _periods_kernel(keys: Sequence[str], name: str, begin: int | None) -> Kernel:
    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from clickcli.engines.polars import begins_run

        number, row = pl.col(name), pl.int_range(pl.len(), dtype=pl.Int32)
        rows = frame.select(*keys, name)
        if len(keys) > 1:
            rows = rows.sort(*keys, name)
        rows = rows.filter(begins_run([*keys, name])).with_columns(is_first=begins_run(keys))
        is_first = pl.col("is_first")
        is_last = is_first.shift(-1, fill_value=True)
        counts_anew = is_first
        if begin is not None:
            counts_anew |= (number >= begin) & (number.shift(1) < begin)
        return rows.with_columns(
            pl.when(~is_first).then(number.shift(1)).alias("before"),
            pl.when(~is_last).then(number.shift(-1)).alias("after"),
            (row - pl.when(counts_anew).then(row).forward_fill() + 1).alias("place"),
        )

    return kernel
