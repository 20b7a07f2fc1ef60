"""Silences: the chance of nothing, against a bare sum, and on logs that must not alarm."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.doctor.calendar import DAILY
from clickcli.doctor.silences import Pace, silences

ODDS = 1e9


def _weekdays(number: int) -> np.ndarray:
    return np.arange(number, dtype=np.int64) % 7


def _found(counts: list[int], pace: Pace = DAILY) -> list[tuple[int, int]]:
    array = np.array(counts, dtype=np.int64)
    return [(one.start, one.end) for one in silences(array, _weekdays(len(counts)), pace, ODDS)]


def test_a_silent_day_among_even_days_is_found() -> None:
    # 30 a day without any scatter: phi is 1, and the chance of none is exp(-30) < 1e-9.
    assert _found([30] * 28 + [0] + [30] * 5) == [(28, 29)]


def test_one_day_says_nothing_where_21_events_a_day_are_not_usual() -> None:
    # exp(-20) > 1e-9 > exp(-21).
    assert _found([20] * 28 + [0]) == []
    assert _found([21] * 28 + [0]) == [(28, 29)]


def test_the_chance_of_a_silence_is_the_product_over_its_days() -> None:
    counts = np.array([10] * 28 + [0] * 3, dtype=np.int64)
    (one,) = silences(counts, _weekdays(31), DAILY, ODDS)
    assert one.usual == pytest.approx(30)
    assert exp(one.log_chance) == pytest.approx(exp(-30))


def test_scatter_makes_a_silence_likelier() -> None:
    # 0 and 60 in turn over whole weeks: the mean is 30, but none on a day is every other day.
    assert _found([0, 60] * 14 + [0] + [0, 60] * 14) == []


def test_dispersion_is_that_of_pearson() -> None:
    # Weekly pattern 40, 50, 60, 40 … over four weeks on each weekday: by hand for one slot each.
    counts = [20, 40] * 14 + [0]
    context = np.array(counts[:28], dtype=float)
    slots = _weekdays(28)
    means = np.array([context[slots == slot].mean() for slot in range(7)])
    phi = ((context - means[slots]) ** 2 / means[slots]).sum() / (28 - 7)
    array = np.array(counts, dtype=np.int64)
    (one,) = silences(array, _weekdays(29), DAILY, 10.0)
    assert one.log_chance == pytest.approx(-means[0] * log(phi) / (phi - 1))


def test_weekends_off_are_no_silence() -> None:
    week = [50, 50, 50, 50, 50, 0, 0]
    assert _found(week * 6) == []


def test_a_silent_week_day_among_weekends_off_is() -> None:
    week = [50, 50, 50, 50, 50, 0, 0]
    assert _found([*week * 4, 50, 0, 50, 50, 50, 0, 0, *week]) == [(29, 30)]


def test_within_three_weeks_a_long_weekend_is_no_silence_and_four_days_are() -> None:
    assert _found([50] * 5 + [0] * 3 + [50] * 5) == []
    assert _found([50] * 5 + [0] * 4 + [50] * 5) == [(5, 9)]


def test_six_days_are_too_few_to_know_what_is_usual() -> None:
    assert _found([50] * 6 + [0] * 30) == []
    assert _found([50] * 7 + [0] * 30) == [(7, 37)]


def test_a_peak_makes_no_other_day_silent() -> None:
    quiet = [3, 2, 4, 3, 2, 0, 3]
    assert _found([*quiet * 2, *quiet[:6], 5000, *quiet * 2]) == []


def test_something_every_second_week_may_be_late_by_a_week() -> None:
    fortnight = [0] * 10 + [110] + [0] * 3
    assert _found([*fortnight * 4, *[0] * 7]) == []


@given(st.lists(st.integers(0, 40), max_size=80))
def test_only_zeros_are_silences_and_they_never_overlap(counts: list[int]) -> None:
    last = 0
    for start, end in _found(counts):
        assert last <= start < end
        assert not any(counts[start:end])
        assert start == 0 or counts[start - 1]
        assert end == len(counts) or counts[end]
        last = end


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_even_poisson_days_never_alarm(rate: int, seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(rate, 60)
    found = silences(counts.astype(np.int64), _weekdays(60), DAILY, ODDS)
    assert [one for one in found if one.usual < 15] == []
    assert found == [] or not counts.all()
