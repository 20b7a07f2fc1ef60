"""Answers: as DuckDB gives them, as the analyses count, and errors that say what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

import clickcli
from clickcli.api import Log
from clickcli.errors import DataError, UsageError
from clickcli.sql import query as module
from tests.sql.examples import CALLS, QUERIES, lines

ZONES = ("UTC", "Europe/Berlin")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with clickcli.create(tmp_path_factory.mktemp("sql") / "store") as made:
        made.ingest(BytesIO(lines()))
        yield made


@pytest.fixture(scope="module", params=ZONES)
def both(
    request: pytest.FixtureRequest, log: Log, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Log, str, duckdb.DuckDBPyConnection]]:
    """Return the log, a zone, and the exported events in DuckDB in that zone."""
    path = tmp_path_factory.mktemp("duckdb") / "events.duckdb"
    log.export("events", path, tz=request.param)
    with duckdb.connect(str(path)) as database:
        database.execute(f"SET timezone = '{request.param}'")
        yield log, request.param, database


def plain(value: Any) -> Any:
    """Return a cell as both write it."""
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return None if math.isnan(value) else round(float(value), 6)
    return value


def cells(frame: pl.DataFrame) -> list[list[Any]]:
    return sorted(([plain(value) for value in row] for row in frame.iter_rows()), key=str)


@pytest.mark.parametrize("query", [f"select {call} from events" for call in CALLS.values()],
                         ids=list(CALLS))  # fmt: skip
def test_functions_give_what_duckdb_gives(
    both: tuple[Log, str, duckdb.DuckDBPyConnection], query: str
) -> None:
    log, tz, database = both
    assert cells(log.sql(query, tz=tz).to_polars()) == cells(database.sql(query).pl())


@pytest.mark.parametrize("query", QUERIES)
def test_queries_give_what_duckdb_gives(
    both: tuple[Log, str, duckdb.DuckDBPyConnection], query: str
) -> None:
    log, tz, database = both
    assert cells(log.sql(query, tz=tz).to_polars()) == cells(database.sql(query).pl())


def one(log: Log, query: str, **options: Any) -> Any:
    return log.sql(query, **options).to_polars().row(0)


def test_numbers_are_those_of_the_analyses(log: Log) -> None:
    for options in ({}, {"from_": "2025-03-31"}, {"where": ["country = 'DE'"]}):
        summary = log.sessions(**options).to_polars().row(0, named=True)
        asked = (
            "select count(*), count(distinct person_id), sum(events), sum(converted), sum(engaged),"
            " sum(revenue), avg(duration_s) from sessions"
        )
        names = ("sessions", "people", "events", "converted", "engaged", "revenue")
        found = one(log, asked, **options)
        assert [value or 0 for value in found[:-1]] == [summary[name] for name in names]
        assert found[-1] == summary["duration_mean_s"]
        carts = log.carts(**options).to_polars("states")
        by_state = log.sql("select state, count(*) as n from carts group by 1", **options)
        assert dict(by_state.to_polars().iter_rows()) == dict(
            carts.select("state", "carts").iter_rows()
        )
        revenue = one(log, "select sum(revenue), count(*) from events", **options)
        assert revenue[1] == log.events(count=True, **options).to_polars()["events"].item()
    lines_of = "select event_type, sum(price * quantity) from lines group by 1"
    assert dict(log.sql(lines_of).to_polars().iter_rows())["add_to_cart"] == 4 * (10 + 20)


def test_events_are_joined_with_their_sessions(log: Log) -> None:
    asked = (
        "select s.start, count(*) as n, s.events from events e join sessions s on"
        " e.person_id = s.person_id and e.ts between s.start and s.end group by all"
    )
    frame = log.sql(asked).to_polars()
    assert frame.height > 4
    assert frame["n"].to_list() == frame["events"].to_list()


def test_a_property_is_read_inside_the_text(log: Log) -> None:
    asked = "select properties.plan, count(*) as n from events group by 1"
    result = log.sql(asked)
    assert result.to_polars().rows() == [("7", 3), ("pro", 9), (None, 25)]
    assert result.schema().names() == ["properties.plan", "n"]
    nested = (
        'select e.properties.address.city as city, properties."a key" from events e'
        " where properties.address.city is not null"
    )
    assert log.sql(nested).to_polars().rows() == [("Köln", "x")]
    whole = log.sql("select * from events where properties.plan = 'pro'").to_polars()
    assert whole.height == 9
    assert not [name for name in whole.columns if name.startswith("property_")]
    number = "select sum(try_cast(properties.plan as bigint)) as s from events"
    assert one(log, number) == (21,)


def test_an_answer_knows_what_its_columns_are(log: Log) -> None:
    result = log.sql(
        "select ts, local_date, count(*) over () as n, sum(price) over () as m, price / 7 as r,"
        " year(ts) as y, is_known, ts - lag(ts) over (order by ts, seq) as gap,"
        " date_trunc('month', local_date) as month, null as nothing from events"
    )
    kinds = {column.name: (column.dtype, column.kind) for column in result.schema().columns}
    assert kinds == {
        "ts": ("timestamp", "timestamp"), "local_date": ("date", "key"), "n": ("int64", "count"),
        "m": ("float64", "money"), "r": ("float64", "score"), "y": ("int64", "key"),
        "is_known": ("bool", "flag"), "gap": ("float64", "duration_s"),
        "month": ("string", "text"), "nothing": ("string", "text"),
    }  # fmt: skip
    assert result.to_polars()["gap"][1:].min() == 60.0
    assert result.meta["query"].startswith("select ts")
    assert result.meta["tables"] == ["events"]


def test_days_are_those_of_the_zone(log: Log) -> None:
    asked = (
        "select min(local_date), min(ts::date), count(*) filter (where ts < '2025-03-30') as before"
        " from events"
    )
    assert one(log, asked) == (date(2025, 3, 30), date(2025, 3, 30), 0)
    west = one(log, asked, tz="America/Los_Angeles")
    assert west[:2] == (date(2025, 3, 29), date(2025, 3, 29))
    assert west[2] > 0


def test_the_period_and_the_filter_choose_what_tables_hold(log: Log) -> None:
    count = "select count(*) from events"
    assert one(log, count, from_="2025-03-31", to="2025-04-01") == (12,)
    assert one(log, count, where=["event_type = 'purchase'"]) == (4,)
    assert one(log, count, as_of="2025-03-30T00:00") == (1,)
    assert log.sql("select ts from events", limit=3).to_polars().height == 3
    with pytest.raises(UsageError, match="unknown option 'by'"):
        log.sql(count, by=["country"])


def test_the_same_question_has_the_same_answer_in_order(log: Log) -> None:
    asked = "select event_type, item_id, count(*) as n from events group by 1, 2 order by n desc"
    first = log.sql(asked).to_polars()
    assert all(log.sql(asked).to_polars().equals(first) for _ in range(3))
    assert first.sort("n", "event_type", "item_id", descending=[True, False, False],
                      nulls_last=True).equals(first)  # fmt: skip
    times = log.sql("select * from events").to_polars()
    assert times.sort("ts", "seq").equals(times)


def test_by_nothing_is_divided_into_nothing(log: Log) -> None:
    assert one(log, "select 1 / 0, 0 / 0 as b, 5 // 0 as c, 5 % 0 as d") == (None,) * 4


@pytest.mark.parametrize(
    ("query", "error", "hint"),
    [
        ("select evnt_type from events", "unknown column 'evnt_type'", "event_type"),
        ("select e.evnt_type from events e", "unknown column 'evnt_type'", "event_type"),
        ("select count(*) from events where nope = 1", "unknown column 'nope'", "known:"),
        ("select plan from events", "unknown column 'plan'", "properties.plan"),
        ("select z.ts from events", "unknown table 'z'", "events"),
        ("select * from evnts", "unknown table 'evnts'", "events"),
        ("select a.properties.plan from (select ts from events) a", "properties.plan stands where",
         "give them a name there"),
        ("select nosuch(ts) from events", "unknown function 'nosuch'", "known:"),
        ("select coutn(*) from events", "unknown function 'coutn'", "count"),
        ("select cast(event_id as bigint) from events", "cannot be computed: conversion",
         "try_cast"),
        ("select event_id + 1 from events", "cannot be computed: arithmetic", None),
        ("select event_id from events group by event_type", "GROUP BY", None),
        ("select regexp_like(event_id, '(((') from events", "cannot be computed: regex", None),
        ("select date_trunc('foo', ts) from events", "cannot be computed: DATE_TRUNC", None),
        ("select (select ts from events)", "cannot be computed", None),
        ("select ts from events order by 99", "ORDER BY ordinal", None),
        ("select ts - interval '1000000000 years' from events", "out of the supported range", None),
        ("select max(max(price)) from events", "cannot be nested", None),
        ("select 9223372036854775807 + 1", "does not fit 64 bits", "double"),
    ],
)  # fmt: skip
def test_an_error_says_what_is_wrong(log: Log, query: str, error: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        log.sql(query)
    assert error in caught.value.message
    assert "\n" not in caught.value.message
    assert "property_" not in caught.value.message
    assert hint is None or (caught.value.hint is not None and hint in caught.value.hint)


def test_a_panic_is_told_as_any_other_error(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(_lazy: object) -> None:
        raise pl.exceptions.PanicException("index out of bounds\n\nat some.rs")

    monkeypatch.setattr(module, "_collected", panic)
    with pytest.raises(UsageError, match=r"cannot be computed: index out of bounds$"):
        log.sql("select 1")


def test_a_damaged_file_is_no_fault_of_the_query(tmp_path: Path) -> None:
    with clickcli.create(tmp_path / "store") as own:
        own.ingest(BytesIO(lines()))
        (file, *_) = sorted((tmp_path / "store" / "events").rglob("*.parquet"))
        column = pq.ParquetFile(file).metadata.row_group(0).column(_place(file, "page_path"))
        content = bytearray(file.read_bytes())
        start = column.dictionary_page_offset or column.data_page_offset
        content[start : start + column.total_compressed_size] = b"\xff" * (
            column.total_compressed_size
        )
        file.write_bytes(content)
        with pytest.raises(DataError, match="a file of the store cannot be read"):
            own.sql("select page_path from events")
        with pytest.raises(DataError, match="a file of the store cannot be read"):
            own.export("events", tmp_path / "x.csv")
        assert not (tmp_path / "x.csv").exists()


def _place(file: Path, column: str) -> int:
    names: list[str] = pq.ParquetFile(file).schema_arrow.names
    return names.index(column)


def test_hidden_people_and_bots_are_left_out_and_told(tmp_path: Path) -> None:
    from tests.analyses.worlds import told

    made = clickcli.create(tmp_path / "store")
    with made as own:
        own.ingest(BytesIO(told(
            """
            2024-05-01T10:00:00Z ann view item_id=a price=1 revenue=5
            2024-05-01T10:00:00Z bob view item_id=b
            2024-05-01T10:00:00Z bot view is_bot=true
            2024-05-01T10:00:01Z -   add_to_cart item_id=c
            2024-05-01T10:00:01Z bob add_to_cart item_id=c
            2024-05-01T10:00:02Z ann purchase item_id=c
            """
        )))  # fmt: skip
        counted = "select count(*), count(distinct person_id) from events"
        result = own.sql(counted)
        assert result.to_polars().row(0) == (5, 2)
        assert result.notes == ("left out: 1 event of bots; --include-bots counts them",)
        assert one(own, counted, include_bots=True) == (6, 3)
        own.store.privacy().consent("opt_out", ["bob"])
        for table in ("events", "sessions", "carts", "lines"):
            frame = own.sql(f"select * from {table}").to_polars()
            assert "bob" not in frame["person_id"].to_list()
            own.export(table, tmp_path / f"{table}.csv")
            assert "bob" not in (tmp_path / f"{table}.csv").read_text()
        assert "opted out" in own.sql(counted).notes[-1]


def test_an_empty_store_has_empty_tables(tmp_path: Path) -> None:
    with clickcli.create(tmp_path / "store") as empty:
        for table in ("events", "sessions", "carts", "lines"):
            frame = empty.sql(f"select * from {table}").to_polars()
            assert frame.height == 0
            assert frame.width > 5
        assert one(empty, "select count(*), sum(revenue) from events") == (0, None)


def test_features_are_tables_once_they_are_built(tmp_path: Path) -> None:
    with clickcli.create(tmp_path / "store") as own:
        own.ingest(BytesIO(lines()))
        with pytest.raises(DataError) as caught:
            own.sql("select * from persons")
        assert caught.value.hint is not None
        assert "features build" in caught.value.hint
        own.features.build()
        asked = (
            "select p.person_id, p.events, count(*) as n from persons p join events e"
            " on p.person_id = e.person_id group by all"
        )
        frame = own.sql(asked).to_polars()
        assert frame.height == 4
        assert frame["events"].to_list() == frame["n"].to_list()
        noted = own.sql("select count(*) from persons", last="1d").notes
        assert noted[-1] == "persons: as built; the period and --where change nothing there"
