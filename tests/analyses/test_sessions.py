"""Sessions against exhaustive cutting, by hand, and at the edges of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, check_seconds, rows, store, told
from tests.oracles import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    Event,
    Grain,
    local_day,
    period_end,
    period_of,
)
from tests.oracles import sessions as oracle
from tests.oracles.logs import TIME_ZONES, boundary_logs
from tests.oracles.sessions import Session, sessions

TYPES = ("page_view", "page_view", "click", "purchase")
LIMITS = {"30m": 30 * MINUTE, "0s": 0, "12h": 12 * HOUR, "24h": DAY, "45m": 45 * MINUTE}
QUICK = settings(max_examples=15)
LOGS = worlds.crowds(boundary_logs(event_types=TYPES, max_events=10))


def label(day: date, grain: Grain) -> str:
    return day.isoformat()[:7] if grain == "month" else day.isoformat()


def listed(row: Row) -> tuple[Any, ...]:
    """Return what the list says of a session."""
    return (
        row["person_id"], row["start"], row["end"], row["session_id"], row["events"],
        row["page_views"], row["engaged"], row["is_bounce"], row["converted"], row["date"],
    )  # fmt: skip


def expected(session: Session, log: Sequence[Event], tz: str) -> tuple[Any, ...]:
    ids = {event.seq: event.session_id for event in log}
    start, end = (EPOCH + timedelta(microseconds=ts) for ts in (session["start"], session["end"]))
    return (
        session["person"], start, end, ids[session["seqs"][0]], session["events"],
        session["page_views"], session["engaged"], session["is_bounce"], session["converted"],
        local_day(session["start"], tz),
    )  # fmt: skip


def check_counts(row: Row, found: Sequence[Session]) -> None:
    """Check every number of a row of `summary` or `trend`."""
    count = len(found)
    spans = [session["duration_us"] for session in found]
    sums = {
        "sessions": count,
        "people": len({session["person"] for session in found}),
        "events": sum(session["events"] for session in found),
        "page_views": sum(session["page_views"] for session in found),
        "engaged": sum(session["engaged"] for session in found),
        "bounces": sum(session["is_bounce"] for session in found),
        "converted": sum(session["converted"] for session in found),
        "zero_length": spans.count(0),
    }
    assert {name: row[name] for name in sums} == sums
    check_rate(row, "engagement", sums["engaged"], count)
    check_rate(row, "bounce_rate", sums["bounces"], count)
    check_rate(row, "conversion", sums["converted"], count)
    assert row["zero_length_share"] == (sums["zero_length"] / count if count else None)
    check_seconds(row, "duration_mean_s", worlds.mean(spans))
    check_seconds(row, "duration_median_s", worlds.quantile(spans, 50))
    check_seconds(row, "duration_p90_s", worlds.quantile(spans, 90))


# --- by hand ----------------------------------------------------------------------------------

DAY_OF_ANN_AND_BOB = """
2024-05-01T10:00:00Z ann    page_view page_url=https://s.example/  device_type=mobile
2024-05-01T10:00:05Z ann    page_view page_url=https://s.example/a
2024-05-01T10:30:05Z ann    click     page_url=https://s.example/b device_type=desktop
2024-05-01T11:00:06Z ann    page_view page_url=https://s.example/c
2024-05-01T12:00:00Z bob    page_view page_url=https://s.example/  device_type=mobile
2024-05-01T12:00:09Z bob    click
2024-05-01T13:00:00Z bob    purchase  revenue=12.5 currency=EUR
2024-05-02T09:00:00Z ~phone page_view
2024-05-02T09:00:00Z -      page_view
"""
# ann: 10:00:00 to 10:30:05, a gap of exactly 30 min included: 1805 s, 3 events, 2 page views;
#      11:00:06 is 30 min 1 s later: a session of 0 s with one page view, a bounce.
# bob: 12:00:00 to 12:00:09: 9 s, one page view, no conversion: a bounce; 13:00:00: converted.
# ~phone: 0 s, one page view: a bounce. Nobody has no session.
# 5 sessions of 3 people, 8 events, 5 page views; engaged 2, bounces 3, converted 1, 0 s: 3.
# Durations 0, 0, 0, 9, 1805: median 0, mean 1814 / 5 = 362.8,
# p90 at rank 0.9 x 4 = 3.6: 9 + 0.6 x 1796 = 1086.6.


def test_the_golden_summary() -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log:
        result = log.sessions()
    (row,) = rows(result)
    assert {
        name: row[name]
        for name in (
            "sessions", "people", "events", "page_views", "engaged", "bounces", "converted",
            "zero_length", "duration_median_s", "duration_mean_s", "duration_p90_s", "revenue",
            "currency",
        )
    } == {
        "sessions": 5, "people": 3, "events": 8, "page_views": 5, "engaged": 2, "bounces": 3,
        "converted": 1, "zero_length": 3, "duration_median_s": 0.0, "duration_mean_s": 362.8,
        "duration_p90_s": pytest.approx(1086.6), "revenue": 12.5, "currency": "EUR",
    }  # fmt: skip
    check_rate(row, "bounce_rate", 3, 5)
    check_rate(row, "engagement", 2, 5)
    check_rate(row, "conversion", 1, 5)
    assert result.meta["left_out"]["of_nobody"] == 1
    assert any("fewer than 30 sessions" in note for note in result.notes)


def test_the_golden_list() -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log:
        table = rows(log.sessions(), "sessions")
    assert [
        (r["person_id"], r["duration_s"], r["entry_page"], r["exit_page"], r["device_type"])
        for r in table
    ] == [
        ("ann", 1805.0, "/", "/b", "mobile"),
        ("ann", 0.0, "/c", "/c", None),
        ("bob", 9.0, "/", None, "mobile"),
        ("bob", 0.0, None, None, None),
        ("phone", 0.0, None, None, None),
    ]
    assert [r["revenue"] for r in table] == [0.0, 0.0, 0.0, 12.5, 0.0]


def test_the_golden_breakdown_by_the_device_of_the_first_event() -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log:
        table = rows(log.sessions(by=["device_type"]))
    # mobile: ann's first, bob's first; desktop only comes second in a session.
    assert [(r["device_type"], r["sessions"], r["people"], r["bounces"]) for r in table] == [
        ("(total)", 5, 3, 3),
        ("(none)", 3, 3, 2),
        ("mobile", 2, 2, 1),
    ]


# --- against the oracle -----------------------------------------------------------------------


@pytest.mark.time
@settings(max_examples=45)
@given(
    log=LOGS,
    rule=st.sampled_from(["cut", "given", "gap"]),
    timeout=st.sampled_from(["30m", "30m", "30m", "0s", "12h"]),
    max_length=st.sampled_from(["24h", "24h", "45m", "30m"]),
    split=st.sampled_from([None, "midnight"]),
    tz=st.sampled_from(TIME_ZONES),
    bounce=st.sampled_from(["engaged", "single-page"]),
    grain=st.sampled_from(["day", "week", "month"]),
    week_start=st.sampled_from(["monday", "sunday"]),
    data=st.data(),
)
def test_sessions_are_those_of_the_oracle(
    log: list[Event], rule: oracle.Rule, timeout: str, max_length: str, split: oracle.Split,
    tz: str, bounce: oracle.Bounce, grain: Grain, week_start: Any, data: st.DataObject,
) -> None:  # fmt: skip
    as_of = data.draw(worlds.moments(log, [30 * MINUTE], tz=tz))
    seen = worlds.until(log, as_of)
    truth = sessions(
        seen, timeout_us=LIMITS[timeout], max_length_us=LIMITS[max_length], rule=rule,
        split=split, tz=tz, bounce=bounce,
    )  # fmt: skip
    with store(log) as opened:
        result = opened.sessions(
            timeout=timeout, max_length=max_length, session_rule=rule, split=split or "none",
            bounce=bounce, trend=grain, list="all", tz=tz, week_start=week_start,
            **worlds.given(as_of=worlds.moment(as_of)),
        )  # fmt: skip
    assert sorted(map(listed, rows(result, "sessions")), key=repr) == sorted(
        (expected(session, seen, tz) for session in truth), key=repr
    )
    (summary,) = rows(result)
    check_counts(summary, truth)
    periods: dict[date, list[Session]] = {}
    for session in truth:
        begins = period_of(session["start"], grain, tz, week_start)
        periods.setdefault(begins, []).append(session)
    trend = rows(result, "trend")
    assert [row["period"] for row in trend] == [label(day, grain) for day in sorted(periods)]
    for row, begins in zip(trend, sorted(periods), strict=True):
        check_counts(row, periods[begins])
        assert row["complete"] == (period_end(begins, grain, tz) <= worlds.now(log, as_of))


@QUICK
@given(log=LOGS, data=st.data())
def test_a_period_takes_the_sessions_that_start_in_it_whole(
    log: list[Event], data: st.DataObject
) -> None:
    low, high = data.draw(worlds.moments(log)), data.draw(worlds.moments(log))
    if low is not None and high is not None and low >= high:
        high = low + 1
    chosen = [
        session
        for session in sessions(log)
        if (low is None or session["start"] >= low) and (high is None or session["start"] < high)
    ]
    with store(log) as opened:
        result = opened.sessions(
            list="all", **worlds.given(from_=worlds.moment(low), to=worlds.moment(high))
        )
    check_counts(rows(result)[0], chosen)
    assert {(r["person_id"], r["start"], r["session_id"]) for r in rows(result, "sessions")} == {
        (*expected(session, log, "UTC")[:2], expected(session, log, "UTC")[3]) for session in chosen
    }


@QUICK
@given(log=LOGS, top=st.integers(1, 2))
def test_a_breakdown_takes_the_value_of_the_first_event(log: list[Event], top: int) -> None:
    values = {event.seq: event.properties["k"] for event in log}
    reach = {k: len({e.person for e in log if values[e.seq] == k}) for k in values.values()}
    shown = sorted(reach, key=lambda k: (-reach[k], k))[:top]
    truth = sessions(log)
    groups = {"(total)": list(truth)} if log else {}
    for session in truth:
        value = values[session["seqs"][0]]
        groups.setdefault(value if value in shown else "(other)", []).append(session)
    with store(log) as opened:
        table = rows(opened.sessions(by=["properties.k"], top=top))
    assert {row["properties.k"] for row in table} == set(groups)
    for row in table:
        check_counts(row, groups[row["properties.k"]])


@settings(max_examples=8)
@given(log=LOGS)
def test_who_lists_the_people_of_every_cell(log: list[Event]) -> None:
    truth = sessions(log)
    cells: dict[str, Callable[[Session], bool]] = {
        "people": lambda session: session["events"] > 0,
        "bounced": lambda session: session["is_bounce"],
        "converted": lambda session: session["converted"],
    }
    with store(log) as opened:
        for cell, holds in cells.items():
            everybody = sorted({session["person"] for session in truth if holds(session)})
            assert worlds.people(opened, "sessions", cell) == everybody
        assert (
            len(worlds.people(opened, "sessions", "people")) == rows(opened.sessions())[0]["people"]
        )


CHAINS = worlds.crowds(
    boundary_logs(
        session_ids=(None,), min_events=4, max_events=8, people=("p1", "p2"),
        moves=(15 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE), late=False,
    )
)  # fmt: skip
FAULTS: dict[str, tuple[Callable[[list[Event]], list[Session]], dict[str, Any]]] = {
    "a gap of exactly the time-out cuts": (oracle.wrong_gap_at_limit, {}),
    "exactly the longest length cuts": (
        lambda log: oracle.wrong_length_at_limit(log, max_length_us=45 * MINUTE),
        {"max_length": "45m"},
    ),
    "midnight is that of UTC": (
        oracle.wrong_midnight_in_utc,
        {"split": "midnight", "tz": "Europe/Berlin"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_variant_is_told_from_the_answer(fault: str) -> None:
    wrong, options = FAULTS[fault]

    def differs(log: list[Event]) -> bool:
        with store(log) as opened:
            (row,) = rows(opened.sessions(**options))
        return bool(row["sessions"] != len(wrong(log)))

    find(CHAINS, differs, settings=settings(max_examples=100, phases=worlds.UNSHRUNK))


# --- edges, as sentences ----------------------------------------------------------------------


def test_an_empty_store_has_no_sessions_and_no_rates() -> None:
    with store(b"") as log:
        (row,) = rows(log.sessions())
    check_counts(row, [])


def test_one_event_is_a_session_of_no_length() -> None:
    with store(told("2024-05-01T10:00:00Z ann page_view")) as log:
        (row,) = rows(log.sessions())
    assert (row["sessions"], row["zero_length"], row["duration_median_s"]) == (1, 1, 0.0)


def test_events_of_nobody_are_no_session() -> None:
    with store(told("2024-05-01T10:00:00Z guest page_view\n2024-05-01T10:00:00Z - click")) as log:
        result = log.sessions()
    assert rows(result)[0]["sessions"] == 0
    assert result.meta["left_out"]["of_nobody"] == 2


def test_at_one_instant_the_first_to_arrive_is_the_entry() -> None:
    text = """
    2024-05-01T10:00:00Z ann click page_path=/second
    2024-05-01T10:00:00Z ann click page_path=/first
    """
    with store(told(text)) as log:
        (row,) = rows(log.sessions(), "sessions")
    assert (row["entry_page"], row["exit_page"]) == ("/second", "/first")


@pytest.mark.time
def test_the_day_without_a_clock_hour_has_its_own_midnight() -> None:
    text = """
    2024-03-31T21:50:00Z ann page_view
    2024-03-31T22:05:00Z ann page_view
    2024-10-27T22:50:00Z ann page_view
    2024-10-27T23:05:00Z ann page_view
    """
    # Berlin: midnight after the day of 23 h is 22:00 UTC, after the day of 25 h 23:00 UTC.
    with store(told(text)) as log:
        (row,) = rows(log.sessions(split="midnight", tz="Europe/Berlin"))
        (whole,) = rows(log.sessions(tz="Europe/Berlin"))
    assert (row["sessions"], whole["sessions"]) == (4, 2)


def test_a_device_is_its_user_before_and_after_the_link() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone    page_view
    2024-05-01T10:10:00Z ann~phone login
    2024-05-01T10:20:00Z ~phone    page_view
    """
    with store(told(text)) as log:
        table = rows(log.sessions(), "sessions")
    assert [(row["person_id"], row["events"]) for row in table] == [("ann", 3)]


