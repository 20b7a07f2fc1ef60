"""How many people are active by day, week and month, how often they come, who is new or lost.

Definition
----------
Active people are distinct persons with an event in the trailing 1, 7 and 28 local days ending on
the labelled day (dau, wau, mau). Stickiness is the mean of dau over the 28 days ÷ mau at their
end. Per period of ``--every``: new people have their first event ever in it; returning ones were
active in the period before too; resurrecting ones earlier, but not in the period before; dormant
ones were active in the period before and not in this one. active = new + returning +
resurrecting, and dormant(t) = active(t-1) - returning(t). ``active_days`` counts people by their
number of distinct active periods of ``--every``. Adoption of a value of ``--by`` (an event type, a
feature) in a period: the people active with it ÷ all people active in the period.

Input
-----
All events, or those of ``--event``; history before ``--from`` is read, since new is first ever.

Output
------
``active``: one row a local day. ``lifecycle``: one row a period. ``active_days``: one row a number
of active periods. ``adoption``: with ``--by``, one row a value and period.

Units
-----
People; shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass to distinct person-days, everything else on that small table.

Source
------
Product-analytics usage; the week of wau and mau ends on the labelled day, as in PostHog, and mau
is 28 days.
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
    Option,
    Table,
    Units,
    people_count,
    rate,
)
from clickcli.errors import UsageError
from clickcli.relations.active_periods import active_periods
from clickcli.units import Every

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_WINDOWS = {"dau": 1, "wau": 7, "mau": 28}
_STATES = ("new", "returning", "resurrecting")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``active``."""

    event: Annotated[
        str, Option("Event that counts as activity: EVENT, A|B, EVENT[filter].", kind="step")
    ] = "*"
    every: Annotated[Every, Option("Period of the lifecycle and of the histogram.")] = Every.WEEK


