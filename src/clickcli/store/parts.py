"""Event files: one date each, sorted by (person_key, ts, seq), nobody first."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import EVENT_COLUMNS, PARTITION
from clickcli.store.catalog import FileRow
from clickcli.store.layout import digest_file, make_file
from clickcli.store.spool import Piece, SpoolFiles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

PART_ROWS: Final = 500_000
"""Rows of a file, at most about; a date with more has several, split by person."""
ROW_GROUP: Final = 65_536
_NOBODY: Final = -(2**63)
_STATISTICS: Final = ["person_key", "seq", "event_type", "ts", "received_at"]
"""Columns whose range is in the file's own statistics: none that names a person."""
_DICTIONARY: Final = [
    column.name
    for column in EVENT_COLUMNS
    if column.dtype == "string"
    and column.name not in ("event_id", "properties", "items", "order_id", "page_url")
]


def arrow_schema() -> pa.Schema:
    """Return the schema of an event file."""
    import pyarrow as pa

    types = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.large_string()}
    return pa.schema([(column.name, types[column.dtype]) for column in EVENT_COLUMNS])


@dataclass(slots=True)
class Written:
    """The files made of a batch, and what its stored rows hold."""

    files: list[FileRow] = field(default_factory=list)
    rows: int = 0
    first_ts: int | None = None
    last_ts: int | None = None
    event_types: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
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
            table = self._without_dropped(_merge(group))
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
        self._count_dropped(table["properties"].filter(pa.array(is_dropped)))
        return table.filter(pa.array(~is_dropped))

    def _count_dropped(self, properties: Any) -> None:
        import orjson

        for text in properties.to_pylist():
            if text is not None:
                self.written.dropped_properties.update(list(orjson.loads(text)))

    def _write(self, day: date, table: pa.Table) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        rows = table.num_rows
        columns = [
            table[f.name] if f.name in table.column_names else pa.nulls(rows, f.type)
            for f in arrow_schema()
        ]
        table = pa.Table.from_arrays(columns, schema=arrow_schema())
        name = f"part-{uuid.uuid4().hex}.parquet"
        path = self._folder / name
        make_file(path)
        pq.write_table(
            table, str(path), row_group_size=ROW_GROUP, compression="zstd", compression_level=3,
            use_dictionary=_DICTIONARY, write_statistics=_STATISTICS, store_schema=False,
        )  # fmt: skip
        times = pc.min_max(table["ts"]).as_py()
        keys = pc.min_max(table["person_key"]).as_py()
        self.written.files.append(
            FileRow(
                path=f"events/{PARTITION}={day.isoformat()}/{name}", kind="events", rows=rows,
                bytes=path.stat().st_size, sha256=digest_file(path),
                staged=str(path.relative_to(self._root)), date=day.isoformat(),
                min_ts=times["min"], max_ts=times["max"], min_key=keys["min"],
                max_key=keys["max"],
            )
        )  # fmt: skip
        self._count(table, times)

    def _count(self, table: pa.Table, times: dict[str, int]) -> None:
        import pyarrow.compute as pc

        out = self.written
        out.rows += table.num_rows
        out.first_ts = min(times["min"], out.first_ts or times["min"])
        out.last_ts = max(times["max"], out.last_ts or times["max"])
        for pair in pc.value_counts(table["event_type"]).to_pylist():
            out.event_types[pair["values"]] += pair["counts"]
        for name in table.column_names:
            filled = table.num_rows - table[name].null_count
            if filled:
                out.columns[name] += filled
        out.people.append(pc.unique(table["person_key"]).drop_null().to_numpy())


def _keys(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return person keys (nobody as the smallest) and times."""
    import pyarrow.compute as pc

    return pc.fill_null(table["person_key"], _NOBODY).to_numpy(), table["ts"].to_numpy()


def _split(tables: list[pa.Table]) -> Iterator[list[pa.Table]]:
    """Yield the same rows in ranges of (person_key, ts) of about a file's size each."""
    import numpy as np

    total = sum(table.num_rows for table in tables)
    if total <= PART_ROWS:
        yield tables
        return
    sorted_keys = [_keys(table) for table in tables]
    keys = np.concatenate([key for key, _ in sorted_keys])
    times = np.concatenate([ts for _, ts in sorted_keys])
    order = np.lexsort((times, keys))
    parts = -(-total // PART_ROWS)
    marks = [order[part * total // parts] for part in range(1, parts)]
    starts = [0] * len(tables)
    for mark in [*marks, None]:
        stops = [table.num_rows for table in tables]
        if mark is not None:
            stops = [_position(k, t, keys[mark], times[mark]) for k, t in sorted_keys]
        yield [table.slice(a, b - a) for table, a, b in zip(tables, starts, stops, strict=True)]
        starts = stops


def _position(
    keys: NDArray[np.int64], times: NDArray[np.int64], key: np.int64, ts: np.int64
) -> int:
    """Return how many sorted rows come before (key, ts)."""
    import numpy as np

    low, high = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
    return int(low + np.searchsorted(times[low:high], ts, "left"))


def _merge(tables: list[pa.Table]) -> pa.Table:
    """Return sorted tables as one sorted table."""
    import numpy as np
    import pyarrow as pa

    filled = [table for table in tables if table.num_rows]
    if len(filled) < 2:
        return (filled or tables)[0]
    table = pa.concat_tables(filled, promote_options="default")
    keys, times = _keys(table)
    order = np.lexsort((table["seq"].to_numpy(), times, keys))
    return table.combine_chunks().take(pa.array(order))
