"""Several names as one text, and back: those that could be misread stand in double quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clickcli.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


def quoted(names: pl.Series, sign: str) -> pl.Series:
    """Return names that can stand beside one another, apart by a sign.

    One that holds the sign or a quote, or begins or ends with a space, is quoted, a quote in it
    doubled.
    """
    import polars as pl

    name = pl.col("name")
    inside = pl.lit('"') + name.str.replace_all('"', '""', literal=True) + pl.lit('"')
    is_odd = name.str.contains_any([sign, '"']) | name.str.contains(r"^\s|\s$|^$")
    shown = pl.when(is_odd).then(inside).otherwise(name)
    return names.alias("name").to_frame().select(shown.alias("name")).to_series()


def parted(text: str, sign: str) -> list[str]:
    """Return the names of a text, each once, in the order in which they stand.

    Raises UsageError where there are none, or quotes that do not end.
    """
    name = re.compile(rf'\s*(?:"((?:[^"]|"")*+)"|([^"]*?))\s*(?:{re.escape(sign)}|\Z)')
    names: list[str] = []
    at = 0
    while at < len(text):
        found = name.match(text, at)
        if found is None or not (found[1] or found[2]):
            raise UsageError(
                f"names apart by {sign!r} cannot be read: {text!r}",
                hint="a name with a comma or a quote stands in double quotes",
            )
        names.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
    if not names:
        raise UsageError("no names were given")
    return list(dict.fromkeys(names))
