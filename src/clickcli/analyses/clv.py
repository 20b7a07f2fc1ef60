"""What buyers are worth from now on: chance to be alive, expected purchases, value, value tier.

Definition
----------
Purchases on one day (``--unit week``: in one calendar week) are one. Of everybody with a purchase
in the period: ``repeat_purchases`` = days with a purchase after the first, ``age_at_last_purchase``
and ``customer_age`` = days from the first to the last, and to as-of (or the end of a period that is
over). From these BG/NBD (``--model mbgnbd``: MBG/NBD) tells ``p_alive``, the chance to ever buy
again, and ``expected_purchases`` within ``--horizon``. Gamma–Gamma tells ``expected_mean_value`` of
a purchase from ``mean_value``, the mean of the repeats. ``value`` = expected purchases × expected
mean value, not discounted. Tiers: churned, ``p_alive`` below ``--churned``; at risk, below
``--at-risk``; else by value: high, above ``--high``; low, below ``--low``; medium. With ``--by``
the models are fitted to each value apart.

Input
-----
Purchases, with revenue or priced items and currency.

Output
------
``tiers``: one row a tier. ``fit``: the parameters. ``holdout``: what the model would have foretold
of the end of the period from what came before it, beside "same as last period". ``people``: the
people, highest value first, as many as ``--list`` says.

Units
-----
Days or weeks (``--unit``); money in the currency's major unit. Values are told of one currency
only: filter by currency where there are several.

Cost
----
One pass over the purchases; one row a buyer is kept in memory, some hundreds of fits' steps over
them.

Source
------
Fader, Hardie and Lee (2005); Batislam, Denizel and Filiztekin (2007); Fader and Hardie (2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
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
    rate,
)
from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError
from clickcli.models.buy_till_you_die import Model
from clickcli.relations.orders import OrderOptions
from clickcli.relations.people_list import ListOptions, by_value, named
from clickcli.relations.purchase_periods import Held, last_period, purchase_periods
from clickcli.units import Every, duration_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.models.customer_value import Valued

_TIERS: Final = ("high", "medium", "low", "at risk", "churned", "unknown")
_AUTO, _NONE = "auto", "none"
_NAMES: Final = {Model.BGNBD: "BG/NBD", Model.MBGNBD: "MBG/NBD"}


class Unit(StrEnum):
    """How long a time is in which purchases are one."""

    DAY = "day"
    WEEK = "week"

    @property
    def days(self) -> int:
        """Its days."""
        return 1 if self is Unit.DAY else 7

    @property
    def every(self) -> Every:
        """Its calendar grain."""
        return Every(self.value)


@dataclass(frozen=True, kw_only=True)
class Parameters(OrderOptions, ListOptions):
    """Options of ``clv``."""

    model: Annotated[
        Model, Option("bgnbd; mbgnbd: people may be gone right after their first purchase.")
    ] = Model.BGNBD
    unit: Annotated[Unit, Option("Purchases within one day or week are one.")] = Unit.DAY
    horizon: Annotated[
        str, Option("How far ahead purchases and value are expected.", kind="duration")
    ] = "365d"
    holdout: Annotated[
        str,
        Option("End of the period that is foretold as a check: 90d, auto (a quarter), none."),
    ] = _AUTO
    high: Annotated[float, Option("Values above this are high.", minimum=0)] = 1000.0
    low: Annotated[float, Option("Values below this are low.", minimum=0)] = 200.0
    at_risk: Annotated[float, Option("At risk: p_alive below this.", minimum=0, maximum=1)] = 0.5
    churned: Annotated[float, Option("Churned: p_alive below this.", minimum=0, maximum=1)] = 0.2

    def span(self) -> float:
        """Return the horizon in units."""
        return self._units(self.horizon, "--horizon")

    def _units(self, text: str, flag: str) -> float:
        units = duration_us(text) / (MICROSECONDS_PER_DAY * self.unit.days)
        if units < 1:
            raise UsageError(f"{flag} must be at least a {self.unit}, was {text}")
        return units

    def held(self, context: Context) -> Held | None:
        """Return what is held back; None where nothing is, or the period is too short for it."""
        if self.holdout == _NONE or context.dataset.first_ts is None:
            return None
        start = max(context.dataset.first_ts, context.period.start or context.dataset.first_ts)
        last = last_period(context, self.unit.every)
        span = last - context.calendar.index_of(start, self.unit.every)
        length = span // 4
        if self.holdout != _AUTO:
            length = int(self._units(self.holdout, "--holdout"))
        return Held(last - length, length) if 0 < 2 * length <= span else None


_SHARE: Final = rate("share", "people ÷ everybody")
TIERS = Table(
    "tiers", "One row a value tier.",
    (
        Column("tier", "string", "key", "high, medium, low, at risk, churned; unknown: no fit"),
        people_count("people", "people in it"),
        _SHARE[0],
        Column("value", "float64", "money", "sum of expected values"),
        Column("currency", "string", "text", "currency of all money"),
        Column("expected_purchases", "float64", "ratio", "sum of expected purchases"),
        Column("value_mean", "float64", "money", "value ÷ people"),
        Column("p_alive_mean", "float64", "score", "mean chance to ever buy again"),
        Column("revenue", "float64", "money", "what they brought so far"),
        people_count("everybody", "people with a purchase"),
        *_SHARE[1:],
    ),
    keys=("tier",), order=("-value", "-expected_purchases", "tier"),
)  # fmt: skip
FIT = Table(
    "fit", "The parameters of the models.",
    (
        Column("model", "string", "key", "bgnbd, mbgnbd or gamma-gamma"),
        Column("parameter", "string", "key", "its name; alpha is in units of time, v of money"),
        Column("value", "float64", "score", "likeliest value; none where there are too few people"),
        Column("log_likelihood", "float64", "score", "of all people fitted"),
        people_count("people", "people fitted"),
        Column("converged", "bool", "flag", "whether the search ended at a maximum"),
    ),
    keys=("model", "parameter"),
)  # fmt: skip
HOLDOUT = Table(
    "holdout", "What would have been foretold of the last part of the period.",
    (
        Column("method", "string", "key", "the model, or as many as in the same time before"),
        people_count("people", "people who had bought before it"),
        Column("actual", "int64", "count", "purchases that they made in it"),
        Column("expected", "float64", "ratio", "purchases foretold"),
        Column("difference", "float64", "ratio", "expected minus actual"),
        Column("rmse", "float64", "score", "root of the mean square error a person"),
        Column("mae", "float64", "score", "mean absolute error a person"),
    ),
    keys=("method",),
)  # fmt: skip
PEOPLE = Table(
    "people", "The people, highest expected value first.",
    (
        Column("person_id", "string", "key", "person"),
        Column("tier", "string", "text", "value tier"),
        Column("value", "float64", "money", "expected purchases × expected mean value"),
        Column("p_alive", "float64", "score", "chance to ever buy again"),
        Column("expected_purchases", "float64", "ratio", "expected within --horizon"),
        Column("repeat_purchases", "int64", "count", "days or weeks with a purchase but the first"),
        Column("age_at_last_purchase", "int64", "count", "first to last purchase"),
        Column("customer_age", "int64", "count", "first purchase to now"),
        Column("mean_value", "float64", "money", "mean of the repeat purchases"),
        Column("expected_mean_value", "float64", "money", "expected of the next purchase"),
        Column("currency", "string", "text", "currency of all money"),
        Column("is_known", "bool", "key", "whether person_id is a user's, not a device's"),
    ),
    keys=("person_id", "is_known"),
    order=("-value", "-expected_purchases", "person_id", "is_known"),
    is_list=True, is_broken_down=False,
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read or contradict each other."""
    parameters.listed()
    parameters.span()
    parameters.held(context)
    if parameters.low > parameters.high:
        raise UsageError(
            f"--low must not be above --high ({parameters.high:g}), was {parameters.low:g}"
        )
    if parameters.churned > parameters.at_risk:
        raise UsageError(
            f"--churned must not be above --at-risk ({parameters.at_risk:g}), "
            f"was {parameters.churned:g}"
        )


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a person with a purchase in the period."""
    types, every = parameters.purchases(context), parameters.unit.every
    people = purchase_periods(events, context, types, every, parameters.held(context))
    return {"people": named(people, events)}


def reduce(units: Units, parameters: Parameters, context: Context) -> Units:
    """Hand over the people: what is fitted needs all of them."""
    return {"people": units["people"]}


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Fit the models, and sum what they tell by tier."""
    import polars as pl

    from clickcli.expressions import with_rate

    if not frames["people"].height:
        return Finished({}, parameters.missing(context) or ["no purchases in the period"])
    parts: dict[str, list[pl.DataFrame]] = {"tiers": [], "fit": [], "holdout": []}
    listed, notes = pl.DataFrame(), []
    for labels, is_total, people in by_value(frames["people"], context):
        found = _valued(people, parameters, context)
        held, doubts = _held_out(people, parameters, context)
        rows = {"tiers": _tiers(found.people), "fit": _frame(found.fits), "holdout": _frame(held)}
        for name, table in rows.items():
            if table.height:
                parts[name].append(table.with_columns(labels))
        if is_total:
            listed = found.people
            notes = [*_notes(found, people, parameters), *doubts]
    tables = {
        name: pl.concat(found, how="diagonal_relaxed") for name, found in parts.items() if found
    }
    tables["tiers"] = with_rate(tables["tiers"], "share", "people", "everybody")
    if (count := parameters.listed()) is not None:
        listed = listed.head(count)
    title = f"CLV · {_NAMES[parameters.model]} by {parameters.unit} · next {parameters.horizon}"
    return Finished({**tables, "people": listed}, notes, title)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, infer_schema_length=None)


