"""Where the content of a log is that was rotated away: beside it, under another name, packed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clickcli.errors import ClickcliError
from clickcli.store.sources import Consumed, Source

_PACKED: Final = (".gz", ".zst")
_RUN: Final = re.compile(r"\d+")
_AFTER: Final = r"[-._]\d[-._:T\d]*Z?|\.(?:old|bak|prev)"
"""What rotation puts behind a name: app.log.1, app.log-20240101, app.log.old."""
_WITHIN: Final = r"\.\d{1,3}|[-._]\d(?:[-._:T]?\d){5,}Z?(?:[-._]\d{1,4})?"
"""What it puts before the ending: app.1.log, app-20240101.log, app-2024-01-01-2.log."""
_LONG: Final = 4


@dataclass(frozen=True, slots=True)
class Sibling:
    """A file that may hold what was rotated away."""

    path: Path
    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    @property
    def is_packed(self) -> bool:
        """Whether it is compressed, by its name."""
        return self.path.suffix in _PACKED

    @property
    def shape(self) -> str:
        """Its name with signs for its numbers."""
        return shape(self.path.name)


def shape(name: str) -> str:
    """Return a name without its packing and with signs for its numbers.

    Names that one scheme of rotation gives have one shape: a date's digits are as many in
    all of them, a counter's are not.
    """
    return _RUN.sub(lambda run: "#" * len(run[0]) if len(run[0]) >= _LONG else "#", plain(name))


def plain(name: str) -> str:
    """Return a name without its packing."""
    return name.removesuffix(".gz").removesuffix(".zst")


def is_rotated_name(name: str, of: str) -> bool:
    """Return whether a log of the second name may be called like the first when it is rotated."""
    bare, (stem, dot, ending) = plain(name), of.rpartition(".")
    if not stem:
        stem, dot, ending = of, "", ""
    names = rf"{re.escape(of)}(?:{_AFTER})|{re.escape(stem)}(?:{_WITHIN}){re.escape(dot + ending)}"
    is_dated = any(len(run) > _LONG for run in _RUN.findall(of))
    return re.fullmatch(names, bare) is not None or (is_dated and shape(name) == shape(of))


def files_beside(folder: Path) -> list[Sibling]:
    """Return the files of a folder, oldest first, unpacked before packed ones.

    A packed file whose unpacked one is still there is left out: it is being written.
    """
    found: list[Sibling] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append(
                        Sibling(Path(entry.path), status.st_dev, status.st_ino, status.st_size,
                                status.st_mtime_ns)
                    )  # fmt: skip
    except OSError:
        return []
    names = {one.path.name for one in found}
    kept = [one for one in found if not one.is_packed or plain(one.path.name) not in names]
    return sorted(kept, key=lambda one: (one.mtime_ns, one.is_packed, one.path.name))


def located(folder: Path, key: tuple[int, int]) -> Sibling | None:
    """Return the file of this device and inode, None when it is not in the folder."""
    return next((one for one in files_beside(folder) if one.key == key), None)


def begins_with(path: Path, consumed: Consumed, max_line_bytes: int) -> bool:
    """Return whether a file, unpacked, begins with just this content."""
    try:
        source = Source.open(path, max_line_bytes)
    except ClickcliError:
        return False
    try:
        return source.skip(consumed.offset, consumed.lines, consumed.sha256)
    except ClickcliError:
        return False
    finally:
        source.close()


def copy_of(siblings: Iterable[Sibling], consumed: Consumed, max_line_bytes: int) -> Sibling | None:
    """Return the newest file that begins with this content; None when there is no content yet."""
    if not consumed.offset:
        return None
    for one in sorted(siblings, key=lambda one: -one.mtime_ns):
        is_long_enough = one.is_packed or one.size >= consumed.offset
        if is_long_enough and begins_with(one.path, consumed, max_line_bytes):
            return one
    return None


def written_after(siblings: Iterable[Sibling], before: Sibling, of: str) -> list[Sibling]:
    """Return the files that rotation of a log of this name left after that one, oldest first."""
    return [
        one
        for one in siblings
        if one.key != before.key
        and one.mtime_ns >= before.mtime_ns
        and (one.shape == before.shape or is_rotated_name(one.path.name, of))
    ]
