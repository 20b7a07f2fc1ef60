"""Keep lists of who agreed and who opted out; ingest and every question obey them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.cli.people import People, ids_of
from clickcli.config import load
from clickcli.errors import UsageError
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import duration_us

if TYPE_CHECKING:
    from clickcli.store.privacy.consent import Action, ConsentChange, ListCounts


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy consent``."""

    ids: Annotated[tuple[str, ...], Flag("Ids of people.", is_argument=True, metavar="ID")] = ()
    opt_out: Annotated[
        bool, Flag("They are to be left out of every answer and ingest.", group="Consent")
    ] = False
    opt_in: Annotated[bool, Flag("Take that back.", group="Consent")] = False
    grant: Annotated[
        bool, Flag("They agreed; asked for where require_consent is set.", group="Consent")
    ] = False
    withdraw: Annotated[bool, Flag("Take that back.", group="Consent")] = False
    list: Annotated[bool, Flag("Only tell how many are on each list.", group="Consent")] = False
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Consent")
    ] = "0s"


_CHANGE: Final = Table(
    "change",
    "What was changed.",
    (
        Column("action", "string", "key", "opt_out, opt_in, grant or withdraw"),
        Column("given", "int64", "count", "ids given"),
        Column("changed", "int64", "count", "of given, those whose entry is new or gone"),
        Column("known", "int64", "count", "of given, those with events in the store"),
    ),
    keys=("action",),
)
_LISTS: Final = Table(
    "lists",
    "How many people are on each list.",
    (
        Column("list", "string", "key", "opted_out, agreed or deleted"),
        Column("people", "int64", "count", "ids on it, as digests"),
    ),
    keys=("list",),
)
_ACTIONS: Final[tuple[Action, ...]] = ("opt_out", "opt_in", "grant", "withdraw")


def _lists(counts: ListCounts) -> list[tuple[str, int]]:
    return [
        ("opted_out", counts.opted_out), ("agreed", counts.agreed), ("deleted", counts.deleted),
    ]  # fmt: skip


def _page(change: ConsentChange, *, require_consent: bool) -> Page:
    row = (change.action, change.given, change.changed, change.known)
    sheets = (
        sheet_of_rows(_CHANGE, [row], is_card=True),
        sheet_of_rows(_LISTS, _lists(change.lists)),
    )
    notes = []
    if change.known < change.given:
        unseen = change.given - change.known
        notes.append(f"{unseen} of {change.given} ids have no events in the store so far")
    if change.action in ("grant", "withdraw") and not require_consent:
        notes.append("consent is not asked for: set require_consent = true in clickcli.toml")
    return Page("privacy-consent", 1, sheets, {}, notes, title="Consent")


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    chosen = [action for action in _ACTIONS if getattr(parameters, action)]
    if len(chosen) + parameters.list != 1:
        raise UsageError("give one of --opt-out, --opt-in, --grant, --withdraw and --list")
    people = make(People, given)
    if parameters.list and (parameters.ids or people.file is not None):
        raise UsageError("--list takes no ids: the lists hold digests, which name nobody")
    ids = [] if parameters.list else ids_of(parameters.ids, people)
    wait_s = duration_us(parameters.wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        privacy = store.privacy(settings["key_file"], wait_s)
        if parameters.list:
            sheet = sheet_of_rows(_LISTS, _lists(privacy.lists()))
            emit(Page("privacy-consent", 1, (sheet,), title="Consent"), to)
            return
        change = privacy.consent(chosen[0], ids, "device" if people.device else "user")
    emit(_page(change, require_consent=settings["require_consent"]), to)


COMMAND = Command(
    "consent",
    "Keep lists of who agreed and who opted out; ingest and every question obey them.",
    (Parameters, People, Output, General),
    _run,
    examples=(
        "clickcli privacy consent --opt-out 4711",
        "clickcli privacy consent --grant --file agreed.csv --column user_id",
        "clickcli privacy consent --list",
    ),
)
