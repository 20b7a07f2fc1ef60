"""The shape of a log line: all of its text but the values.

Most lines of a log are written by one program, so that they differ in their values alone. A line
of a known shape need not be parsed: cut at its quotes, it has its values at known places, and
put together again from the shape and those values it must be the very line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from clickcli.store.mapping import PROPERTIES
from clickcli.store.plans import Plan, make_plan

WHOLE: Final = r"-?[1-9]\d{0,17}|0"
"""Whole numbers that 64 bits hold."""
DECIMAL: Final = r"-?(?:0|[1-9]\d{0,9})\.(?:0|\d{0,3}[1-9])|-?[1-9]\d{0,7}\.\d{0,6}[1-9]"
"""Numbers of at most 15 digits in the form in which they are written again."""
BARE: Final = rf"null|true|false|{DECIMAL}|{WHOLE}"
"""Values without quotes."""
SPACE: Final = r"[ \t\r\n]*"

_OPENS: Final = re.compile(rf"{SPACE}\{{{SPACE}")
_COLON: Final = re.compile(rf"{SPACE}:{SPACE}")
_COLON_OPENS: Final = re.compile(rf"{SPACE}:{SPACE}\{{{SPACE}")
_EMPTY: Final = re.compile(rf"{SPACE}:{SPACE}\{{{SPACE}\}}(?P<after>.*)", re.DOTALL)
_BARE: Final = re.compile(
    rf"(?P<before>{SPACE}:{SPACE})(?P<value>{BARE})(?P<after>[ \t\r\n,}}].*)", re.DOTALL
)
_AFTER: Final = re.compile(rf"{SPACE}(?P<closed>(?:\}}{SPACE})*)(?P<comma>,{SPACE})?")

Piece = str | int
"""Text that all lines of a shape have, or the number of a token."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value is: its key at the top (0) or inside ``properties`` (1), and its token.

    A value that is bare has what stands around it in its token, too.
    """

    level: int
    key: str
    token: int
    before: str | None = None
    after: str | None = None

    @property
    def is_bare(self) -> bool:
        """Whether the value has no quotes: a number, true, false or null."""
        return self.before is not None


@dataclass(frozen=True)
class Shape:
    """What lines have in common: ``pieces`` and the values of the slots are a line.

    ``inner`` is whether there is a ``properties`` object, ``null_inner`` whether it is null.
    """

    tokens: int
    slots: tuple[Slot, ...]
    pieces: tuple[Piece, ...]
    inner: bool
    null_inner: bool
    features: frozenset[str] = field(default=frozenset())
    """Texts by which lines of the shape may be told from others."""

    @cached_property
    def plan(self) -> Plan:
        """Which slot fills which column."""
        top = tuple(slot.key for slot in self.slots if slot.level == 0)
        inner = tuple(slot.key for slot in self.slots if slot.level == 1)
        return make_plan(top, inner if self.inner else None)

    @cached_property
    def columns(self) -> dict[str, Slot]:
        """The slot of each column."""
        by_place = {(slot.level, slot.key): slot for slot in self.slots}
        return {name: by_place[places[0]] for name, places in self.plan.columns}

    @cached_property
    def leftovers(self) -> tuple[tuple[str, Slot], ...]:
        """The slots that no column takes, with their names in ``properties``."""
        by_place = {(slot.level, slot.key): slot for slot in self.slots}
        return tuple((name, by_place[place]) for place, name in self.plan.leftovers)

    def canonical(self, *, with_arrival: bool = True) -> tuple[Piece, ...]:
        """Return the canonical form: keys sorted, no white space.

        Without arrival, as if the line had no collector time.
        """
        left_out = None if with_arrival else self.columns.get("received_at")
        top: dict[str, list[Piece]] = {}
        inner: dict[str, list[Piece]] = {}
        for slot in self.slots:
            if slot is not left_out:
                (inner if slot.level else top)[slot.key] = _written(slot)
        if self.inner:
            top[PROPERTIES] = _object(inner)
        elif self.null_inner and left_out is None:
            top[PROPERTIES] = ["null"]
        return joined(_object(top))

    def properties(self) -> tuple[Piece, ...]:
        """Return what no column takes, as JSON; nothing where all is taken."""
        if not self.leftovers:
            return ()
        return joined(_members({name: _written(slot) for name, slot in self.leftovers}))


def _written(slot: Slot) -> list[Piece]:
    return [slot.token] if slot.is_bare else ['"', slot.token, '"']


def _object(members: dict[str, list[Piece]]) -> list[Piece]:
    return _members(dict(sorted(members.items())))


def _members(members: dict[str, list[Piece]]) -> list[Piece]:
    pieces: list[Piece] = ["{"]
    for number, (key, value) in enumerate(members.items()):
        pieces += [f'{"," if number else ""}"{key}":', *value]
    return [*pieces, "}"]


def joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Return the pieces with texts that follow one another as one."""
    out: list[Piece] = []
    for piece in pieces:
        if out and isinstance(piece, str) and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return tuple(out)


