"""Words of the catalog that hold a name: paths of logs, event types and names of properties."""

from __future__ import annotations

import sqlite3
from typing import Final

from clickcli.store.privacy.tokens import Names
from clickcli.store.rework import add_up

_PATHS: Final = ("sources", "batch_sources", "repeats")
_MERGE: Final = (
    "INSERT INTO vocabulary (batch, kind, name, lines) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET lines = lines + excluded.lines"
)


def redact_catalog(db: sqlite3.Connection, names: Names) -> None:
    """Put a mark in place of long ids; a log file is known again by device and inode."""
    if not names.long:
        return
    for table in _PATHS:
        for (path,) in db.execute(f"SELECT DISTINCT path FROM {table}").fetchall():  # noqa: S608
            if (new := names.redacted(path)) != path:
                db.execute(f"UPDATE OR REPLACE {table} SET path = ? WHERE path = ?", (new, path))  # noqa: S608
    changed = False
    for batch, kind, name, lines in db.execute("SELECT * FROM vocabulary").fetchall():
        if (new := names.redacted(name)) != name:
            db.execute(
                "DELETE FROM vocabulary WHERE batch = ? AND kind = ? AND name = ?",
                (batch, kind, name),
            )
            db.execute(_MERGE, (batch, kind, new, lines))
            changed = True
    if changed:
        add_up(db)
