"""From the values of one key to a typed column, and the rows whose original must be kept too.

A value fits when the column says the same: text as text, a whole number as a whole number.
Numbers given as text fill the column and are kept. What does not fit is only kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME, PLACEHOLDER_IDS
from clickcli.identity import TRIMMED

if TYPE_CHECKING:
    import polars as pl

ID_COLUMNS: Final = frozenset(
    {"event_type", "event_id", "user_id", "anonymous_id", "session_id", "item_id", "order_id"}
)
"""Text columns where a whole number says the same as its digits."""
NOBODY_COLUMNS: Final = frozenset({"event_id", "user_id", "anonymous_id", "session_id"})
"""Columns where a placeholder (null, undefined, guest …) means that there is no id."""

NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TRIM: Final = f"[{re.escape(TRIMMED)}]*"
_NOBODY: Final = f"(?i)^{_TRIM}(?:{'|'.join(map(re.escape, sorted(PLACEHOLDER_IDS)))}){_TRIM}$"
_FLAGS: Final[dict[Any, bool]] = {True: True, False: False, "true": True, "false": False}
_MAX_INT: Final = 2**63
_EXACT_FLOAT: Final = 2**53


@dataclass(slots=True)
class Column:
    """A typed column; ``kept`` are the rows whose original value goes to properties as well."""

    values: pl.Series
    kept: list[int] = field(default_factory=list)


def typed_column(name: str, values: list[Any]) -> Column:
    """Return the column of this name from one raw value a row (None: not given).

    Money and times are read elsewhere: they need the currency and the zone.
    """
    dtype = BY_NAME[name].dtype
    if dtype == "string":
        column = text_column(values, is_id=name in ID_COLUMNS)
        return without_placeholders(column) if name in NOBODY_COLUMNS else column
    if dtype == "bool":
        return flag_column(values)
    return int_column(values) if dtype == "int64" else float_column(values)


def text_column(values: list[Any], *, is_id: bool) -> Column:
    """Return text; whole numbers become their digits (kept too, unless the text is an id)."""
    import polars as pl

    if set(map(type, values)) <= {str, type(None)}:
        return Column(pl.Series(values, dtype=pl.String))
    texts: list[str | None] = []
    kept: list[int] = []
    for row, value in enumerate(values):
        kind = type(value)
        text = value if kind is str else None
        if kind is int:
            text = str(value)
        elif kind is float:
            text = str(int(value)) if value.is_integer() and is_id else repr(value)
        texts.append(text)
        if value is not None and kind is not str and not (kind is int and is_id):
            kept.append(row)
    return Column(pl.Series(texts, dtype=pl.String), kept)


def without_placeholders(column: Column) -> Column:
    """Take out ids that mean nobody; their originals are kept."""
    is_nobody = nobody(column.values)
    if not is_nobody.any():
        return column
    kept = sorted({*column.kept, *is_nobody.arg_true().to_list()})
    return Column(column.values.set(is_nobody, None), kept)


def nobody(texts: pl.Series) -> pl.Series:
    """Return which ids mean nobody."""
    return texts.str.contains(_NOBODY).fill_null(value=False)


def flag_column(values: list[Any]) -> Column:
    """Return yes and no; "true", 1 and their opposites are such and kept, all else is only kept."""
    import polars as pl

    flags: list[bool | None] = []
    kept: list[int] = []
    for row, value in enumerate(values):
        word = value.strip().lower() if type(value) is str and len(value) < 64 else value
        is_known = type(word) in (bool, int, str) and word in _FLAGS
        flags.append(_FLAGS[word] if is_known else None)
        if value is not None and type(value) is not bool:
            kept.append(row)
    return Column(pl.Series(flags, dtype=pl.Boolean), kept)


def int_column(values: list[Any]) -> Column:
    """Return whole numbers; 3.0 is one, "3" is one and kept, 3.5 is none."""
    import polars as pl

    if set(map(type, values)) <= {int, type(None)}:
        try:
            return Column(pl.Series(values, dtype=pl.Int64))
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            pass
    whole: list[int | None] = []
    kept: list[int] = []
    for row, value in enumerate(values):
        number = _whole(value)
        whole.append(number)
        if value is not None and (number is None or type(value) is str):
            kept.append(row)
    return Column(pl.Series(whole, dtype=pl.Int64), kept)


def _whole(value: Any) -> int | None:
    number: int | None = None
    if type(value) is int:
        number = value
    elif type(value) is float:
        number = int(value) if value.is_integer() else None
    elif type(value) is str and len(value) < 64 and NUMBER.fullmatch(value.strip()):
        text = value.strip()
        number = int(text) if text.lstrip("+-").isdigit() else _whole(float(text))
    return number if number is not None and -_MAX_INT <= number < _MAX_INT else None


def float_column(values: list[Any]) -> Column:
    """Return numbers; "3.5" is one and kept, a whole number beyond 2^53 is only kept."""
    import polars as pl

    if set(map(type, values)) <= {float, type(None)}:
        return Column(pl.Series(values, dtype=pl.Float64))
    numbers: list[float | None] = []
    kept: list[int] = []
    for row, value in enumerate(values):
        kind = type(value)
        number: float | None = None
        if kind is float:
            number = value
        elif kind is int:
            number = float(value) if abs(value) <= _EXACT_FLOAT else None
        elif kind is str and len(value) < 64 and NUMBER.fullmatch(value.strip()):
            number = float(value)
        if number is not None and number in (float("inf"), float("-inf")):
            number = None
        numbers.append(number)
        if value is not None and (number is None or kind is str):
            kept.append(row)
    return Column(pl.Series(numbers, dtype=pl.Float64), kept)
