"""Groups of commands that are imported only when called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typer.core import TyperCommand, TyperGroup

from clickcli.cli.command import Command, typer_command
from clickcli.cli.help import HELP, group_page
from clickcli.cli.unconverted import unconverted
from clickcli.errors import unknown


@dataclass(frozen=True, slots=True)
class Entry:
    """A command before it is imported: what the list of commands shows, and how to get it.

    ``entries`` are the commands of a group.
    """

    name: str
    section: str
    headline: Callable[[], str]
    load: Callable[[], Command] | None = None
    entries: tuple[Entry, ...] = ()


class LazyGroup(TyperGroup):
    """A group whose commands are declared by entries."""

    entries: Mapping[str, Entry] = {}
    ending: tuple[str, ...] = ()

    def fill(self, entries: tuple[Entry, ...], ending: tuple[str, ...] = ()) -> LazyGroup:
        """Set the commands, in the order of the help page."""
        self.entries = {entry.name: entry for entry in entries}
        self.ending = ending
        return self

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters as Typer parses them."""
        return unconverted(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None for an unknown one."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        if entry.load is None:
            group = LazyGroup(
                name=entry.name, help=entry.headline(), rich_markup_mode=None,
                context_settings=self.context_settings,
            )  # fmt: skip
            return group.fill(entry.entries)
        return typer_command(entry.load())

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that was called; UsageError with a suggestion for an unknown one."""
        name = args[0]
        if name not in self.entries:
            if name.startswith("-") or ctx.resilient_parsing:
                return super().resolve_command(ctx, args)
            raise unknown("command", f"{ctx.command_path} {name}".removeprefix("clickcli "),
                          self.entries)  # fmt: skip
        return name, self.get_command(ctx, name), args[1:]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before the command; without one, print the help page and give 2."""
        if not args and not ctx.resilient_parsing:
            sys.stderr.write(ctx.get_help() + "\n")
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete names of commands without importing them."""
        self.commands = {
            entry.name: TyperCommand(entry.name, help=entry.headline())
            for entry in self.entries.values()
            if entry.name.startswith(incomplete)
        }
        return super().shell_complete(ctx, incomplete)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, by section, from their headlines."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for entry in self.entries.values():
            sections.setdefault(entry.section, []).append((entry.name, entry.headline()))
        options = [(", ".join(one.opts), getattr(one, "help", "") or "") for one in self.params]
        sections["Options"] = [*options, HELP]
        formatter.write(group_page(ctx.command_path, self.help or "", sections, self.ending))
