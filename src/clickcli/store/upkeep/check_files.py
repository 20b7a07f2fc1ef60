"""Each file of a store against what the catalog says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from clickcli.errors import DataError
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.layout import digest_file

if TYPE_CHECKING:
    import numpy as np
    import pyarrow.parquet as pq
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    An ``error`` is damage: something is lost, or answers may be wrong. A ``warning`` is about
    what does not belong into the store.
    """

    severity: Literal["error", "warning"]
    path: str
    problem: str


def error(path: str, problem: str) -> Finding:
    """Return a finding about damage."""
    return Finding("error", path, problem)


@dataclass(slots=True)
class Tally:
    """What the files say together, for comparison with one another and with the catalog.

    ``stored`` and ``known`` count how often each ``seq`` is in the event files and in the id runs.
    ``is_whole`` is false when a file could not be counted.
    """

    stored: NDArray[np.uint8]
    known: NDArray[np.uint8]
    fingerprint: int = 0
    keys: list[NDArray[np.int64]] = field(default_factory=list)
    people: NDArray[np.int64] | None = None
    linked: NDArray[np.int64] | None = None
    is_whole: bool = True


def check_file(catalog: Catalog, file: FileRow, tally: Tally | None) -> Iterator[Finding]:
    """Yield what is wrong with a file; without a tally only its size and rows are looked at."""
    place = PurePosixPath(file.path)
    found: list[Finding] = []
    if place.is_absolute() or ".." in place.parts:
        found = [error(file.path, "the catalog names a path outside the store")]
    elif is_linked(catalog.root, place):
        found = [error(file.path, "is reached by a symbolic link and was not read")]
    else:
        found = list(_content(catalog.resolve(file), file, tally))
    if found and tally is not None:
        tally.is_whole = False
    yield from found


def is_linked(root: Path, place: PurePosixPath) -> bool:
    """Return whether a path, or a folder on the way to it, is a symbolic link."""
    return any((root / part).is_symlink() for part in (place, *place.parents[:-1]))


def _content(path: Path, file: FileRow, tally: Tally | None) -> Iterator[Finding]:
    """Yield what is wrong with a file's size, checksum and content, the first of them only."""
    if not path.is_file():
        yield error(file.path, "is missing")
        return
    size = path.stat().st_size
    if size != file.bytes:
        yield error(file.path, f"has {size} bytes, the catalog says {file.bytes}")
        return
    if tally is not None and digest_file(path) != file.sha256:
        yield error(file.path, "was changed since it was written: its SHA-256 is another")
        return
    check = _CHECKS.get(file.kind)
    if check is None:
        yield error(file.path, f"is of an unknown kind, {file.kind!r}")
        return
    try:
        problem = check(path, file, tally)
    except (DataError, OSError, ValueError) as failure:
        problem = f"cannot be read: {str(failure).splitlines()[0]}"
    if problem is not None:
        yield error(file.path, problem)


def _rows(found: int, file: FileRow) -> str | None:
    if found == file.rows:
        return None
    return f"has {found} rows, the catalog says {file.rows}"


def _events(path: Path, file: FileRow, tally: Tally | None) -> str | None:
    from clickcli.store.rework.rows import open_events

    with open_events(path) as source:
        problem = _rows(source.metadata.num_rows, file)
        if problem is not None or tally is None:
            return problem
        try:
            return _sorted_events(source, file, tally)
        except KeyError as failure:
            return f"lacks the column {failure}"


