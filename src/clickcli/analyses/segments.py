"""Which kinds of people there are: clusters of alike people by value, or segments by rules.

Definition
----------
Of everybody with a session in the period: sessions, active days and events in them, purchases, what
these brought, and days from the last event to as-of (or the end of a period that is over). k-means
parts people by these numbers, as log1p, moved by the median and divided by the distance of the
quartiles (by the standard deviation where half of all people have one value). ``--k auto`` takes
the number of clusters from 2 to 8 with the best silhouette. Clusters are numbered by revenue, then
purchases, active days and events of their centres, 1 the highest. There is structure when the
silhouette is at least .25 and by .05 better than that of each of 19 normal clouds with the same
covariances; without it ``--k auto`` leaves everybody in one cluster, and a given k is an arbitrary
cut, as a note says.

With ``--rules`` the first that fits: new, first seen at most ``new_days`` ago; at risk, last seen
more than ``risk_days`` ago; high-value, revenue of at least ``high_value``; power, at least
``power_days`` active days; else regular. These are settings of ``[segments]`` in the configuration.

Input
-----
All events but those named as not caused by people; purchases, with revenue or priced items.

Output
------
``segments``: one row a segment, its size, its centre in the numbers' own units (of the mean of
log1p(x), so nearer to the median than a mean of x, which a few would lift) and how it deviates: the
three numbers furthest from all people's mean, in standard deviations of what was compared.
``fit``: how well clusters part people; empty with ``--rules``. ``people``: the people, by segment,
as many as ``--list`` says.

Units
-----
Days; money in the currency's major unit. Revenue counts only where it is in one currency.

Cost
----
One pass over the events, sorted by person and time; one row a person is kept in memory. Centres are
found with at most 50,000 people, the silhouette with 1,000, both drawn by ``--seed``.

Source
------
k-means as in scikit-learn; Rousseeuw (1987) for the silhouette.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    rate,
)
from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError
from clickcli.relations.engagement import SessionOptions
from clickcli.relations.orders import OrderOptions, now
from clickcli.relations.people_list import ListOptions, by_value, named
from clickcli.relations.person_numbers import NUMBERS, person_numbers

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context, Events

_AUTO: Final = "auto"
_MOST: Final = 50
_VALUE: Final = ("revenue", "purchases", "active_days", "events")
"""What clusters are ordered by."""
_DIGITS: Final = 9
"""Decimal places that exp(log1p(x)) - 1 gives back as they were."""
_DEVIATIONS: Final = 3
_RULES: Final = ("new", "at risk", "high-value", "power", "regular")


@dataclass(frozen=True, kw_only=True)
class Parameters(OrderOptions, SessionOptions, ListOptions):
    """Options of ``segments``."""

    k: Annotated[
        str, Option("Clusters: a number from 2, or auto: the best of 2 to 8.", flag="k")
    ] = "3"
    rules: Annotated[
        bool, Option("Segments by the rules of the configuration instead of clusters.")
    ] = False

    def count(self) -> int | None:
        """Return how many clusters, None for the best; UsageError for what is neither."""
        text = self.k.strip()
        if text == _AUTO:
            return None
        is_number = text.isascii() and text.isdigit() and len(text) < 4
        if not is_number or not 2 <= int(text) <= _MOST:
            raise UsageError(f"--k must be auto or a number from 2 to {_MOST}, was {self.k!r}")
        return int(text)


_SHARE: Final = rate("share", "people ÷ everybody")
SEGMENTS = Table(
    "segments", "One row a segment.",
    (
        Column("segment", "string", "key", "number of the cluster, 1 the highest, or rule"),
        people_count("people", "people in it"),
        _SHARE[0],
        Column("deviations", "string", "text", "numbers furthest from the mean of all people"),
        *(
            Column(name, "float64", "money" if name == "revenue" else "ratio",
                   f"centre (of log1p): {text}")
            for name, text in NUMBERS.items()
        ),
        Column("currency", "string", "text", "currency of revenue; none where there are several"),
        people_count("everybody", "people with a session"),
        *_SHARE[1:],
    ),
    keys=("segment",), below=("deviations",),
)  # fmt: skip
FIT = Table(
    "fit", "How well clusters part people; empty with --rules.",
    (
        Column("k", "int64", "count", "clusters"),
        people_count("people", "people parted"),
        Column("silhouette", "float64", "score", "-1 to 1: how near people are to their own"),
        Column("silhouette_cloud", "float64", "score", "best of clouds without clusters"),
        Column("structure", "bool", "flag", "whether there are clusters rather than a cloud"),
        Column("numbers", "string", "text", "numbers that people were compared by"),
    ),
    keys=(),
)  # fmt: skip
PEOPLE = Table(
    "people", "The people, by segment.",
    (
        Column("person_id", "string", "key", "person"),
        Column("segment", "string", "text", "segment"),
        *(
            Column(name, "float64", "money" if name == "revenue" else "ratio", text)
            for name, text in NUMBERS.items()
        ),
        Column("currency", "string", "text", "currency of revenue"),
        Column("is_known", "bool", "key", "whether person_id is a user's, not a device's"),
    ),
    keys=("person_id", "is_known"),
    order=("segment", "-revenue", "-events", "person_id", "is_known"),
    is_list=True, is_broken_down=False,
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    parameters.count()
    parameters.listed()
    parameters.cut()


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a person with a session in the period."""
    people = person_numbers(events, context, parameters.cut(), parameters.purchases(context))
    return {"people": named(people, events)}


