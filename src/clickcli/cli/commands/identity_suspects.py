"""Find links that are rarely one person: shared computers, bots, test accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load
from clickcli.render.page import Page, sheet_of_rows


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``identity suspects``."""

    devices: Annotated[
        int, Flag("Show users with so many devices or more.", minimum=2, group="Identity")
    ] = 10
    users: Annotated[
        int, Flag("Show devices with so many users or more.", minimum=2, group="Identity")
    ] = 3
    chain: Annotated[
        int,
        Flag("Show groups of so many users or more that devices join.", minimum=2,
             group="Identity"),
    ] = 4  # fmt: skip


_SUSPECTS: Final = Table(
    "suspects",
    "Users with many devices, devices with many users, and users whom devices join.",
    (
        Column("kind", "string", "key", "user_with_many_devices: a bot or a test account; "
               "device_with_many_users: a shared computer; chain_of_users: several of them"),
        Column("id", "string", "key", "the user or the device; of a chain, its first user"),
        Column("devices", "int64", "count", "devices"),
        Column("users", "int64", "count", "users"),
        Column("example", "string", "text", "one of its devices or users; of a chain, a device "
               "that joins two of them"),
    ),
    keys=("kind", "id"),
)  # fmt: skip


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    with Store.open(store_path(general, settings)) as store:
        found = store.suspects(
            devices=parameters.devices, users=parameters.users, chain=parameters.chain
        )
    rows = [(one.kind, one.id, one.devices, one.users, one.example) for one in found]
    notes = ("a shared device is taken apart by: clickcli identity split DEVICE",) if rows else ()
    sheet = sheet_of_rows(_SUSPECTS, rows)
    emit(Page("identity-suspects", 1, (sheet,), {}, notes, title="Suspicious links"), to)


COMMAND = Command(
    "suspects",
    "Find links that are rarely one person: shared computers, bots, test accounts.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli identity suspects",
        "clickcli identity suspects --users 2 --devices 5",
        "clickcli identity suspects -f json",
    ),
)
