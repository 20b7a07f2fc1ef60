"""Texts that cannot be read, and pages without an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.doctor.check import Check, Finding, Found, Severity, graded, shortened

if TYPE_CHECKING:
    from clickcli.doctor.evidence import Evidence

_COLUMNS: Final = (
    "event_type", "user_id", "item_id", "category", "brand", "page_url", "page_title",
    "utm_campaign", "country", "city", "search_query", "items", "properties",
)  # fmt: skip
_CP1252: Final = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
MOJIBAKE: Final = rf"\x{{fffd}}|Ã[\x{{80}}-\x{{bf}}{_CP1252}]|Â[\x{{a0}}-\x{{bf}}]|â€|ðŸ"
"""UTF-8 that was read as Latin-1 or Windows-1252, and the sign for what could not be read."""
_PAGES: Final = frozenset({"pageview", "pageviews", "page", "viewpage", "pageviewed", "viewedpage"})
"""Names of page views, lower-case letters only."""


@dataclass(frozen=True, slots=True)
class Broken:
    """How many broken texts of a column are told, and from which share on it is a warning."""

    events: int = 1
    warning: float = 0.0001


@dataclass(frozen=True, slots=True)
class Pages:
    """How many page views must lack the address, and which share of the type."""

    events: int = 5
    share: float = 0.01


def _encoding(evidence: Evidence, limits: Broken) -> Found:
    import polars as pl

    findings = []
    for column in evidence.filled(*_COLUMNS):
        text, ts = pl.col(column), pl.col("ts")
        is_broken = text.str.contains(MOJIBAKE)
        counts = evidence.events(column).select(text.count(), is_broken.sum().alias("broken"))
        total, number = evidence.collect(counts).row(0)
        if number < limits.events:
            continue
        broken = evidence.events(column).filter(is_broken)
        first, last, example = evidence.collect(
            broken.select(ts.min().alias("a"), ts.max().alias("b"), text.min().alias("example"))
        ).row(0)
        meaning = (
            "texts with broken letters: UTF-8 read as Latin-1 somewhere before, so that one value "
            "is counted as two"
        )
        findings.append(
            Finding(
                graded(number / total, limits.warning), column, number, total, meaning, first,
                last, _around(example),
            )
        )  # fmt: skip
    return Found(evidence.total, tuple(findings))


def _around(text: str) -> str:
    """Return the part of a text with the first broken letter."""
    import re

    found = re.search("\ufffd|Ã|Â|â€|ðŸ", text)
    start = max(0, (found.start() if found else 0) - 20)
    return shortened(text[start:], 50)


def _pages(evidence: Evidence, limits: Pages) -> Found:
    import polars as pl

    types = [name for name in evidence.types if _letters(name) in _PAGES]
    if not types:
        return Found(0)
    columns = ["page_url", "page_path"]
    is_missing = pl.all_horizontal(pl.col(name).is_null() for name in columns)
    ts = pl.col("ts")
    table = evidence.collect(
        evidence.events("event_type", *columns)
        .filter(pl.col("event_type").is_in(types))
        .group_by("event_type")
        .agg(
            pl.len().alias("n"), is_missing.sum().alias("missing"),
            ts.filter(is_missing).min().alias("first"), ts.filter(is_missing).max().alias("last"),
        )
    ).sort("event_type")  # fmt: skip
    meaning = "page views that do not say which page: no path, no entry page, no campaign"
    findings = [
        Finding(Severity.WARNING, name, missing, total, meaning, first, last)
        for name, total, missing, first, last in table.iter_rows()
        if missing >= limits.events and missing >= limits.share * total
    ]
    return Found(int(table["n"].sum()), tuple(findings))


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())


CHECKS: Final = (
    Check(
        "encoding", "Texts with broken letters.", Broken(),
        "any; {warning:.2%} of a column for a warning", "events", _encoding,
    ),
    Check(
        "page_addresses", "Page views without an address.", Pages(),
        "{events} events and {share:.0%} of a type", "page views", _pages,
    ),
)  # fmt: skip
