"""What several presets read alike: envelopes, kinds of device, paid clicks, and who it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from clickcli.store.enrich import CLICK_IDS
from clickcli.store.mapping import Line, free_name
from clickcli.store.presets.base import at, enveloped

_KINDS: Final = {
    "smartphone": "mobile",
    "phablet": "mobile",
    "feature phone": "mobile",
    "smart tv": "tv",
    "wearable": "watch",
}
_NOT_KNOWN: Final = frozenset(
    {"", "unknown", "(not set)", "not set", "(none)", "empty", "unk", "xx"}
)
"""What senders write where they know nothing."""


def first_event(line: Any, key: str) -> Any:
    """Return the first event of an envelope, or what is none itself."""
    return next(enveloped(line, key), None)


def known(value: Any) -> str | None:
    """Return text that says something; None for anything else, such as ``(not set)``."""
    return value if type(value) is str and value.strip().lower() not in _NOT_KNOWN else None


def referrer(value: Any) -> str | None:
    """Return the address of the page before; None for ``$direct``, which says that none is."""
    text = known(value)
    return None if text is None or text.startswith("$") else text


def device_kind(value: Any) -> str | None:
    """Return a kind of device in our words, such as desktop, mobile or tablet."""
    given = known(value)
    kind = None if given is None else given.strip().lower()
    return None if kind is None else _KINDS.get(kind, kind)


def click_id(line: Any, *holders: str) -> str | None:
    """Return the name of the first click parameter that an object at one of the paths holds."""
    for path in holders:
        held = at(line, path)
        for name in CLICK_IDS if type(held) is dict else ():
            if known(held.get(name)) is not None:
                return name
    return None


def identifier(value: Any) -> str | None:
    """Return an id as text, a whole number as its digits; None for anything else."""
    if type(value) is int:
        return str(value)
    return value if type(value) is str and value.strip() else None


def with_ids(
    event: Line, user_id: str | None, anonymous_id: str | None, places: Iterable[str], prefix: str
) -> Line:
    """Return the event with ids under our names, without the places that say the same.

    ``places`` are keys of the event and of its properties; an anonymous id may stand there with
    the prefix before it. A key that has our name and says something else is kept apart.
    """
    given = (("user_id", user_id), ("anonymous_id", anonymous_id))
    ids = {name: value for name, value in given if value is not None}
    said = {*ids.values()} if anonymous_id is None else {*ids.values(), prefix + anonymous_id}
    spent = frozenset((*places, *ids))
    out = _without(event, spent, said)
    properties = out.get("properties")
    if type(properties) is dict:
        out["properties"] = _without(properties, spent, said)
    for name, value in ids.items():
        if name in out:
            out[free_name("$top." + name, out)] = out[name]
        out[name] = value
    return out


def _without(holder: Line, spent: frozenset[str], said: set[str]) -> Line:
    return {
        key: value
        for key, value in holder.items()
        if key not in spent or identifier(value) not in said
    }
