"""How good recommendations would have been: methods tried on the log's last weeks, by folds.

Definition
----------
The last ``--folds`` spans of ``--test`` (whole days where it is days) are asked for, each by
methods fitted to all that was before it. ``--mode later``: the items that a person took in the
span, those it had before left out unless ``--allow-repeat``. ``--mode next``: at each moment of the
span at which somebody took a new item (any, with ``--allow-repeat``), that item, all its events
before being known. All items are ranked. Precision@k = hits ÷ k; recall = hits ÷ relevant; hit rate
= lists with a hit ÷ lists; MAP ÷ relevant (``--map-divisor min``: ÷ min(k, relevant)); NDCG binary,
the ideal over min(k, relevant); MRR = 1 ÷ place of the first hit. Each is the mean over people of
the mean of a person's cases; its interval is a bootstrap over people. A person without a list has
0, one without relevant items does not count. Coverage = items in lists ÷ items; novelty = mean
-log2 of the share of people who have an item; diversity = 1 - mean cosine of two items of a list;
popularity share = places held by the tenth of items that most people have; all four are means over
folds. A person is hot with ``--hot`` events or more before the span, cold with none, else warm.
``auto`` chooses among methods and blends on the last fifth of what it is fitted to, and gives what
is trending where it has nothing to say. ``repeat`` is nothing without ``--allow-repeat``. Ratings
that people gave in the spans are foretold by the mean of those before, and by that with a bias of
the item and the person (sum ÷ (n + 5)).

Input
-----
Views, adds and purchases of items; ratings of items, where there are any.

Output
------
``methods``: one row a method, the best NDCG first; ``segments``: apart for hot, warm and cold
people; ``folds``: what each fold asked; ``ratings``: RMSE and MAE where people rated items.

Units
-----
People; for next items people with such moments, at most 5,000 moments a fold.

Cost
----
One pass over the events; the views, adds and purchases of items are held in memory, about 100 bytes
each; each method is fitted once a fold, ``auto`` fits all of them.

Source
------
RecTools and RecBole for the metrics; splits by time, since leaving out each person's last event
lets methods see the future.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Analysis, Column, Finished, Option, Table, Units, people_count
from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError, unknown
from clickcli.relations.interactions import UNIT, InteractionOptions, interactions
from clickcli.units import duration_us, from_us, local_midnight

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.models.recommend.evaluation import Fold, FoldResult, Plan

_AUTO: Final = "auto"
_BASELINES: Final = ("popular", "repeat", "random")
_USUAL: Final = (_AUTO, "trending", "itemknn", "als", "seq")
_NAMES: Final = (
    _AUTO, *_BASELINES, "trending", "itemknn", "bm25", "als", "bpr", "ease", "rp3", "seq", "vsknn",
    "content",
)  # fmt: skip
_FEW: Final = 30
_MOST_RATING: Final = 1_000_000


class Mode(StrEnum):
    """What is asked for."""

    LATER = "later"
    NEXT = "next"


class Divisor(StrEnum):
    """What average precision is divided by."""

    RELEVANT = "relevant"
    MIN = "min"


@dataclass(frozen=True, kw_only=True)
class Parameters(InteractionOptions):
    """Options of ``evaluate``."""

    method: Annotated[
        tuple[str, ...],
        Option(f"Method beside popular, repeat and random (repeatable): {', '.join(_NAMES)}."),
    ] = _USUAL
    mode: Annotated[Mode, Option("Ask for items of later days, or for the next item.")] = Mode.LATER
    k: Annotated[
        int, Option("Length of the lists.", kind="count", minimum=1, maximum=1000, flag="k")
    ] = 10
    folds: Annotated[
        int, Option("Spans that are asked for.", kind="count", minimum=1, maximum=50)
    ] = 3
    test: Annotated[str, Option("Length of a span.", kind="duration")] = "7d"
    hot: Annotated[int, Option("Events that make a person hot.", kind="count", minimum=1)] = 5
    map_divisor: Annotated[
        Divisor, Option("What MAP divides by: relevant items, or min of k and those.")
    ] = Divisor.RELEVANT
    allow_repeat: Annotated[
        bool, Option("Ask for items that a person had, too, and recommend them.")
    ] = False


def _score(name: str, text: str) -> Column:
    return Column(name, "float64", "score", text)


_NDCG: Final = (
    _score("ndcg", "NDCG at k"),
    _score("ndcg_low", "lower 95 % bound of ndcg"),
    _score("ndcg_high", "upper 95 % bound of ndcg"),
)
METHODS: Final = Table(
    "methods",
    "One row a method, the best first.",
    (
        Column("method", "string", "key", "method"),
        *_NDCG,
        _score("hit_rate", "lists with a hit ÷ lists"),
        _score("recall", "hits ÷ relevant items"),
        _score("precision", "hits ÷ k"),
        _score("map", "mean average precision at k"),
        _score("mrr", "1 ÷ place of the first hit"),
        people_count("people", "people who were asked for"),
        _score("over_popular", "ndcg - that of popular, the same people"),
        _score("over_popular_low", "lower 95 % bound of over_popular"),
        _score("over_popular_high", "upper 95 % bound of over_popular"),
        _score("coverage", "items in lists ÷ items"),
        _score("novelty", "mean of -log2(people with an item ÷ people)"),
        _score("diversity", "1 - mean cosine of two items of a list"),
        _score("popularity_share", "places held by the tenth of items that most people have"),
        Column("cases", "int64", "count", "lists that were judged"),
    ),
    keys=("method",),
    order=("-ndcg", "method"),
)
SEGMENTS: Final = Table(
    "segments",
    "Hot, warm and cold people apart.",
    (
        Column("segment", "string", "key", "hot, warm or cold by the events known before"),
        Column("method", "string", "key", "method"),
        *_NDCG,
        _score("hit_rate", "lists with a hit ÷ lists"),
        _score("recall", "hits ÷ relevant items"),
        people_count("people", "people who were asked for"),
        Column("cases", "int64", "count", "lists that were judged"),
    ),
    keys=("segment", "method"),
    order=("segment", "-ndcg", "method"),
)
FOLDS: Final = Table(
    "folds",
    "What each fold asked.",
    (
        Column("fold", "int64", "key", "number of the fold, from 1"),
        Column("start", "timestamp", "timestamp", "first moment that was asked for"),
        Column("end", "timestamp", "timestamp", "first moment after it"),
        people_count("people", "people who were asked for"),
        Column("events", "int64", "count", "events that methods were fitted to"),
        Column("chosen", "string", "text", "what auto chose"),
    ),
    keys=("fold",),
    is_broken_down=False,
)


RATINGS: Final = Table(
    "ratings",
    "How far ratings that people gave are from those foretold.",
    (
        Column("predictor", "string", "key", "mean of all, or with biases of item and person"),
        _score("rmse", "root of the mean squared error"),
        _score("mae", "mean absolute error"),
        people_count("people", "people who gave them"),
        Column("ratings", "int64", "count", "ratings in the folds"),
    ),
    keys=("predictor",),
    is_broken_down=False,
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse methods that are unknown and durations that cannot be read."""
    parameters.check_interactions()
    for name in parameters.method:
        if name not in _NAMES:
            raise unknown("method", name, _NAMES)
    if duration_us(parameters.test) == 0:
        raise UsageError("--test must be longer than nothing, was 0")


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row an item of each view, add and purchase; and one a rating of an item."""
    import narwhals as nw

    from clickcli.expressions import inside

    ratings = events.frame(["item_id", "rating"], period=context.period)
    is_given = ~nw.col("item_id").is_null() & (nw.col("rating").abs() < _MOST_RATING)
    return {
        "events": inside(interactions(events, context, parameters), context.period),
        "ratings": ratings.filter(is_given).select(
            "person_key", "ts", "seq", "item_id", "rating", *context.by
        ),
    }


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Return the rows as they are: methods are fitted to events, not to sums."""
    return {"events": units["events"], "ratings": units["ratings"]}


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Fit and judge every method in every fold."""
    from clickcli.models.recommend.coding import coded
    from clickcli.models.recommend.evaluation import evaluate
    from clickcli.models.recommend.interactions import Rating

    rows, labels = _labelled(frames["events"], context)
    title = f"Recommendations · {parameters.mode} items, lists of {parameters.k}"
    if not rows.height:
        note = "no views, adds or purchases of items: name the events that are with --view"
        return Finished({}, [note], title)
    rating = Rating(parameters.half_life_us(), is_damped=not parameters.undamped)
    known = coded(rows, context.as_of, rating)
    plan = _plan(parameters, context)
    results = [
        evaluate(known.data, fold, plan, known.label) for fold in _folds(parameters, context)
    ]
    found = [result for result in results if result is not None]
    if not found:
        note = (
            f"nothing to judge: no events before the last {parameters.folds} × {parameters.test}, "
            "or nobody took an item in them; a shorter --test or fewer --folds may help"
        )
        return Finished({}, [note], title)
    tables = _tables(found, labels, parameters, context)
    ratings = _only_total(frames["ratings"], context)
    tables["ratings"] = _rating_rows(ratings, _folds(parameters, context))
    return Finished(tables, _notes(tables["methods"], found, plan, context), title)


def _labelled(
    rows: pl.DataFrame, context: Context
) -> tuple[pl.DataFrame, Sequence[tuple[str, ...]]]:
    """Return each event once, with the number of its values of ``--by``, and those values."""
    import polars as pl

    from clickcli.context import TOTAL

    by = list(context.by)
    if not by:
        return rows, ()
    is_total = pl.all_horizontal(pl.col(name) == TOTAL for name in by)
    values = rows.filter(~is_total).select(by).unique().sort(by)
    numbered = values.with_row_index("label")
    own = rows.filter(~is_total).join(numbered, on=by).select(*UNIT, "label")
    return rows.filter(is_total).drop(by).join(own, on=UNIT), values.rows()


def _only_total(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Return each event once, without its values of ``--by``."""
    import polars as pl

    from clickcli.context import TOTAL

    by = list(context.by)
    return rows.filter(pl.col(name) == TOTAL for name in by).drop(by) if by else rows


