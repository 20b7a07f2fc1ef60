"""An Apache Spark cluster, or any server that speaks Spark Connect."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import narwhals as nw
import polars as pl

from clickcli.columns import BY_NAME, Dtype
from clickcli.engines.order import in_order
from clickcli.engines.polars import NUMBER, json_path, wide_integers
from clickcli.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

    from clickcli.engines import Kernel
    from clickcli.engines.dataset import DataFile
    from clickcli.filters import PropertyRef

_SPARK_TYPES: Final[Mapping[str, str]] = {
    "int64": "bigint", "int32": "int", "float64": "double", "string": "string",
    "bool": "boolean", "date": "date", "timestamp": "timestamp",
    "list[int64]": "array<bigint>",
}  # fmt: skip
_EVENT_SCHEMA: Final = ", ".join(
    f"`{column.name}` {_SPARK_TYPES[column.dtype]}" for column in BY_NAME.values()
)
"""Columns of an event file; one written before a column was thought of lacks it."""
_BUCKETS: Final = 64
_BUCKET: Final = "kernel_bucket"


def property_column(ref: PropertyRef) -> Column:
    """Return a property as text or number; a value lifted at ingest comes from its column."""
    from pyspark.sql import functions as f

    text = f.get_json_object(f.col("properties"), json_path(ref.path))
    if ref.lifted is not None:
        column = f.col(ref.lifted)
        if BY_NAME[ref.lifted].money:
            from clickcli.currencies import EXPONENTS

            exponent = f.lit(2)
            for value in sorted(set(EXPONENTS.values())):
                codes = [code for code, own in EXPONENTS.items() if own == value]
                exponent = f.when(f.col("currency").isin(codes), value).otherwise(exponent)
            column = column / f.pow(f.lit(10.0), exponent)
        text = f.coalesce(text, column.cast("string"))
    if ref.form == "text":
        return text
    number = f.regexp_replace(text, r"^\s+|\s+$", "")
    return f.when(number.rlike(NUMBER), number.try_cast("double"))


def to_arrow_schema(schema: Mapping[str, Dtype]) -> pa.Schema:
    """Return an Arrow schema in the types that Spark expects."""
    import pyarrow as pa

    types = {
        "int64": pa.int64(), "int32": pa.int32(), "float64": pa.float64(), "string": pa.string(),
        "bool": pa.bool_(), "date": pa.date32(), "timestamp": pa.timestamp("us", "UTC"),
        "list[int64]": pa.list_(pa.int64()),
    }  # fmt: skip
    return pa.schema([(name, types[dtype]) for name, dtype in schema.items()])


class SparkEngine:
    """A Spark Connect session; data is computed there and only results come here."""

    name = "spark"

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    @classmethod
    def connect(cls, master: str | None) -> SparkEngine:
        """Open a session at ``sc://host:port`` (or ``SPARK_REMOTE``).

        Raises UsageError when the client is not installed or no address is given.
        """
        address = master or os.environ.get("SPARK_REMOTE")
        if address is None:
            raise UsageError(
                "--engine spark needs an address",
                hint="give --master sc://host:port, or set SPARK_REMOTE",
            )
        try:
            from pyspark.sql import SparkSession as Builder
        except ImportError:
            raise UsageError(
                "--engine spark needs the Spark client",
                hint="pip install 'clickcli[spark]'",
            ) from None
        return cls(cast("SparkSession", Builder.builder.remote(address).create()))

    def read(
        self, files: Sequence[DataFile], columns: Sequence[str], properties: Sequence[PropertyRef]
    ) -> nw.LazyFrame[Any]:
        """Return the columns of these files, with each property as a ready column."""
        stored = self._session.read.schema(_EVENT_SCHEMA)
        frame = stored.parquet(*(file.path for file in files))
        extra = [property_column(ref).alias(ref.column) for ref in properties]
        return nw.from_native(frame.select(*columns, *extra))

    def table(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Return a small local table as a lazy one."""
        return nw.from_native(self._session.createDataFrame(frame.to_arrow()))

    def _native(self, frame: nw.LazyFrame[Any]) -> DataFrame:
        return cast("DataFrame", nw.to_native(frame))

    def kernel(
        self, frame: nw.LazyFrame[Any], function: Kernel, schema: Mapping[str, Dtype]
    ) -> nw.LazyFrame[Any]:
        """Run a kernel over buckets of whole persons by ``applyInArrow``."""
        from pyspark.sql import functions as f

        names = list(schema)

        def over_bucket(table: pa.Table) -> pa.Table:
            import polars as pl

            rows = cast("pl.DataFrame", pl.from_arrow(table)).drop(_BUCKET)
            result = function(in_order(rows)).select(names).to_arrow()
            return result.cast(to_arrow_schema(schema))

        bucket = f.pmod(f.coalesce(f.col("person_key"), f.lit(0)), f.lit(_BUCKETS))
        fields = ", ".join(f"`{name}` {_SPARK_TYPES[dtype]}" for name, dtype in schema.items())
        result = (
            self._native(frame)
            .withColumn(_BUCKET, bucket)
            .groupBy(_BUCKET)
            .applyInArrow(over_bucket, fields)
        )
        return nw.from_native(result)

    def distinct(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return the rows of these columns, each once."""
        return nw.from_native(self._native(frame).select(*columns).distinct())

    def thin(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], order: Sequence[str] = ()
    ) -> nw.LazyFrame[Any]:
        """Return the frame as it is: rows on a cluster have no order to speak of."""
        del columns, order
        return frame

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Keep a frame in the cluster's memory, so that several later ones can read it."""
        return nw.from_native(self._native(frame).cache())

    def collect(self, frames: Mapping[str, nw.LazyFrame[Any]]) -> dict[str, pl.DataFrame]:
        """Return the computed tables; integers are Int64."""
        return {
            name: wide_integers(cast("pl.DataFrame", pl.from_arrow(self._native(frame).toArrow())))
            for name, frame in frames.items()
        }

    def close(self) -> None:
        """End the session."""
        self._session.stop()
