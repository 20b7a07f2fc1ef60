"""Hash the ids in log lines; whatever else stands in a line stays as it is, to the letter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clickcli.columns import BY_NAME
from clickcli.identity import is_placeholder
from clickcli.store.privacy.keys import Key, Kind
from clickcli.store.sources import Block

MAX_LINE_BYTES: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()
Fields = Mapping[tuple[str, ...], Kind]
"""Paths of keys that hold ids, and whose."""


def fields_of(
    users: Iterable[str] = (), devices: Iterable[str] = ()
) -> dict[tuple[str, ...], Kind]:
    """Return the fields of ids that clickcli knows, and further ones by their dotted paths."""
    kinds: tuple[tuple[Kind, str, Iterable[str]], ...] = (
        ("user", "user_id", users), ("device", "anonymous_id", devices),
    )  # fmt: skip
    return {
        tuple(name.split(".")): kind
        for kind, column, more in kinds
        for name in (column, *BY_NAME[column].aliases, *more)
    }


@dataclass(slots=True)
class LineHasher:
    """Hashes lines and counts them; ``left_out`` are those that it cannot read."""

    key: Key
    fields: Fields
    lines: int = 0
    ids: int = 0
    left_out: int = 0
    _known: dict[tuple[Kind, str], str] = field(default_factory=dict)

    def blocks(self, blocks: Iterable[Block]) -> Iterator[bytes]:
        """Yield blocks of lines with their ids hashed.

        What is no JSON object is left out: its ids cannot be told.
        """
        for block in blocks:
            data = block.data
            if block.first_line == 1:
                data = data.removeprefix(_BOM)
            ends = data.endswith(b"\n")
            lines = data.removesuffix(b"\n").split(b"\n")
            yield b"".join(self._lines(lines, ends=ends))

    def _lines(self, lines: list[bytes], *, ends: bool) -> Iterator[bytes]:
        for number, line in enumerate(lines, 1):
            end = b"\n" if ends or number < len(lines) else b""
            if not line.strip():
                yield line + end
                continue
            self.lines += 1
            hashed = None if len(line) > MAX_LINE_BYTES else self._line(line)
            if hashed is None:
                self.left_out += 1
            else:
                yield hashed + end

    def _line(self, line: bytes) -> bytes | None:
        """Return a line with its ids hashed, None where it is no JSON object."""
        try:
            text = line.decode()
            pieces: list[str] = []
            start = _blank(text, 0)
            if text[start : start + 1] != "{":
                return None
            end, done = self._object(text, start, (), pieces, 0)
            if _blank(text, end) != len(text):
                return None
        except (ValueError, RecursionError):
            return None
        return "".join((*pieces, text[done:])).encode()

    def _object(
        self, text: str, at: int, path: tuple[str, ...], pieces: list[str], done: int
    ) -> tuple[int, int]:
        """Go over an object; return where it ends, and up to where ``pieces`` hold the text."""
        at = _blank(text, at + 1)
        if text[at : at + 1] == "}":
            return at + 1, done
        while True:
            if text[at : at + 1] != '"':
                raise ValueError("no key")
            name, at = _DECODER.raw_decode(text, at)
            at = _blank(text, at)
            if text[at : at + 1] != ":":
                raise ValueError("no colon")
            start = _blank(text, at + 1)
            own = (*path, name)
            if text[start : start + 1] == "{" and self._is_above(own):
                at, done = self._object(text, start, own, pieces, done)
            else:
                value, at = _DECODER.raw_decode(text, start)
                if own in self.fields and (hashed := self._hashed(self.fields[own], value)):
                    pieces += [text[done:start], f'"{hashed}"']
                    done = at
            at = _blank(text, at)
            if text[at : at + 1] == "}":
                return at + 1, done
            if text[at : at + 1] != ",":
                raise ValueError("no comma")
            at = _blank(text, at + 1)

    def _is_above(self, path: tuple[str, ...]) -> bool:
        """Return whether a field lies below a path."""
        return any(one[: len(path)] == path and one != path for one in self.fields)

    def _hashed(self, kind: Kind, value: Any) -> str | None:
        """Return what stands for an id, None for what is none."""
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int:
            value = str(value)
        if type(value) is not str or is_placeholder(value):
            return None
        self.ids += 1
        found = self._known.get((kind, value))
        if found is None:
            if len(self._known) >= 1_000_000:
                self._known.clear()
            found = self._known[kind, value] = self.key.pseudonym(kind, value)
        return found


def _blank(text: str, at: int) -> int:
    """Return where white space ends."""
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()