def reduce(units: Units, parameters: Parameters, context: Context) -> Units:
    """Hand over the people: clusters need all of them."""
    return {"people": units["people"]}


@dataclass
class _Parted:
    """People with their ``segment``, the numbers compared, and what tells of the clusters."""

    people: pl.DataFrame
    numbers: list[str]
    fit: pl.DataFrame
    notes: list[str]


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Part the people, and say how the segments differ."""
    import polars as pl

    from clickcli.expressions import with_rate

    title = "Segments by rules" if parameters.rules else f"Segments · k-means, k {parameters.k}"
    if not frames["people"].height:
        return Finished({}, ["no sessions in the period"], title)
    tables: dict[str, list[pl.DataFrame]] = {"segments": [], "fit": []}
    listed, notes = pl.DataFrame(), []
    for labels, is_total, people in by_value(frames["people"], context):
        found = _parted(people, parameters, context)
        tables["segments"].append(_described(found).with_columns(labels))
        tables["fit"].append(found.fit.with_columns(labels))
        if is_total:
            listed, notes = found.people, found.notes
    segments = with_rate(pl.concat(tables["segments"]), "share", "people", "everybody")
    listed = listed.sort(
        "segment", "revenue", "events", "person_id", "is_known",
        descending=[False, True, True, False, False], nulls_last=True,
    )  # fmt: skip
    if (count := parameters.listed()) is not None:
        listed = listed.head(count)
    done = {"segments": segments, "people": listed}
    if not parameters.rules:
        done["fit"] = pl.concat(tables["fit"])
    return Finished(done, notes, title)


def _parted(people: pl.DataFrame, parameters: Parameters, context: Context) -> _Parted:
    """Return people in their segments, with their numbers as they are shown."""
    import polars as pl

    from clickcli.money import unit

    codes = people["currency"].drop_nulls().unique()
    is_one = len(codes) <= 1 and not people["is_mixed"].sum()
    revenue = pl.when(is_one).then(pl.col("revenue") / unit())
    shown = people.with_columns(
        pl.col("sessions", "active_days", "events", "purchases").cast(pl.Float64),
        revenue.alias("revenue"),
        (pl.col("away") / MICROSECONDS_PER_DAY).alias("recency_days"),
        pl.lit(codes[0] if is_one and len(codes) else None, pl.String).alias("currency"),
    )
    numbers = [
        name for name in NUMBERS if shown[name].null_count() == 0 and shown[name].n_unique() > 1
    ]
    notes = []
    if not is_one:
        notes.append("revenue is in several currencies and does not count: filter by currency")
    if people["unpriced"].sum():
        notes.append("some purchases have neither revenue nor prices and are left out of revenue")
    if same := [name for name in NUMBERS if shown[name].n_unique() == 1 and is_one]:
        notes.append(f"the same for everybody: {', '.join(same)}")
    if parameters.rules:
        return _Parted(_ruled(shown, context), numbers, pl.DataFrame(), notes)
    return _clustered(_Parted(shown, numbers, pl.DataFrame(), notes), parameters, context)


def _ruled(people: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Add the first segment whose rule fits; new is judged by the first event ever."""
    import polars as pl

    rules = context.dataset
    known = (now(context) - pl.col("first")) / MICROSECONDS_PER_DAY
    fits = {
        "new": known <= rules.segments_new_days,
        "at risk": pl.col("recency_days") > rules.segments_risk_days,
        "high-value": pl.col("revenue") >= rules.segments_high_value,
        "power": pl.col("active_days") >= rules.segments_power_days,
    }
    segment = pl.lit(_RULES[-1])
    for name in reversed(fits):
        segment = pl.when(fits[name]).then(pl.lit(name)).otherwise(segment)
    return people.with_columns(segment.alias("segment"))


