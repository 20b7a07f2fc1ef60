"""Journeys by hand, against plain loops, and at the edges of a path."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clickcli.analyses.journeys import ANALYSIS
from clickcli.errors import UsageError
from clickcli.relations.path_patterns import parse_pattern, parse_way, quoted
from clickcli.run import Result
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, check_seconds, quantile, rows, store, told
from tests.oracles import DAY, HOUR, MINUTE, Event, instant
from tests.oracles.journeys import CUT, EXIT, OTHER, START, Path, Step, named, paths, steps
from tests.oracles.logs import boundary_logs

NOON = instant("2024-05-01T12:00:00")
LOG = told(
    """
    2024-05-01T10:00:00Z ann home
    2024-05-01T10:00:10Z ann list
    2024-05-01T10:00:30Z ann item
    2024-05-01T10:00:40Z ann item
    2024-05-01T10:01:00Z ann list
    2024-05-01T10:01:10Z ann item
    2024-05-01T10:02:10Z ann purchase
    2024-05-01T11:00:00Z bob home
    2024-05-01T11:00:20Z bob list
    2024-05-01T11:30:20Z bob home
    2024-05-01T13:00:00Z bob item
    2024-05-01T12:00:00Z cat home
    2024-05-01T12:01:00Z cat list
    2024-05-01T12:01:30Z cat item
    2024-05-01T13:00:00Z -   home
    """
)
# Four paths; ann's two items in a row are one step, bob's gap of exactly 30 minutes ends nothing:
#   ann home > list > item > list > item > purchase    6 nodes, converts after 130 s
#   bob home > list > home                             3, back-tracks home > list > home
#   bob item                                           1
#   cat home > list > item                             3, ends at item
# 13 nodes in 4 paths: mean 3.25, median 3. 1 repeat. Returns: ann item > list and list > item, bob
# list > home; all three are back-tracks, A > B > A.
# list > item took 20, 10 and 30 s. Dropped at home 1 (of 3 paths there), at item 2 (of 3).


def test_the_golden_tables() -> None:
    with store(LOG) as log:
        result = log.journeys()
    (whole,) = rows(result, "summary")
    names = ("paths", "people", "nodes", "nodes_mean", "nodes_median", "converted", "dropped",
             "repeats", "returns", "backtracks", "goal_median_s")  # fmt: skip
    assert tuple(whole[name] for name in names) == (4, 3, 13, 3.25, 3.0, 1, 3, 1, 3, 3, 130.0)
    check_rate(whole, "conversion", 1, 4)
    of_tree = ("path", "node", "step", "paths", "people", "before", "exits", "other", "cuts")
    assert [tuple(row[name] for name in of_tree) for row in rows(result)] == [
        ("home", "home", 1, 3, 3, 4, 0, 0, 0),
        ("home > list", "list", 2, 3, 3, 3, 0, 0, 0),
        ("home > list > item", "item", 3, 2, 2, 3, 1, 0, 0),
        ("home > list > item > list", "list", 4, 1, 1, 2, 0, 0, 0),
        ("home > list > item > list > item", "item", 5, 1, 1, 1, 0, 1, 0),
        ("home > list > home", "home", 3, 1, 1, 3, 1, 0, 0),
        ("item", "item", 1, 1, 1, 4, 1, 0, 0),
    ]
    of_edges = ("source", "target", "transitions", "people", "departures", "arrivals",
                "time_median_s")  # fmt: skip
    assert [tuple(row[name] for name in of_edges) for row in rows(result, "edges")] == [
        ("(start)", "home", 3, 3, 4, 4, None),
        ("home", "list", 3, 3, 4, 4, 20.0),
        ("list", "item", 3, 2, 4, 4, 20.0),
        ("item", "(exit)", 2, 2, 4, 4, None),
        ("(start)", "item", 1, 1, 4, 4, None),
        ("home", "(exit)", 1, 1, 4, 4, None),
        ("item", "list", 1, 1, 4, 4, 30.0),
        ("item", "purchase", 1, 1, 4, 1, 60.0),
        ("list", "home", 1, 1, 4, 4, 1800.0),
        ("purchase", "(exit)", 1, 1, 1, 4, None),
    ]
    assert [(row["node"], row["dropped"], row["paths"]) for row in rows(result, "drop_offs")] == [
        ("item", 2, 3), ("home", 1, 3),
    ]  # fmt: skip
    assert [(row["path"], row["times"], row["paths"]) for row in rows(result, "ngrams")] == [
        ("home > list > item", 2, 2),
        ("home > list > home", 1, 1),
        ("item > list > item", 1, 1),
        ("list > item > list", 1, 1),
        ("list > item > purchase", 1, 1),
    ]
    assert [(row["path"], row["paths"], row["time_median_s"])
            for row in rows(result, "conversions")] == [
        ("list > item > list > item > purchase", 1, 130.0)
    ]  # fmt: skip
    stand = {(row["step"], row["node"]): row["paths"] for row in rows(result, "matrix")}
    assert stand == {
        (1, "home"): 3, (1, "item"): 1, (2, "list"): 3, (2, "(exit)"): 1, (3, "item"): 2,
        (3, "home"): 1, (3, "(exit)"): 1, (4, "list"): 1, (4, "(exit)"): 3, (5, "item"): 1,
        (5, "(exit)"): 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "people"),
    [
        ("home>list", ["ann", "bob", "cat"]), ("list > home", ["bob"]), ("(start)>item", ["bob"]),
        ("item>(exit)", ["bob", "cat"]), ("path:home>list>item", ["ann", "cat"]),
        ("dropped:home", ["bob"]), ("dropped:item", ["bob", "cat"]), ("goal", ["ann"]),
        ("goal:list>item>list>item>purchase", ["ann"]), ("pattern:1", ["ann", "cat"]),
        ("pattern:2", ["bob"]), ("returned", ["ann", "bob"]), ("backtracked", ["ann", "bob"]),
        ("item>home", []),
    ],
)  # fmt: skip
def test_the_people_of_a_cell(cell: str, people: list[str]) -> None:
    patterns = ["home -> .* -> item", "(start) -> item"]
    with store(LOG) as log:
        assert worlds.people(log, "journeys", cell, pattern=patterns) == people


@pytest.mark.parametrize(
    "cell",
    ["", "home", "home>list>item", "pattern:3", "pattern:²", "pattern:", "path:", "path:a>>b",
     "path:a>b>c>d>e>f", "home>"],
)  # fmt: skip
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match=r"must be|must name|at most 5|A>B>C"):
        log.journeys(who=cell, pattern=["home -> list"])


@pytest.mark.parametrize("cell", ["hime>list", "home>lust", "path:home>lust", "dropped:hime"])
def test_a_cell_of_an_event_that_is_not_there_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="unknown event type"):
        log.journeys(who=cell)


def test_an_event_that_reads_like_a_mark_is_asked_for_by_the_name_that_answers_give_it() -> None:
    events = """
    2024-05-01T10:00:00Z ann a
    2024-05-01T10:00:10Z ann (exit)
    2024-05-01T10:00:20Z bob (exit)
    """
    with store(told(events)) as log:
        name = "'(exit)'"
        result = log.journeys(start=name, pattern=[f"(start) -> {name} -> (exit)"])
        assert [row["paths"] for row in rows(result, "patterns")] == [2]
        assert worlds.people(log, "journeys", f"a>{name}") == ["ann"]
        with pytest.raises(UsageError, match="unknown event type"):
            log.journeys(start="(exit)")


@pytest.mark.parametrize(
    "options",
    [
        {"gap": "soon", "unit": "person"}, {"node": "colour"}, {"goal": "purchaze"},
        {"start": "hime"}, {"pattern": ["home -> hime"]}, {"skip": ["hime"]}, {"event": ["hime"]},
        {"pattern": ["home", "home"]}, {"pattern": [".*"]}, {"pattern": ["home ->"]},
        {"pattern": [""]}, {"pattern": ["home -> (start)"]}, {"pattern": ["[home|.]"]},
        {"pattern": ["[home"]}, {"pattern": ["home list]"]}, {"pattern": ['"home']},
        {"pattern": ["[]"]}, {"pattern": ["home > list"]},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with store(LOG) as log, pytest.raises(UsageError):
        log.journeys(**options)


def edges(result: Result) -> dict[tuple[str, str], int]:
    return {(row["source"], row["target"]): row["transitions"] for row in rows(result, "edges")}


def test_a_path_longer_than_the_steps_is_cut_and_one_as_long_is_not() -> None:
    with store(LOG) as log:
        result = log.journeys(steps=3)
    found = edges(result)
    assert found["item", CUT] == 1
    assert found["item", EXIT] == 2
    assert found["home", EXIT] == 1
    (whole,) = rows(result, "summary")
    assert (whole["nodes"], whole["converted"]) == (13, 1)


def test_a_path_begins_at_its_first_such_node() -> None:
    with store(LOG) as log:
        result = log.journeys(start="list")
    assert rows(result, "summary")[0]["paths"] == 3
    assert [row["path"] for row in rows(result)][:2] == ["list", "list > item"]


def test_a_goal_before_the_start_of_a_path_does_not_count() -> None:
    text = """2024-05-01T10:00:00Z ann purchase
              2024-05-01T10:00:01Z ann home"""
    with store(told(text)) as log:
        assert rows(log.journeys(start="home"), "summary")[0]["converted"] == 0
        assert rows(log.journeys(), "summary")[0]["converted"] == 1


def test_a_goal_that_is_no_node_ends_the_way_before_it() -> None:
    text = """2024-05-01T10:00:00Z ann home
              2024-05-01T10:00:05Z ann purchase
              2024-05-01T10:00:09Z ann list
              2024-05-01T11:00:00Z bob purchase
              2024-05-01T11:00:05Z bob home"""
    with store(told(text)) as log:
        ways = rows(log.journeys(skip=["purchase"]), "conversions")
    assert [(row["path"], row["time_median_s"]) for row in ways] == [("(start)", 0), ("home", 5)]


def test_a_person_is_one_path_up_to_the_gap() -> None:
    text = """2024-05-01T10:00:00Z ann home session_id=x
              2024-05-03T10:00:00Z ann list session_id=y
              2024-05-10T10:00:00.000001Z ann item session_id=z"""
    with store(told(text)) as log:
        assert [row["path"] for row in rows(log.journeys(unit="person"))] == [
            "home", "home > list", "item",
        ]  # fmt: skip
        assert rows(log.journeys(unit="person", gap="none"), "summary")[0]["paths"] == 1


def test_pages_are_cleaned_and_an_event_without_one_is_passed_over() -> None:
    text = """2024-05-01T10:00:00Z ann page_view page_path=/
              2024-05-01T10:00:01Z ann login
              2024-05-01T10:00:02Z ann page_view page_path=/orders/8731/
              2024-05-01T10:00:03Z ann page_view page_path=/orders/9120
              2024-05-01T10:00:04Z ann page_view page_path=/help"""
    with store(told(text)) as log:
        clean = rows(log.journeys(node="path"))
        raw = rows(log.journeys(node="path", paths="raw"))
    assert clean[-1]["path"] == "/ > /orders/:id > /help"
    assert raw[-1]["path"] == "/ > /orders/8731/ > /orders/9120 > /help"


def test_nodes_can_be_a_column_or_a_property() -> None:
    text = """2024-05-01T10:00:00Z ann view category=tents  properties={"n":1}
              2024-05-01T10:00:01Z ann view category=stoves properties={"n":2}"""
    with store(told(text)) as log:
        assert rows(log.journeys(node="category"))[-1]["path"] == "tents > stoves"
        assert rows(log.journeys(node="properties.n"))[-1]["path"] == "1 > 2"


def test_names_that_read_like_signs_are_quoted() -> None:
    events = [
        Event(NOON + at, at, "ann", name) for at, name in enumerate(["a > b", "(exit)", '"|'])
    ]
    with store(events) as log:
        found = rows(log.journeys())
        assert found[-1]["path"] == '"a > b" > \'(exit)\' > """|"'
        assert [row["node"] for row in found] == ["a > b", "'(exit)'", '"|']
        assert worlds.people(log, "journeys", f"path:{found[-1]['path']}") == ["ann"]
        assert worlds.people(log, "journeys", "\"a > b\">'(exit)'") == ["ann"]