def test_a_device_with_two_users_is_parted_by_time() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone    page_view
    2024-05-01T10:05:00Z ann~phone login
    2024-05-01T10:10:00Z ~phone    page_view
    2024-05-01T10:15:00Z bob~phone login
    2024-05-01T10:20:00Z ~phone    page_view
    """
    with store(told(text)) as log:
        table = rows(log.sessions(), "sessions")
    assert [(row["person_id"], row["events"]) for row in table] == [("ann", 3), ("bob", 2)]


def test_a_device_that_goes_back_to_its_first_user_is_that_user_again() -> None:
    text = """
    2024-05-01T10:00:00Z ann~phone login
    2024-05-01T10:05:00Z bob~phone login
    2024-05-01T10:10:00Z ~phone    page_view
    2024-05-01T10:15:00Z ann~phone login
    2024-05-01T10:20:00Z ~phone    page_view
    """
    with store(told(text)) as log:
        table = rows(log.sessions(), "sessions")
    assert [(row["person_id"], row["events"]) for row in table] == [("ann", 3), ("bob", 2)]


def test_a_device_named_like_a_user_is_somebody_else() -> None:
    text = "2024-05-01T10:00:00Z ann page_view\n2024-05-01T10:05:00Z ~ann page_view"
    with store(told(text)) as log:
        (row,) = rows(log.sessions())
        assert len(worlds.people(log, "sessions", "people")) == row["people"] == 2


def test_a_device_named_like_a_user_may_begin_at_the_same_instant() -> None:
    text = "2024-05-01T10:00:00Z ann page_view\n2024-05-01T10:00:00Z ~ann page_view"
    with store(told(text)) as log:
        assert len(rows(log.sessions(), "sessions")) == 2


def test_as_of_earlier_than_everything_is_an_empty_answer() -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log:
        result = log.sessions(as_of="2024-04-30", trend="day")
    assert rows(result)[0]["sessions"] == 0
    assert rows(result, "trend") == []
    assert result.meta["left_out"]["after_as_of"] == 9


def test_where_takes_events_before_sessions_are_cut() -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log:
        table = rows(log.sessions(where=["event_type = 'click'"]), "sessions")
    assert [(row["person_id"], row["events"]) for row in table] == [("ann", 1), ("bob", 1)]


def test_events_that_people_do_not_cause_do_not_move_the_clock() -> None:
    text = """
    2024-05-01T10:00:00Z ann page_view
    2024-05-01T10:20:00Z ann push_sent
    2024-05-01T10:40:00Z ann page_view
    """
    with store(told(text)) as log:
        assert rows(log.sessions())[0]["sessions"] == 1
    with store(told(text), settings={"passive_events": ("push_sent",)}) as log:
        (row,) = rows(log.sessions())
    assert (row["sessions"], row["events"]) == (2, 2)


def test_the_conversion_event_is_the_one_that_is_set() -> None:
    text = "2024-05-01T10:00:00Z ann signup\n2024-05-01T12:00:00Z ann purchase"
    with store(told(text), settings={"conversion_event": "signup"}) as log:
        table = rows(log.sessions(), "sessions")
    assert [row["converted"] for row in table] == [True, False]


def test_interleaved_ids_are_sessions_of_their_own() -> None:
    text = """
    2024-05-01T10:00:00Z ann page_view session_id=s1
    2024-05-01T10:01:00Z ann page_view session_id=s2
    2024-05-01T10:02:00Z ann page_view session_id=s1
    """
    with store(told(text)) as log:
        table = rows(log.sessions(), "sessions")
        (row,) = rows(log.sessions(session_rule="gap"))
    assert [(r["session_id"], r["events"]) for r in table] == [("s1", 2), ("s2", 1)]
    assert row["sessions"] == 1


def test_ids_taken_as_given_are_not_cut_at_midnight() -> None:
    text = """
    2024-05-01T23:59:00Z ann page_view session_id=s1
    2024-05-02T00:01:00Z ann page_view session_id=s1
    2024-05-01T23:59:00Z bob page_view
    2024-05-02T00:01:00Z bob page_view
    """
    with store(told(text)) as log:
        table = rows(log.sessions(session_rule="given", split="midnight"), "sessions")
    assert [(row["person_id"], row["events"]) for row in table] == [
        ("ann", 2), ("bob", 1), ("bob", 1),
    ]  # fmt: skip


def test_a_new_campaign_begins_a_session_only_when_asked() -> None:
    text = """
    2024-05-01T10:00:00Z ann page_view utm_source=mail utm_medium=email
    2024-05-01T10:01:00Z ann page_view
    2024-05-01T10:02:00Z ann page_view utm_source=mail utm_medium=email
    2024-05-01T10:03:00Z ann page_view utm_source=search utm_medium=cpc
    2024-05-01T10:04:00Z ann page_view
    """
    # One campaign named again is no new one; search after mail is.
    with store(told(text)) as log:
        table = rows(log.sessions(split="campaign"), "sessions")
        (whole,) = rows(log.sessions())
    assert [(row["events"], row["utm_source"]) for row in table] == [(3, "mail"), (2, "search")]
    assert whole["sessions"] == 1


def test_revenue_of_several_currencies_is_not_added_up() -> None:
    text = """
    2024-05-01T10:00:00Z ann purchase revenue=10 currency=EUR
    2024-05-02T10:00:00Z ann purchase revenue=500 currency=JPY
    2024-05-03T10:00:00Z ann page_view
    """
    with store(told(text)) as log:
        result = log.sessions()
        (euros,) = rows(log.sessions(where=["currency = 'EUR'"]))
    assert rows(result)[0]["revenue"] is None
    assert any("several currencies" in note for note in result.notes)
    assert [row["revenue"] for row in rows(result, "sessions")] == [10.0, 500.0, 0.0]
    assert (euros["revenue"], euros["currency"]) == (10.0, "EUR")


def test_ten_seconds_are_engaged_and_a_microsecond_less_is_a_bounce() -> None:
    text = """
    2024-05-01T10:00:00Z        ann click
    2024-05-01T10:00:10Z        ann click
    2024-05-01T10:00:00Z        bob click
    2024-05-01T10:00:09.999999Z bob click
    """
    with store(told(text)) as log:
        table = rows(log.sessions(), "sessions")
    assert [(row["person_id"], row["is_bounce"]) for row in table] == [
        ("ann", False), ("bob", True),
    ]  # fmt: skip


def test_the_list_is_as_long_as_asked_and_earliest_first() -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log:
        counts = {n: len(rows(log.sessions(list=n), "sessions")) for n in ("0", "2", "20", "all")}
        table = rows(log.sessions(list="2"), "sessions")
    assert counts == {"0": 0, "2": 2, "20": 5, "all": 5}
    assert [row["person_id"] for row in table] == ["ann", "ann"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": "soon"}, "a duration must be"),
        ({"max_length": "-1h"}, "a duration must be"),
        ({"list": "some"}, "--list must be a number or all, was 'some'"),
        ({"split": "noon"}, "unknown split 'noon'"),
        ({"bounce": "single"}, "unknown bounce 'single'"),
        ({"session_rule": "cuts"}, "unknown session-rule 'cuts'"),
        ({"who": "bounce"}, "--who must be one of people, bounced, engaged, converted"),
        ({"who": "people", "by": ["country"]}, "--who and --by contradict each other"),
        ({"by": ["people"]}, "people"),
        ({"last": "7d", "to": "2024-05-02"}, "--last and --from/--to contradict each other"),
        ({"from_": "2024-05-02", "to": "2024-05-01"}, "--to must be later than --from"),
        ({"tz": "Europe/Berln"}, "unknown time zone 'Europe/Berln'"),
    ],
)
def test_an_option_that_cannot_be_says_what_it_must_be(
    options: dict[str, Any], message: str
) -> None:
    with store(told(DAY_OF_ANN_AND_BOB)) as log, pytest.raises(UsageError) as failed:
        log.sessions(**options)
    assert message in failed.value.message
