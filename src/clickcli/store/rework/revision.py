"""What a rework changes in the catalog beside the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clickcli.store.commit import Link, Update
from clickcli.store.rework.rule import Words


@dataclass(slots=True, kw_only=True)
class Revision(Update):
    """What a rework changes in the catalog beside the files."""

    act: tuple[int, str, str] | None = None
    removed: Mapping[int, int] = field(default_factory=dict)
    words: Mapping[int, tuple[Words, Words]] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    edits: int = 0
    further: list[Callable[[sqlite3.Connection], object]] = field(default_factory=list)

    def write(self, db: sqlite3.Connection) -> None:
        """Write what follows from the rows, then what the caller adds."""
        db.executemany(
            "UPDATE batches SET removed = removed + ? WHERE id = ?",
            [(rows, number) for number, rows in self.removed.items()],
        )
        self._recount(db)
        db.executemany("DELETE FROM links WHERE anonymous_id = ?", [(d,) for d in self.devices])
        db.executemany(
            "INSERT INTO links VALUES (?, ?, ?, ?)",
            [(link.anonymous_id, link.user_id, link.user_key, link.ts) for link in self.links],
        )
        if self.edits:
            db.execute(
                "INSERT INTO meta VALUES ('edits', ?1) ON CONFLICT DO UPDATE SET value = ?1",
                (self.edits,),
            )
        for write in self.further:
            write(db)
        if self.act is not None:
            db.execute("INSERT INTO acts (at, act, detail) VALUES (?, ?, ?)", self.act)

    def _recount(self, db: sqlite3.Connection) -> None:
        """Take the words of rows that are gone out of the vocabulary; add those of new ones.

        A word that was not counted (a log can have too many property names) is none below zero.
        """
        lost, gained = (
            [
                (lines, number, kind, name)
                for number, sides in self.words.items()
                for kind, counts in sides[side].items()
                for name, lines in counts.items()
            ]
            for side in (0, 1)
        )
        db.executemany(
            "INSERT INTO vocabulary (lines, batch, kind, name) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET lines = lines + excluded.lines",
            gained,
        )
        db.executemany(
            "UPDATE vocabulary SET lines = max(lines - ?, 0)"
            " WHERE batch = ? AND kind = ? AND name = ?",
            lost,
        )
        if self.words:
            add_up(db)


def add_up(db: sqlite3.Connection) -> None:
    """Make the totals what the vocabularies of all batches add up to."""
    db.execute("DELETE FROM vocabulary WHERE lines = 0")
    db.execute("DELETE FROM totals")
    db.execute(
        "INSERT INTO totals SELECT kind, name, sum(lines) FROM vocabulary GROUP BY kind, name"
    )
