"""Who opted out and who agreed: lists of digests that ingest and every question obey."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from clickcli.errors import UsageError
from clickcli.identity import anonymous_key, is_placeholder, user_key
from clickcli.store.catalog import Catalog
from clickcli.store.people import load_keys
from clickcli.store.privacy.acts import note_act
from clickcli.store.privacy.keys import Key, Kind, find_key, need_key, record_key
from clickcli.store.privacy.lists import OPT_OUT
from clickcli.units import MAX_TS, MIN_TS

if TYPE_CHECKING:
    pass

Action = Literal["grant", "withdraw", "opt_out", "opt_in"]
_REMOVING: Final = frozenset({"withdraw", "opt_in"})
_ALWAYS: Final = {"start": MIN_TS, "until": MAX_TS}
_STATEMENTS: Final[dict[Action, str]] = {
    "grant": "INSERT OR IGNORE INTO consents VALUES (:digest, :kind, :key, :now)",
    "withdraw": "DELETE FROM consents WHERE digest = :digest",
    "opt_out": "INSERT OR IGNORE INTO suppressions"
    " VALUES (:digest, 'opt_out', :start, :until, :kind, :key, :now)",
    "opt_in": "DELETE FROM suppressions WHERE digest = :digest AND reason = 'opt_out'",
}


@dataclass(frozen=True, slots=True)
class ListCounts:
    """How many entries each list has."""

    opted_out: int
    agreed: int
    deleted: int


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """What an act did: ids given, how many of them changed a list, how many have events."""

    action: Action
    given: int
    changed: int
    known: int
    lists: ListCounts


def count_lists(catalog: Catalog) -> ListCounts:
    """Return how many people are on each list; devices that went with their user not counted."""
    with catalog.reading():
        left_out = dict(catalog.rows("SELECT reason, count(*) FROM suppressions GROUP BY reason"))
        agreed = int(catalog.value("SELECT count(*) FROM consents"))
    return ListCounts(left_out.get(OPT_OUT, 0), agreed, left_out.get("deleted", 0))


def change_lists(
    catalog: Catalog,
    action: Action,
    ids: Iterable[str],
    kind: Kind,
    *,
    key_file: str | None,
    now: int,
) -> ConsentChange:
    """Put people on a list or take them off it, all of them or none.

    Needs the lock. Raises UsageError for no ids and for one that means nobody.
    """
    unique = list(dict.fromkeys(ids))
    if not unique:
        raise UsageError("no ids are given", hint="name them, or give --file")
    for text in unique:
        if is_placeholder(text):
            raise UsageError(f"{text!r} means nobody: it is no id of a person")
    key = find_key(catalog, key_file) if action in _REMOVING else need_key(catalog, key_file)
    keys = person_keys(kind, unique)
    changed = 0
    if key is not None:
        changed = _write(catalog, action, key, kind, list(zip(unique, keys, strict=True)), now)
    return ConsentChange(
        action, len(unique), changed, _count_known(catalog, keys), count_lists(catalog)
    )


def person_keys(kind: Kind, ids: Iterable[str]) -> list[int]:
    """Return the key of each user or device."""
    return [(user_key if kind == "user" else anonymous_key)(text) for text in ids]


def _write(
    catalog: Catalog, action: Action, key: Key, kind: Kind, people: list[tuple[str, int]], now: int
) -> int:
    rows = [
        {"digest": key.digest(kind, text), "kind": kind, "key": person, "now": now} | _ALWAYS
        for text, person in people
    ]
    with catalog.writing() as db:
        record_key(db, key)
        changed = db.executemany(_STATEMENTS[action], rows).rowcount
        note_act(db, now, action, {f"{kind}s": len(people), "changed": changed})
    return changed


def _count_known(catalog: Catalog, keys: list[int]) -> int:
    """Return how many of these people have events in the store."""
    import numpy as np

    known = 0
    for file in catalog.files("people"):
        everybody = load_keys(catalog.resolve(file))
        known += int(np.isin(np.array(keys, dtype=np.int64), everybody).sum())
    return known
