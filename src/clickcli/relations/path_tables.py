"""Turn the counts of steps of paths into tables: shares, times, the tree of ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.relations.path_counts import ALL, MEDIAN
from clickcli.relations.path_patterns import BETWEEN, CUT, EXIT, START, quoted
from clickcli.relations.paths import PATTERN

if TYPE_CHECKING:
    import polars as pl

Frames = Mapping[str, "pl.DataFrame"]
Groups = list[str]


def tables(
    frames: Frames, wanted: Iterable[str], patterns: Sequence[str], branches: int, by: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Return the wanted tables; ``by`` are the columns of a breakdown."""
    groups = [*by, ALL]
    makers: dict[str, Callable[[], pl.DataFrame]] = {
        "tree": lambda: _tree(frames, groups, branches),
        "summary": lambda: _summary(frames, groups),
        "conversions": lambda: _conversions(frames, groups),
        "drop_offs": lambda: _drop_offs(frames, groups),
        "loops": lambda: _loops(frames, groups),
        "edges": lambda: _edges(frames, groups),
        "nodes": lambda: _nodes(frames, groups),
        "ngrams": lambda: _ngrams(frames, groups),
        "flows": lambda: _flows(frames, groups),
        "matrix": lambda: _matrix(frames, groups),
        "patterns": lambda: _patterns(frames, groups, patterns),
    }
    return {name: makers[name]() for name in wanted}


def _of_all_paths(table: pl.DataFrame, frames: Frames, groups: Groups) -> pl.DataFrame:
    """Add all paths of the group, and the share of the row's paths in them."""
    from clickcli.expressions import share

    whole = frames["summary"].select(*groups, "paths").rename({"paths": "all_paths"})
    table = table.join(whole, on=groups, how="left")
    return table.with_columns(share("paths", "all_paths").alias("share"))


def _seconds(
    table: pl.DataFrame, frames: Frames, name: str, keys: Groups, column: str
) -> pl.DataFrame:
    """Add the median of the times of a count, in seconds."""
    import polars as pl

    median = pl.col(MEDIAN)
    scale = pl.lit(float(MICROSECONDS_PER_SECOND)) + 0 * median  # a scalar would be inverted first
    found = frames[f"{name}_{MEDIAN}"].select(*keys, (median / scale).alias(column))
    return table.join(found, on=keys, how="left")


def _departures(frames: Frames, groups: Groups) -> pl.DataFrame:
    """Return the transitions with how many leave their source."""
    import polars as pl

    table = frames["edges"].rename({"node": "source", "rows": "transitions"})
    leaving = pl.col("transitions").sum().over(*groups, "source")
    return table.with_columns(leaving.alias("departures"))


