"""One error class for each way out of the program.

Every error says what was wrong, what it must be, what it was, and (``hint``) what to do
next. The exit code belongs to the class, so that nothing maps names to numbers elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

_SHOWN: Final = 80
"""Characters of a word that an error repeats, at most."""


class ClickcliError(Exception):
    """Something the user can act on; ``message`` is one line, ``hint`` another."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CheckBreached(ClickcliError):
    """A rule that the user asked to be checked does not hold."""

    exit_code = 1


class UsageError(ClickcliError):
    """An option, name or expression is not one that clickcli knows."""

    exit_code = 2


class DataError(ClickcliError):
    """The input or the store is not as it must be."""

    exit_code = 3


class Undecidable(ClickcliError):
    """Too little or incomplete data to give an answer."""

    exit_code = 4


class StoreLocked(ClickcliError):
    """Another process is writing to the store."""

    exit_code = 5


class InternalError(ClickcliError):
    """A promise of clickcli's own code was broken; a defect, not a mistake of the user."""

    exit_code = 70


class StorageError(ClickcliError):
    """Reading or writing failed: disk full, permission, input/output error."""

    exit_code = 74


EXIT_CODES: dict[int, str] = {
    0: "fine",
    1: "a check was breached",
    2: "usage: an option, name or expression is wrong",
    3: "bad data or store",
    4: "cannot decide: too little or incomplete data",
    5: "the store is locked by another process",
    70: "internal error",
    74: "input/output error, disk full",
    130: "interrupted",
    141: "broken pipe",
}


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean …?`` for the nearest known words, else None.

    Comparison ignores case; at most three words, nearest first.
    """
    import difflib

    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(name.casefold(), name)
    near = difflib.get_close_matches(word.casefold(), list(by_fold), n=3, cutoff=0.6)
    if not near:
        return None
    return f"did you mean {' or '.join(by_fold[name] for name in near)}?"


def unknown(what: str, word: str, known: Iterable[str]) -> UsageError:
    """Build the error for a word that is not among the known ones, with a way out."""
    names = sorted(set(known))
    hint = suggestion(word, names)
    if hint is None and names:
        told = (name if len(name) <= _SHOWN else name[:_SHOWN] + "…" for name in names[:12])
        shown = ", ".join(told) + (" …" if len(names) > 12 else "")
        hint = f"known: {shown}"
    given = word if len(word) <= _SHOWN else word[:_SHOWN] + "…"
    return UsageError(f"unknown {what} {given!r}", hint=hint)
