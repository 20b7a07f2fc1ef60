"""Ids of people as a command is given them: as words, or in a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from clickcli.cli.options import Flag
from clickcli.errors import DataError, StorageError, UsageError, unknown


@dataclass(frozen=True, kw_only=True)
class People:
    """Options that say who is meant."""

    device: Annotated[
        bool, Flag("The ids are anonymous ids of devices, not user ids.", group="People")
    ] = False
    file: Annotated[
        str | None,
        Flag("Read ids from this file, one a line.", metavar="FILE", complete="file",
             group="People"),
    ] = None  # fmt: skip
    column: Annotated[
        str | None,
        Flag("The file is CSV with a header; take this column.", metavar="NAME", group="People"),
    ] = None  # fmt: skip


def ids_of(words: tuple[str, ...], people: People) -> list[str]:
    """Return the ids that were given, each once, in order.

    Raises UsageError for words and a file at once, for none of them, and for an unknown column;
    DataError for a file that is no text.
    """
    if people.column is not None and people.file is None:
        raise UsageError("--column needs --file")
    if words and people.file is not None:
        raise UsageError("ids and --file contradict each other", hint="give one of them")
    if people.file is None:
        if not words:
            raise UsageError("no ids are given", hint="name them, or give --file FILE")
        return list(dict.fromkeys(words))
    try:
        found = list(dict.fromkeys(_read(Path(people.file), people.column)))
    except OSError as error:
        raise StorageError(f"cannot read {people.file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{people.file} must be UTF-8 text: {error.reason}") from error
    except csv.Error as error:
        raise DataError(f"{people.file} is not CSV: {error}") from error
    if not found:
        raise DataError(f"{people.file} holds no ids")
    return found


def _read(path: Path, column: str | None) -> Iterator[str]:
    """Yield the ids of a file; empty lines and cells are none."""
    with path.open(encoding="utf-8-sig", newline="" if column is not None else None) as file:
        if column is None:
            yield from (text for line in file if (text := line.removesuffix("\n")))
            return
        rows = csv.reader(file, strict=True)
        header = next(rows, [])
        if column not in header:
            raise unknown("column", column, header)
        at = header.index(column)
        yield from (row[at] for row in rows if len(row) > at and row[at])
