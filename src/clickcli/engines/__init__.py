"""Where tables are computed: Polars on this machine, or a Spark cluster.

An engine reads files, runs kernels and collects; nothing else may differ between engines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from clickcli.columns import Dtype
from clickcli.errors import unknown

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines.dataset import DataFile
    from clickcli.filters import PropertyRef


Kernel = Callable[["pl.DataFrame"], "pl.DataFrame"]
"""Computes on whole persons, sorted by (person_key, ts, seq); rows of a person stay together."""

ENGINES = ("polars", "polars-memory", "spark")


class Engine(Protocol):
    """Scan, collect and session of one engine."""

    name: str

    def read(
        self, files: Sequence[DataFile], columns: Sequence[str], properties: Sequence[PropertyRef]
    ) -> nw.LazyFrame[Any]:
        """Return the columns of these files, with each property as a ready column."""
        ...

    def table(self, frame: pl.DataFrame) -> nw.LazyFrame[Any]:
        """Return a small local table as a lazy one."""
        ...

    def kernel(
        self, frame: nw.LazyFrame[Any], function: Kernel, schema: Mapping[str, Dtype]
    ) -> nw.LazyFrame[Any]:
        """Run a kernel over the frame's persons; the frame has person_key, ts and seq."""
        ...

    def distinct(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return the rows of these columns, each once; cheap where equal rows stand together."""
        ...

    def thin(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], order: Sequence[str] = ()
    ) -> nw.LazyFrame[Any]:
        """Return the frame without some rows that repeat the one before in these columns.

        A row that comes earlier than the one before, by the numbers of ``order``, stays.
        """
        ...

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once, so that several later ones can read it."""
        ...

    def collect(self, frames: Mapping[str, nw.LazyFrame[Any]]) -> dict[str, pl.DataFrame]:
        """Return the computed tables; integers are Int64 whatever the engine made of them."""
        ...

    def close(self) -> None:
        """End the session, where there is one."""
        ...


def engine(name: str, master: str | None = None) -> Engine:
    """Return the engine of this name.

    ``master`` is the Spark Connect address (``sc://host:port``). Raises UsageError for an
    unknown name.
    """
    if name == "spark":
        from clickcli.engines.spark import SparkEngine

        return SparkEngine.connect(master)
    if name in ("polars", "polars-memory"):
        from clickcli.engines.polars import PolarsEngine

        return PolarsEngine(streaming=name == "polars")
    raise unknown("engine", name, ENGINES)
