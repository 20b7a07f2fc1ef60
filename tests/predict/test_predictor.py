"""A model from the log to the scores: trained, kept, reported, asked; and the three commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import clickcli
from clickcli.api import Log
from clickcli.errors import DataError, Undecidable, UsageError
from clickcli.predict.options import Kind, Target, TrainOptions, Unit, Which, read_options
from clickcli.store.arrays import write_array
from tests.cli.conftest import Ran, Run, run
from tests.predict.world import DAY, START, ingest, log_of, shop

__all__ = ["run"]
Ask = Callable[..., Ran]
PURCHASE = Which(target=Target.PURCHASE)
SESSION = Which(target=Target.PURCHASE, unit=Unit.SESSION)
WORDS = ("--lookback", "7d", "--cutoffs", "2", "--model", "logistic")


def options(**more: object) -> TrainOptions:
    given = {"target": Target.PURCHASE, "lookback": "7d", "cutoffs": 2, "model": Kind.LOGISTIC}
    return TrainOptions(**{**given, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log with models of people and of sessions; not to be written to."""
    with log_of(tmp_path_factory.mktemp("shop") / "store", shop(150)) as opened:
        opened.predictor.train(options())
        opened.predictor.train(options(unit=Unit.SESSION, after=2, model=Kind.BOOSTED))
        yield opened


@pytest.fixture
def own(log: Log, tmp_path: Path) -> Iterator[Log]:
    """A copy of it that may be written to."""
    shutil.copytree(log.store.path, tmp_path / "store")
    with clickcli.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def ask(run: Run, log: Log) -> Ask:
    return lambda *words: run("predict", *words, "--store", log.store.path)


def test_keen_people_are_found(log: Log) -> None:
    told = log.predictor.model(PURCHASE).manifest
    kept = next(row for row in told["scores"] if row[2])
    assert kept[0] == "logistic"
    assert kept[3] > 0.75
    assert [row[0] for row in told["scores"] if row[1]] == ["base rate", "days since last activity"]
    assert told["facts"]["train_positives"] >= 50


def test_everybody_who_was_active_has_a_probability(log: Log) -> None:
    table = log.predictor.score(PURCHASE).table
    end = max(line["ts"] for line in shop(150))
    active = {line["user_id"] for line in shop(150) if line["ts"] > end - 7 * DAY}
    assert set(table["person_id"]) == active
    assert table["person_id"].n_unique() == table.height
    assert table["probability"].is_between(0, 1).all()
    assert table["probability"].is_sorted(descending=True)
    assert table["decile"].to_list() == sorted(table["decile"])
    keen = table["person_id"].str.slice(1).cast(pl.Int64) % 3 == 0
    means = table.group_by(keen.alias("keen")).agg(pl.col("probability").mean()).sort("keen")
    assert means["probability"][1] > 3 * means["probability"][0]


def test_scores_at_a_moment_do_not_know_what_came_later(own: Log) -> None:
    moment = "2024-03-25T00:00:00"
    before = own.predictor.score(PURCHASE, as_of=moment).table
    late = {"event_type": "purchase", "ts": START + 40 * DAY, "user_id": "u1", "event_id": "late"}
    ingest(own, [late])
    after = own.predictor.score(PURCHASE, as_of=moment)
    assert after.table.equals(before)
    assert any("1 events came since" in note for note in after.notes)
    assert own.predictor.score(PURCHASE, as_of="2023-01-01").table.is_empty()


def test_sessions_that_go_on_are_scored(own: Log) -> None:
    model = own.predictor.model(SESSION)
    assert model.manifest["method"] == "boosted"
    base = {"user_id": "new", "event_type": "view", "item_id": "i1"}
    ingest(own, [{**base, "ts": START + 50 * DAY + at, "event_id": f"n{at}"} for at in range(3)])
    (row,) = own.predictor.score(SESSION).table.rows(named=True)
    assert row["person_id"] == "new"
    assert row["session_start"].isoformat() == "2024-04-20T00:00:00+00:00"
    assert row["model"] == model.id
    late = own.predictor.score(SESSION, as_of="2024-03-01")
    assert late.table.is_empty()
    assert any("no session goes on" in note for note in late.notes)


