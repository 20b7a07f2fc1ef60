"""Sentences for the reader that several analyses need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

FEW: Final = 30


def few(table: pl.DataFrame, denominator: str, what: str) -> list[str]:
    """Return a note when a rate of the table stands on a denominator under 30, else nothing."""
    import polars as pl

    small = table.filter((pl.col(denominator) > 0) & (pl.col(denominator) < FEW)).height
    if not small:
        return []
    rows = "a rate" if small == 1 else f"{small} rates"
    verb = "stands" if small == 1 else "stand"
    return [f"{rows} {verb} on fewer than {FEW} {what}: read the interval, not the rate"]
