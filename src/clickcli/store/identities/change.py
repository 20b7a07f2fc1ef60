"""Link and split devices by hand, take that back, and say beforehand what it would change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clickcli.errors import DataError, UsageError
from clickcli.identity import anonymous_key, is_placeholder
from clickcli.store.catalog import Catalog
from clickcli.store.identities import (
    ALL_TIME,
    Given,
    Point,
    given_links,
    in_force,
    learned_links,
    split_devices,
    unseen_users,
)
from clickcli.store.identities.files import contradiction, read_links
from clickcli.store.rework import reworking
from clickcli.store.types import wall_clock

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """What a change of links does.

    ``given`` devices (or links) were named, ``changed`` of them are other than before,
    ``known`` devices have events of their own, ``moved`` of these events change their person.
    """

    act: str
    given: int
    changed: int
    known: int
    moved: int
    people_before: int
    people_after: int
    dry_run: bool = False


def link(
    catalog: Catalog, path: Path, *, dry_run: bool = False, wait_s: float = 0
) -> IdentityChange:
    """Link the devices of a file to their users. Raises DataError for contradicting links."""
    wanted = read_links(path)
    return _change(catalog, "link", lambda: _linked(catalog, wanted), dry_run, wait_s)


def unlink(
    catalog: Catalog, path: Path, *, dry_run: bool = False, wait_s: float = 0
) -> IdentityChange:
    """Take links by hand back: those of these devices and users, whatever their time."""
    wanted = read_links(path)
    return _change(catalog, "unlink", lambda: _unlinked(catalog, wanted), dry_run, wait_s)


def split(
    catalog: Catalog, devices: Sequence[str], *, undo: bool = False, dry_run: bool = False,
    wait_s: float = 0,
) -> IdentityChange:  # fmt: skip
    """Let no link count for these devices, or (``undo``) let them count again."""
    for device in devices:
        if not device or is_placeholder(device) or "\0" in device:
            raise UsageError(f"a device must be an anonymous id, was {device!r}")
    act = "unsplit" if undo else "split"
    wanted = dict.fromkeys(devices)
    return _change(catalog, act, lambda: _split(catalog, list(wanted), undo=undo), dry_run, wait_s)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The links by hand and the splits of some devices, as they are to be."""

    named: int
    changed: int
    given: Given
    split: set[str]


def _linked(catalog: Catalog, wanted: Given) -> _Plan:
    known = given_links(catalog)
    after: Given = {}
    changed = 0
    for device, points in wanted.items():
        kept = list(known.get(device, ()))
        for point in points:
            if point in kept:
                continue
            why = contradiction(kept, point)
            if why is not None:
                raise DataError(
                    f"the link of {device!r} to {point.user_id!r} contradicts one given before: "
                    f"{why}",
                    hint="take that back first: clickcli identity unlink FILE",
                )
            kept.append(point)
            changed += 1
        after[device] = kept
    return _Plan(sum(map(len, wanted.values())), changed, after, split_devices(catalog))


def _unlinked(catalog: Catalog, wanted: Given) -> _Plan:
    known = given_links(catalog)
    after: Given = {}
    changed = 0
    for device, points in wanted.items():
        users = {point.user_id for point in points}
        kept = [point for point in known.get(device, ()) if point.user_id not in users]
        changed += len(known.get(device, ())) - len(kept)
        after[device] = kept
    return _Plan(sum(map(len, wanted.values())), changed, after, split_devices(catalog))


def _split(catalog: Catalog, devices: list[str], *, undo: bool) -> _Plan:
    known, before = given_links(catalog), split_devices(catalog)
    after = before - set(devices) if undo else before | set(devices)
    given = {device: known.get(device, []) for device in devices}
    return _Plan(len(devices), len(before ^ after), given, after)


def _change(
    catalog: Catalog, act: str, plan_of: Callable[[], _Plan], dry_run: bool, wait_s: float
) -> IdentityChange:
    if dry_run:
        plan = plan_of()
        with catalog.reading():
            return _effect(catalog, act, plan, dry_run=True)
    with reworking(catalog, act, wait_s, wall_clock) as work:
        plan = plan_of()
        effect = _effect(catalog, act, plan, dry_run=False)
        if not plan.changed:
            return effect
        devices = list(plan.given)
        learned = learned_links(catalog, devices)
        owned = [d for d in devices if d not in plan.split and (plan.given[d] or learned.get(d))]
        at = wall_clock()
        work.relist(linked=owned, unlinked=set(devices) - set(owned))

        work.also(lambda db: _write(db, plan, devices, at))
        work.commit({"named": effect.given, "changed": effect.changed, "moved": effect.moved})
    return effect