def test_rare_nodes_are_other_and_never_returned_to() -> None:
    text = "abcbdb"
    events = [Event(NOON + at, at, "ann", name) for at, name in enumerate(text)]
    with store(events) as log:
        result = log.journeys(nodes=1)
    assert edges(result) == {
        (START, OTHER): 1, (OTHER, "b"): 3, ("b", OTHER): 2, ("b", EXIT): 1,
    }  # fmt: skip
    assert {(row["source"], row["target"]) for row in rows(result, "loops")} == {(OTHER, "b")}
    assert any("--nodes" in note for note in result.notes)


def test_two_rare_nodes_in_a_row_are_two_steps() -> None:
    events = [Event(NOON + at, at, "ann", name) for at, name in enumerate("aabbcc")]
    with store([*events, Event(NOON, 9, "bob", "a")]) as log:
        assert edges(log.journeys(nodes=1))[OTHER, OTHER] == 1


def test_what_the_options_name_is_never_other() -> None:
    with store(LOG) as log:
        result = log.journeys(nodes=1, pattern=["list -> home"], start="item")
    assert rows(result, "patterns")[0]["paths"] == 0
    assert {row["node"] for row in rows(result, "nodes")} == {"item", "list", "(other)"}


def test_a_log_without_nodes_says_so() -> None:
    with store(LOG) as log:
        result = log.journeys(node="category")
    (whole,) = rows(result, "summary")
    assert (whole["paths"], whole["conversion"], whole["nodes_mean"]) == (0, None, None)
    assert any("no paths" in note for note in result.notes)


