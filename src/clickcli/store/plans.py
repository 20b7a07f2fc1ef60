"""Where a line keeps its values: worked out once for each set of keys, not for each line.

Log lines come in few shapes (a shape is the keys at the top and in ``properties``). A plan
says which key fills which column and which keys are left for ``properties``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickcli.columns import EVENT_COLUMNS
from clickcli.store.mapping import PROPERTIES, Mapped, free_name

TOP_ONLY: Final = frozenset(
    {"event_id", "event_type", "ts", "received_at", "user_id", "anonymous_id", "session_id",
     "is_bot"}
)  # fmt: skip
"""Who, when and what: looked for at the top of a line, never inside its properties."""

MOVED: Final = -1
"""The level of values that a field map moved to their columns."""
Place = tuple[int, str]
"""(0, key) at the top of the line, (1, key) inside its properties, (MOVED, column)."""


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
_NONE: Final[Mapping[str, tuple[str, int]]] = {}


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


def make_plan(
    top: tuple[str, ...],
    inner: tuple[str, ...] | None,
    moved: tuple[str, ...] = (),
    *,
    usual_names: bool = True,
) -> Plan:
    """Return the plan of lines with these keys; ``inner`` is None without properties.

    ``moved`` are columns that are filled already. ``usual_names`` says whether keys at the top
    fill columns.
    """
    places: list[Place] = [(MOVED, column) for column in moved]
    places += [(0, key) for key in top]
    inner_keys = dict.fromkeys(inner or ())
    places += [(1, key) for key in inner_keys]
    ranked: dict[str, list[tuple[int, int, Place]]] = {}
    left: list[Place] = []
    for level, key in places:
        names_here = _KNOWN[level] if level == 1 or usual_names else _NONE
        known = (key, 0) if level == MOVED else names_here.get(key)
        if known is None:
            left.append((level, key))
        else:
            ranked.setdefault(known[0], []).append((level, known[1], (level, key)))
    names: dict[Place, str] = {(1, key): key for key in inner_keys}
    taken: dict[str, Any] = dict(inner_keys)
    for level, key in places:
        if level != 1:
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
        self._plans: dict[tuple[tuple[str, ...] | None, ...], Plan] = {}

    def plan(self, line: dict[str, Any]) -> tuple[Plan, dict[str, Any] | None]:
        """Return the plan of a line, and its properties object if it has one."""
        inner = line.get(PROPERTIES)
        if inner is None:
            line.pop(PROPERTIES, None)
        properties = inner if type(inner) is dict else None
        shape = (tuple(line), None if properties is None else tuple(properties))
        plan = self._plans.get(shape)
        if plan is None:
            top = shape[0] if properties is None else tuple(k for k in line if k != PROPERTIES)
            plan = self._add(shape, make_plan(top, shape[1]))
        return plan, properties

    def plan_mapped(self, line: Mapped, *, usual_names: bool) -> Plan:
        """Return the plan of a line that a field map took apart."""
        inner = None if line.inner is None else tuple(line.inner)
        shape = (tuple(line.rest), inner, tuple(line.moved))
        plan = self._plans.get(shape)
        if plan is None:
            plan = make_plan(*shape, usual_names=usual_names)
            self._add(shape, plan)
        return plan

    def _add(self, shape: tuple[tuple[str, ...] | None, ...], plan: Plan) -> Plan:
        if len(self._plans) >= self.LIMIT:
            self._plans.clear()
        self._plans[shape] = plan
        return plan
