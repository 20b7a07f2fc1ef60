"""One event of the sample log, and its line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Event:
    """What happened, and when the collector received it; times in milliseconds of UTC."""

    event_id: str | None
    event_type: str
    ts: int
    received_at: int
    fields: dict[str, object]
    properties: dict[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return a field as text, None where it is missing."""
        value = self.fields.get(name)
        return None if value is None else str(value)

    def record(self) -> dict[str, object]:
        """Return the event as the mapping that its line holds."""
        record: dict[str, object] = {} if self.event_id is None else {"event_id": self.event_id}
        record["event_type"] = self.event_type
        record["timestamp"] = iso(self.ts)
        record["received_at"] = iso(self.received_at)
        record.update((key, value) for key, value in self.fields.items() if value is not None)
        if self.properties:
            record["properties"] = self.properties
        return record

    def line(self) -> bytes:
        """Return the event as one line of JSON, without the line end."""
        return dump(self.record())


def dump(value: object) -> bytes:
    """Write compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def iso(ts: int) -> str:
    """Write a time as ISO-8601 with milliseconds and Z."""
    moment = _EPOCH + timedelta(milliseconds=ts)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
