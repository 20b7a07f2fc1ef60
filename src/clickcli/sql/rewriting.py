"""Write a query so that Polars gives the values that a reader expects, and always the same.

Whole numbers are 64 bits wide (``extract`` gives 8, on which ``* 60`` would wrap around), a time
becomes the date of its zone, ``properties.x`` a column, and rows of equal rank have one order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from clickcli.errors import UsageError
from clickcli.filters import PropertyRef
from clickcli.sql.words import DIALECT, NARROW, TYPES

if TYPE_CHECKING:
    from sqlglot import exp

_PROPERTIES: Final = "properties"


def rewritten(
    tree: exp.Query, orders: Mapping[str, Sequence[str]], *, is_utc: bool
) -> tuple[PropertyRef, ...]:
    """Change a checked query in place; return the properties that it reads.

    ``orders`` are the columns that order the rows of each table, ``is_utc`` says that days begin
    at midnight in UTC.
    """
    _name_columns(tree)
    _call(tree)
    _order(tree, orders)
    properties = _take_properties(tree)
    _widen(tree)
    _cast(tree, is_utc=is_utc)
    return properties


def has_star(tree: exp.Query) -> bool:
    """Return whether a ``*`` gives columns of the answer."""
    return any(one.is_star for one in tree.selects)


def _call(tree: exp.Query) -> None:
    """Call functions by the names that Polars has for them."""
    from sqlglot import exp

    for like in list(tree.find_all(exp.RegexpLike)):
        _replace(like, "regexp_like", like.this, like.expression)
    for log in list(tree.find_all(exp.Log)):
        value = log.expression or log.this
        base = log.this if log.expression else _number(10)
        if base.name in ("2", "10"):
            _replace(log, f"log{base.name}", value)
        else:
            ratio = exp.Div(this=exp.Ln(this=value), expression=exp.Ln(this=base))
            log.replace(exp.Paren(this=ratio))
    for power in list(tree.find_all(exp.Pow)):
        power.set("this", _as(power.this, "DOUBLE"))  # of whole numbers it would be of 32 bits


def _replace(node: exp.Expr, name: str, *arguments: exp.Expr) -> None:
    from sqlglot import exp

    node.replace(exp.Anonymous(this=name, expressions=list(arguments)))


def _name_columns(tree: exp.Query) -> None:
    """Name each computed column by its own words, so that ``count(*)`` is called that."""
    from sqlglot import exp

    for select in tree.find_all(exp.Select):
        named = []
        for one in select.expressions:
            is_named = isinstance(one, exp.Alias | exp.Star) or one.is_star
            if not is_named and not (isinstance(one, exp.Column) and _path(one) is None):
                words = one.sql(DIALECT, comments=False, normalize_functions="lower")
                one = exp.alias_(one, words, quoted=True)  # noqa: PLW2901 - the same one, named
            named.append(one)
        select.set("expressions", named)
        names = [one.output_name for one in named if not one.is_star]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(f"two columns are called {twice!r}", hint="name one of them with AS")


def _path(node: exp.Expr) -> tuple[str | None, tuple[str, ...]] | None:
    """Return the table's name and the keys of ``properties.x`` or ``e.properties.x.y``, or None."""
    from sqlglot import exp

    names = [part.name for part in node.parts] if isinstance(node, exp.Column | exp.Dot) else []
    if _PROPERTIES not in names[:2] or names[-1] == "":
        return None
    at = names.index(_PROPERTIES)
    keys = tuple(names[at + 1 :])
    return (names[0] if at else None, keys) if keys and "*" not in keys else None


def _take_properties(tree: exp.Query) -> tuple[PropertyRef, ...]:
    """Replace each property by a column of that value, which ``*`` leaves out."""
    from sqlglot import exp

    found: dict[str, PropertyRef] = {}
    for node in [*tree.find_all(exp.Dot), *tree.find_all(exp.Column)]:
        if (place := _path(node)) is None or isinstance(node.parent, exp.Dot):
            continue
        table, keys = place
        ref = PropertyRef.of(keys, "text")
        found[ref.column] = ref
        node.replace(exp.column(ref.column, table=table, quoted=True))
    hidden = [exp.column(name, quoted=True) for name in found]
    for star in list(tree.find_all(exp.Star)):
        is_counted = isinstance(star.parent, exp.Count)
        if hidden and not is_counted and _reads_events(star):
            star.set("except_", [*(star.args.get("except_") or []), *hidden])
    return tuple(found.values())


