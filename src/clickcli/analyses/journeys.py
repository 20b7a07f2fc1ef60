"""Where people go from each place, what leads to the goal, where they leave and turn in circles.

Definition
----------
A path is a session (``--unit person``: a person's events up to a gap of ``--gap``) as a row of
nodes: event types, pages (``--node path``) or values of a column. Equal nodes one after another are
one step. At every node inflow = outflow + sinks: ``(exit)``, where the path ended; ``(cut)``, where
it is longer than ``--steps``; in the tree also ``other``, ways that are too rare to be shown. Nodes
beyond the most common ones (``--nodes``) are ``(other)``. A path converts with its first event of
the goal; a path that ended without one dropped off at its last node. A return goes to a node where
the path was before; a back-track there at once, A > B > A.

Input
-----
All events but those named as not caused by people. A path counts in the period in which its
session starts. ``--by`` takes the value of the session's first event.

Output
------
``tree``: the most common ways, each below the one it goes on from. ``edges``, ``flows``, ``nodes``
and ``matrix``: all transitions, those of each step, and where paths stand. ``conversions``: the
last nodes up to the goal. ``drop_offs``, ``loops``, ``ngrams`` and ``patterns``.

Units
-----
Seconds; shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events, a range of people at a time, and one more to count nodes other than a few
event types. ``--table`` computes no more than that table needs.

Source
------
Paths as in PostHog, transition and step matrices as in retentioneering, whose paths are never cut
by a gap and keep equal nodes apart (``--unit person --gap none --keep-repeats``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import (
    Analysis,
    Cell,
    Column,
    Finished,
    Grid,
    Option,
    Table,
    Tree,
    Units,
    people_count,
    rate,
)
from clickcli.errors import UsageError, unknown
from clickcli.relations.engagement import SessionOptions
from clickcli.relations.page_paths import Paths
from clickcli.relations.path_patterns import (
    BETWEEN,
    EXIT,
    MARKS,
    as_node,
    parse_pattern,
    parse_way,
    quoted,
)
from clickcli.relations.paths import Nodes, Rules, Unit, named_nodes, path_steps
from clickcli.relations.sessions import Cut, SessionRule
from clickcli.units import MAX_TS, duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.steps import Step

_NODES: Final = "Nodes"


@dataclass(frozen=True, kw_only=True)
class Parameters(SessionOptions):
    """Options of ``journeys``."""

    goal: Annotated[
        str | None,
        Option("Step that paths lead to, as in a funnel; default: the conversion event.",
               kind="step"),
    ] = None  # fmt: skip
    start: Annotated[
        str | None, Option("A path begins at its first such node; others are left out.")
    ] = None
    pattern: Annotated[
        tuple[str, ...],
        Option("Also count paths that hold A -> .* -> [B|C]."),
    ] = ()
    steps: Annotated[
        int | None,
        Option("Follow a path for so many nodes; the rest is (cut).", kind="count", minimum=1),
    ] = None
    depth: Annotated[
        int,
        Option("Steps of the tree, flows and matrix, and nodes up to the goal.", kind="count",
               minimum=1, maximum=20),
    ] = 5  # fmt: skip
    branches: Annotated[
        int,
        Option("Ways shown in the tree, the most common ones.", kind="count", minimum=1),
    ] = 25
    ngram: Annotated[
        int, Option("Nodes in a row of the table ngrams.", kind="count", minimum=2, maximum=5)
    ] = 3
    node: Annotated[
        str,
        Option("What a node is: event, path, a column or properties.x.", kind="column",
               group=_NODES),
    ] = "event"  # fmt: skip
    event: Annotated[
        tuple[str, ...],
        Option("Only such events are nodes.", kind="event", group=_NODES),
    ] = ()
    skip: Annotated[
        tuple[str, ...],
        Option("Events that are no nodes.", kind="event", group=_NODES),
    ] = ()
    keep_repeats: Annotated[
        bool, Option("Let equal nodes one after another be steps of their own.", group=_NODES)
    ] = False
    nodes: Annotated[
        int,
        Option("Nodes told by name; rarer ones are (other).", kind="count", minimum=1,
               maximum=1000, group=_NODES),
    ] = 100  # fmt: skip
    paths: Annotated[
        Paths,
        Option("clean: ids, dates and addresses in paths become words; raw: as they are.",
               group=_NODES),
    ] = Paths.CLEAN  # fmt: skip
    unit: Annotated[Unit, Option("A path is a session, or a person's up to a gap.")] = Unit.SESSION
    gap: Annotated[
        str,
        Option("With --unit person, a longer gap ends a path; or none.", kind="duration"),
    ] = "7d"


def _count(name: str, text: str) -> Column:
    return Column(name, "int64", "count", text)


def _median(name: str, text: str) -> Column:
    return Column(name, "float64", "duration_s", text)


_SHARE, _EXITS = rate("share", "paths ÷ before"), rate("exit_rate", "exits ÷ paths")
TREE = Table(
    "tree",
    "The most common ways; each row goes on from the one above it that is less indented.",
    (
        Column("path", "string", "key", "nodes from the start on"),
        _count("paths", "paths that begin so"),
        Column("share_of_all", "float64", "share", "paths ÷ all_paths"),
        _SHARE[0],
        _EXITS[0],
        people_count("people", "people with a path that begins so"),
        _count("exits", "of paths, those that ended here"),
        _count("other", "of paths, those that went on to what is not shown"),
        _count("cuts", "of paths, those not followed any further (--steps)"),
        Column("node", "string", "text", "last node of path"),
        Column("step", "int64", "key", "nodes in path"),
        Column("rank", "int64", "key", "place in the tree"),
        _count("before", "paths at the node before"),
        _count("all_paths", "all paths"),
        *_SHARE[1:],
        *_EXITS[1:],
    ),
    keys=("path",),
    order=("rank",),
    tree=Tree(label="node", depth="step", bar="share_of_all", hidden=("path", "rank")),
)
SUMMARY = Table(
    "summary",
    "All paths together.",
    (
        _count("paths", "paths"),
        people_count("people", "people with a path"),
        Column("nodes_mean", "float64", "ratio", "mean nodes in a path: nodes ÷ paths"),
        Column("nodes_median", "float64", "ratio", "median nodes in a path"),
        *rate("conversion", "converted ÷ paths"),
        _median("goal_median_s", "median time from the first node to the goal"),
        _count("converted", "paths that came to the goal"),
        _count("dropped", "paths that ended without it"),
        _count("nodes", "nodes in paths"),
        _count("repeats", "equal nodes that were made one with the one before"),
        _count("returns", "transitions to a node where the path was before"),
        _count("backtracks", "of returns, those to the node right before"),
    ),
    keys=(),
)
CONVERSIONS = Table(
    "conversions",
    "The last nodes up to the goal, as many as --depth says.",
    (
        Column("path", "string", "key", "last nodes up to the first event of the goal"),
        _count("paths", "paths that came to the goal this way"),
        people_count("people", "people who did"),
        *rate("share", "paths ÷ converted"),
        _median("time_median_s", "median time from the first node to the goal"),
        _count("converted", "paths that came to the goal"),
    ),
    keys=("path",),
    order=("-paths", "path"),
    below=("path",),
    shown=8,
)
DROP_OFFS = Table(
    "drop_offs",
    "Where paths ended without the goal.",
    (
        Column("node", "string", "key", "last node of the path"),
        _count("dropped", "paths that ended here without the goal"),
        people_count("people", "people whose path ended here without the goal"),
        *rate("drop_off", "dropped ÷ paths"),
        Column("share", "float64", "share", "dropped ÷ all_dropped"),
        _count("paths", "paths that came here"),
        _count("all_dropped", "paths that ended without the goal"),
    ),
    keys=("node",),
    order=("-dropped", "node"),
    shown=8,
)
LOOPS = Table(
    "loops",
    "Transitions to a node where the path was before.",
    (
        Column("source", "string", "key", "node that was left"),
        Column("target", "string", "key", "node that the path came back to"),
        _count("returns", "transitions of this kind that came back"),
        people_count("people", "people who came back so"),
        *rate("share", "returns ÷ departures"),
        _count("paths", "paths with such a return"),
        _count("backtracks", "of returns, those to the node right before"),
        _count("departures", "transitions and ends of paths at the source"),
    ),
    keys=("source", "target"),
    order=("-returns", "source", "target"),
    shown=8,
)
EDGES = Table(
    "edges",
    "All transitions from one node to another, to (exit) and from (start).",
    (
        Column("source", "string", "key", "node that was left"),
        Column("target", "string", "key", "node that came next"),
        _count("transitions", "how often"),
        people_count("people", "people who went so"),
        *rate("share", "transitions ÷ departures"),
        _median("time_median_s", "median time from one to the other"),
        _count("paths", "paths that went so"),
        _count("departures", "transitions and ends of paths at the source"),
        Column("share_of_target", "float64", "share", "transitions ÷ arrivals"),
        _count("arrivals", "transitions to the target"),
        Column("share_of_all", "float64", "share", "transitions ÷ all_transitions"),
        _count("all_transitions", "transitions, starts and ends of paths"),
        Column("per_path", "float64", "ratio", "transitions ÷ all_paths"),
        _count("all_paths", "all paths"),
    ),
    keys=("source", "target"),
    order=("-transitions", "source", "target"),
    shown=12,
)
NODES = Table(
    "nodes",
    "One row a node; starts + inflow = visits = outflow + exits + cuts.",
    (
        Column("node", "string", "key", "event type, page or value"),
        _count("visits", "steps of paths at the node"),
        people_count("people", "people who came there"),
        _count("paths", "paths that came there"),
        _count("starts", "of visits, those that a path began with"),
        _count("inflow", "of visits, those that came from a node"),
        _count("outflow", "of visits, those that went on to a node"),
        _count("exits", "of visits, those that a path ended with"),
        _count("cuts", "of visits, those after which the path was not followed"),
        *rate("exit_rate", "exits ÷ visits"),
        _count("repeats", "equal nodes that were made one with the one before"),
    ),
    keys=("node",),
    order=("-visits", "node"),
    shown=12,
)
NGRAMS = Table(
    "ngrams",
    "Nodes that follow one another, as many as --ngram says.",
    (
        Column("path", "string", "key", "nodes in a row"),
        _count("times", "how often"),
        people_count("people", "people who went so"),
        Column("share", "float64", "share", "paths ÷ all_paths"),
        _count("paths", "paths with it"),
        _count("all_paths", "all paths"),
    ),
    keys=("path",),
    order=("-times", "path"),
    shown=8,
)
FLOWS = Table(
    "flows",
    "Transitions of each step of the paths, up to --depth.",
    (
        Column("step", "int64", "key", "place of the source in the path, from 1"),
        Column("source", "string", "key", "node at this step"),
        Column("target", "string", "key", "node that came next"),
        _count("paths", "paths that went so"),
        people_count("people", "people who went so"),
        *rate("share", "paths ÷ departures"),
        _count("departures", "paths at the source at this step"),
    ),
    keys=("step", "source", "target"),
    order=("step", "-paths", "source", "target"),
    shown=8,
)
MATRIX = Table(
    "matrix",
    "Where paths stand at each step; (exit): ended before it.",
    (
        Column("node", "string", "key", "event type, page or value; (exit)"),
        Column("step", "int64", "key", "place in the path, from 1"),
        _count("paths", "paths that stand there"),
        people_count("people", "people with such a path"),
        Column("share", "float64", "share", "paths ÷ all_paths"),
        _count("all_paths", "all paths"),
    ),
    keys=("node", "step"),
    order=("step", "-paths", "node"),
    shown=20,
    grid=Grid(
        across="step",
        value="share",
        beside=(),
        help="Percent of the paths at each node at each step; (exit): ended before it.",
        has_first=True,
    ),
)
PATTERNS = Table(
    "patterns",
    "Paths that hold a pattern; empty without --pattern.",
    (
        Column("pattern", "string", "key", "pattern as it was asked"),
        _count("paths", "paths that hold it"),
        people_count("people", "people with such a path"),
        *rate("share", "paths ÷ all_paths"),
        *rate("conversion", "converted ÷ paths"),
        _count("converted", "of paths, those that came to the goal"),
        _count("all_paths", "all paths"),
    ),
    keys=("pattern",),
)


def _goal(parameters: Parameters, context: Context) -> Step:
    """Return the goal; the conversion event need not be there, a step that is given must."""
    from clickcli.steps import Step

    if parameters.goal is not None:
        return context.step(parameters.goal)
    event = context.dataset.conversion_event
    return Step(event, ((event, None),))


def _source(parameters: Parameters, context: Context) -> Nodes:
    from clickcli.columns import BY_NAME
    from clickcli.filters import column_or_property, property_ref

    source: Any = parameters.node
    if source not in ("event", "path"):
        source = column_or_property(source, known_properties=context.dataset.property_names)
        if isinstance(source, str) and BY_NAME[source].money:
            source = property_ref(f"properties.{source}")
    return Nodes(source, parameters.paths, parameters.event, parameters.skip)


def _rules(parameters: Parameters) -> Rules:
    cut = parameters.cut()
    if parameters.unit is Unit.PERSON:
        gap = MAX_TS if parameters.gap == "none" else duration_us(parameters.gap)
        cut = Cut(gap, MAX_TS, SessionRule.GAP)
    return Rules(
        cut=cut,
        start=parameters.start,
        collapse=not parameters.keep_repeats,
        steps=parameters.steps,
        depth=parameters.depth,
        ngram=parameters.ngram,
        patterns=tuple(map(parse_pattern, parameters.pattern)),
    )


def _asked(rules: Rules) -> set[str]:
    """Return the nodes that the options name."""
    names = {name for pattern in rules.patterns for name in pattern.names()}
    return names | ({rules.start} if rules.start is not None else set())


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read, and names of event types that are not there."""
    _source(parameters, context)
    _goal(parameters, context)
    rules = _rules(parameters)
    if len(set(parameters.pattern)) < len(parameters.pattern):
        raise UsageError("--pattern names a pattern twice")
    types = context.dataset.event_types
    for name in sorted({*parameters.event, *parameters.skip}):
        if types and name not in types:
            raise unknown("event type", name, types)
    _check_nodes(_asked(rules), parameters, context)


