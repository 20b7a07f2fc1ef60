"""Every step of every path: the node, the next one, what was there before.

A path is a session, or a person's events up to a long gap, seen as a row of nodes: event types,
pages or the values of a column. Events without a node are passed over; equal nodes one after
another are one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.engines.scan import ALWAYS
from clickcli.relations.page_paths import Paths, page_path
from clickcli.relations.path_patterns import MARKS, START, Pattern, as_node
from clickcli.relations.path_trails import goal_ways, ways
from clickcli.relations.path_walks import Walk, walk_of
from clickcli.relations.sessions import LOCAL_DAY, Cut, Split, with_cut_columns

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.filters import PropertyRef
    from clickcli.steps import Step
    from clickcli.units import Period

PATH: Final = "first_seq"
"""Names a path: the ``seq`` of the first event of its session."""
PATTERN: Final = "pattern_"
_FLAGS: Final = ("returned", "back", "converted")


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

    def expression(self, context: Context) -> nw.Expr:
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
        types = context.dataset.event_types
        if self.source != "event" or not types or not MARKS.isdisjoint(types):
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

    @property
    def near(self) -> int:
        """Places at which paths are told apart: up to the depth, as far as they are followed."""
        return min(self.depth, self.steps or self.depth)


def named_nodes(
    events: Events, context: Context, nodes: Nodes, cut: Cut, most: int, asked: Iterable[str]
) -> tuple[str, ...]:
    """Return the nodes that are told by name: the most common ones, and those asked for.

    Ties go to the smaller text. The period does not matter, so that two periods can be compared.
    Where the store has no more types of events, all of them are named, whether asked of or not.
    """
    import narwhals as nw

    types = context.dataset.event_types
    if nodes.source == "event" and 0 < len(types) <= most:
        return tuple(sorted({*map(as_node, types), *asked}))
    frame = events.frame(nodes.columns() | cut.columns(), nodes.properties(), with_by=False)
    frame = with_cut_columns(frame, cut, context)
    frame = frame.with_columns(nodes.expression(context).alias("node"))
    frame = frame.filter(~nw.col("node").is_null()).group_by("node").agg(nw.len().alias("events"))
    common = frame.sort("events", "node", descending=[True, False]).head(most)
    found = context.engine.collect({"nodes": common})["nodes"]["node"].to_list()
    return tuple(sorted({*found, *asked}))


def path_steps(
    events: Events,
    context: Context,
    nodes: Nodes,
    rules: Rules,
    goal: Step,
    names: Sequence[str],
    chosen: nw.Expr,
) -> nw.LazyFrame[Any]:
    """Return a step of each person that is chosen, of the paths that start in the period.

    A path has a row for its start and one for each step.
    ``place`` counts the nodes from 1 and is 0 at the start, whose ``node`` is ``(start)``.
    ``target`` is the next node, ``(exit)`` at the end, ``(cut)`` where the path goes on but is
    not followed. Nodes not among ``names`` are ``(other)``. ``returned`` is 1 where the path was
    at the target before, ``back`` where that was right before. ``way`` is the path up to here,
    as far as the depth goes; ``converted`` is 1 in every step of a path with an event of the goal.

    At the start alone: ``goal_way``, the last nodes up to its first event of the goal, as many as
    the depth; and ``pattern_1`` … 0 or 1.
    """
    schema: dict[str, Dtype] = {"person_key": "int64", PATH: "int64"}
    schema |= dict.fromkeys(("place", *_FLAGS, *pattern_columns(rules)), "int32")
    schema |= dict.fromkeys(("node", "target", "way", "goal_way"), "string")
    kernel = _step_kernel(rules, names, context.period, chosen)
    return over_paths(events, context, nodes, rules.cut, goal, kernel, schema)


def over_paths(
    events: Events,
    context: Context,
    nodes: Nodes,
    cut: Cut,
    goal: Step,
    kernel: Kernel,
    schema: Mapping[str, Dtype],
) -> nw.LazyFrame[Any]:
    """Run a kernel over the events that sessions are made of.

    It is given what the cut reads, ``node``, ``is_goal`` and ``by_1`` ….
    """
    columns = nodes.columns() | goal.columns | cut.columns()
    frame = events.frame(columns, [*nodes.properties(), *goal.properties])
    frame = with_cut_columns(frame, cut, context).with_columns(
        nodes.expression(context).alias("node"), goal.expression().alias("is_goal")
    )
    needed = {*ALWAYS, "node", "is_goal", *context.by} | (cut.columns() - {"event_type"})
    if cut.split is Split.MIDNIGHT:
        needed.add(LOCAL_DAY)
    return context.engine.kernel(frame.select(*sorted(needed)), kernel, schema)


def pattern_columns(rules: Rules) -> list[str]:
    """Return the names of the columns that tell which paths hold a pattern."""
    return [f"{PATTERN}{number}" for number in range(1, len(rules.patterns) + 1)]


def _step_kernel(rules: Rules, names: Sequence[str], period: Period, chosen: nw.Expr) -> Kernel:
    """Return the kernel of ``path_steps``."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import narwhals as nw
        import numpy as np
        import polars as pl

        walk = walk_of(frame, rules, names, period)
        heads, steps = _heads(walk), _steps(walk)
        path = np.concatenate([np.arange(heads.height), walk.trail.path[walk.steps]])
        first = walk.rows.select("person_key", pl.col("seq").alias(PATH))[walk.head[path]]
        converted = pl.Series("converted", walk.converts[path].astype(np.int32))
        table = pl.concat([heads, steps], how="diagonal")
        table = table.hstack([*first.get_columns(), converted])
        table = nw.from_native(table).filter(chosen).to_native()
        return table.unique("person_key", maintain_order=True)

    return kernel


def _steps(walk: Walk) -> pl.DataFrame:
    """Return the steps that are followed."""
    import numpy as np
    import polars as pl

    trail, kept = walk.trail, walk.steps
    return pl.DataFrame(
        {
            "place": (trail.place[kept] + 1).astype(np.int32),
            "node": walk.words[trail.node[kept]],
            "target": walk.words[walk.targets[kept]],
            "returned": walk.returned[kept].astype(np.int32),
            "back": walk.back[kept].astype(np.int32),
            "way": ways(trail, walk.names, walk.rules.depth)[kept],
        }
    )


def _heads(walk: Walk) -> pl.DataFrame:
    """Return one row a path: its first node, the way to the goal, its patterns."""
    import numpy as np
    import polars as pl

    trail, paths = walk.trail, len(walk.trail.first)
    nothing = np.zeros(paths, dtype=np.int32)
    goal_way = goal_ways(trail, walk.names, walk.rules.depth, walk.reached, walk.converts)
    held = {
        name: holds.astype(np.int32)
        for name, holds in zip(pattern_columns(walk.rules), walk.holding(), strict=True)
    }
    return pl.DataFrame(
        {
            "place": nothing,
            "node": pl.repeat(START, paths, dtype=pl.String, eager=True),
            "target": walk.words[trail.node[trail.first]],
            "returned": nothing,
            "back": nothing,
            "goal_way": goal_way,
            **held,
        }
    )
