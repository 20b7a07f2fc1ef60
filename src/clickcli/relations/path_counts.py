"""Add up the counts of paths of all people: transitions, nodes, ways, the way to the goal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.relations.path_counter import TIMES
from clickcli.relations.path_tallies import TALLY

if TYPE_CHECKING:
    import narwhals as nw

ALL: Final = "all"
MEDIAN: Final = "median"
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "tree": ("tree",),
    "summary": ("lengths", "nodes", "dropped", "loops"),
    "conversions": ("goal",),
    "drop_offs": ("dropped", "nodes"),
    "loops": ("loops", "edges"),
    "edges": ("edges", "edge_times"),
    "nodes": ("nodes", "edges"),
    "ngrams": ("ngrams",),
    "flows": ("flows",),
    "matrix": ("matrix", "lengths"),
    "patterns": ("patterns",),
}
"""The tallies that each table is made of, besides ``summary``."""
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "summary": (), "lengths": ("place",), "goal": ("text",), "tree": ("place", "node", "text"),
    "edges": ("node", "target", "edge"), "loops": ("node", "target"), "nodes": ("node",),
    "dropped": ("node",), "ngrams": ("text",), "flows": ("place", "node", "target"),
    "matrix": ("place", "node"), "patterns": ("text",),
}  # fmt: skip
_SUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "summary": ("nodes", "converted", "others"), "tree": ("exits", "cuts"),
    "loops": ("rows", "back"), "nodes": ("rows", "repeats"), "edges": ("rows",),
    "ngrams": ("rows",), "patterns": ("converted",),
}  # fmt: skip
_TIMED: Final[Mapping[str, tuple[str, ...]]] = {
    "summary": (), "goal": ("text",), "edge_times": ("edge",),
}  # fmt: skip


def needed(tables: Iterable[str]) -> frozenset[str]:
    """Return the tallies that these tables are made of."""
    return frozenset({"summary"}.union(*(NEEDS[table] for table in tables)))


def counted(
    tallies: nw.LazyFrame[Any], wanted: Iterable[str], branches: int, by: Sequence[str]
) -> dict[str, nw.LazyFrame[Any]]:
    """Return the wanted counts, by the columns of a breakdown and ``all``, which is 0.

    Those with times have their medians as ``NAME_median``, in microseconds.
    """
    import narwhals as nw

    tallies, groups = tallies.with_columns(nw.lit(0, nw.Int64).alias(ALL)), [*by, ALL]
    frames = {}
    for name in sorted(wanted):
        own = tallies.filter(nw.col(TALLY) == name)
        if name in _KEYS:
            sums = ("paths", "people", *_SUMS.get(name, ()))
            counts = own.filter(~nw.col("paths").is_null() | ~nw.col("people").is_null())
            counts = counts.group_by(*groups, *_KEYS[name]).agg(nw.col(*sums).sum())
            frames[name] = _most_common(counts, branches, groups) if name == "tree" else counts
        if name in _TIMED:
            keys = [*groups, *_TIMED[name]]
            times = own.filter(~nw.col(TIMES).is_null()).select(*keys, TIMES).explode(TIMES)
            frames[f"{name}_{MEDIAN}"] = times.group_by(*keys).agg(
                nw.col(TIMES).median().alias(MEDIAN)
            )
    return frames


def _most_common(
    counts: nw.LazyFrame[Any], branches: int, groups: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the most common ways; those of equally many paths as the last one are there too.

    A way is never more common than its beginning, so that every way's beginning is there.
    """
    import narwhals as nw

    rank = nw.col("paths").rank("min", descending=True).over(*groups)
    ranked = counts.with_columns(rank.alias("rank")).filter(nw.col("rank") <= branches)
    return ranked.drop("rank")
