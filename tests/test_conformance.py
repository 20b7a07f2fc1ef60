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
