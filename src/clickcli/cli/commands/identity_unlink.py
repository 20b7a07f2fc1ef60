"""Take links back that were given by a file; those learned from the log stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clickcli.cli.command import Command
from clickcli.cli.identities import LinkFile, Wait, page_of_change
from clickcli.cli.opened import store_path
from clickcli.cli.options import make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store
    from clickcli.units import duration_us

    general, settings = make(General, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    wait_s = duration_us(make(Wait, given).wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        change = store.unlink(make(LinkFile, given).file, wait_s=wait_s)
    emit(page_of_change("unlink", change), to)


COMMAND = Command(
    "unlink",
    "Take links back that were given by a file; those learned from the log stay.",
    (LinkFile, Wait, Output, General),
    _run,
    examples=(
        "clickcli identity unlink links.csv",
        "clickcli identity unlink links.jsonl --wait 60s",
        "clickcli identity unlink links.csv -f json",
    ),
)
