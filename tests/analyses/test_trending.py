"""Trends by hand, against plain loops, and the one planted in the sample data."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings

import clickcli
from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.test_items import item_logs
from tests.analyses.worlds import rows, store, told
from tests.oracles import DAY, Event
from tests.oracles.items import lines, scores

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"
LOG = told(
    """
    2024-05-01T00:00:00Z ann view        item_id=pan
    2024-05-01T00:00:00Z bob purchase    item_id=pan
    2024-05-08T00:00:00Z ann view        item_id=pot
    2024-05-12T00:00:00Z bob view        item_id=pot
    2024-05-15T00:00:00Z ann add_to_cart item_id=pot
    2024-05-15T00:00:00Z ann view        item_id=cup
    """
)
# As of 15 May, half-life 7 d, window 7 d: (8, 15] is the window, (1, 8] the one before.
# pan: 14 d ago a view and a purchase: (1 + 5)/4 = 1.5; a window ago 6/2 = 3: rank 1 of then.
# pot: an add now 3, a view 3 d ago 2^(-3/7) = 0.742997, one 7 d ago 1/2: 4.242997; the view of the
#      8th is just outside the window, 1 event before it, and scored 1 then: rank 2. cup: now 1.


def test_the_golden_table() -> None:
    with store(LOG) as log:
        result = log.trending(half_life="7d")
    names = ("rank", "item", "rank_change", "events", "events_previous", "views", "adds", "people",
             "rank_previous")  # fmt: skip
    assert [tuple(row[name] for name in names) for row in rows(result)] == [
        (1, "pot", 1, 2, 1, 1, 1, 2, 2),
        (2, "pan", -1, 0, 0, 0, 0, 0, 1),
        (3, "cup", None, 1, 0, 1, 0, 1, None),
    ]
    assert [row["score"] for row in rows(result)] == pytest.approx([4.242997, 1.5, 1.0])
    pot = rows(result)[0]
    assert (pot["velocity"], pot["velocity_previous"], pot["growth"]) == (2 / 7, 1 / 7, 2.0)
    assert [row["score_previous"] for row in rows(result)] == pytest.approx([1.0, 3.0, 0.0])


def test_weights_are_options() -> None:
    with store(LOG) as log:
        found = rows(log.trending(weight_view=0, weight_purchase=1000, half_life="7d"))
    assert [(row["item"], row["score"]) for row in found] == [("pan", 250.0), ("pot", 3.0)]


def test_scores_are_those_at_the_end_of_a_period_that_is_over() -> None:
    with store(LOG) as log:
        found = rows(log.trending(to="2024-05-08T00:00:00.000001Z"))
        as_of = rows(log.trending(as_of="2024-05-08"))
    assert found == as_of


def test_the_people_of_a_cell() -> None:
    with store(LOG) as log:
        assert worlds.people(log, "trending", "people:pot") == ["ann", "bob"]
        assert worlds.people(log, "trending", "people:pan") == []


@pytest.mark.parametrize("options", [{"who": "pot"}, {"window": "0d"}, {"half_life": "0s"}])
def test_what_cannot_be_is_refused(options: dict[str, str]) -> None:
    with store(LOG) as log, pytest.raises(UsageError):
        log.trending(**options)


def test_equal_scores_share_a_rank() -> None:
    text = """2024-05-01T10:00:00Z ann view item_id=pan
              2024-05-01T10:00:00Z bob view item_id=pot
              2024-04-20T10:00:00Z bob view item_id=cup"""
    with store(told(text)) as log:
        found = rows(log.trending())
    assert [(row["rank"], row["item"]) for row in found] == [(1, "pan"), (1, "pot"), (3, "cup")]


@settings(max_examples=30)
@given(worlds.crowds(item_logs()))
def test_trends_equal_the_oracles(log: list[Event]) -> None:
    now = max((event.ts for event in log), default=0)
    wanted, before = scores(log, now), scores(log, now - 7 * DAY)
    recent = Counter(
        name
        for event in log
        if event.event_type != "share" and now - event.ts < 7 * DAY
        for name, _, _ in lines(event)
    )
    with store(log) as opened:
        found = {row["item"]: row for row in rows(opened.trending())}
    assert found.keys() == {name for name, score in wanted.items() if score > 1e-6}
    for name, row in found.items():
        assert row["score"] == pytest.approx(wanted[name], abs=1e-4)
        assert row["score_previous"] == pytest.approx(before.get(name, 0.0), abs=1e-4)
        assert row["events"] == recent[name]


def test_the_planted_trend_leads(tmp_path: Path) -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
    planted = truth["planted_in_main"]["trending"]
    with clickcli.create(tmp_path / "store") as log:
        log.ingest(SAMPLE / "events.jsonl.gz")
        first = rows(log.trending(as_of="2025-04-30", window="8d", include_bots=True))[0]
        before = rows(log.items(to=planted["from"], include_bots=True))
    assert (first["rank"], first["item"]) == (1, planted["item_id"])
    assert first["views"] == planted["views_since"]
    (views,) = [row["views"] for row in before if row["item"] == planted["item_id"]]
    assert views == planted["views_before"]
