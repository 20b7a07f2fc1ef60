"""Add log files to the store: JSON Lines, plain, .gz or .zst, or stdin."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

from clickcli.cli.command import Command
from clickcli.cli.following import EVERY, LINES, follow, pace_of
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target, tell_notes
from clickcli.config import Settings, load
from clickcli.errors import DataError, UsageError, unknown

if TYPE_CHECKING:
    from clickcli.store import IngestOptions, IngestSummary, Pace, Store
    from clickcli.store.mapping import FieldMap


_OWN: Final = "clickcli"
"""The name of the format that needs no preset."""


class Future(StrEnum):
    """What happens to events from the future."""

    REJECT = "reject"
    KEEP = "keep"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``ingest``."""

    files: Annotated[
        tuple[str, ...],
        Flag("Log files, patterns such as 'logs/*.gz', or - for stdin.", is_argument=True,
             metavar="FILE", complete="file"),
    ]  # fmt: skip
    preset: Annotated[
        str | None,
        Flag("Format of another tool: amplitude, apache, ga4, matomo, mixpanel, nginx, posthog, "
             "rudderstack, segment or snowplow; auto: told by the first lines of each file.",
             metavar="NAME", complete="preset", group="Ingest"),
    ] = None  # fmt: skip
    map: Annotated[
        str | None,
        Flag("TOML file that says which key of a line is which column.", metavar="FILE",
             complete="file", group="Ingest"),
    ] = None  # fmt: skip
    dry_run: Annotated[
        bool, Flag("Read and report, show five mapped rows, store nothing.", group="Ingest")
    ] = False
    input_tz: Annotated[
        str | None, Flag("Zone of times that have no offset.", kind="zone", group="Ingest")
    ] = None
    future: Annotated[
        Future, Flag("What to do with events over 5 minutes in the future.", group="Ingest")
    ] = Future.REJECT
    max_error_rate: Annotated[
        float,
        Flag("Refuse everything when a greater share of lines is bad.", minimum=0, maximum=1,
             group="Ingest"),
    ] = 0.05  # fmt: skip
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Ingest")
    ] = "0s"
    follow: Annotated[
        bool,
        Flag("Go on reading as the files grow and are rotated, until SIGTERM or Ctrl-C.",
             group="Follow"),
    ] = False  # fmt: skip
    commit_every: Annotated[
        str, Flag("With --follow: store what is new this often.", kind="duration", group="Follow")
    ] = EVERY
    commit_lines: Annotated[
        int, Flag("With --follow: or as soon as so many lines wait.", minimum=1, group="Follow")
    ] = LINES
    currency: Annotated[
        str,
        Flag("ISO 4217 code of amounts that carry none.", metavar="CODE", group="Ingest"),
    ] = "USD"


def expanded(words: tuple[str, ...], *, is_followed: bool = False) -> list[str | Path | BinaryIO]:
    """Return the sources that the words name: patterns expanded in order, ``-`` as stdin.

    Raises DataError for a file that is not there, unless it is to be followed, and UsageError
    for a pattern that matches nothing and for stdin given twice, or to be followed.
    """
    import glob

    found: dict[str, str | Path | BinaryIO] = {}
    for word in words:
        if word == "-":
            if is_followed:
                raise UsageError(
                    "--follow reads files; - is stdin", hint="leave --follow: … | clickcli ingest -"
                )
            if "-" in found:
                raise UsageError("- (stdin) is given twice")
            found["-"] = sys.stdin.buffer
        elif Path(word).exists():
            found.setdefault(word, Path(word))
        elif not glob.has_magic(word):
            if not is_followed:
                raise DataError(f"{word} does not exist", hint="check the path")
            found.setdefault(word, Path(word))
        else:
            matches = sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - keeps ./
            if not matches:
                raise UsageError(f"no file matches {word!r}")
            for match in matches:
                found.setdefault(match, Path(match))
    return list(found.values())


