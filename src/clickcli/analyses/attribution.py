"""Which channels, sources or campaigns earn the conversions, by six models of credit.

Definition
----------
A conversion is an event of the conversion type (``conversion_event``). Its touches are the
person's sessions that began at or before it and at most ``--lookback`` before it, each with the
source of its first event; a session that came back from an own, payment or sign-on host is none.
``first`` and ``last`` credit that touch alone; ``last-non-direct`` the last one that is not direct,
or the last where all are; ``linear`` all alike; ``position`` the first and the last 40 % each and
those between 20 % together (two: 50 % each); ``time-decay`` half as much for every
``--half-life`` before. What has no touch is credited to ``(no touch)``. A touch assists a
conversion whose last touch was another.

Input
-----
Conversion events with their revenue; the first events of sessions.

Output
------
``credit``: one row a channel (``--of``) with the credit by ``--model``. ``models`` and
``revenue``: all six models side by side. ``paths``: the ways of touches. ``touches`` and ``lags``:
how many touches, and days from the first one, a conversion takes.

Units
-----
Credited conversions, which add up to the conversions; money in the currency's major unit, credited
in whole minor units, which add up to the revenue.

Cost
----
One pass over the events, sorted by person and time, one over the first events of sessions; a row
a conversion and touch.

Source
------
The position and time-decay models as formerly in Google Analytics, half-life 7 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import (
    Analysis,
    Cell,
    Column,
    Finished,
    Option,
    Table,
    Units,
    people_count,
)
from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError
from clickcli.relations.credit_models import Model
from clickcli.relations.credits import ONE, Of, Rules, conversions_of, credited, revenue_of
from clickcli.relations.engagement import SessionOptions
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_CELLS: Final = ("touched", "first", "last", "assisted")


@dataclass(frozen=True, kw_only=True)
class Parameters(SessionOptions):
    """Options of ``attribution``."""

    model: Annotated[Model, Option("Model of the table `credit`.")] = Model.LAST_NON_DIRECT
    of: Annotated[Of, Option("What is credited.")] = Of.CHANNEL
    lookback: Annotated[
        str, Option("How long before a conversion a touch counts.", kind="duration")
    ] = "30d"
    half_life: Annotated[
        str, Option("Age at which time-decay gives half the credit.", kind="duration")
    ] = "7d"

    def rules(self) -> Rules:
        """Return whom to credit; UsageError for durations that are none."""
        return Rules(self.of, duration_us(self.lookback), duration_us(self.half_life))


_TOUCH: Final = Column("touch", "string", "key", "channel, source, medium or campaign by --of")
_CONVERSIONS: Final = Column("conversions", "int64", "count", "conversions")
_ALL: Final = Column("all_conversions", "int64", "count", "conversions of the whole period")
_SHARE: Final = Column("share", "float64", "share", "conversions ÷ all_conversions")
_CURRENCY: Final = Column("currency", "string", "text", "currency of revenue")
_PEOPLE: Final = people_count("people", "people who converted")
_BY_CREDIT: Final = ("-credited", "-touched", "touch")
CREDIT = Table(
    "credit", "Credit by the chosen model.",
    (
        _TOUCH,
        Column("credited", "float64", "ratio", "credited conversions"),
        Column("share", "float64", "share", "credited ÷ all_conversions"),
        Column("revenue", "float64", "money", "credited revenue; none where currencies mix"),
        Column("touched", "int64", "count", "conversions with such a touch"),
        Column("assisted", "int64", "count", "those of them whose last touch was another"),
        _PEOPLE,
        _CURRENCY,
        _ALL,
    ),
    keys=("touch",), order=_BY_CREDIT,
)  # fmt: skip
MODELS = Table(
    "models", "Credited conversions by all six models.",
    (
        _TOUCH,
        *(Column(m.column, "float64", "ratio", f"conversions by {m.value}") for m in Model),
        Column("touched", "int64", "count", "conversions with such a touch"),
        _PEOPLE,
    ),
    keys=("touch",), order=("-last_non_direct", "-touched", "touch"),
)  # fmt: skip
REVENUE = Table(
    "revenue", "Credited revenue by all six models.",
    (
        _TOUCH,
        *(Column(m.column, "float64", "money", f"revenue by {m.value}") for m in Model),
        _CURRENCY,
        Column("touched", "int64", "count", "conversions with such a touch"),
        _PEOPLE,
    ),
    keys=("touch",), order=("-last_non_direct", "-touched", "touch"),
)  # fmt: skip
PATHS = Table(
    "paths", "One row a way of touches to a conversion.",
    (
        Column("path", "string", "key", "touches in order; the last ten steps of longer ones"),
        _CONVERSIONS,
        _SHARE,
        _PEOPLE,
        _ALL,
    ),
    keys=("path",), order=("-conversions", "path"),
)  # fmt: skip
TOUCHES = Table(
    "touches", "How many touches a conversion has.",
    (
        Column("touches", "int64", "key", "touches in the lookback"),
        _CONVERSIONS,
        _SHARE,
        _PEOPLE,
        _ALL,
    ),
    keys=("touches",),
)  # fmt: skip
LAGS = Table(
    "lags", "How long a conversion takes from its first touch.",
    (
        Column("days", "int64", "key", "whole days from the first touch in the lookback"),
        _CONVERSIONS,
        _SHARE,
        _PEOPLE,
        _ALL,
    ),
    keys=("days",),
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse durations that cannot be read."""
    parameters.cut()
    parameters.rules()


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a conversion in the period and what touched it, with each model's credit."""
    from clickcli.expressions import inside

    table = credited(events, context, parameters.cut(), parameters.rules())
    return {"credits": inside(table, context.period)}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum the credit by touch, and count conversions by path, touches and days."""
    import narwhals as nw

    from clickcli.expressions import floor_div

    by, table = list(context.by), units["credits"]
    table = table.with_columns(
        (1 - nw.col("is_last")).alias("assisted"),
        nw.when(nw.col("revenue") != 0).then(nw.lit(1)).otherwise(nw.lit(0))
        .cast(nw.Int64).alias("paid"),
    )  # fmt: skip
    ends = table.filter(nw.col("is_last") == 1)
    starts = table.filter(nw.col("number") == 1).with_columns(
        floor_div(nw.col("lag"), MICROSECONDS_PER_DAY).alias("days")
    )
    people = nw.col("person_key").n_unique().alias("people")
    counts = {
        name: rows.group_by(*by, key).agg(nw.len().alias("conversions"), people)
        for name, rows, key in (
            ("paths", ends, "path"), ("touches", ends, "touches"), ("lags", starts, "days")
        )
    }  # fmt: skip
    credit = [conversions_of(model) for model in Model]
    money = [revenue_of(model) for model in Model]
    return counts | {
        "credit": table.group_by(*by, "touch").agg(
            people, nw.len().alias("touched"), nw.col("assisted", *credit).sum()
        ),
        "money": table.group_by(*by, "touch", "currency").agg(nw.col("paid", *money).sum()),
    }


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Turn units of credit into conversions and money, and set shares beside them."""
    import polars as pl

    from clickcli.expressions import share

    by, model = list(context.by), parameters.model
    totals = frames["touches"].group_by(by or pl.lit(0).alias("all")).agg(
        pl.col("conversions").sum().alias("all_conversions")
    )  # fmt: skip
    credit = _with_totals(frames["credit"], totals, by)
    credit = credit.join(_money(frames["money"], by), on=[*by, "touch"], how="left")
    whole = (pl.col("all_conversions") * ONE).alias("all_credit")
    chosen = credit.with_columns(whole).with_columns(
        share(conversions_of(model), "all_credit").alias("share"),
        (pl.col(conversions_of(model)) / ONE).alias("credited"),
        pl.col(revenue_of(model)).alias("revenue"),
    )
    tables = {
        "credit": chosen,
        "models": credit.with_columns(
            (pl.col(conversions_of(one)) / ONE).alias(one.column) for one in Model
        ),
        "revenue": credit.with_columns(pl.col(revenue_of(one)).alias(one.column) for one in Model),
    }
    for name in ("paths", "touches", "lags"):
        counts = _with_totals(frames[name], totals, by)
        tables[name] = counts.with_columns(share("conversions", "all_conversions").alias("share"))
    title = (
        f"Attribution by {parameters.of.value} · {model.value}, "
        f"touches of the {parameters.lookback} before"
    )
    return Finished(tables, _notes(credit, context), title)


