"""Lines that need no parser: they become what a parser makes of them, to the last byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clickcli.store import prove
from clickcli.store.dedup import id_order
from clickcli.store.enrich import enriched
from clickcli.store.parse import Chunk, Memory, ParseSettings, parse_chunk, parse_lines
from clickcli.store.proven import ROW
from clickcli.store.shapes import learn
from clickcli.store.times import offset_times, read_times

SETTINGS = ParseSettings(latest=1_735_689_600_000_000)


@contextmanager
def eager() -> Iterator[None]:
    """Let a single line be enough for a shape."""
    with patch.object(prove, "FEWEST_LINES", 1):
        yield


def careful(data: bytes, first_line: int, settings: ParseSettings) -> Chunk:
    """Return what a parser makes of lines."""
    chunk = parse_lines(data, first_line, settings)
    chunk.frame = enriched(chunk.frame.drop(ROW))
    return chunk


def filled(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the columns that hold something, by name."""
    return frame.select(
        sorted(name for name in frame.columns if frame[name].null_count() < frame.height)
    )


def assert_same(quick: Chunk, slow: Chunk) -> None:
    """Assert that two chunks say the same."""
    assert quick.rejects == slow.rejects
    assert (quick.read, quick.blank) == (slow.read, slow.blank)
    assert +quick.properties == +slow.properties
    assert_frame_equal(filled(quick.frame), filled(slow.frame), check_exact=True)


STRINGS = st.one_of(
    st.sampled_from(
        ["", "x", "null", "guest", "u1", "ü", "日本", "a\\u0041", 'q\\"q', "\\\\", "\\n", "true",
         "12",
         "1.50", "EUR", "eur", "JPY", "https://a.example/b?utm_source=n#f", "https://a.example",
         "https://b.example/c", "//h", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00.123Z",
         "2024-02-30T00:00:00Z", "2024-03-01T00:00:00.1234567Z", "2024-03-01T24:00:00Z",
         "2024-03-01T00:00:60Z", "2024-03-01T01:00:00+01:00", "2030-01-01T00:00:00Z",
         "1980-01-01T00:00:00Z", "203.0.113.77", "{", "}", ":", ",", " ", "\x7f", "\u2028"]
    ),
    st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs"], min_codepoint=32)),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "-0", "-0.0", "0.0", "1", "5.0", "5.50", "19.99", "0.125", "1e5", "1E5", "1e-7",
         "0.0001", "0.00001", "123456789012345678", "-123456789012345678", "1234567890123456789",
         "12345678901234567890", "1e400", "48.8566141", "1234567890.1234", "12345678901.5", "01",
         "+1", ".5", "1.", "NaN", "true", "false", "null", "1709290800", "1709290800123",
         "1709290800123456789", "[1]", '{"a":1}', "[]", "{}", '[{"item_id":"p"}]']
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)  # fmt: skip
VALUES = st.one_of(STRINGS.map(lambda text: f'"{text}"'), NUMBERS)
KEYS = st.sampled_from(
    ["event_id", "event_type", "ts", "timestamp", "received_at", "user_id", "anonymous_id",
     "item_id", "price", "revenue", "quantity", "currency", "is_bot", "rating", "page_url",
     "referrer", "user_agent", "ip", "country", "category", "items", "properties", "plan", "note",
     "größe"]
)  # fmt: skip


PLAIN = st.sampled_from(
    ["event_id", "user_id", "anonymous_id", "item_id", "price", "quantity", "currency", "is_bot",
     "rating", "page_url", "country", "city", "received_at", "plan", "note", "größe"]
)  # fmt: skip


@st.composite
def shapes(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, Any]], list[tuple[str, Any]]]:
    """Return separators, and keys with the values they have in all lines of the shape."""
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":\t")]))
    usual = [("event_type", st.just('"view"')), ("ts", st.just('"2024-03-01T00:00:00.5Z"'))]
    plain = st.lists(PLAIN, unique=True, max_size=9).map(lambda keys: (keys[:6], keys[6:]))
    any_keys = st.tuples(st.lists(KEYS, max_size=5), st.lists(KEYS, max_size=3))
    keys = draw(st.sampled_from([plain, plain, plain, any_keys]))
    top, inner = ([(key, _values(draw, key)) for key in some] for some in draw(keys))
    if draw(st.integers(0, 4)):
        top = usual + top
    return comma, colon, top, inner


def _values(draw: st.DrawFn, key: str) -> st.SearchStrategy[str]:
    """Return the values that a key has in all lines of a shape: mostly what it is meant for."""
    if draw(st.integers(0, 9)) < 8:
        return st.sampled_from(MEANT.get(key, ['"x"', '"y z"', '"ü"']))
    kinds = [STRINGS.map(lambda text: f'"{text}"'), NUMBERS, VALUES, st.just(draw(VALUES))]
    return draw(st.sampled_from(kinds))


