"""Snowplow enriched events: as JSON (what the analytics SDKs make of them) or as TSV.

*Source* Snowplow documentation, "Enriched stream TSV file format", "Atomic event properties",
"Ecommerce events"; the analytics SDKs' event transformer.

*Lines* A JSON object with one key for each atomic field, and ``contexts_…`` for the entities and
``unstruct_event_…`` for the event that describe themselves; or the 131 tab-separated fields
without a header (older versions end sooner), where those are JSON in three fields. A TSV line
is brought into the form of the JSON: numbers, flags and times read, entities under the SDK's
names, each with its version as ``_schema_version``. A null or empty field holds nothing.

*Times* ``derived_tstamp``, the device's time corrected by the collector's clock, is when an event
happened; ``collector_tstamp`` is when it was received, and when it happened where the other is
missing.

*Event type* ``event_name`` (page_view, link_click …), ``struct`` for structured events, whose
category and action have columns, and the type of an e-commerce action (add_to_cart …).

*Who* ``user_id``; without one ``domain_userid``, on mobile devices the ``userId`` of the client
session, else ``network_userid``.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final

from clickcli.store.mapping import Line
from clickcli.store.presets.base import Preset, at, json_object, text, utc, words

FIELDS: Final = words(
    """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id
    name_tracker v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid
    domain_sessionidx network_userid geo_country geo_region geo_city geo_zipcode geo_latitude
    geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed page_url page_title
    page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery
    page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
    refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content
    mkt_campaign contexts se_category se_action se_label se_property se_value unstruct_event
    tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country ti_orderid
    ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min
    pp_yoffset_max useragent br_name br_family br_version br_type br_renderengine br_lang
    br_features_pdf br_features_flash br_features_java br_features_director br_features_quicktime
    br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
    br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
    os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width
    doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base
    base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp
    refr_domain_userid refr_dvce_tstamp derived_contexts domain_sessionid derived_tstamp
    event_vendor event_name event_format event_version event_fingerprint true_tstamp
    """
)
"""The fields of a TSV line, in order."""
FEWEST_FIELDS: Final = FIELDS.index("doc_height") + 1
"""Fields of the oldest version that is read: the later ones were added behind."""
_INTEGERS: Final = words(
    """
    txn_id domain_sessionidx page_urlport refr_urlport ti_quantity pp_xoffset_min pp_xoffset_max
    pp_yoffset_min pp_yoffset_max br_viewwidth br_viewheight dvce_screenwidth dvce_screenheight
    doc_width doc_height
    """
)
_NUMBERS: Final = words(
    """
    geo_latitude geo_longitude se_value tr_total tr_tax tr_shipping ti_price tr_total_base
    tr_tax_base tr_shipping_base ti_price_base
    """
)
_ENTITIES: Final = {"contexts": "contexts", "derived_contexts": "contexts"}
_EVENT: Final = "unstruct_event"
_VERSION: Final = "_schema_version"
_URI: Final = re.compile(r"iglu:([\w.\-]+)/([\w\-]+)/[\w\-]+/((\d+)-\d+-\d+)", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_WORD: Final = re.compile(r"([^A-Z_])([A-Z])")
_KEY: Final = str.maketrans(".-", "__")
_COMMERCE: Final = "com_snowplowanalytics_snowplow_ecommerce"
_SESSION: Final = "contexts_com_snowplowanalytics_snowplow_client_session_1"
_PRODUCTS: Final = f"contexts_{_COMMERCE}_product_1"
_TRANSACTION: Final = f"contexts_{_COMMERCE}_transaction_1"
_ACTION: Final = f"unstruct_event_{_COMMERCE}_snowplow_ecommerce_action_1"
_ROBOTS: Final = "contexts_com_iab_snowplow_spiders_and_robots_1"
_DEVICES: Final = {
    "Computer": "desktop", "Mobile": "mobile", "Tablet": "tablet", "Game console": "console",
    "Digital media receiver": "tv", "Wearable computer": "watch",
}  # fmt: skip
_ITEM: Final = {"id": "item_id"}


def read_tsv(data: bytes) -> Line | str:
    """Return the fields of a TSV line that hold something, or the reason why it is none."""
    try:
        values = data.decode().split("\t")
    except UnicodeDecodeError:
        return "invalid_utf8"
    if not FEWEST_FIELDS <= len(values) <= len(FIELDS):
        return "wrong_fields"
    line: Line = {}
    for name, value in zip(FIELDS, values, strict=False):
        if value:
            line[name] = _typed(name, value)
    for name in (*_ENTITIES, _EVENT):
        if name in line:
            _describe(line, name)
    return line


def _typed(name: str, value: str) -> Any:
    """Return a field as the SDK's JSON has it; what cannot be read so stays text."""
    if name in _INTEGERS:
        return int(value) if len(value) < 19 and re.fullmatch(r"-?[0-9]+", value) else value
    if name in _NUMBERS:
        return _number(value)
    if name.endswith("_tstamp"):
        return utc(value)
    if name.startswith("br_features") or name in ("br_cookies", "dvce_ismobile"):
        return {"1": True, "0": False}.get(value, value)
    return value


