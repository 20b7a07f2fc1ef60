"""Parquet: one table with declared types, the receipt in the file's metadata."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from clickcli.render.as_json import dumps
from clickcli.render.files import filled
from clickcli.render.page import Page, Style


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the file; the rows of a stream are written as they come."""
    metadata = {"clickcli.schema": page.schema, "clickcli.meta": dumps(dict(page.meta)).decode()}
    frames = page.sheet(style.table).as_frames()
    if page.is_stream:

        def fill(path: Path) -> None:
            from pyarrow.parquet import ParquetWriter

            tables = (frame.to_arrow() for frame in frames)
            first = next(tables)
            with ParquetWriter(path, first.schema, compression="zstd") as writer:
                writer.add_key_value_metadata(metadata)
                writer.write_table(first)
                for table in tables:
                    writer.write_table(table)

        yield from filled(fill)
        return
    import polars as pl

    buffer = io.BytesIO()
    pl.concat(list(frames)).write_parquet(buffer, compression="zstd", metadata=metadata)
    yield buffer.getvalue()
