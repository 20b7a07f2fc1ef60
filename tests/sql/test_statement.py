"""Which texts may run, what is said of the others, and what Polars is given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.sql.statement import parsed
from clickcli.sql.words import FUNCTIONS
from tests.sql.examples import CALLS

ORDERS = {"events": ("ts", "seq"), "sessions": ("start",)}
REFUSED = {
    "": "the query is empty",
    " ; ": "the query is empty",
    "-- nothing": "the query is empty",
    "drop table events": "must begin with SELECT or WITH, was 'drop'",
    "delete from events": "must begin with SELECT or WITH",
    "insert into events select * from events": "must begin with SELECT or WITH",
    "update events set ts = 1": "must begin with SELECT or WITH",
    "create table x as select 1": "must begin with SELECT or WITH",
    "truncate events": "must begin with SELECT or WITH",
    "copy events to 'x'": "must begin with SELECT or WITH",
    "attach 'x.db'": "must begin with SELECT or WITH",
    "install httpfs": "must begin with SELECT or WITH",
    "load httpfs": "must begin with SELECT or WITH",
    "pragma version": "must begin with SELECT or WITH",
    "set x = 1": "must begin with SELECT or WITH",
    "explain select 1": "must begin with SELECT or WITH",
    "show tables": "must begin with SELECT or WITH",
    "call f()": "must begin with SELECT or WITH",
    "values (1)": "must begin with SELECT or WITH",
    "select 1; select 2": "one query",
    "select 1; drop table events": "one query",
    "select 1 into x from events": "it knows no INTO",
    "select * from events for update": "it knows no LOCK",
    "select * from read_csv('x.csv')": "unknown table",
    "select * from read_parquet('/etc/passwd')": "unknown table",
    "select * from read_ndjson('x')": "unknown table",
    "select * from scan_csv('x')": "unknown table",
    "select * from glob('*')": "unknown table",
    "select * from 'x.csv'": "unknown table",
    'select * from "x.parquet"': "unknown table",
    "select * from '/etc/passwd'": "unknown table",
    "select * from events, read_csv('x')": "unknown table",
    "select * from events join 'x.csv' on true": "unknown table",
    "with a as (select * from read_csv('x')) select * from a": "unknown table",
    "select (select max(a) from read_csv('x'))": "unknown table",
    "select 1 where exists (select * from read_csv('x'))": "unknown table",
    "select 1 union select * from read_csv('x')": "unknown table",
    "select read_csv('x')": "unknown function",
    "select read_text('x')": "unknown function",
    "select getenv('HOME')": "unknown function",
    "select pg_read_file('x')": "unknown function",
    "select query('drop table events')": "unknown function",
    "select * from query_table('x')": "unknown table",
    "select * from main.events": "unknown table",
    "select * from information_schema.tables": "unknown table",
    "select * from range(9)": "unknown table",
    "select * from events tablesample 1%": "unknown table",
    "select * from events at (version => 1)": "unknown table",
    "select * from events pivot (count(*) for ts in (1))": "sql reads tables|unknown table",
    "select * from (values (1)) v": "it knows no VALUES",
    "select * from unnest([1])": "it knows no|unknown function",
    "select [1]": "unknown function",
    "select {'a': 1}": "unknown function",
    "select $1": "it knows no PLACEHOLDER",
    "select columns('x') from events": "unknown function",
    "select lpad('x', 100000000000, 'y')": "unknown function",
    "select now()": "does not look at the clock",
    "select current_date": "does not look at the clock",
    "select random()": "unknown function",
    "select properties ->> 'a' from events": "knows no -> and ->>",
    "select distinct on (ts) ts from events": "knows no DISTINCT ON",
    "with recursive a as (select 1) select * from a": "knows no WITH RECURSIVE",
    "with events as (select 1) select * from events": "the name of a table: 'events'",
    "select cast(ts as time) from events": "unknown type 'time'",
    "select x::json from events": "unknown type 'json'",
    "select ts, ts from events": "two columns are called 'ts'",
    "select count(*), count(*) from events": "two columns are called 'count",
    "select 'a": "a quote or a comment is not closed",
    "select /* a": "not closed|not SQL",
    "select from where": r"not SQL near 'where' \(line 1, character 13\)",
    "select ts\nfrom events\nwhere )": r"not SQL near '\)' \(line 3, character 7\)",
    "selec 1": "must begin with SELECT or WITH, was 'selec'",
    "select " + "(" * 5000 + "1" + ")" * 5000: "nested too deeply",
    "select " + " + ".join(["1"] * 1000): "nested too deeply",
    "select * from events where " + " or ".join(["seq = 1"] * 1000): "nested too deeply",
    "select '" + "x" * 100_000 + "'": "at most 100,000 characters",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:50].replace("\n", " "))
def test_what_is_no_single_select_over_our_tables_is_refused(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=REFUSED[text]):
        parsed(text, ORDERS)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            ["select", "*", "from", "events", "read_csv", "(", ")", "'x.csv'", '"x.csv"', ",", ";",
             "with", "a", "as", "union", "join", "on", "true", "--", "/*", "*/", "\n", "into", "1",
             "copy", "to", "where", "exists", "main", ".", "lateral", "$$", "e'\\'", "\\", "\x00"]
        ),
        max_size=14,
    )
)  # fmt: skip
def test_whatever_may_run_reads_only_our_tables(words: list[str]) -> None:
    try:
        statement = parsed(" ".join(["select", *words]), ORDERS)
    except UsageError:
        return
    assert statement.sql.upper().startswith(("SELECT", "WITH", "(SELECT"))
    for word in ("READ_CSV(", "COPY ", " INTO ", "x.csv", "main.", "LATERAL", ";"):
        outside_text = statement.sql.replace("'x.csv'", "").replace("';'", "")
        assert word not in outside_text or f'"{word}"' in outside_text


def sql(text: str, *, is_utc: bool = True) -> str:
    return parsed(text, ORDERS, is_utc=is_utc).sql


def test_comments_and_a_last_semicolon_do_no_harm() -> None:
    expected = 'SELECT COUNT(*) AS "count(*)" FROM events'
    assert sql("select count(*) -- a\nfrom /* ; drop */ events;") == expected


def test_a_property_is_a_column_that_a_star_leaves_out() -> None:
    statement = parsed('select * from events e where e.properties."a key".b = 1', ORDERS)
    (ref,) = statement.properties
    assert ref.path == ("a key", "b")
    assert statement.sql == (
        f'SELECT * EXCLUDE ("{ref.column}") FROM events AS e WHERE "e"."{ref.column}" = 1'
        " ORDER BY ts, seq"
    )


def test_a_time_gives_the_date_of_its_zone() -> None:
    text = "select ts::date as d from events"
    assert "CAST(ts AS DATE)" in sql(text)
    assert "CAST(LEFT(CAST(ts AS TEXT), 10) AS DATE)" in sql(text, is_utc=False)


def test_nulls_come_last_and_columns_break_ties() -> None:
    text = "select country, count(*) as n from events group by 1 order by n desc"
    assert sql(text).endswith("ORDER BY n DESC NULLS LAST, 1, 2")


def test_every_function_has_an_example() -> None:
    assert set(CALLS) == set(FUNCTIONS.values())
