"""Tracking plans: which event types there are, what they must carry, and of which type.

    strict = true                     # event types that are not named here are findings

    [events.purchase]
    required = ["order_id", "revenue", "properties.plan"]
    types = { revenue = "number", "properties.plan" = "text" }
    allowed = { "properties.plan" = ["free", "plus"] }

Fields are event columns and ``properties.KEY``, as in filters.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from clickcli.columns import BY_NAME
from clickcli.doctor.census import Kind
from clickcli.errors import ClickcliError, StorageError, UsageError, unknown

if TYPE_CHECKING:
    from clickcli.filters import PropertyRef

KINDS: Final = tuple(get_args(Kind))
_KEYS: Final = ("required", "types", "allowed")
_MAX_BYTES: Final = 4 << 20
_MAX_VALUES: Final = 10_000


@dataclass(frozen=True, slots=True)
class EventPlan:
    """What events of one type must be like; keys are fields as they are written."""

    required: tuple[str, ...] = ()
    types: Mapping[str, Kind] = field(default_factory=dict)
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def fields(self) -> list[str]:
        """Return every field that is named, each once."""
        return list(dict.fromkeys((*self.required, *self.types, *self.allowed)))


@dataclass(frozen=True, slots=True)
class Plan:
    """A tracking plan: event types by name, and whether there may be others."""

    events: Mapping[str, EventPlan]
    is_strict: bool = False

    def paths(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return every property that is named, by event type."""
        return [
            (name, found.path)
            for name, own in self.events.items()
            for found in map(target, own.fields())
            if not isinstance(found, str)
        ]


def read_plan(path: str | Path) -> Plan:
    """Read a plan file. Raises StorageError or UsageError, naming the file."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"cannot read the plan {path}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"the plan {path} must be at most {_MAX_BYTES >> 20} MB")
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"the plan {path} must be TOML: {error}", hint="clickcli doctor --write-plan shows one"
        ) from error
    return parse_plan(document, f"the plan {path}")


def parse_plan(document: Mapping[str, Any], where: str = "the plan") -> Plan:
    """Check a decoded plan. Raises UsageError, with a suggestion, for what is not known."""
    _only(document, ("strict", "events"), f"key of {where}")
    strict = document.get("strict", False)
    if not isinstance(strict, bool):
        raise UsageError(f"strict in {where} must be true or false, was {_short(strict)}")
    events = _table(document, "events", where)
    return Plan(
        {name: _event(own, f"events.{_short(name)} in {where}") for name, own in events.items()},
        strict,
    )


def _event(given: Any, where: str) -> EventPlan:
    if not isinstance(given, dict):
        raise UsageError(f"{where} must be a table, was {_short(given)}")
    _only(given, _KEYS, f"key of {where}")
    required = _texts(given.get("required", []), f"required of {where}")
    types = _table(given, "types", where)
    for kind in types.values():
        if kind not in KINDS:
            if isinstance(kind, str):
                raise unknown(f"type in {where}", kind, KINDS)
            raise UsageError(f"a type in {where} must be text, was {_short(kind)}")
    allowed = {
        key: _texts(values, f"allowed.{_short(key)} of {where}")
        for key, values in _table(given, "allowed", where).items()
    }
    plan = EventPlan(required, types, allowed)
    for one in plan.fields():
        _check_field(one, where)
    for one in allowed:
        column = target(one)
        if isinstance(column, str) and BY_NAME[column].dtype != "string":
            raise UsageError(f"allowed of {where} must name texts, was {one}, a number")
    return plan


def target(text: str) -> str | PropertyRef:
    """Return the column or the property that a field stands for.

    A property that ingest moves to a column is that column.
    """
    from clickcli.filters import PropertyRef, column_or_property

    found = column_or_property(text)
    if isinstance(found, PropertyRef) and found.lifted is not None:
        return found.lifted
    return found


def _check_field(text: str, where: str) -> None:
    try:
        target(text)
    except ClickcliError as error:
        raise UsageError(f"{error.message}, in {where}", hint=error.hint) from None


def _only(given: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    for key in given:
        if key not in known:
            raise unknown(what, key, known)


def _table(given: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    table = given.get(key, {})
    if not isinstance(table, dict):
        raise UsageError(f"{key} of {where} must be a table, was {_short(table)}")
    return table


def _texts(given: Any, what: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise UsageError(f"{what} must be a list of texts, was {_short(given)}")
    if len(given) > _MAX_VALUES:
        raise UsageError(f"{what} must be at most {_MAX_VALUES:,} texts, was {len(given):,}")
    return tuple(dict.fromkeys(given))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
