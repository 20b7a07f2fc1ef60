"""Turn the counts of steps of paths into tables: shares, times, the tree of ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.relations.path_counts import MEDIAN
from clickcli.relations.path_patterns import BETWEEN, CUT, EXIT, START, quoted

if TYPE_CHECKING:
    import polars as pl

Frames = Mapping[str, "pl.DataFrame"]


def tables(
    frames: Frames, patterns: Sequence[str], branches: int, by: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Return every table; ``by`` are the columns of a breakdown."""
    groups = [*by, "all"]
    edges, nodes = _edges(frames, groups), _nodes(frames, groups)
    return {
        "tree": _tree(frames, groups, branches),
        "summary": _summary(frames, groups),
        "conversions": _conversions(frames, groups),
        "drop_offs": _drop_offs(frames, groups),
        "loops": _loops(frames, groups, edges),
        "edges": edges,
        "nodes": nodes,
        "ngrams": _of_all_paths(frames["ngrams"], frames, groups).rename(
            {"ngram": "path", "steps": "times"}
        ),
        "flows": _flows(frames, groups),
        "matrix": _matrix(frames, groups),
        **_patterns(frames, groups, patterns),
    }


def _of_all_paths(table: pl.DataFrame, frames: Frames, groups: list[str]) -> pl.DataFrame:
    """Add all paths of the group, and the share of the row's paths in them."""
    from clickcli.expressions import share

    whole = frames["summary"].select(*groups, "paths").rename({"paths": "all_paths"})
    table = table.join(whole, on=groups, how="left")
    return table.with_columns(share("paths", "all_paths").alias("share"))


def _seconds(
    table: pl.DataFrame, frames: Frames, ranks: str, value: str, keys: list[str], name: str
) -> pl.DataFrame:
    """Add a median in seconds."""
    from clickcli.relations.quantiles import quantiles

    found = quantiles(frames[ranks], value, keys, MEDIAN, divisor=MICROSECONDS_PER_SECOND)
    return table.join(found.rename({"p50": name}), on=keys, how="left")


