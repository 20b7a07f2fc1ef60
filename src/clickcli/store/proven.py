"""From the values of proven lines to stored columns, all rows at once.

Only what needs no second thought: a row with a value that its column does not say in full (a
number given as text, a placeholder for an id, an amount that cents cannot write …) is left to the
parser, as is a row that must be rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME
from clickcli.identity import anonymous_key, user_key
from clickcli.store.enrich import truncate_ip
from clickcli.store.hashes import GIVEN, LINE, content_words, id_words
from clickcli.store.money import currency_column, exact_money
from clickcli.store.normalise import ID_COLUMNS, NOBODY_COLUMNS, nobody
from clickcli.store.prove import Group
from clickcli.store.shapes import WHOLE
from clickcli.store.times import END_US, MIN_US, number_times, offset_times

if TYPE_CHECKING:
    import polars as pl

    from clickcli.store.parse import ParseSettings

ROW: Final = "row"
"""The number of a row's line in its chunk, from 0."""
_BARE: Final = "="
"""Before the name of a column: its values without quotes."""
_MOST_KEYS: Final = 250_000


@dataclass(slots=True)
class PersonKeys:
    """Keys of ids that were seen, so that each is hashed once."""

    users: dict[str | None, int | None] = field(default_factory=dict)
    devices: dict[str | None, int | None] = field(default_factory=dict)

    def column(self, frame: pl.DataFrame) -> pl.Series:
        """Return the key of the user, else of the device, else null."""
        import polars as pl

        keys = pl.Series("person_key", [None], dtype=pl.Int64).new_from_index(0, frame.height)
        for name, known, kind in (
            ("user_id", self.users, user_key),
            ("anonymous_id", self.devices, anonymous_key),
        ):
            if name in frame.columns and keys.null_count():
                keys = keys.fill_null(_looked_up(frame[name], known, kind))
        return keys


def _looked_up(
    ids: pl.Series, known: dict[str | None, int | None], kind: Callable[[str], int]
) -> pl.Series:
    import polars as pl

    if len(known) > _MOST_KEYS:
        known.clear()
    texts = ids.to_list()
    keys = list(map(known.get, texts))
    if None in keys:
        new = {text for text, key in zip(texts, keys, strict=True) if key is None}
        known.update({text: kind(text) for text in new if text is not None})
        keys = list(map(known.get, texts))
    return pl.Series(keys, dtype=pl.Int64)


@dataclass(slots=True)
class Proven:
    """The frame of proven lines, as a parser makes it but for ``ROW``, and its property names."""

    frame: pl.DataFrame
    names: Counter[str]


def proven_rows(groups: Sequence[Group], settings: ParseSettings, keys: PersonKeys) -> Proven:
    """Return the rows of the groups, those left out that the parser must see."""
    import numpy as np
    import polars as pl

    texts = pl.concat([_texts(group) for group in groups], how="diagonal").rechunk()
    made = _Columns(texts, settings)
    columns = made.all()
    frame = pl.DataFrame([column.alias(name) for name, column in columns.items()])
    odd = made.odd
    names = Counter[str]()
    left_out = texts[ROW].filter(odd).to_numpy()
    for group in groups:
        count = len(group.rows) - int(np.isin(group.rows, left_out).sum() if len(left_out) else 0)
        names.update({name: count for name, _ in group.shape.leftovers if count})
    if len(left_out):
        frame = frame.filter(~odd)
    return Proven(frame.with_columns(keys.column(frame)), names)


def _texts(group: Group) -> pl.DataFrame:
    """Return the values of a group by column, and what does not depend on the column."""
    import polars as pl

    shape, columns = group.shape, {}
    for name, slot in shape.columns.items():
        values = group.frame[str(slot.token)]
        if slot.is_bare:
            columns[_BARE + name] = values.set(values == "null", None)
        else:
            columns[name] = values
    left = shape.properties()
    columns["properties"] = group.text(left) if left else _nulls(pl.String, len(group.rows))
    has_arrival, has_id = "received_at" in shape.columns, "event_id" in shape.columns
    canonical = group.text(shape.canonical(with_arrival=False))
    columns["content"] = content_words(canonical)
    if has_id:
        ids = columns.get("event_id", columns.get(_BARE + "event_id"))
        assert ids is not None
        columns["id_hi"], columns["id_lo"] = id_words(ids.fill_null(""), GIVEN)
    else:
        whole = group.text(shape.canonical()) if has_arrival else canonical
        columns["id_hi"], columns["id_lo"] = id_words(whole, LINE)
    columns["is_derived"] = pl.Series([not has_id]).new_from_index(0, len(group.rows))
    columns[ROW] = pl.Series(group.rows)
    return pl.DataFrame([column.alias(name) for name, column in columns.items()])


def _nulls(dtype: Any, count: int) -> pl.Series:
    import polars as pl

    return pl.Series([None], dtype=dtype).new_from_index(0, count)


