"""Walk each person's events through the steps of a funnel.

Every entry event opens an attempt. Attempts are followed all at once by searching, for each
step, the next row that fills it; only people with events at one instant that could fill
several steps need the exact search of ``attempt_search``, one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from clickcli.relations.sessions import Cut, session_of_event

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
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
    session. ``exclusions`` are step pairs; bit e of a row's ``veto`` says it is an event of the e-th.
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


def attempts(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return the attempts that count: one row a unit, or one an attempt for ``every``.

    Input: rows sorted by (person_key, ts, seq) with ``mask`` (bit k: fills step k + 1), ``veto``,
    ``same`` where all steps must share a value, and the columns of ``by`` and of the cut. For
    ``strict`` all events of a person are there, else those with mask or veto are enough.
    """
    import polars as pl

    if rules.cut is not None:
        frame = session_of_event(frame, rules.cut).sort("person_key", "session", "ts", "seq")
    if rules.order is not Order.STRICT:
        frame = frame.filter((pl.col("mask") != 0) | (pl.col("veto") != 0))
    lanes = _lanes(frame, rules)
    every = _follow(lanes, rules)
    veto = frame["veto"].to_numpy()
    chosen = _choose(lanes, every, _void(lanes, every, veto, rules), veto, rules)
    return _table(frame, lanes, chosen, rules)


def _lanes(frame: pl.DataFrame, rules: Rules) -> Lanes:
    import numpy as np
    import polars as pl

    lane_columns = ["person_key", *(["session"] if rules.cut is not None else [])]
    shared = [*(["same"] if rules.has_same else [])]
    if rules.attribution is Attribution.ALL:
        shared += rules.by
    lane = _codes(frame, lane_columns)
    ts = frame["ts"].to_numpy()
    mask = frame["mask"].to_numpy()
    if rules.has_same:
        mask = np.where(frame["same"].is_null().to_numpy(), 0, mask)
    new = np.ones(len(ts), dtype=np.bool_)
    new[1:] = (lane[1:] != lane[:-1]) | (ts[1:] != ts[:-1])
    first = np.flatnonzero(new)
    number = np.cumsum(new) - 1
    ends = np.append(first[1:], len(ts))
    limit = frame["session_end"].to_numpy() if rules.window_is_session else _limits(ts, rules)
    unit_columns = lane_columns if rules.unit_is_session else ["person_key"]
    if rules.attribution is Attribution.ALL:
        unit_columns = [*unit_columns, *rules.by]
    segment = _codes(frame, [*lane_columns, *shared]) if shared else lane
    unit = _codes(frame, unit_columns)
    keep = pl.Series(mask).cast(pl.Int64).to_numpy()
    return Lanes(lane, segment, unit, ts, keep, limit, first[number], ends[number])


def _limits(ts: Ints, rules: Rules) -> Ints:
    import numpy as np

    return np.full(len(ts), NEVER) if rules.within is None else ts + rules.within


def _codes(frame: pl.DataFrame, names: list[str]) -> Ints:
    """Return a number for each distinct value of some columns: that of its first row."""
    import polars as pl

    if names == ["person_key"]:
        return frame["person_key"].rle_id().cast(pl.Int64).to_numpy()
    numbered = frame.select(names).with_row_index("row")
    first = pl.col("row").min().over(names).cast(pl.Int64)
    return numbered.select(first).to_series().to_numpy()


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


def _follow(lanes: Lanes, rules: Rules) -> Attempts:
    """Follow every entry event through the steps."""
    import numpy as np

    from clickcli.relations.attempt_search import search

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


def _next(at: Ints, candidates: Ints, lanes: Lanes) -> Ints:
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
            found = _next(at, np.flatnonzero(fills), lanes)
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


def _void(lanes: Lanes, every: Attempts, veto: Ints, rules: Rules) -> Ints:
    """Return for each attempt the row of the exclusion that voids it; -1: none."""
    import numpy as np

    n = len(lanes.ts)
    voided = np.full(len(every.entry), n, dtype=np.int64)
    for number, (low, high) in enumerate(rules.exclusions):
        rows = np.flatnonzero((veto >> number) & 1 != 0)
        reached = every.depth >= low
        came = every.rows[:, low - 1]
        found = _next(lanes.instant_end[came], rows, lanes)
        inside = np.minimum(found, max(n - 1, 0))
        until = np.minimum(high, rules.steps) - 1
        arrived = every.rows[:, until]
        ts = lanes.ts[inside]
        late = np.where(every.depth >= high, ts >= lanes.ts[arrived], ts > lanes.limit[every.entry])
        hit = reached & (found < n) & (lanes.lane[inside] == lanes.lane[every.entry]) & ~late
        voided = np.where(hit, np.minimum(voided, found), voided)
    return np.where(voided < n, voided, -1)


