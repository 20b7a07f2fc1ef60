"""Names, types and meanings of the stored event columns.

Types are our own words, so that reading a declaration imports no engine:
``int64``, ``int32``, ``float64``, ``string``, ``bool``, ``date``, ``timestamp``, ``list[int64]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Dtype = Literal["int64", "int32", "float64", "string", "bool", "date", "timestamp", "list[int64]"]

Source = Literal["system", "given"]
"""Who fills a column: the store itself, or the log line."""


@dataclass(frozen=True, slots=True)
class EventColumn:
    """One stored column: its type, meaning, and the names it may have in a log line."""

    name: str
    dtype: Dtype
    help: str
    source: Source = "given"
    aliases: tuple[str, ...] = ()
    money: bool = False


def _c(name: str, dtype: Dtype, text: str, *aliases: str) -> EventColumn:
    return EventColumn(name, dtype, text, aliases=aliases)


def _system(name: str, dtype: Dtype, text: str) -> EventColumn:
    return EventColumn(name, dtype, text, source="system")


def _money(name: str, text: str, *aliases: str) -> EventColumn:
    return EventColumn(name, "int64", text, aliases=aliases, money=True)


EVENT_COLUMNS: Final[tuple[EventColumn, ...]] = (
    _system("person_key", "int64", "64-bit hash of the raw person id; null for nobody"),
    _system("seq", "int64", "order of arrival over the whole store"),
    _c(
        "event_id",
        "string",
        "id given by the sender",
        "eventId",
        "insert_id",
        "message_id",
        "messageId",
        "uuid",
    ),
    _c(
        "event_type",
        "string",
        "what happened",
        "event",
        "event_name",
        "eventName",
        "eventType",
        "type",
        "action",
    ),
    _c(
        "ts",
        "int64",
        "when it happened, microseconds since 1970 in UTC",
        "timestamp",
        "time",
        "event_time",
        "eventTime",
        "created_at",
        "createdAt",
        "occurred_at",
        "datetime",
        "date",
    ),
    _c(
        "received_at",
        "int64",
        "when a collector received it, microseconds in UTC",
        "receivedAt",
        "server_time",
        "collector_time",
    ),
    _c(
        "user_id",
        "string",
        "known person",
        "userId",
        "userid",
        "uid",
        "customer_id",
        "customerId",
        "distinct_id",
    ),
    _c(
        "anonymous_id",
        "string",
        "device or cookie",
        "anonymousId",
        "anon_id",
        "visitor_id",
        "visitorId",
        "device_id",
        "deviceId",
        "client_id",
        "clientId",
        "cookie_id",
    ),
    _c("session_id", "string", "session given by the sender", "sessionId", "session"),
    _c(
        "item_id",
        "string",
        "product, group or content piece",
        "itemId",
        "product_id",
        "productId",
        "sku",
    ),
    _c(
        "category",
        "string",
        "category of the item",
        "category_code",
        "product_category",
        "item_category",
    ),
    _c("brand", "string", "brand of the item", "product_brand", "item_brand"),
    _money("price", "price of one piece", "unit_price", "item_price"),
    _c("quantity", "int64", "number of pieces", "qty"),
    _money("revenue", "money earned by the event", "total", "order_total", "amount"),
    _money("discount", "money taken off", "discount_amount"),
    _c("currency", "string", "ISO 4217 code", "currency_code", "currencyCode"),
    _c("order_id", "string", "order", "orderId", "transaction_id", "transactionId"),
    _c("page_url", "string", "address of the page", "pageUrl", "url", "page_location", "location"),
    _c(
        "page_path", "string", "path of the page, from page_url where not given", "pagePath", "path"
    ),
    _c("page_title", "string", "title of the page", "pageTitle", "title"),
    _c(
        "referrer",
        "string",
        "address of the page before",
        "referer",
        "page_referrer",
        "document_referrer",
        "referrer_url",
    ),
    _c(
        "referrer_host",
        "string",
        "host of the page before, from referrer where not given",
        "referring_domain",
        "referrer_domain",
    ),
    _c("utm_source", "string", "campaign source", "utmSource"),
    _c("utm_medium", "string", "campaign medium", "utmMedium"),
    _c("utm_campaign", "string", "campaign name", "utmCampaign"),
    _c("utm_term", "string", "campaign term", "utmTerm"),
    _c("utm_content", "string", "campaign content", "utmContent"),
    _c("click_id", "string", "name of the paid click parameter, such as gclid", "clickId"),
    _c(
        "device_type",
        "string",
        "desktop, mobile, tablet, tv, console or watch, from user_agent where not given",
        "deviceType",
        "device",
        "device_category",
    ),
    _c("browser", "string", "browser, from user_agent where not given", "browser_name"),
    _c(
        "os",
        "string",
        "operating system, from user_agent where not given",
        "os_name",
        "operating_system",
    ),
    _c("user_agent", "string", "user agent as sent", "userAgent", "ua"),
    _c("is_bot", "bool", "whether a program did it, not a person", "bot", "isBot"),
    _c("country", "string", "country", "country_code", "geo_country"),
    _c("city", "string", "city", "geo_city"),
    _c("language", "string", "language", "locale", "lang"),
    _c("screen", "string", "screen or its size", "screen_name", "screen_size"),
    _c(
        "ip",
        "string",
        "internet address, truncated to /24 or /48",
        "ip_address",
        "client_ip",
        "remote_addr",
    ),
    _c("search_query", "string", "what was searched for", "searchQuery", "query", "search_term"),
    _c("result_count", "int64", "results of the search", "resultCount", "results_count"),
    _c(
        "duration_ms",
        "int64",
        "duration in milliseconds",
        "durationMs",
        "latency_ms",
        "response_time_ms",
    ),
    _c("status", "int64", "status code of an API answer", "status_code", "statusCode"),
    _c("endpoint", "string", "API endpoint", "api_endpoint"),
    _c("rating", "float64", "rating given", "stars", "score"),
    _c("experiment", "string", "experiment", "experiment_id", "experiment_name"),
    _c("variant", "string", "variant shown", "variation", "variant_id"),
    _c("position", "int64", "position in a list, from 1", "rank", "index"),
    _c("content_type", "string", "kind of content", "contentType"),
    _c(
        "scroll_depth",
        "float64",
        "share of the page seen, as sent",
        "scrollDepth",
        "scroll_percent",
    ),
    _c("event_category", "string", "category of the event", "eventCategory"),
    _c("event_action", "string", "action of the event", "eventAction"),
    _system("items", "string", "items of an order or cart as a JSON list"),
    _system("properties", "string", "everything else that the line held, as JSON"),
)

BY_NAME: Final[dict[str, EventColumn]] = {column.name: column for column in EVENT_COLUMNS}
FLAGS: Final = tuple(column.name for column in EVENT_COLUMNS if column.dtype == "bool")
"""Columns of yes and no."""

PARTITION: Final = "date"
"""Hive partition column: the UTC day of ``ts``."""

MICROSECONDS_PER_SECOND: Final = 1_000_000
MICROSECONDS_PER_DAY: Final = 86_400_000_000

PLACEHOLDER_IDS: Final = frozenset(
    {
        "",
        "null",
        "undefined",
        "none",
        "nan",
        "0",
        "-1",
        "true",
        "false",
        "guest",
        "anonymous",
        "[object object]",
        "00000000-0000-0000-0000-000000000000",
    }
)
"""Ids that mean nobody, compared after trimming white space and quotes, in lower case."""
