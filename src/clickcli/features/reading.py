"""Read the tables that were built, without people whom nobody may see by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from clickcli.engines.hidden import hides
from clickcli.errors import DataError, unknown
from clickcli.features.tables import TABLES
from clickcli.units import instant, zone

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines.dataset import Dataset
    from clickcli.store import Store
    from clickcli.store.derived import State

_KEYS: Final = ("person_key", "neighbour_key")


@dataclass(frozen=True, slots=True)
class Kept:
    """One table that was built: its size, when and of what cutoff, and whether events changed."""

    name: str
    rows: int
    bytes: int
    sha256: str
    at: int
    cutoff: int
    is_stale: bool


def kept(store: Store) -> list[Kept]:
    """Return the tables that were built, in the order in which they are declared."""
    derived = store.derived()
    if derived is None:
        return []
    is_stale = store.state() != derived.state
    at = instant(derived.receipt["at"], zone("UTC"))
    return [
        Kept(name, file.rows, file.bytes, file.sha256, at, derived.receipt["cutoff_us"], is_stale)
        for name in TABLES
        if (file := derived.files.get(name)) is not None
    ]


def table(store: Store, settings: Mapping[str, Any], name: str) -> pl.LazyFrame:
    """Return a table that was built.

    Raises UsageError for an unknown name, DataError when nothing was built or the file is damaged.
    """
    import polars as pl

    if name not in TABLES:
        raise unknown("table", name, TABLES)
    derived = store.derived()
    if derived is None or name not in derived.files:
        why = "" if derived is None else f" {name}"
        raise DataError(
            f"the store {store.path} has no{why or ' features'}",
            hint="make them with: clickcli features build",
        )
    file = derived.files[name]
    if not file.path.is_file() or file.path.stat().st_size != file.bytes:
        raise DataError(
            f"{file.path} is missing or damaged", hint="clickcli features build makes it anew"
        )
    frame = pl.scan_parquet(file.path, hive_partitioning=False, glob=False)
    return _visible(frame, replace(store.dataset(), **settings))


def _visible(frame: pl.LazyFrame, dataset: Dataset) -> pl.LazyFrame:
    """Leave out the rows about people who opted out since, or did not agree."""
    import polars as pl

    if not hides(dataset):
        return frame
    for name in _KEYS:
        if name not in frame.collect_schema():
            continue
        gone = dataset.opted_out().lazy().select(pl.col("person_key").alias(name))
        frame = frame.join(gone, on=name, how="anti", maintain_order="left")
        if dataset.require_consent:
            agreed = dataset.agreed().lazy().select(pl.col("person_key").alias(name))
            frame = frame.join(agreed, on=name, how="semi", maintain_order="left")
    return frame


def stale_notes(then: State, now: State) -> list[str]:
    """Return a note on what changed in a store since its tables were built."""
    if then == now:
        return []
    added = now.next_seq - then.next_seq
    changes = [f"{added:,} events were added".replace(",", "\u202f")] if added else []
    if (then.removed, then.edits) != (now.removed, now.edits):
        changes.append("events were taken out or edited")
    if then.lists != now.lists:
        changes.append("links, opt-outs or consents changed")
    what = ", ".join(changes) or "the store changed"
    return [
        f"stale: since these were built, {what}; clickcli features build brings them up to date"
    ]
