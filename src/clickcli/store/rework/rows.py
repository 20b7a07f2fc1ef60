"""Event files without the rows that go, a row group at a time, in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickcli.errors import DataError, InternalError
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.layout import digest_file, storage_errors
from clickcli.store.parts import (
    NOBODY,
    EventFile,
    count_properties,
    count_words,
    event_columns,
    sorted_rows,
)  # fmt: skip
from clickcli.store.rework.rule import Reworked, Rule, Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from clickcli.store.rework.rule import Mask

_FIXED: Final = ("seq", "ts")
"""What an edit may not touch: which file a row is in, and which id is its, rest on it."""


@dataclass(slots=True)
class Rows:
    """What came of the event files: staged files, and all that the rows were counted in."""

    done: Reworked = field(default_factory=Reworked)
    files: list[FileRow] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    words: dict[int, tuple[Words, Words]] = field(default_factory=dict)
    gone_seqs: list[NDArray[np.int64]] = field(default_factory=list)
    lost_keys: list[NDArray[np.int64]] = field(default_factory=list)
    new_keys: list[NDArray[np.int64]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group with the rows that go and those that change; None: none of them."""

    number: int
    goes: Mask | None
    changes: Mask | None

    @property
    def is_touched(self) -> bool:
        return self.goes is not None or self.changes is not None


class RowRework:
    """Applies a rule to event files; what it writes is staged in ``folder``.

    ``take_out`` is told the rows that go.
    """

    def __init__(
        self, catalog: Catalog, folder: Path, rule: Rule, take_out: Callable[[pa.Table], None]
    ) -> None:
        import numpy as np

        self._catalog = catalog
        self._folder = folder
        self._rule = rule
        self._tell = take_out
        batches = catalog.rows("SELECT id, first_seq FROM batches ORDER BY id")
        self._numbers = np.array([number for number, _ in batches], dtype=np.int64)
        self._starts = np.array([first for _, first in batches], dtype=np.int64)
        self.out = Rows()

    def file(self, row: FileRow) -> None:
        """Rewrite or drop a file where the rule touches it, else leave it."""
        with open_events(self._catalog.resolve(row)) as source:
            groups = look(source, self._rule)
            if not any(group.is_touched for group in groups):
                return
            intact(self._catalog, row)
            done, out = self.out.done, self.out
            made = self._rewrite(row, source, groups)
            done.bytes_before += row.bytes
            out.replaced.append(row.path)
            if made is None:
                done.files_dropped += 1
            else:
                done.files_rewritten += 1
                done.bytes_rewritten += made.bytes
                out.files.append(made)

    def _rewrite(
        self, row: FileRow, source: pq.ParquetFile, groups: list[_Group]
    ) -> FileRow | None:
        """Return the file with what is left of the rows, None when none is."""
        gone = sum(int(group.goes.sum()) for group in groups if group.goes is not None)
        if gone == source.metadata.num_rows:
            for _ in self._left(source, groups):
                pass
            return None
        assert row.date is not None
        made = EventFile(self._catalog.root, self._folder, row.date)
        tables = self._left(source, groups)
        if self._rule.moves:
            tables = iter([sorted_rows(list(tables))])
        for table in tables:
            made.add(table)
        return made.close()

    def _left(self, source: pq.ParquetFile, groups: list[_Group]) -> Iterator[pa.Table]:
        """Yield what is left of each row group, and count what is not."""
        import pyarrow as pa

        for group in groups:
            table = event_columns(source.read_row_group(group.number))
            if group.goes is not None:
                self._take_out(table.filter(pa.array(group.goes)))
            if group.changes is not None:
                table = self._edited(table, group.changes)
            if group.goes is not None:
                table = table.filter(pa.array(~group.goes))
            if table.num_rows:
                yield table

    def _edited(self, table: pa.Table, changes: Mask) -> pa.Table:
        """Return the rows with those that change as the rule's edit gives them."""
        import numpy as np
        import pyarrow as pa

        assert self._rule.edit is not None
        old = table.filter(pa.array(changes))
        new = event_columns(self._rule.edit(old))
        fixed = _FIXED if self._rule.moves else (*_FIXED, "person_key")
        for name in fixed:
            if new.num_rows != old.num_rows or not new[name].equals(old[name]):
                raise InternalError(f"an edit of stored rows changed their {name}")
        self.out.done.changed += new.num_rows
        self._count(old, 0)
        self._count(new, 1)
        self.out.lost_keys.append(_keys(old))
        self.out.new_keys.append(_keys(new))
        place = np.arange(table.num_rows)
        place[changes] = table.num_rows + np.arange(new.num_rows)
        return pa.concat_tables([table, new]).combine_chunks().take(pa.array(place))

    def _take_out(self, table: pa.Table) -> None:
        """Count rows that go."""
        out = self.out
        out.done.rows += table.num_rows
        out.gone_seqs.append(table["seq"].to_numpy())
        out.lost_keys.append(_keys(table))
        for number, part in self._count(table, 0):
            out.done.by_batch[number] += part.num_rows
        self._tell(table)

    def _count(self, table: pa.Table, side: int) -> list[tuple[int, pa.Table]]:
        """Add the words of rows to what batches lose (side 0) or gain (1); return the parts."""
        import numpy as np
        import pyarrow as pa

        at = np.searchsorted(self._starts, table["seq"].to_numpy(), "right") - 1
        parts = [
            (int(self._numbers[place]), table.filter(pa.array(at == place)))
            for place in np.unique(at)
        ]
        for number, part in parts:
            words = self.out.words.setdefault(number, ({}, {}))[side]
            count_words(part, words)
            count_properties(part, words.setdefault("property", Counter()))
        return parts


