"""One file that is read while it grows: what was read of it and waits to be stored."""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from clickcli.errors import DataError
from clickcli.store.catalog import Catalog
from clickcli.store.layout import CHUNK
from clickcli.store.ledger import Entry, Job, entry_at
from clickcli.store.mapping import FieldMap
from clickcli.store.occurrences import Occurrences
from clickcli.store.sources import Block, Consumed, Identity, Source
from clickcli.store.types import Status

_GUARD: Final = 256
"""Bytes before the place where we stand that must stay as they were."""
_PIECE: Final = 1 << 20
"""Bytes that are taken at a time, so that what waits stays near its limit."""
_NOTHING: Final = Consumed(0, 0, "", 0, "")

Key = tuple[int, int]
"""Device and inode."""


class GrowingFile:
    """An open file whose end moves.

    A read that finds the file cut short, or other content right before the place where it
    stands, gives nothing and sets ``is_cut``. Raises OSError when the file cannot be opened,
    DataError when it is no file.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.is_cut = False
        self._position = 0
        self._last = b""
        status = self.status()
        if not stat.S_ISREG(status.st_mode):
            os.close(self._handle)
            raise DataError(
                f"{path} must be a file to be followed",
                hint="pipe what is no file: … | clickcli ingest -",
            )
        self.key: Key = status.st_dev, status.st_ino

    def status(self) -> os.stat_result:
        """Return what the file system says about the file now."""
        return os.fstat(self._handle)

    def read(self, size: int, /) -> bytes:
        """Return what follows, up to so many bytes; none at the end of the moment."""
        if self.is_cut:
            return b""
        piece = os.pread(self._handle, min(size, _PIECE), self._position)
        # Looked at after the read: what was read before a cut is found again in the copy.
        if not self._is_as_before():
            self.is_cut = True
            return b""
        self._position += len(piece)
        self._last = (self._last + piece)[-_GUARD:]
        return piece

    def _is_as_before(self) -> bool:
        start = self._position - len(self._last)
        return os.pread(self._handle, len(self._last), start) == self._last

    def peek(self, size: int, start: int) -> bytes:
        """Return bytes from anywhere, without moving."""
        return os.pread(self._handle, size, start)

    def rewind(self) -> None:
        """Go back to the start, whatever the content is now."""
        self._position, self._last, self.is_cut = 0, b"", False

    def tell(self) -> int:
        """Return how much was read."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


