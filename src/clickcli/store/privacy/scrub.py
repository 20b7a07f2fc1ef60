"""Take personal data out of what is stored: rows, rejected lines, and what is made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickcli.store.catalog import Catalog
from clickcli.store.privacy.derived import derived_files, drop_derived, remove_derived
from clickcli.store.privacy.rejected import rewrite
from clickcli.store.privacy.scrubber import Scrub
from clickcli.store.rework import Rule, look_for, reworking

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a scrub changed, or would change: rows, and texts by column (rejects are one)."""

    rows: int
    columns: tuple[tuple[str, int], ...]
    rejects: int
    derived: int
    files_rewritten: int
    bytes_rewritten: int
    dry_run: bool


def scrub(
    catalog: Catalog,
    what: Scrub,
    *,
    wait_s: float,
    now: Callable[[], int],
    dry_run: bool = False,
) -> Scrubbed:
    """Take something out of every stored text; ids of people stay as they are."""
    at, counts, edits = now(), Counter[str](), what.edits()

    def changes(table: pa.Table) -> NDArray[np.bool_]:
        mask, found = edits.look(table)
        counts.update(found)
        return mask

    rule = Rule(changes=changes, edit=edits.apply)
    held = nullcontext() if dry_run else reworking(catalog, "scrub", wait_s, lambda: at)
    with held as work:
        done = look_for(catalog, rule) if work is None else work.apply(rule)
        rejects = rewrite(catalog, work, lambda line: what.raw(line.raw))
        derived = len(derived_files(catalog)) if done.changed else 0
        if work is not None:
            if done.changed:
                drop_derived(catalog, work)
            work.commit({"rows": done.changed, "rejects": rejects, **_named(what)})
            if done.changed:
                remove_derived(catalog)
    return Scrubbed(
        done.changed, tuple(sorted(counts.items())), rejects, derived, done.files_rewritten,
        done.bytes_rewritten, dry_run,
    )  # fmt: skip


def _named(what: Scrub) -> dict[str, Any]:
    """Return what the audit log tells: kinds and fields, of words only how many."""
    return {
        "kinds": [pattern.name for pattern in what.patterns],
        "fields": list(what.fields), "words": len(what.words),
    }  # fmt: skip
