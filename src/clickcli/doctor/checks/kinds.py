"""Properties and columns with values of more than one type."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.doctor.census import ANY_FORM, IDS, Kind, Tally, column_of, merged, natural_kind
from clickcli.doctor.check import Check, Finding, Found, Severity, listed, shortened
from clickcli.units import from_us

if TYPE_CHECKING:
    from clickcli.doctor.census import Path
    from clickcli.doctor.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Limits:
    """How many values of the rarer type, and which share of the type's values."""

    events: int = 5
    share: float = 0.001


def path_text(path: Path) -> str:
    """Return a property as it is written in a filter."""
    from clickcli.filters import PropertyRef

    return PropertyRef.of(path, "text").text


def _example(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False), 24)


def _drift(evidence: Evidence, limits: Limits) -> Found:
    findings = []
    census = evidence.census
    for (event_type, path), kinds in census.kinds.items():
        if len(kinds) < 2 or (len(path) == 1 and column_of(path[0]) is not None):
            continue
        total = sum(tally.events for tally in kinds.values())
        order = sorted(kinds, key=lambda kind: (-kinds[kind].events, kind))
        rarer = merged(kinds[kind] for kind in order[1:])
        if rarer.events < limits.events or rarer.events < limits.share * total:
            continue
        findings.append(
            Finding(
                Severity.WARNING, f"{event_type}: {path_text(path)}", rarer.events, total,
                _meaning(evidence, kinds, order), rarer.first, rarer.last,
                " and ".join(_example(kinds[kind].example) for kind in order[:2]),
            )
        )  # fmt: skip
    return Found(len(census.kinds), tuple(findings))


def _meaning(evidence: Evidence, kinds: dict[Kind, Tally], order: list[Kind]) -> str:
    """Say which types there are; where one came after the other, since when."""
    counts = listed(f"{kind} on {kinds[kind].events:,}" for kind in order)
    old, new = sorted(order[:2], key=lambda kind: kinds[kind].first)
    if kinds[old].last < kinds[new].first:
        since = from_us(kinds[new].first, evidence.tz).date()
        return f"{counts} events: {old} before, {new} since {since}"
    return f"{counts} events, side by side: comparisons miss some of them"


def _misfits(evidence: Evidence, limits: Limits) -> Found:
    """Look for values that ingest kept in properties because their column is of another type."""
    census = evidence.census
    odd: dict[str, list[Tally]] = {}
    for (_, path), kinds in census.kinds.items():
        column = column_of(path[0]) if len(path) == 1 else None
        if column is None or column in ANY_FORM or column in IDS:
            continue
        natural = natural_kind(column)
        fits = {"text", "number"} if natural == "text" else {natural}
        odd.setdefault(column, []).extend(
            tally for kind, tally in kinds.items() if kind not in fits
        )
    findings = []
    for column, tallies in sorted(odd.items()):
        whole = merged(tallies) if tallies else None
        total = evidence.total
        if whole is None or whole.events < limits.events or whole.events < limits.share * total:
            continue
        meaning = (
            "values of another type than the column's, kept in properties: texts that are no "
            "numbers leave the column empty"
        )
        findings.append(
            Finding(Severity.WARNING, column, whole.events, total, meaning, whole.first,
                    whole.last, _example(whole.example))
        )  # fmt: skip
    return Found(evidence.total, tuple(findings))


_THRESHOLD: Final = "{events} events and {share:.1%}"

CHECKS: Final = (
    Check(
        "property_types", "Properties that are a number on some lines and a text on others.",
        Limits(), _THRESHOLD, "properties by event type", _drift,
    ),
    Check(
        "column_types", "Values that are not of their column's type.", Limits(), _THRESHOLD,
        "events", _misfits,
    ),
)  # fmt: skip
