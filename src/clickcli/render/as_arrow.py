"""Arrow IPC file: one table with declared types."""

from __future__ import annotations

import io
from collections.abc import Iterator

from clickcli.render.page import Page, Style


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the file as a whole."""
    import polars as pl

    frame = pl.concat(list(page.sheet(style.table).as_frames()))
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
    yield buffer.getvalue()
