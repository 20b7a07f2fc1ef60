"""Log files as blocks of whole lines: plain, gzip or zstd by their first bytes, or a stream.

Memory is bounded by the block size whatever the input: a line longer than allowed is cut to
just over the limit while it is read, and rejected by the parser.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from clickcli.errors import DataError, StorageError
from clickcli.store.layout import CHUNK

if TYPE_CHECKING:
    from hashlib import _Hash

_MAGIC: Final = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_PEEK: Final = 4


class Readable(Protocol):
    """What we need of a stream."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""
        ...


class Raw(Readable, Protocol):
    """What we need of an open file."""

    def tell(self) -> int:
        """Return how much was read."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """What the file system says about a file."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; only the last block of a source may lack its last line's end."""

    data: bytes
    first_line: int


@dataclass(frozen=True, slots=True)
class Consumed:
    """How far a source was read.

    ``offset`` and ``sha256`` are of the content up to the last line's end, ``content_*`` of all
    of it (decompressed).
    """

    offset: int
    lines: int
    sha256: str
    content_size: int
    content_sha256: str


def identify(path: Path) -> Identity | None:
    """Return a file's identity, None for a pipe or a device, which has no content to know again.

    Raises DataError for a folder, for what is not there, and for a name that is not UTF-8.
    """
    try:
        status = path.stat()
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode):
            return None
        real = path.resolve(strict=True)
        str(real).encode()
    except UnicodeEncodeError:
        raise DataError(f"the name {str(path)!r} must be UTF-8", hint="rename it") from None
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", hint="check the path") from None
    except (OSError, RuntimeError) as error:
        raise _unreadable(str(path), error) from error
    if stat.S_ISDIR(status.st_mode):
        raise DataError(
            f"{path} is a folder, must be a file", hint=f"name its files: {path}/*.jsonl.gz"
        )
    return Identity(str(real), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Damaged(DataError):
    """A compressed file that ends early or is no compressed data any more."""


def is_compressed(head: bytes) -> bool:
    """Return whether a file that begins so is compressed in a way that we know."""
    return any(head.startswith(magic) for magic, _ in _MAGIC)


def _unreadable(name: str, error: Exception) -> StorageError:
    reason = getattr(error, "strerror", None) or str(error)
    return StorageError(f"cannot read {name}: {reason}")


class Source:
    """One log being read, once, from its start.

    ``skip`` goes over what was consumed before; then ``blocks`` gives the rest. Content that
    ``is_plain`` is never taken for a compressed one. Raises DataError for a compressed file
    that ends early or is damaged, StorageError when the system cannot read.
    """

    def __init__(
        self, name: str, stream: Raw, max_line_bytes: int, *, is_plain: bool = False
    ) -> None:
        self.name = name
        self._raw = stream
        self._limit = max_line_bytes + 1
        self._carry = b""
        self._hash: _Hash = sha256()
        self._at_line_end: _Hash = sha256()
        self._size = 0
        self._offset = 0
        self._lines = 0
        self._pushed = b""
        head = b"" if is_plain else self._guard(self._head)
        kind = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
        self.is_packed = kind is not None
        source = _Joined(head, stream)
        self._stream: Readable = source if kind is None else _decompressed(source, kind)

    @classmethod
    def open(cls, path: Path, max_line_bytes: int) -> Source:
        """Open a file. Raises StorageError when it cannot be read."""
        try:
            stream = path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(str(path), error) from error
        return cls(str(path), stream, max_line_bytes)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def position(self) -> int:
        """Return how many bytes of the file were read, compressed ones counted as they are."""
        try:
            return self._raw.tell()
        except (OSError, ValueError):
            return self._size

    def head(self, size: int) -> bytes:
        """Return the beginning of the content; a source that gave it is not to be read further."""
        head = b""
        while piece := self._guard(lambda: self._stream.read(size - len(head))):  # noqa: B023
            head += piece
        return head

    def skip(self, offset: int, lines: int, digest: str) -> bool:
        """Go over a prefix; returns whether the content begins with exactly that prefix."""
        while self._size < offset:
            piece = self._guard(lambda: self._stream.read(min(CHUNK, offset - self._size)))
            if not piece:
                return False
            self._take(piece)
        self._offset, self._lines = self._size, lines
        self._at_line_end = self._hash.copy()
        return self._hash.hexdigest() == digest

    def ends_with(self, length: int, digest: str) -> bool:
        """Return whether just so many bytes follow and make the content's hash this one.

        What is looked at is read again by ``blocks``.
        """
        if length > self._limit:
            return False
        while len(self._pushed) <= length:
            piece = self._guard(lambda: self._stream.read(length + 1 - len(self._pushed)))
            if not piece:
                break
            self._pushed += piece
        whole = self._hash.copy()
        whole.update(self._pushed)
        return len(self._pushed) == length and whole.hexdigest() == digest

    def is_at_end(self) -> bool:
        """Return whether nothing follows now; what is looked at is read again by ``blocks``."""
        return self.ends_with(0, self._hash.hexdigest())

    def blocks(self) -> Iterator[Block]:
        """Yield the rest of the content in blocks of whole lines."""
        yield from self.whole_lines()
        yield from self.last_line()

    def whole_lines(self) -> Iterator[Block]:
        """Yield blocks of whole lines; a last line without an end waits for the next call.

        Nothing is lost when the caller stops in between.
        """
        while piece := self._fill():
            cut, view = piece.rfind(b"\n") + 1, memoryview(piece)
            data, rest = b"".join((self._carry, view[:cut])), piece[cut : cut + self._limit]
            first_line = self._lines + 1
            self._take(view[:cut])
            if cut:
                self._at_line_end = self._hash.copy()
                self._offset = self._size
                self._lines += _count_lines(data)
                self._carry = b""
            self._take(view[cut:])
            self._carry = (self._carry + rest)[: self._limit]
            if cut:
                yield Block(data, first_line)

    def last_line(self) -> Iterator[Block]:
        """Yield the last line when it has no end."""
        carry, self._carry = self._carry, b""
        if carry:
            yield Block(carry, self._lines + 1)

    def consumed_lines(self) -> Consumed:
        """Return how far the source was read, as if nothing came after its last line's end."""
        digest = self._at_line_end.hexdigest()
        return Consumed(self._offset, self._lines, digest, self._offset, digest)

    def consumed(self) -> Consumed:
        """Return how far the source was read; complete once ``blocks`` is exhausted."""
        return Consumed(
            self._offset,
            self._lines,
            self._at_line_end.hexdigest(),
            self._size,
            self._hash.hexdigest(),
        )

    def _head(self) -> bytes:
        head = b""
        while len(head) < _PEEK:
            piece = self._raw.read(_PEEK - len(head))
            if not piece:
                break
            head += piece
        return head

    def _take(self, piece: bytes | memoryview) -> None:
        self._hash.update(piece)
        self._size += len(piece)

    def _fill(self) -> bytes:
        """Return the next stretch of content, full length except at the end."""
        pieces = [self._pushed]
        total = len(self._pushed)
        self._pushed = b""
        while total < CHUNK:
            piece = self._guard(lambda: self._stream.read(CHUNK - total))  # noqa: B023
            if not piece:
                break
            pieces.append(piece)
            total += len(piece)
        return b"".join(filter(None, pieces))  # one piece is not copied

    def _guard(self, read: Any) -> bytes:
        try:
            data: bytes = read()
        except OSError as error:
            if error.errno is not None:
                raise _unreadable(self.name, error) from error
            if "runcated" in str(error):
                raise Damaged(
                    f"{self.name} ends early: its compressed data is cut off",
                    hint="fetch it again; nothing of this call was stored",
                ) from error
            raise Damaged(
                f"{self.name} is damaged: {error}",
                hint="fetch it again; nothing of this call was stored",
            ) from error
        return data


class _Joined:
    """A stream with bytes put back in front of it."""

    closed = False

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._stream.read(size) or b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Leave the stream open: its owner closes it."""


def _count_lines(data: bytes) -> int:
    """Return the number of line ends, an eighth of the cost of ``bytes.count``."""
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")))


def _decompressed(stream: _Joined, kind: str) -> Readable:
    import pyarrow as pa

    reader: Readable = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), kind)
    return reader
