"""Find and open the files that hold a log: the present one, and those that were rotated away."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from clickcli.errors import DataError
from clickcli.store.catalog import Catalog
from clickcli.store.ledger import Entry, Job, all_entries, entry_at, find_entries, open_after
from clickcli.store.siblings import (
    Sibling,
    begins_with,
    copy_of,
    files_beside,
    is_rotated_name,
    located,
    written_after,
)
from clickcli.store.sources import Consumed, Identity, Source, is_compressed
from clickcli.store.tails import GrowingFile, Key, Tail

_TRIES: Final = 6
_PAUSE_S: Final = 0.05
_SETTLED_NS: Final = 20_000_000
"""For so long a folder must have been left alone, more than the grain of its time of change."""


class Packed:
    """A compressed file that rotation left: stored as a whole when its turn comes.

    It is kept open: rotation may give its name to another file meanwhile.
    """

    def __init__(self, path: Path, entries: list[Entry], max_line_bytes: int) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self._handle)
        self.key: Key = status.st_dev, status.st_ino
        self._entries = entries
        self._limit = max_line_bytes

    def job(self) -> Job:
        """Open the file after what is stored of it; no source when nothing follows."""
        status = os.fstat(self._handle)
        place = located(self.path.parent, self.key)
        path = str(self.path if place is None else place.path)
        identity = Identity(path, *self.key, status.st_size, status.st_mtime_ns)
        job = open_after(self._entries, identity, self._open)
        if isinstance(job.source, Source) and job.source.is_at_end():
            job.source.close()
            job.source = None
        return job if place is not None else replace(job, name=f"{path} (gone)", identity=None)

    def _open(self) -> Source:
        stream = os.fdopen(os.dup(self._handle), "rb", buffering=0)
        stream.seek(0)
        return Source(str(self.path), stream, self._limit)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


Item = Tail | Packed


class Finder:
    """Knows the name of a log, and what the ledger says of it and of the files beside it.

    ``taken`` gives the files that are open already, for this log or another; they are not
    opened a second time.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        max_line_bytes: int,
        taken: Callable[[], set[Key]],
        tell: Callable[[str], None],
    ) -> None:
        self.path = path.absolute()
        self._catalog = catalog
        self._limit = max_line_bytes
        self._taken = taken
        self._tell = tell
        self._told = ""

    def present(self) -> Tail | None:
        """Open what the log's name means now, where reading ended; None when it cannot be read.

        Raises DataError when it is compressed.
        """
        real = self.real()
        try:
            file = GrowingFile(real)
        except FileNotFoundError:
            self._tell_once(f"{self.path} is not there; waiting for it")
            return None
        except (OSError, DataError) as error:
            reason = getattr(error, "strerror", None) or "it is no file"
            self._tell_once(f"cannot read {self.path}: {reason}; trying again")
            return None
        if file.key in self._taken() or file.key != key_of(self.path):
            file.close()
            return None
        if is_compressed(file.peek(4, 0)):
            file.close()
            raise DataError(
                f"{self.path} is compressed; only plain logs can be followed",
                hint=f"add it as it is: clickcli ingest {self.path}",
            )
        self._told = ""
        tail = Tail(real, file, self._limit)
        tail.resume(self._catalog, self._entries(real, file.key))
        return tail

    def steadily(self, find: Callable[[], list[Item]]) -> list[Item]:
        """Return what a search finds while no file of the folder comes, goes or is renamed."""
        for _ in range(_TRIES):
            before = self._folder_changed_ns()
            found = find()
            is_settled = time.time_ns() - before > _SETTLED_NS
            if is_settled and before == self._folder_changed_ns():
                return found
            for item in found:
                item.close()
            time.sleep(_PAUSE_S)
        return find()

    def _folder_changed_ns(self) -> int:
        try:
            return self.real().parent.stat().st_mtime_ns
        except OSError:
            return 0

    def everything(self) -> list[Item]:
        """Open what was rotated away since it was stored, or grew since, and the present file."""

        def find() -> list[Item]:
            present = self.present()
            return [*self._unfinished(present), *([] if present is None else [present])]

        return self.steadily(find)

    def _unfinished(self, present: Tail | None) -> list[Item]:
        real = self.real()
        items, seen, before = self._known()
        if present is None or present.recorded is None:
            entry = entry_at(self._catalog, str(real))
            if entry is not None and entry not in seen:
                copy = self._copy(entry.consumed)
                if copy is not None and all(item.key != copy.key for item in items):
                    items += self.opened(copy, [entry])
                before = copy or before
            if before is not None:
                items += self._between(before, but=items)
        return items

    def _known(self) -> tuple[list[Item], list[Entry], Sibling | None]:
        """Return the rotated files that grew since they were stored, and the newest known one.

        The entries are those of the ledger that are accounted for by such files.
        """
        real = self.real()
        items: list[Item] = []
        seen: list[Entry] = []
        before = None
        known = all_entries(self._catalog)
        for one in self._beside():
            entries = [entry for entry in known if _key(entry) == one.key]
            was_present = any(entry.identity.path == str(real) for entry in entries)
            if not was_present and not is_rotated_name(one.path.name, real.name):
                continue
            if any(_is_as_stored(entry, one) for entry in entries):
                seen, before = [*seen, *entries], one
            elif any(begins_with(one.path, entry.consumed, self._limit) for entry in entries):
                items += self.opened(one, entries)
                seen, before = [*seen, *entries], one
        return items, seen, before

    def after_cut(self, cut: Tail) -> list[Item]:
        """Open the copy of what a file held before it was cut, and what came and went since."""

        def find() -> list[Item]:
            copy = self._copy(cut.reached)
            if copy is None:
                return self._missed(cut)
            return [*self.opened(copy, [cut.as_entry()]), *self._between(copy)]

        return self.steadily(find)

    def after(self, left: Tail) -> list[Item]:
        """Open the files that came and went since one was rotated away."""
        return self.steadily(lambda: self._between(self._place_of(left)))

    def missed(self, tail: Tail) -> list[Item]:
        """Open the copies of what was written and cut before anything of it was read.

        The file itself shows nothing of that but its time of change.
        """
        changed = tail.file.status().st_mtime_ns
        if tail.reached.offset or changed == tail.changed_ns:
            return []
        found = self.steadily(lambda: self._missed(tail))
        tail.changed_ns = changed
        return found

    def _missed(self, tail: Tail) -> list[Item]:
        name, since = self.real().name, tail.changed_ns
        if tail.reached.offset:
            return []
        found = [one for one in self._beside() if is_rotated_name(one.path.name, name)]
        return self._all_opened([one for one in found if one.mtime_ns >= since])

    def _copy(self, consumed: Consumed) -> Sibling | None:
        """Return the file beside the log that begins with content which the log held."""
        real = self.real()
        key = key_of(real)
        named = [
            one
            for one in files_beside(real.parent)
            if one.key != key and is_rotated_name(one.path.name, real.name)
        ]
        copy = copy_of(named, consumed, self._limit)
        if copy is None and consumed.offset:
            self._tell_once(
                f"{self.path} holds other lines than before, and no file beside it holds those: "
                "what came to them after they were stored is not found"
            )
        return copy

    def _place_of(self, tail: Tail) -> Sibling:
        """Return where a file is that was rotated away, or its copy; as it was, if it has gone."""
        place = located(tail.folder, tail.key)
        if place is not None:
            return place
        real, status = self.real(), tail.file.status()
        named = [one for one in self._beside() if is_rotated_name(one.path.name, real.name)]
        copy = copy_of(named, tail.reached, self._limit)
        return copy or Sibling(Path(tail.name), *tail.key, status.st_size, status.st_mtime_ns)

    def _between(self, before: Sibling, but: Iterable[Item] = ()) -> list[Item]:
        """Open the files that came and went between one that is known and the present one."""
        found = written_after(self._beside(), before, self.real().name)
        keys = {item.key for item in but}
        return self._all_opened([one for one in found if one.key not in keys])

    def _all_opened(self, found: list[Sibling]) -> list[Item]:
        known = all_entries(self._catalog)
        new = [one for one in found if not any(_is_as_stored(entry, one) for entry in known)]
        return [item for one in new for item in self.opened(one, [])]

    def _beside(self) -> list[Sibling]:
        """Return the files beside the present one that nobody has open."""
        real = self.real()
        taken = self._taken() | {key_of(real)}
        return [one for one in files_beside(real.parent) if one.key not in taken]

    def opened(self, one: Sibling, entries: list[Entry]) -> list[Item]:
        """Open a file that was rotated away; nothing when it has gone, or is open already."""
        if one.key in self._taken():
            return []
        entries = [*entries, *self._entries(one.path, one.key)]
        item: Item
        try:
            file = GrowingFile(one.path)
            if is_compressed(file.peek(4, 0)):
                file.close()
                item = Packed(one.path, entries, self._limit)
            else:
                item = Tail(one.path, file, self._limit)
        except (OSError, DataError):
            return []
        if item.key != one.key:
            item.close()
            return []
        if isinstance(item, Tail):
            item.resume(self._catalog, entries)
            item.leave(long_ago=True)
        return [item]

    def _entries(self, path: Path, key: Key) -> list[Entry]:
        return find_entries(self._catalog, Identity(str(path), *key, 0, 0))

    def real(self) -> Path:
        """Return the path of the present file, links followed."""
        return Path(os.path.realpath(self.path))

    def _tell_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)


def _key(entry: Entry) -> Key:
    return entry.identity.device, entry.identity.inode


def _is_as_stored(entry: Entry, one: Sibling) -> bool:
    who = entry.identity
    return (_key(entry), who.size, who.mtime_ns) == (one.key, one.size, one.mtime_ns)


def key_of(path: Path) -> Key | None:
    """Return device and inode of what a path means now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