def _check_nodes(names: Iterable[str], parameters: Parameters, context: Context) -> None:
    """Refuse names of nodes that are no event types, where nodes are those."""
    types = [as_node(name) for name in context.dataset.event_types]
    if parameters.node != "event" or not types:
        return
    for name in sorted(names):
        if name not in types:
            raise unknown("event type", name, types)


def _wanted(context: Context) -> list[str]:
    """Return the names of the tables that are asked for."""
    return [table.name for table in ANALYSIS.tables if context.wants(table.name)]


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return what the steps of the paths count up to; of a cell a step of each person behind it."""
    from clickcli.relations.path_counts import needed
    from clickcli.relations.path_tallies import tallies

    nodes, rules = _source(parameters, context), _rules(parameters)
    goal = _goal(parameters, context)
    names = named_nodes(events, context, nodes, rules.cut, parameters.nodes, _asked(rules))
    if context.cell is not None:
        _, chosen = who(context.cell, parameters, context)
        return {"steps": path_steps(events, context, nodes, rules, goal, names, chosen)}
    wanted = needed(_wanted(context))
    return {"counts": tallies(events, context, nodes, rules, goal, names, wanted)}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Add up the counts of steps by node, transition and way."""
    from clickcli.relations.path_counts import counted, needed

    wanted = needed(_wanted(context))
    return counted(units["counts"], wanted, parameters.branches, context.by)


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put shares and times beside the counts; lay the ways out as a tree."""
    from clickcli.notes import few
    from clickcli.relations.path_tables import tables

    wanted = _wanted(context)
    found = tables(frames, wanted, parameters.pattern, parameters.branches, context.by)
    goal = _goal(parameters, context).label
    summary = frames["summary"]
    notes = few(summary, "paths", "paths")
    if not summary["paths"].sum():
        notes.append("no paths: no event of the period is a node (--node, --event, --start)")
    elif not summary["converted"].sum():
        notes.append(f"no path comes to {goal}: name another goal with --goal")
    if summary["others"].sum():
        notes.append("nodes beyond the most common ones are (other): --nodes names more of them")
    unit = "session" if parameters.unit is Unit.SESSION else f"person, gap {parameters.gap}"
    node = {"event": "event type", "path": "page path"}.get(parameters.node, parameters.node)
    return Finished(found, notes, f"Journeys · by {unit} · nodes: {node} · goal: {goal}")


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which steps' people a cell lists."""
    import narwhals as nw

    word, colon, rest = cell.partition(":")
    place, node, target = nw.col("place"), nw.col("node"), nw.col("target")
    converted = nw.col("converted") == 1
    if cell in ("goal", "returned", "backtracked"):
        flag = {"goal": "converted", "returned": "returned", "backtracked": "back"}[cell]
        return "steps", nw.col(flag) == 1
    if colon and word == "dropped":
        _check_nodes({rest} - MARKS, parameters, context)
        return "steps", (node == rest) & (target == EXIT) & ~converted
    if colon and word == "pattern":
        count = len(parameters.pattern)
        if not (rest.isascii() and rest.isdigit() and 1 <= int(rest) <= count):
            raise UsageError(f"--who pattern:N must name one of {count} --pattern, was {cell!r}")
        return "steps", (place == 0) & (nw.col(f"pattern_{int(rest)}") == 1)
    if colon and word in ("path", "goal"):
        names = parse_way(rest)
        if word == "path" and len(names) > parameters.depth:
            raise UsageError(
                f"--who path has at most {parameters.depth} nodes, was {len(names)}",
                hint="--depth takes longer ones",
            )
        _check_nodes(set(names) - MARKS, parameters, context)
        way = BETWEEN.join(quoted(name) for name in names)
        return "steps", nw.col("way" if word == "path" else "goal_way") == way
    edge = parse_way(cell) if ">" in cell else ()
    if len(edge) != 2:
        forms = "A>B, path:A>B>C, goal, goal:A>B, dropped:A, pattern:1, returned, backtracked"
        raise UsageError(f"--who must be one of {forms}, was {cell!r}")
    _check_nodes(set(edge) - MARKS, parameters, context)
    return "steps", (node == edge[0]) & (target == edge[1])


ANALYSIS = Analysis(
    name="journeys",
    version=1,
    parameters=Parameters,
    sample=Parameters(pattern=("view -> .* -> purchase", "[view|page_view] -> (exit)"), steps=8),
    tables=(
        TREE, SUMMARY, CONVERSIONS, DROP_OFFS, LOOPS, EDGES, NODES, NGRAMS, FLOWS, MATRIX, PATTERNS,
    ),
    unit_keys={"steps": ("first_seq", "place")},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("A>B", "people who went from A to B; (start)>A and A>(exit) too"),
        Cell("path:A>B>C", "people with a path that begins so"),
        Cell("goal", "people with a path to the goal; goal:A>B by this way"),
        Cell("dropped:A", "people with a path that ended at A without the goal"),
        Cell("pattern:1", "people with a path that holds the first --pattern"),
        Cell("returned", "people with a return; backtracked: with a back-track"),
    ),
    examples=(
        "clickcli journeys --skip session_start --skip api_request",
        "clickcli journeys --node path --table edges --last 28d",
        "clickcli journeys --table patterns --pattern 'search -> .* -> [purchase|checkout]'",
    ),
    check=check,
)  # fmt: skip
