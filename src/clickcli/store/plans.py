"""Where a line keeps its values: worked out once for each set of keys, not for each line.

Log lines come in few shapes (a shape is the keys at the top and in ``properties``). A plan
says which key fills which column and which keys are left for ``properties``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickcli.columns import EVENT_COLUMNS
from clickcli.store.mapping import free_name

PROPERTIES: Final = "properties"
TOP_ONLY: Final = frozenset(
    {"event_id", "event_type", "ts", "received_at", "user_id", "anonymous_id", "session_id"}
)
"""Who, when and what: looked for at the top of a line, never inside its properties."""

Place = tuple[int, str]
"""(0, key) at the top of the line, (1, key) inside its properties."""


def _names(level: int) -> Mapping[str, tuple[str, int]]:
    """Return for each key the column it may fill and its rank among that column's names."""
    found: dict[str, tuple[str, int]] = {}
    for column in EVENT_COLUMNS:
        if column.source == "system" and column.name != "items":
            continue
        if level == 1 and column.name in TOP_ONLY:
            continue
        for rank, name in enumerate((column.name, *column.aliases)):
            found.setdefault(name, (column.name, rank))
    return found


_KNOWN: Final = (_names(0), _names(1))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the lines of one shape.

    ``columns``: each column's places, best first. ``leftovers``: the rest, with the name each
    has in ``properties``. ``names``: that name for every place.
    """

    columns: tuple[tuple[str, tuple[Place, ...]], ...]
    leftovers: tuple[tuple[Place, str], ...]
    names: Mapping[Place, str]
    is_untouched: bool
    """Whether the line's own properties object is exactly what is left."""


def make_plan(top: tuple[str, ...], inner: tuple[str, ...] | None) -> Plan:
    """Return the plan of lines with these keys; ``inner`` is None without properties."""
    places: list[Place] = [(0, key) for key in top if inner is None or key != PROPERTIES]
    inner_keys = dict.fromkeys(inner or ())
    places += [(1, key) for key in inner_keys]
    ranked: dict[str, list[tuple[int, int, Place]]] = {}
    left: list[Place] = []
    for level, key in places:
        known = _KNOWN[level].get(key)
        if known is None:
            left.append((level, key))
        else:
            ranked.setdefault(known[0], []).append((level, known[1], (level, key)))
    names: dict[Place, str] = {(1, key): key for key in inner_keys}
    taken: dict[str, Any] = dict(inner_keys)
    for level, key in places:
        if level == 0:
            name = free_name("$top." + key, taken) if key in taken else key
            names[(level, key)] = name
            taken[name] = None
    columns = tuple(
        (column, tuple(place for _, _, place in sorted(found))) for column, found in ranked.items()
    )
    leftovers = tuple((place, names[place]) for place in left)
    untouched = bool(inner) and left == [(1, key) for key in inner_keys]
    return Plan(columns, leftovers, names, untouched)


class PlanCache:
    """Plans by shape; forgotten when a log turns out to have no shapes worth keeping."""

    LIMIT: Final = 4096

    def __init__(self) -> None:
        self._plans: dict[tuple[tuple[str, ...], tuple[str, ...] | None], Plan] = {}

    def plan(self, line: dict[str, Any]) -> tuple[Plan, dict[str, Any] | None]:
        """Return the plan of a line, and its properties object if it has one."""
        inner = line.get(PROPERTIES)
        if inner is None:
            line.pop(PROPERTIES, None)
        properties = inner if type(inner) is dict else None
        shape = (tuple(line), None if properties is None else tuple(properties))
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) >= self.LIMIT:
                self._plans.clear()
            plan = self._plans[shape] = make_plan(*shape)
        return plan, properties
