"""Take an ingest back: its events, its rejects, its place in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.render.page import Page, sheet_of_rows

if TYPE_CHECKING:
    from clickcli.store.upkeep.undo import Undone


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``undo``."""

    batch: Annotated[
        str,
        Flag("Name of the batch, such as b000003; clickcli batches lists them.", is_argument=True,
             metavar="BATCH", complete="batch"),
    ]  # fmt: skip
    dry_run: Annotated[
        bool, Flag("Say what would be taken back; change nothing.", group="Undo")
    ] = False
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Undo")
    ] = "0s"


_SUMMARY: Final = Table(
    "summary",
    "What was taken back.",
    (
        Column("batch", "string", "key", "name of the batch"),
        Column("store", "string", "text", "folder of the store"),
        Column("events", "int64", "count", "events taken out"),
        Column("rejected", "int64", "count", "refused lines forgotten"),
        Column("files_rewritten", "int64", "count", "event files written anew without them"),
        Column("files_dropped", "int64", "count", "event files that held nothing else"),
    ),
    keys=("batch",),
)
_SOURCES: Final = Table(
    "sources",
    "What to ingest again to have all of it back.",
    (
        Column("path", "string", "key", "log file; - is stdin"),
        Column("read_by", "string", "text", "this: the batch read it; other: another batch did, "
               "and left out lines that this one had"),
    ),
    keys=("path",),
)  # fmt: skip


def page_of_undone(done: Undone, path: str) -> Page:
    """Return the account of an undo."""
    row = (
        done.batch, path, done.rows, done.rejected, done.files_rewritten, done.files_dropped
    )  # fmt: skip
    sources = [(name, "this") for name in done.sources] + [(name, "other") for name in done.others]
    notes = []
    if done.others:
        notes.append(
            f"other batches left out lines that {done.batch} had first: ingest all files of the "
            "table sources again, and nothing is lost"
        )
    sheets = (sheet_of_rows(_SUMMARY, [row], is_card=True), sheet_of_rows(_SOURCES, sources))
    title = "Dry run: nothing was taken back" if done.dry_run else "Undo"
    return Page("undo", 1, sheets, {"dry_run": done.dry_run}, notes, title=title)


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store
    from clickcli.units import duration_us

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    wait_s = duration_us(parameters.wait) / 1_000_000
    path = store_path(general, settings)
    with Store.open(path) as store:
        done = store.undo(parameters.batch, dry_run=parameters.dry_run, wait_s=wait_s)
    emit(page_of_undone(done, path), to)


COMMAND = Command(
    "undo",
    "Take an ingest back: its events, its rejects, its place in the ledger.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli undo b000003 --dry-run",
        "clickcli undo b000003",
        "clickcli undo b000003 --table sources -f tsv",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in (_SUMMARY, _SOURCES))},
)
