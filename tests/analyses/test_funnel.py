"""Funnels from the words of a step to the last number, against exhaustive search and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, check_seconds, rows, store, told
from tests.oracles import (
    DAY,
    HOUR,
    MINUTE,
    Event,
    Grain,
    Predicate,
    WeekStart,
    by_person,
    is_any,
    is_type,
    period_end,
    period_of,
)
from tests.oracles import funnel as oracle
from tests.oracles.funnel import Attempt, funnel
from tests.oracles.logs import TIME_ZONES, boundary_logs, funnel_logs
from tests.oracles.sessions import sessions

TYPES = ("a", "b", "c", "x")
COUNTRIES = ("DE", "FR", "IT", None)
WINDOWS = {"1h": HOUR, "7d": 7 * DAY, "none": None}
LOGS = worlds.crowds(funnel_logs(HOUR, max_events=8))
Steps = Sequence[Predicate]


def where(kind: str, k: str) -> Predicate:
    """Match what `kind[properties.k = 'k']` does."""
    return lambda e: e.event_type == kind and e.properties["k"] == k


SHAPES: Mapping[str, tuple[list[str], list[str], list[Predicate]]] = {
    "plain": (["a", "b", "c"], ["a", "b", "c"], [is_type("a"), is_type("b"), is_type("c")]),
    "repeated": (["a", "b", "a"], ["a", "b", "a"], [is_type("a"), is_type("b"), is_type("a")]),
    "either": (
        ["a|b", "either=b|c", "a | c"],
        ["a|b", "either", "a|c"],
        [is_type("a", "b"), is_type("b", "c"), is_type("a", "c")],
    ),
    "filtered": (
        ["in=a[properties.k = 'u']", "*", "b[properties.k = 'v']|c"],
        ["in", "*", "b[properties.k = 'v']|c"],
        [where("a", "u"), is_any, lambda e: where("b", "v")(e) or e.event_type == "c"],
    ),
    "one step": (["a"], ["a"], [is_type("a")]),
}
PLAIN = SHAPES["plain"][2]


def label(day: date, grain: Grain) -> str:
    return day.isoformat()[:7] if grain == "month" else day.isoformat()


def check_steps(table: Sequence[Row], attempts: Sequence[Attempt], names: Sequence[str]) -> None:
    """Check every number of `steps`."""
    assert [(row["step"], row["name"]) for row in table] == list(enumerate(names, 1))
    closed = [attempt for attempt in attempts if not attempt.pending]
    reached = oracle.counts(closed, len(names))
    everybody = oracle.counts(attempts, len(names))
    for k, row in enumerate(table):
        before = reached[k - 1] if k else None
        dropped = None if before is None else before - reached[k]
        found = [row[n] for n in ("people", "reached", "pending", "entered", "previous", "dropped")]
        assert found == [
            everybody[k], reached[k], everybody[k] - reached[k], reached[0], before, dropped,
        ], row  # fmt: skip
        check_rate(row, "conversion", reached[k], reached[0])
        check_rate(row, "step_conversion", reached[k], before or 0)
        assert row["drop_off"] == (dropped / before if before and dropped is not None else None)
        far = [attempt.times for attempt in attempts if k and attempt.depth > k]
        check_spans(row, "from_previous", [times[k] - times[k - 1] for times in far])
        check_spans(row, "from_entry", [times[k] - times[0] for times in far])


def check_spans(row: Row, prefix: str, spans: Sequence[int]) -> None:
    check_seconds(row, f"{prefix}_mean_s", worlds.mean(spans))
    check_seconds(row, f"{prefix}_median_s", worlds.quantile(spans, 50))
    for percent in (25, 75, 90):
        check_seconds(row, f"{prefix}_p{percent}_s", worlds.quantile(spans, percent))


def check_trend(
    table: Sequence[Row], attempts: Sequence[Attempt], steps: int, within: int | None, now: int,
    grain: Grain, tz: str = "UTC", week_start: WeekStart = "monday",
) -> None:  # fmt: skip
    """Check every number of `trend`."""
    periods: dict[date, list[Attempt]] = {}
    for attempt in attempts:
        periods.setdefault(period_of(attempt.entry, grain, tz, week_start), []).append(attempt)
    assert [row["period"] for row in table] == [label(day, grain) for day in sorted(periods)]
    for row, day in zip(table, sorted(periods), strict=True):
        own = periods[day]
        closed = [attempt for attempt in own if not attempt.pending]
        done = [attempt for attempt in closed if attempt.depth == steps]
        found = [row[n] for n in ("people", "converted", "entered", "reached", "pending")]
        assert found == [
            len(own), sum(attempt.depth == steps for attempt in own), len(closed), len(done),
            len(own) - len(closed),
        ]  # fmt: skip
        check_rate(row, "conversion", len(done), len(closed))
        assert row["complete"] == (period_end(day, grain, tz) + (within or 0) <= now)


def best(attempts: Iterable[Attempt], unit: Callable[[Attempt], object]) -> list[Attempt]:
    """Return each unit's deepest attempt, of equally deep ones the earliest."""
    chosen: dict[object, Attempt] = {}
    for attempt in sorted(attempts, key=lambda a: (-a.depth, a.entry, a.entry_seq)):
        chosen.setdefault(unit(attempt), attempt)
    return list(chosen.values())


