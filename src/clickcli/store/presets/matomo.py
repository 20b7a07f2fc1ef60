"""Matomo: visits with their actions, as ``Live.getLastVisitsDetails`` gives them in JSON.

*Source* Matomo documentation, "Reporting API: Live", and what its own modules put into a visit:
actions, events, site search, goals, e-commerce, contents, campaigns.

*Lines* one visit, or a list of visits on one line. An answer of the API that is laid out over many
lines is no log: ``jq -c '.[]' visits.json`` makes one of it, a visit a line.

*Events* one for each of ``actionDetails``, with everything that is said of the visit. A visit
without actions is one event ``visit``.

*Event type* the ``type`` of the action (``search``, ``event``, ``outlink``, ``goal``,
``ecommerceOrder`` …); ``action``, a page view, is ``page_view``.

*Who* ``userId`` and ``visitorId``; ``session_id`` is the visit.

*Event id* site, visit, and what names an action in its visit: a visit that was exported while it
went on adds its new actions only. What a visit sums up of itself changes with them and makes no
conflict.

*Page* ``url`` is the page, but of an outlink or a download where the link goes. Referrer and
campaign are those of the visit.

*Money* ``revenue`` of an order and of a goal is earned, that of an abandoned cart is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clickcli.store.mapping import Line
from clickcli.store.presets.base import PAGE_VIEW, Preset, at, enveloped, text, whole
from clickcli.store.presets.common import device_kind, identifier, known, referrer

VISIT: Final = "visit"
ORDER: Final = "ecommerceOrder"
CART: Final = "ecommerceAbandonedCart"
LINKS: Final = frozenset({"outlink", "download"})
EARNING: Final = frozenset({ORDER, "goal"})
MAX_SECONDS: Final = 10**9

_OURS: Final = ("pageUrl", "earned")
"""Keys for what ``url`` and ``revenue`` say of some kinds of action only."""
_SUMS: Final = (
    "actions", "events", "searches", "interactions", "goalConversions", "visitConverted",
    "visitConvertedIcon", "visitEcommerceStatus", "visitEcommerceStatusIcon", "visitDuration",
    "visitDurationPretty", "visitServerHour", "lastActionTimestamp", "lastActionDateTime",
    "serverTimestamp", "serverDate", "serverDatePretty", "serverTimePretty",
    "$top.serverTimePretty", "timeSpent", "timeSpentPretty", "totalEcommerceRevenue",
    "totalEcommerceConversions", "totalEcommerceItems", "totalAbandonedCarts",
    "totalAbandonedCartsRevenue", "totalAbandonedCartsItems",
)  # fmt: skip
"""What grows while a visit goes on."""


def _recognises(line: Any) -> bool:
    visits = line if type(line) is list else [line]
    return bool(visits) and all(
        type(visit) is dict
        and identifier(visit.get("idVisit")) is not None
        and any(key in visit for key in ("actionDetails", "visitorId", "serverTimestamp"))
        for visit in visits
    )


def _events(line: Any) -> Iterator[Any]:
    for visit in line if type(line) is list else [line]:
        yield from map(_apart, enveloped(_without_none(visit), "actionDetails"))


def _without_none(visit: Any) -> Any:
    """Return a visit without an empty list of actions: an event of its own."""
    if type(visit) is not dict or visit.get("actionDetails") != []:
        return visit
    return {key: value for key, value in visit.items() if key != "actionDetails"}


def _apart(event: Any) -> Any:
    """Give the address of a page and the money that was earned names of their own."""
    if type(event) is not dict or any(name in event for name in _OURS):
        return event
    kind = event.get("type")
    kind = kind if type(kind) is str else ""
    names = {} if kind in LINKS else {"url": "pageUrl"}
    if kind in EARNING:
        names["revenue"] = "earned"
    return {names.get(key, key): value for key, value in event.items()}


def _event_id(line: Line) -> str | None:
    """Return site, visit and action, as ``1.2345.67``; None where that names no single action."""
    visit, page = identifier(line.get("idVisit")), identifier(line.get("pageId"))
    second = identifier(line.get("timestamp"))
    kind = line.get("type")
    action: list[str | None] = [page]
    if kind == ORDER:
        action = ["order", identifier(line.get("orderId"))]
    elif kind == CART:
        action = ["cart", second]
    elif kind == "goal":
        where = identifier(line.get("goalPageId")) or second
        action = ["goal", identifier(line.get("goalId")), where]
    elif kind is None and "timestamp" not in line:
        action = [VISIT]
    parts = [identifier(line.get("idSite")) or "", visit, *action]
    return None if None in parts else ".".join(part for part in parts if part is not None)


def _event_type(line: Line) -> str | None:
    return VISIT if "idVisit" in line and line.get("type") is None else None


def _type(name: Any) -> Any:
    return PAGE_VIEW if name == "action" else name


def _currency(line: Line) -> str | None:
    is_money = any(key in line for key in ("earned", "productViewPrice"))
    return text(line.get("siteCurrency")) if is_money else None


def _category(line: Line) -> str | None:
    names = line.get("productViewCategories")
    return text(names[0]) if type(names) is list and names else None


def _duration_ms(line: Line) -> int | None:
    seconds = whole(line.get("timeSpent"))
    return seconds * 1000 if type(seconds) is int and 0 <= seconds < MAX_SECONDS else None


def _country(code: Any) -> str | None:
    given = known(code)
    return None if given is None else given.upper()


def _campaign(line: Line) -> str | None:
    return _of_campaign(line, "referrerName")


def _term(line: Line) -> str | None:
    return _of_campaign(line, "referrerKeyword")


def _of_campaign(line: Line, key: str) -> str | None:
    return text(at(line, key)) if line.get("referrerType") == "campaign" else None


PRESET: Final = Preset(
    name="matomo",
    headline="Matomo visits (Live.getLastVisitsDetails)",
    recognises=_recognises,
    explode=_events,
    takes_lists=True,
    fields={
        "event_type": ("type",),
        "ts": ("timestamp", "firstActionTimestamp", "serverTimestamp"),
        "user_id": ("userId",),
        "anonymous_id": ("visitorId",),
        "session_id": ("idVisit",),
        "item_id": ("productViewSku",),
        "price": ("productViewPrice",),
        "revenue": ("earned",),
        "discount": ("revenueDiscount",),
        "order_id": ("orderId",),
        "items": ("itemDetails",),
        "page_url": ("pageUrl",),
        "page_title": ("pageTitle",),
        "referrer": ("referrerUrl",),
        "utm_source": ("campaignSource",),
        "utm_medium": ("campaignMedium",),
        "utm_campaign": ("campaignName",),
        "utm_term": ("campaignKeyword",),
        "utm_content": ("campaignContent",),
        "device_type": ("deviceType",),
        "browser": ("browserName",),
        "os": ("operatingSystemName",),
        "country": ("countryCode",),
        "city": ("city",),
        "language": ("languageCode",),
        "screen": ("resolution",),
        "ip": ("visitIp", "$top.visitIp"),
        "search_query": ("siteSearchKeyword",),
        "result_count": ("siteSearchCount",),
        "event_category": ("eventCategory",),
        "event_action": ("eventAction",),
    },
    rules={
        "event_id": _event_id,
        "event_type": _event_type,
        "currency": _currency,
        "category": _category,
        "duration_ms": _duration_ms,
        "utm_campaign": _campaign,
        "utm_term": _term,
    },
    forms={"ts": whole, "result_count": whole},
    values={
        "event_type": _type,
        "referrer": referrer,
        "device_type": device_kind,
        "browser": known,
        "os": known,
        "country": _country,
        "city": known,
        "language": known,
        "screen": known,
    },
    arrival=_SUMS,
)
