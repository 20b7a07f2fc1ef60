"""Pairs of items that are worth a bundle, of five kinds, with a discount that margin allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

_SLOW, _STRONG = 0.25, 0.5
_PAIR: Final = ("item", "partner")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a bundle must be, and what may be taken off its price."""

    min_count: int
    min_lift: float
    discount: float
    keep_margin: float


def bundles(rows: pl.DataFrame, months: pl.DataFrame, baskets: int, terms: Terms) -> pl.DataFrame:
    """Return one row a kind and pair.

    ``rows`` has one row an item of a basket, of the items in enough of them: person_key, basket,
    item, category, price and cost in minor units, currency, month (1–12). ``months`` counts the
    ``baskets`` of each month.
    """
    import polars as pl

    pairs = _pairs(rows, baskets, terms)
    facts = _facts(rows)
    for name in _PAIR:
        own = facts.rename({c: f"{name}_{c}" for c in facts.columns if c != "item"})
        pairs = pairs.join(own, left_on=name, right_on="item", how="left")
    pairs = _with_season(_with_price(pairs, terms), rows, months, baskets, terms)
    counts = rows.group_by("item").len()["len"].cast(pl.Float64)
    slow = counts.quantile(_SLOW, "lower") if len(counts) else 0.0
    strong = counts.quantile(_STRONG, "lower") if len(counts) else 0.0
    pair = [pl.min_horizontal(_PAIR), pl.max_horizontal(_PAIR)]
    best = pl.col("item").sort_by("lift_low", "item", descending=[True, False]).first().over(pair)
    is_best = pl.col("item") == best
    is_other = pl.col("item_category") != pl.col("partner_category")
    is_dearer = pl.col("partner_price") > pl.col("item_price")
    in_one = pl.col("item_currency") == pl.col("partner_currency")
    kinds = {
        "complementary": is_best,
        "cross-sell": is_other,
        "upsell": ~is_other & is_dearer & in_one,
        "seasonal": pl.col("season").is_not_null() & is_best,
        "promotional": (pl.col("partner_count") <= slow) & (pl.col("item_count") > strong),
    }
    is_seasonal = pl.col("bundle_kind") == "seasonal"
    return pl.concat(
        pairs.filter(chosen).with_columns(pl.lit(kind).alias("bundle_kind"))
        for kind, chosen in kinds.items()
    ).with_columns(pl.when(is_seasonal).then(pl.col("season", "season_count")))


def _pairs(rows: pl.DataFrame, baskets: int, terms: Terms) -> pl.DataFrame:
    """Return every rule from an item to a partner whose lower bound of lift is high enough."""
    import polars as pl

    from clickcli.models.itemsets import frequent_sets
    from clickcli.models.rules import named, rules

    names = rows["item"].unique().sort()
    code = pl.col("item").cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    coded = rows.select("person_key", "basket", code.alias("item")).sort("person_key", "basket")
    coded = coded.with_columns(pl.col("person_key", "basket").rle_id().cast(pl.Int64))
    owners = coded.unique("basket", keep="any", maintain_order=True)["person_key"]
    found = frequent_sets(
        coded["basket"].to_numpy(), coded["item"].to_numpy(), owners.to_numpy(),
        min_count=terms.min_count, max_len=2,
    )  # fmt: skip
    table = rules(named(found, names, ""), baskets, consequent_size=1)
    sides = {"antecedents": "item", "consequents": "partner"}
    counts = {"antecedent_count": "item_count", "consequent_count": "partner_count"}
    return table.rename({**sides, **counts}).filter(pl.col("lift_low") > terms.min_lift)


def _facts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each item's most common category, and its mean price and cost where most are known.

    Both are in the currency of most of its baskets; of equal ones the smaller name counts.
    """
    import polars as pl

    def most(name: str) -> pl.DataFrame:
        counts = rows.drop_nulls(name).group_by("item", name).len("n")
        ordered = counts.sort("item", "n", name, descending=[False, True, False])
        return ordered.unique("item", keep="first", maintain_order=True).drop("n")

    own = rows.join(most("currency"), on=["item", "currency"])
    means = own.group_by("item", "currency").agg(
        (pl.col(name).sum() / pl.col(name).count()).fill_nan(None).alias(name)
        for name in ("price", "cost")
    )
    every = rows.select("item").unique()
    return every.join(most("category"), on="item", how="left").join(means, on="item", how="left")


def _with_price(pairs: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add price, margin rate and discount of both items together."""
    import polars as pl

    from clickcli.money import unit

    in_one = pl.col("item_currency") == pl.col("partner_currency")
    sums: list[Any] = [
        pl.when(in_one).then(pl.col(f"item_{name}") + pl.col(f"partner_{name}")).alias(name)
        for name in ("price", "cost")
    ]
    pairs = pairs.with_columns(*sums, pl.when(in_one).then("item_currency").alias("currency"))
    price, cost = pl.col("price"), pl.col("cost")
    allowed = 1 - cost / (price * (1 - terms.keep_margin))
    bound = pl.when(price > 0).then(allowed).fill_null(terms.discount)
    return pairs.with_columns(
        (price / unit()).alias("price"),
        pl.when(price > 0).then((price - cost) / price).alias("margin_rate"),
        pl.min_horizontal(bound, terms.discount).clip(0).alias("discount"),
        pl.when(price.is_not_null()).then("currency").alias("currency"),
    )


def _with_season(
    pairs: pl.DataFrame, rows: pl.DataFrame, months: pl.DataFrame, baskets: int, terms: Terms
) -> pl.DataFrame:
    """Add the month that holds more of a pair's baskets than of all, null where none does."""
    import polars as pl

    from clickcli.expressions import wilson

    held = rows.select("item", "basket", "month")
    both = pairs.select(*_PAIR, "count").join(held, on="item")
    both = both.join(
        held.select(pl.col("item").alias("partner"), "basket"), on=["partner", "basket"]
    )
    own = both.group_by(*_PAIR, "count", "month").len("season_count")
    own = own.join(months.select("month", "baskets"), on="month")
    own = own.with_columns(wilson("season_count", "count")[0].alias("least"))
    own = own.filter(
        (pl.col("least") * baskets > pl.col("baskets"))
        & (pl.col("season_count") >= terms.min_count)
    ).sort("season_count", "month", descending=[True, False])
    best = own.unique(_PAIR, keep="first", maintain_order=True)
    best = best.select(*_PAIR, pl.col("month").alias("season"), "season_count")
    return pairs.join(best, on=list(_PAIR), how="left")
