"""Which share of the people who began in a period comes back in each later one.

Definition
----------
A cohort is the period of a person's first ``--start`` event in the whole store (``--cohort
first``), of the first event of that type, which must itself pass the filter (``first-event``), or
every period with a start event (``recurring``). A person is retained in period n by a
``--returning`` event in period n (``bounded``), in n or later (``unbounded``), or in a bracket of
periods (``--brackets 0,1-3,4-7``). Periods are calendar days, weeks or months in ``--tz``, or
multiples of 24 hours from the person's own start (``--clock rolling``; a month is 30 days).

A cell whose period is not over at as-of is incomplete: it keeps its value and is left out of the
average. The average is pooled: retained ÷ eligible over complete cells. ``milestones`` counts
activity on days 7–13, 14–20 and 28–34 after the cohort day. ``segments`` parts everybody by the
days since their last event.

Input
-----
Start and return events of the whole store, whatever ``--from/--to``, which selects cohorts.

Output
------
``retention``: one row a cohort and period. ``average``: one row a period. ``milestones``: one row
each of week 1, week 2, month 1. ``segments``: one row a segment.

Units
-----
Shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over all events, down to one row a person and active day.

Source
------
PostHog's and Mixpanel's retention; "first" is first ever, incomplete cells are kept but not
averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from clickcli.analysis import (
    Analysis,
    Cell,
    Column,
    Finished,
    Grid,
    Option,
    Table,
    Units,
    people_count,
    rate,
)
from clickcli.errors import UsageError
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
    came_back,
)
from clickcli.units import Every, duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_SEGMENTS = ("active", "at risk", "churned")


MOST_PERIODS = 1000


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``retention``."""

    start: Annotated[
        str, Option("Event that begins: EVENT, A|B, EVENT[filter] or * for any.", kind="step")
    ] = "*"
    returning: Annotated[
        str, Option("Event that counts as coming back, written likewise.", kind="step")
    ] = "*"
    every: Annotated[Every, Option("Length of a period.")] = Every.WEEK
    periods: Annotated[
        int, Option("Periods shown after the first.", kind="count", minimum=0, maximum=MOST_PERIODS)
    ] = 8
    cohort: Annotated[
        Cohort,
        Option("first: first matching event ever; first-event: first event of the type, which "
               "must match; recurring: every period with a start."),
    ] = Cohort.FIRST  # fmt: skip
    kind: Annotated[Kind, Option("bounded: back in period n; unbounded: in n or later.")] = (
        Kind.BOUNDED
    )
    brackets: Annotated[str | None, Option("Back in a bracket of periods: 0,1-3,4-7.")] = None
    clock: Annotated[
        Clock, Option("calendar periods, or rolling: from the person's own start.")
    ] = Clock.CALENDAR
    min_occurrences: Annotated[
        int, Option("Return events needed in a period.", kind="count", minimum=1)
    ] = 1
    active_within: Annotated[
        str, Option("Last seen at most this long ago: active.", kind="duration")
    ] = "7d"
    at_risk_within: Annotated[
        str, Option("Last seen at most this long ago: at risk; longer: churned.", kind="duration")
    ] = "30d"


