"""Take a batch back: its events, its rejects, and what the ledger knows of its sources."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.errors import UsageError, unknown
from clickcli.store.catalog import Catalog
from clickcli.store.rework import Reworked, Rule, add_up, look_for, reworking
from clickcli.store.types import wall_clock

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking a batch back does.

    ``sources`` are those that the batch read, ``others`` those of other batches with lines that
    were left out because the batch had them: to have all of them again, ingest both again.
    ``rows`` went, ``rejected`` lines with them.
    """

    batch: str
    rows: int
    rejected: int
    files_rewritten: int
    files_dropped: int
    bytes_rewritten: int
    sources: tuple[str, ...]
    others: tuple[str, ...]
    dry_run: bool = False


_OWN: Final = "SELECT path FROM batch_sources WHERE batch = ?1"
_OTHERS: Final = "SELECT path FROM repeats WHERE of_batch = ?1 AND batch <> ?1"
_RENAMED: Final = """
SELECT path FROM (SELECT path, status, min(batch) AS first FROM batch_sources GROUP BY path)
WHERE first > ?1 AND status = 'grown'
"""
"""Files that were first seen under their path when a part of them had been read before."""
_TO_READ: Final = f"""
WITH named AS ({_OWN} UNION {_OTHERS} UNION {_RENAMED})
SELECT path FROM sources WHERE batch = ?1 OR path IN named
OR (device, inode) IN (SELECT device, inode FROM sources WHERE path IN named)
"""  # noqa: S608 - of constants
"""Entries of the ledger that may count lines as read which are no longer stored."""


def undo(
    catalog: Catalog,
    name: str,
    *,
    dry_run: bool = False,
    wait_s: float = 0.0,
    now: Callable[[], int] = wall_clock,
) -> Undone:
    """Take a batch back; a dry run only says what that would do.

    What other batches dropped as repeats of its lines is not brought back by itself: the ledger
    forgets those files, so that ingesting them again does.

    Raises UsageError for a batch that is unknown or was taken back before.
    """
    at = now()
    held = nullcontext() if dry_run else reworking(catalog, "undo", wait_s, lambda: at)
    with held as work:
        number, rule = _rule(catalog, name)
        rejects = f"rejects/{name}.jsonl"
        rejected = catalog.value("SELECT rejected FROM batches WHERE id = ?", number)
        if work is None:
            return _account(catalog, number, name, rejected, look_for(catalog, rule), dry_run=True)
        done = work.apply(rule)
        account = _account(catalog, number, name, rejected, done, dry_run=False)
        if catalog.value("SELECT 1 FROM files WHERE path = ?", rejects) is not None:
            work.drop(rejects)
        work.also(lambda db: _forget(db, number, at))
        work.commit({"batch": name, "rows": done.rows, "rejected": rejected})
    return account


def _rule(catalog: Catalog, name: str) -> tuple[int, Rule]:
    """Return the number of a batch, and the rule that its rows go."""
    known = catalog.rows("SELECT name, undone FROM batches")
    if name not in dict(known):
        names = [batch for batch, undone in known if undone is None]
        raise unknown("batch", name, names)
    if dict(known)[name] is not None:
        raise UsageError(
            f"the batch {name} was taken back already", hint="see them all: clickcli batches"
        )
    query = "SELECT id, first_seq, end_seq FROM batches WHERE name = ?"
    number, first, end = catalog.rows(query, name)[0]

    def goes(table: pa.Table) -> NDArray[np.bool_]:
        seq = table["seq"].to_numpy()
        mask: NDArray[np.bool_] = (seq >= first) & (seq < end)
        return mask

    return number, Rule(goes=goes, columns=("seq",), bounds={"seq": (first, end - 1)})


def _account(
    catalog: Catalog, number: int, name: str, rejected: int, done: Reworked, *, dry_run: bool
) -> Undone:
    own = [path for (path,) in catalog.rows(_OWN + " ORDER BY path", number)]
    others = {path for (path,) in catalog.rows(_OTHERS, number)}
    return Undone(
        name, done.rows, rejected, done.files_rewritten, done.files_dropped, done.bytes_rewritten,
        tuple(own), tuple(sorted(others.difference(own))), dry_run,
    )  # fmt: skip


def _forget(db: sqlite3.Connection, number: int, at: int) -> None:
    """Take the batch out of the ledger and the vocabulary."""
    read_again = db.execute(_TO_READ, (number,)).fetchall()
    db.executemany("DELETE FROM sources WHERE path = ?", read_again)
    db.execute("DELETE FROM repeats WHERE batch = ?1 OR of_batch = ?1", (number,))
    db.execute("DELETE FROM vocabulary WHERE batch = ?", (number,))
    add_up(db)
    db.execute("UPDATE batches SET undone = ? WHERE id = ?", (at, number))
