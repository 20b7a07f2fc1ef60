"""Amounts to whole minor units of their currency, exactly.

An amount that its currency cannot write in minor units (0.125 USD) is rounded half to even
in the column, and the original is kept.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Final

from clickcli.currencies import DEFAULT_EXPONENT, EXPONENTS
from clickcli.store.normalise import NUMBER, Column

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

_CODE: Final = re.compile(r"[A-Z]{3}")
_MAX_INT: Final = 2**63
_EXACT: Final = 2.0**53


def currency_column(given: pl.Series, default: str) -> Column:
    """Return ISO codes in capitals and the default where none is given; changed ones are kept.

    What is not three letters stays as it is.
    """
    import polars as pl

    if all(code is None or _CODE.fullmatch(code) for code in given.unique()):
        return Column(given.fill_null(pl.Series([default], dtype=pl.String)[0]))
    is_code = given.str.contains(r"^\s*[A-Za-z]{3}\s*$").fill_null(value=False)
    codes = given.str.strip_chars().str.to_uppercase()
    result = codes.zip_with(is_code, given)
    changed = (result != given).fill_null(value=False)
    kept = changed.arg_true().to_list() if changed.any() else []
    return Column(result.fill_null(pl.Series([default], dtype=pl.String)[0]), kept)


def money_column(values: list[Any], currencies: pl.Series) -> Column:
    """Return whole minor units, one amount a row in the currency of the row."""
    import numpy as np
    import polars as pl

    exponents = _exponents(currencies)
    if not set(map(type, values)) <= {int, float, type(None)}:
        return _one_by_one(values, range(len(values)), exponents, [None] * len(values))
    amounts = pl.Series(values, dtype=pl.Float64, strict=False)
    units, is_exact = _exact(amounts, exponents)
    if is_exact.all():
        return Column(units)
    return _one_by_one(values, np.flatnonzero(~is_exact).tolist(), exponents, units.to_list())


def exact_money(amounts: pl.Series, currencies: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return numbers in whole minor units, and whether each is so many exactly."""
    import polars as pl

    units, is_exact = _exact(amounts, _exponents(currencies))
    return units, pl.Series(is_exact)


def _exact(
    amounts: pl.Series, exponents: np.ndarray[Any, np.dtype[np.int64]]
) -> tuple[pl.Series, np.ndarray[Any, np.dtype[np.bool_]]]:
    import numpy as np
    import polars as pl

    numbers = amounts.fill_null(0.0).to_numpy()
    scale = 10.0**exponents
    with np.errstate(over="ignore"):  # what is beyond a double is not exact
        scaled = np.rint(numbers * scale)
    # The nearest double to k/10^e is what "k/10^e" reads as: so equality means exact.
    is_exact = (scaled / scale == numbers) & (np.abs(scaled) < _EXACT)
    units = pl.Series(np.where(is_exact, scaled, 0).astype(np.int64))
    return units.set(amounts.is_null(), None), is_exact


def _exponents(currencies: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    import numpy as np
    import polars as pl

    unique = {EXPONENTS.get(code, DEFAULT_EXPONENT) for code in currencies.unique()}
    if len(unique) == 1:
        return np.full(len(currencies), unique.pop())
    numbers = currencies.replace_strict(
        list(EXPONENTS), list(EXPONENTS.values()), default=DEFAULT_EXPONENT,
        return_dtype=pl.Int64,
    )  # fmt: skip
    return numbers.fill_null(DEFAULT_EXPONENT).to_numpy()


def _one_by_one(values: list[Any], rows: Any, exponents: Any, units: list[int | None]) -> Column:
    import polars as pl

    kept: list[int] = []
    for row in rows:
        if values[row] is not None:
            units[row], is_exact = minor_units(values[row], int(exponents[row]))
            if not is_exact:
                kept.append(row)
    return Column(pl.Series(units, dtype=pl.Int64), kept)


def minor_units(value: Any, exponent: int) -> tuple[int | None, bool]:
    """Return an amount in minor units, and whether the column says all that the value said."""
    kind = type(value)
    if kind is str:
        text = value.strip()
        if len(text) > 64 or not NUMBER.fullmatch(text):
            return None, False
    elif kind is int or kind is float:
        if abs(value) >= _MAX_INT:
            return None, False
        text = repr(value)
    else:
        return None, False
    amount = Decimal(text)
    if amount and (amount.adjusted() > 19 or amount.adjusted() < -40):
        return (None if amount.adjusted() > 0 else 0), False
    scaled = amount.quantize(Decimal(1).scaleb(-exponent), rounding=ROUND_HALF_EVEN)
    units = int(scaled.scaleb(exponent))
    if not -_MAX_INT <= units < _MAX_INT:
        return None, False
    return units, scaled == amount and kind is not str
