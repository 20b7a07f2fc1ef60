"""Times of all usual forms to microseconds since 1970 in UTC.

ISO-8601 with offset (also with a blank for the T, and ``UTC`` for the Z); seconds, milli-,
micro- or nanoseconds since 1970 told apart by size, as numbers or digits; times without an
offset only in a given zone, where a repeated hour means its first pass and a skipped one is
read with the offset before the change. Digits beyond microseconds are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from clickcli.units import to_us, zone

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

MIN_US: Final = 631_152_000_000_000
"""1990-01-01."""
END_US: Final = 7_258_118_400_000_000
"""2200-01-01, the first instant that is too late."""

_OFFSET_FORM: Final = "%Y-%m-%dT%H:%M:%S%.f%#z"
_NAIVE_FORM: Final = "%Y-%m-%dT%H:%M:%S%.f"
_USUAL: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$"
_FORM: Final = b"0000-00-00T00:00:00.000000"
_LENGTHS: Final = {20: 19, 24: 23, 27: 26}
"""By the length of a time in seconds, milli- or microseconds: how much of the form it has."""
_NUMBER: Final = r"^[+-]?\d+(?:\.\d+)?$"


@dataclass(slots=True)
class Times:
    """The times of a column.

    ``us``: one instant a value, null where there is none. ``problems``: the reason code by
    row. ``inexact``: rows whose value says more than the instant (finer than microseconds).
    """

    us: pl.Series
    problems: dict[int, str] = field(default_factory=dict)
    inexact: list[int] = field(default_factory=list)


def read_times(values: list[Any], tz: str | None) -> Times:
    """Read one time a row: text, number or None (null, and no problem)."""
    import polars as pl

    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return _in_range(_texts(pl.Series(values, dtype=pl.String), tz))
    if kinds <= {int, type(None)} or kinds <= {float, type(None)}:
        return _in_range(_numbers(values))
    rows: dict[type, list[int]] = {}
    for row, value in enumerate(values):
        rows.setdefault(type(value), []).append(row)
    instants: list[int | None] = [None] * len(values)
    merged = Times(pl.Series(instants, dtype=pl.Int64))
    for kind, where in rows.items():
        if kind in (str, int, float):
            part = read_times([values[row] for row in where], tz)
            for row, instant in zip(where, part.us.to_list(), strict=True):
                instants[row] = instant
            merged.problems |= {where[row]: why for row, why in part.problems.items()}
            merged.inexact += [where[row] for row in part.inexact]
        elif kind is not type(None):
            merged.problems |= dict.fromkeys(where, "bad_time")
    merged.us = pl.Series(instants, dtype=pl.Int64)
    return merged


def _in_range(times: Times) -> Times:
    """Take out instants before 1990 and from 2200 on."""
    outside = ~times.us.is_between(MIN_US, END_US, closed="left")
    if outside.any():
        for row in outside.fill_null(value=False).arg_true().to_list():
            times.problems[row] = "time_out_of_range"
        times.us = times.us.set(outside.fill_null(value=False), None)
    return times


def _texts(texts: pl.Series, tz: str | None) -> Times:
    import polars as pl

    us = _with_offset(texts)
    inexact = texts.str.contains(r"[.,]\d{7}").fill_null(value=False)
    times = Times(us, inexact=inexact.arg_true().to_list() if inexact.any() else [])
    rest = (us.is_null() & texts.is_not_null()).arg_true()
    if not len(rest):
        return times
    left = texts.gather(rest)
    plain = left.str.strip_chars().str.replace(r"(?i)\s*(?:UTC|GMT)$", "Z")
    plain = plain.str.replace(r"^(\d{4}-\d\d-\d\d)[ t]", "${1}T")
    found = _with_offset(plain).fill_null(_naive(plain, tz))
    rows = rest.to_list()
    odd = found.is_null().arg_true().to_list()
    instants = found.to_list()
    cache: dict[str, tuple[int | None, str]] = {}
    for index in odd:
        text = plain[index]
        if text not in cache:
            cache[text] = _one(text, tz)
        instants[index], why = cache[text]
        if instants[index] is None:
            times.problems[rows[index]] = why
    times.us = us.scatter(rest, pl.Series(instants, dtype=pl.Int64))
    return times


def _with_offset(texts: pl.Series) -> pl.Series:
    import polars as pl

    parsed = texts.str.to_datetime(_OFFSET_FORM, time_unit="us", time_zone="UTC", strict=False)
    return parsed.cast(pl.Int64)


def offset_times(texts: pl.Series) -> pl.Series:
    """Return the instants of times in the usual form with an offset; null for all others."""
    if (found := _of_one_length(texts)) is not None:
        return found
    usual = texts.str.contains(_USUAL)
    return _with_offset(texts if usual.all() else texts.set(~usual, None))


def _of_one_length(texts: pl.Series) -> pl.Series | None:
    """Return the instants of times in UTC (Z) that are all of one length and form, else None."""
    import numpy as np
    import polars as pl

    lengths = texts.str.len_bytes().unique().to_list()
    length = lengths[0] if len(lengths) == 1 else None
    if length not in _LENGTHS:
        return None
    form = np.frombuffer(_FORM[: _LENGTHS[length]] + b"Z", dtype=np.uint8)
    codes = np.frombuffer(texts.str.join("").item().encode(), dtype=np.uint8)
    digits = codes.reshape(-1, length).T - form[:, None]
    is_digit = form == ord("0")
    if digits[~is_digit].any() or digits.max() > 9:
        return None
    year, month, day, hour, minute, second, fraction = (
        _number(digits[is_digit][a:b])
        for a, b in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 20))
    )
    dates, where = np.unique(year * 10_000 + month * 100 + day, return_inverse=True)
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    try:
        days = [date(d // 10_000, d // 100 % 100, d % 100).toordinal() for d in dates.tolist()]
    except ValueError:
        return None
    since = np.array(days, dtype=np.int64)[where] - date(1970, 1, 1).toordinal()
    seconds = ((since * 24 + hour) * 60 + minute) * 60 + second
    return pl.Series(seconds * 10**6 + fraction * 10 ** (26 - _LENGTHS[length]))


def _number(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the numbers that rows of digits write."""
    import numpy as np

    number = np.zeros(digits.shape[1], dtype=np.int64)
    for row in digits:
        number *= 10
        number += row
    return number


