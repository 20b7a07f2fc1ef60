"""From a chunk of log lines to stored columns: one pure function, fit for a worker process."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME
from clickcli.identity import anonymous_key, user_key
from clickcli.store.decode import RejectedLine, dump_json
from clickcli.store.enrich import enriched, truncate_ip
from clickcli.store.hashes import GIVEN, content_word, id_words
from clickcli.store.mapping import FieldMap
from clickcli.store.money import currency_column, money_column
from clickcli.store.normalise import Column, text_column, typed_column
from clickcli.store.presets.decode import decode_lines
from clickcli.store.prove import Lines, Shapes, prove
from clickcli.store.proven import ROW, PersonKeys, proven_rows
from clickcli.store.rows import Rows
from clickcli.store.times import Times, read_times

if TYPE_CHECKING:
    import polars as pl

FUTURE_US: Final = 300_000_000
"""How far ahead of our clock a sender's clock may be."""
MONEY: Final = tuple(column.name for column in BY_NAME.values() if column.money)
ID_WORDS: Final = ("id_hi", "id_lo", "content")
"""128-bit event id and 64-bit content hash, uint64; ``is_derived`` says whose id it is."""


@dataclass(frozen=True, slots=True)
class ParseSettings:
    """What a parser must know. ``latest`` is the last instant that is not in the future."""

    mapping: FieldMap | None = None
    input_tz: str | None = None
    latest: int | None = None
    max_line_bytes: int = 1 << 20
    currency: str = "USD"
    keep_ip: bool = False


@dataclass(slots=True)
class Chunk:
    """A parsed chunk: good rows in order of arrival, and the account of the rest.

    The frame has the given columns that occur, ``person_key``, ``items``, ``properties``,
    the id words and ``is_derived``.
    """

    frame: pl.DataFrame
    rejects: list[RejectedLine]
    read: int
    blank: int
    properties: Counter[str]
    proven: int = 0
    """How many of the rows needed no parser."""


@dataclass(slots=True)
class Memory:
    """What was learned of a log so far: it makes parsing faster, and changes nothing else."""

    shapes: Shapes = field(default_factory=Shapes)
    keys: PersonKeys = field(default_factory=PersonKeys)


def parse_chunk(
    data: bytes, first_line: int, settings: ParseSettings, memory: Memory | None = None
) -> Chunk:
    """Parse whole lines, of which the first has this number in its file."""
    was_enabled = gc.isenabled()
    gc.disable()  # a chunk makes many objects and no cycles: looking for some costs a third
    try:
        chunk = _parse(data, first_line, settings, memory or Memory())
        chunk.frame = enriched(chunk.frame.drop(ROW))
        return chunk
    finally:
        if was_enabled:
            gc.enable()


def _parse(data: bytes, first_line: int, settings: ParseSettings, memory: Memory) -> Chunk:
    """Prove lines where that can be done, and parse the others."""
    if settings.mapping is not None:
        return parse_lines(data, first_line, settings)
    import numpy as np
    import polars as pl

    lines = Lines(data, settings.max_line_bytes)
    groups = prove(lines, memory.shapes)
    if not groups:
        return parse_lines(data, first_line, settings)
    proven = proven_rows(groups, settings, memory.keys)
    rows = proven.frame[ROW].to_numpy()
    is_left = np.ones(len(lines), dtype=bool)
    is_left[rows] = False
    left = np.flatnonzero(is_left)
    start = 1 if first_line == 1 and is_left[0] else 2  # a first line may have a byte order mark
    chunk = parse_lines(lines.joined(left), start, settings)
    numbers = (left + first_line).tolist()
    chunk.rejects = [(numbers[line - start], why, raw) for line, why, raw in chunk.rejects]
    parsed = chunk.frame.with_columns(pl.Series(ROW, left[chunk.frame[ROW].to_numpy()]))
    frame = pl.concat([proven.frame, parsed], how="diagonal").rechunk().sort(ROW)
    names = chunk.properties + proven.names
    return Chunk(frame, chunk.rejects, chunk.read + len(rows), chunk.blank, names, len(rows))


