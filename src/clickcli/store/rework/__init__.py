"""Change what is stored, in one commit: rows that go, rows and files that are replaced.

A rework stages files, and one transaction makes them part of the store, as with an ingest: a crash
leaves the store of before or the one of after. All that rests on rows follows them: id runs,
fingerprint, vocabulary, ``batches.removed``, the lists of people and the links of devices.

    with reworking(catalog, "delete") as work:
        done = work.apply(Rule(goes=..., columns=("person_key",)))
        work.also(lambda db: db.execute("DELETE FROM ..."))
        work.commit({"rows": done.rows})

Leaving without ``commit`` leaves the store as it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from clickcli.errors import InternalError
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import (
    Link,
    commit,
    discard,
    file_row,
    is_recorded,
    recover,
    signed,
    staging_folder,
)  # fmt: skip
from clickcli.store.layout import digest_file, storage_errors
from clickcli.store.lock import WriterLock
from clickcli.store.rework.revision import Revision, add_up
from clickcli.store.rework.rule import Reworked, Rule
from clickcli.store.types import wall_clock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.int64]

__all__ = ["Rework", "Reworked", "Rule", "add_up", "look_for", "reworking"]


class Rework:
    """One change of a store whose lock is held; nothing of it counts before ``commit``.

    ``act`` names it in the audit log; None for what is not worth a line there.
    """

    def __init__(self, catalog: Catalog, act: str | None, at: int) -> None:
        self._catalog = catalog
        self._act = act
        self._at = at
        self.folder = staging_folder(catalog.root, act or "rework")
        self._revision = Revision()
        self._left: list[FileRow] | None = None
        self._lost: list[Keys] = []
        self._new: list[Keys] = []
        self._linked: list[str] = []
        self._unlinked: list[str] = []

    def apply(self, rule: Rule) -> Reworked:
        """Stage what a rule makes of the event files, and of all that rests on them; once only."""
        import numpy as np

        from clickcli.store.rework.ids import take_out
        from clickcli.store.rework.people import LinkRework
        from clickcli.store.rework.rows import RowRework

        if self._left is not None:
            raise InternalError("two rules were applied in one rework")
        catalog, revision = self._catalog, self._revision
        with storage_errors(f"cannot write the store {catalog.root}"):
            links = LinkRework(catalog, rule)
            rows = RowRework(catalog, self.folder, rule, links.take_out)
            files = catalog.files("events")
            for file in files:
                if rule.may_hold(file):
                    rows.file(file)
            out = rows.out
            self.exchange(out.files, out.replaced)
            if out.gone_seqs and not rule.keeps_ids:
                ids = take_out(catalog, self.folder, np.sort(np.concatenate(out.gone_seqs)))
                self.exchange(ids.files, ids.replaced)
                revision.fingerprint = -ids.fingerprint
            self._left = [*(file for file in files if file.path not in out.replaced), *out.files]
            self._lost, self._new = out.lost_keys, out.new_keys
            found = links.finish(self._left)
            self.relink(found.devices, found.links)
        revision.removed, revision.words = dict(out.done.by_batch), out.words
        if out.done.changed or (out.done.rows and rule.keeps_ids):
            revision.edits = _signed_digest(catalog, out.files)
        return out.done

    def replace(self, path: Path, kind: str, target: str, rows: int) -> None:
        """Take a staged file for that of this path in the store, or a new one there."""
        known = [file.path for file in self._catalog.files(kind)]
        row = file_row(self._catalog.root, path, kind, target, rows, digest_file(path))
        self.exchange([row], [target] if target in known else [])

    def drop(self, path: str) -> None:
        """Take a file of this path out of the store."""
        self.exchange([], [path])

    def exchange(self, made: Sequence[FileRow], replaced: Sequence[str]) -> None:
        """Take staged files for those of these paths."""
        self._revision.files += made
        self._revision.replaced += replaced

    def relink(self, devices: Sequence[str], links: Sequence[Link]) -> None:
        """Give devices these learned links in place of theirs; ``links`` are of those devices."""
        self._revision.devices += devices
        self._revision.links += links

    def relist(self, linked: Iterable[str], unlinked: Iterable[str]) -> None:
        """Count devices as somebody's, or no longer, for other reasons than learned links."""
        self._linked += linked
        self._unlinked += unlinked

    def also(self, write: Callable[[sqlite3.Connection], object]) -> None:
        """Write more of the catalog in the same transaction, after all else."""
        self._revision.further.append(write)

    def commit(self, detail: Mapping[str, Any] | None = None) -> None:
        """Make it so. ``detail`` of the audit log are counts, never anybody's data."""
        revision = self._revision
        with storage_errors(f"cannot write the store {self._catalog.root}"):
            self._stage_people()
        if self._act is not None:
            revision.act = (self._at, self._act, json.dumps(detail or {}, sort_keys=True))
        commit(self._catalog, self.folder, revision)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was staged, unless it was committed."""
        if not is_recorded(self._catalog, self.folder):
            discard(self.folder)

    def _stage_people(self) -> None:
        """Bring the lists of people and of linked devices up to date.

        A user without any event is still somebody while a link gives it the events of a device.
        """
        import numpy as np

        from clickcli.store.people import people_files
        from clickcli.store.rework.people import without_rows

        catalog, revision = self._catalog, self._revision
        changed = {*revision.devices, *self._linked, *self._unlinked}
        if not (self._lost or self._new or changed):
            return
        split, given = self._split(), _devices(catalog, "given_links")
        learned = {link.anonymous_id for link in revision.links}
        before, after = self._linked_users(changed, split)
        lost = np.setdiff1d(_union([*self._lost, before]), _union([*self._new, after]))
        files = catalog.files("events") if self._left is None else self._left
        people = people_files(
            catalog,
            self.folder,
            _union([*self._new, after]),
            (learned - split).union(self._linked),
            without_rows(catalog, files, lost),
            (set(revision.devices) - learned - given).union(self._unlinked),
        )
        self.exchange(people.files, people.replaced)
        revision.people = people.count

    def _split(self) -> set[str]:
        """Return the devices that no link will count for."""
        return (_devices(self._catalog, "splits") | set(self._unlinked)) - set(self._linked)

    def _linked_users(self, changed: set[str], split: set[str]) -> tuple[Keys, Keys]:
        """Return the users of the devices that change, and those of all learned links after."""
        import numpy as np

        anew = set(self._revision.devices)
        before: set[int] = set()
        after = {ln.user_key for ln in self._revision.links if ln.anonymous_id not in split}
        for device, key in self._catalog.rows("SELECT anonymous_id, user_key FROM links"):
            if device in changed:
                before.add(key)
            if device not in anew and device not in split:
                after.add(key)
        return np.array(sorted(before), dtype=np.int64), np.array(sorted(after), dtype=np.int64)


@contextmanager
def reworking(
    catalog: Catalog, act: str | None, wait_s: float = 0.0, now: Callable[[], int] = wall_clock
) -> Iterator[Rework]:
    """Hold the writer's lock for one rework. Raises StoreLocked as an ingest does."""
    with WriterLock(catalog.root, wait_s):
        recover(catalog)
        with Rework(catalog, act, now()) as work:
            yield work


