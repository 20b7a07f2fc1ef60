"""Every step of every path: the node, the next one, what was there before.

A path is a session, or a person's events up to a long gap, seen as a row of nodes: event types,
pages or the values of a column. Events without a node are passed over; equal nodes one after
another are one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.relations.page_paths import Paths, page_path
from clickcli.relations.path_patterns import CUT, EXIT, MARKS, OTHER_NODES, START, Pattern, matching
from clickcli.relations.path_trails import Trail, goal_ways, mask, ngrams, trail_of, ways
from clickcli.relations.sessions import Cut, by_session, over_sessions, with_cut_columns

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.filters import PropertyRef
    from clickcli.steps import Step

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

PATH: Final = "first_seq"
"""Names a path: the ``seq`` of the first event of its session."""
_LARGE: Final = ("person_key", PATH, "start", "time", "goal_time")
_SMALL: Final = ("place", "repeats", "returned", "back", "converted", "nodes")
_TEXTS: Final = ("node", "target", "way", "ngram", "goal_way")


class Unit(StrEnum):
    """What a path is."""

    SESSION = "session"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Nodes:
    """What the nodes are: ``source`` is ``event``, ``path``, a column or a property.

    ``only`` and ``skip`` are the event types that give nodes, and that give none.
    """

    source: str | PropertyRef
    paths: Paths = Paths.CLEAN
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def columns(self) -> set[str]:
        """Return the event columns that they are read from."""
        named = {"event": "event_type", "path": "page_path"}
        source = self.source
        return {"event_type"} | ({named.get(source, source)} if isinstance(source, str) else set())

    def properties(self) -> list[PropertyRef]:
        """Return the properties that they are read from."""
        return [] if isinstance(self.source, str) else [self.source]

    def expression(self) -> nw.Expr:
        """Return the node of each event, null where it has none; what reads like a mark is quoted.

        A page without a path and an empty column are no nodes.
        """
        import narwhals as nw

        kind = nw.col("event_type")
        if not isinstance(self.source, str):
            value = nw.col(self.source.column)
        elif self.source == "event":
            value = kind
        elif self.source == "path":
            path = page_path("page_path", self.paths)
            value = nw.when(~nw.col("page_path").is_null()).then(path).otherwise(None)
        else:
            value = nw.col(self.source).cast(nw.String)
        marked = nw.concat_str([nw.lit("'"), value, nw.lit("'")])
        value = nw.when(value.is_in(sorted(MARKS))).then(marked).otherwise(value)
        if self.only:
            value = nw.when(kind.is_in(list(self.only))).then(value).otherwise(None)
        if self.skip:
            value = nw.when(kind.is_in(list(self.skip))).then(None).otherwise(value)
        return value


@dataclass(frozen=True, slots=True)
class Rules:
    """How paths are made of nodes and how far they are followed.

    ``start``: a path begins at its first such node, others are left out. ``steps`` is the longest
    path followed, ``depth`` the longest way told, ``ngram`` how many nodes stand together.
    """

    cut: Cut
    start: str | None = None
    collapse: bool = True
    steps: int | None = None
    depth: int = 5
    ngram: int = 3
    patterns: tuple[Pattern, ...] = ()


def named_nodes(
    events: Events, context: Context, nodes: Nodes, cut: Cut, most: int, asked: Iterable[str]
) -> tuple[str, ...]:
    """Return the nodes that are told by name: the most common ones, and those asked for.

    Ties go to the smaller text. The period does not matter, so that two periods can be compared.
    """
    import narwhals as nw

    frame = events.frame(nodes.columns() | cut.columns(), nodes.properties(), with_by=False)
    frame = with_cut_columns(frame, cut, context)
    frame = frame.with_columns(nodes.expression().alias("node"))
    frame = frame.filter(~nw.col("node").is_null()).group_by("node").agg(nw.len().alias("events"))
    common = frame.sort("events", "node", descending=[True, False]).head(most)
    found = context.engine.collect({"nodes": common})["nodes"]["node"].to_list()
    return tuple(sorted({*found, *asked}))


def path_steps(
    events: Events, context: Context, nodes: Nodes, rules: Rules, goal: Step, names: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return one row a step of a path, and one for its start.

    ``place`` counts the nodes from 1 and is 0 at the start, whose ``node`` is ``(start)``.
    ``target`` is the next node, ``(exit)`` at the end, ``(cut)`` where the path goes on but is
    not followed; ``time`` is how long it took to get there. Nodes not among ``names`` are
    ``(other)``. ``repeats`` counts the equal nodes made one, ``returned`` is 1 where the path was
    at the target before, ``back`` where that was right before. ``way`` is the path up to here,
    as far as the depth goes; ``ngram`` the nodes from here on; ``converted`` is 1 in every step
    of a path with an event of the goal.

    At the start alone: ``nodes`` of the whole path; ``goal_way``, the last nodes up to its first
    event of the goal, as many as the depth; ``goal_time``, from the first node to that event; and
    ``pattern_1`` … 0 or 1.
    """
    flags = {"node": nodes.expression(), "is_goal": goal.expression()}
    schema: dict[str, Dtype] = dict.fromkeys(_LARGE, "int64")
    schema |= dict.fromkeys((*_SMALL, *pattern_columns(rules)), "int32")
    schema |= dict.fromkeys((*_TEXTS, *context.by), "string")
    return over_sessions(
        events, context, rules.cut, path_kernel(rules, names, context.by), schema,
        nodes.columns() | goal.columns, flags, [*nodes.properties(), *goal.properties],
    )  # fmt: skip