def test_a_goal_that_nobody_reaches_is_named() -> None:
    with store(told("2024-05-01T10:00:00Z ann home")) as log:
        result = log.journeys()
    assert any("no path comes to purchase" in note for note in result.notes)


def test_a_path_belongs_to_the_period_and_the_group_of_its_start() -> None:
    text = """2024-05-01T23:50:00Z ann home country=DE
              2024-05-02T00:05:00Z ann list country=FR
              2024-05-02T10:00:00Z bob home"""
    with store(told(text)) as log:
        first = log.journeys(to="2024-05-02")
        groups = log.journeys(by=["country"])
    assert [row["path"] for row in rows(first)] == ["home", "home > list"]
    assert [(row["country"], row["path"], row["paths"]) for row in rows(groups)] == [
        ("(total)", "home", 2), ("(total)", "home > list", 1), ("(none)", "home", 1),
        ("DE", "home", 1), ("DE", "home > list", 1),
    ]  # fmt: skip


def test_a_compared_period_has_the_same_tables() -> None:
    with store(LOG) as log:
        result = log.journeys(from_="2024-05-01T11:00", to="2024-05-01T12:30", vs="prev")
    found = {row["path"]: row for row in rows(result) if row["measure"] == "paths"}
    assert (found["home"]["now"], found["home"]["before"]) == (2, 1)


