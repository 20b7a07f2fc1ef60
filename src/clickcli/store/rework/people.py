"""Whom the rows that are left still name: keys of people without any, and links of devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

from clickcli.identity import anonymous_key, user_key
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.commit import Link
from clickcli.store.reading import Account, linked_runs
from clickcli.store.rework.rows import groups_with, open_events
from clickcli.store.rework.rule import Rule

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

_HELD_ROWS: Final = 500_000
_ENTRY: Final = ["anonymous_id", "user_id", "ts"]
_Points = dict[str, set[tuple[int, str]]]
"""The moments at which each device was seen with a user."""


def without_rows(
    catalog: Catalog, files: Sequence[FileRow], keys: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which of these keys (sorted) no row of the files has."""
    import numpy as np

    for file in files:
        if not len(keys):
            break
        if may_name(file, keys):
            with open_events(catalog.resolve(file)) as source:
                for _, found, _ in groups_with(source, keys):
                    keys = np.setdiff1d(keys, found)
                    if not len(keys):
                        break
    return keys


def may_name(file: FileRow, keys: NDArray[np.int64]) -> bool:
    """Return whether the bounds of a file leave room for one of these keys (sorted)."""
    import numpy as np

    if file.min_key is None or file.max_key is None:
        return False
    return bool(np.searchsorted(keys, file.min_key, "left") < np.searchsorted(
        keys, file.max_key, "right"
    ))  # fmt: skip


@dataclass(slots=True)
class Relinked:
    """Devices whose links change, and the links that they have now."""

    devices: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


class LinkRework:
    """Finds out which links the rows that go leave behind, and which they take with them."""

    def __init__(self, catalog: Catalog, rule: Rule) -> None:
        import polars as pl

        self._catalog = catalog
        self._rule = rule
        rows = catalog.rows("SELECT anonymous_id, user_id, user_key, ts FROM links")
        schema = {
            "anonymous_id": pl.String, "user_id": pl.String, "user_key": pl.Int64, "ts": pl.Int64
        }  # fmt: skip
        self._links = pl.DataFrame(rows, schema=schema, orient="row")
        self._held: list[pl.DataFrame] = []
        self._lost: list[pl.DataFrame] = []
        self._seen: list[pl.DataFrame] = []

    def take_out(self, table: pa.Table) -> None:
        """Note rows that go."""
        import polars as pl

        if not self._links.height:
            return
        frame = pl.DataFrame(pl.from_arrow(table.select(_ENTRY)))
        self._held.append(frame.filter(pl.col("anonymous_id").is_not_null()))
        if sum(held.height for held in self._held) >= _HELD_ROWS:
            self._digest()

    def _digest(self) -> None:
        """Keep of the noted rows which links they bear, and which linked devices they name."""
        import polars as pl

        rows = pl.concat(self._held)
        self._held = []
        if not self._rule.keeps_links:
            self._lost.append(self._links.select(_ENTRY).join(rows, on=_ENTRY, how="semi"))
        devices = self._links.select("anonymous_id").unique()
        self._seen.append(devices.join(rows, on="anonymous_id", how="semi"))

    def finish(self, files: Sequence[FileRow]) -> Relinked:
        """Return the devices whose links change; ``files`` are those of the rows that are left."""
        import polars as pl

        if self._held:
            self._digest()
        forgotten = self._forgotten()
        if not self._seen and not forgotten.height:
            return Relinked()
        device = self._links.select("anonymous_id")
        seen = pl.concat([device.clear(), *self._seen]).unique()
        lost = pl.concat([self._links.select(_ENTRY).clear(), *self._lost, forgotten])
        concerned = pl.concat([seen, forgotten.select("anonymous_id")]).unique()
        links = self._links.join(concerned, on="anonymous_id", how="semi")
        again = pl.concat([device.clear(), *(part.select("anonymous_id") for part in self._lost)])
        rest = _Rest(self._catalog, links, seen, again.unique())
        for _, group in groupby(sorted(files, key=_date), key=_date):
            rest.read(list(group))
        kept = _by_device(links.join(lost, on=_ENTRY, how="anti"))
        return self._compared(_by_device(links), kept, rest)

    def _forgotten(self) -> pl.DataFrame:
        """Return the links that go in any case."""
        import polars as pl

        keys = self._rule.forgets
        if not keys:
            return self._links.select(_ENTRY).clear()
        devices = self._links["anonymous_id"].unique()
        own = [device for device in devices if anonymous_key(device) in keys]
        is_user = pl.col("user_key").is_in(list(keys))
        is_device = pl.col("anonymous_id").is_in(own)
        return self._links.filter(is_user | is_device).select(_ENTRY)

    def _compared(self, before: _Points, kept: _Points, rest: _Rest) -> Relinked:
        """Return the devices whose links are not what they were."""
        out = Relinked()
        for device, old in before.items():
            points = kept.get(device, set()) | rest.learned.get(device, set())
            if device in rest.absent:
                points = set()
            points = {(ts, user) for ts, user in points if user_key(user) not in self._rule.forgets}
            account = Account()
            for ts, user in sorted(points):
                account.add_link(device, user, ts, ts)
            links = account.link_rows()
            if {(link.ts, link.user_id) for link in links} != old:
                out.devices.append(device)
                out.links += links
        return out


class _Rest:
    """What the rows that are left say of devices.

    ``absent`` are the devices looked for of which no row was found; ``learned`` are the moments at
    which a device was seen with a user, for the devices whose links are to be learned again.
    """

    def __init__(
        self, catalog: Catalog, links: pl.DataFrame, seen: pl.DataFrame, again: pl.DataFrame
    ) -> None:
        import numpy as np
        import polars as pl

        self._catalog = catalog
        self._again = again
        self.absent = set(seen["anonymous_id"].to_list())
        self.learned: _Points = {}
        self._devices = pl.concat([seen, again]).unique()
        own = np.array([anonymous_key(device) for device in self.absent], dtype=np.int64)
        self._keys = np.union1d(links["user_key"].to_numpy(), own)

    def read(self, files: Sequence[FileRow]) -> None:
        """Read the files of one date."""
        import polars as pl

        frames = [frame for file in files for frame in self._rows(file)]
        if not frames:
            return
        rows = pl.concat(frames)
        self.absent -= set(rows["anonymous_id"].unique().to_list())
        both = rows.join(self._again, on="anonymous_id", how="semi")
        for device, user, first, last in linked_runs(both).iter_rows():
            self.learned.setdefault(device, set()).update({(first, user), (last, user)})

    def _rows(self, file: FileRow) -> Iterator[pl.DataFrame]:
        """Yield the rows of people who may have one of the devices."""
        import polars as pl
        import pyarrow as pa

        columns = ["anonymous_id", "user_id", "ts"]
        if not may_name(file, self._keys):
            return
        with open_events(self._catalog.resolve(file)) as source:
            for number, _, mask in groups_with(source, self._keys):
                table = source.read_row_group(number, columns=columns).select(columns)
                frame = pl.DataFrame(pl.from_arrow(table.filter(pa.array(mask))))
                yield frame.join(self._devices, on="anonymous_id", how="semi")


def _by_device(links: pl.DataFrame) -> _Points:
    points: _Points = {}
    for device, user, ts in links.select(_ENTRY).iter_rows():
        points.setdefault(device, set()).add((ts, user))
    return points


def _date(file: FileRow) -> str:
    return file.date or ""
