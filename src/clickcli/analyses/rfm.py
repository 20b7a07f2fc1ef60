"""Who bought how lately, how often and for how much, in quintile scores and segments.

Definition
----------
Of everybody with a purchase in the period: ``recency_days`` = as-of (or the end of a period that is
over) minus the last purchase; ``frequency`` = purchases, those that share an order's id being one;
``monetary`` = what they brought: revenue, else price × quantity of the lines. Scores are 1 to 5, 5
the best: 1 + the whole part of 5 × people who are strictly worse ÷ people, so that equal values
score equally and 5 means that at least four in five are worse. Money is scored among the people
with the same currency; those who bought in several have no monetary and no score of it. With
``--by`` people are scored among those of the same value. The segment is told by the scores of
recency and frequency (R, F): champions 5 4–5 · loyal 3–4 4–5 · potential loyal 4–5 2–3 · new 5 1 ·
promising 4 1 · needs attention 3 3 · about to sleep 3 1–2 · cannot lose 1–2 5 · at risk 1–2 3–4 ·
hibernating 1–2 1–2.

Input
-----
Purchases, with revenue or priced items, currency and order id.

Output
------
``segments``: one row a segment, most people first. ``scores``: the values that make each score.
``people``: the people, best scores first, as many as ``--list`` says.

Units
-----
Days; money in the currency's major unit, never summed over currencies; shares 0–1 with Wilson 95 %
intervals.

Cost
----
One pass over the purchases, then one row a buyer.

Source
------
RFM as in database marketing; the segments are the usual grid of scores. Scores by equal numbers of
people would split people of one value; ours do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.analysis import Analysis, Cell, Column, Finished, Table, Units, people_count, rate
from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError
from clickcli.relations.orders import OrderOptions, now, orders
from clickcli.relations.people_list import ListOptions, named

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_DAY_MS: Final = MICROSECONDS_PER_DAY // 1000
_LETTERS: Final = {"r": "recency_days", "f": "frequency", "m": "monetary"}
_SCORES: Final = tuple(f"{letter}_score" for letter in _LETTERS)
_HIBERNATING: Final = "hibernating"
_SEGMENTS: Final = {
    "champions": ((5,), (4, 5)),
    "loyal": ((3, 4), (4, 5)),
    "potential loyal": ((4, 5), (2, 3)),
    "new": ((5,), (1,)),
    "promising": ((4,), (1,)),
    "needs attention": ((3,), (3,)),
    "about to sleep": ((3,), (1, 2)),
    "cannot lose": ((1, 2), (5,)),
    "at risk": ((1, 2), (3, 4)),
    _HIBERNATING: ((1, 2), (1, 2)),
}
"""Scores of recency and of frequency that make a segment."""


@dataclass(frozen=True, kw_only=True)
class Parameters(OrderOptions, ListOptions):
    """Options of ``rfm``."""


_SHARE: Final = rate("share", "people ÷ everybody")
SEGMENTS = Table(
    "segments", "One row a segment.",
    (
        Column("segment", "string", "key", "segment by the scores of recency and frequency"),
        people_count("people", "people in it"),
        _SHARE[0],
        Column("purchases", "int64", "count", "their purchases"),
        Column("revenue", "float64", "money", "what these brought; none where currencies mix"),
        Column("currency", "string", "text", "currency of revenue"),
        Column("recency_mean_days", "float64", "ratio", "mean days since the last purchase"),
        Column("frequency_mean", "float64", "ratio", "purchases ÷ people"),
        Column("revenue_per_person", "float64", "money", "revenue ÷ people"),
        people_count("everybody", "people with a purchase"),
        *_SHARE[1:],
    ),
    keys=("segment",), order=("-people", "segment"),
)  # fmt: skip
SCORES = Table(
    "scores", "The values that make each score.",
    (
        Column("score_of", "string", "key", "recency_days, frequency or monetary"),
        Column("currency", "string", "key", "currency of monetary"),
        Column("score", "int64", "key", "1 to 5, 5 the best"),
        people_count("people", "people with the score"),
        Column("lowest", "float64", "ratio", "lowest value that has it"),
        Column("highest", "float64", "ratio", "highest value that has it"),
    ),
    keys=("score_of", "currency", "score"),
)  # fmt: skip
PEOPLE = Table(
    "people", "The people, best scores first.",
    (
        Column("person_id", "string", "key", "person"),
        Column("segment", "string", "text", "segment"),
        Column("recency_days", "float64", "ratio", "days since the last purchase"),
        Column("frequency", "int64", "count", "purchases"),
        Column("monetary", "float64", "money", "what they brought; none where currencies mix"),
        Column("currency", "string", "text", "currency of monetary"),
        Column("r_score", "int64", "count", "score of recency"),
        Column("f_score", "int64", "count", "score of frequency"),
        Column("m_score", "int64", "count", "score of monetary"),
        Column("last_purchase", "timestamp", "timestamp", "last purchase"),
        Column("is_known", "bool", "key", "whether person_id is a user's, not a device's"),
    ),
    keys=("person_id", "is_known"),
    order=("-r_score", "-f_score", "-m_score", "person_id", "is_known"),
    is_list=True, is_broken_down=False,
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    parameters.listed()


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a person with a purchase in the period; those listed with their ids."""
    import narwhals as nw

    from clickcli.expressions import inside

    rows = inside(orders(events, context, parameters.purchases(context)), context.period)
    without_id = nw.col("order_id").is_null().cast(nw.Int64)
    people = rows.group_by("person_key", *context.by).agg(
        nw.col("ts").max().alias("last"),
        nw.col("seq").max(),
        nw.col("order_id").n_unique().cast(nw.Int64).alias("ids"),
        without_id.sum().alias("without_id"),
        nw.col("amount").fill_null(0).sum().alias("money"),
        nw.col("amount").count().cast(nw.Int64).alias("priced"),
        nw.len().cast(nw.Int64).alias("events"),
        nw.col("currency").min(),
        nw.col("currency").max().alias("other_currency"),
    )
    alone, some = nw.col("without_id"), nw.col("without_id") > 0
    ids = nw.col("ids") - nw.when(some).then(1).otherwise(0)
    is_one = (nw.col("priced") > 0) & (nw.col("currency") == nw.col("other_currency"))
    people = people.with_columns(
        (ids + alone).cast(nw.Int64).alias("frequency"),
        nw.when(is_one).then(nw.col("money")).otherwise(None).alias("monetary"),
        nw.when(is_one).then(nw.col("currency")).otherwise(None).alias("currency"),
        nw.when((nw.col("priced") > 0) & ~is_one).then(1).otherwise(0).cast(nw.Int64)
        .alias("mixed"),
        (nw.col("events") - nw.col("priced")).alias("unpriced"),
    )  # fmt: skip
    people = context.engine.hold(_scored(people, list(context.by)))
    listed = people
    if (count := parameters.listed()) is not None:
        listed = people.with_columns(nw.lit(1).alias("all"), (0 - nw.col("rfm")).alias("worse"))
        listed = listed.with_columns(nw.col("worse").rank("min").over("all").alias("place"))
        listed = listed.filter(nw.col("place") <= count).drop("all", "worse", "place")
    return {"people": people, "listed": named(listed, events)}


