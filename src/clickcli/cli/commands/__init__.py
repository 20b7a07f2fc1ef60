"""The list of commands: those written by hand, and one for each analysis."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from clickcli.cli.command import Command
from clickcli.cli.group import Entry
from clickcli.registry import headline, names

_FOLDER: Final = Path(__file__).parent


def _headline(module: str) -> str:
    """Return the first line of a command's module without importing it."""
    with (_FOLDER / f"{module}.py").open(encoding="utf-8") as file:
        return file.readline().strip().removeprefix('"""').removesuffix('"""')


def _load(module: str) -> Command:
    declared = import_module(f"clickcli.cli.commands.{module}").COMMAND
    assert isinstance(declared, Command)
    return declared


def _written(name: str, section: str, module: str | None = None) -> Entry:
    """Return the entry of a command that has a module of its own here."""
    own = module or name
    return Entry(name, section, lambda: _headline(own), lambda: _load(own))


def _analysis(name: str) -> Entry:
    def load() -> Command:
        from clickcli.cli.generated import analysis_command

        return analysis_command(name)

    return Entry(name, "Analyses", lambda: headline(name), load)


ENTRIES: Final[tuple[Entry, ...]] = (
    _written("demo", "Start"),
    _written("init", "Start"),
    _written("ingest", "Start"),
    _written("info", "What is in the store"),
    _written("events", "What is in the store"),
    *(_analysis(name) for name in names()),
    Entry(
        "config",
        "Settings",
        lambda: "Show the settings and where they come from.",
        entries=(_written("show", "Commands", "config_show"),),
    ),
)
