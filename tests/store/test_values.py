"""What becomes of one line: columns, properties, rejects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.columns import BY_NAME, EVENT_COLUMNS
from clickcli.errors import UsageError
from clickcli.identity import anonymous_key, is_placeholder, person_key, user_key
from clickcli.store import Store
from clickcli.store.decode import dump_wide
from clickcli.store.enrich import truncate_ip, url_columns
from clickcli.store.mapfile import parse_map, read_map
from clickcli.store.parse import Chunk, ParseSettings, parse_chunk
from clickcli.store.times import read_times
from clickcli.store.types import REASONS
from tests.store.logs import event, ingest, only, to_bytes, write
from tests.store.presets.test_lines import REJECTED as FOREIGN

SETTINGS = ParseSettings(latest=1_735_689_600_000_000)


def parse(*lines: Any, **changes: Any) -> Chunk:
    """Parse lines in this process."""
    settings = ParseSettings(**{"latest": SETTINGS.latest} | changes)
    return parse_chunk(to_bytes(lines), 1, settings)


def row(line: Any, **changes: Any) -> dict[str, Any]:
    """Return the row of one good line, nulls left out, properties decoded."""
    chunk = parse(line, **changes)
    assert not chunk.rejects, chunk.rejects
    found = {k: v for k, v in chunk.frame.to_dicts()[0].items() if v is not None}
    if "properties" in found:
        found["properties"] = json.loads(found["properties"])
    return found


def reason(line: bytes, **changes: Any) -> str:
    """Return why one line is rejected."""
    settings = ParseSettings(**{"latest": SETTINGS.latest} | changes)
    chunk = parse_chunk(line, 1, settings)
    assert chunk.read == 1
    assert chunk.frame.height == 0
    return chunk.rejects[0][1]


def test_golden_line_becomes_columns_and_properties(store: Store, tmp_path: Path) -> None:
    line = {
        "event": "purchase", "eventId": "x1", "time": "2024-03-01T12:00:00.5+01:00",
        "userId": 42, "anonymousId": "a7", "url": "https://s.example/c?utm_source=n&gclid=1#z",
        "ip": "203.0.113.77", "flag": True, "device": "mobile",
        "properties": {"price": 19.99, "quantity": 2, "currency": "EUR", "plan": "pro",
                       "items": [{"item_id": "p1"}], "flag": "inner"},
    }  # fmt: skip
    ingest(store, write(tmp_path / "a.jsonl", [line]))
    assert only(store) == {
        "person_key": user_key("42"), "seq": 0, "event_id": "x1", "event_type": "purchase",
        "ts": 1_709_290_800_500_000, "user_id": "42", "anonymous_id": "a7", "price": 1999,
        "quantity": 2, "currency": "EUR", "page_url": line["url"], "page_path": "/c",
        "utm_source": "n", "click_id": "gclid", "device_type": "mobile", "ip": "203.0.113.0",
        "items": '[{"item_id":"p1"}]',
        "properties": '{"$top.flag":true,"plan":"pro","flag":"inner"}',
    }  # fmt: skip


REJECTED = {
    b"{": "invalid_json",
    b'{"event_type":"a","ts":1e400}': "invalid_json",
    b'{"event_type":"a","ts":NaN}': "invalid_json",
    b'{"a":12345678901234567890123,"b":NaN}': "invalid_json",
    b'{"event_type":"\xff"}': "invalid_utf8",
    b'{"event_type":"\x00"}': "nul_byte",
    b"\x00\x01\x02\xff": "nul_byte",
    b"[1, 2]": "not_object",
    b"null": "not_object",
    b"[" * 10_000 + b"]" * 10_000: "too_deep",
    b'{"a":' * 300 + b"1" + b"}" * 300: "too_deep",
    b'{"a":123456789012345678901,"b":' + b"[" * 300 + b"]" * 300 + b"}": "too_deep",
    b'{"ts":1700000000}': "no_event_type",
    b'{"event_type":" ","ts":1700000000}': "no_event_type",
    b'{"event_type":{"a":1},"ts":1700000000}': "no_event_type",
    b'{"event_type":1.5,"ts":1700000000}': "no_event_type",
    b'{"event_type":true,"ts":1700000000}': "no_event_type",
    b'{"event_type":"a"}': "no_time",
    b'{"event_type":"a","ts":null}': "no_time",
    b'{"event_type":"a","ts":"soon"}': "bad_time",
    b'{"event_type":"a","ts":""}': "bad_time",
    b'{"event_type":"a","ts":true}': "bad_time",
    b'{"event_type":"a","ts":{"a":1}}': "bad_time",
    b'{"event_type":"a","ts":"2024-01-01T00:00:00"}': "time_no_offset",
    b'{"event_type":"a","ts":"2024-01-01"}': "time_no_offset",
    b'{"event_type":"a","ts":"0001-01-01T00:00:00Z"}': "time_out_of_range",
    b'{"event_type":"a","ts":"9999-12-31T23:59:59Z"}': "time_out_of_range",
    b'{"event_type":"a","ts":"1989-12-31T23:59:59.999999Z"}': "time_out_of_range",
    b'{"event_type":"a","ts":0}': "time_out_of_range",
    b'{"event_type":"a","ts":-5}': "time_out_of_range",
    b'{"event_type":"a","ts":1e300}': "time_out_of_range",
    b'{"event_type":"a","ts":123456789012345678901234}': "time_out_of_range",
    b'{"event_type":"a","ts":"2025-01-01T00:05:00.000001Z"}': "time_in_future",
}


@pytest.mark.parametrize(("line", "expected"), REJECTED.items(), ids=lambda value: str(value)[:30])
def test_each_bad_line_has_its_reason(line: bytes, expected: str) -> None:
    latest = 1_735_689_900_000_000
    assert reason(line, latest=latest) == expected
    assert expected in REASONS


def test_every_reason_is_tested() -> None:
    assert set(REASONS) == {*REJECTED.values(), *FOREIGN.values(), "too_long"}


def test_a_line_longer_than_allowed_is_rejected() -> None:
    assert reason(b'{"a":"' + b"x" * 100 + b'"}', max_line_bytes=50) == "too_long"


def test_the_line_number_counts_every_line_of_the_file() -> None:
    chunk = parse_chunk(b'\n{"x"\n\n{}\r\n', 10, SETTINGS)
    assert [(number, why) for number, why, _ in chunk.rejects] == [
        (11, "invalid_json"),
        (13, "no_event_type"),
    ]
    assert chunk.blank == 2
    assert chunk.read == 2


def test_a_byte_order_mark_and_carriage_returns_do_no_harm() -> None:
    data = b"\xef\xbb\xbf" + json.dumps(event(0)).encode() + b"\r\n"
    chunk = parse_chunk(data, 1, SETTINGS)
    assert chunk.frame["event_id"].to_list() == ["e0"]


TIMES = {
    "2024-03-01T00:00:00Z": 1_709_251_200_000_000,
    "2024-03-01T00:00:00.000001Z": 1_709_251_200_000_001,
    "2024-03-01T00:00:00.1234567Z": 1_709_251_200_123_456,
    "2024-03-01 00:00:00Z": 1_709_251_200_000_000,
    "2024-03-01 00:00:00 UTC": 1_709_251_200_000_000,
    "2024-03-01T02:00:00+02:00": 1_709_251_200_000_000,
    "2024-03-01T02:00:00+0200": 1_709_251_200_000_000,
    "2024-02-29T19:00:00-05": 1_709_251_200_000_000,
    "2024-03-01T00:00Z": 1_709_251_200_000_000,
    "20240301T000000Z": 1_709_251_200_000_000,
    1_709_251_200: 1_709_251_200_000_000,
    1_709_251_200_123: 1_709_251_200_123_000,
    1_709_251_200_123_456: 1_709_251_200_123_456,
    1_709_251_200_123_456_789: 1_709_251_200_123_456,
    1_709_251_200.25: 1_709_251_200_250_000,
    1_709_251_200_123.5: 1_709_251_200_123_500,
    "1709251200": 1_709_251_200_000_000,
    "1709251200.25": 1_709_251_200_250_000,
    " 1709251200123 ": 1_709_251_200_123_000,
    99_999_999_999: None,
}


@pytest.mark.parametrize(("value", "expected"), TIMES.items())
def test_times_of_all_forms(value: Any, expected: int | None) -> None:
    assert read_times([value], None).us.to_list() == [expected]
    assert read_times([value, None, True, "x", 1.7e9], None).us.to_list()[0] == expected


def test_local_times_need_a_zone_and_follow_its_changes() -> None:
    # Berlin skips 02:30 on 2024-03-31 (read with the offset before, +01) and repeats it on
    # 2024-10-27 (first pass, +02).
    texts = ["2024-03-31T02:30:00", "2024-10-27T02:30:00", "2024-03-01", "2024-03-01 01:00:00"]
    times = read_times(list(texts), "Europe/Berlin")
    assert times.us.to_list() == [
        1_711_848_600_000_000, 1_729_989_000_000_000, 1_709_247_600_000_000,
        1_709_251_200_000_000,
    ]  # fmt: skip
    assert not times.problems


def test_finer_than_microseconds_is_kept() -> None:
    found = row(event(ts=1_709_251_200_123_456_789, timestamp=None))
    assert found["ts"] == 1_709_251_200_123_456
    assert found["properties"] == {"ts": 1_709_251_200_123_456_789}


VALUES: list[tuple[str, Any, Any, bool]] = [
    ("quantity", 3, 3, False),
    ("quantity", 3.0, 3, False),
    ("quantity", "3", 3, True),
    ("quantity", 1.9, None, True),
    ("quantity", "three", None, True),
    ("quantity", True, None, True),
    ("quantity", 2**63, None, True),
    ("quantity", [1], None, True),
    ("rating", 4.5, 4.5, False),
    ("rating", 4, 4.0, False),
    ("rating", "4.5", 4.5, True),
    ("rating", "1_0", None, True),
    ("rating", 2**53 + 1, None, True),
    ("country", "DE", "DE", False),
    ("country", "", "", False),
    ("country", 49, "49", True),
    ("country", {"a": 1}, None, True),
    ("item_id", 49, "49", False),
    ("item_id", 10**30, str(10**30), False),
    ("price", 19.99, 1999, False),
    ("price", 0.07, 7, False),
    ("price", 1.005, 100, True),
    ("price", 1.015, 102, True),
    ("price", -3, -300, False),
    ("price", "19.99", 1999, True),
    ("price", "€ 3", None, True),
    ("price", 1e30, None, True),
    ("price", 9007199254740993, 900719925474099300, False),
    ("session_id", "null", None, True),
    ("session_id", "s", "s", False),
]


@pytest.mark.parametrize(("name", "value", "stored", "kept"), VALUES)
def test_a_value_fits_its_column_or_is_kept(name: str, value: Any, stored: Any, kept: bool) -> None:
    found = row(event(**{name: value}))
    assert found.get(name) == stored
    assert (found.get("properties", {}).get(name) == value) is kept
    beside = parse(event(0, **{name: value}), event(1, **{name: "other"}), event(2))
    assert beside.frame[name].to_list()[0] == stored


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [("JPY", 500, 500), ("KWD", 1.234, 1234), ("usd", 1.5, 150), (None, 1.5, 150)],
)
def test_money_is_in_minor_units_of_its_currency(
    currency: str | None, price: float, minor: int
) -> None:
    found = row(event(price=price, currency=currency))
    assert found["price"] == minor
    assert found["currency"] == (currency or "USD").upper()


def test_a_default_currency_is_only_for_rows_with_money() -> None:
    chunk = parse(event(0, price=5), event(1), currency="JPY")
    assert chunk.frame["currency"].to_list() == ["JPY", None]
    assert chunk.frame["price"].to_list() == [5, None]


def test_known_keys_count_at_the_top_first_then_in_properties() -> None:
    found = row(event(price=1, properties={"price": 2, "amount": 3, "user_id": "inner"}))
    assert (found["price"], found["revenue"], found["user_id"]) == (100, 300, "u0")
    assert found["properties"] == {"price": 2, "user_id": "inner"}


def test_a_null_leaves_its_place_to_the_next_name() -> None:
    found = row(event(user_id=None, properties=None) | {"user_id": None, "distinct_id": "d"})
    assert found["user_id"] == "d"
    assert "properties" not in found


@pytest.mark.parametrize("word", ["null", " NULL ", '"undefined"', "0", "-1", "Guest", ""])
def test_placeholders_are_nobody_and_are_kept(word: str) -> None:
    assert is_placeholder(word)
    assert person_key(word, None) is None
    found = row(event(user_id=word, anonymous_id="a"))
    assert "user_id" not in found
    assert found["person_key"] == anonymous_key("a")
    assert found["properties"] == {"user_id": word}


def test_a_user_and_a_device_of_one_name_are_two() -> None:
    assert user_key("x") != anonymous_key("x")
    assert person_key("x", "y") == user_key("x")


def test_addresses_are_truncated_wherever_they_stand() -> None:
    line = event(ip="203.0.113.77", client_ip="198.51.100.9:8080",
                 properties={"remote_addr": "2001:db8:1:2::3"})  # fmt: skip
    found = row(line)
    assert found["ip"] == "203.0.113.0"
    assert found["properties"] == {"client_ip": "198.51.100.0", "remote_addr": "2001:db8:1::"}
    assert row(event(ip="203.0.113.77"), keep_ip=True)["ip"] == "203.0.113.77"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10.1.2.3, 5.6.7.8", "10.1.2.0"), ("[2001:db8:1:2::3]:443", "2001:db8:1::"),
     ("::ffff:10.1.2.3", "10.1.2.0"), ("unknown", None), (7, None)],
)  # fmt: skip
def test_an_address_of_any_form_is_truncated(text: Any, expected: str | None) -> None:
    assert truncate_ip(text) == expected


def test_pages_give_path_and_campaign() -> None:
    import polars as pl

    urls = [
        "https://a.example/x/y?utm_source=s&utm_medium=m%20n&UTM_Campaign=c&fbclid=1&gclid=2#f",
        "https://a.example", "/p?q=1", None, "not a url", "https://a.example?x=1",
    ]  # fmt: skip
    found = url_columns(pl.Series(urls, dtype=pl.String)).to_dicts()
    assert [line["page_path"] for line in found] == ["/x/y", "/", "/p", None, "not a url", "/"]
    first = found[0]
    assert [first[name] for name in ("utm_source", "utm_medium", "utm_campaign", "click_id")] == [
        "s", "m n", "c", "gclid",
    ]  # fmt: skip
    assert row(event(page_url=urls[0], utm_source="given"))["utm_source"] == "given"


def test_items_that_are_no_list_of_objects_are_kept() -> None:
    assert row(event(items=[1, 2]))["properties"] == {"items": [1, 2]}
    assert row(event(items=[{"a": 1}]))["items"] == '[{"a":1}]'


def test_integers_of_any_length_survive() -> None:
    big = 10**40 + 1
    found = parse(event(properties={"n": big, "m": -(2**63) - 1, "u": 2**64 - 1}))
    text = found.frame["properties"][0]
    assert json.loads(text) == {"n": big, "m": -(2**63) - 1, "u": 2**64 - 1}


def test_a_map_moves_nested_fields_and_fills_constants() -> None:
    mapping = parse_map(
        {"fields": {"ts": "meta.when", "user_id": "who.id", "properties": "payload"},
         "constants": {"currency": "EUR", "event_type": "hit"}}
    )  # fmt: skip
    line = {"meta": {"when": 1709251200, "x": 1}, "who": {"id": 7}, "payload": {"price": 2},
            "ts": "kept"}  # fmt: skip
    found = row(line, mapping=mapping)
    assert (found["ts"], found["user_id"], found["price"]) == (1_709_251_200_000_000, "7", 200)
    assert (found["currency"], found["event_type"]) == ("EUR", "hit")
    assert found["properties"] == {"meta": {"x": 1}, "$top.ts": "kept"}


@pytest.mark.parametrize(
    ("text", "hint"),
    [('[fields]\nuser = "x"', "user_id"), ("[field]", "fields"), ("[fields]\nts = 3", None),
     ("[constants]\ncurrency = []", None), ("fields = 3", None)],
)  # fmt: skip
def test_a_wrong_map_is_refused(tmp_path: Path, text: str, hint: str | None) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_map(path)
    if hint:
        assert hint in str(caught.value.hint)


def test_no_name_belongs_to_two_columns() -> None:
    names = [name for column in EVENT_COLUMNS for name in (column.name, *column.aliases)]
    assert len(names) == len(set(names))


KEYS = st.sampled_from(
    [name for column in EVENT_COLUMNS for name in (column.name, *column.aliases)]
    + ["plan", "x y", "$top.plan", "", "properties", "items"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["null", "12.50", "2024-01-01T00:00:00Z", "7", 1.005, 12.0, "EUR", "jpy"])
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
NOT_EXACT = {"ts", "received_at", "event_type", "ip"}
"""Columns whose text may differ: times are instants, addresses lose their end."""


@given(st.dictionaries(KEYS, JSON, max_size=6), st.dictionaries(KEYS, JSON, max_size=4))
def test_every_key_and_value_is_found_again(top: dict[str, Any], inner: dict[str, Any]) -> None:
    line = {**top, "event_type": "a", "ts": 1_709_251_200}
    if inner:
        line["properties"] = inner
    found = row(line)
    stored = found.get("properties", {})
    container = line.get("properties")
    nested = container if isinstance(container, dict) else {}
    for holder in ({k: v for k, v in line.items() if v is not container}, nested):
        for key, value in holder.items():
            column = next((c.name for c in EVENT_COLUMNS if key in (c.name, *c.aliases)), key)
            if value is None or column in NOT_EXACT:
                continue
            names = [key, "$top." + key, "$top.$top." + key]
            kept = any(same(stored.get(name), value) for name in names if name in stored)
            assert kept or represents(column, found.get(column), value, found)


def same(have: Any, value: Any) -> bool:
    """Return whether two JSON values are equal, true and 1 apart."""
    return json.dumps(have, sort_keys=True) == json.dumps(value, sort_keys=True)


def represents(name: str, have: Any, value: Any, found: dict[str, Any]) -> bool:
    """Return whether a column's value says the same as the value in the line."""
    if name not in BY_NAME or have is None or isinstance(value, bool):
        return False
    if name == "items":
        return isinstance(have, str) and have == dump_wide(value, sort_keys=False).decode()
    if BY_NAME[name].money:
        from decimal import Decimal

        from clickcli.currencies import exponent

        digits = exponent(found["currency"])
        return isinstance(value, int | float) and Decimal(repr(value)) == (
            Decimal(have).scaleb(-digits) if isinstance(have, int) else None
        )
    if BY_NAME[name].dtype == "string":
        return bool(have == (str(value) if isinstance(value, int) else value))
    return bool(have == value)
