"""What a store holds, in a form in which two stores can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clickcli.columns import EVENT_COLUMNS
from clickcli.store import Store
from tests.store.logs import events


def rows(store: Store) -> list[tuple[Any, ...]]:
    """Return all events without their order of arrival, sorted."""
    frame = events(store).drop("seq")
    names = [column.name for column in EVENT_COLUMNS if column.name in frame.columns]
    return sorted(frame.select(names).rows(), key=repr)


def state(store: Store) -> dict[str, Any]:
    """Return all that follows from the events and rejects, whatever files they are in."""
    info, dataset = store.info(), store.dataset()
    return {
        "rows": rows(store),
        "snapshot": info.snapshot,
        "people": info.people,
        "event_types": info.event_types,
        "columns": info.columns,
        "properties": info.properties,
        "reasons": info.reject_reasons,
        "rejects": sorted((r.line, r.reason, r.raw) for r in store.rejects()),
        "span": (info.first_ts, info.watermark),
        "dataset": (dataset.rows, dataset.first_ts, dataset.watermark, dataset.link_count),
        "links": dataset.links().rows(),
    }


def assert_sound(store: Store) -> None:
    """Assert that nothing is wrong, and that nothing uncommitted lies about."""
    found = store.verify().findings
    assert not found, found
    assert not list((store.path / "staging").iterdir())
    for batch in store.batches():
        parts = batch.stored + batch.duplicates + batch.conflicts + batch.suppressed
        assert batch.read == parts + batch.rejected
    live = sum(batch.stored - batch.removed for batch in store.batches())
    assert live == store.info().rows == len(events(store))


@contextmanager
def small_files(part_rows: int = 12, row_group: int = 4) -> Iterator[None]:
    """Make event files and their row groups small, so that few events have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clickcli.store.parts.PART_ROWS", part_rows)
        patch.setattr("clickcli.store.upkeep.compact.PART_ROWS", part_rows)
        patch.setattr("clickcli.store.upkeep.compact._SMALL", part_rows // 2)
        patch.setattr("clickcli.store.parts.ROW_GROUP", row_group)
        yield


def files_of(store: Store) -> list[Path]:
    """Return all files of the store's folder."""
    return sorted(path for path in store.path.rglob("*") if path.is_file())
