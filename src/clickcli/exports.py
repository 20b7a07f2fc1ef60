"""Give a whole table to other systems, some days at a time, in the formats of every answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from clickcli.context import Events, resolve
from clickcli.engines.gone import told_frames
from clickcli.errors import UsageError, unknown
from clickcli.notes import left_out
from clickcli.registry import names
from clickcli.render.page import Page, Sheet
from clickcli.run import read_counts
from clickcli.sql.tables import Scope, notes_on, sources
from clickcli.units import from_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.analysis import Shared
    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset
    from clickcli.features import Features
    from clickcli.render import Format


_HINT: Final = "give -o FILE.parquet, .csv, .jsonl, .sqlite or another of --format"


def check(table: str, kind: Format) -> None:
    """Raise UsageError for a table that is not there, and for the format that people read."""
    if kind.name == "table":
        raise UsageError("export writes for programs: the format cannot be table", hint=_HINT)
    known = sources()
    if table in known:
        return
    if table in names():
        raise UsageError(
            f"{table} is a command of its own",
            hint=f"clickcli {table} … -o FILE writes it; .sqlite and .duckdb take all its tables",
        )
    raise unknown("table", table, known)


def page(dataset: Dataset, engine: Engine, shared: Shared, features: Features, table: str) -> Page:
    """Return the page of a table; its first rows are computed now, the others while it is written.

    ``check`` says whether there is such a table.
    """
    source = sources()[table]
    context = resolve(dataset, engine, shared)
    counts = read_counts(context, engine.collect({"read": Events(context).read()})["read"])
    scope = Scope(context, features)
    frames = told_frames(dataset, source.frames(scope))
    started = [chain(list(islice(frames, 1)), frames)]

    def all_frames() -> Iterator[pl.DataFrame]:
        return started.pop() if started else source.frames(scope)

    sheet = Sheet(
        source.schema(), lambda: (row for frame in all_frames() for row in frame.iter_rows()),
        all_frames,
    )  # fmt: skip
    meta = {
        "table": table,
        "as_of": from_us(context.as_of, context.tz).isoformat() if dataset.rows else None,
        "tz": shared.tz,
        "where": None if context.where is None else context.where.text,
        "include_bots": shared.include_bots,
        "snapshot": dataset.snapshot,
        **counts,
    }
    notes = (*left_out(counts["left_out"]), *notes_on([source], scope))
    return Page("export", 1, (sheet,), meta, notes, title=table.title(), is_stream=True)
