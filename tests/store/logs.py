"""Small logs for the store's tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from clickcli.store import IngestOptions, IngestSummary, Store

NOW = 1_735_689_600_000_000
"""2025-01-01: the clock of these tests."""


def clock() -> int:
    """Return the tests' present."""
    return NOW


def options(**changes: Any) -> IngestOptions:
    """Return options with the tests' clock and no limit on bad lines."""
    base = IngestOptions(now=clock, max_error_rate=1.0, workers=0)
    return replace(base, **changes)


def event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return one event line; ``None`` leaves a field out."""
    line = {
        "event_id": f"e{number}",
        "event_type": "view",
        "timestamp": f"2024-03-01T00:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "user_id": f"u{number % 3}",
    } | fields
    return {key: value for key, value in line.items() if value is not None}


def to_bytes(lines: Iterable[Any]) -> bytes:
    """Return lines (objects, or text as it is) as a log."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    return "".join(text + "\n" for text in texts).encode()


def write(path: Path, lines: Iterable[Any]) -> Path:
    """Write a log."""
    path.write_bytes(to_bytes(lines))
    return path


def ingest(store: Store, *sources: Any, **changes: Any) -> IngestSummary:
    """Ingest with the tests' options."""
    return store.ingest(list(sources), options(**changes))


def events(store: Store) -> pl.DataFrame:
    """Return all stored events, in order of arrival."""
    files = store.dataset().files
    if not files:
        return pl.DataFrame(schema={"seq": pl.Int64})
    frames = [pl.read_parquet(file.path, hive_partitioning=False) for file in files]
    return pl.concat(frames).sort("seq")


def only(store: Store) -> dict[str, Any]:
    """Return the one stored event, what is null left out."""
    rows = events(store).to_dicts()
    assert len(rows) == 1
    return {name: value for name, value in rows[0].items() if value is not None}


def check(summary: IngestSummary) -> None:
    """Assert that every line read is accounted for."""
    parts: Sequence[int] = (
        summary.stored, summary.duplicates, summary.conflicts, summary.suppressed,
        summary.rejected,
    )  # fmt: skip
    assert summary.read == sum(parts)
    assert sum(summary.reasons.values()) == summary.rejected