class Tail:
    """A file that is followed.

    ``path`` is where the file is now; None when it has no name any more. ``left_at`` is when
    another file began to be written to instead; ``is_done`` says that the next one may be begun,
    ``is_finished`` that nothing more is read of this one. ``done`` is what is stored of it,
    ``recorded`` what the ledger says of that.
    """

    def __init__(self, path: Path, file: GrowingFile, max_line_bytes: int) -> None:
        self.name = str(path)
        self.path: Path | None = path
        self.file = file
        self.lines = 0
        self.size = 0
        self.key = file.key
        self.folder = path.parent
        self.left_at: float | None = None
        self.is_done = False
        self.is_finished = False
        self.status: Status = "new"
        self.changed_ns = file.status().st_mtime_ns
        self._grew_at = -math.inf
        self._limit = max_line_bytes
        self.blocks: list[Block] = []
        self._met_end: os.stat_result | None = None
        self._offered: Entry | None = None
        self._job: Job | None = None
        self._mapping: FieldMap | None = None
        self._is_told = False
        self._mark: tuple[str, Entry | None] = (str(path), None)
        self._start(None)

    def resume(self, catalog: Catalog, entries: Iterable[Entry]) -> None:
        """Stand after what was consumed before; at the start when the content is another's."""
        self.blocks, self.lines, self.size = [], 0, 0
        path = str(self.path)
        self._mark = (path, entry_at(catalog, path))
        for entry in sorted(entries, key=lambda entry: -entry.consumed.offset):
            before = entry.consumed
            self._start(entry)
            if self.file.status().st_size >= before.offset and self._source.skip(
                before.offset, before.lines, before.sha256
            ):
                self.status, self.done = "grown", self._source.consumed_lines()
                return
            self.status = "rotated"
        self._start(None)

    def _start(self, entry: Entry | None) -> None:
        self.file.rewind()
        self._source = Source(self.name, self.file, self._limit, is_plain=True)
        self.done = _NOTHING
        self.recorded = entry
        self._earlier = Occurrences(self.file, self._limit)
        self._met_end, self._offered, self._job = None, None, None
        self.is_done = self.is_finished = False

    def read(self) -> bool:
        """Take what follows, a piece at a time; False when there is no whole line more."""
        status = self.file.status()
        block = next(self._source.whole_lines(), None)
        if block is None:
            self._met_end = None if self.file.is_cut else status
            return False
        self._add(block)
        return True

    def _add(self, block: Block) -> None:
        if self._met_end is not None:
            self._grew_at = time.monotonic()
        self._met_end = None
        self.blocks.append(block)
        self.size += len(block.data)
        self.lines += block.data.count(b"\n")

    def finish(self) -> None:
        """Take a last line without an end as well: nothing more is read after this."""
        if not self.is_finished:
            end = self._met_end
            for block in self._source.last_line():
                self._add(block)
            self._met_end = end
            self.is_finished = self.is_done = True

    def leave(self, *, long_ago: bool = False) -> None:
        """Note that another file is written to from now on, or has been for long."""
        if self.left_at is None:
            self.left_at = -math.inf if long_ago else time.monotonic()

    def come_back(self) -> None:
        """Note that the file is the one that is written to, after all."""
        self.left_at, self.is_done = None, False

    def quiet_s(self, now: float) -> float:
        """Return for how long a file that was left has not grown, seconds."""
        return now - max(self._grew_at, now if self.left_at is None else self.left_at)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def is_cut(self) -> bool:
        """Return whether the content is no longer there, other than what waits."""
        return self.file.is_cut

    @property
    def has_news(self) -> bool:
        """Whether lines wait to be stored."""
        return bool(self.blocks)

    @property
    def needs_entry(self) -> bool:
        """Whether the ledger does not know yet where the file is now."""
        known = self.recorded
        return self.path is not None and known is not None and known.identity.path != str(self.path)

    @property
    def reached(self) -> Consumed:
        """How far whole lines were read."""
        return self._source.consumed_lines()

    def as_entry(self) -> Entry:
        """Return what the ledger would say of what was read."""
        return Entry(Identity(self.name, *self.key, 0, 0), self.reached)

    def behind(self) -> int:
        """Return how many bytes are not stored yet."""
        if self.file.is_cut:
            return self.size
        return max(0, self.file.status().st_size - self.done.offset)

    def job(self) -> Job:
        """Return what waits as a source to read; ``stored`` is to be called after that."""
        consumed = self._source.consumed() if self.is_finished else self.reached
        identity = None if self.path is None else self._identity(self.path, consumed)
        self._offered = None if identity is None else Entry(identity, consumed)
        self._job = Job(
            f"{self.name} (gone)" if identity is None else identity.path, self.status,
            _Waiting(self.blocks, consumed), identity, self.done.offset, is_ours=False,
            earlier=self._earlier.up_to(self.done),
            is_current=None if identity is None else self._is_current,
            mapping=self._mapping, is_told=self._is_told,
        )  # fmt: skip
        return self._job

    def _identity(self, path: Path, consumed: Consumed) -> Identity:
        """Return the file's identity; none that a file could have while there is more to read."""
        end = self._met_end
        if end is None or end.st_size != consumed.content_size:
            return Identity(str(path), *self.file.key, consumed.content_size, 0)
        return Identity(str(path), *self.file.key, end.st_size, end.st_mtime_ns)

    def _is_current(self, catalog: Catalog) -> bool:
        path, entry = self._mark
        return entry_at(catalog, path) == entry

    def stored(self) -> None:
        """Note that what waited is in the store."""
        if self._job is not None and self.has_news:
            self._mapping, self._is_told = self._job.mapping, True
        if self._offered is not None:
            self.recorded = self._offered
            self._mark = (self._offered.identity.path, self._offered)
        self.done = self.reached
        self.blocks, self.lines, self.size, self.status = [], 0, 0, "grown"


class _Waiting:
    """Blocks that were read before, as a source; small ones are joined."""

    is_packed = False

    def __init__(self, blocks: list[Block], consumed: Consumed) -> None:
        self._blocks = blocks
        self._consumed = consumed

    def blocks(self) -> Iterator[Block]:
        held: list[bytes] = []
        first_line = size = 0
        for block in self._blocks:
            if held and size + len(block.data) > CHUNK:
                yield Block(b"".join(held), first_line)
                held, size = [], 0
            first_line = first_line if held else block.first_line
            held.append(block.data)
            size += len(block.data)
        if held:
            yield Block(b"".join(held), first_line)

    def consumed(self) -> Consumed:
        return self._consumed

    def position(self) -> int:
        return 0

    def close(self) -> None:
        """Leave the file open: it is followed."""
