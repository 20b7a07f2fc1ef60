"""List what was done to the store and when, or give the record of what it holds of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import from_us

if TYPE_CHECKING:
    from clickcli.store.privacy.acts import Act


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy audit``."""

    record: Annotated[
        bool,
        Flag("Give the record of processing: what is kept of people and how guarded.",
             group="Audit"),
    ] = False  # fmt: skip


_ACTS: Final = Table(
    "acts",
    "What was done, oldest first.",
    (
        Column("at", "timestamp", "timestamp", "when"),
        Column("act", "string", "key", "what was done"),
        Column("detail", "string", "text", "its counts; never anybody's data"),
    ),
    keys=(),
    below=("detail",),
)
_RECORD: Final = Table(
    "record",
    "What the store holds of people, since when, from where, how guarded.",
    (
        Column("section", "string", "key", "what it is about"),
        Column("item", "string", "key", "name"),
        Column("value", "string", "text", "as of now"),
        Column("meaning", "string", "text", "what it says"),
    ),
    keys=("section", "item"),
    below=("meaning",),
)


def _row(act: Act) -> tuple[Any, ...]:
    detail = "; ".join(f"{name}: {_words(value)}" for name, value in act.detail.items())
    return from_us(act.at, UTC), act.act, detail


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general = make(General, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    with Store.open(store_path(general, settings)) as store:
        privacy = store.privacy(settings["key_file"])
        if make(Parameters, given).record:
            sheet = sheet_of_rows(_RECORD, [astuple(entry) for entry in privacy.record()])
            page = Page("privacy-record", 1, (sheet,), title="Record of processing")
        else:
            sheet = sheet_of_rows(_ACTS, [_row(act) for act in privacy.acts()])
            page = Page("privacy-audit", 1, (sheet,), title="Audit log")
    emit(page, to.in_zone(ZoneInfo(settings["tz"])))


COMMAND = Command(
    "audit",
    "List what was done to the store and when, or give the record of what it holds of people.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli privacy audit",
        "clickcli privacy audit -f jsonl",
        "clickcli privacy audit --record -o record.md",
    ),
)
