"""How attempts at a funnel are made and judged, and the rows they are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from clickcli.relations.sessions import Cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.columns import Dtype

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

NEVER: Final = 2**62
"""A time later than every event."""


class Order(StrEnum):
    """In which order the steps must come."""

    ORDERED = "ordered"
    STRICT = "strict"
    ANY = "any"


class Entry(StrEnum):
    """Which entry events open an attempt that counts."""

    BEST = "best"
    FIRST = "first"
    EVERY = "every"


class Ties(StrEnum):
    """What events at one instant may do."""

    ANY = "any"
    ARRIVAL = "arrival"
    INCREASING = "increasing"


class Attribution(StrEnum):
    """Which event gives the value of a breakdown."""

    FIRST = "first"
    LAST = "last"
    STEP = "step"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Rules:
    """How attempts are made and judged; times in microseconds, steps counted from 1.

    ``within`` is None for no window of time. ``cut`` is set when the window or the unit is a
    session. ``exclusions`` are step pairs; bit e of a row's ``veto`` says it is one of the e-th.
    """

    steps: int
    order: Order = Order.ORDERED
    entry: Entry = Entry.BEST
    ties: Ties = Ties.ANY
    grace: int = 0
    within: int | None = None
    cut: Cut | None = None
    window_is_session: bool = False
    unit_is_session: bool = False
    exclusions: tuple[tuple[int, int], ...] = ()
    exclusion_drops_person: bool = False
    repeats_interrupt: bool = False
    attribution: Attribution = Attribution.FIRST
    attribution_step: int = 1
    by: tuple[str, ...] = ()
    has_same: bool = False
    entry_from: int = -NEVER
    entry_to: int = NEVER
    as_of: int = NEVER

    def replace(self, **changes: int) -> Rules:
        """Return these rules with some values changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def time_columns(self) -> list[str]:
        """Return the names of the step times."""
        return [f"t_{step}" for step in range(1, self.steps + 1)]

    def schema(self) -> dict[str, Dtype]:
        """Return the columns that ``attempts`` gives."""
        schema: dict[str, Dtype] = {
            "person_key": "int64", "attempt": "int64", "depth": "int64", "is_pending": "bool",
        }  # fmt: skip
        return (
            schema | dict.fromkeys(self.time_columns(), "int64") | dict.fromkeys(self.by, "string")
        )


@dataclass(frozen=True, slots=True)
class Lanes:
    """Rows as arrays, sorted by (lane, ts, seq); a lane is a person or one of their sessions.

    ``segment`` parts a lane by the values that all steps must share. ``instant_start`` and
    ``instant_end`` bound the rows of one lane and time.
    """

    lane: Ints
    segment: Ints
    unit: Ints
    ts: Ints
    mask: Ints
    limit: Ints
    instant_start: Ints
    instant_end: Ints


@dataclass(frozen=True, slots=True)
class Attempts:
    """One row an attempt: its entry row, depth, the row that fills each step (-1: none)."""

    entry: Ints
    depth: Ints
    rows: Ints

    def take(self, chosen: Ints | Bools) -> Attempts:
        """Return some of the attempts."""
        return Attempts(self.entry[chosen], self.depth[chosen], self.rows[chosen])
