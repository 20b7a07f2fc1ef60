"""What the user sees when something fails: one line, a hint, an exit code; no traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Final

import typer

from clickcli.cli.terminal import folded, paint_errors
from clickcli.errors import ClickcliError
from clickcli.render.text import visible

INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
INTERNAL: Final = 70
INPUT_OUTPUT: Final = 74
DEBUG: Final = "CLICKCLI_DEBUG"


def tell(message: str, hint: str | None = None) -> None:
    """Print an error and what to do about it."""
    paint = paint_errors()
    error = folded(f"clickcli: error: {visible(message)}", sys.stderr)
    with contextlib.suppress(OSError):
        print(error.replace("error:", paint.red("error:"), 1), file=sys.stderr)
        if hint:
            line = folded(f"hint: {visible(hint)}", sys.stderr)
            print(line.replace("hint:", paint.bold("hint:"), 1), file=sys.stderr)


def report(error: BaseException) -> int:
    """Print what went wrong and return the exit code.

    ``CLICKCLI_DEBUG=1`` prints the traceback before it.
    """
    if isinstance(error, KeyboardInterrupt):
        tell_interrupted()
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        mute_stdout()
        return BROKEN_PIPE
    if os.environ.get(DEBUG, "") not in ("", "0"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, ClickcliError):
        tell(error.message, error.hint)
        return error.exit_code
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError):
        return _input_output(error)
    if isinstance(error, MemoryError):
        tell("out of memory", "narrow the question with --from, --to or --where")
        return INTERNAL
    tell(
        f"internal error: {type(error).__name__}: {error}",
        f"{DEBUG}=1 prints the traceback; please report it with the command",
    )
    return INTERNAL


def _usage(error: typer.TyperException) -> int:
    """Report a mistake that Typer found, in our own form."""
    option = getattr(error, "option_name", None)
    possibilities = getattr(error, "possibilities", None) or ()
    context = getattr(error, "ctx", None)
    hint: str | None
    hint = f"{context.command_path} --help" if context is not None else "clickcli --help"
    message = error.format_message().rstrip(".")
    if option is not None and message.startswith("No such option"):
        message = f"unknown option {option!r}"
        near = sorted(name for name in possibilities if name.startswith("--"))
        if near:
            hint = f"did you mean {' or '.join(near[:3])}?"
    elif option is not None and "requires" in message:
        message, hint = f"{option} needs a value", None
    else:
        message = message.split(" (Possible options")[0]
        message = message[:1].lower() + message[1:]
    tell(message, hint)
    return error.exit_code if error.exit_code != 1 else 2


def _input_output(error: OSError) -> int:
    where = f" {error.filename}" if error.filename else ""
    reason = error.strerror or str(error) or type(error).__name__
    hint = None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space, or give --store on another disk"
    elif error.errno in (errno.EACCES, errno.EPERM):
        hint = "check the permissions of the file and of its folder"
    tell(f"cannot read or write{where}: {reason}", hint)
    return INPUT_OUTPUT


def tell_interrupted() -> None:
    """Say that the run was interrupted."""
    with contextlib.suppress(OSError):
        print("clickcli: interrupted", file=sys.stderr)


def mute_stdout() -> None:
    """Send what is still to be flushed nowhere, so that the interpreter ends quietly."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