def sharing(steps: Steps, name: str, value: Any) -> list[Predicate]:
    """Return the steps, only for events with this value of a property."""

    def with_value(step: Predicate) -> Predicate:
        return lambda event: step(event) and event.properties.get(name) == value

    return [with_value(step) for step in steps]


@st.composite
def in_countries(draw: st.DrawFn, *, ties: bool = False) -> list[Event]:
    """Draw a log whose events have a country, or none."""
    log = draw(worlds.crowds(funnel_logs(HOUR, max_events=8, ties=ties)))
    countries = [draw(st.sampled_from(COUNTRIES)) for _ in log]
    return [
        replace(event, properties={"country": country} if country else {})
        for event, country in zip(log, countries, strict=True)
    ]


# --- by hand ----------------------------------------------------------------------------------

FIVE_PEOPLE = """
2024-05-01T10:00:00Z ann view country=DE
2024-05-01T10:10:00Z ann cart
2024-05-01T10:30:00Z ann buy
2024-05-01T09:00:00Z bob view country=FR
2024-05-02T09:00:00Z bob view country=DE
2024-05-02T10:00:00Z bob cart
2024-05-02T10:00:00Z cat cart
2024-05-02T10:00:00Z cat view
2024-05-02T11:00:00Z dan view country=DE
2024-05-03T11:00:01Z dan cart
2024-05-04T00:00:00Z eve view
2024-05-04T06:00:00Z eve cart
2024-05-04T12:00:00Z -   view
"""
# Within a day, as of 4 May 12:00.
# ann: cart after 600 s, buy 1200 s later. bob: the second view leads to the cart, after 3600 s.
# cat: view and cart at one instant, logged the wrong way round: 0 s. dan: a second too late.
# eve: cart after 21600 s; her window is open until the 5th: pending.
# People 5, 4, 1; closed 4, 3, 1 (ann bob cat dan; ann bob cat; ann).
# Times to the cart 0, 600, 3600, 21600: median 2100, mean 6450, p25 450, p75 8100, p90 16200.


def test_the_golden_funnel() -> None:
    with store(told(FIVE_PEOPLE)) as log:
        result = log.funnel(steps=["view", "cart", "buy"], within="1d")
    names = ("people", "pending", "reached", "previous", "entered", "dropped")
    assert [tuple(row[name] for name in names) for row in rows(result)] == [
        (5, 1, 4, None, 4, None),
        (4, 1, 3, 4, 4, 1),
        (1, 0, 1, 3, 4, 2),
    ]
    _, cart, buy = rows(result)
    times = [cart[f"from_previous_{name}_s"] for name in ("median", "mean", "p25", "p75", "p90")]
    assert times == [2100, 6450, 450, 8100, pytest.approx(16200)]
    assert (buy["from_previous_median_s"], buy["from_entry_median_s"]) == (1200, 1800)
    check_rate(cart, "conversion", 3, 4)
    check_rate(buy, "conversion", 1, 4)
    check_rate(buy, "step_conversion", 1, 3)
    assert buy["drop_off"] == pytest.approx(2 / 3)
    assert "within 1d" in result.title
    for word in ("pending", "fewer than 30"):
        assert any(word in note for note in result.notes)


def test_the_golden_trend() -> None:
    with store(told(FIVE_PEOPLE)) as log:
        result = log.funnel(steps=["view", "cart"], within="1d", trend="day")
    names = ("period", "people", "converted", "entered", "reached", "pending", "complete")
    assert [tuple(row[name] for name in names) for row in rows(result, "trend")] == [
        ("2024-05-01", 1, 1, 1, 1, 0, True),
        ("2024-05-02", 3, 2, 3, 2, 0, True),
        ("2024-05-04", 1, 1, 0, 0, 1, False),
    ]


