"""Events that are not as the tracking plan says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.doctor.census import ANY_FORM, merged, natural_kind
from clickcli.doctor.check import Check, Finding, Found, Least, Severity, graded, listed, shortened
from clickcli.doctor.plan import target

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.census import Kind, Tally
    from clickcli.doctor.evidence import Evidence
    from clickcli.doctor.plan import EventPlan


@dataclass(frozen=True, slots=True)
class Limits:
    """Any breach is told; from this share of the type on it is an error."""

    error: float = 0.01


def _planned(evidence: Evidence) -> list[tuple[str, EventPlan]]:
    """Return the planned event types that occur, with their plans."""
    plan = evidence.plan
    if plan is None:
        return []
    return [(name, own) for name, own in plan.events.items() if name in evidence.types]


def _total(evidence: Evidence) -> int:
    return sum(evidence.types[name].events for name, _ in _planned(evidence))


def _event_types(evidence: Evidence, limits: Least) -> Found:
    plan = evidence.plan
    if plan is None:
        return Found(0)
    findings = []
    for name, seen in evidence.types.items():
        if plan.is_strict and name not in plan.events and seen.events >= limits.events:
            meaning = "an event type that the plan does not name"
            findings.append(
                Finding(Severity.ERROR, name, seen.events, evidence.total, meaning, seen.first,
                        seen.last)
            )  # fmt: skip
    for name in plan.events:
        if name not in evidence.types:
            meaning = "an event type of the plan that does not occur"
            findings.append(Finding(Severity.INFO, name, 0, evidence.total, meaning))
    return Found(len(evidence.types), tuple(findings))


def _fields(evidence: Evidence, limits: Limits) -> Found:
    columns = {
        column
        for _, own in _planned(evidence)
        for column in map(target, own.required)
        if isinstance(column, str)
    }
    nulls = _nulls(evidence, columns) if columns else {}
    findings = []
    for name, own in _planned(evidence):
        total = evidence.types[name].events
        for text in own.required:
            found = target(text)
            first = last = None
            if isinstance(found, str):
                missing, first, last = nulls[name, found]
            else:
                kinds = evidence.census.kinds.get((name, found.path), {})
                missing = total - sum(tally.events for tally in kinds.values())
            if missing:
                severity = graded(missing / total, 0, limits.error)
                meaning = "events without a field that the plan requires"
                findings.append(
                    Finding(severity, f"{name}: {text}", missing, total, meaning, first, last)
                )
    return Found(_total(evidence), tuple(findings))


def _nulls(
    evidence: Evidence, columns: set[str]
) -> dict[tuple[str, str], tuple[int, int | None, int | None]]:
    """Return for each event type and column how many events have no value, and when."""
    import polars as pl

    ts = pl.col("ts")
    aggregates: list[pl.Expr] = []
    for column in sorted(columns):
        is_null = pl.col(column).is_null()
        aggregates += [
            is_null.sum().alias(f"{column} n"), ts.filter(is_null).min().alias(f"{column} a"),
            ts.filter(is_null).max().alias(f"{column} b"),
        ]  # fmt: skip
    events = evidence.events("event_type", *columns)
    table = evidence.collect(events.group_by("event_type").agg(aggregates))
    return {
        (row["event_type"], column): (row[f"{column} n"], row[f"{column} a"], row[f"{column} b"])
        for row in table.iter_rows(named=True)
        for column in columns
    }


def _kinds(evidence: Evidence, limits: Limits) -> Found:
    findings = []
    for name, own in _planned(evidence):
        total = evidence.types[name].events
        for text, wanted in own.types.items():
            wrong = dict(_wrong(evidence, name, text, wanted))
            if not wrong:
                continue
            whole = merged(wrong.values())
            kinds = listed(f"{kind} on {tally.events:,}" for kind, tally in wrong.items())
            meaning = f"values that are no {wanted}, as the plan says: {kinds}"
            findings.append(
                Finding(
                    graded(whole.events / total, 0, limits.error), f"{name}: {text}",
                    whole.events, total, meaning, whole.first, whole.last,
                    shortened(str(whole.example)),
                )
            )  # fmt: skip
    return Found(_total(evidence), tuple(findings))


def _wrong(evidence: Evidence, name: str, text: str, wanted: Kind) -> Iterator[tuple[Kind, Tally]]:
    """Yield the JSON types that a field has and should not have.

    Of a column that holds a value, the log line held one of its natural type, unless another one
    was kept in properties.
    """
    found = target(text)
    if found in ANY_FORM:
        return
    if isinstance(found, str):
        kinds = evidence.census.kept(name, found)
        natural = natural_kind(found)
        is_number_id = natural == "text" and wanted == "number"
        if wanted != natural and not is_number_id and (own := _filled(evidence, name, found)):
            kinds[natural] = own
    else:
        kinds = evidence.census.kinds.get((name, found.path), {})
    yield from ((kind, tally) for kind, tally in kinds.items() if kind != wanted)


def _filled(evidence: Evidence, name: str, column: str) -> Tally | None:
    """Return how many events of a type have a value in a column."""
    import polars as pl

    from clickcli.doctor.census import Tally

    ts, value = pl.col("ts"), pl.col(column)
    own = evidence.events("event_type", column).filter(
        (pl.col("event_type") == name) & value.is_not_null()
    )
    table = evidence.collect(
        own.select(pl.len(), ts.min().alias("a"), ts.max().alias("b"), value.min().alias("v"))
    )
    events, first, last, example = table.row(0)
    return Tally(example, first, last, events) if events else None


def _values(evidence: Evidence, limits: Limits) -> Found:
    import polars as pl

    findings = []
    for name, own in _planned(evidence):
        total = evidence.types[name].events
        for text, values in own.allowed.items():
            found = target(text)
            if isinstance(found, str):
                events, column = evidence.events("event_type", found), found
            else:
                events = evidence.events("event_type", properties=[found])
                column = found.column
            value, ts = pl.col(column), pl.col("ts")
            other = events.filter(
                (pl.col("event_type") == name) & value.is_not_null() & ~value.is_in(list(values))
            )
            table = evidence.collect(
                other.select(
                    pl.len(), ts.min().alias("a"), ts.max().alias("b"), value.min().alias("v")
                )
            )
            number, first, last, example = table.row(0)
            if number:
                severity = graded(number / total, 0, limits.error)
                meaning = "values that the plan does not allow"
                findings.append(
                    Finding(severity, f"{name}: {text}", number, total, meaning, first, last,
                            shortened(example))
                )  # fmt: skip
    return Found(_total(evidence), tuple(findings))


_THRESHOLD: Final = "any, against --plan; {error:.0%} of a type for an error"

CHECKS: Final = (
    Check(
        "plan_events", "Event types that the tracking plan does not name.", Least(),
        "any, against --plan with strict = true", "event types", _event_types,
    ),
    Check(
        "plan_fields", "Events without a field that the tracking plan requires.", Limits(),
        _THRESHOLD, "events of planned types", _fields,
    ),
    Check(
        "plan_types", "Values of another type than the tracking plan says.", Limits(), _THRESHOLD,
        "events of planned types", _kinds,
    ),
    Check(
        "plan_values", "Values that the tracking plan does not allow.", Limits(), _THRESHOLD,
        "events of planned types", _values,
    ),
)  # fmt: skip
