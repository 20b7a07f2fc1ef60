"""Lines that hold several events, or ids under other names: nothing is lost on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.store.presets import MODULES, find_preset
from clickcli.store.presets.base import Preset, enveloped
from clickcli.store.presets.decode import MAX_SPREAD, decode_lines
from tests.store.logs import event, to_bytes
from tests.store.presets.samples import SAMPLES, lost_in_making, preset_of, presets
from tests.store.presets.test_hostile import broken

SEGMENT = find_preset("segment")
EXPLODING = [preset for preset in presets() if preset.explode is not None]
ENVELOPES = {"segment": "batch", "posthog": "batch", "amplitude": "events",
             "matomo": "actionDetails"}  # fmt: skip
NOT_FOREIGN: list[Any] = [
    event(1),
    event(1) | {"properties": {"type": "track", "event": "a", "distinct_id": "u", "plan": "x"}},
    {"event": "purchase", "timestamp": "2024-03-01T00:00:00Z", "userId": "u", "anonymousId": "a"},
    {"type": "page", "time": 1709251200, "distinct_id": "u1", "url": "https://a.example/"},
    {"event_name": "view", "event_time": "2024-03-01T00:00:00Z", "user_id": "u", "items": []},
    {"action": "a", "date": "2024-03-01", "visitorId": "v", "insert_id": "i"},
]
HOSTILE: list[Any] = [
    None, True, 0, 1.5, "", [], {}, [[]], [None], {"type": []}, {"type": {}, "messageId": 1},
    {"event": {}, "properties": []}, {"event": "a", "properties": "{"}, {"batch": [[]]},
    {"batch": [None]}, {"batch": {}}, {"events": [1]}, {"events": [{}]}, {"actionDetails": 1},
    {"idVisit": None, "actionDetails": [None]}, {"event_name": "a", "event_timestamp": []},
]  # fmt: skip


@pytest.mark.parametrize("preset", EXPLODING, ids=lambda preset: preset.name)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_making_events_of_a_line_loses_nothing(preset: Preset, data: st.DataObject) -> None:
    line = data.draw(broken(preset))
    assert preset.explode is not None
    before = json.dumps(line)
    events = list(preset.explode(line))
    assert json.dumps(line) == before
    if any(isinstance(one, dict) for one in events):  # else each is a reject
        assert lost_in_making(line, events) == []


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("line", NOT_FOREIGN, ids=lambda line: next(iter(line)))
def test_lines_of_our_own_are_nobody_elses(name: str, line: Any) -> None:
    assert not find_preset(name).recognises(line)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("line", HOSTILE, ids=repr)
def test_hostile_lines_are_nobodys(name: str, line: Any) -> None:
    assert not find_preset(name).recognises(line)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_no_line_of_a_sample_is_recognised_by_another_preset(sample: Any) -> None:
    own = preset_of(sample)
    lines = sample.read_bytes().splitlines() if sample.suffix == ".jsonl" else []
    for line in map(json.loads, lines):
        assert [
            p.name for p in presets() if p is not own and p.has_json and p.recognises(line)
        ] == []


@pytest.mark.parametrize(("name", "key"), ENVELOPES.items())
def test_a_short_line_that_unfolds_to_much_is_a_reject_long_before_it_is_unfolded(
    name: str, key: str
) -> None:
    preset, made = find_preset(name), 0

    def counted(line: Any) -> Iterator[Any]:
        nonlocal made
        assert preset.explode is not None
        for one in preset.explode(line):
            made += 1
            yield one

    shared = {f"k{number}": 1 for number in range(2000)}
    data = to_bytes([{"idVisit": 1} | shared | {key: [{}] * 7000}])
    decoded = decode_lines(data, 1, 1 << 20, replace(preset, explode=counted))
    assert [(number, why) for number, why, _ in decoded.rejects] == [(1, "too_many_events")]
    assert MAX_SPREAD < made < 4 * MAX_SPREAD  # an event is most of its line


SAME_OR_NOT: list[tuple[Any, Any, bool]] = [
    (1, 1, True), (1, True, False), (0, False, False), (True, True, True), (1, 1.0, False),
    ("1", 1, False), ([1, {"a": 1}], [1, {"a": 1}], True), ([1, {"a": 1}], [1, {"a": True}], False),
    ({"a": 0}, {"a": False}, False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), (None, None, True),
    ([10**30], [10**30], True), ([1.0], [1], False), ({}, [], False), (None, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("outer", "inner", "is_said"), SAME_OR_NOT, ids=str)
def test_an_envelope_that_says_something_else_is_kept_however_alike_it_looks(
    outer: Any, inner: Any, is_said: bool
) -> None:
    (found,) = enveloped({"x": outer, "batch": [{"x": inner}]}, "batch")
    wanted = {"x": inner} if is_said else {"x": inner, "$top.x": outer}
    assert json.dumps(found) == json.dumps(wanted)
    call = {"type": "track", "event": "a", "context": {"x": inner}}
    assert SEGMENT.explode is not None
    (found,) = SEGMENT.explode({"context": {"x": outer}, "batch": [call]})
    assert json.dumps(found["context"]) == json.dumps(wanted)


UNFOLDED = """
import json
from clickcli.store.presets.decode import MAX_SPREAD, decode_lines
from clickcli.store.presets import find_preset
shared = {name: 1 for name in "kappa iota theta eta zeta epsilon delta gamma beta".split()}
call = {"type": "track", "event": "e", **dict.fromkeys(shared, 2), "context": dict(shared, beta=3)}
line = {**shared, "context": dict.fromkeys(shared, 5), "batch": [call, call]}
for name in ("segment", "posthog"):
    decoded = decode_lines(json.dumps(line).encode(), 1, 1 << 20, find_preset(name))
    print(json.dumps(decoded.lines), decoded.digests)
"""


def test_the_same_line_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", UNFOLDED], capture_output=True, check=True, timeout=60,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in "123"
    ]  # fmt: skip
    assert b"$top.kappa" in outputs[0]
    assert outputs == [outputs[0]] * 3
