"""Where an id stands in a text: as a whole word, in any of the forms that logs write it in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote_plus

from clickcli.columns import BY_NAME

SHORTEST: Final = 6
"""Letters that an id must have to be looked for in texts: shorter ones mean other things too."""
MARK: Final = "[deleted]"
"""What stands where an id stood."""
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WORDS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"""[^\s"'<>,;{}\[\]()]+""",
        r"""[^\s"'<>,;{}\[\]()=&?#/\\|:]+""",
        r"[\w.@+-]+",
        r"[\w-]+",
        r"\w+",
        r"[^\W_]+",
    )
)
"""What may be an id in a text of any form, from the widest reading to the narrowest."""
_FIELDS: Final = "|".join(
    re.escape(name)
    for column in ("user_id", "anonymous_id")
    for name in (column, *BY_NAME[column].aliases)
)
_FIELD: Final = re.compile(rf'"(?:{_FIELDS})"\s*:\s*("(?:[^"\\]|\\.)*"|[\w.+-]+)')


def candidates(text: str) -> set[str]:
    """Return every part of a text that may be an id: what is quoted, and words of any width."""
    found = {word for pattern in _WORDS for word in pattern.findall(text)}
    found |= {_unescaped(quoted) for quoted in _QUOTED.findall(text)}
    return found | {unquote_plus(word) for word in found if "%" in word or "+" in word}


class Names:
    """Ids to be looked for.

    Those of ``SHORTEST`` letters are found wherever they stand as a whole word, that is, not
    beside a letter or digit; shorter ones only as the value of a field that holds an id. ``mark``
    is what is put in their place.
    """

    def __init__(self, ids: Iterable[str], mark: str = MARK) -> None:
        self._ids = frozenset(ids)
        self._mark = mark
        self.long = frozenset(text for text in self._ids if len(text) >= SHORTEST)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The long ids as they are written in texts, in JSON and in addresses."""
        return written(self.long)

    def redacted(self, text: str) -> str:
        """Return a text with a mark in place of every long id."""
        for form in self.forms:
            if form in text:
                text = _pattern(form).sub(self._mark, text)
        return text

    def redacted_json(self, value: Any) -> Any:
        """Return a JSON value with a mark in place of every long id, in keys and numbers too."""
        if type(value) is str:
            return self.redacted(value)
        if type(value) is dict:
            return {self.redacted(key): self.redacted_json(part) for key, part in value.items()}
        if type(value) is list:
            return [self.redacted_json(part) for part in value]
        if type(value) is int and str(value) in self.long:
            return self._mark
        return value

    def are_in(self, line: str) -> bool:
        """Return whether a raw line names one of them, short ones only in fields of ids."""
        if self.redacted(line) != line or not self.long.isdisjoint(candidates(line)):
            return True
        return any(_unescaped(value.strip('"')) in self._ids for value in _FIELD.findall(line))


def written(words: Iterable[str]) -> tuple[str, ...]:
    """Return words in all the forms they are written in: as they are, in JSON, in addresses.

    The longest come first, so that none is taken apart by one inside it.
    """
    forms: set[str] = set()
    for text in words:
        percent = {quote(text, safe=""), quote(text), quote_plus(text)}
        lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in percent}
        escaped = {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
        forms |= {text, *percent, *lower, *escaped}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _pattern(form: str) -> re.Pattern[str]:
    """Return what matches a form that is no part of a longer word; marked ends count as ends."""
    before = r"(?<![^\W_])" if form[0].isalnum() else ""
    after = r"(?![^\W_])" if form[-1].isalnum() else ""
    return re.compile(before + re.escape(form) + after)


def _unescaped(text: str) -> str:
    """Return what a JSON string says; the text itself where it is none."""
    try:
        value = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    assert isinstance(value, str)
    return value
