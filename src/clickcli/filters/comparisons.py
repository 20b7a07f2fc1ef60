"""Compare a column with literals, the same way on every engine; null compares as null.

Numbers are compared exactly: integers with integers only, money in minor units, floats as
floats. Text is compared by code points.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from clickcli.currencies import DEFAULT_EXPONENT, EXPONENTS
from clickcli.errors import UsageError

if TYPE_CHECKING:
    import narwhals as nw

COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)
_FLOAT_MAX: Final = 1.7976931348623157e308
_EXACT: Final = Context(prec=400)
_MAX_PATTERN: Final = 1000

T = TypeVar("T")


def balanced(parts: Sequence[T], join: Callable[[T, T], T]) -> T:
    """Join one or more parts by a tree of least depth: engines walk expressions recursively."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return join(balanced(parts[:half], join), balanced(parts[half:], join))


def text_test(
    column: nw.Expr, word: str, texts: Sequence[str], escape: str | None = None
) -> nw.Expr:
    """Compare texts by code points; ``ilike`` alone ignores case."""
    first = texts[0]
    if word in COMPARE:
        result: nw.Expr = COMPARE[word](column, first)
        return result
    if word == "in":
        return column.is_in(list(texts))
    if word == "between":
        return (column >= first) & (column <= texts[1])
    if word in ("like", "ilike"):
        return _like(column, like_pieces(first, escape), fold=word == "ilike")
    return _part_of(column, word, first)


def _part_of(column: nw.Expr, word: str, text: str) -> nw.Expr:
    if word == "contains":
        return column.str.contains(text, literal=True)
    return column.str.starts_with(text) if word == "starts_with" else column.str.ends_with(text)


def like_pieces(pattern: str, escape: str | None) -> list[str]:
    """Part a LIKE pattern into ``%``, ``_`` and literal pieces, these with ``=`` before them.

    Raises UsageError when the pattern ends in its escape character or is too long.
    """
    if len(pattern) > _MAX_PATTERN:
        raise UsageError(f"a like pattern has at most {_MAX_PATTERN} characters")
    pieces: list[str] = []
    is_escaped = False
    for character in pattern:
        if character == escape and not is_escaped:
            is_escaped = True
            continue
        if character in "%_" and not is_escaped:
            pieces.append(character)
        elif pieces and pieces[-1].startswith("="):
            pieces[-1] += character
        else:
            pieces.append("=" + character)
        is_escaped = False
    if is_escaped:
        raise UsageError(f"the like pattern {pattern!r} ends in its escape character")
    return pieces


def _like(column: nw.Expr, pieces: Sequence[str], *, fold: bool) -> nw.Expr:
    shape = tuple(piece[0] for piece in pieces)
    simple = {("=", "%"): "starts_with", ("%", "="): "ends_with", ("%", "=", "%"): "contains"}
    if not fold and not pieces:
        return column == ""
    if not fold and shape == ("=",):
        return column == pieces[0][1:]
    if not fold and shape in simple:
        return _part_of(column, simple[shape], pieces[shape.index("=")][1:])
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(piece) or _escaped(piece[1:]) for piece in pieces)
    return column.str.contains(f"(?{'isu' if fold else 's'})\\A{body}\\z")


def _escaped(text: str) -> str:
    """Escape what is special in the patterns of Rust and of Java."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", text)


def float_test(column: nw.Expr, word: str, numbers: Sequence[Decimal]) -> nw.Expr:
    """Compare floats; NaN and infinity are no numbers."""
    import narwhals as nw

    floats = [float(number) for number in numbers]
    finite = nw.when(column.is_between(-_FLOAT_MAX, _FLOAT_MAX)).then(column)
    if word == "in":
        return finite.is_in(floats)
    if word == "between":
        return (finite >= floats[0]) & (finite <= floats[1])
    result: nw.Expr = COMPARE[word](finite, floats[0])
    return result


def money_test(column: nw.Expr, word: str, numbers: Sequence[Decimal]) -> nw.Expr:
    """Compare minor units with major ones, by the decimals of each row's currency."""
    import narwhals as nw

    def scaled(exponent: int) -> nw.Expr:
        return integer_test(column, word, [n.scaleb(exponent, _EXACT) for n in numbers])

    result = scaled(DEFAULT_EXPONENT)
    for exponent in sorted(set(EXPONENTS.values())):
        codes = [code for code, own in EXPONENTS.items() if own == exponent]
        is_such = nw.col("currency").is_in(codes)
        result = nw.when(is_such).then(scaled(exponent)).otherwise(result)
    return result


def integer_test(column: nw.Expr, word: str, numbers: Sequence[Decimal]) -> nw.Expr:
    """Compare integers with any numbers exactly, by integer comparisons alone."""
    if word == "between":
        low = integer_test(column, ">=", numbers[:1])
        return low & integer_test(column, "<=", numbers[1:])
    if word in ("=", "!=", "in"):
        whole = [int(n) for n in numbers if _INT64_MIN <= n <= _INT64_MAX and n == _whole(n, "<=")]
        if not whole:
            return column <= _INT64_MAX if word == "!=" else column > _INT64_MAX
        return ~column.is_in(whole) if word == "!=" else column.is_in(whole)
    bound = _whole(numbers[0], word)
    if bound > _INT64_MAX:
        return column <= _INT64_MAX if word in ("<", "<=") else column > _INT64_MAX
    if bound < _INT64_MIN:
        return column < _INT64_MIN if word in ("<", "<=") else column >= _INT64_MIN
    result: nw.Expr = COMPARE[word](column, int(bound))
    return result


def _whole(number: Decimal, word: str) -> Decimal:
    """Return the integer that gives the same answer under ``word`` for every integer."""
    rounding = ROUND_FLOOR if word in ("<=", ">") else ROUND_CEILING
    return number.to_integral_value(rounding)
