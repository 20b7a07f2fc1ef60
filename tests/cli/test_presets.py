"""Logs of other tools at the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from clickcli.cli.commands.ingest import COMMAND
from clickcli.cli.options import parameters_of
from clickcli.store.presets import MODULES
from tests.cli.conftest import Run, write_log

REQUEST = (
    '192.0.2.{0} - - [10/Oct/2023:13:{0:02d}:00 +0000] "GET /p{0} HTTP/1.1" 200 9 "-" "Agent"\n'
)


def write_access_log(path: Path, lines: int = 9) -> None:
    """Write an access log."""
    path.write_text("".join(map(REQUEST.format, range(lines))))


def test_a_preset_reads_an_access_log(run: Run, tmp_path: Path) -> None:
    write_access_log(tmp_path / "access.log")
    ran = run("ingest", "access.log", "--preset", "nginx", "-q")
    assert (ran.code, ran.err) == (0, "")
    (row,) = csv.DictReader(io.StringIO(ran.out), delimiter="\t")
    assert (row["read"], row["stored"], row["rejected"]) == ("9", "9", "0")


def test_auto_says_on_stderr_what_it_took_for_each_file(run: Run, tmp_path: Path) -> None:
    write_access_log(tmp_path / "access.log")
    write_log(tmp_path / "events.jsonl")
    ran = run("ingest", "access.log", "events.jsonl", "--preset", "auto", "-f", "json")
    assert ran.code == 0
    assert "access.log is read as apache" in ran.err
    assert "events.jsonl is read as clickcli" in ran.err
    assert json.loads(ran.out)["data"][0]["rejected"] == 0
    assert "read as" not in run("ingest", "access.log", "--preset", "clickcli", "-q").err


def test_a_dry_run_shows_five_rows_by_the_preset(run: Run, tmp_path: Path) -> None:
    write_access_log(tmp_path / "access.log")
    ran = run("ingest", "access.log", "--preset", "apache", "--dry-run", "--table", "sample")
    rows = list(csv.DictReader(io.StringIO(ran.out), delimiter="\t"))
    paths = [row["value"] for row in rows if row["column"] == "page_path"]
    assert paths == [f"/p{number}" for number in range(5)]
    assert not (tmp_path / "clickstore").exists()


def test_a_wrong_preset_is_refused_with_a_suggestion(run: Run, tmp_path: Path) -> None:
    write_access_log(tmp_path / "access.log")
    (tmp_path / "map.toml").write_text("")
    for words, message, hint in (
        (("--preset", "ngnix"), "unknown preset 'ngnix'", "nginx"),
        (("--preset", "../x\x1b[31m"), "unknown preset", "known: "),
        (("--preset", ""), "unknown preset ''", "known: "),
        (("--preset", "apache", "--map", "map.toml"), "exclude each other", "several places"),
    ):
        ran = run("ingest", "access.log", *words)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err
        assert hint in ran.err
        assert "\x1b" not in ran.err


def test_text_without_a_preset_is_refused_and_auto_is_offered(run: Run, tmp_path: Path) -> None:
    write_access_log(tmp_path / "access.log")
    ran = run("ingest", "access.log")
    assert (ran.code, ran.out) == (3, "")
    assert "--preset auto" in ran.err
    (tmp_path / "notes.txt").write_text("Dear diary\n")
    ran = run("ingest", "notes.txt", "--preset", "auto")
    assert (ran.code, ran.out) == (3, "")
    assert "knows nothing like" in ran.err


def test_the_help_names_every_preset() -> None:
    options = parameters_of(*COMMAND.kinds)
    (preset,) = (option for option in options if option.name == "preset")
    assert [name for name in (*MODULES, "auto") if name not in preset.option.help] == []
