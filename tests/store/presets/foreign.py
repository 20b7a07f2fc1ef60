"""Rows of single foreign lines, for the tests of one preset each."""

from __future__ import annotations

import json
from typing import Any

from clickcli.store.presets import find_preset
from tests.store.presets.samples import rows_of


def rows(name: str, *lines: Any, **changes: Any) -> list[dict[str, Any]]:
    """Return the rows (as samples write them) that a preset makes of decoded lines."""
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return rows_of(data, find_preset(name), **changes)


def row(name: str, line: Any, **changes: Any) -> dict[str, Any]:
    """Return the one row of a line."""
    (found,) = rows(name, line, **changes)
    return found


def who(found: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return user and device of a row."""
    return found.get("user_id"), found.get("anonymous_id")