def test_the_golden_breakdown() -> None:
    with store(told(FIVE_PEOPLE)) as log:
        table = rows(log.funnel(steps=["view", "cart"], within="1d", by=["country"], top=2))
    # By the country of the entry that counts: ann, bob, dan DE; cat, eve none; FR is nobody's.
    assert [(row["country"], row["step"], row["people"]) for row in table] == [
        ("(total)", 1, 5), ("(total)", 2, 4),
        ("(none)", 1, 2), ("(none)", 2, 2),
        ("DE", 1, 3), ("DE", 2, 2),
    ]  # fmt: skip


# --- against the oracle -----------------------------------------------------------------------


@pytest.mark.time
@settings(max_examples=45)
@given(
    log=LOGS,
    shape=st.sampled_from(list(SHAPES)),
    order=st.sampled_from(["ordered", "ordered", "strict", "any"]),
    entry=st.sampled_from(["best", "best", "first", "every"]),
    ties=st.sampled_from(["any", "arrival", "increasing"]),
    within=st.sampled_from(["1h", "1h", "7d", "none"]),
    grain=st.sampled_from(["day", "week", "month"]),
    tz=st.sampled_from(TIME_ZONES),
    week_start=st.sampled_from(["monday", "sunday"]),
    data=st.data(),
)
def test_every_number_is_that_of_exhaustive_search(
    log: list[Event], shape: str, order: oracle.Order, entry: oracle.Entry, ties: oracle.Ties,
    within: str, grain: Grain, tz: str, week_start: WeekStart, data: st.DataObject,
) -> None:  # fmt: skip
    texts, names, steps = SHAPES[shape]
    as_of = data.draw(worlds.moments(log, [HOUR - 1, HOUR, 7 * DAY], tz=tz))
    seen, now = worlds.until(log, as_of), worlds.now(log, as_of)
    truth = funnel(
        seen, steps, order=order, entry=entry, ties=ties, within_us=WINDOWS[within], as_of=now
    )
    with store(log, knows=TYPES) as opened:
        result = opened.funnel(
            steps=texts, order=order, entry=entry, ties=ties, within=within, trend=grain, tz=tz,
            week_start=week_start, **worlds.given(as_of=worlds.moment(as_of)),
        )  # fmt: skip
    check_steps(rows(result), truth, names)
    trend = rows(result, "trend")
    check_trend(trend, truth, len(steps), WINDOWS[within], now, grain, tz, week_start)


@settings(max_examples=15)
@given(log=LOGS, range_=st.sampled_from(["entries", "events"]), data=st.data())
def test_a_period_selects_entries_or_every_event(
    log: list[Event], range_: str, data: st.DataObject
) -> None:
    low, high = data.draw(worlds.moments(log)), data.draw(worlds.moments(log))
    if low is not None and high is not None and low >= high:
        high = low + 1
    seen = log
    if range_ == "events":
        seen = [e for e in log if low is None or e.ts >= low]
        seen = [e for e in seen if high is None or e.ts < high]
    truth = funnel(
        seen, PLAIN, within_us=HOUR, date_from=low, date_to=high, as_of=worlds.now(log, None)
    )
    with store(log, knows=TYPES) as opened:
        result = opened.funnel(
            steps=["a", "b", "c"], within="1h", range=range_,
            **worlds.given(from_=worlds.moment(low), to=worlds.moment(high)),
        )  # fmt: skip
    check_steps(rows(result), truth, ["a", "b", "c"])


@settings(max_examples=15)
@given(
    log=LOGS,
    pair=st.sampled_from([(1, 2), (2, 3), (1, 3)]),
    scope=st.sampled_from(["attempt", "person"]),
    entry=st.sampled_from(["best", "first", "every"]),
)
def test_exclusions_void_what_exhaustive_search_says(
    log: list[Event], pair: tuple[int, int], scope: oracle.Scope, entry: oracle.Entry
) -> None:
    text = "x" if pair == (1, 3) else f"x:{pair[0]}-{pair[1]}"
    truth = funnel(
        log, PLAIN, entry=entry, within_us=HOUR, exclusions=[(is_type("x"), *pair)],
        exclusion_scope=scope,
    )  # fmt: skip
    with store(log, knows=TYPES) as opened:
        result = opened.funnel(
            steps=["a", "b", "c"], within="1h", not_=[text], exclusion=scope, entry=entry
        )
    check_steps(rows(result), truth, ["a", "b", "c"])


