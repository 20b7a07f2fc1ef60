"""What the commands of ``features`` share: the list of tables that were built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.options import Flag
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import from_us

if TYPE_CHECKING:
    from clickcli.features.reading import Kept

FEATURES: Final = Table(
    "features",
    "The tables that were built.",
    (
        Column("table", "string", "key", "name of the table"),
        Column("rows", "int64", "count", "rows"),
        Column("cutoff", "timestamp", "timestamp", "only events before this moment count"),
        Column("is_stale", "bool", "flag", "whether the store has changed since"),
        Column("built", "timestamp", "timestamp", "when it was built"),
        Column("bytes", "int64", "count", "size of the file"),
        Column("sha256", "string", "text", "checksum of the file"),
    ),
    keys=("table",),
)


@dataclass(frozen=True, kw_only=True)
class Wait:
    """How long to wait for another writer."""

    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Features")
    ] = "0s"


def page_of_features(
    kept: Sequence[Kept], notes: Sequence[str], meta: Mapping[str, Any], title: str = "Features"
) -> Page:
    """Return the list of tables."""
    rows = [
        (one.name, one.rows, from_us(one.cutoff), one.is_stale, from_us(one.at), one.bytes,
         one.sha256)
        for one in kept
    ]  # fmt: skip
    return Page("features", 1, (sheet_of_rows(FEATURES, rows),), meta, notes, title=title)
