"""Lines that need no parser: their values, with proof that they say nothing else.

A line is cut at its quotes, and put together again from its shape and what is then at the places
of its values. If that is the line, byte for byte, then it is well-formed JSON and those are its
values: quoted ones have no quote, backslash or control character in them, and each bare one
is a number in the form in which it is written again, true, false or null.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clickcli.store.shapes import BARE, Piece, Shape, learn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_SHAPES: Final = 64
"""Shapes that are remembered of a log."""
FEWEST_LINES: Final = 256
"""Lines of a shape in a chunk from which on a shape pays: it costs what parsing so many does."""
_SAMPLE: Final = 512
_LINE: Final = "line"
_AROUND: Final = ":,} \t\r\n"
"""What stands around a bare value."""


@dataclass(slots=True)
class Group:
    """Proven lines of one shape.

    The frame has a column of text for each token that is a value, named by its number; of a bare
    one it is the value alone. ``rows`` are the numbers of the lines in their chunk, from 0.
    """

    shape: Shape
    frame: pl.DataFrame
    rows: Rows

    def text(self, pieces: Sequence[Piece]) -> pl.Series:
        """Return the pieces put together with each line's values."""
        import polars as pl

        return self.frame.select(pl.concat_str(_exprs(pieces))).to_series()


@dataclass(slots=True)
class Shapes:
    """The shapes that were seen in a log so far."""

    known: dict[tuple[Piece, ...], Shape] = field(default_factory=dict)

    def add(self, lines: pl.Series) -> list[Shape]:
        """Learn the shapes that many of the lines have; returns the new ones."""
        step = max(1, len(lines) // _SAMPLE)
        counts: Counter[tuple[Piece, ...]] = Counter()
        found: dict[tuple[Piece, ...], Shape] = {}
        for line in lines.gather_every(step).to_list():
            shape = learn(line) if _is_object(line) else None
            if shape is not None:
                counts[shape.pieces] += step
                found[shape.pieces] = shape
        new = [
            found[pieces] for pieces, count in counts.most_common(MOST_SHAPES - len(self.known))
            if count >= FEWEST_LINES and pieces not in self.known
        ]  # fmt: skip
        self.known.update({shape.pieces: shape for shape in new})
        return new


def _is_object(line: str) -> bool:
    import orjson

    try:
        return type(orjson.loads(line)) is dict
    except ValueError:
        return False


class Lines:
    """The lines of a chunk; their ends are part of them."""

    def __init__(self, data: bytes, max_line_bytes: int) -> None:
        import numpy as np
        import polars as pl
        import pyarrow as pa

        self.data = data if data.endswith(b"\n") else data + b"\n"
        codes = np.frombuffer(self.data, dtype=np.uint8)
        ends = np.flatnonzero(codes == 10) + 1
        self.offsets = np.concatenate([np.zeros(1, dtype=np.int64), ends])
        good = (np.diff(self.offsets) <= max_line_bytes + 1) & (codes[ends - 2] == ord("}"))
        for position in _odd_bytes(self.data, codes):
            good[np.searchsorted(ends, position, "right")] = False
        text = self.data if self.data.isascii() else self._readable(codes, good)
        buffers = [None, pa.py_buffer(self.offsets), pa.py_buffer(text)]
        self._lines = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), buffers)
        self.texts: pl.Series = pl.Series(_LINE, self._lines).cast(pl.String)
        self.good: Rows = np.flatnonzero(good)

    def _readable(self, codes: NDArray[np.uint8], good: NDArray[np.bool_]) -> bytes:
        """Return the lines, those that are no text blanked out and noted as not good."""
        import numpy as np

        try:
            self.data.decode()
        except UnicodeDecodeError:
            pass
        else:
            return self.data
        text = bytearray(self.data)
        wide = np.searchsorted(self.offsets, np.flatnonzero(codes > 127), "right") - 1
        for row in np.unique(wide).tolist():
            start, stop = self.offsets[row : row + 2].tolist()
            try:
                self.data[start:stop].decode()
            except UnicodeDecodeError:
                text[start : stop - 1] = b" " * (stop - 1 - start)
                good[row] = False
        return bytes(text)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def chosen(self, rows: Rows) -> tuple[pl.Series, memoryview]:
        """Return some lines, and their text as a whole."""
        import polars as pl
        import pyarrow as pa

        if len(rows) == len(self):
            return self.texts, memoryview(self.data)
        found = self._lines.take(pa.array(rows))
        _, offsets, text = found.buffers()
        assert found.offset == 0
        size = len(found) + 1
        stop = int.from_bytes(memoryview(offsets)[8 * size - 8 : 8 * size], "little")
        return pl.Series(_LINE, found).cast(pl.String), memoryview(text)[:stop]

    def joined(self, rows: Rows) -> bytes:
        """Return some lines as they are in the log."""
        ends = self.offsets[1:]
        return b"".join(
            self.data[a:b]
            for a, b in zip(self.offsets[rows].tolist(), ends[rows].tolist(), strict=True)
        )


