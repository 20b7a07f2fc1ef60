"""Who counts as a person, and the 64-bit key of a person."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from clickcli.columns import PLACEHOLDER_IDS

TRIMMED: Final = " \t\r\n\v\f\u00a0\"'`“”‘’"
"""White space and quotes that are taken off an id before it is compared with a placeholder."""


def is_placeholder(text: str) -> bool:
    """Return whether an id means nobody: null, undefined, guest … in any case and quoting."""
    return text.strip(TRIMMED).lower() in PLACEHOLDER_IDS


def user_key(user_id: str) -> int:
    """Return the key of a known user."""
    return _key("u:" + user_id)


def anonymous_key(anonymous_id: str) -> int:
    """Return the key of a device or cookie; never that of a user with an equal id."""
    return _key("a:" + anonymous_id)


def person_key(user_id: str | None, anonymous_id: str | None) -> int | None:
    """Return the key of an event's person before links: the user, else the device, else None."""
    if user_id is not None and not is_placeholder(user_id):
        return user_key(user_id)
    if anonymous_id is not None and not is_placeholder(anonymous_id):
        return anonymous_key(anonymous_id)
    return None


def _key(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