MEANT = {
    "price": ["19.99", "0", "-3.5", "null"], "quantity": ["12", "1"], "rating": ["4.5", "5"],
    "is_bot": ["true", "false", "null"], "received_at": ['"2024-03-01T00:00:01Z"', "1709290800"],
    "currency": ['"EUR"', '"JPY"'], "user_id": ['"u1"', "7", "541312140"],
    "page_url": ['"https://a.example/b?utm_source=n#f"', '"https://a.example/"', '"/b"'],
    "note": ["null", "true", "1.5", "123456789012345678"],
}  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Return a log of a few shapes, some of its lines damaged."""
    writers = draw(st.lists(shapes(), min_size=1, max_size=3))
    lines: list[bytes] = []
    chosen = st.lists(st.sampled_from(writers), min_size=1, max_size=8)
    for comma, colon, top, inner in draw(chosen):
        members = [f'"{key}"{colon}{draw(value)}' for key, value in top]
        if inner or draw(st.booleans()):
            within = comma.join(f'"{key}"{colon}{draw(value)}' for key, value in inner)
            members.append(f'"properties"{colon}{{{within}}}')
        lines.append(("{" + comma.join(members) + "}").encode())
    for _ in range(draw(st.sampled_from([0, 0, 1, 3])) if lines else 0):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = draw(st.integers(0, len(line)))
        stop = draw(st.integers(cut, min(len(line), cut + 3)))
        lines[at] = line[:cut] + draw(st.sampled_from(DAMAGES)) + line[stop:]
    end = draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"]))
    start = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]))
    return start + end.join(lines) + draw(st.sampled_from([b"", end]))


DAMAGES = [
    b"", b'"', b"\\", b" ", b"}", b"{", b",", b":", b"\x00", b"\x1f", b"\xff", b"\xc3", b"\n", b"1",
    b'"a":1,', b'","b":"', b"null", b"\xed\xa0\x80", b"\xef\xbb\xbf",
]  # fmt: skip


@given(logs(), st.sampled_from([1, 7]), st.sampled_from(["USD", "JPY"]), st.booleans())
@example(b'{"event_type":"a","ts":1,"properties":null,"received_at":null}\n', 1, "USD", False)
@example(b'{"event_type":"a","ts":1709290800,"a":1}}\n' * 2, 1, "USD", False)
@example(b'{"ts":1709290800,"event_type":"a"}"}\n' * 2, 1, "USD", False)
def test_a_log_becomes_the_same_with_and_without_a_parser(
    log: bytes, first_line: int, currency: str, keep_ip: bool
) -> None:
    settings = ParseSettings(latest=SETTINGS.latest, currency=currency, keep_ip=keep_ip)
    slow, memory = careful(log, first_line, settings), Memory()
    with eager():
        assert_same(parse_chunk(log, first_line, settings, memory), slow)
        assert_same(parse_chunk(log, first_line, settings, memory), slow)


def lines_of(line: dict[str, Any], count: int = 300, **style: Any) -> bytes:
    """Return a log of one shape."""
    numbered = ({**line, "event_id": f"e{n}", "n": n, "m": n / 4} for n in range(count))
    return "".join(json.dumps(one, **style) + "\n" for one in numbered).encode()


COMPACT: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}
LINE: dict[str, Any] = {
    "event_type": "view", "timestamp": "2024-03-01T00:00:00.123Z", "user_id": "u1",
    "page_url": "https://shop.example/a?b=1", "price": 19.99, "currency": "EUR", "city": "東京",
    "properties": {"plan": "pro", "scroll": 12, "member": True, "gone": None},
}  # fmt: skip
COMMON = {
    "JSON.stringify": lines_of(LINE, **COMPACT),
    "json.dumps": lines_of(LINE, ensure_ascii=False),
    "no properties": lines_of({k: v for k, v in LINE.items() if k != "properties"}, **COMPACT),
    "empty properties": lines_of(LINE | {"properties": {}}, **COMPACT),
    "null properties": lines_of(LINE | {"properties": None}, **COMPACT),
    "null for what is missing": lines_of(LINE | {"item_id": None, "price": None}, **COMPACT),
    "whole user ids": lines_of(LINE | {"user_id": 541312140}, **COMPACT),
    "times in milliseconds": lines_of(LINE | {"timestamp": 1709290800123}, **COMPACT),
    "times with an offset": lines_of(LINE | {"timestamp": "2024-03-01T01:00:00+01:00"}, **COMPACT),
    "collector times": lines_of(LINE | {"received_at": "2024-03-01T00:00:01Z"}, **COMPACT),
    "columns in properties": lines_of(
        LINE | {"properties": {"brand": "b", "quantity": 2, "plan": "pro"}}, **COMPACT
    ),
    "addresses": lines_of(LINE | {"ip": "203.0.113.77"}, **COMPACT),
}


@pytest.mark.parametrize("name", COMMON)
def test_a_common_log_needs_no_parser(name: str) -> None:
    log = COMMON[name]
    chunk = parse_chunk(log, 1, SETTINGS)
    assert (chunk.proven, chunk.read) == (300, 300)
    assert_same(chunk, careful(log, 1, SETTINGS))


def test_lines_of_two_shapes_and_bad_ones_stay_in_order() -> None:
    log = b"".join(
        one + other + b'{"event_type":"cut\n\n'
        for one, other in zip(
            COMMON["JSON.stringify"].splitlines(keepends=True),
            COMMON["no properties"].splitlines(keepends=True),
            strict=True,
        )
    )
    chunk = parse_chunk(log, 5, SETTINGS)
    assert (chunk.proven, chunk.read, chunk.blank) == (600, 900, 300)
    assert chunk.rejects[0] == (7, "invalid_json", b'{"event_type":"cut')
    assert_same(chunk, careful(log, 5, SETTINGS))


def test_a_line_that_is_too_long_is_rejected_though_its_shape_is_known() -> None:
    long = json.dumps({**LINE, "event_id": "e" * 500, "n": 1, "m": 1.5}, **COMPACT).encode() + b"\n"
    settings = ParseSettings(max_line_bytes=400)
    chunk = parse_chunk(COMMON["JSON.stringify"] + long, 1, settings)
    assert [(line, why) for line, why, _ in chunk.rejects] == [(301, "too_long")]
    assert chunk.proven == 300


ODD = {
    "a second value of a key": b'"user_id":"u1"|"user_id":"u1","user_id":"u2"',
    "a number for a text": b'"city":"x"|"city":12',
    "a number in another form": b'"price":19.99|"price":1.999e1',
    "a number with a zero too many": b'"price":19.99|"price":19.990',
    "an escape": b'"city":"x"|"city":"\\u0078"',
    "a key more": b'"city":"x"|"city":"x","town":"y"',
    "a space": b'"city":"x"|"city": "x"',
    "a brace too many": b'"price":19.99|"price":19.99}',
    "an amount finer than cents": b'"price":19.99|"price":19.999',
    "a placeholder": b'"user_id":"u1"|"user_id":"guest"',
}


@pytest.mark.parametrize("name", ODD)
def test_a_line_that_differs_is_left_to_the_parser(name: str) -> None:
    usual, odd = ODD[name].split(b"|")
    line = b'{"event_type":"view","ts":1709290800,"user_id":"u1","city":"x","price":19.99}\n'
    assert usual in line
    log = line * 200 + line.replace(usual, odd) + line * 200
    chunk = parse_chunk(log, 1, SETTINGS)
    assert chunk.proven == 400
    assert_same(chunk, careful(log, 1, SETTINGS))


@pytest.mark.parametrize(
    "line",
    ['{"a":{"b":1}}', '{"a":[1]}', '{"a":1,"a":2}', '{"properties":{"a":{}}}', "{}", "[]", '"a"',
     "", '{"a":1}}', '{"a":1', '{"properties":"x"}', '{"properties":{},"properties":{}}',
     '{"event_type":"a","items":"b"}', '{"price":1,"unit_price":2}'],
)  # fmt: skip
def test_a_line_of_no_plain_shape_is_not_learned(line: str) -> None:
    assert learn(line + "\n") is None


@given(
    st.lists(
        st.builds(
            "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}{}".format,
            st.integers(1600, 2300), st.integers(0, 13), st.integers(0, 32), st.integers(0, 25),
            st.integers(0, 61), st.integers(0, 61), st.just(".250Z"),
        )
        | st.sampled_from(["2024-02-29T12:00:00.250Z", "2024-03-01T12:00:00.250Z"]),
        max_size=4,
    )
)  # fmt: skip
def test_times_of_one_length_are_read_like_any(texts: list[str]) -> None:
    quick = offset_times(pl.Series(texts, dtype=pl.String))
    slow = read_times(texts, None)
    for row, (one, other) in enumerate(zip(quick.to_list(), slow.us.to_list(), strict=True)):
        if one is not None and row not in slow.problems:
            assert one == other
        assert one is not None or row in slow.problems or "60Z" in texts[row][16:]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=20))
def test_ids_are_ordered_whatever_words_they_share(pairs: list[tuple[int, int]]) -> None:
    count = len(pairs)
    rows = np.zeros((4, count), dtype=np.uint64)
    rows[0], rows[1] = np.array(pairs, dtype=np.uint64).reshape(-1, 2).T
    rows[3] = np.arange(count)[::-1]
    expected = np.lexsort((rows[3], rows[1], rows[0]))
    assert id_order(rows).tolist() == expected.tolist()
