"""What may be known at a cutoff: the events before it, and the links that they gave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clickcli.analysis import Shared
from clickcli.context import Context, Events, resolve
from clickcli.engines import Engine, engine
from clickcli.units import MIN_TS, Period, from_us, instant, zone

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines.dataset import Dataset
    from clickcli.features.options import Options
    from clickcli.filters import PropertyRef


def cutoff_of(dataset: Dataset, text: str | None, options: Options) -> int:
    """Return the moment that is asked for, by default just after the newest event."""
    if text is not None:
        return max(instant(text, zone(options.tz)), MIN_TS + 1)
    return 0 if dataset.watermark is None else dataset.watermark + 1


def shared_at(cutoff: int, options: Options) -> Shared:
    """Return the question of an analysis that sees only what came before a cutoff."""
    as_of = from_us(cutoff - 1).isoformat()
    return Shared(as_of=as_of, tz=options.tz, include_bots=options.include_bots)


def dataset_at(dataset: Dataset, cutoff: int) -> Dataset:
    """Return a dataset in which a device's later users are not known yet."""
    import polars as pl

    return replace(dataset, links=lambda: dataset.links().filter(pl.col("ts") < cutoff))


def context_at(dataset: Dataset, cutoff: int, options: Options) -> Context:
    """Return the question of features: everything before a cutoff, nothing of what came after."""
    return resolve(dataset_at(dataset, cutoff), engine("polars"), shared_at(cutoff, options))


class EventsOf(Events):
    """The events of the people with these keys; of everybody without any list."""

    def __init__(self, context: Context, keys: pl.DataFrame | None = None) -> None:
        super().__init__(context)
        self._engine: Engine = context.engine
        self._keys = keys

    def frame(
        self,
        columns: Iterable[str] = (),
        properties: Iterable[PropertyRef] = (),
        *,
        period: Period = Period(),
        with_nobody: bool = False,
        with_by: bool = True,
    ) -> nw.LazyFrame[Any]:
        """Return one row an event; see ``Events.frame``."""
        frame = super().frame(
            columns, properties, period=period, with_nobody=with_nobody, with_by=with_by
        )
        if self._keys is None:
            return frame
        return frame.join(self._engine.table(self._keys), on="person_key", how="semi")
