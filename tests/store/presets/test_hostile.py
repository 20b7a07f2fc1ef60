"""Whatever a log holds, through every preset: no error, every event accounted for, nothing lost."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.columns import EVENT_COLUMNS
from clickcli.errors import DataError
from clickcli.store.decode import decode
from clickcli.store.parse import ParseSettings, parse_chunk
from clickcli.store.presets.base import Preset
from clickcli.store.presets.decode import decode_lines
from clickcli.store.presets.detect import detect
from clickcli.store.presets.snowplow import FIELDS, without_nulls
from clickcli.store.types import REASONS
from tests.store.presets.samples import SAMPLES, lost_leaves, preset_of, presets, stored_events
from tests.store.presets.test_lines import BATCHED

ALL = [*presets(), BATCHED]
BY_PRESET = pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
WORDS = st.sampled_from(
    ["", " ", "-", "null", "guest", "1e999", "2024-03-01T00:00:00Z", "2024-03-01 10:00:00", "12.50",
     "1.2.3.4", "page_view", "$pageview", "page", "purchase", "EUR", "\x1b[2J", "\u202e", "x" * 300,
     '{"a":[1,{"b":null}]}', "[[[", "1709251200000000", "$device:1", "a.b", "\ud7ff", "é"]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=6) | WORDS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1709251200, 1709251200123, 1709251200123456, 1e308, -1e308, 0, 10**400])
)  # fmt: skip


def keys_of(preset: Preset) -> list[str]:
    """Return the keys that a preset looks at, and those of its samples."""
    paths = [path for paths in preset.fields.values() for path in paths]
    paths += [*preset.containers, *preset.objects, *preset.arrival]
    found = {key for path in paths for key in path.split(".")}
    for sample in SAMPLES:
        if preset_of(sample) is preset and sample.suffix == ".jsonl":
            for line in sample.read_bytes().splitlines():
                for value in decode(line, 1, len(line), takes_lists=True).lines:
                    found |= _keys(value)
    found |= {"properties", "batch", "events", "type", "key", "value", "$top.a", "a", "price", "ip"}
    return sorted(found)


def _keys(value: Any) -> set[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set(value if isinstance(value, dict) else ()).union(*map(_keys, inner))


def json_of(preset: Preset) -> st.SearchStrategy[Any]:
    """Return any JSON, rich in what the preset looks for."""
    keys = st.sampled_from(keys_of(preset)) | st.text(max_size=4)
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=25,
    )


def samples_of(preset: Preset) -> list[Any]:
    """Return the lines of a preset's samples that are JSON."""
    lines: list[Any] = []
    for sample in SAMPLES:
        if sample.suffix == ".jsonl" and preset_of(sample) is preset:
            lines += decode(sample.read_bytes(), 1, 1 << 20, takes_lists=True).lines
    return lines or [{"event": "a", "at": "2024-03-01T00:00:00Z"}]


@st.composite
def broken(draw: st.DrawFn, preset: Preset) -> Any:
    """Return a sample's line in which some values, at any depth, are anything at all."""
    line = json.loads(json.dumps(draw(st.sampled_from(samples_of(preset)))))
    for _ in range(draw(st.integers(1, 4))):
        holder = line
        while True:
            places = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not places:
                break
            place = draw(st.sampled_from(list(places)))
            if isinstance(holder[place], dict | list) and draw(st.booleans()):
                holder = holder[place]
                continue
            holder[place] = draw(json_of(preset))
            break
    return line


def account(data: bytes, preset: Preset) -> None:
    """Assert that each event of a log is a row or a reject, with a reason that is known."""
    chunk = parse_chunk(data, 1, ParseSettings(mapping=preset))
    decoded = decode_lines(data, 1, 1 << 20, preset)
    assert chunk.read == chunk.frame.height + len(chunk.rejects)
    assert chunk.read == len(decoded.lines) + len(decoded.rejects)
    assert {why for _, why, _ in chunk.rejects} <= set(REASONS)
    texts = chunk.frame["properties"].drop_nulls()
    assert all(isinstance(json.loads(text), dict) for text in texts)


@BY_PRESET
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_bytes_are_rows_or_rejects(preset: Preset, data: st.DataObject) -> None:
    piece = st.sampled_from(
        [b'"', b"\\", b"\\x", b" ", b"[", b"]", b"\t", b"\n", b"\r\n", b"\0", b"\xff", b"{", b"}",
         b"- - [10/Oct/2023:13:55:36 -0700] ", b'"GET / HTTP/1.1" ', b"200 12", b"192.0.2.1 ",
         b"\t" * 130, b"\xef\xbb\xbf"]
    )  # fmt: skip
    account(b"".join(data.draw(st.lists(piece | st.binary(max_size=8), max_size=30))), preset)


@BY_PRESET
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_json_is_rows_or_rejects(preset: Preset, data: st.DataObject) -> None:
    lines = data.draw(st.lists(json_of(preset) | broken(preset), min_size=1, max_size=3))
    account("".join(json.dumps(line) + "\n" for line in lines).encode(), preset)


@BY_PRESET
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_nothing_of_any_event_is_lost(preset: Preset, data: st.DataObject) -> None:
    text = json.dumps(data.draw(broken(preset))).encode()
    for event, row in stored_events(text, preset):
        assert lost_leaves(event, row, preset) == []


@BY_PRESET
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_head_of_a_log_is_told_or_refused(preset: Preset, data: st.DataObject) -> None:
    lines = data.draw(st.lists(json_of(preset), min_size=1, max_size=5))
    with suppress(DataError):
        detect(b"".join(json.dumps(line).encode() + b"\n" for line in lines), "a")


@given(values=st.dictionaries(st.sampled_from(FIELDS), WORDS | st.text(max_size=5), max_size=20))
@settings(max_examples=15, deadline=None)
def test_any_fields_of_a_tsv_line_are_kept(values: dict[str, str]) -> None:
    gone = dict.fromkeys(map(ord, "\t\n\r\0"))
    line = dict.fromkeys(FIELDS, "") | {name: v.translate(gone) for name, v in values.items()}
    line |= {"collector_tstamp": "2024-03-01 10:00:00", "event_name": "a", "event": "b"}
    text = "\t".join(line.values()).encode()
    preset = next(preset for preset in ALL if preset.name == "snowplow")
    for event, row in stored_events(text, preset):
        assert lost_leaves(event, row, preset) == []


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset.name)
@pytest.mark.parametrize("key", ["batch", "events", "actionDetails"])
def test_a_line_that_unfolds_to_gigabytes_is_refused(preset: Preset, key: str) -> None:
    shared = {f"k{number}": "" for number in range(30_000)}
    line = json.dumps({key: [{}] * 100_000, **shared})
    chunk = parse_chunk(line.encode(), 1, ParseSettings(mapping=preset))
    assert (chunk.read, len(chunk.rejects)) == (1, 1)
    if preset.explode is not None and preset.explode is not without_nulls:
        is_envelope = len(list(islice(preset.explode({key: [{}, {}]}), 2))) == 2
        assert (chunk.rejects[0][1] == "too_many_events") == is_envelope


def test_every_column_of_a_preset_is_one_of_ours() -> None:
    ours = {column.name for column in EVENT_COLUMNS} - {"person_key", "seq", "properties"}
    for preset in ALL:
        for names in (preset.fields, preset.rules, preset.forms, preset.values, preset.constants):
            assert set(names) <= ours
