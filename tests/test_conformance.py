"""The conformance script tells agreement, disagreement and what it does not know apart."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
EVENTS = [
    {"user_id": "ada", "event": "view", "timestamp": "2024-03-01T10:00:00Z"},
    {"user_id": "ada", "event": "buy", "timestamp": "2024-03-01T10:05:00Z"},
    {"user_id": "bob", "event": "view", "timestamp": "2024-03-01T11:00:00Z"},
]
STEPS = [{"event": "view"}, {"event": "buy"}]
Steps = list[dict[str, Any]]
RIGHT: Steps = [{"count": 2, "users": ["ada", "bob"]}, {"count": 1, "avg_seconds": 300}]
WRONG: Steps = [{"count": 2}, {"count": 2}]


def case(status: str, expected: Steps, **query: Any) -> dict[str, Any]:
    return {
        "area": "funnel",
        "status": status,
        "events": EVENTS,
        "query": {"steps": STEPS, "window_seconds": 600, **query},
        "expected": {"steps": expected},
    }


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(SCRIPTS)
    script = importlib.import_module("conformance")

    def run_cases(*options: str, **cases: dict[str, Any]) -> tuple[int, list[str]]:
        for name, content in cases.items():
            path = tmp_path / "funnel" / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content))
        code: int = script.main([str(tmp_path), *options])
        return code, capsys.readouterr().out.splitlines()

    return run_cases


def test_passed_failed_and_not_supported_are_told_apart(run: Any) -> None:
    code, lines = run(
        right=case("default", RIGHT),
        wrong=case("default", WRONG),
        strange=case("default", WRONG, moon="full"),
    )
    assert code == 1
    assert lines == [
        "funnel: 1 passed, 1 failed, 1 not supported",
        "  not supported: strange [default]: unknown: query moon",
        "  failed: wrong [default]: step 2 people: expected 2, got 1",
        "all: 1 passed, 1 failed, 1 not supported",
    ]


def test_only_a_case_that_must_hold_by_default_breaks_the_run(run: Any) -> None:
    code, lines = run(right=case("default", RIGHT), other=case("option", WRONG))
    assert code == 0
    assert lines[0] == "funnel: 1 passed, 1 failed, 0 not supported"


def test_verbose_names_every_case_and_every_difference(run: Any) -> None:
    _, lines = run(
        "-v", right=case("default", RIGHT), wrong=case("option", [{"count": 3}, {"count": 2}])
    )
    assert lines[1:-1] == [
        "  passed: right [default]",
        "  failed: wrong [option]",
        "    step 1 people: expected 3, got 2",
        "    step 2 people: expected 2, got 1",
    ]


def test_what_is_stated_but_not_understood_is_not_passed(run: Any) -> None:
    code, lines = run(odd=case("default", [{"count": 2, "mood": "good"}, {"count": 1}]))
    assert code == 0
    assert lines[1] == "  not supported: odd [default]: unknown: expected step mood"


def test_a_case_that_states_nothing_is_not_passed(run: Any) -> None:
    _, lines = run(empty=case("default", [{}, {}]))
    assert lines[0] == "funnel: 0 passed, 0 failed, 1 not supported"


def test_an_area_without_a_question_and_a_broken_file_are_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    _, lines = run(sky={**case("default", RIGHT), "area": "astronomy"})
    assert lines[0] == "astronomy: 0 passed, 0 failed, 1 not supported"
    assert lines[2] == "unreadable: 0 passed, 0 failed, 1 not supported"


def test_other_readings_are_asked_and_counted_apart(run: Any) -> None:
    stated = case("default", RIGHT)
    stated["alternatives"] = {
        "no time": {"query": {"window_seconds": 10}, "expected": {"steps": [{}, {"count": 0}]}}
    }
    code, lines = run(right=stated)
    assert code == 0
    counts = "1 passed, 0 failed, 0 not supported"
    assert lines == [f"funnel: {counts}; other readings {counts}", f"all: {counts}"]


def test_rows_of_channels_are_compared_one_by_one(run: Any) -> None:
    def rows(*given: dict[str, Any]) -> dict[str, Any]:
        stated = {"area": "channel", "status": "default", "query": {"classify": "x"}}
        return stated | {"rows": list(given), "expected": {"rows": len(given)}}

    google = {"referrer": "https://www.google.com/search?q=red+shoes"}
    code, lines = run(
        right=rows(google | {"channel": "organic-search", "medium": "search", "term": "red shoes"}),
        strange=rows(google | {"moon": "full"}),
        wrong=rows(google | {"source": "Google"}, google | {"test": "t", "channel": "Email"}),
    )
    assert code == 1
    assert lines[:3] == [
        "channel: 1 passed, 1 failed, 1 not supported",
        "  not supported: strange [default]: unknown: moon",
        "  failed: wrong [default]: row 2 (t) channel: expected 'email', got 'organicsearch'",
    ]


def test_sets_rules_and_sequences_are_compared(run: Any) -> None:
    def baskets(expected: dict[str, Any], **query: Any) -> dict[str, Any]:
        events = [event | {"session_id": event["user_id"]} for event in EVENTS]
        return {
            "area": "patterns", "status": "default", "events": events, "expected": expected,
            "query": {"basket": "session_id", "min_support": 0.5, **query},
        }  # fmt: skip

    pair = {"items": ["buy", "view"], "support": 0.5}
    rule = {"antecedent": ["buy"], "consequent": ["view"], "confidence": 1.0, "lift": 1.0}
    code, lines = run(
        odd=baskets({"itemset_count": 3, "itemsets": [pair | {"mood": "good"}]}),
        right=baskets({"itemset_count": 3, "itemsets": [pair], "rules": [rule]}),
        sequence=baskets(
            {"pattern_count": 3, "patterns": [{"items": ["view", "buy"], "count": 1}]},
            report="sequential",
        ),
        wrong=baskets({"patterns": [{"items": ["buy", "view"]}]}, report="sequential"),
    )
    assert code == 1
    assert lines[:3] == [
        "patterns: 2 passed, 1 failed, 1 not supported",
        "  not supported: odd [default]: unknown: expected itemset mood",
        "  failed: wrong [default]: ('buy', 'view'): not found",
    ]


def test_metrics_of_ranked_lists_are_compared(run: Any) -> None:
    def lists(expected: dict[str, Any], **query: Any) -> dict[str, Any]:
        return {
            "area": "recmetrics", "status": "default", "expected": expected, "query": query,
            "recommendations": [[1, "a", 2], [1, "b", 1], [2, "a", 3], [9, "a", 1]],
            "relevant": [[1, "a"], [2, "a"], [3, "b"]],
        }  # fmt: skip

    code, lines = run(
        odd=lists({"mean": 0.5}, metric="luck", k=2),
        right=lists({"per_user": {"1": 0.5, "2": 0, "3": 0}, "mean": 1 / 6}, metric="mrr", k=2),
        wrong=lists({"mean": 0.5}, metric="mrr", k=2),
    )
    assert code == 1
    assert lines[:3] == [
        "recmetrics: 1 passed, 1 failed, 1 not supported",
        "  not supported: odd [default]: query metric='luck': no such metric",
        "  failed: wrong [default]: mean: expected 0.5, got 0.16666666666666666",
    ]


def test_paths_are_asked_step_by_step_and_as_a_matrix(run: Any) -> None:
    def asked(query: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
        stated = {"area": "paths", "status": "default", "events": EVENTS}
        return stated | {"query": {"node": "event", **query}, "expected": expected}

    edge = {"step": 1, "source": "view", "target": "buy", "count": 1}
    nodes = {"nodes": ["path_start", "view", "buy", "path_end"]}
    code, lines = run(
        matrix=asked(
            {"report": "transition_matrix", "weight": "out", **nodes},
            {"matrix": [[0, 1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1], [0, 0, 0, 0]]},
        ),
        right=asked({"report": "step_edges", "max_steps": 5}, {"edges": [edge]}),
        stands=asked(
            {"report": "step_matrix", "max_steps": 2, **nodes},
            {"matrix": [[0, 0], [1, 0], [0, 0.5], [0, 0.5]]},
        ),
        wrong=asked({"report": "step_edges"}, {"edges": [edge | {"count": 2}]}),
    )
    assert code == 1
    assert lines[:2] == [
        "paths: 3 passed, 1 failed, 0 not supported",
        "  failed: wrong [default]: step 1 view to buy: expected 2, got 1",
    ]


def test_histories_of_buyers_and_expectations_are_compared(run: Any) -> None:
    def stated(query: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
        return {"area": "clv", "status": "default", "query": query, "expected": expected}

    days = ("01", "04", "04", "09")
    bought = [
        {"user_id": "ada", "event": "order", "timestamp": f"2024-03-{day}T10:00:00Z",
         "properties": {"value": 10 * int(day)}} for day in days
    ]  # fmt: skip
    own = {"frequency": 2, "recency": 8, "T": 9, "monetary_value": 85.0}
    asked = {"model": "rfm_summary", "period": "day", "observation_end": "2024-03-10"}
    values = {"model": "gamma_gamma", "params": {"p": 2, "q": 3, "v": 10},
              "conditional": {"frequency": 1, "monetary_value": 40}}  # fmt: skip
    alive = {"model": "bg_nbd", "params": {"r": 1, "alpha": 1, "a": 1, "b": 1},
             "alive": [{"frequency": 0, "recency": 0, "T": 5}]}  # fmt: skip
    code, lines = run(
        right=stated(asked, {"summary": {"ada": own}}) | {"events": bought},
        value=stated(values, {"conditional_expectation": 25.0}),
        alive=stated(alive, {"p_alive": [1.0]}),
        wrong=stated(alive, {"p_alive": [0.5]}),
    )
    assert code == 1
    assert lines == [
        "clv: 3 passed, 1 failed, 0 not supported",
        "  failed: wrong [default]: p_alive 1: expected 0.5, got 1.0",
        "all: 3 passed, 1 failed, 0 not supported",
    ]
