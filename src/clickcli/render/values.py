"""Turn cells into what machines read: plain numbers, ISO-8601 times, null for no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from clickcli.analysis import Column
from clickcli.units import from_us


def moment(value: Any, tz: tzinfo) -> datetime:
    """Return a timestamp cell (a datetime, or microseconds since 1970) in a time zone."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return aware.astimezone(tz)
    return from_us(int(value)).astimezone(tz)


def plain(value: Any, column: Column, tz: tzinfo) -> Any:
    """Return a cell as JSON knows it."""
    if value is None:
        return None
    if column.kind == "timestamp" and not isinstance(value, str):
        if type(value) is date:
            return value.isoformat()
        return moment(value, tz).isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    return value


def record_maker(columns: tuple[Column, ...], tz: tzinfo) -> Callable[[Any], dict[str, Any]]:
    """Return a function from a row to its JSON object."""

    def record(row: Any) -> dict[str, Any]:
        return {
            column.name: plain(value, column, tz)
            for column, value in zip(columns, row, strict=True)
        }

    return record


def cell_text(value: Any, column: Column, tz: tzinfo) -> str:
    """Return a cell for delimited text: full value, empty for null, true and false."""
    value = plain(value, column, tz)
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)
