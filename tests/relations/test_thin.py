"""Rows that repeat the one before are left out, and nothing that a question asks goes with them."""

from __future__ import annotations

import narwhals as nw
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clickcli.engines.polars import PolarsEngine

_COLUMNS = ("person_key", "day")
_ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 7]), st.sampled_from([None, 1, 2]),
        st.integers(0, 3), st.integers(0, 3),
    ),
    max_size=30,
)  # fmt: skip


def _frame(rows: list[tuple[int | None, int | None, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema=dict.fromkeys((*_COLUMNS, "ts", "seq"), pl.Int64), orient="row"
    )


def _thinned(frame: pl.DataFrame, *, in_order: bool = True) -> pl.DataFrame:
    lazy = nw.from_native(frame.lazy())
    order = ("ts", "seq") if in_order else ()
    thin = PolarsEngine().thin(lazy, _COLUMNS, order)
    return PolarsEngine().collect({"thin": thin})["thin"]


def _firsts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the earliest row of each person and day."""
    return frame.sort("ts", "seq").unique(_COLUMNS, keep="first").sort(*_COLUMNS)


@given(_ROWS)
def test_the_first_row_of_each_person_and_day_stays_whatever_the_order(
    rows: list[tuple[int | None, int | None, int, int]],
) -> None:
    frame = _frame(rows)
    assert_frame_equal(_firsts(_thinned(frame)), _firsts(frame))


@given(_ROWS)
def test_each_person_and_day_stays_where_order_is_nothing(
    rows: list[tuple[int | None, int | None, int, int]],
) -> None:
    frame = _frame(rows)
    kept = _thinned(frame, in_order=False).select(_COLUMNS)
    expected = frame.select(_COLUMNS).unique().sort(*_COLUMNS)
    assert_frame_equal(kept.unique().sort(*_COLUMNS), expected)


def test_in_sorted_rows_one_row_stays_of_each_person_and_day() -> None:
    frame = pl.DataFrame(
        {
            "person_key": [at // 20 for at in range(300_000)],
            "day": [at // 5 for at in range(300_000)],
            "ts": range(300_000),
            "seq": [0] * 300_000,
        }
    )
    assert_frame_equal(_thinned(frame), frame.gather_every(5))
