"""Every preset: its golden samples, and that nothing of any line is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clickcli.store.presets.decode import decode_lines
from clickcli.store.presets.detect import detect
from tests.store.presets.samples import (
    ENRICHED,
    SAMPLES,
    expected_of,
    lost_leaves,
    preset_of,
    presets,
    rows_of,
    stored_events,
)

LIMIT = 1 << 20


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_becomes_the_rows_written_by_hand(sample: Path) -> None:
    rows, expected = rows_of(sample.read_bytes(), preset_of(sample)), expected_of(sample)
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        ours = {k: v for k, v in row.items() if k not in ENRICHED or k in wanted}
        assert ours == wanted


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_leaf_of_a_sample_is_in_its_row(sample: Path) -> None:
    preset = preset_of(sample)
    for event, row in stored_events(sample.read_bytes(), preset):
        assert lost_leaves(event, row, preset) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_an_event_does_not_share_what_its_neighbours_hold(sample: Path) -> None:
    data, preset = sample.read_bytes(), preset_of(sample)
    before = json.dumps(decode_lines(data, 1, LIMIT, preset).lines)
    decoded = decode_lines(data, 1, LIMIT, preset)
    for line in decoded.lines:
        preset.apply(line)
    assert json.dumps(decoded.lines) == before


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_whole_sample_is_recognised_as_what_it_is(sample: Path) -> None:
    found = detect(sample.read_bytes(), sample.name)
    assert found is not None
    assert found.name == preset_of(sample).name


def test_every_preset_has_a_sample() -> None:
    assert {preset_of(sample).name for sample in SAMPLES} == {preset.name for preset in presets()}
