"""Field maps: which values of a line fill which columns.

What no column takes is left for ``properties``, under its own key: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from clickcli.store.decode import dump_json
from clickcli.store.enrich import truncate_ip
from clickcli.store.hashes import content_word

Line = dict[str, Any]
"""A decoded event."""
Keys = tuple[str, ...]
"""A path, key by key."""

PROPERTIES: Final = "properties"
_MISSING: Final = object()


@dataclass(slots=True)
class Mapped:
    """A line taken apart.

    ``moved``: values by column. ``inner``: the object that becomes properties. ``rest``: what
    else there is. ``content``: the hash that tells another event from the same one come again,
    where that is not the hash of the whole line.
    """

    rest: Line
    inner: Line | None
    moved: Line
    content: int | None = None


@dataclass(frozen=True, kw_only=True)
class FieldMap:
    """Which values of a line fill which column; paths are dotted, the best first.

    A value is taken out of its place when the column says the same. It stays there as well
    when a rule or a reader of ``values`` made something else of it. Functions are given
    whatever a log may hold, and return None for what they cannot read.
    """

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str | int | float] = field(default_factory=dict)
    containers: tuple[str, ...] = ()
    """Objects whose keys become properties and may fill columns by their usual names."""
    objects: Mapping[str, Callable[[Any], Line | None]] = field(default_factory=dict)
    """By key at the top: what makes an object of its value, before anything else is done."""
    rules: Mapping[str, Callable[[Line], Any]] = field(default_factory=dict)
    """By column: its value worked out from the whole line; goes before ``fields``."""
    forms: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """By column: a reader of its values whose result says the same, such as a time."""
    values: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """By column: a reader whose result says less; a changed original stays in properties."""
    arrival: tuple[str, ...] = ()
    """Paths that say how an event came to us, not what it is: they make no conflict."""
    usual_names: bool = True
    """Whether keys left at the top of a line fill columns by their usual names."""
    _lookups: tuple[tuple[str, tuple[Keys, ...]], ...] = field(
        init=False, repr=False, compare=False
    )
    _containers: tuple[Keys, ...] = field(init=False, repr=False, compare=False)
    _arrival: tuple[Keys, ...] = field(init=False, repr=False, compare=False)
    _addresses: tuple[Keys, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = dict.fromkeys((*self.fields, *self.rules))
        lookups = ((name, compiled(self.fields.get(name, ()))) for name in names)
        object.__setattr__(self, "_lookups", tuple(lookups))
        object.__setattr__(self, "_containers", compiled(self.containers))
        arrival = (*self.arrival, *self.fields.get("received_at", ()))
        object.__setattr__(self, "_arrival", compiled(arrival))
        object.__setattr__(self, "_addresses", compiled(self.fields.get("ip", ())))

    def apply(self, line: Line, *, keep_ip: bool = False) -> Mapped:
        """Take a line apart; the line itself stays as it is.

        Addresses are truncated before anything looks at them, unless they are to be kept.
        """
        line = self._opened(line)
        if not keep_ip:
            line = _with_short_addresses(line, self._addresses)
        moved: Line = {}
        rest = _Rest(line)
        for column, paths in self._lookups:
            rule = self.rules.get(column)
            value = None if rule is None else rule(line)
            found = _found(line, paths)
            if value is None and not found:
                continue
            self._fill(column, value, found, moved, rest)
        inner = self._inner(rest)
        return Mapped(rest.top, inner, moved, self._content(line))

    def _opened(self, line: Line) -> Line:
        for key, read in self.objects.items():
            value = line.get(key)
            found = None if value is None else read(value)
            if found is not None:
                line = {**line, key: found}
        return line

    def _fill(
        self, column: str, value: Any, found: list[tuple[Keys, Any]], moved: Line, rest: _Rest
    ) -> None:
        """Fill a column, from a rule's value or the first of those found; others stay."""
        form, reader = self.forms.get(column), self.values.get(column)
        is_taken = False
        for keys, given in found:
            if given is None:
                rest.take(keys)
                continue
            same = given if form is None else form(given)
            read = same if reader is None or same is None else reader(same)
            if value is None:
                value = read
            if read is not None and not is_taken and is_same(read, same) and is_same(read, value):
                is_taken = True
                rest.take(keys)
        if value is not None:
            moved[column] = value

    def _inner(self, rest: _Rest) -> Line | None:
        """Take out the objects that become properties, as one."""
        inner: Line | None = None
        for keys in self._containers:
            found = _at(rest.top, keys)
            if type(found) is dict:
                rest.take(keys)
                merged = {} if inner is None else inner
                inner = found if inner is None else merged | _renamed(found, merged)
        if self.usual_names and inner is None:
            found = rest.top.get(PROPERTIES)
            if type(found) is dict:
                inner = rest.top.pop(PROPERTIES)
            elif found is None:
                rest.top.pop(PROPERTIES, None)
        return inner

    def _content(self, line: Line) -> int | None:
        """Return the hash of the line without what says how it arrived; None if all counts."""
        present = [keys for keys, _ in _found(line, self._arrival)]
        if not present:
            return None
        rest = _Rest(line)
        for keys in present:
            rest.take(keys)
        return content_word(dump_json(rest.top, sort_keys=True))


