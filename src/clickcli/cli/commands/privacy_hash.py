"""Replace ids by pseudonyms, in a log on its way or in a whole store."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, put, target, tell_notes
from clickcli.cli.terminal import is_terminal
from clickcli.config import Settings, load
from clickcli.errors import DataError, UsageError
from clickcli.render.page import Page, sheet_of_rows
from clickcli.units import duration_us

if TYPE_CHECKING:
    from clickcli.store.privacy.hash_store import Hashed
    from clickcli.store.sources import Source


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``privacy hash``."""

    file: Annotated[
        str | None,
        Flag("JSON Lines, plain, .gz or .zst; default: stdin.", is_argument=True,
             metavar="FILE", complete="file"),
    ] = None  # fmt: skip
    user_field: Annotated[
        tuple[str, ...],
        Flag("Another key that holds a user's id; a.b is b inside a.", metavar="KEY", group="Hash"),
    ] = ()
    device_field: Annotated[
        tuple[str, ...],
        Flag("Another key that holds the anonymous id of a device.", metavar="KEY", group="Hash"),
    ] = ()
    in_place: Annotated[
        bool, Flag("Hash the store itself, and all that it ingests from now on.", group="Hash")
    ] = False
    dry_run: Annotated[
        bool, Flag("With --in-place: tell what would change; change nothing.", group="Hash")
    ] = False
    wait: Annotated[
        str, Flag("How long to wait for another writer.", kind="duration", group="Hash")
    ] = "0s"


_HASHED: Final = Table(
    "hashed",
    "What was hashed.",
    (
        Column("rows", "int64", "count", "events whose ids are pseudonyms now"),
        Column("devices", "int64", "count", "devices with a link to a user"),
        Column("rejects", "int64", "count", "refused lines whose text was withheld"),
        Column("derived", "int64", "count", "files of derived tables and models dropped"),
        Column("files_rewritten", "int64", "count", "event files rewritten"),
        Column("bytes_rewritten", "int64", "count", "size of the files written anew"),
    ),
    keys=(),
)


def _page(made: Hashed) -> Page:
    row = (
        made.rows, made.devices, made.rejects, made.derived, made.files_rewritten,
        made.bytes_rewritten,
    )  # fmt: skip
    notes = ["nothing was changed: this is what would be"] if made.dry_run else []
    sheet = sheet_of_rows(_HASHED, [row], is_card=True)
    return Page("privacy-hash", 1, (sheet,), {}, notes, title="Hash")


@contextmanager
def _source(file: str | None) -> Iterator[Source]:
    """Open the log that is named, else stdin. Raises UsageError where that is a terminal."""
    from clickcli.store.privacy.hash_lines import MAX_LINE_BYTES
    from clickcli.store.sources import Source

    if file is None or file == "-":
        if is_terminal(sys.stdin):
            raise UsageError("no log is given", hint=COMMAND.examples[0])
        yield Source("-", sys.stdin.buffer, MAX_LINE_BYTES)
        return
    source = Source.open(Path(file), MAX_LINE_BYTES)
    try:
        yield source
    finally:
        source.close()


def _filter(parameters: Parameters, output: Output, general: General, settings: Settings) -> None:
    """Hash the lines of a log."""
    from clickcli.store.privacy.hash_lines import LineHasher, fields_of
    from clickcli.store.privacy.keys import key_beside

    path = None if output.output in (None, "-") else output.output
    fields = fields_of(parameters.user_field, parameters.device_field)
    with _source(parameters.file) as source:
        key = key_beside(Path(store_path(general, settings)), settings["key_file"])
        hasher = LineHasher(key, fields)
        put(hasher.blocks(source.blocks()), path)
    if hasher.lines and hasher.left_out == hasher.lines:
        raise DataError("no line is a JSON object", hint="other formats: ingest, then --in-place")
    notes = [f"hashed {_count(hasher.ids, 'id')} in {_count(hasher.lines, 'line')}: {key.path}"]
    if hasher.left_out:
        notes.append(f"left out {_count(hasher.left_out, 'line')} with no JSON object")
    tell_notes(() if general.quiet else notes, general)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters = make(General, given), make(Parameters, given)
    settings, output = load(), make(Output, given)
    if not parameters.in_place:
        if parameters.dry_run or output.format is not None or output.table is not None:
            raise UsageError("--dry-run, --format and --table need --in-place")
        _filter(parameters, output, general, settings)
        return
    if parameters.file is not None or parameters.user_field or parameters.device_field:
        raise UsageError("--in-place takes no file and no fields", hint="name the store: --store")
    to = target(output, general, configured=settings["format"])
    wait_s = duration_us(parameters.wait) / 1_000_000
    with Store.open(store_path(general, settings)) as store:
        made = store.privacy(settings["key_file"], wait_s).hash(dry_run=parameters.dry_run)
    emit(_page(made), to)


COMMAND = Command(
    "hash",
    "Replace ids by pseudonyms, in a log on its way or in a whole store.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli privacy hash events.jsonl.gz -o hashed.jsonl",
        "zcat old.gz | clickcli privacy hash --user-field actor.id | gzip > new.gz",
        "clickcli privacy hash --in-place --dry-run",
    ),
)