def number_times(numbers: pl.Series) -> pl.Series:
    """Return the instants of whole numbers; null for what is finer than microseconds."""
    times = _in_range(_numbers(numbers.to_list()))
    return times.us.scatter(times.inexact, None) if times.inexact else times.us


def _naive(texts: pl.Series, tz: str | None) -> pl.Series:
    """Read local times that exist; null for skipped ones and without a zone."""
    import polars as pl

    if tz is None:
        return pl.Series([None], dtype=pl.Int64).new_from_index(0, len(texts))
    zone(tz)
    local = texts.str.to_datetime(_NAIVE_FORM, time_unit="us", strict=False)
    aware = local.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null")
    return aware.dt.convert_time_zone("UTC").cast(pl.Int64)


def _one(text: str, tz: str | None) -> tuple[int | None, str]:
    """Read one odd form; returns the instant, or None and the reason code."""
    import re

    if re.match(_NUMBER, text):
        number = float(text) if "." in text else int(text)
        times = _in_range(_numbers([number]))
        value = times.us.to_list()[0]
        return value, times.problems.get(0, "time_out_of_range")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            if tz is None:
                return None, "time_no_offset"
            moment = moment.replace(tzinfo=zone(tz), fold=0)
        return to_us(moment.astimezone(UTC)), ""
    except OverflowError:
        return None, "time_out_of_range"
    except ValueError:
        return None, "bad_time"


def _numbers(values: Sequence[int | float | None]) -> Times:
    """Read numbers since 1970, their unit by magnitude."""
    import polars as pl

    whole = not any(type(value) is float for value in values)
    try:
        numbers = pl.Series(values, dtype=pl.Int64 if whole else pl.Float64)
    except (OverflowError, TypeError, pl.exceptions.PolarsError):
        small = [v if v is not None and abs(v) < 2**62 else None for v in values]
        times = _numbers(small)
        for row, (value, kept) in enumerate(zip(values, small, strict=True)):
            if value is not None and kept is None:
                times.problems[row] = "time_out_of_range"
        return times
    frame = pl.DataFrame({"v": numbers})
    given, size = pl.col("v"), pl.col("v").abs()
    nano = (given // 1000) if whole else (given / 1000).floor()
    scaled = (
        pl.when(size < 10**11).then(given * 10**6)
        .when(size < 10**14).then(given * 10**3)
        .when(size < 10**17).then(given)
        .otherwise(nano)
    )  # fmt: skip
    if not whole:
        scaled = scaled.round()
    us = frame.select(scaled.cast(pl.Int64, strict=False)).to_series()
    times = Times(us)
    for row in (us.is_null() & numbers.is_not_null()).arg_true().to_list():
        times.problems[row] = "time_out_of_range"
    if whole:
        finer = frame.select((size >= 10**17) & (given % 1000 != 0)).to_series()
        times.inexact = finer.fill_null(value=False).arg_true().to_list()
    return times
