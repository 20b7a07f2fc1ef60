"""The filter language means what SQL means, on both engines, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clickcli.columns import EVENT_COLUMNS
from clickcli.currencies import EXPONENTS, exponent
from clickcli.errors import UsageError
from clickcli.filters import Predicate, PropertyRef, column_or_property, parse, property_ref
from clickcli.filters.predicates import NEVER_LIFTED
from clickcli.store.plans import TOP_ONLY
from tests import filter_cases as cases


def lazy(table: pl.DataFrame) -> nw.LazyFrame[Any]:
    return nw.from_native(table.lazy())


def row(**values: object) -> dict[str, Any]:
    return {name: values.get(name) for name in cases.DTYPES}


def chosen(text: str, *rows: dict[str, Any]) -> list[int]:
    return cases.selected_by(lazy(cases.frame(rows)), parse(text))


@given(cases.ROWS, cases.FILTERS)
def test_it_selects_the_rows_that_sqlite_selects(
    rows: list[dict[str, Any]], pair: tuple[str, str]
) -> None:
    ours, theirs = pair
    assert chosen(ours, *rows) == cases.selected_by_sqlite(rows, theirs)


@given(cases.FILTERS)
def test_canonical_text_means_the_same(pair: tuple[str, str]) -> None:
    predicate = parse(pair[0])
    again = parse(predicate.text)
    assert again == predicate


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("country='DE'AND price>10", "country = 'DE' and price > 10"),
        ("not (country <> 'DE')", "not country != 'DE'"),
        ("10 < quantity", "quantity > 10"),
        ("not country in ('DE')", "country not in ('DE')"),
        ("(brand='x' or os='y')", "brand = 'x' or os = 'y'"),
        ("properties.\"plan\" = 'pro'", "properties.plan = 'pro'"),
        ('properties."a key".b = TRUE', 'properties."a key".b = true'),
        ("not brand is null", "brand is not null"),
        ("\"country\" = 'it''s'", "country = 'it''s'"),
    ],
)  # fmt: skip
def test_canonical_text(text: str, canonical: str) -> None:
    assert parse(text).text == canonical


def test_it_names_what_it_reads() -> None:
    predicate = parse(
        "price > 3 and properties.plan = 'pro' and properties.n > 2 "
        "or ts > '2024-01-01' and properties.plan is null"
    )
    assert predicate.columns == {"price", "currency", "ts"}
    assert predicate.properties == (
        property_ref("properties.plan"),
        property_ref("properties.n", "number"),
    )


def test_a_missing_value_is_neither_equal_nor_different() -> None:
    rows = [row(country="DE"), row(country="FR"), row()]
    assert chosen("country = 'DE'", *rows) == [0]
    assert chosen("country != 'DE'", *rows) == [1]
    assert chosen("not country = 'DE'", *rows) == [1]
    assert chosen("country != 'DE' or country is null", *rows) == [1, 2]


def test_money_is_compared_in_the_decimals_of_its_currency() -> None:
    rows = [
        row(price=1250, currency="EUR"), row(price=1250, currency="JPY"),
        row(price=1250, currency="KWD"), row(price=1250), row(price=125_000, currency="CLF"),
    ]  # fmt: skip
    assert chosen("price = 12.5", *rows) == [0, 3, 4]
    assert chosen("price = 1250", *rows) == [1]
    assert chosen("price = 1.25", *rows) == [2]
    assert chosen("price > 12.499", *rows) == [0, 1, 3, 4]


def test_times_without_offset_are_local() -> None:
    at = cases.microseconds("2024-03-01T12:00")
    berlin = parse("ts >= '2024-03-01T13:00'", tz=ZoneInfo("Europe/Berlin"))
    table = lazy(cases.frame([row(ts=at - 1), row(ts=at)]))
    assert cases.selected_by(table, berlin) == [1]
    assert cases.selected_by(table, parse("ts between '2024-03-01' and '2024-03-01T12:00Z'")) == [
        0,
        1,
    ]


def test_infinity_and_nan_are_no_numbers() -> None:
    rows = [row(rating=value) for value in (float("nan"), float("inf"), -float("inf"), 1.0)]
    assert chosen("rating > 0 or rating <= 0", *rows) == [3]
    assert chosen("not rating > 5", *rows) == [3]


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("' or 1=1 --")
@example("\\'; drop table events; --")
@example("c0")
@example("$1")
@example("\0")
@example("[red]\x1b[31m")
def test_any_text_can_be_a_value(text: str) -> None:
    rows = [row(country=text), row(country=text + "x"), row()]
    assert chosen(f"country = {cases.quote(text)}", *rows) == [0]
    assert chosen(f"country in ({cases.quote(text)})", *rows) == [0]
    assert chosen(f"starts_with(country, {cases.quote(text)})", *rows) == [0, 1]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_text_can_be_a_like_pattern(text: str) -> None:
    for character in "!%_":
        text = text.replace(character, "!" + character)
    pattern = cases.quote(text)
    plain = text.replace("!%", "%").replace("!_", "_").replace("!!", "!")
    rows = [row(country=plain), row(country="x" + plain + "y")]
    assert chosen(f"country like {pattern} escape '!'", *rows) == [0]
    assert chosen(f"country like {pattern[:-1]}_' escape '!'", row(country=plain + "z")) == [0]
    assert chosen(f"country ilike {pattern} escape '!'", *rows) == [0]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_can_be_a_property_key(key: str) -> None:
    quoted = 'properties."' + key.replace('"', '""') + '"'
    assert property_ref(quoted).path == (key,)
    (ref,) = parse(f"{quoted} = 1").properties
    assert (ref.path, ref.form) == ((key,), "number")
    assert property_ref(ref.text, "number") == ref


_PIECES = st.sampled_from(
    ["country", "price", "ts", "properties", ".x", '"', "'", "(", ")", ",", "=", "<", ">", "-",
     " ", "and", "or", "not", "in", "between", "like", "escape", "is", "null", "1", "2.5", "'a'",
     "contains", ";", "--", "/*", "case", "true", "::", "+", "$", "@", "{", "[", "\\", "\0", "ß"]
)  # fmt: skip


@given(st.text() | st.lists(_PIECES, max_size=12).map(" ".join) | st.lists(_PIECES).map("".join))
def test_hostile_text_is_a_filter_or_a_usage_error(text: str) -> None:
    try:
        predicate = parse(text)
    except UsageError:
        return
    assert parse(predicate.text) == predicate


@pytest.mark.parametrize(
    "text",
    [
        "country = 'x'; drop table events", "country = 'x' -- 'y'", "country = 'x' /* y */",
        "country = 'x' union select 1", "exists (select 1)", "country in (select country)",
        "__import__('os').system('id') = 1", "eval('1') = 1", "load_extension('x') = 1",
        "lower(country) = 'x'", "cast(price as text) = 'x'", "price::text = 'x'",
        "case when price > 1 then 1 end = 1", "price + 1 > 2", "price * 2 > 2", "price % 2 = 1",
        "country || brand = 'x'", "country = brand", "1 = 1", "true", "country", "not country",
        "country is true", "country is distinct from 'x'", "country collate nocase = 'x'",
        "country glob 'x*'", "country regexp 'x'", "country similar to 'x'", "price << 1 > 2",
        "country = any ('x')", "country like any ('x')", "country = 'x' as y", "country = 'x' y",
        "quantity between symmetric 3 and 1", "country = x'00'", "country = N'x'", "price > - - 1",
        "country = 'a' 'b'", "country = 'a' = 'b'", "country[1] = 'x'", "`country` = 'x'",
        "country -> 'x' = 'y'", "country = ?", "country = :x", "country = @x", "country = $$x$$",
        "country = {x}", "date '2024-01-01' < ts", "interval '1' day > ts", "current_date > ts",
        "contains(country, 'a', 'b')", "contains(country)", "contains('a', country)", "country = ",
        "(country = 'x'", "country = 'x')", "quantity between 1", "country in ()", "and", "()",
        "country == 'x'", "country = 'x", 'country = "x', "properties.a-b = 1", "properties. = 1",
        "quantity = 1_000", "quantity = 0x10", "quantity = 1e999", "quantity = 1e", "", "  ",
        "person_key = 1", "a.country = 'x'", "country.x = 'y'", "quantity = 1 2", "#",
        "country = \ud800", "escape = 'x'",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("user_id = 42", "user_id is text, was compared with 42", "write user_id = '42'"),
        ("quantity = '3'", "quantity is a number, was compared with '3'",
         "write a number without quotes: quantity = 10"),
        ("ts > 3", "ts is a time, was compared with 3",
         "write a date or time in single quotes: ts >= '2024-03-01'"),
        ("ts > 'soon'", "a time must be a date or an ISO-8601 time, was 'soon'",
         "examples: 2024-03-01, 2024-03-01T12:00, 2024-03-01T12:00+02:00"),
        ("price like '1%'", "like is for text; price is a number", "write price >= 9.99"),
        ("properties.x in (1, 'a')", "properties.x is compared with numbers and texts at once",
         "compare with numbers only, or with texts only"),
        ("country = null", "null cannot be compared",
         "write COLUMN is null or COLUMN is not null"),
        ("country = DE", "unknown column 'DE' (character 11)",
         "texts stand in single quotes: 'DE'"),
        ('country in ("DE")', "unknown column '\"DE\"' (character 13)",
         "texts stand in single quotes: 'DE'"),
        ("countri = 'x'", "unknown column 'countri'", "did you mean country or discount?"),
        ("device = 'x'", "unknown column 'device'", "did you mean device_type?"),
        ("plan = 'x'", "unknown column 'plan'", "did you mean properties.plan?"),
        ("flavor = 'x'", "unknown column 'flavor'", "did you mean properties.flavour?"),
        ("utm-source = 'x'", "unknown column 'utm'", "did you mean properties.utm?"),
        ("properties.a-b = 'x'", "'-' is not part of the filter language (character 13)",
         'a key with a hyphen stands in double quotes: properties."a-b"'),
        ("price + 1 > 3", "'+' is not part of the filter language (character 7)",
         "example: country = 'DE' and (price > 10 or properties.plan = 'pro')"),
        ("lower(country) = 'x'", "'lower()' is not part of the filter language (character 1)",
         "functions: contains, starts_with, ends_with"),
        ("country = 'x' brand = 'y'", "the filter cannot be read near '=' (character 21)",
         "example: country = 'DE' and (price > 10 or properties.plan = 'pro')"),
        ("country is true", "after is stands null or not null (country is …)",
         "compare with = otherwise: properties.is_new = true"),
        ("country like 'a!' escape '!'", "the like pattern 'a!' ends in its escape character",
         None),
    ],
)  # fmt: skip
def test_errors_say_what_and_what_instead(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, known_properties=["plan", "flavour", "utm"])
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000, "not " * 5000 + "country = 'x'", "(" * 5000 + "country = 'x'" + ")" * 5000,
        "country = 'x' or " * 10_000, f"country like '{'%a' * 600}'",
        "properties" + ".x" * 60_000 + " = 1",
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_long_filters_are_fine() -> None:
    chain = " or ".join(f"quantity = {number}" for number in range(2, 1000))
    assert chosen(chain, row(quantity=999), row(quantity=1)) == [0]
    nested = "not (" * 25 + "quantity = 1" + ")" * 25
    assert chosen(nested, row(quantity=1), row(quantity=2), row()) == [1]


@pytest.mark.parametrize(
    ("text", "lifted"),
    [
        ("properties.plan", None), ("properties.price", "price"), ("properties.qty", "quantity"),
        ("properties.device", "device_type"), ("properties.user_id", None),
        ("properties.type", None), ("properties.timestamp", None), ("properties.seq", None),
        ("properties.price.amount", None), ("properties.properties", None),
        ("properties.items", "items"),
    ],
)  # fmt: skip
def test_keys_that_ingest_lifts_name_their_column(text: str, lifted: str | None) -> None:
    assert property_ref(text).lifted == lifted


def test_ingest_and_filters_agree_on_what_is_never_lifted() -> None:
    assert NEVER_LIFTED == TOP_ONLY


def test_no_alias_is_claimed_twice() -> None:
    names = [name for column in EVENT_COLUMNS for name in (column.name, *column.aliases)]
    assert len(names) == len(set(names))


def test_ready_column_names_are_safe_and_tell_paths_and_forms_apart() -> None:
    texts = ["properties.a", "properties.b", "properties.a.b", 'properties."a.b"', "properties.A"]
    refs = [property_ref(text, form) for text in texts for form in ("text", "number")]
    assert len({ref.column for ref in refs}) == len(refs)
    assert all(ref.column.isidentifier() and ref.column.islower() for ref in refs)
    assert property_ref("properties.a").column == property_ref('properties."a"').column


def test_a_breakdown_is_a_column_or_a_property() -> None:
    assert column_or_property(" country ") == "country"
    ref = column_or_property("properties.$browser")
    assert isinstance(ref, PropertyRef)
    assert ref.path == ("$browser",)
    for text in ("person_key", "plan", "properties.", "properties.a b", "country = 'x'"):
        with pytest.raises(UsageError):
            column_or_property(text)


def test_currencies() -> None:
    assert [exponent(code) for code in ("EUR", "JPY", "KWD", "CLF", "???", None)] == [
        2,
        0,
        3,
        4,
        2,
        2,
    ]
    assert set(EXPONENTS.values()) == {0, 3, 4}
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)


def test_importing_the_language_imports_neither_parser_nor_engine() -> None:
    program = "import sys, clickcli.steps; print({'sqlglot','narwhals','polars'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


SAMPLE = (
    "country = 'a' or not brand != 'ab'", "country < 'b'", "country not in ('a', '')",
    "country between 'a' and 'b'", "country like 'a_b'", "country like '%a\\b' or brand like 'a%'",
    "country not like '%.%'", "country ilike 'A%B'", "country ilike '%\u00c4%'", "country ilike ''",
    "contains(country, '%')", "starts_with(country, 'a')", "not ends_with(country, 'b')",
    "contains(country, '\\')", "country = 'it''s'", "quantity > 1.5", "quantity != 2.5",
    "quantity in (1, 2.5, 9223372036854775807)", "quantity < 9223372036854775808",
    "not quantity = 1.5", "quantity = 9007199254740993", "rating >= 0.1", "rating in (1, 1.5)",
    "not rating > 1", "price = 12.34", "price > 12.345 and not price >= 1234",
    "price in (1, 12.34)",
    "price not between 0.01 and 12", "ts >= '2024-03-01'", "ts < '2024-03-01T01:30+02:00'",
    "properties.plan = 'true' or properties.size > 1", "properties.plan = true",
    "properties.plan is null and country is not null", "not (country = 'a' and quantity > 1)",
)  # fmt: skip


@pytest.mark.spark
def test_spark_selects_the_rows_that_polars_selects(spark: str) -> None:
    from pyspark.sql import SparkSession

    rows = [
        {**row(), "country": a, "brand": b, "quantity": n, "rating": f, "price": p, "currency": c,
         "ts": cases.microseconds(t), cases.PLAN: b, cases.SIZE: f}
        for a, b, n, f, p, c, t in zip(
            [*cases.TEXTS, None, "\u00c4"], [None, "ab", *cases.TEXTS],
            [*cases.INTEGERS, *cases.INTEGERS],
            [*cases.FLOATS, None, float("nan"), float("inf")] * 2, [*cases.CENTS, *cases.CENTS],
            [*cases.CURRENCIES, None, "JPY"] * 2, cases.TIMES * 4,
            strict=False,
        )
    ]  # fmt: skip
    table = cases.frame(rows)
    names = [f"f{number}" for number in range(len(SAMPLE))]
    predicates: list[Predicate] = [parse(text) for text in SAMPLE]

    def answers(frame: nw.LazyFrame[Any]) -> dict[str, list[Any]]:
        flags = [p.expression().alias(name) for p, name in zip(predicates, names, strict=True)]
        done = frame.select("row", *flags).collect("polars").sort("row")
        return done.to_dict(as_series=False)

    session = SparkSession.builder.remote(spark).create()
    try:
        there = nw.from_native(session.createDataFrame(table.to_arrow()))
        assert answers(there) == answers(lazy(table))
        kept = there.filter(predicates[0].expression()).collect("polars")["row"].to_list()
        assert sorted(kept) == cases.selected_by(lazy(table), predicates[0])
    finally:
        session.stop()
