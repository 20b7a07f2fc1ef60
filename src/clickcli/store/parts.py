"""Event files: one date each, sorted by (person_key, ts, seq), nobody first."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickcli.columns import EVENT_COLUMNS, FLAGS, PARTITION
from clickcli.store.catalog import FileRow
from clickcli.store.layout import digest_file, make_file
from clickcli.store.spool import Piece, SpoolFiles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    OrderKeys = tuple[NDArray[np.int64], NDArray[np.int64]]

PART_ROWS: Final = 500_000
"""Rows of a file, at most about; a date with more has several, split by person."""
ROW_GROUP: Final = 32_768
NOBODY: Final = -(2**63)
"""What stands for no person key where keys are compared; it is nobody's key."""
_STATISTICS: Final = ["person_key", "seq", "event_type", "ts", "received_at"]
"""Columns whose range is in the file's own statistics: none that names a person."""
_CODEC: Final = {
    column.name: "lz4" if column.name in ("person_key", "ts", "seq") else "zstd"
    for column in EVENT_COLUMNS
}
"""What packs each column; those that every question reads are quick to unpack."""
_LEVEL: Final = {name: 1 for name, codec in _CODEC.items() if codec == "zstd"}
_DICTIONARY: Final = [
    column.name
    for column in EVENT_COLUMNS
    if column.dtype == "string"
    and column.name not in ("event_id", "properties", "items", "order_id", "page_url")
]


def arrow_schema() -> pa.Schema:
    """Return the schema of an event file."""
    import pyarrow as pa

    types = {
        "int64": pa.int64(), "float64": pa.float64(), "string": pa.large_string(),
        "bool": pa.bool_(),
    }  # fmt: skip
    return pa.schema([(column.name, types[column.dtype]) for column in EVENT_COLUMNS])


