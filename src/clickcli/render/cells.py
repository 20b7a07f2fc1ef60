"""How a cell looks to a person: its column's kind alone decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from typing import Any, Final

from clickcli.analysis import Column, ColumnKind
from clickcli.render.text import visible
from clickcli.render.values import moment

NULL: Final = "–"
THIN: Final = "\u202f"
"""Narrow no-break space between groups of three digits."""

_NUMBERS: Final = frozenset({"count", "share", "ratio", "money", "duration_s", "score", "measure"})


def is_number(column: Column) -> bool:
    """Return whether the column stands to the right."""
    if column.kind == "key":
        return column.dtype in ("int64", "int32", "float64")
    return column.kind in _NUMBERS


def _text(value: Any) -> str:
    return visible(str(value))


def _count(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return grouped(value, 1)
    return grouped(int(value), 0)


def grouped(value: float, decimals: int) -> str:
    """Return a number with thin groups of three digits."""
    return f"{value:,.{decimals}f}".replace(",", THIN)


def _share(value: Any) -> str:
    return f"{value * 100:.1f} %"


def _ratio(value: Any) -> str:
    return grouped(value, 2)


def _money(value: Any) -> str:
    return grouped(value, 2)


def _score(value: Any) -> str:
    return f"{value:.3f}"


def duration(seconds: float) -> str:
    """Return seconds the short way: ``0.4s``, ``12s``, ``1m 05s``, ``2h 03m``, ``3d 04h``."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 10 and seconds != int(seconds):
        return f"{sign}{seconds:.1f}s" if seconds >= 0.1 else f"{sign}{seconds:.3f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{sign}{whole}s"
    if whole < 3600:
        return f"{sign}{whole // 60}m {whole % 60:02d}s"
    minutes = round(seconds / 60)
    if minutes < 1440:
        return f"{sign}{minutes // 60}h {minutes % 60:02d}m"
    hours = round(seconds / 3600)
    return f"{sign}{hours // 24}d {hours % 24:02d}h"


def _flag(value: Any) -> str:
    return "✓" if value else "✗"


_BY_KIND: Final[dict[ColumnKind, Callable[[Any], str]]] = {
    "key": _text,
    "text": _text,
    "count": _count,
    "share": _share,
    "ratio": _ratio,
    "money": _money,
    "duration_s": duration,
    "score": _score,
    "flag": _flag,
    "measure": _score,
}


def cells_of(
    column: Column, names: Sequence[str], rows: Sequence[Sequence[Any]], tz: tzinfo
) -> list[str]:
    """Return the cells of one column of a table whose columns have these names."""
    at = names.index(column.name)
    if column.kind != "measure":
        show = formatter(column, tz)
        return [show(row[at]) for row in rows]
    kinds = [row[names.index("kind")] for row in rows]
    shows = {kind: formatter(replace(column, kind=kind), tz) for kind in set(kinds)}
    return [shows[kind](row[at]) for kind, row in zip(kinds, rows, strict=True)]


def formatter(column: Column, tz: tzinfo) -> Callable[[Any], str]:
    """Return the function that shows a column's cells; null is ``–``."""

    def timestamp(value: Any) -> str:
        if isinstance(value, str) or (isinstance(value, date) and not isinstance(value, datetime)):
            return _text(value)
        return moment(value, tz).strftime("%Y-%m-%d %H:%M:%S")

    show = timestamp if column.kind == "timestamp" else _BY_KIND[column.kind]
    if column.dtype == "bool":
        show = _flag

    def cell(value: Any) -> str:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return NULL
        if isinstance(value, str) and column.kind not in ("key", "text"):
            return visible(value)
        return show(value)

    return cell
