"""Remove the tables of features from the store; they can be built again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clickcli.cli.command import Command
from clickcli.cli.features import Wait
from clickcli.cli.opened import opened
from clickcli.cli.options import make
from clickcli.cli.output import General, say
from clickcli.config import load
from clickcli.units import duration_us


def _run(given: Mapping[str, Any]) -> None:
    general, settings = make(General, given), load()
    wait_s = duration_us(make(Wait, given).wait) / 1_000_000
    with opened(general, settings) as log:
        names = log.features.drop(wait_s)
    if not general.quiet:
        say(f"dropped: {', '.join(names)}" if names else "nothing was built")


COMMAND = Command(
    "drop",
    "Remove the tables of features from the store; they can be built again.",
    (Wait, General),
    _run,
    examples=(
        "clickcli features drop",
        "clickcli features drop --wait 1m",
        "clickcli features drop --store shop -q",
    ),
)