def crowds(*, most: int = 10) -> st.SearchStrategy[list[Event]]:
    types = ("a", "a", "b", "c", "purchase")
    return worlds.crowds(boundary_logs(event_types=types, max_events=most))


@settings(max_examples=40)
@given(
    crowds(),
    st.sampled_from(["cut", "given", "gap"]),
    st.booleans(),
    st.sampled_from([None, 1, 2, 4]),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([[], ["b"], ["purchase"]]),
    st.sampled_from([1, 2, 100]),
)
def test_journeys_equal_the_oracles(
    log: list[Event], rule: Any, keep: bool, most: int | None, start: str | None,
    skip: list[str], nodes: int,
) -> None:  # fmt: skip
    found = paths(log, timeout_us=30 * MINUTE, rule=rule, collapse=not keep, start=start, skip=skip)
    names = named(log, nodes, skip) | ({start} if start is not None else set())
    options = worlds.given(steps=most, start=start)
    with store(log, knows=["a", "b", "purchase"]) as opened:
        result = opened.journeys(
            session_rule=rule, keep_repeats=keep, skip=skip, nodes=nodes, ngram=2, **options
        )
    every = [step for path in found for step in steps(path, names, most)]
    check_summary(rows(result, "summary")[0], found, every, most)
    check_edges(result, every)
    check_nodes(result, found, every)
    check_ways(result, found, names, most)
    check_goal(result, found, names)


TABLES = [table.name for table in ANALYSIS.tables]
OPTIONS = {"pattern": ["home -> .* -> item"], "steps": 4, "ngram": 2}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("shared", [{}, {"by": ["country"]}], ids=["all", "by"])
def test_a_table_asked_for_alone_is_the_one_of_the_whole_answer(
    name: str, shared: dict[str, Any]
) -> None:
    with store(LOG) as log:
        whole = log.run("journeys", OPTIONS, shared)
        alone = log.run("journeys", OPTIONS, shared, table=name)
    assert_frame_equal(alone.to_polars(name), whole.to_polars(name))
    assert (alone.notes, alone.meta, alone.title) == (whole.notes, whole.meta, whole.title)


def test_what_is_hidden_is_counted_over_all_tables_for_one_asked_for_alone_too() -> None:
    with store(LOG) as log:
        whole = log.run("journeys", {}, {"min_group": 2})
        alone = log.run("journeys", {}, {"min_group": 2}, table="ngrams")
    assert alone.notes == whole.notes


