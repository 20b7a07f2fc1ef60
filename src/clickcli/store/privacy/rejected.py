"""The text of rejected lines: withheld where it names somebody, or changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.layout import make_file, storage_errors
from clickcli.store.privacy.tokens import MARK, Names
from clickcli.store.rejects import read_rejects
from clickcli.store.types import Reject

if TYPE_CHECKING:
    from clickcli.store.rework import Rework


def withhold(catalog: Catalog, work: Rework | None, names: Names) -> int:
    """Put a mark in place of the text of lines that name somebody; return how many they are.

    Without ``work`` they are only counted.
    """

    def text(line: Reject) -> str:
        return MARK if names.are_in(line.raw) else line.raw

    return rewrite(catalog, work, text, names.redacted)


def rewrite(
    catalog: Catalog,
    work: Rework | None,
    text: Callable[[Reject], str],
    path: Callable[[str], str] = str,
) -> int:
    """Give rejected lines another text, and their sources another path.

    Returns how many have another text.
    """
    changed = 0
    for file in catalog.files("rejects"):
        place = catalog.resolve(file)
        with storage_errors(f"cannot read the rejects {place}"):
            lines = list(read_rejects(place, Path(file.path).stem))
        new = [(path(line.source), line.line, line.reason, text(line)) for line in lines]
        pairs = list(zip(lines, new, strict=True))
        changed += sum(line.raw != entry[3] for line, entry in pairs)
        if work is not None and any((o.source, o.raw) != (n[0], n[3]) for o, n in pairs):
            _stage(work, file, new)
    return changed


def _stage(work: Rework, file: FileRow, lines: list[tuple[str, int, str, str]]) -> None:
    import orjson

    made = work.folder / Path(file.path).name
    make_file(made)
    with made.open("wb") as stream:
        for source, line, reason, raw in lines:
            entry = {"source": source, "line": line, "reason": reason, "raw": raw}
            stream.write(orjson.dumps(entry) + b"\n")
    work.replace(made, "rejects", file.path, len(lines))
