"""Conditions on events as a small tree: its canonical text, its columns, its expression.

The tree is made by ``filters``; nothing here reads text. Expressions are Narwhals and run
unchanged on Polars and Spark. Inside the tree null means unknown, as in SQL.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

from clickcli.columns import BY_NAME
from clickcli.filters.comparisons import (
    COMPARE,
    balanced,
    float_test,
    integer_test,
    money_test,
    text_test,
)

if TYPE_CHECKING:
    import narwhals as nw

Form = Literal["text", "number"]
Kind = Literal["text", "integer", "money", "float", "time", "flag"]

NEVER_LIFTED: Final = frozenset(
    {"event_id", "event_type", "ts", "received_at", "user_id", "anonymous_id", "session_id",
     "is_bot"}
)  # fmt: skip
"""Columns that ingest never takes from inside ``properties``."""

_LIFTED: Final[Mapping[str, str]] = {
    name: column.name
    for column in reversed(tuple(BY_NAME.values()))
    if (column.source == "given" or column.name == "items") and column.name not in NEVER_LIFTED
    for name in (*column.aliases, column.name)
}
_BARE_KEY = re.compile(r"[\w$@]+")
TEXT_OPERATORS: Final = ("like", "ilike", "contains", "starts_with", "ends_with")
FUNCTIONS: Final = TEXT_OPERATORS[2:]


@dataclass(frozen=True, slots=True)
class PropertyRef:
    """A value inside ``properties``, and the name of the ready column an engine makes of it.

    ``form`` number: text that is no number is null. ``lifted``: the event column to which
    ingest moves values of this key, None where it does not; the ready column takes the
    value from there when ``properties`` has none.
    """

    path: tuple[str, ...]
    form: Form
    column: str
    lifted: str | None = None

    @classmethod
    def of(cls, path: tuple[str, ...], form: Form) -> PropertyRef:
        """Return the reference of a path; its column name depends on path and form only."""
        digest = blake2b("\0".join((form, *path)).encode("utf-8", "surrogatepass"), digest_size=6)
        lifted = _LIFTED.get(path[0]) if len(path) == 1 else None
        return cls(path, form, f"property_{digest.hexdigest()}", lifted)

    @property
    def text(self) -> str:
        """The path as it is written in a filter."""
        return "properties" + "".join(f".{_key_text(key)}" for key in self.path)


def _key_text(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else '"' + key.replace('"', '""') + '"'


Target = str | PropertyRef
"""What a condition looks at: an event column, or a property."""


def target_text(target: Target) -> str:
    """Return a column or property as it is written in a filter."""
    return target if isinstance(target, str) else target.text


def kind_of(target: Target) -> Kind:
    """Return which values the column or property is compared with."""
    if isinstance(target, PropertyRef):
        return "text" if target.form == "text" else "float"
    column = BY_NAME[target]
    if column.money:
        return "money"
    if target in ("ts", "received_at"):
        return "time"
    by_dtype: Mapping[str, Kind] = {"string": "text", "float64": "float", "bool": "flag"}
    return by_dtype.get(column.dtype, "integer")


@dataclass(frozen=True, slots=True)
class Value:
    """A literal: as it is written, and what is compared (a time as whole microseconds)."""

    text: str
    plain: str | Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition on one column, such as ``price > 10``."""

    target: Target
    operator: str
    values: tuple[Value, ...] = ()
    escape: str | None = None

    def words(self, *, negated: bool = False) -> str:
        """Return the canonical text."""
        name, word = target_text(self.target), self.operator
        texts = [value.text for value in self.values]
        no = "not " if negated else ""
        if word == "is null":
            return f"{name} is {no}null"
        if word in FUNCTIONS:
            return f"{no}{word}({name}, {texts[0]})"
        if word in COMPARE:
            return f"{no}{name} {word} {texts[0]}"
        if word == "in":
            return f"{name} {no}in ({', '.join(texts)})"
        if word == "between":
            return f"{name} {no}between {texts[0]} and {texts[1]}"
        tail = "" if self.escape is None else f" escape {quoted(self.escape)}"
        return f"{name} {no}{word} {texts[0]}{tail}"

    def expression(self) -> nw.Expr:
        """Return the condition; null where it is unknown."""
        import narwhals as nw

        column = nw.col(self.target if isinstance(self.target, str) else self.target.column)
        if self.operator == "is null":
            return column.is_null()
        kind = kind_of(self.target)
        if kind == "text":
            texts = [str(value.plain) for value in self.values]
            return text_test(column, self.operator, texts, self.escape)
        if kind == "flag":
            return column if (self.operator == "=") == (self.values[0].plain == "true") else ~column
        test = {"float": float_test, "money": money_test}.get(kind, integer_test)
        return test(column, self.operator, [Decimal(value.plain) for value in self.values])


@dataclass(frozen=True, slots=True)
class Negation:
    """A condition that must not hold; unknown stays unknown."""

    part: Node

    def words(self) -> str:
        """Return the canonical text."""
        if isinstance(self.part, Comparison):
            return self.part.words(negated=True)
        return f"not ({self.part.words()})"

    def expression(self) -> nw.Expr:
        """Return the condition; null where it is unknown."""
        return ~self.part.expression()


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more conditions joined by one word."""

    word: Literal["and", "or"]
    parts: tuple[Node, ...]

    def words(self) -> str:
        """Return the canonical text."""
        texts = [
            f"({part.words()})" if isinstance(part, Group) and self.word == "and" else part.words()
            for part in self.parts
        ]
        return f" {self.word} ".join(texts)

    def expression(self) -> nw.Expr:
        """Return the condition; null where it is unknown."""
        join = operator.and_ if self.word == "and" else operator.or_
        return balanced([part.expression() for part in self.parts], join)


Node = Comparison | Negation | Group


def comparisons_of(node: Node) -> Iterator[Comparison]:
    """Yield the single conditions of a tree, from left to right."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Negation):
        yield from comparisons_of(node.part)
    else:
        for part in node.parts:
            yield from comparisons_of(part)


def quoted(text: str) -> str:
    """Return a text literal."""
    return "'" + text.replace("'", "''") + "'"
