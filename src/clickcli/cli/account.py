"""The account of an ingest as tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from clickcli.analysis import Column, Table
from clickcli.render.page import Page, Sheet, sheet_of_rows
from clickcli.units import utc

if TYPE_CHECKING:
    from clickcli.store import IngestSummary

_SUMMARY: Final = Table(
    "summary",
    "What became of the lines: read = stored + duplicates + conflicts + suppressed + rejected.",
    (
        Column("batch", "string", "key", "name of the batch; empty when nothing was stored"),
        Column("store", "string", "text", "folder of the store"),
        Column("read", "int64", "count", "lines read, without blank ones"),
        Column("stored", "int64", "count", "events added"),
        Column("duplicates", "int64", "count", "events that were there already"),
        Column("conflicts", "int64", "count", "ids that were there with other content"),
        Column("suppressed", "int64", "count", "events of people who asked to be left out"),
        Column("rejected", "int64", "count", "lines refused"),
        Column("blank", "int64", "count", "empty lines"),
        Column("people", "int64", "count", "people in the store now, identity links applied"),
        Column("bots", "int64", "count", "events of bots among the added ones"),
        Column("first_event", "timestamp", "timestamp", "oldest event added"),
        Column("last_event", "timestamp", "timestamp", "newest event added"),
        Column("elapsed_s", "float64", "duration_s", "how long it took"),
    ),
    keys=("batch",),
)
_REASONS: Final = Table(
    "rejects",
    "Refused lines by reason.",
    (
        Column("reason", "string", "key", "why"),
        Column("lines", "int64", "count", "lines"),
        Column("meaning", "string", "text", "the reason in words"),
    ),
    keys=("reason",),
)
_FILES: Final = Table(
    "files",
    "One row a source.",
    (
        Column("path", "string", "key", "path of the file"),
        Column("status", "string", "text", "new, grown, unchanged or rotated"),
        Column("read", "int64", "count", "lines read now"),
        Column("rejected", "int64", "count", "of them, refused"),
    ),
    keys=("path",),
)


def page_of_summary(summary: IngestSummary, path: str) -> Page:
    """Return the tables of an ingest's account; a dry run has the mapped rows too."""
    from clickcli.store.types import REASONS

    row = (
        summary.batch, path, summary.read, summary.stored, summary.duplicates,
        summary.conflicts, summary.suppressed, summary.rejected, summary.blank, summary.people,
        summary.bots,
        utc(summary.first_ts), utc(summary.last_ts), round(summary.seconds, 3),
    )  # fmt: skip
    reasons = [
        (reason, count, REASONS.get(reason, reason))
        for reason, count in sorted(summary.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    files = [(file.path, file.status, file.read, file.rejected) for file in summary.files]
    sheets = [
        sheet_of_rows(_SUMMARY, [row], is_card=True),
        sheet_of_rows(_REASONS, reasons),
        sheet_of_rows(_FILES, files),
    ]
    title = "Ingest"
    if summary.dry_run:
        sheets.append(_sample(summary))
        title = "Dry run: nothing was stored"
    return Page("ingest", 1, tuple(sheets), title=title)


def _sample(summary: IngestSummary) -> Sheet:
    """Return the first mapped rows, one row a filled column."""
    schema = Table(
        "sample",
        "The first mapped rows, one line a column.",
        (
            Column("row", "int64", "key", "number of the row"),
            Column("column", "string", "key", "column that is filled"),
            Column("value", "string", "text", "what it would hold"),
        ),
        keys=("row", "column"),
    )
    rows = [
        (number, name, _text(value))
        for number, row in enumerate(summary.sample, 1)
        for name, value in row.items()
        if value is not None
    ]
    return sheet_of_rows(schema, rows)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
