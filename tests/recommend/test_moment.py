"""Lists for an hour and a weekday: what does better then than usual comes earlier."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import clickcli
from clickcli.analysis import Shared
from clickcli.api import Log
from clickcli.errors import DataError, UsageError
from clickcli.recommend import Recommended, Weekday, Wish
from clickcli.recommend.moment import lift_of, weighed
from clickcli.recommend.options import TrainOptions
from clickcli.recommend.serving import Lists
from clickcli.store.arrays import load_array
from clickcli.units import WeekStart
from tests.recommend.test_recommender import HEAVY, START, lines, log_of, ran

POPULAR = TrainOptions(method="popular", half_life="none", undamped=True)
HOUR = 3600


def view(item: str, at: int, user: str) -> dict[str, Any]:
    return {"event_type": "view", "ts": at, "user_id": user, "item_id": item}


def shop() -> list[dict[str, Any]]:
    """Return 33 views of tea on a Friday at 8, 30 of beer and one of rum on the Saturday at 20."""
    friday, saturday = START + 8 * HOUR, START + 44 * HOUR
    rows = [view("tea", friday + at, f"t{at}") for at in range(33)]
    rows += [view("beer", saturday + at, f"b{at}") for at in range(30)]
    return [*rows, view("rum", saturday + 40, "r")]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log with a model; not to be written to."""
    with log_of(tmp_path_factory.mktemp("shop"), shop()) as opened:
        opened.recommender.train(POPULAR, Shared())
        yield opened


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log of people who go through ten items, with lists that are filled up."""
    with log_of(tmp_path_factory.mktemp("circle"), lines()) as opened:
        opened.recommender.train(TrainOptions(method="seq", keep=7), Shared())
        yield opened


def told(rows: Sequence[Recommended]) -> list[tuple[str, float]]:
    return [(row.item_id, row.score) for row in rows]


def test_a_lift_is_smoothed() -> None:
    # 30 of 3000 are the item's, 300 at the hour: 3 as usual, 20 were
    assert lift_of(20, 30, 300, 3000) == 30 / 13
    assert lift_of(0, 30, 300, 3000) == 10 / 13
    assert lift_of(1, 1, 300, 3000) == 11 / 10.1
    assert lift_of(0, 30, 0, 3000) == 1


def test_a_higher_lift_raises_a_score_of_any_sign() -> None:
    assert [weighed(score, 2.0) for score in (3.0, 0.0, -3.0)] == [6.0, 0.0, -1.5]
    assert [weighed(score, 0.5) for score in (3.0, 0.0, -3.0)] == [1.5, 0.0, -6.0]


def test_an_hour_and_a_weekday_by_hand(log: Log) -> None:
    # 64 rows, 31 at 20:00 on Saturday; as usual beer has 30 × 31 ÷ 64, tea 33 × 31 ÷ 64
    beer = (30 + 10) / (30 * 31 / 64 + 10)
    tea = (0 + 10) / (33 * 31 / 64 + 10)
    rum = (1 + 10) / (31 / 64 + 10)
    plain = dict(told(log.recommender.user("r").rows))
    whole = dict(told(log.recommender.user("r", allow_repeat=True).rows))
    assert list(plain) == ["tea", "beer"]
    rows = log.recommender.user("r", Wish(hour=20)).rows
    assert [row.item_id for row in rows] == ["beer", "tea"]
    assert dict(told(rows)) == pytest.approx(
        {"beer": plain["beer"] * beer, "tea": plain["tea"] * tea}
    )
    assert [row.rank for row in rows] == [1, 2]
    assert rows[0].why == f"what people look at now; lift {beer:.2f} at 20:00"
    assert dict(told(log.recommender.user("r", Wish(weekday=Weekday.SATURDAY)).rows)) == {
        row.item_id: row.score for row in rows
    }
    both = Wish(hour=20, weekday=Weekday.SATURDAY)
    rows = log.recommender.user("r", both, allow_repeat=True).rows
    wanted = {"beer": beer**2, "tea": tea**2, "rum": rum**2}
    assert dict(told(rows)) == pytest.approx(
        {item: whole[item] * lift for item, lift in wanted.items()}
    )
    assert rows[0].why.endswith(f"; lift {beer**2:.2f} on saturday at 20:00")


def test_the_lift_of_a_rare_item_stays_near_1(log: Log) -> None:
    lists = Lists(log.recommender.model())
    assert lists.lift(lists.need("rum"), Wish(hour=20)) == pytest.approx(11 / 10.484375)


def test_nothing_happens_at_an_hour_without_events(log: Log) -> None:
    plain = told(log.recommender.user("r").rows)
    rows = log.recommender.user("r", Wish(hour=3, weekday=Weekday.MONDAY)).rows
    assert told(rows) == plain
    assert rows[0].why.endswith("; lift 1.00 on monday at 03:00")


def test_without_an_hour_nothing_is_said_of_one(log: Log) -> None:
    answer = log.recommender.user("r")
    assert {row.why for row in answer.rows} == {"what people look at now"}
    assert not any("hours" in note for note in answer.notes)
    assert answer.rows == log.recommender.user("r", Wish(hour=None, weekday=None)).rows


def test_every_interaction_is_counted_once(circle: Log) -> None:
    model = circle.recommender.model()
    hours, days = (load_array(model.files[name], name) for name in ("hour", "weekday"))
    assert (hours.shape, days.shape) == ((10, 24), (10, 7))
    assert hours.sum() == days.sum() == 180
    assert (hours.sum(axis=1) == days.sum(axis=1)).all()
    clock = {"hour": hours.sum(axis=0).tolist(), "weekday": days.sum(axis=0).tolist()}
    assert model.manifest["clock"] == clock


@pytest.mark.parametrize("week_start", list(WeekStart))
def test_hours_are_local_and_monday_is_monday_wherever_weeks_begin(
    week_start: WeekStart, tmp_path: Path
) -> None:
    with log_of(tmp_path, shop()) as opened:
        opened.recommender.train(POPULAR, Shared(tz="Asia/Tokyo", week_start=week_start))
        clock = opened.recommender.model().manifest["clock"]
        assert {at: count for at, count in enumerate(clock["hour"]) if count} == {5: 31, 17: 33}
        # 20:00 in Greenwich is Sunday in Tokyo
        assert clock["weekday"] == [0, 0, 0, 0, 33, 0, 31]
        notes = opened.recommender.user("r", Wish(hour=5)).notes
        assert "hours and weekdays are those of Asia/Tokyo" in notes


TIMES = [
    Wish(k=3, hour=0), Wish(k=3, weekday=Weekday.SUNDAY), Wish(k=7, hour=0, weekday=Weekday.MONDAY),
    Wish(k=2, hour=0, weekday=Weekday.FRIDAY, category="c1"),
]  # fmt: skip


@pytest.mark.parametrize("wish", TIMES, ids=str)
def test_everybodys_lists_are_those_of_each(circle: Log, wish: Wish) -> None:
    frame, answer = circle.recommender.everybody(wish)
    assert "hours and weekdays are those of UTC" in answer.notes
    assert frame["person_id"].n_unique() == 30
    lists = Lists(circle.recommender.model())
    for (person,), part in frame.group_by("person_id"):
        key = circle.store.key_of(str(person))
        assert key is not None
        rows = lists.of_person(key, str(person), wish)
        for name in ("item_id", "score", "source", "why"):
            assert part[name].to_list() == [getattr(row, name) for row in rows]


def test_scores_below_0_are_raised_by_a_higher_lift_for_one_and_for_all(tmp_path: Path) -> None:
    with log_of(tmp_path, lines()) as opened:
        opened.recommender.train(TrainOptions(method="bpr"), Shared())
        lists, wish = Lists(opened.recommender.model()), Wish(k=10, weekday=Weekday.FRIDAY)
        frame, _ = opened.recommender.everybody(wish)
        below = 0
        for (person,), part in frame.group_by("person_id"):
            key = opened.store.key_of(str(person))
            assert key is not None
            rows = lists.of_person(key, None, wish)
            assert told(rows) == list(part.select("item_id", "score").iter_rows())
            before = dict(told(lists.of_person(key, None, Wish(k=10))))
            for row in rows:
                lift, was = lists.lift(lists.need(row.item_id), wish), before[row.item_id]
                assert (row.score >= was) is (lift >= 1) or was == 0
                below += was < 0
        assert below


@pytest.mark.parametrize("wish", TIMES, ids=str)
def test_a_list_has_its_scores_times_the_lifts_in_order(circle: Log, wish: Wish) -> None:
    lists = Lists(circle.recommender.model())
    for person in range(30):
        key = circle.store.key_of(f"u{person}")
        assert key is not None
        whole = lists.of_person(key, None, replace(wish, k=7, hour=None, weekday=None))
        expected = [
            (row.source == "trending", -row.score * lists.lift(lists.need(row.item_id), wish))
            for row in whole
        ]
        found = lists.of_person(key, None, wish)
        assert [(row.source == "trending", -row.score) for row in found] == sorted(expected)[
            : wish.k
        ]


def test_what_comes_next_is_weighed_too(circle: Log) -> None:
    lists = Lists(circle.recommender.model())
    wish = Wish(k=7, weekday=Weekday.FRIDAY)
    plain = {row.item_id: row for row in circle.recommender.items(["i4"], Wish(k=7)).rows}
    rows = circle.recommender.items(["i4"], wish).rows
    own = [row for row in rows if row.source == "seq"]
    assert len(own) > 1
    for row in own:
        lift = lists.lift(lists.need(row.item_id), wish)
        assert row.score == plain[row.item_id].score * lift
        assert row.why == f"{plain[row.item_id].why}; lift {lift:.2f} on friday"
    assert [row.score for row in own] == sorted((row.score for row in own), reverse=True)
    session = circle.recommender.session("s3", wish).rows
    assert all("; lift " in row.why for row in session)
    assert all("; lift " in row.why for row in circle.recommender.user("nobody", wish).rows)


def test_a_model_of_before_is_told_to_be_trained_again(log: Log) -> None:
    model = log.recommender.model()
    manifest = {name: value for name, value in model.manifest.items() if name != "clock"}
    files = {name: path for name, path in model.files.items() if name not in ("hour", "weekday")}
    for old in (replace(model, files=files), replace(model, manifest=manifest)):
        lists = Lists(old)
        assert lists.of_anybody(None, Wish())
        lists.check_time(Wish())
        with pytest.raises(DataError, match="without hours and weekdays") as error:
            lists.check_time(Wish(hour=1))
        assert error.value.hint == "train it again: clickcli train"


@pytest.mark.parametrize("hour", [-1, 24, 10**30])
def test_an_hour_that_there_is_not_is_refused(log: Log, hour: int) -> None:
    for ask in (log.recommender.user, lambda _, wish: log.recommender.everybody(wish)):
        with pytest.raises(UsageError, match="the hour must be 0 to 23, was"):
            ask("r", Wish(hour=hour))


def test_a_weekday_that_there_is_not_is_refused(log: Log) -> None:
    with pytest.raises(UsageError, match="unknown weekday 'fryday'"):
        log.recommender.user("r", Wish(weekday="fryday"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--hour", "24"), "--hour must be at least 0 and at most 23, was"),
        (("--hour", "-1"), "--hour must be at least 0 and at most 23, was"),
        (("--hour", "8.5"), "--hour must be a whole number"),
        (("--hour", "nan"), "--hour must be a whole number"),
        (("--weekday", "fri"), "--weekday must be one of monday, tuesday"),
        (("--weekday", "5"), "--weekday must be one of monday, tuesday"),
    ],
    ids=str,
)
def test_the_command_refuses_what_is_no_time(
    log: Log, words: tuple[str, ...], says: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    store = ("--store", log.store.path)
    code, out, err = ran(capfdbinary, "recommend", "--user", "r", *words, *store)
    assert (code, out) == (2, "")
    assert says in err


def test_the_same_seed_gives_the_same_model_with_its_hours(log: Log, tmp_path: Path) -> None:
    shutil.copytree(log.store.path, tmp_path / "store")
    with clickcli.open(tmp_path / "store") as opened:
        assert opened.recommender.train(POPULAR, Shared()).id == log.recommender.model().id


def test_a_time_is_answered_without_a_library_for_numbers(log: Log) -> None:
    code = (
        "import sys\n"
        "from clickcli.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    for who in ("r", "unknown"):
        words = ["recommend", "--user", who, "--store", str(log.store.path), "-f", "json", "-q"]
        words += ["-k", "2", "--hour", "20", "--weekday", "Saturday"]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["data"][0]["item_id"] == "beer"
        assert not HEAVY & set(done.stderr.split())
