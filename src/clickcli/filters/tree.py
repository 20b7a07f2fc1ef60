"""Turn the tokens of a filter into a typed tree.

sqlglot is given the tokens with names and texts replaced by numbers, so that only operators,
parentheses and numbers of the language reach it; of the tree it returns only the kinds of node
listed here are taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NoReturn
from zoneinfo import ZoneInfo

from clickcli.errors import UsageError
from clickcli.filters.comparisons import like_pieces
from clickcli.filters.predicates import Comparison, Group, Negation, Node, quoted
from clickcli.filters.tokens import EXAMPLE, Token, refused
from clickcli.filters.values import Given, column_test, property_test

if TYPE_CHECKING:
    from sqlglot import exp

_OPERATORS: Final = {"EQ": "=", "NEQ": "!=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_FUNCTIONS: Final = {"Contains": "contains", "StartsWith": "starts_with", "EndsWith": "ends_with"}
_LIKES: Final = {"Like": "like", "ILike": "ilike"}
_PAIR: Final = frozenset({"this", "expression"})
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys((*_OPERATORS, *_FUNCTIONS, "And", "Or", "Is", "Escape"), _PAIR),
    **dict.fromkeys(_LIKES, _PAIR | {"negate"}),
    **dict.fromkeys(("Paren", "Not", "Neg", "Column", "Boolean"), frozenset({"this"})),
    "In": frozenset({"this", "expressions"}),
    "Between": frozenset({"this", "low", "high"}),
    "Literal": frozenset({"this", "is_string"}),
    "Null": frozenset(),
}
"""The kinds of node that are taken, and which of their parts may be there."""


def tree_of(tokens: Sequence[Token], tz: ZoneInfo) -> Node:
    """Return the tree of a filter; UsageError where the tokens make no sentence."""
    return _Reader(tuple(tokens), tz).node(_parsed(tokens))


def _masked(tokens: Sequence[Token]) -> list[str]:
    """Return the words that sqlglot sees; numbers in them are positions in ``tokens``."""
    shapes = {"name": "c{}", "path": "c{}", "text": "'{}'", "number": "{}"}
    return [
        shapes.get(token.kind, token.text).format(number) for number, token in enumerate(tokens)
    ]


def _parsed(tokens: Sequence[Token]) -> exp.Expr:
    from sqlglot import ParseError, parse_one

    words = _masked(tokens)
    try:
        return parse_one(" ".join(words))
    except RecursionError:
        raise UsageError("the filter is nested too deeply") from None
    except ParseError as error:
        ends, length = [], 0
        for word in words:
            ends.append(length)
            length += len(word) + 1
        column = int(error.errors[0].get("col") or 1) if error.errors else 1
        token = tokens[max(0, bisect_right(ends, column - 1) - 1)]
        raise UsageError(
            f"the filter cannot be read near {token.source!r} (character {token.start + 1})",
            hint=f"example: {EXAMPLE}",
        ) from None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads trees of sqlglot; UsageError at the first node that is not in the language."""

    tokens: tuple[Token, ...]
    tz: ZoneInfo

    def node(self, tree: exp.Expr) -> Node:
        """Return the condition that a tree stands for."""
        name = self._known(tree)
        if name not in _READERS:
            self._refuse(tree)
        return _READERS[name](self, tree)

    def paren(self, tree: exp.Expr) -> Node:
        """Read parentheses around a condition."""
        return self.node(tree.this)

    def negation(self, tree: exp.Expr) -> Node:
        """Read ``not``."""
        return Negation(self.node(tree.this))

    def group(self, tree: exp.Expr) -> Node:
        """Read the parts joined by one word, in order; long chains need no recursion."""
        name = type(tree).__name__
        parts: list[Node] = []
        waiting = [tree]
        while waiting:
            part = _bare(waiting.pop())
            if type(part).__name__ == name:
                self._known(part)
                waiting += [part.expression, part.this]
            else:
                parts.append(self.node(part))
        return Group("and" if name == "And" else "or", tuple(parts))

    def comparison(self, tree: exp.Expr) -> Node:
        """Read ``COLUMN < VALUE``, or the value first."""
        word = _OPERATORS[type(tree).__name__]
        left, right = _bare(tree.this), _bare(tree.expression)
        if type(right).__name__ != "Column":
            return self._test(left, word, [right])
        if type(left).__name__ == "Column":
            raise UsageError(
                f"{self._column(left).source} is compared with {self._column(right).source}; "
                "a column is compared with a value",
                hint="texts stand in single quotes: country = 'DE'",
            )
        return self._test(right, _MIRRORED[word], [left])

    def membership(self, tree: exp.Expr) -> Node:
        """Read ``COLUMN in (VALUE, …)``."""
        if not tree.expressions:
            raise UsageError("in takes one value or more", hint="country in ('DE', 'AT')")
        return self._test(tree.this, "in", tree.expressions)

    def between(self, tree: exp.Expr) -> Node:
        """Read ``COLUMN between VALUE and VALUE``."""
        return self._test(tree.this, "between", [tree.args["low"], tree.args["high"]])

    def null(self, tree: exp.Expr) -> Node:
        """Read ``COLUMN is null``."""
        if type(tree.expression).__name__ != "Null":
            raise UsageError(
                f"after is stands null or not null ({self._column(tree.this).source} is …)",
                hint="compare with = otherwise: properties.is_new = true",
            )
        return self._test(tree.this, "is null", [])

    def function(self, tree: exp.Expr) -> Node:
        """Read ``contains(COLUMN, 'TEXT')`` and the like."""
        return self._test(tree.this, _FUNCTIONS[type(tree).__name__], [tree.expression])

    def like(self, tree: exp.Expr) -> Node:
        """Read ``COLUMN like 'TEXT'``, with or without an escape character."""
        escape = None
        if type(tree).__name__ == "Escape":
            given = self._given(tree.expression)
            escape, tree = str(given.plain), tree.this
            if given.kind != "text" or len(escape) != 1 or type(tree).__name__ not in _LIKES:
                raise UsageError(
                    f"escape takes one character, was {given.text}", hint="like '10!%' escape '!'"
                )
        test = self._test(tree.this, _LIKES[self._known(tree)], [tree.expression], escape)
        like_pieces(str(test.values[0].plain), escape)
        return Negation(test) if tree.args.get("negate") else test

    def _test(
        self, column: exp.Expr, word: str, values: Sequence[exp.Expr], escape: str | None = None
    ) -> Comparison:
        token = self._column(_bare(column))
        given = [self._given(_bare(value)) for value in values]
        typed = property_test if token.kind == "path" else column_test
        return typed(token.text, word, given, escape, self.tz)

    def _column(self, tree: exp.Expr) -> Token:
        name = type(tree).__name__
        if name in ("Literal", "Neg", "Boolean"):
            raise UsageError(
                f"{self._given(tree).text} stands where a column must be",
                hint=f"example: {EXAMPLE}",
            )
        place = _place(tree.this) if self._known(tree) == "Column" else None
        if place is None:
            self._refuse(tree)
        return self.tokens[place]

    def _given(self, tree: exp.Expr) -> Given:
        name = self._known(tree)
        if name == "Literal":
            token = self.tokens[int(tree.this)]
            if token.kind == "text":
                return Given("text", quoted(token.text), token.text)
            return Given("number", token.text, token.number)
        if name == "Boolean":
            word = "true" if tree.this else "false"
            return Given("boolean", word, word)
        if name == "Null":
            raise UsageError(
                "null cannot be compared", hint="write COLUMN is null or COLUMN is not null"
            )
        given = self._given(tree.this) if name == "Neg" else None
        if given is None or not isinstance(given.plain, Decimal) or given.text.startswith("-"):
            self._refuse(tree)
        return Given("number", f"-{given.text}", -given.plain)

    def _known(self, tree: exp.Expr) -> str:
        name = type(tree).__name__
        present = {key for key, value in tree.args.items() if value not in (None, False, [])}
        if name not in _ALLOWED or not present <= _ALLOWED[name]:
            self._refuse(tree)
        return name

    def _refuse(self, tree: exp.Expr) -> NoReturn:
        places = [place for part in tree.walk() if (place := _place(part)) is not None]
        if not places:
            raise UsageError(
                "the filter must compare columns with values", hint=f"example: {EXAMPLE}"
            )
        first = self.tokens[min(places)]
        part = " ".join(token.source for token in self.tokens[min(places) : max(places) + 1])
        if type(tree).__name__ == "Column":
            raise UsageError(
                f"{part} stands alone at character {first.start + 1}, not compared with a value",
                hint=f"examples: {part} = 'x', {part} is not null",
            )
        raise refused(part, first.start)


_READERS: Final[Mapping[str, Callable[[_Reader, exp.Expr], Node]]] = {
    **dict.fromkeys(_OPERATORS, _Reader.comparison),
    **dict.fromkeys(_FUNCTIONS, _Reader.function),
    **dict.fromkeys((*_LIKES, "Escape"), _Reader.like),
    **dict.fromkeys(("And", "Or"), _Reader.group),
    "Paren": _Reader.paren,
    "Not": _Reader.negation,
    "In": _Reader.membership,
    "Between": _Reader.between,
    "Is": _Reader.null,
}


def _bare(tree: exp.Expr) -> exp.Expr:
    """Return what stands inside parentheses."""
    while type(tree).__name__ == "Paren":
        tree = tree.this
    return tree


def _place(part: exp.Expr) -> int | None:
    """Return the position in ``tokens`` of a name or literal; None for a keyword."""
    name = type(part).__name__
    if name == "Literal":
        return int(part.this)
    is_name = name == "Identifier" and part.this[1:].isdecimal()
    return int(part.this[1:]) if is_name else None
