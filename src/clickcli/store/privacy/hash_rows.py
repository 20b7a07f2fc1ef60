"""Put pseudonyms in place of the ids of rows: the same one for an id wherever it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME
from clickcli.identity import anonymous_key, user_key
from clickcli.store.decode import dump_json
from clickcli.store.privacy.keys import PSEUDONYM, Key, Kind
from clickcli.store.privacy.mentions import JSON, all_texts
from clickcli.store.privacy.tokens import Names

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

_KINDS: Final[dict[str, Kind]] = {"user_id": "user", "anonymous_id": "device"}
_FIELDS: Final = frozenset(name for column in _KINDS for name in (column, *BY_NAME[column].aliases))
"""Keys of properties that may hold the row's own id once more."""


class RowHasher:
    """Hashes the ids of rows, their person keys, and where a row names its own ids again."""

    COLUMNS: Final = ("user_id", "anonymous_id")

    def __init__(self, key: Key) -> None:
        self._key = key
        self._names: dict[str, Names] = {}

    @staticmethod
    def mask(table: pa.Table) -> NDArray[np.bool_]:
        """Return which rows have an id that is no pseudonym."""
        import numpy as np

        found = np.zeros(table.num_rows, dtype=bool)
        for _, series in _ids(table):
            plain = ~series.str.contains(f"^{PSEUDONYM.pattern}$")
            found |= plain.fill_null(value=False).to_numpy()
        return found

    def apply(self, table: pa.Table) -> pa.Table:
        """Return rows with pseudonyms for ids; their order is not that of files any more."""
        import polars as pl

        table = self._texts(table)
        person = pl.Series([None], dtype=pl.Int64).new_from_index(0, table.num_rows)
        for name, series in _ids(table):
            make = user_key if name == "user_id" else anonymous_key
            unique = series.drop_nulls().unique().to_list()
            new = [self._key.pseudonym(_KINDS[name], text) for text in unique]
            table = _replaced(table, name, series.replace(unique, new))
            keys = series.replace_strict(
                unique, [make(text) for text in new], default=None, return_dtype=pl.Int64
            )
            person = person.fill_null(keys)
        return _replaced(table, "person_key", person)

    def _texts(self, table: pa.Table) -> pa.Table:
        """Put pseudonyms in texts where a row names its own ids."""
        import polars as pl

        texts = all_texts(table)
        owners = {name: texts.pop(name) for name in _KINDS if name in texts}
        for name, series in texts.items():
            frame = pl.DataFrame({"text": series, **owners}).with_row_index("row")
            hits = [pl.col("text").str.contains(pl.col(one), literal=True) for one in owners]
            found = frame.filter(pl.any_horizontal(*hits)) if hits else frame.clear()
            if found.height:
                values = series.to_list()
                for row in found.iter_rows(named=True):
                    ids = [(kind, row[one]) for one, kind in _KINDS.items() if row.get(one)]
                    values[row["row"]] = self._named(name, row["text"], ids)
                table = _replaced(table, name, pl.Series(values, dtype=pl.String))
        return table

    def _named(self, column: str, text: str, ids: list[tuple[Kind, str]]) -> str:
        """Return a text of a row with pseudonyms for the row's ids."""
        for kind, own in ids:
            mark = self._key.pseudonym(kind, own)
            names = self._names.setdefault(own, Names([own], mark))
            if column in JSON:
                text = dump_json(_marked(json.loads(text), own, names, mark)).decode()
            else:
                text = names.redacted(text)
        return text


def _marked(value: Any, own: str, names: Names, mark: str, key: str = "") -> Any:
    """Return a JSON value with a mark for an id: a long one anywhere, a short one in id fields."""
    if type(value) is dict:
        return {
            names.redacted(name): _marked(part, own, names, mark, name)
            for name, part in value.items()
        }
    if type(value) is list:
        return [_marked(part, own, names, mark, key) for part in value]
    if type(value) in (str, int) and str(value) == own:
        return mark if key in _FIELDS or names.long else value
    return names.redacted(value) if type(value) is str else value


def _ids(table: pa.Table) -> list[tuple[str, pl.Series]]:
    """Return the columns of ids that a table has."""
    texts = all_texts(table.select([name for name in _KINDS if name in table.column_names]))
    return list(texts.items())


def _replaced(table: pa.Table, name: str, series: pl.Series) -> pa.Table:
    """Return a table with another column of this name and type."""
    place = table.column_names.index(name)
    return table.set_column(place, name, series.to_arrow().cast(table[name].type))
