"""Files that are removed while they are read: one more try with a fresh snapshot, then an error.

A compaction, a deletion or an undo replaces files; whoever reads the file list of before finds some
of them gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from clickcli.errors import DataError

if TYPE_CHECKING:
    from clickcli.engines.dataset import Dataset

T = TypeVar("T")


def is_gone(dataset: Dataset) -> bool:
    """Return whether a file of a snapshot is not there any more."""
    return not all(Path(file.path).exists() for file in dataset.files)


def over_fresh(snapshot: Callable[[], Dataset], compute: Callable[[Dataset], T]) -> T:
    """Compute over a snapshot; once more over a new one when files went away meanwhile."""
    dataset = snapshot()
    try:
        return compute(dataset)
    except Exception:
        if not is_gone(dataset):
            raise
    dataset = snapshot()
    with removal_told(dataset):
        return compute(dataset)


@contextmanager
def removal_told(dataset: Dataset) -> Iterator[None]:
    """Say plainly when something fails because files of a snapshot are gone."""
    try:
        yield
    except Exception as error:
        if not is_gone(dataset):
            raise
        raise DataError(
            "files of the store were removed while they were read",
            hint="run it again; if it stays so, clickcli verify names what is missing",
        ) from error


def told_frames(dataset: Dataset, frames: Iterable[T]) -> Iterator[T]:
    """Yield what is computed piece by piece; say plainly when files are gone."""
    with removal_told(dataset):
        yield from frames
