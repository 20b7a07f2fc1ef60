"""Read one SELECT, refuse whatever else SQL can do, and write it anew for Polars.

Polars is never given the text of the user: what it runs is written from the parsed query, in
which every part is one of those listed here and every table one of ours. It knows no file, no
table function, no second statement. How it is written is in ``rewriting``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.errors import UsageError, unknown
from clickcli.filters import PropertyRef
from clickcli.sql.rewriting import has_star, rewritten
from clickcli.sql.words import DIALECT, EXAMPLE, FUNCTIONS, STRUCTURE, TYPES

if TYPE_CHECKING:
    from sqlglot import exp

MOST_CHARACTERS: Final = 100_000
MOST_LEVELS: Final = 400
"""Polars takes seconds for a sum of so many terms, and eight times as long for twice as many."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a column of the answer is: values of a column of ours, or a number of rows."""

    source: str | None = None
    is_count: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A query that may run: as it was given and as Polars is given it.

    ``tables`` are ours that it reads, ``properties`` what it reads inside ``properties``.
    ``looks`` has one entry a column of the answer, none where a ``*`` gives the columns.
    """

    text: str
    sql: str
    tables: tuple[str, ...]
    properties: tuple[PropertyRef, ...]
    looks: tuple[Look, ...]


def parsed(text: str, orders: Mapping[str, Sequence[str]], *, is_utc: bool = True) -> Statement:
    """Return the query of a text; UsageError for what is no single SELECT over our tables.

    ``orders`` names the tables, and the columns that order their rows. ``is_utc`` says that days
    begin at midnight in UTC.
    """
    try:
        return _statement(text, orders, is_utc=is_utc)
    except RecursionError:
        raise UsageError("the query is nested too deeply") from None


def _statement(text: str, orders: Mapping[str, Sequence[str]], *, is_utc: bool) -> Statement:
    from sqlglot import exp

    from clickcli.sql.dialect import Polars

    tree = _tree(text)
    _check(tree, tuple(orders))
    used = tuple(dict.fromkeys(t.name for t in tree.find_all(exp.Table) if t.name in orders))
    looks = () if has_star(tree) else tuple(map(_look, tree.selects))
    properties = rewritten(tree, orders, is_utc=is_utc)
    sql = tree.sql(dialect=Polars, comments=False)
    return Statement(text.strip(), sql, used, properties, looks)


def _tree(text: str) -> exp.Query:
    """Return the parsed text, which holds one SELECT or several combined."""
    from sqlglot import exp, parse
    from sqlglot.errors import ParseError, TokenError

    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"a query has at most {MOST_CHARACTERS:,} characters, was {len(text):,}")
    if not text.strip():
        raise UsageError("the query is empty", hint=f"example: {EXAMPLE}")
    _check_start(text)
    try:
        found = [tree for tree in parse(text, read=DIALECT) if tree is not None]
    except ParseError as error:
        raise _unreadable(error) from None
    except TokenError:
        raise UsageError("the query is not SQL: a quote or a comment is not closed") from None
    if not found:
        raise UsageError("the query is empty", hint=f"example: {EXAMPLE}")
    if len(found) > 1:
        raise UsageError(f"sql takes one query, was given {len(found)}")
    if not isinstance(found[0], exp.Select | exp.SetOperation):
        raise _not_a_select(text)
    return found[0]


def _check_start(text: str) -> None:
    """Refuse other statements by their first word, before a parser warns about them."""
    from sqlglot import tokenize
    from sqlglot.errors import TokenError

    try:
        words = [token.text for token in tokenize(text, read=DIALECT)]
    except TokenError:
        return  # the parser tells
    start = next((word for word in words if word not in ("(", ";")), "")
    if ";" in words[:-1] and set(words[words.index(";") :]) != {";"}:
        raise UsageError("sql takes one query, was given several", hint="run them one by one")
    if start and start.lower() not in ("select", "with", "from"):
        raise _not_a_select(start)


def _not_a_select(text: str) -> UsageError:
    word = text.split(maxsplit=1)[0][:40]
    return UsageError(
        f"sql reads: a query must begin with SELECT or WITH, was {word!r}",
        hint=f"example: {EXAMPLE}",
    )


def _unreadable(error: Exception) -> UsageError:
    details = getattr(error, "errors", None) or [{}]
    line, end, near = (details[0].get(name) for name in ("line", "col", "highlight"))
    if line is None or end is None:
        return UsageError("the query is not SQL", hint=f"example: {EXAMPLE}")
    place = f"line {line}, character {max(1, end - len(near or '') + 1)}"
    words = f" near {near!r}" if near else ""
    return UsageError(f"the query is not SQL{words} ({place})", hint=f"example: {EXAMPLE}")


def _check(tree: exp.Query, tables: Sequence[str]) -> None:
    """Raise UsageError for a part that is not listed, and for a table that is not ours."""
    from sqlglot import exp

    _check_levels(tree)
    given = [cte.alias for cte in tree.find_all(exp.CTE)]
    if taken := set(given) & set(tables):
        raise UsageError(f"WITH gives the name of a table: {min(taken)!r}", hint="choose another")
    for node in tree.walk():
        name = type(node).__name__
        if name not in STRUCTURE and name not in FUNCTIONS:
            raise _unknown_part(node)
        if isinstance(node, exp.Table):
            _check_table(node, [*tables, *given])
        elif isinstance(node, exp.With) and node.recursive:
            raise UsageError("sql knows no WITH RECURSIVE")
        elif isinstance(node, exp.Distinct) and node.args.get("on"):
            raise UsageError(
                "sql knows no DISTINCT ON",
                hint="QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1",
            )
        elif isinstance(node, exp.DataType) and node.this.name not in TYPES:
            raise unknown("type", node.sql(DIALECT).lower(), map(str.lower, TYPES))


def _check_levels(tree: exp.Query) -> None:
    """Raise UsageError where parts stand in parts too many times; each term of a chain does."""
    level: list[exp.Expr] = [tree]
    for _ in range(MOST_LEVELS):
        level = [part for node in level for part in node.iter_expressions()]
    if level:
        raise UsageError(
            f"the query is nested too deeply: more than {MOST_LEVELS} levels",
            hint="each term of a chain of + or OR is one: IN (…) takes many values at once",
        )


def _check_table(table: exp.Table, known: Sequence[str]) -> None:
    from sqlglot import exp

    more = {name for name, value in table.args.items() if value} - {"this", "alias", "joins"}
    if not isinstance(table.this, exp.Identifier) or more or table.name not in known:
        raise unknown("table", table.sql(DIALECT, comments=False), known)


def _unknown_part(node: exp.Expr) -> UsageError:
    from sqlglot import exp

    if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
        return UsageError("sql knows no -> and ->>", hint="write properties.plan")
    if isinstance(node, exp.CurrentDate | exp.CurrentTimestamp) or node.name.lower() == "now":
        return UsageError(
            "sql does not look at the clock: the same question has the same answer",
            hint="(select max(ts) from events), or --last 7d",
        )
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        return unknown("function", name.lower(), FUNCTIONS.values())
    words = "".join(" " + c if c.isupper() else c for c in type(node).__name__).strip()
    return UsageError(f"sql reads tables with SELECT; it knows no {words.upper()}")


def _look(projection: exp.Expr) -> Look:
    """Return what a column of the answer shows, as far as its expression tells."""
    from sqlglot import exp

    node = projection.unalias()
    while isinstance(node, exp.Window | exp.Filter | exp.Paren | exp.Round):
        node = node.this
    if isinstance(node, exp.Column):
        return Look(node.name)
    if isinstance(node, exp.Count):
        return Look(is_count=True)
    of_values = (
        exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.PercentileCont, exp.PercentileDisc,
        exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.Coalesce,
    )  # fmt: skip
    if isinstance(node, of_values):
        return Look(_look(node.this).source, isinstance(node, exp.Sum))
    return Look()


def names_of(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield each column made of a property, and how the property is written."""
    for ref in statement.properties:
        yield ref.column, ref.text