class _Unknown(Exception):
    """A line whose shape is none that we know how to read."""


def learn(line: str) -> Shape | None:
    """Return the shape of a line, its end included; None of a line that must be parsed.

    The line must have no backslash. Not every line that has a shape is well-formed: this is
    for lines that a parser took.
    """
    try:
        shape = _Walk(line.removesuffix("\n").split('"')).shape()
    except (_Unknown, StopIteration):
        return None
    names = [name for name, _ in shape.plan.columns]
    is_plain = all(len(places) == 1 for _, places in shape.plan.columns)
    return shape if is_plain and "items" not in names else None


class _Walk:
    """Goes over the tokens of a line once."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens: Iterator[tuple[int, str]] = iter(enumerate(tokens))
        self._count = len(tokens)
        self._level = 0
        self._slots: dict[tuple[int, str], Slot] = {}
        self._pieces: list[Piece] = []
        self._inner = self._null_inner = False
        self._features: set[str] = set()

    def shape(self) -> Shape:
        _, first = next(self._tokens)
        if not _OPENS.fullmatch(first):
            raise _Unknown
        self._pieces.append(first)
        while self._level >= 0:
            self._member()
        if next(self._tokens, None) is not None:
            raise _Unknown
        slots = tuple(self._slots.values())
        return Shape(
            self._count, slots, joined([*self._pieces, "\n"]), self._inner, self._null_inner,
            frozenset(self._features),
        )  # fmt: skip

    def _member(self) -> None:
        """Take a key and its value."""
        _, key = next(self._tokens)
        number, between = next(self._tokens)
        self._pieces.append(f'"{key}"')
        if _COLON.fullmatch(between):
            token, _ = next(self._tokens)
            self._features |= {f'"{key}"{between}', f'"{key}"{between}"'}
            self._add(Slot(self._level, key, token))
            self._pieces += [between + '"', token, '"']
            self._after(next(self._tokens)[1])
        elif _COLON_OPENS.fullmatch(between) and key == PROPERTIES and self._level == 0:
            self._open(between)
            self._level = 1
        elif key == PROPERTIES and self._level == 0 and (empty := _EMPTY.fullmatch(between)):
            self._open(between.removesuffix(empty["after"]))
            self._after(empty["after"])
        elif bare := _BARE.fullmatch(between):
            self._bare(key, number, bare)
        else:
            raise _Unknown

    def _open(self, text: str) -> None:
        if self._inner or self._null_inner:
            raise _Unknown
        self._inner = True
        self._pieces.append(text)

    def _bare(self, key: str, number: int, found: re.Match[str]) -> None:
        before, value, after = found["before"], found["value"], found["after"]
        if key == PROPERTIES and self._level == 0:
            if value != "null" or self._inner or self._null_inner:
                raise _Unknown
            self._null_inner = True
            self._pieces.append(before + value)
            self._after(after)
            return
        self._features.add(f'"{key}"{before}')
        self._add(Slot(self._level, key, number, before, after))
        self._pieces.append(number)
        self._after(after, is_kept=False)

    def _add(self, slot: Slot) -> None:
        place = (slot.level, slot.key)
        if place in self._slots or (slot.level == 0 and slot.key == PROPERTIES):
            raise _Unknown
        self._slots[place] = slot

    def _after(self, text: str, *, is_kept: bool = True) -> None:
        """Take what follows a value: closing braces, and a comma if it goes on."""
        found = _AFTER.fullmatch(text)
        if found is None:
            raise _Unknown
        self._level -= found["closed"].count("}")
        if self._level < -1 or (found["comma"] is None) != (self._level < 0):
            raise _Unknown
        if is_kept:
            self._pieces.append(text)
