"""A period against another: which one it is, whose numbers stand side by side, and how sure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from math import isclose, sqrt
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.api import Log
from clickcli.comparison import MEASURES, Shift, other_period
from clickcli.errors import UsageError
from clickcli.registry import load, names
from clickcli.units import Every, Period, from_us, instant
from tests.analyses.worlds import Row, rows, store, told
from tests.test_contract import lines
from tests.test_contract import store as contract_store

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000_000


def period(text: str, tz: ZoneInfo = UTC) -> Period:
    """Return FROM..TO; an end that is not given is open."""
    start, _, end = text.partition("..")
    return Period(instant(start, tz), instant(end, tz) if end else None)


def written(span: Period, tz: ZoneInfo = UTC) -> str:
    """Return FROM..TO in local time, midnights as days."""
    assert span.start is not None
    assert span.end is not None
    texts = [from_us(at, tz).isoformat()[:16] for at in (span.start, span.end)]
    return "..".join(text.removesuffix("T00:00") for text in texts)


@pytest.mark.parametrize(
    ("asked", "vs", "found"),
    [
        ("2024-03-01..2024-04-01", "prev", "2024-02-01..2024-03-01"),
        ("2024-01-01..2024-04-01", "prev", "2023-10-01..2024-01-01"),
        ("2024-03-04..2024-03-11", "prev", "2024-02-26..2024-03-04"),
        ("2024-03-01T06:00..2024-03-01T18:00", "prev", "2024-02-29T18:00..2024-03-01T06:00"),
        ("2024-02-29..2024-03-01", "yoy", "2023-02-28..2023-03-01"),
        ("2024-03-04..2024-03-11", "yoy", "2023-03-04..2023-03-11"),
        ("2024-03-01..2024-03-08", "2024-01-01..2024-01-03", "2024-01-01..2024-01-03"),
        ("2024-03-01", "prev", "2024-02-20..2024-03-01"),
    ],
)
def test_the_other_period(asked: str, vs: str, found: str) -> None:
    as_of = instant("2024-03-10T15:00", UTC)
    assert written(other_period(period(asked), as_of, vs, UTC)[0]) == found


def test_the_day_before_a_day_of_23_hours_has_24() -> None:
    spring = period("2024-03-31..2024-04-01", BERLIN)
    other, _ = other_period(spring, 0, "prev", BERLIN)
    assert written(other, BERLIN) == "2024-03-30..2024-03-31"
    assert spring.end is not None
    assert spring.start is not None
    assert spring.end - spring.start == 23 * HOUR
    assert other.end is not None
    assert other.start is not None
    assert other.end - other.start == 24 * HOUR


@pytest.mark.parametrize("vs", ["last", "", "2024-03-01", "..", "prev..", "2024-03-02..2024-03-01"])
def test_what_is_no_period_is_refused(vs: str) -> None:
    with pytest.raises(UsageError):
        other_period(period("2024-03-01..2024-04-01"), 0, vs, UTC)


def test_a_comparison_needs_a_beginning() -> None:
    with pytest.raises(UsageError, match="needs a period"):
        other_period(Period(None, 5), 0, "prev", UTC)


@pytest.mark.parametrize(
    ("shift", "every", "label", "moved"),
    [
        (Shift(months=1), Every.DAY, "2024-01-28", "2024-02-28"),
        (Shift(months=1), Every.DAY, "2024-01-30", None),
        (Shift(months=1), Every.MONTH, "2024-01", "2024-02"),
        (Shift(months=12), Every.WEEK, "2023-03-06", "2024-03-04"),
        (Shift(days=7), Every.HOUR, "2024-02-26T05", "2024-03-04T05"),
        (Shift(days=28), Every.WEEK, "2024-02-05", "2024-03-04"),
        (Shift(us=24 * HOUR), Every.DAY, "2024-02-29", "2024-03-01"),
        (Shift(us=6 * HOUR), Every.HOUR, "2024-02-29T20", "2024-03-01T02"),
        (Shift(days=31), Every.MONTH, "2023-12", "2024-01"),
    ],
)
def test_a_period_is_called_by_the_name_of_its_counterpart(
    shift: Shift, every: Every, label: str, moved: str | None
) -> None:
    assert shift.forward(label, every) == moved


@given(st.dates(), st.integers(0, 40), st.sampled_from([UTC, BERLIN, ZoneInfo("Pacific/Chatham")]))
def test_back_then_forward_is_the_same_day(day: object, days: int, tz: ZoneInfo) -> None:
    text = str(day)
    if not "1950" < text < "2150":
        return
    shift = Shift(days=days)
    back = from_us(shift.back(instant(text, tz), tz), tz).date()
    assert shift.forward(back.isoformat(), Every.DAY) == text
    assert back + timedelta(days=days) == from_us(instant(text, tz), tz).date()


LOG = told(
    """
    2024-03-04T10:00Z ann   view     country=DE
    2024-03-04T11:00Z bob   view     country=DE
    2024-03-05T10:00Z bob   purchase country=DE
    2024-03-06T10:00Z cat   view     country=FR
    2024-03-11T10:00Z ann   view     country=DE
    2024-03-11T11:00Z ann   purchase country=DE
    2024-03-12T10:00Z dan   view     country=IT
    2024-03-12T12:00Z dan   purchase country=IT
    2024-03-13T10:00Z eve   view     country=IT
    """
)
"""As-of is 13 March 10:00: of the week from 11 March two days and ten hours are over, so the week
from 4 March is seen as on 6 March 10:00: ann, bob and cat entered, bob bought. This week: ann, dan
and eve entered, ann and dan bought."""


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with store(LOG) as opened:
        yield opened


def by_key(log: Log, *keys: object, table: str | None = None, **options: Any) -> dict[str, Row]:
    """Return the measures of one row of a compared funnel."""
    found = log.funnel(steps=["view", "purchase"], within="none", **options)
    names_of = found.schema(table).keys[:-1]
    return {
        row["measure"]: row
        for row in rows(found, table)
        if tuple(row[name] for name in names_of) == keys
    }


def test_a_funnel_against_the_week_before_by_hand(log: Log) -> None:
    row = by_key(log, 2, from_="2024-03-11", to="2024-03-18", vs="prev")
    people = row["people"]
    assert (people["now"], people["before"], people["difference"]) == (2, 1, 1)
    assert people["ratio"] == 2
    half = 1.959963984540054 * sqrt(2 + 1)
    assert isclose(people["difference_low"], 1 - half)
    assert isclose(people["difference_high"], 1 + half)
    conversion = row["conversion"]
    assert isclose(conversion["difference"], 2 / 3 - 1 / 3)
    assert conversion["kind"] == "share"
    assert conversion["name"] == "purchase"


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """56 of 70 against 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    told_lines = []
    for week, entered, bought in (("04", 80, 48), ("11", 70, 56)):
        for n in range(entered):
            told_lines.append(f"2024-03-{week}T10:00Z w{week}p{n} view")
            if n < bought:
                told_lines.append(f"2024-03-{week}T11:00Z w{week}p{n} purchase")
    with store(told("\n".join([*told_lines, "2024-03-17T23:59Z - other"]))) as log:
        row = by_key(log, 2, from_="2024-03-11", to="2024-03-18", vs="prev")["conversion"]
    assert round(row["difference"], 4) == 0.2
    assert (round(row["difference_low"], 4), round(row["difference_high"], 4)) == (0.0524, 0.3339)