def pattern_columns(rules: Rules) -> list[str]:
    """Return the names of the columns that tell which paths hold a pattern."""
    return [f"pattern_{number}" for number in range(1, len(rules.patterns) + 1)]


def path_kernel(rules: Rules, names: Sequence[str], by: Sequence[str]) -> Kernel:
    """Return the kernel of ``path_steps``."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        rows = by_session(frame, rules.cut)
        session = rows["session"].to_numpy()
        first = _first_of(session, np.ones(len(session), dtype=np.bool_))
        begins = first
        if rules.start is not None:
            begins = _first_of(session, mask(rows["node"] == rules.start))
        after_start = np.arange(len(session)) >= begins[session]
        trail = trail_of(rows, after_start, names, collapse=rules.collapse)
        own = session[trail.row[trail.first]]
        goal = _first_of(session, mask(rows["is_goal"]) & after_start)[own]
        heads = _heads(trail, rows, rules, names, goal)
        steps = _steps(trail, rows, rules, names)
        table = pl.concat([heads, steps], how="diagonal_relaxed")
        path = pl.Series(np.concatenate([np.arange(len(trail.first)), steps["path"].to_numpy()]))
        carried = rows[first[own]].select("person_key", PATH, "start", *by)[path]
        converted = pl.Series("converted", (goal < len(session)).astype(np.int64))[path]
        return table.hstack([*carried.get_columns(), converted])

    return kernel


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


def _steps(trail: Trail, rows: pl.DataFrame, rules: Rules, names: Sequence[str]) -> pl.DataFrame:
    """Return the steps that are followed; ``path`` is the number of their path."""
    import numpy as np
    import polars as pl

    place, ts = trail.place, rows["ts"].to_numpy()[trail.row]
    followed = np.minimum(trail.length, rules.steps or len(trail.row))[trail.path]
    goes_on = place + 1 < followed
    following = np.append(trail.node[1:], 0)
    # The numbers after those of the nodes are the marks', in the order of ``words`` below.
    ends = np.where(place + 1 == trail.length[trail.path], len(names) + 1, len(names) + 2)
    target = np.where(goes_on, following, ends)
    seen = pl.Series(trail.path * (len(names) + 1) + trail.node)
    is_new = np.append(mask(seen.is_first_distinct())[1:], True)
    is_named = target < len(names)
    before = np.concatenate([[-1], trail.node[:-1]])
    back = is_named & (place > 0) & (target == before) & (target != trail.node)
    words = pl.Series([*names, OTHER_NODES, EXIT, CUT], dtype=pl.String)
    kept = np.flatnonzero(place < followed)
    return pl.DataFrame(
        {
            "path": trail.path[kept],
            "place": place[kept] + 1,
            "node": words[trail.node[kept]],
            "target": words[target[kept]],
            "time": pl.Series(np.append(np.diff(ts), 0)[kept]).set(pl.Series(~goes_on[kept]), None),
            "repeats": trail.repeats[kept],
            "returned": (is_named & ~is_new)[kept].astype(np.int64),
            "back": back[kept].astype(np.int64),
            "way": ways(trail, names, rules.depth)[kept],
            "ngram": ngrams(trail, names, rules.ngram, followed)[kept],
        }
    )


def _heads(
    trail: Trail, rows: pl.DataFrame, rules: Rules, names: Sequence[str], goal: Ints
) -> pl.DataFrame:
    """Return one row a path: its start, its length, the way to the goal, its patterns."""
    import numpy as np
    import polars as pl

    ts = rows["ts"].to_numpy()
    paths = len(trail.first)
    converts = goal < rows.height
    reached = np.searchsorted(trail.row, goal, side="right") - trail.first
    reached = np.where(converts, np.clip(reached, 0, trail.length), 0)
    took = np.maximum(ts[np.minimum(goal, rows.height - 1)] - ts[trail.row[trail.first]], 0)
    words = pl.Series([*names, OTHER_NODES], dtype=pl.String)
    number = {name: at for at, name in enumerate(names)}
    heads = pl.DataFrame(
        {
            "place": np.zeros(paths, dtype=np.int64),
            "node": pl.repeat(START, paths, dtype=pl.String, eager=True),
            "target": words[trail.node[trail.first]],
            "nodes": trail.length,
            "goal_way": goal_ways(trail, names, rules.depth, reached, converts),
            "goal_time": pl.Series(took).set(pl.Series(~converts), None),
        }
    )
    nothing = {name: pl.lit(0, pl.Int64) for name in ("repeats", "returned", "back")}
    held = {
        name: pl.Series(
            matching(pattern, trail.node, trail.first, trail.length, number).astype(np.int64)
        )
        for name, pattern in zip(pattern_columns(rules), rules.patterns, strict=True)
    }
    return heads.with_columns(**nothing, **held)
