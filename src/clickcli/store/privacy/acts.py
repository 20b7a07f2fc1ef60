"""What was done to the store and when: acts with their counts, never with anybody's data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clickcli.store.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Act:
    """One act; ``at`` is when, in microseconds."""

    at: int
    act: str
    detail: Mapping[str, Any]


def note_act(db: sqlite3.Connection, at: int, act: str, detail: Mapping[str, Any]) -> None:
    """Write an act into the transaction that does it."""
    db.execute(
        "INSERT INTO acts (at, act, detail) VALUES (?, ?, ?)",
        (at, act, json.dumps(dict(detail), separators=(",", ":"))),
    )


def read_acts(catalog: Catalog) -> list[Act]:
    """Return all acts, oldest first."""
    rows = catalog.rows("SELECT at, act, detail FROM acts ORDER BY id")
    return [Act(at, act, json.loads(detail)) for at, act, detail in rows]