def _sorted_events(source: pq.ParquetFile, file: FileRow, tally: Tally) -> str | None:
    """Count a file's rows; return what is wrong with their order or their bounds."""
    import numpy as np

    from clickcli.columns import MICROSECONDS_PER_DAY
    from clickcli.store.parts import NOBODY
    from clickcli.units import EPOCH

    before: tuple[Any, ...] | None = None
    low, high, days, keys = [], [], set(), []
    for number in range(source.num_row_groups):
        table = source.read_row_group(number, columns=["person_key", "ts", "seq"])
        key = table["person_key"].fill_null(NOBODY).to_numpy()
        ts, seq = table["ts"].to_numpy(), table["seq"].to_numpy()
        if not len(seq):
            continue
        order = np.lexsort((seq, ts, key))
        first = (key[0], ts[0], seq[0])
        if (np.diff(order) != 1).any() or (before is not None and first <= before):
            return "is not sorted by (person_key, ts, seq)"
        before = (key[-1], ts[-1], seq[-1])
        if not _count(tally.stored, seq):
            return "has a seq that no batch was given"
        low.append(ts.min())
        high.append(ts.max())
        days |= set(np.unique(ts // MICROSECONDS_PER_DAY).tolist())
        keys.append(np.unique(key[key != NOBODY]))
    people = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *keys]))
    tally.keys.append(people)
    bounds = (min(low), max(high)) if low else (None, None)
    ends = (int(people[0]), int(people[-1])) if len(people) else (None, None)
    if (*bounds, *ends) != (file.min_ts, file.max_ts, file.min_key, file.max_key):
        return "has other bounds of time or people than the catalog says"
    written = {(date.fromisoformat(str(file.date)) - EPOCH.date()).days}
    return None if days <= written else "has events of another date"


def _count(counts: NDArray[np.uint8], seqs: NDArray[np.int64]) -> bool:
    """Count seqs; False when one is not among those given out."""
    import numpy as np

    if len(seqs) and (seqs.min() < 0 or seqs.max() >= len(counts)):
        return False
    np.add.at(counts, seqs, 1)
    return True


def _run(path: Path, file: FileRow, tally: Tally | None) -> str | None:
    from clickcli.store.dedup import fingerprint
    from clickcli.store.runs import HI, LO, SEQ, SLICE, open_run

    run = open_run(path)
    problem = _rows(run.shape[1], file)
    if problem is not None or tally is None:
        return problem
    for start in range(0, run.shape[1], SLICE):
        part = run[:, start : start + SLICE + 1]
        later, equal = part[HI][1:] > part[HI][:-1], part[HI][1:] == part[HI][:-1]
        if not (later | (equal & (part[LO][1:] > part[LO][:-1]))).all():
            return "is not sorted, or holds an id twice"
        part = part[:, :SLICE]
        if not _count(tally.known, part[SEQ].astype("int64")):
            return "has a seq that no batch was given"
        tally.fingerprint += fingerprint(part)
    return None


def _people(path: Path, file: FileRow, tally: Tally | None) -> str | None:

    from clickcli.store.people import load_keys

    keys = load_keys(path)
    problem = _rows(len(keys), file)
    if problem is None and (keys[1:] <= keys[:-1]).any():
        problem = "is not sorted, or holds a key twice"
    if tally is not None and file.kind == "people":
        tally.people = keys
    elif tally is not None:
        tally.linked = keys
    return problem


def _rejects(path: Path, file: FileRow, tally: Tally | None) -> str | None:
    from clickcli.store.rejects import read_rejects

    if tally is None:
        return None
    return _rows(sum(1 for _ in read_rejects(path, "")), file)


def _derived(path: Path, file: FileRow, _tally: Tally | None) -> str | None:
    import pyarrow.parquet as pq

    return _rows(pq.read_metadata(path).num_rows, file)


def _models(path: Path, file: FileRow, _tally: Tally | None) -> str | None:
    import numpy as np

    if path.suffix != ".npy":
        return None
    return _rows(len(np.load(path, mmap_mode="r", allow_pickle=False)), file)


Check = Callable[[Path, FileRow, "Tally | None"], "str | None"]
_CHECKS: Final[Mapping[str, Check]] = {
    "events": _events, "ids": _run, "people": _people, "linked": _people, "rejects": _rejects,
    "derived": _derived, "models": _models,
}  # fmt: skip
