"""What checks look at: the events of a period, their daily counts, and what the catalog says.

Bots and nobody are looked at like everybody. Ids are those of the log, before identity links, but
where people opted out: they are found by their links, and nobody sees their events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from clickcli.columns import BY_NAME, MICROSECONDS_PER_DAY
from clickcli.engines.hidden import hides
from clickcli.engines.scan import files_of, scan
from clickcli.expressions import inside
from clickcli.units import Period

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.census import Census
    from clickcli.doctor.plan import Plan
    from clickcli.engines import Engine
    from clickcli.engines.dataset import DataFile, Dataset
    from clickcli.filters import PropertyRef
    from clickcli.store.intake import Intake
    from clickcli.store.types import Reject

HISTORY_DAYS: Final = 56
"""How far before the period the usual counts are taken from."""
HOUR: Final = 3_600_000_000
_SLICE: Final = 50_000


@dataclass(frozen=True, slots=True)
class Records:
    """What the catalog knows beside the events.

    ``columns``: events with a value, by column. ``reasons``: what each reason code says.
    ``rejects`` reads the rejected lines.
    """

    batches: Sequence[Intake]
    columns: Mapping[str, int]
    reasons: Mapping[str, str]
    rejects: Callable[[], Iterator[Reject]]


@dataclass(frozen=True, slots=True)
class Seen:
    """How often and when something was seen; times are microseconds."""

    events: int
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """The events of a period and what goes with them; everything is read when asked for."""

    dataset: Dataset
    engine: Engine
    period: Period
    tz: ZoneInfo
    as_of: int
    records: Records
    plan: Plan | None = None

    def has(self, column: str) -> bool:
        """Return whether any event of the store has a value in a column."""
        return self.records.columns.get(column, 0) > 0

    def filled(self, *columns: str) -> list[str]:
        """Return those of the columns that hold values."""
        return [column for column in columns if self.has(column)]

    def events(
        self, *columns: str, properties: Sequence[PropertyRef] = (), period: Period | None = None
    ) -> pl.LazyFrame:
        """Return the events of the period (or of another one) with the columns asked for."""
        span = self.period if period is None else period
        return self._read(files_of(self.dataset, span), columns, span, properties)

    def _read(
        self, files: Sequence[DataFile], columns: Iterable[str], span: Period,
        properties: Sequence[PropertyRef] = (),
    ) -> pl.LazyFrame:  # fmt: skip
        import narwhals as nw
        import polars as pl

        wanted = {"ts", *columns}
        names = [name for name in BY_NAME if name in wanted]
        if not files:
            from clickcli.engines.polars import POLARS_TYPES

            types = {name: POLARS_TYPES[BY_NAME[name].dtype] for name in names}
            return pl.LazyFrame(schema=types | {ref.column: pl.String() for ref in properties})
        if hides(self.dataset):
            own = replace(self.dataset, files=tuple(files))
            frame = nw.to_native(scan(self.engine, own, names, properties, span))
        else:
            frame = nw.to_native(inside(self.engine.read(files, names, properties), span))
        assert isinstance(frame, pl.LazyFrame)
        return frame

    def collect(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Return a computed table; integers are Int64."""
        import narwhals as nw

        return self.engine.collect({"table": nw.from_native(frame)})["table"]

    def slices(self, *columns: str) -> Iterator[pl.DataFrame]:
        """Yield the events of the period, one file after the other, some rows at a time."""
        for file in files_of(self.dataset, self.period):
            yield from self.collect(self._read((file,), columns, self.period)).iter_slices(_SLICE)

    @cached_property
    def types(self) -> dict[str, Seen]:
        """Event types of the period, the most frequent first."""
        import polars as pl

        table = self.collect(
            self.events("event_type")
            .group_by("event_type")
            .agg(pl.len().alias("n"), pl.col("ts").min().alias("a"), pl.col("ts").max().alias("b"))
        ).sort(["n", "event_type"], descending=[True, False])
        return {name: Seen(n, a, b) for name, n, a, b in table.iter_rows()}

    @cached_property
    def total(self) -> int:
        """Events in the period."""
        return sum(seen.events for seen in self.types.values())

    @cached_property
    def history(self) -> Period:
        """The period and the weeks before it, from which usual counts are taken."""
        start = self.period.start
        if start is not None:
            start -= HISTORY_DAYS * MICROSECONDS_PER_DAY
        return Period(start, self.period.end)

    @property
    def end(self) -> int:
        """The moment up to which the log is known: days that end later are not complete."""
        end = self.as_of + 1
        return end if self.period.end is None else min(end, self.period.end)

    @cached_property
    def days(self) -> pl.DataFrame:
        """Events by local day and event type, with the times of the first and the last.

        The weeks before the period are among them.
        """
        import polars as pl

        grouped = self.events("event_type", period=self.history).group_by(
            local_day(self.tz).alias("day"), "event_type"
        )
        ts = pl.col("ts")
        table = self.collect(
            grouped.agg(pl.len().alias("events"), ts.min().alias("first"), ts.max().alias("last"))
        )
        return table.sort("event_type", "day")

    @cached_property
    def hours(self) -> pl.DataFrame:
        """Events by hour since 1970 in UTC: ``hour``, ``events``; the history is among them."""
        import polars as pl

        grouped = self.events(period=self.history).group_by((pl.col("ts") // HOUR).alias("hour"))
        return self.collect(grouped.agg(pl.len().alias("events"))).sort("hour")

    @cached_property
    def census(self) -> Census:
        """What the JSON of ``properties`` holds, by event type, path and JSON type."""
        from clickcli.doctor.census import take

        return take(self, () if self.plan is None else self.plan.paths())

    @property
    def has_census(self) -> bool:
        """Whether a check asked for the census."""
        return "census" in self.__dict__

    def people(self, keys: Iterable[int]) -> dict[int, str]:
        """Return the id by which the log calls each of a few persons."""
        import polars as pl

        wanted = list(keys)
        if not wanted:
            return {}
        named = pl.coalesce("user_id", "anonymous_id").first().alias("id")
        table = self.collect(
            self.events("person_key", "user_id", "anonymous_id")
            .filter(pl.col("person_key").is_in(wanted))
            .group_by("person_key")
            .agg(named)
        )
        return {key: "" if name is None else name for key, name in table.iter_rows()}


def local_day(tz: ZoneInfo, ts: str = "ts") -> pl.Expr:
    """Return the local date of an instant."""
    import polars as pl

    moment = pl.col(ts).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return moment.dt.convert_time_zone(tz.key).dt.date()
