"""Read a file of links: CSV with a header or JSON Lines, each line checked."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from clickcli.errors import DataError, StorageError
from clickcli.identity import is_placeholder, user_key
from clickcli.store.identities import Given, Point

COLUMNS: Final = ("anonymous_id", "user_id", "ts")
MAX_LINE: Final = 1 << 16
MAX_LINES: Final = 5_000_000
MAX_ID: Final = 4096
_HINT: Final = "CSV with the header anonymous_id,user_id or anonymous_id,user_id,ts, or JSON Lines"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file of links, as it stands there."""

    number: int
    anonymous_id: str
    user_id: str
    ts: Any


def read_links(path: Path) -> Given:
    """Return the links of a file, by device, each once.

    Raises DataError, with the line's number, for what is no link, and for lines that contradict
    one another: two users of one device for all time, or from one moment on.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(_lines(file, path))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} must be UTF-8 text: {error.reason}", hint=_HINT) from error
    if not lines:
        raise DataError(f"{path} holds no links", hint=_HINT)
    return _checked(path, lines, _times(path, lines))


def _lines(file: IO[str], path: Path) -> Iterator[Line]:
    bounded = _bounded(file, path)
    first = next(((number, text) for number, text in bounded if text.strip()), None)
    if first is None:
        return
    if first[1].lstrip().startswith("{"):
        yield from _json_lines(first, bounded, path)
    else:
        yield from _csv_lines(first, bounded, path)


def _bounded(file: IO[str], path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines that are not too long, and not too many."""
    number = 0
    while text := file.readline(MAX_LINE + 1):
        number += 1
        if len(text) > MAX_LINE:
            raise _bad(path, number, f"is longer than {MAX_LINE} characters")
        if number > MAX_LINES:
            raise _bad(path, number, f"is one too many: at most {MAX_LINES} lines at a time")
        if "\0" in text:
            raise _bad(path, number, "holds a NUL byte")
        yield number, text


def _json_lines(
    first: tuple[int, str], rest: Iterator[tuple[int, str]], path: Path
) -> Iterator[Line]:
    for number, text in (first, *rest):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            raise _bad(path, number, "is not valid JSON") from None
        if not isinstance(line, dict):
            raise _bad(path, number, "is not a JSON object")
        _check_names(path, number, list(line))
        device, user = (_id(path, number, name, line[name]) for name in COLUMNS[:2])
        yield Line(number, device, user, line.get("ts"))


def _csv_lines(
    first: tuple[int, str], rest: Iterator[tuple[int, str]], path: Path
) -> Iterator[Line]:
    number = first[0]

    def texts() -> Iterator[str]:
        nonlocal number
        yield first[1]
        for at, text in rest:
            number = at
            yield text

    rows = csv.reader(texts(), strict=True)
    try:
        header = [name.strip() for name in next(rows)]
        _check_names(path, number, header)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise _bad(path, number, f"has {len(row)} cells, must have {len(header)}")
            line = dict(zip(header, row, strict=True))
            device, user = (_id(path, number, name, line[name]) for name in COLUMNS[:2])
            yield Line(number, device, user, line.get("ts") or None)
    except csv.Error as error:
        raise _bad(path, number, f"is not CSV: {error}") from None


def _check_names(path: Path, number: int, names: list[str]) -> None:
    missing = [name for name in COLUMNS[:2] if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown or len(names) != len(set(names)):
        what = f"lacks {missing[0]}" if missing else f"must have {', '.join(COLUMNS)}, each once"
        seen = ", ".join(name[:40] for name in names[:8])
        raise _bad(path, number, f"{what}; it has: {seen or 'nothing'}")


def _id(path: Path, number: int, name: str, value: Any) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str):
        raise _bad(path, number, f"has no text as {name}")
    if len(text) > MAX_ID:
        raise _bad(path, number, f"has a {name} of more than {MAX_ID} characters")
    if is_placeholder(text):
        raise _bad(path, number, f"has a {name} that is nobody: {text[:40]!r}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _bad(path, number, f"has a {name} that is not valid Unicode") from None
    return text


def _times(path: Path, lines: list[Line]) -> list[int | None]:
    from clickcli.store.times import read_times
    from clickcli.store.types import REASONS

    given = [_time_value(line.ts) for line in lines]
    times = read_times(given, None)
    if times.problems:
        row = min(times.problems)
        raise _bad(
            path, lines[row].number, f"has a ts that is no time: {_why(REASONS, times, row)}"
        )
    found: list[int | None] = times.us.to_list()
    for line, value, us in zip(lines, given, found, strict=True):
        if value is not None and us is None:
            raise _bad(path, line.number, "has a ts that is no time")
    return found


def _time_value(value: Any) -> Any:
    return value if value is None or type(value) in (str, int, float) else str(value)


def _why(reasons: Any, times: Any, row: int) -> str:
    reason = times.problems[row]
    return str(reasons.get(reason, reason)).replace("; give --input-tz", "")


def _checked(path: Path, lines: list[Line], times: list[int | None]) -> Given:
    """Return the links by device; DataError for those that contradict one another."""
    out: Given = {}
    for line, ts in zip(lines, times, strict=True):
        point = Point(line.user_id, user_key(line.user_id), ts, "given")
        known = out.setdefault(line.anonymous_id, [])
        if point in known:
            continue
        why = contradiction(known, point)
        if why is not None:
            raise _bad(path, line.number, f"contradicts an earlier line: {why}")
        known.append(point)
    return out


def contradiction(known: list[Point], point: Point) -> str | None:
    """Say why a link cannot stand beside others of its device, None when it can."""
    for other in known:
        if other.user_id == point.user_id:
            return "the device has another time with this user"
        if other.ts is None or point.ts is None:
            return "the device has another user, and one of the two holds for all time"
        if other.ts == point.ts:
            return "the device has another user from the same moment on"
    return None


def _bad(path: Path, number: int, what: str) -> DataError:
    return DataError(f"line {number} of {path} {what}", hint=_HINT)
