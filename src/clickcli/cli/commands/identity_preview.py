"""Say what a file of links would change; change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clickcli.cli.command import Command
from clickcli.cli.identities import LinkFile, page_of_change
from clickcli.cli.opened import store_path
from clickcli.cli.options import make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import load


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, settings = make(General, given), load()
    to = target(make(Output, given), general, configured=settings["format"])
    with Store.open(store_path(general, settings)) as store:
        change = store.link(make(LinkFile, given).file, dry_run=True)
    emit(page_of_change("preview", change), to)


COMMAND = Command(
    "preview",
    "Say what a file of links would change; change nothing.",
    (LinkFile, Output, General),
    _run,
    examples=(
        "clickcli identity preview links.csv",
        "clickcli identity preview links.jsonl -f json",
        "clickcli identity preview crm-export.csv --store clickstore",
    ),
)