def _edges(frames: Frames, groups: list[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate

    keys = [*groups, "node", "target"]
    table = _seconds(frames["edges"], frames, "edges_time", "time", keys, "time_median_s")
    table = table.rename({"node": "source", "steps": "transitions"})
    count = pl.col("transitions")
    table = table.with_columns(
        count.sum().over(*groups, "source").alias("departures"),
        count.sum().over(*groups, "target").alias("arrivals"),
        count.sum().over(groups).alias("all_transitions"),
    )
    whole = frames["summary"].select(*groups, pl.col("paths").alias("all_paths"))
    table = with_rate(
        table.join(whole, on=groups, how="left"), "share", "transitions", "departures"
    )
    return table.with_columns(
        share("transitions", "arrivals").alias("share_of_target"),
        share("transitions", "all_transitions").alias("share_of_all"),
        share("transitions", "all_paths").alias("per_path"),
    )


def _nodes(frames: Frames, groups: list[str]) -> pl.DataFrame:
    """Return the nodes, with what came in and what went out counted from the transitions."""
    import polars as pl

    from clickcli.expressions import with_rate

    table, edges = frames["nodes"].rename({"steps": "visits"}), frames["edges"]
    source, target = pl.col("node"), pl.col("target")
    into = edges.group_by(*groups, target.alias("node")).agg(
        pl.col("steps").filter(source == START).sum().alias("starts"),
        pl.col("steps").filter(source != START).sum().alias("inflow"),
    )
    out = edges.group_by(*groups, "node").agg(
        pl.col("steps").filter(target == EXIT).sum().alias("exits"),
        pl.col("steps").filter(target == CUT).sum().alias("cuts"),
        pl.col("steps").filter(~target.is_in([EXIT, CUT])).sum().alias("outflow"),
    )
    for part in (into, out):
        table = table.join(part, on=[*groups, "node"], how="left")
    return with_rate(table, "exit_rate", "exits", "visits")


def _summary(frames: Frames, groups: list[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate, zeros
    from clickcli.relations.quantiles import quantiles

    table = frames["summary"]
    if not table.height and len(groups) == 1:
        table = zeros(table)
    medians = quantiles(frames["summary_nodes"], "nodes", groups, MEDIAN)
    sums = {
        "repeats": frames["nodes"].group_by(groups).agg(pl.col("repeats").sum()),
        "dropped": frames["dropped"].group_by(groups).agg(pl.col("paths").sum().alias("dropped")),
        "returns": frames["loops"].group_by(groups).agg(
            pl.col("steps").sum().alias("returns"), pl.col("back").sum().alias("backtracks")
        ),
    }  # fmt: skip
    table = table.join(medians.rename({"p50": "nodes_median"}), on=groups, how="left")
    for part in sums.values():
        table = table.join(part, on=groups, how="left")
    table = _seconds(table, frames, "summary_goal", "goal_time", groups, "goal_median_s")
    table = with_rate(table, "conversion", "converted", "paths")
    return table.with_columns(
        share("nodes", "paths").alias("nodes_mean"),
        pl.col("repeats", "dropped", "returns", "backtracks").fill_null(0),
    )


def _conversions(frames: Frames, groups: list[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    keys = [*groups, "goal_way"]
    table = _seconds(frames["goal"], frames, "goal_time", "goal_time", keys, "time_median_s")
    table = table.with_columns(pl.col("paths").sum().over(groups).alias("converted"))
    return with_rate(table, "share", "paths", "converted").rename({"goal_way": "path"})


def _drop_offs(frames: Frames, groups: list[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate

    table = frames["dropped"].rename({"paths": "dropped"})
    table = table.with_columns(pl.col("dropped").sum().over(groups).alias("all_dropped"))
    came = frames["nodes"].select(*groups, "node", "paths")
    table = table.join(came, on=[*groups, "node"], how="left")
    table = with_rate(table, "drop_off", "dropped", "paths")
    return table.with_columns(share("dropped", "all_dropped").alias("share"))


def _loops(frames: Frames, groups: list[str], edges: pl.DataFrame) -> pl.DataFrame:
    from clickcli.expressions import with_rate

    keys = [*groups, "source", "target"]
    table = frames["loops"].rename({"node": "source", "steps": "returns", "back": "backtracks"})
    table = table.join(edges.select(*keys, "departures"), on=keys, how="left")
    return with_rate(table, "share", "returns", "departures")


def _flows(frames: Frames, groups: list[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    table = frames["flows"].rename({"place": "step", "node": "source"})
    departures = pl.col("paths").sum().over(*groups, "step", "source")
    return with_rate(table.with_columns(departures.alias("departures")),
                     "share", "paths", "departures")  # fmt: skip


def _matrix(frames: Frames, groups: list[str]) -> pl.DataFrame:
    """Return where paths stand at each step, and how many ended before it."""
    import polars as pl

    at = frames["matrix"].rename({"place": "step"})
    ended = frames["ended"].join(frames["ended_people"], on=[*groups, "nodes"], how="left")
    later = at.select("step").unique().join(ended, how="cross")
    later = later.filter(pl.col("nodes") < pl.col("step")).group_by(*groups, "step").agg(
        pl.lit(EXIT).alias("node"), pl.col("paths", "people").sum()
    )  # fmt: skip
    whole = pl.concat([at, later.select(at.columns)], how="vertical_relaxed")
    return _of_all_paths(whole, frames, groups)


def _patterns(
    frames: Frames, groups: list[str], patterns: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Return a row a pattern, of zeros where no path holds it; no table without patterns."""
    import polars as pl

    from clickcli.expressions import with_rate

    whole = frames["summary"].select(groups)
    parts = [
        whole.join(frames[f"pattern_{number}"], on=groups, how="left").select(
            *groups, pl.lit(text).alias("pattern"),
            pl.col("paths", "people", "converted").fill_null(0),
        )
        for number, text in enumerate(patterns, start=1)
    ]  # fmt: skip
    if not parts:
        return {}
    table = pl.concat(parts)
    table = with_rate(_of_all_paths(table, frames, groups), "share", "paths", "all_paths")
    return {"patterns": with_rate(table, "conversion", "converted", "paths")}


def _tree(frames: Frames, groups: list[str], branches: int) -> pl.DataFrame:
    """Return the most common ways, a way right below its beginning, commoner ones first."""
    import polars as pl

    from clickcli.expressions import share, with_rate

    downwards = [*(False for _ in groups), True, False, False]
    ways = frames["tree"].sort(*groups, "paths", "place", "way", descending=downwards)
    ways = ways.with_columns(pl.int_range(pl.len()).over(groups).alias("rank"))
    ways = ways.filter(pl.col("rank") < branches).drop("rank")
    rows: list[dict[str, Any]] = []
    for _, part in ways.group_by(groups, maintain_order=True):
        rows += _laid_out(part)
    table = pl.DataFrame(rows, schema={
        **ways.schema, "rank": pl.Int64, "before": pl.Int64, "below": pl.Int64,
    })  # fmt: skip
    whole = frames["summary"].select(*groups, pl.col("paths").alias("all_paths"))
    table = table.join(whole, on=groups, how="left")
    table = table.with_columns(
        pl.col("before").fill_null(pl.col("all_paths")),
        (pl.col("paths") - pl.col("below") - pl.col("exits") - pl.col("cuts")).alias("other"),
        share("paths", "all_paths").alias("share_of_all"),
    )
    table = with_rate(with_rate(table, "share", "paths", "before"), "exit_rate", "exits", "paths")
    return table.rename({"way": "path", "place": "step"})


def _laid_out(ways: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the ways of one tree in order, numbered, with the paths ``before`` and ``below``."""
    rows: dict[str, dict[str, Any]] = {}
    below: dict[str, list[str]] = {}
    for row in ways.iter_rows(named=True):
        before = row["way"].removesuffix(quoted(row["node"])).removesuffix(BETWEEN)
        rows[row["way"]] = row
        below.setdefault(before, []).append(row["way"])
    ordered: list[dict[str, Any]] = []
    waiting = [(way, None) for way in reversed(below.get("", []))]
    while waiting:
        way, before = waiting.pop()
        row = rows[way]
        following = below.get(way, [])
        row |= {
            "rank": len(ordered) + 1, "before": before,
            "below": sum(rows[one]["paths"] for one in following),
        }  # fmt: skip
        ordered.append(row)
        waiting += [(one, row["paths"]) for one in reversed(following)]
    return ordered
