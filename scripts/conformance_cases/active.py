"""Ask active people: the lifecycle of each period, and how many periods people come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance_cases.case import Case, Check, Fields, Unsupported
from conformance_cases.words import PERIODS, log_of, shared, span, step_text

_SIGN = {"new": 1, "returning": 1, "resurrecting": 1, "dormant": -1}


def _rows(case: Case, check: Check, table: str, dates: Mapping[str, str]) -> list[dict[str, Any]]:
    query = case.query
    options: dict[str, Any] = {
        "event": step_text(Fields(query.take("series", {}), "series"), case.event_types()),
        "every": query.choose("period", PERIODS, "day"),
        **shared(query),
        **dates,
    }
    with log_of(case, check) as log:
        rows: list[dict[str, Any]] = log.active(**options).to_polars(table).to_dicts()
    return rows


def lifecycle(case: Case, check: Check) -> None:
    """Compare the series of each state; people who stay away are counted below zero."""
    dates = span(case.query)
    if set(dates) != {"from_", "to", "as_of"}:
        raise Unsupported("a lifecycle without date_from and date_to")
    rows = _rows(case, check, "lifecycle", dates)
    for name, expected in case.expected.take("series", {}).items():
        if name not in _SIGN:
            check.cannot(f"unknown: series {name}")
            continue
        got = [_SIGN[name] * row[name] for row in rows]
        check.equal(name, _padded(got, expected), list(expected))


def _padded(got: list[int], expected: Sequence[int]) -> list[int]:
    """Put zeros before a table that begins with the first person ever."""
    return [0] * (len(expected) - len(got)) + got


def stickiness(case: Case, check: Check) -> None:
    """Compare how many people were active in how many periods; empty rows do not count."""
    rows = _rows(case, check, "active_days", span(case.query))
    expected = case.expected.take("users_by_active_periods", {})
    check.equal(
        "people by active periods",
        {str(row["periods"]): row["people"] for row in rows if row["people"]},
        {str(periods): people for periods, people in expected.items() if people},
    )
