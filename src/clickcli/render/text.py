"""Show text from the data without obeying it."""

from __future__ import annotations

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control and escape characters, direction overrides, invisible characters, line separators."""

_SEPARATORS: Final = "\n\t"


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return text whose control, direction and invisible characters are shown as signs."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: _shown(match[0]), text)


def visible_lines(text: str) -> str:
    """Return text made visible, except the line ends and tabs that separate its cells."""
    return _UNSAFE.sub(
        lambda match: match[0] if match[0] in _SEPARATORS else _shown(match[0]), text
    )


def visible_json(text: str) -> str:
    """Return JSON that means the same, unsafe characters as escapes."""

    def escaped(match: re.Match[str]) -> str:
        code = ord(match[0])
        if match[0] in _SEPARATORS:
            return match[0]
        if code < 0x10000:
            return f"\\u{code:04x}"
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"

    return _UNSAFE.sub(escaped, text)


_TSV: Final = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_TSV_UNSAFE: Final = re.compile(r"[\\\x00-\x1f\x7f]")


def tsv_cell(text: str) -> str:
    """Return a cell for tab-separated lines: backslash escapes, reversible."""
    return _TSV_UNSAFE.sub(lambda match: _TSV.get(match[0]) or f"\\x{ord(match[0]):02x}", text)


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


_MARKDOWN: Final = re.compile(r"([\\|`*\[\]<>&~]|(?<!\w)_|_(?!\w))")


def markdown_cell(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", visible(text))
