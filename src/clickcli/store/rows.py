"""The decoded lines of a chunk: raw values by column, and what is left for properties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Final

from clickcli.store.decode import dump_all, dump_json
from clickcli.store.mapping import FieldMap, Mapped
from clickcli.store.plans import Place, Plan, PlanCache

MAX_NAMES: Final = 2000
"""Property names that are counted apart."""


class Rows:
    """Decoded lines with their plans, and what is to be kept of each beyond its plan."""

    def __init__(
        self, lines: list[dict[str, Any]], mapping: FieldMap | None, *, keep_ip: bool = False
    ) -> None:
        self.lines = lines
        self.mapping = mapping
        self.mapped: list[Mapped] = []
        self.moved: list[dict[str, Any]] = []
        self.plans: list[Plan] = []
        self.inner: list[dict[str, Any] | None] = []
        self.groups: dict[int, tuple[Plan, list[int]]] = {}
        self.extras: dict[int, list[Place]] = {}
        if mapping is None:
            cache = PlanCache()
            for line in lines:
                plan, inner = cache.plan(line)
                self.plans.append(plan)
                self.inner.append(inner)
        else:
            self._map(mapping, keep_ip=keep_ip)
        for row, plan in enumerate(self.plans):
            group = self.groups.get(id(plan))
            if group is None:
                self.groups[id(plan)] = (plan, [row])
            else:
                group[1].append(row)
        self.levels: tuple[list[Any], ...] = (self.lines, self.inner, self.moved)
        """What holds the values, by the level of their places; ``MOVED`` is the last."""
        self._columns = self._gather()

    def _map(self, mapping: FieldMap, *, keep_ip: bool) -> None:
        """Take the lines apart by a field map."""
        cache = PlanCache()
        self.mapped = [mapping.apply(line, keep_ip=keep_ip) for line in self.lines]
        self.lines = [line.rest for line in self.mapped]
        self.inner = [line.inner for line in self.mapped]
        self.moved = [line.moved for line in self.mapped]
        usual = mapping.usual_names
        self.plans = [cache.plan_mapped(line, usual_names=usual) for line in self.mapped]

    def _gather(self) -> dict[str, list[Any]]:
        """Return one list of raw values for each column that occurs, None where not given."""
        columns: dict[str, list[Any]] = {}
        for plan, rows in self.groups.values():
            for name, places in plan.columns:
                values = columns.setdefault(name, [None] * len(self.lines))
                if len(places) > 1:
                    for row in rows:
                        values[row] = self._best(row, places)
                    continue
                level, key = places[0]
                source = self.levels[level]
                if len(rows) == len(source):
                    columns[name] = [holder[key] for holder in source]
                else:
                    for row in rows:
                        values[row] = source[row][key]
        for name, value in self.mapping.constants.items() if self.mapping else ():
            values = columns.get(name, [None] * len(self.lines))
            columns[name] = [value if given is None else given for given in values]
        return columns

    def value(self, row: int, place: Place) -> Any:
        """Return what a line holds at a place."""
        return self.levels[place[0]][row][place[1]]

    def _best(self, row: int, places: Iterable[Place]) -> Any:
        """Return the first value that is not null; further ones are kept."""
        best = None
        for place in places:
            value = self.value(row, place)
            if value is None:
                continue
            if best is None:
                best = value
            else:
                self.extras.setdefault(row, []).append(place)
        return best

    def raw(self, name: str) -> list[Any]:
        """Return the raw values of a column."""
        return self._columns.get(name) or [None] * len(self.lines)

    def names(self) -> list[str]:
        """Return the columns that occur."""
        return list(self._columns)

    def keep(self, name: str, rows: Iterable[int]) -> None:
        """Note that the original of a column is to be kept in these rows."""
        for row in rows:
            found = (places for column, places in self.plans[row].columns if column == name)
            given = (p for p in next(found, ()) if self.value(row, p) is not None)
            chosen = next(given, None)
            if chosen is not None:  # else it is a constant
                self.extras.setdefault(row, []).append(chosen)

    def properties(self) -> list[bytes | None]:
        """Return what is left of each line as JSON; None where nothing is."""
        texts: list[bytes | None] = [None] * len(self.lines)
        for plan, rows in self.groups.values():
            plain = [row for row in rows if row not in self.extras] if self.extras else rows
            if plan.leftovers:
                remains = self._all_left(plan, plain)
                for row, text in zip(plain, dump_all(remains), strict=True):
                    texts[row] = text
        for row, places in self.extras.items():
            plan = self.plans[row]
            left = self._left(row, plan)
            left |= {plan.names[place]: self.value(row, place) for place in places}
            texts[row] = dump_json(left)
        return texts

    def _all_left(self, plan: Plan, rows: list[int]) -> list[dict[str, Any] | None]:
        """Return what is left of each of these rows, which are of one plan."""
        if plan.is_untouched:
            return [self.inner[row] for row in rows]
        if any(level == 0 for (level, _), _ in plan.leftovers):
            return [self._left(row, plan) for row in rows]
        keys = [name for _, name in plan.leftovers]
        properties = [self.inner[row] for row in rows]
        return [{key: holder[key] for key in keys} for holder in properties if holder is not None]

    def _left(self, row: int, plan: Plan) -> dict[str, Any]:
        line, inner = self.lines[row], self.inner[row] or {}
        return {name: inner[key] if level else line[key] for (level, key), name in plan.leftovers}

    def property_names(self, faults: Collection[int]) -> Counter[str]:
        """Count the names in properties over the rows that are not rejected."""
        counts: Counter[str] = Counter()
        for plan, rows in self.groups.values():
            good = len(rows) if not faults else sum(row not in faults for row in rows)
            for _, name in plan.leftovers:
                counts[name] += good
        for row, places in self.extras.items():
            if row not in faults:
                counts.update({self.plans[row].names[place] for place in places})
        counts = Counter({name: count for name, count in counts.items() if count})
        return counts if len(counts) <= MAX_NAMES else Counter(dict(counts.most_common(MAX_NAMES)))