def _choose(lanes: Lanes, every: Attempts, voided: Ints, veto: Ints, rules: Rules) -> Attempts:
    """Keep the attempts that count."""
    import numpy as np

    clean = voided < 0
    unit = lanes.unit[every.entry]
    judged = np.arange(len(unit))
    if rules.entry is Entry.EVERY:
        judged = chosen = _sequential(lanes, every, voided, veto, rules)
        clean = voided < 0
    else:
        place = np.arange(len(unit))
        depth = every.depth if rules.entry is Entry.BEST else np.zeros_like(every.depth)
        bad = ~clean if rules.entry is Entry.BEST else np.zeros_like(clean)
        order = np.lexsort((place, -depth, bad, unit))
        ahead = np.ones(len(order), dtype=np.bool_)
        ahead[1:] = unit[order][1:] != unit[order][:-1]
        chosen = np.sort(order[ahead])
        if rules.entry is Entry.FIRST:
            judged = chosen
    if rules.exclusion_drops_person:
        saved = unit[judged[clean[judged] & (every.depth[judged] == rules.steps)]]
        lost = np.setdiff1d(unit[judged[~clean[judged]]], saved)
        chosen = chosen[~np.isin(unit[chosen], lost)]
    return every.take(chosen[clean[chosen]])


def _sequential(lanes: Lanes, every: Attempts, voided: Ints, veto: Ints, rules: Rules) -> Ints:
    """Return the attempts that open after the one before has ended, segment by segment.

    ``every`` and ``voided`` are changed where an attempt opens at the instant at which the one
    before ended: it is followed again with the later rows only.
    """
    import numpy as np

    from clickcli.relations.attempt_search import search

    ended: dict[int, tuple[int, int]] = {}
    chosen: list[int] = []
    for at, entry in enumerate(every.entry.tolist()):
        row, ts = ended.get(int(lanes.segment[entry]), (-1, -NEVER))
        if entry <= row or lanes.ts[entry] <= ts:
            continue
        if rules.ties is Ties.ANY and row >= lanes.instant_start[entry]:
            every.rows[at] = search(lanes, np.array([entry]), rules, after=row)[0]
            every.depth[at] = (every.rows[at] >= 0).sum()
            voided[at] = _void(lanes, every.take(np.array([at])), veto, rules)[0]
        done = every.depth[at] == rules.steps or rules.order is Order.STRICT
        last = int(every.rows[at].max()) if done else len(lanes.ts)
        if voided[at] >= 0:
            last = min(last, int(voided[at]))
        reached = (last, -NEVER) if last < len(lanes.ts) else (-1, int(lanes.limit[entry]))
        ended[int(lanes.segment[entry])] = reached
        chosen.append(at)
    return np.array(chosen, dtype=np.int64)


def _table(frame: pl.DataFrame, lanes: Lanes, chosen: Attempts, rules: Rules) -> pl.DataFrame:
    """Return the chosen attempts with the times of their steps."""
    import polars as pl

    entered = frame[chosen.entry]
    times = {
        name: pl.Series(name, lanes.ts[chosen.rows[:, step]], dtype=pl.Int64).set(
            pl.Series(chosen.rows[:, step] < 0), None
        )
        for step, name in enumerate(rules.time_columns())
    }
    table = pl.DataFrame(
        {
            "person_key": entered["person_key"],
            "depth": chosen.depth,
            "is_pending": _pending(lanes, chosen, rules),
            **times,
            **{name: _by_values(frame, name, chosen, rules) for name in rules.by},
        }
    )
    number = pl.int_range(pl.len()).over("person_key").alias("attempt")
    return table.with_columns(number).select(list(rules.schema()))


def _pending(lanes: Lanes, chosen: Attempts, rules: Rules) -> Bools:
    limit = lanes.limit[chosen.entry]
    if rules.window_is_session and rules.cut is not None:
        limit = limit + rules.cut.timeout
    return (limit > rules.as_of) & (limit < NEVER)


def _by_values(frame: pl.DataFrame, name: str, chosen: Attempts, rules: Rules) -> pl.Series:
    """Return the value of a breakdown at the event that the attribution names."""
    import numpy as np
    import polars as pl

    rows = chosen.entry
    if rules.attribution is Attribution.LAST:
        rows = chosen.rows[np.arange(len(chosen.depth)), chosen.depth - 1]
    if rules.attribution is Attribution.STEP:
        rows = chosen.rows[:, rules.attribution_step - 1]
    values = frame[name][np.maximum(rows, 0)]
    return values.set(pl.Series(rows < 0), "(none)")
