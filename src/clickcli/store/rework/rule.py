"""What a rework is to do to the rows of event files, and what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clickcli.store.catalog import FileRow

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

Words = dict[str, Counter[str]]
"""Counts by kind of vocabulary and name."""


def any_file(_: FileRow) -> bool:
    """Choose every file."""
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows go, and which are changed to what.

    ``goes`` and ``changes`` are given tables with ``columns`` (all columns when empty) and return
    one boolean a row; a row that goes is not changed. ``edit`` is given whole rows that change and
    returns as many, in their order, with all columns. Ids, ``seq`` and ``ts`` stay; where it
    gives rows another ``person_key``, ``moves`` says so.

    Files are chosen by ``may_hold`` and, inside them, row groups by ``bounds``: the least and the
    greatest value that a row which goes or changes can have, for columns with statistics
    (person_key, seq, ts, received_at).

    ``keeps_ids``: the ids of rows that go stay known, so that their lines never come in again.
    ``keeps_links``: what was learned of a device stays while any event of it does, also when the
    rows it was learned from go. ``forgets``: keys of users and devices whose links go in any case.
    """

    goes: Callable[[pa.Table], Mask] | None = None
    changes: Callable[[pa.Table], Mask] | None = None
    edit: Callable[[pa.Table], pa.Table] | None = None
    columns: tuple[str, ...] = ()
    moves: bool = False
    may_hold: Callable[[FileRow], bool] = any_file
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    keeps_ids: bool = False
    keeps_links: bool = False
    forgets: frozenset[int] = frozenset()


@dataclass(slots=True)
class Reworked:
    """What a rule did: rows and files, by batch where it matters.

    ``bytes_before`` is the size of all files touched, ``bytes_rewritten`` that of those made.
    """

    rows: int = 0
    changed: int = 0
    files_rewritten: int = 0
    files_dropped: int = 0
    bytes_before: int = 0
    bytes_rewritten: int = 0
    by_batch: Counter[int] = field(default_factory=Counter)