@settings(max_examples=15)
@given(
    log=in_countries(ties=True),
    order=st.sampled_from(["ordered", "strict", "any"]),
    entry=st.sampled_from(["best", "first"]),
)
def test_steps_may_have_to_share_a_value(
    log: list[Event], order: oracle.Order, entry: oracle.Entry
) -> None:
    """Search for each value apart; of a person's attempts the best, or the first, counts."""
    found = [
        attempt
        for value in COUNTRIES
        if value is not None
        for attempt in funnel(
            log, sharing(PLAIN, "country", value), order=order, entry=entry, within_us=HOUR
        )
    ]
    if entry == "first":
        earliest = {a.person: (a.entry, a.entry_seq) for a in found}
        for a in found:
            earliest[a.person] = min(earliest[a.person], (a.entry, a.entry_seq))
        found = [a for a in found if earliest[a.person] == (a.entry, a.entry_seq)]
    truth = best(found, lambda attempt: attempt.person)
    with store(log, knows=TYPES) as opened:
        result = opened.funnel(
            steps=["a", "b", "c"], within="1h", same="country", order=order, entry=entry
        )
    check_steps(rows(result), truth, ["a", "b", "c"])


def shown_countries(log: Sequence[Event], top: int) -> dict[str | None, str]:
    """Return country -> the word that a breakdown has for it."""
    reach: dict[str | None, set[str]] = {}
    for event in log:
        reach.setdefault(event.properties.get("country"), set()).add(event.person)
    named = [value for value in reach if value is not None]
    named.sort(key=lambda value: (-len(reach[value]), value))
    words: dict[str | None, str] = dict.fromkeys(named[top:], "(other)")
    words |= {value: value for value in named[:top] if value}
    return words | {None: "(none)"}


@settings(max_examples=15)
@given(
    log=in_countries(),
    attribution=st.sampled_from(["first", "last", "step:1", "step:2", "step:3"]),
    order=st.sampled_from(["ordered", "any"]),
)
def test_a_breakdown_takes_the_value_of_the_event_that_it_names(
    log: list[Event], attribution: str, order: oracle.Order
) -> None:
    """No two events of a person are at one instant: a time names an event."""
    at = {(event.person, event.ts): event.properties.get("country") for event in log}
    truth = funnel(log, PLAIN, order=order, within_us=HOUR)
    groups: dict[str, list[Attempt]] = {"(total)": truth} if truth else {}
    for attempt in truth:
        place = {"first": 0, "last": attempt.depth - 1}.get(attribution)
        place = int(attribution[5:]) - 1 if place is None else place
        value = at[attempt.person, attempt.times[place]] if place < attempt.depth else None
        groups.setdefault(value or "(none)", []).append(attempt)
    with store(log, knows=TYPES) as opened:
        table = rows(
            opened.funnel(
                steps=["a", "b", "c"], within="1h", by=["country"], attribution=attribution,
                order=order,
            )
        )  # fmt: skip
    assert {row["country"] for row in table if row["people"]} == set(groups)
    for value, attempts in groups.items():
        check_steps([row for row in table if row["country"] == value], attempts, ["a", "b", "c"])


@settings(max_examples=15)
@given(log=in_countries(), top=st.integers(1, 2))
def test_a_breakdown_names_the_values_with_most_people_and_always_those_without(
    log: list[Event], top: int
) -> None:
    at = {(event.person, event.ts): event.properties.get("country") for event in log}
    words = shown_countries(log, top)
    truth = funnel(log, PLAIN, within_us=HOUR)
    groups: dict[str, list[Attempt]] = {"(total)": truth} if truth else {}
    for attempt in truth:
        groups.setdefault(words[at[attempt.person, attempt.entry]], []).append(attempt)
    with store(log, knows=TYPES) as opened:
        table = rows(opened.funnel(steps=["a", "b", "c"], within="1h", by=["country"], top=top))
    assert {row["country"] for row in table if row["people"]} == set(groups)
    for value, attempts in groups.items():
        check_steps([row for row in table if row["country"] == value], attempts, ["a", "b", "c"])


@settings(max_examples=15)
@given(log=in_countries(ties=True), order=st.sampled_from(["ordered", "any"]))
def test_attribution_to_all_counts_a_person_once_for_each_value_that_all_steps_share(
    log: list[Event], order: oracle.Order
) -> None:
    with store(log, knows=TYPES) as opened:
        table = rows(
            opened.funnel(
                steps=["a", "b", "c"], within="1h", by=["country"], attribution="all", order=order
            )
        )
    groups = {"(total)": funnel(log, PLAIN, order=order, within_us=HOUR)}
    for value in COUNTRIES:
        steps = sharing(PLAIN, "country", value)
        groups[value or "(none)"] = funnel(log, steps, order=order, within_us=HOUR)
    assert {row["country"] for row in table if row["people"]} == {
        value for value, attempts in groups.items() if attempts
    }
    for value in {row["country"] for row in table}:
        own = [row for row in table if row["country"] == value]
        check_steps(own, groups[value], ["a", "b", "c"])


