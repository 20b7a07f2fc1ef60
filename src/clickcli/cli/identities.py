"""What the commands of ``identity`` share: their options, and the account of a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from clickcli.analysis import Column, Table
from clickcli.cli.options import Flag
from clickcli.render.page import Page, sheet_of_rows

if TYPE_CHECKING:
    from clickcli.store.identities.change import IdentityChange

CHANGE: Final = Table(
    "change",
    "What a change of links does.",
    (
        Column("act", "string", "key", "link, unlink, split or unsplit"),
        Column("given", "int64", "count", "links or devices that were named"),
        Column("changed", "int64", "count", "of given, those that are other than before"),
        Column("known", "int64", "count", "devices of them with events of their own"),
        Column("events_moved", "int64", "count", "events that change their person"),
        Column("people_before", "int64", "count", "distinct people before"),
        Column("people_after", "int64", "count", "distinct people after"),
    ),
    keys=("act",),
)


@dataclass(frozen=True, kw_only=True)
class LinkFile:
    """The file of links, and how long to wait."""

    file: Annotated[
        str,
        Flag("CSV or JSON Lines with anonymous_id, user_id and, if need be, ts.",
             is_argument=True, metavar="FILE", complete="file"),
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wait:
    """How long to wait for another writer."""

    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Identity")
    ] = "0s"


def page_of_change(name: str, change: IdentityChange) -> Page:
    """Return the account of a change of links."""
    row = (
        change.act, change.given, change.changed, change.known, change.moved,
        change.people_before, change.people_after,
    )  # fmt: skip
    title = f"Preview of {change.act}: nothing was changed" if change.dry_run else "Identity"
    notes = () if change.changed else ("nothing is other than before",)
    sheet = sheet_of_rows(CHANGE, [row], is_card=True)
    return Page(f"identity-{name}", 1, (sheet,), {"dry_run": change.dry_run}, notes, title=title)
