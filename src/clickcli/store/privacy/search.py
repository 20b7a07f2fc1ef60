"""Look through every file of a store, decoded and raw, for what must not be there any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickcli.identity import anonymous_key, user_key
from clickcli.store.catalog import Catalog
from clickcli.store.layout import CATALOG, storage_errors
from clickcli.store.privacy.mentions import Edits, all_texts, contains_any
from clickcli.store.privacy.tokens import Names

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_CHUNK: Final = 16 << 20


@dataclass(slots=True)
class Search:
    """What was looked through, and the places where something was found."""

    files: int = 0
    bytes: int = 0
    rows: int = 0
    found: list[str] = field(default_factory=list)


def search(
    catalog: Catalog, users: frozenset[str], devices: frozenset[str], names: Names
) -> Search:
    """Look for users, devices and their keys, and for ``names`` in all texts."""
    out = Search()
    finder = _Finder(catalog, users, devices, names, out)
    with storage_errors(f"cannot read the store {catalog.root}"):
        finder.events()
        finder.people()
        finder.rejects()
        finder.catalog()
        finder.raw()
    return out


class _Finder:
    """Looks through one kind of place after the other."""

    def __init__(
        self, catalog: Catalog, users: frozenset[str], devices: frozenset[str], names: Names,
        out: Search,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._ids = {"user_id": list(users), "anonymous_id": list(devices)}
        self._keys = {user_key(user) for user in users} | {anonymous_key(d) for d in devices}
        self._names = names
        self._edits = redaction(names)
        self._out = out
        self._longer: set[str] = set()

    def events(self) -> None:
        """Look at every row."""
        from clickcli.store.rework.rows import open_events

        for file in self._catalog.files("events"):
            with open_events(self._catalog.resolve(file)) as source:
                for number in range(source.num_row_groups):
                    table = source.read_row_group(number)
                    self._out.rows += table.num_rows
                    names_any = any(map(self._contain, all_texts(table).values()))
                    if names_any:
                        self._longer.add(file.path)
                    if self._are_theirs(table) or (names_any and self._edits.mask(table).any()):
                        self._out.found.append(f"{file.path}, row group {number}")

    def _are_theirs(self, table: pa.Table) -> bool:
        """Return whether a row has one of the ids or keys."""
        import polars as pl

        who = pl.DataFrame(pl.from_arrow(table.select(["person_key", *self._ids])))
        if who["person_key"].is_in(list(self._keys)).any():
            return True
        return any(who[name].is_in(ids).any() for name, ids in self._ids.items())

    def people(self) -> None:
        """Look at the lists of keys."""
        import numpy as np

        from clickcli.store.people import load_keys

        for kind in ("people", "linked"):
            for file in self._catalog.files(kind):
                keys = load_keys(self._catalog.resolve(file))
                if np.isin(np.array(sorted(self._keys), dtype=np.int64), keys).any():
                    self._out.found.append(file.path)

    def rejects(self) -> None:
        """Look at every rejected line."""
        from clickcli.store.rejects import read_rejects

        for file in self._catalog.files("rejects"):
            for line in read_rejects(self._catalog.resolve(file), Path(file.path).stem):
                texts = (line.raw, line.source)
                if any(map(self._names.are_in, texts)):
                    self._out.found.append(f"{file.path}, line {line.line}")
                elif any(form in text for form in self._names.forms for text in texts):
                    self._longer.add(file.path)

    def catalog(self) -> None:
        """Look at every value of every table."""
        for (table,) in self._catalog.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for row in self._catalog.rows(f'SELECT * FROM "{table}"'):  # noqa: S608
                if any(self._is_value(value) for value in row):
                    self._out.found.append(f"catalog, table {table}")
                    break
                texts = [value for value in row if type(value) is str]
                if any(form in text for form in self._names.forms for text in texts):
                    self._longer.add(CATALOG)

    def _is_value(self, value: Any) -> bool:
        if type(value) is int:
            return value in self._keys
        if type(value) is not str:
            return False
        whole = any(value in ids for ids in self._ids.values())
        return whole or self._names.redacted(value) != value

    def raw(self) -> None:
        """Look at the bytes of every file, for long ids only: others mean other things too.

        Bytes do not tell where a word ends. Where a file rightly holds a longer word with an id
        inside, its bytes say nothing.
        """
        for path in sorted(self._catalog.root.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            name = path.relative_to(self._catalog.root).as_posix()
            self._out.files += 1
            self._out.bytes += path.stat().st_size
            if self._names.long and name not in self._longer and self._is_in_bytes(path):
                self._out.found.append(f"{name}, raw bytes")

    def _is_in_bytes(self, path: Path) -> bool:
        """Return whether a file's bytes, each taken for a letter of its own, hold a long id."""
        import polars as pl

        forms = tuple(form.encode().decode("latin-1") for form in self._names.forms)
        overlap = max(map(len, forms))
        return any(
            contains_any(pl.Series([chunk.decode("latin-1")]), forms).any()
            for chunk in _chunks(path, overlap)
        )

    def _contain(self, texts: pl.Series) -> bool:
        return bool(self._names.long and contains_any(texts, self._names.forms).any())


def redaction(names: Names) -> Edits:
    """Return what puts a mark in place of names in all texts of rows."""
    return Edits(
        lambda _, series: contains_any(series, names.forms),
        lambda _, text: names.redacted(text),
        names.redacted_json,
    )


def _chunks(path: Path, overlap: int) -> Iterator[bytes]:
    """Yield a file's bytes; each chunk begins with the end of the one before."""
    tail = b""
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            yield tail + piece
            tail = piece[-overlap:]
