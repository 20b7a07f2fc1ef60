"""Lines that were refused, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.doctor.check import Check, Finding, Found, graded, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clickcli.doctor.evidence import Evidence
    from clickcli.store.intake import Intake

_SEARCHED: Final = 100_000
"""Rejected lines that are searched for examples, at most."""
_MORE: Final = {
    "time_out_of_range": "a clock that was never set gives times of 1970",
    "time_in_future": "a clock that is ahead, or seconds taken for milliseconds",
    "nul_byte": "a file that was not written to its end, or is no log",
    "invalid_json": "lines cut short, or two writers in one file",
    "invalid_utf8": "a sender that writes Latin-1",
}
"""What usually is behind a reason."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the lines read, over all reasons."""

    warning: float = 0.001
    error: float = 0.01


def batches(evidence: Evidence) -> list[Intake]:
    """Return the ingests that belong to the period.

    Those with an event in it; one that stored none, where it took place in it.
    """
    start, end = evidence.period.start, evidence.period.end

    def is_within(one: Intake) -> bool:
        first = one.at if one.first_ts is None else one.first_ts
        last = one.at if one.last_ts is None else one.last_ts
        return (start is None or last >= start) and (end is None or first < end)

    return [one for one in evidence.records.batches if is_within(one)]


def _look(evidence: Evidence, limits: Limits) -> Found:
    own = batches(evidence)
    read = sum(one.read for one in own)
    reasons: Counter[str] = Counter()
    for one in own:
        reasons.update(one.reasons)
    if not reasons or not read:
        return Found(read)
    severity = graded(reasons.total() / read, limits.warning, limits.error)
    examples = _examples(evidence, {one.name for one in own}, reasons)
    findings = [
        Finding(
            severity, reason, lines, read, _meaning(evidence, reason),
            example=examples.get(reason),
        )
        for reason, lines in reasons.most_common()
    ]  # fmt: skip
    return Found(read, tuple(findings))


def _meaning(evidence: Evidence, reason: str) -> str:
    says = evidence.records.reasons.get(reason, reason)
    more = _MORE.get(reason)
    return f"lines refused: {says}" + (f" ({more})" if more else "")


def _examples(evidence: Evidence, names: set[str], wanted: Iterable[str]) -> dict[str, str]:
    """Return the first refused line of each reason."""
    found: dict[str, str] = {}
    missing = set(wanted)
    for number, reject in enumerate(evidence.records.rejects()):
        if not missing or number >= _SEARCHED:
            break
        if reject.batch in names and reject.reason in missing:
            place = f"line {reject.line} of {Path(reject.source).name}"
            found[reject.reason] = f"{place}: {shortened(reject.raw)}"
            missing.discard(reject.reason)
    return found


CHECKS: Final = (
    Check(
        "rejects", "Lines that were refused, by reason.", Limits(),
        "{warning:.1%} of the lines read for a warning, {error:.1%} for an error", "lines", _look,
    ),
)  # fmt: skip
