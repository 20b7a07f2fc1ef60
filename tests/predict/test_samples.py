"""Who is a case, what is known of them, and what came of it; by hand, and with events moved."""

from __future__ import annotations

import polars as pl
import pytest

from clickcli.api import Log
from clickcli.errors import Undecidable, UsageError
from clickcli.predict.options import Target, TrainOptions, Unit
from clickcli.predict.people import FEATURES, cutoffs, people_at, people_sample
from clickcli.predict.samples import Sample
from clickcli.predict.sessions import open_sessions, session_sample, sessions_until
from clickcli.units import instant, zone
from tests.analyses.worlds import store, told

WEEK = {"horizon": "7d", "lookback": "14d", "cutoffs": 1}
HEAD = "2024-01-01T00:00:00Z old view\n"
TAIL = "2024-02-01T00:00:00Z old view\n"
# The log ends on 1 February, just after which the horizon is over: tests begin a microsecond after
# 25 January, learning a week before.
TEST, EARLIER = "2024-01-25T00:00:00.000001Z", "2024-01-18T00:00:00.000001Z"


def options(target: str = "purchase", **more: object) -> TrainOptions:
    return TrainOptions(**{"target": Target(target), **WEEK, **more})  # type: ignore[arg-type]


def at(text: str) -> int:
    return instant(text, zone("UTC"))


def sample(log: Log, asked: TrainOptions) -> Sample:
    return people_sample(log.dataset(), asked, None)


def labels(log: Log, target: str = "purchase") -> tuple[dict[str, int], dict[str, int]]:
    """Return the labels of people at the earlier cutoff and at the test."""
    asked = options(target)
    found = sample(log, asked)
    result = []
    for moment, is_test in ((EARLIER, False), (TEST, True)):
        people = people_at(log.dataset(), at(moment), asked)["person_id"].to_list()
        own = found.label[found.is_test == is_test].tolist()
        result.append(dict(zip(people, own, strict=True)))
    return result[0], result[1]


def test_cutoffs_are_a_horizon_apart_and_the_test_is_the_latest_that_is_over() -> None:
    with store(told(HEAD + TAIL)) as log:
        test, before = cutoffs(log.dataset(), options(cutoffs=9, lookback="1d"), None)
        assert test == at(TEST)
        assert before == [at(f"2024-01-{day:02}T00:00:00.000001Z") for day in (4, 11, 18)]
        test, before = cutoffs(log.dataset(), options(), "2024-01-31T00:00")
        assert test == at("2024-01-24T00:00:00.000001Z")
        asked = options(cutoff="2024-01-24")
        assert cutoffs(log.dataset(), asked, None) == (at("2024-01-24"), [at("2024-01-17")])


def test_a_cutoff_whose_horizon_is_not_over_and_a_short_log_are_refused() -> None:
    with store(told(HEAD + TAIL)) as log:
        with pytest.raises(UsageError, match="must be over by"):
            cutoffs(log.dataset(), options(cutoff="2024-01-26"), None)
        with pytest.raises(Undecidable, match="two horizons, 44d, was 31d"):
            cutoffs(log.dataset(), options(lookback="30d"), None)
    with store(b"") as log, pytest.raises(Undecidable, match="was 0s"):
        cutoffs(log.dataset(), options(), None)


def test_who_is_a_case_and_what_came_of_it_is_half_open() -> None:
    log = told(f"""
        2024-01-01T00:00:00Z old view
        2024-01-04T00:00:00Z early view
        2024-01-04T00:00:00.000001Z ann view
        2024-01-18T00:00:00Z bob view
        2024-01-18T00:00:00.000001Z bob purchase
        2024-01-18T00:00:00.000001Z late view
        2024-01-25T00:00:00Z ann purchase
        {TAIL.strip()}
        2024-02-01T00:00:00Z late purchase
    """)
    with store(log) as opened:
        # active in [4 January + 1 µs, cutoff): early is not, late comes at the cutoff itself
        assert labels(opened) == ({"ann": 1, "bob": 1}, {"ann": 0, "bob": 0, "late": 1})


def test_churn_is_no_event_at_all_and_passive_events_are_none() -> None:
    log = told("""
        2024-01-01T00:00:00Z old view
        2024-01-15T00:00:00Z ann view
        2024-01-15T00:00:00Z bob view
        2024-01-15T00:00:00Z cid push
        2024-01-20T00:00:00Z ann view
        2024-01-20T00:00:00Z bob push
        2024-02-01T00:00:00Z old view
    """)
    with store(log, settings={"passive_events": ("push",)}) as opened:
        assert labels(opened, "churn")[0] == {"ann": 0, "bob": 1}
        assert labels(opened, "conversion")[0] == {"ann": 0, "bob": 0}


