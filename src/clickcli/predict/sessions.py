"""Sessions as cases: what their first events say, and whether the target event follows.

*Definition* sessions with at least n events, whose first n hold no target event, are cases; the
label is whether one of the later events is. Those that may still go on at as-of are not learned
from, unless asked for. Test sessions reach their n-th event at or after the cutoff; those to learn
from are over before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND
from clickcli.context import Events, resolve
from clickcli.engines import engine
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.errors import Undecidable
from clickcli.expressions import divided
from clickcli.features.asof import cutoff_of, shared_at
from clickcli.features.touched import native
from clickcli.money import major
from clickcli.predict.people import last_moment
from clickcli.predict.samples import Sample, sample_of, targets
from clickcli.relations.visits import FIRST_SEQ, visits
from clickcli.units import duration_us, from_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context
    from clickcli.engines.dataset import Dataset
    from clickcli.predict.options import TrainOptions

KEY: Final = "person_key"
SINCE: Final = "days_since_seen"
FEATURES: Final = (
    "days_since_seen", "events_before", "targets_before", "elapsed_s", "last_gap_s", "types",
    "page_views", "views", "searches", "adds", "checkouts", "items", "categories", "price_mean",
    "price_max", "hour", "weekday", "is_known",
)  # fmt: skip
"""What the first events of a session say, and what the person did before it."""
TEST_SHARE: Final = 0.3
_COLUMNS: Final = ("event_type", "item_id", "category", "price", "currency")


def session_sample(dataset: Dataset, options: TrainOptions, as_of: str | None) -> Sample:
    """Return the sessions of the log that are over. Raises Undecidable where there are none."""
    import polars as pl

    end = last_moment(dataset, options, as_of)
    found = sessions_until(dataset, end, options)
    closed = found if options.include_incomplete else found.filter(~_is_open(end, options))
    if closed.is_empty():
        raise Undecidable(
            f"no session is over, has {options.after} events and no target among the first ones",
            hint="give a smaller --after, or --include-incomplete",
        )
    if options.cutoff is not None:
        cutoff = cutoff_of(dataset, options.cutoff, options)
    else:
        moments = closed["moment"].sort()
        cutoff = int(moments[int(len(moments) * (1 - TEST_SHARE))])
    is_test = pl.col("moment") >= cutoff
    used = closed.filter(is_test | (pl.col("end") < cutoff)).with_columns(
        pl.col(KEY).alias("group"), is_test.alias("is_test")
    )
    facts = {"test_cutoff": from_us(cutoff).isoformat(), "train_cutoffs": []}
    return sample_of(used, FEATURES, facts, _left_out(found.height, closed.height, used.height))


def open_sessions(dataset: Dataset, options: TrainOptions, end: int) -> pl.DataFrame:
    """Return the sessions that may still go on at a moment, with their features."""
    return sessions_until(dataset, end, options).filter(_is_open(end, options))


def sessions_until(dataset: Dataset, end: int, options: TrainOptions) -> pl.DataFrame:
    """Return the cases among the sessions with events before a moment, open ones too.

    Beside the features: person_id, person_key, start, end, ``moment`` of the n-th event, label.
    """
    import polars as pl

    context = resolve(dataset, engine("polars"), shared_at(end, options))
    rows = _rows(context, options)
    first = rows.filter(pl.col("place") < options.after)
    later = pl.col("place") >= options.after
    label = rows.group_by(FIRST_SEQ).agg((later & pl.col("target")).any().alias("label"))
    cases = _features(first).filter(
        (pl.col("count") == options.after) & (pl.col("own_targets") == 0)
    )
    names = native(Events(context).frame([PERSON_ID, IS_KNOWN])).group_by(KEY).agg(
        pl.col(PERSON_ID, IS_KNOWN).min()
    )  # fmt: skip
    return (
        cases.lazy()
        .join(label.lazy(), on=FIRST_SEQ)
        .join(names, on=KEY)
        .with_columns(pl.col("label").cast(pl.Int64))
        .select(PERSON_ID, KEY, "start", "end", "moment", "label", *FEATURES, FIRST_SEQ)
        .sort("moment", FIRST_SEQ)
        .collect()
    )


def _rows(context: Context, options: TrainOptions) -> pl.DataFrame:
    """Return the events of sessions with what the person did before each."""
    import polars as pl

    found = visits(Events(context), context, options.cut(), _COLUMNS)
    found = context.calendar.with_clock(found, "hour", "weekday")
    kind = pl.col("event_type")
    target = kind.is_in(targets(options, context))
    kinds = {
        "page_views": options.page_view, "views": options.view, "searches": options.search,
        "adds": options.add, "checkouts": options.checkout,
    }  # fmt: skip
    rows = native(found).sort(KEY, "ts", "seq").collect()
    return rows.with_columns(
        target.alias("target"),
        pl.int_range(pl.len()).over(KEY).alias("events_before"),
        (target.cast(pl.Int64).cum_sum() - target).over(KEY).alias("targets_before"),
        pl.col("ts").shift(1).over(KEY).alias("before"),
        *(kind.is_in(list(types)).alias(name) for name, types in kinds.items()),
    )


def _features(first: pl.DataFrame) -> pl.DataFrame:
    """Return one row a session from its first events."""
    import polars as pl

    ordered = first.sort(FIRST_SEQ, "place")
    at_start = pl.col("place") == 0

    def began(name: str) -> pl.Expr:
        return pl.col(name).filter(at_start).first()

    one = pl.col("currency").fill_null("").filter(pl.col("price").is_not_null()).n_unique() <= 1
    price = pl.col("major")
    gap = pl.col("ts").last() - pl.col("ts").slice(-2, 1).first()
    return ordered.with_columns(major("price").alias("major")).group_by(FIRST_SEQ).agg(
        pl.col(KEY, "start", "end").first(),
        pl.len().alias("count"),
        pl.col("target").sum().alias("own_targets"),
        pl.col("ts").last().alias("moment"),
        divided(began("ts") - began("before"), MICROSECONDS_PER_DAY).alias("days_since_seen"),
        began("events_before"),
        began("targets_before"),
        divided(pl.col("ts").last() - pl.col("start").first(), MICROSECONDS_PER_SECOND)
        .alias("elapsed_s"),
        divided(gap, MICROSECONDS_PER_SECOND).alias("last_gap_s"),
        pl.col("event_type").n_unique().alias("types"),
        pl.col("page_views", "views", "searches", "adds", "checkouts").sum(),
        pl.col("item_id").drop_nulls().n_unique().alias("items"),
        pl.col("category").drop_nulls().n_unique().alias("categories"),
        pl.when(one).then(price.mean()).alias("price_mean"),
        pl.when(one).then(price.max()).alias("price_max"),
        began("hour"),
        began("weekday") + 1,
    )  # fmt: skip


def _is_open(end: int, options: TrainOptions) -> pl.Expr:
    """Return whether another event may follow in the session."""
    import polars as pl

    return pl.col("end") >= end - 1 - duration_us(options.timeout)


def _left_out(found: int, closed: int, used: int) -> list[str]:
    notes = []
    if found > closed:
        notes.append(
            f"left out: {found - closed} sessions that may still go on; --include-incomplete takes"
            " them as they are"
        )
    if closed > used:
        notes.append(f"left out: {closed - used} sessions that were going on at the test cutoff")
    return notes
