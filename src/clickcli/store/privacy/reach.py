"""Which rows are about somebody: by the ids on them, and by the links of devices at their time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.errors import UsageError
from clickcli.identity import anonymous_key, is_placeholder, user_key
from clickcli.store.catalog import Catalog, FileRow
from clickcli.store.privacy.devices import Span, devices_of, spans_of, users_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

COLUMNS: Final = ("user_id", "anonymous_id", "ts")
"""What is needed of a row to know whose it is."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What belongs to users and devices.

    A user's are the rows with its id, and in ``spans`` those of devices that name no user. A
    device's are all rows that carry it. ``own`` are devices that were never anybody else's than
    these users'. ``keys`` are all person keys such rows can have, sorted.
    """

    users: frozenset[str]
    devices: frozenset[str]
    spans: tuple[Span, ...]
    own: frozenset[str]
    keys: tuple[int, ...]

    def mask(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return which rows of a table with ``COLUMNS`` belong to them."""
        import polars as pl

        rows = pl.DataFrame(pl.from_arrow(table.select(list(COLUMNS))))
        hit = rows["user_id"].is_in(list(self.users)).fill_null(value=False)
        hit |= rows["anonymous_id"].is_in(list(self.devices)).fill_null(value=False)
        found = hit.to_numpy(writable=True)
        nameless = rows.with_row_index("row").filter(pl.col("user_id").is_null())
        spans = pl.DataFrame(
            [(span.device, span.start, span.until) for span in self.spans],
            schema={"anonymous_id": pl.String, "start": pl.Int64, "until": pl.Int64},
            orient="row",
        )
        inside = pl.col("ts").is_between("start", "until", closed="left")
        theirs = nameless.join(spans, on="anonymous_id", how="inner").filter(inside)
        found[theirs["row"].to_numpy()] = True
        return found

    def may_hold(self, file: FileRow) -> bool:
        """Return whether the keys of a file leave room for such a row."""
        if file.min_key is None or file.max_key is None:
            return False
        at = bisect_left(self.keys, file.min_key)
        return at < len(self.keys) and self.keys[at] <= file.max_key

    @property
    def bounds(self) -> dict[str, tuple[int, int]]:
        """Least and greatest person key of such rows."""
        return {"person_key": (self.keys[0], self.keys[-1])}


def reach_of(catalog: Catalog, users: Iterable[str], devices: Iterable[str]) -> Reach:
    """Return what belongs to these users and devices now.

    Raises UsageError when nobody is named, or an id means nobody.
    """
    users, devices = frozenset(users), frozenset(devices)
    if not users and not devices:
        raise UsageError("nobody is named", hint="give --user ID, --device ID or --file FILE")
    for text in users | devices:
        if is_placeholder(text):
            raise UsageError(f"{text!r} means nobody: it is no id of a person")
    with catalog.reading():
        linked = devices_of(catalog, [user_key(user) for user in users])
        spans = spans_of(catalog, linked)
        seen = users_of(catalog, linked)
        visitors = users_of(catalog, devices).values()
    theirs = tuple(span for span in spans if span.user_id in users)
    for span in spans:
        seen.setdefault(span.device, set()).add(span.user_id)
    own = frozenset(span.device for span in theirs if seen[span.device] <= users)
    keys = {user_key(user) for user in users.union(*visitors)}
    keys |= {anonymous_key(device) for device in (*devices, *(span.device for span in theirs))}
    return Reach(users, devices, theirs, own, tuple(sorted(keys)))
