"""A model from the log to the answer: trained, kept, asked, dropped; and its two commands."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clickcli
from clickcli.analysis import Shared
from clickcli.api import Log
from clickcli.cli.main import main
from clickcli.errors import DataError, Undecidable, UsageError
from clickcli.recommend import Wish
from clickcli.recommend.mapped import mapped
from clickcli.recommend.options import TrainOptions
from clickcli.store.arrays import write_array

START = 1_709_251_200
SEQ = TrainOptions(method="seq", keep=4)
HEAVY = {"implicit", "sklearn", "scipy", "polars", "pyarrow", "numpy", "narwhals"}


def lines(people: int = 30, seed: int = 4) -> list[dict[str, Any]]:
    """Return a log in which people go through ten items in a circle, an hour apart."""
    draw = random.Random(seed)
    result = []
    for person in range(people):
        item, at = draw.randrange(10), START + draw.randrange(20) * 86_400 + person
        for step in range(6):
            result.append(
                {
                    "event_id": f"{person}-{step}", "event_type": "product_view",
                    "ts": at + 60 * step, "user_id": f"u{person}", "session_id": f"s{person}",
                    "item_id": f"i{item}", "category": f"c{item % 2}", "price": 10.0 + item,
                    "currency": "EUR",
                }
            )  # fmt: skip
            item = (item + (1 if draw.random() < 0.9 else 3)) % 10
    return result


def log_of(folder: Path, rows: list[dict[str, Any]]) -> Log:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    log = clickcli.create(folder / "store")
    log.ingest(path)
    return log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log with a model; not to be written to."""
    with log_of(tmp_path_factory.mktemp("shop"), lines()) as opened:
        opened.recommender.train(SEQ, Shared())
        yield opened


@pytest.fixture
def own(log: Log, tmp_path: Path) -> Iterator[Log]:
    """A copy of it that may be written to."""
    shutil.copytree(log.store.path, tmp_path / "store")
    with clickcli.open(tmp_path / "store") as opened:
        yield opened


def had(person: int) -> set[str]:
    return {row["item_id"] for row in lines() if row["user_id"] == f"u{person}"}


def test_a_list_holds_new_items_in_order_and_says_why(log: Log) -> None:
    rows = log.recommender.user("u3", Wish(k=3)).rows
    assert [row.rank for row in rows] == [1, 2, 3]
    assert not {row.item_id for row in rows} & had(3)
    assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
    for row in rows:
        assert row.source == "seq"
        carriers = row.why.removeprefix("because of ").split(", ")
        assert set(carriers) <= had(3)
        assert row.trained_as_of.startswith("2024-03-")


def test_what_follows_the_last_item_comes_first(log: Log) -> None:
    rows = log.recommender.items(["i4"], Wish(k=2)).rows
    assert rows[0].item_id == "i5"
    assert rows[0].why == "because of i4"
    assert rows[0].person_id is None


def test_the_events_of_a_session_say_what_comes_next(log: Log) -> None:
    asked = [row["item_id"] for row in lines() if row["user_id"] == "u3"]
    by_items = log.recommender.items(asked, Wish(k=3)).rows
    by_session = log.recommender.session("s3", Wish(k=3)).rows
    assert [row.item_id for row in by_session] == [row.item_id for row in by_items]


def test_the_ready_list_is_the_list_that_the_fitted_method_gives(log: Log) -> None:
    # 4 are kept; a price that all items have makes it ask the method
    for person in range(8):
        ready = log.recommender.user(f"u{person}", Wish(k=4)).rows
        asked = log.recommender.user(f"u{person}", Wish(k=5, max_price=999)).rows
        assert [row.item_id for row in asked[:4]] == [row.item_id for row in ready]
        assert [row.score for row in asked[:4]] == pytest.approx([row.score for row in ready])


def test_everybodys_lists_are_those_of_each(log: Log) -> None:
    frame, answer = log.recommender.everybody(Wish(k=3))
    assert frame["person_id"].n_unique() == 30
    for (person,), part in frame.group_by("person_id"):
        rows = log.recommender.user(str(person), Wish(k=3)).rows
        assert part["item_id"].to_list() == [row.item_id for row in rows]
        assert part["why"].to_list() == [row.why for row in rows]
        assert part["rank"].to_list() == [1, 2, 3]
    assert set(answer.meta["methods"].values()) == {"seq"}


def test_more_than_the_kept_items_of_everybody_are_refused(log: Log) -> None:
    with pytest.raises(UsageError, match="at most the 4 items"):
        log.recommender.everybody(Wish(k=5))


def test_somebody_unknown_is_given_what_is_trending_and_told_so(log: Log) -> None:
    answer = log.recommender.user("nobody-knows", Wish(k=3))
    assert {row.source for row in answer.rows} == {"trending"}
    assert len(answer.rows) == 3
    assert "the model knows nothing of the user 'nobody-knows'" in answer.notes[0]
    with pytest.raises(Undecidable):
        log.recommender.user("nobody-knows", is_strict=True)
    with pytest.raises(Undecidable):
        log.recommender.session("no-session", is_strict=True)
    assert log.recommender.session("no-session").rows[0].source == "trending"


