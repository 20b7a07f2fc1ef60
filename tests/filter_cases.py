"""Random filters beside the same condition in SQLite's words, and the rows to try them on."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
from hypothesis import strategies as st

from clickcli.filters import Predicate, property_ref

PLAN = property_ref("properties.plan").column
SIZE = property_ref("properties.size", "number").column
DTYPES: dict[str, pl.DataType] = {
    "country": pl.String(), "brand": pl.String(), "quantity": pl.Int64(), "rating": pl.Float64(),
    "price": pl.Int64(), "currency": pl.String(), "ts": pl.Int64(), PLAN: pl.String(),
    SIZE: pl.Float64(),
}  # fmt: skip
TEXTS = ("", "a", "A", "ab", "aB", "a%", "a_b", "ba", "ä", "it's", "a\nb", "a\\b", "a.b", "true")
INTEGERS = (0, 1, 2, 3, -1, 2**53 + 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, 0.1, 1.0, 1.5, -2.5, 1e300)
NUMBERS = ("0", "1", "2", "1.5", "-1", "-2.5", "0.1", "1e300", "9007199254740993",
           "9007199254740992.5", "9223372036854775807", "9223372036854775808",
           "-9223372036854775808", "-1e19", "1e-9", "3.", ".5")  # fmt: skip
MONEY = ("0", "1", "0.01", "0.001", "0.0001", "-0.01", "12.34", "12.345", "1234")
CENTS = (0, 1, -1, 12, 1234, 12340, 12345, 123400)
CURRENCIES = ("EUR", "JPY", "KWD", "CLF", "jpy", "")
TIMES = ("2024-03-01", "2024-03-01T12:00", "2024-03-01T01:30+02:00", "2024-02-29T23:59:59.999999Z")
COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=")
MAJOR = """(price * case currency when 'JPY' then 10000 when 'KWD' then 10 when 'CLF' then 1
else 100 end)"""
"""Money in ten-thousandths of the major unit: exact integers."""


def microseconds(text: str) -> int:
    """Return a time of ``TIMES`` as microseconds since 1970, naive times as UTC."""
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def quote(text: str) -> str:
    """Return a text literal."""
    return "'" + text.replace("'", "''") + "'"


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "country": st.none() | st.sampled_from(TEXTS),
            "brand": st.none() | st.sampled_from(TEXTS),
            "quantity": st.none() | st.sampled_from(INTEGERS),
            "rating": st.none() | st.sampled_from(FLOATS),
            "price": st.none() | st.sampled_from(CENTS),
            "currency": st.none() | st.sampled_from(CURRENCIES),
            "ts": st.sampled_from([microseconds(t) + d for t in TIMES for d in (-1, 0, 1)]),
            PLAN: st.none() | st.sampled_from(TEXTS),
            SIZE: st.none() | st.sampled_from(FLOATS),
        }
    ),
    min_size=1,
    max_size=8,
)
Pair = tuple[str, str]
"""One condition in our words and in SQLite's."""

_TARGETS = [("country", "country"), ("brand", "brand"), ("properties.plan", PLAN)]


@st.composite
def text_tests(draw: st.DrawFn) -> Pair:
    """A condition on a text column or a property read as text."""
    ours, theirs = draw(st.sampled_from(_TARGETS))
    form = draw(st.sampled_from(("compare", "in", "between", "like", "function")))
    texts = [quote(text) for text in draw(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=3))]
    no = draw(st.sampled_from(("", "not ")))
    if form == "in":
        tail = f"{no}in ({', '.join(texts)})"
    elif form == "between":
        tail = f"{no}between {texts[0]} and {texts[1]}"
    elif form == "like":
        return _like(draw, ours, theirs, no)
    elif form == "function":
        return _function(draw, ours, theirs)
    else:
        tail = f"{draw(st.sampled_from(COMPARISONS))} {texts[0]}"
    return f"{ours} {tail}", f"{theirs} {tail}"


def _like(draw: st.DrawFn, ours: str, theirs: str, no: str) -> Pair:
    pieces = draw(st.lists(st.sampled_from(("%", "_", "a", "b", "!%", "!!", "!a", ".", "\\", "B",
                                            "'")), max_size=4))  # fmt: skip
    is_escaped = any(piece.startswith("!") for piece in pieces)
    tail = quote("".join(pieces)) + (" escape '!'" if is_escaped else "")
    if draw(st.booleans()):
        return f"{ours} {no}like {tail}", f"{theirs} {no}like {tail}"
    return f"{ours} {no}ilike {tail}", f"lower({theirs}) {no}like {tail.lower()}"