def _valued(people: pl.DataFrame, parameters: Parameters, context: Context) -> Valued:
    """Return people with what they are worth, their tier and ids, highest value first."""
    import polars as pl

    from clickcli.models.customer_value import valued
    from clickcli.money import unit

    repeats = pl.col("periods") - 1
    codes = people["currency"].drop_nulls().unique()
    is_one = len(codes) == 1 and not people["is_mixed"].sum()
    later = (pl.col("money") - pl.col("first_money")) / unit()
    is_told = (repeats > 0) & (pl.col("unpriced_repeats") == 0) & is_one
    known = people.with_columns(
        repeats.alias("repeats"),
        (pl.col("last") - pl.col("first")).alias("age_at_last"),
        (last_period(context, parameters.unit.every) - pl.col("first")).alias("age"),
        pl.when(is_told).then(later / repeats).alias("mean_value"),
        pl.when(is_one).then(pl.col("money") / unit()).alias("revenue"),
        pl.lit(codes[0] if is_one else None, pl.String).alias("currency"),
    )
    found = valued(known, parameters.model, parameters.span())
    alive, value = pl.col("p_alive"), pl.col("value")
    tier = (
        pl.when(alive < parameters.churned).then(pl.lit("churned"))
        .when(alive < parameters.at_risk).then(pl.lit("at risk"))
        .when(value > parameters.high).then(pl.lit("high"))
        .when(value < parameters.low).then(pl.lit("low"))
        .when(value.is_not_null()).then(pl.lit("medium"))
        .otherwise(pl.lit("unknown"))
    )  # fmt: skip
    found.people = found.people.with_columns(
        tier.alias("tier"),
        pl.col("repeats").alias("repeat_purchases"),
        pl.col("age_at_last").alias("age_at_last_purchase"),
        pl.col("age").alias("customer_age"),
    ).sort(
        "value", "expected_purchases", "person_id", "is_known",
        descending=[True, True, False, False], nulls_last=True,
    )  # fmt: skip
    return found


