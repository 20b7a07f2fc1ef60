"""Privacy: who is left out, what is known of a person, how it goes away, and what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clickcli.store.catalog import Catalog
from clickcli.store.lock import WriterLock
from clickcli.store.types import wall_clock

if TYPE_CHECKING:
    from clickcli.store.privacy.acts import Act
    from clickcli.store.privacy.consent import Action, ConsentChange, ListCounts
    from clickcli.store.privacy.delete import Certificate
    from clickcli.store.privacy.export import Export
    from clickcli.store.privacy.hash_store import Hashed
    from clickcli.store.privacy.keys import Kind
    from clickcli.store.privacy.record import Entry
    from clickcli.store.privacy.retain import Retained
    from clickcli.store.privacy.scrub import Scrubbed
    from clickcli.store.privacy.scrubber import Scrub


class Privacy:
    """What can be done for the people in a store.

    ``snapshot`` gives the word for what the store holds. ``key_file`` is where the store's key is,
    None beside the store. ``wait_s`` is how long to wait for another writer. ``now`` is the clock,
    in microseconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        snapshot: Callable[[], str],
        key_file: str | None = None,
        wait_s: float = 0.0,
        now: Callable[[], int] = wall_clock,
    ) -> None:
        self._catalog = catalog
        self._snapshot = snapshot
        self._key_file = key_file
        self._wait_s = wait_s
        self._now = now

    @contextmanager
    def _writing(self) -> Iterator[Catalog]:
        """Hold the lock of the store, after finishing what a crash cut off."""
        from clickcli.store.commit import recover

        with WriterLock(self._catalog.root, self._wait_s):
            recover(self._catalog)
            yield self._catalog

    def consent(self, action: Action, ids: Iterable[str], kind: Kind = "user") -> ConsentChange:
        """Put people on the list of those who agreed or opted out, or take them off it."""
        from clickcli.store.privacy.consent import change_lists

        with self._writing() as catalog:
            return change_lists(
                catalog, action, self._stored(kind, ids), kind, key_file=self._key_file,
                now=self._now(),
            )  # fmt: skip

    def _stored(self, kind: Kind, ids: Iterable[str]) -> list[str]:
        """Return ids as the store knows them: as pseudonyms where it was hashed."""
        from clickcli.store.privacy.keys import stored_ids

        return stored_ids(self._catalog, self._key_file, kind, ids)

    def lists(self) -> ListCounts:
        """Return how many people are on each list."""
        from clickcli.store.privacy.consent import count_lists

        return count_lists(self._catalog)

    def export(self, kind: Kind, text: str) -> Export:
        """Return everything that is held of a user or a device, and nothing of anybody else."""
        from clickcli.store.privacy.export import export_person

        (stored,) = self._stored(kind, [text])
        return export_person(self._catalog, kind, stored, self._key_file)

    def delete(
        self, users: Iterable[str] = (), devices: Iterable[str] = (), *, dry_run: bool = False
    ) -> Certificate:
        """Delete users and devices, keep them out, and look whether anything of them is left."""
        from clickcli.store.privacy.delete import delete_people

        return delete_people(
            self._catalog, self._stored("user", users), self._stored("device", devices),
            key_file=self._key_file, wait_s=self._wait_s, now=self._now,
            snapshot=self._snapshot, dry_run=dry_run,
        )  # fmt: skip

    def retain(self, keep_us: int, *, as_of: int | None = None, dry_run: bool = False) -> Retained:
        """Drop the days that ended longer ago than that, and let no older event in again."""
        from clickcli.store.privacy.retain import retain

        return retain(
            self._catalog, keep_us, as_of=as_of, wait_s=self._wait_s, now=self._now,
            dry_run=dry_run,
        )  # fmt: skip

    def scrub(self, what: Scrub, *, dry_run: bool = False) -> Scrubbed:
        """Take personal data out of every stored text."""
        from clickcli.store.privacy.scrub import scrub

        return scrub(self._catalog, what, wait_s=self._wait_s, now=self._now, dry_run=dry_run)

    def hash(self, *, dry_run: bool = False) -> Hashed:
        """Put pseudonyms in place of all ids, now and at every ingest from now on."""
        from clickcli.store.privacy.hash_store import hash_store

        return hash_store(
            self._catalog, key_file=self._key_file, wait_s=self._wait_s, now=self._now,
            dry_run=dry_run,
        )  # fmt: skip

    def acts(self) -> list[Act]:
        """Return what was done to the store, oldest first."""
        from clickcli.store.privacy.acts import read_acts

        return read_acts(self._catalog)

    def record(self) -> list[Entry]:
        """Return the record of processing: what the store holds of people and how guarded."""
        from clickcli.store.privacy.record import record

        return record(self._catalog)
