"""Similar people and items by hand, against plain loops, and what is refused."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from math import isclose, log, log1p, sqrt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import Undecidable, UsageError
from tests.analyses import worlds
from tests.analyses.worlds import rows, store, told
from tests.oracles import DAY, Event
from tests.oracles.logs import boundary_logs

LOG = told(
    """
    2024-05-01T10:00:00Z ann  view_item item_id=tea country=DE
    2024-05-01T10:00:01Z ann  purchase  item_id=jam country=DE
    2024-05-01T10:00:02Z bob  view_item item_id=tea country=DE
    2024-05-01T10:00:03Z bob  view_item item_id=egg country=FR
    2024-05-01T10:00:04Z ~ann view_item item_id=jam country=DE
    2024-05-01T10:00:05Z cat  view_item item_id=ham country=FR
    2024-05-01T10:00:06Z -    view_item item_id=ham
    """
)
# Views count 1, purchases 5, ratings ln(1 + s): ann has tea ln 2 and jam ln 6; bob tea and egg
# ln 2 each; the device ann has jam ln 2. By ann's length sqrt(ln²2 + ln²6):
# ann and bob: ln²2 / (that x sqrt(2) ln 2), the device: ln 6 / that. cat shares nothing.
PLAIN: dict[str, Any] = {"half_life": "none", "min_events": 1}
LENGTH = sqrt(log(2) ** 2 + log(6) ** 2)


def test_people_like_a_user() -> None:
    with store(LOG) as opened:
        first, second = rows(opened.similar(user="ann", **PLAIN))
    names = ("rank", "id", "is_known", "overlap", "own", "theirs", "events")
    assert tuple(first[name] for name in names) == (1, "ann", False, 1, 2, 1, 1)
    assert tuple(second[name] for name in names) == (2, "bob", True, 1, 2, 2, 2)
    assert isclose(first["similarity"], log(6) / LENGTH, abs_tol=1e-9)
    assert isclose(second["similarity"], log(2) / (LENGTH * sqrt(2)), abs_tol=1e-9)


def test_items_like_an_item_and_who_has_both() -> None:
    with store(LOG) as opened:
        found = rows(opened.similar(item="tea", **PLAIN))
        assert worlds.people(opened, "similar", "overlap:jam", item="tea", **PLAIN) == ["ann"]
    # tea: ann, bob ln 2 each. egg: bob ln 2: 1 / sqrt(2). jam: ann ln 6, the device ln 2.
    assert [(row["id"], row["is_known"], row["overlap"], row["theirs"]) for row in found] == [
        ("egg", None, 1, 1), ("jam", None, 1, 2),
    ]  # fmt: skip
    assert isclose(found[0]["similarity"], 1 / sqrt(2), abs_tol=1e-9)
    assert isclose(found[1]["similarity"], log(6) / (LENGTH * sqrt(2)), abs_tol=1e-9)


def test_an_event_counts_half_at_the_half_life() -> None:
    text = """
    2024-05-01T10:00:00Z ann view_item item_id=tea
    2024-05-02T10:00:00Z ann view_item item_id=jam
    2024-05-02T10:00:00Z bob view_item item_id=tea
    """
    with store(told(text)) as opened:
        (row,) = rows(opened.similar(user="ann", min_events=1, half_life="1d"))
    assert isclose(row["similarity"], log(1.5) / sqrt(log(1.5) ** 2 + log(2) ** 2), abs_tol=1e-9)


def test_a_device_is_asked_for_where_no_user_has_the_id() -> None:
    text = """
    2024-05-01T10:00:00Z ~phone view_item item_id=tea
    2024-05-01T10:00:00Z bob    view_item item_id=tea
    """
    with store(told(text)) as opened:
        assert [row["id"] for row in rows(opened.similar(user="phone", **PLAIN))] == ["bob"]


def test_a_breakdown_compares_within_each_value() -> None:
    with store(LOG) as opened:
        found = rows(opened.similar(user="ann", by=["country"], **PLAIN))
    assert [(row["country"], row["id"], row["is_known"]) for row in found] == [
        ("(total)", "ann", False), ("(total)", "bob", True), ("DE", "ann", False),
        ("DE", "bob", True),
    ]  # fmt: skip


def test_too_few_events_are_refused_and_leave_others_out() -> None:
    options = PLAIN | {"min_events": 2}
    with store(LOG) as opened:
        assert [row["id"] for row in rows(opened.similar(user="ann", **options))] == ["bob"]
        with pytest.raises(Undecidable, match="at least 2 events about items, has 1"):
            opened.similar(user="cat", **options)
        with pytest.raises(Undecidable, match="'egg'"):
            opened.similar(item="egg", **options)


@pytest.mark.parametrize(
    ("options", "hint"),
    [({"item": "te"}, "tea"), ({"user": "anna"}, "ann"), ({"user": "\x1b[31m" * 99}, "events")],
    ids=["item", "user", "hostile"],
)
def test_an_unknown_id_is_refused_with_a_hint(options: dict[str, str], hint: str) -> None:
    with store(LOG) as opened, pytest.raises(UsageError) as error:
        opened.similar(**options, **PLAIN)
    assert hint in str(error.value.hint)


@pytest.mark.parametrize(
    "options",
    [{}, {"user": "ann", "item": "tea"}, {"user": "ann", "who": "overlap:tea"},
     {"item": "tea", "who": "tea"}, {"item": "tea", "half_life": "0s"}],
    ids=["neither", "both", "who of a user", "who", "half-life"],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with store(LOG) as opened, pytest.raises(UsageError):
        opened.similar(**options)


@pytest.mark.parametrize(
    ("text", "options", "word"),
    [
        ("2024-05-01T10:00:00Z ann click", {"item": "tea"}, "--view"),
        ("2024-05-01T10:00:00Z ann view_item item_id=tea", {"user": "ann"}, "nobody else"),
    ],
    ids=["no items", "one person"],
)
def test_nothing_to_compare_with_is_an_empty_answer_with_a_note(
    text: str, options: dict[str, str], word: str
) -> None:
    with store(told(text)) as opened:
        result = opened.similar(**options, **PLAIN)
    assert not rows(result)
    assert any(word in note for note in result.notes)


def test_similar_is_the_same_both_ways_and_never_above_1() -> None:
    text = "".join(
        f"2024-05-01T10:00:{n:02}Z p{n % 3} view_item item_id=i{n % 2}\n" for n in range(30)
    )
    with store(told(text)) as opened:
        there = {row["id"]: row["similarity"] for row in rows(opened.similar(user="p0"))}
        back = {row["id"]: row["similarity"] for row in rows(opened.similar(user="p1"))}
    assert there["p1"] == back["p0"] <= 1


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = worlds.told_twice(
        tmp_path, LOG, "similar", "--item", "tea", "--min-events", "1"
    )
    assert first == second
    assert json.loads(first)["data"]


@st.composite
def item_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs of views, adds and purchases of few items."""
    types = ("view", "view", "cart", "purchase")
    log = draw(boundary_logs(event_types=types, max_events=14, moves=(0, 1, DAY, 30 * DAY)))
    return [
        replace(event, properties={"item_id": draw(st.sampled_from(["a", "b", "c", None]))})
        for event in log
    ]


