"""Find the attempt of each person that counts without following every entry.

The plain case: steps in order, the best or the first entry, no exclusions, no shared values.

A row that fills a step is reached best from the latest entry that leads to it, which is that of
the row before it that fills the step before: a running maximum, step by step. The first row of
the deepest step that lies within the window of its latest entry tells how late the earliest of
equally deep attempts may begin; only that attempt is followed, for its times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickcli.relations.attempt_rules import (
    NEVER,
    Attempts,
    Attribution,
    Entry,
    Order,
    Rules,
    Ties,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Numbers = NDArray[np.int32]
    Bools = NDArray[np.bool_]


def is_plain(rules: Rules) -> bool:
    """Return whether attempts are of the plain case."""
    return (
        rules.order is Order.ORDERED
        and rules.entry is not Entry.EVERY
        and rules.ties is not Ties.INCREASING
        and rules.attribution is not Attribution.ALL
        and rules.cut is None
        and not (rules.grace or rules.repeats_interrupt or rules.exclusions or rules.has_same)
    )


def numbered(keys: Ints) -> Numbers:
    """Return for each row the number of its person; rows of a person stand together."""
    import numpy as np

    new = np.zeros(len(keys), dtype=np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    return np.cumsum(new, dtype=np.int32)


def tied_rows(person: Numbers, ts: Ints) -> Ints:
    """Return the rows that share their person and time with another."""
    import numpy as np

    same = np.zeros(len(ts) + 1, dtype=np.bool_)
    same[1:-1] = ts[1:] == ts[:-1]
    same[1:-1] &= person[1:] == person[:-1]
    return np.flatnonzero(same[1:] | same[:-1])


def searched(person: Numbers, mask: Ints, tied: Ints) -> Bools:
    """Return for each row whether its person has tied events of which one could fill two steps."""
    import numpy as np

    own = mask[tied]
    found = np.zeros(int(person[-1]) + 1 if len(person) else 0, dtype=np.bool_)
    found[person[tied[(own & (own - 1)) != 0]]] = True
    return found[person]


def follow_plain(person: Numbers, ts: Ints, mask: Ints, tied: Ints, rules: Rules) -> Attempts:
    """Return the attempt of each person that counts, in the order of persons.

    With ``--ties any``, no row of ``tied`` may fill several steps.
    """
    import numpy as np

    place = None
    if rules.ties is Ties.ANY and len(tied):
        place = _in_step_order(person, ts, mask, tied)
        mask = mask[place]
    within = NEVER if rules.within is None else rules.within
    entries = np.flatnonzero((mask & 1) != 0)
    if rules.entry_from > -NEVER or rules.entry_to < NEVER:
        moments = ts[entries]
        entries = entries[(moments >= rules.entry_from) & (moments < rules.entry_to)]
    came = _reached(person, ts, mask, entries, rules.steps, within)
    if rules.entry is Entry.BEST:
        ends = _ends(person, came)
        low = np.full(int(person[-1]) + 1 if len(person) else 0, -NEVER)
        low[person[ends]] = ts[ends] - within
        entries = entries[ts[entries] >= low[person[entries]]]
    rows = _chains(person, ts, came, entries[_heads(person[entries])], within)
    depth = (rows >= 0).sum(axis=1)
    if place is not None:
        rows = np.where(rows >= 0, place[rows], -1)
    return Attempts(rows[:, 0], depth, rows)


def _in_step_order(person: Numbers, ts: Ints, mask: Ints, tied: Ints) -> Ints:
    """Return an order of rows in which those of one instant fill earlier steps first."""
    import numpy as np

    order = np.arange(len(ts))
    order[tied] = tied[np.lexsort((tied, mask[tied], ts[tied], person[tied]))]
    return order


def _heads(numbers: Numbers) -> Bools:
    """Return whether a value differs from the one before it."""
    import numpy as np

    new = np.ones(len(numbers), dtype=np.bool_)
    new[1:] = numbers[1:] != numbers[:-1]
    return new


def _reached(
    person: Numbers, ts: Ints, mask: Ints, entries: Ints, steps: int, within: int
) -> list[Ints]:
    """Return for each step the rows that fill it in time from the latest entry that leads to them.

    Of rows that the same entry leads to, the first: it serves whatever the others would.
    """
    import numpy as np

    came, opened = [entries], np.empty_like(ts)
    opened[entries] = entries
    for step in range(1, steps):
        fills = (mask & (1 << step)) != 0
        leads = np.zeros(len(ts), dtype=np.bool_)
        leads[came[-1]] = True
        both = np.flatnonzero(fills | leads)
        next_to = np.flatnonzero(leads[both[:-1]] & fills[both[1:]])
        rows, latest = both[next_to + 1], opened[both[next_to]]
        in_time = (person[latest] == person[rows]) & (ts[rows] - ts[latest] <= within)
        came.append(rows[in_time])
        opened[came[-1]] = latest[in_time]
    return came


def _ends(person: Numbers, came: list[Ints]) -> Ints:
    """Return for each person that enters the first row of the deepest step that is reached."""
    import numpy as np

    ends = np.full(int(person[-1]) + 1 if len(person) else 0, -1)
    for rows in came:
        owner = person[rows]
        is_first = _heads(owner)
        ends[owner[is_first]] = rows[is_first]
    return ends[ends >= 0]


def _chains(person: Numbers, ts: Ints, came: list[Ints], entries: Ints, within: int) -> Ints:
    """Take, from each entry, the earliest row of each step; -1 where there is none in time."""
    import numpy as np

    rows = np.full((len(entries), len(came)), -1)
    rows[:, 0] = entries
    going = np.arange(len(entries))
    for step in range(1, len(came)):
        at = np.searchsorted(came[step], rows[going, step - 1], side="right")
        going, at = going[at < len(came[step])], at[at < len(came[step])]
        found, opened = came[step][at], entries[going]
        reached = (person[found] == person[opened]) & (ts[found] - ts[opened] <= within)
        going = going[reached]
        rows[going, step] = found[reached]
    return rows
