"""Every format's bytes, and that nothing in the data is obeyed."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.analysis import Column, Table
from clickcli.errors import UsageError
from clickcli.render import FORMATS, by_ending, by_name, write
from clickcli.render.cells import THIN, duration, formatter
from clickcli.render.page import Page, Style, sheet_of_rows
from tests.cli.hostile import ROWS, TEXTS, page, texts_page
from tests.cli.snapshot import same

BERLIN = ZoneInfo("Europe/Berlin")
TEXT_FORMATS = [known.name for known in FORMATS if not known.is_binary]


def written(name: str, given: Page, style: Style | None = None) -> bytes:
    return b"".join(write(given, by_name(name), style or Style()))


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_bytes_of_a_format_are_as_looked_at(name: str) -> None:
    same(f"format.{name}", written(name, page(), Style(tz=BERLIN)))


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_table_is_as_looked_at_in_a_terminal_of_some_width(width: int) -> None:
    style = Style(width=width, is_terminal=True)
    found = written("table", page(), style)
    same(f"terminal-{width}.txt", found)
    assert all(len(line) <= width for line in found.decode().split("\n"))


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_a_terminal_is_given_nothing_to_obey(name: str) -> None:
    found = written(name, texts_page(), Style(is_terminal=True, width=200)).decode()
    unsafe = {
        character
        for character in found
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
    }
    assert unsafe <= {"\n", "\t"}


def test_markup_of_rich_is_shown_not_obeyed() -> None:
    found = written("table", texts_page(), Style(has_color=True)).decode()
    assert "[bold]markup[/bold]" in found
    assert "[/]" in found


@given(st.lists(st.text(), max_size=8))
def test_tsv_gives_back_every_text(texts: list[str]) -> None:
    schema = Table("t", "T.", (Column("x", "string", "key", ""),), keys=())
    lines = written("tsv", Page("t", 1, (sheet_of_rows(schema, [(x,) for x in texts]),)))
    cells = lines.decode("utf-8").split("\n")[1:-1]
    assert len(cells) == len(texts)
    assert [_unescaped(cell) for cell in cells] == texts


def _unescaped(cell: str) -> str:
    out, rest = [], iter(cell)
    for character in rest:
        if character != "\\":
            out.append(character)
            continue
        sign = next(rest)
        if sign == "x":
            out.append(chr(int(next(rest) + next(rest), 16)))
        else:
            out.append({"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}[sign])
    return "".join(out)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_csv_gives_back_every_text(texts: list[str]) -> None:
    columns = (Column("x", "string", "key", ""), Column("n", "int64", "count", ""))
    schema = Table("t", "T.", columns, keys=())
    sheet = sheet_of_rows(schema, [(text, number) for number, text in enumerate(texts)])
    found = written("csv", Page("t", 1, (sheet,))).decode()
    read = list(csv.reader(io.StringIO(found, newline="")))
    assert read == [["x", "n"], *([text, str(number)] for number, text in enumerate(texts))]


def test_json_is_one_envelope_with_null_for_what_is_no_number() -> None:
    found = json.loads(written("json", page(), Style(tz=BERLIN)))
    assert found["schema"] == "clickcli.kinds.v1"
    assert found["meta"] == {"as_of": "2024-04-01", "by": []}
    assert found["notes"] == ["a note"]
    assert list(found["tables"]) == ["second"]
    assert len(found["data"]) == len(ROWS)
    assert found["data"][0]["at"] == "2024-03-31T03:30:00+02:00"
    assert found["data"][0]["conversion"] == 1.0
    assert found["data"][3]["conversion"] is None
    assert found["data"][3]["per_person"] is None


def test_json_of_a_chosen_table_holds_that_table_only() -> None:
    found = json.loads(written("json", page(), Style(table="second")))
    assert found["data"] == [{"word": "a", "n": 1}, {"word": "b", "n": 2}]
    assert "tables" not in found


def test_json_for_a_terminal_means_the_same() -> None:
    plain = json.loads(written("json", texts_page()))
    shown = json.loads(written("json", texts_page(), Style(is_terminal=True)))
    assert plain == shown
    assert [next(iter(row.values())) for row in plain["data"]] == list(TEXTS)


def test_a_guarded_csv_has_no_formulas_but_keeps_numbers() -> None:
    columns = (Column("=x", "string", "key", ""), Column("n", "int64", "count", ""))
    schema = Table("t", "T.", columns, keys=())
    rows = [("=1+1", -1), ("+1", 2), ("-1", 3), ("@A", 4), ("\tx", 5), ("ok", 6)]
    sheet = sheet_of_rows(schema, rows)
    found = written("csv", Page("t", 1, (sheet,)), Style(safe_csv=True)).decode()
    read = list(csv.reader(io.StringIO(found, newline="")))
    assert read == [
        ["'=x", "n"], ["'=1+1", "-1"], ["'+1", "2"], ["'-1", "3"], ["'@A", "4"], ["'\tx", "5"],
        ["ok", "6"],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["parquet", "arrow"])
def test_binary_formats_hold_the_declared_types(name: str) -> None:
    import polars as pl

    data = written(name, page())
    read = pl.read_parquet if name == "parquet" else pl.read_ipc
    frame = read(io.BytesIO(data))
    assert frame.schema["at"] == pl.Datetime("us", "UTC")
    assert frame.schema["people"] == pl.Int64
    assert frame["name"].to_list() == [row[0] for row in ROWS]


@pytest.mark.parametrize("name", [known.name for known in FORMATS])
def test_an_empty_table_can_be_written(name: str) -> None:
    schema = page().sheets[0].schema
    assert written(name, Page("kinds", 1, (sheet_of_rows(schema, []),))) or name == "jsonl"


@pytest.mark.parametrize(
    "name", [known.name for known in FORMATS if known.name != "duckdb"]
)  # DuckDB gives each file an id of its own
def test_two_writings_give_equal_bytes(name: str) -> None:
    assert written(name, page()) == written(name, page())


def test_a_format_is_found_by_the_ending_of_a_file() -> None:
    assert by_ending("a/b.JSON").name == "json"
    assert by_ending("x.pq").name == "parquet"
    with pytest.raises(UsageError, match="names no format"):
        by_ending("x.doc")
    with pytest.raises(UsageError, match="unknown format 'jsn'"):
        by_name("jsn")


def test_an_unknown_table_is_named_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        written("json", page(), Style(table="secnd"))
    assert caught.value.hint == "did you mean second?"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.0005, "0.001s"), (0.25, "0.2s"), (9.96, "10.0s"), (59.6, "1m 00s"),
        (65.2, "1m 05s"), (3599.7, "1h 00m"), (3600, "1h 00m"), (86399, "1d 00h"),
        (90061, "1d 01h"), (-65, "-1m 05s"),
    ],
)  # fmt: skip
def test_a_duration_is_short_and_never_shows_sixty(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_kind_of_a_column_decides_how_it_looks() -> None:
    columns = {column.name: column for column in page().sheets[0].schema.columns}

    def shown(name: str, value: object) -> str:
        return formatter(columns[name], BERLIN)(value)

    assert shown("people", 1234567) == f"1{THIN}234{THIN}567"
    assert shown("period", 2024) == "2024"
    assert shown("conversion", 0.12345) == "12.3 %"
    assert shown("conversion", None) == "–"
    assert shown("conversion", 0.0) == "0.0 %"
    assert shown("revenue", 1234.5) == f"1{THIN}234.50"
    assert shown("is_new", True) == "✓"
    assert shown("at", ROWS[0][7]) == "2024-03-31 03:30:00"
