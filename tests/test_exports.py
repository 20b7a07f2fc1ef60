"""Tables written for other systems: every format read back, hostile text, whole or not at all."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import clickcli
from clickcli.api import Log
from clickcli.context import Context
from clickcli.errors import DataError, StorageError, UsageError
from clickcli.sql import tables
from clickcli.sql.tables import SOURCES
from tests.cli.hostile import TEXTS
from tests.sql.examples import lines

TABLES = ("events", "sessions", "carts", "lines")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Return a log with hostile ids and texts beside plain ones."""
    rows = [
        {"event_id": f"h{number}", "event_type": f"odd{text}", "ts": 1_743_300_000 + number,
         "user_id": f"u{text}", "item_id": text, "search_query": text, "note": text, "price": 2.5,
         "quantity": 3, "currency": "EUR", "is_bot": False, "rating": 4.5}
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip
    hostile = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    with clickcli.create(tmp_path_factory.mktemp("exports") / "store") as made:
        made.ingest(BytesIO(lines() + hostile))
        yield made


def expected(log: Log, table: str) -> pl.DataFrame:
    """Return what a table holds, as SQL gives it, in the order of an export."""
    source = tables.sources()[table]
    columns = ", ".join(column.name for column in source.columns())
    order = ", ".join(f"{name} nulls first" for name in source.order)
    return log.sql(f"select {columns} from {table} order by {order}").to_polars()


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(BERLIN).isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else value


def texts(frame: pl.DataFrame) -> list[list[str]]:
    """Return the cells as delimited text has them."""
    return [
        ["" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
         for value in map(plain, row)]
        for row in frame.iter_rows()
    ]  # fmt: skip


def same_frame(path: Path, frame: pl.DataFrame) -> None:
    read = pl.read_parquet if path.suffix == ".parquet" else pl.read_ipc
    assert_frame_equal(read(path.read_bytes()), frame)


def same_csv(path: Path, frame: pl.DataFrame) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        names, *cells = csv.reader(file)
    assert names == frame.columns
    assert cells == texts(frame)


def same_tsv(path: Path, frame: pl.DataFrame) -> None:
    head, *rest = path.read_text(encoding="utf-8").split("\n")[:-1]
    assert head.split("\t") == frame.columns
    assert len(rest) == frame.height
    assert all(line.count("\t") == frame.width - 1 for line in rest)


def same_jsonl(path: Path, frame: pl.DataFrame) -> None:
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert found == [
        {name: plain(value) for name, value in row.items()} for row in frame.iter_rows(named=True)
    ]


def same_json(path: Path, frame: pl.DataFrame) -> None:
    page = json.loads(path.read_bytes())
    assert page["schema"] == "clickcli.export.v1"
    assert len(page["data"]) == frame.height


def same_sqlite(path: Path, frame: pl.DataFrame) -> None:
    with closing(sqlite3.connect(path)) as database:
        (name,) = database.execute(
            "select name from sqlite_master where type = 'table' and name <> 'clickcli_meta'"
        ).fetchone()
        declared = {row[1]: row[2] for row in database.execute(f"pragma table_info({name})")}
        rows = database.execute(f"select * from {name}").fetchall()
        (schema,) = database.execute(
            "select value from clickcli_meta where key = 'schema'"
        ).fetchone()
    assert list(declared) == frame.columns
    assert rows == [tuple(map(plain, row)) for row in frame.iter_rows()]
    assert schema == '"clickcli.export.v1"'
    for column, dtype in frame.schema.items():
        usual = "REAL" if dtype == pl.Float64 else "TEXT"
        is_whole = dtype in (pl.Int64, pl.Boolean)
        assert declared[column] == ("INTEGER" if is_whole else usual)


def same_duckdb(path: Path, frame: pl.DataFrame) -> None:
    with duckdb.connect(str(path), read_only=True) as database:
        (name,) = [
            name for (name,) in database.sql("show tables").fetchall() if name != "clickcli_meta"
        ]
        found = database.sql(f"select * from {name}").pl()
    times = pl.selectors.datetime().dt.convert_time_zone("UTC")
    assert_frame_equal(found.with_columns(times), frame)


READERS: dict[str, Callable[[Path, pl.DataFrame], None]] = {
    "parquet": same_frame, "arrow": same_frame, "csv": same_csv, "tsv": same_tsv,
    "jsonl": same_jsonl, "json": same_json, "sqlite": same_sqlite, "db": same_sqlite,
    "duckdb": same_duckdb,
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("ending", READERS)
def test_a_file_gives_back_every_row(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, ending: str
) -> None:
    monkeypatch.setattr(tables, "_SPAN_ROWS", 7)
    path = tmp_path / f"{table}.{ending}"
    log.export(table, path, tz="Europe/Berlin")
    wanted = expected(log, table)
    if "local_date" in wanted.columns:
        source = f"select * from {table}"
        days = log.sql(source, tz="Europe/Berlin").to_polars().sort(tables.sources()[table].order)
        wanted = wanted.with_columns(days["local_date"])
    if "date" in wanted.columns:
        days = log.sql("select * from sessions", tz="Europe/Berlin").to_polars()
        wanted = wanted.with_columns(days["date"])
    READERS[ending](path, wanted)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()


def _umask() -> int:
    import os

    before = os.umask(0)
    os.umask(before)
    return before


@pytest.mark.parametrize("ending", READERS)
def test_an_empty_store_gives_tables_without_rows(tmp_path: Path, ending: str) -> None:
    with clickcli.create(tmp_path / "store") as empty:
        path = tmp_path / f"events.{ending}"
        empty.export("events", path)
        assert path.exists()
        if ending != "jsonl":
            READERS[ending](path, expected(empty, "events"))


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "jsonl", "sqlite"])
def test_two_exports_are_equal_byte_by_byte(log: Log, tmp_path: Path, ending: str) -> None:
    paths = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for path in paths:
        log.export("events", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("ending", READERS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_export_leaves_what_was_there(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, error: Any
) -> None:
    monkeypatch.setattr(tables, "_SPAN_ROWS", 7)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    real, calls = tables._collected, []

    def collected(lazy: pl.LazyFrame, context: Context) -> pl.DataFrame:
        calls.append(1)
        if len(calls) > 2:
            raise error
        return real(lazy, context)

    monkeypatch.setattr(tables, "_collected", collected)
    path = tmp_path / f"events.{ending}"
    path.write_bytes(b"before")
    with pytest.raises((KeyboardInterrupt, StorageError)):
        log.export("events", path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_formulas_are_guarded_when_asked_for(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    log.export("events", path, safe_csv=True, where=["item_id = '=1+1'"])
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["item_id"] == "'=1+1"
    assert row["person_id"] == "u=1+1"


def test_filters_and_periods_choose_the_events(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    log.export("events", path, where=["event_type = 'purchase'"], to="2025-04-02")
    frame = pl.read_parquet(path)
    assert frame["event_type"].to_list() == ["purchase"] * 4
    log.export("events", path, from_="2025-04-01T18:41")
    assert pl.read_parquet(path)["ts"].min() == datetime(2025, 4, 1, 18, 41, tzinfo=UTC)


def test_what_cannot_be_exported(log: Log, tmp_path: Path) -> None:
    for table, name, error, hint in (
        ("evnts", "x.csv", "unknown table 'evnts'", "events"),
        ("funnel", "x.csv", "funnel is a command of its own", "clickcli funnel"),
        ("events", "x.txt", "cannot be table", "parquet"),
        ("events", "x.doc", "names no format", "-f"),
    ):
        with pytest.raises(UsageError, match=error) as caught:
            log.export(table, tmp_path / name)
        assert hint in str(caught.value.hint)
    with pytest.raises(StorageError, match="cannot write"):
        log.export("events", tmp_path / "nowhere" / "x.csv")
    with pytest.raises(DataError, match="no features"):
        log.export("persons", tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_a_duckdb_file_says_how_to_get_it(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match="needs the package duckdb") as caught:
        log.export("events", tmp_path / "x.duckdb")
    assert caught.value.hint == "pip install 'clickcli[duckdb]'"
    assert list(tmp_path.iterdir()) == []


def test_a_database_takes_names_of_two_cases_for_one(log: Log) -> None:
    from clickcli.render import by_name, write
    from clickcli.render.page import Style, page_of

    result = log.sql('select seq as a, ts as "A" from events')
    for name in ("sqlite", "duckdb"):
        with pytest.raises(UsageError, match="takes 'a' and 'A' for one column"):
            b"".join(write(page_of(result), by_name(name), Style()))


def test_an_analysis_gives_all_its_tables_to_a_database(log: Log) -> None:
    from clickcli.render import by_name, write
    from clickcli.render.page import Style, page_of

    page = page_of(log.sessions())
    found = b"".join(write(page, by_name("sqlite"), Style()))
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(found)
        names = {name for (name,) in database.execute("select name from sqlite_master where sql"
                                                      " like 'CREATE TABLE%'")}  # fmt: skip
    assert names == {"summary", "trend", "sessions", "clickcli_meta"}


def test_every_table_says_what_it_is_and_names_each_column_once() -> None:
    for source in SOURCES:
        assert source.help.endswith(".")
        assert len({column.name.lower() for column in source.columns()}) == len(source.columns())
