"""Scores, segment, tier and recommendations of a person are those that their commands tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clickcli.analysis import Shared
from clickcli.api import Log
from clickcli.recommend import Wish
from clickcli.recommend.options import TrainOptions
from tests.analyses.worlds import rows, store, told

PEOPLE = 12


def shop() -> str:
    """Return a log: person n buys n times, a day apart, and looks at items n to n + 2; p0 never."""
    lines = []
    for person in range(PEOPLE):
        views = [f"p{person} view item_id=i{person + step} price=5" for step in range(3)]
        buys = [f"p{person} purchase item_id=i{person} revenue={person + day} currency=EUR"
                for day in range(person)]  # fmt: skip
        lines += [f"2024-05-01T0{n}:00:00Z {view}" for n, view in enumerate(views)]
        lines += [f"2024-05-{n + 2:02}T08:00:00Z {buy}" for n, buy in enumerate(buys)]
    lines.append("2024-05-03T00:00:00Z ~phone view item_id=i1")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    """A log with a model; not to be written to."""
    with store(told(shop())) as opened:
        opened.recommender.train(TrainOptions(method="itemknn"), Shared())
        yield opened


def one(log: Log, person: str | None, **options: Any) -> dict[str, Any]:
    (row,) = rows(log.person(person, **options), "scores")
    return row


@pytest.mark.parametrize("person", ["p1", "p5", "p11"])
def test_a_buyer_has_the_numbers_of_rfm_clv_and_features(log: Log, person: str) -> None:
    found, is_own = one(log, person), pl.col("person_id") == person
    (rfm,) = log.rfm(list="all").to_polars("people").filter(is_own).to_dicts()
    (clv,) = log.clv(list="all").to_polars("people").filter(is_own).to_dicts()
    (features,) = log.features.persons().filter(is_own).collect().to_dicts()
    for name in ("segment", "r_score", "f_score", "m_score"):
        assert found[name] == rfm[name]
    for name in ("value", "p_alive", "expected_purchases"):
        assert found[name] == pytest.approx(clv[name])
    assert (found["value_tier"], found["value_currency"]) == (clv["tier"], "EUR")
    for name in ("churn_risk", "engagement_score", "loyalty_score"):
        assert found[name] == pytest.approx(features[name])


def test_who_came_a_gap_ago_is_gone_by_half(log: Log) -> None:
    # p1: 1 May 00:00 to 02:00 in three sessions, 2 May 08:00; mean gap 32 h ÷ 3, at least a day
    assert one(log, "p1", as_of="2024-05-03T07:59:59.999999+00:00")["churn_risk"] == (
        pytest.approx(0.5)
    )


def test_who_never_bought_has_scores_alone_and_nobody_elses_purchases_are_read() -> None:
    text = "2024-05-01T00:00:00Z ann view\n2024-05-02T00:00:00Z bob purchase revenue=3\n"
    with store(told(text)) as opened:
        (other,) = (one.path for one in opened.dataset().files if "2024-05-02" in one.path)
        Path(other).write_bytes(b"no Parquet")
        found = one(opened, "ann")
    assert found["churn_risk"] == pytest.approx(1 - 2 ** (-1 / 14))
    assert [found[name] for name in ("segment", "value_tier", "value", "r_score")] == [None] * 4


def test_a_person_of_passive_events_alone_has_no_scores() -> None:
    text = "2024-05-01T00:00:00Z ann push_sent"
    with store(told(text), settings={"passive_events": ("push_sent",)}) as opened:
        assert set(one(opened, "ann").values()) == {None}


def test_the_option_says_what_a_purchase_is(log: Log) -> None:
    assert one(log, "p0")["segment"] is None
    assert one(log, "p0", purchase=("view",))["segment"] is not None


def test_the_recommendations_are_the_first_of_recommend(log: Log) -> None:
    asked = log.recommender.user("p3", Wish(k=5)).rows
    found = rows(log.person("p3"), "recommendations")
    assert len(found) == 5
    assert [tuple(row.values()) for row in found] == [
        (r.rank, r.item_id, pytest.approx(r.score), r.why, r.source, r.model, r.trained_as_of)
        for r in asked
    ]
    assert found[0]["source"] == "itemknn"
    of_device = rows(log.person(device="phone"), "recommendations")
    wanted = log.recommender.user("phone", Wish(k=5), is_device=True).rows
    assert [row["item_id"] for row in of_device] == [row.item_id for row in wanted]


def test_a_model_that_knows_what_came_later_is_not_asked(log: Log) -> None:
    end = datetime.fromisoformat(log.recommender.model().manifest["as_of"])
    assert end > datetime(2024, 5, 5, tzinfo=UTC)
    result = log.person("p3", as_of="2024-05-05")
    assert rows(result, "recommendations") == []
    assert "no recommendations: the model knows what came after as-of" in result.notes
    assert rows(log.person("p3", as_of=end.isoformat()), "recommendations")


def test_without_a_model_a_note_says_how_to_train_one() -> None:
    with store(told(shop())) as opened:
        result = opened.person("p3")
    assert rows(result, "recommendations") == []
    assert "no recommendations: no model is trained: clickcli train" in result.notes


def test_a_person_newer_than_the_model_is_given_what_is_trending() -> None:
    with store(told(shop())) as opened:
        opened.recommender.train(TrainOptions(method="itemknn"), Shared())
        opened.ingest(_file(opened, "2024-06-01T00:00:00Z new view item_id=i3"))
        result = opened.person("new")
    assert {row["source"] for row in rows(result, "recommendations")} == {"trending"}
    assert any("knows nothing of the user 'new'" in note for note in result.notes)
    assert any("older than the data" in note for note in result.notes)


def test_a_damaged_model_leaves_the_rest_of_the_page() -> None:
    with store(told(shop())) as opened:
        opened.recommender.train(TrainOptions(method="itemknn"), Shared())
        path = opened.recommender.model().files["top"]
        path.write_bytes(path.read_bytes()[:-3])
        result = opened.person("p3")
    assert rows(result)[0]["person_id"] == "p3"
    assert rows(result, "recommendations") == []
    assert any("damaged" in note and "clickcli train" in note for note in result.notes)


def test_an_export_holds_the_kept_list_and_that_of_nobody_else(log: Log) -> None:
    keys = log.store.privacy().export("user", "p3").keys
    found = log.recommender.kept(keys)
    asked = log.recommender.user("p3", Wish(k=50)).rows
    assert [(row.rank, row.item_id) for row in found] == [(r.rank, r.item_id) for r in asked]
    assert log.recommender.kept(log.store.privacy().export("user", "nobody").keys) == []


def test_who_opted_out_can_still_have_the_list_that_is_kept() -> None:
    with store(told(shop())) as opened:
        opened.recommender.train(TrainOptions(method="itemknn"), Shared())
        privacy = opened.store.privacy()
        privacy.consent("opt_out", ["p3"])
        assert opened.recommender.kept(privacy.export("user", "p3").keys)
    with store(told(shop())) as opened:
        assert opened.recommender.kept(opened.store.privacy().export("user", "p3").keys) == []


def _file(log: Log, text: str) -> Path:
    path = Path(log.store.path).parent / "more.jsonl"
    path.write_bytes(told(text))
    assert json.loads(path.read_text())
    return path
