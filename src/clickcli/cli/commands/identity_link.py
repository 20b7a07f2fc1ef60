"""Link the devices of a file to their users; unlink takes it back."""

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
        change = store.link(make(LinkFile, given).file, wait_s=wait_s)
    emit(page_of_change("link", change), to)


COMMAND = Command(
    "link",
    "Link the devices of a file to their users; unlink takes it back.",
    (LinkFile, Wait, Output, General),
    _run,
    examples=(
        "clickcli identity link links.csv",
        "clickcli identity link links.jsonl --wait 60s",
        "clickcli identity link links.csv -f json",
    ),
)
