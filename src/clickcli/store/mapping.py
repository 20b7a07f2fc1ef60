"""Field maps: where a log keeps what our columns hold.

    [fields]
    ts = "when"                 # a key, or a path into nested objects: "user.id"
    properties = "payload"      # the object whose keys become properties

    [constants]
    currency = "EUR"            # used where a line has no value of its own

A mapped field is looked for first; where a line lacks it, the usual names still count.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clickcli.columns import EVENT_COLUMNS
from clickcli.errors import DataError, StorageError, UsageError, unknown

MAPPABLE: Final = frozenset(
    {column.name for column in EVENT_COLUMNS if column.source == "given"} | {"items", "properties"}
)


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Paths of columns in a line (``properties`` is the container), and constant values."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str | int | float] = field(default_factory=dict)

    def apply(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return the line with mapped values moved to our names; the line itself is spent.

        A key that already has our name and loses its place is kept as ``$top.name``, but for
        an address, which must not be kept whole.
        """
        moved: dict[str, Any] = {}
        for name, path in self.fields.items():
            holder, key = _find(line, path)
            if holder is not None and holder.get(key) is not None:
                moved[name] = holder[key]
        for path in self.fields.values():
            holder, key = _find(line, path)
            if holder is not None and holder.get(key) is not None:
                del holder[key]
        for name, value in self.constants.items():
            if name not in moved and line.get(name) is None:
                moved[name] = value
        for name in moved:
            if line.get(name) is not None and name != "ip":
                line[free_name("$top." + name, line)] = line[name]
        line.update(moved)
        return line


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return the name, with ``$top.`` before it as often as it takes to be free."""
    while name in taken:
        name = "$top." + name
    return name


def _find(line: dict[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any] | None, str]:
    """Return the object and the key of a path; a key that is the whole path wins."""
    whole = ".".join(path)
    if whole in line:
        return line, whole
    holder: Any = line
    for key in path[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return (holder if isinstance(holder, dict) else None), path[-1]


def parse_map(document: Mapping[str, Any], where: str = "the map") -> FieldMap:
    """Check a decoded map. Raises UsageError, with a suggestion, for what is not known."""
    for section in document:
        if section not in ("fields", "constants"):
            raise unknown(f"section of {where}", section, ("fields", "constants"))
    fields = _table(document, "fields", where)
    constants = _table(document, "constants", where)
    for name, path in fields.items():
        _check_name(name, where)
        if not isinstance(path, str) or not path:
            raise UsageError(f"{name} in {where} must be a key or a dotted path, was {path!r}")
    for name, value in constants.items():
        _check_name(name, where)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise UsageError(f"{name} in {where} must be text or a number, was {value!r}")
    return FieldMap(
        {name: tuple(path.split(".")) for name, path in fields.items()}, dict(constants)
    )


def read_map(path: str | Path) -> FieldMap:
    """Read a map file. Raises StorageError, DataError or UsageError."""
    try:
        document = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise StorageError(f"cannot read the map {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"the map {path} must be TOML: {error}") from error
    return parse_map(document, f"the map {path}")


def _table(document: Mapping[str, Any], section: str, where: str) -> Mapping[str, Any]:
    table = document.get(section, {})
    if not isinstance(table, dict):
        raise UsageError(f"{section} of {where} must be a table, was {table!r}")
    return table


def _check_name(name: str, where: str) -> None:
    if name not in MAPPABLE:
        raise unknown(f"column in {where}", name, MAPPABLE)