def test_what_comes_after_a_cutoff_changes_nothing_that_is_known_at_it() -> None:
    early = """
        2024-01-01T00:00:00Z old view
        2024-01-10T00:00:00Z ann view item_id=a price=3
        2024-01-10T00:00:09Z ann purchase item_id=a price=3
        2024-01-12T00:00:00Z ~phone view
    """
    late = """
        2024-01-18T00:00:00.000001Z ann view item_id=b price=9
        2024-01-19T00:00:00Z bob~phone purchase
        2024-02-01T00:00:00Z old view
    """
    with store(told(early)) as one, store(told(early.rstrip() + late)) as other:
        before = people_at(one.dataset(), at(EARLIER), options())
        after = people_at(other.dataset(), at(EARLIER), options())
        assert before.equals(after)
        row = before.row(by_predicate=pl.col("person_id") == "ann", named=True)
        assert (row["recent_events"], row["recent_days"], row["recent_targets"]) == (2, 1, 1)
        assert row["days_since_seen"] == pytest.approx(8 - 9 / 86400)
        assert row["days_since_first"] == pytest.approx(8)
        # the device bought as bob, whom nobody knew then
        assert labels(other)[0] == {"ann": 0, "phone": 1}
        found = sample(other, options())
        people = people_at(other.dataset(), at(EARLIER), options())
        own = found.group[: people.height][people["person_id"].to_list().index("phone")]
        assert own in other.dataset().links()["user_key"].to_list()


def test_every_feature_is_a_number() -> None:
    with store(told(HEAD + "2024-01-16T00:00:00Z ann view\n" + TAIL)) as log:
        found = sample(log, options())
        assert found.names == FEATURES
        assert found.values.shape == (len(found.label), len(FEATURES))


VISITS = """
    2024-01-01T10:00:00Z ann view item_id=a price=2 currency=EUR
    2024-01-01T10:00:30Z ann view item_id=b price=4 currency=EUR
    2024-01-01T10:01:00Z ann purchase
    2024-01-02T10:00:00Z ann search
    2024-01-02T10:00:10Z ann view item_id=a price=2 currency=EUR
    2024-01-02T10:00:20Z ann view item_id=a price=2 currency=USD
    2024-01-03T10:00:00Z bob view
    2024-01-03T10:00:01Z bob purchase
    2024-01-03T10:00:02Z bob purchase
    2024-01-04T10:00:00Z cid view
    2024-01-05T10:00:00Z dan view
    2024-01-05T10:00:05Z dan view
"""


def sessions(after: int = 2, **more: object) -> TrainOptions:
    return TrainOptions(target=Target.PURCHASE, unit=Unit.SESSION, after=after, **more)  # type: ignore[arg-type]


def test_sessions_by_hand() -> None:
    with store(told(VISITS)) as log:
        found = sessions_until(log.dataset(), at("2024-01-06"), sessions())
        # bob bought within two events, cid had one only
        assert found.select("person_id", "label").rows() == [("ann", 1), ("ann", 0), ("dan", 0)]
        first, second, third = found.rows(named=True)
        assert (first["elapsed_s"], first["last_gap_s"], first["views"]) == (30, 30, 2)
        assert (first["price_mean"], first["price_max"], first["items"]) == (3, 4, 2)
        assert (first["days_since_seen"], first["events_before"]) == (None, 0)
        assert (first["targets_before"], first["hour"], first["weekday"]) == (0, 10, 1)
        assert second["days_since_seen"] == pytest.approx(1 - 60 / 86400)
        assert (second["events_before"], second["targets_before"]) == (3, 1)
        assert (second["searches"], second["types"], second["price_mean"]) == (1, 2, 2)
        assert (third["elapsed_s"], third["last_gap_s"], third["price_max"]) == (5, 5, None)
        everything = sessions_until(log.dataset(), at("2024-01-06"), sessions(3))
        assert everything["person_id"].to_list() == ["ann"]
        assert everything["price_mean"].to_list() == [None]  # two currencies


def test_a_single_event_has_no_gap() -> None:
    with store(told(VISITS)) as log:
        found = sessions_until(log.dataset(), at("2024-01-06"), sessions(1))
        assert found["last_gap_s"].to_list() == [None] * 5
        assert found["label"].to_list() == [1, 0, 1, 0, 0]


def test_sessions_that_may_go_on_are_scored_and_not_learned_from() -> None:
    with store(told(VISITS)) as log:
        dataset = log.dataset()
        assert session_sample(dataset, sessions(), None).label.tolist() == [1, 0]
        taken = session_sample(dataset, sessions(include_incomplete=True), None)
        assert taken.label.tolist() == [1, 0, 0]
        end = at("2024-01-05T10:30:05") + 1
        assert open_sessions(dataset, sessions(), end)["person_id"].to_list() == ["dan"]
        assert open_sessions(dataset, sessions(), end + 1).is_empty()


def test_sessions_are_parted_at_the_cutoff_and_those_across_it_are_left_out() -> None:
    with store(told(VISITS)) as log:
        asked = sessions(include_incomplete=True, cutoff="2024-01-01T10:00:45")
        found = session_sample(log.dataset(), asked, None)
        assert found.is_test.tolist() == [True, True]
        assert found.notes == ("left out: 1 sessions that were going on at the test cutoff",)
        asked = sessions(include_incomplete=True, cutoff="2024-01-02")
        assert session_sample(log.dataset(), asked, None).is_test.tolist() == [False, True, True]


def test_no_sessions_are_refused() -> None:
    with store(b"") as log, pytest.raises(Undecidable, match="no session is over"):
        session_sample(log.dataset(), sessions(), None)
    with store(told(VISITS)) as log, pytest.raises(Undecidable):
        session_sample(log.dataset(), sessions(99), None)
