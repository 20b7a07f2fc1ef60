"""People as cases: what is known of them at a cutoff, and what they do in the horizon after it.

*Definition* at a cutoff c those people are cases who caused an event in ``[c − lookback, c)``. What
is known are their features from events before c, with the links of devices to users that were known
then. The label is whether the target event follows in ``[c, c + horizon)``; for churn, whether no
event at all does. A device whose user came to be known later is followed to that user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.context import Context, Events, resolve
from clickcli.engines import engine
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.errors import Undecidable, UsageError
from clickcli.expressions import divided
from clickcli.features.asof import context_at, cutoff_of, shared_at
from clickcli.features.computing import known
from clickcli.features.touched import native
from clickcli.predict.options import Target, TrainOptions
from clickcli.predict.samples import Sample, sample_of, targets
from clickcli.units import MIN_TS, Period, duration_text, duration_us, from_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines.dataset import Dataset

KEY: Final = "person_key"
FEATURES: Final = (
    "days_since_seen", "days_since_first", "recent_events", "recent_days", "recent_targets",
    "events", "sessions", "active_days", "engaged_sessions", "session_median_s", "session_mean_s",
    "page_views", "pages_per_session", "views", "searches", "zero_searches", "adds", "checkouts",
    "purchases", "conversion", "converted_sessions", "cart_rate", "cart_sessions", "orders",
    "revenue", "order_mean", "price_viewed_mean", "price_bought_mean", "price_ratio",
    "discounted_share", "brand_loyalty", "brand_switches", "hour_1", "weekday", "decision_s",
    "gap_mean_days", "category_1_share", "brand_1_share", "device_1_share", "channel_1_share",
    "engagement_score", "churn_risk", "loyalty_score", "is_known",
)  # fmt: skip
"""What is known of people: features of ``features build``, and the acts of the lookback."""
SINCE: Final = "days_since_seen"
"""The feature that a baseline rests on."""


def people_sample(dataset: Dataset, options: TrainOptions, as_of: str | None) -> Sample:
    """Return the cases of the test cutoff and of those before it, a horizon apart.

    Raises Undecidable where the log is too short, UsageError for a cutoff whose horizon is not
    over.
    """
    import polars as pl

    test, before = cutoffs(dataset, options, as_of)
    horizon = duration_us(options.horizon)
    tables = []
    for moment in (*before, test):
        found = people_at(dataset, moment, options)
        found = found.join(_final(dataset, moment, options), on=KEY, how="left", validate="1:1")
        found = found.with_columns(pl.col("group").fill_null(pl.col(KEY)))
        acts = _acts(_after(dataset, moment + horizon, options), moment, horizon)
        targeted = pl.col("event_type").is_in(targets(options, context_at(dataset, test, options)))
        if options.target is not Target.CHURN:
            acts = acts.filter(targeted)
        active = acts.select(pl.col(KEY).alias("group")).unique().collect()["group"]
        happens = pl.col("group").is_in(active.implode())
        label = ~happens if options.target is Target.CHURN else happens
        tables.append(
            found.with_columns(
                label.cast(pl.Int64).alias("label"), pl.lit(moment == test).alias("is_test")
            )
        )
    facts = {
        "test_cutoff": from_us(test).isoformat(),
        "train_cutoffs": [from_us(moment).isoformat() for moment in before],
    }
    return sample_of(pl.concat(tables), FEATURES, facts, ())


def cutoffs(dataset: Dataset, options: TrainOptions, as_of: str | None) -> tuple[int, list[int]]:
    """Return the test cutoff, and those to learn from, the earliest first."""
    horizon, lookback = duration_us(options.horizon), duration_us(options.lookback)
    end = last_moment(dataset, options, as_of)
    first = end if dataset.first_ts is None else dataset.first_ts
    test = end - horizon if options.cutoff is None else cutoff_of(dataset, options.cutoff, options)
    if test + horizon > end:
        raise UsageError(
            f"the horizon after --cutoff must be over by {from_us(end).isoformat()}, was to end"
            f" {from_us(test + horizon).isoformat()}",
            hint="give an earlier --cutoff or a shorter --horizon",
        )
    found = [test - step * horizon for step in range(1, options.cutoffs + 1)]
    found = [moment for moment in found if moment - lookback >= first]
    if not found:
        needed = duration_text(2 * horizon + lookback)
        there = duration_text(max(test + horizon - first, 0) // 1_000_000 * 1_000_000)
        raise Undecidable(
            f"the log must span the lookback and two horizons, {needed}, was {there}",
            hint="give a shorter --horizon or --lookback",
        )
    return test, found[::-1]


def people_at(dataset: Dataset, moment: int, options: TrainOptions) -> pl.DataFrame:
    """Return the cases of a cutoff with their features, in the order of their ids."""
    import polars as pl

    context = context_at(dataset, moment, options)
    lookback = duration_us(options.lookback)
    is_target = pl.col("event_type").is_in(targets(options, context))
    day = pl.col("ts").floordiv(MICROSECONDS_PER_DAY)
    recent = (
        _acts(context, max(moment - lookback, MIN_TS), lookback)
        .group_by(KEY)
        .agg(
            pl.len().cast(pl.Int64).alias("recent_events"),
            day.n_unique().cast(pl.Int64).alias("recent_days"),
            is_target.sum().cast(pl.Int64).alias("recent_targets"),
        )
        .collect()
    )
    found = known(context, options, recent.select(KEY)).at(moment, options)[0]
    age = moment - pl.col("first_seen").dt.epoch("us")
    return (
        found.join(recent, on=KEY, validate="1:1")
        .with_columns(divided(age, MICROSECONDS_PER_DAY).alias("days_since_first"))
        .select(PERSON_ID, KEY, *FEATURES)
        .sort(PERSON_ID, IS_KNOWN)
    )


def last_moment(dataset: Dataset, options: TrainOptions, as_of: str | None) -> int:
    """Return the moment just after the last event that may be used."""
    newest = cutoff_of(dataset, None, options)
    return newest if as_of is None else min(cutoff_of(dataset, as_of, options) + 1, newest)


def _after(dataset: Dataset, end: int, options: TrainOptions) -> Context:
    """Return the question of what happened before a moment, by the links that are known now."""
    return resolve(dataset, engine("polars"), shared_at(end, options))


def _acts(context: Context, start: int, length: int) -> pl.LazyFrame:
    """Return the events that people caused in a span."""
    frame = Events(context).frame({"event_type"}, period=Period(start, start + length))
    return native(_caused(frame, context))


def _caused(frame: nw.LazyFrame[Any], context: Context) -> nw.LazyFrame[Any]:
    import narwhals as nw

    passive = list(context.dataset.passive_events)
    return frame.filter(~nw.col("event_type").is_in(passive)) if passive else frame


def _final(dataset: Dataset, moment: int, options: TrainOptions) -> pl.DataFrame:
    """Return who people of a cutoff are by the links known now, where those are others.

    Of several it is who caused the last event before the cutoff.
    """
    import polars as pl

    schema = {KEY: pl.Int64, "group": pl.Int64}
    if dataset.links().filter(pl.col("ts") >= moment).is_empty():
        return pl.DataFrame(schema=schema)
    lookback = duration_us(options.lookback)
    start = max(moment - lookback, MIN_TS)
    then = _acts(context_at(dataset, moment, options), start, lookback)
    now = _acts(_after(dataset, moment, options), start, lookback)
    now = now.select("seq", pl.col(KEY).alias("group"))
    return (
        then.join(now, on="seq")
        .sort(KEY, "ts", "seq")
        .group_by(KEY)
        .agg(pl.col("group").last())
        .collect()
    )
