"""The paths of whole people as arrays: where they go on, turn back, end and come to the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clickcli.relations.path_patterns import CUT, EXIT, OTHER_NODES, START, matching
from clickcli.relations.path_trails import Trail, mask, trail_of
from clickcli.relations.sessions import session_order, starts

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.relations.paths import Rules
    from clickcli.units import Period

    Ints = NDArray[np.integer[Any]]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Walk:
    """The paths that start in the period, person after person.

    ``head`` is the row of the first event of each path's session, ``goal`` that of its first event
    of the goal, the number of rows where there is none; ``followed`` is how many of its nodes are.
    """

    rows: pl.DataFrame
    rules: Rules
    names: Sequence[str]
    trail: Trail
    head: Ints
    goal: Ints
    followed: Ints

    @cached_property
    def words(self) -> pl.Series:
        """The text of each number of a node and, after those, of a mark."""
        import polars as pl

        return pl.Series([*self.names, OTHER_NODES, EXIT, CUT, START], dtype=pl.String)

    @property
    def others(self) -> int:
        """The number of the nodes without a name; those of the marks follow."""
        return len(self.names)

    @cached_property
    def converts(self) -> Bools:
        """Whether each path comes to the goal."""
        result: Bools = self.goal < self.rows.height
        return result

    @cached_property
    def steps(self) -> Ints:
        """Which steps are followed."""
        import numpy as np

        if self.rules.steps is None:
            return np.arange(len(self.trail.row))
        return np.flatnonzero(self.trail.place < self.followed[self.trail.path])

    @cached_property
    def targets(self) -> Ints:
        """The number of the next node of each step, or of the mark that stands for it."""
        import numpy as np

        trail = self.trail
        following = trail.place + 1
        is_last = following == trail.length[trail.path]
        ends = np.where(is_last, self.others + 1, self.others + 2)
        goes_on = following < self.followed[trail.path]
        return np.where(goes_on, np.append(trail.node[1:], 0), ends)

    @cached_property
    def times(self) -> Ints:
        """How long it took from each step to the next one of the rows."""
        import numpy as np

        ts = self.rows["ts"].to_numpy()[self.trail.row]
        return np.append(np.diff(ts), 0)

    @cached_property
    def returned(self) -> Bools:
        """Which steps go to a named node where the path was before."""
        import numpy as np
        import polars as pl

        trail = self.trail
        seen = pl.Series(trail.path.astype(np.int64) * (self.others + 1) + trail.node)
        is_new = np.append(mask(seen.is_first_distinct())[1:], True)
        result: Bools = (self.targets < self.others) & ~is_new
        return result

    @cached_property
    def back(self) -> Bools:
        """Which steps go to a named node, another than theirs, where the path was right before."""
        import numpy as np

        trail, targets = self.trail, self.targets
        before = np.concatenate([[-1], trail.node[:-1]])
        is_back = (targets < self.others) & (trail.place > 0) & (targets == before)
        result: Bools = is_back & (targets != trail.node)
        return result

    @cached_property
    def reached(self) -> Ints:
        """How many nodes of each path come up to the goal, 0 without one."""
        import numpy as np

        trail = self.trail
        before = np.searchsorted(trail.row, self.goal, side="right") - trail.first
        return np.where(self.converts, np.clip(before, 0, trail.length), 0)

    @cached_property
    def goal_times(self) -> Ints:
        """How long it took from the first node to the goal; of paths that come to it."""
        import numpy as np

        ts, paths = self.rows["ts"].to_numpy(), np.flatnonzero(self.converts)
        first = self.trail.row[self.trail.first[paths]]
        times: Ints = np.maximum(ts[self.goal[paths]] - ts[first], 0)
        return times

    def holding(self) -> list[Bools]:
        """Return for each pattern which paths hold it."""
        trail = self.trail
        number = {name: at for at, name in enumerate(self.names)}
        return [
            matching(pattern, trail.node, trail.first, trail.length, number)
            for pattern in self.rules.patterns
        ]


def walk_of(frame: pl.DataFrame, rules: Rules, names: Sequence[str], period: Period) -> Walk:
    """Return the paths of sorted people; the frame has ``node`` and ``is_goal``."""
    import numpy as np

    rows = session_order(frame, rules.cut)
    begins = starts(rows, rules.cut)
    head = np.flatnonzero(begins)
    session = np.cumsum(begins, dtype=np.int32) - 1
    kept = _in_period(rows["ts"].to_numpy()[head], period)[session]
    if rules.start is not None:
        first = _first_of(session, mask(rows["node"] == rules.start))
        kept &= np.arange(rows.height) >= first[session]
    trail = trail_of(rows["node"], session, kept, names, collapse=rules.collapse)
    own = session[trail.row[trail.first]]
    goal = _first_of(session, mask(rows["is_goal"]) & kept)[own]
    followed = trail.length if rules.steps is None else np.minimum(trail.length, rules.steps)
    return Walk(rows, rules, names, trail, head[own], goal, followed)


def _in_period(ts: Ints, period: Period) -> Bools:
    import numpy as np

    inside = np.ones(len(ts), dtype=np.bool_)
    if period.start is not None:
        inside &= ts >= period.start
    if period.end is not None:
        inside &= ts < period.end
    return inside


def _first_of(session: Ints, flags: Bools) -> Ints:
    """Return the first flagged row of each session, the number of rows where it has none."""
    import numpy as np

    result = np.full(session[-1] + 1 if len(session) else 0, len(session), dtype=np.int64)
    found = np.flatnonzero(flags)
    owners = session[found]
    is_first = np.ones(len(found), dtype=np.bool_)
    is_first[1:] = owners[1:] != owners[:-1]
    result[owners[is_first]] = found[is_first]
    return result
