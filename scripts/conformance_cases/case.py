"""One case file, read so that no key of it is passed over in silence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Unsupported(Exception):
    """The case asks for something that clickcli, or this script, does not know."""


class Fields:
    """A JSON object whose keys are ticked off as they are taken."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self._values = dict(values)
        self._name = name
        self._taken: set[str] = set()

    def take(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default where the key is absent or null."""
        self._taken.add(key)
        value = self._values.get(key)
        return default if value is None else value

    def choose(self, key: str, choices: Mapping[Any, str], default: Any) -> str:
        """Return what a value stands for; Unsupported for a value that is not among them."""
        value = self.take(key, default)
        if value not in choices:
            raise Unsupported(f"{self._name} {key}={value!r}: no such option")
        return choices[value]

    def has(self, key: str) -> bool:
        """Return whether the key is there; the key stays as it was, taken or not."""
        return self._values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def untaken(self) -> list[str]:
        """Return the keys that nobody asked for, each with the object's name."""
        return [f"{self._name} {key}" for key in self._values if key not in self._taken]

    def finish(self) -> None:
        """Raise Unsupported when a key was left."""
        if left := self.untaken():
            raise Unsupported(f"unknown: {', '.join(left)}")


@dataclass(frozen=True)
class Case:
    """A question, the events it is asked of, and what the source says of the answer.

    ``data`` is the whole file, for areas that bring something other than events.
    """

    name: str
    area: str
    status: str
    events: Sequence[Mapping[str, Any]]
    query: Fields
    expected: Fields
    tolerance: float
    data: Mapping[str, Any]

    @property
    def is_default(self) -> bool:
        """Whether clickcli must agree without an option that changes the meaning."""
        return self.status == "default"

    def event_types(self) -> set[str]:
        """Return the names of the events."""
        return {event["event"] for event in self.events if event.get("event") is not None}

    def user_ids(self) -> list[str]:
        """Return the known persons, in order of their ids."""
        return sorted({str(e["user_id"]) for e in self.events if e.get("user_id") is not None})


def from_json(name: str, data: Mapping[str, Any]) -> Case:
    """Make a case; Unsupported where it lacks area, query or expected."""
    for key, kind in (("area", str), ("query", dict), ("expected", dict)):
        if not isinstance(data.get(key), kind):
            raise Unsupported(f"not a case: {key} is missing or of the wrong type")
    return Case(
        name=name,
        area=data["area"],
        status=str(data.get("status", "default")),
        events=data.get("events") or (),
        query=Fields(data["query"], "query"),
        expected=Fields(data["expected"], "expected"),
        tolerance=float(data.get("tolerance") or 1e-9),
        data=data,
    )


def readings(name: str, data: Mapping[str, Any]) -> list[Case]:
    """Return the other readings of a case that state how they are asked for."""
    result = []
    for reading, change in (data.get("alternatives") or {}).items():
        if not isinstance(change, dict) or not {"query", "expected"} <= set(change):
            continue
        merged = {**data, **change, "query": {**data["query"], **change["query"]}}
        result.append(from_json(f"{name} ({reading})", {**merged, "status": "reading"}))
    return result


def files(folder: Path) -> list[Path]:
    """Return the case files of a folder and the folders below it, in order of their names."""
    return sorted(folder.rglob("*.json"))


def load(path: Path) -> Mapping[str, Any]:
    """Read a case file; Unsupported where it is not a JSON object."""
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise Unsupported(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Unsupported("not a JSON object")
    return data


@dataclass
class Check:
    """What came of comparing one case."""

    tolerance: float
    differences: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    compared: int = 0

    def equal(self, what: str, got: Any, expected: Any) -> None:
        """Note a difference unless the two agree, numbers within the tolerance."""
        self.compared += 1
        if not same(got, expected, self.tolerance):
            self.differences.append(f"{what}: expected {expected!r}, got {got!r}")

    def cannot(self, reason: str) -> None:
        """Note what could not be compared, and why."""
        if reason not in self.reasons:
            self.reasons.append(reason)


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Return whether two values agree; lists and objects member by member."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return set(got) == set(expected) and all(
            same(got[key], value, tolerance) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        return len(got) == len(expected) and all(
            same(one, other, tolerance) for one, other in zip(got, expected, strict=True)
        )
    numbers = int | float
    if isinstance(got, numbers) and isinstance(expected, numbers):
        return math.isclose(got, expected, rel_tol=1e-9, abs_tol=tolerance)
    return bool(got == expected)