def event_columns(table: pa.Table) -> pa.Table:
    """Return a table with all columns of an event file in order; null where it has none."""
    import pyarrow as pa

    schema = arrow_schema()
    if table.schema.equals(schema):
        return table
    nulls = {kind: pa.nulls(len(table), kind) for kind in set(schema.types)}
    names = set(table.column_names)
    columns = [table[f.name].cast(f.type) if f.name in names else nulls[f.type] for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def count_words(table: pa.Table, words: dict[str, Counter[str]]) -> None:
    """Add what rows hold to counts by kind of vocabulary: event_type, column, flag."""
    import pyarrow.compute as pc

    kinds = ("event_type", "column", "flag")
    types, columns, flags = (words.setdefault(kind, Counter()) for kind in kinds)
    for pair in pc.value_counts(table["event_type"]).to_pylist():
        types[pair["values"]] += pair["counts"]
    for name in table.column_names:
        if filled := table.num_rows - table[name].null_count:
            columns[name] += filled
    for name in FLAGS:
        if name in table.column_names:
            flags[name] += pc.sum(table[name]).as_py() or 0


def count_properties(table: pa.Table, names: Counter[str]) -> None:
    """Count the property names of rows."""
    import orjson

    for text in table["properties"].to_pylist():
        if text is not None:
            names.update(list(orjson.loads(text)))


class EventFile:
    """Writes one event file from tables that follow one another in its order.

    Memory holds a row group and the table that was added last.
    """

    def __init__(self, root: Path, folder: Path, day: str) -> None:
        import pyarrow.parquet as pq

        self._root = root
        self._day = day
        self._path = folder / f"part-{uuid.uuid4().hex}.parquet"
        self._held: list[pa.Table] = []
        self._rows = 0
        self._bounds: dict[str, list[int]] = {"ts": [], "person_key": []}
        make_file(self._path)
        self._writer = pq.ParquetWriter(
            str(self._path), arrow_schema(), compression=_CODEC, compression_level=_LEVEL,
            use_dictionary=_DICTIONARY, write_statistics=_STATISTICS, store_schema=False,
        )  # fmt: skip

    def add(self, table: pa.Table) -> None:
        """Append rows; they come after those added before."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self._held.append(event_columns(table))
        self._rows += table.num_rows
        for name, values in self._bounds.items():
            found = pc.min_max(table[name]).as_py()
            values += [value for value in found.values() if value is not None]
        held = sum(part.num_rows for part in self._held)
        if held >= ROW_GROUP:
            whole = pa.concat_tables(self._held)
            full = held - held % ROW_GROUP
            self._writer.write_table(whole.slice(0, full), row_group_size=ROW_GROUP)
            self._held = [whole.slice(full)]

    def close(self) -> FileRow:
        """Finish the file and describe it."""
        for table in self._held:
            if table.num_rows:
                self._writer.write_table(table)
        self._writer.close()
        keys, times = self._bounds["person_key"], self._bounds["ts"]
        return FileRow(
            path=f"events/{PARTITION}={self._day}/{self._path.name}", kind="events",
            rows=self._rows, bytes=self._path.stat().st_size, sha256=digest_file(self._path),
            staged=str(self._path.relative_to(self._root)), date=self._day,
            min_ts=min(times), max_ts=max(times), min_key=min(keys, default=None),
            max_key=max(keys, default=None),
        )  # fmt: skip


@dataclass(slots=True)
class Written:
    """The files made of a batch, and what its stored rows hold."""

    files: list[FileRow] = field(default_factory=list)
    rows: int = 0
    first_ts: int | None = None
    last_ts: int | None = None
    words: dict[str, Counter[str]] = field(default_factory=dict)
    dropped_properties: Counter[str] = field(default_factory=Counter)
    people: list[NDArray[np.int64]] = field(default_factory=list)

    def person_keys(self) -> NDArray[np.int64]:
        """Return the keys of all persons, sorted, each once."""
        import numpy as np

        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self.people]))


class PartWriter:
    """Writes the files of a batch into its staging folder, a date at a time."""

    def __init__(self, root: Path, folder: Path, dropped: NDArray[np.int64]) -> None:
        self._root = root
        self._folder = folder
        self._dropped = dropped
        self._files = SpoolFiles()
        self.written = Written()

    def close(self) -> None:
        """Close what was read from."""
        self._files.close()

    def write_date(self, day: date, pieces: Sequence[Piece]) -> None:
        """Write the new rows of a date."""
        tables = [self._files.table(piece) for piece in pieces]
        for group in _split(tables):
            table = self._without_dropped(sorted_rows(group))
            if table.num_rows:
                self._write(day, table)

    def _without_dropped(self, table: pa.Table) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        if not len(self._dropped):
            return table
        seq = table["seq"].to_numpy()
        at = np.minimum(np.searchsorted(self._dropped, seq), len(self._dropped) - 1)
        is_dropped = self._dropped[at] == seq
        if not is_dropped.any():
            return table
        count_properties(table.filter(pa.array(is_dropped)), self.written.dropped_properties)
        return table.filter(pa.array(~is_dropped))

    def _write(self, day: date, table: pa.Table) -> None:
        import pyarrow.compute as pc

        table = event_columns(table)
        made = EventFile(self._root, self._folder, day.isoformat())
        made.add(table)
        file, out = made.close(), self.written
        out.files.append(file)
        out.rows += file.rows
        assert file.min_ts is not None
        assert file.max_ts is not None
        out.first_ts = file.min_ts if out.first_ts is None else min(file.min_ts, out.first_ts)
        out.last_ts = file.max_ts if out.last_ts is None else max(file.max_ts, out.last_ts)
        count_words(table, out.words)
        out.people.append(pc.unique(table["person_key"]).drop_null().to_numpy())


def order_keys(table: pa.Table) -> OrderKeys:
    """Return person keys (nobody as the smallest) and times."""
    import pyarrow.compute as pc

    return pc.fill_null(table["person_key"], NOBODY).to_numpy(), table["ts"].to_numpy()


def _split(tables: list[pa.Table]) -> Iterator[list[pa.Table]]:
    """Yield the same rows in ranges of (person_key, ts) of about a file's size each."""
    if sum(table.num_rows for table in tables) <= PART_ROWS:
        yield tables
        return
    tables = [sorted_rows([table]) for table in tables]
    for ranges in cuts([order_keys(table) for table in tables]):
        yield [table.slice(a, b - a) for table, (a, b) in zip(tables, ranges, strict=True)]


def cuts(sources: list[OrderKeys]) -> Iterator[list[tuple[int, int]]]:
    """Yield, for one file after the other, the range of rows that each sorted source gives to it.

    Files are ranges of (person_key, ts), of at most about ``PART_ROWS`` rows.
    """
    import numpy as np

    sizes = [len(times) for _, times in sources]
    total = sum(sizes)
    if total <= PART_ROWS:
        yield [(0, size) for size in sizes]
        return
    keys = np.concatenate([key for key, _ in sources])
    times = np.concatenate([ts for _, ts in sources])
    order = np.lexsort((times, keys))
    parts = -(-total // PART_ROWS)
    marks = [order[part * total // parts] for part in range(1, parts)]
    starts = [0] * len(sources)
    for mark in [*marks, None]:
        stops = sizes
        if mark is not None:
            stops = [_position(k, t, keys[mark], times[mark]) for k, t in sources]
        yield list(zip(starts, stops, strict=True))
        starts = stops


def _position(
    keys: NDArray[np.int64], times: NDArray[np.int64], key: np.int64, ts: np.int64
) -> int:
    """Return how many sorted rows come before (key, ts)."""
    import numpy as np

    low, high = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
    return int(low + np.searchsorted(times[low:high], ts, "left"))


def merged(tables: list[pa.Table]) -> pa.Table:
    """Return sorted tables as one sorted table."""
    filled = [table for table in tables if table.num_rows]
    return sorted_rows(filled) if len(filled) > 1 else (filled or tables)[0]


def sorted_rows(tables: list[pa.Table]) -> pa.Table:
    """Return rows in the order of an event file."""
    import numpy as np
    import pyarrow as pa

    table = pa.concat_tables(tables, promote_options="permissive")
    keys, times = order_keys(table)
    order = np.lexsort((table["seq"].to_numpy(), times, keys))
    return table.combine_chunks().take(pa.array(order))