ACTIVE = Table(
    "active",
    "One row a local day.",
    (
        Column("date", "date", "key", "local day"),
        people_count("dau", "people active on the day"),
        people_count("wau", "people active in the 7 days that end with it"),
        people_count("mau", "people active in the 28 days that end with it"),
        Column("stickiness", "float64", "share", "mean dau of the 28 days ÷ mau"),
        Column("dau_sum", "int64", "count", "sum of dau over the 28 days"),
        Column("complete", "bool", "flag", "whether the day is over at as-of"),
    ),
    keys=("date",),
    time="date",
)
LIFECYCLE = Table(
    "lifecycle",
    "One row a period: where its active people come from, and who is missing.",
    (
        Column("period", "string", "key", "day, first day of the week, month, or hour"),
        people_count("active", "new + returning + resurrecting"),
        people_count("new", "first active ever"),
        people_count("returning", "active in the period before too"),
        people_count("resurrecting", "active earlier, not in the period before"),
        people_count("dormant", "active in the period before, not in this one"),
        Column("complete", "bool", "flag", "whether the period is over at as-of"),
    ),
    keys=("period",),
    time="period",
)
ACTIVE_DAYS = Table(
    "active_days",
    "One row a number of distinct active periods.",
    (
        Column("periods", "int64", "key", "distinct active periods of a person"),
        people_count("people", "people with so many"),
        people_count("everybody", "people with any"),
        *rate("share", "people ÷ everybody"),
    ),
    keys=("periods",),
)
ADOPTION = Table(
    "adoption",
    "With --by, one row a value and period: who adopted it; empty without.",
    (
        Column("period", "string", "key", "day, first day of the week, month, or hour"),
        people_count("adopted", "people active with the value"),
        people_count("active", "all people active in the period"),
        *rate("adoption", "adopted ÷ active"),
        Column("complete", "bool", "flag", "whether the period is over at as-of"),
    ),
    keys=("period",),
    time="period",
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse unknown events."""
    context.step(parameters.event)


def _bounds(context: Context) -> tuple[int | None, int | None]:
    """Return the first and last local day asked for."""
    start, end = context.period.start, context.period.end
    calendar = context.calendar
    return (
        None if start is None else calendar.index_of(start, Every.DAY),
        None if end is None else calendar.index_of(end - 1, Every.DAY),
    )


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return ``days`` and ``periods``: one row a person and distinct active day or period.

    Each row knows the person's active day or period before and after it.
    """
    import narwhals as nw

    step = context.step(parameters.event)
    calendar, every = context.calendar, parameters.every
    frame = calendar.with_index(events.filling(step), "day", Every.DAY)
    names = ["day"]
    if every is Every.HOUR:
        frame = calendar.with_index(frame, "period", Every.HOUR)
        names.append("period")
    columns = ["person_key", *context.by, *names]
    frame = frame.select(*columns).with_columns(nw.col(*names).cast(nw.Int32))
    frame = context.engine.hold(context.engine.thin(frame, columns))
    start = context.period.start
    begin = None if start is None else calendar.index_of(start, every)
    if every is Every.DAY:
        days = active_periods(frame, "day", context, begin=begin)
        return {"days": days, "periods": days.rename({"day": "period"})}
    days = active_periods(frame, "day", context, begin=None)
    if every is not Every.HOUR:
        frame = calendar.with_period(frame, "period", every, "day")
    return {"days": days, "periods": active_periods(frame, "period", context, begin=begin)}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Turn days into steps of trailing counts, periods into states, people into a histogram."""
    import narwhals as nw

    days = _counted(units["days"], "day", context)
    if parameters.every is Every.DAY:
        periods = days.rename({"day": "period"})
    else:
        periods = _counted(units["periods"], "period", context)
    places = _inside(units["periods"], parameters, context).group_by(*context.by, "place")
    return {
        **{name: _steps(days, width, context) for name, width in _WINDOWS.items()},
        "states": _states(periods, context),
        "places": places.agg(nw.len().alias("people")),
    }


def _steps(days: nw.LazyFrame[Any], width: int, context: Context) -> nw.LazyFrame[Any]:
    """Return by how much the people of a trailing window change with each day.

    A person enters it on an active day after a pause as long as the window, and leaves it ``width``
    days after the last active day before such a pause.
    """
    import narwhals as nw

    by, day, before, people = context.by, nw.col("day"), nw.col("before"), nw.col("people")
    pauses = day - before > width
    steps = [
        days.filter(before.is_null() | pauses).select(*by, "day", people.alias("step")),
        days.filter(pauses).select(*by, (before + width).alias("day"), (-people).alias("step")),
        days.filter(nw.col("is_last")).select(
            *by, (day + width).alias("day"), (-people).alias("step")
        ),
    ]
    return nw.concat(steps).group_by(*by, "day").agg(nw.col("step").sum())


def _states(periods: nw.LazyFrame[Any], context: Context) -> nw.LazyFrame[Any]:
    """Count the people of each period by where they come from, and those who then leave."""
    import narwhals as nw

    by, before, people = context.by, nw.col("before"), nw.col("people")
    none = nw.lit(0, nw.Int64)
    pauses = before < nw.col("period") - 1
    flags = {
        "new": before.is_null(),
        "returning": before == nw.col("period") - 1,
        "resurrecting": pauses,
        "leaving": nw.col("is_last"),
    }
    states = [
        periods.select(
            *by, "period",
            *(nw.when(flag).then(people).otherwise(none).alias(name)
              for name, flag in flags.items()),
        ),
        periods.filter(pauses).select(
            *by, before.alias("period"), *(none.alias(name) for name in _STATES),
            people.alias("leaving"),
        ),
    ]  # fmt: skip
    return nw.concat(states).group_by(*by, "period").agg(nw.col(*flags).sum())


def _counted(frame: nw.LazyFrame[Any], name: str, context: Context) -> nw.LazyFrame[Any]:
    """Count people by active period, the one before it, and whether it is their last."""
    import narwhals as nw

    counted = (
        frame.with_columns(nw.col("after").is_null().alias("is_last"))
        .group_by(*context.by, "before", name, "is_last")
        .agg(nw.len().alias("people"))
        .with_columns(nw.col("people").cast(nw.Int64))
    )
    return context.engine.hold(counted)


def _inside(
    periods: nw.LazyFrame[Any], parameters: Parameters, context: Context
) -> nw.LazyFrame[Any]:
    """Return the periods of the span asked for."""
    import narwhals as nw

    start, end = context.period.start, context.period.end
    calendar, every = context.calendar, parameters.every
    if start is not None:
        periods = periods.filter(nw.col("period") >= calendar.index_of(start, every))
    if end is not None:
        periods = periods.filter(nw.col("period") <= calendar.index_of(end - 1, every))
    return periods


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Sum the steps over every day, fill days and periods without anybody with zeros."""
    days = _day_rows(frames, context)
    lifecycle = _lifecycle_rows(frames["states"], parameters, context)
    notes = []
    if not (days["complete"].all() and lifecycle["complete"].all()):
        notes.append("the last day or period is not over at as-of")
    what = "any event" if parameters.event == "*" else parameters.event
    title = f"Active people · {what}, lifecycle by {parameters.every.value}, tz {context.tz.key}"
    tables = {
        "active": days,
        "lifecycle": lifecycle,
        "active_days": _histogram_rows(frames["places"], context),
    }
    if context.by:
        tables["adoption"] = _adoption_rows(lifecycle, context)
    return Finished(tables, notes, title)


def _grid(counts: pl.DataFrame, name: str, last: int, by: list[str]) -> pl.DataFrame:
    """Return every value of ``name`` from the first in the table to ``last``, for each group."""
    import polars as pl

    first = counts[name].min()
    values = [] if first is None else list(range(int(str(first)), last + 1))
    rows = pl.DataFrame({name: pl.Series(values, dtype=pl.Int64)})
    return counts.select(by).unique().join(rows, how="cross") if by else rows


def _day_rows(frames: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    import polars as pl

    by, calendar = list(context.by), context.calendar
    today = calendar.index_of(context.as_of, Every.DAY)
    table = _grid(frames["dau"], "day", today, by).sort(*by, "day")
    for name in _WINDOWS:
        table = table.join(frames[name], on=[*by, "day"], how="left").sort(*by, "day")
        steps = pl.col("step").fill_null(0).cum_sum()
        table = table.with_columns((steps.over(by) if by else steps).alias(name)).drop("step")
    trailing = pl.col("dau").rolling_sum(28, min_samples=1)
    table = table.with_columns(dau_sum=trailing.over(by) if by else trailing)
    stick = pl.col("dau_sum") / (pl.col("mau") * 28)
    first, last = _bounds(context)
    keep = pl.col("day").is_between(
        first if first is not None else pl.col("day").min(),
        last if last is not None else today,
    )
    table = table.filter(keep)
    numbers = table["day"].to_list()
    over = [calendar.start_of(day + 1, Every.DAY) <= context.as_of for day in numbers]
    return table.with_columns(
        pl.Series("date", [calendar.date_of(day, Every.DAY) for day in numbers], dtype=pl.Date),
        pl.Series("complete", over, dtype=pl.Boolean),
        stickiness=pl.when(pl.col("mau") > 0).then(stick),
    )


def _lifecycle_rows(states: pl.DataFrame, parameters: Parameters, context: Context) -> pl.DataFrame:
    import polars as pl

    by, calendar, every = list(context.by), context.calendar, parameters.every
    today = calendar.index_of(context.as_of, every)
    table = _grid(states, "period", today, by).join(states, on=[*by, "period"], how="left")
    table = table.with_columns(pl.col(*_STATES, "leaving").fill_null(0)).sort(*by, "period")
    gone = pl.col("leaving").shift(1, fill_value=0)
    table = table.with_columns(
        active=pl.sum_horizontal(_STATES), dormant=gone.over(by) if by else gone
    )
    start, end = context.period.start, context.period.end
    if start is not None:
        table = table.filter(pl.col("period") >= calendar.index_of(start, every))
    if end is not None:
        table = table.filter(pl.col("period") <= calendar.index_of(end - 1, every))
    return context.with_period_names(table.rename({"period": "index"}), every)


def _histogram_rows(places: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Turn the people who have an nth active period into those who have just n."""
    import polars as pl

    from clickcli.expressions import with_rate

    by = list(context.by)
    reached = pl.col("people")
    further = reached.shift(-1, fill_value=0)
    counts = (
        places.sort(*by, "place")
        .with_columns(people=reached - (further.over(by) if by else further))
        .filter(pl.col("people") > 0)
        .rename({"place": "periods"})
    )
    total = pl.col("people").sum()
    counts = counts.with_columns(everybody=total.over(by) if by else total)
    return with_rate(counts, "share", "people", "everybody")


def _adoption_rows(lifecycle: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Set the active people of each value of the breakdown beside those of the total."""
    import polars as pl

    from clickcli.context import TOTAL
    from clickcli.expressions import with_rate

    everybody = lifecycle.filter(pl.col(context.by[0]) == TOTAL).select("index", "active")
    adopted = lifecycle.rename({"active": "adopted"})
    table = adopted.join(everybody, on="index", how="left")
    return with_rate(table, "adoption", "adopted", "active")


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which people a cell lists."""
    import narwhals as nw

    from clickcli.units import instant

    word, _, text = cell.partition(":")
    calendar, every = context.calendar, parameters.every
    day, period = nw.col("day"), nw.col("period")
    before, after = nw.col("before"), nw.col("after")
    if word in _WINDOWS and text:
        at = calendar.index_of(instant(text, context.tz), Every.DAY)
        return "days", (day <= at) & (day > at - _WINDOWS[word])
    states = {
        "active": before.is_null() | ~before.is_null(),
        "new": before.is_null(),
        "returning": before == period - 1,
        "resurrecting": before < period - 1,
    }
    if text and word in (*states, "dormant"):
        at = calendar.index_of(instant(text, context.tz), every)
        if word == "dormant":
            return "periods", (period == at - 1) & (after.is_null() | (after > at))
        return "periods", (period == at) & states[word]
    raise UsageError(
        f"--who must be dau, wau, mau, active, new, returning, resurrecting or dormant with a "
        f"date, was {cell!r}",
        hint="example: returning:2024-03-04",
    )


ANALYSIS = Analysis(
    name="active",
    version=1,
    parameters=Parameters,
    sample=Parameters(),
    tables=(ACTIVE, LIFECYCLE, ACTIVE_DAYS, ADOPTION),
    unit_keys={"days": ("person_key", "day"), "periods": ("person_key", "period")},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("wau:2024-03-01", "people active in the 7 days that end with this one"),
        Cell("returning:2024-03-01", "people returning in the period of this day"),
        Cell("dormant:2024-03-01", "people missing in the period of this day"),
    ),
    examples=(
        "clickcli active --last 28d",
        "clickcli active --by event_type --every month --table adoption",
        "clickcli active --every week --who dormant:2024-03-04",
    ),
    check=check,
)