@settings(max_examples=15)
@given(
    log=worlds.crowds(boundary_logs(event_types=("a", "b", "c"), max_events=9)),
    unit=st.sampled_from(["person", "session"]),
    within=st.sampled_from(["session", "session", "1h"]),
    rule=st.sampled_from(["cut", "gap"]),
    as_of_after=st.sampled_from([0, 30 * MINUTE - 1, 30 * MINUTE, HOUR]),
)
def test_sessions_are_counted_and_bound_the_window(
    log: list[Event], unit: str, within: str, rule: Any, as_of_after: int
) -> None:
    """A session is searched as if it were a person; its window closes with the session."""
    now = worlds.now(log, None) + as_of_after
    events = {event.seq: event for event in log}
    found: list[Attempt] = []
    for number, session in enumerate(sessions(log, rule=rule)):
        own = [events[seq] for seq in session["seqs"]]
        limit = None if within == "session" else HOUR
        for attempt in funnel(own, PLAIN, within_us=limit, as_of=now):
            is_open = session["end"] + 30 * MINUTE > now if limit is None else attempt.pending
            name = f"{attempt.person} {number}"
            found.append(replace(attempt, person=name, pending=is_open))
    if unit == "person":
        found = best(found, lambda attempt: attempt.person.split()[0])
    with store(log, knows=TYPES) as opened:
        result = opened.funnel(
            steps=["a", "b", "c"], within=within, unit=unit, session_rule=rule,
            **worlds.given(as_of=worlds.moment(now) if log else None),
        )  # fmt: skip
    if unit == "person" and within != "session":
        found = funnel(log, PLAIN, within_us=HOUR, as_of=now)
    check_steps(rows(result), found, ["a", "b", "c"])


@settings(max_examples=12)
@given(
    log=worlds.crowds(funnel_logs(HOUR, max_events=8, ties=False)),
    first_time=st.sampled_from(["event", "matching"]),
)
def test_only_the_first_event_ever_may_enter(log: list[Event], first_time: str) -> None:
    enters = where("a", "u")
    kind = is_type("a") if first_time == "event" else enters
    firsts = {next((e.seq for e in own if kind(e)), -1) for own in by_person(log).values()}
    steps = [lambda e: enters(e) and e.seq in firsts, is_type("b"), is_type("c")]
    with store(log, knows=TYPES) as opened:
        result = opened.funnel(
            steps=["a[properties.k = 'u']", "b", "c"], within="1h", first_time=first_time
        )
    truth = funnel(log, steps, within_us=HOUR)
    check_steps(rows(result), truth, ["a[properties.k = 'u']", "b", "c"])


@settings(max_examples=6)
@given(log=LOGS, data=st.data())
def test_who_lists_the_people_of_every_cell(log: list[Event], data: st.DataObject) -> None:
    as_of = data.draw(worlds.moments(log, [HOUR]))
    truth = funnel(worlds.until(log, as_of), PLAIN, within_us=HOUR, as_of=worlds.now(log, as_of))
    closed = [attempt for attempt in truth if not attempt.pending]
    options = worlds.given(as_of=worlds.moment(as_of))
    options |= {"steps": ["a", "b", "c"], "within": "1h"}
    with store(log, knows=TYPES) as opened:
        table = rows(opened.funnel(**options))
        for step in (1, 2, 3):
            listed = worlds.people(opened, "funnel", f"step:{step}", **options)
            assert listed == sorted(oracle.people_at(truth, step))
            assert len(listed) == table[step - 1]["people"]
        for step in (2, 3):
            listed = worlds.people(opened, "funnel", f"dropped:{step}", **options)
            assert listed == sorted(a.person for a in closed if a.depth == step - 1)
            assert len(listed) == table[step - 1]["dropped"]
        listed = worlds.people(opened, "funnel", "pending", **options)
        assert listed == sorted(a.person for a in truth if a.pending)
        assert len(listed) == table[0]["pending"]