def _edges(frames: Frames, groups: Groups) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate

    table = _departures(frames, groups)
    table = _seconds(table, frames, "edge_times", [*groups, "edge"], "time_median_s")
    count = pl.col("transitions")
    table = table.with_columns(
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


def _nodes(frames: Frames, groups: Groups) -> pl.DataFrame:
    """Return the nodes, with what came in and what went out counted from the transitions."""
    import polars as pl

    from clickcli.expressions import with_rate

    table, edges = frames["nodes"].rename({"rows": "visits"}), frames["edges"]
    source, target = pl.col("node"), pl.col("target")
    into = edges.group_by(*groups, target.alias("node")).agg(
        pl.col("rows").filter(source == START).sum().alias("starts"),
        pl.col("rows").filter(source != START).sum().alias("inflow"),
    )
    out = edges.group_by(*groups, "node").agg(
        pl.col("rows").filter(target == EXIT).sum().alias("exits"),
        pl.col("rows").filter(target == CUT).sum().alias("cuts"),
        pl.col("rows").filter(~target.is_in([EXIT, CUT])).sum().alias("outflow"),
    )
    for part in (into, out):
        table = table.join(part, on=[*groups, "node"], how="left")
    return with_rate(table, "exit_rate", "exits", "visits")


def _summary(frames: Frames, groups: Groups) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate, zeros
    from clickcli.relations.quantiles import quantiles

    table = frames["summary"]
    if not table.height and len(groups) == 1:
        table = zeros(table)
    medians = quantiles(_middle_lengths(frames["lengths"], groups), "nodes", groups, (50,))
    sums = {
        "repeats": frames["nodes"].group_by(groups).agg(pl.col("repeats").sum()),
        "dropped": frames["dropped"].group_by(groups).agg(pl.col("paths").sum().alias("dropped")),
        "returns": frames["loops"].group_by(groups).agg(
            pl.col("rows").sum().alias("returns"), pl.col("back").sum().alias("backtracks")
        ),
    }  # fmt: skip
    table = table.join(medians.rename({"p50": "nodes_median"}), on=groups, how="left")
    for part in sums.values():
        table = table.join(part, on=groups, how="left")
    table = _seconds(table, frames, "summary", groups, "goal_median_s")
    table = with_rate(table, "conversion", "converted", "paths")
    return table.with_columns(
        share("nodes", "paths").alias("nodes_mean"),
        pl.col("repeats", "dropped", "returns", "backtracks").fill_null(0),
    )


def _middle_lengths(lengths: pl.DataFrame, groups: Groups) -> pl.DataFrame:
    """Return the lengths of paths at the ranks in the middle, as ``ranked_rows`` does."""
    import polars as pl

    from clickcli.relations.quantiles import COUNT, RANK

    upto = pl.col("paths").cum_sum().over(groups)
    table = lengths.filter(pl.col("paths") > 0).sort("place").select(
        *groups, pl.col("place").alias("nodes"), upto.alias("upto"), "paths",
        pl.col("paths").sum().over(groups).alias(COUNT),
    )  # fmt: skip
    first = (pl.col(COUNT) - 1) // 2
    ranks = pl.concat([table.with_columns((first + after).alias(RANK)) for after in (0, 1)])
    holds = (pl.col(RANK) < pl.col("upto")) & (pl.col(RANK) >= pl.col("upto") - pl.col("paths"))
    return ranks.filter(holds)


def _conversions(frames: Frames, groups: Groups) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    table = _seconds(frames["goal"], frames, "goal", [*groups, "text"], "time_median_s")
    table = table.with_columns(pl.col("paths").sum().over(groups).alias("converted"))
    return with_rate(table, "share", "paths", "converted").rename({"text": "path"})


def _drop_offs(frames: Frames, groups: Groups) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate

    table = frames["dropped"].rename({"paths": "dropped"})
    table = table.with_columns(pl.col("dropped").sum().over(groups).alias("all_dropped"))
    came = frames["nodes"].select(*groups, "node", "paths")
    table = table.join(came, on=[*groups, "node"], how="left")
    table = with_rate(table, "drop_off", "dropped", "paths")
    return table.with_columns(share("dropped", "all_dropped").alias("share"))


def _loops(frames: Frames, groups: Groups) -> pl.DataFrame:
    from clickcli.expressions import with_rate

    keys = [*groups, "source", "target"]
    table = frames["loops"].rename({"node": "source", "rows": "returns", "back": "backtracks"})
    leaving = _departures(frames, groups).select(*keys, "departures")
    table = table.join(leaving, on=keys, how="left")
    return with_rate(table, "share", "returns", "departures")


def _ngrams(frames: Frames, groups: Groups) -> pl.DataFrame:
    table = _of_all_paths(frames["ngrams"], frames, groups)
    return table.rename({"text": "path", "rows": "times"})


def _flows(frames: Frames, groups: Groups) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate

    table = frames["flows"].rename({"place": "step", "node": "source"})
    departures = pl.col("paths").sum().over(*groups, "step", "source")
    return with_rate(table.with_columns(departures.alias("departures")),
                     "share", "paths", "departures")  # fmt: skip


def _matrix(frames: Frames, groups: Groups) -> pl.DataFrame:
    """Return where paths stand at each step, and how many ended before it."""
    import polars as pl

    at = frames["matrix"].rename({"place": "step"})
    ended = frames["lengths"].rename({"place": "nodes"})
    later = at.select("step").unique().join(ended, how="cross")
    later = later.filter(pl.col("nodes") < pl.col("step")).group_by(*groups, "step").agg(
        pl.lit(EXIT).alias("node"), pl.col("paths", "people").sum()
    )  # fmt: skip
    whole = pl.concat([at, later.select(at.columns)], how="vertical_relaxed")
    return _of_all_paths(whole, frames, groups)


def _patterns(frames: Frames, groups: Groups, patterns: Sequence[str]) -> pl.DataFrame:
    """Return a row a pattern, of zeros where no path holds it."""
    import polars as pl

    from clickcli.expressions import with_rate

    asked = pl.DataFrame(
        {
            "pattern": pl.Series(patterns, dtype=pl.String),
            "text": [f"{PATTERN}{number}" for number in range(1, len(patterns) + 1)],
        },
        schema_overrides={"text": pl.String},
    )
    table = frames["summary"].select(groups).join(asked, how="cross")
    table = table.join(frames["patterns"], on=[*groups, "text"], how="left")
    table = table.with_columns(pl.col("paths", "people", "converted").fill_null(0))
    table = with_rate(_of_all_paths(table, frames, groups), "share", "paths", "all_paths")
    return with_rate(table, "conversion", "converted", "paths")


def _tree(frames: Frames, groups: Groups, branches: int) -> pl.DataFrame:
    """Return the most common ways, a way right below its beginning, commoner ones first."""
    import polars as pl

    from clickcli.expressions import share, with_rate

    downwards = [*(False for _ in groups), True, False, False]
    ways = frames["tree"].sort(*groups, "paths", "place", "text", descending=downwards)
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
    return table.rename({"text": "path", "place": "step"})


def _laid_out(ways: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the ways of one tree in order, numbered, with the paths ``before`` and ``below``."""
    rows: dict[str, dict[str, Any]] = {}
    below: dict[str, list[str]] = {}
    for row in ways.iter_rows(named=True):
        before = row["text"].removesuffix(quoted(row["node"])).removesuffix(BETWEEN)
        rows[row["text"]] = row
        below.setdefault(before, []).append(row["text"])
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
