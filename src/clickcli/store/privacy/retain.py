"""Keep events for so long and no longer: whole days go, and their ids stay known."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.errors import UsageError
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.privacy.derived import derived_files, drop_derived, remove_derived
from clickcli.store.privacy.stale_links import without_stale
from clickcli.store.rework import Rule, look_for, reworking
from clickcli.units import MIN_TS, duration_text, from_us

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

FLOOR: Final = "floor"
"""Name of the number in the catalog that the last run dropped everything before."""


@dataclass(frozen=True, slots=True)
class Retained:
    """What keeping events for so long did, or would do.

    ``floor`` is the time before which everything went. ``rejects`` are the files of rejected lines
    that went, ``derived`` those of derived tables and models.
    """

    floor: int
    rows: int
    files_dropped: int
    bytes_dropped: int
    rejects: int
    derived: int
    dry_run: bool


def retain(
    catalog: Catalog,
    keep_us: int,
    *,
    as_of: int | None,
    wait_s: float,
    now: Callable[[], int],
    dry_run: bool = False,
) -> Retained:
    """Drop the UTC days that ended more than ``keep_us`` ago, and keep the ids of their events.

    Ago is counted from the present, or from ``as_of`` before it. Rejected lines go with the
    ingest that rejected them.

    Raises UsageError for less than a day, and for a moment in the future.
    """
    at = now()
    moment = at if as_of is None else as_of
    if keep_us < MICROSECONDS_PER_DAY:
        raise UsageError(f"--keep must be at least 1d, was {duration_text(keep_us)}")
    if moment > at:
        raise UsageError(
            f"--as-of must not be in the future, was {from_us(moment).isoformat()}",
            hint="it would drop events that are to be kept",
        )
    floor = max(moment - keep_us, MIN_TS)
    floor -= floor % MICROSECONDS_PER_DAY
    rule = _older(floor)
    held = nullcontext() if dry_run else reworking(catalog, "retain", wait_s, lambda: at)
    with held as work:
        rejects = _old_rejects(catalog, floor)
        done = look_for(catalog, rule) if work is None else work.apply(rule)
        derived = len(derived_files(catalog)) if done.rows else 0
        made = Retained(
            floor, done.rows, done.files_dropped, done.bytes_before, len(rejects), derived, dry_run
        )
        if work is None:
            return made
        for path in rejects:
            work.drop(path)
        if done.rows:
            drop_derived(catalog, work)
            left = [file for file in catalog.files("events") if not rule.may_hold(file)]
            work.relink(*without_stale(catalog, left, floor))
        work.also(lambda db: _write(db, floor, done.rows))
        work.commit({"rows": done.rows, "days": duration_text(keep_us), "rejects": len(rejects)})
        if done.rows:
            remove_derived(catalog)
        return made


def _older(floor: int) -> Rule:
    """Return the rule that whole files of the days before a midnight go."""
    first = from_us(floor).date().isoformat()

    def is_older(file: FileRow) -> bool:
        return file.date is not None and file.date < first

    def goes(table: pa.Table) -> NDArray[np.bool_]:
        import numpy as np

        return np.ones(table.num_rows, dtype=bool)

    return Rule(goes=goes, columns=("seq",), may_hold=is_older, keeps_ids=True, keeps_links=True)


def _old_rejects(catalog: Catalog, floor: int) -> list[str]:
    """Return the files of lines that were rejected before."""
    query = (
        "SELECT path FROM files WHERE kind = 'rejects'"
        " AND batch IN (SELECT id FROM batches WHERE at < ?) ORDER BY path"
    )
    return [path for (path,) in catalog.rows(query, floor)]


def _write(db: sqlite3.Connection, floor: int, rows: int) -> None:
    """Write what went, and how many ids have no event any more."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (FLOOR, floor))
    db.execute(
        "INSERT INTO meta VALUES ('retained_ids', ?)"
        " ON CONFLICT (key) DO UPDATE SET value = value + excluded.value",
        (rows,),
    )