@settings(max_examples=6)
@given(log=LOGS)
def test_looser_rules_never_lower_a_count(log: list[Event]) -> None:
    with store(log, knows=TYPES) as opened:

        def people(**options: Any) -> list[int]:
            asked: dict[str, Any] = {"steps": ["a", "b", "c"], "within": "1h", **options}
            return [row["people"] for row in rows(opened.funnel(**asked))]

        usual = people()
        pairs = [
            (people(entry="first"), usual),
            (people(order="strict"), usual),
            (usual, people(order="any")),
            (usual, people(within="61m")),
        ]
    assert usual == sorted(usual, reverse=True)
    for less, more in pairs:
        assert all(low <= high for low, high in zip(less, more, strict=True))


FAULTS: Mapping[str, tuple[Callable[[list[Event]], list[Attempt]], str]] = {
    "the window's end is outside": (
        lambda log: oracle.wrong_window_exclusive(log, PLAIN, within_us=HOUR),
        "any",
    ),
    "only the first entry is tried": (
        lambda log: oracle.wrong_first_entry_only(log, PLAIN, within_us=HOUR),
        "any",
    ),
    "events of one instant are turned round": (
        lambda log: oracle.wrong_sorted_by_time_only(log, PLAIN, within_us=HOUR),
        "arrival",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_variant_is_told_from_the_answer(fault: str) -> None:
    wrong, ties = FAULTS[fault]

    def differs(log: list[Event]) -> bool:
        said = oracle.counts(wrong(log), 3)
        if said == oracle.counts(funnel(log, PLAIN, within_us=HOUR, ties=ties), 3):  # type: ignore[arg-type]
            return False
        with store(log, knows=TYPES) as opened:
            table = rows(opened.funnel(steps=["a", "b", "c"], within="1h", ties=ties))
        return [row["people"] for row in table] != said

    find(LOGS, differs, settings=settings(max_examples=450, phases=worlds.UNSHRUNK))


# --- edges, as sentences ----------------------------------------------------------------------


def counts(log: Any, *steps: str, **options: Any) -> list[int]:
    return [row["people"] for row in rows(log.funnel(steps=list(steps), **options))]


def test_an_empty_store_has_the_steps_and_nobody_in_them() -> None:
    with store(b"") as log:
        result = log.funnel(steps=["view", "buy"], trend="day")
    check_steps(rows(result), [], ["view", "buy"])
    assert rows(result, "trend") == []


def test_a_single_text_is_a_list_of_one() -> None:
    with store(told(FIVE_PEOPLE)) as log:
        one = log.funnel(steps="view", where="country = 'DE'", by="country")
        many = log.funnel(steps=["view"], where=["country = 'DE'"], by=["country"])
    assert rows(one) == rows(many)


def test_one_event_enters_and_goes_no_further() -> None:
    with store(told("2024-05-01T10:00:00Z ann view")) as log:
        assert counts(log, "view", "view") == [1, 0]


def test_events_of_nobody_enter_no_funnel() -> None:
    text = "2024-05-01T10:00:00Z - view\n2024-05-01T10:00:00Z - buy"
    with store(told(text)) as log:
        assert counts(log, "view", "buy") == [0, 0]


def test_one_event_fills_one_step_only() -> None:
    text = """
    2024-05-01T10:00:00Z ann view
    2024-05-01T10:00:00Z bob view
    2024-05-01T10:00:00Z bob view
    """
    with store(told(text)) as log:
        assert counts(log, "view", "*") == [2, 1]


def test_at_one_instant_the_order_of_arrival_matters_only_when_asked() -> None:
    text = "2024-05-01T10:00:00Z ann buy\n2024-05-01T10:00:00Z ann view"
    with store(told(text)) as log:
        found = {t: counts(log, "view", "buy", ties=t) for t in ("any", "arrival", "increasing")}
    assert found == {"any": [1, 1], "arrival": [1, 0], "increasing": [1, 0]}


def test_the_windows_end_is_inside() -> None:
    text = """
    2024-05-01T10:00:00Z        ann view
    2024-05-08T10:00:00Z        ann buy
    2024-05-01T10:00:00Z        bob view
    2024-05-08T10:00:00.000001Z bob buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "buy") == [2, 1]
        assert counts(log, "view", "buy", within="none") == [2, 2]


def test_a_window_that_closes_now_is_closed() -> None:
    text = "2024-05-01T10:00:00Z ann view\n2024-05-01T10:00:00.000001Z bob view"
    with store(told(text)) as log:
        (row,) = rows(log.funnel(steps=["view"], within="1d", as_of="2024-05-02T10:00:00Z"))
        (never,) = rows(log.funnel(steps=["view"], within="none"))
    assert (row["reached"], row["pending"]) == (1, 1)
    assert never["pending"] == 0


def test_entries_end_with_the_period_and_conversions_go_on() -> None:
    text = """
    2024-05-01T23:59:59Z ann view
    2024-05-02T00:00:00Z bob view
    2024-05-05T00:00:00Z ann buy
    2024-05-05T00:00:00Z bob buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "buy", to="2024-05-02") == [1, 1]
        assert counts(log, "view", "buy", to="2024-05-02", range="events") == [1, 0]


@pytest.mark.time
def test_a_period_is_of_local_days() -> None:
    text = "2024-03-30T23:00:00Z ann view\n2024-03-31T22:00:00Z bob view"
    # Berlin: 31 March has 23 hours, from 23:00 to 22:00 UTC.
    with store(told(text)) as log:
        day = {"from_": "2024-03-31", "to": "2024-04-01", "tz": "Europe/Berlin", "trend": "day"}
        result = log.funnel(steps=["view"], **day)
    assert [(row["period"], row["people"]) for row in rows(result, "trend")] == [("2024-03-31", 1)]


def test_a_device_is_its_user_before_and_after_the_link() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone    view
    2024-05-01T11:00:00Z ann~phone login
    2024-05-01T12:00:00Z ~phone    buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "login", "buy") == [1, 1, 1]
        assert worlds.people(log, "funnel", "step:3", steps=["view", "login", "buy"]) == ["ann"]


