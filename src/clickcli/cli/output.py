"""Where an answer goes and how it looks there: options of output, and the writing itself."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any

from clickcli.analysis import Color
from clickcli.cli.options import Flag
from clickcli.cli.terminal import folded, has_color, is_terminal, paint_errors, width
from clickcli.errors import UsageError
from clickcli.render import Format, by_ending, by_name, write
from clickcli.render.files import written
from clickcli.render.page import Page, Style
from clickcli.render.text import visible

_GROUP = "Output"


@dataclass(frozen=True, kw_only=True)
class Output:
    """Options of every command that gives tables."""

    format: Annotated[
        str | None,
        Flag("table, json, jsonl, csv, tsv, md, parquet, arrow, sqlite or duckdb; default: table "
             "at a terminal, else tsv.", short="f", metavar="FORMAT", complete="format",
             group=_GROUP),
    ] = None  # fmt: skip
    output: Annotated[
        str | None,
        Flag("Write to this file, in the format of its ending; - is stdout.", short="o",
             metavar="FILE", complete="file", group=_GROUP),
    ] = None  # fmt: skip
    table: Annotated[str | None, Flag("Give this table only.", metavar="NAME", group=_GROUP)] = None
    meta: Annotated[
        str | None,
        Flag("Write the receipt and the notes to this file as JSON.", metavar="FILE",
             complete="file", group=_GROUP),
    ] = None  # fmt: skip
    safe_csv: Annotated[
        bool, Flag("Guard cells that a spreadsheet would take for a formula.", group=_GROUP)
    ] = False


@dataclass(frozen=True, kw_only=True)
class General:
    """Options of every command."""

    store: Annotated[
        str | None,
        Flag("Folder of the store; default: the configured one, else clickstore.",
             metavar="FOLDER", complete="file", group="General"),
    ] = None  # fmt: skip
    quiet: Annotated[bool, Flag("Print no notes.", short="q", group="General")] = False
    verbose: Annotated[
        bool, Flag("Tell what was read and how long it took.", short="v", group="General")
    ] = False
    color: Annotated[Color, Flag("When to colour; NO_COLOR is honoured.", group="General")] = (
        Color.AUTO
    )


@dataclass(frozen=True, slots=True)
class Target:
    """A resolved output: format, file (None is stdout), style, and what goes to stderr."""

    kind: Format
    path: str | None
    style: Style
    meta: str | None
    general: General
    started: float

    def in_zone(self, tz: tzinfo) -> Target:
        """Return the target with times in a zone."""
        return replace(self, style=replace(self.style, tz=tz))


def target(
    output: Output, general: General, *, configured: str | None = None, usual: str | None = None
) -> Target:
    """Resolve the options of output before anything is computed.

    ``configured`` is the format of the configuration, ``usual`` the command's own default.
    Raises UsageError for an unknown format, a binary one that would go to a terminal, and a file
    inside a store.
    """
    path = None if output.output in (None, "-") else output.output
    _check_place("--output", path)
    _check_place("--meta", output.meta)
    at_terminal = path is None and is_terminal(sys.stdout)
    if output.format is not None:
        kind = by_name(output.format)
    elif path is not None:
        kind = by_ending(path)
    else:
        kind = by_name(usual or configured or ("table" if at_terminal else "tsv"))
    if kind.is_binary and at_terminal:
        raise UsageError(
            f"{kind.name} is binary and would garble the terminal",
            hint=f"give -o FILE{kind.endings[0]}, or pipe it",
        )
    style = Style(
        table=output.table,
        tz=UTC,
        width=None if path is not None else width(sys.stdout),
        has_color=path is None and has_color(sys.stdout, general.color),
        is_terminal=at_terminal,
        safe_csv=output.safe_csv,
    )
    return Target(kind, path, style, output.meta, general, time.perf_counter())


def _check_place(option: str, path: str | None) -> None:
    """Raise UsageError for a file inside a store, which its own files are safe from."""
    if path is None:
        return
    from clickcli.store.layout import CATALOG, LOCK

    for folder in Path(os.path.realpath(path)).parents:
        if (folder / CATALOG).is_file() and (folder / LOCK).is_file():
            raise UsageError(f"{option} must be outside the store {folder}, was {path!r}")


def emit(page: Page, to: Target) -> None:
    """Write a page: its bytes to the file or stdout, its notes to stderr."""
    pieces = write(page, to.kind, to.style)
    if not page.is_stream:
        pieces = iter([b"".join(pieces)])
    put(pieces, to.path)
    if to.meta is not None:
        from clickcli.render.as_json import dumps

        receipt = {"schema": page.schema, "meta": page.meta, "notes": list(page.notes)}
        written(to.meta, iter([dumps(receipt) + b"\n"]))
    if not to.general.quiet:
        tell_notes(page.notes, to.general)
    if to.general.verbose:
        _tell_receipt(page.meta, to)


def put(pieces: Iterator[bytes], path: str | None) -> None:
    """Write bytes to a file, to stdout where there is none."""
    if path is not None:
        written(path, pieces)
        return
    stream = getattr(sys.stdout, "buffer", None)
    sys.stdout.flush()
    for piece in pieces:
        if stream is None:
            sys.stdout.write(piece.decode("utf-8", "backslashreplace"))
        else:
            stream.write(piece)
    sys.stdout.flush()


def say(line: str) -> None:
    """Print a line to stderr; text of data in it is made visible."""
    print(visible(line), file=sys.stderr)


def tell_notes(notes: Iterable[str], general: General) -> None:
    """Print notes to stderr."""
    paint = paint_errors(general.color)
    for note in notes:
        print(paint.dim(folded(f"note: {visible(note)}", sys.stderr)), file=sys.stderr)


def _tell_receipt(meta: Mapping[str, Any], to: Target) -> None:
    seconds = time.perf_counter() - to.started
    read = [
        f"{meta[name]:,} {what}".replace(",", "\u202f")
        for name, what in (("events_read", "events"), ("people_read", "people"))
        if name in meta
    ]
    facts = [f"read {' of '.join(read)}"] if read else []
    say(", ".join([*facts, f"{seconds:.2f} s"]))


def is_quiet_stderr() -> bool:
    """Return whether stderr is no terminal, so that progress is a line a phase."""
    return not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb"
