"""Follow every entry event of a funnel through the steps, all of them at once.

For each step the next row that fills it is searched for all attempts together; people with events
at one instant that could fill several steps go to the exact search of ``attempt_search``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickcli.relations.attempt_rules import Attempts, Lanes, Order, Rules, Ties
from clickcli.relations.attempt_search import search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


def _entries(lanes: Lanes, rules: Rules) -> Ints:
    """Return the rows that open an attempt."""
    import numpy as np

    opens = lanes.mask != 0 if rules.order is Order.ANY else (lanes.mask & 1) != 0
    inside = (lanes.ts >= rules.entry_from) & (lanes.ts < rules.entry_to)
    return np.flatnonzero(opens & inside)


def _needs_search(lanes: Lanes, rules: Rules) -> Bools:
    """Return the rows of segments where the order at one instant must be searched."""
    import numpy as np

    if rules.grace or rules.repeats_interrupt:
        return np.ones(len(lanes.ts), dtype=np.bool_)
    tied = lanes.instant_end - lanes.instant_start > 1
    several = (lanes.mask & (lanes.mask - 1)) != 0
    if rules.order is Order.STRICT:
        hard = tied if rules.ties is Ties.ANY else np.zeros_like(tied)
    elif rules.order is Order.ANY:
        hard = several if rules.ties is not Ties.INCREASING else several | tied
    else:
        hard = tied & several if rules.ties is Ties.ANY else np.zeros_like(tied)
    searched = np.zeros(int(lanes.lane.max(initial=0)) + 1, dtype=np.bool_)
    searched[lanes.lane[hard]] = True
    return searched[lanes.lane]


def follow(lanes: Lanes, rules: Rules) -> Attempts:
    """Follow every entry event through the steps."""
    import numpy as np

    entries = _entries(lanes, rules)
    hard = _needs_search(lanes, rules)[entries]
    if rules.order is Order.STRICT:
        rows = _follow_strict(lanes, entries[~hard], rules)
    elif rules.order is Order.ANY:
        rows = _follow_any(lanes, entries[~hard], rules)
    else:
        rows = _follow_ordered(lanes, entries[~hard], rules)
    searched = search(lanes, entries[hard], rules)
    every = np.concatenate([rows, searched])
    order = np.argsort(np.concatenate([entries[~hard], entries[hard]]), kind="stable")
    every = every[order]
    return Attempts(entries, (every >= 0).sum(axis=1), every)


def _start_rows(entries: Ints, rules: Rules) -> Ints:
    import numpy as np

    rows = np.full((len(entries), rules.steps), -1, dtype=np.int64)
    rows[:, 0] = entries
    return rows


def next_row(at: Ints, candidates: Ints, lanes: Lanes) -> Ints:
    """Return for each position the first candidate row at or after it, ``len(ts)`` if none."""
    import numpy as np

    padded = np.append(candidates, len(lanes.ts))
    return padded[np.searchsorted(candidates, at)]


def _segment_rows(lanes: Lanes) -> tuple[Ints, Ints]:
    """Return rows sorted by (segment, position) and each row's place in that order."""
    import numpy as np

    order = np.argsort(lanes.segment, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return order, place


def _after(lanes: Lanes, rows: Ints, rules: Rules) -> Ints:
    """Return the position from which the step after each row may be filled."""
    import numpy as np

    if rules.ties is Ties.ARRIVAL:
        return rows + 1
    if rules.ties is Ties.INCREASING:
        return lanes.instant_end[rows]
    start, end = lanes.instant_start[rows], lanes.instant_end[rows]
    return np.where(end - start > 1, start, rows + 1)


def _follow_ordered(lanes: Lanes, entries: Ints, rules: Rules) -> Ints:
    """Take, for each step, the earliest row that may fill it."""
    import numpy as np

    rows = _start_rows(entries, rules)
    walker = _Walker(lanes)
    going = np.arange(len(entries))
    for step in range(1, rules.steps):
        came = rows[going, step - 1]
        found = walker.first(step, came, _after(lanes, came, rules))
        ok = (found >= 0) & (lanes.ts[found] <= lanes.limit[entries[going]])
        going = going[ok]
        rows[going, step] = found[ok]
    return rows


class _Walker:
    """Finds the next row of a segment that fills a step."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._is_parted = lanes.segment is not lanes.lane
        if self._is_parted:
            self._order, self._place = _segment_rows(lanes)

    def first(self, step: int, came: Ints, at: Ints) -> Ints:
        """Return the first row from position ``at`` in the segment of ``came``; -1: none."""
        import numpy as np

        lanes = self._lanes
        if len(came) == 0:
            return came
        fills = (lanes.mask >> step) & 1 != 0
        if not self._is_parted:
            found = next_row(at, np.flatnonzero(fills), lanes)
        else:
            found = self._first_parted(np.flatnonzero(fills[self._order]), came, at)
        inside = np.minimum(found, len(lanes.ts) - 1)
        ok = (found < len(lanes.ts)) & (lanes.segment[inside] == lanes.segment[came])
        return np.where(ok, inside, -1)

    def _first_parted(self, candidates: Ints, came: Ints, at: Ints) -> Ints:
        """Search in (segment, position) order; ``at`` may be a row of another segment."""
        import numpy as np

        lanes, n = self._lanes, len(self._lanes.ts)
        key = lanes.segment[self._order] * (n + 1) + self._order
        wanted = np.searchsorted(key, lanes.segment[came] * (n + 1) + at)
        place = np.append(candidates, n)[np.searchsorted(candidates, wanted)]
        return np.where(place < n, self._order[np.minimum(place, n - 1)], n)


def _follow_strict(lanes: Lanes, entries: Ints, rules: Rules) -> Ints:
    """Take the rows that follow the entry without a gap."""
    import numpy as np

    rows = _start_rows(entries, rules)
    going = np.arange(len(entries))
    for step in range(1, rules.steps):
        found = entries[going] + step
        inside = np.minimum(found, len(lanes.ts) - 1)
        ok = (found < len(lanes.ts)) & (lanes.segment[inside] == lanes.segment[entries[going]])
        ok &= ((lanes.mask[inside] >> step) & 1) != 0
        ok &= lanes.ts[inside] <= lanes.limit[entries[going]]
        if rules.ties is Ties.INCREASING:
            ok &= lanes.ts[inside] > lanes.ts[inside - 1]
        going = going[ok]
        rows[going, step] = found[ok]
    return rows


def _follow_any(lanes: Lanes, entries: Ints, rules: Rules) -> Ints:
    """Take the earliest row of each step at or after the entry, in order of time."""
    import numpy as np

    n = len(lanes.ts)
    walker = _Walker(lanes)
    at = entries if rules.ties is Ties.ARRIVAL else lanes.instant_start[entries]
    found = np.full((len(entries), rules.steps), n, dtype=np.int64)
    for step in range(rules.steps):
        first = walker.first(step, entries, at)
        own = (lanes.mask[entries] >> step) & 1 != 0
        first = np.where(own, entries, first)
        ok = (first >= 0) & (lanes.ts[first] <= lanes.limit[entries])
        found[:, step] = np.where(ok, first, n)
    # The entry counts first even where other rows of its instant stand before it.
    rank = np.where(found == entries[:, None], -1, found)
    found = np.take_along_axis(found, np.argsort(rank, axis=1, kind="stable"), axis=1)
    return np.where(found < n, found, -1)