def _function(draw: st.DrawFn, ours: str, theirs: str) -> Pair:
    name = draw(st.sampled_from(("contains", "starts_with", "ends_with")))
    text = draw(st.sampled_from(TEXTS))
    size = len(text)
    sql = {
        "contains": f"instr({theirs}, {quote(text)}) > 0",
        "starts_with": f"substr({theirs}, 1, {size}) = {quote(text)}",
        "ends_with": f"substr({theirs}, length({theirs}) - {size - 1}, {size}) = {quote(text)}",
    }
    return f"{name}({ours}, {quote(text)})", f"({sql[name]})"


@st.composite
def number_tests(draw: st.DrawFn) -> Pair:
    """A condition on numbers, money or times."""
    targets = [("quantity", "quantity"), ("rating", "rating"), ("properties.size", SIZE),
               ("price", MAJOR), ("ts", "ts")]  # fmt: skip
    ours, theirs = draw(st.sampled_from(targets))
    pool = {"price": MONEY, "ts": TIMES}.get(ours, NUMBERS)
    given = draw(st.lists(st.sampled_from(pool), min_size=2, max_size=3))
    if ours == "ts":
        mine, others = [quote(text) for text in given], [str(microseconds(t)) for t in given]
    elif ours == "price":
        mine, others = given, [str(int(Decimal(text) * 10_000)) for text in given]
    else:
        mine = others = given
    form = draw(st.sampled_from(("compare", "first", "in", "between")))
    no = draw(st.sampled_from(("", "not ")))
    if form == "in":
        return f"{ours} {no}in ({', '.join(mine)})", f"{theirs} {no}in ({', '.join(others)})"
    if form == "between":
        return (
            f"{ours} {no}between {mine[0]} and {mine[1]}",
            f"{theirs} {no}between {others[0]} and {others[1]}",
        )
    word = draw(st.sampled_from(COMPARISONS))
    if form == "first":
        return f"{mine[0]} {word} {ours}", f"{others[0]} {word} {theirs}"
    return f"{ours} {word} {mine[0]}", f"{theirs} {word} {others[0]}"


@st.composite
def null_tests(draw: st.DrawFn) -> Pair:
    """A condition on whether there is a value."""
    names = [*((name, name) for name in ("country", "quantity", "rating", "price", "ts")),
             ("properties.plan", PLAN)]  # fmt: skip
    ours, theirs = draw(st.sampled_from(names))
    tail = draw(st.sampled_from(("is null", "is not null", "IS NOT NULL")))
    return f"{ours} {tail}", f"{theirs} {tail}"


def _joined(parts: Sequence[tuple[Pair, str, bool]], *, in_parentheses: bool) -> Pair:
    """Chain conditions without parentheses, so that precedence itself is tried."""
    sides = []
    for side in (0, 1):
        words = "".join(
            (f" {word} " if number else "") + ("not " if is_not else "") + pair[side]
            for number, (pair, word, is_not) in enumerate(parts)
        )
        sides.append(f"({words})" if in_parentheses else words)
    return sides[0], sides[1]


PAIRS: st.SearchStrategy[Pair] = st.recursive(
    text_tests() | number_tests() | null_tests(),
    lambda inner: st.lists(
        st.tuples(inner, st.sampled_from(("and", "or", "AND")), st.booleans()),
        min_size=1,
        max_size=3,
    ).map(lambda parts: _joined(parts, in_parentheses=True)),
    max_leaves=5,
)
FILTERS: st.SearchStrategy[Pair] = st.lists(
    st.tuples(PAIRS, st.sampled_from(("and", "or")), st.booleans()), min_size=1, max_size=3
).map(lambda parts: _joined(parts, in_parentheses=False))


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a table whose column ``row`` numbers them."""
    table = pl.DataFrame(rows, schema=DTYPES, orient="row")
    return table.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))


def selected_by_sqlite(rows: Sequence[dict[str, Any]], condition: str) -> list[int]:
    """Return the numbers of the rows for which SQLite finds the condition true."""
    words = {"string": "text", "int64": "integer", "float64": "real"}
    kinds = {name: words[str(dtype).lower()] for name, dtype in DTYPES.items()}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("pragma case_sensitive_like = on")
        declared = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        connection.execute(f"create table events (row integer, {declared})")
        marks = ", ".join("?" * (len(DTYPES) + 1))
        connection.executemany(
            f"insert into events values ({marks})",
            [(number, *(row[name] for name in DTYPES)) for number, row in enumerate(rows)],
        )
        found = connection.execute(f"select row from events where {condition} order by row")
        return [number for (number,) in found]


def selected_by(table: nw.LazyFrame[Any], predicate: Predicate) -> list[int]:
    """Return the numbers of the selected rows; the expression must be total."""
    marked = table.select("row", predicate.expression().alias("is_selected"))
    answers = marked.collect("polars").sort("row")
    assert answers["is_selected"].null_count() == 0
    return [int(row) for row in answers.filter(nw.col("is_selected"))["row"].to_list()]