def parse_lines(data: bytes, first_line: int, settings: ParseSettings) -> Chunk:
    """Parse lines one by one; the frame has ``ROW``, and lacks what a row's texts say of it."""
    import polars as pl

    decoded = decode_lines(data, first_line, settings.max_line_bytes, settings.mapping)
    read = len(decoded.lines) + len(decoded.rejects)
    if not decoded.lines:
        return Chunk(_nothing(), decoded.rejects, read, decoded.blank, Counter())
    rows = Rows(decoded.lines, settings.mapping, keep_ip=settings.keep_ip)
    times = read_times(rows.raw("ts"), settings.input_tz)
    types = text_column(rows.raw("event_type"), is_id=True)
    faults = _faults(times, types, rows, settings)
    frame = _frame(rows, times, types, decoded.digests, settings)
    frame = frame.with_columns(pl.Series(ROW, decoded.numbers, dtype=pl.Int64) - first_line)
    names = rows.property_names(faults)
    rejects = decoded.rejects
    if faults:
        rejects += [(decoded.numbers[i], why, decoded.raw[i]) for i, why in faults.items()]
        rejects.sort()
        good = [row for row in range(len(decoded.lines)) if row not in faults]
        frame = frame[pl.Series(good, dtype=pl.UInt32)]
    return Chunk(frame, rejects, read, decoded.blank, names)


def _nothing() -> pl.DataFrame:
    import polars as pl

    words = dict.fromkeys(ID_WORDS, pl.UInt64())
    return pl.DataFrame(schema={"ts": pl.Int64(), "event_type": pl.String(), **words,
                                "is_derived": pl.Boolean(), "person_key": pl.Int64(),
                                "properties": pl.String(), ROW: pl.Int64()})  # fmt: skip


def _faults(times: Times, types: Column, rows: Rows, settings: ParseSettings) -> dict[int, str]:
    """Return the reason for each row that must be rejected, by row."""
    faults = dict(times.problems)
    if settings.latest is not None:
        late = (times.us > settings.latest).fill_null(value=False)
        faults |= dict.fromkeys(late.arg_true().to_list(), "time_in_future")
    if times.us.null_count():
        for row in times.us.is_null().arg_true().to_list():
            faults.setdefault(row, "no_time")
    nameless = (types.values.str.strip_chars() == "").fill_null(value=True)
    faults |= dict.fromkeys(nameless.arg_true().to_list(), "no_event_type")
    for row, value in enumerate(rows.raw("event_type")) if types.kept else ():
        if type(value) is float:
            faults[row] = "no_event_type"
    return faults


def _frame(
    rows: Rows, times: Times, types: Column, digests: list[bytes], settings: ParseSettings
) -> pl.DataFrame:
    """Return the typed columns of all rows, the ones to be rejected too."""
    import polars as pl

    columns: dict[str, pl.Series] = {"ts": times.us, "event_type": types.values}
    rows.keep("ts", (row for row in times.inexact if row not in times.problems))
    _given(rows, columns)
    _special(rows, columns, settings)
    columns["person_key"] = _person_keys(columns, len(rows.lines))
    columns |= _ids(rows, columns, digests)
    columns["properties"] = pl.Series(rows.properties(), dtype=pl.Binary).cast(pl.String)
    return pl.DataFrame(columns)


def _given(rows: Rows, columns: dict[str, pl.Series]) -> None:
    """Add the columns that need nothing but their own values."""
    special = {"ts", "event_type", "received_at", "items", "ip", "currency", *MONEY}
    for name in rows.names():
        if name not in special:
            column = typed_column(name, rows.raw(name))
            columns[name] = column.values
            rows.keep(name, column.kept)


def _special(rows: Rows, columns: dict[str, pl.Series], settings: ParseSettings) -> None:
    """Add collector time, money, lists of items, and addresses."""
    import polars as pl

    names = rows.names()
    if "received_at" in names:
        received = read_times(rows.raw("received_at"), settings.input_tz)
        columns["received_at"] = received.us
        rows.keep("received_at", {*received.problems, *received.inexact})
    _money(rows, columns, settings)
    if "items" in names:
        given = rows.raw("items")
        texts = [dump_json(value) if _is_items(value) else None for value in given]
        columns["items"] = pl.Series(texts, dtype=pl.Binary).cast(pl.String)
        rows.keep("items", (r for r, v in enumerate(given) if v is not None and texts[r] is None))
    if "ip" in names:
        _addresses(rows, columns, settings)


