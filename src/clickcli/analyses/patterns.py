"""Which items, pages or events go together in orders, sessions or people, and what implies what.

Definition
----------
A basket is an order, a session or a person; it holds each thing once. Things are items,
categories or brands (of purchases in orders, else of views), cleaned page paths (of page views),
or event types (but for those that people do not cause); ``--event`` names other events. Baskets
without a thing are none; those of more than ``--max-basket`` things are left out whole and
counted, for everything goes together in them. A set is frequent when at least ``--min-support`` of
the baskets and ``--min-count`` of them hold all of it. A rule A → B splits a frequent set in two.
Support: baskets with both ÷ all. Confidence: baskets with both ÷ those with A. Lift: confidence ÷
the share of B among all baskets; its bounds take the Wilson 95 % bounds of the confidence.
Leverage: support − what chance would give. Conviction: (1 − share of B) ÷ (1 − confidence), none
where it is infinite. Zhang's metric: leverage ÷ the most it could be, −1 to 1. Jaccard: baskets
with both ÷ with any of them. Kulczynski: mean confidence of both directions.

Input
-----
Events that name an item, or a list of items; page paths; order ids (a purchase without one is an
order). Orders and people by events in the period, sessions by their start.

Output
------
``rules``: highest lower bound of lift first. ``itemsets``: most frequent first. ``summary``: what
they stand on. Things of a set stand in the order of their names, apart by commas; a name with a
comma or a quote stands in double quotes.

Units
-----
Shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events; then memory for the frequent things of all baskets, some 40 bytes each.
More work than takes minutes is refused before it is begun.

Source
------
The sets of FP-Growth and the measures of mlxtend's ``association_rules``. Ours counts in whole
numbers, people too, and leaves Zhang's metric empty where it is 0/0.
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
from clickcli.errors import UsageError
from clickcli.relations.baskets import (
    Basket,
    Over,
    SupportOptions,
    check_things,
    each_group,
    things,
)
from clickcli.relations.set_texts import parted, quoted

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_SIGN: Final = ","
_RULES: Final = "Rules"


@dataclass(frozen=True, kw_only=True)
class Parameters(SupportOptions):
    """Options of ``patterns``."""

    basket: Annotated[Basket, Option("What is one basket.")] = Basket.ORDER
    max_basket: Annotated[
        int,
        Option("Leave out baskets of more things.", kind="count", minimum=2, maximum=1000),
    ] = 50
    max_len: Annotated[
        int, Option("Most things of a set.", kind="count", minimum=2, maximum=10)
    ] = 3
    min_len: Annotated[
        int, Option("Fewest things of a set that is listed.", kind="count", minimum=1)
    ] = 2
    min_confidence: Annotated[
        float,
        Option("Least confidence.", kind="count", minimum=0, maximum=1, group=_RULES),
    ] = 0.1
    min_lift: Annotated[float, Option("Least lift.", kind="count", minimum=0, group=_RULES)] = 1.0
    consequent: Annotated[
        tuple[str, ...], Option("Only rules that lead to this (repeatable).", group=_RULES)
    ] = ()
    consequent_size: Annotated[
        int, Option("Most things that a rule leads to.", kind="count", minimum=1, group=_RULES)
    ] = 1


_SUPPORT: Final = rate("support", "count ÷ baskets")
_CONFIDENCE: Final = rate("confidence", "count ÷ antecedent_count")
RULES = Table(
    "rules",
    "One row a rule: whoever holds the one holds the other.",
    (
        Column("antecedents", "string", "key", "what is there already"),
        Column("consequents", "string", "key", "what it comes with"),
        Column("count", "int64", "count", "baskets that hold both"),
        _CONFIDENCE[0],
        Column("lift", "float64", "ratio", "confidence ÷ (consequent_count ÷ baskets)"),
        Column("lift_low", "float64", "ratio", "lower 95 % bound of lift"),
        _SUPPORT[0],
        Column("leverage", "float64", "score", "support − what chance would give"),
        Column("conviction", "float64", "ratio", "none where it is infinite"),
        Column("zhangs_metric", "float64", "score", "leverage ÷ the most it could be, −1 to 1"),
        Column("jaccard", "float64", "share", "count ÷ baskets that hold any of both"),
        Column("kulczynski", "float64", "share", "mean confidence of both directions"),
        people_count("people", "people with a basket that holds both"),
        Column("antecedent_count", "int64", "count", "baskets that hold the antecedents"),
        Column("consequent_count", "int64", "count", "baskets that hold the consequents"),
        Column("baskets", "int64", "count", "all baskets"),
        *_CONFIDENCE[1:],
        *_SUPPORT[1:],
        Column("lift_high", "float64", "ratio", "upper 95 % bound of lift"),
    ),
    keys=("antecedents", "consequents"),
    order=("-lift_low", "-count", "antecedents", "consequents"),
)
ITEMSETS = Table(
    "itemsets",
    "One row a frequent set.",
    (
        Column("items", "string", "key", "things that go together"),
        Column("size", "int64", "count", "how many they are"),
        Column("count", "int64", "count", "baskets that hold all of them"),
        _SUPPORT[0],
        people_count("people", "people with such a basket"),
        Column("baskets", "int64", "count", "all baskets"),
        *_SUPPORT[1:],
    ),
    keys=("items",),
    order=("-count", "size", "items"),
)
SUMMARY = Table(
    "summary",
    "What the sets and rules stand on.",
    (
        Column("baskets", "int64", "count", "baskets"),
        people_count("people", "people who have one"),
        Column("things", "int64", "count", "different things in them"),
        Column("frequent", "int64", "count", "of those, in enough baskets"),
        Column("least", "int64", "count", "baskets that a set must be in"),
        Column("sets", "int64", "count", "frequent sets of two things or more"),
        Column("rules", "int64", "count", "rules listed"),
        Column("too_large", "int64", "count", "baskets left out for their size"),
    ),
    keys=(),
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse what contradicts itself."""
    check_things(parameters, parameters.basket)
    if parameters.min_len > parameters.max_len:
        raise UsageError(
            f"--min-len must be at most --max-len, {parameters.max_len}, was {parameters.min_len}"
        )


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a thing of a basket, with the basket's size."""
    import narwhals as nw

    rows = things(events, context, parameters, parameters.basket)
    rows = rows.select("person_key", "basket", "thing", *context.by).unique()
    size = nw.len().over("basket", *context.by).cast(nw.Int64)
    return {"baskets": rows.with_columns(size.alias("size"))}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count the baskets, and leave out what is in too few of them."""
    import narwhals as nw

    rows = units["baskets"].with_columns(nw.lit(0, nw.Int64).alias("all"))
    fits, groups = nw.col("size") <= parameters.max_basket, (*context.by, "all")
    kept = rows.filter(fits)
    return {
        "totals": kept.group_by(*groups).agg(
            nw.col("basket").n_unique().alias("baskets"),
            nw.col("person_key").n_unique().alias("people"),
            nw.col("thing").n_unique().alias("things"),
        ),
        "large": rows.filter(~fits).group_by(*groups).agg(
            nw.col("basket").n_unique().alias("too_large")
        ),
        "rows": parameters.frequent(kept, context.by).select(
            "person_key", "basket", "thing", *context.by
        ),
    }  # fmt: skip


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Find the sets and rules of each value of the breakdown."""
    groups = [*context.by, "all"]
    totals = frames["totals"].join(frames["large"], on=groups, how="full", coalesce=True)

    def mined(rows: pl.DataFrame, line: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
        return _mined(rows, line, parameters)

    given = each_group(totals.fill_null(0), frames["rows"], context.by, mined)
    title = f"Patterns · {parameters.over.many} of {parameters.basket.value}s"
    title = f"{title} · in {100 * parameters.min_support:g} % of them, at least "
    return Finished(given, _notes(given, parameters), f"{title}{parameters.min_count}")


def _mined(
    rows: pl.DataFrame, line: Mapping[str, Any], parameters: Parameters
) -> dict[str, pl.DataFrame]:
    """Return the tables of the baskets that ``line`` counts, with what is frequent in them."""
    import polars as pl

    from clickcli.expressions import with_rate
    from clickcli.models.itemsets import frequent_sets
    from clickcli.models.rules import named, rules

    names = rows["thing"].unique().sort()
    code = pl.col("thing").cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    rows = rows.select("person_key", "basket", code.alias("thing")).sort("person_key", "basket")
    rows = rows.with_columns(pl.col("person_key", "basket").rle_id().cast(pl.Int64))
    baskets = line["baskets"]
    least = parameters.least(baskets)
    owners = rows.unique("basket", keep="any", maintain_order=True)["person_key"]
    sets = named(
        frequent_sets(
            rows["basket"].to_numpy(), rows["thing"].to_numpy(), owners.to_numpy(),
            min_count=least, max_len=parameters.max_len,
        ),
        quoted(names, _SIGN), f"{_SIGN} ",
    )  # fmt: skip
    wanted = None
    if parameters.consequent:
        known = {name: number for number, name in enumerate(names)}
        wanted = [known[name] for name in parameters.consequent if name in known]
    found = rules(
        sets, baskets, consequent_size=parameters.consequent_size, consequent=wanted
    ).filter(
        (pl.col("confidence") >= parameters.min_confidence)
        & (pl.col("lift") >= parameters.min_lift)
    )
    listed = sets.filter(pl.col("size") >= parameters.min_len)
    listed = listed.select("items", "size", "count", "people", pl.lit(baskets).alias("baskets"))
    frequent = sets.filter(pl.col("size") == 1).height
    facts = {"least": least, "frequent": frequent, "sets": sets.height - frequent}
    return {
        "rules": found,
        "itemsets": with_rate(listed, "support", "count", "baskets"),
        "summary": pl.DataFrame([{**line, **facts, "rules": found.height}]),
    }


def _notes(given: Mapping[str, pl.DataFrame], parameters: Parameters) -> list[str]:
    """Return what a reader would else be misled by."""
    from clickcli.notes import few

    if (summary := given.get("summary")) is None:
        return []
    baskets, large = max(summary["baskets"].to_list()), max(summary["too_large"].to_list())
    notes = few(given["rules"], "antecedent_count", "baskets")
    if not baskets:
        notes.append(f"no {parameters.basket.value}s with {parameters.over.many}: name their "
                     "events with --event")  # fmt: skip
    elif not summary["sets"].max():
        notes.append(f"no two things are together in {parameters.least(baskets)} of {baskets} "
                     "baskets: lower --min-support or --min-count")  # fmt: skip
    if large:
        what = "1 basket" if large == 1 else f"{large} baskets"
        notes.append(f"left out: {what} of more than {parameters.max_basket} things")
    return notes


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return the people with a basket that holds all things of a cell."""
    import narwhals as nw

    word, _, text = cell.partition(":")
    if word != "holds":
        raise UsageError(f"--who must be holds:A, B, was {cell!r}")
    names = parted(text, _SIGN)
    is_asked = nw.when(nw.col("thing").is_in(names)).then(1).otherwise(0)
    fits = nw.col("size") <= parameters.max_basket
    return "baskets", fits & (is_asked.sum().over("basket") == len(names))


ANALYSIS = Analysis(
    name="patterns",
    version=1,
    parameters=Parameters,
    sample=Parameters(
        basket=Basket.PERSON, over=Over.EVENT_TYPE, min_support=0.1, min_count=1, min_lift=0
    ),
    tables=(RULES, ITEMSETS, SUMMARY),
    unit_keys={"baskets": ("basket", "thing")},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(Cell("holds:A, B", "people with a basket that holds all of these"),),
    examples=(
        "clickcli patterns",
        "clickcli patterns --basket session --over page --min-support 0.005 --max-len 2",
        "clickcli patterns --who 'holds:p_026, p_029'",
    ),
    check=check,
    fits=True,
)