def _keys(table: pa.Table) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    keys: NDArray[np.int64] = pc.unique(table["person_key"]).drop_null().to_numpy()
    return keys


def intact(catalog: Catalog, file: FileRow) -> Path:
    """Return where a file is. Raises DataError when it is not as it was written.

    What is rewritten gets a new checksum, so damage must not get past here.
    """
    path = catalog.resolve(file)
    with storage_errors(f"cannot read the event file {path}"):
        if digest_file(path) != file.sha256:
            raise DataError(
                f"the event file {path} is damaged: it is not as it was written",
                hint="restore it from a backup; clickcli verify names all such files",
            )
    return path


def open_events(path: Path) -> pq.ParquetFile:
    """Open an event file. Raises DataError when it is gone or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"cannot read the event file {path}: {str(error).splitlines()[0]}",
            hint="check the store: clickcli verify",
        ) from error


def groups_with(
    source: pq.ParquetFile, keys: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64], Mask]]:
    """Yield the row groups with rows of these persons (sorted keys), whose, and which rows."""
    for number in range(source.num_row_groups):
        bounds = {"person_key": (int(keys[0]), int(keys[-1]))}
        if may_hold(source.metadata.row_group(number), bounds):
            column = source.read_row_group(number, columns=["person_key"])["person_key"]
            found = column.fill_null(NOBODY).to_numpy()
            mask = is_among(found, keys)
            if mask.any():
                yield number, found[mask], mask


def is_among(values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which values are among those wanted, which are sorted."""
    import numpy as np

    if not len(wanted):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(wanted, values), len(wanted) - 1)
    found: NDArray[np.bool_] = wanted[place] == values
    return found


def look(source: pq.ParquetFile, rule: Rule) -> list[_Group]:
    """Return for every row group which rows a rule touches."""
    columns = list(rule.columns) or None
    groups = []
    for number in range(source.num_row_groups):
        if not may_hold(source.metadata.row_group(number), rule.bounds):
            groups.append(_Group(number, None, None))
            continue
        table = source.read_row_group(number, columns=columns)
        goes = rule.goes(table) if rule.goes is not None else None
        changes = rule.changes(table) if rule.changes is not None else None
        if goes is not None and changes is not None:
            changes = changes & ~goes
        groups.append(_Group(number, _if_any(goes), _if_any(changes)))
    return groups


def _if_any(mask: Mask | None) -> Mask | None:
    return mask if mask is not None and mask.any() else None


def may_hold(group: Any, bounds: Any) -> bool:
    """Return whether a row group's statistics leave room for values within bounds."""
    if not bounds:
        return True
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema in bounds:
            low, high = bounds[column.path_in_schema]
            found = column.statistics
            if found is not None and found.has_min_max and (found.max < low or found.min > high):
                return False
    return True
