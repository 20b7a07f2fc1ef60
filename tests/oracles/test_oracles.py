"""Do the oracles themselves say what the definitions say? Hand-computed cases and published facts.

Facts stated by the test suites of other tools are retold here with our own events; the tool is
named where the number comes from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from . import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Event,
    Grain,
    day_start,
    instant,
    is_type,
    local_day,
    period_of,
)
from .active import (
    active_people,
    active_periods,
    lifecycle,
    stickiness,
    wrong_new_after_a_pause,
    wrong_trailing_by_hours,
)
from .funnel import (
    Attempt,
    Entry,
    Order,
    Ties,
    counts,
    funnel,
    people_at,
    wrong_first_entry_only,
    wrong_sorted_by_time_only,
    wrong_window_exclusive,
)
from .logs import TIME_ZONES, boundary_logs, funnel_logs, to_jsonl
from .retention import (
    average,
    retention,
    sizes,
    wrong_days_by_adding_24_hours,
    wrong_days_in_utc,
)
from .sessions import (
    sessions,
    wrong_gap_at_limit,
    wrong_length_at_limit,
    wrong_midnight_in_utc,
)

NOON = instant("2024-01-10T12:00:00")
A, B, C, X = is_type("a"), is_type("b"), is_type("c"), is_type("x")
ABC = [A, B, C]


def log(text: str, *, unit: int = SECOND) -> list[Event]:
    """Read "p a@0 b@5; q a@1": people, their events and times after noon, in order of arrival.

    `b@5/s1` gives the event the session id s1.
    """
    events: list[Event] = []
    for part in text.split(";"):
        person, *words = part.split()
        for word in words:
            event_type, _, rest = word.partition("@")
            offset, _, session_id = rest.partition("/")
            ts = NOON + int(offset) * unit
            events.append(Event(ts, len(events), person, event_type, session_id or None))
    return events


def days(text: str) -> list[Event]:
    """Read the same, with times in days after noon of 10 January 2024."""
    return log(text, unit=DAY)


def at(person: str, event_type: str, *times: str) -> list[Event]:
    """Return one person's events at ISO times."""
    return [Event(instant(time), seq, person, event_type) for seq, time in enumerate(times)]


