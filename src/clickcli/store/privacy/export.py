"""Everything that a store holds of one person: events, links, rejected lines, entries of lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clickcli.identity import anonymous_key, user_key
from clickcli.store.catalog import Catalog
from clickcli.store.layout import storage_errors
from clickcli.store.privacy.devices import Span
from clickcli.store.privacy.keys import Kind, find_key
from clickcli.store.privacy.lists import OPT_OUT
from clickcli.store.privacy.reach import Reach, reach_of
from clickcli.store.privacy.tokens import Names
from clickcli.store.rejects import read_rejects
from clickcli.store.types import Reject

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Export:
    """What is held of a person.

    ``events`` have the stored columns, in order of time and arrival; ``spans`` are the times at
    which a device's events that name no user are this user's. ``is_opted_out`` and ``has_agreed``
    are None where the store keeps no lists. ``keys`` are those under which events are the person's.
    ``derived`` are the person's rows of each table that
    was computed from events, without what they say of others.
    """

    kind: Kind
    id: str
    events: pl.DataFrame
    spans: tuple[Span, ...]
    rejects: tuple[Reject, ...]
    is_opted_out: bool | None
    has_agreed: bool | None
    derived: Mapping[str, pl.DataFrame]
    keys: frozenset[int]


def export_person(catalog: Catalog, kind: Kind, text: str, key_file: str | None) -> Export:
    """Return all that a store holds of a user or a device, and nothing of anybody else.

    Raises UsageError for an id that means nobody.
    """
    users, devices = ([text], []) if kind == "user" else ([], [text])
    with catalog.reading():
        reach = reach_of(catalog, users, devices)
        key = find_key(catalog, key_file)
        opted_out = agreed = None
        if key is not None:
            digest = key.digest(kind, text)
            query = "SELECT count(*) FROM suppressions WHERE digest = ? AND reason = ?"
            opted_out = bool(catalog.value(query, digest, OPT_OUT))
            agreed = bool(catalog.value("SELECT count(*) FROM consents WHERE digest = ?", digest))
        rejects = _rejects(catalog, Names({text, *reach.own}))
        events = _events(catalog, reach)
        make = user_key if kind == "user" else anonymous_key
        keys = frozenset({make(text), *map(anonymous_key, reach.own)})
        derived = _derived(catalog, keys)
    return Export(kind, text, events, reach.spans, rejects, opted_out, agreed, derived, keys)


def _derived(catalog: Catalog, keys: Collection[int]) -> dict[str, pl.DataFrame]:
    import polars as pl

    found = {}
    for file in catalog.files("derived"):
        table = pl.read_parquet(catalog.resolve(file))
        if "person_key" in table.columns:
            own = table.filter(pl.col("person_key").is_in(list(keys)))
            found[Path(file.path).stem] = own.drop(pl.selectors.starts_with("neighbour_"))
    return found


def _events(catalog: Catalog, reach: Reach) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa

    from clickcli.store.parts import arrow_schema, event_columns
    from clickcli.store.rework.rows import may_hold, open_events

    parts = [arrow_schema().empty_table()]
    for file in catalog.files("events"):
        if not reach.may_hold(file):
            continue
        with open_events(catalog.resolve(file)) as source:
            for number in range(source.num_row_groups):
                if may_hold(source.metadata.row_group(number), reach.bounds):
                    table = event_columns(source.read_row_group(number))
                    parts.append(table.filter(pa.array(reach.mask(table))))
    frame = pl.from_arrow(pa.concat_tables(parts))
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("ts", "seq")


def _rejects(catalog: Catalog, names: Names) -> tuple[Reject, ...]:
    found: list[Reject] = []
    for file in catalog.files("rejects"):
        path = catalog.resolve(file)
        with storage_errors(f"cannot read the rejects {path}"):
            lines = read_rejects(path, Path(file.path).stem)
            found += [line for line in lines if names.are_in(line.raw)]
    return tuple(found)
