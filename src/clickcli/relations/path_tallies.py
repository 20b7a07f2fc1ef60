"""Count the steps of paths while they are at hand, so that no table of steps need be held.

A range of people is counted on its own. No path and no person is in two of them, so that counts
add up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.relations.path_counter import TIMES, Counter, counter_of
from clickcli.relations.path_trails import numbered_goal_ways, numbered_ngrams, numbered_ways
from clickcli.relations.path_walks import walk_of
from clickcli.relations.paths import Nodes, Rules, over_paths, pattern_columns

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.steps import Step
    from clickcli.units import Period

TALLY: Final = "tally"
"""Says what a row counts: ``edges``, ``tree`` …"""
SUMS: Final = (
    "rows", "paths", "people", "nodes", "converted", "others", "repeats", "back", "exits", "cuts",
)  # fmt: skip


def tally_schema(by: Sequence[str]) -> dict[str, Dtype]:
    """Return the columns of the tallies; those that a tally does not need are null."""
    schema: dict[str, Dtype] = dict.fromkeys((TALLY, *by, "node", "target", "text"), "string")
    return schema | dict.fromkeys(("place", "edge", *SUMS), "int64") | {TIMES: "list[int64]"}


def tallies(
    events: Events,
    context: Context,
    nodes: Nodes,
    rules: Rules,
    goal: Step,
    names: Sequence[str],
    wanted: Collection[str],
) -> nw.LazyFrame[Any]:
    """Return the wanted tallies of the paths that start in the period: rows for each range.

    ``rows`` counts steps, ``paths`` and ``people`` those with one; the other numbers are sums.
    ``text`` is the way, the way to the goal or the nodes in a row; ``edge`` the number of a
    transition, the same in every range; ``times`` lists single times. The words are those of
    ``path_steps``.
    """
    kernel = _kernel(rules, names, context.by, context.period, wanted)
    schema = tally_schema(context.by)
    return over_paths(events, context, nodes, rules.cut, goal, kernel, schema)


def _kernel(
    rules: Rules, names: Sequence[str], by: Sequence[str], period: Period, wanted: Collection[str]
) -> Kernel:
    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from clickcli.engines.polars import POLARS_TYPES

        types = {name: POLARS_TYPES[dtype] for name, dtype in tally_schema(by).items()}
        counter = counter_of(walk_of(frame, rules, names, period), by)
        parts = [pl.DataFrame(schema=types)]
        for name in sorted(wanted):
            for part in TALLIES[name](counter):
                told = part.with_columns(pl.lit(name).alias(TALLY))
                parts.append(told.select(pl.col(one).cast(types[one]) for one in told.columns))
        return pl.concat(parts, how="diagonal")

    return kernel


def _summary(counter: Counter) -> Iterator[pl.DataFrame]:
    import numpy as np

    walk, trail, paths = counter.walk, counter.walk.trail, counter.paths
    others = trail.path[walk.steps[trail.node[walk.steps] == walk.others]]
    sums = {
        "nodes": trail.length,
        "converted": walk.converts,
        "others": np.bincount(others, minlength=len(paths)),
    }
    yield counter.count(paths, np.zeros_like(paths), 1, sums).drop("code")
    goals = np.flatnonzero(walk.converts)
    times = counter.times(goals, np.zeros_like(goals), 1, walk.goal_times)
    yield times.drop("code")


def _lengths(counter: Counter) -> Iterator[pl.DataFrame]:
    yield from counter.lengths()


def _goal(counter: Counter) -> Iterator[pl.DataFrame]:
    import numpy as np

    walk, paths = counter.walk, np.flatnonzero(counter.walk.converts)
    ids, texts = numbered_goal_ways(walk.trail, walk.names, walk.rules.depth, walk.reached, paths)
    yield counter.texts(counter.count(paths, ids, len(texts)), texts)
    yield counter.texts(counter.times(paths, ids, len(texts), walk.goal_times), texts)


def _tree(counter: Counter) -> Iterator[pl.DataFrame]:
    """Count the ways; ``node`` is the last one."""
    import numpy as np
    import polars as pl

    walk, trail = counter.walk, counter.walk.trail
    for place, (at, ids, texts) in enumerate(numbered_ways(trail, walk.names, walk.rules.depth)):
        is_followed = walk.followed[trail.path[at]] > place
        kept, own = at[is_followed], ids[is_followed]
        target = walk.targets[kept]
        sums = {"exits": target == walk.others + 1, "cuts": target == walk.others + 2}
        table = counter.count(trail.path[kept], own, len(texts), sums)
        last = np.zeros(len(texts), dtype=np.int64)
        last[own] = trail.node[kept]
        node = walk.words[last[table["code"].to_numpy()]]
        told = counter.texts(table, texts)
        yield told.with_columns(node.alias("node"), pl.lit(place + 1).alias("place"))


def _edges(counter: Counter) -> Iterator[pl.DataFrame]:
    import numpy as np

    walk, trail, steps = counter.walk, counter.walk.trail, counter.walk.steps
    from_start = (walk.others + 3) * len(walk.words) + trail.node[trail.first]
    path = np.concatenate([counter.paths, trail.path[steps]])
    yield counter.edges(path, np.concatenate([from_start, counter.edge_codes(steps)]))


def _edge_times(counter: Counter) -> Iterator[pl.DataFrame]:
    walk, trail = counter.walk, counter.walk.trail
    going = walk.steps[walk.targets[walk.steps] <= walk.others]
    codes = counter.edge_codes(going)
    table = counter.times(trail.path[going], codes, len(walk.words) ** 2, walk.times[going])
    yield table.rename({"code": "edge"})


def _loops(counter: Counter) -> Iterator[pl.DataFrame]:
    walk = counter.walk
    back = walk.steps[walk.returned[walk.steps]]
    codes = counter.edge_codes(back)
    yield counter.edges(walk.trail.path[back], codes, {"back": walk.back[back]})


def _nodes(counter: Counter) -> Iterator[pl.DataFrame]:
    trail, steps = counter.walk.trail, counter.walk.steps
    sums = {"repeats": trail.repeats[steps]}
    yield counter.nodes(trail.path[steps], trail.node[steps], sums)


def _dropped(counter: Counter) -> Iterator[pl.DataFrame]:
    walk, trail, steps = counter.walk, counter.walk.trail, counter.walk.steps
    left = walk.targets[steps] == walk.others + 1
    ends = steps[left & ~walk.converts[trail.path[steps]]]
    yield counter.nodes(trail.path[ends], trail.node[ends])


def _ngrams(counter: Counter) -> Iterator[pl.DataFrame]:
    walk, trail = counter.walk, counter.walk.trail
    followed = walk.followed[trail.path]
    at, ids, texts = numbered_ngrams(trail, walk.names, walk.rules.ngram, followed)
    yield counter.texts(counter.count(trail.path[at], ids, len(texts)), texts)


def _flows(counter: Counter) -> Iterator[pl.DataFrame]:
    walk, trail = counter.walk, counter.walk.trail
    near = walk.steps[trail.place[walk.steps] < walk.rules.near]
    place = (trail.place[near] + 1) * len(walk.words) ** 2
    yield counter.edges(trail.path[near], place + counter.edge_codes(near), places=walk.rules.near)


def _matrix(counter: Counter) -> Iterator[pl.DataFrame]:
    walk, trail = counter.walk, counter.walk.trail
    near = walk.steps[trail.place[walk.steps] < walk.rules.near]
    place = (trail.place[near] + 1) * len(walk.words)
    yield counter.nodes(trail.path[near], place + trail.node[near], places=walk.rules.near)


def _patterns(counter: Counter) -> Iterator[pl.DataFrame]:
    import numpy as np
    import polars as pl

    held = counter.walk.holding()
    for name, holds in zip(pattern_columns(counter.walk.rules), held, strict=True):
        paths = np.flatnonzero(holds)
        sums = {"converted": counter.walk.converts[paths]}
        table = counter.count(paths, np.zeros_like(paths), 1, sums).drop("code")
        yield table.with_columns(pl.lit(name).alias("text"))


TALLIES: Final[Mapping[str, Callable[[Counter], Iterator[pl.DataFrame]]]] = {
    "summary": _summary, "lengths": _lengths, "goal": _goal, "tree": _tree, "edges": _edges,
    "edge_times": _edge_times, "loops": _loops, "nodes": _nodes, "dropped": _dropped,
    "ngrams": _ngrams, "flows": _flows, "matrix": _matrix, "patterns": _patterns,
}  # fmt: skip
