"""Amplitude: the Export API's events, and events as they are sent to the HTTP API.

*Source* Amplitude documentation, "Export API", "HTTP V2 API", "Batch Event Upload API", "Default
event tracking" (page views), "Track revenue".

*Lines* one event, or an upload ``{"api_key", "events": [event, …]}``.

*Event type* ``event_type`` as it is; ``[Amplitude] Page Viewed`` is ``page_view``.

*Who* ``user_id`` and ``device_id``. ``amplitude_id``, Amplitude's own person, stays a property.

*Time* ``event_time`` (an upload has ``time`` in milliseconds, an old export ``client_event_time``
only). Times of the export have no offset and are UTC.

*Event id* ``uuid``, else ``$insert_id`` or ``insert_id``. ``event_id`` is a counter of the device
and stays a property (``$top.event_id``).

*Session* ``session_id``; -1 is no session.

*Device* ``os_name`` is the browser where the platform is the web: Amplitude's libraries put it
there and the system into ``device_model`` (Amplitude-JavaScript, issues 220 and 378). A sender of
one's own that calls its platform Web and means the system should be read by a map.
``device_type`` is a make (``Apple iPhone``), no kind of device, and stays a property.

*Money* ``revenue``, ``price``, ``quantity`` and ``productId`` of the event or, with a ``$`` before,
of its properties. The campaign in ``user_properties`` is the last one a person ever came by, not
this event's, and stays a property.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clickcli.store.mapping import Line
from clickcli.store.presets.base import PAGE_VIEW, Preset, enveloped, json_object, utc
from clickcli.store.presets.common import click_id, first_event, known, referrer

PAGE_VIEWED: Final = "[Amplitude] Page Viewed"
_MARKS: Final = ("event_properties", "user_properties", "amplitude_id", "$insert_id", "insert_id")
_WHO: Final = ("user_id", "device_id", "amplitude_id")


def _recognises(line: Any) -> bool:
    event = first_event(line, "events")
    return (
        type(event) is dict
        and type(event.get("event_type")) is str
        and any(key in event for key in _MARKS)
        and any(key in event for key in _WHO)
    )


def _events(line: Any) -> Iterator[Any]:
    return enveloped(line, "events")


def _event_type(name: Any) -> Any:
    return PAGE_VIEW if name == PAGE_VIEWED else name


def _is_web(line: Line) -> bool:
    platform = line.get("platform")
    return type(platform) is str and platform.lower() == "web"


def _browser(line: Line) -> str | None:
    return known(line.get("os_name")) if _is_web(line) else None


def _os(line: Line) -> str | None:
    return None if _is_web(line) else known(line.get("os_name"))


def _click_id(line: Line) -> str | None:
    return click_id(line, "event_properties")


PRESET: Final = Preset(
    name="amplitude",
    headline="Amplitude export and uploads",
    recognises=_recognises,
    explode=_events,
    objects={"event_properties": json_object, "user_properties": json_object},
    containers=("event_properties",),
    fields={
        "event_id": ("uuid", "$insert_id", "insert_id"),
        "event_type": ("event_type",),
        "ts": ("event_time", "time", "client_event_time"),
        "received_at": ("server_received_time", "server_upload_time"),
        "user_id": ("user_id",),
        "anonymous_id": ("device_id",),
        "session_id": ("session_id",),
        "item_id": ("productId", "event_properties.$productId"),
        "price": ("price", "event_properties.$price"),
        "quantity": ("quantity", "event_properties.$quantity"),
        "revenue": ("revenue", "event_properties.$revenue"),
        "currency": ("currency", "event_properties.$currency"),
        "page_url": (
            "event_properties.[Amplitude] Page Location",
            "event_properties.[Amplitude] Page URL",
        ),
        "page_path": ("event_properties.[Amplitude] Page Path",),
        "page_title": ("event_properties.[Amplitude] Page Title",),
        "referrer": ("event_properties.referrer",),
        "user_agent": ("user_agent",),
        "country": ("country",),
        "city": ("city",),
        "language": ("language",),
        "ip": ("ip_address", "ip", "$top.ip_address", "$top.ip"),
    },
    rules={"browser": _browser, "os": _os, "click_id": _click_id},
    forms={"ts": utc, "received_at": utc},
    values={"event_type": _event_type, "referrer": referrer},
    arrival=("server_upload_time", "client_upload_time", "processed_time"),
)
