"""Texts of stored rows that are to be put otherwise: where they are, and what to put there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from clickcli.store.decode import dump_json

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

JSON: Final = frozenset({"properties", "items"})
"""Columns that hold JSON."""
IDS: Final = frozenset({"user_id", "anonymous_id"})
"""Columns that say who somebody is: their values are compared as a whole, elsewhere."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What is done to the texts of rows.

    ``hits`` tells, quickly and rather too often, which texts of a column to look at; ``text`` and
    ``value`` say what a text, or a JSON value, becomes. ``emptied`` are columns of any type that
    are to hold nothing.
    """

    hits: Callable[[str, pl.Series], pl.Series]
    text: Callable[[str, str], str]
    value: Callable[[Any], Any]
    emptied: frozenset[str] = frozenset()

    def look(self, table: pa.Table) -> tuple[NDArray[np.bool_], dict[str, int]]:
        """Return which rows change, and how many do in each column."""
        import numpy as np

        found = np.zeros(table.num_rows, dtype=bool)
        counts: dict[str, int] = {}
        for name in self.emptied & set(table.column_names):
            found |= table[name].is_valid().to_numpy()
            counts[name] = table.num_rows - table[name].null_count
        for name, series in self._edited(table):
            if changed := self._changed(name, series):
                rows = series.is_in(list(changed)).fill_null(value=False).to_numpy()
                found |= rows
                counts[name] = int(rows.sum())
        return found, {name: count for name, count in counts.items() if count}

    def mask(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return which rows change."""
        return self.look(table)[0]

    def apply(self, table: pa.Table) -> pa.Table:
        """Return rows with their texts changed."""
        import pyarrow as pa

        for name in self.emptied & set(table.column_names):
            place = table.column_names.index(name)
            table = table.set_column(place, name, pa.nulls(table.num_rows, table[name].type))
        for name, series in self._edited(table):
            if changed := self._changed(name, series):
                new = series.replace(list(changed), list(changed.values()))
                place = table.column_names.index(name)
                table = table.set_column(place, name, new.to_arrow().cast(table[name].type))
        return table

    def _edited(self, table: pa.Table) -> list[tuple[str, pl.Series]]:
        """Return the columns of texts, but for those of ids and those that are emptied."""
        left_out = IDS | self.emptied
        return [(name, one) for name, one in all_texts(table).items() if name not in left_out]

    def _changed(self, name: str, series: pl.Series) -> dict[str, str | None]:
        """Return the texts of a column that change, and what each becomes."""
        changed: dict[str, str | None] = {}
        hits = self.hits(name, series).fill_null(value=False)
        for text in series.filter(hits).unique().to_list():
            new = self._json(text) if name in JSON else self.text(name, text)
            if new != text:
                changed[text] = new
        return changed

    def _json(self, text: str) -> str | None:
        """Return a JSON text with its values changed; None where nothing is left."""
        import json

        before = json.loads(text)
        after = self.value(before)
        if after == before:
            return text
        return dump_json(after).decode() if after else None


def all_texts(table: pa.Table) -> dict[str, pl.Series]:
    """Return the columns of a table that hold texts."""
    import polars as pl
    import pyarrow as pa

    kinds = (pa.types.is_string, pa.types.is_large_string)
    chosen = [field.name for field in table.schema if any(is_(field.type) for is_ in kinds)]
    frame = pl.DataFrame(pl.from_arrow(table.select(chosen)))
    return {name: frame[name] for name in chosen}


class Editor(Protocol):
    """What gives rows with some of their values changed."""

    def apply(self, table: pa.Table) -> pa.Table:
        """Return the rows, in their order."""
        ...


def edited(frame: pl.DataFrame, editor: Editor) -> pl.DataFrame:
    """Return parsed rows as an editor gives them."""
    import polars as pl

    return pl.DataFrame(pl.from_arrow(editor.apply(frame.to_arrow())))


def contains_any(series: pl.Series, forms: tuple[str, ...]) -> pl.Series:
    """Return which texts contain one of some words."""
    import polars as pl

    if not forms:
        return pl.Series([False]).new_from_index(0, len(series))
    return series.to_frame("text").select(pl.col("text").str.contains_any(list(forms)))["text"]
