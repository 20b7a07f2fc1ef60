"""Rows in order of person and time, given to kernels a piece and a range of keys at a time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clickcli.columns import Dtype
from clickcli.engines import order
from clickcli.engines import polars as engine_module
from clickcli.engines.dataset import DataFile
from clickcli.engines.order import in_order, over_pieces
from clickcli.engines.polars import PolarsEngine

_KEYS = (None, -(2**63) + 1, -7, -1, 0, 3, 2**63 - 1)
_ROWS = st.lists(
    st.tuples(st.sampled_from(_KEYS), st.integers(0, 4), st.integers(0, 9)), max_size=40
)


def _frame(rows: list[tuple[int | None, int, int]]) -> pl.DataFrame:
    schema = {"person_key": pl.Int64, "ts": pl.Int64, "seq": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(
        pl.format("n{}", "ts").alias("text"), pl.lit(None, pl.Int64).alias("nothing")
    )


@given(_ROWS)
def test_rows_of_any_order_come_out_sorted(rows: list[tuple[int | None, int, int]]) -> None:
    expected = _frame(rows).sort("person_key", "ts", "seq", maintain_order=True)
    assert_frame_equal(in_order(_frame(rows)), expected)


@given(_ROWS)
def test_files_that_follow_one_another_come_out_sorted(
    rows: list[tuple[int | None, int, int]],
) -> None:
    days = [_frame([row for row in rows if row[1] == day]) for day in range(5)]
    whole = pl.concat([day.sort("person_key", "ts", "seq") for day in days], rechunk=False)
    expected = whole.sort("person_key", "ts", "seq", maintain_order=True)
    assert_frame_equal(in_order(whole), expected)


@given(_ROWS, st.integers(1, 9))
def test_pieces_hold_whole_persons_in_order(
    rows: list[tuple[int | None, int, int]], size: int
) -> None:
    seen: list[pl.DataFrame] = []

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        seen.append(frame)
        return frame

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "PIECE_ROWS", size)
        parts = over_pieces(_frame(rows), kernel)
    assert_frame_equal(pl.concat(parts), _frame(rows).sort("person_key", "ts", "seq"))
    owners = [set(part["person_key"].to_list()) for part in seen]
    assert sum(map(len, owners)) == len(set().union(*owners))


@given(_ROWS)
def test_distinct_gives_each_row_once_the_empty_one_too(
    rows: list[tuple[int | None, int, int]],
) -> None:
    frame = nw.from_native(_frame(rows).lazy())
    found = PolarsEngine().distinct(frame, ["person_key", "nothing"])
    collected = PolarsEngine().collect({"found": found})["found"]
    expected = {(key, None) for key, _, _ in rows}
    assert collected.height == len(expected)
    assert set(collected.rows()) == expected


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), max_size=60), st.integers(64, 600))
def test_a_kernel_over_ranges_of_keys_is_one_over_all(keys: list[int], size: int) -> None:
    rows = _frame([(key, 1, seq) for seq, key in enumerate(keys)] + [(None, 1, 99)])
    frame = nw.from_native(rows.select("person_key", "ts", "seq").lazy())

    def kernel(part: pl.DataFrame) -> pl.DataFrame:
        return part.group_by("person_key", maintain_order=True).agg(pl.col("seq").sum())

    schema: dict[str, Dtype] = {"person_key": "int64", "seq": "int64"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "KERNEL_BYTES", size)
        engine = PolarsEngine()
        engine.read([_file(rows.height)], ["ts"], [])
        found = engine.collect({"all": engine.kernel(frame, kernel, schema)})["all"]
    expected = kernel(rows.sort("person_key", "ts", "seq"))
    assert_frame_equal(found, expected)


def _file(rows: int) -> DataFile:
    return DataFile(str(Path("never-read")), date(2024, 1, 1), rows, 0, 1, None, None)
