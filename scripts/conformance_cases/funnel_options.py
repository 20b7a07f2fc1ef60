"""The options of ``funnel`` that ask a case's question."""

from __future__ import annotations

from typing import Any

from conformance_cases.case import Case, Fields, Unsupported
from conformance_cases.words import PERIODS, property_name, seconds, shared, span, step_text

_REPORTS = ("steps", "trend", "time_to_convert", "levels")
_ORDER = {"ordered": "ordered", "strict": "strict", "unordered": "any"}
_TIES = {"any_order": "any", "strict_increase": "increasing"}
_FIRST_TIME = {True: "event", "with_filters": "matching", False: "any"}
_ATTRIBUTION = {"first_touch": "first", "last_touch": "last", "all_events": "all", "step": "step"}


def funnel_options(case: Case) -> dict[str, Any]:
    """Return the options of ``funnel`` that ask the case's question."""
    query = case.query
    if (report := query.take("report", "steps")) not in _REPORTS:
        raise Unsupported(f"report {report!r}")
    if query.take("event_reuse", False):
        raise Unsupported("one event that satisfies several steps: no such option")
    if (variant := query.take("strict_variant", "contiguous")) != "contiguous":
        raise Unsupported(f"strict_variant={variant}: strict means that steps touch")
    window = query.take("window_seconds")
    options: dict[str, Any] = {
        "order": query.choose("order", _ORDER, "ordered"),
        "ties": query.choose("ties", _TIES, "any_order"),
        "repeats": query.choose("repeats", {"allow": "allow", "interrupt": "interrupt"}, "allow"),
        "exclusion": query.choose(
            "exclusion_scope", {"attempt": "attempt", "user": "person"}, "attempt"
        ),
        "within": "none" if window is None else seconds(window),
        **shared(query),
        **_steps_and_exclusions(query, case.event_types()),
        **_breakdown_options(query),
    }
    if dates := span(query):
        options |= {**dates, "range": "events"}
    key = query.choose("path_key", {"user_id": "person", "session_id": "session"}, "user_id")
    if key == "session":
        options |= {"unit": "session", "session_rule": "given"}
    if report == "trend":
        options["trend"] = query.choose("period", PERIODS, "day")
    return options


def _steps_and_exclusions(query: Fields, known: set[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    steps = [Fields(step, "step") for step in query.take("steps", ())]
    for number, step in enumerate(steps):
        first_time = step.choose("first_time", _FIRST_TIME, False)
        if first_time != "any" and number > 0:
            raise Unsupported("first_time on a later step: only the first step can ask for it")
        if first_time != "any":
            options["first_time"] = first_time
    options["steps"] = [step_text(step, known) for step in steps]
    options["not_"] = []
    for exclusion in query.take("exclusions", ()):
        fields = Fields(exclusion, "exclusion")
        low = int(fields.take("from_step", 0)) + 1
        high = int(fields.take("to_step", len(steps) - 1)) + 1
        options["not_"].append(f"{step_text(fields, known)}:{low}-{high}")
    return options


def _breakdown_options(query: Fields) -> dict[str, Any]:
    """Return the breakdown, whose steps are counted from 0 in a case and from 1 in clickcli."""
    given = query.take("breakdown")
    if given is None:
        return {}
    fields = Fields(given, "breakdown")
    names = fields.take("property")
    attribution = fields.choose("attribution", _ATTRIBUTION, "first_touch")
    step = fields.take("step")
    fields.finish()
    if attribution == "step":
        attribution = f"step:{int(step or 0) + 1}"
    by = tuple(property_name(name) for name in ([names] if isinstance(names, str) else names))
    return {"by": by, "attribution": attribution, "top": 1000}