def test_the_same_seed_gives_the_same_bytes_in_another_process(log: Log, own: Log) -> None:
    before = log.predictor.model(SESSION)
    words = [
        "predict", "train", "purchase", "--unit", "session", "--after", "2", "--model", "boosted",
        "--lookback", "7d", "--cutoffs", "2", "--store", str(own.store.path), "-q",
    ]  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "clickcli", *words], check=True, capture_output=True, timeout=120
    )
    after = own.predictor.model(SESSION)
    assert after.id == before.id
    for name, path in before.files.items():
        assert after.files[name].read_bytes() == path.read_bytes()
    assert own.predictor.model(PURCHASE).id == log.predictor.model(PURCHASE).id


def test_options_come_back_as_they_were() -> None:
    given = options(view=("look",), timeout="5m", unit=Unit.SESSION)
    assert read_options(json.loads(json.dumps(given.plain()))) == given


def test_an_opted_out_person_is_not_scored(own: Log) -> None:
    person = own.predictor.score(PURCHASE).table["person_id"][0]
    own.store.privacy().consent("opt_out", [person])
    scored = own.predictor.score(PURCHASE)
    assert person not in scored.table["person_id"].to_list()


def test_a_model_of_another_store_and_no_model_are_refused(own: Log, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no model of churn of a person") as refused:
        own.predictor.model(Which(target=Target.CHURN))
    assert refused.value.hint == "train one: clickcli predict train churn --unit person"
    path = own.predictor.model(PURCHASE).files["center"].parent
    for file in path.glob("predict-person-purchase.*.manifest.json"):
        kept = json.loads(file.read_text())
        file.write_text(json.dumps({**kept, "store": "another"}))
    with pytest.raises(DataError, match="another store"):
        own.predictor.model(PURCHASE)


def test_a_damaged_model_is_told(own: Log) -> None:
    path = own.predictor.model(PURCHASE).files["coefficients"]
    path.unlink()
    write_array(path, np.zeros(3))
    with pytest.raises(DataError, match="damaged"):
        own.predictor.score(PURCHASE)


def test_too_little_and_the_wrong_question_are_refused(tmp_path: Path) -> None:
    with log_of(tmp_path / "few", shop(12)) as few:
        with pytest.raises(Undecidable, match="at least 50 positives"):
            few.predictor.train(options())
        with pytest.raises(UsageError, match="churn must be foreseen of a person"):
            few.predictor.train(options(target=Target.CHURN, unit=Unit.SESSION))
        with pytest.raises(UsageError, match="--horizon must be longer than nothing"):
            few.predictor.train(options(horizon="0s"))
    with log_of(tmp_path / "empty", []) as empty:
        for unit in Unit:
            with pytest.raises(Undecidable):
                empty.predictor.train(options(unit=unit))


@pytest.mark.parametrize(
    "table", ["summary", "models", "calibration", "lift", "importance", "rules"]
)
@pytest.mark.parametrize("form", ["json", "csv", "md", "table"])
def test_every_table_of_a_report_in_formats(ask: Ask, table: str, form: str) -> None:
    ran = ask("report", "purchase", "--table", table, "-f", form)
    assert ran.code == 0
    assert ran.out


def test_a_report_is_what_the_model_says(ask: Ask, log: Log) -> None:
    page = json.loads(ask("report", "purchase", "--table", "summary", "-f", "json").out)
    (row,) = page["data"]
    assert page["schema"] == "clickcli.predict-report.v1"
    assert row["model"] == log.predictor.model(PURCHASE).id == page["meta"]["model"]
    assert row["base_rate"] == pytest.approx(row["test_positives"] / row["test_cases"])
    assert row["horizon"] == "7d"
    rows = json.loads(ask("report", "purchase", "--table", "lift", "-f", "json").out)["data"]
    assert sum(one["cases"] for one in rows) == row["test_cases"]


def test_scores_in_a_file(ask: Ask, log: Log, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    assert ask("score", "purchase", "-o", path).code == 0
    assert pl.read_parquet(path)["probability"].to_list() == (
        log.predictor.score(PURCHASE).table["probability"].to_list()
    )
    page = json.loads(ask("score", "purchase", "-n", "2", "-f", "json").out)
    assert len(page["data"]) == 2
    assert page["meta"]["scored"] == pl.read_parquet(path).height


def test_exit_codes(ask: Ask, run: Run, tmp_path: Path) -> None:
    assert ask("report", "churn").code == 3
    ran = ask("report", "purchases")
    assert ran.code == 2
    assert "purchase" in ran.err
    with log_of(tmp_path / "few", shop(12)):
        pass
    ran = run("predict", "train", "purchase", *WORDS, "--store", tmp_path / "few")
    assert ran.code == 4
    assert ran.out == ""
    assert "hint:" in ran.err
