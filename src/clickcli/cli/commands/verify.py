"""Check every file of a store against its catalog; exit code 3 when something is wrong."""

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
from clickcli.errors import DataError
from clickcli.render.page import Page, sheet_of_rows

if TYPE_CHECKING:
    from clickcli.store.upkeep.verify import Verified


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``verify``."""

    quick: Annotated[
        bool, Flag("Compare sizes and numbers of rows only; read no content.", group="Verify")
    ] = False


_SUMMARY: Final = Table(
    "summary",
    "What was looked at.",
    (
        Column("store", "string", "key", "folder of the store"),
        Column("findings", "int64", "count", "things that are wrong"),
        Column("files", "int64", "count", "files looked at"),
        Column("events", "int64", "count", "events in them"),
        Column("bytes", "int64", "count", "size of the files"),
        Column("skipped", "int64", "count", "files that a writer replaced meanwhile"),
    ),
    keys=("store",),
)
_FINDINGS: Final = Table(
    "findings",
    "What is wrong.",
    (
        Column("severity", "string", "key", "error: damage; warning: does not belong there"),
        Column("file", "string", "key", "path inside the store"),
        Column("problem", "string", "text", "what is wrong with it"),
    ),
    keys=("severity", "file"),
)


def page_of_verified(done: Verified, path: str) -> Page:
    """Return the account of a check and its findings."""
    rows = [(one.severity, one.path, one.problem) for one in done.findings]
    summary = (path, len(rows), done.files, done.rows, done.bytes, done.skipped)
    sheets = (sheet_of_rows(_FINDINGS, rows), sheet_of_rows(_SUMMARY, [summary], is_card=True))
    notes = []
    if done.skipped:
        notes.append(
            "files that a writer replaced meanwhile were skipped, and the new ones not read"
        )
    if not rows:
        how = "sizes and rows are" if done.is_quick else "everything is"
        notes.append(f"nothing is wrong: {how} as the catalog says")
    return Page("verify", 1, sheets, {"quick": done.is_quick}, notes, title="Verify")


def _run(given: Mapping[str, Any]) -> int:
    from clickcli.cli.progress import shown
    from clickcli.store import Store

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    path = store_path(general, settings)
    with Store.open(path) as store, shown(is_quiet=general.quiet) as progress:
        done = store.verify(quick=parameters.quick, progress=progress)
    emit(page_of_verified(done, path), to)
    return DataError.exit_code if done.findings else 0


COMMAND = Command(
    "verify",
    "Check every file of a store against its catalog; exit code 3 when something is wrong.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli verify",
        "clickcli verify --quick -q || echo damaged",
        "clickcli verify -f jsonl",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in (_FINDINGS, _SUMMARY))},
)
