"""Who is like a person, or which items are like an item, by the cosine of what people did.

Definition
----------
Each person has a rating of each item: ln(1 + s), where s is the sum of a person's events about it,
weighted by kind and halved every ``--half-life``. Two people are as similar as the cosine of their
ratings over all items, two items as that of their ratings by all people. The overlap is how many
items both people have, or how many people have both items. Whoever has fewer than ``--min-events``
events is not compared: of the one asked for that is an error, others are left out.

Input
-----
Views, adds and purchases with ``item_id``, of all people.

Output
------
``similar``: one row a similar person or item, the nearest first.

Units
-----
Cosines from 0 to 1, rounded to nine decimals.

Cost
----
One pass over the events; memory grows with the events about items.

Source
------
Cosine similarity of collaborative filtering (Sarwar et al. 2001); weights and decay are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Analysis, Cell, Column, Finished, Option, Table, Units
from clickcli.errors import Undecidable, UsageError, suggestion, unknown
from clickcli.relations.baskets import each_group
from clickcli.relations.interactions import UNIT, InteractionOptions, interactions
from clickcli.relations.orders import now
from clickcli.relations.people_list import named

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_SCALE: Final = 1_000_000
"""Terms of a rating are whole millionths, so that a sum does not depend on the order."""
_DECIMALS: Final = 9


@dataclass(frozen=True, kw_only=True)
class Parameters(InteractionOptions):
    """Options of ``similar``."""

    user: Annotated[
        str | None, Option("Find people like this user, or device where no user has the id.")
    ] = None
    item: Annotated[str | None, Option("Find items like this one.")] = None
    min_events: Annotated[
        int, Option("Events about items that are needed.", kind="count", minimum=1)
    ] = 5
    k: Annotated[
        int, Option("How many to find.", kind="count", minimum=1, maximum=10_000, flag="k")
    ] = 10


SIMILAR = Table(
    "similar",
    "One row a similar person or item.",
    (
        Column("rank", "int64", "key", "place, from 1"),
        Column("id", "string", "text", "person or item"),
        Column("is_known", "bool", "flag", "whether a person is a user, not a device"),
        Column("similarity", "float64", "score", "cosine of the ratings"),
        Column("overlap", "int64", "count", "items that both people have, or people of both items"),
        Column("own", "int64", "count", "items or people of the one asked for"),
        Column("theirs", "int64", "count", "items or people of this one"),
        Column("events", "int64", "count", "events of this one"),
    ),
    keys=("rank",),
    is_list=True,
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse a question about nobody, or about two."""
    parameters.check_interactions()
    if (parameters.user is None) == (parameters.item is None):
        given = "neither" if parameters.user is None else "both"
        raise UsageError(f"one of --user and --item must be given, was {given}")


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row an item of each event about items in the period."""
    import narwhals as nw

    from clickcli.expressions import inside

    rows = inside(interactions(events, context, parameters, tells_more=False), context.period)
    rows = named(rows, events).with_columns(nw.col("is_known").cast(nw.Int64))
    names = ("item", "weight", "person_id", "is_known")
    return {"events": rows.select(*UNIT, *names, *context.by)}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count the events, and keep what ratings are made of."""
    import narwhals as nw

    rows = units["events"].with_columns(nw.lit(0, nw.Int64).alias("all"))
    return {
        "totals": rows.group_by(*context.by, "all").agg(nw.len().alias("events")),
        "rows": rows.drop("seq", "line", "all"),
    }


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Compare the one asked for with all others, in each value of the breakdown."""
    import polars as pl

    from clickcli.context import TOTAL

    of_user = parameters.user is not None
    what, wanted = ("user", parameters.user) if of_user else ("item", parameters.item)
    title = f"Similar to {what} {wanted}"
    if not frames["rows"].height:
        note = "no events about items: name them with --view, --add and --purchase"
        return Finished({}, [note], title)
    one, other = ["person_id", "is_known"], ["item"]
    if not of_user:
        one, other = other, one

    def nearest(rows: pl.DataFrame, line: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
        rated = _rated(rows, parameters, context)
        mine = _asked(rows, what, str(wanted))
        is_whole = all(line[name] == TOTAL for name in context.by)
        if mine.height < parameters.min_events:
            if is_whole:
                _refuse(rows, mine.height, what, str(wanted), parameters.min_events)
            mine = mine.clear()
        counts = rows.group_by(one).agg(pl.len().alias("events"))
        enough = counts.filter(pl.col("events") >= parameters.min_events)
        return {"similar": _nearest(rated, mine.select(one).unique(), enough, other, parameters.k)}

    found = each_group(frames["totals"], frames["rows"], context.by, nearest)
    table = found["similar"].rename({one[0]: "id"})
    if of_user:
        table = table.with_columns(pl.col("is_known") == 1)
    else:
        table = table.with_columns(pl.lit(None, pl.Boolean).alias("is_known"))
    notes = [] if table.height else [f"nobody else has what {what} {wanted} has"]
    return Finished({"similar": table}, notes, title)


def _asked(rows: pl.DataFrame, what: str, wanted: str) -> pl.DataFrame:
    """Return the events of the one asked for; of a user and a device of one id, the user's."""
    import polars as pl

    if what == "item":
        return rows.filter(pl.col("item") == wanted)
    own = rows.filter(pl.col("person_id") == wanted)
    return own.filter(pl.col("is_known") == pl.col("is_known").max())