class _Rest:
    """A line being taken apart. Objects that change are copied: events may share them."""

    def __init__(self, line: Line) -> None:
        self.top = dict(line)
        self._own: dict[int, Line] = {}

    def take(self, keys: Keys) -> None:
        """Take out a value, and the objects that are empty without it."""
        if len(keys) == 1:
            self.top.pop(keys[0], None)
            return
        holders = self._holders(keys)
        if holders is None:
            return
        holders[-1].pop(keys[-1], None)
        for depth in range(len(holders) - 1, 0, -1):
            if holders[depth]:
                break
            holders[depth - 1].pop(keys[depth - 1], None)

    def put(self, keys: Keys, value: Any) -> None:
        """Put another value in a place."""
        holders = self._holders(keys)
        if holders is not None:
            holders[-1][keys[-1]] = value

    def _holders(self, keys: Keys) -> list[Line] | None:
        """Return the objects along a path, each of them ours to change."""
        holders = [self.top]
        for key in keys[:-1]:
            child = holders[-1].get(key)
            if type(child) is not dict:
                return None
            if id(child) not in self._own:
                child = dict(child)
                holders[-1][key] = child
                self._own[id(child)] = child
            holders.append(child)
        return holders


def compiled(paths: Iterable[str]) -> tuple[Keys, ...]:
    """Return the paths key by key; a key that is the whole dotted path goes before the path."""
    found: list[Keys] = []
    for path in paths:
        keys = tuple(path.split("."))
        found += [(path,)] if len(keys) == 1 else [(path,), keys]
    return tuple(found)


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return the name, with ``$top.`` before it as often as it takes to be free."""
    while name in taken:
        name = "$top." + name
    return name


def _renamed(found: Line, taken: Line) -> Line:
    """Return the object with names that are free."""
    out: Line = {}
    names = dict.fromkeys((*taken, *found))
    for key, value in found.items():
        name = free_name("$top." + key, names) if key in taken else key
        names[name] = None
        out[name] = value
    return out


def _found(line: Line, paths: tuple[Keys, ...]) -> list[tuple[Keys, Any]]:
    """Return what stands at each path that exists."""
    found: list[tuple[Keys, Any]] = []
    for keys in paths:
        if keys[0] in line:
            value = line[keys[0]] if len(keys) == 1 else _at(line, keys)
            if value is not _MISSING:
                found.append((keys, value))
    return found


def _at(line: Line, keys: Keys) -> Any:
    """Return what stands at a path, ``_MISSING`` where there is nothing."""
    value: Any = line
    for key in keys:
        if type(value) is not dict or key not in value:
            return _MISSING
        value = value[key]
    return value


@lru_cache(4096)
def _short_address(value: str) -> str | None:
    return truncate_ip(value)


def _with_short_addresses(line: Line, paths: tuple[Keys, ...]) -> Line:
    """Return the line with its addresses truncated, before any rule sees them."""
    rest: _Rest | None = None
    for keys, value in _found(line, paths):
        rest = rest or _Rest(line)
        rest.put(keys, _short_address(value) if type(value) is str else None)
    return line if rest is None else rest.top


def is_same(one: Any, other: Any) -> bool:
    """Return whether two JSON values say the same; ``true`` is not 1, however deep it stands."""
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    is_plain = type(one) not in (dict, list)
    return is_plain or dump_json(one, sort_keys=True) == dump_json(other, sort_keys=True)
