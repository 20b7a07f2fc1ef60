"""Names that hold ids: at the threshold and just above."""

from __future__ import annotations

import pytest

from clickcli.errors import DataError
from tests.doctor.world import brief, findings, line, numbered, store


def test_more_event_types_than_anybody_thinks_of_are_told() -> None:
    lines = [line(f"type {n}", n / 100) for n in range(500)] * 2
    assert findings("too_many_names", numbered(lines)) == []
    rows = findings("too_many_names", numbered([*lines, line("one more", 9)]))
    assert brief(rows) == [("warning", "event types", 1)]
    assert rows[0]["example"] == "one more"


def test_more_properties_too() -> None:
    lines = [line("tap", n, properties={f"k{n}-{i}": 1 for i in range(50)}) for n in range(10)]
    assert findings("too_many_names", numbered(lines)) == []
    more = [*lines, line("tap", 11, properties={"one more": 1})]
    assert brief(findings("too_many_names", numbered(more))) == [("warning", "properties", 0)]


def test_no_plan_names_thousands_of_event_types() -> None:
    lines = [line(f"type {n}", n / 1000) for n in range(2001)]
    with store(numbered(lines)) as log, pytest.raises(DataError, match="the log has 2,001"):
        log.tracking_plan()
