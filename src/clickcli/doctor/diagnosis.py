"""Run checks over a log and put what they found into tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from clickcli.analysis import Column, Shared, Table
from clickcli.context import resolve
from clickcli.doctor.census import MOST as CENSUS_MOST
from clickcli.doctor.check import Check, Finding, Severity, counted, shortened
from clickcli.doctor.evidence import Evidence, Records
from clickcli.doctor.registry import chosen
from clickcli.errors import Undecidable
from clickcli.units import from_us, utc

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.plan import Plan
    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset
    from clickcli.run import Result

MOST: Final = 20
"""Findings of a check that are told one by one."""
_LONGEST: Final = 200
"""Characters of a subject or an example, at most."""

FINDINGS: Final = Table(
    "findings",
    "What is wrong with the log, the worst first.",
    (
        Column("severity", "string", "text", "error, warning or info"),
        Column("check", "string", "key", "name of the check"),
        Column("subject", "string", "key", "event type, field, id or time that it is about"),
        Column("events", "int64", "count", "events (lines, people) affected"),
        Column("share", "float64", "share", "events ÷ all"),
        Column("all", "int64", "count", "events (lines, people) that could have been affected"),
        Column("first", "timestamp", "timestamp", "time of the first of them"),
        Column("last", "timestamp", "timestamp", "time of the last of them"),
        Column("meaning", "string", "text", "what it is, and what it does to numbers"),
        Column("example", "string", "text", "one of them"),
    ),
    keys=("check", "subject"),
    below=("meaning", "example"),
)
CHECKS: Final = Table(
    "checks",
    "Every check that was made, with its threshold.",
    (
        Column("check", "string", "key", "name of the check"),
        Column("findings", "int64", "count", "findings"),
        Column("looked_at", "int64", "count", "how many were looked at"),
        Column("threshold", "string", "text", "from where on something is a finding"),
        Column("unit", "string", "text", "what was looked at"),
        Column("help", "string", "text", "what is looked for"),
    ),
    keys=("check",),
)


def gathered(
    dataset: Dataset, engine: Engine, shared: Shared, records: Records, plan: Plan | None = None
) -> Evidence:
    """Return the evidence of a period.

    Raises Undecidable when there is no event, and UsageError for options that contradict
    each other.
    """
    if not dataset.rows:
        raise Undecidable("the store is empty", hint="add log files: clickcli ingest FILE…")
    context = resolve(dataset, engine, shared)
    evidence = Evidence(dataset, engine, context.period, context.tz, context.as_of, records, plan)
    if not evidence.total:
        raise Undecidable(
            "the period has no events", hint="leave out --from, --to and --last to see all"
        )
    return evidence


def diagnose(evidence: Evidence, names: Iterable[str] = ()) -> Result:
    """Make the checks of these names (all without any). Raises UsageError for an unknown one."""
    checks = chosen(names)
    told: list[tuple[Check[Any], Finding]] = []
    made: list[tuple[Any, ...]] = []
    counts: Counter[Severity] = Counter()
    for check in checks:
        found = check.run(evidence)
        shown = _unique(_limited(found.findings))
        told += [(check, one) for one in shown]
        counts.update(one.severity for one in found.findings)
        made.append(
            (check.name, len(found.findings), found.looked_at, check.threshold_text(),
             check.unit, check.help)
        )  # fmt: skip
    told.sort(key=_place)
    return _result(evidence, [_row(*one) for one in told], made, counts)


def _limited(findings: Sequence[Finding]) -> list[Finding]:
    """Return the worst findings of a check; of too many, the rest of a severity as one."""
    findings = [replace(one, subject=shortened(one.subject, _LONGEST)) for one in findings]
    ordered = sorted(findings, key=lambda one: (one.severity.rank, -one.events, one.subject))
    shown, rest = ordered[:MOST], ordered[MOST:]
    for severity in Severity:
        own = [one for one in rest if one.severity is severity]
        if own:
            shown.append(_summed(own))
    return shown


def _summed(findings: Sequence[Finding]) -> Finding:
    """Return one finding for several of one kind; events may be counted more than once."""
    worst = findings[0]
    firsts = [one.first for one in findings if one.first is not None]
    lasts = [one.last for one in findings if one.last is not None]
    return replace(
        worst, subject=f"({len(findings):,} more)",
        events=sum(one.events for one in findings), all=None, meaning="further ones, such as "
        f"{worst.subject}: {worst.meaning}", first=min(firsts, default=None),
        last=max(lasts, default=None), is_sum=True,
    )  # fmt: skip


def _unique(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with a number added to a subject that comes again."""
    seen: Counter[str] = Counter()
    out = []
    for one in findings:
        seen[one.subject] += 1
        number = seen[one.subject]
        out.append(one if number == 1 else replace(one, subject=f"{one.subject} #{number}"))
    return out


def _place(told: tuple[Check[Any], Finding]) -> tuple[int, bool, int, str, str]:
    """Return where a finding stands: the worst first, sums of further ones last."""
    check, one = told
    return one.severity.rank, one.is_sum, -one.events, check.name, one.subject


def _row(check: Check[Any], one: Finding) -> tuple[Any, ...]:
    share = one.events / one.all if one.all else None
    return (
        one.severity.value, check.name, one.subject, one.events, share, one.all,
        utc(one.first), utc(one.last), one.meaning,
        None if one.example is None else shortened(one.example, _LONGEST),
    )  # fmt: skip


def _result(
    evidence: Evidence,
    rows: list[tuple[Any, ...]],
    made: list[tuple[Any, ...]],
    counts: Counter[Severity],
) -> Result:
    from clickcli.run import Result

    tables = {"findings": _frame(FINDINGS, rows), "checks": _frame(CHECKS, made)}
    return Result(
        "doctor", 1, tables, (FINDINGS, CHECKS), _meta(evidence, counts),
        _notes(evidence, len(made), counts), "Findings, the worst first",
    )  # fmt: skip


def _frame(schema: Table, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    types = {column.name: POLARS_TYPES[column.dtype] for column in schema.columns}
    return pl.DataFrame(rows, schema=types, orient="row")


def _notes(evidence: Evidence, checks: int, counts: Counter[Severity]) -> tuple[str, ...]:
    found = (
        counted(counts[Severity.ERROR], "error"),
        counted(counts[Severity.WARNING], "warning"),
        f"{counts[Severity.INFO]:,} info",
    )
    made = counted(checks, "check")
    notes = [
        f"{', '.join(found)} in {counted(evidence.total, 'event')}; {made} made (--table checks)"
    ]
    if evidence.has_census and evidence.census.is_cut:
        notes.append(f"more than {CENSUS_MOST:,} properties: the rest were not looked at")
    return tuple(notes)


def _meta(evidence: Evidence, counts: Counter[Severity]) -> dict[str, Any]:
    period = evidence.period
    return {
        "from": None if period.start is None else from_us(period.start, evidence.tz).isoformat(),
        "to": None if period.end is None else from_us(period.end, evidence.tz).isoformat(),
        "as_of": from_us(evidence.as_of, evidence.tz).isoformat(),
        "tz": evidence.tz.key,
        "snapshot": evidence.dataset.snapshot,
        "events_read": evidence.total,
        "findings": {severity.value: counts[severity] for severity in Severity},
    }
