"""Say in words what an answer stands on: definition, receipt, columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from clickcli.cli.help import section
from clickcli.cli.output import General
from clickcli.cli.terminal import Paint, paint_errors
from clickcli.render.cells import grouped
from clickcli.render.text import visible

if TYPE_CHECKING:
    from clickcli.run import Result


def explain(result: Result, general: General) -> None:
    """Print the definition, the receipt and the columns to stderr."""
    paint = paint_errors(general.color)
    lines = ["", *result.definition.replace("``", "").splitlines(), ""]
    lines += section("This answer", list(_receipt(result.meta)), paint)
    for schema in result.schemas:
        rows = [(column.name, column.help) for column in schema.columns]
        lines += _named(f"Columns of {schema.name}", rows, paint)
    print("\n".join(lines).rstrip(), file=sys.stderr)


def _named(title: str, rows: list[tuple[str, str]], paint: Paint) -> list[str]:
    return section(title, [(visible(name), visible(text)) for name, text in rows], paint)


def _receipt(meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the receipt as names and sentences."""
    for name, value in meta.items():
        if value is None or value in ([], {}):
            continue
        yield name.replace("_", " "), visible(_words(name, value))


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | dict | list):
        return str(value)
    if isinstance(value, int):
        return grouped(value, 0) if name.endswith("_read") else str(value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if name == "period":
        start, end = value.get("from"), value.get("to")
        if start is None and end is None:
            return "everything up to as of"
        return f"from {start or 'the first event'} to before {end or 'as of'}"
    given = {key: part for key, part in value.items() if part is not None and part != []}
    return "; ".join(f"{key.strip('_').replace('_', ' ')}: {_part(p)}" for key, p in given.items())


def _part(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return grouped(value, 0)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
