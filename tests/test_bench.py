"""The comparison runs, finds all answers equal, and would notice where they are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPTS = Path(__file__).parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import bench_data  # noqa: E402
import bench_measure  # noqa: E402

Cells = st.none() | st.text(max_size=3) | st.integers(-9, 9) | st.floats(-9, 9).map(float)


def _prints(name: str, text: str) -> bench_measure.Contender:
    return bench_measure.Contender(name, (sys.executable, "-c", text))


def test_a_quick_run_finds_every_answer_equal(tmp_path: Path) -> None:
    report = tmp_path / "rows.json"
    run = subprocess.run(
        [sys.executable, str(SCRIPTS / "bench.py"), "--quick", "--json", str(report)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["rows"]
    asked = {row["work"].split(",")[0] for row in rows if row["contender"] == "DuckDB"}
    assert asked == {"sessions", "funnel", "retention", "active", "journeys"}
    assert {"mlxtend-sparse", "implicit", "clickcli"} <= {row["contender"] for row in rows}
    assert all(row["cpu_s"] > 0 and row["peak_mib"] > 1 for row in rows)


def test_growth_is_told_for_each_size(tmp_path: Path) -> None:
    report = tmp_path / "rows.json"
    subprocess.run(
        [sys.executable, str(SCRIPTS / "bench.py"), "growth", "--sizes", "200,400", "--only",
         "ingest,active", "--json", str(report)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = [(row["work"], row["events"]) for row in json.loads(report.read_text())["rows"]]
    assert told == [
        ("growth, ingest", 200), ("growth, ingest", 400),
        ("growth, active", 200), ("growth, active", 400),
    ]  # fmt: skip


def test_different_answers_stop_the_run() -> None:
    contenders = [_prints("one", "print([[1, 2.5]])"), _prints("other", "print([[1, 2.6]])")]
    with pytest.raises(SystemExit, match="one and other differ"):
        bench_measure.measure(contenders, 1, warm=False)


def test_a_contender_that_fails_stops_the_run() -> None:
    with pytest.raises(SystemExit, match="only ended with 3"):
        bench_measure.measure([_prints("only", "raise SystemExit(3)")], 1, warm=False)


_HOLDS = "import sys; kept = bytes(range(256)) * (200 << 12); print(flush=True); sys.stdin.read()"
_HOLDS_IN = """
import subprocess, sys, time
pipes = {{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}}
held = [subprocess.Popen([sys.executable, "-c", {code!r}], **pipes) for _ in range({count})]
for one in held:
    one.stdout.readline()
time.sleep(1.5)
for one in held:
    one.communicate()
"""


def test_the_memory_of_a_program_that_starts_others_is_added_up() -> None:
    one, two = (
        bench_measure.run_once(_prints("holds", _HOLDS_IN.format(code=_HOLDS, count=count)))[2]
        for count in (1, 2)
    )
    assert 200 < one < 300
    assert 200 < two - one < 250


@given(st.lists(st.lists(Cells, min_size=1, max_size=3), max_size=5), st.randoms())
def test_the_order_of_rows_is_no_difference(rows: bench_measure.Answer, chance: Any) -> None:
    keyed = [[number, *row] for number, row in enumerate(rows)]
    shuffled = chance.sample(keyed, len(keyed))
    assert bench_measure.difference(keyed, shuffled) is None
    if keyed:
        changed = [[*row] for row in shuffled]
        changed[0][-1] = "changed"
        assert bench_measure.difference(keyed, changed) is not None
        assert bench_measure.difference(keyed, shuffled[1:]) is not None


def test_a_log_has_as_many_events_as_asked_for_and_faults_between(tmp_path: Path) -> None:
    events = 150_000
    log = bench_data.write(tmp_path / "log.jsonl", events)
    numbers: list[str] = []
    cut = odd = 0
    first_keys = set()
    for line in log.read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            cut += 1
            continue
        numbers.append(event["event_id"])
        if next(iter(event)) == "timestamp":
            odd += 1
        else:
            first_keys.add(tuple(event)[:10])
    assert len(set(numbers)) == events
    assert events / 3000 < len(numbers) - events < events / 1500
    assert events / 1500 < cut < events / 700
    assert events / 1500 < odd < events / 700
    assert len(first_keys) == 1
    again = bench_data.write(tmp_path / "again.jsonl", events)
    assert log.read_bytes() == again.read_bytes()