@settings(max_examples=20)
@given(item_logs(), st.booleans(), st.booleans())
def test_similarities_equal_plain_loops(events: list[Event], of_user: bool, undamped: bool) -> None:
    weights = {"view": 1, "cart": 3, "purchase": 5}
    sums: dict[tuple[str, str], float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    end = max((event.ts for event in events), default=0)
    for event in events:
        if (item := event.properties["item_id"]) is not None:
            pair = (event.person, item) if of_user else (item, event.person)
            sums[pair] += weights[event.event_type] * 0.5 ** ((end - event.ts) / (30 * DAY))
            counts[pair[0]] += 1
    vectors: dict[str, dict[str, float]] = defaultdict(dict)
    for (one, other), total in sums.items():
        vectors[one][other] = total if undamped else log1p(total)
    lengths = {one: sqrt(sum(value**2 for value in own.values())) for one, own in vectors.items()}
    with store(events) as opened:
        for one, own in vectors.items():
            options: dict[str, Any] = {"user" if of_user else "item": one, "undamped": undamped}
            result = opened.similar(min_events=1, half_life="30d", **options)
            found = {row["id"]: row for row in rows(result)}
            shared = {other: own.keys() & theirs.keys() for other, theirs in vectors.items()}
            assert found.keys() == {o for o, both in shared.items() if both and o != one}
            for other, row in found.items():
                product = sum(own[key] * vectors[other][key] for key in shared[other])
                cosine = product / (lengths[one] * lengths[other])
                assert isclose(row["similarity"], cosine, abs_tol=2e-6)
                assert row["overlap"] == len(shared[other])
                assert (row["events"], row["theirs"]) == (counts[other], len(vectors[other]))
