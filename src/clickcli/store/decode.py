"""From bytes to decoded lines, each with the hash of its canonical form, or to a reason why not.

The canonical form of a line is its JSON with sorted keys and no white space. Whole numbers of
any length are kept exactly: lines with a number of 19 digits are read by the standard library,
because a faster reader turns what does not fit 64 bits into a float.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from clickcli.store.hashes import line_digest

MAX_DEPTH: Final = 250
"""Nesting that is still stored; what writes JSON for us stops at 254."""

_WIDE_DIGITS: Final = b"0" * 19
_WIDE_NUMBER: Final = re.compile(rb"(?:[:\[,]\s*|\A\s*)-?\d{19}")
_DIGIT_MAP: Final = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
BOM: Final = b"\xef\xbb\xbf"
"""The byte order mark that some editors put before everything."""

RejectedLine = tuple[int, str, bytes]
"""Line number, reason code, the raw line."""


@dataclass(slots=True)
class Decoded:
    """The good lines of a chunk, in order; ``digests`` are 24 bytes a line."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    rejects: list[RejectedLine] = field(default_factory=list)
    blank: int = 0


def decode(
    data: bytes, first_line: int, max_line_bytes: int, *, takes_lists: bool = False
) -> Decoded:
    """Decode whole lines; ``first_line`` is the number of the first one, from 1.

    A line must be an object, or may be a list where those are taken.
    """
    import orjson

    loads, dumps, sort_keys = orjson.loads, orjson.dumps, orjson.OPT_SORT_KEYS
    kinds = (dict, list) if takes_lists else (dict,)
    out = Decoded()
    if first_line == 1 and data.startswith(BOM):
        data = data[len(BOM) :]
    texts = data.split(b"\n")
    if not texts[-1]:
        texts.pop()
    wide = wide_lines(data)
    add_line, add_number, add_raw = out.lines.append, out.numbers.append, out.raw.append
    add_digest = out.digests.append
    for index, text in enumerate(texts):
        if len(text) > max_line_bytes:
            out.rejects.append((first_line + index, "too_long", text))
            continue
        try:
            if index in wide:
                line = _load_wide(text)
                canonical = dump_wide(line, sort_keys=True)
            else:
                line = loads(text)
                canonical = dumps(line, option=sort_keys)
        except (ValueError, TypeError, RecursionError) as error:
            if not text.strip():
                out.blank += 1
            else:
                out.rejects.append((first_line + index, _why(text, error), text))
            continue
        if type(line) not in kinds:
            out.rejects.append((first_line + index, "not_object", text))
            continue
        add_line(line)
        add_number(first_line + index)
        add_raw(text)
        add_digest(line_digest(canonical))
    return out


def load_object(text: str) -> dict[str, Any] | None:
    """Decode a JSON object inside a value; None where it is none or nested too deep."""
    data = text.encode(errors="replace")
    decoded = decode(data.replace(b"\n", b" "), 2, len(data))
    line = decoded.lines[0] if decoded.lines else None
    return None if line is None or _is_deeper(line, MAX_DEPTH // 2) else line


def _is_deeper(value: Any, limit: int) -> bool:
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return limit == 0 or any(_is_deeper(part, limit - 1) for part in inner)


def dump_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """Write compact JSON; whole numbers of any length are allowed."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else 0)
    except TypeError:
        return dump_wide(value, sort_keys=sort_keys)


def dump_all(values: list[dict[str, Any] | None]) -> list[bytes]:
    """Write compact JSON of each value."""
    import orjson

    dumps = orjson.dumps
    try:
        return [dumps(value) for value in values]
    except TypeError:
        return [dump_json(value) for value in values]


def dump_wide(value: Any, *, sort_keys: bool) -> bytes:
    """Write compact JSON like ``orjson`` does, whole numbers beyond 64 bits included."""
    import orjson

    def write(part: Any, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise RecursionError
        if type(part) is dict:
            keys = sorted(part) if sort_keys else list(part)
            return "{" + ",".join(f"{leaf(k)}:{write(part[k], depth + 1)}" for k in keys) + "}"
        if type(part) is list:
            return "[" + ",".join(write(item, depth + 1) for item in part) + "]"
        return str(part) if type(part) is int else leaf(part)

    def leaf(part: Any) -> str:
        return orjson.dumps(part).decode()

    return write(value, 1).encode()


def wide_lines(data: bytes) -> frozenset[int]:
    """Return the indexes of the lines that may hold a whole number of 19 or more digits."""
    marks = data.translate(_DIGIT_MAP)
    position = marks.find(_WIDE_DIGITS)
    if position < 0:
        return frozenset()
    found: set[int] = set()
    ends = _line_ends(data)
    while position >= 0:
        index = bisect_right(ends, position)
        end = ends[index] if index < len(ends) else len(data)
        if _WIDE_NUMBER.search(data, ends[index - 1] + 1 if index else 0, end):
            found.add(index)
        position = marks.find(_WIDE_DIGITS, end)
    return frozenset(found)


def _line_ends(data: bytes) -> list[int]:
    import numpy as np

    ends: list[int] = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10).tolist()
    return ends


def _load_wide(text: bytes) -> Any:
    return json.loads(text, parse_float=_finite, parse_constant=_no_constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number is infinity")
    return number


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _why(text: bytes, error: Exception) -> str:
    """Name the reason why a line could not be decoded."""
    tests: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("nul_byte", lambda: b"\0" in text),
        ("invalid_utf8", lambda: not _is_utf8(text)),
        ("too_deep", lambda: _is_depth(error)),
    )
    return next((reason for reason, holds in tests if holds()), "invalid_json")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_depth(error: Exception) -> bool:
    if isinstance(error, RecursionError):
        return True
    return "depth limit" in str(error) or "ecursion limit" in str(error)
