"""Tell of whole persons, sorted by time, when they began and when they came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clickcli.relations.cohorts import (
    LAST,
    LENGTH,
    MILESTONES,
    PASSED,
    RETURNS,
    Clock,
    Cohort,
    CohortRules,
    Kind,
)
from clickcli.units import Every

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines import Kernel
    from clickcli.units import Period


def cohort_kernel(
    rules: CohortRules, told: Sequence[str], by: Sequence[str], period: Period
) -> Kernel:
    """Return a kernel: what is told of people, one below the other.

    It wants the columns that ``cohorts`` marks; ``table`` is 0 for returns, 1 for milestones, 2
    for the last event, and ``number`` the bracket, milestone or segment.
    """

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        person = _begins_run(["person_key"]).cum_sum() - 1
        people = _People(frame.with_columns(person=person), rules, tuple(by), period)
        parts = {RETURNS: people.returns, PASSED: people.milestones, LAST: people.last}
        return pl.concat(
            part().with_columns(pl.col("cohort", "number").cast(pl.Int32), table=at)
            for at, (name, part) in enumerate(parts.items())
            if name in told
        )

    return kernel


@dataclass(frozen=True)
class _People:
    """Events of whole persons, in order of time; ``person`` numbers them from 0."""

    events: pl.DataFrame
    rules: CohortRules
    by: tuple[str, ...]
    period: Period

    @property
    def _is_recurring(self) -> bool:
        return self.rules.cohort is Cohort.RECURRING

    @property
    def _index(self) -> str:
        """Column with the number of the period."""
        return "day" if self.rules.every is Every.DAY else "index"

    def _that(self, mark: str) -> pl.DataFrame:
        """Return the events that have a mark; where there is no such column, all have it."""
        return self.events.filter(mark) if mark in self.events.columns else self.events

    def cohorts(self) -> pl.DataFrame:
        """Return the first start of each person, or of each of their periods with a start."""
        import polars as pl

        starts, keys = self._that("starts"), ["person"]
        if self._is_recurring:
            starts, keys = _in_order(starts, self._index), ["person", self._index]
        first = _first(starts, keys)
        if "fills" in first.columns:
            first = first.filter("fills")
        if self.period.start is not None:
            first = first.filter(pl.col("ts") >= self.period.start)
        if self.period.end is not None:
            first = first.filter(pl.col("ts") < self.period.end)
        return first.select(
            "person_key", "person", *self.by, pl.col(self._index).alias("cohort"), "day",
            pl.col("ts").alias("since"),
        )  # fmt: skip

    def returns(self) -> pl.DataFrame:
        """Return one row a person, cohort and bracket in which they came back, 0 the cohort's."""
        import polars as pl

        rules, cohorts, index = self.rules, self.cohorts(), self._index
        if rules.clock is Clock.CALENDAR:
            comes = _in_order(self._that("comes"), index)
            number = pl.col(index) - pl.col("cohort")
            comes = comes if rules.counts_events else _first(comes, ["person", index])
        else:
            comes, index = self._that("comes"), "ts"
            number = (pl.col("ts") - pl.col("since")) // LENGTH[rules.every]
        passed = (
            self._met(comes.select("person", index), cohorts, ["cohort", "since"])
            .select("at", number.cast(pl.Int32).alias("number"))
            .filter(pl.col("number") > 0)
        )
        if self._is_recurring:
            passed = passed.sort("at", "number")
        if rules.min_occurrences > 1:
            counted = passed.group_by("at", "number", maintain_order=True).len()
            passed = counted.filter(pl.col("len") >= rules.min_occurrences)
        if rules.kind is Kind.UNBOUNDED:
            passed = passed.filter(_begins_run(["at"]).shift(-1, fill_value=True))
        else:
            bracket = _bracket(rules).alias("number")
            passed = passed.select("at", bracket).filter(pl.col("number") > 0)
        return self._with_own(cohorts, _first(passed, ["at", "number"]))

    def milestones(self) -> pl.DataFrame:
        """Return one row a person, cohort day and milestone, 0 for the day itself."""
        import polars as pl

        firsts = self.cohorts()
        if self._is_recurring:
            firsts = _first(firsts.sort("person", *self.by, "since"), ["person", *self.by])
        firsts = firsts.with_columns(pl.col("day").alias("cohort"))
        comes = _first(_in_order(self._that("comes"), "day"), ["person", "day"])
        since = pl.col("day") - pl.col("cohort")
        number = pl.lit(0, pl.Int32)
        for at, (_, low, high) in enumerate(MILESTONES, start=1):
            number = pl.when(since.is_between(low, high)).then(at).otherwise(number)
        passed = (
            self._met(comes.select("person", "day"), firsts, ["cohort"])
            .select("at", number.cast(pl.Int32).alias("number"))
            .filter(pl.col("number") > 0)
        )
        if self._is_recurring:
            passed = passed.sort("at", "number")
        return self._with_own(firsts, _first(passed, ["at", "number"]))

    def _met(self, rows: pl.DataFrame, cohorts: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
        """Put beside each row ``at``, which of the cohorts its person is in, and their columns."""
        import numpy as np
        import polars as pl

        if self._is_recurring:
            numbered = cohorts.with_row_index("at").select("at", "person", *names)
            return rows.join(numbered, on="person")
        where = np.full(self.events["person"].n_unique(), -1, np.int32)
        where[cohorts["person"].to_numpy()] = np.arange(len(cohorts), dtype=np.int32)
        rows = rows.with_columns(pl.Series("at", where[rows["person"].to_numpy()]))
        rows = rows.filter(pl.col("at") >= 0)
        return rows.hstack(cohorts[names][rows["at"]])

    def _with_own(self, cohorts: pl.DataFrame, passed: pl.DataFrame) -> pl.DataFrame:
        """Return the cohorts with number 0 and, below, what their people passed."""
        import polars as pl

        own = cohorts.select("person_key", *self.by, "cohort", pl.lit(0, pl.Int32).alias("number"))
        return pl.concat([own, own[passed["at"]].with_columns(passed["number"])])

    def last(self) -> pl.DataFrame:
        """Return one row a person with the segment of their last event."""
        import polars as pl

        keys = ["person_key", *self.by]
        if self.by:
            last = self.events.group_by(keys).agg(pl.col("segment").min())
        else:
            last = self.events.filter(_begins_run(["person"]).shift(-1, fill_value=True))
        none = pl.lit(None, pl.Int32)
        return last.select(*keys, none.alias("cohort"), pl.col("segment").alias("number"))


def _begins_run(columns: Sequence[str]) -> pl.Expr:
    from clickcli.engines.polars import begins_run

    return begins_run(columns)


def _first(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return the first of the rows that follow one another and are equal in these columns."""
    return frame.filter(_begins_run(columns))


def _in_order(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the rows of each person in order of a number.

    They are so already but for clocks that were set back over midnight.
    """
    import polars as pl

    person, number = pl.col("person"), pl.col(name)
    falls = (person == person.shift(1)) & (number < number.shift(1))
    if frame.select(falls.any()).item():
        return frame.sort("person", name, maintain_order=True)
    return frame


def _bracket(rules: CohortRules) -> pl.Expr:
    """Return the number of the bracket that holds each period; -1 for none."""
    import polars as pl

    number, none = pl.col("number"), pl.lit(-1, pl.Int32)
    if all(low == high == at for at, (low, high) in enumerate(rules.brackets)):
        return pl.when(number < len(rules.brackets)).then(number).otherwise(none)
    for at, (low, high) in enumerate(rules.brackets):
        none = pl.when(number.is_between(low, high)).then(pl.lit(at, pl.Int32)).otherwise(none)
    return none