def test_a_device_with_two_users_is_parted_by_time() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone    view
    2024-05-01T11:00:00Z ann~phone login
    2024-05-01T12:00:00Z bob~phone login
    2024-05-01T13:00:00Z ~phone    buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "buy") == [1, 0]
        assert counts(log, "login", "buy") == [2, 1]
        assert worlds.people(log, "funnel", "step:2", steps=["login", "buy"]) == ["bob"]


def test_as_of_earlier_than_everything_is_an_empty_answer() -> None:
    with store(told(FIVE_PEOPLE)) as log:
        result = log.funnel(steps=["view", "cart"], as_of="2024-04-01", trend="day")
    check_steps(rows(result), [], ["view", "cart"])


def test_where_takes_events_before_steps_are_looked_for() -> None:
    with store(told(FIVE_PEOPLE)) as log:
        assert counts(log, "view", "cart", where=["country = 'DE'"]) == [3, 0]


def test_strict_allows_nothing_between_and_a_repeated_first_step_restarts() -> None:
    text = """
    2024-05-01T10:00:00Z ann view
    2024-05-01T10:01:00Z ann help
    2024-05-01T10:02:00Z ann buy
    2024-05-01T10:00:00Z bob view
    2024-05-01T10:01:00Z bob view
    2024-05-01T10:02:00Z bob buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "buy", order="strict") == [2, 1]
        assert counts(log, "view", "buy") == [2, 2]


def test_steps_within_the_grace_may_swap() -> None:
    text = """
    2024-05-01T10:00:00Z        ann buy
    2024-05-01T10:00:02Z        ann view
    2024-05-01T10:00:00Z        bob buy
    2024-05-01T10:00:02.000001Z bob view
    """
    with store(told(text)) as log:
        assert counts(log, "view", "buy", grace="2s") == [2, 1]
        assert counts(log, "view", "buy", grace="2s", from_="2024-05-01T10:00:02Z") == [2, 1]
        assert counts(log, "view", "buy") == [2, 0]


def test_a_step_that_occurs_again_may_end_the_attempt() -> None:
    text = """
    2024-05-01T10:00:00Z ann view
    2024-05-01T10:01:00Z ann cart
    2024-05-01T10:02:00Z ann cart
    2024-05-01T10:03:00Z ann buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "cart", "buy") == [1, 1, 1]
        assert counts(log, "view", "cart", "buy", repeats="interrupt") == [1, 1, 0]


def test_every_attempt_counts_after_the_one_before_has_ended() -> None:
    text = """
    2024-05-01T10:00:00Z ann view
    2024-05-01T10:30:00Z ann view
    2024-05-01T11:00:00Z ann buy
    2024-05-01T12:00:00Z ann view
    2024-05-01T12:30:00Z ann buy
    """
    with store(told(text)) as log:
        assert counts(log, "view", "buy", entry="every") == [2, 2]


def test_revenue_and_price_are_compared_in_major_units() -> None:
    text = """
    2024-05-01T10:00:00Z ann view price=10.5 currency=EUR
    2024-05-01T10:00:00Z bob view price=10   currency=EUR
    2024-05-01T10:00:00Z cat view price=11   currency=JPY
    """
    with store(told(text)) as log:
        assert counts(log, "view[price > 10]") == [2]


