"""A bench for all campaigns of a test process, so that each store is made once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.campaign import Bench


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """Return a bench in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        yield Bench(Path(folder))