def _write(db: sqlite3.Connection, plan: _Plan, devices: list[str], at: int) -> None:
    for device in devices:
        users = [point.user_id for point in plan.given[device]]
        for (user,) in db.execute(
            "SELECT user_id FROM given_links WHERE anonymous_id = ?", (device,)
        ).fetchall():
            if user not in users:
                db.execute(
                    "DELETE FROM given_links WHERE anonymous_id = ? AND user_id = ?", (device, user)
                )
        db.executemany(
            "INSERT OR IGNORE INTO given_links VALUES (?, ?, ?, ?, ?)",
            [(device, p.user_id, p.user_key, p.ts, at) for p in plan.given[device]],
        )
        if device in plan.split:
            db.execute("INSERT OR IGNORE INTO splits VALUES (?, ?)", (device, at))
        else:
            db.execute("DELETE FROM splits WHERE anonymous_id = ?", (device,))


def _effect(catalog: Catalog, act: str, plan: _Plan, *, dry_run: bool) -> IdentityChange:
    """Return what a plan changes: events that move, people before and after."""
    devices = list(plan.given)
    learned, known = learned_links(catalog, devices), given_links(catalog)
    split_before = split_devices(catalog)
    rows = own_events(catalog, devices)
    before = _resolved(rows, learned, known, split_before, devices)
    after = _resolved(rows, learned, plan.given, plan.split, devices)
    now = catalog.meta("people") + unseen_users(catalog)
    certain = _certain(catalog, devices, learned, known, plan)
    count = [len(set(keys.unique().to_list()) - certain) for keys in (before, after)]
    return IdentityChange(
        act, plan.named, plan.changed, rows["anonymous_id"].n_unique(),
        int((before != after).sum()), now, now + count[1] - count[0], dry_run,
    )  # fmt: skip


def _certain(
    catalog: Catalog, devices: list[str], learned: Given, known: Given, plan: _Plan
) -> set[int]:
    """Return the users concerned who are people whatever becomes of these devices."""
    import numpy as np

    from clickcli.store.people import load_keys

    keys = {
        point.user_key
        for links in (learned, known, plan.given)
        for device in devices
        for point in links.get(device, ())
    }
    files = catalog.files("people")
    if not files:
        return set()
    people = load_keys(catalog.resolve(files[0]))
    with_events = np.intersect1d(np.array(sorted(keys), dtype=np.int64), people)
    chosen = set(devices)
    elsewhere = {
        point.user_key
        for device, points in known.items()
        if device not in chosen
        for point in points
    }
    return set(with_events.tolist()) | (elsewhere & keys)


def own_events(catalog: Catalog, devices: Iterable[str]) -> pl.DataFrame:
    """Return device and time of the events that name one of these devices and no user."""
    import polars as pl

    keys = pl.Series([anonymous_key(device) for device in devices], dtype=pl.Int64).sort()
    frames = [pl.DataFrame(schema={"anonymous_id": pl.String, "ts": pl.Int64})]
    if len(keys):
        low, high = keys[0], keys[-1]
        for file in catalog.files("events"):
            if file.min_key is None or file.max_key is None:
                continue
            if file.max_key < low or file.min_key > high:
                continue
            frame = pl.scan_parquet(catalog.resolve(file), hive_partitioning=False)
            chosen = frame.filter(pl.col("person_key").is_in(keys.implode()))
            frames.append(chosen.select("anonymous_id", "ts").collect())
    return pl.concat(frames)


def _resolved(
    rows: pl.DataFrame, learned: Given, given: Given, split: set[str], devices: list[str]
) -> pl.Series:
    """Return the key of each event's person."""
    import polars as pl

    points: list[tuple[str, int, int]] = []
    for device in devices:
        everything: list[Point] = [*learned.get(device, ()), *given.get(device, ())]
        changes = in_force(everything, is_split=device in split)
        if not changes:
            points.append((device, ALL_TIME, anonymous_key(device)))
        for number, point in enumerate(changes):
            ts = ALL_TIME if number == 0 or point.ts is None else point.ts
            points.append((device, ts, point.user_key))
    schema = {"anonymous_id": pl.String, "ts": pl.Int64, "key": pl.Int64}
    frame = pl.DataFrame(points, schema=schema, orient="row").sort("anonymous_id", "ts")
    ordered = rows.with_row_index("at").sort("ts")
    joined = ordered.join_asof(frame.sort("ts"), on="ts", by="anonymous_id", check_sortedness=False)
    return joined.sort("at")["key"]
