"""Polars on this machine: the default engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import narwhals as nw
import polars as pl

from clickcli.columns import BY_NAME, Dtype
from clickcli.engines.order import over_pieces
from clickcli.errors import DataError
from clickcli.money import unit

if TYPE_CHECKING:
    from clickcli.engines import Kernel
    from clickcli.engines.dataset import DataFile
    from clickcli.filters import PropertyRef

POLARS_TYPES: Final[Mapping[str, pl.DataType]] = {
    "int64": pl.Int64(),
    "int32": pl.Int32(),
    "float64": pl.Float64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "list[int64]": pl.List(pl.Int64()),
}
EVENT_SCHEMA: Final = {column.name: POLARS_TYPES[column.dtype] for column in BY_NAME.values()}
"""Columns of an event file; one written before a column was thought of lacks it."""
NUMBER: Final = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
"""What counts as a number in a text; engines differ in what else they would take."""
KERNEL_BYTES: Final = 600_000_000
"""What is read at once for a kernel, about; more is split by ranges of the person key."""


def json_path(path: Sequence[str]) -> str:
    """Return the JSONPath of nested keys, every key quoted."""
    quoted = (key.replace("\\", "\\\\").replace("'", "\\'") for key in path)
    return "$" + "".join(f"['{key}']" for key in quoted)


def property_expression(ref: PropertyRef) -> pl.Expr:
    """Return a property as text or number; a value lifted at ingest comes from its column."""
    text = pl.col("properties").str.json_path_match(json_path(ref.path))
    if ref.lifted is not None:
        column = pl.col(ref.lifted)
        if BY_NAME[ref.lifted].money:
            column = column / unit()
        text = pl.coalesce(text, column.cast(pl.String))
    if ref.form == "text":
        return text
    number = text.str.strip_chars()
    is_number = number.str.contains(NUMBER)
    return pl.when(is_number).then(number).cast(pl.Float64, strict=False)


def wide_integers(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with every integer column as Int64."""
    return frame.with_columns(pl.selectors.integer().cast(pl.Int64))


def begins_run(columns: Sequence[str]) -> pl.Expr:
    """Return whether a row differs from the one before, or is null all over (as the first is)."""
    differs = (pl.col(name).ne_missing(pl.col(name).shift(1)) for name in columns)
    return pl.any_horizontal(differs) | pl.all_horizontal(pl.col(columns).is_null())


def native_of(frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
    """Return a lazy frame of this engine as Polars' own."""
    native = nw.to_native(frame)
    assert isinstance(native, pl.LazyFrame)
    return native


class PolarsEngine:
    """Lazy Polars, collected by the streaming or the in-memory engine."""

    def __init__(self, *, streaming: bool = True) -> None:
        self.name = "polars" if streaming else "polars-memory"
        self._how: Literal["streaming", "in-memory"] = "streaming" if streaming else "in-memory"
        self._read_rows = 0

    def read(
        self, files: Sequence[DataFile], columns: Sequence[str], properties: Sequence[PropertyRef]
    ) -> nw.LazyFrame[Any]:
        """Return the columns of these files, with each property as a ready column."""
        self._read_rows = max(self._read_rows, sum(file.rows for file in files))
        made = (property_expression(ref).alias(ref.column) for ref in properties)
        return nw.from_native(self._stored(files).select([*columns, *made]))

    def _stored(self, files: Sequence[DataFile]) -> pl.LazyFrame:
        return pl.scan_parquet(
            [file.path for file in files],
            hive_partitioning=False,
            glob=False,
            schema=EVENT_SCHEMA,
            missing_columns="insert",
        )

    def table(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Return a small local table as a lazy one."""
        return nw.from_native(frame.lazy())

    def kernel(
        self, frame: nw.LazyFrame[Any], function: Kernel, schema: Mapping[str, Dtype]
    ) -> nw.LazyFrame[Any]:
        """Run a kernel over sorted persons; what does not fit into memory by ranges of keys.

        Keys are hashes, so that any two ranges of one width hold about as many rows.
        """
        lazy = native_of(frame)
        most = KERNEL_BYTES // sum(_bytes(dtype) for dtype in lazy.collect_schema().values())
        low, end = -(2**63), 2**63
        expected = self._read_rows
        parts: list[pl.DataFrame] = []
        while low < end:
            high = low + (end - low) // max(1, -(-expected // most))
            with _damage_told():
                rows = lazy.filter(*_in_range(low, high)).collect(engine=self._how)
            expected = rows.height * (end - high) // (high - low)
            parts += over_pieces(rows, lambda piece: function(piece).select(_casts(schema)))
            low = high
        return nw.from_native(pl.concat(parts).lazy())

    def distinct(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return the rows of these columns, each once.

        A row equal to the one before is dropped before rows are looked up: in files sorted by
        person that leaves few.
        """
        chosen = native_of(frame).select(columns)
        return nw.from_native(chosen.filter(begins_run(columns)).unique())

    def thin(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], order: Sequence[str] = ()
    ) -> nw.LazyFrame[Any]:
        """Return the frame without the rows that repeat the one before in these columns.

        A row that comes earlier than the one before, by the numbers of ``order``, stays, and so
        does one with a null.
        """
        differs = (pl.col(name) != pl.col(name).shift(1) for name in columns)
        keeps, ties = pl.any_horizontal(differs).fill_null(value=True), pl.lit(value=True)
        for name in order:
            column, above = pl.col(name), pl.col(name).shift(1)
            keeps, ties = keeps | (ties & (column < above)), ties & (column == above)
        return nw.from_native(native_of(frame).filter(keeps))

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once, so that several later ones can read it."""
        with _damage_told():
            return nw.from_native(native_of(frame).collect(engine=self._how).lazy())

    def collect(self, frames: Mapping[str, nw.LazyFrame[Any]]) -> dict[str, pl.DataFrame]:
        """Return the computed tables; integers are Int64."""
        lazies = [native_of(frame) for frame in frames.values()]
        with _damage_told():
            collected = pl.collect_all(lazies, engine=self._how)
        return dict(zip(frames, map(wide_integers, collected), strict=True))

    def close(self) -> None:
        """Do nothing: there is no session."""


@contextmanager
def _damage_told() -> Iterator[None]:
    """Turn what Polars says of a file that is gone or no Parquet into an error with a way out."""
    try:
        yield
    except (FileNotFoundError, pl.exceptions.ComputeError) as error:
        text = str(error).splitlines()[0]
        raise DataError(
            f"a file of the store cannot be read: {text}",
            hint="it was damaged or removed by another program; restore it, or ingest again",
        ) from error


def _in_range(low: int, high: int) -> list[pl.Expr]:
    """Return what holds of the person keys in [low, high); nobody (null) is before all others."""
    key = pl.col("person_key")
    conditions = []
    if low > -(2**63):
        conditions.append(key >= low)
    if high < 2**63:
        below = key < high
        conditions.append(below if conditions else below | key.is_null())
    return conditions


def _bytes(dtype: pl.DataType) -> int:
    """Return what a value takes in memory, about."""
    if dtype == pl.String:
        return 48
    return 1 if dtype == pl.Boolean else 8


def _casts(schema: Mapping[str, Dtype]) -> list[pl.Expr]:
    return [pl.col(name).cast(POLARS_TYPES[dtype]) for name, dtype in schema.items()]