def _clustered(found: _Parted, parameters: Parameters, context: Context) -> _Parted:
    """Add clusters, numbered by the value of their centres."""
    import numpy as np
    import polars as pl

    from clickcli.models.clusters import LEAST_PEOPLE, clusters

    asked = parameters.count()
    values = np.empty((found.people.height, len(found.numbers)))
    for place, name in enumerate(found.numbers):
        values[:, place] = found.people[name].to_numpy()
    parted = clusters(values, asked, context.shared.seed)
    people = found.people.with_columns(pl.Series("label", parted.labels, dtype=pl.Int64))
    order = [name for name in _VALUE if name in found.numbers]
    means = people.group_by("label").agg(_logs(name).mean() for name in order)
    ranked = means.sort([*order, "label"], descending=[True] * len(order) + [False])
    width = len(str(parted.k))
    number = (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(width).alias("segment")
    found.people = people.join(ranked.select("label", number), on="label", how="left")
    found.fit = pl.DataFrame({
        "k": [parted.k], "people": [people.height], "silhouette": [parted.silhouette],
        "silhouette_cloud": [parted.cloud], "structure": [parted.has_structure],
        "numbers": [", ".join(found.numbers)],
    }, schema_overrides={"silhouette": pl.Float64, "silhouette_cloud": pl.Float64})  # fmt: skip
    if people.height < LEAST_PEOPLE:
        found.notes.append(f"fewer than {LEAST_PEOPLE} people: one cluster")
    elif asked is not None and parted.k < asked:
        found.notes.append(f"no more than {parted.k} kinds of people differ: k is {parted.k}")
    if parted.silhouette is not None and not parted.has_structure:
        found.notes.append(_no_structure(parted.silhouette, parted.cloud or 0.0, parted.k))
    return found


def _no_structure(silhouette: float, cloud: float, k: int) -> str:
    from clickcli.models.clusters import LEAST_SILHOUETTE, MARGIN

    needed = max(LEAST_SILHOUETTE, cloud + MARGIN)
    then = "everybody is in one cluster" if k == 1 else "the clusters are cuts through a cloud"
    return f"no cluster structure (silhouette {silhouette:.2f}, needed {needed:.2f}): {then}"


def _logs(name: str) -> pl.Expr:
    """Return a number as it is compared; less than nothing, as after a refund, is nothing."""
    import polars as pl

    return pl.col(name).clip(lower_bound=0).log1p()


def _described(found: _Parted) -> pl.DataFrame:
    """Return one row a segment with its size, centre and deviations."""
    import polars as pl

    people = found.people
    sizes = people.group_by("segment").agg(
        pl.len().cast(pl.Int64).alias("people"), pl.col("currency").first(),
        *(_logs(name).mean().alias(name) for name in NUMBERS),
    )  # fmt: skip
    rows = sizes.sort("segment").to_dicts()
    spread = {}
    for name in found.numbers:
        logs = people.select(_logs(name)).to_series()
        spread[name] = (float(logs.mean()), float(logs.std(ddof=0)))  # type: ignore[arg-type]
    for row in rows:
        row["deviations"] = _deviations(row, spread)
    table = pl.DataFrame(rows, schema={**sizes.schema, "deviations": pl.String})
    return table.with_columns(
        *((pl.col(name).exp() - 1).round(_DIGITS).alias(name) for name in NUMBERS),
        pl.lit(people.height, pl.Int64).alias("everybody"),
    )


def _deviations(row: Mapping[str, Any], spread: Mapping[str, tuple[float, float]]) -> str | None:
    """Return the numbers furthest from everybody's mean, the furthest first."""
    away = {name: (row[name] - mean) / width for name, (mean, width) in spread.items() if width > 0}
    most = sorted(away, key=lambda name: (-abs(away[name]), name))[:_DEVIATIONS]
    told = [f"{name} {away[name]:+.1f}" for name in most if abs(away[name]) >= 0.05]
    return ", ".join(told) or None


def members(
    cell: str, frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> pl.DataFrame:
    """Return the keys of the people of a segment."""
    import polars as pl

    ((_, _, people),) = by_value(frames["people"], context)
    if not people.height:
        return people.select("person_key")
    found = _parted(people, parameters, context).people
    known = _RULES if parameters.rules else sorted(found["segment"].unique())
    if cell not in known:
        raise UsageError(f"--who must be one of {', '.join(known)}, was {cell!r}")
    return found.filter(pl.col("segment") == cell).select("person_key")


ANALYSIS = Analysis(
    name="segments",
    version=1,
    parameters=Parameters,
    sample=Parameters(list="all"),
    tables=(SEGMENTS, FIT, PEOPLE),
    unit_keys={"people": ("person_key",)},
    units=units,
    reduce=reduce,
    finish=finish,
    members=members,
    cells=(
        Cell("1", "people of the cluster of this number"),
        Cell("at risk", "people of this segment, with --rules; each other rule likewise"),
    ),
    examples=(
        "clickcli segments --k auto",
        "clickcli segments --rules --table segments",
        "clickcli segments --who 1 -o best.jsonl",
    ),
    check=check,
    fits=True,
)
