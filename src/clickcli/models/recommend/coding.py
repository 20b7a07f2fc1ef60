"""Turn a table of what people did with items into arrays, with the names of people and items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clickcli.models.recommend.interactions import Attributes, Interactions, Rating
from clickcli.money import unit

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.models.recommend.interactions import Ints


@dataclass(frozen=True, slots=True)
class Coded:
    """Interactions, and what their numbers stand for.

    ``keys`` are the person keys of people 0, 1 …; ``items``, ``categories`` and ``brands`` are
    names in the order of their numbers. ``label`` is that column of each row, where there is one.
    """

    data: Interactions
    keys: Ints
    items: tuple[str, ...]
    categories: tuple[str, ...]
    brands: tuple[str, ...]
    label: Ints | None = None


def coded(frame: pl.DataFrame, now: int, rating: Rating) -> Coded:
    """Give people and items numbers; the rows are those of the relation ``interactions``.

    People are numbered by their first event, so that their names change nothing; items by name.
    Of an item whose category, brand or price changed the last one counts; prices of several
    currencies are not compared and so are unknown.
    """
    import numpy as np
    import polars as pl

    rows = frame.sort("ts", "seq", "line")
    people = rows.group_by("person_key", maintain_order=True).agg(pl.col("ts").first())
    people = people.sort("ts", maintain_order=True).with_row_index("person")
    names = rows.select(pl.col("item").unique().sort()).with_row_index("code")
    rows = rows.join(people.select("person_key", "person"), on="person_key", how="left")
    rows = rows.join(names, on="item", how="left")
    rows = rows.sort("person", "ts", "seq", "line")
    person, session = _ints(rows["person"]), _ints(rows["session"])
    changes = (np.diff(session, prepend=-1) != 0) | (np.diff(person, prepend=-1) != 0)
    attributes, categories, brands = _attributes(rows, names)
    data = Interactions(
        person, _ints(rows["code"]), _ints(rows["ts"]), rows["weight"].to_numpy().astype(float),
        np.cumsum(changes) - 1, people.height, names.height, now, rating, attributes,
    )  # fmt: skip
    return Coded(
        data, _ints(people["person_key"]), tuple(names["item"].to_list()), categories, brands,
        _ints(rows["label"]) if "label" in rows.columns else None,
    )  # fmt: skip


def _ints(column: pl.Series) -> NDArray[np.int64]:
    import numpy as np

    return column.to_numpy().astype(np.int64)


def _attributes(
    rows: pl.DataFrame, names: pl.DataFrame
) -> tuple[Attributes | None, tuple[str, ...], tuple[str, ...]]:
    """Return what is known of items, None where nothing is, and the names of the groups."""
    import polars as pl

    order = ("ts", "seq", "line")
    last = [pl.col(name).drop_nulls().last().alias(name) for name in ("category", "brand", "price")]
    rows = rows.with_columns(pl.col("price") / unit())
    items = names.select("code").join(
        rows.sort(order).group_by("code").agg(last), on="code", how="left", maintain_order="left"
    )
    if rows["currency"].drop_nulls().n_unique() > 1:
        items = items.with_columns(pl.lit(None, pl.Float64).alias("price"))
    if items.select(pl.all_horizontal(pl.col("category", "brand", "price").is_null().all())).item():
        return None, (), ()
    groups = {
        name: tuple(items[name].drop_nulls().unique().sort()) for name in ("category", "brand")
    }
    codes = {
        name: _ints(items[name].replace_strict(
            list(known), list(range(len(known))), default=-1, return_dtype=pl.Int64
        ))
        for name, known in groups.items()
    }  # fmt: skip
    price = items["price"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    made = Attributes(codes["category"], codes["brand"], price)
    return made, groups["category"], groups["brand"]
