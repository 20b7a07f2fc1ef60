"""Sentences for the reader that several analyses need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

FEW: Final = 30


def left_out(counts: Mapping[str, int]) -> list[str]:
    """Return a note for bots, and one for people who are not to be seen, where there are any."""
    notes = []
    if bots := counts.get("of_bots", 0):
        notes.append(f"left out: {_events(bots)} of bots; --include-bots counts them")
    if hidden := counts.get("without_consent", 0):
        people = "people who opted out or did not agree to be counted"
        notes.append(f"left out: {_events(hidden)} of {people}")
    return notes


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events".replace(",", "\u202f")


def few(table: pl.DataFrame, denominator: str, what: str) -> list[str]:
    """Return a note when a rate of the table stands on a denominator under 30, else nothing."""
    import polars as pl

    small = table.filter((pl.col(denominator) > 0) & (pl.col(denominator) < FEW)).height
    if not small:
        return []
    rows = "a rate" if small == 1 else f"{small} rates"
    verb = "stands" if small == 1 else "stand"
    return [f"{rows} {verb} on fewer than {FEW} {what}: read the interval, not the rate"]