@pytest.mark.parametrize("country", ["(total)", "(other)", "(none)"])
def test_a_value_that_reads_like_a_mark_is_counted_once(country: str) -> None:
    text = f"2024-05-01T10:00:00Z ann view country={country}\n2024-05-01T10:00:00Z bob view"
    with store(told(text)) as log:
        table = rows(log.funnel(steps=["view"], by=["country"]))
    assert [row["people"] for row in table if row["country"] == "(total)"] == [2]


def test_all_of_other_is_no_value_that_steps_can_share() -> None:
    text = """
    2024-05-01T10:00:00Z ann view country=DE
    2024-05-01T10:00:00Z bob view country=DE
    2024-05-01T10:00:00Z cat view country=FR
    2024-05-01T11:00:00Z cat buy  country=IT
    2024-05-01T11:00:00Z ann buy  country=DE
    """
    with store(told(text)) as log:
        table = rows(log.funnel(steps=["view", "buy"], by=["country"], attribution="all", top=1))
    assert [(row["country"], row["people"]) for row in table if row["step"] == 2] == [
        ("(total)", 2), ("DE", 1), ("(other)", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"steps": []}, "a funnel needs a step or more", "clickcli funnel"),
        ({"steps": ["vew"]}, "unknown event type 'vew'", "view"),
        ({"steps": ["view["]}, "has a filter that is not closed", "examples"),
        ({"steps": ["view[contry = 'DE']"]}, "unknown column 'contry'", "country"),
        ({"steps": ["view"] * 61}, "at most 60 steps, was 61", None),
        ({"within": "soon"}, "a duration must be", "7d"),
        ({"not_": ["cart:2-1"]}, "an exclusion must lie between two of the 2 steps", "example"),
        ({"not_": ["crt"]}, "unknown event type 'crt'", "cart"),
        ({"attribution": "last"}, "--attribution goes with --by", None),
        ({"attribution": "step:3", "by": ["country"]}, "step:N with N from 1 to 2", None),
        ({"grace": "2s", "order": "any"}, "--grace goes with --order ordered", None),
        ({"repeats": "interrupt", "order": "any"}, "--repeats interrupt goes with", None),
        ({"order": "orderd"}, "unknown order 'orderd'", "ordered"),
        ({"same": "itemid"}, "unknown column 'itemid'", "item_id"),
        ({"who": "step:3"}, "--who must be step:N, dropped:N or pending with N up to 2", None),
        ({"who": "dropped:1"}, "--who must be step:N", None),
        ({"by": ["country"] * 2}, "--by names a column twice", None),
    ],
)
def test_an_option_that_cannot_be_says_what_it_must_be(
    options: dict[str, Any], message: str, hint: str | None
) -> None:
    asked: dict[str, Any] = {"steps": ["view", "cart"], **options}
    with store(told(FIVE_PEOPLE)) as log, pytest.raises(UsageError) as failed:
        log.funnel(**asked)
    assert message in failed.value.message
    assert hint is None or hint in (failed.value.hint or "")


def test_the_earliest_session_counts_whatever_its_id() -> None:
    lines = [
        {"event": "a", "user_id": "ann", "ts": "2024-01-01T10:00:00Z", "session_id": "z"},
        {"event": "b", "user_id": "ann", "ts": "2024-01-01T10:01:00Z", "session_id": "z"},
        {"event": "a", "user_id": "ann", "ts": "2024-01-01T12:00:00Z", "session_id": "a"},
    ]
    with store(_jsonl(lines)) as log:
        first = log.funnel(steps=["a", "b"], within="session", entry="first")
    assert first.to_polars()["people"].to_list() == [1, 1]


def test_values_of_a_breakdown_are_those_of_the_period() -> None:
    lines = [
        {
            "event": "a",
            "user_id": f"old-{c}-{n}",
            "ts": "2024-01-01T10:00:00Z",
            "country": f"C{c:02}",
        }
        for c in range(12)
        for n in range(2)
    ]
    lines.append({"event": "a", "user_id": "n", "ts": "2024-05-02T10:00:00Z", "country": "NEW"})
    with store(_jsonl(lines)) as log:
        table = log.funnel(steps=["a"], from_="2024-05-01", by="country").to_polars()
    assert "NEW" in table["country"].to_list()


def test_a_breakdown_by_money_is_in_major_units() -> None:
    lines = [{"event": "a", "user_id": "n", "ts": "2024-05-02T10:00:00Z", "price": 19.99}]
    with store(_jsonl(lines)) as log:
        table = log.funnel(steps=["a"], by="price").to_polars()
    assert table["price"].to_list() == ["(total)", "19.99"]


def _jsonl(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