def _odd_bytes(data: bytes, codes: NDArray[np.uint8]) -> Iterator[Any]:
    """Yield the positions of backslashes, and of control characters that end no line."""
    import numpy as np

    if b"\\" in data:
        yield np.flatnonzero(codes == ord("\\"))
    if codes.min() < 10 or (codes - np.uint8(11)).min() < 21:
        yield np.flatnonzero((codes < 32) & (codes != 10))


def prove(lines: Lines, shapes: Shapes) -> list[Group]:
    """Return the lines that need no parser, in groups of like ones; shapes are learned."""
    found: list[Group] = []
    rows = lines.good
    if not shapes.known:
        shapes.add(lines.texts.gather(rows))
    candidates = list(shapes.known.values())
    while candidates and len(rows) >= FEWEST_LINES:
        groups = list(_matched(lines, rows, candidates))
        if not groups:
            break
        found += groups
        rows = _without(rows, [group.rows for group in groups], len(lines))
        candidates = shapes.add(lines.texts.gather(rows)) if len(rows) > len(lines) // 8 else []
    return found


def _matched(lines: Lines, rows: Rows, shapes: list[Shape]) -> Iterator[Group]:
    """Yield the lines that are of these shapes."""
    if len(rows) < FEWEST_LINES:
        return
    if len(shapes) == 1:
        group = _group(*lines.chosen(rows), rows, shapes[0])
        if len(group.rows):
            yield group
        return
    feature = _telling(shapes)
    if feature is None:
        left = rows
        for shape in shapes:
            for group in _matched(lines, left, [shape]):
                yield group
                left = _without(left, [group.rows], len(lines))
        return
    has = lines.texts.str.contains(feature, literal=True).to_numpy()[rows]
    yield from _matched(lines, rows[has], [one for one in shapes if feature in one.features])
    yield from _matched(lines, rows[~has], [one for one in shapes if feature not in one.features])


def _without(rows: Rows, taken: Sequence[Rows], count: int) -> Rows:
    import numpy as np

    is_left = np.zeros(count, dtype=bool)
    is_left[rows] = True
    for some in taken:
        is_left[some] = False
    return np.flatnonzero(is_left)


def _telling(shapes: list[Shape]) -> str | None:
    """Return the feature that about half of the shapes have; None where all have all."""
    counts: dict[str, int] = {}
    for shape in shapes:
        for feature in shape.features:
            counts[feature] = counts.get(feature, 0) + 1
    telling = sorted(
        (abs(2 * n - len(shapes)), name) for name, n in counts.items() if n < len(shapes)
    )
    return telling[0][1] if telling else None


def _group(texts: pl.Series, data: memoryview, rows: Rows, shape: Shape) -> Group:
    """Return those of the lines that are of a shape."""
    import polars as pl

    try:
        tokens = _cut(data, shape)
    except pl.exceptions.ComputeError:  # what cannot be cut is parsed
        tokens = pl.DataFrame()
    if tokens.height != len(texts):
        return Group(shape, tokens.clear(), rows[:0])
    bare = [slot for slot in shape.slots if slot.is_bare]
    proof = pl.concat_str(_exprs(shape.pieces)) == texts
    for slot in bare:
        form = f"^{re.escape(slot.before or '')}(?:{BARE}){re.escape(slot.after or '')}$"
        proof &= pl.col(str(slot.token)).str.contains(form)
    values = [pl.col(str(slot.token)).str.strip_chars(_AROUND) for slot in bare]
    is_proven = tokens.select(proof.fill_null(value=False)).to_series()
    if not is_proven.all():
        tokens, rows = tokens.filter(is_proven), rows[is_proven.to_numpy()]
    return Group(shape, tokens.with_columns(values), rows)


def _exprs(pieces: Sequence[Piece]) -> list[pl.Expr]:
    import polars as pl

    return [pl.lit(piece) if isinstance(piece, str) else pl.col(str(piece)) for piece in pieces]


def _cut(data: memoryview, shape: Shape) -> pl.DataFrame:
    """Return the tokens of the slots, as columns named by their numbers.

    The lines are read as if their quotes were commas; a first line says how many there are.
    """
    import polars as pl

    first = b'"' * (shape.tokens - 1) + b"\n"
    scan = pl.scan_csv(
        b"".join((first, data)), has_header=False, separator='"', quote_char=None,
        empty_string_is_null=False, truncate_ragged_lines=True, raise_if_empty=False,
        schema={str(token): pl.String for token in range(shape.tokens)},
    )  # fmt: skip
    return scan.select(str(slot.token) for slot in shape.slots).collect().slice(1)
