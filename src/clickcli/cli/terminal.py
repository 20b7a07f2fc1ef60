"""What the streams of this process are: terminals or not, how wide, in colour or not."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import IO

from clickcli.analysis import Color

_BOLD, _DIM, _RED, _CYAN, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[36m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Paint:
    """Styles of text, or none."""

    is_on: bool

    def _with(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self.is_on and text else text

    def bold(self, text: str) -> str:
        """Return bold text."""
        return self._with(_BOLD, text)

    def dim(self, text: str) -> str:
        """Return faint text."""
        return self._with(_DIM, text)

    def red(self, text: str) -> str:
        """Return bold red text."""
        return self._with(_BOLD + _RED, text)

    def cyan(self, text: str) -> str:
        """Return cyan text."""
        return self._with(_CYAN, text)


def is_terminal(stream: IO[str] | None) -> bool:
    """Return whether a stream is a terminal; a closed or missing one is not."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def has_color(stream: IO[str] | None, color: Color = Color.AUTO) -> bool:
    """Return whether to colour a stream: ``NO_COLOR`` and ``TERM=dumb`` say no to auto."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def width(stream: IO[str] | None) -> int | None:
    """Return the width of a stream; None where it is no terminal and ``COLUMNS`` is not set."""
    if is_terminal(stream):
        return shutil.get_terminal_size().columns
    columns = os.environ.get("COLUMNS", "")
    return max(20, int(columns)) if columns.isdigit() and int(columns) else None


def paint_errors(color: Color = Color.AUTO) -> Paint:
    """Return the styles of stderr."""
    return Paint(has_color(sys.stderr, color))


def folded(text: str, stream: IO[str] | None) -> str:
    """Return text broken between words where a stream is a terminal, else as one line."""
    if not is_terminal(stream):
        return text
    import textwrap

    columns = max(20, shutil.get_terminal_size().columns)
    return textwrap.fill(text, columns, break_long_words=False, break_on_hyphens=False)
