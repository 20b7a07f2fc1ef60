"""Merge the small files of a store; no answer changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.errors import UsageError
from clickcli.render.page import Page, sheet_of_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickcli.store.upkeep.compact import Compacted


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``compact``."""

    date: Annotated[
        tuple[str, ...],
        Flag("UTC date whose files are merged, such as 2025-03-31; default: all.",
             metavar="DATE", group="Compact"),
    ] = ()  # fmt: skip
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Compact")
    ] = "0s"


_NUMBERS: Final = (
    Column("files_before", "int64", "count", "event files before"),
    Column("files_after", "int64", "count", "event files after"),
    Column("bytes_before", "int64", "count", "their size before"),
    Column("bytes_after", "int64", "count", "their size after"),
    Column("events", "int64", "count", "events in them"),
)
_SUMMARY: Final = Table(
    "summary",
    "All dates that were looked at.",
    (
        Column("store", "string", "key", "folder of the store"),
        Column("dates", "int64", "count", "dates looked at"),
        Column("merged", "int64", "count", "dates whose files were merged"),
        *_NUMBERS,
    ),
    keys=("store",),
)
_DATES: Final = Table(
    "dates",
    "Dates whose files were merged.",
    (Column("date", "date", "key", "UTC date of the events"), *_NUMBERS),
    keys=("date",),
)


def page_of_compacted(done: Sequence[Compacted], path: str) -> Page:
    """Return the account of a compaction: as a whole, and the dates that changed."""
    merged = [one for one in done if one.files_after != one.files_before]
    rows = [(one.date, *_numbers([one])) for one in merged]
    summary = (path, len(done), len(merged), *_numbers(done))
    sheets = (sheet_of_rows(_SUMMARY, [summary], is_card=True), sheet_of_rows(_DATES, rows))
    return Page("compact", 1, sheets, title="Compact")


def _numbers(done: Sequence[Compacted]) -> tuple[int, ...]:
    return (
        sum(one.files_before for one in done), sum(one.files_after for one in done),
        sum(one.bytes_before for one in done), sum(one.bytes_after for one in done),
        sum(one.rows for one in done),
    )  # fmt: skip


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--date must be a date such as 2025-03-31, was {text!r}") from None


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.cli.progress import shown
    from clickcli.store import Store
    from clickcli.units import duration_us

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    dates = [_day(text) for text in parameters.date] or None
    wait_s = duration_us(parameters.wait) / 1_000_000
    path = store_path(general, settings)
    with Store.open(path) as store, shown(is_quiet=general.quiet) as progress:
        done = store.compact(dates, wait_s, progress)
    emit(page_of_compacted(done, path), to)


COMMAND = Command(
    "compact",
    "Merge the small files of a store; no answer changes.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli compact",
        "clickcli compact --date 2025-03-31 --date 2025-04-01",
        "clickcli compact --wait 60s -q -o compact.json",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in (_SUMMARY, _DATES))},
)
