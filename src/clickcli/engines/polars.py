"""Polars on this machine: the default engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import narwhals as nw
import polars as pl

from clickcli.columns import BY_NAME, Dtype
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
}
EVENT_SCHEMA: Final = {column.name: POLARS_TYPES[column.dtype] for column in BY_NAME.values()}
"""Columns of an event file; one written before a column was thought of lacks it."""
ORDER: Final = ("person_key", "ts", "seq")
NUMBER: Final = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
"""What counts as a number in a text; engines differ in what else they would take."""
KERNEL_ROWS: Final = 1_000_000
"""Rows that a kernel is given at once, about; more are split by ranges of the person key."""


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


class PolarsEngine:
    """Lazy Polars, collected by the streaming or the in-memory engine."""

    def __init__(self, *, streaming: bool = True) -> None:
        self.name = "polars" if streaming else "polars-memory"
        self._how: Literal["streaming", "in-memory"] = "streaming" if streaming else "in-memory"

    def read(
        self, files: Sequence[DataFile], columns: Sequence[str], properties: Sequence[PropertyRef]
    ) -> nw.LazyFrame[Any]:
        """Return the columns of these files, with each property as a ready column."""
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

    def _native(self, frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
        native = nw.to_native(frame)
        assert isinstance(native, pl.LazyFrame)
        return native

    def kernel(
        self, frame: nw.LazyFrame[Any], function: Kernel, schema: Mapping[str, Dtype]
    ) -> nw.LazyFrame[Any]:
        """Run a kernel over sorted persons, a range of keys at a time where there are many."""
        lazy = self._native(frame)
        with _damage_told():
            rows = int(lazy.select(pl.len()).collect(engine=self._how).item())
        ranges = max(1, -(-rows // KERNEL_ROWS))
        parts: list[pl.DataFrame] = []
        for part in range(ranges):
            chunk = lazy if ranges == 1 else lazy.filter(_in_range(part, ranges))
            with _damage_told():
                ordered = chunk.sort(*ORDER).collect(engine=self._how)
            parts.append(function(ordered).select(_casts(schema)))
        return nw.from_native(pl.concat(parts).lazy())

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once, so that several later ones can read it."""
        with _damage_told():
            return nw.from_native(self._native(frame).collect(engine=self._how).lazy())

    def collect(self, frames: Mapping[str, nw.LazyFrame[Any]]) -> dict[str, pl.DataFrame]:
        """Return the computed tables; integers are Int64."""
        lazies = [self._native(frame) for frame in frames.values()]
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


def _in_range(part: int, ranges: int) -> pl.Expr:
    """Return whether a person key lies in one of equal ranges; nobody (null) is in the first."""
    width = 2**64 // ranges
    low = -(2**63) + part * width
    key = pl.col("person_key")
    inside = key >= low
    if part < ranges - 1:
        inside &= key < low + width
    return inside.fill_null(value=part == 0)


def _casts(schema: Mapping[str, Dtype]) -> list[pl.Expr]:
    return [pl.col(name).cast(POLARS_TYPES[dtype]) for name, dtype in schema.items()]
