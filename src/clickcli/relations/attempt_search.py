"""Exact search of attempts where events at one instant could fill several steps.

One attempt at a time, in plain Python: at each instant the steps are matched to distinct
events by augmenting paths (Kuhn), which advances as far as any order of them could.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from clickcli.relations.attempt_rules import Order, Ties

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.relations.attempt_rules import Lanes, Rules

    Ints = NDArray[np.int64]


def search(lanes: Lanes, entries: Ints, rules: Rules, after: int = -1) -> Ints:
    """Return for each entry row the rows that fill the steps, -1 where none does.

    Only rows later than ``after`` are used.
    """
    import numpy as np

    walk = {Order.ORDERED: _ordered, Order.STRICT: _strict, Order.ANY: _any}[rules.order]
    rows = np.full((len(entries), rules.steps), -1, dtype=np.int64)
    if len(entries):
        segments = _Segments(lanes)
        for at, entry in enumerate(entries.tolist()):
            near = segments.rows_from(entry, rules.grace)
            near = [row for row in near if row[0] > after]
            found = walk(lanes, near, entry, rules)
            rows[at, : len(found)] = found
    return rows


class _Segments:
    """The rows of a lane from some moment on, with steps only where the segment agrees."""

    def __init__(self, lanes: Lanes) -> None:
        import numpy as np

        self._lanes = lanes
        new = np.ones(len(lanes.lane), dtype=np.bool_)
        new[1:] = lanes.lane[1:] != lanes.lane[:-1]
        self._first = np.flatnonzero(new)
        self._ends = np.append(self._first[1:], len(lanes.lane))

    def rows_from(self, entry: int, grace: int) -> list[tuple[int, int, int]]:
        """Return (row, ts, mask) from the entry's instant (less grace) to the end of its window.

        A row of another segment has mask 0.
        """
        import numpy as np

        lanes = self._lanes
        lane = int(np.searchsorted(self._first, entry, side="right")) - 1
        first, end = int(self._first[lane]), int(self._ends[lane])
        ts = lanes.ts[first:end]
        low = first + int(np.searchsorted(ts, lanes.ts[entry] - grace))
        high = first + int(np.searchsorted(ts, lanes.limit[entry], side="right"))
        agrees = lanes.segment[low:high] == lanes.segment[entry]
        mask = np.where(agrees, lanes.mask[low:high], 0)
        return list(zip(range(low, high), ts[low - first : high - first].tolist(), mask.tolist(),
                        strict=True))  # fmt: skip


Row = tuple[int, int, int]


def _instants(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Group rows by their time."""
    group: list[Row] = []
    for row in rows:
        if group and row[1] != group[0][1]:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _match(rows: Sequence[Row], first_step: int, last_step: int) -> list[int]:
    """Match successive steps to distinct rows; return the rows of as many as possible."""
    owner: dict[int, int] = {}
    chosen: dict[int, int] = {}

    def place(step: int, tried: set[int]) -> bool:
        for at, (_, _, mask) in enumerate(rows):
            if at in tried or not (mask >> step) & 1:
                continue
            tried.add(at)
            if at not in owner or place(owner[at], tried):
                owner[at] = step
                chosen[step] = at
                return True
        return False

    step = first_step
    while step < last_step and place(step, set()):
        step += 1
    return [rows[chosen[number]][0] for number in range(first_step, step)]


def _ordered(lanes: Lanes, rows: list[Row], entry: int, rules: Rules) -> list[int]:
    if rules.repeats_interrupt:
        return _until_repeat(rows, entry, rules)
    if rules.grace:
        return _within_grace(rows, entry, rules)
    found = [entry]
    if rules.ties is not Ties.ANY:
        last_ts = int(lanes.ts[entry])
        for row, ts, mask in rows:
            late = row > found[-1] if rules.ties is Ties.ARRIVAL else ts > last_ts
            if len(found) < rules.steps and late and (mask >> len(found)) & 1:
                found.append(row)
                last_ts = ts
        return found
    for instant in _instants(rows):
        free = [row for row in instant if row[0] != entry]
        found += _match_early(free, len(found), rules.steps)
        if len(found) == rules.steps:
            break
    return found


def _match_early(rows: Sequence[Row], first_step: int, last_step: int) -> list[int]:
    """Match as many successive steps as possible; the last of all by as early a row as can be."""
    found = _match(rows, first_step, last_step)
    if first_step + len(found) < last_step:
        return found
    return next(
        early
        for count in range(len(found), len(rows) + 1)
        if len(early := _match(rows[:count], first_step, last_step)) == len(found)
    )


def _within_grace(rows: list[Row], entry: int, rules: Rules) -> list[int]:
    """Take for each step the earliest free row no more than the grace before the latest step."""
    found, latest = [entry], next(ts for row, ts, _ in rows if row == entry)
    while len(found) < rules.steps:
        step = len(found)
        for row, ts, mask in rows:
            if (mask >> step) & 1 and ts >= latest - rules.grace and row not in found:
                found.append(row)
                latest = max(latest, ts)
                break
        else:
            break
    return found


def _until_repeat(rows: list[Row], entry: int, rules: Rules) -> list[int]:
    """Follow the steps in order of arrival until a step already reached occurs again."""
    found = [entry]
    for row, _, mask in rows:
        if row <= entry or len(found) == rules.steps:
            continue
        if (mask >> len(found)) & 1:
            found.append(row)
        elif mask & ((1 << len(found)) - 1):
            break
    return found


def _strict(_: Lanes, rows: list[Row], entry: int, rules: Rules) -> list[int]:
    """Try each number of steps at the entry's instant; later instants must be used up whole."""
    instants = list(_instants(rows))
    free = [row for row in instants[0] if row[0] != entry]
    most = 1 + len(_match(free, 1, rules.steps))
    best: list[int] = []
    for count in range(most, 0, -1):
        found = [entry, *_match(free, 1, count)]
        for instant in instants[1:]:
            if len(found) == rules.steps:
                break
            matched = _match(instant, len(found), rules.steps)
            found += matched
            if len(matched) < len(instant):
                break
        if len(found) > len(best):
            best = found
    return best


def _any(lanes: Lanes, rows: list[Row], entry: int, rules: Rules) -> list[int]:
    """Match steps to rows in order of time, the entry first; a step once filled stays filled.

    With strictly increasing times all rows of one instant fill one step together.
    """
    own = next(mask for row, _, mask in rows if row == entry)
    late = entry if rules.ties is Ties.ARRIVAL else -1
    if rules.ties is Ties.INCREASING:
        after = [row for row in rows if row[1] > int(lanes.ts[entry])]
        groups = [[(entry, own)], *([(r, m) for r, _, m in same] for same in _instants(after))]
    else:
        groups = [[(entry, own)], *([(r, m)] for r, _, m in rows if r != entry and r > late)]
    masks: list[int] = []
    owner: dict[int, int] = {}

    def place(at: int, tried: set[int]) -> bool:
        for step in range(rules.steps):
            if step in tried or not (masks[at] >> step) & 1:
                continue
            tried.add(step)
            if step not in owner or place(owner[step], tried):
                owner[step] = at
                return True
        return False

    found: list[int] = []
    for at, group in enumerate(groups):
        masks.append(0)
        for row, mask in group:
            masks[at] = mask
            if len(found) < rules.steps and place(at, set()):
                found.append(row)
                break
        for _, mask in group:
            masks[at] |= mask
    return found
