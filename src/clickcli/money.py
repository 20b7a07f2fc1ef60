"""Minor units to major ones, and sums that never add up several currencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def unit(currency: str = "currency") -> pl.Expr:
    """Return how many minor units make a major one, by each row's currency."""
    import polars as pl

    from clickcli.currencies import DEFAULT_EXPONENT, EXPONENTS

    exponent = pl.col(currency).replace_strict(
        EXPONENTS, default=DEFAULT_EXPONENT, return_dtype=pl.Int64
    )
    return pl.lit(10.0).pow(exponent.fill_null(DEFAULT_EXPONENT))


def major(units: str, currency: str = "currency") -> pl.Expr:
    """Return minor units in major ones, by each row's currency."""
    import polars as pl

    return pl.col(units) / unit(currency)


def one_currency(
    money: pl.DataFrame, groups: Sequence[str], units: str, currency: str = "currency"
) -> pl.DataFrame:
    """Return one row a group: ``units`` in major units, ``currency``, and ``currencies``.

    ``money`` has one row a group and currency, in minor units. Where a group has amounts in
    several currencies, ``currencies`` says how many and both others are null; nothing is 0.
    """
    import polars as pl

    keys = list(groups)
    one = pl.len() == 1
    sums = (
        money.filter(pl.col(units) != 0)
        .with_columns(major(units, currency).alias(units))
        .group_by(keys)
        .agg(
            pl.when(one).then(pl.col(units).sum()).alias(units),
            pl.when(one).then(pl.col(currency).min()).alias("currency"),
            pl.len().cast(pl.Int64).alias("currencies"),
        )
    )
    whole = money.select(keys).unique().join(sums, on=keys, how="left")
    nothing = pl.col("currencies").is_null()
    return whole.with_columns(
        pl.when(nothing).then(0.0).otherwise(pl.col(units)).alias(units),
        pl.col("currencies").fill_null(0),
    )
