"""What a store holds, read without the store's own code: SQLite, Parquet, NumPy and a hash."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

Row = tuple[Any, ...]
Rows = list[Row]

QUERIES = {
    "batches": "SELECT id, name, read, stored, duplicates, conflicts, suppressed, rejected, blank,"
    " first_ts, last_ts, first_seq, end_seq, removed, undone IS NOT NULL FROM batches",
    "sources": "SELECT path, offset, lines, sha256, content_size, content_sha256, batch"
    " FROM sources",
    "batch_sources": "SELECT * FROM batch_sources",
    "repeats": "SELECT * FROM repeats",
    "vocabulary": "SELECT * FROM vocabulary",
    "totals": "SELECT * FROM totals WHERE lines != 0",
    "links": "SELECT * FROM links",
    "given_links": "SELECT anonymous_id, user_id, user_key, ts FROM given_links",
    "splits": "SELECT anonymous_id FROM splits",
    "suppressions": "SELECT hex(digest), reason, from_ts, until_ts, kind, person_key"
    " FROM suppressions",
    "consents": "SELECT hex(digest), kind, person_key FROM consents",
    "acts": "SELECT DISTINCT act FROM acts",
}
"""What of the catalog must be equal; when things were done is left out."""
_NO_FINDING = ("ok", "NULL value in links.")
"""SQLite 3.40 takes a key that is not declared in the order of the columns for nulls."""


@dataclass(frozen=True, slots=True)
class State:
    """What a store holds; equal states are equal stores, whatever the layout of their files.

    ``events`` are the rows in order of arrival without ``seq``, their columns in ``columns``;
    ``ids`` are (high, low, content) words, ``rejects`` the lines by batch.
    """

    columns: tuple[str, ...]
    events: Rows
    ids: Rows
    people: list[int]
    linked: list[int]
    rejects: dict[str, list[str]]
    meta: dict[str, int]
    tables: dict[str, Rows]

    def differences(self, other: State) -> list[str]:
        """Name what is not equal, with the sizes."""
        found = []
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            if isinstance(mine, dict):
                names = sorted({*mine, *theirs})
                found += [
                    f"{item.name}.{name}: {_short(mine.get(name))}, not {_short(theirs.get(name))}"
                    for name in names
                    if mine.get(name) != theirs.get(name)
                ]
            elif mine != theirs:
                found.append(f"{item.name}: {_short(mine)}, not {_short(theirs)}")
        return found


def _short(value: Any) -> str:
    size = f"{len(value)} × " if isinstance(value, list) else ""
    return size + repr(value)[:120]


@dataclass(frozen=True, slots=True)
class Reading:
    """A state, and the seqs that files and id runs hold, for the checks that need them."""

    state: State
    seqs: list[int]
    id_seqs: list[int]
    problems: list[str] = field(default_factory=list)


def connect(root: Path) -> sqlite3.Connection:
    """Open a catalog for reading."""
    return sqlite3.connect(f"file:{root / 'catalog.db'}?mode=ro", uri=True)


def read(root: Path) -> Reading:
    """Read a store that nobody writes to, and note what is wrong with its files."""
    problems: list[str] = []
    with closing(connect(root)) as db:
        files = db.execute(
            "SELECT path, kind, rows, bytes, sha256, staged, date FROM files ORDER BY path"
        ).fetchall()
        tables = {name: sorted(db.execute(query), key=repr) for name, query in QUERIES.items()}
        meta = {str(key): value for key, value in db.execute("SELECT key, value FROM meta")}
        found = [text for (text,) in db.execute("PRAGMA integrity_check")]
    problems += [f"catalog: {text}" for text in found if not text.startswith(_NO_FINDING)]
    problems += _file_problems(root, files)
    columns, rows, seqs = _events(root, files, problems)
    words = [np.load(root / path) for path, kind, *_ in files if kind == "ids"]
    ids = np.concatenate([np.zeros((4, 0), np.uint64), *words], axis=1)
    keys = {
        kind: [k for path, of, *_ in files if of == kind for k in np.load(root / path).tolist()]
        for kind in ("people", "linked")
    }
    rejects = {
        Path(path).stem: (root / path).read_text().splitlines()
        for path, kind, *_ in files
        if kind == "rejects"
    }
    state = State(
        columns, rows, sorted(zip(*ids[:3].tolist(), strict=True)), keys["people"],
        keys["linked"], rejects, meta, tables,
    )  # fmt: skip
    return Reading(state, seqs, sorted(ids[3].tolist()), problems)


def _file_problems(root: Path, files: Rows) -> list[str]:
    """Compare the files on disk with what the catalog says of them."""
    problems = []
    expected = {"catalog.db", "catalog.db-journal", "catalog.sum", "catalog.sum.new", "lock"}
    for path, _, _, size, digest, staged, _ in files:
        expected.add(path)
        data = (root / path).read_bytes() if (root / path).is_file() else None
        if data is None:
            problems.append(f"{path} is missing")
        elif len(data) != size or sha256(data).hexdigest() != digest:
            problems.append(f"{path} is not what the catalog says")
        if staged is not None:
            problems.append(f"{path} is not in its place")
    for found in sorted(root.rglob("*")):
        name = str(found.relative_to(root))
        mode = found.lstat().st_mode & 0o777
        if found.is_dir():
            if name.startswith("staging/"):
                problems.append(f"{name} is left over")
            if mode != 0o700:
                problems.append(f"{name} has mode {mode:o}")
            continue
        if name not in expected:
            problems.append(f"{name} is left over")
        if mode != 0o600:
            problems.append(f"{name} has mode {mode:o}")
    return problems


def _events(
    root: Path, files: Rows, problems: list[str]
) -> tuple[tuple[str, ...], Rows, list[int]]:
    """Return the columns but ``seq``, the rows in order of arrival, and their seqs."""
    rows: list[tuple[int, Row]] = []
    names: tuple[str, ...] = ()
    for path, kind, count, _, _, _, date in files:
        if kind != "events":
            continue
        table = pq.ParquetFile(root / path).read().to_pydict()
        seqs = table.pop("seq")
        if names not in {(), tuple(table)}:
            problems.append(f"{path} has other columns")
        names = tuple(table)
        if len(seqs) != count:
            problems.append(f"{path} has {len(seqs)} rows, not {count}")
        order = [
            (k is not None, k, t, s)
            for k, t, s in zip(table["person_key"], table["ts"], seqs, strict=True)
        ]
        if order != sorted(order):
            problems.append(f"{path} is not sorted")
        days = {str(np.datetime64(ts, "us").astype("datetime64[D]")) for ts in table["ts"]}
        if days != {date}:
            problems.append(f"{path} has the dates {sorted(days)}, not {date}")
        rows += zip(seqs, zip(*table.values(), strict=True), strict=True)
    rows.sort(key=lambda row: row[0])
    return names, [row for _, row in rows], [seq for seq, _ in rows]


def problems_of(reading: Reading) -> list[str]:
    """Return what is wrong in a store as such, whatever it should hold."""
    state, problems = reading.state, list(reading.problems)
    if len(set(reading.seqs)) != len(reading.seqs):
        problems.append("a seq is there twice")
    without_row = Counter(reading.id_seqs)
    without_row.subtract(reading.seqs)
    if min(without_row.values(), default=0) < 0 or max(without_row.values(), default=0) > 1:
        problems.append("a row has no id, or an id is there twice")
    if without_row.total() != state.meta.get("retained_ids", 0):
        problems.append(f"{without_row.total()} ids without a row, not those retention left")
    if len({row[:2] for row in state.ids}) != len(state.ids):
        problems.append("an id is there twice")
    for (number, name, read_lines, stored, duplicates, conflicts, suppressed, rejected, _, _, _,
         first, end, removed, undone) in state.tables["batches"]:  # fmt: skip
        if read_lines != stored + duplicates + conflicts + suppressed + rejected:
            problems.append(f"{name}: {read_lines} lines read, but not as many accounted for")
        rows = sum(first <= seq < end for seq in reading.seqs)
        if rows != stored - removed or (undone and rows):
            problems.append(f"{name}: {rows} rows, not {stored} - {removed}")
        lines = len(state.rejects.get(name, ()))
        if lines != (0 if undone else rejected) and not removed:
            problems.append(f"{name}: {lines} rejected lines, not {rejected}")
        counted = sum(row[3] for row in state.tables["batch_sources"] if row[0] == number)
        if counted != read_lines and not undone:
            problems.append(f"{name}: its sources give {counted} lines, not {read_lines}")
    return problems + _count_problems(state)


def _count_problems(state: State) -> list[str]:
    """Compare the catalog's counts with the rows."""
    problems = []
    by_name = {name: [row[at] for row in state.events] for at, name in enumerate(state.columns)}
    properties = (list(json.loads(text)) for text in by_name.get("properties", ()) if text)
    found = {
        "event_type": Counter(by_name.get("event_type", ())),
        "column": Counter({n: sum(v is not None for v in c) for n, c in by_name.items()}),
        "property": Counter(name for names in properties for name in names),
    }
    for kind, counts in found.items():
        totals = {name: lines for of, name, lines in state.tables["totals"] if of == kind}
        totals.pop("seq", None)
        if totals != {name: count for name, count in counts.items() if count}:
            problems.append(f"the totals of {kind} are {totals}, not {dict(counts)}")
    keys = {key for key in by_name.get("person_key", ()) if key is not None}
    if sorted(keys) != state.people:
        problems.append(f"{len(state.people)} people are listed, not {len(keys)}")
    count = len(keys - set(state.linked))
    if state.meta.get("people", 0) != count:
        problems.append(f"the catalog counts {state.meta.get('people')} people, not {count}")
    return problems