def test_a_device_is_not_the_user_of_its_name(log: Log) -> None:
    assert log.recommender.user("u3", is_device=True).rows[0].source == "trending"


def test_a_linked_device_is_given_the_list_of_its_user(own: Log, tmp_path: Path) -> None:
    rows = [row.item_id for row in own.recommender.user("u3", Wish(k=3)).rows]
    links = tmp_path / "links.jsonl"
    links.write_text('{"anonymous_id": "tablet", "user_id": "u3"}\n')
    own.store.link(links)
    answer = own.recommender.user("tablet", Wish(k=3), is_device=True)
    assert [row.item_id for row in answer.rows] == rows


def test_filters_hold_and_lists_are_filled_up(log: Log) -> None:
    rows = log.recommender.user("u3", Wish(k=3, category="c1")).rows
    assert rows
    assert all(int(row.item_id[1:]) % 2 == 1 for row in rows)
    cheap = log.recommender.user("u3", Wish(k=9, max_price=12.0), allow_repeat=True).rows
    assert {row.item_id for row in cheap} <= {"i0", "i1", "i2"}
    without = log.recommender.user("u3", Wish(k=9, exclude=frozenset({"i1", "i2"}))).rows
    assert not {"i1", "i2"} & {row.item_id for row in without}


def test_repeats_are_given_where_they_are_allowed(log: Log) -> None:
    rows = log.recommender.user("u3", Wish(k=10), allow_repeat=True).rows
    assert {row.item_id for row in rows} & had(3)


def test_where_items_may_come_again_the_method_is_one_chosen_for_that(tmp_path: Path) -> None:
    rows = [
        {
            "event_id": f"{person}-{day}", "event_type": "product_view",
            "ts": START + 86_400 * day + person, "user_id": f"u{person}",
            "item_id": f"new{(person + day) % 12}" if day % 9 == 3 else f"own{person}",
        }
        for person in range(40)
        for day in range(20)
    ]  # fmt: skip
    with log_of(tmp_path, rows) as log:
        log.recommender.train(TrainOptions(), Shared())
        again = log.recommender.user("u3", Wish(k=1), allow_repeat=True)
        methods = again.meta["methods"]
        once = log.recommender.user("u3", Wish(k=1))
    assert again.rows[0].item_id == "own3"
    assert again.rows[0].source == methods["later_repeat"]
    assert "repeat" not in methods["later"] + methods["next"]
    assert once.rows[0].item_id != "own3"


def test_a_longer_list_than_there_are_items_is_shorter_and_told_so(log: Log) -> None:
    answer = log.recommender.user("u3", Wish(k=500))
    assert len(answer.rows) == 10 - len(had(3))
    assert any("items fit, 500 were asked for" in note for note in answer.notes)


@pytest.mark.parametrize(
    "wish", [Wish(category="c9"), Wish(exclude=frozenset({"i77"}))], ids=["category", "exclude"]
)
def test_unknown_words_are_refused(log: Log, wish: Wish) -> None:
    with pytest.raises(UsageError, match="unknown"):
        log.recommender.user("u3", wish)


def test_a_store_without_a_model_says_how_to_train_one(tmp_path: Path) -> None:
    with log_of(tmp_path, lines(2)) as opened, pytest.raises(DataError, match="no recommender"):
        opened.recommender.user("u1")


def test_nothing_about_items_is_too_little_to_train(tmp_path: Path) -> None:
    rows = [{"event_type": "login", "ts": START, "user_id": "a"}]
    with log_of(tmp_path, rows) as opened, pytest.raises(Undecidable, match="no views"):
        opened.recommender.train(SEQ, Shared())


@pytest.mark.parametrize("method", ["auto", "als", "ease"])
def test_one_person_with_one_item_can_be_trained(method: str, tmp_path: Path) -> None:
    rows = [{"event_type": "view", "ts": START, "user_id": "a", "item_id": "x"}]
    with log_of(tmp_path, rows) as opened:
        opened.recommender.train(TrainOptions(method=method), Shared())
        assert not opened.recommender.user("a").rows
        assert [row.item_id for row in opened.recommender.user("b").rows] == ["x"]


def test_the_same_seed_gives_the_same_model(own: Log) -> None:
    before = own.recommender.model()
    held = {name: path.read_bytes() for name, path in before.files.items()}
    after = own.recommender.train(SEQ, Shared())
    assert after.id == before.id
    assert {name: path.read_bytes() for name, path in after.files.items()} == held
    other = own.recommender.train(TrainOptions(method="popular"), Shared())
    assert other.id != before.id
    files = [path.name for path in (own.store.path / "models").iterdir()]
    assert all(name.startswith(f"recommend.{other.id}.") for name in files)


