"""Types of properties and columns, and the census that counts them."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.doctor import Evidence, census
from tests.doctor.world import Line, brief, findings, line, numbered, steady, store

BASE = steady(range(2), a_day=50)


def _with(values: list[Any], name: str = "version", event: str = "tap") -> list[Line]:
    return [line(event, n / 100, properties={name: value}) for n, value in enumerate(values)]


def test_five_texts_among_numbers_are_told() -> None:
    assert findings("property_types", numbered(_with([1] * 50 + ["1"] * 4))) == []
    (row,) = findings("property_types", numbered(_with([1] * 50 + ["1"] * 5)))
    assert brief([row]) == [("warning", "tap: properties.version", 5)]
    assert (row["all"], row["example"]) == (55, '1 and "1"')


def test_one_in_a_thousand_is_the_least_share() -> None:
    assert findings("property_types", numbered(_with([1] * 4995 + ["1"] * 5))) != []
    assert findings("property_types", numbered(_with([1] * 4996 + ["1"] * 5))) == []


def test_a_change_of_type_is_dated() -> None:
    (row,) = findings("property_types", numbered(_with([1] * 200 + ["a"] * 200)))
    assert "number before, text since 2024-03-06" in row["meaning"]


@pytest.mark.parametrize(
    ("one", "other", "is_drift"),
    [
        (1, 2.5, False),
        (1, None, False),
        (1, True, True),
        ("a", ["a"], True),
        ({"b": 1}, "b", True),
        ({"b": 1}, {"c": "d"}, False),
    ],
)
def test_what_counts_as_another_type(one: Any, other: Any, is_drift: bool) -> None:
    rows = findings("property_types", numbered(_with([one] * 9 + [other] * 9)))
    assert bool(rows) is is_drift


def test_inside_objects_too() -> None:
    lines = _with([{"size": {"value": n if n % 2 else str(n)}} for n in range(20)])
    assert [row["subject"] for row in findings("property_types", numbered(lines))] == [
        "tap: properties.version.size.value"
    ]


def test_types_may_differ_between_event_types() -> None:
    lines = _with([1] * 20) + _with(["a"] * 20, event="swipe")
    assert findings("property_types", numbered(lines)) == []


def test_values_that_do_not_fit_their_column_are_told() -> None:
    odd = [line("tap", 1, n, price="12,50 €", event_id=f"p{n}") for n in range(5)]
    assert findings("column_types", numbered(BASE + odd[:4])) == []
    (row,) = findings("column_types", numbered(BASE + odd))
    assert brief([row]) == [("warning", "price", 5)]
    assert row["example"] == '"12,50 €"'
    assert findings("property_types", numbered(BASE + odd)) == [], "a column is no property"


def test_digits_of_an_id_and_times_of_any_form_fit() -> None:
    lines = [line("tap", 1, n, item_id=7, received_at="2024-03-05T00:00:00.1234567Z")
             for n in range(20)]  # fmt: skip
    assert findings("column_types", numbered(lines)) == []


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
_objects = st.dictionaries(st.sampled_from(["a", "b", 'q"', "it's", "x.y"]), _values, max_size=3)


def _kinds(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Return the JSON type of every value in nested objects."""
    names = {str: "text", bool: "boolean", int: "number", list: "list", dict: "object"}
    found = []
    for key, inner in value.items():
        if inner is not None:
            found.append(((*path, key), names[type(inner)]))
        if isinstance(inner, dict):
            found += _kinds(inner, (*path, key))
    return found


@settings(max_examples=60)
@given(objects=st.lists(_objects, min_size=1, max_size=12), portion=st.integers(1, 200))
def test_the_census_counts_what_is_there(objects: list[dict[str, Any]], portion: int) -> None:
    texts = [json.dumps(one) for one in objects]
    expected = Counter(pair for one in objects for pair in _kinds(one))
    frame = pl.DataFrame({"event_type": "tap", "ts": range(len(texts)), "properties": texts})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(census, "_PORTION", portion)
        found = census.take(cast("Evidence", SimpleNamespace(slices=lambda *_: [frame])))
    counted = {
        (path, kind): tally.events
        for (_, path), kinds in found.kinds.items()
        for kind, tally in kinds.items()
    }
    assert counted == dict(expected)


def test_too_many_properties_are_cut_and_said_so() -> None:
    lines = [
        line("tap", n / 100, properties={f"k{n}-{i}": i for i in range(10)}) for n in range(30)
    ]
    with store(numbered(lines)) as log, pytest.MonkeyPatch.context() as patch:
        patch.setattr(census, "MOST", 100)
        result = log.doctor(checks=["property_types"])
    assert "the rest were not looked at" in result.notes[1]
    assert result.to_polars("checks")["looked_at"].item() == 100
