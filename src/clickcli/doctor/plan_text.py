"""A tracking plan that a log keeps: what is always there is required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from clickcli.columns import FLAGS
from clickcli.doctor.census import ANY_FORM, column_of, natural_kind
from clickcli.doctor.plan import EventPlan, Plan, target
from clickcli.errors import DataError, UsageError
from clickcli.filters import COLUMNS, PropertyRef

if TYPE_CHECKING:
    from clickcli.doctor.census import Kind, Tally
    from clickcli.doctor.evidence import Evidence

ENOUGH: Final = 20
"""Events of a type that are enough to say what is always there."""
MOST_TYPES: Final = 2000
_OURS: Final = frozenset({"ts", "event_type", "seq", "currency", "properties", *FLAGS})
"""Columns that ingest fills by itself, or that say nothing."""
_HEADER: Final = """\
# A tracking plan, for: clickcli doctor --plan plan.toml
# strict: event types that are not named here are findings.
# required: event columns and properties that every event of the type must have.
# types: text, number, boolean, list or object.
# allowed = { "properties.plan" = ["free", "plus"] } would name the only values.

strict = true
"""


def derived(evidence: Evidence) -> Plan:
    """Return the plan that the events of the period keep, without a finding."""
    if len(evidence.types) > MOST_TYPES:
        raise DataError(
            f"a plan names at most {MOST_TYPES:,} event types, the log has {len(evidence.types):,}",
            hint="do their names hold ids? clickcli doctor --check too_many_names",
        )
    columns = [name for name in COLUMNS if name not in _OURS and evidence.has(name)]
    filled = _filled(evidence, columns)
    properties: dict[str, dict[str, dict[Kind, Tally]]] = {name: {} for name in evidence.types}
    for (name, path), kinds in evidence.census.kinds.items():
        text = PropertyRef.of(path, "text").text
        if len(path) == 1 and column_of(path[0]) is None and _is_field(text):
            properties[name][text] = kinds
    return Plan(
        {
            name: _event_plan(
                evidence, name, {column: filled[name, column] for column in columns}, own
            )
            for name, own in properties.items()
        },
        is_strict=True,
    )


def _filled(evidence: Evidence, columns: list[str]) -> dict[tuple[str, str], int]:
    import polars as pl

    counts = [pl.col(column).count() for column in columns]
    events = evidence.events("event_type", *columns)
    table = evidence.collect(events.group_by("event_type").agg(counts))
    return {
        (row["event_type"], column): row[column]
        for row in table.iter_rows(named=True)
        for column in columns
    }


def _event_plan(
    evidence: Evidence,
    name: str,
    filled: Mapping[str, int],
    properties: Mapping[str, Mapping[Kind, Tally]],
) -> EventPlan:
    total = evidence.types[name].events
    required: list[str] = []
    types: dict[str, Kind] = {}
    for column, events in filled.items():
        if events == total:
            required.append(column)
        kind = natural_kind(column)
        if kind == "text" or column in ANY_FORM or not events:
            continue
        if set(evidence.census.kept(name, column)) <= {kind}:
            types[column] = kind
    for text, kinds in properties.items():
        if sum(tally.events for tally in kinds.values()) == total:
            required.append(text)
        if len(kinds) == 1:
            types[text] = next(iter(kinds))
    return EventPlan(tuple(required) if total >= ENOUGH else (), types)


def _is_field(text: str) -> bool:
    """Return whether a property can be written in a plan: an empty key cannot."""
    try:
        return not isinstance(target(text), str)
    except UsageError:
        return False


def text_of(plan: Plan, events: Mapping[str, int]) -> str:
    """Return a derived plan as TOML; ``events`` are those of each type."""
    return "\n".join((_HEADER, *_lines(plan, events)))


def _lines(plan: Plan, events: Mapping[str, int]) -> Iterator[str]:
    for name, own in plan.events.items():
        number = events[name]
        few = "; too few to say what is required" if number < ENOUGH else ""
        yield f"[events.{_key(name)}]"
        yield f"# {number:,} {'event' if number == 1 else 'events'}{few}"
        if own.required:
            yield "required = ["
            yield from (f"    {quoted(one)}," for one in own.required)
            yield "]"
        if own.types:
            yield f"[events.{_key(name)}.types]"
            yield from (f"{_key(one)} = {quoted(kind)}" for one, kind in own.types.items())
        yield ""


def _key(text: str) -> str:
    is_bare = text.isascii() and text.replace("_", "").replace("-", "").isalnum()
    return text if is_bare else quoted(text)


def quoted(text: str) -> str:
    """Return a TOML string in which everything that is not printable is an escape."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
