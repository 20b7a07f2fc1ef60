"""Tables that are computed from events: Parquet files in ``derived/``, with a receipt.

The catalog names the files with their checksums, and keeps the receipt in ``meta``; both change in
one transaction. What takes people or their names out of events drops the tables with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickcli.store.catalog import Catalog
from clickcli.store.layout import make_file, storage_errors
from clickcli.store.privacy.derived import RECEIPT
from clickcli.store.rework import Rework, reworking
from clickcli.store.types import wall_clock

if TYPE_CHECKING:
    import polars as pl

KIND: Final = "derived"
"""Kind of the files in the catalog, and their folder."""
ROW_GROUP: Final = 1 << 16
_LISTS: Final = (
    "SELECT anonymous_id, user_key, ts FROM given_links ORDER BY anonymous_id, user_key",
    "SELECT anonymous_id FROM splits ORDER BY anonymous_id",
    "SELECT DISTINCT reason, person_key FROM suppressions WHERE person_key NOT NULL ORDER BY 1, 2",
    "SELECT DISTINCT person_key FROM consents ORDER BY person_key",
)


@dataclass(frozen=True, slots=True)
class State:
    """What of a store an answer rests on.

    Events of ``seq`` from ``next_seq`` on were added later. When ``removed`` or ``edits`` changed,
    others went or were edited; ``lists`` changes with links given by hand, opt-outs and consents.
    """

    next_seq: int
    removed: int
    edits: int
    lists: str
    has_given_links: bool


@dataclass(frozen=True, slots=True)
class DerivedFile:
    """The file of one table."""

    path: Path
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Derived:
    """The tables of a store, by name, and the receipt of whoever made them."""

    files: Mapping[str, DerivedFile]
    receipt: Mapping[str, Any]
    state: State


class Deriving:
    """A store that is locked for its derived tables to be replaced."""

    def __init__(self, catalog: Catalog, work: Rework) -> None:
        self._catalog = catalog
        self._work = work
        self.state = state_of(catalog)
        self.before = derived(catalog)

    def keep(self, tables: Mapping[str, pl.DataFrame], receipt: Mapping[str, Any]) -> None:
        """Make these the tables of the store, in place of all others. Call it once, at the end."""
        work = self._work
        with storage_errors(f"cannot write the store {self._catalog.root}"):
            for name, frame in tables.items():
                path = work.folder / f"{name}.parquet"
                _write(path, frame)
                work.replace(path, KIND, f"{KIND}/{name}.parquet", frame.height)
        for file in self._catalog.files(KIND):
            if Path(file.path).stem not in tables:
                work.drop(file.path)
        kept = json.dumps({"receipt": receipt, "state": asdict(self.state)}, sort_keys=True)
        work.also(lambda db: _record(db, kept))
        work.commit()


def _record(db: sqlite3.Connection, receipt: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (RECEIPT, receipt))


def _write(path: Path, frame: pl.DataFrame) -> None:
    """Write a table; equal tables give equal bytes."""
    import polars as pl
    import pyarrow.parquet as pq

    make_file(path)
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)


@contextmanager
def deriving(
    catalog: Catalog, wait_s: float = 0.0, now: Callable[[], int] = wall_clock
) -> Iterator[Deriving]:
    """Hold the writer's lock while tables are computed. Raises StoreLocked as an ingest does."""
    with reworking(catalog, None, wait_s, now) as work:
        yield Deriving(catalog, work)


def derived(catalog: Catalog) -> Derived | None:
    """Return the derived tables, None where there are none."""
    with catalog.reading():
        text = catalog.value("SELECT value FROM meta WHERE key = ?", RECEIPT)
        files = {
            Path(file.path).stem: DerivedFile(
                catalog.resolve(file).absolute(), file.rows, file.bytes, file.sha256
            )
            for file in catalog.files(KIND)
        }
    if text is None or not files:
        return None
    kept = json.loads(text)
    return Derived(files, kept["receipt"], State(**kept["state"]))


def drop(catalog: Catalog, wait_s: float = 0.0) -> list[str]:
    """Take all derived tables out of the store; returns their names."""
    with reworking(catalog, None, wait_s) as work:
        files = catalog.files(KIND)
        for file in files:
            work.drop(file.path)
        work.also(lambda db: db.execute("DELETE FROM meta WHERE key = ?", (RECEIPT,)))
        work.commit()
    return [Path(file.path).stem for file in files]


def state_of(catalog: Catalog) -> State:
    """Return what answers of this moment rest on."""
    with catalog.reading():
        lists = sha256()
        for query in _LISTS:
            lists.update(repr(catalog.rows(query)).encode())
        return State(
            next_seq=catalog.meta("next_seq"),
            removed=catalog.value("SELECT coalesce(sum(removed), 0) FROM batches"),
            edits=catalog.meta("edits"),
            lists=lists.hexdigest(),
            has_given_links=bool(catalog.value("SELECT EXISTS (SELECT 1 FROM given_links)")),
        )
