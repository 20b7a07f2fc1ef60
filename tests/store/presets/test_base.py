"""The small functions that presets are made of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.store.presets.base import at, enveloped, json_object, pairs, text, utc, whole


@pytest.mark.parametrize(
    ("value", "expected"),
    [('{"a":[1,{"b":null}]}', {"a": [1, {"b": None}]}), (' {"a":\n1}\n', {"a": 1}), ("{}", {}),
     ('{"n":' + "9" * 40 + "}", {"n": int("9" * 40)}), ("[1]", None), ("", None), ("{", None),
     ("null", None), ({"a": 1}, None), (3, None), (None, None), ('{"a":NaN}', None),
     ('{"a":"\\ud800"}', None), ('{"a":1}{"b":2}', None), ('{"a":' * 500 + "1" + "}" * 500, None),
     ('{"a":' * 200 + "1" + "}" * 200, None)],
)  # fmt: skip
def test_an_object_in_text_is_read_as_a_line_would_be(value: Any, expected: Any) -> None:
    assert json_object(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [([{"key": "a", "value": {"x": 1}}, {"key": "b", "value": None}], {"a": {"x": 1}, "b": None}),
     ([], {}), ([{"key": "a", "value": 1}, {"key": "a", "value": 2}], None),
     ([{"key": "a"}], None), ([{"key": "a", "value": 1, "more": 2}], None), ([1], None),
     ([{"key": 1, "value": 1}], None), ({"key": "a", "value": 1}, None), (None, None)],
)  # fmt: skip
def test_pairs_become_an_object_unless_that_loses_something(value: Any, expected: Any) -> None:
    assert pairs(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2024-03-01 10:00:00.123456", "2024-03-01T10:00:00.123456Z"),
     ("2024-03-01T10:00", "2024-03-01T10:00Z"), ("2024-03-01T10:00:00+02:00",) * 2,
     ("2024-03-01T10:00:00Z",) * 2, ("soon",) * 2, (7, 7), (None, None)],
)  # fmt: skip
def test_a_time_without_an_offset_is_read_as_utc(value: Any, expected: Any) -> None:
    assert utc(value) == expected


def test_digits_become_a_whole_number_and_nothing_else_does() -> None:
    values = ["17", "-3", "1.5", "", "٣", "9" * 41, 4, None, "1e3", " 1"]
    assert [whole(value) for value in values] == [17, -3, *values[2:]]


ANY = st.recursive(
    st.none() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
)


@given(ANY, st.sampled_from(["a", "a.b", "a.b.c", "", "."]))
def test_any_path_of_any_value_is_looked_up(value: Any, path: str) -> None:
    at(value, path)
    list(enveloped(value, path))
    assert text(value) is None or isinstance(value, str)
