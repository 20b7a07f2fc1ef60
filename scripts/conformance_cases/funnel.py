"""Ask the funnel: steps, levels of people, times, trend, breakdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance_cases.case import Case, Check, Fields
from conformance_cases.funnel_options import funnel_options
from conformance_cases.words import log_of, text

if TYPE_CHECKING:
    from clickcli.api import Log

Row = Mapping[str, Any]
_NONE = {"": "(none)", "None": "(none)", "null": "(none)"}


@dataclass(frozen=True)
class Question:
    """A funnel case on its way: the store and the options of the call."""

    case: Case
    log: Log
    check: Check
    options: Mapping[str, Any]

    def rows(self, table: str = "steps", **more: Any) -> list[dict[str, Any]]:
        """Return the rows of one table."""
        rows: list[dict[str, Any]] = (
            self.log.funnel(**{**self.options, **more}).to_polars(table).to_dicts()
        )
        return rows

    def people(self, cell: str) -> list[str]:
        """Return the people of a cell."""
        plain = {k: v for k, v in self.options.items() if k not in ("by", "attribution", "top")}
        people: list[str] = self.log.funnel(**plain, who=cell).to_polars()["person_id"].to_list()
        return people

    def alone(self, value: str, column: str = "user_id") -> list[dict[str, Any]]:
        """Return the steps of one person or session, by a filter."""
        return self.rows(where=(*self.options.get("where", ()), f"{column} = {text(value)}"))


def funnel(case: Case, check: Check) -> None:
    """Compare every part of the answer that the case states."""
    options = funnel_options(case)
    with log_of(case, check) as log:
        question = Question(case, log, check, options)
        for key in case.expected:
            if key in _COMPARE:
                _COMPARE[key](question, case.expected.take(key))


def _steps(question: Question, expected: Sequence[Row]) -> None:
    plain = {key: value for key, value in question.options.items() if key != "trend"}
    rows = question.log.funnel(**plain).to_polars("steps").to_dicts()
    total = [row for row in rows if all(row[by] == "(total)" for by in plain.get("by", ()))]
    _compare_steps(question.check, "", total, expected, lambda k: question.people(f"step:{k}"))


def _compare_steps(
    check: Check,
    where: str,
    rows: Sequence[Row],
    expected: Sequence[Row],
    people: Callable[[int], list[str]],
) -> None:
    """Compare what is stated of each step; a group that nobody is in has counts of 0."""
    if rows and len(rows) != len(expected):
        check.equal(f"{where}steps", len(rows), len(expected))
        return
    for number, given in enumerate(expected, start=1):
        row: Row = rows[number - 1] if rows else {"people": 0, "pending": 0}
        before = rows[number - 2] if rows and number > 1 else None
        stated, name = Fields(given, "expected step"), f"{where}step {number}"
        if stated.has("count"):
            check.equal(f"{name} people", row["people"], stated.take("count"))
        if stated.has("users"):
            users = sorted(str(user) for user in stated.take("users"))
            check.equal(f"{name} users", sorted(people(number)), users)
        if stated.has("avg_seconds"):
            got = row.get("from_previous_mean_s")
            check.equal(f"{name} mean seconds", got, stated.take("avg_seconds"))
        if stated.has("median_seconds"):
            got = row.get("from_previous_median_s")
            check.equal(f"{name} median seconds", got, stated.take("median_seconds"))
        if stated.has("rate_of_all"):
            stated.take("rate_of_all")
            check.cannot("rates over everybody seen, whether they entered or not: no such option")
        rate = stated.take("rate_of_previous")
        if rate is not None and number == 1:
            check.cannot("a rate of the first step: it has no step before it")
        elif rate is not None:
            check.equal(f"{name} rate", before and _rate(row, before, "step_conversion"), rate)
        for key in stated.untaken():
            check.cannot(f"unknown: {key}")


def _rate(row: Row, before: Row, column: str) -> float | None:
    """Return the rate in the row; of everybody where some windows are still open."""
    if row["pending"] == before["pending"] == 0:
        rate: float | None = row[column]
        return rate
    return row["people"] / before["people"] if before["people"] else None


def _levels(question: Question, expected: Mapping[str, int]) -> None:
    levels: dict[str, int] = {}
    if question.options.get("unit") == "session":
        for session in expected:
            rows = question.alone(session, "session_id")
            levels[session] = sum(1 for row in rows if row["people"])
    else:
        for step in range(1, len(question.options["steps"]) + 1):
            levels |= dict.fromkeys(question.people(f"step:{step}"), step)
    for user, level in expected.items():
        question.check.equal(f"level of {user}", levels.get(user, 0), level)


def _trend(question: Question, expected: Sequence[Row]) -> None:
    """Compare the periods stated; others must be empty."""
    rows = {row["period"]: row for row in question.rows("trend")}
    width = {"month": len("2024-01"), "hour": len("2024-01-01T00")}.get(
        question.options["trend"], len("2024-01-01")
    )
    nobody = {"people": 0, "converted": 0, "conversion": 0, "pending": 0}
    check = question.check
    for given in expected:
        stated = Fields(given, "expected trend")
        date = str(stated.take("date")).replace(" ", "T")[:width]
        row = rows.pop(date, nobody)
        if stated.has("entered"):
            check.equal(f"{date} entered", row["people"], stated.take("entered"))
        if stated.has("converted"):
            check.equal(f"{date} converted", row["converted"], stated.take("converted"))
        if (rate := stated.take("rate")) is not None:
            got = row["conversion"]
            if row["pending"]:
                got = row["converted"] / row["people"]
            check.equal(f"{date} rate", None if got is None else got * 100, rate)
        for key in stated.untaken():
            check.cannot(f"unknown: {key}")
    for date, row in rows.items():
        check.equal(f"{date} entered, a period that is not stated", row["people"], 0)


def _interval(question: Question) -> tuple[int, int]:
    """Return the two steps, from 1, whose distance in time is asked for."""
    query = question.case.query
    low = int(query.take("from_step", 0)) + 1
    return low, int(query.take("to_step", len(question.options["steps"]) - 1)) + 1


def _conversion_seconds(question: Question, expected: Mapping[str, float]) -> None:
    question.check.equal("seconds of each person", _person_seconds(question), expected)


def _person_seconds(question: Question) -> dict[str, float]:
    """Return each converted person's seconds between the two steps, asked one by one."""
    low, high = _interval(question)
    result = {}
    for user in question.case.user_ids():
        rows = {row["step"]: row for row in question.alone(user)}
        if high in rows and rows[high]["people"]:
            begin = 0.0 if low == 1 else rows[low]["from_entry_mean_s"]
            result[user] = rows[high]["from_entry_mean_s"] - begin
    return result