def offsets(attempt: Attempt) -> list[int]:
    """Return the step times in seconds after noon."""
    return [(ts - NOON) // SECOND for ts in attempt.times]


# --- calendar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_of_23_and_25_hours_exist_in_berlin(day: str, hours: int) -> None:
    start = date.fromisoformat(day)
    following = start + timedelta(days=1)
    length = day_start(following, "Europe/Berlin") - day_start(start, "Europe/Berlin")
    assert length == hours * HOUR


def test_weeks_start_on_monday_or_sunday() -> None:
    sunday = instant("2024-01-07T12:00:00")
    assert period_of(sunday, "week", "UTC") == date(2024, 1, 1)
    assert period_of(sunday, "week", "UTC", "sunday") == date(2024, 1, 7)


@given(boundary_logs(), st.sampled_from(TIME_ZONES))
@settings(max_examples=50, deadline=None)
def test_every_instant_lies_in_its_local_day(events: list[Event], tz: str) -> None:
    for event in events:
        day = local_day(event.ts, tz)
        assert day_start(day, tz) <= event.ts < day_start(day + timedelta(days=1), tz)


# --- logs -------------------------------------------------------------------------------------


def test_json_lines_keep_microseconds_and_order_of_arrival() -> None:
    late = [Event(NOON + 1, 0, "p", "a", "s1", {"k": "u"}), Event(NOON, 1, "p", "b")]
    first, second = (json.loads(line) for line in to_jsonl(late).splitlines())
    assert first == {
        "event_id": "e000000",
        "event_type": "a",
        "timestamp": "2024-01-10T12:00:00.000001Z",
        "user_id": "p",
        "session_id": "s1",
        "properties": {"k": "u"},
    }
    assert "session_id" not in second


@given(boundary_logs(ties=False, late=False))
@settings(max_examples=50, deadline=None)
def test_logs_without_ties_have_none_and_arrive_in_order(events: list[Event]) -> None:
    assert len({(event.person, event.ts) for event in events}) == len(events)
    assert events == sorted(events, key=lambda event: event.ts)
    assert [event.seq for event in events] == list(range(len(events)))


# --- sessions ---------------------------------------------------------------------------------


def test_a_gap_of_exactly_the_timeout_does_not_cut() -> None:
    events = log("p a@0 a@1800 a@3601")
    assert [row["seqs"] for row in sessions(events)] == [[0, 1], [2]]
    assert [row["seqs"] for row in wrong_gap_at_limit(events)] == [[0], [1], [2]]


def test_sessions_of_two_keys_with_a_gap_of_ten_seconds() -> None:
    """Spark's session window: gaps of 5, 17 and 8 s; another key by itself."""
    rows = sessions(log("a h@7 h@12 h@29 h@37; b h@0"), timeout_us=10 * SECOND)
    assert [(row["person"], row["session"], row["events"]) for row in rows] == [
        ("a", 1, 2),
        ("a", 2, 2),
        ("b", 1, 1),
    ]
    assert [row["duration_us"] // SECOND for row in rows] == [5, 8, 0]


def test_events_that_arrive_late_join_their_session() -> None:
    """Spark, SPARK-36724: the earlier event arrives last."""
    (row,) = sessions(log("a h@5 h@0"), timeout_us=10 * SECOND)
    assert (row["start"], row["end"], row["seqs"]) == (NOON, NOON + 5 * SECOND, [1, 0])


def test_a_session_kept_alive_is_cut_after_24_hours() -> None:
    """A hit every 25 minutes: the 58th comes 23 h 45 min after the first, the 59th 24 h 10 min."""
    hits = log("u " + " ".join(f"h@{25 * n}" for n in range(60)), unit=MINUTE)
    assert [row["events"] for row in sessions(hits)] == [58, 2]


def test_a_session_of_exactly_the_longest_length_is_kept() -> None:
    events = log("p a@0 a@1440 a@1441", unit=MINUTE)
    assert [row["events"] for row in sessions(events, timeout_us=2 * DAY)] == [2, 1]
    wrong = wrong_length_at_limit(events, timeout_us=2 * DAY)
    assert [row["events"] for row in wrong] == [1, 2]


def test_interleaved_ids_are_separate_sessions_and_each_rule_reads_them_its_way() -> None:
    events = log("p a@0/s1 a@10/s2 a@20 a@30/s1 a@3000/s1 a@3010/s2")
    assert [row["seqs"] for row in sessions(events)] == [[0, 3], [1], [2], [4], [5]]
    given = sessions(events, rule="given")
    assert [(row["session_id"], row["seqs"]) for row in given] == [
        ("s1", [0, 3, 4]),
        ("s2", [1, 5]),
        (None, [2]),
    ]
    assert [row["seqs"] for row in sessions(events, rule="gap")] == [[0, 1, 2, 3], [4, 5]]


def test_the_same_id_of_two_people_is_two_sessions() -> None:
    assert len(sessions(log("p a@0/s; q a@1/s"), rule="given")) == 2


def test_midnight_cuts_only_when_asked_and_in_the_time_zone() -> None:
    events = at("p", "a", "2024-01-10T22:55:00", "2024-01-10T23:05:00", "2024-01-11T00:05:00")
    long = 2 * HOUR
    assert [row["events"] for row in sessions(events, timeout_us=long)] == [3]
    berlin = sessions(events, timeout_us=long, split="midnight", tz="Europe/Berlin")
    assert [row["events"] for row in berlin] == [1, 2]
    wrong = wrong_midnight_in_utc(events, timeout_us=long, tz="Europe/Berlin")
    assert [row["events"] for row in wrong] == [2, 1]


def test_engaged_is_ten_seconds_or_two_page_views_or_a_conversion() -> None:
    events = log(
        "bounced page_view@0 click@9; long click@0 click@10; pages page_view@0 page_view@0;"
        "buyer purchase@0; one page_view@0 click@60"
    )
    rows = {row["person"]: row for row in sessions(events)}
    assert {person for person, row in rows.items() if row["is_bounce"]} == {"bounced"}
    single = sessions(events, bounce="single-page")
    assert {row["person"] for row in single if row["is_bounce"]} == {"bounced", "one"}
    assert rows["buyer"]["converted"]
    assert (rows["pages"]["entry"], rows["pages"]["exit"], rows["long"]["entry"]) == (4, 5, None)


# --- funnel: order, window, entry ----------------------------------------------------------------


@pytest.mark.parametrize(("within", "level"), [(1, 2), (2, 3), (3, 4)])
def test_the_window_ends_inside_on_a_ladder_of_seconds(within: int, level: int) -> None:
    """ClickHouse's windowFunnel: events a second apart, window 2 gives 3, window 3 gives 4."""
    events = log("p z@-1 a@0 b@1 c@2 d@3 e@4")
    steps = [is_type(name) for name in "abcde"]
    assert funnel(events, steps, within_us=within * SECOND)[0].depth == level
    wrong = wrong_window_exclusive(events, steps, within_us=within * SECOND)
    assert wrong[0].depth == level - 1


def test_five_minutes_are_inside_a_window_of_five_minutes() -> None:
    """PostHog: one converts at exactly 300 s, one never, one after 15 minutes."""
    attempts = funnel(log("a a@0 b@300; b a@180; c a@0 b@900"), [A, B], within_us=300 * SECOND)
    assert counts(attempts, 2) == [3, 1]
    assert people_at(attempts, 2) == {"a"}


def test_steps_in_reverse_do_not_convert() -> None:
    """Retentioneering: one of two people goes the other way round."""
    assert counts(funnel(log("u1 c@0 b@60 a@120; u2 a@0 b@60 c@120"), ABC), 3) == [2, 1, 1]


def test_one_event_fills_one_step_only() -> None:
    """PostHog: three steps that any event matches; people with 1, 2, 2, 1 and 3 events."""
    events = log("a a@0; b a@1 b@2; c a@3 b@4; d b@5; e b@6 a@7 b@8")
    anything = is_type("a", "b")
    assert counts(funnel(events, [anything] * 3), 3) == [5, 3, 1]
    assert counts(funnel(log("two a@0 a@1; one a@2"), [A, A]), 2) == [2, 1]


def test_the_deepest_attempt_counts_and_first_sees_only_the_first_entry() -> None:
    """The first a finds no b within 10 s, the second does."""
    events = log("p a@0 a@100 b@105")
    (best,) = funnel(events, [A, B], within_us=10 * SECOND)
    assert offsets(best) == [100, 105]
    assert funnel(events, [A, B], within_us=10 * SECOND, entry="first")[0].depth == 1
    assert wrong_first_entry_only(events, [A, B], within_us=10 * SECOND)[0].depth == 1


def test_equal_depth_goes_to_the_earliest_entry_and_the_earliest_events() -> None:
    (attempt,) = funnel(log("p a@0 a@1 b@2 b@3 c@4 c@5"), ABC)
    assert offsets(attempt) == [0, 2, 4]


def test_entries_are_limited_by_dates_conversions_are_not() -> None:
    events = log("p a@0 b@50; q a@20 b@60; r a@40 b@50")
    start, end = NOON + 20 * SECOND, NOON + 40 * SECOND
    attempts = funnel(events, [A, B], date_from=start, date_to=end)
    assert people_at(attempts, 2) == {"q"}


def test_pending_is_a_window_still_open_whether_converted_or_not() -> None:
    """The newest event, at 30 s, is the clock: windows of 10 s from 20 s have just closed."""
    events = log("p a@20; q a@21; r a@25 b@26; z x@30")
    pending = {row.person: row.pending for row in funnel(events, [A, B], within_us=10 * SECOND)}
    assert pending == {"p": False, "q": True, "r": True}
    assert not any(row.pending for row in funnel(events, [A, B], within_us=None))
    later = funnel(events, [A, B], within_us=10 * SECOND, as_of=NOON + 35 * SECOND)
    assert not any(row.pending for row in later)


# --- funnel: strict and any order -----------------------------------------------------------------


def test_strict_lets_nothing_of_the_person_lie_between() -> None:
    """PostHog's strict funnel: seven of eight people enter, two reach b, one reaches c."""
    events = log(
        "u1 a@0; u2 b@1 a@2; u3 a@3 b@4 x@5 c@6; u4 c@7 x@8 b@9 a@10;"
        "u5 b@11 a@12 x@13 b@14 c@15; u6 x@16 a@17 x@18 b@19; u7 x@20 a@21 b@22 c@23 x@24;"
        "u8 c@25 b@26"
    )
    attempts = funnel(events, ABC, order="strict")
    assert counts(attempts, 3) == [7, 2, 1]
    assert people_at(attempts, 2) == {"u3", "u7"}


def test_a_repeated_first_step_restarts_and_a_repeated_middle_step_breaks() -> None:
    """PostHog (first person), and the contiguous reading of ClickHouse's six users (the others)."""
    events = log("first x@0 a@1 a@2 b@3 c@4; middle a@0 a@1 b@2 b@3 c@4; turn a@0 c@1 b@2")
    depth = {row.person: row.depth for row in funnel(events, ABC, order="strict")}
    assert depth == {"first": 3, "middle": 2, "turn": 1}


def test_strict_may_permute_one_instant_only_with_ties_any() -> None:
    """Before b stands x, logged at the same instant: x may be put after b, but not by arrival."""
    events = log("p a@0 x@5 b@5; q a@0 x@5 b@5 c@6")
    depths: dict[Ties, list[int]] = {"any": [2, 2], "arrival": [1, 1], "increasing": [1, 1]}
    for ties, expected in depths.items():
        attempts = funnel(events, ABC, order="strict", ties=ties)
        assert [row.depth for row in attempts] == expected


def test_any_order_counts_how_many_steps_were_done() -> None:
    """PostHog's unordered funnel: 8 people did one of the steps, 5 two, 3 all."""
    events = log(
        "u1 a@0; u2 b@1 a@2; u3 a@3 b@4 x@5 c@6; u4 c@7 b@8 a@9; u5 b@10 a@11 x@12 c@13;"
        "u6 x@14 c@15; u7 b@16 x@17; u8 c@18 b@19"
    )
    attempts = funnel(events, ABC, order="any")
    assert counts(attempts, 3) == [8, 5, 3]
    assert people_at(attempts, 3) == {"u3", "u4", "u5"}


def test_any_order_takes_the_first_conversion() -> None:
    """PostHog: c, a, b two hours apart, and once more the day after."""
    events = log("u c@0 a@2 b@4 b@24 c@27 a@30", unit=HOUR)
    (attempt,) = funnel(events, ABC, order="any", within_us=DAY)
    assert [seconds // 3600 for seconds in offsets(attempt)] == [0, 2, 4]


def test_any_order_gives_an_event_to_the_step_that_needs_it() -> None:
    """The first event fits both steps, the second only the first: both steps are done."""
    (attempt,) = funnel(log("p b@0 a@1"), [is_type("a", "b"), B], order="any")
    assert offsets(attempt) == [0, 1]


# --- funnel: ties --------------------------------------------------------------------------------


def test_events_of_one_instant_fill_steps_in_whichever_order() -> None:
    """PostHog (first person): both steps at one instant convert; strictly later times do not."""
    events = log("two a@0 b@0; one a@0; turned b@0 a@0")
    expected: dict[Ties, set[str]] = {
        "any": {"two", "turned"},
        "arrival": {"two"},
        "increasing": set(),
    }
    for ties, people in expected.items():
        assert people_at(funnel(events, [A, B], ties=ties), 2) == people
    assert people_at(wrong_sorted_by_time_only(events, [A, B], within_us=None), 2) == {"turned"}


def test_two_failures_then_a_success_at_strictly_later_times() -> None:
    """ClickHouse: levels 3, 2 and 1 within 200 s."""
    events = log("p123 a@80 a@120 b@150; p234 a@0 a@150; p345 b@100 a@110 b@130")
    attempts = funnel(events, [A, A, B], ties="increasing", within_us=200 * SECOND)
    assert [row.depth for row in attempts] == [3, 2, 1]


# --- funnel: exclusions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "people"), [(1, 2, {"p1", "p2"}), (2, 4, {"p3"}), (3, 4, {"p3"})]
)
def test_exclusions_between_two_steps_of_five(first: int, last: int, people: set[str]) -> None:
    """PostHog: the excluded event stands at different places; step 1 loses the person, too."""
    events = log(
        "p1 a@0 b@60 x@120 c@180 x@210 d@240 x@270 e@300;"
        "p2 a@0 b@60 c@180 x@210 d@240 x@270 e@300; p3 a@0 x@30 b@60 c@180 d@240 x@270 e@300"
    )
    steps = [is_type(name) for name in "abcde"]
    attempts = funnel(events, steps, exclusions=[(X, first, last)])
    assert people_at(attempts, 1) == people_at(attempts, 5) == people


def test_an_excluded_event_at_the_instant_of_a_step_is_not_between() -> None:
    """PostHog: the second and third step and the excluded event share one instant."""
    events = log("u a@0 b@60 b@60 x@60 c@60 d@120")
    steps = [A, B, C, is_type("d")]
    for pair in [(1, 2), (2, 3)]:
        assert funnel(events, steps, exclusions=[(X, *pair)])[0].depth == 4


def test_a_void_attempt_leaves_another_attempt_alone() -> None:
    """PostHog: x follows the first a; the second a converts after 29 s."""
    events = log("u a@0 x@1 b@31 a@3600 b@3629")
    (attempt,) = funnel(events, [A, B], within_us=30 * SECOND, exclusions=[(X, 1, 2)])
    assert offsets(attempt) == [3600, 3629]


def test_scope_person_drops_who_has_a_void_attempt_and_no_clean_conversion() -> None:
    """PostHog drops the person; attempt by attempt, the first times out cleanly at step 1."""
    events = log("u a@0 x@11 a@12 x@13 b@14")
    rules = {"attempt": [1, 0], "person": [0, 0]}
    within, exclusions = 10 * SECOND, [(X, 1, 2)]
    by_attempt = funnel(events, [A, B], within_us=within, exclusions=exclusions)
    by_person = funnel(
        events, [A, B], within_us=within, exclusions=exclusions, exclusion_scope="person"
    )
    assert {"attempt": counts(by_attempt, 2), "person": counts(by_person, 2)} == rules


def test_with_any_order_exclusions_stand_between_levels() -> None:
    """PostHog: u1 did two steps before x, yet counts for one only (by its last entry)."""
    events = log("u1 a@0 b@1 x@2 c@3; u2 a@0 b@1 c@2", unit=HOUR)
    attempts = funnel(events, ABC, order="any", within_us=6 * HOUR, exclusions=[(X, 1, 3)])
    assert counts(attempts, 3) == [2, 1, 1]


def test_the_window_bounds_an_exclusion_after_the_last_step_reached() -> None:
    """At the window's end x voids, a microsecond later not; nor where step i is not reached."""
    within = 10 * SECOND
    inside = log("p a@0 x@10")
    assert not funnel(inside, [A, B], within_us=within, exclusions=[(X, 1, 2)])
    outside = [*inside[:1], Event(NOON + within + 1, 1, "p", "x")]
    assert funnel(outside, [A, B], within_us=within, exclusions=[(X, 1, 2)])
    assert funnel(inside, ABC, within_us=within, exclusions=[(X, 2, 3)])


# --- funnel: every attempt ------------------------------------------------------------------------


def test_every_attempt_begins_after_the_one_before_has_ended() -> None:
    """Converted at 5, timed out after 30 (the a at 30 is swallowed), open at 31, void never."""
    events = log("p a@0 a@1 b@5 a@20 a@30 a@31 b@32")
    attempts = funnel(events, [A, B], entry="every", within_us=10 * SECOND)
    assert [offsets(row) for row in attempts] == [[0, 5], [20], [31, 32]]
    assert counts(attempts, 2) == [3, 2]


def test_every_attempt_re_enters_after_an_exclusion() -> None:
    events = log("p a@0 x@1 a@2 b@3 b@4")
    attempts = funnel(events, [A, B], entry="every", exclusions=[(X, 1, 2)])
    assert [offsets(row) for row in attempts] == [[2, 3]]


def test_every_attempt_uses_its_own_events_at_one_instant() -> None:
    """Two conversions need two of each; with one b there is one."""
    assert counts(funnel(log("p a@0 b@0 a@0 b@0"), [A, B], entry="every"), 2) == [2, 2]
    assert counts(funnel(log("p a@0 b@0 a@0"), [A, B], entry="every"), 2) == [2, 1]


def test_every_strict_attempt_ends_where_its_chain_breaks() -> None:
    attempts = funnel(log("p a@0 a@1 b@2 x@3 a@4"), [A, B], order="strict", entry="every")
    assert [offsets(row) for row in attempts] == [[0], [1, 2], [4]]


# --- funnel: invariants ---------------------------------------------------------------------------

WINDOW = 10 * SECOND
FUNNEL_LOGS = funnel_logs(WINDOW, max_events=8)
TIES = st.sampled_from(["any", "arrival", "increasing"])


@given(FUNNEL_LOGS, TIES, st.sampled_from(["ordered", "strict", "any"]))
@settings(max_examples=100, deadline=None)
def test_counts_never_grow_and_wider_windows_and_best_entries_never_lose(
    events: list[Event], ties: Ties, order: Order
) -> None:
    def reached(within: int | None, entry: Entry = "best") -> list[int]:
        return counts(funnel(events, ABC, order=order, ties=ties, within_us=within, entry=entry), 3)

    narrow = reached(WINDOW)
    assert narrow == sorted(narrow, reverse=True)
    for wider in (reached(WINDOW + 1), reached(2 * WINDOW), reached(None)):
        assert all(n <= w for n, w in zip(narrow, wider, strict=True))
    assert all(f <= b for f, b in zip(reached(WINDOW, "first"), narrow, strict=True))


@given(FUNNEL_LOGS, TIES)
@settings(max_examples=100, deadline=None)
def test_any_reaches_at_least_ordered_and_ordered_at_least_strict(
    events: list[Event], ties: Ties
) -> None:
    by_order = {
        order: counts(funnel(events, [A, A, B], order=order, ties=ties, within_us=WINDOW), 3)
        for order in ("strict", "ordered", "any")
    }
    for less, more in (("strict", "ordered"), ("ordered", "any")):
        assert all(n <= m for n, m in zip(by_order[less], by_order[more], strict=True))


# --- retention ------------------------------------------------------------------------------------


def test_period_0_is_the_cohort_even_without_a_return_that_day() -> None:
    """PostHog: start and return differ; p1 and p2 start on four days and view on the sixth."""
    events = days("p1 a@0 a@1 a@2 a@3 b@5 b@6; p2 a@0 a@1 a@2 a@3 b@5; p3 a@5")
    rows = sizes(retention(events, start=A, returning=B, cohort="recurring", periods=6))
    assert [rows[date(2024, 1, day)] for day in (10, 11, 12, 13, 15)] == [
        [2, 0, 0, 0, 0, 2, 1],
        [2, 0, 0, 0, 2, 1, 0],
        [2, 0, 0, 2, 1, 0, 0],
        [2, 0, 2, 1, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0],
    ]


def test_any_event_starts_and_returns() -> None:
    """PostHog: the same days with every event as start and return."""
    events = days("p1 a@0 a@1 a@2 a@3 b@5 b@6; p2 a@0 a@1 a@2 a@3 b@5; p3 a@5")
    rows = sizes(retention(events, cohort="recurring", periods=6))
    assert rows[date(2024, 1, 10)] == [2, 2, 2, 2, 0, 2, 1]
    assert rows[date(2024, 1, 15)][:2] == [3, 1]
    assert rows[date(2024, 1, 16)][0] == 1


def test_who_started_before_the_table_is_in_no_later_cohort() -> None:
    """PostHog's first-time retention: x signed up on day -4, so the sign-up of day 0 is none."""
    events = days("x a@-4 a@0; p1 a@0 a@2 b@1 b@2 b@3 b@6 b@7; p2 a@0 b@2 b@3 b@4 b@7; p4 a@3 b@4")
    rows = sizes(retention(events, start=A, returning=B, periods=6))
    assert rows[date(2024, 1, 10)] == [2, 1, 2, 2, 1, 0, 1]
    assert rows[date(2024, 1, 13)][:3] == [1, 1, 0]
    assert date(2024, 1, 12) not in rows


def test_first_event_must_itself_be_a_start() -> None:
    """The first a of q has another property, its second fits: a start, but not of its first a."""
    events = [
        Event(NOON, 0, "p", "a", None, {"k": "u"}),
        Event(NOON, 1, "q", "a", None, {"k": "v"}),
        Event(NOON + DAY, 2, "q", "a", None, {"k": "u"}),
    ]

    def fits(event: Event) -> bool:
        return event.event_type == "a" and event.properties["k"] == "u"

    first = retention(events, start=fits, periods=0)
    strict = retention(events, start=fits, start_type=A, cohort="first-event", periods=0)
    assert sizes(first) == {date(2024, 1, 10): [1], date(2024, 1, 11): [1]}
    assert sizes(strict) == {date(2024, 1, 10): [1]}


def test_unbounded_counts_who_is_seen_in_the_period_or_later() -> None:
    """PostHog's rolling table: nobody is counted twice in a cell."""
    events = days("p1 v@0 v@3 v@4; p2 v@0 v@1; p3 v@1 v@2 v@3; p4 v@3 v@4; p5 v@4")
    rows = sizes(retention(events, cohort="recurring", kind="unbounded", periods=5))
    assert rows[date(2024, 1, 10)] == [2, 2, 1, 1, 1, 0]
    assert rows[date(2024, 1, 11)][:5] == [2, 1, 1, 0, 0]
    assert rows[date(2024, 1, 13)][:3] == [3, 2, 0]


def test_brackets_hold_who_came_in_any_of_their_periods_once() -> None:
    cells = retention(
        days("p a@0 a@1 a@2; q a@0 a@5; r a@0"), kind="brackets", brackets=[(0, 0), (1, 3), (4, 7)]
    )
    people = {n: set(cell.people) for (_, n), cell in cells.items()}
    assert people == {0: {"p", "q", "r"}, 1: {"p"}, 4: {"q"}}


def test_the_rolling_clock_runs_in_24_hours_from_the_own_start() -> None:
    """PostHog (first three people); late comes back after 23 h, on the next calendar day."""
    events = log("u1 a@-3 b@24; u2 a@-2 b@48; u3 a@21 b@49; late a@0 b@23", unit=HOUR)
    rolling = retention(events, start=A, returning=B, clock="rolling", periods=2)
    assert sizes(rolling) == {date(2024, 1, 10): [3, 1, 1], date(2024, 1, 11): [1, 1, 0]}
    calendar = retention(events, start=A, returning=B, periods=2)
    assert sizes(calendar)[date(2024, 1, 10)] == [3, 2, 1]


def test_a_cell_is_complete_when_its_period_has_ended() -> None:
    events = at("p", "a", "2024-01-10T12:00:00", "2024-01-12T00:00:00")
    day = date(2024, 1, 10)
    calendar = retention(events, periods=3)
    assert [calendar[day, n].complete for n in range(4)] == [True, True, False, False]
    assert [calendar[day, n].begun for n in range(4)] == [True, True, True, False]
    rolling = retention(events, periods=1, clock="rolling")
    assert [rolling[day, n].complete for n in range(2)] == [True, False]
    assert average(calendar, 1) == (0, 1)
    assert average(calendar, 2) == (0, 0)


def test_days_are_those_of_the_time_zone_and_may_have_25_hours() -> None:
    """23:30 on Berlin's day of 25 h: still period 0; half past midnight after it: period 1."""
    events = at("p", "a", "2024-10-26T22:10:00", "2024-10-27T22:30:00", "2024-10-27T23:30:00")
    first = date(2024, 10, 27)
    right = retention(events[:2], tz="Europe/Berlin", periods=1)
    assert sizes(right) == {first: [1, 0]}
    assert wrong_days_by_adding_24_hours(events[:2], tz="Europe/Berlin", periods=1)[first, 1]
    assert sizes(retention(events, tz="Europe/Berlin", periods=1)) == {first: [1, 1]}
    assert first not in sizes(wrong_days_in_utc(events, periods=1))


def test_months_are_calendar_months() -> None:
    events = at("p", "a", "2023-12-31T23:00:00", "2024-01-01T00:00:00", "2024-03-31T00:00:00")
    rows = sizes(retention(events, grain="month", periods=3))
    assert rows == {date(2023, 12, 1): [1, 1, 0, 1]}


# --- active people --------------------------------------------------------------------------------


def test_trailing_days_end_on_the_labelled_day() -> None:
    events = days("p v@0; q v@6; r v@7")
    weekly = active_people(events, days=7)
    assert weekly[date(2024, 1, 16)] == {"p", "q"}
    assert weekly[date(2024, 1, 17)] == {"q", "r"}


def test_a_trailing_week_with_a_day_of_25_hours_has_169_hours() -> None:
    """Seen at 00:30 on Monday, labelled Sunday with the clock change on it."""
    seen = at("p", "v", "2024-10-20T22:30:00") + at("q", "v", "2024-10-27T12:00:00")
    right = active_people(seen, days=7, tz="Europe/Berlin")
    wrong = wrong_trailing_by_hours(seen, days=7, tz="Europe/Berlin")
    assert right[date(2024, 10, 27)] == {"p", "q"}
    assert wrong[date(2024, 10, 27)] == {"q"}


def test_stickiness_is_mean_daily_over_people_of_the_window() -> None:
    """Person-days 3 + 1 over 28 days, two people: 4 / 28 / 2."""
    result = stickiness(days("p v@0 v@1 v@2; q v@2"))
    assert result[date(2024, 1, 12)] == Fraction(4, 56)
    assert result[date(2024, 1, 10)] == Fraction(1, 28)


def test_lifecycle_of_a_whole_range() -> None:
    """PostHog's lifecycle: four people over eleven days, days counted from the first."""
    events = days("p1 v@2 v@3 v@4 v@6 v@8 v@10; p2 v@0 v@3; p3 v@3; p4 v@6")
    rows = list(lifecycle(events).values())
    assert [len(row.new) for row in rows] == [1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert [len(row.returning) for row in rows] == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert [len(row.resurrecting) for row in rows] == [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1]
    assert [len(row.dormant) for row in rows] == [0, 1, 0, 0, 2, 1, 0, 2, 0, 1, 0]
    assert [row.complete for row in rows] == [True] * 10 + [False]
    assert wrong_new_after_a_pause(events)[date(2024, 1, 16)] == {"p1", "p4"}


def test_people_by_number_of_active_days_and_months() -> None:
    """PostHog's stickiness: nine days in a row, and every other one of them."""
    text = "p1 " + " ".join(f"v@{day}" for day in range(9))
    events = days(text + "; p2 " + " ".join(f"v@{day}" for day in range(0, 9, 2)))
    assert active_periods(events) == {5: {"p2"}, 9: {"p1"}}
    assert active_periods(events, grain="month") == {1: {"p1", "p2"}}


@given(boundary_logs(), st.sampled_from(["day", "week", "month"]), st.sampled_from(TIME_ZONES))
@settings(max_examples=50, deadline=None)
def test_lifecycle_parts_add_up(events: list[Event], grain: Grain, tz: str) -> None:
    rows = lifecycle(events, grain=grain, tz=tz)
    before = 0
    for row in rows.values():
        now = len(row.new) + len(row.returning) + len(row.resurrecting)
        assert len(row.dormant) == before - len(row.returning)
        before = now


# --- the drawn logs tell right from wrong ---------------------------------------------------------

BERLIN = "Europe/Berlin"
ANY_LOGS = boundary_logs()
Differs = Callable[[list[Event]], bool]
WRONG_VARIANTS: dict[str, tuple[st.SearchStrategy[list[Event]], Differs]] = {
    "gap at limit": (ANY_LOGS, lambda log: sessions(log) != wrong_gap_at_limit(log)),
    "length at limit": (
        boundary_logs(limit_us=DAY),
        lambda log: (
            sessions(log, timeout_us=30 * DAY) != wrong_length_at_limit(log, timeout_us=30 * DAY)
        ),
    ),
    "midnight in UTC": (
        ANY_LOGS,
        lambda log: (
            sessions(log, split="midnight", tz=BERLIN) != wrong_midnight_in_utc(log, tz=BERLIN)
        ),
    ),
    "window exclusive": (
        FUNNEL_LOGS,
        lambda log: (
            counts(funnel(log, ABC, within_us=WINDOW), 3)
            != counts(wrong_window_exclusive(log, ABC, within_us=WINDOW), 3)
        ),
    ),
    "first entry only": (
        FUNNEL_LOGS,
        lambda log: (
            counts(funnel(log, ABC, within_us=WINDOW), 3)
            != counts(wrong_first_entry_only(log, ABC, within_us=WINDOW), 3)
        ),
    ),
    "sorted by time only": (
        FUNNEL_LOGS,
        lambda log: (
            counts(funnel(log, ABC, within_us=WINDOW, ties="arrival"), 3)
            != counts(wrong_sorted_by_time_only(log, ABC, within_us=WINDOW), 3)
        ),
    ),
    "days of 24 hours": (
        ANY_LOGS,
        lambda log: (
            {key: cell.people for key, cell in retention(log, tz=BERLIN).items()}
            != wrong_days_by_adding_24_hours(log, tz=BERLIN)
        ),
    ),
    "days in UTC": (ANY_LOGS, lambda log: retention(log, tz=BERLIN) != wrong_days_in_utc(log)),
    "trailing by hours": (
        ANY_LOGS,
        lambda log: (
            active_people(log, days=7, tz=BERLIN) != wrong_trailing_by_hours(log, days=7, tz=BERLIN)
        ),
    ),
    "new after a pause": (
        ANY_LOGS,
        lambda log: (
            {label: row.new for label, row in lifecycle(log).items()}
            != wrong_new_after_a_pause(log)
        ),
    ),
}


@pytest.mark.parametrize("name", sorted(WRONG_VARIANTS))
def test_drawn_logs_catch_every_deliberately_wrong_variant(name: str) -> None:
    logs, differs = WRONG_VARIANTS[name]
    generate_only = settings(max_examples=3000, phases=[Phase.generate], database=None)
    assert differs(find(logs, differs, settings=generate_only, random=Random(2)))
