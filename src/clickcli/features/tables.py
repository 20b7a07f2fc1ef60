"""The four tables of features: names, types and meanings of their columns."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from clickcli.analyses.items import ITEMS as OF_ITEMS
from clickcli.analyses.trending import TRENDING
from clickcli.analysis import Column, Table, people_count, rate
from clickcli.features.favourites import ALL
from clickcli.run import PEOPLE

if TYPE_CHECKING:
    import polars as pl

_PERSON: Final = PEOPLE.columns
_KEY: Final = Column("person_key", "int64", "key", "64-bit hash of the person's id")


def _count(name: str, text: str) -> Column:
    return Column(name, "int64", "count", text)


def _number(name: str, text: str) -> Column:
    return Column(name, "float64", "ratio", text)


def _score(name: str, text: str) -> Column:
    return Column(name, "float64", "score", text)


def _seconds(name: str, text: str) -> Column:
    return Column(name, "float64", "duration_s", text)


def _money(name: str, text: str) -> Column:
    return Column(name, "float64", "money", text)


def _time(name: str, text: str) -> Column:
    return Column(name, "timestamp", "timestamp", text)


PERSONS: Final = Table(
    "persons",
    "One row a person.",
    (
        *_PERSON,
        _time("last_seen", "time of the last event"),
        _count("sessions", "sessions, cut as in sessions"),
        _count("views", "views of items"),
        _count("purchases", "purchases"),
        _score("engagement_score",
               "mean of 2^(-days since seen / 7), 1 - 2^(-active days / 5) and"
               " 1 - 2^(-events a session / 5)"),
        _score("churn_risk",
               "1 - 2^(-days since seen / gap), the gap as in gap_mean_days, at least 1 day,"
               " 14 days after a single session"),
        _score("loyalty_score",
               "mean of 1 - 2^(-orders after the first / 2), 1 - 2^(-days from first to last"
               " event / 90) and 1 - churn_risk"),
        _number("days_since_seen", "days from the last event to the cutoff"),
        _time("first_seen", "time of the first event"),
        _count("events", "events that the person caused"),
        _count("active_days", "days with an event"),
        _count("engaged_sessions", "sessions of 10 s, two page views or a conversion"),
        _seconds("session_median_s", "median duration of the sessions"),
        _seconds("session_mean_s", "mean duration of the sessions"),
        _count("page_views", "page views"),
        _number("pages_per_session", "page_views ÷ sessions"),
        _count("searches", "searches"),
        _count("zero_searches", "searches that found nothing"),
        _count("adds", "adds to a cart"),
        _count("checkouts", "steps of the checkout"),
        *rate("conversion", "converted_sessions ÷ sessions"),
        _count("converted_sessions", "sessions with a conversion"),
        *rate("cart_rate", "cart_sessions ÷ sessions"),
        _count("cart_sessions", "sessions with an add to a cart"),
        _count("orders", "purchases, those of one order id counted once"),
        _money("revenue", "revenue of purchases; none where currencies mix"),
        _money("order_mean", "revenue ÷ orders"),
        Column("currency", "string", "text", "currency of revenue"),
        _money("price_viewed_mean", "mean price of the items viewed, each view counted"),
        _money("price_bought_mean", "mean price of the items bought, each line counted"),
        Column("price_currency", "string", "text", "currency of the prices; none where they mix"),
        _number("price_ratio", "price_viewed_mean ÷ price_bought_mean"),
        Column("discounted_share", "float64", "share", "discounted_purchases ÷ purchases"),
        _count("discounted_purchases", "purchases with a discount"),
        Column("brand_loyalty", "float64", "share",
               "bought lines of the brand bought most ÷ brand_lines"),
        _count("brand_lines", "bought lines whose brand is known"),
        _count("brand_switches", "bought lines of another brand than the one before"),
        *(_count(f"hour_{n}", f"hour of the day with the most events, place {n}")
          for n in (1, 2, 3)),
        _count("weekday", "weekday with the most events, 1 is Monday"),
        _seconds("decision_s",
                 "median over items bought: first view to the first purchase after it"),
        _number("gap_mean_days", "mean days between the starts of sessions; none for one session"),
        *(column for kind in ALL for column in kind.columns()),
        _KEY,
    ),
    keys=("person_id", "is_known"),
    is_broken_down=False,
    is_list=True,
)  # fmt: skip

INTERACTIONS: Final = Table(
    "interactions",
    "One row a person and item.",
    (
        *_PERSON,
        Column("item", "string", "key", "item"),
        _score("rating",
               "sum over its events of weight × 2^(-(cutoff - time) / half-life): --weight-view …"),
        _count("views", "views"),
        _count("adds", "adds to a cart"),
        _count("purchases", "lines of purchases"),
        _count("clicks", "clicks in a list"),
        _count("saves", "saves, entries of a wish-list"),
        _count("shares", "times shared"),
        _count("content_views", "views of content"),
        _count("likes", "likes"),
        _count("ratings", "ratings given"),
        _count("joins", "times its group was joined"),
        _count("applies", "applications"),
        _count("endorsements", "endorsements"),
        _time("first", "time of the first of these"),
        _time("last", "time of the last of these"),
        _seconds("seconds", "seconds of views whose duration was sent"),
        _score("content_engagement",
               "highest of the interactions with content: .1 view, .2 click, .3 like, .4 share or"
               " save, .5 application or endorsement, + .5, + .2 over 30 s, + .2 over 60 s, + .1"
               " over 120 s, at most 1; none for other items"),
        _score("rating_at_last", "rating at the time of the last of these"),
        _KEY,
    ),
    keys=("person_id", "is_known", "item"),
    order=("person_id", "is_known", "-rating", "item"),
    is_broken_down=False,
    is_list=True,
)  # fmt: skip

_TREND: Final = ("score", "velocity", "velocity_previous", "growth", "score_previous", "rank",
                 "rank_previous")  # fmt: skip
_JOINS: Final = rate("join_rate", "viewers_joined ÷ viewers")
ITEMS: Final = Table(
    "items",
    "One row an item, as in items and trending.",
    (
        *OF_ITEMS.columns[:5],
        _JOINS[0],
        *OF_ITEMS.columns[5:],
        *(column for column in TRENDING.columns if column.name in _TREND),
        people_count("viewers_joined", "viewers who joined its group"),
        *_JOINS[1:],
    ),
    keys=("item",),
    order=OF_ITEMS.order,
    is_broken_down=False,
)

SIMILAR: Final = Table(
    "similar_persons",
    "Nearest neighbours of each person, by the cosine of their ratings.",
    (
        *_PERSON,
        _count("rank", "place, 1 the most similar"),
        Column("neighbour_id", "string", "key", "the similar person"),
        Column("neighbour_is_known", "bool", "key", "whether that id is a user's"),
        _score("similarity", "cosine of both persons' ratings, 0 to 1"),
        _count("overlap", "items that both have"),
        Column("neighbour_key", "int64", "key", "64-bit hash of the neighbour's id"),
        _KEY,
    ),
    keys=("person_id", "is_known", "rank"),
    is_broken_down=False,
    is_list=True,
)

TABLES: Final = {table.name: table for table in (PERSONS, ITEMS, INTERACTIONS, SIMILAR)}


def as_declared(frame: pl.DataFrame, table: Table, without: Collection[str] = ()) -> pl.DataFrame:
    """Return a table in its declared columns, but for some, its types and its order."""
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    columns = []
    for column in table.columns:
        if column.name in without:
            continue
        value = pl.col(column.name)
        if column.dtype == "timestamp" and frame.schema[column.name] == pl.Int64:
            value = value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        columns.append(value.cast(POLARS_TYPES[column.dtype]))
    order = table.keys if without else table.order or table.keys
    return frame.select(columns).sort(
        [name.removeprefix("-") for name in order],
        descending=[name.startswith("-") for name in order],
    )
