"""What the JSON of ``properties`` holds: by event type, path and JSON type, in one pass.

Lines of one shape (the same keys with values of the same types) are counted together, so that a
line costs one look into a table. Objects are looked into, lists are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from clickcli.columns import BY_NAME, FLAGS
from clickcli.identity import is_placeholder

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence

Kind = Literal["text", "number", "boolean", "object", "list"]
Path = tuple[str, ...]

MOST: Final = 20_000
"""Pairs of event type and path that are counted; further ones are not."""
_DEPTH: Final = 5
_PORTION: Final = 32 << 20
"""Bytes of JSON that are decoded at once, about."""
_KINDS: Final[Mapping[type, Kind]] = {
    str: "text", int: "number", float: "number", bool: "boolean", dict: "object", list: "list",
}  # fmt: skip
IDS: Final = ("user_id", "anonymous_id", "session_id", "event_id")
"""Columns from which ingest takes placeholders out; the original stays in ``properties``."""
COLUMN_OF: Final[Mapping[str, str]] = {
    name: column.name
    for column in reversed(tuple(BY_NAME.values()))
    if column.source == "given" or column.name == "items"
    for name in (*column.aliases, column.name)
}
"""The column for which a key of a log line stands."""


_NAMES_OF: Final[Mapping[str, list[str]]] = {
    column: [name for name, own in COLUMN_OF.items() if own == column]
    for column in set(COLUMN_OF.values())
}


def column_of(key: str) -> str | None:
    """Return the column of a key in ``properties``: a value that did not fit it is kept there."""
    while key.startswith("$top."):
        key = key.removeprefix("$top.")
    return COLUMN_OF.get(key)


ANY_FORM: Final = frozenset({"ts", "received_at", "ip", *FLAGS})
"""Columns whose values have more than one usual form."""


def natural_kind(column: str) -> Kind:
    """Return the JSON type that a column's values have in a log line."""
    if column == "items":
        return "list"
    if column == "properties":
        return "object"
    by_dtype: Mapping[str, Kind] = {"string": "text", "bool": "boolean"}
    return by_dtype.get(BY_NAME[column].dtype, "number")


@dataclass(slots=True)
class Tally:
    """How often and when something was seen, and the first value."""

    example: Any
    first: int
    last: int
    events: int = 0

    def add(self, events: int, first: int, last: int) -> None:
        """Count further events."""
        self.events += events
        self.first = min(self.first, first)
        self.last = max(self.last, last)


@dataclass(slots=True)
class Census:
    """The counts. A null is no value.

    ``kinds`` are those of each event type and path, by JSON type; ``placeholders`` those of ids
    that mean nobody, by event type and column. ``is_cut``: there were more paths than are counted.
    """

    kinds: dict[tuple[str, Path], dict[Kind, Tally]] = field(default_factory=dict)
    placeholders: dict[tuple[str, str], Tally] = field(default_factory=dict)
    is_cut: bool = False

    def count(self, event_type: str, path: Path, value: Any, seen: Tally) -> None:
        """Count a value; an object is counted, and looked into."""
        kind = _KINDS.get(type(value))
        if kind is None:
            return
        own = self.kinds.get((event_type, path))
        if own is None:
            if len(self.kinds) >= MOST:
                self.is_cut = True
                return
            own = self.kinds[event_type, path] = {}
        if kind not in own:
            own[kind] = Tally(value, seen.first, seen.last)
        own[kind].add(seen.events, seen.first, seen.last)

    def look_into(self, event_type: str, path: Path, inner: Mapping[str, Any], ts: int) -> None:
        """Count what is inside an object."""
        seen = Tally(None, ts, ts, 1)
        for key, value in inner.items():
            self.count(event_type, (*path, key), value, seen)
            if type(value) is dict and len(path) < _DEPTH:
                self.look_into(event_type, (*path, key), value, ts)

    def kept(self, event_type: str, column: str) -> dict[Kind, Tally]:
        """Return the values of a column that did not fit it, by JSON type, for an event type."""
        found: dict[Kind, list[Tally]] = {}
        for name in _NAMES_OF.get(column, ()):
            for kind, tally in self.kinds.get((event_type, (name,)), {}).items():
                found.setdefault(kind, []).append(tally)
        return {kind: merged(tallies) for kind, tallies in found.items()}


def take(evidence: Evidence, first: Iterable[tuple[str, Path]] = ()) -> Census:
    """Count the events of the period; the paths of ``first`` are counted whatever else there is."""
    census = Census({pair: {} for pair in first})
    for part in evidence.slices("event_type", "properties"):
        for rows in _portions(part.drop_nulls("properties")):
            objects = _decoded(rows["properties"].to_list())
            _count(census, rows["event_type"].to_list(), rows["ts"].to_list(), objects)
    return census


def _portions(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows in portions of bounded size."""
    if not rows.height:
        return
    if rows.height > 1 and rows["properties"].str.len_bytes().sum() > _PORTION:
        middle = rows.height // 2
        yield from _portions(rows.head(middle))
        yield from _portions(rows.slice(middle))
    else:
        yield rows


def _decoded(texts: list[str]) -> list[dict[str, Any]]:
    import orjson

    decoded: list[dict[str, Any]] = orjson.loads(f"[{','.join(texts)}]")
    return decoded


def _count(
    census: Census, types: list[str], times: list[int], objects: list[dict[str, Any]]
) -> None:
    """Count a slice: lines of one shape together, those with ids or objects one by one."""
    shapes: dict[tuple[str, Path, tuple[type, ...]], Tally] = {}
    for event_type, ts, line in zip(types, times, objects, strict=True):
        shape = (event_type, tuple(line), tuple(map(type, line.values())))
        seen = shapes.get(shape)
        if seen is None:
            shapes[shape] = seen = Tally(line, ts, ts)
        seen.events += 1
        if ts < seen.first:
            seen.first = ts
        elif ts > seen.last:
            seen.last = ts
    inside = {shape for shape in shapes if dict in shape[2] or _has_id(shape[1])}
    for shape, seen in shapes.items():
        for key, value in seen.example.items():
            census.count(shape[0], (key,), value, seen)
    if not inside:
        return
    for event_type, ts, line in zip(types, times, objects, strict=True):
        if (event_type, tuple(line), tuple(map(type, line.values()))) in inside:
            _count_inside(census, event_type, ts, line)


def _has_id(keys: Iterable[str]) -> bool:
    return any(column_of(key) in IDS for key in keys)


def _count_inside(census: Census, event_type: str, ts: int, line: Mapping[str, Any]) -> None:
    """Count what is in the objects of a line, and its placeholder ids."""
    for key, value in line.items():
        if type(value) is dict:
            census.look_into(event_type, (key,), value, ts)
        elif type(value) is str and column_of(key) in IDS and is_placeholder(value):
            place = (event_type, str(column_of(key)))
            tally = census.placeholders.setdefault(place, Tally(value, ts, ts))
            tally.add(1, ts, ts)


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return some tallies as one; the example is that of the greatest."""
    found = sorted(tallies, key=lambda tally: -tally.events)
    whole = Tally(found[0].example, found[0].first, found[0].last)
    for tally in found:
        whole.add(tally.events, tally.first, tally.last)
    return whole


def by_column(census: Census) -> Iterator[tuple[str, dict[str, Tally]]]:
    """Yield each id column with its placeholders by event type, the most first."""
    for column in IDS:
        own = {kind: tally for (kind, name), tally in census.placeholders.items() if name == column}
        if own:
            order = sorted(own, key=lambda kind: (-own[kind].events, kind))
            yield column, {kind: own[kind] for kind in order}
