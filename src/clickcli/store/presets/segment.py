"""Segment and RudderStack: calls of their libraries as they arrive at a webhook or in a bucket.

*Source* Segment documentation, "Spec: Common Fields", "Spec: Track … Alias", "Spec: V2 Ecommerce
Events", "HTTP API" (batch); RudderStack documentation, "Common Fields". RudderStack sends the same
calls and adds ``channel``, ``rudderId``, ``request_ip`` and ``context.sessionId``.

*Lines* one call (``"type": "track"`` …), or an envelope ``{"batch": [call, …]}``.

*Event type* the name of a track call, ``page_view`` for a page call (``type`` says ``page`` still),
else the kind of the call: ``screen``, ``identify``, ``group``, ``alias``.

*Who* ``userId`` and ``anonymousId``; an alias call links its ``previousId``.

*Time* ``timestamp``, which the collector made of ``originalTimestamp`` and the clocks; without it
``originalTimestamp``, then ``sentAt``. It comes out otherwise when a call is sent once more, so
calls that differ in nothing else are duplicates.

*Money* ``revenue`` (else ``total``) is earned, but not by the steps before an order and by what
happens to it later (``Checkout Started``, ``Order Refunded`` …): else an order would count twice.
There the amounts are properties only. The ``variant`` of a product is a property, too: our column
is that of an experiment. ``context.device.type`` (ios, android) is no kind of device.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clickcli.store.mapping import Line, free_name, is_same
from clickcli.store.presets.base import PAGE_VIEW, Preset, enveloped, text, utc
from clickcli.store.presets.common import first_event, known, referrer

CALLS: Final = frozenset({"track", "page", "screen", "identify", "group", "alias"})
NOT_EARNED: Final = frozenset(
    {
        "product viewed", "product added", "product removed", "product clicked", "cart viewed",
        "checkout started", "checkout step viewed", "checkout step completed",
        "payment info entered", "coupon entered", "coupon applied", "coupon denied",
        "coupon removed", "order updated", "order cancelled", "order refunded",
    }
)  # fmt: skip
"""Events of the e-commerce specification whose amounts an order earns or has earned."""

_IDS: Final = ("messageId", "anonymousId", "userId", "previousId")
_MARKS: Final = ("context", "integrations", "originalTimestamp", "sentAt", "receivedAt", "rudderId")
_SHARED: Final = "$top.context"
"""Where the context of a batch is when a call has one, too."""
_AMOUNTS: Final = ("revenue", "total", "order_total", "amount")


def _recognises(line: Any) -> bool:
    event = first_event(line, "batch")
    kind = event.get("type") if type(event) is dict else None
    if type(kind) is not str or kind not in CALLS or not any(key in event for key in _IDS):
        return False
    is_track = kind == "track" and type(event.get("event")) is str
    return is_track or any(key in event for key in _MARKS)


def _events(line: Any) -> Iterator[Any]:
    return (_set_apart(_in_context(event)) for event in enveloped(line, "batch"))


def _in_context(event: Any) -> Any:
    """Add what a batch says of the context of its calls; what a call says itself goes before."""
    shared = event.get(_SHARED) if type(event) is dict else None
    if type(shared) is not dict:
        return event
    out: Line = {key: value for key, value in event.items() if key != _SHARED}
    own = event.get("context")
    if own is not None and type(own) is not dict:
        return {**out, "context": shared, _SHARED: own}
    context: Line = {**shared, **(own or {})}
    for key, value in shared.items():
        if key != "ip" and not is_same(value, context[key]):
            context[free_name("$top." + key, context)] = value
    return {**out, "context": context}


def _set_apart(event: Any) -> Any:
    """Take what means something else than our columns of that name out of the properties."""
    properties = event.get("properties") if type(event) is dict else None
    if type(properties) is not dict:
        return event
    names: tuple[str, ...] = ()
    if not any(key.startswith(("experiment", "variation")) for key in properties):
        names = ("variant",)
    name = event.get("event")
    if type(name) is str and name.replace("_", " ").strip().lower() in NOT_EARNED:
        names += _AMOUNTS
    apart = {key: properties[key] for key in names if key in properties}
    if not apart:
        return event
    inner = {key: value for key, value in properties.items() if key not in apart}
    out: Line = {**event, "properties": inner}
    for key, value in apart.items():
        out[free_name(key, out)] = value
    return out


def _event_type(line: Line) -> str | None:
    kind = text(line.get("type"))
    if kind == "page":
        return PAGE_VIEW
    return None if kind == "track" else kind


def _screen(line: Line) -> str | None:
    return text(line.get("name")) if line.get("type") == "screen" else None


PRESET: Final = Preset(
    name="segment",
    headline="Segment and RudderStack calls",
    recognises=_recognises,
    explode=_events,
    containers=("properties",),
    fields={
        "event_id": ("messageId",),
        "event_type": ("event",),
        "ts": ("timestamp", "originalTimestamp", "sentAt"),
        "received_at": ("receivedAt",),
        "user_id": ("userId",),
        "anonymous_id": ("anonymousId", "previousId"),
        "session_id": (
            "context.sessionId",
            "context.session_id",
            "integrations.Actions Amplitude.session_id",
            "integrations.Amplitude.session_id",
        ),
        "items": ("properties.products",),
        "experiment": ("properties.experiment_name", "properties.experiment_id"),
        "variant": ("properties.variation_name", "properties.variation_id"),
        "page_url": ("context.page.url",),
        "page_path": ("context.page.path",),
        "page_title": ("context.page.title",),
        "referrer": ("context.page.referrer",),
        "utm_source": ("context.campaign.source",),
        "utm_medium": ("context.campaign.medium",),
        "utm_campaign": ("context.campaign.name",),
        "utm_term": ("context.campaign.term",),
        "utm_content": ("context.campaign.content",),
        "user_agent": ("context.userAgent",),
        "os": ("context.os.name",),
        "language": ("context.locale",),
        "country": ("context.location.country",),
        "city": ("context.location.city",),
        "ip": ("context.ip", "request_ip", "$top.request_ip"),
    },
    rules={"event_type": _event_type, "screen": _screen},
    forms={"ts": utc, "received_at": utc},
    values={"referrer": referrer, "os": known},
    arrival=("timestamp", "sentAt"),
)
