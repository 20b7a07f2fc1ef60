"""Ask journeys: transitions of each step, all transitions as a matrix, nodes at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conformance_cases.case import Case, Check, Fields, Unsupported
from conformance_cases.words import log_of, property_name, seconds, shared, span

if TYPE_CHECKING:
    from clickcli.run import Result

_MARKS = {"path_start": "(start)", "path_end": "(exit)"}
_SINKS = ("(exit)", "(cut)", "(other)")
_WEIGHTS = {
    "count": "transitions", "out": "share", "in": "share_of_target",
    "share_of_total": "share_of_all", "per_path": "per_path", "users": "people",
}  # fmt: skip
_MOST_STEPS = 20


def paths(case: Case, check: Check) -> None:
    """Compare the report that the case asks for."""
    query = case.query
    report = query.take("report", "step_edges")
    if report not in _REPORTS:
        raise Unsupported(f"query report={report!r}: no such table")
    options = {**_options(query), **shared(query), **span(query)}
    with log_of(case, check) as log:
        result = log.journeys(**options)
    _REPORTS[report](result, case, check)


def _options(query: Fields) -> dict[str, Any]:
    strips = bool(query.take("strip_trailing_slash", False))
    options: dict[str, Any] = {
        "node": _node(str(query.take("node", "event")), strips=strips),
        "keep_repeats": not query.take("collapse_repeats", False),
        **_unit(query),
    }
    if (event := query.take("event")) is not None:
        options["event"] = (event,)
    if (start := query.take("start")) is not None:
        options["start"] = (start.rstrip("/") or "/") if strips else start
    if (steps := query.take("max_steps")) is not None:
        if steps > _MOST_STEPS:
            raise Unsupported(f"query max_steps={steps}: at most {_MOST_STEPS}")
        options |= {"steps": steps, "depth": steps}
    return options


def _node(name: str, *, strips: bool) -> str:
    """Return what a node is; a page's address without its last slash is its path."""
    if not strips:
        return "event" if name == "event" else property_name(name)
    if name != "url":
        raise Unsupported(f"query strip_trailing_slash of {name!r}")
    return "path"


def _unit(query: Fields) -> dict[str, Any]:
    """Return what a path is: a person's events up to the gap, or a given session."""
    gap = query.take("gap_seconds")
    if query.choose("path_key", {"user_id": "person", "session_id": "session"}, "user_id") == (
        "person"
    ):
        return {"unit": "person", "gap": "none" if gap is None else seconds(gap)}
    if gap is None:
        return {"unit": "session", "session_rule": "given"}
    return {"unit": "session", "timeout": seconds(gap)}


def _step_edges(result: Result, case: Case, check: Check) -> None:
    """Compare the transitions of each step; ends of paths are not stated."""
    expected: dict[tuple[Any, ...], Any] = {}
    for edge in case.expected.take("edges", ()):
        stated = Fields(edge, "expected edge")
        key = tuple(stated.take(name) for name in ("step", "source", "target"))
        expected[key] = stated.take("count")
        for left in stated.untaken():
            check.cannot(f"unknown: {left}")
    got = {
        (row["step"], row["source"], row["target"]): row["paths"]
        for row in result.to_polars("flows").to_dicts()
        if row["target"] not in _SINKS
    }
    for key in sorted({*expected, *got}):
        step, source, target = key
        check.equal(f"step {step} {source} to {target}", got.get(key, 0), expected.get(key, 0))


def _transition_matrix(result: Result, case: Case, check: Check) -> None:
    """Compare the transitions between the nodes, both in the order that the case gives."""
    column = case.query.choose("weight", _WEIGHTS, "count")
    names = _names(case)
    cells = {
        (row["source"], row["target"]): row[column] for row in result.to_polars("edges").to_dicts()
    }
    _compare(case, check, names, names, cells)


def _step_matrix(result: Result, case: Case, check: Check) -> None:
    """Compare the share of the paths that stand at each node at each step."""
    column = case.query.choose("weight", {"share": "share", "count": "paths"}, "share")
    rows = result.to_polars("matrix").to_dicts()
    steps = range(1, int(case.query.take("max_steps", 5)) + 1)
    _compare(case, check, _names(case), steps,
             {(row["node"], row["step"]): row[column] for row in rows})  # fmt: skip


def _names(case: Case) -> list[str]:
    names = case.query.take("nodes")
    if names is None:
        raise Unsupported("a matrix whose nodes are not named")
    return [_MARKS.get(name, name) for name in names]


def _compare(
    case: Case, check: Check, sources: Sequence[Any], targets: Sequence[Any],
    cells: Mapping[tuple[Any, Any], Any],
) -> None:  # fmt: skip
    """Compare a matrix cell by cell; what never happened is 0."""
    expected = case.expected.take("matrix", ())
    if [len(row) for row in expected] != [len(targets)] * len(sources):
        raise Unsupported("expected matrix: not of the size that its nodes make")
    for source, row in zip(sources, expected, strict=True):
        for target, value in zip(targets, row, strict=True):
            check.equal(f"{source} to {target}", cells.get((source, target)) or 0, value)


_REPORTS = {
    "step_edges": _step_edges,
    "transition_matrix": _transition_matrix,
    "step_matrix": _step_matrix,
}
