"""Event types and properties whose names hold ids or values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.doctor.check import Check, Finding, Found, Severity, shortened

if TYPE_CHECKING:
    from clickcli.doctor.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Limits:
    """How many names somebody can have thought of."""

    names: int = 500


def _look(evidence: Evidence, limits: Limits) -> Found:
    findings = []
    types, properties = list(evidence.types.items()), evidence.dataset.property_names
    if len(types) > limits.names:
        rest = types[limits.names :]
        meaning = (
            f"{len(types):,} event types, these events of the rarest of them: names that hold an "
            "id or a value are one type each"
        )
        findings.append(
            Finding(
                Severity.WARNING, "event types", sum(seen.events for _, seen in rest),
                evidence.total, meaning, example=shortened(rest[-1][0]),
            )
        )  # fmt: skip
    if len(properties) > limits.names:
        meaning = (
            f"{len(properties):,} properties or more: keys that hold an id or a value cannot be "
            "asked for"
        )
        findings.append(
            Finding(Severity.WARNING, "properties", 0, None, meaning,
                    example=shortened(properties[-1]))
        )  # fmt: skip
    return Found(len(types) + len(properties), tuple(findings))


CHECKS: Final = (
    Check(
        "too_many_names", "Event types and properties whose names hold ids.", Limits(),
        "{names} names", "event types and properties", _look,
    ),
)  # fmt: skip
