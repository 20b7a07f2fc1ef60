"""Frequent sequences are those that plain loops find, under every limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.models import prefixspan
from clickcli.models.prefixspan import Limits, Sequences, closed, frequent_sequences
from tests.oracles import Event
from tests.oracles.baskets import Owned, Pattern, sequences

Found = dict[Pattern, tuple[int, int]]
NAMES = "abc"


def given_as(owned: Sequence[Owned]) -> Sequences:
    rows = [
        (NAMES.index(event.event_type), event.ts, number, int(person))
        for number, (person, events) in enumerate(owned)
        for event in events
    ]
    return Sequences(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def in_words(found: Mapping[tuple[int, ...], tuple[int, int]]) -> Found:
    return {tuple(NAMES[thing] for thing in pattern): counts for pattern, counts in found.items()}


def told(*texts: str) -> list[Owned]:
    """Return sequences, one event a second, each of its own person."""
    return [
        (str(number), [Event(at, at, str(number), kind) for at, kind in enumerate(text)])
        for number, text in enumerate(texts)
    ]


@st.composite
def crowds(draw: st.DrawFn) -> list[Owned]:
    """Draw sequences of up to six events, some at one instant; one of three people each."""
    owned = []
    for number, text in enumerate(
        draw(st.lists(st.text(NAMES, min_size=1, max_size=6), max_size=6))
    ):
        ts = 0
        events: list[Event] = []
        for kind in text:
            ts += draw(st.sampled_from([0, 1, 5, 6]))
            events.append(Event(ts, len(events), str(number // 2), kind))
        owned.append((str(number // 2), events))
    return owned


gaps = st.sampled_from([None, 0, 5])
betweens = st.sampled_from([None, 0, 1])


@settings(max_examples=60, deadline=None)
@given(crowds(), gaps, betweens, st.integers(1, 3))
def test_patterns_and_people_are_those_of_plain_loops(
    owned: list[Owned], max_gap: int | None, max_between: int | None, min_count: int
) -> None:
    limits = Limits(min_count, 4, max_gap=max_gap, max_between=max_between)
    expected = sequences(owned, 4, max_gap, max_between)
    assert in_words(frequent_sequences(given_as(owned), limits)) == {
        pattern: counts for pattern, counts in expected.items() if counts[0] >= min_count
    }


def contains(whole: Pattern, part: Pattern) -> bool:
    rest = iter(whole)
    return all(thing in rest for thing in part)


@settings(max_examples=40, deadline=None)
@given(crowds(), betweens)
def test_closed_patterns_have_no_longer_one_that_says_the_same(
    owned: list[Owned], max_between: int | None
) -> None:
    limits = Limits(1, 6, max_between=max_between)
    found = frequent_sequences(given_as(owned), limits)
    has_gaps = max_between is not None
    every = in_words(found)

    def says_more(whole: Pattern, part: Pattern) -> bool:
        if len(whole) <= len(part) or every[whole][0] != every[part][0]:
            return False
        if not has_gaps:
            return contains(whole, part)
        size = len(part)
        return any(whole[at : at + size] == part for at in range(len(whole) - size + 1))

    expected = {part for part in every if not any(says_more(whole, part) for whole in every)}
    assert set(in_words(closed(found, has_gaps=has_gaps))) == expected


@settings(max_examples=40, deadline=None)
@given(crowds(), st.integers(1, 5), st.integers(1, 2))
def test_the_top_k_are_the_first_of_all(owned: list[Owned], top_k: int, min_len: int) -> None:
    def ranked(**options: Any) -> list[int]:
        found = frequent_sequences(given_as(owned), Limits(1, 4, min_len=min_len, **options))
        return sorted((count for pattern, (count, _) in found.items() if len(pattern) >= min_len),
                      reverse=True)  # fmt: skip

    assert ranked(top_k=top_k)[:top_k] == ranked()[:top_k]


def test_a_later_start_may_reach_what_the_first_does_not() -> None:
    owned = told("acca", "aacb")
    found = in_words(frequent_sequences(given_as(owned), Limits(1, 2, max_between=1)))
    assert found["a", "b"] == (1, 1)
    assert in_words(frequent_sequences(given_as(told("accb")), Limits(1, 2, max_between=1))).get(
        ("a", "b")
    ) is None  # fmt: skip


def test_a_gap_of_exactly_the_limit_is_allowed() -> None:
    owned = told("abc")
    assert ("a", "c") in in_words(frequent_sequences(given_as(owned), Limits(1, 2, max_gap=2)))
    assert ("a", "c") not in in_words(frequent_sequences(given_as(owned), Limits(1, 2, max_gap=1)))


def test_no_events_give_no_patterns() -> None:
    assert frequent_sequences(given_as([]), Limits(1, 3)) == {}


@pytest.mark.parametrize(("limit", "value"), [("MOST_WORK", 5), ("MOST_PATTERNS", 2)])
def test_what_would_be_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(prefixspan, limit, value)
    with pytest.raises(UsageError, match="patterns") as refused:
        frequent_sequences(given_as(told("abcabc")), Limits(1, 6))
    assert "--max-len" in str(refused.value.hint)
