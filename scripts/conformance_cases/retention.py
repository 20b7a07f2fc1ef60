"""Ask retention: the table of cohorts and periods, and the sums over dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from conformance_cases.case import Case, Check, Fields, Unsupported
from conformance_cases.words import PERIODS, log_of, shared, step_text

_COHORT = {
    "recurring": "recurring",
    "first_matching": "first",
    "first_event_then_filter": "first-event",
}
_CLOCK = {"calendar": "calendar", "from_first_event": "rolling"}


@dataclass(frozen=True)
class Intervals:
    """Names of the periods, counted from the first."""

    every: str
    first: datetime

    def name(self, number: int) -> str:
        """Return the name that clickcli gives a cohort."""
        begin = self.begin(number)
        if self.every == "hour":
            return begin.isoformat()[:13]
        return begin.isoformat()[: 7 if self.every == "month" else 10]

    def begin(self, number: int) -> datetime:
        """Return when a period begins, in the case's time zone."""
        if self.every == "month":
            index = self.first.year * 12 + self.first.month - 1 + number
            return self.first.replace(year=index // 12, month=index % 12 + 1)
        length = {"hour": 1, "day": 24, "week": 168}[self.every]
        return self.first + timedelta(hours=length * number)


def retention(case: Case, check: Check) -> None:
    """Compare the table, or the sums, that the case states."""
    query = case.query
    ask: Callable[[Case, Check], None] = {"table": _table, "conditions": _conditions}[
        query.choose("mode", {"table": "table", "conditions": "conditions"}, "table")
    ]
    ask(case, check)


def _options(case: Case, *, may_be_any: bool = False) -> dict[str, Any]:
    """Return the options that do not depend on the periods."""
    query = case.query
    steps = {}
    for name in ("cohort", "returning"):
        step = dict(query.take(name, {}))
        if may_be_any and step.get("event") not in case.event_types():
            step["event"] = None
        steps[name] = step_text(Fields(step, name), case.event_types())
    options: dict[str, Any] = {
        "start": steps["cohort"],
        "returning": steps["returning"],
        "every": query.choose("period", PERIODS, "day"),
        "kind": "unbounded" if query.take("rolling", False) else "bounded",
        "clock": query.choose("window_mode", _CLOCK, "calendar"),
        "min_occurrences": int(query.take("min_occurrences", 1)),
        **shared(query),
    }
    if query.has("cohort_type"):
        options["cohort"] = query.choose("cohort_type", _COHORT, None)
    return options


def _first(text: str, options: dict[str, Any]) -> datetime:
    """Return the beginning of the period that holds a moment of the case."""
    moment = datetime.fromisoformat(text).replace(tzinfo=None)
    if options["every"] == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.date()
    if options["every"] == "month":
        day = day.replace(day=1)
    if options["every"] == "week":
        sunday = options.get("week_start", "monday") == "sunday"
        day -= timedelta(days=(day.weekday() + sunday) % 7)
    return datetime.combine(day, time())


def _cells(
    case: Case, check: Check, options: dict[str, Any]
) -> dict[tuple[str, int], dict[str, Any]]:
    with log_of(case, check) as log:
        rows = log.retention(**options).to_polars("retention").to_dicts()
    return {(row["cohort"], row["period"]): row for row in rows}


def _value(cells: dict[tuple[str, int], dict[str, Any]], cohort: str, period: int) -> int:
    """Return how many were retained, in period 0 the cohort's size; 0 where there is no row."""
    row = cells.get((cohort, period))
    return 0 if row is None else int(row["cohort_size" if period == 0 else "retained"])


def _table(case: Case, check: Check) -> None:
    """Compare the table row by row: a triangle, or rows of equal length."""
    query = case.query
    options = _options(case)
    width = int(query.take("intervals", 1))
    height = int(query.take("rows", width))
    is_full = bool(query.take("full_rows", False))
    if not query.has("first_interval"):
        raise Unsupported("a table without first_interval")
    intervals = Intervals(options["every"], _first(query.take("first_interval"), options))
    last = height + width - 2 if is_full else max(height, width) - 1
    expected = case.expected.take("table", ())
    options["periods"] = max([width, *map(len, expected)]) - 1
    options["as_of"] = intervals.begin(last + 1).isoformat()
    cells = _cells(case, check, options)
    for number, row in enumerate(expected):
        cohort = intervals.name(number)
        got = [_value(cells, cohort, period) for period in range(len(row))]
        check.equal(f"cohort {cohort}", got, row)


def _conditions(case: Case, check: Check) -> None:
    """Compare people of the first date, and of them those of each other date.

    The dates are the conditions: a name that no event bears does not count as another one.
    """
    dates = [date.fromisoformat(str(day)[:10]) for day in case.query.take("dates", ())]
    options = _options(case, may_be_any=True)
    if options["every"] != "day" or min(dates) < dates[0]:
        raise Unsupported("conditions on dates before the first, or on periods that are not days")
    options["periods"] = (max(dates) - dates[0]).days
    options["as_of"] = (max(dates) + timedelta(days=1)).isoformat()
    cells = _cells(case, check, options)
    if case.expected.has("sums"):
        got = [_value(cells, dates[0].isoformat(), (day - dates[0]).days) for day in dates]
        check.equal("sums", got, case.expected.take("sums"))
