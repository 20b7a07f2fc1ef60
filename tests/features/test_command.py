"""The commands of ``features``: what they print, in every format, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

import clickcli
from clickcli.features import TABLES
from tests.analyses.worlds import told
from tests.cli.conftest import Ran, Run, run

__all__ = ["run"]
HOSTILE = ["\x1b[31mred", "=1+1", "[bold]x[/]", "a\tb\nc", "日本語", "' or 1=1 --", "../../etc"]
Ask = Callable[..., Ran]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with features, of people and items with hostile names."""
    folder = tmp_path_factory.mktemp("shop") / "store"
    lines = [
        {"timestamp": "2024-05-01T10:00:00Z", "event_type": "view", "user_id": person,
         "item_id": item, "brand": item}
        for person in HOSTILE for item in HOSTILE[:2]
    ]  # fmt: skip
    with clickcli.create(folder) as log:
        log.ingest(BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
        log.features.build()
    return folder


@pytest.fixture
def ask(run: Run, shop: Path) -> Ask:
    return lambda *words: run("features", *words, "--store", shop)


def test_the_list_of_tables(ask: Ask) -> None:
    ran = ask("show", "-f", "json")
    page = json.loads(ran.out)
    assert page["schema"] == "clickcli.features.v1"
    assert [row["table"] for row in page["data"]] == list(TABLES)
    assert [row["rows"] for row in page["data"]] == [7, 2, 14, 42]
    assert {row["is_stale"] for row in page["data"]} == {False}
    assert page["meta"]["cutoff"] == "2024-05-01T10:00:00.000001+00:00"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv", "md", "table"])
def test_every_table_in_every_format(ask: Ask, table: str, form: str) -> None:
    ran = ask("show", table, "-f", form)
    assert ran.code == 0
    assert ran.out
    if form == "table":
        assert "\x1b[31m" not in ran.out


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_tables_as_files(ask: Ask, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"people.{ending}"
    assert ask("show", "persons", "-o", path).code == 0
    found = pl.read_parquet(path) if ending == "parquet" else pl.read_ipc(path)
    assert sorted(found["person_id"]) == sorted(HOSTILE)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_person_of_any_name_is_found(ask: Ask, number: int) -> None:
    name = HOSTILE[number]
    (row,) = json.loads(ask("show", "--person", name, "-f", "json").out)["data"]
    assert (row["person_id"], row["views"]) == (name, 2)
    rows = json.loads(ask("show", "similar_persons", "--person", name, "-f", "json").out)["data"]
    assert {row["similarity"] for row in rows} == {1.0}


def test_rows_of_one_item(ask: Ask) -> None:
    (row,) = json.loads(ask("show", "--item", "=1+1", "-f", "json").out)["data"]
    assert (row["item"], row["viewers"]) == ("=1+1", 7)
    ran = ask("show", "interactions", "--item", "=1+1", "--person", "=1+1", "-f", "json")
    (row,) = json.loads(ran.out)["data"]
    assert row["rating"] == pytest.approx(1)


def test_the_limit_is_told(ask: Ask) -> None:
    ran = ask("show", "interactions", "--limit", "3", "-f", "csv")
    assert ran.out.count("\n") == 4
    assert "the first 3 rows; --limit 0 gives all of them" in ran.err
    ran = ask("show", "similar_persons", "--limit", "0", "-f", "csv", "--safe-csv")
    assert ran.out.count("\n") > 42
    assert ran.err == ""


def test_nobody_of_that_name(ask: Ask) -> None:
    ran = ask("show", "--person", "nobody")
    assert (ran.code, "persons has no such rows" in ran.err) == (0, True)


def test_every_column_has_its_meaning(ask: Ask) -> None:
    rows = json.loads(ask("show", "persons", "--columns", "-f", "json").out)["data"]
    assert {"column": "churn_risk", "type": "float64"}.items() <= rows[7].items()
    assert "2^(-days since seen / gap)" in rows[7]["meaning"]
    assert [row["column"] for row in rows] == TABLES["persons"].names()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "person"), "unknown table 'person'"),
        (("show", "items", "--person", "x"), "--person must be given with persons, interactions"),
        (("show", "persons", "--item", "x"), "--item must be given with items, interactions"),
        (("show", "--columns"), "--columns must be given with a table"),
        (("show", "persons", "--limit", "-1"), "--limit must be at least 0"),
        (("build", "--cutoff", "soon"), "a time must be a date"),
        (("build", "--half-life", "0d"), "--half-life must be longer than nothing"),
        (("build", "--k", "1001"), "at most 1000, was 1001"),
        (("build", "--weight-view", "-1"), "--weight-view must be at least 0 and"),
        (("build", "--recover-window", "1m"), "--recover-window must not be shorter"),
        (("build", "--tz", "Mars"), "unknown time zone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused(ask: Ask, words: tuple[str, ...], message: str) -> None:
    ran = ask(*words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_an_empty_store_says_so(run: Run, tmp_path: Path) -> None:
    clickcli.create(tmp_path / "clickstore").close()
    ran = run("features", "show")
    assert (ran.code, "nothing was built: clickcli features build" in ran.err) == (0, True)
    ran = run("features", "show", "persons")
    assert (ran.code, ran.out) == (3, "")
    assert "has no features" in ran.err
    ran = run("features", "build", "-f", "json")
    assert ran.code == 0
    assert [row["rows"] for row in json.loads(ran.out)["data"]] == [0, 0, 0, 0]
    assert "the store is empty" in ran.err
    assert run("features", "show", "items").code == 0


def test_no_store_is_an_error(run: Run) -> None:
    for word in ("build", "show", "drop"):
        ran = run("features", word)
        assert (ran.code, ran.out) == (3, "")
        assert "does not exist" in ran.err


def test_a_build_tells_how_many_it_computed(run: Run, tmp_path: Path) -> None:
    with clickcli.create(tmp_path / "clickstore") as log:
        log.ingest(BytesIO(told("2024-05-01T10:00:00Z ann view item_id=pan")))
    first = json.loads(run("features", "build", "-f", "json").out)["meta"]
    again = json.loads(run("features", "build", "-f", "json").out)["meta"]
    assert (first["computed"], again["computed"], again["people"]) == (1, 0, 1)
    assert first["question"]["parameters"]["half_life"] == "30d"
    with clickcli.open(tmp_path / "clickstore") as log:
        log.ingest(BytesIO(told("2024-05-02T10:00:00Z bob view item_id=pan")))
    ran = run("features", "show", "persons", "-f", "csv")
    assert "stale: since these were built, 1 events were added" in ran.err
    assert "computed anew: 1 of 2 people" in run("features", "build", "-f", "table").out
    assert "dropped: interactions, items, persons, similar_persons" in run("features", "drop").err
    assert "nothing was built" in run("features", "drop").err
