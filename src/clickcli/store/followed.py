"""One log that is followed through its rotations: which of its files to read, in which order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from clickcli.store.finder import Finder, Item, Packed, key_of
from clickcli.store.ledger import Job
from clickcli.store.siblings import located
from clickcli.store.tails import Tail

QUIET_S: Final = 1.0
"""How long a file that was rotated away must not grow before the next one is begun."""
PATIENCE_S: Final = 10.0
"""When the next one is begun although the file still grows."""
FORGET_S: Final = 60.0
"""How long a deleted file is kept open."""


class Followed:
    """A log and its files, oldest first; the last one is written to now, unless it was left.

    A file that was rotated away is read to its end before the next one is begun. The one
    rotated away last stays open, for writers that are late. A file that is packed, or was cut
    short, bars what follows it until it is stored.
    """

    def __init__(self, finder: Finder) -> None:
        self.path = finder.path
        self.items: list[Item] = []
        self._finder = finder

    def tails(self) -> list[Tail]:
        """Return the files that are read while they grow, oldest first."""
        return [item for item in self.items if isinstance(item, Tail)]

    def is_barred(self) -> bool:
        """Whether something must be stored, alone of this log, before anything more is read."""
        return bool(self.items) and _is_bar(self.items[0])

    def jobs(self) -> list[tuple[Item, Job]]:
        """Return what is to be stored next."""
        self._drop_finished()
        if self.is_barred():
            return [(self.items[0], self.items[0].job())]
        self._note_names()
        found: list[tuple[Item, Job]] = []
        for item in self.items:
            if not isinstance(item, Tail) or item.is_cut():
                break
            if item.has_news or item.needs_entry:
                found.append((item, item.job()))
        return found

    def stored(self, item: Item) -> None:
        """Note that what a file's job gave is in the store."""
        if isinstance(item, Tail):
            item.stored()
            self._drop_finished()
        else:
            self.drop(item)

    def drop(self, item: Item) -> None:
        """Be done with a file."""
        item.close()
        self.items.remove(item)

    def behind(self) -> int:
        """Return how many bytes are known not to be stored yet."""
        return sum(tail.behind() for tail in self.tails())

    def begin(self) -> None:
        """Find where reading ended last, also in files that were rotated away since."""
        self.items = self._finder.everything()

    def read(self, has_room: Callable[[], bool]) -> bool:
        """Take what is new while there is room; returns whether there was something."""
        self._drop_finished()
        self._look()
        grew = False
        for item in tuple(self.items):
            if not isinstance(item, Tail) or item.is_cut():
                return True
            if missed := self._finder.missed(item):
                self._insert(item, missed)
                return True
            while has_room() and not item.is_finished and item.read():
                grew = True
            if item.is_cut():
                self._replace(item)
                return True
            if not has_room() or not self._is_done(item):
                return grew
        return grew

    def _is_done(self, tail: Tail) -> bool:
        """Return whether to go on with the next file; ends the file when nobody writes to it."""
        now = time.monotonic()
        is_old = any(_is_left(item) for item in self.items[self.items.index(tail) + 1 :])
        is_forgotten = tail.quiet_s(now) > FORGET_S and tail.file.status().st_nlink == 0
        if tail.left_at is not None and (is_old or is_forgotten):
            tail.finish()
        elif tail.left_at is not None and not tail.is_done:
            tail.is_done = tail.quiet_s(now) >= QUIET_S or now - tail.left_at >= PATIENCE_S
        return tail.is_done

    def _drop_finished(self) -> None:
        for tail in self.tails():
            if (tail.is_finished or tail.is_cut()) and not tail.has_news:
                self.drop(tail)

    def _look(self) -> None:
        """See whether the log's name means another file now."""
        last = self.items[-1] if self.items else None
        tail = last if isinstance(last, Tail) and not last.is_cut() else None
        if tail is not None and tail.key == key_of(self.path) and not tail.is_finished:
            tail.come_back()
            return
        if tail is not None:
            tail.leave()
        new = self._finder.present()
        if new is None:
            return
        self.items.append(new)
        if tail is not None:
            self._note_names()
            self._insert(new, self._finder.after(tail))

    def _note_names(self) -> None:
        """Note where the files are now that were rotated away."""
        for tail in self.tails():
            if tail.left_at is not None and tail.path and key_of(tail.path) != tail.key:
                place = located(tail.folder, tail.key)
                tail.path = None if place is None else place.path

    def _replace(self, cut: Tail) -> None:
        """Go on after a file was cut short: in the copy of what it held, then from its start."""
        is_last = cut is self.items[-1]
        again = None if is_last else located(cut.folder, cut.key)
        cut.path = None
        cut.leave()
        at = self.items.index(cut) + 1
        new = self._finder.present() if is_last else None
        if new is not None:
            self.items.append(new)
        rest = self._finder.after_cut(cut)
        if again is not None and all(item.key != again.key for item in rest):
            rest += self._finder.opened(again, [])
        self.items[at:at] = rest

    def _insert(self, item: Item, before: list[Item]) -> None:
        """Put files before one that is to be read after them."""
        at = self.items.index(item)
        self.items[at:at] = before


def _is_bar(item: Item) -> bool:
    return isinstance(item, Packed) or item.is_cut()


def _is_left(item: Item) -> bool:
    return isinstance(item, Packed) or item.left_at is not None
