"""Walk each person's events through the steps of a funnel.

Every entry event opens an attempt; exclusions void attempts; the entry rule chooses those that
count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickcli.relations.attempt_follow import follow, next_row
from clickcli.relations.attempt_plain import (
    follow_plain,
    is_plain,
    numbered,
    searched,
    tied_rows,
)
from clickcli.relations.attempt_rules import (
    NEVER,
    Attempts,
    Attribution,
    Entry,
    Lanes,
    Order,
    Rules,
    Ties,
)
from clickcli.relations.attempt_search import search
from clickcli.relations.sessions import session_of_event

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


def attempts(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return the attempts that count: one row a unit, or one an attempt for ``every``.

    Input: rows sorted by (person_key, ts, seq) with ``mask`` (bit k: fills step k + 1), ``veto``
    where there are exclusions, ``same`` where all steps must share a value, and the columns of
    ``by`` and of the cut. For ``strict`` all events of a person are there, else those with mask
    or veto are enough.
    """
    if not is_plain(rules):
        return one_by_one(frame, rules)
    person = numbered(frame["person_key"].to_numpy())
    ts, mask = frame["ts"].to_numpy(), frame["mask"].to_numpy()
    tied = tied_rows(person, ts)
    if rules.ties is Ties.ANY and len(tied):
        import polars as pl

        is_hard = searched(person, mask, tied)
        if is_hard.any():
            hard = pl.Series(is_hard)
            easy = attempts(frame.filter(~hard), rules)
            return pl.concat([easy, one_by_one(frame.filter(hard), rules)])
    chosen = follow_plain(person, ts, mask, tied, rules)
    return _table(frame, ts, _limits(ts[chosen.entry], rules), chosen, rules)


def one_by_one(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Follow every attempt and choose among them."""
    import polars as pl

    if not rules.exclusions:
        frame = frame.with_columns(veto=pl.lit(0, pl.Int64))
    if rules.cut is not None:
        frame = session_of_event(frame, rules.cut).sort("person_key", "session", "ts", "seq")
    if rules.order is not Order.STRICT:
        frame = frame.filter((pl.col("mask") != 0) | (pl.col("veto") != 0))
    lanes = _lanes(frame, rules)
    every = follow(lanes, rules)
    veto = frame["veto"].to_numpy()
    chosen = _choose(lanes, every, _void(lanes, every, veto, rules), veto, rules)
    return _table(frame, lanes.ts, lanes.limit[chosen.entry], chosen, rules)


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


def _void(lanes: Lanes, every: Attempts, veto: Ints, rules: Rules) -> Ints:
    """Return for each attempt the row of the exclusion that voids it; -1: none."""
    import numpy as np

    n = len(lanes.ts)
    voided = np.full(len(every.entry), n, dtype=np.int64)
    for number, (low, high) in enumerate(rules.exclusions):
        rows = np.flatnonzero((veto >> number) & 1 != 0)
        reached = every.depth >= low
        came = every.rows[:, low - 1]
        found = next_row(lanes.instant_end[came], rows, lanes)
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
        order = np.lexsort((place, lanes.ts[every.entry], -depth, bad, unit))
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


def _table(
    frame: pl.DataFrame, ts: Ints, limit: Ints, chosen: Attempts, rules: Rules
) -> pl.DataFrame:
    """Return the chosen attempts, whose windows end at ``limit``, with the times of their steps."""
    import numpy as np
    import polars as pl

    key = frame["person_key"][chosen.entry]
    times = {
        name: pl.Series(name, ts[chosen.rows[:, step]], dtype=pl.Int64).set(
            pl.Series(chosen.rows[:, step] < 0), None
        )
        for step, name in enumerate(rules.time_columns())
    }
    place = np.arange(len(key))
    first = np.searchsorted(key.to_numpy(), key.to_numpy())
    table = pl.DataFrame(
        {
            "person_key": key,
            "attempt": place - first,
            "depth": chosen.depth,
            "is_pending": _pending(limit, rules),
            **times,
            **{name: _by_values(frame, name, chosen, rules) for name in rules.by},
        }
    )
    return table.select(list(rules.schema()))


def _pending(limit: Ints, rules: Rules) -> Bools:
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
