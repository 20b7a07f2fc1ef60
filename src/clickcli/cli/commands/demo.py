"""Try it: a store from sample data, and a tour of the main analyses."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clickcli.cli.command import Command
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General
from clickcli.cli.terminal import Paint, has_color, is_terminal
from clickcli.errors import DataError, UsageError

_SAMPLE = "sample_data"
_WIDTH = "100"
"""Columns of the tables where the output is no terminal."""

_TOUR = (
    ("What is in the store?", "info --table summary"),
    ("What is logged?", "events --by event_type --head 12"),
    ("What happens on the site?", "sessions"),
    ("Where do people leave on the way to a purchase?",
     "funnel product_view add_to_cart purchase"),
    ("Who comes back?", "retention --every week --periods 4"),
    ("How many are active?", "active --last 14d"),
    ("The same funnel for a program.",
     "funnel product_view add_to_cart purchase --table steps -f json"),
)  # fmt: skip
_NEXT = (
    ("the people behind a number", "funnel product_view purchase --who dropped:2"),
    ("the same by device", "funnel product_view purchase --by device_type"),
    ("what a number means", "retention --explain"),
    ("for a program", "sessions -f json"),
    ("raw events", "events --type purchase --tail 5"),
    ("your own log", "ingest events.jsonl --dry-run"),
)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``demo``."""

    keep: Annotated[
        str | None,
        Flag("Make the store in this new folder and keep it.", metavar="FOLDER",
             complete="file", group="Demo"),
    ] = None  # fmt: skip


def sample_files() -> list[Path]:
    """Return the log files of the sample data: in the package, or in the source tree.

    Raises DataError when there are none.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / _SAMPLE, package.parents[1] / _SAMPLE):
        files = sorted(path for path in folder.glob("*.jsonl*") if path.is_file())
        if files:
            return files
    raise DataError(
        "the sample data is not installed", hint="it is in the folder sample_data of the sources"
    )


def _call(words: str, paint: Paint, store: str, *, shown: str | None = None) -> None:
    """Print a command and run it; a failure ends the tour."""
    from clickcli.cli.main import main

    print(f"{paint.bold('$')} {paint.cyan(f'clickcli {shown or words}')}", flush=True)
    usual = [] if " -f " in words else ["-f", "table"]
    code = main([*shlex.split(words), *usual, "--store", store])
    if code:
        raise typer.Exit(code)
    print(flush=True)


def _run(given: Mapping[str, Any]) -> None:
    keep = make(Parameters, given).keep
    if keep is not None and Path(keep).exists():
        raise UsageError(f"{keep} is there already", hint="name a new folder")
    general = make(General, given)
    if not is_terminal(sys.stdout):
        os.environ.setdefault("COLUMNS", _WIDTH)
    paint = Paint(has_color(sys.stdout, general.color))
    files = sample_files()
    place: AbstractContextManager[str]
    place = nullcontext(keep) if keep is not None else tempfile.TemporaryDirectory()
    with place as folder:
        store = folder if keep is not None else str(Path(folder, "store"))
        words = " ".join(shlex.quote(str(path)) for path in files)
        names = " ".join(f"{_SAMPLE}/{path.name}" for path in files)
        print(paint.bold("A shop's log of 60 days becomes a store."))
        _call(f"ingest {words}", paint, store, shown=f"ingest {names}")
        for title, command in _TOUR:
            print(paint.bold(title))
            _call(command, paint, store)
    at = f" --store {shlex.quote(keep)}" if keep is not None else ""
    print(paint.bold("Try next:"))
    width = max(len(what) for what, _ in _NEXT)
    for what, command in _NEXT:
        print(f"  {what.ljust(width)}  clickcli {command}{at}")
    if keep is None:
        print("The store was temporary; clickcli demo --keep shop keeps it.")


COMMAND = Command(
    "demo",
    "Try it: a store from sample data, and a tour of the main analyses.",
    (Parameters, General),
    _run,
    examples=("clickcli demo", "clickcli demo --keep shop", "clickcli info --store shop"),
    without=frozenset({"store", "quiet", "verbose"}),
)
