"""How often lines stand in the stored part of a file that is followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

from clickcli.store.layout import CHUNK
from clickcli.store.ledger import Digests
from clickcli.store.sources import Block, Consumed, Source

if TYPE_CHECKING:
    from clickcli.store.runs import Words

MOST: Final = 16 << 20
"""Lines that are remembered of a file, at most; the oldest are forgotten first."""
_RUNS: Final = 8
_START: Final = Consumed(0, 0, "", 0, "")


class Peekable(Protocol):
    """What we need of a file that is followed."""

    is_cut: bool

    def peek(self, size: int, start: int, /) -> bytes:
        """Return bytes from anywhere, without moving."""
        ...


class Occurrences:
    """Counts a file's lines by 64 bits of their hashes.

    Only when a line without an id comes again is anything read, and then what was stored
    since the last time: over the life of a follower each line once.
    """

    def __init__(self, file: Peekable, max_line_bytes: int) -> None:
        self._file = file
        self._limit = max_line_bytes
        self._covered = self._until = _START
        self._runs: list[Words] = []

    def up_to(self, stored: Consumed) -> Occurrences:
        """Set how far the file is stored."""
        self._until = stored
        return self

    def counts(self, wanted: set[bytes], digests: Digests) -> dict[bytes, int]:
        """Return how often each of these lines stands in the stored part."""
        import numpy as np

        self._cover(digests)
        names = list(wanted)
        keys = _keys(names)
        found = np.zeros(len(names), dtype=np.int64)
        for run in self._runs:
            found += np.searchsorted(run, keys, "right") - np.searchsorted(run, keys, "left")
        return dict(zip(names, found.tolist(), strict=True))

    def _cover(self, digests: Digests) -> None:
        """Look at what was stored since the last time, unless the file was cut since."""
        lines = self._covered.lines
        stretch = _Stretch(self._file, self._covered.offset, self._until.offset)
        for block in Source("", stretch, self._limit, is_plain=True).blocks():
            self._add(_keys(digests(Block(block.data, block.first_line + lines))))
        self._covered = self._until

    def _add(self, keys: Words) -> None:
        """Keep a block's lines; runs of like size are merged, those of full size are not."""
        import numpy as np

        self._runs.append(np.sort(keys))
        while len(self._runs) > 1 and len(self._runs[-2]) <= len(self._runs[-1]) < MOST // _RUNS:
            last, other = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate([other, last])))
        while sum(map(len, self._runs)) > MOST:
            self._runs.pop(0)


def _keys(names: Iterable[bytes]) -> Words:
    import numpy as np

    return np.frombuffer(b"".join(name[:8] for name in names), dtype=np.uint64)


class _Stretch:
    """A part of a file, as a stream."""

    def __init__(self, file: Peekable, start: int, stop: int) -> None:
        self._file = file
        self._start = self._at = start
        self._stop = stop

    def read(self, size: int, /) -> bytes:
        if self._file.is_cut:
            return b""
        piece = self._file.peek(min(size, CHUNK, self._stop - self._at), self._at)
        self._at += len(piece)
        return piece

    def tell(self) -> int:
        return self._at - self._start

    def close(self) -> None:
        """Leave the file open: it is followed."""
