"""Build the tables of features and keep them in the store; the second time only what changed.

What is known of a person and of the person's interactions depends on the person's own events before
the cutoff. After new events, or at another cutoff, it is computed anew for the people whom that can
touch, and taken over for the others: people with an event that is new or lies between the cutoffs,
and, since such an event may change whose a device is, whoever the device was or is linked to. What
depends on the cutoff itself follows from what is known. Items and similar persons rest on
everybody and are computed anew.

Everything is computed anew where events were removed or edited, links were given by hand, people
opted out, or the question is another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickcli import __version__
from clickcli.features.asof import context_at, cutoff_of
from clickcli.features.computing import RATINGS, Known, known
from clickcli.features.items import items
from clickcli.features.options import Options
from clickcli.features.scores import SCORES
from clickcli.features.similar import MOST_PRODUCTS, products, similar
from clickcli.features.tables import INTERACTIONS, ITEMS, PERSONS, SIMILAR, as_declared
from clickcli.identity import anonymous_key
from clickcli.notes import left_out
from clickcli.store.layout import digest_file
from clickcli.store.types import wall_clock
from clickcli.units import from_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines.dataset import Dataset
    from clickcli.store import Store
    from clickcli.store.derived import Derived, Deriving

VERSION: Final = 1
"""Counts up when a feature is another under the same name."""
EMPTY: Final = "the store is empty: clickcli ingest adds log files"
NO_ITEMS: Final = "no event names an item: --view, --add and --purchase say which events do"
_SETTINGS: Final = ("conversion_event", "passive_events", "own_hosts", "sites", "require_consent")


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did.

    ``people`` is how many there are, ``computed`` how many of them were computed anew; 0 when
    nothing had changed. ``rows`` are those of each table.
    """

    rows: Mapping[str, int]
    people: int
    computed: int
    receipt: Mapping[str, Any]
    notes: Sequence[str]


def build(
    store: Store,
    settings: Mapping[str, Any],
    options: Options,
    *,
    cutoff: str | None,
    is_full: bool,
    wait_s: float,
) -> Built:
    """Bring the tables up to date, all of them or none; ``is_full`` computes everything anew."""
    options.check()
    with store.deriving(wait_s) as work:
        dataset = replace(store.dataset(), **settings)
        moment = cutoff_of(dataset, cutoff, options)
        question = _question(dataset, options)
        before = None if is_full else _usable(work, question, moment)
        if before is not None and _is_current(before, work, moment):
            return _built(before.receipt, 0)
        found, computed = _known(dataset, options, moment, before)
        tables, facts, notes = _tables(dataset, options, moment, found)
        receipt = {
            **facts,
            "at": from_us(wall_clock()).isoformat(),
            "cutoff": from_us(moment).isoformat(),
            "cutoff_us": moment,
            "question": question,
            "rows": {name: table.height for name, table in tables.items()},
            "notes": notes,
        }
        work.keep(tables, receipt)
    return _built(receipt, computed)


def _built(receipt: Mapping[str, Any], computed: int) -> Built:
    rows = receipt["rows"]
    return Built(rows, rows[PERSONS.name], computed, receipt, receipt["notes"])


def _question(dataset: Dataset, options: Options) -> dict[str, Any]:
    """Return all that was asked but the cutoff, as JSON gives it back."""

    def plain(value: Any) -> Any:
        if isinstance(value, Enum):
            return value.value
        return list(value) if isinstance(value, tuple) else value

    return {
        "version": VERSION,
        "clickcli": __version__,
        "parameters": {name: plain(value) for name, value in asdict(options).items()},
        "settings": {name: plain(getattr(dataset, name)) for name in _SETTINGS},
        "costs": _digest(options.costs or dataset.costs_items),
    }


def _digest(path: str | None) -> str | None:
    """Return the checksum of a file of costs, None where it cannot be read: ``items`` says why."""
    return digest_file(Path(path)) if path is not None and Path(path).is_file() else None


