"""Part the text of a filter into the few tokens that the language has; refuse all others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from clickcli.errors import UsageError
from clickcli.filters.predicates import FUNCTIONS

EXAMPLE: Final = "country = 'DE' and (price > 10 or properties.plan = 'pro')"
KEYWORDS: Final = frozenset(
    {"and", "or", "not", "in", "between", "like", "ilike", "escape", "is", "null", "true", "false"}
)
REFUSED_WORDS: Final = frozenset(
    {
        "all", "any", "as", "case", "cast", "collate", "current_date", "current_timestamp",
        "create", "delete", "distinct", "div", "drop", "else", "end", "except", "exists", "from",
        "glob", "group", "having", "insert", "intersect", "interval", "isnull", "join", "limit",
        "mod", "notnull", "order", "regexp", "rlike", "select", "similar", "some", "symmetric",
        "then", "union", "update", "using", "values", "when", "where", "with", "xor",
    }
)  # fmt: skip
"""Words of SQL that are better named than taken for an unknown column."""

_KEY = r'(?:"(?:[^"]|"")++"|[\w$@]+)'
_PATH = rf"properties(?:\.{_KEY})+"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*+')
    |(?P<path>{_PATH})
    |(?P<quoted>"(?:[^"]|"")++")
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w$.]))
    |(?P<comment>--|/\*|\#)
    |(?P<word>(?:[^\W\d]|\$)[\w$]*)
    |(?P<sign><>|!=|<=|>=|==|=|<|>|\(|\)|,|-)
    """,
    re.VERBOSE,
)
_MAX_DIGITS: Final = 40
_MAX_EXPONENT: Final = 300

Kind = Literal["text", "path", "name", "number", "word", "function", "sign"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``text`` is its meaning without quotes, ``start`` counts from 0."""

    kind: Kind
    text: str
    start: int
    source: str

    @property
    def number(self) -> Decimal:
        """The value of a number."""
        return Decimal(self.text)


def refused(part: str, start: int, why: str = "", hint: str | None = None) -> UsageError:
    """Build the error for a part of the text that the language has not."""
    shown = part if len(part) <= 40 else part[:40] + "…"
    return UsageError(
        f"{shown!r} is not part of the filter language (character {start + 1}){why}",
        hint=hint or f"example: {EXAMPLE}",
    )


def check_text(text: str) -> None:
    """Raise UsageError for a text that was not UTF-8 on the command line."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{text!r} is not UTF-8 (character {error.start + 1})") from None


def tokens(text: str) -> list[Token]:
    """Return the tokens of a filter; UsageError at the first part that is none."""
    check_text(text)
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _stray(text, at)
        if match.lastgroup != "space":
            found.append(_token(match, text))
        at = match.end()
    return found


def path_of(text: str) -> tuple[str, ...] | None:
    """Return the keys of a property path, None where the text is no path."""
    check_text(text)
    if re.fullmatch(_PATH, text) is None:
        return None
    keys = re.findall(rf"\.({_KEY})", text)
    return tuple(key[1:-1].replace('""', '"') if key[0] == '"' else key for key in keys)


def _stray(text: str, at: int) -> UsageError:
    if text[at] in "'\"":
        return UsageError(
            f"the filter has a quote that is not closed (character {at + 1})",
            hint="a quote inside a text is doubled: 'it''s'",
        )
    if number := re.compile(r"[0-9.][\w.$]*").match(text, at):
        return UsageError(
            f"{number[0]!r} is no number (character {at + 1})",
            hint="texts stand in single quotes, numbers are like 10, -2.5 or 1e3",
        )
    return refused(text[at], at)


def _token(match: re.Match[str], text: str) -> Token:
    part, start = match[0], match.start()
    kind = match.lastgroup
    if kind == "word":
        return _word(part, start, text[match.end() :])
    if kind == "comment":
        raise refused(part, start, ": comments are not allowed")
    if kind == "number":
        return _number(part, start)
    if kind == "text":
        return Token("text", part[1:-1].replace("''", "'"), start, part)
    if kind == "quoted":
        return Token("name", part[1:-1].replace('""', '"'), start, part)
    if kind == "path":
        return Token("path", part, start, part)
    if part == "==":
        raise refused(part, start, hint="write = to compare")
    return Token("sign", part, start, part)


def _number(part: str, start: int) -> Token:
    value = Decimal(part)
    if len(part) > _MAX_DIGITS or abs(value.adjusted()) > _MAX_EXPONENT:
        raise UsageError(
            f"the number at character {start + 1} is too long, or too large or small",
            hint=f"at most {_MAX_DIGITS} characters and below 1e{_MAX_EXPONENT}",
        )
    return Token("number", part, start, part)


def _word(part: str, start: int, rest: str) -> Token:
    lower = part.lower()
    if lower in KEYWORDS:
        return Token("word", lower, start, part)
    if lower in REFUSED_WORDS:
        raise refused(part, start)
    if not rest.lstrip().startswith("("):
        return Token("name", part, start, part)
    if lower not in FUNCTIONS:
        raise refused(f"{part}()", start, hint=f"functions: {', '.join(FUNCTIONS)}")
    return Token("function", lower, start, part)