def _number(value: str) -> float | str:
    """Return a number that says the same as the text, or the text."""
    if not _NUMBER.fullmatch(value):
        return value
    number = float(value)
    is_exact = math.isfinite(number) and Decimal(repr(number)) == Decimal(value)
    return number if is_exact else value


def _describe(line: Line, name: str) -> None:
    """Replace a field of self-describing JSON by its parts, unless some of it would be lost."""
    whole = json_object(line[name])
    if whole is None or whole.keys() != {"schema", "data"}:
        return
    parts = [whole["data"]] if name == _EVENT else whole["data"]
    found: dict[str, list[Line]] = {}
    for part in parts if type(parts) is list else [None]:
        if type(part) is not dict or part.keys() != {"schema", "data"}:
            return
        schema, data = part["schema"], part["data"]
        uri = _URI.fullmatch(schema) if type(schema) is str else None
        if uri is None or type(data) is not dict or _VERSION in data:
            return
        vendor = uri[1].translate(_KEY).lower()
        key = f"{_ENTITIES.get(name, name)}_{vendor}_{_snake(uri[2])}_{uri[4]}"
        found.setdefault(key, []).append({_VERSION: uri[3], **data})
    del line[name]
    for key, entities in found.items():
        if name == _EVENT:
            line[key] = entities[0]
        else:
            line[key] = [*line.get(key, []), *entities]


def _snake(name: str) -> str:
    return _WORD.sub(r"\1_\2", name.translate(_KEY)).lower()


def without_nulls(line: Line) -> list[Line]:
    """Return the line as one event, without the fields that hold nothing."""
    return [{name: value for name, value in line.items() if value is not None}]


def _entity(line: Line, key: str) -> Any:
    """Return the first entity of a kind."""
    entities = line.get(key)
    return entities[0] if type(entities) is list and entities else None


def event_type(line: Line) -> str | None:
    """Return ``struct``, or the type of an e-commerce action, where the name says less."""
    if line.get("event") == "struct":
        return "struct"
    return text(at(line.get(_ACTION), "type"))


def device(line: Line) -> str | None:
    """Return who the device is: the browser's id, the app's, else that of the network cookie."""
    return text(line.get("domain_userid")) or text(at(_entity(line, _SESSION), "userId"))


def session(line: Line) -> str | None:
    """Return the session: the browser's, else the app's."""
    return text(line.get("domain_sessionid")) or text(at(_entity(line, _SESSION), "sessionId"))


def screen(line: Line) -> str | None:
    """Return the size of the screen."""
    size = line.get("dvce_screenwidth"), line.get("dvce_screenheight")
    return f"{size[0]}x{size[1]}" if all(type(length) is int for length in size) else None