class _Columns:
    """Makes typed columns of texts, and notes the rows where one does not say it all."""

    def __init__(self, texts: pl.DataFrame, settings: ParseSettings) -> None:
        import polars as pl

        self._texts = texts
        self._settings = settings
        self.odd: pl.Series = pl.Series([False]).new_from_index(0, texts.height)

    def all(self) -> dict[str, pl.Series]:
        made = {"content", "id_hi", "id_lo", "is_derived", "properties", ROW}
        columns = {name: self._texts[name] for name in made}
        names = dict.fromkeys(n.removeprefix(_BARE) for n in self._texts.columns if n not in made)
        columns |= self._money(names)
        for name in names:
            if name not in columns:
                columns[name] = self._column(name)
        self._check(columns)
        return columns

    def _check(self, columns: dict[str, pl.Series]) -> None:
        """Leave rows to the parser that lack what each must have."""
        if "ts" not in columns or "event_type" not in columns:
            self.odd |= True
            return
        self.odd |= columns["ts"].is_null()
        if self._settings.latest is not None:
            self.odd |= (columns["ts"] > self._settings.latest).fill_null(value=False)
        types = columns["event_type"]
        nameless = types.unique().drop_nulls()
        nameless = nameless.filter(nameless.str.strip_chars() == "")
        self.odd |= types.is_null() | types.is_in(nameless.implode())
        if "event_id" in columns:
            self.odd |= columns["event_id"].is_null() & ~columns["is_derived"]

    def _column(self, name: str) -> pl.Series:
        if name in ("ts", "received_at"):
            return self._times(name)
        if name == "ip" and not self._settings.keep_ip:
            return self._addresses()
        dtype = BY_NAME[name].dtype
        if dtype == "string":
            return self._text(name)
        return self._number(name, dtype)

    def _text(self, name: str) -> pl.Series:
        import polars as pl

        quoted, bare = self._quoted(name), self._bare(name)
        if bare is not None and name in ID_COLUMNS:
            self._expect(bare, bare.str.contains(f"^(?:{WHOLE})$"))
            quoted = bare if quoted is None else quoted.fill_null(bare)
        elif bare is not None:
            self.odd |= bare.is_not_null()
        quoted = _nulls(pl.String, len(self.odd)) if quoted is None else quoted
        if name in NOBODY_COLUMNS:
            self.odd |= nobody(quoted)
        return quoted

    def _number(self, name: str, dtype: str) -> pl.Series:
        """Return numbers, yes or no."""
        import polars as pl

        bare = self._bare_only(name)
        kind = {"int64": pl.Int64, "float64": pl.Float64, "bool": pl.Boolean}[dtype]
        if bare is None:
            return _nulls(kind, len(self.odd))
        if dtype == "bool":
            self._expect(bare, bare.is_in(["true", "false"]))
            return (bare == "true").set(bare.is_null(), None)
        values = bare.cast(kind, strict=False)
        self._expect(bare, values.is_not_null())
        if dtype == "float64":
            self._expect(bare, values.abs() < 1e15)
        return values

    def _times(self, name: str) -> pl.Series:
        import polars as pl

        quoted, bare = self._quoted(name), self._bare(name)
        times = _nulls(pl.Int64, len(self.odd))
        if quoted is not None:
            times = offset_times(quoted)
            self._expect(quoted, times.is_not_null())
        if bare is not None:
            numbers = number_times(bare.cast(pl.Int64, strict=False))
            self._expect(bare, numbers.is_not_null())
            times = times.fill_null(numbers)
        self._expect(times, times.is_between(MIN_US, END_US, closed="left"))
        return times

    def _money(self, names: Iterable[str]) -> dict[str, pl.Series]:
        """Return amounts in minor units, and their currency."""
        import polars as pl

        amounts = [name for name in names if BY_NAME[name].money]
        if not amounts and "currency" not in names:
            return {}
        given = _nulls(pl.String, len(self.odd))
        if "currency" in names:
            given = self._text("currency")
        currency = currency_column(given, self._settings.currency)
        self.odd |= pl.Series(range(len(given))).is_in(currency.kept)
        columns: dict[str, pl.Series] = {}
        has_money = given.is_not_null()
        for name in amounts:
            bare = self._bare_only(name)
            numbers = (
                _nulls(pl.Float64, len(given))
                if bare is None
                else bare.cast(pl.Float64, strict=False)
            )
            columns[name], is_exact = exact_money(numbers, currency.values)
            if bare is not None:
                self._expect(bare, numbers.is_not_null() & is_exact)
            has_money |= columns[name].is_not_null()
        columns["currency"] = currency.values.set(~has_money, None)
        return columns

    def _addresses(self) -> pl.Series:
        import polars as pl

        quoted = self._quoted("ip")
        bare = self._bare("ip")
        if bare is not None:
            self.odd |= bare.is_not_null()
        if quoted is None:
            return _nulls(pl.String, len(self.odd))
        unique = quoted.unique().to_list()
        return quoted.replace_strict(unique, [truncate_ip(text) for text in unique],
                                     return_dtype=pl.String)  # fmt: skip

    def _quoted(self, name: str) -> pl.Series | None:
        return self._texts[name] if name in self._texts.columns else None

    def _bare(self, name: str) -> pl.Series | None:
        """Return the values without quotes, None where there is none but null."""
        found = self._quoted(_BARE + name)
        return None if found is None or found.null_count() == len(found) else found

    def _bare_only(self, name: str) -> pl.Series | None:
        """Return the values without quotes; rows with another are left to the parser."""
        quoted = self._quoted(name)
        if quoted is not None:
            self.odd |= quoted.is_not_null()
        return self._bare(name)

    def _expect(self, values: pl.Series, holds: pl.Series) -> None:
        """Leave the rows to the parser where something is given for which this does not hold."""
        self.odd |= values.is_not_null() & ~holds.fill_null(value=False)
