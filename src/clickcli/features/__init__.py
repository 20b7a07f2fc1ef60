"""Features of people, items and what people do with items, as tables for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clickcli.features.computing import DEFAULTS, persons
from clickcli.features.options import Options
from clickcli.features.tables import TABLES

if TYPE_CHECKING:
    import polars as pl

    from clickcli.features.building import Built
    from clickcli.features.reading import Kept
    from clickcli.store import Store

__all__ = ["TABLES", "Features", "Options", "persons"]


class Features:
    """The features of one store; ``settings`` are what a configuration file would set."""

    def __init__(self, store: Store, settings: Mapping[str, Any]) -> None:
        self._store = store
        self._settings = settings

    def build(
        self,
        *,
        cutoff: str | None = None,
        full: bool = False,
        options: Options = DEFAULTS,
        wait_s: float = 0.0,
    ) -> Built:
        """Bring the tables in the store up to date, from the events before the cutoff.

        Only what new events can change is computed anew, everything when ``full``; the tables are
        the same either way.
        """
        from clickcli.features.building import build

        return build(
            self._store, self._settings, options, cutoff=cutoff, is_full=full, wait_s=wait_s
        )

    def kept(self) -> list[Kept]:
        """Return what was built and whether it is stale."""
        from clickcli.features.reading import kept

        return kept(self._store)

    def receipt(self) -> Mapping[str, Any]:
        """Return the receipt of what was built, empty where nothing was."""
        derived = self._store.derived()
        return {} if derived is None else derived.receipt

    def notes(self) -> list[str]:
        """Return what a reader must know: what was left out, and what changed since."""
        from clickcli.features.reading import stale_notes

        derived = self._store.derived()
        if derived is None:
            return []
        return [*derived.receipt["notes"], *stale_notes(derived.state, self._store.state())]

    def table(self, name: str) -> pl.LazyFrame:
        """Return a table that was built. DataError when there is none."""
        from clickcli.features.reading import table

        return table(self._store, self._settings, name)

    def persons(self, cutoff: str | None = None, options: Options = DEFAULTS) -> pl.LazyFrame:
        """Return the features of people as of a cutoff, computed now and not stored."""
        return persons(replace(self._store.dataset(), **self._settings), cutoff, options)

    def drop(self, wait_s: float = 0.0) -> list[str]:
        """Take the tables out of the store; returns their names."""
        return self._store.drop_derived(wait_s)
