"""What an engine is given to read: the catalog's file list and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class DataFile:
    """One committed Parquet file of events; bounds are inclusive."""

    path: str
    date: date
    rows: int
    min_ts: int
    max_ts: int
    min_key: int | None
    max_key: int | None


def no_links() -> pl.DataFrame:
    """Return the empty table of identity links."""
    import polars as pl

    return pl.DataFrame(
        schema={
            "anonymous_id": pl.String,
            "user_id": pl.String,
            "user_key": pl.Int64,
            "ts": pl.Int64,
        }
    )


@dataclass(frozen=True, slots=True)
class Dataset:
    """A consistent snapshot of a store, as plain values.

    ``links`` gives one row an identity link: anonymous_id, user_id, user_key (person_key of
    the user), ts (time of the first event that carried both ids); it is called only when
    ``link_count`` is above zero. ``watermark`` is the newest event time, None in an empty store.
    """

    root: str
    files: tuple[DataFile, ...]
    rows: int
    snapshot: str
    first_ts: int | None = None
    watermark: int | None = None
    event_types: Mapping[str, int] = field(default_factory=dict)
    property_names: tuple[str, ...] = ()
    link_count: int = 0
    links: Callable[[], pl.DataFrame] = no_links
    conversion_event: str = "purchase"
    currency: str = "USD"
    passive_events: tuple[str, ...] = ()
    own_hosts: tuple[str, ...] = ()
