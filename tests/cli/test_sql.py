"""The commands sql and export: where the query comes from, what goes where, exit codes."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from clickcli.cli.commands import sql as command
from clickcli.cli.output import Output
from clickcli.sql.tables import SOURCES
from tests.cli.conftest import Run

COUNT = "select event_type, count(*) as n from events group by 1 order by n desc, 1"
ROWS = [("product_view", 12), ("add_to_cart", 2), ("\x1b[31mhack", 1), ("purchase", 1)]


@pytest.fixture(autouse=True)
def _store(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKCLI_STORE", str(shop))


def test_the_query_is_an_argument_a_file_or_stdin(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "event_type\tn\nproduct_view\t12\nadd_to_cart\t2\n\\x1b[31mhack\t1\npurchase\t1\n"
    assert run("sql", COUNT).out == expected
    (tmp_path / "q.sql").write_text(f"-- how many\n{COUNT};\n")
    assert run("sql", "--file", "q.sql").out == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(COUNT.encode())))
    assert run("sql", "-").out == expected


def test_every_format_holds_the_answer(run: Run, tmp_path: Path) -> None:
    page = json.loads(run("sql", COUNT, "-f", "json").out)
    assert page["schema"] == "clickcli.sql.v1"
    assert page["meta"]["query"] == COUNT
    assert [tuple(row.values()) for row in page["data"]] == ROWS
    lines = run("sql", COUNT, "-f", "jsonl").out.splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == ROWS
    cells = list(csv.reader(io.StringIO(run("sql", COUNT, "-f", "csv").out)))
    assert cells[1:] == [[name, str(number)] for name, number in ROWS]
    assert run("sql", COUNT, "-o", "x.parquet").out == ""
    assert pl.read_parquet(tmp_path / "x.parquet").rows() == ROWS
    assert run("sql", COUNT, "-o", "x.arrow").code == 0
    assert pl.read_ipc((tmp_path / "x.arrow").read_bytes()).rows() == ROWS
    assert run("sql", COUNT, "-o", "x.sqlite").code == 0
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as database:
        assert database.execute("select * from rows").fetchall() == ROWS
    assert "| product_view | 12 |" in run("sql", COUNT, "-f", "md").out.replace("\\_", "_")
    assert "product_view" in run("sql", COUNT, "-f", "table").out


def test_options_choose_what_the_tables_hold(run: Run) -> None:
    count = "select count(*) as n from events"
    assert run("sql", count).out == "n\n16\n"
    assert run("sql", count, "--to", "2024-03-02").out == "n\n7\n"
    assert run("sql", count, "--where", "country = 'DE'").out == "n\n6\n"
    assert run("sql", COUNT, "--limit", "1").out == "event_type\tn\nproduct_view\t12\n"
    zoned = run("sql", "select min(ts) as first from events", "--tz", "Asia/Tokyo").out
    assert zoned == "first\n2024-03-01T19:00:00+09:00\n"


def test_the_tables_and_their_columns_are_listed_without_a_store(run: Run) -> None:
    ran = run("sql", "--tables", "--store", "nowhere", "-f", "json")
    rows = json.loads(ran.out)["data"]
    assert {row["table"] for row in rows} == {source.name for source in SOURCES}
    assert {"events", "sessions", "carts", "lines", "persons"} <= {row["table"] for row in rows}
    assert all(row["meaning"] for row in rows)


def test_explain_tells_what_was_asked_of_what(run: Run) -> None:
    ran = run("sql", COUNT, "--explain")
    assert "read-only SQL" in ran.err
    assert COUNT in " ".join(ran.err.split())
    assert "events read" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("sql",), 2, "give a query"),
        (("sql", COUNT, "--file", "x.sql"), 2, "give a query"),
        (("sql", "--file", "nowhere.sql"), 74, "cannot read nowhere.sql"),
        (("sql", "drop table events"), 2, "must begin with SELECT"),
        (("sql", "select * from read_csv('/etc/passwd')"), 2, "unknown table"),
        (("sql", "select * from 'secret.csv'"), 2, "unknown table"),
        (("sql", "select nope from events"), 2, "unknown column 'nope'"),
        (("sql", "select \x1b[31m from events"), 2, "the query is not SQL"),
        (("sql", "select 1", "--store", "nowhere"), 3, "nowhere"),
        (("sql", "select * from persons"), 3, "no features"),
        (("sql", COUNT, "--by", "country"), 2, "--by"),
        (("export",), 2, "TABLE is missing"),
        (("export", "evnts"), 2, "unknown table 'evnts'"),
        (("export", "funnel"), 2, "a command of its own"),
        (("export", "events", "-o", "x.txt"), 2, "cannot be table"),
        (("export", "events", "--where", "nope = 1"), 2, "unknown column"),
        (("export", "events", "-o", "nowhere/x.csv"), 74, "cannot write"),
    ],
)
def test_an_error_has_one_line_and_no_output(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, error: str
) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    ran = run(*arguments)
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("clickcli: error: ")
    assert error in ran.err
    assert "\x1b" not in ran.err
    assert "Traceback" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_a_terminal_is_shown_the_first_rows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clickcli.cli.output.is_terminal", lambda _stream: True)
    monkeypatch.setattr(command, "_MOST_ROWS", 3)
    ran = run("sql", "select seq from events")
    assert "note: the first 3 of 16 rows; --limit N shows more" in ran.err
    assert len(ran.out.splitlines()) == 6
    assert len(run("sql", "select seq from events", "--limit", "5").out.splitlines()) == 8
    assert run("sql", COUNT).out.count("\x1b") == 0
    refused = run("export", "events")
    assert refused.code == 2
    assert "the format cannot be table" in refused.err


def test_an_export_goes_to_a_pipe_or_a_file(run: Run, tmp_path: Path) -> None:
    piped = run("export", "events", "-f", "jsonl").out.splitlines()
    assert len(piped) == 16
    assert json.loads(piped[0])["ts"] == "2024-03-01T10:00:00+00:00"
    ran = run("export", "lines", "-o", "lines.csv", "--meta", "meta.json", "--safe-csv")
    assert (ran.code, ran.out) == (0, "")
    with (tmp_path / "lines.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["event_type"], row["price"]) for row in rows] == [
        ("add_to_cart", "9.5"), ("add_to_cart", ""), ("purchase", ""),
    ]  # fmt: skip
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert meta["schema"] == "clickcli.export.v1"
    assert meta["meta"]["table"] == "lines"


def test_analyses_write_databases_too(run: Run, tmp_path: Path) -> None:
    ran = run("funnel", "product_view", "purchase", "-o", "funnel.db")
    assert ran.code == 0
    with closing(sqlite3.connect(tmp_path / "funnel.db")) as database:
        people = database.execute("select people from steps order by step").fetchall()
    assert people == [(3,), (1,)]


def test_the_help_of_formats_names_them_all() -> None:
    from typing import get_type_hints

    from clickcli.render import FORMATS

    (option,) = get_type_hints(Output, include_extras=True)["format"].__metadata__
    assert all(known.name in option.help for known in FORMATS)