def _scored(people: nw.LazyFrame[Any], by: list[str]) -> nw.LazyFrame[Any]:
    """Add the scores, ``rfm`` to sort by, and the segment."""
    import narwhals as nw

    groups = [*by, "all"]
    people = people.with_columns(nw.lit(0, nw.Int64).alias("all"))
    people = people.with_columns(nw.len().over(*groups).cast(nw.Int64).alias("n"))
    money = [*by, "currency"]
    people = people.with_columns(nw.col("monetary").count().over(*money).cast(nw.Int64).alias("k"))
    for name, value, among, count in (
        ("r_score", "last", groups, "n"),
        ("f_score", "frequency", groups, "n"),
        ("m_score", "monetary", money, "k"),
    ):
        worse = nw.col(value).rank("min").over(*among).cast(nw.Int64) - 1
        people = people.with_columns(worse.alias("worse"))
        score = nw.lit(1, nw.Int64)
        for fifth in range(1, 5):
            is_better = nw.col("worse") * 5 >= nw.col(count) * fifth
            score = score + nw.when(is_better).then(1).otherwise(0)
        known = nw.when(~nw.col(value).is_null()).then(score).otherwise(None)
        people = people.with_columns(known.cast(nw.Int64).alias(name))
    r, f, m = (nw.col(name) for name in _SCORES)
    segment = nw.lit(_HIBERNATING)
    for name, (own_r, own_f) in _SEGMENTS.items():
        fits = r.is_in(list(own_r)) & f.is_in(list(own_f))
        segment = nw.when(fits).then(nw.lit(name)).otherwise(segment)
    return people.with_columns(
        segment.alias("segment"), (r * 100 + f * 10 + m.fill_null(0)).alias("rfm")
    ).drop("worse", "all")


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum by segment, and find the bounds of each score."""
    import narwhals as nw

    from clickcli.expressions import floor_div

    by, listed = list(context.by), units["listed"]
    away = nw.lit(now(context), nw.Int64) - nw.col("last")
    people = units["people"].with_columns(floor_div(away, 1000).alias("away_ms"))
    if by:
        from clickcli.context import TOTAL

        listed = listed.filter(nw.col(by[0]) == TOTAL)
    frames = {
        "segments": people.group_by(*by, "segment").agg(
            nw.len().alias("people"),
            nw.col("frequency").sum().alias("purchases"),
            nw.col("away_ms", "mixed", "unpriced", "priced").sum(),
        ),
        "money": people.group_by(*by, "segment", "currency").agg(
            nw.col("money").sum().alias("revenue")
        ),
        "listed": listed,
    }
    for letter, value in {"r": "last", "f": "frequency", "m": "monetary"}.items():
        groups = [*by, f"{letter}_score", *(["currency"] if letter == "m" else [])]
        frames[letter] = people.filter(~nw.col(value).is_null()).group_by(*groups).agg(
            nw.len().alias("people"),
            nw.col(value).min().alias("lowest"), nw.col(value).max().alias("highest"),
        )  # fmt: skip
    return frames


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put shares and money beside the counts."""
    import polars as pl

    from clickcli.expressions import share, with_rate
    from clickcli.money import major

    by, end = list(context.by), now(context)
    table = _with_revenue(frames["segments"], frames["money"], by)
    people = pl.col("people")
    everybody = people.sum().over(by) if by else people.sum()
    table = table.with_columns(
        everybody.alias("everybody"),
        (pl.col("away_ms") / (people * _DAY_MS)).alias("recency_mean_days"),
        share("purchases", "people").alias("frequency_mean"),
        share("revenue", "people").alias("revenue_per_person"),
    )
    table = with_rate(table, "share", "people", "everybody")
    listed = frames["listed"].sort(
        "r_score", "f_score", "m_score", "person_id", "is_known",
        descending=[True, True, True, False, False], nulls_last=True,
    )  # fmt: skip
    if (count := parameters.listed()) is not None:
        listed = listed.head(count)
    listed = listed.with_columns(
        ((end - pl.col("last")) / MICROSECONDS_PER_DAY).alias("recency_days"),
        pl.col("last").cast(pl.Datetime("us", "UTC")).alias("last_purchase"),
        major("monetary").alias("monetary"),
    )
    tables = {"segments": table, "scores": _scores(frames, end), "people": listed}
    return Finished(tables, _notes(table, parameters, context), "RFM · quintiles of buyers")


