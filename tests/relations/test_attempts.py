"""The attempt kernel against exhaustive search on boundary logs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clickcli.relations.attempt_plain import is_plain
from clickcli.relations.attempt_rules import Attribution, Entry, Order, Rules, Ties
from clickcli.relations.attempts import attempts, one_by_one
from clickcli.relations.sessions import Cut
from tests.oracles import Event, Predicate
from tests.oracles import funnel as oracle
from tests.oracles.logs import funnel_logs

WINDOW = 3_600_000_000
Log = list[Event]
ORDERS: tuple[oracle.Order, ...] = ("ordered", "strict", "any")
ENTRIES: tuple[oracle.Entry, ...] = ("best", "first", "every")
TIES: tuple[oracle.Ties, ...] = ("any", "arrival", "increasing")


def is_type(*names: str) -> Predicate:
    return lambda event: event.event_type in names


STEPS: dict[str, list[Predicate]] = {
    "distinct": [is_type("a"), is_type("b"), is_type("c")],
    "repeated": [is_type("a"), is_type("b"), is_type("a")],
    "overlapping": [is_type("a", "b"), is_type("b", "c"), is_type("a", "c")],
    "everything": [is_type("a", "b", "c", "x")] * 3,
}


def rows(log: Log, steps: list[Predicate], vetoes: list[Predicate]) -> pl.DataFrame:
    """Lay a log out as the kernel reads it."""
    people = {name: number for number, name in enumerate(sorted({e.person for e in log}), 1)}

    def bits(tests: list[Predicate], event: Event) -> int:
        return sum(1 << number for number, test in enumerate(tests) if test(event))

    table = pl.DataFrame(
        [
            (people[e.person], e.ts, e.seq, bits(steps, e), bits(vetoes, e))
            for e in sorted(log, key=lambda e: (e.person, e.ts, e.seq))
        ],
        schema=dict.fromkeys(("person_key", "ts", "seq", "mask", "veto"), pl.Int64),
        orient="row",
    )
    return table.sort("person_key", "ts", "seq")


def measured(log: Log, steps: list[Predicate], rules: Rules, vetoes: list[Predicate]) -> Any:
    table = attempts(rows(log, steps, vetoes), rules)
    people = sorted({e.person for e in log})
    found = [
        (
            people[row["person_key"] - 1],
            row["depth"],
            tuple(row[name] for name in rules.time_columns() if row[name] is not None),
            row["is_pending"],
        )
        for row in table.iter_rows(named=True)
    ]
    return sorted(found)


def expected(found: list[oracle.Attempt]) -> Any:
    return sorted((a.person, a.depth, a.times, a.pending) for a in found)


@pytest.mark.parametrize("shape", STEPS)
@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=25)
@given(log=funnel_logs(WINDOW, max_events=8), within=st.sampled_from([WINDOW, None]))
def test_attempts_are_those_of_exhaustive_search(
    shape: str, ties: oracle.Ties, entry: oracle.Entry, order: oracle.Order,
    log: Log, within: int | None,
) -> None:  # fmt: skip
    steps = STEPS[shape]
    now = max((e.ts for e in log), default=0)
    rules = Rules(len(steps), Order(order), Entry(entry), Ties(ties), within=within, as_of=now)
    truth = oracle.funnel(log, steps, order=order, entry=entry, ties=ties, within_us=within)
    assert measured(log, steps, rules, []) == expected(truth)


@pytest.mark.parametrize("scope", ["attempt", "person"])
@pytest.mark.parametrize("pair", [(1, 2), (2, 3), (1, 3)])
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("order", ["ordered", "any"])
@settings(max_examples=25)
@given(log=funnel_logs(WINDOW, max_events=9))
def test_exclusions_void_what_exhaustive_search_says(
    scope: Literal["attempt", "person"], pair: tuple[int, int], entry: oracle.Entry,
    order: oracle.Order, log: Log,
) -> None:  # fmt: skip
    steps, vetoes = STEPS["distinct"], [is_type("x")]
    rules = Rules(
        3, Order(order), Entry(entry), within=WINDOW, exclusions=(pair,),
        exclusion_drops_person=scope == "person", as_of=max((e.ts for e in log), default=0),
    )  # fmt: skip
    truth = oracle.funnel(
        log, steps, order=order, entry=entry, within_us=WINDOW,
        exclusions=[(vetoes[0], *pair)], exclusion_scope=scope,
    )  # fmt: skip
    assert measured(log, steps, rules, vetoes) == expected(truth)


@settings(max_examples=100)
@given(log=funnel_logs(WINDOW), cut=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_period_selects_entries_and_later_steps_count(log: Log, cut: tuple[int, int]) -> None:
    times = sorted(e.ts for e in log)
    low, high = (times[min(at, len(times) - 1)] for at in cut)
    rules = Rules(3, within=WINDOW, entry_from=low, entry_to=high, as_of=times[-1])
    truth = oracle.funnel(log, STEPS["distinct"], within_us=WINDOW, date_from=low, date_to=high)
    assert measured(log, STEPS["distinct"], rules, []) == expected(truth)


def wrong_window(log: Log) -> list[oracle.Attempt]:
    return oracle.wrong_window_exclusive(log, STEPS["distinct"], within_us=WINDOW)


def wrong_entry(log: Log) -> list[oracle.Attempt]:
    return oracle.wrong_first_entry_only(log, STEPS["distinct"], within_us=WINDOW)


@pytest.mark.parametrize("wrong", [wrong_window, wrong_entry])
def test_a_wrong_variant_is_told_from_the_kernel(
    wrong: Callable[[Log], list[oracle.Attempt]],
) -> None:
    """The window is inclusive and the best entry counts: logs exist that tell the difference."""
    rules = Rules(3, within=WINDOW)

    def differs(log: Log) -> bool:
        right = [row[:3] for row in measured(log, STEPS["distinct"], rules, [])]
        return right != [row[:3] for row in expected(wrong(log))]

    find(funnel_logs(WINDOW), differs, settings=settings(max_examples=5000))


def test_order_by_time_alone_is_told_from_the_kernel() -> None:
    rules = Rules(3, ties=Ties.ARRIVAL, within=WINDOW)

    def differs(log: Log) -> bool:
        wrong = oracle.wrong_sorted_by_time_only(log, STEPS["distinct"], within_us=WINDOW)
        right = [row[:3] for row in measured(log, STEPS["distinct"], rules, [])]
        return right != [row[:3] for row in expected(wrong)]

    find(funnel_logs(WINDOW), differs, settings=settings(max_examples=5000))


@settings(max_examples=100)
@given(log=funnel_logs(WINDOW, ties=False), seed=st.randoms(use_true_random=False))
def test_arrival_does_not_matter_without_ties(log: Log, seed: Any) -> None:
    numbers = list(range(len(log)))
    seed.shuffle(numbers)
    moved = [Event(e.ts, n, e.person, e.event_type) for e, n in zip(log, numbers, strict=True)]
    rules = Rules(3, within=WINDOW)
    steps = STEPS["overlapping"]
    assert measured(log, steps, rules, []) == measured(moved, steps, rules, [])


@settings(max_examples=100)
@given(log=funnel_logs(WINDOW))
def test_any_reaches_at_least_as_far_as_ordered_and_ordered_as_strict(log: Log) -> None:
    def depths(order: Order) -> dict[str, int]:
        found = measured(log, STEPS["distinct"], Rules(3, order, within=WINDOW), [])
        return {person: depth for person, depth, _, _ in found}

    loose, ordered, strict = (depths(o) for o in (Order.ANY, Order.ORDERED, Order.STRICT))
    assert all(loose[person] >= depth for person, depth in ordered.items())
    assert all(ordered[person] >= depth for person, depth in strict.items())


@settings(max_examples=100)
@given(log=funnel_logs(WINDOW), wider=st.sampled_from([WINDOW + 1, 2 * WINDOW]))
def test_a_wider_window_never_lowers_a_depth(log: Log, wider: int) -> None:
    def depths(within: int) -> dict[str, int]:
        found = measured(log, STEPS["repeated"], Rules(3, within=within), [])
        return {person: depth for person, depth, _, _ in found}

    narrow, wide = depths(WINDOW), depths(wider)
    assert all(wide[person] >= depth for person, depth in narrow.items())


@pytest.mark.parametrize("shape", STEPS)
@pytest.mark.parametrize("ties", [Ties.ANY, Ties.ARRIVAL])
@pytest.mark.parametrize("entry", [Entry.BEST, Entry.FIRST])
@pytest.mark.parametrize("attribution", [Attribution.FIRST, Attribution.LAST, Attribution.STEP])
@settings(max_examples=50)
@given(
    log=funnel_logs(WINDOW, max_events=12),
    within=st.sampled_from([0, WINDOW, None]),
    cut=st.none() | st.tuples(st.integers(0, 11), st.integers(0, 11)),
)
def test_the_plain_way_finds_what_following_every_attempt_finds(
    shape: str, ties: Ties, entry: Entry, attribution: Attribution, log: Log, within: int | None,
    cut: tuple[int, int] | None,
) -> None:  # fmt: skip
    """The same attempts to the last column; a breakdown's value tells the rows that were used."""
    times = sorted(e.ts for e in log)
    rules = Rules(
        3, entry=entry, ties=ties, within=within, as_of=times[-1], by=("by_1",),
        attribution=attribution, attribution_step=2,
    )  # fmt: skip
    if cut is not None:
        low, high = (times[min(at, len(times) - 1)] for at in cut)
        rules = rules.replace(entry_from=low, entry_to=high)
    table = rows(log, STEPS[shape], []).with_columns(by_1=pl.col("seq").cast(pl.String))
    assert is_plain(rules)
    found = attempts(table, rules).sort("person_key")
    assert_frame_equal(found, one_by_one(table, rules).sort("person_key"))