def _rating_rows(rows: pl.DataFrame, folds: Sequence[Fold]) -> pl.DataFrame:
    """Return the errors of each predictor over all folds."""
    import numpy as np
    import polars as pl

    from clickcli.models.recommend.ratings import Ratings, errors

    rows = rows.sort("ts", "seq")
    _, person = np.unique(rows["person_key"].to_numpy(), return_inverse=True)
    _, item = np.unique(rows["item_id"].to_numpy(), return_inverse=True)
    given = Ratings(person, item, rows["ts"].to_numpy(), rows["rating"].to_numpy())
    found, people = errors(given, folds)
    table = [
        {
            "predictor": name, "rmse": float(np.sqrt((error**2).mean())),
            "mae": float(np.abs(error).mean()), "people": len(np.unique(people)),
            "ratings": len(error),
        }
        for name, error in found.items()
    ]  # fmt: skip
    return pl.DataFrame(table, schema=[column.name for column in RATINGS.columns])


def _plan(parameters: Parameters, context: Context) -> Plan:
    from clickcli.models.recommend import cases, metrics
    from clickcli.models.recommend.evaluation import Plan

    methods = tuple(dict.fromkeys((*parameters.method, *_BASELINES)))
    return Plan(
        methods, cases.Mode(parameters.mode), parameters.k, context.shared.seed,
        metrics.MapDivisor(parameters.map_divisor), parameters.allow_repeat,
    )  # fmt: skip


