"""--min-group: nothing in an answer stands on fewer people than that, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import clickcli
from clickcli.analysis import Column, Shared, Table, people_count
from clickcli.api import Log
from clickcli.cli.main import main
from clickcli.errors import Undecidable, UsageError
from clickcli.registry import load, names
from clickcli.small_groups import without_small_groups

TABLE = Table(
    "t",
    "A table.",
    (
        Column("key", "string", "key", "key"),
        people_count("people", "people"),
        people_count("part", "of people, some"),
        Column("rate", "float64", "share", "part ÷ people"),
        Column("label", "string", "text", "text"),
    ),
    keys=("key",),
)
FRAME = pl.DataFrame(
    {
        "key": ["large", "part small", "small", "nobody", "empty"],
        "people": [100, 100, 4, 0, None],
        "part": [50, 4, 4, 0, None],
        "rate": [0.5, 0.04, 1.0, None, None],
        "label": ["a", "b", "c", "d", "e"],
    }
)


def hidden(least: int, *by: str, table: Table = TABLE) -> tuple[pl.DataFrame, list[str]]:
    shared = Shared(min_group=least, by=by)
    tables, notes = without_small_groups([table], {"t": FRAME}, shared, 1000)
    return tables["t"], notes


def test_a_row_with_a_small_count_keeps_its_first_count_only_where_that_is_large() -> None:
    frame, notes = hidden(5)
    assert frame["people"].to_list() == [100, 100, None, 0, None]
    assert frame["part"].to_list() == [50, None, None, 0, None]
    assert frame["rate"].to_list() == [0.5, None, None, None, None]
    assert frame["label"].to_list() == FRAME["label"].to_list()
    assert notes == ["hidden: numbers of 2 rows that stand on fewer than 5 people"]


def test_the_bound_itself_is_shown() -> None:
    frame, notes = hidden(4)
    assert frame.equals(FRAME)
    assert notes == []


def test_a_value_of_a_breakdown_that_only_a_few_have_is_left_out() -> None:
    frame, notes = hidden(5, "key")
    assert frame["key"].to_list() == ["large", "part small"]
    assert len(notes) == 1


def test_single_sessions_and_people_are_not_listed() -> None:
    listed = Table("t", "A list.", TABLE.columns, keys=("key",), is_list=True)
    frame, notes = hidden(2, table=listed)
    assert frame.height == 0
    assert notes == ["hidden: numbers of 5 rows that stand on fewer than 2 people"]


@pytest.mark.parametrize("name", names())
def test_every_table_says_how_many_people_a_row_is_about(name: str) -> None:
    for table in load(name).tables:
        assert table.is_list or any(column.of_people for column in table.columns), table.name


def log_of(folder: Path) -> Log:
    """Return a log in which 30 people view, 10 of them buy, and 3 are from Malta."""
    lines = []
    for person in range(30):
        country = "MT" if person < 3 else "DE"
        base = {"user_id": f"p{person}", "country": country, "item_id": "pan"}
        lines.append({**base, "event_type": "view", "ts": 1_709_251_200 + person})
        if person < 10:
            lines.append({**base, "event_type": "buy", "ts": 1_709_251_300 + person})
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = clickcli.create(folder / "store")
    log.ingest(path)
    return log


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("by", [(), ("country",)])
def test_no_answer_of_any_analysis_has_a_small_count(
    name: str, by: tuple[str, ...], tmp_path: Path
) -> None:
    asked: dict[str, dict[str, Any]] = {
        "funnel": {"steps": ["view", "buy"]}, "similar": {"item": "pan"},
    }  # fmt: skip
    own = asked.get(name, {})
    if by and not load(name).takes_by:
        return
    with log_of(tmp_path) as log:
        result = log.run(name, own, {"by": by, "min_group": 5})
    for schema in result.schemas:
        frame = result.tables[schema.name]
        for column in schema.columns:
            if column.of_people:
                assert not frame.filter(pl.col(column.name).is_between(1, 4)).height
        if by and by[0] in frame.columns:
            assert "MT" not in frame[by[0]].to_list()
    assert result.meta["min_group"] == 5


def test_too_few_people_in_all_give_no_answer(tmp_path: Path) -> None:
    with log_of(tmp_path) as log, pytest.raises(Undecidable, match="fewer than 5 people"):
        log.funnel(steps=["view"], where=["country = 'MT'"], min_group=5)


def test_people_are_not_listed_beside_it(tmp_path: Path) -> None:
    with log_of(tmp_path) as log, pytest.raises(UsageError, match="--min-group"):
        log.funnel(steps=["view"], who="step:1", min_group=5)


def test_periods_are_not_compared_beside_it(tmp_path: Path) -> None:
    with log_of(tmp_path) as log, pytest.raises(UsageError, match="--vs and --min-group"):
        log.active(last="7d", vs="prev", min_group=5)


def test_the_command_line_tells_what_is_hidden(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    log_of(tmp_path).close()
    store = tmp_path / "store"
    asked = ("funnel", "view", "buy", "--within", "none", "--by", "country", "--store", str(store))
    assert main([*asked, "--min-group", "5", "-f", "json"]) == 0
    out, err = capfdbinary.readouterr()
    assert b"MT" not in out
    assert b"hidden: numbers of" in err
    assert main([*asked, "--min-group", "1"]) == 2
