"""Compare bytes with a file that was looked at once; ``UPDATE_SNAPSHOTS=1`` writes it."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent / "snapshots"


def same(name: str, found: bytes) -> None:
    """Assert that the bytes are those of the snapshot."""
    path = _FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_bytes(found)
    assert found == path.read_bytes()