def _mapping(parameters: Parameters) -> tuple[FieldMap | None, bool]:
    """Return how lines are read, and whether each file's first lines are to tell it."""
    if parameters.map is not None and parameters.preset is not None:
        raise UsageError(
            "--preset and --map exclude each other",
            hint='a map may name several places for a column: ts = ["when", "sent.at"]',
        )
    if parameters.map is not None:
        from clickcli.store.mapfile import read_map

        return read_map(parameters.map), False
    if parameters.preset in (None, _OWN):
        return None, False
    from clickcli.store.presets import AUTO, MODULES, find_preset

    assert parameters.preset is not None
    if parameters.preset not in MODULES and parameters.preset != AUTO:
        raise unknown("preset", parameters.preset, [*MODULES, AUTO, _OWN])
    if parameters.preset == AUTO:
        return None, True
    return find_preset(parameters.preset), False


def _options(parameters: Parameters, given: Mapping[str, Any], settings: Settings) -> IngestOptions:
    from clickcli.store import IngestOptions
    from clickcli.units import duration_us, zone

    mapping, detect = _mapping(parameters)
    input_tz = given.get("input_tz", settings["input_tz"])
    if input_tz is not None:
        zone(input_tz)
    currency = str(given.get("currency", settings["currency"])).upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise UsageError(f"--currency must be an ISO 4217 code, was {currency!r}")
    return IngestOptions(
        mapping=mapping,
        detect=detect,
        input_tz=input_tz,
        future=parameters.future.value,
        max_error_rate=given.get("max_error_rate", settings["max_error_rate"]),
        dry_run=parameters.dry_run,
        wait_s=duration_us(parameters.wait) / 1_000_000,
        currency=currency,
        key_file=settings["key_file"],
        require_consent=settings["require_consent"],
        scrub=settings["scrub"],
    )


def _ingest(
    path: str, sources: list[str | Path | BinaryIO], options: IngestOptions, *, is_quiet: bool
) -> IngestSummary:
    from clickcli.cli.progress import shown
    from clickcli.store import Store, dry_run

    with shown(is_quiet=is_quiet) as progress:
        if options.dry_run:
            if Path(path, "catalog.db").exists():
                with Store.open(path) as store:
                    return store.ingest(sources, options, progress)
            return dry_run(sources, options)
        with _made(path) as store:
            return store.ingest(sources, options, progress)


def _pace(parameters: Parameters, given: Mapping[str, Any]) -> Pace:
    """Return how often a follower stores. Raises UsageError for options that do not go together."""
    if not parameters.follow and given.keys() & {"commit_every", "commit_lines"}:
        raise UsageError("--commit-every and --commit-lines need --follow")
    if parameters.follow and parameters.dry_run:
        raise UsageError("--dry-run and --follow exclude each other")
    return pace_of(parameters.commit_every, parameters.commit_lines)


def _made(path: str) -> Store:
    """Open the store, or make it where there is none yet; another process may do so now."""
    from clickcli.store import Store
    from clickcli.store.layout import is_unfinished

    folder = Path(path)
    if not folder.exists() or is_unfinished(folder):
        with contextlib.suppress(DataError):
            return Store.create(folder)
    return Store.open(folder)


def _run(given: Mapping[str, Any]) -> int:
    # Chunks are small: a second thread of Polars would cost a sixth more, mostly by waiting.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from clickcli.cli.account import page_of_summary

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    pace = _pace(parameters, given)
    sources = expanded(parameters.files, is_followed=parameters.follow)
    options = _options(parameters, given, settings)
    path = store_path(general, settings)
    code = 0
    if parameters.follow:
        with _made(path) as store:
            summary, code = follow(store, sources, options, pace, is_quiet=general.quiet)
    else:
        summary = _ingest(path, sources, options, is_quiet=general.quiet)
    page = page_of_summary(summary, path)
    told = [f"{file.path} is read as {file.preset}" for file in summary.files if file.preset]
    tell_notes(() if general.quiet else told, general)
    emit(replace(page, notes=(*page.notes, *summary.warnings)), to)
    return code


COMMAND = Command(
    "ingest",
    "Add log files to the store: JSON Lines, plain, .gz or .zst, or stdin.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli ingest events.jsonl",
        "clickcli ingest '/var/log/nginx/access.log*' --preset nginx --dry-run",
        "zcat old.gz | clickcli ingest - --input-tz Europe/Berlin",
        "clickcli ingest --follow /var/log/shop/events.jsonl",
    ),
)
