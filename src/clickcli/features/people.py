"""The features of people that depend only on what they did before the cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.expressions import divided, share, with_rate
from clickcli.features.favourites import ALL, BRAND, CATEGORY, CHANNEL, DEVICE, favourites
from clickcli.features.touched import native
from clickcli.money import one_currency, unit
from clickcli.relations.engagement import is_engaged
from clickcli.relations.lines import NO_ITEM
from clickcli.relations.orders import orders
from clickcli.relations.searches import Words, searches
from clickcli.relations.sessions import sessions, with_cut_columns, with_ends
from clickcli.relations.touches import touches
from clickcli.units import Every

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.features.options import Options

KEY: Final = "person_key"
_HOURS: Final = 3


def people(events: Events, context: Context, options: Options, lines: pl.LazyFrame) -> pl.DataFrame:
    """Return one row a person who caused an event; ``lines`` are those of ``item_lines``."""
    import polars as pl

    found = _of_acts(events, context, options)
    visits = _visits(events, context, options)
    parts = [
        _names(events), _revenue(events, context, options), _sessions(visits),
        _searches(events, context, options), _prices(lines), _brands(lines), _decisions(lines),
        favourites(_about(lines, "category"), CATEGORY), favourites(_about(lines, "brand"), BRAND),
        favourites(_of(visits, "first_device_type"), DEVICE),
        favourites(_of(visits, "channel"), CHANNEL),
    ]  # fmt: skip
    for part in parts:
        found = found.join(part, on=KEY, how="left")
    counts = ["orders", "searches", "zero_searches", "brand_lines", "brand_switches",
              *(kind.total for kind in ALL)]  # fmt: skip
    earned_nothing = pl.col("orders").is_null()
    revenue = pl.when(earned_nothing).then(0.0).otherwise(pl.col("revenue"))
    found = found.with_columns(revenue.alias("revenue"), pl.col(counts).fill_null(0))
    return _with_rates(found)


def _names(events: Events) -> pl.DataFrame:
    """Return the ids of people, and whether they are users'."""
    import polars as pl

    ids = [PERSON_ID, IS_KNOWN]
    return native(events.frame(ids)).group_by(KEY).agg(pl.col(ids).min()).collect(
        engine="streaming"
    )  # fmt: skip


def _of_acts(events: Events, context: Context, options: Options) -> pl.DataFrame:
    """Return what follows from each event that people caused by itself."""
    import polars as pl

    acts = _acts(events, context, options)
    found = acts.group_by(KEY).agg(
        pl.col("ts").min().alias("first_seen"),
        pl.col("ts").max().alias("last_seen"),
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("day").n_unique().cast(pl.Int64).alias("active_days"),
        pl.col("views", "adds", "checkouts", "purchases", "discounted_purchases")
        .sum().cast(pl.Int64),
    )  # fmt: skip
    return found.join(_hours(acts), on=KEY).join(_weekdays(acts), on=KEY)


def _acts(events: Events, context: Context, options: Options) -> pl.DataFrame:
    """Return the events that people caused, with their local time and kinds."""
    import polars as pl

    frame = events.frame({"event_type", "discount"})
    frame = with_cut_columns(frame, options.cut(), context)
    frame = context.calendar.with_index(frame, "day", Every.DAY)
    frame = context.calendar.with_clock(frame, "hour", "weekday")
    kind = pl.col("event_type")
    kinds = options.kinds(context.dataset.conversion_event)
    is_purchase = kind.is_in(list(kinds["purchases"]))
    return native(frame).select(
        KEY, "ts", "day", "hour", "weekday",
        views=kind.is_in(list(kinds["views"])),
        adds=kind.is_in(list(kinds["adds"])),
        checkouts=kind.is_in(list(options.checkout)),
        purchases=is_purchase,
        discounted_purchases=is_purchase & (pl.col("discount") > 0).fill_null(value=False),
    ).collect(engine="streaming")  # fmt: skip


def _visits(events: Events, context: Context, options: Options) -> pl.LazyFrame:
    """Return the sessions with their device and channel, held in memory."""
    import narwhals as nw

    kind = nw.col("event_type")
    flags = {
        "page_views": kind.is_in(list(options.page_view)),
        "adds": kind.is_in(list(options.add)),
        "conversions": kind == context.dataset.conversion_event,
    }
    counted = {name: flag.cast(nw.Int64) for name, flag in flags.items()}
    table = sessions(events, context, options.cut(), counted)
    table = with_ends(table, events, ("device_type",), ())
    return native(touches(table, events, context))


