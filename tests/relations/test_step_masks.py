"""Which steps an event may fill, as bits of one integer."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from clickcli.relations.step_masks import bits
from clickcli.steps import parse_step


@pytest.mark.parametrize("count", [1, 7, 8, 15, 16, 31, 32, 60])
def test_the_mask_holds_every_step_however_many_there_are(count: int) -> None:
    steps = [parse_step("last" if number == count - 1 else "other") for number in range(count)]
    events = nw.from_native(pl.LazyFrame({"event_type": ["last", "other", "neither", None]}))
    masks = nw.to_native(events.select(bits(steps).alias("mask"))).collect()["mask"]
    assert masks.to_list() == [2 ** (count - 1), 2 ** (count - 1) - 1, 0, 0]


def test_the_mask_of_few_steps_is_small() -> None:
    events = nw.from_native(pl.LazyFrame({"event_type": ["a"]}))
    masks = nw.to_native(events.select(bits([parse_step("a|b")]).alias("mask"))).collect()["mask"]
    assert masks.dtype == pl.Int8
