"""The stories planted in the sample data are found again by the analyses that should find them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import clickcli
from clickcli.analysis import Shared
from clickcli.api import Log
from clickcli.engines import engine
from clickcli.engines.scan import scan
from clickcli.recommend import Wish
from clickcli.recommend.options import TrainOptions
from clickcli.store import IngestSummary

FOLDER = Path(__file__).resolve().parent.parent / "sample_data"
TRUTH: dict[str, Any] = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
PLANTED: dict[str, Any] = TRUTH["planted_in_main"]
FILES = ("events.jsonl.gz", "late.jsonl.gz")
REASONS = {
    "invalid_json": ("cut_json",),
    "invalid_utf8": ("invalid_utf8",),
    "nul_byte": ("binary",),
    "not_object": ("not_an_object",),
    "no_event_type": ("missing_type",),
    "no_time": ("missing_time",),
    "bad_time": ("bad_time",),
    "time_out_of_range": ("clock_at_1970",),
}
"""Why a line is rejected, and the faults that were planted under that reason."""
SHORT = ["product_view", "add_to_cart", "purchase"]
LONG = ["product_view", "add_to_cart", "checkout", "purchase"]
WEEKS = {"every": "week", "periods": 12, "from_": "2025-02-24"}


@dataclass(frozen=True)
class Told:
    """A store, what its ingests said, and the truths of its part of the sample data.

    ``options`` are those under which analyses tell these truths.
    """

    log: Log
    summaries: list[IngestSummary]
    truth: dict[str, Any]
    options: dict[str, Any]


@contextmanager
def told(folder: Path, part: str, files: Sequence[str]) -> Iterator[Told]:
    with clickcli.create(folder / "store") as opened:
        summaries = [opened.ingest(FOLDER / name) for name in files]
        yield Told(opened, summaries, TRUTH[part], {"include_bots": True})


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with told(tmp_path_factory.mktemp("main"), "main", FILES[:1]) as made:
        yield made


@pytest.fixture(scope="module")
def main_and_late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with told(tmp_path_factory.mktemp("both"), "main_and_late", FILES) as made:
        yield made


@pytest.fixture(scope="module")
def main_without_bot(main: Told) -> Told:
    return Told(main.log, main.summaries, TRUTH["main_without_bot"], {})


@pytest.fixture(params=["main", "main_and_late", "main_without_bot"])
def part(request: pytest.FixtureRequest) -> Told:
    made: Told = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="module")
def events(main: Told) -> pl.DataFrame:
    """Everything that is stored of the first file, with the person of each event."""
    chosen = engine("polars")
    columns = (
        "person_id", "anonymous_id", "event_type", "order_id", "items", "revenue",
        "search_query", "result_count", "experiment", "variant", "position", "endpoint", "status",
    )  # fmt: skip
    return chosen.collect({"events": scan(chosen, main.log.dataset(), columns)})["events"]


# --- what came in -----------------------------------------------------------------------------


def test_every_line_is_accounted_for(part: Told) -> None:
    for summary, name in zip(part.summaries, FILES, strict=False):
        stated = TRUTH["accounting"][name]
        assert summary.stored == stated["good"]
        assert summary.duplicates == stated.get("duplicate", 0)
        assert summary.conflicts == stated.get("conflict", 0)
        assert summary.blank == stated.get("empty", 0)
        assert summary.read + summary.blank == stated["lines"]
        assert dict(summary.reasons) == {
            reason: sum(stated[kind] for kind in kinds)
            for reason, kinds in REASONS.items()
            if any(kind in stated for kind in kinds)
        }


def test_the_store_holds_the_events_and_people_of_the_log(part: Told) -> None:
    stated = part.truth["log"]
    info, receipt = part.log.info(), part.log.active(**part.options).meta
    left_out = receipt["left_out"]
    assert info.rows == stated["events"] + left_out["of_bots"]
    assert receipt["people_read"] == stated["people"]
    assert left_out["of_nobody"] == stated["events_of_nobody"]
    assert info.watermark == stated["last_event"] * 1000


def test_the_catalog_tells_event_types_people_and_bots(main: Told) -> None:
    stated, bot = main.truth["log"], PLANTED["traps"]["bot"]
    info = main.log.info()
    assert dict(info.event_types) == stated["events_by_type"]
    assert info.people == stated["people"]
    assert info.bots == main.summaries[0].bots == bot["lines"]


def test_users_are_known_by_their_id(events: pl.DataFrame, main: Told) -> None:
    people = events["person_id"].drop_nulls().unique()
    known = people.filter(~people.str.starts_with("a_")).len()
    assert known == main.truth["log"]["people_by_user_id"]


# --- what the four analyses say ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "steps", "options"),
    [
        ("funnel_7d", SHORT, {"to": "2025-04-20"}),
        ("funnel_7d_with_checkout", LONG, {"to": "2025-04-20"}),
        ("funnel_without_window", SHORT, {"within": "none"}),
    ],
)
def test_funnels_by_channel(
    part: Told, name: str, steps: list[str], options: dict[str, str]
) -> None:
    table = part.log.funnel(
        steps=steps,
        from_="2025-03-01",
        by=["properties.channel"],
        top=50,
        **options,
        **part.options,
    ).to_polars()
    found: dict[str, list[int]] = {}
    for row in table.iter_rows(named=True):
        assert row["pending"] == 0
        found.setdefault(row["properties.channel"], []).append(row["people"])
    expected = dict(part.truth[name])
    expected["(total)"] = expected.pop("(all)")
    assert found == expected


@pytest.mark.parametrize(
    ("name", "event"), [("retention_session_start", "session_start"), ("retention_any_event", "*")]
)
def test_weekly_retention(part: Told, name: str, event: str) -> None:
    table = part.log.retention(start=event, returning=event, **WEEKS, **part.options).to_polars()
    found: dict[str, list[int]] = {}
    for row in table.iter_rows(named=True):
        found.setdefault(row["cohort"], []).append(row["retained"])
    assert found == part.truth[name]


@pytest.mark.parametrize(
    ("name", "tz"), [("active_people_utc", "UTC"), ("active_people_berlin", "Europe/Berlin")]
)
def test_active_people_a_day(part: Told, name: str, tz: str) -> None:
    days = part.truth[name]
    table = part.log.active(tz=tz, from_=min(days), **part.options).to_polars()
    found = {str(row["date"]): row["dau"] for row in table.iter_rows(named=True)}
    assert found == days


@pytest.mark.parametrize("rule", ["given", "gap", "cut"])
def test_sessions(part: Told, rule: str) -> None:
    stated = part.truth["log"]["sessions"]
    name = {"given": "given", "gap": "gap_30m", "cut": "cut_30m"}[rule]
    options: dict[str, Any] = {"session_rule": rule, **part.options}
    if rule == "given":
        options["where"] = ["session_id is not null"]
    assert part.log.sessions(**options).to_polars()["sessions"].item() == stated[name]


def test_channels_are_those_of_the_visits(part: Told) -> None:
    options: dict[str, Any] = {"by": ["properties.channel"], "top": 50, **part.options}
    table = part.log.traffic(**options).to_polars()
    found: dict[str, dict[str, int]] = {}
    for row in table.iter_rows(named=True):
        found.setdefault(row["properties.channel"], {})[row["channel"]] = row["sessions"]
    assert sum(found.pop("(total)").values()) == part.truth["log"]["sessions"]["cut_30m"]
    found.pop("(none)")
    for told_channel, counts in found.items():
        own = counts.pop(told_channel)
        assert own > 50
        # A session may begin with an event that tells of no referrer.
        assert set(counts) <= {"Direct"}
        assert sum(counts.values()) < 0.01 * own + 1


def test_orders_and_revenue(events: pl.DataFrame, main: Told) -> None:
    stated = main.truth["log"]
    orders = events.filter(pl.col("event_type") == "purchase")
    assert orders["order_id"].n_unique() == stated["orders"]
    row = main.log.sessions(where=["event_type = 'purchase'"]).to_polars().row(0, named=True)
    assert round(row["revenue"] * 100) + nobody_s(orders) == stated["revenue_minor_units"]
    assert row["currency"] == "EUR"


def nobody_s(orders: pl.DataFrame) -> int:
    """Return the revenue of orders of nobody, which are in no session."""
    return int(orders.filter(pl.col("person_id").is_null())["revenue"].sum())


# --- the incident -----------------------------------------------------------------------------


def test_the_day_on_which_payments_failed(main: Told) -> None:
    stated = PLANTED["incident"]
    options: dict[str, Any] = {"steps": ["payment"], "within": "none", "trend": "day",
                               "entry": "every", "from_": "2025-03-01"}  # fmt: skip
    failed = ["payment[properties.result = 'failed']"]
    attempts, failures = (
        {row["period"]: row["people"] for row in result.to_polars("trend").to_dicts()}
        for result in (main.log.funnel(**options), main.log.funnel(**options | {"steps": failed}))
    )
    worst = max(attempts, key=lambda day: failures.get(day, 0) / attempts[day])
    assert worst == stated["date"]
    assert (attempts[worst], failures[worst]) == (stated["payments"], stated["payments_failed"])


def test_the_day_had_few_purchases(main: Told) -> None:
    stated = PLANTED["incident"]
    trend = main.log.funnel(
        steps=["purchase"], within="none", trend="day", entry="every", from_="2025-03-01"
    ).to_polars("trend")
    days = dict(trend.select("period", "people").iter_rows())
    assert days[stated["date"]] == stated["purchases"] == min(days.values())


# --- what later analyses will say, by hand ----------------------------------------------------


def test_two_bundles_are_bought_together(events: pl.DataFrame) -> None:
    stated = PLANTED["bundles"]
    item = pl.col("items").str.json_decode(pl.List(pl.Struct({"item_id": pl.String})))
    lines = (
        events.filter(pl.col("event_type") == "purchase")
        .select("order_id", item.alias("line"))
        .explode("line")
        .select("order_id", pl.col("line").struct.field("item_id"))
        .unique()
    )
    pairs = (
        lines.join(lines, on="order_id")
        .filter(pl.col("item_id") < pl.col("item_id_right"))
        .group_by("item_id", "item_id_right")
        .len()
        .sort("len", descending=True)
    )
    planted = {tuple(pair["items"]): pair["orders_with_both"] for pair in stated["pairs"]}
    assert {(a, b): n for a, b, n in pairs.head(2).iter_rows()} == planted
    assert pairs["len"][2] == stated["most_orders_of_any_other_pair"]


def test_patterns_finds_the_bundles(main: Told) -> None:
    stated = PLANTED["bundles"]
    result = main.log.patterns(**main.options)
    planted = {", ".join(pair["items"]): pair["orders_with_both"] for pair in stated["pairs"]}
    assert dict(result.to_polars("itemsets").select("items", "count").iter_rows()) == planted
    assert set(result.to_polars()["baskets"]) == {stated["orders"]}
    sides = [", ".join(sorted(sides)) for sides in
             result.to_polars().select("antecedents", "consequents").iter_rows()]  # fmt: skip
    assert sorted(sides) == sorted([*planted, *planted])


def test_bundles_finds_the_planted_pairs(main: Told) -> None:
    found = main.log.bundles(**main.options).to_polars()
    pairs = found.filter(pl.col("bundle_kind") == "complementary")
    counts = {frozenset(pair): count for *pair, count in
              pairs.select("item", "partner", "count").iter_rows()}  # fmt: skip
    stated = PLANTED["bundles"]["pairs"]
    assert counts == {frozenset(pair["items"]): pair["orders_with_both"] for pair in stated}


def test_an_item_trends(main: Told) -> None:
    stated = PLANTED["trending"]
    step = [f"product_view[item_id = '{stated['item_id']}']"]
    options: dict[str, Any] = {"steps": step, "within": "none", "entry": "every", **main.options}
    counts = [
        main.log.funnel(**options, **period).to_polars()["people"][0]
        for period in ({"to": stated["from"]}, {"from_": stated["from"]})
    ]
    assert counts == [stated["views_before"], stated["views_since"]]


def test_segments_of_buyers_hold_every_order(main: Told) -> None:
    found = main.log.rfm(**main.options).to_polars()
    assert found["purchases"].sum() == main.truth["log"]["orders"]
    assert round(found["revenue"].sum() * 100) == main.truth["log"]["revenue_minor_units"]


def test_searches_without_a_result(events: pl.DataFrame) -> None:
    stated = PLANTED["zero_result_searches"]
    searches = events.filter(pl.col("event_type") == "search")
    assert searches.height == stated["searches"]
    empty = searches.filter(pl.col("result_count") == 0).group_by("search_query").len()
    assert dict(empty.iter_rows()) == stated["without_result"]


def test_clicks_on_recommendations_fall_by_position(events: pl.DataFrame) -> None:
    stated = PLANTED["recommendations"]
    for kind in ("shown", "clicked"):
        chosen = events.filter(pl.col("event_type") == f"recommendation_{kind}")
        by_position = chosen.group_by(pl.col("position").cast(pl.String)).len()
        assert dict(by_position.iter_rows()) == stated[f"{kind}_by_position"]


def test_performance_of_recommendations_by_position_and_source(main: Told) -> None:
    stated = PLANTED["recommendations"]
    result = main.log.recs_performance(**main.options)
    for name in ("position", "source"):
        rows = result.to_polars(f"{name}s").select(pl.col(name).cast(pl.String), "shown", "clicked")
        found = {key: (shown, clicked) for key, shown, clicked in rows.iter_rows()}
        shown, clicked = stated[f"shown_by_{name}"], stated[f"clicked_by_{name}"]
        assert found == {key: (shown[key], clicked[key]) for key in shown}


def test_one_experiment_works(events: pl.DataFrame, main: Told) -> None:
    exposed = events.filter(pl.col("event_type") == "experiment_exposure")
    for name, stated in main.truth["experiments"].items():
        variants = exposed.filter(pl.col("experiment") == name, pl.col("person_id").is_not_null())
        seen = variants.group_by("person_id").agg(pl.col("variant").unique())
        both = seen.filter(pl.col("variant").list.len() > 1)
        assert both.height == stated["people_in_both_variants"]
        one = seen.filter(pl.col("variant").list.len() == 1)
        counts = one.select(pl.col("variant").list.first()).group_by("variant").len()
        assert dict(counts.iter_rows()) == {
            variant: numbers["people"] for variant, numbers in stated["variants"].items()
        }


def test_the_api_fails_where_payments_do(events: pl.DataFrame) -> None:
    requests = events.filter(pl.col("event_type") == "api_request")
    found = requests.group_by("endpoint").agg(
        pl.len().alias("requests"),
        pl.col("status").is_between(400, 499).sum().alias("status_4xx"),
        pl.col("status").is_between(500, 599).sum().alias("status_5xx"),
    )
    for row in found.iter_rows(named=True):
        stated = PLANTED["api"][row.pop("endpoint")]
        assert row == {name: stated[name] for name in row}


# --- the traps --------------------------------------------------------------------------------


@pytest.mark.parametrize("trap", ["bot", "clock_two_hours_ahead"])
def test_traps_are_people_among_others(events: pl.DataFrame, trap: str) -> None:
    stated = PLANTED["traps"][trap]
    own = events.filter(pl.col("anonymous_id") == stated["anonymous_id"])
    assert own.height == stated["lines"]


def test_shared_devices_are_parted_between_their_users(main: Told) -> None:
    for device, users in PLANTED["traps"]["shared_devices"].items():
        listed = main.log.active(where=[f"anonymous_id = '{device}'"]).meta["people_read"]
        assert listed == len(users), device


def test_taste_shows_in_the_categories_of_a_group(main: Told) -> None:
    options: dict[str, Any] = {"within": "none", "entry": "every"}
    for stated in PLANTED["tastes"].values():
        names = ", ".join(f"'{name}'" for name in stated["categories"])
        views = main.log.funnel(steps=[f"product_view[category in ({names})]"], **options)
        assert views.to_polars()["people"][0] >= stated["product_views_in_own_categories"]


def test_people_of_a_taste_are_recommended_their_categories(main: Told) -> None:
    main.log.recommender.train(TrainOptions(method="itemknn", keep=5), Shared())
    lists, _ = main.log.recommender.everybody(Wish(k=5))
    views = main.log.events(types=["product_view"], columns=["item_id", "category"]).to_polars()
    category = dict(views.select("item_id", "category").drop_nulls().iter_rows())
    for stated in PLANTED["tastes"].values():
        items = lists.filter(pl.col("person_id").is_in(stated["people"]))["item_id"].to_list()
        own = [category.get(item) in stated["categories"] for item in items]
        assert len(own) > 3 * len(stated["people"])
        assert sum(own) / len(own) > 0.7  # 3 of some 12 categories: chance gives a quarter
