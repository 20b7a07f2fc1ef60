"""The catalog's tables."""

from __future__ import annotations

from typing import Final

FORMAT_VERSION: Final = 4
"""After 2 comes 4: one flipped bit of it does not make it a version that would be upgraded."""
APPLICATION_ID: Final = 0x636C6963
"""``clic``: marks an SQLite file as a catalog of ours."""

_SECOND: Final = """
-- Devices that are linked by hand: a file's lines, in force until they are taken back.
CREATE TABLE given_links (
    anonymous_id TEXT NOT NULL, user_id TEXT NOT NULL, user_key INTEGER NOT NULL,
    ts INTEGER, at INTEGER NOT NULL, PRIMARY KEY (anonymous_id, user_id)
) WITHOUT ROWID;

-- Devices that no link counts for.
CREATE TABLE splits (anonymous_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;

-- Who is left out. digest: HMAC-SHA256 of the id. reason: deleted, opt_out, and owner_deleted: a
-- device of a deleted user, for events that name no user, from from_ts to before until_ts. kind:
-- user, device. person_key: whom to hide in what is stored already, null once that is gone.
CREATE TABLE suppressions (
    digest BLOB NOT NULL, reason TEXT NOT NULL, from_ts INTEGER NOT NULL,
    until_ts INTEGER NOT NULL, kind TEXT NOT NULL, person_key INTEGER, at INTEGER NOT NULL,
    PRIMARY KEY (digest, reason, from_ts)
) WITHOUT ROWID;

-- Who agreed, and since when: asked for only where the configuration requires consent.
CREATE TABLE consents (
    digest BLOB PRIMARY KEY, kind TEXT NOT NULL, person_key INTEGER NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;

-- What was done to the store and when. detail is JSON with counts, never with anybody's data.
CREATE TABLE acts (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, act TEXT NOT NULL, detail TEXT NOT NULL
);
"""

_FIRST: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- removed: stored rows that were taken out later. undone: when the whole batch was taken back.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,
    read INTEGER NOT NULL, stored INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    conflicts INTEGER NOT NULL, suppressed INTEGER NOT NULL, rejected INTEGER NOT NULL,
    blank INTEGER NOT NULL, first_ts INTEGER, last_ts INTEGER, watermark INTEGER,
    first_seq INTEGER NOT NULL, end_seq INTEGER NOT NULL, fingerprint INTEGER NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0, undone INTEGER,
    CHECK (read = stored + duplicates + conflicts + suppressed + rejected)
);

-- kind: events, ids, people, linked, rejects. staged: where a file is until it is put in place.
CREATE TABLE files (
    path TEXT PRIMARY KEY, kind TEXT NOT NULL, batch INTEGER NOT NULL, staged TEXT,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    date TEXT, min_ts INTEGER, max_ts INTEGER, min_key INTEGER, max_key INTEGER
) WITHOUT ROWID;

-- Files that a commit replaced and that are still to be removed.
CREATE TABLE trash (path TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE sources (
    path TEXT PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, offset INTEGER NOT NULL,
    lines INTEGER NOT NULL, sha256 TEXT NOT NULL, content_size INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL, batch INTEGER NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE batch_sources (
    batch INTEGER NOT NULL, path TEXT NOT NULL, status TEXT NOT NULL, read INTEGER NOT NULL,
    rejected INTEGER NOT NULL, PRIMARY KEY (batch, path)
) WITHOUT ROWID;

-- Lines of a source that were dropped because an earlier (or the same) batch had them.
CREATE TABLE repeats (
    batch INTEGER NOT NULL, path TEXT NOT NULL, of_batch INTEGER NOT NULL,
    lines INTEGER NOT NULL, PRIMARY KEY (batch, path, of_batch)
) WITHOUT ROWID;

-- kind: event_type, column, flag (rows for which it holds), property, reason; totals are the sums
-- over all batches.
CREATE TABLE vocabulary (
    batch INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, lines INTEGER NOT NULL,
    PRIMARY KEY (batch, kind, name)
) WITHOUT ROWID;
CREATE TABLE totals (
    kind TEXT NOT NULL, name TEXT NOT NULL, lines INTEGER NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE links (
    anonymous_id TEXT NOT NULL, user_id TEXT NOT NULL, user_key INTEGER NOT NULL,
    ts INTEGER NOT NULL, PRIMARY KEY (anonymous_id, ts, user_id)
) WITHOUT ROWID;
"""
TABLES: Final = _FIRST + _SECOND

OLD_IDS: Final = "old_ids"
"""In ``meta`` where ids are hashed as before format 4, so that no line would be known again."""

UPGRADES: Final = {
    1: "ALTER TABLE batches ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batches ADD COLUMN undone INTEGER;" + _SECOND,
    2: "INSERT INTO meta SELECT 'old_ids', 1 WHERE EXISTS (SELECT 1 FROM batches)",
    3: "SELECT 1",
}
"""What brings a catalog of this version to the next one."""
