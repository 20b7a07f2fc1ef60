"""Which events are meant: the filter language of ``--where`` and of funnel steps.

Grammar, a small part of SQL::

    filter      comparisons joined by and, or, not and parentheses
    comparison  COLUMN = != <> < <= > >= VALUE         (or the value first)
                COLUMN [not] in (VALUE, …)
                COLUMN [not] between VALUE and VALUE   (both ends included)
                COLUMN [not] like 'TEXT' [escape 'C']  (% any text, _ one character;
                                                        ilike ignores case)
                COLUMN is [not] null
                contains(COLUMN, 'TEXT'), starts_with(COLUMN, 'TEXT'), ends_with(COLUMN, 'TEXT')
    column      an event column, or properties.KEY, nested properties.KEY.KEY; keys with other
                characters than letters, digits, _, $ and @ in double quotes: properties."a key"
    value       'text' (a quote is doubled: 'it''s'), 10, -2.5, and true, false for properties
                and ``is_bot``

Types: text is compared with text, a number with a number; ``is_bot`` is ``= true`` or ``= false``.
``ts`` and ``received_at`` are compared with a date or time, '2024-03-01' or
'2024-03-01T12:00+02:00'; without an offset it is local time in ``--tz``. Money is written in
major units (``price > 9.99``) and compared in the decimals of each row's currency. A property
compared with a number is read as a number, and has no value where it is none; else it is text,
with true and false as 'true' and 'false'. Words of the language may be in capitals; column names
and property keys may not.

Missing values, as in SQL: a comparison with a missing value is unknown, and so is its negation;
only ``is null`` finds it. ``country != 'DE'`` leaves out events without a country; add
``or country is null`` to keep them. An event is selected where the filter is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from clickcli.columns import BY_NAME
from clickcli.errors import UsageError, suggestion, unknown
from clickcli.filters.predicates import Form, Node, PropertyRef, comparisons_of, quoted
from clickcli.filters.tokens import EXAMPLE, Token, path_of, refused, tokens

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Predicate", "PropertyRef", "column_or_property", "parse", "property_ref"]

COLUMNS: Final = tuple(name for name in BY_NAME if name != "person_key")
"""Event columns that a filter or a breakdown may name."""

_BEFORE_VALUE: Final = frozenset(
    {"=", "!=", "<>", "<", "<=", ">", ">=", "between", "like", "ilike", "escape"}
)
_MAX_TEXT: Final = 100_000
_MAX_DEPTH: Final = 30
_UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True)
class Predicate:
    """A parsed filter: canonical text, what it reads, and its expression."""

    text: str
    columns: frozenset[str]
    properties: tuple[PropertyRef, ...]
    tree: Node

    def expression(self) -> nw.Expr:
        """Return whether an event is selected; never null."""
        return self.tree.expression().fill_null(value=False)


def parse(text: str, *, known_properties: Iterable[str] = (), tz: ZoneInfo = _UTC) -> Predicate:
    """Parse a filter.

    ``known_properties`` serve suggestions only. Raises UsageError that names the part which is
    not in the language.
    """
    from clickcli.filters.tree import tree_of

    if len(text) > _MAX_TEXT:
        raise UsageError(f"a filter has at most {_MAX_TEXT:,} characters, was {len(text):,}")
    found = tokens(text)
    if not found:
        raise UsageError("the filter is empty", hint=f"example: {EXAMPLE}")
    _check_depth(found)
    known = tuple(known_properties)
    for place, token in enumerate(found):
        if token.kind == "name" and token.text not in COLUMNS:
            raise _unknown_name(token, found[max(0, place - 2) : place], known)
    tree = tree_of(found, tz)
    columns: set[str] = set()
    properties: dict[PropertyRef, None] = {}
    for comparison in comparisons_of(tree):
        if isinstance(comparison.target, PropertyRef):
            properties[comparison.target] = None
        else:
            columns.add(comparison.target)
            if BY_NAME[comparison.target].money:
                columns.add("currency")
    return Predicate(tree.words(), frozenset(columns), tuple(properties), tree)


def _unknown_name(
    token: Token, before: Sequence[Token], known_properties: Iterable[str]
) -> UsageError:
    """Build the error for a name that is no column; it may be a text without its quotes."""
    words = [word.text for word in before]
    if words[-1:] == ["-"]:
        hint = f'a key with a hyphen stands in double quotes: properties."a-{token.text}"'
        return refused("-", before[-1].start, hint=hint)
    if words == ["in", "("] or (words and words[-1] in _BEFORE_VALUE):
        return UsageError(
            f"unknown column {token.source!r} (character {token.start + 1})",
            hint=f"texts stand in single quotes: {quoted(token.text)}",
        )
    return unknown_column(token.text, known_properties)


def _check_depth(found: Iterable[Token]) -> None:
    depth, nots = 0, 0
    for token in found:
        nots = nots + 1 if token.text == "not" and token.kind == "word" else 0
        depth += (token.text == "(") - (token.text == ")") if token.kind == "sign" else 0
        if max(depth, nots) > _MAX_DEPTH:
            raise UsageError(f"a filter is nested at most {_MAX_DEPTH} deep")


def unknown_column(name: str, known_properties: Iterable[str] = ()) -> UsageError:
    """Build the error for a name that is no column.

    It suggests a property of that name, the column of which it is an alias, or a near name.
    """
    import difflib

    paths = {key: PropertyRef.of((key,), "text").text for key in known_properties}
    aliases = {alias: column.name for column in BY_NAME.values() for alias in column.aliases}
    meant = paths.get(name) or aliases.get(name)
    if meant is None and suggestion(name, COLUMNS) is None:
        near = difflib.get_close_matches(name, paths, n=1)
        meant = paths[near[0]] if near else None
    if meant is None:
        return unknown("column", name, COLUMNS)
    return UsageError(f"unknown column {name!r}", hint=f"did you mean {meant}?")


def property_ref(path_text: str, form: Form = "text") -> PropertyRef:
    """Return the reference that ``properties.x`` or ``properties."a key".x`` stands for.

    Raises UsageError when the text is no such path.
    """
    path = path_of(path_text.strip())
    if path is None:
        raise UsageError(
            f"a property must be written properties.KEY, was {path_text!r}",
            hint='examples: properties.plan, properties.address.city, properties."a key"',
        )
    return PropertyRef.of(path, form)


def column_or_property(text: str, *, known_properties: Iterable[str] = ()) -> str | PropertyRef:
    """Return the event column or the property that a text names, as in ``--by``.

    Raises UsageError with a suggestion when it is neither.
    """
    stripped = text.strip()
    if stripped.startswith("properties."):
        return property_ref(stripped)
    if stripped not in COLUMNS:
        raise unknown_column(stripped, known_properties)
    return stripped
