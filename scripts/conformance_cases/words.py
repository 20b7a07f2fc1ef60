"""The neutral words of a case in clickcli's own: stores, steps, filters, periods."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance_cases.case import Case, Check, Fields, Unsupported

if TYPE_CHECKING:
    from clickcli.api import Log

PERIODS = {name: name for name in ("hour", "day", "week", "month")}
_COMPARE = {
    "eq": "=", "exact": "=", "is": "=", "=": "=", "==": "=",
    "ne": "<>", "is_not": "<>", "neq": "<>", "!=": "<>", "<>": "<>",
    "gt": ">", "lt": "<", "ge": ">=", "gte": ">=", "le": "<=", "lte": "<=",
    ">": ">", "<": "<", ">=": ">=", "<=": "<=",
}  # fmt: skip


@contextmanager
def log_of(case: Case, check: Check) -> Iterator[Log]:
    """Ingest the case's events into a new store and open it.

    Every event must be stored, but for those without a time: they have no place in a log.
    """
    import clickcli
    from clickcli.store import IngestOptions

    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        source = Path(folder) / "events.jsonl"
        lines = (json.dumps(event, ensure_ascii=False) for event in case.events)
        source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        with clickcli.create(Path(folder) / "store") as log:
            summary = log.ingest(source, options=IngestOptions(max_error_rate=1, input_tz="UTC"))
            timeless = sum(1 for event in case.events if event.get("timestamp") is None)
            if (summary.stored, summary.rejected) != (len(case.events) - timeless, timeless):
                check.differences.append(
                    f"ingest: {len(case.events)} events, {timeless} of them without a time, but "
                    f"{summary.stored} stored, rejected {dict(summary.reasons)}"
                )
            yield log


def text(value: str) -> str:
    """Write a text value of the filter language."""
    return "'" + value.replace("'", "''") + "'"


def property_name(key: str) -> str:
    """Write a property's name."""
    return 'properties."' + key.replace('"', '""') + '"'


def step_text(step: Fields, known: set[str]) -> str:
    """Write an event and its filter as a step.

    A name that no event has is a filter on ``event_type``, since a step refuses it as misspelt.
    """
    name = step.take("event")
    filters = predicates(step.take("where", ()))
    step.finish()
    if name is None:
        head = "*"
    elif name in known:
        head = '"' + name.replace('"', '""') + '"'
    else:
        head, filters = "*", [f"event_type = {text(name)}", *filters]
    return f"{head}[{' and '.join(filters)}]" if filters else head


def predicates(wheres: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write each of the filters, all of which must hold."""
    return [_predicate(Fields(where, "where")) for where in wheres]


def _predicate(where: Fields) -> str:
    """Write one filter on a property; a property that is absent is not equal to anything."""
    name = property_name(str(where.take("property")))
    op = str(where.take("op", "eq"))
    value = where.take("value")
    where.finish()
    if op in ("is_set", "is_not_set"):
        return f"{name} is {'not ' if op == 'is_set' else ''}null"
    if op in ("icontains", "not_icontains"):
        like = f"{name} ilike {text(_like(str(value)))}"
        return like if op == "icontains" else f"({name} is null or not ({like}))"
    operator = {"in": "=", "not_in": "<>"}.get(op) or _COMPARE.get(op)
    if operator is None:
        raise Unsupported(f"filter operator {op!r}: not in the filter language")
    if value is None:
        return f"{name} is {'not ' if operator == '<>' else ''}null"
    values = value if isinstance(value, list) else [value]
    if operator == "<>":
        return f"({name} is null or {name} not in ({', '.join(map(_text_literal, values))}))"
    if operator == "=":
        tests = (f"{name} = {_literal(one)}" for one in values)
        return f"({' or '.join(tests)})"
    if isinstance(value, list):
        raise Unsupported(f"filter operator {op!r} with a list of values")
    return f"{name} {operator} {_literal(value)}"


def _like(value: str) -> str:
    if any(sign in value for sign in "%_\\"):
        raise Unsupported(f"icontains with a wildcard character: {value!r}")
    return f"%{value}%"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return text(value)
    raise Unsupported(f"filter value {value!r}")


def _text_literal(value: Any) -> str:
    """Write a value as text: what is no number differs from every number."""
    literal = _literal(value)
    return literal if isinstance(value, str) else text(literal)


def shared(query: Fields) -> dict[str, Any]:
    """Return the options that every analysis takes under the same names, but for the period."""
    options: dict[str, Any] = {"tz": str(query.take("timezone", "UTC"))}
    if query.has("week_start"):
        days = {"sunday": "sunday", "monday": "monday"}
        options["week_start"] = query.choose("week_start", days, "monday")
    if where := predicates(query.take("global_where", ())):
        options["where"] = tuple(where)
    return options


def span(query: Fields) -> dict[str, str]:
    """Return ``from_``, ``to`` and ``as_of`` of the case's dates; its end is made half-open."""
    options = {}
    if (start := query.take("date_from")) is not None:
        options["from_"] = str(start)
    if (last := query.take("date_to")) is not None:
        options["to"] = options["as_of"] = after(str(last))
    return options


def after(last: str) -> str:
    """Return the first moment after the day, second or instant written, without a gap."""
    if len(last) <= len("2020-01-01"):
        return (date.fromisoformat(last) + timedelta(days=1)).isoformat()
    moment = datetime.fromisoformat(last)
    step = timedelta(microseconds=1) if moment.microsecond else timedelta(seconds=1)
    return (moment + step).isoformat()


def seconds(value: float) -> str:
    """Write a duration."""
    return f"{round(value * 1_000_000)}us"
