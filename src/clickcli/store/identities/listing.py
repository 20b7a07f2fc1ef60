"""List links in force, and what in them looks like shared computers, bots or test accounts."""

from __future__ import annotations

from dataclasses import dataclass

from clickcli.store.catalog import Catalog
from clickcli.store.identities import Origin, given_links, in_force, learned_links, split_devices


@dataclass(frozen=True, slots=True)
class ListedLink:
    """A device's user over a stretch of time; None as a bound is no bound, as user a split."""

    anonymous_id: str
    user_id: str | None
    origin: Origin
    first_ts: int | None
    last_ts: int | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something in the links that is rarely one person; ``example`` is one of what is counted."""

    kind: str
    id: str
    devices: int
    users: int
    example: str


def listed(catalog: Catalog, person: str | None = None) -> list[ListedLink]:
    """Return the links in force and the splits, by device and time; of one user or device."""
    with catalog.reading():
        learned, given, split = (
            learned_links(catalog), given_links(catalog), split_devices(catalog)
        )  # fmt: skip
    out: list[ListedLink] = []
    for device in sorted(learned.keys() | given.keys() | split):
        if device in split:
            out.append(ListedLink(device, None, "split", None, None))
            continue
        changes = in_force([*learned.get(device, ()), *given.get(device, ())])
        for number, point in enumerate(changes):
            after = changes[number + 1].ts if number + 1 < len(changes) else None
            out.append(
                ListedLink(
                    device, point.user_id, point.origin, None if number == 0 else point.ts, after
                )
            )
    if person is None:
        return out
    return [one for one in out if person in (one.anonymous_id, one.user_id)]


def suspects(
    catalog: Catalog, *, devices: int = 10, users: int = 3, chain: int = 4
) -> list[Suspect]:
    """Return users with many devices, devices with many users, and users chained by devices."""
    pairs = {(one.anonymous_id, one.user_id) for one in listed(catalog) if one.user_id is not None}
    of_user: dict[str, list[str]] = {}
    of_device: dict[str, list[str]] = {}
    for device, user in sorted(pairs):
        of_user.setdefault(user, []).append(device)
        of_device.setdefault(device, []).append(user)
    out = [
        Suspect("user_with_many_devices", user, len(found), 1, found[0])
        for user, found in of_user.items()
        if len(found) >= devices
    ]
    out += [
        Suspect("device_with_many_users", device, 1, len(found), found[0])
        for device, found in of_device.items()
        if len(found) >= users
    ]
    out += [one for one in _chains(of_user, of_device) if one.users >= chain]
    return sorted(out, key=lambda one: (one.kind, -one.devices, -one.users, one.id))


def _chains(of_user: dict[str, list[str]], of_device: dict[str, list[str]]) -> list[Suspect]:
    """Return the groups of users who share devices, directly or through others."""
    group: dict[str, int] = {}
    for number, start in enumerate(sorted(of_user)):
        waiting = [] if start in group else [start]
        while waiting:
            user = waiting.pop()
            if user not in group:
                group[user] = number
                waiting += [other for device in of_user[user] for other in of_device[device]]
    members: dict[int, list[str]] = {}
    for user in sorted(of_user):
        members.setdefault(group[user], []).append(user)
    out: list[Suspect] = []
    for users in members.values():
        if len(users) > 1:
            owned = {device for user in users for device in of_user[user]}
            shared = min(device for device in owned if len(of_device[device]) > 1)
            out.append(Suspect("chain_of_users", users[0], len(owned), len(users), shared))
    return out
