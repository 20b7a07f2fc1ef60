"""Files that a writer removes while an analysis reads: one more try, then a clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clickcli
from clickcli.api import Log
from clickcli.engines.dataset import Dataset
from clickcli.errors import DataError
from clickcli.store import Store
from tests.cli.conftest import Run, log_lines, write_log

QUESTIONS: dict[str, Callable[[Log], Any]] = {
    "funnel": lambda log: log.funnel(steps=["product_view", "purchase"]).to_polars(),
    "sessions": lambda log: log.sessions().to_polars(),
    "retention": lambda log: log.retention().to_polars(),
    "events": lambda log: log.events(columns=["ts", "event_type"]).to_polars(),
    "counts": lambda log: log.events(by=["event_type"]).to_polars(),
    "sql": lambda log: log.sql("select ts, item_id from events").to_polars(),
}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Return a log of two batches, so that a compaction replaces files."""
    made = clickcli.create(tmp_path / "store")
    made.ingest(write_log(tmp_path / "a.jsonl", log_lines()[:8]))
    made.ingest(write_log(tmp_path / "b.jsonl", log_lines()[8:]))
    return made


def after_each(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> Callable[[], int]:
    """Let something happen after each snapshot; return how many were taken."""
    real = Store.dataset
    taken: list[int] = []

    def dataset(store: Store) -> Dataset:
        found = real(store)
        taken.append(1)
        act(len(taken))
        return found

    monkeypatch.setattr(Store, "dataset", dataset)
    return lambda: len(taken)


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_computed_again_when_files_were_merged_meanwhile(
    log: Log, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expected = QUESTIONS[name](log)

    def merge(number: int) -> None:
        if number == 1:
            with Store.open(log.store.path) as other:
                assert any(one.files_before > one.files_after for one in other.compact())

    count = after_each(monkeypatch, merge)
    assert QUESTIONS[name](log).equals(expected)
    assert count() == 2


@pytest.mark.parametrize("name", QUESTIONS)
def test_files_that_stay_away_are_a_clear_error(
    log: Log, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Path(log.dataset().files[0].path).unlink()
    count = after_each(monkeypatch, lambda _: None)
    with pytest.raises(DataError, match="were removed while they were read") as caught:
        QUESTIONS[name](log)
    assert "verify" in str(caught.value.hint)
    assert count() == 2


def test_an_error_of_another_kind_is_not_tried_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = after_each(monkeypatch, lambda _: None)
    with pytest.raises(clickcli.errors.UsageError):
        log.funnel(steps=["no_such_event"])
    assert count() == 1
    path = Path(log.dataset().files[0].path)
    path.write_bytes(b"PAR1" * 100)
    with pytest.raises(DataError, match="cannot be read"):
        log.sessions()


def test_the_listing_is_tried_again_before_anything_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clickcli.create(tmp_path / "clickstore") as log:
        log.ingest(write_log(tmp_path / "a.jsonl", log_lines()[:8]))
        log.ingest(write_log(tmp_path / "b.jsonl", log_lines()[8:]))
    expected = run("events", "--head", "0", "-f", "jsonl")

    def merge(number: int) -> None:
        if number == 1:
            with Store.open(tmp_path / "clickstore") as other:
                other.compact()

    count = after_each(monkeypatch, merge)
    ran = run("events", "--head", "0", "-f", "jsonl")
    assert (ran.code, ran.out) == (0, expected.out)
    assert len([json.loads(line) for line in ran.out.splitlines()]) == 16
    assert count() == 2
    next((tmp_path / "clickstore" / "events").rglob("*.parquet")).unlink()
    ran = run("events", "--head", "0", "-f", "jsonl")
    assert (ran.code, ran.out) == (3, "")
    assert "were removed while they were read" in ran.err
