"""The values that stand most often beside a person: categories, brands, devices, channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.analysis import Column

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Favourite:
    """A column whose most frequent values are features; ``of`` is what is counted."""

    name: str
    places: int
    of: str
    help: str

    @property
    def total(self) -> str:
        """Name of the column with how many there are, with any value."""
        return f"{self.name}_{self.of}"

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that ``favourites`` makes."""
        total = Column(self.total, "int64", "count", f"{self.of} {self.help}")
        found = [total]
        for place in range(1, self.places + 1):
            name = f"{self.name}_{place}"
            found += [
                Column(name, "string", "text", f"{self.name} of the most {self.of}, place {place}"),
                Column(f"{name}_{self.of}", "int64", "count", f"{self.of} of {name}"),
                Column(f"{name}_share", "float64", "share", f"{name}_{self.of} ÷ {self.total}"),
                Column(f"{name}_confidence", "float64", "share",
                       f"lower 95 % bound of {name}_share (Wilson)"),
            ]  # fmt: skip
        return tuple(found)


CATEGORY: Final = Favourite(
    "category", 3, "events", "(views, adds, purchases) of items whose category is known"
)
BRAND: Final = Favourite(
    "brand", 3, "events", "(views, adds, purchases) of items whose brand is known"
)
DEVICE: Final = Favourite("device", 2, "sessions", "whose device is known")
CHANNEL: Final = Favourite("channel", 3, "sessions", "by channel, as in traffic")
ALL: Final[Sequence[Favourite]] = (CATEGORY, BRAND, DEVICE, CHANNEL)


def favourites(values: pl.LazyFrame, kind: Favourite) -> pl.DataFrame:
    """Return one row a person from rows of person_key and ``value``; null values do not count.

    The most frequent first, of equally frequent ones the smaller text.
    """
    import polars as pl

    from clickcli.expressions import share, wilson

    counts = values.drop_nulls("value").group_by("person_key", "value").len("n")
    ranked = (
        counts.with_columns(pl.col("n").cast(pl.Int64))
        .sort("person_key", "n", "value", descending=[False, True, False])
        .with_columns(
            pl.int_range(1, pl.len() + 1).over("person_key").alias("place"),
            pl.col("n").sum().over("person_key").alias(kind.total),
        )
        .collect()
    )
    ranked = ranked.with_columns(
        share("n", kind.total).alias("share"), wilson("n", kind.total)[0].alias("confidence")
    )
    found = ranked.select("person_key", kind.total).unique()
    for place in range(1, kind.places + 1):
        name = f"{kind.name}_{place}"
        there = ranked.filter(pl.col("place") == place).select(
            "person_key",
            pl.col("value").alias(name),
            pl.col("n").alias(f"{name}_{kind.of}"),
            pl.col("share").alias(f"{name}_share"),
            pl.col("confidence").alias(f"{name}_confidence"),
        )
        found = found.join(there, on="person_key", how="left")
    return found
