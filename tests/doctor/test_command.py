"""The command: exit codes, formats, plans to and from files, hostile text."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Run, run, write_log
from tests.doctor.world import line, numbered, steady

__all__ = ["run"]

STOPPED = numbered(steady(range(30)) + steady(range(20), event="order"))
WARNED = numbered(
    steady(range(5), a_day=100) + [line("view", n / 2, user_id=None) for n in range(9)]
)


def _ingest(run: Run, tmp_path: Path, lines: list[dict[str, object]]) -> None:
    write_log(tmp_path / "events.jsonl", lines)
    assert run("ingest", "events.jsonl", "-q").code == 0


def test_an_error_makes_the_exit_code_1(run: Run, tmp_path: Path) -> None:
    _ingest(run, tmp_path, STOPPED)
    ran = run("doctor")
    assert ran.code == 1
    assert "error\tstopped_types\torder" in ran.out
    assert ran.err.startswith("note: 1 error, 0 warnings, 0 info in 1,200 events; ")
    assert run("doctor", "--fail-on", "never", "-q").code == 0
    assert run("doctor", "--check", "bots").code == 2
    assert run("doctor", "--check", "nobody", "--check", "rejects").code == 0


def test_a_warning_does_so_only_when_asked(run: Run, tmp_path: Path) -> None:
    _ingest(run, tmp_path, WARNED)
    assert run("doctor").code == 0
    assert run("doctor", "--fail-on", "warning").code == 1
    assert run("doctor", "--fail-on", "warning", "--check", "late_events").code == 0


def test_without_events_it_cannot_decide(run: Run) -> None:
    assert run("doctor").code == 3, "no store"
    assert run("init").code == 0
    ran = run("doctor", "-f", "json")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.splitlines() == [
        "clickcli: error: the store is empty",
        "hint: add log files: clickcli ingest FILE…",
    ]
    assert run("doctor", "--write-plan").code == 4


def test_formats_and_tables(run: Run, tmp_path: Path) -> None:
    _ingest(run, tmp_path, WARNED)
    found = json.loads(run("doctor", "-q", "-f", "json").out)
    assert found["schema"] == "clickcli.doctor.v1"
    assert found["meta"]["findings"] == {"error": 0, "warning": 1, "info": 0}
    assert found["data"][0]["check"] == "nobody"
    assert len(found["tables"]["checks"]) > 30
    assert run("doctor", "--table", "checks").out.splitlines()[0].startswith("check\tfindings\t")
    ran = run("doctor", "--table", "chekcs")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean checks?" in ran.err
    for ending in ("csv", "parquet", "md", "jsonl", "arrow"):
        assert run("doctor", "-o", f"out.{ending}").code == 0
        assert Path(f"out.{ending}").stat().st_size


def test_a_terminal_shows_what_it_means_below_each_finding(run: Run, tmp_path: Path) -> None:
    _ingest(run, tmp_path, WARNED)
    out = run("doctor", "-f", "table").out
    assert out.splitlines()[3:] == [
        "warning   nobody  view          9  1.8 %  509  2024-03-04 00:00:00",
        "    events without any person id: they count as events, but as nobody's",
        "+1 column: use -f json or a wider terminal",
    ]
    assert "stopped_types" not in out


def test_a_plan_is_written_and_held_against_the_log(run: Run, tmp_path: Path) -> None:
    _ingest(run, tmp_path, STOPPED)
    assert run("doctor", "--write-plan", "-o", "plan.toml").code == 0
    assert set(tomllib.loads(Path("plan.toml").read_text())["events"]) == {"view", "order"}
    assert run("doctor", "--write-plan").out == Path("plan.toml").read_text()
    assert run("doctor", "--plan", "plan.toml", "--check", "plan_fields").code == 0
    Path("plan.toml").write_text('[events.order]\nrequired = ["price"]\n')
    ran = run("doctor", "--plan", "plan.toml", "--check", "plan_fields")
    assert ran.code == 1
    assert "order: price" in ran.out
    Path("plan.toml").write_text("[events.order]\nrequird = []\n")
    ran = run("doctor", "--plan", "plan.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean required?" in ran.err
    assert run("doctor", "--plan", "none.toml").code == 74
    assert run("doctor", "--write-plan", "-f", "json").code == 2
    assert run("doctor", "--write-plan", "--plan", "plan.toml").code == 2


@pytest.mark.parametrize("shape", ["table", "tsv", "md"])
def test_text_of_the_log_is_shown_and_not_obeyed(run: Run, tmp_path: Path, shape: str) -> None:
    name = "\x1b[31mred\u202e[bold]\t=1+1"
    odd = [line(name, n, properties={name: n if n % 2 else name}) for n in range(20)]
    odd += [line(name, n, user_id=None, city="Ã¼\x07") for n in range(20)]
    _ingest(run, tmp_path, numbered(odd))
    ran = run("doctor", "-f", shape)
    assert ran.code == 0
    assert "property_types" in ran.out
    assert "encoding" in ran.out
    for character in "\x1b\x07":
        assert character not in ran.out
    assert "\x1b" not in ran.err
    plan = run("doctor", "--write-plan").out
    assert "\x1b" not in plan
    assert "\u202e" not in plan
    assert list(tomllib.loads(plan)["events"]) == [name]


def test_the_zone_and_the_period_are_those_asked_for(run: Run, tmp_path: Path) -> None:
    _ingest(run, tmp_path, STOPPED)
    asked = ("doctor", "--last", "2d", "--tz", "Asia/Tokyo", "-f", "json", "-q")
    found = json.loads(run(*asked).out)
    assert found["meta"]["tz"] == "Asia/Tokyo"
    assert found["meta"]["events_read"] == 48
    assert found["data"][0]["last"].endswith("+09:00")
    assert run("doctor", "--last", "2d", "--from", "2024-03-05").code == 2
    assert run("doctor", "--where", "ts is null").code == 2
