"""Take kinds of personal data, given words or whole fields out of every stored text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import duration_us

if TYPE_CHECKING:
    from clickcli.store.privacy.scrub import Scrubbed


class Kind(StrEnum):
    """Kinds of personal data."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IP = "ip"
    TOKEN = "token"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy scrub``."""

    kind: Annotated[
        tuple[Kind, ...], Flag("A kind of personal data, known by its shape.", group="Scrub")
    ] = ()
    text: Annotated[
        tuple[str, ...], Flag("A text, wherever it stands.", metavar="TEXT", group="Scrub")
    ] = ()
    field: Annotated[
        tuple[str, ...],
        Flag("A column or properties.x, on every event.", kind="column", group="Scrub"),
    ] = ()
    dry_run: Annotated[bool, Flag("Tell what would change; change nothing.", group="Scrub")] = False
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Scrub")
    ] = "0s"


_COLUMNS: Final = Table(
    "columns",
    "Where something was taken out.",
    (
        Column("column", "string", "key", "the column; rejects are refused lines"),
        Column("rows", "int64", "count", "events in which it changed"),
    ),
    keys=("column",),
)
_SUMMARY: Final = Table(
    "summary",
    "What was rewritten.",
    (
        Column("rows", "int64", "count", "events that changed"),
        Column("rejects", "int64", "count", "refused lines that changed"),
        Column("derived", "int64", "count", "files of derived tables and models dropped"),
        Column("files_rewritten", "int64", "count", "event files rewritten"),
        Column("bytes_rewritten", "int64", "count", "size of the files written anew"),
    ),
    keys=(),
)


def _page(made: Scrubbed) -> Page:
    columns = [*made.columns, *([("rejects", made.rejects)] if made.rejects else [])]
    summary = (
        made.rows, made.rejects, made.derived, made.files_rewritten, made.bytes_rewritten,
    )  # fmt: skip
    notes = ["nothing was changed: this is what would be"] if made.dry_run else []
    sheets = (sheet_of_rows(_COLUMNS, columns), sheet_of_rows(_SUMMARY, [summary], is_card=True))
    return Page("privacy-scrub", 1, sheets, {}, notes, title="Scrub")


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store
    from clickcli.store.privacy.scrubber import Scrub

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    kinds = (kind.value for kind in parameters.kind)
    what = Scrub.of(kinds, parameters.text, parameters.field)
    wait_s = duration_us(parameters.wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        privacy = store.privacy(settings["key_file"], wait_s)
        made = privacy.scrub(what, dry_run=parameters.dry_run)
    emit(_page(made), to)


COMMAND = Command(
    "scrub",
    "Take kinds of personal data, given words or whole fields out of every stored text.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli privacy scrub --kind email --kind phone --dry-run",
        "clickcli privacy scrub --field properties.mail --field search_query",
        "clickcli privacy scrub --text 'Anna Example'",
    ),
)
