"""Who began when and who came back: cohorts, return visits and milestones of people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.units import Every

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.context import Context, Events
    from clickcli.steps import Step

LENGTH: Final = {
    Every.HOUR: MICROSECONDS_PER_DAY // 24,
    Every.DAY: MICROSECONDS_PER_DAY,
    Every.WEEK: 7 * MICROSECONDS_PER_DAY,
    Every.MONTH: 30 * MICROSECONDS_PER_DAY,
}
"""Periods of the rolling clock, in microseconds."""
MILESTONES: Final = (("week 1", 7, 13), ("week 2", 14, 20), ("month 1", 28, 34))
"""Name, first and last day after the cohort day."""


class Cohort(StrEnum):
    """What puts a person into a cohort."""

    FIRST = "first"
    FIRST_EVENT = "first-event"
    RECURRING = "recurring"


class Kind(StrEnum):
    """What counts as coming back."""

    BOUNDED = "bounded"
    UNBOUNDED = "unbounded"


class Clock(StrEnum):
    """How periods are counted."""

    CALENDAR = "calendar"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class CohortRules:
    """What begins a cohort and what counts as coming back.

    ``brackets`` are the first and last period of each; the first is the cohort's own, (0, 0).
    """

    start: Step
    returning: Step
    every: Every
    brackets: tuple[tuple[int, int], ...]
    cohort: Cohort
    kind: Kind
    clock: Clock
    min_occurrences: int


def began(events: Events, rules: CohortRules, context: Context) -> nw.LazyFrame[Any]:
    """Return one row a person and cohort: ``cohort`` number, ``since`` its first start event."""
    import narwhals as nw

    from clickcli.expressions import inside

    step = rules.start
    frame = events.frame(step.columns, step.properties)
    fills = step.expression()
    if rules.cohort is Cohort.FIRST_EVENT:
        if step.event_types is not None:
            frame = frame.filter(nw.col("event_type").is_in(sorted(step.event_types)))
        frame = frame.with_columns(fills.alias("fills"))
    else:
        frame = frame.filter(fills)
    frame = context.calendar.with_index(frame, "cohort", rules.every)
    keys = ["person_key", *(["cohort"] if rules.cohort is Cohort.RECURRING else [])]
    place = nw.col("seq").rank("ordinal").over(*keys, "ts")
    first = frame.filter(nw.col("ts") == nw.col("ts").min().over(*keys)).filter(place == 1)
    if rules.cohort is Cohort.FIRST_EVENT:
        first = first.filter(nw.col("fills"))
    return inside(first, context.period).select(
        "person_key", *context.by, "cohort", nw.col("ts").alias("since")
    )


def returns(
    events: Events, cohorts: nw.LazyFrame[Any], rules: CohortRules, context: Context
) -> nw.LazyFrame[Any]:
    """Return one row a person, cohort and bracket in which they were active.

    Bracket 0 is the cohort itself. ``unbounded``: the last period in which they came back.
    """
    import narwhals as nw

    keys = ["person_key", *context.by, "cohort"]
    own = cohorts.select(*keys, nw.lit(0, nw.Int64).alias("bracket"))
    visits = _visits(events, rules, context).join(cohorts, on="person_key", how="inner")
    passed = visits.with_columns(_number(rules).alias("n")).filter(nw.col("n") > 0)
    counted = (
        passed.group_by(*keys, "n")
        .agg(nw.col("visits").sum())
        .filter(nw.col("visits") >= rules.min_occurrences)
    )
    if rules.kind is Kind.UNBOUNDED:
        returned = counted.group_by(*keys).agg(nw.col("n").max().alias("bracket"))
    else:
        number = _bracket(rules)
        returned = counted.with_columns(number.alias("bracket")).filter(nw.col("bracket") > 0)
    return nw.concat([own, returned.select(*keys, "bracket").unique()])


def _visits(events: Events, rules: CohortRules, context: Context) -> nw.LazyFrame[Any]:
    """Return return events: one row a person and period, or each event on the rolling clock."""
    import narwhals as nw

    step = rules.returning
    frame = events.frame(step.columns, step.properties, with_by=False).filter(step.expression())
    if rules.clock is Clock.ROLLING:
        return frame.select("person_key", "ts", nw.lit(1, nw.Int64).alias("visits"))
    return (
        context.calendar.with_index(frame, "index", rules.every)
        .group_by("person_key", "index")
        .agg(nw.len().alias("visits"))
    )


def _number(rules: CohortRules) -> nw.Expr:
    """Return how many periods after the start a visit lies; below zero: before it."""
    import narwhals as nw

    from clickcli.expressions import floor_div

    if rules.clock is Clock.CALENDAR:
        return nw.col("index") - nw.col("cohort")
    elapsed = nw.col("ts") - nw.col("since")
    return nw.when(elapsed < 0).then(-1).otherwise(floor_div(elapsed, LENGTH[rules.every]))


def _bracket(rules: CohortRules) -> nw.Expr:
    """Return the number of the bracket that holds each period; -1 for none."""
    import narwhals as nw

    if all(low == high == at for at, (low, high) in enumerate(rules.brackets)):
        return nw.when(nw.col("n") < len(rules.brackets)).then(nw.col("n")).otherwise(-1)
    number: nw.Expr = nw.lit(-1, nw.Int64)
    for at, (low, high) in enumerate(rules.brackets):
        inside = (nw.col("n") >= low) & (nw.col("n") <= high)
        number = nw.when(inside).then(nw.lit(at, nw.Int64)).otherwise(number)
    return number


def milestones(
    events: Events, began: nw.LazyFrame[Any], rules: CohortRules, context: Context
) -> nw.LazyFrame[Any]:
    """Return the milestones, from 1, of each person and cohort day; 0 for the day itself."""
    import narwhals as nw

    keys = ["person_key", *context.by]
    first = began.group_by(*keys).agg(nw.col("since").min())
    first = context.calendar.with_index(first, "cohort", Every.DAY, "since")
    first = first.select(*keys, "cohort")
    step = rules.returning
    frame = events.frame(step.columns, step.properties, with_by=False).filter(step.expression())
    days = context.calendar.with_index(frame, "day", Every.DAY)
    days = days.select("person_key", "day").unique()
    since = nw.col("day") - nw.col("cohort")
    number: nw.Expr = nw.lit(0, nw.Int64)
    for at, (_, low, high) in enumerate(MILESTONES, start=1):
        inside = (since >= low) & (since <= high)
        number = nw.when(inside).then(nw.lit(at, nw.Int64)).otherwise(number)
    names = [*keys, "cohort", "milestone"]
    active = (
        days.join(first, on="person_key", how="inner")
        .with_columns(number.alias("milestone"))
        .filter(nw.col("milestone") > 0)
    )
    own = first.with_columns(nw.lit(0, nw.Int64).alias("milestone"))
    return nw.concat([own.select(names), active.select(names).unique()])