def _money(rows: Rows, columns: dict[str, pl.Series], settings: ParseSettings) -> None:
    import polars as pl

    given = text_column(rows.raw("currency"), is_id=False)
    rows.keep("currency", given.kept)
    currency = currency_column(given.values, settings.currency)
    amounts = [name for name in MONEY if name in rows.names()]
    has_money = pl.Series([False]).new_from_index(0, len(rows.lines))
    for name in amounts:
        column = money_column(rows.raw(name), currency.values)
        columns[name] = column.values
        rows.keep(name, column.kept)
        has_money |= column.values.is_not_null()
    if amounts or "currency" in rows.names():
        rows.keep("currency", (row for row in currency.kept if row not in set(given.kept)))
        columns["currency"] = currency.values.set(~(has_money | given.values.is_not_null()), None)


def _addresses(rows: Rows, columns: dict[str, pl.Series], settings: ParseSettings) -> None:
    """Truncate addresses, the spare ones of a line too; what is no address is not kept."""
    if settings.keep_ip:
        column = text_column(rows.raw("ip"), is_id=False)
        columns["ip"] = column.values
        rows.keep("ip", column.kept)
        return
    import polars as pl

    short: dict[Any, str | None] = {}
    texts = [v if type(v) is str else None for v in rows.raw("ip")]
    for text in set(texts):
        short[text] = truncate_ip(text)
    columns["ip"] = pl.Series([short[text] for text in texts], dtype=pl.String)
    for row, places in rows.extras.items():
        spare = dict(rows.plans[row].columns).get("ip", ())
        for place in places:
            if place in spare:
                holder = rows.levels[place[0]][row]
                holder[place[1]] = truncate_ip(holder[place[1]])


def _is_items(value: Any) -> bool:
    return type(value) is list and bool(value) and all(type(item) is dict for item in value)


class _Keys(dict[str, int]):
    """Keys of ids, each hashed once."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, text: str) -> int:
        key: int = self._kind(text)
        self[text] = key
        return key


def _person_keys(columns: dict[str, pl.Series], count: int) -> pl.Series:
    """Return the key of the user, else of the device, else null."""
    import polars as pl

    keys = pl.Series([None], dtype=pl.Int64).new_from_index(0, count)
    for name, kind in (("user_id", user_key), ("anonymous_id", anonymous_key)):
        if name in columns:
            known = _Keys(kind)
            texts = columns[name].to_list()
            found = [None if text is None else known[text] for text in texts]
            keys = keys.fill_null(pl.Series(found, dtype=pl.Int64))
    return keys


def _ids(rows: Rows, columns: dict[str, pl.Series], digests: list[bytes]) -> dict[str, pl.Series]:
    """Return the id words: of the given event id where there is one, else of the line."""
    import numpy as np
    import polars as pl

    words = np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 3).copy()
    if "received_at" in rows.names() and (rows.mapping is None or rows.mapping.usual_names):
        _forget_arrival(rows, words)
    for row, mapped in enumerate(rows.mapped):
        if mapped.content is not None:
            words[row, 2] = mapped.content
    derived = np.ones(len(digests), dtype=bool)
    if "event_id" in columns:
        given = columns["event_id"]
        derived = given.is_null().to_numpy()
        high, low = id_words(given.drop_nulls(), GIVEN)
        words[~derived, 0], words[~derived, 1] = high.to_numpy(), low.to_numpy()
    out = {name: pl.Series(np.ascontiguousarray(words[:, i])) for i, name in enumerate(ID_WORDS)}
    return out | {"is_derived": pl.Series(derived)}


def _forget_arrival(rows: Rows, words: Any) -> None:
    """Set the content hash of lines with a collector time to that of the line without it."""
    for plan, members in rows.groups.values():
        places = dict(plan.columns).get("received_at", ())
        keys = [key for _, key in places]
        for row in members if keys else ():
            line = {key: value for key, value in rows.lines[row].items() if key not in keys}
            if rows.moved:
                line = {"rest": line, "inner": rows.inner[row], "moved": rows.moved[row]}
            words[row, 2] = content_word(dump_json(line, sort_keys=True))
