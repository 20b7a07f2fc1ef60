"""Order of arrival, lateness and clocks: at the threshold and just under."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.doctor.checks import arrival
from tests.doctor.world import Line, at, brief, findings, found, line, numbered, steady, store

BASE = steady(range(10), a_day=100)


def _received(lag: float, number: int = 1000, **fields: Any) -> list[Line]:
    return [
        line("tap", n / 200, received_at=at(n / 200, lag), user_id=f"u{n % 7}", **fields)
        for n in range(number)
    ]


def test_events_a_minute_back_are_in_order_and_those_more_than_that_are_not() -> None:
    lines = numbered(BASE)
    just = [dict(lines[-1], event_id=f"x{n}", timestamp=at(9, 85_968 - 60)) for n in range(20)]
    assert findings("out_of_order", [*lines, just[0]]) == []
    # Each event back is followed by the last one again, so that only it is out of order.
    again = [
        one
        for n in range(10)
        for one in (
            dict(lines[-1], event_id=f"b{n}", timestamp=at(5)),
            dict(lines[-1], event_id=f"f{n}"),
        )
    ]
    (row,) = findings("out_of_order", [*lines, *again])
    assert (row["severity"], row["events"], row["all"]) == ("info", 10, 1020)


def test_one_in_a_hundred_out_of_order_is_a_warning() -> None:
    lines = numbered(BASE)[:990]
    back = [dict(lines[n * 90], event_id=f"b{n}", timestamp=at(-1)) for n in range(10)]
    mixed = [one for n in range(10) for one in (*lines[n * 99 : n * 99 + 99], back[n])]
    assert brief(findings("out_of_order", mixed)) == [("warning", "ts", 10)]
    assert brief(findings("out_of_order", mixed[:-1])) == [("info", "ts", 9)]


@settings(max_examples=8)
@given(seed=st.integers(0, 2**20), window=st.integers(7, 40))
def test_windows_over_the_order_of_arrival_change_nothing(seed: int, window: int) -> None:
    draw = random.Random(seed)
    lines = [line("tap", draw.randrange(5), event_id=str(n)) for n in range(60)]
    late = sum(b["timestamp"] < a["timestamp"] for a, b in pairwise(lines))
    with store(lines[:20], lines[20:]) as log, pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrival, "WINDOW", window)
        assert sum(row["events"] for row in found(log, "out_of_order")) == late


def test_a_day_after_is_in_time_and_later_is_late() -> None:
    prompt = _received(1)
    assert findings("late_events", numbered(prompt + _received(86_400, 5))) == []
    (row,) = findings("late_events", numbered(prompt + _received(86_401, 5)))
    assert (row["severity"], row["subject"], row["events"], row["all"]) == (
        "info", "received_at", 5, 1005,
    )  # fmt: skip
    assert findings("late_events", numbered(prompt[:999] + _received(1e6, 1)))[0]["events"] == 1
    assert findings("late_events", numbered(prompt + _received(1e6, 1))) == []
    assert (
        findings("late_events", numbered(prompt[:990] + _received(1e6, 10)))[0]["severity"]
        == "warning"
    )


def test_a_log_without_a_collector_time_has_no_late_events() -> None:
    with store(numbered(BASE)) as log:
        result = log.doctor(checks=["late_events", "clock_skew"])
    assert result.to_polars().height == 0
    assert result.to_polars("checks")["looked_at"].to_list() == [0, 0]


@pytest.mark.parametrize(
    ("lag", "is_off"),
    [(-61, True), (-60, False), (0, False), (300, False), (301, True), (86_400, False)],
)
def test_a_clock_is_off_a_minute_ahead_or_five_behind(lag: float, is_off: bool) -> None:
    odd = [dict(one, anonymous_id="tv", user_id=None) for one in _received(lag, 5)]
    odd = [{key: value for key, value in one.items() if value is not None} for one in odd]
    rows = findings("clock_skew", numbered(_received(1, 100) + odd))
    assert brief(rows) == ([("warning", "tv", 5)] if is_off else [])


def test_four_events_say_nothing_of_a_clock() -> None:
    assert findings("clock_skew", numbered(_received(-7200, 4))) == []


def test_who_is_late_by_various_spans_was_offline_and_has_a_right_clock() -> None:
    lines = [
        line("tap", n / 100, received_at=at(n / 100, 400 + 1000 * n), user_id="phone")
        for n in range(20)
    ]
    assert findings("clock_skew", numbered(lines)) == []


def test_kept_events_of_the_future_are_told() -> None:
    ahead = [dict(one, timestamp="2031-01-01T00:00:00Z") for one in BASE[:2]]
    with store(numbered(BASE + ahead), future="keep") as log:
        assert brief(found(log, "impossible_times")) == [("warning", "future", 2)]
        assert found(log, "impossible_times", to="2030-01-01") == []