def _reads_events(star: exp.Star) -> bool:
    """Return whether a ``*`` stands for columns of the table ``events`` itself."""
    from sqlglot import exp

    select = star.find_ancestor(exp.Select)
    if select is None:
        return False
    sources = [select.args.get("from_"), *(select.args.get("joins") or [])]
    tables = [source.this for source in sources if source is not None]
    column = star.parent
    of = column.table if isinstance(column, exp.Column) else ""
    return any(
        isinstance(table, exp.Table) and table.name == "events" and of in ("", table.alias_or_name)
        for table in tables
    )


def _widen(tree: exp.Query) -> None:
    """Make whole numbers 64 bits wide where Polars would count in fewer."""
    from sqlglot import exp

    for node in list(tree.find_all(exp.Func)):
        if type(node).__name__ not in NARROW:
            continue
        top: exp.Expr = node
        while isinstance(top.parent, exp.Window | exp.Filter) and top.arg_key == "this":
            top = top.parent
        product = exp.Mul(this=_wide(_number(1)))
        top.replace(exp.Paren(this=product))
        product.set("expression", top)
    for literal in list(tree.find_all(exp.Literal)):
        if literal.is_int and isinstance(literal.parent, exp.If | exp.Case | exp.Alias):
            literal.replace(_wide(literal.copy()))


def _wide(number: exp.Expr) -> exp.Expr:
    return _as(number, "BIGINT")


def _as(value: exp.Expr, to: str) -> exp.Expr:
    from sqlglot import exp

    return exp.Cast(this=value, to=exp.DataType.build(to))


def _number(number: int) -> exp.Expr:
    from sqlglot import exp

    return exp.Literal.number(number)


def _cast(tree: exp.Query, *, is_utc: bool) -> None:
    """Write casts with the types that there are, and so that a time gives the date of its zone."""
    from sqlglot import exp

    for call in list(tree.find_all(exp.Date)):
        cast = _as(exp.Null(), "DATE")
        call.replace(cast)
        cast.set("this", call.this)
    for cast in list(tree.find_all(exp.Cast)):
        to = TYPES[cast.to.this.name]
        is_text = isinstance(cast.this, exp.Literal) and cast.this.is_string
        if is_text and to in ("DATE", "TIMESTAMP") and _is_compared(cast):
            cast.replace(cast.this)  # compared as a time of the zone
            continue
        cast.set("to", exp.DataType.build(to))
        if to == "DATE" and not is_text and not is_utc:
            cast.set("this", exp.Left(this=_as(cast.this, "TEXT"), expression=_number(10)))


def _is_compared(node: exp.Expr) -> bool:
    from sqlglot import exp

    compares = exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Between
    return isinstance(node.parent, compares)


def _order(tree: exp.Query, orders: Mapping[str, Sequence[str]]) -> None:
    """Let the columns decide, left to right, where nothing else orders the rows of the answer.

    ``select * from`` a table of ours gives its rows in their own order.
    """
    from sqlglot import exp

    for select in tree.find_all(exp.Select):
        if _is_one_row(select):
            select.set("order", None)  # with an order, Polars repeats some values on every row
    if _is_one_row(tree):
        return
    more: list[exp.Expr] = [_number(at) for at, _ in enumerate(tree.selects, 1)]
    if has_star(tree):
        table = _only_table(tree)
        more = [] if table is None else [exp.column(name) for name in orders.get(table.name, ())]
    if not more:
        return
    order = tree.args.get("order") or exp.Order(expressions=[])
    ordered = [exp.Ordered(this=column) for column in more]
    tree.set("order", exp.Order(expressions=[*order.expressions, *ordered]))


def _is_one_row(tree: exp.Query) -> bool:
    """Return whether a query sums up all of its rows in one."""
    from sqlglot import exp

    if not isinstance(tree, exp.Select) or tree.args.get("group"):
        return False
    found = (call for one in tree.selects for call in one.find_all(exp.AggFunc))
    return any(call.find_ancestor(exp.Window, exp.Select) is tree for call in found)


def _only_table(tree: exp.Query) -> exp.Table | None:
    """Return the table of ``select * from TABLE``, which has all its columns; else None."""
    from sqlglot import exp

    if not isinstance(tree, exp.Select) or tree.args.get("joins") or len(tree.selects) > 1:
        return None
    star, source = tree.selects[0], tree.args.get("from_")
    is_whole = isinstance(star, exp.Star) and not any(star.args.values())
    table = None if source is None else source.this
    return table if is_whole and isinstance(table, exp.Table) else None