RETENTION = Table(
    "retention",
    "One row a cohort and period.",
    (
        Column("cohort", "string", "key", "period in which the cohort began"),
        Column("period", "int64", "key", "periods since, 0 is the cohort's own"),
        Column("bracket", "string", "text", "the bracket, with --brackets"),
        people_count("cohort_size", "people of the cohort"),
        people_count("retained", "of cohort_size, those that came back"),
        *rate("retention", "retained ÷ cohort_size"),
        Column("complete", "bool", "flag", "whether the period is over at as-of"),
    ),
    keys=("cohort", "period"),
    time="cohort",
    grid=Grid(
        across="period",
        value="retention",
        beside=("cohort_size",),
        help="Percent of the cohort retained so many periods after its own.",
    ),
)
AVERAGE = Table(
    "average",
    "All cohorts together, complete cells only.",
    (
        Column("period", "int64", "key", "periods since the cohort's own"),
        people_count("eligible", "people of cohorts whose period is over"),
        people_count("retained", "of eligible, those that came back"),
        *rate("retention", "retained ÷ eligible"),
        Column("cohorts", "int64", "count", "cohorts that stand in the row"),
    ),
    keys=("period",),
)
MILESTONE_TABLE = Table(
    "milestones",
    "Share of the cohort active on days 7-13, 14-20 and 28-34 after the cohort day.",
    (
        Column("milestone", "string", "key", "week 1, week 2 or month 1"),
        Column("days", "string", "text", "days after the cohort day"),
        people_count("eligible", "people for whom these days are over"),
        people_count("retained", "of eligible, those active on one of these days"),
        *rate("retention", "retained ÷ eligible"),
    ),
    keys=("milestone",),
    order=("days",),
)
SEGMENTS = Table(
    "segments",
    "Everybody by the time since their last event.",
    (
        Column("segment", "string", "key", "active, at risk or churned"),
        people_count("people", "people"),
        people_count("everybody", "people of all segments"),
        *rate("share", "people ÷ everybody"),
    ),
    keys=("segment",),
)


def _brackets(parameters: Parameters) -> list[tuple[int, int]]:
    """Return the first and last period of each bracket; without ``--brackets`` each period."""
    if parameters.brackets is None:
        return [(n, n) for n in range(parameters.periods + 1)]
    result: list[tuple[int, int]] = []
    for part in parameters.brackets.split(","):
        low, _, high = part.strip().partition("-")
        if not low.isdigit() or not (high or low).isdigit() or int(high or low) < int(low):
            raise UsageError(
                f"--brackets must be numbers and spans, was {parameters.brackets!r}",
                hint="example: 0,1-3,4-7",
            )
        if result and int(low) <= result[-1][1]:
            raise UsageError("--brackets must ascend and not overlap", hint="example: 0,1-3,4-7")
        if int(high or low) > MOST_PERIODS:
            raise UsageError(f"--brackets goes up to {MOST_PERIODS}, was {high or low}")
        result.append((int(low), int(high or low)))
    return result


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that contradict each other."""
    if parameters.brackets is not None and parameters.kind is Kind.UNBOUNDED:
        raise UsageError("--brackets and --kind unbounded contradict each other")
    if _brackets(parameters)[0] != (0, 0):
        raise UsageError("--brackets begins with 0, the cohort's own period")
    if duration_us(parameters.at_risk_within) < duration_us(parameters.active_within):
        raise UsageError("--at-risk-within must not be shorter than --active-within")
    for text in (parameters.start, parameters.returning):
        context.step(text)


def _rules(parameters: Parameters, context: Context) -> CohortRules:
    return CohortRules(
        context.step(parameters.start),
        context.step(parameters.returning),
        parameters.every,
        tuple(_brackets(parameters)),
        parameters.cohort,
        parameters.kind,
        parameters.clock,
        parameters.min_occurrences,
        (duration_us(parameters.active_within), duration_us(parameters.at_risk_within)),
    )


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return who came back when.

    ``returns``: one row a person, cohort and bracket of periods in which they were active, 0 for
    the cohort itself. ``milestones``: one row a person and milestone, 0 for the cohort day.
    ``last``: one row a person with the segment of their last event.
    """
    tables = {RETURNS: ("retention", "average"), PASSED: ("milestones",), LAST: ("segments",)}
    told = (name for name, made in tables.items() if any(map(context.wants, made)))
    return came_back(events, _rules(parameters, context), tuple(told), context)


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count people by cohort and bracket, by milestone and by segment."""
    import narwhals as nw

    by, people = context.by, nw.len().alias("people")
    return {
        "cells": units["returns"].group_by(*by, "cohort", "bracket").agg(people),
        "milestones": units["milestones"].group_by(*by, "cohort", "milestone").agg(people),
        "segments": units["last"].group_by(*by, "segment").agg(people),
    }


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Lay cohorts against periods, mark what is not over, pool the average."""
    from clickcli.notes import few

    table = _cohort_rows(frames["cells"], parameters, context)
    average = _average_rows(table, parameters, context)
    notes = few(average, "eligible", "people")
    if not table["complete"].all():
        notes.append("incomplete periods keep their value and are left out of the average")
    shape = parameters.brackets or parameters.kind.value
    title = (
        f"Retention by {parameters.every.value} · start {parameters.start}, "
        f"return {parameters.returning} · {parameters.cohort.value} cohorts, {shape}, "
        f"{parameters.clock.value} clock"
    )
    return Finished(
        {
            "retention": table,
            "average": average,
            "milestones": _milestone_rows(frames["milestones"], context),
            "segments": _segment_rows(frames["segments"], context),
        },
        notes,
        title,
    )