@pytest.mark.parametrize(
    "changed",
    [
        {"order": Order.STRICT}, {"order": Order.ANY}, {"entry": Entry.EVERY}, {"grace": 1},
        {"ties": Ties.INCREASING}, {"exclusions": ((1, 2),)}, {"repeats_interrupt": True},
        {"has_same": True}, {"attribution": Attribution.ALL}, {"cut": Cut(WINDOW, WINDOW)},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_plain_is_one_by_one(changed: dict[str, Any]) -> None:
    assert not is_plain(dataclasses.replace(Rules(3), **changed))


def test_people_with_a_tied_event_that_may_fill_two_steps_stand_beside_the_others() -> None:
    """Person 2's events at one instant are matched one by one; persons 1 and 3 the plain way."""
    a, b, ab = 1, 2, 3
    table = pl.DataFrame(
        [(1, 5, 0, a), (1, 6, 1, b), (2, 7, 2, ab), (2, 7, 3, a), (3, 7, 4, b), (3, 7, 5, a)],
        schema=dict.fromkeys(("person_key", "ts", "seq", "mask"), pl.Int64),
        orient="row",
    )
    found = attempts(table, Rules(2, within=10)).sort("person_key")
    assert found.select("person_key", "depth", "t_1", "t_2").rows() == [
        (1, 2, 5, 6),
        (2, 2, 7, 7),
        (3, 2, 7, 7),
    ]