def look_for(catalog: Catalog, rule: Rule) -> Reworked:
    """Return what a rule would touch, without writing anything."""
    from clickcli.store.rework.rows import look, open_events

    found = Reworked()
    for file in catalog.files("events"):
        if not rule.may_hold(file):
            continue
        with open_events(catalog.resolve(file)) as source:
            groups = look(source, rule)
        goes = sum(int(group.goes.sum()) for group in groups if group.goes is not None)
        changes = sum(int(group.changes.sum()) for group in groups if group.changes is not None)
        found.rows += goes
        found.changed += changes
        if goes == file.rows:
            found.files_dropped += 1
        elif goes or changes:
            found.files_rewritten += 1
        found.bytes_before += file.bytes if goes or changes else 0
    return found


def _devices(catalog: Catalog, table: Literal["splits", "given_links"]) -> set[str]:
    return {device for (device,) in catalog.rows(f"SELECT anonymous_id FROM {table}")}  # noqa: S608


def _union(keys: Sequence[Keys]) -> Keys:
    """Return all of some lists of keys, sorted, each once."""
    import numpy as np

    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *keys]))


def _signed_digest(catalog: Catalog, files: Sequence[FileRow]) -> int:
    """Return a number that is another for every edit: it makes the snapshot another, too."""
    digest = sha256("".join(sorted(file.sha256 for file in files)).encode()).digest()
    return signed(catalog.meta("edits") + int.from_bytes(digest[:8], "little"))
