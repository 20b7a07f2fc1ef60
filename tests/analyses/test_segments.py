"""Segments: numbers of people by hand and by plain loops, clusters that were planted, rules."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from math import expm1, log1p
from typing import Any

import pytest
from hypothesis import given, settings

from clickcli.api import Log
from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import DAY, MINUTE, Event, by_person, instant, local_day
from tests.oracles.logs import boundary_logs
from tests.oracles.sessions import sessions

LOG = told(
    """
    2024-03-01T10:00:00Z ann view
    2024-03-01T10:10:00Z ann purchase revenue=40 currency=EUR
    2024-03-01T20:00:00Z ann view
    2024-03-03T10:00:00Z ann purchase revenue=60 currency=EUR
    2024-04-10T10:00:00Z ann view
    2024-03-02T10:00:00Z bob view
    2024-04-20T10:00:00Z cat view
    2024-04-29T10:00:00Z dan purchase price=750 quantity=2 currency=EUR
    2024-02-01T10:00:00Z dan view
    2024-04-30T10:00:00Z - view
    """
)
# As of 30 April 10:00. ann: sessions on 1 March (two), 3 March, 10 April: 4 on 3 days, 5 events,
# 20 days away. bob: seen once, 59 days ago: at risk. cat: seen first 10 days ago: new. dan: 2
# sessions, 1,500 in the second: high-value.
NAMES = ("person_id", "segment", "sessions", "active_days", "events", "purchases", "revenue",
         "recency_days")  # fmt: skip


def test_the_golden_table_of_rules() -> None:
    with store(LOG) as log:
        result = log.segments(rules=True)
    assert [tuple(row[name] for name in NAMES) for row in rows(result, "people")] == [
        ("bob", "at risk", 1, 1, 1, 0, 0.0, 59.0),
        ("dan", "high-value", 2, 2, 2, 1, 1500.0, 1.0),
        ("cat", "new", 1, 1, 1, 0, 0.0, 10.0),
        ("ann", "regular", 4, 3, 5, 2, 100.0, 20.0),
    ]
    assert [(row["segment"], row["people"]) for row in rows(result)] == [
        ("at risk", 1), ("high-value", 1), ("new", 1), ("regular", 1),
    ]  # fmt: skip
    for row in rows(result):
        check_rate(row, "share", 1, 4)
    assert [row["sessions"] for row in rows(result)] == [1, 2, 1, 4]
    assert [row["revenue"] for row in rows(result)] == [0, 1500, 0, 100]
    assert rows(result, "fit") == []


SETTINGS: list[tuple[dict[str, float], dict[str, str]]] = [
    ({"segments_power_days": 3}, {"ann": "power"}),
    ({"segments_power_days": 4}, {"ann": "regular"}),
    ({"segments_high_value": 100}, {"ann": "high-value", "dan": "high-value"}),
    ({"segments_risk_days": 20}, {"ann": "regular"}),
    ({"segments_risk_days": 19.9}, {"ann": "at risk"}),
    ({"segments_new_days": 9.9}, {"cat": "regular"}),
    ({"segments_new_days": 61}, {"ann": "new", "bob": "new", "dan": "high-value"}),
]


@pytest.mark.parametrize(("given", "wanted"), SETTINGS)
def test_the_rules_are_settings(given: dict[str, float], wanted: dict[str, str]) -> None:
    with store(LOG, settings=given) as log:
        found = {r["person_id"]: r["segment"] for r in rows(log.segments(rules=True), "people")}
    assert {name: found[name] for name in wanted} == wanted


def test_new_is_judged_by_the_first_event_ever_not_of_the_period() -> None:
    with store(LOG) as log:
        found = rows(log.segments(rules=True, from_="2024-04-01"), "people")
    assert {row["person_id"]: row["segment"] for row in found} == {
        "ann": "regular", "cat": "new", "dan": "high-value",
    }  # fmt: skip


def test_the_people_of_a_cell() -> None:
    with store(LOG) as log:
        assert worlds.people(log, "segments", "at risk", rules=True) == ["bob"]
        assert worlds.people(log, "segments", "power", rules=True) == []
        with pytest.raises(UsageError, match="--who must be one of new, at risk"):
            log.segments(rules=True, who="rich")


@settings(max_examples=8, deadline=None)
@given(boundary_logs(event_types=("view", "purchase"), session_ids=(None,), max_events=14))
def test_the_numbers_of_people_equal_the_oracles(log: list[Event]) -> None:
    now = max((event.ts for event in log), default=0)
    with store(log) as opened:
        found = {r["person_id"]: r for r in rows(opened.segments(tz="Europe/Berlin"), "people")}
    wanted = by_person(log)
    assert found.keys() == wanted.keys()
    visits = sessions(log)
    for person, events in wanted.items():
        row, own = found[person], [one for one in visits if one["person"] == person]
        assert (row["sessions"], row["events"]) == (len(own), len(events))
        assert row["active_days"] == len({local_day(one["start"], "Europe/Berlin") for one in own})
        assert row["purchases"] == sum(event.event_type == "purchase" for event in events)
        assert row["recency_days"] == pytest.approx((now - max(e.ts for e in events)) / DAY)


def planted() -> list[Event]:
    """Return people of three kinds: who buy much, who come often, who came once, long ago."""
    start = instant("2024-03-01T12:00:00")
    found: list[tuple[int, str, str, dict[str, Any]]] = []
    kinds = {"buys": (6, 3, 400), "comes": (20, 0, 0), "once": (1, 0, 0)}
    for kind, (days, purchases, worth) in kinds.items():
        for number in range(20):
            last = 30 if kind != "once" else 3 + number % 3
            for day in range(days + number % 2 * (days > 1)):
                ts = start + (last - day) * DAY + number * MINUTE
                found.append((ts, f"{kind}{number}", "view", {}))
                if day < purchases:
                    value = {"revenue": worth + number, "currency": "JPY"}
                    found.append((ts + MINUTE, f"{kind}{number}", "purchase", value))
    found.sort(key=lambda one: one[:2])
    return [Event(row[0], seq, row[1], row[2], None, row[3]) for seq, row in enumerate(found)]


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with store(planted()) as opened:
        yield opened


@pytest.mark.parametrize("k", ["3", "auto"])
def test_planted_kinds_are_found_and_numbered_by_value(log: Log, k: str) -> None:
    result = log.segments(k=k, list="all")
    (fit,) = rows(result, "fit")
    assert (fit["k"], fit["people"], fit["structure"]) == (3, 60, True)
    assert fit["silhouette"] > max(0.5, fit["silhouette_cloud"])
    found = {row["person_id"]: row["segment"] for row in rows(result, "people")}
    kinds = {"1": "buys", "2": "comes", "3": "once"}
    assert all(person.startswith(kinds[segment]) for person, segment in found.items())
    assert [(row["segment"], row["people"]) for row in rows(result)] == [
        ("1", 20), ("2", 20), ("3", 20),
    ]  # fmt: skip
    for cell, kind in kinds.items():
        assert worlds.people(log, "segments", cell, k=k) == sorted(
            person for person in found if person.startswith(kind)
        )


def test_centres_are_in_the_numbers_own_units_and_deviations_name_what_is_special(
    log: Log,
) -> None:
    result = log.segments(list="all")
    people = rows(result, "people")
    for row in rows(result):
        inside = [one for one in people if one["segment"] == row["segment"]]
        for name in ("sessions", "revenue", "recency_days"):
            mean = sum(log1p(one[name]) for one in inside) / len(inside)
            assert row[name] == pytest.approx(expm1(mean), abs=1e-9)
    buys, comes, once = rows(result)
    assert buys["deviations"].startswith(("revenue +", "purchases +"))
    assert "revenue -" in comes["deviations"] or "sessions +" in comes["deviations"]
    assert "recency_days +" in once["deviations"]


@pytest.mark.parametrize("k", ["1", "0", "-3", "many", "51", "2.5", "", "９"])
def test_a_number_of_clusters_that_is_none_is_refused(log: Log, k: str) -> None:
    with pytest.raises(UsageError, match="--k must be auto or a number"):
        log.segments(k=k)


def test_a_cluster_that_is_not_there_is_refused(log: Log) -> None:
    with pytest.raises(UsageError, match="--who must be one of 1, 2, 3"):
        log.segments(who="4")


def test_more_clusters_than_kinds_of_people_are_told() -> None:
    lines = [f"2024-03-01T10:00:{n:02}Z p{n} {'view' if n % 2 else 'purchase revenue=5'}"
             for n in range(20)]  # fmt: skip
    with store(told("\n".join(lines))) as opened:
        result = opened.segments(k="50")
    assert rows(result, "fit")[0]["k"] < 50
    assert any("kinds of people differ" in note for note in result.notes)


def test_few_or_equal_people_are_one_cluster_and_that_is_told() -> None:
    with store(LOG) as opened:
        few = opened.segments()
    assert [(row["segment"], row["people"]) for row in rows(few)] == [("1", 4)]
    assert "fewer than 10 people: one cluster" in few.notes
    lines = [f"2024-03-01T10:00:00Z p{number} view" for number in range(12)]
    with store(told("\n".join(lines))) as opened:
        same = opened.segments()
    (fit,) = rows(same, "fit")
    assert (fit["k"], fit["silhouette"], fit["structure"], fit["numbers"]) == (1, None, False, "")
    assert any("the same for everybody: sessions" in note for note in same.notes)


def test_a_cloud_is_told_to_be_one() -> None:
    draw, found = random.Random(2), []
    for number in range(60):
        for _ in range(round(draw.lognormvariate(2.0, 0.7)) + 1):
            day = min(max(round(draw.gauss(20, 8)), 0), 39)
            moment = f"2024-0{3 + day // 20}-{1 + day % 20:02}T{draw.randrange(24):02}:00:00Z"
            found.append(f"{moment} p{number} view")
    with store(told("\n".join(found))) as opened:
        auto, three = opened.segments(k="auto"), opened.segments()
    for result, then in ((auto, "everybody is in one"), (three, "cuts through a cloud")):
        assert not rows(result, "fit")[0]["structure"]
        assert any(then in note for note in result.notes)
    assert [row["people"] for row in rows(auto)] == [60]
    assert len(rows(three)) == 3


def test_revenue_in_two_currencies_does_not_count() -> None:
    text = """2024-03-01T10:00:00Z ann purchase revenue=5 currency=EUR
              2024-03-01T10:00:00Z bob purchase revenue=500 currency=JPY"""
    with store(told(text)) as opened:
        result = opened.segments(rules=True)
    assert [row["revenue"] for row in rows(result, "people")] == [None, None]
    assert any("several currencies" in note for note in result.notes)


def test_refunds_and_a_huge_seed_do_no_harm() -> None:
    refunded = [
        replace(event, properties={"revenue": -500, "currency": "JPY"})
        if event.person == "buys3" and event.event_type == "purchase" else event
        for event in planted()
    ]  # fmt: skip
    with store(refunded) as opened:
        result = opened.segments(seed=2**40, list="all")
    assert [row["people"] for row in rows(result)] == [20, 20, 20]
    assert all(math.isfinite(row["revenue"]) for row in rows(result))
    spent = {row["person_id"]: row["revenue"] for row in rows(result, "people")}
    assert spent["buys3"] == -1500


def test_a_log_of_nobody_has_no_segments() -> None:
    with store(told("2024-03-01T10:00:00Z - view")) as opened:
        result = opened.segments()
        assert opened.segments(who="1").to_polars().height == 0
    assert all(table.height == 0 for table in result.tables.values())
    assert "no sessions in the period" in result.notes


def test_two_processes_give_the_same_bytes(log: Log) -> None:
    options = {"k": "auto", "list": "all"}
    here = worlds.written(log, "segments", options)
    assert here == worlds.written_elsewhere(log, "segments", options)
