"""The tour runs from sample data to tables, and leaves nothing behind unless asked to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_the_tour_shows_each_command_and_its_tables(run: Run) -> None:
    ran = run("demo", "--keep", "shop")
    assert ran.code == 0, ran.err
    for command in ("ingest", "info", "sessions", "funnel", "retention", "active"):
        assert f"$ clickcli {command}" in ran.out
    assert "Try next:" in ran.out
    assert '"schema":"clickcli.funnel.v1"' in ran.out
    assert "Traceback" not in ran.err
    assert run("info", "--store", "shop").code == 0


def test_the_tour_cleans_up_when_it_fails(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("clickcli.cli.commands.demo.sample_files", lambda: [Path("no.jsonl")])
    ran = run("demo")
    assert ran.code == 3
    assert "no.jsonl does not exist" in ran.err
    assert list(tmp_path.iterdir()) == []
