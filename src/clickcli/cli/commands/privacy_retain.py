"""Keep events for so long and no longer; older logs bring nothing back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.errors import UsageError
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import duration_us, from_us, instant

if TYPE_CHECKING:
    from clickcli.store.privacy.retain import Retained


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy retain``."""

    keep: Annotated[
        str | None,
        Flag("Keep events of this long, such as 400d; whole UTC days go.", kind="duration",
             group="Retention"),
    ] = None  # fmt: skip
    as_of: Annotated[
        str | None,
        Flag("Count from this moment; default: now, by the clock on the wall.", kind="time",
             group="Retention"),
    ] = None  # fmt: skip
    dry_run: Annotated[bool, Flag("Tell what would go; change nothing.", group="Retention")] = False
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Retention")
    ] = "0s"


_RETAINED: Final = Table(
    "retained",
    "What went.",
    (
        Column("kept_from", "timestamp", "timestamp", "older events are gone"),
        Column("rows", "int64", "count", "events removed"),
        Column("files_dropped", "int64", "count", "event files dropped"),
        Column("bytes_dropped", "int64", "count", "their size"),
        Column("rejects", "int64", "count", "files of lines refused before, dropped"),
        Column("derived", "int64", "count", "files of derived tables and models dropped"),
    ),
    keys=("kept_from",),
)


def _page(made: Retained) -> Page:
    row = (
        from_us(made.floor, UTC), made.rows, made.files_dropped, made.bytes_dropped, made.rejects,
        made.derived,
    )  # fmt: skip
    notes = ["nothing was changed: this is what would go"] if made.dry_run else []
    sheet = sheet_of_rows(_RETAINED, [row], is_card=True)
    return Page("privacy-retain", 1, (sheet,), {}, notes, title="Retention")


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    if parameters.keep is None:
        raise UsageError("--keep is missing", hint=COMMAND.examples[0])
    tz = ZoneInfo(settings["tz"])
    as_of = None if parameters.as_of is None else instant(parameters.as_of, tz)
    wait_s = duration_us(parameters.wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        made = store.privacy(settings["key_file"], wait_s).retain(
            duration_us(parameters.keep), as_of=as_of, dry_run=parameters.dry_run
        )
    emit(_page(made), to)


COMMAND = Command(
    "retain",
    "Keep events for so long and no longer; older logs bring nothing back.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli privacy retain --keep 400d --dry-run",
        "clickcli privacy retain --keep 400d --wait 60s",
        "clickcli privacy retain --keep 90d --as-of 2025-04-01",
    ),
)
