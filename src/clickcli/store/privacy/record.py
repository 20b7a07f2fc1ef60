"""The record of processing: what a store holds of people, since when, from where, how guarded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clickcli.columns import BY_NAME
from clickcli.store.catalog import Catalog
from clickcli.store.privacy.consent import count_lists
from clickcli.store.privacy.keys import fingerprint, is_hashed
from clickcli.store.privacy.retain import FLOOR
from clickcli.units import from_us

_PERSONAL: Final[Mapping[str, str]] = {
    "user_id": "names a person",
    "anonymous_id": "tells a device or browser from others",
    "session_id": "ties events of one visit together",
    "ip": "where a device was, as a network",
    "user_agent": "describes a device",
    "referrer": "address; may carry ids and free text",
    "page_url": "address; may carry ids and free text",
    "page_title": "may carry free text",
    "search_query": "free text of a person",
    "order_id": "leads to a person in other systems",
    "country": "where a person was",
    "city": "where a person was",
    "language": "trait of a person",
    "screen": "describes a device",
    "properties": "whatever else the log lines held",
}
"""Columns that say something of a person, and what."""
_TELLING: Final = re.compile(
    r"mail|phone|mobile|(first|last|full|user|sur|nick).?name|address|street|birth|\bage\b|gender"
    r"|iban|card|passport|ssn|account|token|password|device.?id|cookie|lat(itude)?$|lon(gitude)?$",
    re.IGNORECASE,
)
"""Names of properties that look as if they held personal data."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record."""

    section: str
    item: str
    value: str
    meaning: str


def record(catalog: Catalog) -> list[Entry]:
    """Return the record of a store; nothing in it names a person."""
    with catalog.reading():
        return [
            *_extent(catalog), *_data(catalog), *_origin(catalog), *_guards(catalog),
            *_done(catalog),
        ]  # fmt: skip


def _extent(catalog: Catalog) -> Iterator[Entry]:
    rows, first, last = catalog.rows(
        "SELECT coalesce(sum(rows), 0), min(min_ts), max(max_ts) FROM files WHERE kind = 'events'"
    )[0]
    section = "extent"
    yield Entry(section, "events", str(rows), "events stored")
    yield Entry(section, "people", str(catalog.meta("people")), "persons in them, links applied")
    yield Entry(section, "oldest event", _day(first), "UTC day")
    yield Entry(section, "newest event", _day(last), "UTC day")


def _data(catalog: Catalog) -> Iterator[Entry]:
    filled = catalog.totals("column")
    for name, what in _PERSONAL.items():
        if filled.get(name):
            meaning = f"{BY_NAME[name].help}: {what}"
            yield Entry("personal data", name, f"{filled[name]} events", meaning)
    for name, count in catalog.totals("property").items():
        if _TELLING.search(name):
            meaning = "looks personal by its name; clickcli privacy scrub can take it out"
            yield Entry("personal data", f"properties.{name}", f"{count} events", meaning)
    rejected = catalog.value("SELECT coalesce(sum(rows), 0) FROM files WHERE kind = 'rejects'")
    if rejected:
        meaning = "refused, with their text up to 4 KB; it may hold anything"
        yield Entry("personal data", "rejected lines", f"{rejected} lines", meaning)


def _origin(catalog: Catalog) -> Iterator[Entry]:
    batches, last = catalog.rows("SELECT count(*), max(at) FROM batches")[0]
    sources = catalog.value("SELECT count(*) FROM sources")
    yield Entry("origin", "log files", str(sources), "named by: clickcli info --table sources")
    yield Entry("origin", "ingests", str(batches), "batches committed")
    yield Entry("origin", "last ingest", _day(last), "UTC day")


def _guards(catalog: Catalog) -> Iterator[Entry]:
    lists, floor = count_lists(catalog), catalog.value(_FLOOR, FLOOR)
    section = "safeguards"
    kept = "everything is kept" if floor is None else f"dropped all before {_day(int(floor))}"
    yield Entry(section, "retention", kept, "clickcli privacy retain --keep sets it")
    has_key = "no" if fingerprint(catalog) is None else "yes"
    yield Entry(section, "key", has_key, "secret outside the store that hides ids on the lists")
    has_names = "yes" if is_hashed(catalog) else "no"
    yield Entry(section, "pseudonyms", has_names, "ids are kept as digests, at ingest too")
    yield Entry(section, "opted out", str(lists.opted_out), "hidden, and dropped at ingest")
    yield Entry(section, "agreed", str(lists.agreed), "asked for where require_consent is set")
    yield Entry(section, "deleted", str(lists.deleted), "dropped at ingest, known by digest only")
    yield Entry(section, "access", "0700", "folders and files are open to their owner only")
    yield Entry(section, "recipients", "none", "clickcli sends nothing anywhere by itself")


def _done(catalog: Catalog) -> Iterator[Entry]:
    for act, count, last in catalog.rows(
        "SELECT act, count(*), max(at) FROM acts GROUP BY act ORDER BY act"
    ):
        yield Entry("acts", act, str(count), f"times, the last on {_day(last)}")


_FLOOR: Final = "SELECT value FROM meta WHERE key = ?"


def _day(microseconds: int | None) -> str:
    return "none" if microseconds is None else from_us(microseconds).date().isoformat()
