"""Check a store: every file against the catalog, the files against one another.

Readers and writers go on meanwhile: a file that a writer replaced while others were looked at is
skipped, and no finding. Symbolic links are named and never followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.layout import storage_errors
from clickcli.store.types import Progress
from clickcli.store.upkeep.check_catalog import KINDS, Said, check_tally, said, strangers
from clickcli.store.upkeep.check_files import Finding, Tally, check_file


@dataclass(frozen=True, slots=True)
class Verified:
    """The account of a check; nothing is wrong when there are no findings.

    ``rows`` and ``bytes`` are those of the files looked at; ``skipped`` were replaced meanwhile.
    ``is_quick`` says that only sizes and numbers of rows were looked at.
    """

    findings: tuple[Finding, ...]
    files: int
    rows: int
    bytes: int
    skipped: int
    is_quick: bool


def verify(
    catalog: Catalog, *, quick: bool = False, progress: Callable[[Progress], None] | None = None
) -> Verified:
    """Check everything.

    Where the catalog itself is damaged, files are compared with it by size and rows only.
    """
    state = said(catalog)
    tally = None if quick or state.findings else _tally(state)
    found = list(state.findings)
    seen: list[FileRow] = []
    done, rows, total = 0, 0, sum(file.bytes for file in state.files)
    with storage_errors(f"cannot read the store {catalog.root}"):
        for file in state.files:
            wrong = list(check_file(catalog, file, tally))
            if not wrong or _is_current(catalog, file):
                seen.append(file)
                found += wrong
            done += file.bytes
            rows += file.rows if file.kind == "events" else 0
            if progress is not None:
                progress(Progress("checking", done, total, rows))
        if tally is not None and tally.is_whole:
            found += check_tally(state, tally)
        found += strangers(catalog.root, _known(catalog, state))
    return Verified(
        tuple(sorted(found, key=lambda one: (one.severity, one.path, one.problem))),
        len(seen), sum(file.rows for file in seen if file.kind == "events"),
        sum(file.bytes for file in seen), len(state.files) - len(seen), quick,
    )  # fmt: skip


def _tally(state: Said) -> Tally:
    import numpy as np

    empty = np.zeros(state.numbers["next_seq"], dtype=np.uint8)
    return Tally(empty, empty.copy())


def _is_current(catalog: Catalog, file: FileRow) -> bool:
    """Return whether a file is the store's still: what is wrong with another is no finding."""
    query = "SELECT 1 FROM files WHERE path = ? AND sha256 = ?"
    return catalog.value(query, file.path, file.sha256) is not None


def _known(catalog: Catalog, state: Said) -> set[str]:
    """Return the paths that are the store's: at the start, now, or until they are removed."""
    now = {file.path for kind in KINDS for file in catalog.files(kind)}
    trash = {path for (path,) in catalog.rows("SELECT path FROM trash")}
    return now | trash | {file.path for file in state.files}
