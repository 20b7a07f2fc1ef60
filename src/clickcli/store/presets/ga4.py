"""Google Analytics 4: the daily tables of its BigQuery export, written as JSON lines.

*Source* Google Analytics help, "BigQuery Export schema"; Google Cloud documentation, "Exporting
table data" (whole numbers of 64 bits are written as text).

*Lines* one event. ``event_params`` and ``user_properties`` are lists of ``{"key", "value":
{"string_value" | "int_value" | "float_value" | "double_value"}}``; a parameter becomes a property
of its name, a property of the user ``properties.user_properties.NAME``, beside it
``NAME.set_timestamp_micros``.

*Event type* ``event_name`` as it is.

*Who* ``user_id``, and ``user_pseudo_id`` for the device. ``ga_session_id`` is a second, at which
many people may have begun a session, so ``session_id`` is ``user_pseudo_id.ga_session_id``.

*Time* ``event_timestamp``, microseconds in UTC.

*Campaign* of the event itself: ``collected_traffic_source``, in older exports the parameters
``source``, ``medium`` … ``traffic_source`` tells how the person came the very first time and stays
a property, and so does what Google attributed to the session.

*Money* ``value`` is earned in a ``purchase`` only, and in no other event that has one. An event
about one single item fills the item's columns. A whole ``price`` of an ``in_app_purchase`` is in
millionths of the currency, as the app stores give it: Google's schema does not say so, public
models of the export (rakam-io/recipes, ``firebase``) divide it. With a fraction it is none of
theirs and stands as it is. It is a price only, no revenue; ``free_trial`` stays a property.

*Event id* none is given: lines are told apart by what they hold. The table of today
(``events_intraday_…``) has its events in another form than the daily table that replaces it: take
only one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from clickcli.store.mapping import Line
from clickcli.store.presets.base import Preset, at, pairs, whole
from clickcli.store.presets.common import click_id, device_kind, identifier, known, referrer

SET_AT: Final = "set_timestamp_micros"
_TYPED: Final = frozenset({"string_value", "int_value", "float_value", "double_value"})


def _recognises(line: Any) -> bool:
    return (
        type(line) is dict
        and type(line.get("event_name")) is str
        and type(line.get("event_timestamp")) in (int, str)
        and (type(line.get("event_params")) is list or "user_pseudo_id" in line)
    )


def _parameters(value: Any) -> Line | None:
    found = pairs(value)
    return None if found is None else {key: _scalar(held) for key, held in found.items()}


def _user_properties(value: Any) -> Line | None:
    found = pairs(value)
    if found is None:
        return None
    out = {key: _scalar(held, SET_AT) for key, held in found.items()}
    times = {
        f"{key}.{SET_AT}": held[SET_AT]
        for key, held in found.items()
        if type(held) is dict and held.get(SET_AT) is not None
    }
    return None if out.keys() & times.keys() else out | times


def _scalar(held: Any, apart: str | None = None) -> Any:
    """Return the one value of a typed value; what is none stays as it is."""
    if type(held) is not dict:
        return held
    rest = {key: value for key, value in held.items() if key != apart and value is not None}
    if len(rest) > 1 or not rest.keys() <= _TYPED:
        return rest
    return next((whole(v) if k == "int_value" else v for k, v in rest.items()), None)


def _session_id(line: Line) -> str | None:
    person = identifier(line.get("user_pseudo_id"))
    session = identifier(at(line, "event_params.ga_session_id"))
    return None if person is None or session is None else f"{person}.{session}"


def _revenue(line: Line) -> Any:
    if line.get("event_name") != "purchase":
        return None
    amounts = (at(line, "event_params.value"), at(line, "ecommerce.purchase_revenue"))
    return next((amount for amount in amounts if type(amount) in (int, float, str)), None)


def _price(line: Line) -> Any:
    if line.get("event_name") != "in_app_purchase":
        return _only_item("price")(line)
    price = at(line, "event_params.price")
    return price / 1_000_000 if type(price) is int and abs(price) < 2**53 else None


def _only_item(key: str) -> Callable[[Line], Any]:
    """Return what reads a value of the item, where an event is about one."""

    def read(line: Line) -> Any:
        items = line.get("items")
        item = items[0] if type(items) is list and len(items) == 1 else None
        value = item.get(key) if type(item) is dict else None
        return known(value) if type(value) is str else value

    return read


def _quantity(line: Line) -> Any:
    return whole(_only_item("quantity")(line))


def _click_id(line: Line) -> str | None:
    return click_id(line, "collected_traffic_source", "event_params")


PRESET: Final = Preset(
    name="ga4",
    headline="Google Analytics 4, BigQuery export",
    recognises=_recognises,
    objects={"event_params": _parameters, "user_properties": _user_properties},
    containers=("event_params",),
    fields={
        "event_type": ("event_name",),
        "ts": ("event_timestamp",),
        "user_id": ("user_id",),
        "anonymous_id": ("user_pseudo_id",),
        "items": ("items",),
        "order_id": ("event_params.transaction_id", "ecommerce.transaction_id"),
        "currency": ("event_params.currency",),
        "page_url": ("event_params.page_location",),
        "page_title": ("event_params.page_title",),
        "referrer": ("event_params.page_referrer",),
        "screen": ("event_params.firebase_screen", "event_params.screen_name"),
        "scroll_depth": ("event_params.percent_scrolled",),
        "utm_source": ("collected_traffic_source.manual_source", "event_params.source"),
        "utm_medium": ("collected_traffic_source.manual_medium", "event_params.medium"),
        "utm_campaign": ("collected_traffic_source.manual_campaign_name", "event_params.campaign"),
        "utm_term": ("collected_traffic_source.manual_term", "event_params.term"),
        "utm_content": ("collected_traffic_source.manual_content", "event_params.content"),
        "device_type": ("device.category",),
        "browser": ("device.web_info.browser", "device.browser"),
        "os": ("device.operating_system",),
        "language": ("device.language",),
        "country": ("geo.country",),
        "city": ("geo.city",),
    },
    rules={
        "session_id": _session_id,
        "revenue": _revenue,
        "click_id": _click_id,
        "item_id": _only_item("item_id"),
        "category": _only_item("item_category"),
        "brand": _only_item("item_brand"),
        "price": _price,
        "quantity": _quantity,
    },
    forms={"ts": whole},
    values={
        "order_id": known,
        "device_type": device_kind,
        "browser": known,
        "os": known,
        "language": known,
        "country": known,
        "city": known,
        "referrer": referrer,
    },
)
