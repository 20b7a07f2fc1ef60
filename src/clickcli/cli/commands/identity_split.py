"""Let no link count for devices that many people use, or let them count again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from clickcli.cli.command import Command
from clickcli.cli.identities import Wait, page_of_change
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``identity split``."""

    devices: Annotated[tuple[str, ...], Flag("Anonymous ids.", is_argument=True, metavar="DEVICE")]
    undo: Annotated[bool, Flag("Let links count for them again.", group="Identity")] = False
    dry_run: Annotated[bool, Flag("Say what would change; change nothing.", group="Identity")] = (
        False
    )


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store
    from clickcli.units import duration_us

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    wait_s = duration_us(make(Wait, given).wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        change = store.split(
            parameters.devices, undo=parameters.undo, dry_run=parameters.dry_run, wait_s=wait_s
        )
    emit(page_of_change("split", change), to)


COMMAND = Command(
    "split",
    "Let no link count for devices that many people use, or let them count again.",
    (Parameters, Wait, Output, General),
    _run,
    examples=(
        "clickcli identity split a_5965c158",
        "clickcli identity split a_5965c158 --dry-run",
        "clickcli identity split --undo a_5965c158",
    ),
)
