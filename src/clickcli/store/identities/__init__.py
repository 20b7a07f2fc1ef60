"""Whose a device is: links learned, links given by hand, devices that no link counts for.

A link is a moment from which a device belongs to a user, until the next link of the device;
what the device did before its first link belongs to that one's user, as after a log-in. A link
given without a time holds for all time, and no other link of its device counts beside it. A
split device belongs to nobody but itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

from clickcli.store.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Origin = Literal["learned", "given", "split"]
Row = tuple[str, str, int, int]
"""Device, user, the user's key, and since when."""

ALL_TIME: Final = -(2**62)
"""The moment of a link that holds for all time."""


@dataclass(frozen=True, slots=True)
class Point:
    """A link of one device: the user from a moment on; ``ts`` None is all time."""

    user_id: str
    user_key: int
    ts: int | None
    origin: Origin


def in_force(points: Iterable[Point], *, is_split: bool = False) -> list[Point]:
    """Return the points at which the user of a device changes, in order of time."""
    found = list(points)
    if is_split or not found:
        return []
    for point in found:
        if point.ts is None:
            return [point]
    given_at = {point.ts for point in found if point.origin == "given"}
    kept = [p for p in found if p.origin == "given" or p.ts not in given_at]
    kept.sort(key=lambda point: (point.ts or 0, point.user_id))
    changes: list[Point] = []
    for point in kept:
        if not changes or changes[-1].user_key != point.user_key:
            changes.append(point)
    return changes


Given = dict[str, list[Point]]


def given_links(catalog: Catalog) -> Given:
    """Return the links given by hand, by device."""
    out: Given = {}
    query = "SELECT anonymous_id, user_id, user_key, ts FROM given_links ORDER BY 1, 2"
    for device, user, key, ts in catalog.rows(query):
        out.setdefault(device, []).append(Point(user, key, ts, "given"))
    return out


def split_devices(catalog: Catalog) -> set[str]:
    """Return the devices that no link counts for."""
    return {device for (device,) in catalog.rows("SELECT anonymous_id FROM splits")}


def learned_links(catalog: Catalog, devices: Iterable[str] | None = None) -> Given:
    """Return the links learned at ingest, of these devices or of all, by device."""
    out: Given = {}
    for device, user, key, ts in _learned_rows(catalog, devices):
        out.setdefault(device, []).append(Point(user, key, ts, "learned"))
    return out


def _learned_rows(catalog: Catalog, devices: Iterable[str] | None) -> Iterator[Row]:
    query = "SELECT anonymous_id, user_id, user_key, ts FROM links"
    if devices is None:
        yield from catalog.rows(f"{query} ORDER BY 1, 4, 2")
        return
    for device in devices:
        yield from catalog.rows(f"{query} WHERE anonymous_id = ? ORDER BY 4, 2", device)


def is_by_hand(catalog: Catalog) -> bool:
    """Return whether anything was linked or split by hand."""
    query = "SELECT EXISTS (SELECT 1 FROM given_links) OR EXISTS (SELECT 1 FROM splits)"
    return bool(catalog.value(query))


def link_rows(catalog: Catalog) -> list[Row]:
    """Return all links in force, by device and time: what analyses apply."""
    learned = list(_learned_rows(catalog, None))
    if not is_by_hand(catalog):
        return learned
    return merged_rows(learned, given_links(catalog), split_devices(catalog))


def owner_of(catalog: Catalog, device: str) -> int | None:
    """Return the key of the user whose a device is by its latest link, None for nobody's."""
    points = [*learned_links(catalog, [device]).get(device, ()),
              *given_links(catalog).get(device, ())]  # fmt: skip
    changes = in_force(points, is_split=device in split_devices(catalog))
    return changes[-1].user_key if changes else None


def merged_rows(learned: Sequence[Row], given: Given, split: set[str]) -> list[Row]:
    """Return learned links (sorted by device) with those given and the splits applied."""
    touched = given.keys() | split
    rows: list[Row] = []
    points: Given = {device: [] for device in touched}
    for device, found in groupby(learned, key=lambda row: row[0]):
        if device not in touched:
            rows += found
            continue
        points[device] = [Point(user, key, ts, "learned") for _, user, key, ts in found]
    for device in touched:
        everything = [*points[device], *given.get(device, ())]
        rows += [
            (device, point.user_id, point.user_key, ALL_TIME if point.ts is None else point.ts)
            for point in in_force(everything, is_split=device in split)
        ]
    return sorted(rows, key=lambda row: (row[0], row[3], row[1]))


def link_count(catalog: Catalog) -> int:
    """Return how many pairs of device and user are linked."""
    if not is_by_hand(catalog):
        query = "SELECT count(*) FROM (SELECT DISTINCT anonymous_id, user_id FROM links)"
        return int(catalog.value(query))
    return len({(device, user) for device, user, _, _ in link_rows(catalog)})


def unseen_users(catalog: Catalog) -> int:
    """Return how many people count only because a link by hand gives them a device's events."""
    from clickcli.identity import anonymous_key

    given = given_links(catalog)
    if not given:
        return 0
    import numpy as np

    from clickcli.store.people import load_keys

    split = split_devices(catalog)
    files = catalog.files("people")
    if not files:
        return 0
    people = load_keys(catalog.resolve(files[0]))
    owners: set[int] = set()
    learned = learned_links(catalog, given)
    for device, points in given.items():
        if _holds(people, anonymous_key(device)):
            changes = in_force([*learned.get(device, ()), *points], is_split=device in split)
            owners.update(point.user_key for point in changes)
    keys = np.array(sorted(owners), dtype=np.int64)
    return len(np.setdiff1d(keys, people, assume_unique=True))


def _holds(keys: NDArray[np.int64], key: int) -> bool:
    import numpy as np

    at = int(np.searchsorted(keys, key))
    return at < len(keys) and int(keys[at]) == key
