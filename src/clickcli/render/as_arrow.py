"""Arrow IPC file: one table with declared types."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from clickcli.render.files import filled
from clickcli.render.page import Page, Style


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the file; the rows of a stream are written as they come."""
    import polars as pl

    frames = page.sheet(style.table).as_frames()
    oldest = pl.CompatLevel.oldest()
    if page.is_stream:

        def fill(path: Path) -> None:
            from pyarrow.ipc import new_file

            tables = (frame.to_arrow(compat_level=oldest) for frame in frames)
            first = next(tables)
            with new_file(path, first.schema) as writer:
                writer.write_table(first)
                for table in tables:
                    writer.write_table(table)

        yield from filled(fill)
        return
    buffer = io.BytesIO()
    pl.concat(list(frames)).write_ipc(buffer, compat_level=oldest)
    yield buffer.getvalue()