def _of(visits: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the values of a column for ``favourites``."""
    import polars as pl

    return visits.select(KEY, pl.col(column).alias("value"))


def _about(lines: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the categories or brands of what was viewed, added and bought."""
    import polars as pl

    return _of(lines.filter(pl.sum_horizontal("views", "adds", "purchases") > 0), column)


def _sessions(visits: pl.LazyFrame) -> pl.DataFrame:
    import polars as pl

    duration = pl.col("end") - pl.col("start")
    converts = pl.col("conversions") > 0
    engaged = is_engaged(duration, pl.col("page_views"), converts)
    count = pl.len()
    away = pl.col("start").max() - pl.col("start").min()
    return (
        visits.group_by(KEY)
        .agg(
            count.cast(pl.Int64).alias("sessions"),
            engaged.sum().cast(pl.Int64).alias("engaged_sessions"),
            converts.sum().cast(pl.Int64).alias("converted_sessions"),
            (pl.col("adds") > 0).sum().cast(pl.Int64).alias("cart_sessions"),
            pl.col("page_views").sum(),
            divided(duration.median(), MICROSECONDS_PER_SECOND).alias("session_median_s"),
            (duration.sum() / (count * MICROSECONDS_PER_SECOND)).alias("session_mean_s"),
            pl.when(count > 1).then(away / ((count - 1) * MICROSECONDS_PER_DAY))
            .alias("gap_mean_days"),
        )
        .collect()
    )  # fmt: skip


def _searches(events: Events, context: Context, options: Options) -> pl.DataFrame:
    import polars as pl

    words = Words(options.search, ())
    found = native(searches(events, context, options.cut(), words))
    return found.group_by(KEY).agg(
        pl.len().cast(pl.Int64).alias("searches"),
        (pl.col("results") == 0).sum().cast(pl.Int64).alias("zero_searches"),
    ).collect()  # fmt: skip


def _revenue(events: Events, context: Context, options: Options) -> pl.DataFrame:
    """Return the number of orders and what they brought."""
    import polars as pl

    bought = native(context.engine.hold(orders(events, context, options.purchases(context))))
    order = pl.col("order_id")
    counts = bought.group_by(KEY).agg(
        (order.drop_nulls().n_unique() + order.null_count()).cast(pl.Int64).alias("orders")
    )
    sums = bought.group_by(KEY, "currency").agg(pl.col("amount").sum().alias("revenue"))
    revenue = one_currency(sums.collect(), [KEY], "revenue").drop("currencies")
    return counts.collect().join(revenue, on=KEY)


def _hours(acts: pl.DataFrame) -> pl.DataFrame:
    """Return the hours with the most events; of equal ones the earlier."""
    import polars as pl

    ranked = _ranked(acts, "hour")
    place = [pl.col("hour").filter(pl.col("place") == n).first() for n in range(_HOURS)]
    return ranked.group_by(KEY).agg(
        one.alias(f"hour_{number}") for number, one in enumerate(place, 1)
    )


def _weekdays(acts: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    most = _ranked(acts, "weekday").filter(pl.col("place") == 0)
    return most.select(KEY, pl.col("weekday") + 1)


def _ranked(acts: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return each person's values of a column, the most frequent at place 0."""
    import polars as pl

    counts = acts.group_by(KEY, column).agg(pl.len().alias("n"))
    ordered = counts.sort(KEY, "n", column, descending=[False, True, False])
    return ordered.with_columns(pl.int_range(pl.len()).over(KEY).alias("place"))


def _prices(lines: pl.LazyFrame) -> pl.DataFrame:
    """Return mean prices of what was viewed and bought, where they are in one currency."""
    import polars as pl

    priced = lines.filter(
        pl.col("price").is_not_null() & ((pl.col("views") == 1) | (pl.col("purchases") == 1))
    )
    names = {"price_viewed_mean": "views", "price_bought_mean": "purchases"}
    prices = {name: pl.col("price").filter(pl.col(kind) == 1) for name, kind in names.items()}
    one = pl.col("currency").fill_null("").n_unique() == 1
    sums = priced.group_by(KEY).agg(
        pl.when(one).then(pl.col("currency").min()).alias("price_currency"),
        one.alias("one"),
        *(price.sum().alias(name) for name, price in prices.items()),
        *(price.len().alias(f"{name}_of") for name, price in prices.items()),
    )
    counted = {name: pl.col(f"{name}_of") for name in names}
    scale = unit("price_currency")
    means = sums.filter("one").with_columns(
        pl.when(of > 0).then(pl.col(name) / (of * scale)).alias(name)
        for name, of in counted.items()
    )
    viewed, bought = (pl.col(name) for name in names)
    ratio = pl.when(bought > 0).then(viewed / bought).alias("price_ratio")
    return means.select(KEY, "price_currency", *names, ratio).collect()


def _brands(lines: pl.LazyFrame) -> pl.DataFrame:
    """Return how true people are to the brand that they bought most."""
    import polars as pl

    bought = lines.filter((pl.col("purchases") == 1) & pl.col("brand").is_not_null())
    bought = bought.select(KEY, "ts", "seq", "line", "brand").sort(KEY, "ts", "seq", "line")
    other = pl.col("brand") != pl.col("brand").shift(1).over(KEY)
    top = pl.len().over(KEY, "brand")
    return bought.with_columns(other.alias("other"), top.alias("top")).group_by(KEY).agg(
        pl.len().cast(pl.Int64).alias("brand_lines"),
        pl.col("other").sum().cast(pl.Int64).alias("brand_switches"),
        (pl.col("top").max() / pl.len()).alias("brand_loyalty"),
    ).collect()  # fmt: skip


def _decisions(lines: pl.LazyFrame) -> pl.DataFrame:
    """Return the median time from the first view of an item to the first purchase after it."""
    import polars as pl

    keys = [KEY, "item"]
    viewed = pl.col("ts").filter(pl.col("views") == 1).min().over(keys)
    bought = lines.filter(pl.col("item") != NO_ITEM).with_columns(viewed.alias("viewed"))
    bought = bought.filter((pl.col("purchases") == 1) & (pl.col("ts") >= pl.col("viewed")))
    spans = bought.group_by(keys).agg((pl.col("ts") - pl.col("viewed")).min().alias("span"))
    median = divided(pl.col("span").median(), MICROSECONDS_PER_SECOND)
    return spans.group_by(KEY).agg(median.alias("decision_s")).collect()


def _with_rates(table: pl.DataFrame) -> pl.DataFrame:
    """Add what is one count by another."""
    table = with_rate(table, "conversion", "converted_sessions", "sessions")
    table = with_rate(table, "cart_rate", "cart_sessions", "sessions")
    return table.with_columns(
        share("page_views", "sessions").alias("pages_per_session"),
        share("revenue", "orders").alias("order_mean"),
        share("discounted_purchases", "purchases").alias("discounted_share"),
    )
