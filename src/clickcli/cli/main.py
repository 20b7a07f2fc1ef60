"""The command line's entry: finds the command, runs it, turns failures into exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer.main import get_command

from clickcli import __version__
from clickcli.cli.commands import ENTRIES
from clickcli.cli.failures import (
    BROKEN_PIPE,
    INTERRUPTED,
    mute_stdout,
    report,
    tell_interrupted,
)
from clickcli.cli.group import LazyGroup

NAME = "clickcli"
_ABOUT = (
    "Turn click-event logs into answers: sessions, funnels, retention and more, on this "
    "machine, from files that you have."
)
_ENDING = (
    "Start with: clickcli demo, or clickcli ingest events.jsonl",
    "A command's own page: clickcli funnel --help",
)

app = typer.Typer(
    cls=LazyGroup,
    name=NAME,
    help=_ABOUT,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


def group() -> LazyGroup:
    """Return the group of all commands."""
    made = get_command(app)
    assert isinstance(made, LazyGroup)
    return made.fill(ENTRIES, _ENDING)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        mute_stdout()
        return BROKEN_PIPE
    except OSError as error:
        mute_stdout()
        return report(error)
    return code


def _run(arguments: list[str]) -> int:
    commands = group()
    if os.environ.get(f"_{NAME.upper()}_COMPLETE"):
        commands.main(args=arguments, prog_name=NAME)
    try:
        with commands.make_context(NAME, list(arguments)) as context:
            code = commands.invoke(context)
            return code if isinstance(code, int) else 0
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        tell_interrupted()
        return INTERRUPTED
    except BaseException as error:
        if isinstance(error, SystemExit | GeneratorExit):
            raise
        return report(error)