def items(line: Line) -> list[Line] | None:
    """Return the products of an e-commerce action."""
    products = line.get(_PRODUCTS)
    if type(products) is not list or not products or not all(type(p) is dict for p in products):
        return None
    return [{_ITEM.get(key, key): value for key, value in one.items()} for one in products]


def _only_product(line: Line) -> Any:
    products = line.get(_PRODUCTS)
    return products[0] if type(products) is list and len(products) == 1 else None


def item_id(line: Line) -> Any:
    """Return the product, where an action is about one."""
    return at(_only_product(line), "id")


def price(line: Line) -> Any:
    """Return the price of the product, where an action is about one."""
    return at(_only_product(line), "price")


def revenue(line: Line) -> Any:
    """Return what an e-commerce transaction earned."""
    is_sale = at(line.get(_ACTION), "type") == "transaction"
    return at(_entity(line, _TRANSACTION), "revenue") if is_sale else None


def order_id(line: Line) -> Any:
    """Return the order of an e-commerce transaction."""
    return at(_entity(line, _TRANSACTION), "transaction_id")


def currency(line: Line) -> Any:
    """Return the currency of an e-commerce action."""
    found = text(at(_entity(line, _TRANSACTION), "currency"))
    return found or text(at(_entity(line, _PRODUCTS), "currency"))


def is_bot(line: Line) -> bool | None:
    """Return what the IAB enrichment says."""
    found = at(_entity(line, _ROBOTS), "spiderOrRobot")
    return found if type(found) is bool else None


def device_type(value: Any) -> Any:
    """Return our word for a kind of device."""
    return _DEVICES.get(value) if type(value) is str else None


def recognises(line: Any) -> bool:
    """Return whether a JSON line has what every Snowplow event has."""
    return type(line) is dict and {"event_id", "collector_tstamp", "v_collector"} <= line.keys()


PRESET: Final = Preset(
    name="snowplow",
    headline="Snowplow enriched events, JSON or TSV",
    recognises=recognises,
    text=read_tsv,
    explode=without_nulls,
    fields={
        "event_id": ("event_id",), "event_type": ("event_name", "event"),
        "ts": ("derived_tstamp", "collector_tstamp"), "received_at": ("collector_tstamp",),
        "user_id": ("user_id",), "anonymous_id": ("domain_userid", "network_userid"),
        "session_id": ("domain_sessionid",), "page_url": ("page_url",),
        "page_path": ("page_urlpath",), "page_title": ("page_title",),
        "referrer": ("page_referrer",), "utm_source": ("mkt_source",),
        "utm_medium": ("mkt_medium",), "utm_campaign": ("mkt_campaign",),
        "utm_term": ("mkt_term",), "utm_content": ("mkt_content",), "ip": ("user_ipaddress",),
        "user_agent": ("useragent",), "language": ("br_lang",), "device_type": ("dvce_type",),
        "browser": ("br_family", "br_name"), "os": ("os_family", "os_name"),
        "country": ("geo_country",), "city": ("geo_city",), "event_category": ("se_category",),
        "event_action": ("se_action",), "item_id": ("ti_sku",), "category": ("ti_category",),
        "price": ("ti_price",), "quantity": ("ti_quantity",), "revenue": ("tr_total",),
        "order_id": ("tr_orderid", "ti_orderid"), "currency": ("tr_currency", "ti_currency"),
    },
    rules={
        "event_type": event_type, "anonymous_id": device, "session_id": session, "screen": screen,
        "items": items, "item_id": item_id, "price": price, "revenue": revenue,
        "order_id": order_id, "currency": currency, "is_bot": is_bot,
    },
    forms={"ts": utc, "received_at": utc},
    values={"device_type": device_type},
    arrival=(
        "etl_tstamp", "collector_tstamp", "dvce_sent_tstamp", "derived_tstamp", "load_tstamp",
        "etl_tags", "v_etl", "v_collector",
    ),
)  # fmt: skip
