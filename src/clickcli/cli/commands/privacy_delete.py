"""Delete people: their events, every mention, the way back in; gives a certificate."""

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
from clickcli.cli.people import People, ids_of
from clickcli.config import load
from clickcli.errors import DataError, UsageError
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import duration_us, from_us

if TYPE_CHECKING:
    from clickcli.store.privacy.delete import Certificate


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy delete``."""

    user: Annotated[
        tuple[str, ...], Flag("A user's id; its devices go with it.", metavar="ID", group="People")
    ] = ()
    device: Annotated[
        tuple[str, ...], Flag("The anonymous id of a device.", metavar="ID", group="People")
    ] = ()
    file: Annotated[
        str | None,
        Flag("Read ids of users from this file, one a line.", metavar="FILE", complete="file",
             group="People"),
    ] = None  # fmt: skip
    column: Annotated[
        str | None,
        Flag("The file is CSV with a header; take this column.", metavar="NAME", group="People"),
    ] = None  # fmt: skip
    dry_run: Annotated[bool, Flag("Tell what would go; change nothing.", group="Deletion")] = False
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Deletion")
    ] = "0s"


_CERTIFICATE: Final = Table(
    "certificate",
    "What was deleted, and what was looked through afterwards.",
    (
        Column("certificate", "string", "key", "number of the certificate; the audit log has it"),
        Column("at", "timestamp", "timestamp", "when"),
        Column("rows", "int64", "count", "events removed"),
        Column("redacted", "int64", "count", "events of others in which the id stood"),
        Column("rejects", "int64", "count", "refused lines whose text was withheld"),
        Column("devices", "int64", "count", "devices that went with their user"),
        Column("links", "int64", "count", "links of a device to a user removed"),
        Column("derived", "int64", "count", "files of derived tables and models dropped"),
        Column("files_rewritten", "int64", "count", "event files rewritten"),
        Column("files_dropped", "int64", "count", "event files dropped as a whole"),
        Column("bytes_rewritten", "int64", "count", "size of the files written anew"),
        Column("searched_files", "int64", "count", "files looked through, decoded and raw"),
        Column("searched_bytes", "int64", "count", "their size"),
        Column("searched_rows", "int64", "count", "events looked through, every column"),
        Column("left", "int64", "count", "places where something is left; 0 is as it must be"),
        Column("before", "string", "text", "snapshot of the store before"),
        Column("after", "string", "text", "snapshot of the store after"),
    ),
    keys=("certificate",),
)
_PEOPLE: Final = Table(
    "people",
    "Who was deleted, as HMAC-SHA256 of the ids with the store's key.",
    (
        Column("kind", "string", "key", "user or device"),
        Column("digest", "string", "key", "digest of the id, 128 bits"),
    ),
    keys=("kind", "digest"),
)
_LEFT: Final = Table(
    "left",
    "Places where something is left; none, as it must be.",
    (Column("place", "string", "key", "file or table"),),
    keys=(),
)


def _page(made: Certificate) -> Page:
    searched = made.searched
    looked: tuple[int | None, ...] = (None,) * 4
    if searched is not None:
        looked = (searched.files, searched.bytes, searched.rows, len(searched.found))
    row = (
        made.id if searched is not None else "(dry run)", from_us(made.at, UTC), made.rows,
        made.redacted, made.rejects, made.devices, made.links, made.derived,
        made.files_rewritten, made.files_dropped, made.bytes_rewritten, *looked, made.before,
        made.after,
    )  # fmt: skip
    places = [] if searched is None else [(place,) for place in searched.found]
    sheets = [
        sheet_of_rows(_CERTIFICATE, [row], is_card=True),
        sheet_of_rows(_PEOPLE, made.digests),
    ]
    if places:
        sheets.append(sheet_of_rows(_LEFT, places))
    notes = []
    if searched is None:
        notes.append("nothing was changed: this is what would go")
    elif not made.rows:
        notes.append("the store held no events of them; they are kept out from now on")
    return Page("privacy-delete", 1, tuple(sheets), {}, notes, title="Certificate of deletion")


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    users, devices = parameters.user, parameters.device
    if parameters.file is not None or parameters.column is not None:
        people = People(file=parameters.file, column=parameters.column)
        users = (*users, *ids_of((), people))
    if not users and not devices:
        raise UsageError("nobody is named", hint="give --user ID, --device ID or --file FILE")
    wait_s = duration_us(parameters.wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        privacy = store.privacy(settings["key_file"], wait_s)
        made = privacy.delete(users, devices, dry_run=parameters.dry_run)
    emit(_page(made), to.in_zone(ZoneInfo(settings["tz"])))
    if made.searched is not None and made.searched.found:
        raise DataError(
            f"something is left in {len(made.searched.found)} places, the first is "
            f"{made.searched.found[0]}",
            hint="--table left names them all; run it again",
        )


COMMAND = Command(
    "delete",
    "Delete people: their events, every mention, the way back in; gives a certificate.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli privacy delete --user 4711 --dry-run",
        "clickcli privacy delete --user 4711 -o certificate.json",
        "clickcli privacy delete --file gone.csv --column user_id --wait 60s",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in (_CERTIFICATE, _PEOPLE))},
)