def _folds(parameters: Parameters, context: Context) -> list[Fold]:
    """Return the spans, the oldest first; they end with the period, or as-of's day."""
    from clickcli.models.recommend.evaluation import Fold

    span, count = duration_us(parameters.test), parameters.folds
    last = (
        context.as_of if context.period.end is None else min(context.as_of, context.period.end - 1)
    )
    if span % MICROSECONDS_PER_DAY:
        ends = [last + 1 - span * back for back in range(count, -1, -1)]
    else:
        days = span // MICROSECONDS_PER_DAY
        day = from_us(last, context.tz).date() + timedelta(days=1)
        ends = [
            local_midnight(day - timedelta(days=days * back), context.tz)
            for back in range(count, -1, -1)
        ]
    return [Fold(at + 1, ends[at], ends[at + 1]) for at in range(count)]


def _tables(
    found: Sequence[FoldResult], labels: Sequence[tuple[str, ...]], parameters: Parameters,
    context: Context,
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """Return the three tables, the first two for each value of ``--by``, too."""
    import polars as pl

    from clickcli.context import TOTAL
    from clickcli.models.recommend.evaluation import ALL
    from clickcli.models.recommend.judged import method_rows, segment_rows

    by = context.by
    methods: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    parts = sorted({label for one in found for label in one.judged})
    for label in parts:
        values = (TOTAL,) * len(by) if label == ALL else labels[label]
        key = dict(zip(by, values, strict=True))
        judged = [judged for one in found for judged in one.judged.get(label, ())]
        methods += [key | row for row in method_rows(judged, context.shared.seed)]
        segments += [key | row for row in segment_rows(judged, parameters.hot, context.shared.seed)]
    folds = [
        {
            "fold": one.fold.number, "start": one.fold.start, "end": one.fold.end,
            "people": one.people, "events": one.events, "chosen": one.chosen,
        }
        for one in found
    ]  # fmt: skip
    made = {
        "methods": pl.DataFrame(methods, infer_schema_length=None),
        "segments": pl.DataFrame(segments, infer_schema_length=None),
        "folds": pl.DataFrame(folds, infer_schema_length=None),
    }
    made["folds"] = made["folds"].with_columns(
        pl.from_epoch(pl.col("start", "end"), time_unit="us").dt.replace_time_zone("UTC")
    )
    return made


def _notes(
    methods: pl.DataFrame, found: Sequence[FoldResult], plan: Plan, context: Context
) -> list[str]:
    """Return which methods do not beat popular, and what makes the answer weak."""
    import polars as pl

    from clickcli.context import TOTAL
    from clickcli.models.recommend.evaluation import ALL

    whole = methods
    for by in context.by:
        whole = whole.filter(pl.col(by) == TOTAL)
    notes = []
    others = whole.filter(~pl.col("method").is_in(list(_BASELINES)))
    worse = others.filter(pl.col("over_popular_low") <= 0).sort("method")
    for name, over, low, high in worse.select(
        "method", "over_popular", "over_popular_low", "over_popular_high"
    ).iter_rows():
        notes.append(
            f"{name} does not beat popular: the difference of their NDCG@{plan.k} is {over:+.4f}, "
            f"95 % interval {low:+.4f} to {high:+.4f}"
        )
    if cold := sum(int((one.known == 0).sum()) for fold in found for one in fold.judged[ALL][:1]):
        notes.append(
            f"{cold} cases are of cold people, for whom personal methods have nothing: see "
            "the table segments"
        )
    people = whole["people"].to_list()[0]
    if people < _FEW:
        notes.append(f"{people} people only: chance decides much of this")
    left = [fold.reason for fold in found if fold.reason is not None and "needed" in fold.reason]
    if left:
        notes.append(f"auto had too little to choose by in {len(left)} folds and took popular")
    return notes


ANALYSIS = Analysis(
    name="evaluate",
    version=1,
    parameters=Parameters,
    sample=Parameters(method=("trending", "itemknn"), folds=2, view=("view", "page_view")),
    tables=(METHODS, SEGMENTS, FOLDS, RATINGS),
    unit_keys={"events": UNIT, "ratings": ("person_key", "ts", "seq")},
    units=units,
    reduce=reduce,
    finish=finish,
    examples=(
        "clickcli evaluate --folds 2",
        "clickcli evaluate --method itemknn --method ease --k 5 --table segments",
        "clickcli evaluate --mode next --test 1d --folds 1 -f json",
    ),
    check=check,
    fits=True,
)
