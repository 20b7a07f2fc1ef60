"""List which device is whose, since when, and whether by log or by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import from_us


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``identity list``."""

    person: Annotated[
        str | None,
        Flag("Only links of this user id or anonymous id.", metavar="ID", group="Identity"),
    ] = None
    limit: Annotated[int, Flag("Show so many at most; 0 is all.", minimum=0, group="Identity")] = (
        1000
    )


_LINKS: Final = Table(
    "links",
    "One row a stretch of time over which a device is one user's.",
    (
        Column("anonymous_id", "string", "key", "the device"),
        Column("user_id", "string", "key", "whose it is; empty for one that is split"),
        Column("origin", "string", "text", "learned from the log, given by a file, or split"),
        Column("first", "timestamp", "timestamp", "since when; empty: from its first event"),
        Column("last", "timestamp", "timestamp", "until when, without it; empty: still"),
    ),
    keys=("anonymous_id", "first"),
)


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    zone = ZoneInfo(settings["tz"])
    with Store.open(store_path(general, settings)) as store:
        found = store.links(parameters.person)
    shown = found[: parameters.limit] if parameters.limit else found
    rows = [
        (one.anonymous_id, one.user_id, one.origin,
         *(None if ts is None else from_us(ts, zone) for ts in (one.first_ts, one.last_ts)))
        for one in shown
    ]  # fmt: skip
    notes = []
    if len(shown) < len(found):
        notes.append(f"the first {len(shown)} of {len(found)}; --limit 0 gives all of them")
    sheet = sheet_of_rows(_LINKS, rows)
    emit(Page("identity-list", 1, (sheet,), {}, notes, title="Links"), to.in_zone(zone))


COMMAND = Command(
    "list",
    "List which device is whose, since when, and whether by log or by hand.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli identity list",
        "clickcli identity list --person 4711",
        "clickcli identity list --limit 0 -o links.csv",
    ),
)
