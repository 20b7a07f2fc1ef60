"""What a preset is: one declaration that says how the lines of a foreign log are read.

A preset is a field map with a name, a way to recognise its lines, and, where a line is not
one event as a JSON object, a way to make events of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from clickcli.store.decode import load_object
from clickcli.store.mapping import FieldMap, Line, free_name, is_same
from clickcli.store.presets import find_preset

PAGE_VIEW: Final = "page_view"
"""The event type of a page view, whatever the sender calls it."""

_NAIVE: Final = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*", re.ASCII
)
_DIGITS: Final = re.compile(r"[+-]?\d{1,40}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Preset(FieldMap):
    """How the lines of one kind of log are read.

    ``recognises`` is given a decoded JSON line (a list too where ``takes_lists``) and says
    whether it can only be one of ours; a line of text is ours when ``text`` reads it.
    """

    name: str
    headline: str
    recognises: Callable[[Any], bool]
    usual_names: bool = False
    text: Callable[[bytes], Line | str] | None = None
    """Reads a line that is not JSON; returns the event, or the reason why it cannot."""
    has_json: bool = True
    """Whether lines may be JSON."""
    explode: Callable[[Any], Iterable[Any]] | None = None
    """The events of a decoded line, made one by one: a short line may unfold to gigabytes."""
    takes_lists: bool = False
    """Whether a line may be a JSON list; ``explode`` makes events of it."""

    def __reduce__(self) -> tuple[Callable[[str], Preset], tuple[str]]:
        """Travel to a worker process as a name."""
        return find_preset, (self.name,)


def words(listed: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(listed.split())


def at(line: Any, path: str) -> Any:
    """Return what stands at a dotted path, None where there is nothing."""
    value = line
    for key in path.split("."):
        value = value.get(key) if type(value) is dict else None
    return value


def text(value: Any) -> str | None:
    """Return text that holds something, as it is; None for anything else."""
    return value if type(value) is str and value.strip() else None


def utc(value: Any) -> Any:
    """Return a time without an offset as one in UTC; anything else as it is."""
    found = _NAIVE.fullmatch(value) if type(value) is str else None
    return value if found is None else f"{found[1]}T{found[2]}Z"


def whole(value: Any) -> Any:
    """Return digits as a whole number; anything else as it is."""
    return int(value) if type(value) is str and _DIGITS.fullmatch(value) else value


def json_object(value: Any) -> Line | None:
    """Return the object that a text holds as JSON; None for anything else."""
    return load_object(value) if type(value) is str else None


def pairs(value: Any) -> Line | None:
    """Return ``[{"key": …, "value": …}, …]`` as an object.

    None where that would lose something: a key that comes twice, or an entry with more.
    """
    if type(value) is not list:
        return None
    found: Line = {}
    for entry in value:
        if type(entry) is not dict or entry.keys() != {"key", "value"}:
            return None
        key = entry["key"]
        if type(key) is not str or key in found:
            return None
        found[key] = entry["value"]
    return found


def enveloped(line: Any, key: str) -> Iterator[Any]:
    """Yield the events of ``{key: [event, …], …}``, or the line itself where it is none.

    The rest of the envelope belongs to each event, unless the event says otherwise.
    """
    events = line.get(key) if type(line) is dict else None
    if type(events) is not list:
        yield line
        return
    shared = {name: value for name, value in line.items() if name != key}
    for event in events:
        yield _joined(shared, event) if type(event) is dict else event


def _joined(shared: Line, event: Line) -> Line:
    """Return an event with what its envelope says; where both speak, the envelope's is kept."""
    out = {**shared, **event}
    for name, value in shared.items():
        if name in event and not is_same(value, event[name]):
            out[free_name("$top." + name, out)] = value
    return out