def test_a_value_that_was_not_there_before_counts_as_none(log: Log) -> None:
    options: Row = {"from_": "2024-03-11", "to": "2024-03-18", "vs": "prev", "by": ["country"]}
    italy, france = by_key(log, "IT", 1, **options), by_key(log, "FR", 1, **options)
    assert (italy["people"]["now"], italy["people"]["before"]) == (2, 0)
    assert italy["people"]["ratio"] is None
    assert italy["conversion"]["before"] is None
    assert (france["people"]["now"], france["people"]["before"]) == (0, 1)
    total = by_key(log, "(total)", 1, **options)
    assert (total["people"]["now"], total["people"]["before"]) == (3, 3)


def test_days_stand_beside_the_days_they_are_compared_with(log: Log) -> None:
    options: Row = {"from_": "2024-03-11", "to": "2024-03-18", "vs": "prev", "trend": "day"}
    rows_of = {
        day: by_key(log, day, table="trend", **options)["people"]
        for day in ("2024-03-11", "2024-03-12", "2024-03-13")
    }
    assert [(row["now"], row["before"]) for row in rows_of.values()] == [(1, 2), (1, 0), (1, 1)]


def test_the_rest_of_a_breakdown_is_the_same_rest_in_both_periods(log: Log) -> None:
    found = log.funnel(
        steps=["view", "purchase"], within="none", from_="2024-03-11", to="2024-03-18", vs="prev",
        by=["country"], top=1,
    )  # fmt: skip
    assert set(found.to_polars()["country"]) == {"(total)", "IT", "(other)"}


def test_a_comparison_lists_nobody(log: Log) -> None:
    with pytest.raises(UsageError, match="contradict"):
        log.funnel(steps=["view"], last="7d", vs="prev", who="step:1")


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with contract_store(tmp_path_factory.mktemp("comparison"), lines()) as opened:
        yield opened


@pytest.mark.parametrize("name", names())
def test_every_analysis_can_be_compared(contract: Log, name: str) -> None:
    """What stands under now is what the analysis gives on its own; before, what it gave then."""
    analysis = load(name)
    sample = dataclasses.asdict(analysis.sample)
    span = {"from_": "2024-03-18", "to": "2024-04-01", "tz": "Europe/Berlin"}
    if all(table.is_list for table in analysis.tables):
        with pytest.raises(UsageError, match="nothing to compare"):
            contract.run(name, sample, {**span, "vs": "2024-03-04..2024-03-18"})
        return
    compared = contract.run(name, sample, {**span, "vs": "2024-03-04..2024-03-18"})
    alone = contract.run(name, sample, span)
    assert compared.schemas
    for schema in compared.schemas:
        table = compared.tables[schema.name]
        assert table.columns == schema.names()
        assert not table.select(pl.struct(schema.keys).is_duplicated().any()).item()
        keys = list(schema.keys[:-1])
        own = alone.schema(schema.name)
        for column in own.columns:
            is_bound = column.name.endswith(("_low", "_high"))
            if column.kind not in MEASURES or column.name in own.keys or is_bound:
                continue
            found = {
                tuple(row[name] for name in keys): row["now"]
                for row in table.to_dicts()
                if row["measure"] == column.name
            }
            for row in alone.tables[schema.name].to_dicts():
                value = row[column.name]
                if value is None:
                    continue
                key = tuple(row[name] for name in keys)
                assert found[key] == value, (schema.name, row)
