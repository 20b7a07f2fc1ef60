"""What goes into the store's public functions and comes out of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from clickcli.store.mapping import FieldMap

Status = Literal["new", "grown", "unchanged", "rotated"]

REASONS: Final[Mapping[str, str]] = {
    "invalid_json": "not valid JSON",
    "invalid_utf8": "not valid UTF-8",
    "nul_byte": "holds a NUL byte",
    "too_long": "line is too long",
    "too_deep": "nested too deep",
    "not_object": "not a JSON object",
    "no_event": "holds no event",
    "too_many_events": "holds far more events than its length explains",
    "not_access_log": "not a line of an access log",
    "wrong_fields": "wrong number of fields",
    "no_event_type": "event type is missing or not text",
    "no_time": "time is missing",
    "bad_time": "time cannot be read",
    "time_no_offset": "time has no offset; give --input-tz",
    "time_out_of_range": "time out of range (1990 to 2199)",
    "time_in_future": "time in the future",
}
"""Why a line is rejected: the code that is stored, and what it says."""


def wall_clock() -> int:
    """Return the present, microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How log lines are read.

    ``mapping`` is a field map or a preset; with ``detect`` the preset of each file is told by its
    first lines.
    ``input_tz`` is the zone of times without an offset. ``max_error_rate`` is the share of
    rejected lines above which nothing is kept; lines read and rejected ``earlier`` are judged with
    them. ``wait_s`` is how long to wait for another
    writer. ``currency`` is that of amounts without one. ``workers`` is the number of parser
    processes: None chooses by the size of the input, 0 parses in this process. ``key_file`` is
    where the store's key is, None beside the store. With ``require_consent`` only events of
    people who agreed are stored. ``scrub`` are kinds of personal data that are taken out of texts.
    ``now`` is the clock, in microseconds.
    """

    mapping: FieldMap | None = None
    detect: bool = False
    input_tz: str | None = None
    future: Literal["reject", "keep"] = "reject"
    max_error_rate: float = 0.05
    earlier: tuple[int, int] = (0, 0)
    dry_run: bool = False
    wait_s: float = 0.0
    max_line_bytes: int = 1 << 20
    currency: str = "USD"
    keep_ip: bool = False
    workers: int | None = None
    key_file: str | None = None
    require_consent: bool = False
    scrub: tuple[str, ...] = ()
    now: Callable[[], int] = wall_clock


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest or an upkeep is.

    ``total`` is in bytes of the files, None where it is not known; when merging, in rows.
    """

    phase: Literal["reading", "deduplicating", "writing", "committing", "merging", "checking"]
    done: int
    total: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What one source gave; ``preset`` is the one that its first lines told, if they were asked."""

    path: str
    status: Status
    read: int = 0
    rejected: int = 0
    preset: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected line; ``raw`` is cut at 4 KB."""

    batch: str
    source: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The account of one ingest.

    ``read = stored + duplicates + conflicts + suppressed + rejected``; blank lines are apart.
    ``batch`` is None when nothing was committed. ``sample`` (of a dry run) and
    ``reject_sample`` are the first few rows and rejects. ``people`` is how many persons are in the
    store then, identity links applied; ``bots`` how many of the added rows are events of bots.
    Times are microseconds.
    """

    batch: str | None
    read: int = 0
    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    suppressed: int = 0
    rejected: int = 0
    blank: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    sample: tuple[Mapping[str, Any], ...] = ()
    reject_sample: tuple[Reject, ...] = ()
    files: tuple[SourceReport, ...] = ()
    first_ts: int | None = None
    last_ts: int | None = None
    people: int | None = None
    bots: int | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """When a follower stores what waits: after so long, or so many lines, whichever is first."""

    every_s: float = 10.0
    lines: int = 100_000


@dataclass(frozen=True, slots=True)
class Step:
    """Where a follower is.

    ``stored`` is the batch that was stored just now, ``total`` all since the start. ``waiting``
    lines are read and not stored, ``behind`` bytes of plain logs are not stored. ``message`` is
    something to be told.
    """

    stored: IngestSummary | None
    total: IngestSummary
    waiting: int
    behind: int
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One committed ingest, as the catalog keeps it; ``at`` is when, in microseconds.

    ``removed`` of its stored rows were taken out later; ``undone`` is when all of it was.
    """

    name: str
    at: int
    read: int
    stored: int
    duplicates: int
    conflicts: int
    suppressed: int
    rejected: int
    blank: int
    first_ts: int | None
    last_ts: int | None
    removed: int = 0
    undone: int | None = None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One file of the ledger: how much of its content was taken, and when last."""

    path: str
    offset: int
    lines: int
    at: int


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What the catalog alone can say. Times are microseconds; ``people`` has links applied.

    ``bots`` is how many of the rows are events of bots.
    """

    path: str
    format_version: int
    snapshot: str
    rows: int
    people: int
    files: int
    batches: int
    bytes: int
    first_ts: int | None
    watermark: int | None
    event_types: Mapping[str, int]
    columns: Mapping[str, int]
    properties: Mapping[str, int]
    sources: tuple[SourceInfo, ...]
    last_ingest: int | None
    rejects: int
    reject_reasons: Mapping[str, int]
    bots: int
    links: int
