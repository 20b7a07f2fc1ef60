"""Show every setting, its value, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import Setting, load
from clickcli.render.page import Page, sheet_of_rows


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``config show``."""

    origin: Annotated[
        bool, Flag("Also tell the file or variable that each value comes from.", group="Output")
    ] = False


_KEY = Column("key", "string", "key", "name of the setting")
_VALUE = Column("value", "string", "text", "its value; empty where there is none")
_ORIGIN = Column("origin", "string", "text", "default, a file, or an environment variable")
_HELP = Column("help", "string", "text", "what it does")


def _text(setting: Setting) -> str | None:
    value = setting.value
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or None
    return None if value is None else str(value)


def _run(given: Mapping[str, Any]) -> None:
    general = make(General, given)
    to = target(make(Output, given), general)
    has_origin = make(Parameters, given).origin
    columns = (_KEY, _VALUE, *((_ORIGIN,) if has_origin else ()), _HELP)
    rows = [
        (one.key.name, _text(one), *((one.origin,) if has_origin else ()), one.key.help)
        for one in load()
    ]
    schema = Table("settings", "One row a setting.", columns, keys=("key",))
    emit(Page("config-show", 1, (sheet_of_rows(schema, rows),), title="Settings"), to)


COMMAND = Command(
    "show",
    "Show every setting, its value, and where it comes from.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli config show",
        "clickcli config show --origin",
        "clickcli config show -f json",
    ),
)