@settings(max_examples=15)
@given(crowds(most=14), st.booleans(), st.sampled_from([[], ["country"]]))
def test_ranges_of_people_add_up_to_all_of_them(
    log: list[Event], keep: bool, by: list[str]
) -> None:
    options = {"keep_repeats": keep, "ngram": 2, "depth": 3, "by": by, "pattern": ["a -> .* -> b"]}
    with store(log, knows=["a", "b", "purchase"]) as opened:
        whole = opened.journeys(**options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("clickcli.engines.polars.KERNEL_BYTES", 200)
            parts = opened.journeys(**options)
    for name in TABLES:
        assert_frame_equal(parts.to_polars(name), whole.to_polars(name))


@settings(max_examples=15)
@given(crowds(), st.sampled_from([1, 100]))
def test_the_people_of_every_transition_are_as_many_as_it_counts(
    log: list[Event], nodes: int
) -> None:
    with store(log, knows=["purchase"]) as opened:
        for row in rows(opened.journeys(nodes=nodes), "edges")[:4]:
            cell = f"{row['source']}>{row['target']}"
            found = worlds.people(opened, "journeys", cell, nodes=nodes)
            assert len(found) == row["people"], cell


@settings(max_examples=15)
@given(crowds(), st.sampled_from([HOUR, DAY, 7 * DAY]))
def test_paths_of_people_equal_the_oracles(log: list[Event], gap: int) -> None:
    found = paths(log, timeout_us=gap, by_person=True)
    with store(log) as opened:
        result = opened.journeys(unit="person", gap=f"{gap}us")
    names = {event.event_type for event in log}
    every = [step for path in found for step in steps(path, names)]
    check_summary(rows(result, "summary")[0], found, every)
    check_edges(result, every)


def check_summary(row: Row, found: list[Path], every: list[Step], most: int | None = None) -> None:
    """Check the numbers of all paths together."""
    lengths = [len(path.nodes) for path in found]
    goals = [path.goal_us for path in found if path.before_goal is not None]
    whole = [path for path in found if most is None or len(path.nodes) <= most]
    assert row["paths"] == len(found)
    assert row["people"] == len({path.person for path in found})
    assert row["nodes"] == sum(lengths)
    assert row["nodes_median"] == (median(lengths) if lengths else None)
    assert row["repeats"] == sum(sum(path.repeats[:most]) for path in found)
    assert row["returns"] == sum(step[5] for step in every)
    assert row["backtracks"] == sum(step[6] for step in every)
    assert row["dropped"] == sum(path.before_goal is None for path in whole)
    check_rate(row, "conversion", len(goals), len(found))
    check_seconds(row, "goal_median_s", quantile(goals, 50))


def check_edges(result: Result, every: list[Step]) -> None:
    """Check transitions, their people and times, and returns."""
    groups = defaultdict(list)
    for step in every:
        groups[step[2], step[3]].append(step)
    found = {(row["source"], row["target"]): row for row in rows(result, "edges")}
    assert found.keys() == groups.keys()
    leaving = Counter(step[2] for step in every)
    arriving = Counter(step[3] for step in every)
    for (source, target), own in groups.items():
        row = found[source, target]
        assert row["people"] == len({step[0] for step in own})
        check_rate(row, "share", len(own), leaving[source])
        assert row["share_of_target"] == pytest.approx(len(own) / arriving[target])
        assert row["share_of_all"] == pytest.approx(len(own) / len(every))
        times = [step[4] for step in own if step[4] is not None]
        check_seconds(row, "time_median_s", quantile(times, 50))
    back = Counter((step[2], step[3]) for step in every if step[5])
    at_once = Counter((step[2], step[3]) for step in every if step[6])
    loops = rows(result, "loops")
    assert {(row["source"], row["target"]): row["returns"] for row in loops} == back
    for row in loops:
        assert row["backtracks"] == at_once[row["source"], row["target"]]
        check_rate(row, "share", row["returns"], leaving[row["source"]])


def check_nodes(result: Result, found: list[Path], every: list[Step]) -> None:
    """Check the nodes, and that what flows in flows out."""
    table = rows(result, "nodes")
    visits = Counter(step[2] for step in every if step[1])
    assert {row["node"]: row["visits"] for row in table} == visits
    for row in table:
        assert row["starts"] + row["inflow"] == row["visits"]
        assert row["outflow"] + row["exits"] + row["cuts"] == row["visits"]
        assert row["exits"] == sum(s[3] == EXIT for s in every if s[2] == row["node"] and s[1])
        assert row["people"] == len({s[0] for s in every if s[2] == row["node"]})
    assert sum(row["starts"] for row in table) == len(found)
    assert sum(row["exits"] + row["cuts"] for row in table) == len(found)
    flows = Counter((s[1], s[2], s[3]) for s in every if 0 < s[1] <= 5)
    assert {
        (row["step"], row["source"], row["target"]): row["paths"] for row in rows(result, "flows")
    } == flows
    for row in rows(result, "matrix"):
        if row["node"] == EXIT:
            who = [path.person for path in found if len(path.nodes) < row["step"]]
        else:
            who = [s[0] for s in every if s[1] == row["step"] and s[2] == row["node"]]
        counts = (row["paths"], row["people"], row["all_paths"])
        assert counts == (len(who), len(set(who)), len(found))


def check_ways(result: Result, found: list[Path], names: set[str], most: int | None) -> None:
    """Check the tree and the pairs of nodes."""
    ways: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for path in found:
        told = [name if name in names else OTHER for name in path.nodes][:most]
        ways.update(" > ".join(told[: at + 1]) for at in range(min(len(told), 5)))
        pairs.update(" > ".join(told[at : at + 2]) for at in range(len(told) - 1))
    assert {row["path"]: row["times"] for row in rows(result, "ngrams")} == pairs
    tree = rows(result)
    shown = sorted(ways, key=lambda way: (-ways[way], way.count(" > "), way))[:25]
    assert {row["path"]: row["paths"] for row in tree} == {way: ways[way] for way in shown}
    below: Counter[str] = Counter()
    for row in tree:
        before, _, _ = row["path"].rpartition(" > ")
        below[before] += row["paths"]
        assert row["before"] == (ways[before] if before else len(found))
    for row in tree:
        parts = (below[row["path"]], row["exits"], row["cuts"], row["other"])
        assert sum(parts) == row["paths"]
        assert min(parts) >= 0


def check_goal(result: Result, found: list[Path], names: set[str]) -> None:
    """Check the ways to the goal."""
    ways: Counter[str] = Counter()
    for path in found:
        if path.before_goal is not None:
            told = [name if name in names else OTHER for name in path.nodes[: path.before_goal]]
            ways[" > ".join(told[-5:]) or START] += 1
    table = rows(result, "conversions")
    assert {row["path"]: row["paths"] for row in table} == ways
    for row in table:
        check_rate(row, "share", row["paths"], sum(ways.values()))


ELEMENTS = {"a": "a", "b": "b", ".": ".", ".*": ".*", "[a|b]": "[ab]", "[b|c]": "[bc]", '"c"': "c"}


@settings(max_examples=40)
@given(
    st.lists(st.text("abc", min_size=1, max_size=7), min_size=1, max_size=12),
    st.lists(
        st.tuples(
            st.booleans(), st.lists(st.sampled_from(list(ELEMENTS)), min_size=1, max_size=5),
            st.booleans(),
        ),
        min_size=1, max_size=5,
    ),
)  # fmt: skip
def test_patterns_hold_where_the_regular_expression_does(
    words: list[str], drawn: list[tuple[bool, list[str], bool]]
) -> None:
    asked: dict[str, str] = {}
    for at_start, elements, at_end in drawn:
        if set(elements) != {".*"}:
            text = [START] * at_start + elements + [EXIT] * at_end
            signs = "".join(ELEMENTS[element] for element in elements)
            asked[" -> ".join(text)] = "^" * at_start + signs + "$" * at_end
    events = [
        Event(NOON + at, 100 * number + at, f"p{number}", name)
        for number, word in enumerate(words)
        for at, name in enumerate(word)
    ]
    with store(events, knows=["a", "b", "c"]) as log:
        result = log.journeys(pattern=list(asked), keep_repeats=True)
    found = {row["pattern"]: row["paths"] for row in rows(result, "patterns")}
    assert found == {
        pattern: sum(re.search(signs, word) is not None for word in words)
        for pattern, signs in asked.items()
    }


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_way_is_read_as_it_was_written(names: list[str]) -> None:
    assert parse_way(" > ".join(map(quoted, names))) == tuple(names)
    run = tuple(frozenset({name}) for name in names)
    assert parse_pattern(" -> ".join(map(quoted, names))).runs == (run,)
