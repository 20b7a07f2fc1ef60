"""List the ingests: what each read, stored and refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickcli.store import Batch

_BATCHES: Final = Table(
    "batches",
    "One row an ingest: read = stored + duplicates + conflicts + suppressed + rejected.",
    (
        Column("batch", "string", "key", "name of the batch; clickcli undo takes it"),
        Column("at", "timestamp", "timestamp", "when it was ingested"),
        Column("read", "int64", "count", "lines read, without blank ones"),
        Column("stored", "int64", "count", "events added"),
        Column("duplicates", "int64", "count", "events that were there already"),
        Column("rejected", "int64", "count", "lines refused"),
        Column("removed", "int64", "count", "of the events added, taken out since"),
        Column("conflicts", "int64", "count", "ids that were there with other content"),
        Column("suppressed", "int64", "count", "events of people who asked to be left out"),
        Column("first_event", "timestamp", "timestamp", "oldest event added"),
        Column("last_event", "timestamp", "timestamp", "newest event added"),
        Column("undone", "timestamp", "timestamp", "when the batch was taken back"),
    ),
    keys=("batch",),
)


def page_of_batches(batches: Sequence[Batch]) -> Page:
    """Return the table of ingests, oldest first."""
    rows = [
        (
            one.name, utc(one.at), one.read, one.stored, one.duplicates, one.rejected,
            one.removed, one.conflicts, one.suppressed, utc(one.first_ts), utc(one.last_ts),
            utc(one.undone),
        )
        for one in batches
    ]  # fmt: skip
    notes = () if rows else ("the store is empty: clickcli ingest adds log files",)
    return Page("batches", 1, (sheet_of_rows(_BATCHES, rows),), notes=notes, title="Batches")


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, settings = make(General, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    with Store.open(store_path(general, settings)) as store:
        batches = store.batches()
    emit(page_of_batches(batches), to.in_zone(ZoneInfo(settings["tz"])))


COMMAND = Command(
    "batches",
    "List the ingests: what each read, stored and refused.",
    (Output, General),
    _run,
    examples=("clickcli batches", "clickcli batches -f json | jq .data", "clickcli batches -f csv"),
)
