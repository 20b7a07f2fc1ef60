"""Count the steps of paths: transitions, nodes, ways, returns, the way to the goal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.relations.path_patterns import CUT, EXIT
from clickcli.relations.paths import PATH, Rules, pattern_columns

if TYPE_CHECKING:
    import narwhals as nw

MEDIAN: Final = (50,)
_ALL: Final = "all"


def counted(
    steps: nw.LazyFrame[Any], rules: Rules, branches: int, by: Sequence[str]
) -> dict[str, nw.LazyFrame[Any]]:
    """Return the counts of every table, by the columns of a breakdown and ``all``, which is 0."""
    import narwhals as nw

    steps = steps.with_columns(nw.lit(0, nw.Int64).alias(_ALL))
    groups = [*by, _ALL]
    heads = steps.filter(nw.col("place") == 0)
    return {
        **_transitions(steps, groups),
        **_nodes(steps, groups),
        **_lengths(heads, groups),
        **_goal(heads, groups),
        **_tree(steps, groups, branches),
        **_by_step(steps, heads, groups, rules),
        "ngrams": _sums(steps.filter(~nw.col("ngram").is_null()), [*groups, "ngram"]),
        **{
            name: _paths(heads.filter(nw.col(name) == 1), groups, "converted")
            for name in pattern_columns(rules)
        },
    }


def _sums(frame: nw.LazyFrame[Any], groups: Sequence[str], *summed: str) -> nw.LazyFrame[Any]:
    """Return how many rows, paths and people each group has, and sums."""
    import narwhals as nw

    return frame.group_by(*groups).agg(
        nw.len().alias("steps"),
        nw.col(PATH).n_unique().alias("paths"),
        nw.col("person_key").n_unique().alias("people"),
        *(nw.col(name).sum() for name in summed),
    )


def _paths(frame: nw.LazyFrame[Any], groups: Sequence[str], *summed: str) -> nw.LazyFrame[Any]:
    """Return how many paths and people each group has, and sums; a path stands in a group once."""
    import narwhals as nw

    return frame.group_by(*groups).agg(
        nw.len().alias("paths"),
        nw.col("person_key").n_unique().alias("people"),
        *(nw.col(name).sum() for name in summed),
    )


def _transitions(steps: nw.LazyFrame[Any], groups: Sequence[str]) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    edge = [*groups, "node", "target"]
    back = steps.filter(nw.col("returned") == 1)
    return {
        "edges": _sums(steps, edge),
        "edges_time": ranked_rows(steps, "time", edge, MEDIAN),
        "loops": _sums(back, edge, "back"),
    }


def _nodes(steps: nw.LazyFrame[Any], groups: Sequence[str]) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    nodes = steps.filter(nw.col("place") > 0)
    dropped = (nw.col("target") == EXIT) & (nw.col("converted") == 0)
    return {
        "nodes": _sums(nodes, [*groups, "node"], "repeats"),
        "dropped": _paths(nodes.filter(dropped), [*groups, "node"]),
    }


def _lengths(heads: nw.LazyFrame[Any], groups: Sequence[str]) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    reached = heads.filter(nw.col("converted") == 1)
    return {
        "summary": _paths(heads, groups, "nodes", "converted"),
        "summary_nodes": ranked_rows(heads, "nodes", groups, MEDIAN),
        "summary_goal": ranked_rows(reached, "goal_time", groups, MEDIAN),
    }


def _goal(heads: nw.LazyFrame[Any], groups: Sequence[str]) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    reached, way = heads.filter(nw.col("converted") == 1), [*groups, "goal_way"]
    return {
        "goal": _paths(reached, way),
        "goal_time": ranked_rows(reached, "goal_time", way, MEDIAN),
    }


def _tree(
    steps: nw.LazyFrame[Any], groups: Sequence[str], branches: int
) -> dict[str, nw.LazyFrame[Any]]:
    """Count the most common ways; those of equally many paths as the last one are there too.

    A way is never more common than its beginning, so that every way's beginning is there.
    """
    import narwhals as nw

    way, target = [*groups, "place", "node", "way"], nw.col("target")
    told = steps.filter(~nw.col("way").is_null()).with_columns(
        *(
            nw.when(target == mark).then(1).otherwise(0).cast(nw.Int64).alias(name)
            for name, mark in (("exits", EXIT), ("cuts", CUT))
        )
    )
    counts = _paths(told, way, "exits", "cuts")
    rank = nw.col("paths").rank("min", descending=True).over(*groups)
    ranked = counts.with_columns(rank.alias("rank")).filter(nw.col("rank") <= branches)
    return {"tree": ranked.drop("rank")}


def _by_step(
    steps: nw.LazyFrame[Any], heads: nw.LazyFrame[Any], groups: Sequence[str], rules: Rules
) -> dict[str, nw.LazyFrame[Any]]:
    """Count what stands at each place up to the depth, and paths and people by length.

    A person counts with the shortest path, so that those with one that ended before a step can be
    added up.
    """
    import narwhals as nw

    depth = min(rules.depth, rules.steps or rules.depth)
    near = steps.filter((nw.col("place") > 0) & (nw.col("place") <= depth))
    short = heads.filter(nw.col("nodes") < depth)
    shortest = short.group_by(*groups, "person_key").agg(nw.col("nodes").min())
    return {
        "flows": _paths(near, [*groups, "place", "node", "target"]),
        "matrix": _paths(near, [*groups, "place", "node"]),
        "ended": short.group_by(*groups, "nodes").agg(nw.len().alias("paths")),
        "ended_people": shortest.group_by(*groups, "nodes").agg(nw.len().alias("people")),
    }
