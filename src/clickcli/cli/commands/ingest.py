"""Add log files to the store: JSON Lines, plain, .gz or .zst, or stdin."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import Settings, load
from clickcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from clickcli.store import IngestOptions, IngestSummary, Store


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
    currency: Annotated[
        str,
        Flag("ISO 4217 code of amounts that carry none.", metavar="CODE", group="Ingest"),
    ] = "USD"


def expanded(words: tuple[str, ...]) -> list[str | Path | BinaryIO]:
    """Return the sources that the words name: patterns expanded in order, ``-`` as stdin.

    Raises DataError for a file that is not there, and UsageError for a pattern that matches
    nothing and for stdin given twice.
    """
    import glob

    found: dict[str, str | Path | BinaryIO] = {}
    for word in words:
        if word == "-":
            if "-" in found:
                raise UsageError("- (stdin) is given twice")
            found["-"] = sys.stdin.buffer
        elif Path(word).exists():
            found.setdefault(word, Path(word))
        elif not glob.has_magic(word):
            raise DataError(f"{word} does not exist", hint="check the path")
        else:
            matches = sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - keeps ./
            if not matches:
                raise UsageError(f"no file matches {word!r}")
            for match in matches:
                found.setdefault(match, Path(match))
    return list(found.values())


def _options(parameters: Parameters, given: Mapping[str, Any], settings: Settings) -> IngestOptions:
    from clickcli.store import IngestOptions
    from clickcli.units import duration_us, zone

    mapping = None
    if parameters.map is not None:
        from clickcli.store.mapping import read_map

        mapping = read_map(parameters.map)
    input_tz = given.get("input_tz", settings["input_tz"])
    if input_tz is not None:
        zone(input_tz)
    currency = str(given.get("currency", settings["currency"])).upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise UsageError(f"--currency must be an ISO 4217 code, was {currency!r}")
    return IngestOptions(
        mapping=mapping,
        input_tz=input_tz,
        future=parameters.future.value,
        max_error_rate=given.get("max_error_rate", settings["max_error_rate"]),
        dry_run=parameters.dry_run,
        wait_s=duration_us(parameters.wait) / 1_000_000,
        currency=currency,
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


def _made(path: str) -> Store:
    """Open the store, or make it where there is none yet; another process may do so now."""
    from clickcli.store import Store

    folder = Path(path)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        with contextlib.suppress(DataError):
            return Store.create(folder)
    return Store.open(folder)


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.cli.account import page_of_summary

    general, parameters = make(General, given), make(Parameters, given)
    settings = load()
    to = target(make(Output, given), general, configured=settings["format"])
    sources = expanded(parameters.files)
    options = _options(parameters, given, settings)
    path = store_path(general, settings)
    summary = _ingest(path, sources, options, is_quiet=general.quiet)
    page = page_of_summary(summary, path)
    emit(replace(page, notes=(*page.notes, *summary.warnings)), to)


COMMAND = Command(
    "ingest",
    "Add log files to the store: JSON Lines, plain, .gz or .zst, or stdin.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli ingest events.jsonl",
        "clickcli ingest 'logs/*.jsonl.gz' --dry-run",
        "zcat old.gz | clickcli ingest - --input-tz Europe/Berlin",
    ),
)
