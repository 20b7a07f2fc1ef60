"""Delete people: their rows, their name wherever it stands, and the way back in.

*What goes* All rows of a user: those with its id, and those of linked devices at the times that the
links say. A device that was never anybody else's goes with its user. Of a device that is named
itself, every row that carries it. Elsewhere, in any text of other rows, a long id is replaced by a
mark; the text of rejected lines that name the person is withheld.

*What stays* Digests, so that an old log brings nothing back. Derived tables and models are dropped:
they are made anew from what is left.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import TYPE_CHECKING

from clickcli.identity import anonymous_key, user_key
from clickcli.store.catalog import Catalog
from clickcli.store.privacy.derived import derived_files, drop_derived, remove_derived
from clickcli.store.privacy.keys import Key, Kind, need_key, record_key
from clickcli.store.privacy.lists import DELETED, OWNER_DELETED
from clickcli.store.privacy.reach import COLUMNS, Reach, reach_of
from clickcli.store.privacy.rejected import withhold
from clickcli.store.privacy.search import Search, redaction, search
from clickcli.store.privacy.tokens import Names
from clickcli.store.privacy.words import redact_catalog
from clickcli.store.rework import Rule, look_for, reworking
from clickcli.units import MAX_TS, MIN_TS

if TYPE_CHECKING:
    from clickcli.store.rework import Reworked


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a deletion did, or would do; nothing in it names a person.

    ``digests`` are those of the ids that were named, with their kinds; a dry run has none. ``rows``
    went; ``redacted`` rows of others and ``rejects`` lines lost a mention; ``devices`` went with
    their user; ``derived`` files were dropped. ``before`` and ``after`` are snapshots of the
    store. ``searched`` is what was looked through afterwards, None in a dry run.
    """

    id: str
    at: int
    digests: tuple[tuple[Kind, str], ...]
    rows: int
    redacted: int
    rejects: int
    devices: int
    links: int
    derived: int
    files_rewritten: int
    files_dropped: int
    bytes_rewritten: int
    before: str
    after: str
    searched: Search | None = None


def delete_people(
    catalog: Catalog,
    users: Iterable[str],
    devices: Iterable[str],
    *,
    key_file: str | None,
    wait_s: float,
    now: Callable[[], int],
    snapshot: Callable[[], str],
    dry_run: bool = False,
) -> Certificate:
    """Delete people and look whether anything of them is left; a dry run only says what goes.

    Raises UsageError when nobody is named or an id means nobody.
    """
    at, number = now(), f"c-{token_hex(8)}"
    held = nullcontext() if dry_run else reworking(catalog, "delete", wait_s, lambda: at)
    with held as work:
        reach, before = reach_of(catalog, users, devices), snapshot()
        names = Names(reach.users | reach.devices | reach.own)
        rule = _rule(reach, names)
        done = look_for(catalog, rule) if work is None else work.apply(rule)
        made = _certificate(
            catalog, number, at, reach, done,
            rejects=withhold(catalog, work, names), snapshot=before,
        )  # fmt: skip
        if work is None:
            return made
        key = need_key(catalog, key_file)
        work.relist((), reach.own)
        work.also(lambda db: _write(db, reach, key, at))
        work.also(lambda db: redact_catalog(db, names))
        drop_derived(catalog, work)
        work.commit(
            {"certificate": number, "people": len(reach.users) + len(reach.devices)}
            | {name: getattr(made, name) for name in ("rows", "redacted", "rejects", "links")}
        )
        remove_derived(catalog)
        catalog.vacuum()
        return replace(
            made, digests=_digests(reach, key), after=snapshot(),
            searched=search(catalog, reach.users, reach.devices | reach.own, names),
        )  # fmt: skip


def _certificate(
    catalog: Catalog, number: str, at: int, reach: Reach, done: Reworked, *, rejects: int,
    snapshot: str,
) -> Certificate:  # fmt: skip
    return Certificate(
        number, at, (), done.rows, done.changed, rejects, len(reach.own),
        _count_links(catalog, reach), len(derived_files(catalog)), done.files_rewritten,
        done.files_dropped, done.bytes_rewritten, snapshot, snapshot,
    )  # fmt: skip


def _rule(reach: Reach, names: Names) -> Rule:
    """Return the rule that their rows go and that others lose their mentions.

    Where no mention is looked for, files that cannot hold a row of theirs are not read.
    """
    forgets = frozenset(
        {user_key(user) for user in reach.users}
        | {anonymous_key(device) for device in reach.devices | reach.own}
    )
    if not names.long:
        return Rule(
            goes=reach.mask, columns=COLUMNS, may_hold=reach.may_hold, bounds=reach.bounds,
            forgets=forgets,
        )  # fmt: skip
    edits = redaction(names)
    return Rule(goes=reach.mask, changes=edits.mask, edit=edits.apply, forgets=forgets)


def _write(db: sqlite3.Connection, reach: Reach, key: Key, at: int) -> None:
    """Put people on the list of those who are left out, and take them off all others."""
    record_key(db, key)
    named = [(kind, bytes.fromhex(digest)) for kind, digest in _digests(reach, key)]
    own = [key.digest("device", device) for device in reach.own]
    everything = [(digest,) for digest in (*(digest for _, digest in named), *own)]
    db.executemany("UPDATE suppressions SET person_key = NULL WHERE digest = ?", everything)
    db.executemany("DELETE FROM consents WHERE digest = ?", everything)
    insert = "INSERT OR REPLACE INTO suppressions VALUES (?, ?, ?, ?, ?, NULL, ?)"
    db.executemany(insert, [(d, DELETED, MIN_TS, MAX_TS, kind, at) for kind, d in named])
    spans = [(key.digest("device", s.device), s.start, s.until) for s in reach.spans]
    db.executemany(insert, [(d, OWNER_DELETED, a, b, "device", at) for d, a, b in spans])
    users = [(user,) for user in reach.users]
    devices = [(device,) for device in reach.devices | reach.own]
    db.executemany("DELETE FROM given_links WHERE user_id = ?", users)
    db.executemany("DELETE FROM given_links WHERE anonymous_id = ?", devices)
    db.executemany("DELETE FROM splits WHERE anonymous_id = ?", devices)


def _digests(reach: Reach, key: Key) -> tuple[tuple[Kind, str], ...]:
    """Return the digests of the ids that were named."""
    kinds: tuple[tuple[Kind, frozenset[str]], ...] = (
        ("user", reach.users), ("device", reach.devices),
    )  # fmt: skip
    return tuple(
        (kind, key.digest(kind, text).hex()) for kind, ids in kinds for text in sorted(ids)
    )


def _count_links(catalog: Catalog, reach: Reach) -> int:
    """Return how many pairs of a device and a user of theirs are linked."""
    query = "SELECT DISTINCT anonymous_id, user_id FROM links WHERE {} = ?"
    pairs: set[tuple[str, str]] = set()
    for column, ids in (("user_id", reach.users), ("anonymous_id", reach.devices | reach.own)):
        for text in ids:
            pairs.update(catalog.rows(query.format(column), text))
    return len(pairs)