def _refuse(rows: pl.DataFrame, events: int, what: str, wanted: str, least: int) -> None:
    """Say that the one asked for is not there, or has too few events."""
    if not events and what == "item":
        raise unknown(what, wanted, rows["item"].unique().to_list())
    if not events:
        ids = rows["person_id"].unique().sort()
        raise UsageError(
            "unknown user or device, or one without events about items",
            hint=suggestion(wanted, ids) or "clickcli events --columns person_id shows ids",
        )
    raise Undecidable(
        f"{what} {wanted!r} must have at least {least} events about items, has {events}",
        hint=f"--min-events {events} compares it all the same",
    )


def _rated(rows: pl.DataFrame, parameters: Parameters, context: Context) -> pl.DataFrame:
    """Return one row a person and item with the rating, of ratings above 0."""
    import polars as pl

    half_life, weight = parameters.half_life_us(), pl.col("weight").cast(pl.Float64)
    if half_life is not None:
        age = (now(context) - pl.col("ts")).cast(pl.Float64)
        weight = weight * pl.lit(0.5).pow(age / half_life)
    term = (weight * _SCALE).round().cast(pl.Int64)
    sums = rows.group_by("person_id", "is_known", "item").agg(term.sum().alias("sum"))
    total = pl.col("sum") / _SCALE
    rating = total if parameters.undamped else total.log1p()
    return sums.select("person_id", "is_known", "item", rating.alias("rating")).filter(
        pl.col("rating") > 0
    )


def _nearest(
    rated: pl.DataFrame, asked: pl.DataFrame, enough: pl.DataFrame, other: list[str], k: int
) -> pl.DataFrame:
    """Return the ``k`` nearest to the one row of ``asked`` among ``enough``.

    ``other`` are the columns over which the ratings of both are multiplied.
    """
    import polars as pl

    one, rating = asked.columns, pl.col("rating")
    sizes = rated.sort(*one, *other).group_by(one, maintain_order=True).agg(
        (rating * rating).sum().sqrt().alias("length"), pl.len().alias("theirs")
    )  # fmt: skip
    own = rated.join(asked, on=one).sort(*other)
    length = float((own["rating"] ** 2).sum()) ** 0.5
    shared = rated.join(own.select(*other, rating.alias("mine")), on=other).sort(*one, *other)
    shared = shared.join(asked, on=one, how="anti", maintain_order="left")
    products = shared.group_by(one, maintain_order=True).agg(
        (rating * pl.col("mine")).sum().alias("product"), pl.len().alias("overlap")
    )
    cosine = (pl.col("product") / (pl.col("length") * length)).clip(0, 1).round(_DECIMALS)
    table = products.join(sizes, on=one).join(enough, on=one).with_columns(
        cosine.alias("similarity"), pl.lit(own.height, pl.Int64).alias("own")
    )  # fmt: skip
    table = table.filter(pl.col("similarity") > 0)
    table = table.sort("similarity", *one, descending=[True, *(False for _ in one)]).head(k)
    return table.with_columns(pl.int_range(1, pl.len() + 1).alias("rank"))


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return the people who have both the item asked for and another."""
    import narwhals as nw

    word, _, item = cell.partition(":")
    if word != "overlap" or not item or parameters.item is None:
        raise UsageError(f"--who must be overlap:ITEM, with --item, was {cell!r}")
    is_asked = nw.when(nw.col("item") == parameters.item).then(1).otherwise(0)
    return "events", (nw.col("item") == item) & (is_asked.max().over("person_key") == 1)


ANALYSIS = Analysis(
    name="similar",
    version=1,
    parameters=Parameters,
    sample=Parameters(item="tea"),
    tables=(SIMILAR,),
    unit_keys={"events": UNIT},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(Cell("overlap:ITEM", "people who have that item and the one of --item"),),
    examples=(
        "clickcli similar --item p_026",
        "clickcli similar --user 42 --k 20",
        "clickcli similar --item p_026 --who overlap:p_029",
    ),
    check=check,
    fits=True,
)