def _tiers(people: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of each tier; what is not told of anybody is null."""
    import polars as pl

    def total(name: str) -> pl.Expr:
        return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)

    return people.group_by("tier", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("people"),
        total("value"), total("expected_purchases"), total("revenue"),
        pl.col("currency").first(),
        pl.col("value").mean().alias("value_mean"),
        pl.col("p_alive").mean().alias("p_alive_mean"),
    ).with_columns(pl.lit(people.height, pl.Int64).alias("everybody"))  # fmt: skip


def _held_out(
    people: pl.DataFrame, parameters: Parameters, context: Context
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of the check on what is held back, and notes."""
    import polars as pl

    from clickcli.models.customer_value import held_out

    held = parameters.held(context)
    if held is None:
        asked = parameters.holdout not in (_AUTO, _NONE)
        short = f"no holdout check: the period is shorter than twice {parameters.holdout}"
        return [], [short] if asked else []
    known = people.filter(pl.col("calibrated") > 0).with_columns(
        (pl.col("calibrated") - 1).alias("repeats"),
        (pl.col("calibrated_last") - pl.col("first")).alias("age_at_last"),
        (held.cutoff - pl.col("first")).alias("age"),
    )
    rows, notes = held_out(known, parameters.model, held.length)
    return rows, notes


def _notes(found: Valued, people: pl.DataFrame, parameters: Parameters) -> list[str]:
    import polars as pl

    notes = []
    if parameters.model is Model.BGNBD and found.fits and (people["periods"] == 1).any():
        notes.append(
            "p_alive of people with one purchase is 1 by construction: --model mbgnbd judges them"
        )
    if (
        people["is_mixed"].sum()
        or people["currency"].n_unique() - people["currency"].has_nulls() > 1
    ):
        notes.append("purchases are in several currencies: filter by one to have values")
    unpriced = people.filter((pl.col("periods") > 1) & (pl.col("unpriced_repeats") > 0)).height
    if unpriced:
        notes.append(f"people with repeat purchases of unknown value: {unpriced}")
    return [*notes, *found.notes]


def members(
    cell: str, frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> pl.DataFrame:
    """Return the keys of the people of a tier."""
    import polars as pl

    if cell not in _TIERS:
        raise UsageError(f"--who must be one of {', '.join(_TIERS)}, was {cell!r}")
    ((_, _, people),) = by_value(frames["people"], context)
    found = _valued(people, parameters, context).people
    return found.filter(pl.col("tier") == cell).select("person_key")


ANALYSIS = Analysis(
    name="clv",
    version=1,
    parameters=Parameters,
    sample=Parameters(list="all"),
    tables=(TIERS, FIT, HOLDOUT, PEOPLE),
    unit_keys={"people": ("person_key",)},
    units=units,
    reduce=reduce,
    finish=finish,
    members=members,
    cells=(Cell("high", "people of the tier; each other tier likewise"),),
    examples=(
        "clickcli clv --horizon 90d",
        "clickcli clv --model mbgnbd --unit week --table fit",
        "clickcli clv --who 'at risk' -o win_back.jsonl",
    ),
    check=check,
    fits=True,
)
