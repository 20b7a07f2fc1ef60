"""Tell who somebody is: profile, habits, worth, tastes, carts, sessions, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from clickcli.analysis import Shared
from clickcli.cli.command import Command
from clickcli.cli.opened import opened
from clickcli.cli.options import Flag, make, only
from clickcli.cli.output import General, Output, emit, target
from clickcli.cli.private import private_files
from clickcli.config import load
from clickcli.errors import UsageError, unknown
from clickcli.person.options import Options
from clickcli.person.rules import Rules
from clickcli.person.tables import CARDS, TABLES
from clickcli.render.page import Page, page_of
from clickcli.units import zone

if TYPE_CHECKING:
    from clickcli.run import Result

_SHARED = frozenset({"as_of", "tz", "week_start", "include_bots"})
_OF_ONE_TABLE = frozenset({"jsonl", "csv", "tsv", "md", "parquet", "arrow"})


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Who is meant."""

    id: Annotated[
        str | None,
        Flag("The user's id; linked devices belong to it.", metavar="ID", is_argument=True,
             group="People"),
    ] = None  # fmt: skip
    device: Annotated[
        str | None,
        Flag("Or the anonymous id of a device that is no user's.", metavar="ID", group="People"),
    ] = None


def _page(result: Result) -> Page:
    page = page_of(result)
    sheets = (replace(one, is_card=one.schema.name in CARDS) for one in page.sheets)
    return replace(page, sheets=tuple(sheets))


def _run(given: Mapping[str, Any]) -> None:
    general, output, who = make(General, given), make(Output, given), make(Parameters, given)
    settings = load()
    to = target(output, general, configured=settings["format"])
    if (who.id is None) == (who.device is None):
        raise UsageError("give one of ID and --device", hint=COMMAND.examples[0])
    names = [table.name for table in TABLES]
    if output.table is not None and output.table not in names:
        raise unknown("table", output.table, names)
    shared = {**settings.given("shared"), **only(Shared, given)}
    rules = Rules(**settings.section("person"))
    with opened(general, settings) as log:
        result = log.person(
            who.id, device=who.device, rules=rules, **only(Options, given), **shared
        )
    page = _page(result)
    if output.table is None and to.kind.name in _OF_ONE_TABLE:
        others = ", ".join(names[1:])
        page = replace(page, notes=[*page.notes, f"this is the table person; --table: {others}"])
    to = to.in_zone(zone(shared.get("tz", "UTC")))
    with private_files(to):
        emit(page, to)


COMMAND = Command(
    "person",
    "Tell who somebody is: profile, habits, worth, tastes, carts, sessions, and what to do next.",
    (Parameters, Options, Shared, Output, General),
    _run,
    examples=(
        "clickcli person 42",
        "clickcli person --device a_9ea2140c --as-of 2025-04-01",
        "clickcli person 42 -f json | jq '.data[0].next_action'",
    ),
    sections={"Tables": tuple((table.name, table.help) for table in TABLES)},
    without=frozenset(field.name for field in fields(Shared)) - _SHARED,
)
