"""The tables of ``person``."""

from __future__ import annotations

from typing import Final

from clickcli.analysis import Column, ColumnKind, Table
from clickcli.engines.scan import IS_KNOWN, PERSON_ID


def _text(name: str, text: str) -> Column:
    return Column(name, "string", "text", text)


def _count(name: str, text: str) -> Column:
    return Column(name, "int64", "count", text)


def _number(name: str, kind: ColumnKind, text: str) -> Column:
    return Column(name, "float64", kind, text)


def _time(name: str, text: str) -> Column:
    return Column(name, "timestamp", "timestamp", text)


def _listed(name: str, text: str, *columns: Column, keys: tuple[str, ...]) -> Table:
    return Table(name, text, columns, keys=keys, is_list=True)


_CURRENCY: Final = _text("currency", "currency of the amounts")
PERSON: Final = _listed(
    "person",
    "Who it is, and what to do next.",
    Column(PERSON_ID, "string", "key", "person"),
    Column(IS_KNOWN, "bool", "flag", "whether the id is a user's, not a device's"),
    _text("stage", "new, incomplete profile, low engagement, power or active"),
    _text("intent", "searching, buying, comparing, researching or browsing"),
    _text("next_action", "action of the first rule that fits"),
    _text("reason", "why that rule fits"),
    _time("first_seen", "time of the first event"),
    _time("last_seen", "time of the last event"),
    _number("since_first_s", "duration_s", "from the first event to as-of"),
    _number("since_last_s", "duration_s", "from the last event to as-of"),
    _count("events", "events that the person caused"),
    _count("passive_events", "events that the person did not cause"),
    _number("completeness", "share", "completeness of the profile, as last sent"),
    _count("devices", "devices with an event"),
    _text("country", "country, as last sent"),
    _text("city", "city, as last sent"),
    _text("language", "language, as last sent"),
    _text("device_type", "device, as last sent"),
    _text("browser", "browser, as last sent"),
    _text("os", "operating system, as last sent"),
    _text("channel", "channel of most sessions"),
    _text("favourite_category", "category of most views, adds and purchases"),
    _text("favourite_brand", "brand of most views, adds and purchases"),
    _text("peak_hours", "the three local hours with most events"),
    _text("peak_weekday", "the weekday with most events"),
    keys=(PERSON_ID, IS_KNOWN),
)
SCORES: Final = _listed(
    "scores",
    "Scores, what the person is worth, and how likely gone.",
    _number("churn_risk", "score", "0 to 1: a half after an absence as long as usual"),
    _number("engagement_score", "score", "0 to 1: recency, active days, events a session"),
    _number("loyalty_score", "score", "0 to 1: orders after the first, tenure, churn risk"),
    _text("segment", "segment of rfm among all buyers; none without a purchase"),
    _text("value_tier", "tier of clv: high, medium, low, at risk, churned or unknown"),
    _number("value", "money", "value that clv expects of a year"),
    _text("value_currency", "currency of value"),
    _number("p_alive", "score", "chance to ever buy again, by clv"),
    _number("expected_purchases", "ratio", "purchases that clv expects in a year"),
    _count("r_score", "score of recency among buyers, 1 to 5, 5 the best"),
    _count("f_score", "score of frequency"),
    _count("m_score", "score of money"),
    keys=(),
)
ACTIVITY: Final = _listed(
    "activity",
    "What they did.",
    _count("sessions", "sessions"),
    _count("active_days", "local days with an event"),
    _number("session_median_s", "duration_s", "median duration of a session"),
    _number("pages_per_session", "ratio", "page views ÷ sessions"),
    _number("between_sessions_s", "duration_s", "mean time from a session's start to the next"),
    _count("bounces", "sessions that are a bounce"),
    _count("converted", "sessions with a conversion event"),
    _count("page_views", "page views"),
    _count("views", "views of items"),
    _count("searches", "searches"),
    _count("searches_without_result", "searches that found nothing"),
    _count("adds", "adds to a cart"),
    _count("purchases", "purchases"),
    _number("revenue", "money", "revenue in sessions; none where currencies mix"),
    _number("revenue_per_purchase", "money", "revenue ÷ purchases"),
    _text("revenue_currency", "currency of revenue"),
    _number("decision_median_s", "duration_s", "median of first view to first purchase of an item"),
    _number("price_p25", "money", "25th percentile of prices of views, adds and purchases"),
    _number("price_median", "money", "median of those prices"),
    _number("price_p75", "money", "75th percentile of those prices"),
    _number("price_bought_median", "money", "median price of what was bought"),
    _text("price_currency", "currency of the prices: that of most of them"),
    keys=(),
)
PREFERENCES: Final = _listed(
    "preferences",
    "Up to three values of each kind that they prefer, the most frequent first.",
    Column("key", "string", "key", "what the preference is about"),
    Column("value", "string", "key", "what is preferred"),
    _number("confidence", "share", "lower 95 % bound of share"),
    _number("share", "share", "count ÷ of"),
    _count("count", "how often it was this value"),
    _count("of", "how often it was any"),
    _text("source", "explicit: said by the person; inferred: from what they did"),
    keys=("key", "value", "source"),
)
RECOMMENDATIONS: Final = _listed(
    "recommendations",
    "The first items of recommend, where a model is trained.",
    Column("rank", "int64", "key", "place in the list, from 1"),
    Column("item_id", "string", "key", "item"),
    _number("score", "score", "score by the method; compare within the list only"),
    _text("why", "what the person had that carried it most"),
    _text("source", "method, or trending where it had nothing to say"),
    _text("model", "id of the model"),
    _text("trained_as_of", "the moment that the model knows"),
    keys=("rank",),
)
CONTENT: Final = _listed(
    "content",
    "Content by type: how much engagement an interaction shows, 0 to 1.",
    Column("content_type", "string", "key", "type of content"),
    _number("engagement", "score", "mean engagement of an interaction"),
    _count("interactions", "views, clicks, likes, shares, saves …"),
    _count("pieces", "distinct pieces of content"),
    _count("views", "views"),
    _number("time_s", "duration_s", "time on it, where it was sent"),
    _time("last", "time of the last interaction"),
    keys=("content_type",),
)
CARTS: Final = _listed(
    "carts",
    "Carts that are open: not bought, emptied or expired; the latest first.",
    _text("state", "active or abandoned"),
    _time("last", "time of the last change"),
    _number("value", "money", "prices × quantities"),
    _CURRENCY,
    _count("pieces", "pieces in it"),
    _text("contents", "items in it"),
    _text("step", "last step of the checkout that was reached"),
    _time("opened", "time of the first add"),
    keys=(),
)
SESSIONS: Final = _listed(
    "sessions",
    "The last ten sessions, the latest first.",
    _time("start", "time of the first event"),
    _number("duration_s", "duration_s", "last minus first event"),
    _count("events", "events"),
    _count("page_views", "page views"),
    _text("channel", "channel, the first of twenty that fits"),
    Column("converted", "bool", "flag", "whether there is a conversion event"),
    _number("revenue", "money", "revenue; none where currencies mix"),
    _CURRENCY,
    _text("landing", "path of the first event"),
    _text("source", "site, campaign source, or (direct)"),
    _text("medium", "campaign medium, or how the source refers"),
    _text("campaign", "campaign"),
    keys=(),
)
DEVICES: Final = _listed(
    "devices",
    "Devices with events of the person, the latest first.",
    Column("anonymous_id", "string", "key", "device"),
    _count("events", "events of the person on it"),
    _time("first_seen", "time of the first of them"),
    _time("last_seen", "time of the last of them"),
    _text("device_type", "kind of device, as last sent"),
    _text("browser", "browser, as last sent"),
    _text("os", "operating system, as last sent"),
    keys=("anonymous_id",),
)
EVENTS: Final = _listed(
    "events",
    "The last ten events, the latest first.",
    _time("ts", "when"),
    _text("event_type", "what happened"),
    _text("item_id", "item"),
    _text("page_path", "page"),
    _text("search_query", "what was searched for"),
    _number("price", "money", "price of one piece"),
    _number("revenue", "money", "money earned"),
    _CURRENCY,
    _text("anonymous_id", "device"),
    keys=(),
)
TABLES: Final = (
    PERSON, SCORES, ACTIVITY, PREFERENCES, RECOMMENDATIONS, CARTS, CONTENT, SESSIONS, DEVICES,
    EVENTS,
)  # fmt: skip
CARDS: Final = frozenset({PERSON.name, SCORES.name, ACTIVITY.name})
"""Tables of one row, which a terminal shows as names and values."""
