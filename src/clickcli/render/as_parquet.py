"""Parquet: one table with declared types, the receipt in the file's metadata."""

from __future__ import annotations

import io
from collections.abc import Iterator

from clickcli.render.as_json import dumps
from clickcli.render.page import Page, Style


def write(page: Page, style: Style) -> Iterator[bytes]:
    """Yield the file as a whole."""
    import polars as pl

    frame = pl.concat(list(page.sheet(style.table).as_frames()))
    buffer = io.BytesIO()
    metadata = {"clickcli.schema": page.schema, "clickcli.meta": dumps(dict(page.meta)).decode()}
    frame.write_parquet(buffer, compression="zstd", metadata=metadata)
    yield buffer.getvalue()
