"""What became of the lines of each ingest, as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clickcli.store.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Intake:
    """One ingest that was not taken back. Times are microseconds.

    ``repeats_of_earlier`` are its lines that an earlier ingest had already, duplicates and
    conflicts; ``reasons`` its rejected lines by reason.
    """

    name: str
    at: int
    read: int
    duplicates: int
    conflicts: int
    repeats_of_earlier: int
    first_ts: int | None
    last_ts: int | None
    reasons: Mapping[str, int]


_BATCHES: Final = (
    "SELECT id, name, at, read, duplicates, conflicts, (SELECT coalesce(sum(lines), 0) FROM repeats"
    " WHERE repeats.batch = batches.id AND of_batch <> batches.id), first_ts, last_ts"
    " FROM batches WHERE undone IS NULL ORDER BY id"
)
_REASONS: Final = "SELECT batch, name, lines FROM vocabulary WHERE kind = 'reason'"


def intakes(catalog: Catalog) -> list[Intake]:
    """Return all ingests in force, oldest first."""
    with catalog.reading():
        batches = catalog.rows(_BATCHES)
        reasons: dict[int, dict[str, int]] = {}
        for batch, name, lines in catalog.rows(_REASONS):
            reasons.setdefault(batch, {})[name] = lines
    return [
        Intake(name, at, read, duplicates, conflicts, earlier, first, last, reasons.get(number, {}))
        for number, name, at, read, duplicates, conflicts, earlier, first, last in batches
    ]
