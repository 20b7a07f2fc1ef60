"""People one by one: how many are listed, whose ids they have, and those of each breakdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from clickcli.analysis import Option
from clickcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """How many people are listed."""

    list: Annotated[str, Option("People listed in the table `people`: a number, or all.")] = "20"

    def listed(self) -> int | None:
        """Return how many, None for all; UsageError for what is neither."""
        if self.list == "all":
            return None
        if not (self.list.isascii() and self.list.isdigit() and len(self.list) < 19):
            raise UsageError(f"--list must be a number or all, was {self.list!r}")
        return int(self.list)


def named(table: nw.LazyFrame[Any], events: Events) -> nw.LazyFrame[Any]:
    """Add ``person_id`` and ``is_known`` of the event whose ``seq`` each row has."""
    names = events.frame(("person_id", "is_known"), with_by=False)
    return table.join(names.select("seq", "person_id", "is_known"), on="seq", how="left")


def by_value(
    people: pl.DataFrame, context: Context
) -> Iterator[tuple[list[pl.Expr], bool, pl.DataFrame]]:
    """Yield the people of each value of the breakdown, its labels, and whether it is the total.

    People are in the order of their ids; without a breakdown all of them are the total.
    """
    import polars as pl

    from clickcli.context import TOTAL

    people = people.sort("person_id", "is_known")
    if not context.by:
        yield [], True, people
        return
    for key, part in people.group_by(context.by, maintain_order=True):
        labels = [pl.lit(value).alias(name) for name, value in zip(context.by, key, strict=True)]
        yield labels, key[0] == TOTAL, part