def _with_revenue(table: pl.DataFrame, money: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Add the revenue of each segment, none where it is not known or in several currencies."""
    import polars as pl

    from clickcli.money import one_currency

    groups = [*by, "segment"]
    table = table.join(one_currency(money, groups, "revenue"), on=groups, how="left")
    is_told = (pl.col("mixed") == 0) & (pl.col("priced") > 0)
    return table.with_columns(pl.when(is_told).then(pl.col("revenue", "currency")))


def _scores(frames: Mapping[str, pl.DataFrame], end: int) -> pl.DataFrame:
    """Return the bounds of the scores, in days and major units."""
    import polars as pl

    from clickcli.money import major

    bounds = ("lowest", "highest")
    days = [((end - pl.col(name)) / MICROSECONDS_PER_DAY) for name in bounds]
    values = {
        "r": [days[1].alias("lowest"), days[0].alias("highest")],
        "f": [pl.col(name).cast(pl.Float64) for name in bounds],
        "m": [major(name).alias(name) for name in bounds],
    }
    parts = [
        frames[letter]
        .with_columns(*values[letter], pl.lit(name).alias("score_of"))
        .rename({f"{letter}_score": "score"})
        for letter, name in _LETTERS.items()
    ]
    return pl.concat(parts, how="diagonal")


def _notes(table: pl.DataFrame, parameters: Parameters, context: Context) -> list[str]:
    from clickcli.notes import FEW

    if not table.height:
        return parameters.missing(context) or ["no purchases in the period"]
    notes = []
    if table["everybody"].max() < FEW:  # type: ignore[operator]
        notes.append(f"fewer than {FEW} people bought: scores part them more finely than that")
    if table["mixed"].sum():
        notes.append("some people bought in several currencies: they have no monetary score")
    if (table["currencies"] > 1).any():
        notes.append("some revenue is in several currencies and not added up: filter by currency")
    if table["unpriced"].sum():
        notes.append("some purchases have neither revenue nor prices and are left out of money")
    return notes


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return the people of a segment, or with a score."""
    import narwhals as nw

    if cell in _SEGMENTS:
        return "people", nw.col("segment") == cell
    letter, _, score = cell.partition(":")
    if letter in _LETTERS and score in tuple("12345"):
        return "people", nw.col(f"{letter}_score") == int(score)
    if letter == "rfm" and len(score) == 3 and set(score) <= set("12345"):
        return "people", (nw.col("rfm") == int(score))
    forms = f"{', '.join(_SEGMENTS)}, r:5, f:5, m:5, or rfm:555"
    raise UsageError(f"--who must be one of {forms}, was {cell!r}")


ANALYSIS = Analysis(
    name="rfm",
    version=1,
    parameters=Parameters,
    sample=Parameters(list="all"),
    tables=(SEGMENTS, SCORES, PEOPLE),
    unit_keys={"people": ("person_key",), "listed": ("person_key",)},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("champions", "people of the segment; each other segment likewise"),
        Cell("r:5", "people with this score of recency; f:5 and m:5 likewise"),
        Cell("rfm:555", "people with these three scores"),
    ),
    examples=(
        "clickcli rfm",
        "clickcli rfm --table people --list 50",
        "clickcli rfm --who 'at risk' -o win_back.jsonl",
    ),
    check=check,
)