def _usable(work: Deriving, question: Mapping[str, Any], moment: int) -> Derived | None:
    """Return the tables of before, where what is known in them can be taken over."""
    before, now = work.before, work.state
    if before is None or before.receipt["question"] != question:
        return None
    then = before.state
    is_same = (then.removed, then.edits, then.lists) == (now.removed, now.edits, now.lists)
    if not is_same or (now.has_given_links and before.receipt["cutoff_us"] != moment):
        return None
    is_sound = all(
        file.path.is_file() and digest_file(file.path) == file.sha256
        for file in before.files.values()
    )
    return before if is_sound and before.files.keys() == before.receipt["rows"].keys() else None


def _is_current(before: Derived, work: Deriving, moment: int) -> bool:
    return before.state == work.state and before.receipt["cutoff_us"] == moment


def _known(
    dataset: Dataset, options: Options, moment: int, before: Derived | None
) -> tuple[Known, int]:
    """Return what is known of people, and of how many it was computed anew."""
    import polars as pl

    context = context_at(dataset, moment, options)
    if before is None:
        found = known(context, options)
        return found, found.people.height
    keys = _touched_people(dataset, before, moment)
    old = Known(
        *(
            pl.read_parquet(before.files[table.name].path)
            .drop(without)
            .join(keys, on="person_key", how="anti")
            for table, without in ((PERSONS, SCORES), (INTERACTIONS, RATINGS))
        )
    )
    if keys.is_empty():
        return old, 0
    new = known(context, options, keys)
    both = Known(pl.concat([old.people, new.people]), pl.concat([old.pairs, new.pairs]))
    return both, new.people.height


def _touched_people(dataset: Dataset, before: Derived, moment: int) -> pl.DataFrame:
    """Return the keys of whom new events, or those between the cutoffs, can touch."""
    import polars as pl

    from clickcli.engines.polars import EVENT_SCHEMA

    low, high = sorted((moment, before.receipt["cutoff_us"]))
    is_new = (pl.col("seq") >= before.state.next_seq) | (pl.col("ts") >= low)
    columns = ("person_key", "anonymous_id")
    events = (
        pl.scan_parquet([file.path for file in dataset.files], hive_partitioning=False, glob=False,
                        schema=EVENT_SCHEMA, missing_columns="insert")
        .filter(is_new & (pl.col("ts") < high))
        .select(columns)
        .unique()
        .collect(engine="streaming")
    )  # fmt: skip
    devices = events["anonymous_id"].drop_nulls().unique()
    own = [anonymous_key(device) for device in devices]
    links = dataset.links().filter(pl.col("anonymous_id").is_in(devices.implode()))
    keys = pl.concat(
        [events["person_key"].drop_nulls(), pl.Series("person_key", own, pl.Int64),
         links["user_key"].rename("person_key")]
    )  # fmt: skip
    return keys.unique().to_frame()


def _tables(
    dataset: Dataset, options: Options, moment: int, found: Known
) -> tuple[dict[str, pl.DataFrame], dict[str, Any], list[str]]:
    """Return the tables, facts for the receipt, and notes."""
    context = context_at(dataset, moment, options)
    people, pairs = found.at(moment, options)
    of_items, meta = items(context, options, moment, pairs)
    tables = {
        PERSONS.name: people,
        ITEMS.name: as_declared(of_items, ITEMS),
        INTERACTIONS.name: pairs,
    }
    facts = {name: meta[name] for name in ("snapshot", "events_read", "people_read", "left_out")}
    notes = left_out(meta["left_out"])
    if not dataset.rows:
        notes.append(EMPTY)
    elif pairs.is_empty():
        notes.append(NO_ITEMS)
    work = products(pairs)
    if work > MOST_PRODUCTS:
        notes.append(
            f"similar persons are left out: they take {work:,} products of ratings, and at most"
            f" {MOST_PRODUCTS:,} are computed".replace(",", "\u202f")
        )
    elif options.k:
        tables[SIMILAR.name] = as_declared(similar(pairs, options), SIMILAR)
    return tables, facts, notes
