"""Make a store and a commented configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import make
from clickcli.cli.output import General, say
from clickcli.config import FILE_NAME, example, load
from clickcli.errors import UsageError
from clickcli.render.files import written


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general = make(General, given)
    place = Path(FILE_NAME)
    if place.exists():
        raise UsageError(
            f"{place} is there already", hint="edit it, or remove it and run init again"
        )
    path = store_path(general, load())
    Store.create(path).close()
    written(str(place), iter([example(path).encode()]))
    if not general.quiet:
        say(f"made the store {path} and {place}")
        say("next: clickcli ingest events.jsonl")


COMMAND = Command(
    "init",
    "Make a store and a commented configuration file.",
    (General,),
    _run,
    examples=("clickcli init", "clickcli init --store ~/logs/shop", "clickcli init --quiet"),
)