def _notes(credit: pl.DataFrame, context: Context) -> list[str]:
    import polars as pl

    if not credit.height:
        event = context.dataset.conversion_event
        return [f"no {event} events in the period: conversion_event in clickcli.toml names another"]
    if credit.filter(pl.col("currencies") > 1).height:
        return ["revenue is in several currencies and not added up: filter by currency"]
    return []


def _with_totals(table: pl.DataFrame, totals: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return table.join(totals, on=by, how="left") if by else table.join(totals, how="cross")


def _money(sums: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return the revenue that each touch is credited with; null where currencies mix."""
    import polars as pl

    from clickcli.money import major

    columns = [revenue_of(model) for model in Model]
    keys, is_one = [*by, "touch"], pl.len() == 1
    earned = (
        sums.filter(pl.col("paid") > 0)
        .with_columns(major(column, "currency").alias(column) for column in columns)
        .group_by(keys)
        .agg(
            *(pl.when(is_one).then(pl.col(column).sum()).alias(column) for column in columns),
            pl.when(is_one).then(pl.col("currency").min()).alias("currency"),
            pl.len().cast(pl.Int64).alias("currencies"),
        )
    )
    nothing = pl.col("currencies").is_null()
    return (
        sums.select(keys)
        .unique()
        .join(earned, on=keys, how="left")
        .with_columns(
            pl.when(nothing).then(0.0).otherwise(pl.col(column)).alias(column) for column in columns
        )
    )


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which touches' people a cell lists."""
    import narwhals as nw

    if cell == "converted":
        return "credits", nw.col("touches") >= 0
    word, _, value = cell.partition(":")
    if word not in _CELLS or not value:
        forms = ", ".join(f"{known}:TOUCH" for known in _CELLS)
        raise UsageError(f"--who must be converted, or one of {forms}, was {cell!r}")
    chosen = nw.col("touch") == value
    if word == "first":
        return "credits", chosen & (nw.col("number") <= 1)
    if word == "last":
        return "credits", chosen & (nw.col("is_last") == 1)
    return "credits", chosen & (nw.col("is_last") == 0) if word == "assisted" else chosen


ANALYSIS = Analysis(
    name="attribution",
    version=1,
    parameters=Parameters,
    sample=Parameters(),
    tables=(CREDIT, MODELS, REVENUE, PATHS, TOUCHES, LAGS),
    unit_keys={"credits": ("seq", "touch")},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("converted", "people with a conversion"),
        Cell("touched:TOUCH", "people with a conversion that such a touch came before"),
        Cell("first:TOUCH", "those for whom it was the first"),
        Cell("last:TOUCH", "those for whom it was the last"),
        Cell("assisted:TOUCH", "those whose last touch was another"),
    ),
    examples=(
        "clickcli attribution --last 28d",
        "clickcli attribution --table models --of campaign",
        "clickcli attribution --model time-decay --half-life 3d --lookback 14d",
    ),
    check=check,
)
