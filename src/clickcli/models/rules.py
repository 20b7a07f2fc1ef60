"""Rules between the parts of frequent item sets, measured from counts.

The measures are those of mlxtend's ``association_rules``, worked out from whole numbers and for
all sets at once. One differs: Zhang's metric is undefined where a side is in every basket that
it could be in, and mlxtend says 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from clickcli.models.itemsets import Sets

LEFT, RIGHT, BASKETS = "antecedent_count", "consequent_count", "baskets"


def named(sets: Sequence[Sets], names: pl.Series, separator: str) -> pl.DataFrame:
    """Return one row a set: ``items`` in words, ``size``, ``count``, ``people``, m0, m1 ….

    The members m0 … are item numbers, null beyond the size; items stand in the order of their
    numbers.
    """
    import polars as pl

    schema: dict[str, Any] = dict.fromkeys(("size", "count", "people"), pl.Int64)
    schema["items"] = pl.String
    parts = [pl.DataFrame(schema=schema)]
    for one in sets:
        size = one.members.shape[1]
        members = {f"m{at}": one.members[:, at] for at in range(size)}
        words = [names.gather(numbers).alias(name) for name, numbers in members.items()]
        text = pl.select(pl.concat_str(words, separator=separator)).to_series()
        part = pl.DataFrame({**members, "count": one.counts, "people": one.owners, "items": text})
        parts.append(part.with_columns(pl.lit(size, pl.Int64).alias("size")))
    return pl.concat(parts, how="diagonal")


def rules(
    sets: pl.DataFrame,
    baskets: int,
    *,
    consequent_size: int,
    consequent: Sequence[int] | None = None,
) -> pl.DataFrame:
    """Return every rule between two parts of a set of ``named``, with its measures.

    All subsets of a set must be there, as they are among frequent ones. ``consequent_size`` is
    the largest right-hand side; with ``consequent``, one of these items must be there. Conviction
    is null where it is infinite.
    """
    import polars as pl

    schema: dict[str, Any] = dict.fromkeys(("antecedents", "consequents"), pl.String)
    schema |= dict.fromkeys(("count", "people", LEFT, RIGHT), pl.Int64)
    parts = [pl.DataFrame(schema=schema)]
    for size in range(2, 1 + max(sets["size"].to_list(), default=0)):
        whole = sets.filter(pl.col("size") == size)
        for taken in range(1, min(consequent_size, size - 1) + 1):
            for right in combinations(range(size), taken):
                left = tuple(at for at in range(size) if at not in right)
                rows = whole
                if consequent is not None:
                    asked = (pl.col(f"m{at}").is_in(list(consequent)) for at in right)
                    rows = rows.filter(pl.any_horizontal(asked))
                rows = _with_side(rows, sets, left, "antecedents", LEFT)
                rows = _with_side(rows, sets, right, "consequents", RIGHT)
                parts.append(rows.select(list(schema)))
    table = pl.concat(parts)
    return _measured(table.with_columns(pl.lit(baskets, pl.Int64).alias(BASKETS)))


def _with_side(
    rows: pl.DataFrame, sets: pl.DataFrame, members: Sequence[int], text: str, count: str
) -> pl.DataFrame:
    """Add the words and the count of the set that some members of each row make."""
    import polars as pl

    keys = [f"m{at}" for at in members]
    side = sets.filter(pl.col("size") == len(members)).select(
        *(pl.col(f"m{at}").alias(key) for at, key in enumerate(keys)),
        pl.col("items").alias(text),
        pl.col("count").alias(count),
    )
    return rows.join(side, on=keys, how="inner")


def _measured(table: pl.DataFrame) -> pl.DataFrame:
    """Add the measures; each is one division of whole numbers, or a mean of two."""
    import polars as pl

    from clickcli.expressions import with_rate

    both, left, right, n = (pl.col(name) for name in ("count", LEFT, RIGHT, BASKETS))
    above = both * n - left * right
    most = pl.max_horizontal(both * (n - left), left * (right - both))
    table = with_rate(with_rate(table, "support", "count", BASKETS), "confidence", "count", LEFT)
    return table.with_columns(
        (both * n / (left * right)).alias("lift"),
        (pl.col("confidence_low") * n / right).alias("lift_low"),
        (pl.col("confidence_high") * n / right).alias("lift_high"),
        (above / (n * n)).alias("leverage"),
        pl.when(both < left).then(left * (n - right) / (n * (left - both))).alias("conviction"),
        pl.when(most > 0).then(above / most).alias("zhangs_metric"),
        (both / (left + right - both)).alias("jaccard"),
        ((both / left + both / right) / 2).alias("kulczynski"),
    )
