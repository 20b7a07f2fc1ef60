"""The checks of the samples can fail: what a broken preset loses is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clickcli.store.presets import find_preset
from clickcli.store.presets.base import Preset
from tests.store.presets.samples import (
    FOLDER,
    SAMPLES,
    leaves,
    lost_in_making,
    lost_leaves,
    preset_of,
    stored_events,
)
from tests.store.presets.test_hostile import samples_of


def test_leaves_are_all_scalars_even_those_of_a_pair() -> None:
    value = {"a": [1, {"b": None, "c": []}], "d": {"key": "k", "value": {"key": True, "value": 0}}}
    assert list(leaves(value)) == [1, "k", True, 0]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_property_that_is_dropped_is_missed(sample: Path) -> None:
    preset, dropped, missed = preset_of(sample), 0, 0
    for event, row in stored_events(sample.read_bytes(), preset):
        for name, value in row.get("properties", {}).items():
            rest = {key: held for key, held in row["properties"].items() if key != name}
            without = row | {"properties": rest}
            texts = {leaf for leaf in leaves(value) if isinstance(leaf, str)}
            if not texts <= set(map(str, leaves(without))):  # numbers: a column may say the same
                dropped += 1
                missed += lost_leaves(event, without, preset) != []
    assert dropped > 0
    assert missed == dropped


def _without_first(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reader of objects that loses the first key."""

    def broken(value: Any) -> Any:
        found = read(value)
        return found if found is None else dict(list(found.items())[1:])

    return broken


def _objects(name: str, key: str) -> Preset:
    preset = find_preset(name)
    return replace(preset, objects={**preset.objects, key: _without_first(preset.objects[key])})


def _form(name: str, column: str) -> Preset:
    preset = find_preset(name)
    return replace(preset, forms={**preset.forms, column: lambda _value: "lost"})


BROKEN: dict[str, tuple[str, Preset]] = {
    "a parameter": ("ga4.jsonl", _objects("ga4", "event_params")),
    "a property of the user": ("ga4.jsonl", _objects("ga4", "user_properties")),
    "a key of JSON in text": ("amplitude.jsonl", _objects("amplitude", "event_properties")),
    "a session": ("segment.jsonl", _form("segment", "session_id")),
    "a user": ("mixpanel.jsonl", _form("mixpanel", "user_id")),
    "a page": ("snowplow-tsv.tsv", _form("snowplow", "page_url")),
    "a referrer": ("apache.log", _form("apache", "referrer")),
    "a time": ("posthog.jsonl", replace(find_preset("posthog"), forms={"ts": lambda _value: 1e9})),
}


@pytest.mark.parametrize(("sample", "broken"), BROKEN.values(), ids=BROKEN)
def test_a_leaf_that_a_broken_preset_loses_is_missed(sample: str, broken: Preset) -> None:
    data = (FOLDER / sample).read_bytes()
    lost = [lost_leaves(event, row, broken) for event, row in stored_events(data, broken)]
    assert any(lost)


@pytest.mark.parametrize("name", ["segment", "posthog", "amplitude", "matomo", "mixpanel"])
def test_a_leaf_that_is_lost_in_making_events_is_missed(name: str) -> None:
    preset = find_preset(name)
    explode = preset.explode
    assert explode is not None

    def broken(line: Any) -> Iterator[Any]:
        for event in explode(line):
            yield dict(list(event.items())[:-1])

    lines = samples_of(preset)
    assert not any(lost_in_making(line, explode(line)) for line in lines)
    assert any(lost_in_making(line, broken(line)) for line in lines)
