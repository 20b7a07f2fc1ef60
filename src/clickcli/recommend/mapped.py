"""Arrays of a model where they lie on the disk, read without NumPy: it takes longer to import."""

from __future__ import annotations

import ast
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final, Literal

from clickcli.errors import DataError
from clickcli.store.layout import storage_errors

_FORMATS: Final[dict[str, Literal["q", "i", "b", "B", "f", "d"]]] = {
    "<i8": "q",
    "<i4": "i",
    "|i1": "b",
    "|u1": "B",
    "<f4": "f",
    "<f8": "d",
}

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_AGAIN: Final = "train the model again: clickcli train"


@dataclass(frozen=True, slots=True)
class Mapped:
    """An array in the order of its rows; ``values`` are all its numbers."""

    values: Sequence[Any]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def row(self, number: int) -> Sequence[Any]:
        """Return the numbers of one row of an array."""
        width = prod(self.shape[1:])
        return self.values[number * width : (number + 1) * width]

    def find(self, value: int) -> int | None:
        """Return the place of a number in a sorted array of one dimension, None where it is not."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.values[middle] < value:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self.values[low] == value else None


def mapped(path: Path) -> Mapped:
    """Map an ``.npy`` file. DataError where it is damaged."""
    with storage_errors(f"cannot read {path}"), path.open("rb") as stream:
        head = stream.read(10)
        size = int.from_bytes(head[8:10], "little")
        header = stream.read(size)
        try:
            told = ast.literal_eval(header.decode("ascii"))
            kind, shape = _FORMATS[told["descr"]], tuple(told["shape"])
            if not prod(shape):
                return Mapped(memoryview(b""), shape)
            whole = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
            values = whole[10 + size :].cast(kind)
        except (ValueError, KeyError, TypeError, SyntaxError) as error:
            raise DataError(f"{path} is damaged: {error}", hint=_AGAIN) from error
    if head[:8] != _MAGIC or told["fortran_order"] or len(values) != prod(shape):
        raise DataError(f"{path} is damaged", hint=_AGAIN)
    return Mapped(values, shape)
