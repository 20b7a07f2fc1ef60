"""Map files: a field map for one's own log, as TOML.

    [fields]
    ts = "when"                       # a key, or a path into nested objects: "user.id"
    user_id = ["login", "user.id"]    # several: the first that holds something
    properties = "payload"            # the object whose keys become properties

    [constants]
    currency = "EUR"                  # used where a line has no value of its own

A mapped field is looked for first; where a line lacks it, the usual names still count.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, Final

from clickcli.columns import EVENT_COLUMNS
from clickcli.errors import DataError, StorageError, UsageError, unknown
from clickcli.store.mapping import PROPERTIES, FieldMap

MAPPABLE: Final = frozenset(
    {column.name for column in EVENT_COLUMNS if column.source == "given"} | {"items", PROPERTIES}
)
MAX_MAP_BYTES: Final = 1 << 20
MAX_PATH: Final = 64
"""Keys of a path, and paths of a column: more is a mistake."""
_MAX_INT: Final = 2**63


def parse_map(document: Mapping[str, Any], where: str = "the map") -> FieldMap:
    """Check a decoded map. Raises UsageError, with a suggestion, for what is not known."""
    for section in document:
        if section not in ("fields", "constants"):
            raise unknown(f"section of {where}", section, ("fields", "constants"))
    given = _table(document, "fields", where)
    constants = _table(document, "constants", where)
    fields: dict[str, tuple[str, ...]] = {}
    for name, paths in given.items():
        _check_name(name, where)
        fields[name] = _paths(paths, f"{name} in {where}")
    for name, value in constants.items():
        _check_constant(name, value, where)
    containers = fields.pop(PROPERTIES, ())
    return FieldMap(fields=fields, constants=dict(constants), containers=containers)


def read_map(path: str | Path) -> FieldMap:
    """Read a map file. Raises StorageError, DataError or UsageError."""
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_MAP_BYTES + 1)
        if len(data) > MAX_MAP_BYTES:
            raise DataError(f"the map {path} must be smaller than 1 MB", hint="is it a log?")
        document = tomllib.loads(data.decode())
    except OSError as error:
        raise StorageError(f"cannot read the map {path}: {error.strerror}") from error
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise DataError(f"the map {path} must be TOML: {error}") from error
    except RecursionError as error:
        raise DataError(f"the map {path} must be TOML: nested too deep") from error
    return parse_map(document, f"the map {path}")


def _paths(given: Any, what: str) -> tuple[str, ...]:
    """Check one path or a list of paths."""
    paths = given if isinstance(given, list) else [given]
    if not paths or len(paths) > MAX_PATH or not all(isinstance(p, str) and p for p in paths):
        raise UsageError(
            f"{what} must be a key, a dotted path or a list of them, was {shortened(given)}"
        )
    for path in paths:
        if path.count(".") >= MAX_PATH:
            raise UsageError(f"{what} must have at most {MAX_PATH} keys in a path")
    return tuple(paths)


def _table(document: Mapping[str, Any], section: str, where: str) -> Mapping[str, Any]:
    table = document.get(section, {})
    if not isinstance(table, dict):
        raise UsageError(f"{section} of {where} must be a table, was {shortened(table)}")
    return table


def _check_name(name: str, where: str) -> None:
    if name not in MAPPABLE:
        raise unknown(f"column in {where}", name, MAPPABLE)


def _check_constant(name: str, value: Any, where: str) -> None:
    _check_name(name, where)
    if name in ("items", PROPERTIES):
        raise UsageError(f"{name} in {where} cannot be a constant", hint="map it in [fields]")
    is_small = not isinstance(value, int) or abs(value) < _MAX_INT
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str) and not (is_number and is_small and math.isfinite(value)):
        raise UsageError(f"{name} in {where} must be text or a number, was {shortened(value)}")
