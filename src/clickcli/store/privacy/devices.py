"""Whose a device was and when: the links in force as spans of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from clickcli.store.catalog import Catalog
from clickcli.store.identities import Given, Point, Row, merged_rows
from clickcli.units import MAX_TS, MIN_TS

_AT_ONCE: Final = 500
"""Values in one statement."""


@dataclass(frozen=True, slots=True)
class Span:
    """Events of a device that name no user are this user's, from ``start`` to before ``until``."""

    device: str
    user_id: str
    user_key: int
    start: int
    until: int


def devices_of(catalog: Catalog, user_keys: Iterable[int]) -> list[str]:
    """Return the devices that were ever linked to one of these users, sorted."""
    keys = list(user_keys)
    found: set[str] = set()
    for table in ("links", "given_links"):
        query = f"SELECT DISTINCT anonymous_id FROM {table} WHERE user_key IN ({{}})"  # noqa: S608
        found |= {device for (device,) in _selected(catalog, query, keys)}
    return sorted(found)


def users_of(catalog: Catalog, devices: Iterable[str]) -> dict[str, set[str]]:
    """Return the users that each of these devices was ever seen with."""
    query = "SELECT DISTINCT anonymous_id, user_id FROM links WHERE anonymous_id IN ({})"
    users: dict[str, set[str]] = {}
    for device, user in _selected(catalog, query, sorted(set(devices))):
        users.setdefault(device, set()).add(user)
    return users


def spans_of(catalog: Catalog, devices: Iterable[str]) -> list[Span]:
    """Return whose each of these devices was, spans of a device in order of time.

    Before its first link a device is its first user's.
    """
    asked = sorted(set(devices))
    query = "SELECT {} FROM {} WHERE anonymous_id IN ({})"
    learned: list[Row] = []
    columns = "anonymous_id, user_id, user_key, ts"
    for device, user, key, ts in _selected(catalog, query.format(columns, "links", "{}"), asked):
        learned.append((device, user, key, ts))
    given: Given = {}
    by_hand = _selected(catalog, query.format(columns, "given_links", "{}"), asked)
    for device, user, key, ts in by_hand:
        given.setdefault(device, []).append(Point(user, key, ts, "given"))
    split = {d for (d,) in _selected(catalog, query.format("anonymous_id", "splits", "{}"), asked)}
    learned.sort(key=lambda row: (row[0], row[3], row[1]))
    rows = merged_rows(learned, given, split)
    return [
        span for device, found in groupby(rows, itemgetter(0)) for span in _spans(device, found)
    ]


def _spans(device: str, rows: Iterable[Row]) -> Iterator[Span]:
    """Yield the spans between the times at which the user of a device changes."""
    changes = [(user, key, ts) for _, user, key, ts in rows]
    changes = [c for n, c in enumerate(changes) if n == 0 or c[0] != changes[n - 1][0]]
    for number, (user, key, ts) in enumerate(changes):
        start = MIN_TS if number == 0 else ts
        until = MAX_TS if number == len(changes) - 1 else changes[number + 1][2]
        if start < until:
            yield Span(device, user, key, start, until)


def _selected(catalog: Catalog, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query over many values, some values at a time."""
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        rows += catalog.rows(query.format(", ".join("?" * len(some))), *some)
    return rows
