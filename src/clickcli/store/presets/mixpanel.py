"""Mixpanel: the raw event export, and events as they are sent or come out of a JSON pipeline.

*Source* Mixpanel documentation, "Raw Event Export", "Import Events", "Default Properties",
"Identity Management" (simplified and original ID merge), "JSON Pipelines".

*Lines* one event ``{"event", "properties": {"time", "distinct_id", …}}``; a pipeline's line has
``event_name``, ``time`` and the ids at the top.

*Event type* ``event`` as it is; ``$mp_web_page_view`` and ``mp_page_view`` are ``page_view``.

*Who* ``$user_id`` and ``$device_id``. ``distinct_id`` is the user, or the device where it is
``$device:…`` (the prefix goes) or equals ``$device_id``. ``$identify`` links ``$identified_id``
with ``$anon_id``, ``$create_alias`` the ``alias`` with the device it is for. Of a ``$merge`` nobody
can say which of its ids is the user: it links nothing.

*Time* ``time``, seconds or milliseconds, read as UTC. Projects made before 2023 export the clock
of the project's zone as if it were UTC (Mixpanel, "Exporting Raw Data"): such times are off by the
zone's offset. Nothing in a line tells so: add the offset before reading an export of theirs.

*Event id* ``$insert_id``. The export may hold an event twice; when and where it arrived does not
tell such events apart.
"""

from __future__ import annotations

from typing import Any, Final

from clickcli.store.mapping import Line
from clickcli.store.presets.base import PAGE_VIEW, Preset, utc
from clickcli.store.presets.common import click_id, identifier, referrer, with_ids

DEVICE: Final = "$device:"
PAGE_VIEWS: Final = frozenset({"$mp_web_page_view", "mp_page_view"})
_PLACES: Final = (
    "distinct_id", "$user_id", "$device_id", "device_id", "$identified_id", "$anon_id",
    "$anon_distinct_id", "alias",
)  # fmt: skip
_MARKS: Final = ("distinct_id", "$distinct_id", "$insert_id", "$device_id", "token", "mp_lib")
_OTHERS: Final = ("timestamp", "distinct_id", "uuid")
"""Keys at the top of an event of somebody else."""


def _recognises(line: Any) -> bool:
    properties = line.get("properties") if type(line) is dict else None
    if type(properties) is not dict:
        return False
    if type(line.get("event")) is str:
        is_sent = "time" in properties and any(key in properties for key in _MARKS)
        return is_sent and not any(key in line for key in _OTHERS)
    return type(line.get("event_name")) is str and "distinct_id" in line and "time" in line


def _events(line: Any) -> list[Any]:
    if type(line) is not dict or type(line.get("properties")) is not dict:
        return [line]
    user, device = _who(line)
    return [with_ids(line, user, device, _PLACES, DEVICE)]


def _who(event: Line) -> tuple[str | None, str | None]:
    """Return the user and the device of an event."""
    own = event["properties"]
    user = identifier(own.get("$user_id")) or identifier(event.get("user_id"))
    device = identifier(own.get("$device_id")) or identifier(event.get("device_id"))
    distinct = identifier(own.get("distinct_id")) or identifier(event.get("distinct_id"))
    if event.get("event") == "$identify":
        user = identifier(own.get("$identified_id")) or user
        before = identifier(own.get("$anon_id")) or identifier(own.get("$anon_distinct_id"))
        device = before or device
    elif event.get("event") == "$create_alias":
        user = identifier(own.get("alias")) or user
        device = device or distinct
    if distinct is not None:
        if distinct.startswith(DEVICE) or distinct == device:
            device = device or distinct
        else:
            user = user or distinct
    return user, None if device is None else device.removeprefix(DEVICE) or None


def _event_type(name: Any) -> Any:
    return PAGE_VIEW if type(name) is str and name in PAGE_VIEWS else name


def _click_id(line: Line) -> str | None:
    return click_id(line, "properties")


PRESET: Final = Preset(
    name="mixpanel",
    headline="Mixpanel raw export",
    recognises=_recognises,
    explode=_events,
    containers=("properties",),
    fields={
        "event_id": ("properties.$insert_id", "insert_id"),
        "event_type": ("event", "event_name"),
        "ts": ("properties.time", "time"),
        "received_at": ("properties.$mp_api_timestamp_ms",),
        "user_id": ("user_id",),
        "anonymous_id": ("anonymous_id",),
        "session_id": ("properties.$session_id",),
        "page_url": ("properties.$current_url", "properties.current_url"),
        "page_path": ("properties.current_url_path",),
        "page_title": ("properties.current_page_title",),
        "referrer": ("properties.$referrer",),
        "browser": ("properties.$browser",),
        "os": ("properties.$os",),
        "user_agent": ("properties.$user_agent",),
        "country": ("properties.mp_country_code", "properties.$country_code"),
        "city": ("properties.$city",),
        "language": ("properties.$locale", "properties.$language"),
        "screen": ("properties.$screen_name",),
        "ip": ("properties.ip", "properties.$ip", "ip"),
    },
    rules={"click_id": _click_id},
    forms={"ts": utc, "received_at": utc},
    values={"event_type": _event_type, "referrer": referrer},
    arrival=("properties.mp_processing_time_ms", "properties.$mp_api_endpoint"),
)