def _cohort_rows(cells: pl.DataFrame, parameters: Parameters, context: Context) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    by, brackets = list(context.by), _brackets(parameters)
    sizes = cells.filter(pl.col("bracket") == 0).select(
        *by, "cohort", pl.col("people").alias("cohort_size")
    )
    grid = sizes.join(
        pl.DataFrame(
            {
                "bracket": range(len(brackets)),
                "period": [low for low, _ in brackets],
                "last": [high for _, high in brackets],
                "name": [f"{low}" if low == high else f"{low}-{high}" for low, high in brackets],
            }
        ),
        how="cross",
    )
    if parameters.kind is Kind.UNBOUNDED:
        own, later = pl.col("bracket") == 0, pl.col("bracket_right") >= pl.col("bracket")
        joined = grid.join(cells, on=[*by, "cohort"], how="left")
        hit = (own & (pl.col("bracket_right") == 0)) | (~own & later)
        counts = joined.filter(hit).group_by(*by, "cohort", "bracket").agg(pl.col("people").sum())
    else:
        counts = cells
    table = grid.join(counts, on=[*by, "cohort", "bracket"], how="left").with_columns(
        retained=pl.col("people").fill_null(0).cast(pl.Int64)
    )
    table = _with_periods(table, parameters, context).rename({"name": "bracket_name"})
    return (
        with_rate(table, "retention", "retained", "cohort_size")
        .drop("bracket")
        .rename({"bracket_name": "bracket"})
    )


def _with_periods(table: pl.DataFrame, parameters: Parameters, context: Context) -> pl.DataFrame:
    """Name the cohorts, drop periods that have not begun, say which are over at as-of."""
    import polars as pl

    every, calendar, as_of = parameters.every, context.calendar, context.as_of
    is_rolling = parameters.clock is Clock.ROLLING
    length = LENGTH[every]
    complete: list[bool] = []
    begun: list[bool] = []
    for cohort, low, high in table.select("cohort", "period", "last").iter_rows():
        if is_rolling:
            begin = calendar.start_of(cohort, every) + low * length
            end = calendar.start_of(cohort + 1, every) + (high + 1) * length
        else:
            begin = calendar.start_of(cohort + low, every)
            end = calendar.start_of(cohort + high + 1, every)
        if low == 0 and not is_rolling:
            begin = min(begin, as_of)
        begun.append(begin <= as_of)
        complete.append(end <= as_of)
    names = {index: calendar.label(index, every) for index in table["cohort"].unique()}
    return table.with_columns(
        pl.col("cohort").replace_strict(names, return_dtype=pl.String),
        pl.Series("complete", complete, dtype=pl.Boolean),
    ).filter(pl.Series(begun, dtype=pl.Boolean))


def _average_rows(table: pl.DataFrame, parameters: Parameters, context: Context) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    counted = table
    if not context.shared.include_incomplete:
        counted = table.filter(pl.col("complete"))
    pooled = counted.group_by(*context.by, "period").agg(
        pl.col("cohort_size").sum().alias("eligible"),
        pl.col("retained").sum(),
        pl.len().alias("cohorts"),
    )
    return with_rate(pooled, "retention", "retained", "eligible")


