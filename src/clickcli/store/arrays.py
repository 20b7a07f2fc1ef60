"""NumPy arrays on disk, written by plain writes: where the disk is full, a write fails.

``numpy.save`` does not notice a write that fails, and one to mapped memory kills the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from clickcli.errors import DataError, StorageError
from clickcli.store.layout import make_file, reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ArrayWriter:
    """Writes a new file with an array of a known shape (rows, columns), some columns at a time."""

    def __init__(self, path: Path, dtype: str, shape: Sequence[int]) -> None:
        from numpy.lib.format import write_array_header_1_0

        make_file(path)
        self._stream = path.open("r+b", buffering=0)
        self._rows, self._columns = shape
        self._filled = 0
        header = {"descr": dtype, "fortran_order": False, "shape": tuple(shape)}
        write_array_header_1_0(self._stream, header)
        self._start = self._stream.tell()

    def add(self, columns: NDArray[Any]) -> None:
        """Write columns after those written before."""
        import numpy as np

        width = columns.itemsize
        for number, row in enumerate(columns):
            self._stream.seek(self._start + (number * self._columns + self._filled) * width)
            _write(self._stream, np.ascontiguousarray(row))
        self._filled += columns.shape[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        assert error is not None or self._filled == self._columns


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array to a new file."""
    import numpy as np
    from numpy.lib.format import write_array_header_1_0

    make_file(path)
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    with path.open("r+b", buffering=0) as stream:
        write_array_header_1_0(stream, header)
        _write(stream, np.ascontiguousarray(array))


def _write(stream: Any, array: Any) -> None:
    """Write all of it: one write may take a part only."""
    data = memoryview(array).cast("B") if array.size else memoryview(b"")
    while len(data):
        data = data[stream.write(data) :]


def read_array(path: Path, dtype: str, rows: int | None, what: str) -> NDArray[Any]:
    """Return an array, read where it lies; ``rows`` None is one of one dimension.

    Raises DataError when the file is damaged, StorageError when the system cannot read it.
    """
    array = load_array(path, what)
    if array.dtype.str != dtype or (array.shape[:-1] != (() if rows is None else (rows,))):
        raise DataError(f"the {what} {path} is damaged", hint="check the store: clickcli verify")
    return array


def load_array(path: Path, what: str) -> NDArray[Any]:
    """Return an array of any form, read where it lies; errors as of ``read_array``."""
    import numpy as np

    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        if error.errno is not None:
            message, hint = reason_of(f"cannot read the {what} {path}", error)
            raise StorageError(message, hint=hint) from error
        raise DataError(f"cannot read the {what} {path}: {error}") from error
    except (ValueError, EOFError) as error:
        raise DataError(f"cannot read the {what} {path}: {error}") from error
    return array