def test_a_store_with_a_model_verifies(own: Log) -> None:
    assert not own.store.verify().findings
    path = own.recommender.model().files["top"]
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    assert [finding.path for finding in own.store.verify().findings] == [f"models/{path.name}"]


def test_a_damaged_array_is_told(own: Log) -> None:
    path = own.recommender.model().files["people"]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="damaged"):
        own.recommender.user("u3")


def test_new_events_make_the_model_old_and_it_says_so(own: Log, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"event_type": "view", "ts": START, "user_id": "n"}) + "\n")
    own.ingest(more)
    notes = own.recommender.user("u3").notes
    assert any("1 events came since" in note for note in notes)


def test_a_model_of_another_store_is_refused(own: Log, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with log_of(tmp_path / "other", lines(3)) as other:
        other.recommender.train(SEQ, Shared())
        (mine,) = (own.store.path / "models").glob("*.manifest.json")
        (theirs,) = (other.store.path / "models").glob("*.manifest.json")
        shutil.copy(mine, theirs)
        with pytest.raises(DataError, match="trained on another store"):
            other.recommender.user("u1")


def test_deleting_a_person_drops_the_model(own: Log) -> None:
    own.store.privacy().delete(["u3"], [])
    with pytest.raises(DataError, match="no recommender"):
        own.recommender.model()
    assert not list((own.store.path / "models").iterdir())


def test_who_opted_out_is_not_known_any_more(own: Log) -> None:
    own.store.privacy().consent("opt_out", ["u3"])
    assert own.recommender.user("u3").rows[0].source == "trending"
    frame, _ = own.recommender.everybody(Wish(k=1))
    assert "u3" not in frame["person_id"].to_list()


@pytest.mark.parametrize("dtype", ["<i8", "<i4", "|i1", "|u1", "<f4", "<f8"])
@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (2, 2, 2), (0, 4)], ids=str)
def test_an_array_is_read_as_it_was_written(
    dtype: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    array = np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)
    write_array(tmp_path / "a.npy", array)
    found = mapped(tmp_path / "a.npy")
    assert found.shape == shape
    assert len(found) == shape[0]
    assert list(found.values) == array.ravel().tolist()
    for row in range(shape[0]):
        assert list(found.row(row)) == array[row].ravel().tolist()


def test_a_key_is_found_in_a_sorted_array(tmp_path: Path) -> None:
    write_array(tmp_path / "a.npy", np.array([-5, 0, 7], dtype=np.int64))
    found = mapped(tmp_path / "a.npy")
    assert [found.find(value) for value in (-6, -5, 0, 3, 7, 8)] == [None, 0, 1, None, 2, None]


def test_a_user_is_answered_without_a_library_for_numbers(log: Log) -> None:
    code = (
        "import sys\n"
        "from clickcli.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    for who in ("u3", "unknown"):
        words = ["recommend", "--user", who, "--store", str(log.store.path)]
        words += ["-f", "json", "-q", "-k", "4"]
        ran = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert len(json.loads(ran.stdout)["data"]) == 4
        assert not HEAVY & set(ran.stderr.split())


def ran(capfdbinary: pytest.CaptureFixture[bytes], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_the_commands_train_and_recommend(
    own: Log, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    store = ("--store", own.store.path)
    code, out, err = ran(capfdbinary, "train", "--method", "popular", *store, "-f", "json")
    assert code == 0
    told = json.loads(out)
    assert told["data"][0]["later"] == "popular"
    assert told["meta"]["people"] == 30
    assert "later: popular, asked for" in err
    code, out, _ = ran(capfdbinary, "recommend", "--all", "-k", "1", *store, "-f", "jsonl")
    assert code == 0
    assert len(out.splitlines()) == 30
    assert json.loads(out.splitlines()[0])["person_id"] == "u0"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "give one of --user"),
        (("--user", "u1", "--items", "i1"), 2, "give one of --user"),
        (("--all", "--strict"), 2, "no --allow-repeat, --strict"),
        (("--user", "zz", "--strict"), 4, "knows nothing of the user 'zz'"),
        (("--user", "zz", "-k", "0"), 2, "at least 1"),
        (("--items", "i99"), 2, "unknown item 'i99'"),
        (("--user", "u1", "--category", "c11"), 2, "did you mean c1"),
    ],
    ids=str,
)
def test_wrong_questions_are_refused_with_a_way_out(
    log: Log, words: tuple[str, ...], code: int, says: str,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:  # fmt: skip
    found, out, err = ran(capfdbinary, "recommend", *words, "--store", log.store.path)
    assert (found, out) == (code, "")
    assert says in err


@pytest.mark.parametrize(
    "words",
    [("--method", "magic"), ("--half-life", "0s"), ("--keep", "0"), ("--half-life", "soon")],
    ids=str,
)
def test_training_refuses_what_it_cannot_read(
    log: Log, words: tuple[str, ...], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, out, err = ran(capfdbinary, "train", *words, "--store", log.store.path)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
