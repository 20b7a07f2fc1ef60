"""Check the values of a filter against the types of what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

from clickcli.errors import UsageError
from clickcli.filters.predicates import TEXT_OPERATORS, Comparison, PropertyRef, Value, kind_of
from clickcli.filters.tokens import path_of
from clickcli.units import instant

_EXAMPLES: Final = {"integer": "10", "money": "9.99", "float": "4.5", "time": "'2024-03-01'"}


@dataclass(frozen=True, slots=True)
class Given:
    """A literal as given, before its type is checked against the column's."""

    kind: Literal["text", "number", "boolean"]
    text: str
    plain: str | Decimal


def property_test(
    name: str, word: str, given: Sequence[Given], escape: str | None, _tz: ZoneInfo
) -> Comparison:
    """Return the condition on a property, as number where it is compared with numbers.

    Raises UsageError where numbers and texts are mixed.
    """
    path = path_of(name)
    assert path is not None
    numbers = [value.kind == "number" for value in given]
    if any(numbers) and not all(numbers):
        raise UsageError(
            f"{name} is compared with numbers and texts at once",
            hint="compare with numbers only, or with texts only",
        )
    if any(numbers) and word in TEXT_OPERATORS:
        raise UsageError(
            f"{word} takes a text, was {given[0].text}",
            hint=f"write it in single quotes: '{given[0].text}'",
        )
    target = PropertyRef.of(path, "number" if any(numbers) else "text")
    values = tuple(Value(value.text, value.plain) for value in given)
    return Comparison(target, word, values, escape)


def column_test(
    name: str, word: str, given: Sequence[Given], escape: str | None, tz: ZoneInfo
) -> Comparison:
    """Return the condition on an event column.

    Raises UsageError where a value is of another type than the column.
    """
    return Comparison(name, word, tuple(_typed(name, word, given, tz)), escape)


def _typed(column: str, word: str, given: Sequence[Given], tz: ZoneInfo) -> Iterator[Value]:
    """Yield the values in the column's type; UsageError where one is of another."""
    kind = kind_of(column)
    for value in given:
        if kind == "flag":
            if value.kind != "boolean" or word not in ("=", "!="):
                raise UsageError(
                    f"{column} is true or false, was compared by {word} with {value.text}",
                    hint=f"write {column} = true or {column} = false",
                )
            yield Value(value.text, value.plain)
        elif kind == "text":
            if value.kind != "text":
                raise UsageError(
                    f"{column} is text, was compared with {value.text}",
                    hint=f"write {column} = '{value.text}'",
                )
            yield Value(value.text, value.plain)
        elif word in TEXT_OPERATORS:
            raise UsageError(
                f"{word} is for text; {column} is a {'time' if kind == 'time' else 'number'}",
                hint=f"write {column} >= {_EXAMPLES[kind]}",
            )
        elif kind == "time":
            if value.kind != "text":
                raise UsageError(
                    f"{column} is a time, was compared with {value.text}",
                    hint=f"write a date or time in single quotes: {column} >= '2024-03-01'",
                )
            yield Value(value.text, Decimal(instant(str(value.plain), tz)))
        else:
            if value.kind != "number":
                raise UsageError(
                    f"{column} is a number, was compared with {value.text}",
                    hint=f"write a number without quotes: {column} = {_EXAMPLES[kind]}",
                )
            yield Value(value.text, value.plain)
