"""Links that say nothing any more: of users whose events on a device, and by it, are all gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import Link
from clickcli.store.privacy.devices import Span, spans_of

if TYPE_CHECKING:
    import polars as pl

_SHARED: Final = """
SELECT anonymous_id FROM links
WHERE anonymous_id NOT IN (SELECT anonymous_id FROM given_links)
AND anonymous_id NOT IN (SELECT anonymous_id FROM splits)
GROUP BY anonymous_id HAVING count(DISTINCT user_id) > 1 AND min(ts) < ?
"""
_LEARNED: Final = "SELECT * FROM links WHERE anonymous_id = ?"


def without_stale(
    catalog: Catalog, left: Sequence[FileRow], floor: int
) -> tuple[list[str], list[Link]]:
    """Return the devices that have links on which no event of these files rests, and the others.

    Only devices with several users are looked at: the link to an only user stays while the device
    is seen. No answer changes, for there is no event in the time that a link goes for.
    """
    shared = [device for (device,) in catalog.rows(_SHARED, floor)]
    rows = _rows(catalog, left, shared)
    devices: list[str] = []
    links: list[Link] = []
    for device in rows["anonymous_id"].unique(maintain_order=True).to_list():
        spans = spans_of(catalog, [device])
        borne = [span for span in spans if _bears(rows, span)]
        if len(borne) < len(spans):
            devices.append(device)
            learned = [Link(*row) for row in catalog.rows(_LEARNED, device)]
            links += [link for link in learned if any(_holds(span, link) for span in borne)]
    return devices, links


def _rows(catalog: Catalog, files: Sequence[FileRow], devices: list[str]) -> pl.DataFrame:
    """Return device, user and time of the events of these devices."""
    import polars as pl

    schema = {"anonymous_id": pl.String, "user_id": pl.String, "ts": pl.Int64}
    if not devices or not files:
        return pl.DataFrame(schema=schema)
    paths = [catalog.resolve(file) for file in files]
    frame = pl.scan_parquet(paths, hive_partitioning=False, glob=False).select(*schema)
    return frame.filter(pl.col("anonymous_id").is_in(devices)).sort("anonymous_id").collect()


def _bears(rows: pl.DataFrame, span: Span) -> bool:
    """Return whether an event is a user's on a device, or by the link of it."""
    import polars as pl

    user = pl.col("user_id")
    is_given = user.is_null() & pl.col("ts").is_between(span.start, span.until, closed="left")
    theirs = rows.filter(pl.col("anonymous_id") == span.device, (user == span.user_id) | is_given)
    return theirs.height > 0


def _holds(span: Span, link: Link) -> bool:
    return link.user_id == span.user_id and span.start <= link.ts < span.until
