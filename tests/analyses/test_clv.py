"""Histories of buyers by hand and against plain loops, and what the models make of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.api import Log
from clickcli.errors import UsageError
from clickcli.models.buy_till_you_die import BuyTillYouDie, Histories, Model
from clickcli.models.gamma_gamma import GammaGamma
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import DAY, Event, instant
from tests.oracles.clv import customers, held_out
from tests.oracles.logs import boundary_logs

LOG = told(
    """
    2024-05-01T08:00:00Z ann purchase revenue=10 currency=EUR
    2024-05-01T09:00:00Z ann purchase revenue=5  currency=EUR
    2024-05-06T23:00:00Z ann purchase revenue=20 currency=EUR
    2024-05-11T08:00:00Z ann purchase revenue=25 currency=EUR
    2024-05-11T09:00:00Z ann purchase revenue=5  currency=EUR
    2024-05-02T10:00:00Z bob purchase revenue=99 currency=EUR
    2024-05-03T10:00:00Z cat purchase price=4 quantity=2 currency=EUR
    2024-05-12T10:00:00Z cat purchase
    2024-05-13T10:00:00Z dan view
    """
)
# As of 13 May. ann: days 1, 6, 11: two repeats, ages 10 and 12, mean (20 + 30) / 2. bob: once, 11
# days ago. cat: days 3 and 12; what the repeat brought is not known. Weeks begin on 29 April,
# 6 and 13 May: ann's 6 and 11 are one week, cat's 12 the same week; in Tokyo 23:00 is the next day.


def test_the_golden_histories() -> None:
    names = ("person_id", "repeat_purchases", "age_at_last_purchase", "customer_age", "mean_value")
    with store(LOG) as log:
        days, weeks = (rows(log.clv(unit=unit), "people") for unit in ("day", "week"))
    assert [tuple(row[name] for name in names) for row in days] == [
        ("ann", 2, 10, 12, 25.0), ("bob", 0, 0, 11, None), ("cat", 1, 9, 10, None),
    ]  # fmt: skip
    assert [tuple(row[name] for name in names) for row in weeks] == [
        ("ann", 1, 1, 2, 50.0), ("bob", 0, 0, 2, None), ("cat", 1, 1, 2, None),
    ]  # fmt: skip


def test_too_few_people_who_bought_again_are_told_of_and_get_no_figures() -> None:
    with store(LOG) as log:
        result = log.clv()
    (row,) = rows(result)
    assert (row["tier"], row["people"], row["value"], row["revenue"]) == ("unknown", 3, None, 172.0)
    assert "2 of 3 people bought again: 10 are needed to predict anything" in result.notes
    assert "people with repeat purchases of unknown value: 1" in result.notes
    assert {row["value"] for row in rows(result, "fit")} == {None}
    assert [(row["method"], row["actual"], row["expected"]) for row in rows(result, "holdout")] == [
        ("bgnbd", 2, None), ("same as last period", 2, 0),
    ]  # fmt: skip


def test_the_end_of_a_period_that_is_over_is_the_moment_of_the_answer() -> None:
    with store(LOG) as log:
        (ann, *_) = rows(log.clv(to="2024-05-08"), "people")
    assert (ann["repeat_purchases"], ann["age_at_last_purchase"], ann["customer_age"]) == (1, 5, 6)


def test_days_are_those_of_the_zone() -> None:
    with store(LOG) as log:
        (ann, *_) = rows(log.clv(tz="Asia/Tokyo"), "people")
    assert (ann["repeat_purchases"], ann["age_at_last_purchase"], ann["customer_age"]) == (
        2,
        10,
        12,
    )
    text = "2024-05-01T14:00:00Z ann purchase\n2024-05-01T16:00:00Z ann purchase"
    with store(told(text)) as log:
        here, there = (rows(log.clv(tz=tz), "people")[0] for tz in ("UTC", "Asia/Tokyo"))
    assert (here["repeat_purchases"], there["repeat_purchases"]) == (0, 1)


WRONG: list[dict[str, Any]] = [
    {"unit": "month"}, {"unit": "hour"}, {"horizon": "0d"}, {"horizon": "12h"}, {"horizon": "far"},
    {"horizon": "6d", "unit": "week"}, {"holdout": "1h"}, {"holdout": "soon"}, {"list": "-1"},
    {"low": 300.0, "high": 200.0}, {"churned": 0.6}, {"who": "rich"},
]  # fmt: skip


@pytest.mark.parametrize("options", WRONG)
def test_what_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match=r"must|unknown unit"):
        log.clv(**options)


def test_a_log_without_purchases_says_which_option_names_them() -> None:
    with store(told("2024-05-01T00:00:00Z ann view")) as log:
        result = log.clv()
    assert all(table.height == 0 for table in result.tables.values())
    assert any("--purchase" in note for note in result.notes)


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_histories_equal_the_oracles(data: st.DataObject) -> None:
    drawn = data.draw(boundary_logs(event_types=("purchase", "purchase", "view"), max_events=12,
                                    people=("p1", "p2", "p3"), session_ids=(None,)))  # fmt: skip
    amounts = st.sampled_from([None, 0, 3, 4])
    log = [replace(event, properties={"revenue": data.draw(amounts), "currency": "JPY"})
           for event in drawn]  # fmt: skip
    tz = data.draw(st.sampled_from(["UTC", "Europe/Berlin"]))
    unit: Literal["day", "week"] = data.draw(st.sampled_from(["day", "week"]))
    now = max((event.ts for event in log), default=0)
    with store(log) as opened:
        found = rows(opened.clv(tz=tz, unit=unit), "people")
    wanted = customers(log, now, unit, tz)
    assert {row["person_id"] for row in found} == set(wanted)
    for row in found:
        one = wanted[row["person_id"]]
        history = (row["repeat_purchases"], row["age_at_last_purchase"], row["customer_age"])
        assert history == (one.repeats, one.age_at_last, one.age)
        assert row["mean_value"] == one.mean_value


def shop(people: int = 150, days: int = 120, seed: int = 4) -> list[Event]:
    """Let people buy by the models' own story, each from a day of the first half."""
    draw, rows = random.Random(seed), []
    start = instant("2024-01-01T12:00:00")
    for number in range(people):
        rate, chance = draw.gammavariate(1.2, 1 / 15), draw.betavariate(0.8, 3.0)
        spend = draw.gammavariate(4.0, 10.0)
        day, at = float(draw.randrange(days // 2)), []
        while day < days:
            at.append(day)
            if draw.random() < chance:
                break
            day += max(draw.expovariate(rate), 1.0)
        rows += [(start + int(one) * DAY + number, f"u{number}", spend * draw.uniform(0.5, 1.5))
                 for one in at]  # fmt: skip
    return [
        Event(ts, seq, person, "purchase", None, {"revenue": round(value), "currency": "JPY",
                                                  "group": person[-1] in "02468"})
        for seq, (ts, person, value) in enumerate(sorted(rows))
    ]  # fmt: skip


SHOP = shop()
NOW = max(event.ts for event in SHOP)


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with store(SHOP) as opened:
        yield opened


@pytest.mark.parametrize("model", Model)
def test_people_have_what_the_fitted_parameters_say(log: Log, model: Model) -> None:
    result = log.clv(model=model.value, list="all", horizon="60d")
    fit = {(row["model"], row["parameter"]): row["value"] for row in rows(result, "fit")}
    buying = BuyTillYouDie(model, *(fit[model.value, name] for name in ("r", "alpha", "a", "b")))
    spending = GammaGamma(*(fit["gamma-gamma", name] for name in ("p", "q", "v")))
    people = result.to_polars("people")
    history = (people[name].cast(pl.Float64).to_numpy() for name in
               ("repeat_purchases", "age_at_last_purchase", "customer_age"))  # fmt: skip
    each = Histories(*history)
    assert people["p_alive"].to_numpy() == pytest.approx(buying.p_alive(each))
    expected = buying.expected_again(each, 60)
    assert people["expected_purchases"].to_numpy() == pytest.approx(expected)
    means = people["mean_value"].fill_null(0).to_numpy()
    values = spending.expected(np.where(people["mean_value"].is_null(), 0, each.repeats), means)
    assert people["value"].to_numpy() == pytest.approx(expected * values)
    assert people["value"].is_sorted(descending=True)


def test_tiers_are_cut_at_their_options(log: Log) -> None:
    options: dict[str, Any] = {
        "high": 60.0,
        "low": 25.0,
        "at_risk": 0.6,
        "churned": 0.3,
        "horizon": "30d",
    }
    result = log.clv(list="all", **options)
    people = result.to_polars("people").to_dicts()
    counts: dict[str, list[str]] = {}
    for row in people:
        if row["p_alive"] < 0.6:
            tier = "churned" if row["p_alive"] < 0.3 else "at risk"
        else:
            tier = "high" if row["value"] > 60 else "low" if row["value"] < 25 else "medium"
        assert row["tier"] == tier
        counts.setdefault(tier, []).append(row["person_id"])
    assert len(counts) >= 4
    for row in rows(result):
        inside = counts[row["tier"]]
        assert (row["people"], row["everybody"]) == (len(inside), len(people))
        check_rate(row, "share", len(inside), len(people))
        values = [one["value"] for one in people if one["tier"] == row["tier"]]
        assert row["value"] == pytest.approx(sum(values))
        assert worlds.people(log, "clv", row["tier"], **options) == sorted(inside)
    assert sum(row["revenue"] for row in rows(result)) == sum(
        event.properties["revenue"] for event in SHOP
    )


def test_the_holdout_counts_what_was_held_back(log: Log) -> None:
    result = log.clv(holdout="30d")
    model, same = rows(result, "holdout")
    people, actual, before = held_out(SHOP, NOW, 30, "UTC")
    assert (same["people"], same["actual"], same["expected"]) == (people, actual, before)
    assert (model["method"], model["people"], model["actual"]) == ("bgnbd", people, actual)
    assert model["expected"] == pytest.approx(actual, rel=0.25)
    assert model["rmse"] < same["rmse"]
    assert model["difference"] == pytest.approx(model["expected"] - actual)


def test_a_holdout_that_the_period_is_too_short_for_is_left_out_and_told(log: Log) -> None:
    result = log.clv(holdout="90d")
    assert rows(result, "holdout") == []
    assert any("shorter than twice 90d" in note for note in result.notes)
    assert rows(log.clv(holdout="none"), "holdout") == []


def test_bgnbd_says_that_one_purchase_is_no_sign_of_leaving_and_mbgnbd_needs_not(log: Log) -> None:
    bg, mbg = log.clv(list="all"), log.clv(list="all", model="mbgnbd")
    once = pl.col("repeat_purchases") == 0
    assert bg.to_polars("people").filter(once)["p_alive"].unique().to_list() == [1.0]
    assert (mbg.to_polars("people").filter(once)["p_alive"] < 1).all()
    assert [any("by construction" in note for note in one.notes) for one in (bg, mbg)] == [
        True, False,
    ]  # fmt: skip


def test_the_correlation_that_gamma_gamma_assumes_away_is_told(log: Log) -> None:
    people = log.clv(list="all").to_polars("people").filter(pl.col("mean_value") > 0)
    wanted = np.corrcoef(people["repeat_purchases"], people["mean_value"])[0, 1]
    (note,) = [one for one in log.clv().notes if "correlate" in one]
    assert f"by {wanted:.2f};" in note


def test_two_currencies_have_purchases_but_no_values() -> None:
    mixed = [
        replace(event, properties=event.properties | {"currency": "KRW"})
        if event.person == "u7" else event for event in SHOP
    ]  # fmt: skip
    with store(mixed) as opened:
        result = opened.clv(holdout="none")
        one = opened.clv(where=("currency = 'JPY'",), holdout="none")
    assert {row["tier"] for row in rows(result)} == {"at risk", "churned", "unknown"}
    assert all(row["value"] is None and row["expected_purchases"] > 0 for row in rows(result))
    assert any("several currencies" in note for note in result.notes)
    assert rows(one)[0]["value"] > 0


def test_each_value_of_a_breakdown_is_fitted_apart(log: Log) -> None:
    result = log.clv(by=("properties.group",), holdout="none")
    fits = {
        row["properties.group"]: row["value"]
        for row in rows(result, "fit") if row["parameter"] == "alpha"
    }  # fmt: skip
    alone = rows(log.clv(where=("properties.group = 'true'",), holdout="none"), "fit")
    assert set(fits) == {"(total)", "true", "false"}
    assert fits["true"] == next(row["value"] for row in alone if row["parameter"] == "alpha")


def test_two_processes_give_the_same_bytes(log: Log) -> None:
    here = worlds.written(log, "clv", {"list": "all"})
    assert here == worlds.written_elsewhere(log, "clv", {"list": "all"})