def _milestone_rows(cells: pl.DataFrame, context: Context) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    by, calendar = list(context.by), context.calendar
    rows = pl.DataFrame(
        {
            "number": range(1, len(MILESTONES) + 1),
            "milestone": [name for name, _, _ in MILESTONES],
            "days": [f"{low:02d}-{high}" for _, low, high in MILESTONES],
            "last": [high for _, _, high in MILESTONES],
        }
    )
    cells = cells.rename({"milestone": "number"})
    sizes = cells.filter(pl.col("number") == 0).select(
        *by, "cohort", pl.col("people").alias("size")
    )
    grid = sizes.join(rows, how="cross").join(cells, on=[*by, "cohort", "number"], how="left")
    over = [
        calendar.start_of(day + last + 1, Every.DAY) <= context.as_of
        for day, last in grid.select("cohort", "last").iter_rows()
    ]
    if context.shared.include_incomplete:
        over = [True] * len(over)
    pooled = (
        grid.with_columns(over=pl.Series(over, dtype=pl.Boolean))
        .group_by(*by, "milestone", "days")
        .agg(
            pl.col("size").filter(pl.col("over")).sum().alias("eligible"),
            pl.col("people").fill_null(0).filter(pl.col("over")).sum().alias("retained"),
        )
    )
    return with_rate(pooled, "retention", "retained", "eligible")


def _segment_rows(counts: pl.DataFrame, context: Context) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    by = list(context.by)
    names = pl.DataFrame({"segment": range(3), "name": _SEGMENTS})
    grid = counts.select(by).unique().join(names, how="cross") if by else names
    table = grid.join(counts, on=[*by, "segment"], how="left").with_columns(
        people=pl.col("people").fill_null(0).cast(pl.Int64)
    )
    total = pl.col("people").sum()
    table = table.with_columns(everybody=total.over(by) if by else total)
    return with_rate(table, "share", "people", "everybody").with_columns(segment=pl.col("name"))


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which people a cell lists."""
    import narwhals as nw

    if cell in _SEGMENTS:
        return "last", nw.col("segment") == _SEGMENTS.index(cell)
    cohort, _, text = cell.rpartition(":")
    numbers = {low: at for at, (low, _) in enumerate(_brackets(parameters))}
    if not text.isdigit() or int(text) not in numbers:
        raise UsageError(
            f"--who must be COHORT:PERIOD or a segment, was {cell!r}",
            hint="examples: 2024-01:3, 2024-03-04:1, churned",
        )
    number, bracket = numbers[int(text)], nw.col("bracket")
    later = parameters.kind is Kind.UNBOUNDED and number > 0
    index = _cohort_index(cohort, parameters, context)
    return "returns", (nw.col("cohort") == index) & (
        bracket >= number if later else bracket == number
    )


def _cohort_index(text: str, parameters: Parameters, context: Context) -> int:
    from clickcli.units import instant

    every, calendar = parameters.every, context.calendar
    full = f"{text}-01" if every is Every.MONTH and len(text) == 7 else text
    if every is Every.HOUR and len(text) == 13:
        full = f"{text}:00"
    index = calendar.index_of(instant(full, context.tz), every)
    if calendar.label(index, every) != text:
        raise UsageError(
            f"no cohort begins at {text!r}",
            hint=f"the cohort of that day is {calendar.label(index, every)}",
        )
    return index


ANALYSIS = Analysis(
    name="retention",
    version=1,
    parameters=Parameters,
    sample=Parameters(every=Every.WEEK),
    tables=(RETENTION, AVERAGE, MILESTONE_TABLE, SEGMENTS),
    unit_keys={
        "returns": ("person_key", "cohort", "bracket"),
        "milestones": ("person_key", "cohort", "milestone"),
        "last": ("person_key",),
    },
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("2024-01:3", "people of cohort 2024-01 that were retained in period 3"),
        Cell("churned", "people of a segment: active, 'at risk' or churned"),
    ),
    examples=(
        "clickcli retention --every month",
        "clickcli retention --start signup --returning purchase --every week --kind unbounded",
        "clickcli retention --every month --who 2024-01:3",
    ),
    check=check,
)
