"""Golden samples of foreign logs, and what is compared of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from clickcli.columns import BY_NAME
from clickcli.currencies import exponent
from clickcli.store.decode import RejectedLine
from clickcli.store.enrich import truncate_ip
from clickcli.store.parse import ParseSettings, parse_chunk
from clickcli.store.presets import MODULES, find_preset
from clickcli.store.presets.base import Preset
from clickcli.store.presets.decode import decode_lines
from clickcli.store.times import read_times
from clickcli.units import from_us

FOLDER: Final = Path(__file__).parent
SAMPLES: Final = sorted(
    path for path in FOLDER.iterdir() if path.suffix in (".jsonl", ".log", ".tsv")
)
ENRICHED: Final = frozenset({"device_type", "browser", "os", "is_bot", "referrer_host"})
"""Columns that user agent and referrer fill: compared where a sample names them."""
NOT_COMPARED: Final = frozenset({"person_key", "id_hi", "id_lo", "content", "is_derived"})
TIMES: Final = ("ts", "received_at")


def preset_of(sample: Path) -> Preset:
    """Return the preset that a sample is named after: ``ga4-items.jsonl`` is of ``ga4``."""
    return find_preset(sample.stem.partition("-")[0])


def presets() -> list[Preset]:
    """Return every preset once."""
    found = {preset.name: preset for preset in map(find_preset, MODULES)}
    return list(found.values())


def expected_of(sample: Path) -> list[dict[str, Any]]:
    """Return the rows that were written by hand."""
    rows: list[dict[str, Any]] = json.loads(
        sample.with_name(sample.stem + ".expected.json").read_text("utf-8")
    )
    return rows


def rows_of(data: bytes, preset: Preset, **changes: Any) -> list[dict[str, Any]]:
    """Return rows as samples write them, rejects among them in the order of the lines."""
    settings = ParseSettings(**{"mapping": preset} | changes)
    chunk = parse_chunk(data, 1, settings)
    numbers = [number for number, _ in good_events(data, preset, chunk.rejects)]
    rows = [_shown(row) for row in chunk.frame.to_dicts()]
    out = [*zip(numbers, rows, strict=True)]
    out += [(number, {"line": number, "reject": why}) for number, why, _ in chunk.rejects]
    return [row for _, row in sorted(out, key=lambda pair: pair[0])]


def good_events(
    data: bytes, preset: Preset, rejects: list[RejectedLine]
) -> list[tuple[int, dict[str, Any]]]:
    """Return the events that became rows, each with the number of its line."""
    bad = {(number, raw) for number, _, raw in rejects}
    decoded = decode_lines(data, 1, 1 << 20, preset)
    found = zip(decoded.numbers, decoded.raw, decoded.lines, strict=True)
    return [(number, event) for number, raw, event in found if (number, raw) not in bad]


def stored_events(data: bytes, preset: Preset) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each event that became a row, with its row."""
    chunk = parse_chunk(data, 1, ParseSettings(mapping=preset))
    events = [event for _, event in good_events(data, preset, chunk.rejects)]
    return list(zip(events, map(_shown, chunk.frame.to_dicts()), strict=True))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    out = {k: v for k, v in row.items() if v is not None and k not in NOT_COMPARED}
    for name in TIMES:
        if name in out:
            out[name] = _iso(out[name])
    for name in ("properties", "items"):
        if name in out:
            out[name] = json.loads(out[name])
    return out


def _iso(microseconds: int) -> str:
    moment: datetime = from_us(microseconds, UTC)
    whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{whole}{fraction}Z"


def leaves(value: Any) -> Iterator[Any]:
    """Yield the scalars of a decoded value; null says nothing, nor does what is empty."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    elif value is not None:
        yield value


def lost_leaves(event: dict[str, Any], row: dict[str, Any], preset: Preset) -> list[Any]:
    """Return the scalars of an event that its row (as samples write it) does not say.

    What stands where an address should is left out: only an address is kept of it.
    """
    event = _without_addresses(event, preset)
    have = {_canonical(leaf) for leaf in leaves(row)}
    money = {
        Decimal(value).scaleb(-exponent(row.get("currency", "USD")))
        for name, value in row.items()
        if name in BY_NAME and BY_NAME[name].money
    }
    return [
        leaf
        for leaf in leaves(_opened(event, preset, have))
        if _canonical(leaf) not in have and not _is_said(leaf, row, money)
    ]


def _opened(event: dict[str, Any], preset: Preset, have: set[str]) -> dict[str, Any]:
    """Return an event with what a preset reads as an object read here, without the preset.

    What the row still holds as it was is left as it is.
    """
    keys = [key for key in preset.objects if key in event]
    return event | {key: _object(event[key], have) for key in keys}


def _object(value: Any, have: set[str]) -> Any:
    """Return JSON text, or a list of pairs with a name each, as an object."""
    if isinstance(value, str) and value not in have:
        with suppress(ValueError, RecursionError):
            found = json.loads(value)
            return found if isinstance(found, dict) else value
    if isinstance(value, list) and all(_is_pair(entry) for entry in value):
        names = [entry["key"] for entry in value]
        return {entry["key"]: entry["value"] for entry in value} if _unique(names) else value
    return value


def _is_pair(entry: Any) -> bool:
    is_pair = isinstance(entry, dict) and entry.keys() == {"key", "value"}
    return is_pair and isinstance(entry["key"], str)


def _unique(names: list[str]) -> bool:
    return len(set(names)) == len(names)


def _without_addresses(event: dict[str, Any], preset: Preset) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(json.dumps(event))
    for path in preset.fields.get("ip", ()):
        holder: Any = out
        *keys, last = path.split(".")
        for key in keys:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder.pop(last, None)
    return out


def _canonical(leaf: Any) -> str:
    if isinstance(leaf, float) and leaf.is_integer() and abs(leaf) < 2**53:
        leaf = int(leaf)
    return leaf if isinstance(leaf, str) else json.dumps(leaf)


def _is_said(leaf: Any, row: dict[str, Any], money: set[Decimal]) -> bool:
    """Return whether a column says the same in its own form."""
    if isinstance(leaf, bool):
        return False
    if isinstance(leaf, int | float) and Decimal(repr(leaf)) in money:
        return True
    text = str(leaf)
    if truncate_ip(text) is not None and truncate_ip(text) == row.get("ip"):
        return True
    return _time(text) in {row[name] for name in TIMES if name in row}


def _time(text: str) -> str | None:
    """Return a time in one of the forms that logs have, read without the preset."""
    with suppress(ValueError):
        moment = datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    (us,) = read_times([int(text) if text.isdecimal() and len(text) < 20 else text], "UTC").us
    return None if us is None else _iso(us)


def lost_in_making(line: Any, events: Iterable[Any]) -> list[Any]:
    """Return the scalars of a line that none of the events made of it says.

    Text that an event holds as an object is looked for as such; the mark of a device is no part
    of its id.
    """
    texts = [one["properties"] for one in _dicts(line) if type(one.get("properties")) is str]
    addresses = [one["ip"] for one in _dicts(line) if "ip" in one]
    have = {_said(leaf) for leaf in leaves([*events, *addresses])}
    return [x for x in leaves(line) if _said(x) not in have and x not in texts]


def _dicts(value: Any) -> list[dict[str, Any]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict) else []
    return own + [found for part in inner for found in _dicts(part)]


def _said(leaf: Any) -> str:
    return (leaf if isinstance(leaf, str) else json.dumps(leaf)).removeprefix("$device:")
