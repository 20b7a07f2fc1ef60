"""Ask sessions: how many there are, and when each begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from conformance_cases.case import Case, Check, Fields
from conformance_cases.words import log_of, seconds, shared, span

if TYPE_CHECKING:
    from clickcli.run import Result

_NO_CAP = "36500d"


def sessions(case: Case, check: Check) -> None:
    """Compare every part of the answer that the case states; ids in the log do not matter."""
    query = case.query
    cap = query.take("max_seconds")
    options = {
        "timeout": seconds(query.take("gap_seconds", 1800)),
        "max_length": _NO_CAP if cap is None else seconds(cap),
        "session_rule": "gap",
        "list": "all",
        **shared(query),
        **span(query),
    }
    with log_of(case, check) as log:
        result = log.sessions(**options)
    for key in case.expected:
        if key in _COMPARE:
            _COMPARE[key](result, check, case.expected.take(key))


def _total(result: Result, column: str) -> int:
    rows = result.to_polars("summary").to_dicts()
    return int(rows[0][column]) if rows else 0


def _count(result: Result, check: Check, expected: int) -> None:
    check.equal("sessions", _total(result, "sessions"), expected)
    check.equal("sessions listed", result.to_polars("sessions").height, expected)


def _events_used(result: Result, check: Check, expected: int) -> None:
    check.equal("events in sessions", _total(result, "events"), expected)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _listed(result: Result, check: Check, expected: Sequence[Mapping[str, Any]]) -> None:
    """Compare the sessions, found by person and start, and that there are no others."""
    rows = {
        (row["person_id"], _moment(row["start"])): row
        for row in result.to_polars("sessions").to_dicts()
    }
    for given in expected:
        stated = Fields(given, "expected session")
        person, start = str(stated.take("user_id")), _moment(stated.take("start"))
        name = f"session of {person} from {start.isoformat()}"
        row = rows.pop((person, start), None)
        if row is None:
            check.differences.append(f"{name}: not found")
            continue
        if stated.has("last_event"):
            check.equal(f"{name} end", _moment(row["end"]), _moment(stated.take("last_event")))
        if stated.has("events"):
            check.equal(f"{name} events", row["events"], stated.take("events"))
        if stated.has("duration_seconds"):
            check.equal(f"{name} seconds", row["duration_s"], stated.take("duration_seconds"))
        for key in stated.untaken():
            check.cannot(f"unknown: {key}")
    for person, start in rows:
        check.differences.append(f"session of {person} from {start.isoformat()}: not expected")


_COMPARE: Mapping[str, Callable[[Result, Check, Any], None]] = {
    "session_count": _count,
    "events_used": _events_used,
    "sessions": _listed,
}
