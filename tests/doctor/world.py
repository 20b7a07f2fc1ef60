"""Small logs with and without a fault, and what the doctor finds in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clickcli.api import Log
from clickcli.store import IngestOptions

Line = dict[str, Any]
START = datetime(2024, 3, 4, tzinfo=UTC)
"""A Monday."""
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def at(day: float, seconds: float = 0) -> str:
    """Return the time so many days and seconds after the start."""
    moment = START + timedelta(days=day, seconds=seconds)
    return moment.isoformat(timespec="microseconds")


def line(event: str, day: float, seconds: float = 0, **fields: Any) -> Line:
    """Return one event; ``None`` leaves a field out."""
    given = {"event_type": event, "timestamp": at(day, seconds), "user_id": "anna", **fields}
    return {key: value for key, value in given.items() if value is not None}


def steady(
    days: Iterable[int], *, event: str = "view", a_day: int = 24, **fields: Any
) -> list[Line]:
    """Return so many events a day at even distances, of people who come again and again."""
    return [
        line(event, day, (n + 0.5) * 86_400 / a_day, user_id=f"u{n % 8}") | fields
        for day in days
        for n in range(a_day)
    ]


def numbered(lines: Iterable[Line]) -> list[Line]:
    """Return the lines in order of time with an event id each, where they have none."""
    ordered = sorted(lines, key=lambda one: str(one["timestamp"]))
    return [{"event_id": f"e{number}", **one} for number, one in enumerate(ordered)]


def to_bytes(lines: Iterable[Line | bytes]) -> bytes:
    """Return lines as a log; bytes stay as they are."""
    texts = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
    return b"".join(text + b"\n" for text in texts)


def options(**changes: Any) -> IngestOptions:
    """Return options of an ingest that keeps whatever it can."""
    now = int(NOW.timestamp()) * 1_000_000
    return IngestOptions(now=lambda: now, max_error_rate=1.0, workers=0, **changes)


@contextmanager
def store(
    *batches: Sequence[Line | bytes], settings: Mapping[str, Any] | None = None, **changes: Any
) -> Iterator[Log]:
    """Make a store of one ingest or several."""
    with TemporaryDirectory() as folder, Log.create(Path(folder) / "store", settings) as log:
        for batch in batches:
            log.ingest(BytesIO(to_bytes(batch)), options=options(**changes))
        yield log


def found(log: Log, check: str, **options: Any) -> list[Line]:
    """Return the findings of one check."""
    result = log.doctor(checks=[check], **options)
    return result.to_polars().to_dicts()


def findings(check: str, *batches: Sequence[Line | bytes], **options: Any) -> list[Line]:
    """Return the findings of one check in a log."""
    with store(*batches) as log:
        return found(log, check, **options)


def brief(rows: Iterable[Line]) -> list[tuple[str, str, int]]:
    """Return severity, subject and events of findings."""
    return [(row["severity"], row["subject"], row["events"]) for row in rows]
