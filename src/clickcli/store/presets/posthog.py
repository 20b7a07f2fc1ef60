"""PostHog: exported events, and events as they are sent to its capture API.

*Source* PostHog documentation, "Capture API", "Batch exports" (events model), "Identifying users",
"Anonymous vs identified events", "Events: default properties".

*Lines* one event, or a batch ``{"api_key", "batch": [event, …]}``. Where an export wrote
``properties`` as text, the text is read.

*Event type* ``event`` as it is; ``$pageview`` is ``page_view``.

*Who* ``distinct_id`` is the user or, before that is known, the device: the latter where
``$is_identified`` is false, where the event makes no person (``$process_person_profile`` is false),
or where it equals ``$device_id``. A user's event has the device of ``$device_id``. ``$identify``
links ``$anon_distinct_id``, ``$create_alias`` and ``$merge_dangerously`` their ``alias``.

*Time* ``timestamp``, else ``$time``; a time without an offset is UTC. It arrived at
``created_at``.

*Referrer* ``$direct`` says that there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clickcli.store.mapping import Line
from clickcli.store.presets.base import PAGE_VIEW, Preset, enveloped, json_object, utc
from clickcli.store.presets.common import (
    click_id,
    device_kind,
    first_event,
    identifier,
    referrer,
    with_ids,
)

LINKING: Final = frozenset({"$identify", "$create_alias", "$merge_dangerously"})
_PLACES: Final = ("distinct_id", "$user_id", "$device_id", "$anon_distinct_id", "alias")
_MARKS: Final = frozenset(
    {"api_key", "person_id", "person", "person_mode", "person_properties", "elements",
     "elements_chain", "team_id", "$set", "$set_once"}
)  # fmt: skip
"""Keys at the top of an event that only PostHog writes."""
_OWN: Final = frozenset(
    {"$lib", "$lib_version", "$current_url", "$session_id", "$window_id", "$device_id", "$time",
     "$is_identified", "$process_person_profile", "$anon_distinct_id", "$set", "$set_once",
     "$groups", "$geoip_country_code", "$insert_id"}
)  # fmt: skip
"""Properties that PostHog's libraries write."""


def _recognises(line: Any) -> bool:
    event = first_event(line, "batch")
    if type(event) is not dict or type(event.get("event")) is not str:
        return False
    own = event.get("properties")
    own = json_object(own) if type(own) is str else own
    own = own if type(own) is dict else {}
    if not ("distinct_id" in event or "distinct_id" in own) or "time" in own:
        return False
    return not _MARKS.isdisjoint(event) or not _OWN.isdisjoint(own)


def _events(line: Any) -> Iterator[Any]:
    return map(_named, enveloped(line, "batch"))


def _named(event: Any) -> Any:
    """Return an event with who it was under our names."""
    if type(event) is not dict:
        return event
    own = event.get("properties")
    opened = json_object(own) if type(own) is str else None
    if opened is not None:
        event, own = {**event, "properties": opened}, opened
    user, device = _who(event, own if type(own) is dict else {})
    return with_ids(event, user, device, _PLACES, "")


def _who(event: Line, own: Line) -> tuple[str | None, str | None]:
    """Return the user and the device of an event."""
    distinct = identifier(event.get("distinct_id")) or identifier(own.get("distinct_id"))
    user, device = identifier(own.get("$user_id")), identifier(own.get("$device_id"))
    name = event.get("event")
    if type(name) is str and name in LINKING:
        before = identifier(own.get("$anon_distinct_id")) or identifier(own.get("alias"))
        return distinct, (before or device) if (before or device) != distinct else None
    if user is not None:
        return user, device if distinct in (user, None) else distinct
    if own.get("$is_identified") is True or not _is_device(distinct, device, own):
        return distinct, None if device == distinct else device
    return None, distinct


def _is_device(distinct: str | None, device: str | None, own: Line) -> bool:
    says = own.get("$is_identified"), own.get("$process_person_profile")
    return False in says or distinct == device


def _event_type(name: Any) -> Any:
    return PAGE_VIEW if name == "$pageview" else name


def _click_id(line: Line) -> str | None:
    return click_id(line, "properties")


PRESET: Final = Preset(
    name="posthog",
    headline="PostHog exports and captured events",
    recognises=_recognises,
    explode=_events,
    objects={"person_properties": json_object},
    containers=("properties",),
    fields={
        "event_id": ("uuid", "id"),
        "event_type": ("event",),
        "ts": ("timestamp", "properties.$time"),
        "received_at": ("created_at",),
        "user_id": ("user_id",),
        "anonymous_id": ("anonymous_id",),
        "session_id": ("properties.$session_id",),
        "page_url": ("properties.$current_url",),
        "page_path": ("properties.$pathname",),
        "page_title": ("properties.title", "properties.$title"),
        "referrer": ("properties.$referrer",),
        "device_type": ("properties.$device_type",),
        "browser": ("properties.$browser",),
        "os": ("properties.$os", "properties.$os_name"),
        "user_agent": ("properties.$raw_user_agent", "properties.$user_agent"),
        "country": ("properties.$geoip_country_code",),
        "city": ("properties.$geoip_city_name",),
        "language": ("properties.$browser_language", "properties.$locale"),
        "screen": ("properties.$screen_name",),
        "ip": ("properties.$ip", "ip", "$top.ip"),
    },
    rules={"click_id": _click_id},
    forms={"ts": utc, "received_at": utc},
    values={"event_type": _event_type, "referrer": referrer, "device_type": device_kind},
    arrival=("sent_at", "inserted_at", "_inserted_at", "now", "properties.$sent_at"),
)
