"""Who is left out and who agreed, as the catalog keeps it: digests, never ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from clickcli.store.catalog import Catalog

DELETED: Final = "deleted"
OPT_OUT: Final = "opt_out"
OWNER_DELETED: Final = "owner_deleted"
"""Reasons of a suppression; the last is a device that went with its user."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What an ingest must know of people.

    ``people`` are digests of users and devices that are left out; ``spans`` those of devices
    whose events that name no user are left out in spans of time; ``opted_out`` and ``agreed`` the
    keys of people; ``consents`` the digests of those who agreed.
    """

    people: frozenset[bytes] = frozenset()
    spans: dict[bytes, list[tuple[int, int]]] = field(default_factory=dict)
    opted_out: frozenset[int] = frozenset()
    consents: frozenset[bytes] = frozenset()
    agreed: frozenset[int] = frozenset()

    @property
    def has_people(self) -> bool:
        """Whether anybody is on a list."""
        return bool(self.people or self.spans or self.consents)


def read_lists(catalog: Catalog) -> Lists:
    """Return the lists as they are now."""
    with catalog.reading():
        left_out = catalog.rows(
            "SELECT digest, reason, from_ts, until_ts, person_key FROM suppressions"
        )
        consents = catalog.rows("SELECT digest, person_key FROM consents")
    spans: dict[bytes, list[tuple[int, int]]] = {}
    for digest, reason, start, until, _ in left_out:
        if reason == OWNER_DELETED:
            spans.setdefault(digest, []).append((start, until))
    return Lists(
        people=frozenset(row[0] for row in left_out if row[1] != OWNER_DELETED),
        spans=spans,
        opted_out=frozenset(row[4] for row in left_out if row[1] == OPT_OUT and row[4] is not None),
        consents=frozenset(digest for digest, _ in consents),
        agreed=frozenset(key for _, key in consents),
    )
