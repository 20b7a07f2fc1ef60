"""Who began when and who came back: cohorts, return visits and milestones of people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.units import Every

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.columns import Dtype
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
RETURNS, PASSED, LAST = "returns", "milestones", "last"
"""What ``came_back`` tells of people."""


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
    ``ages`` are the longest times since the last event, in microseconds, of the segments but the
    last.
    """

    start: Step
    returning: Step
    every: Every
    brackets: tuple[tuple[int, int], ...]
    cohort: Cohort
    kind: Kind
    clock: Clock
    min_occurrences: int
    ages: tuple[int, ...]

    @property
    def counts_events(self) -> bool:
        """Whether each return counts, not just the periods that have one."""
        return self.clock is Clock.ROLLING or self.min_occurrences > 1


def came_back(
    events: Events, rules: CohortRules, told: tuple[str, ...], context: Context
) -> dict[str, nw.LazyFrame[Any]]:
    """Return by name what is to be told of people; all of it is computed in one pass.

    ``returns``: one row a person, ``cohort`` and ``bracket`` of periods in which they were
    active, 0 for the cohort itself; ``unbounded``: the last period in which they came back.
    ``milestones``: those, from 1, of each person and cohort day; 0 for the day itself.
    ``last``: one row a person with the ``segment`` of their last event, from 0.
    """
    import narwhals as nw

    from clickcli.relations.cohort_kernel import cohort_kernel

    by = context.by
    schema: dict[str, Dtype] = {"person_key": "int64", **dict.fromkeys(by, "string")}
    schema |= dict.fromkeys(("table", "cohort", "number"), "int32")
    kernel = cohort_kernel(rules, told, by, context.period)
    rows = context.engine.hold(_marked(events, rules, context, with_age=LAST in told))
    found = context.engine.hold(context.engine.kernel(rows, kernel, schema))
    numbers = {RETURNS: "bracket", PASSED: "milestone", LAST: "segment"}
    return {
        name: found.filter(nw.col("table") == at).select(
            "person_key", *by, *(["cohort"] if name != LAST else []),
            nw.col("number").alias(number),
        )
        for at, (name, number) in enumerate(numbers.items())
    }  # fmt: skip


def _marked(
    events: Events, rules: CohortRules, context: Context, *, with_age: bool
) -> nw.LazyFrame[Any]:
    """Return the events that tell who was active when; those that add nothing may be missing.

    ``day`` and, unless that is the period, ``index`` number the local day and the period,
    ``segment`` the time since. ``starts`` says whether the event may begin a cohort, ``fills``
    whether it then does, ``comes`` whether it is a return; not where any event does.
    """
    import narwhals as nw

    calendar, keys = context.calendar, ["person_key", *context.by]
    marks = _marks(rules)
    read = [step for step in (rules.start, rules.returning) if not step.is_any]
    frame = events.frame(
        {name for step in read for name in step.columns},
        [ref for step in read for ref in step.properties],
    )
    if with_age:
        marks["segment"] = nw.lit(0, nw.Int32)
        for age in rules.ages:
            is_older = nw.col("ts") < context.as_of - age
            marks["segment"] = marks["segment"] + nw.when(is_older).then(1).otherwise(0)
    if not (context.by or "fills" in marks):
        marks["seq"] = nw.lit(0, nw.Int64)  # of events at one moment any may be the first
    frame = frame.with_columns(*(mark.alias(name) for name, mark in marks.items()))
    frame = calendar.with_index(frame, "day", Every.DAY)
    numbers = ["day"]
    if rules.every is Every.HOUR:
        frame = calendar.with_index(frame, "index", Every.HOUR)
        numbers.append("index")
    told = [*keys, *numbers, *(name for name in marks if name != "seq")]
    frame = frame.select(*told, "ts", "seq").with_columns(nw.col(*numbers).cast(nw.Int32))
    if not rules.counts_events:
        frame = context.engine.thin(frame, told, ("ts", "seq"))
    if rules.every in (Every.WEEK, Every.MONTH):
        frame = calendar.with_period(frame, "index", rules.every, "day")
    return frame


def _marks(rules: CohortRules) -> dict[str, nw.Expr]:
    """Return what tells whether an event starts a cohort or is a return; see ``_marked``."""
    import narwhals as nw

    start, returning = rules.start, rules.returning
    marks = {} if returning.is_any else {"comes": returning.expression()}
    if start.is_any:
        return marks
    if rules.cohort is not Cohort.FIRST_EVENT:
        return marks | {"starts": start.expression()}
    marks["fills"] = start.expression()
    if start.event_types is not None:
        marks["starts"] = nw.col("event_type").is_in(sorted(start.event_types))
    return marks
