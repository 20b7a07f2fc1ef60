"""The contract of a check: a declared question about a log, its limits, and what it found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from clickcli.units import duration_text

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence


class Severity(StrEnum):
    """How bad a finding is: numbers are wrong, numbers are distorted, worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Place in the order, the worst first."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: who or what, how many events of how many, what it means.

    Times are microseconds. ``all`` is what ``events`` is a share of; None where there is
    nothing to compare with. ``is_sum`` says that it stands for several.
    """

    severity: Severity
    subject: str
    events: int
    all: int | None
    meaning: str
    first: int | None = None
    last: int | None = None
    example: str | None = None
    is_sum: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a check gives: how much it looked at, and what it found."""

    looked_at: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Least:
    """How many must be affected, where any is too many."""

    events: int = 1


L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Check(Generic[L]):
    """A declared check.

    ``limits`` are its thresholds and ``threshold`` says them, as a template over their
    fields. ``unit`` is what is counted as looked at. ``needs`` are the event columns without any
    of which there is nothing to look at.
    """

    name: str
    help: str
    limits: L
    threshold: str
    unit: str
    look: Callable[[Evidence, L], Found]
    needs: tuple[str, ...] = ()

    def threshold_text(self) -> str:
        """Return the threshold in words."""
        limits: Any = self.limits
        return self.threshold.format(**dataclasses.asdict(limits))

    def run(self, evidence: Evidence) -> Found:
        """Look; nothing is looked at where the log holds none of the columns."""
        if self.needs and not any(map(evidence.has, self.needs)):
            return Found(0)
        return self.look(evidence, self.limits)


def graded(share: float, warning: float, error: float = 2.0) -> Severity:
    """Return how bad a share is; an ``error`` above 1 is never reached."""
    if share >= error:
        return Severity.ERROR
    return Severity.WARNING if share >= warning else Severity.INFO


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: 1 event, 12,345 events."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Iterable[str], most: int = 3) -> str:
    """Return the first words of a list, and how many more there are."""
    found = list(words)
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def ends(table: pl.DataFrame) -> tuple[int | None, int | None]:
    """Return the earliest ``first`` and the latest ``last`` of a table."""
    import polars as pl

    first, last = table.select(pl.col("first").min(), pl.col("last").max()).row(0)
    return first, last


def about(microseconds: int) -> str:
    """Return a duration in the one or two units that matter: 2h, 1d 3h, 4m 10s."""
    for unit in (3_600_000_000, 60_000_000, 1_000_000):
        if microseconds >= 24 * unit or (unit < 3_600_000_000 and microseconds >= 60 * unit):
            return duration_text(round(microseconds / unit) * unit)
    return duration_text(round(microseconds / 1000) * 1000)


def shortened(text: str, most: int = 60) -> str:
    """Return text that is not too long for an example."""
    return text if len(text) <= most else text[: most - 1] + "…"
