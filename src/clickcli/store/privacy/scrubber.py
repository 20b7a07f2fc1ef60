"""What is to be taken out of texts: kinds of personal data, given words, whole fields."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME
from clickcli.errors import UsageError, unknown
from clickcli.store.privacy.mentions import Edits, contains_any
from clickcli.store.privacy.patterns import Pattern, chosen, scrub_text, scrub_value
from clickcli.store.privacy.tokens import written

if TYPE_CHECKING:
    import polars as pl

PROPERTY: Final = "properties."
_CODES: Final = frozenset(
    {"event_id", "event_type", "session_id", "item_id", "currency", "referrer_host", "click_id"}
)
"""Columns of codes, which kinds of personal data are not looked for in."""
_KEPT: Final = frozenset(
    {"person_key", "seq", "event_type", "ts", "event_id", "user_id", "anonymous_id", "properties"}
)
"""Columns without which an event is none."""


@dataclass(frozen=True, slots=True)
class Scrub:
    """What is to be taken out: kinds of personal data, words, columns and properties."""

    patterns: tuple[Pattern, ...] = ()
    words: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, kinds: Iterable[str] = (), words: Iterable[str] = (), fields: Iterable[str] = ()
    ) -> Scrub:
        """Check what is asked for.

        Raises UsageError for nothing, an unknown kind, an empty word, and a field that is none or
        that an event cannot do without.
        """
        made = cls(chosen(kinds), tuple(dict.fromkeys(words)), tuple(dict.fromkeys(fields)))
        if not (made.patterns or made.words or made.fields):
            raise UsageError("nothing to scrub is given", hint="give --kind, --text or --field")
        if any(not word.strip() for word in made.words):
            raise UsageError("--text must not be empty")
        for field in made.fields:
            if field in _KEPT:
                raise UsageError(f"--field must not be {field}: no event is without it")
            is_property = field.startswith(PROPERTY) and field != PROPERTY
            if not is_property and field not in BY_NAME:
                raise unknown("column", field, BY_NAME)
        return made

    def edits(self) -> Edits:
        """Return what is done to the texts of rows."""
        columns = frozenset(field for field in self.fields if not field.startswith(PROPERTY))
        return Edits(self._hits, self._text, self._value, columns)

    def names(self, counts: Counter[str]) -> Counter[str]:
        """Return counts of property names, named as they are once they are scrubbed."""
        scrubbed: Counter[str] = Counter()
        for name, count in counts.items():
            scrubbed[self._words(scrub_text(self.patterns, name))] += count
        return scrubbed

    def raw(self, text: str) -> str:
        """Return the text of a rejected line; withheld where it has one of the fields."""
        names = [field.rpartition(".")[2] for field in self.fields]
        if any(re.search(rf"[\"']{re.escape(name)}[\"']\s*:", text) for name in names):
            return "[scrubbed]"
        return self._words(scrub_text(self.patterns, text))

    def _hits(self, name: str, series: pl.Series) -> pl.Series:
        import polars as pl

        hits = pl.Series([False]).new_from_index(0, len(series))
        words = (*self.words, *(self._keys() if name == "properties" else ()))
        if words:
            hits |= contains_any(series, written(words))
        for pattern in self._of(name):
            hits |= series.str.contains(pattern.hint)
        return hits

    def _of(self, name: str) -> list[Pattern]:
        return [one for one in self.patterns if name not in one.skipped and name not in _CODES]

    def _keys(self) -> list[str]:
        """Return the outermost keys of the properties that go."""
        return [f.removeprefix(PROPERTY).split(".")[0] for f in self.fields if PROPERTY in f]

    def _text(self, name: str, text: str) -> str:
        return self._words(scrub_text(tuple(self._of(name)), text))

    def _value(self, value: Any) -> Any:
        for field in self.fields:
            if field.startswith(PROPERTY) and type(value) is dict:
                value = _without(value, field.removeprefix(PROPERTY))
        value = scrub_value(self.patterns, value)
        return _mapped(value, self._words) if self.words else value

    def _words(self, text: str) -> str:
        for form in written(self.words):
            text = text.replace(form, "[scrubbed]")
        return text


def _without(value: dict[str, Any], path: str) -> dict[str, Any]:
    """Return an object without a key, or a key inside it by its dotted path."""
    if path in value:
        return {name: part for name, part in value.items() if name != path}
    head, _, rest = path.partition(".")
    inner = value.get(head)
    if not rest or type(inner) is not dict:
        return value
    return value | {head: _without(inner, rest)}


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with its texts and keys changed."""
    if type(value) is str:
        return change(value)
    if type(value) is dict:
        return {change(name): _mapped(part, change) for name, part in value.items()}
    if type(value) is list:
        return [_mapped(part, change) for part in value]
    return value
