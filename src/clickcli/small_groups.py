"""Hide the numbers of small groups of people, so that an answer tells of nobody in particular.

*Definition* Where a row has a count of people from 1 to K − 1, ``--min-group K`` empties all of
its numbers, except its first count of people where that is K or more. A row of a breakdown in
which every count of people is that small is left out, for the value that it stands for can name
somebody. So is every row of a table of single sessions or people. Zero stays: it tells of nobody.

*Limits* Totals stay, so that what is hidden in one row alone can be had by subtracting the others.
Whoever publishes a table looks at that, chooses coarser groups, or leaves the total out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from clickcli.errors import Undecidable

if TYPE_CHECKING:
    import polars as pl

    from clickcli.analysis import Shared, Table

_NUMBERS: Final = frozenset(
    {"count", "share", "ratio", "money", "duration_s", "timestamp", "score", "measure"}
)


def without_small_groups(
    schemas: Iterable[Table], tables: Mapping[str, pl.DataFrame], shared: Shared, people: int
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Return the tables without what stands on small groups, and a note on how much it is.

    ``people`` is how many the whole answer stands on. Raises Undecidable when they are too few.
    """
    least = shared.min_group
    assert least is not None
    if 0 < people < least:
        raise Undecidable(
            f"the answer stands on fewer than {least} people (--min-group)",
            hint="ask of a longer period or with a wider filter",
        )
    kept: dict[str, pl.DataFrame] = {}
    touched = 0
    for schema in schemas:
        kept[schema.name], rows = _without_small(schema, tables[schema.name], least, shared.by)
        touched += rows
    rows_word = "1 row" if touched == 1 else f"{touched} rows"
    notes = [f"hidden: numbers of {rows_word} that stand on fewer than {least} people"]
    return kept, notes if touched else []


def _without_small(
    schema: Table, frame: pl.DataFrame, least: int, by: tuple[str, ...]
) -> tuple[pl.DataFrame, int]:
    """Return a table without what stands on fewer than ``least`` people, and how many rows changed.

    ``by`` are the columns of a breakdown.
    """
    import polars as pl

    if schema.is_list:
        return frame.clear(), frame.height
    people = [column.name for column in schema.columns if column.of_people]
    if not people:
        return frame, 0
    small = {name: (pl.col(name) > 0) & (pl.col(name) < least) for name in people}
    is_touched = pl.any_horizontal(small.values()).fill_null(value=False)
    changed = int(frame.select(is_touched.sum()).item())
    if schema.is_broken_down and by:
        largest = pl.col(people[0]).max().over(by).fill_null(0)
        frame = frame.filter(largest >= least)
    numbers = {
        column.name: pl.when(small[people[0]] if column.name == people[0] else is_touched)
        .then(None)
        .otherwise(pl.col(column.name))
        for column in schema.columns
        if column.kind in _NUMBERS and column.name not in schema.keys
    }
    return frame.with_columns(**numbers), changed
