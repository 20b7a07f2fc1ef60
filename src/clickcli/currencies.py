"""How many minor units a currency has.

Money is stored as whole minor units: 12.50 EUR as 1250, 1250 JPY as 1250, 1.250 KWD as 1250.
Source: ISO 4217, list one. Codes are in capitals; what is not listed has two decimals,
units without decimals of their own (gold, special drawing rights) too.
"""

from __future__ import annotations

from typing import Final

DEFAULT_EXPONENT: Final = 2

EXPONENTS: Final[dict[str, int]] = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
"""Decimals of the currencies that have not two."""


def exponent(code: str | None) -> int:
    """Return the number of decimals of a currency; 2 for none and for an unknown one."""
    return DEFAULT_EXPONENT if code is None else EXPONENTS.get(code, DEFAULT_EXPONENT)
