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


def nobody() -> pl.DataFrame:
    """Return an empty list of people."""
    import polars as pl

    return pl.DataFrame(schema={"person_key": pl.Int64})


def no_devices() -> pl.DataFrame:
    """Return an empty list of devices."""
    import polars as pl

    return pl.DataFrame(schema={"anonymous_id": pl.String})


@dataclass(frozen=True, slots=True)
class Dataset:
    """A consistent snapshot of a store, as plain values.

    ``links`` gives one row an identity link: anonymous_id, user_id, user_key (person_key of
    the user), ts (time of the first event that carried both ids); it is called only when
    ``link_count`` is above zero. ``watermark`` is the newest event time, None in an empty store.
    ``bot_rows`` is how many of the rows are events of bots; at 0 ``is_bot`` need not be read.

    ``opted_out`` gives the keys of people whom no question sees, ``opted_out_devices`` the
    devices among them whose events name a user too; called only when ``opted_out_count`` is above
    zero. With ``require_consent`` only the people of ``agreed`` are seen, and events of nobody.
    """

    root: str
    files: tuple[DataFile, ...]
    rows: int
    snapshot: str
    first_ts: int | None = None
    watermark: int | None = None
    event_types: Mapping[str, int] = field(default_factory=dict)
    property_names: tuple[str, ...] = ()
    bot_rows: int = 0
    link_count: int = 0
    links: Callable[[], pl.DataFrame] = no_links
    conversion_event: str = "purchase"
    currency: str = "USD"
    passive_events: tuple[str, ...] = ()
    own_hosts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    costs_items: str | None = None
    costs_traffic: str | None = None
    segments_new_days: float = 30
    segments_risk_days: float = 30
    segments_power_days: float = 10
    segments_high_value: float = 1000
    opted_out_count: int = 0
    opted_out: Callable[[], pl.DataFrame] = nobody
    opted_out_devices: Callable[[], pl.DataFrame] = no_devices
    require_consent: bool = False
    agreed: Callable[[], pl.DataFrame] = nobody