def _average_seconds(question: Question, expected: float) -> None:
    low, high = _interval(question)
    row = question.rows()[high - 1]
    if low == 1:
        got = row["from_entry_mean_s"]
    elif low == high - 1:
        got = row["from_previous_mean_s"]
    else:
        each = _person_seconds(question).values()
        got = sum(each) / len(each) if each else None
    question.check.equal("mean seconds", got, expected)


def _groups(question: Question, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the steps of each value of the breakdown, several values joined by a bar."""
    by = question.options["by"]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        values = [str(row[name]) for name in by]
        if "(total)" not in values:
            groups.setdefault("|".join(values), []).append(row)
    return groups


def _value(stated: object) -> str:
    """Return our name of a stated value; one that is missing is ``(none)``."""
    return "|".join(_NONE.get(part, part) for part in str(stated).split("|"))


def _breakdown_values(question: Question, expected: Sequence[object]) -> None:
    """Compare the values; who never came to the attributed step has none and is left out."""
    found = set(_groups(question, question.rows()))
    stated = {_value(value) for value in expected}
    if question.options["attribution"].startswith("step"):
        found -= {"(none)"} - stated
    question.check.equal("breakdown values", sorted(found), sorted(stated))


def _breakdown(question: Question, expected: Mapping[str, Row]) -> None:
    groups = _groups(question, question.rows())
    each: dict[str, dict[str, list[Row]]] = {}
    if any("users" in step for group in expected.values() for step in group.get("steps", ())):
        for user in question.case.user_ids():
            each[user] = _groups(question, question.alone(user))
    for stated, given in expected.items():
        value, group = _value(stated), Fields(given, "expected breakdown")

        def people(step: int, value: str = value) -> list[str]:
            return [u for u, own in each.items() if value in own and own[value][step - 1]["people"]]

        _compare_steps(
            question.check, f"{stated} ", groups.get(value, []), group.take("steps", ()), people
        )
        for key in group.untaken():
            question.check.cannot(f"unknown: {key}")


_COMPARE: Mapping[str, Callable[[Question, Any], None]] = {
    "steps": _steps,
    "levels": _levels,
    "trend": _trend,
    "conversion_seconds": _conversion_seconds,
    "average_seconds": _average_seconds,
    "breakdown_values": _breakdown_values,
    "breakdown": _breakdown,
}
