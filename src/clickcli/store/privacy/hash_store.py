"""Hash the ids of a whole store in place: every count and answer stays, but for the names."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from clickcli.identity import anonymous_key, user_key
from clickcli.store.catalog import Catalog
from clickcli.store.privacy.derived import derived_files, drop_derived, remove_derived
from clickcli.store.privacy.hash_rows import RowHasher
from clickcli.store.privacy.keys import HASHED, Key, need_key, record_key
from clickcli.store.privacy.rejected import rewrite
from clickcli.store.rework import Rework, Rule, look_for, reworking

WITHHELD: Final = "[hashed]"
"""What stands for the text of a rejected line, which may hold ids in any form."""
_HAS_LINKS: Final = """
SELECT anonymous_id FROM links UNION SELECT anonymous_id FROM given_links
"""
_IN_FORCE: Final = f"SELECT * FROM ({_HAS_LINKS}) EXCEPT SELECT anonymous_id FROM splits"  # noqa: S608
_LISTS: Final = ("suppressions", "consents")


@dataclass(frozen=True, slots=True)
class Hashed:
    """What hashing a store did, or would do; ``rejects`` are lines whose text was withheld."""

    rows: int
    devices: int
    rejects: int
    derived: int
    files_rewritten: int
    bytes_rewritten: int
    dry_run: bool


def hash_store(
    catalog: Catalog,
    *,
    key_file: str | None,
    wait_s: float,
    now: Callable[[], int],
    dry_run: bool = False,
) -> Hashed:
    """Put pseudonyms in place of all ids, and have every ingest from now on do the same."""
    at = now()
    held = nullcontext() if dry_run else reworking(catalog, "hash", wait_s, lambda: at)
    with held as work:
        if work is None:
            done = look_for(catalog, Rule(changes=RowHasher.mask, columns=RowHasher.COLUMNS))
        else:
            key = need_key(catalog, key_file)
            hasher = RowHasher(key)
            done = work.apply(Rule(changes=hasher.mask, edit=hasher.apply, moves=True))
            _rename_devices(catalog, work, key)
            drop_derived(catalog, work)
        made = Hashed(
            done.changed, len(catalog.rows(_HAS_LINKS)),
            rewrite(catalog, work, lambda _: WITHHELD), len(derived_files(catalog)),
            done.files_rewritten, done.bytes_rewritten, dry_run,
        )  # fmt: skip
        if work is not None:
            work.commit({"rows": made.rows, "devices": made.devices, "rejects": made.rejects})
            remove_derived(catalog)
            catalog.vacuum()
        return made


def _rename_devices(catalog: Catalog, work: Rework, key: Key) -> None:
    """Hash what the catalog knows of people: links of any kind, and whom the lists mean."""
    before = [device for (device,) in catalog.rows(_HAS_LINKS)]
    linked = [key.pseudonym("device", device) for (device,) in catalog.rows(_IN_FORCE)]
    work.relist(linked, before)
    work.also(lambda db: _hash_tables(db, key))


def _hash_tables(db: sqlite3.Connection, key: Key) -> None:
    record_key(db, key)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (HASHED,))
    for table in ("links", "given_links"):
        rows = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        db.execute(f"DELETE FROM {table}")  # noqa: S608
        for device, user, _, *rest in rows:
            new = key.pseudonym("user", user)
            values = (key.pseudonym("device", device), new, user_key(new), *rest)
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
    for (device,) in db.execute("SELECT anonymous_id FROM splits").fetchall():
        new = key.pseudonym("device", device)
        db.execute("UPDATE splits SET anonymous_id = ? WHERE anonymous_id = ?", (new, device))
    for table in _LISTS:
        query = f"SELECT digest, kind FROM {table} WHERE person_key NOT NULL"  # noqa: S608
        for digest, kind in db.execute(query).fetchall():
            make = user_key if kind == "user" else anonymous_key
            update = f"UPDATE {table} SET person_key = ? WHERE digest = ?"  # noqa: S608
            db.execute(update, (make(f"h_{digest.hex()}"), digest))
