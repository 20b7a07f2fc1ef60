"""What every analysis promises, whatever it computes: the registry is walked."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

import clickcli
from clickcli.analysis import Analysis, Option, Shared
from clickcli.api import Log, build
from clickcli.engines.polars import POLARS_TYPES
from clickcli.registry import headline, load, load_all, names
from clickcli.run import Result

Line = dict[str, Any]
WEEK = timedelta(days=7)
START = datetime(2024, 2, 26, tzinfo=UTC)
BY = ("country", "properties.plan")


def lines(seed: int = 7, people: int = 12, events: int = 240) -> list[Line]:
    """Return a log without two events of one person at one instant."""
    draw = random.Random(seed)
    result: list[Line] = []
    for number in range(events):
        seconds = draw.choice([0, 5, 1799, 1800, 1801, 86_400, 3 * 86_400, 7 * 86_400])
        person = draw.randrange(people)
        moment = START + timedelta(seconds=number * 20_000 + seconds, milliseconds=number)
        line: Line = {
            "event_id": f"e{number}",
            "event_type": draw.choice(["view", "view", "page_view", "add_to_cart", "purchase"]),
            "timestamp": moment.isoformat(),
            "anonymous_id": f"device-{person}",
            "country": draw.choice(["DE", "FR", "IT", None]),
            "page_url": f"https://shop.example/{draw.randrange(4)}?utm_source=mail",
            "properties": {"plan": draw.choice(["free", "pro"])},
        }
        if person % 3:
            line["user_id"] = f"user-{person}"
        if draw.random() < 0.5:
            line["session_id"] = f"s{person}-{draw.randrange(3)}"
        if line["event_type"] == "purchase":
            line |= {"revenue": draw.randrange(100) / 4, "currency": "EUR"}
        result.append(line)
    return result


def write(path: Path, rows: list[Line]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def store(folder: Path, *files: list[Line]) -> Log:
    log = clickcli.create(folder / "store")
    for number, rows in enumerate(files):
        log.ingest(write(folder / f"{number}.jsonl", rows))
    return log


def ask(log: Log, analysis: Analysis[Any], **shared: Any) -> Result:
    sample = dataclasses.asdict(analysis.sample)
    return log.run(analysis.name, sample, shared)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with store(tmp_path_factory.mktemp("contract"), lines()) as opened:
        yield opened


@pytest.fixture(params=names())
def analysis(request: pytest.FixtureRequest) -> Analysis[Any]:
    return load(request.param)


def same(left: Result, right: Result) -> None:
    for name, table in left.tables.items():
        assert_frame_equal(table, right.tables[name])


def test_an_empty_store_gives_the_declared_columns(analysis: Analysis[Any], tmp_path: Path) -> None:
    with store(tmp_path) as empty:
        result = ask(empty, analysis)
    for schema in result.schemas:
        expected = {column.name: POLARS_TYPES[column.dtype] for column in schema.columns}
        assert dict(result.tables[schema.name].schema) == expected
    assert result.meta["events_read"] == 0


@pytest.mark.parametrize("by", [(), BY])
def test_order_of_rows_and_split_of_files_do_not_matter(
    analysis: Analysis[Any], log: Log, tmp_path: Path, by: tuple[str, ...]
) -> None:
    rows = lines()
    random.Random(1).shuffle(rows)
    with store(tmp_path, rows[:70], rows[70:71], rows[71:]) as shuffled:
        same(ask(log, analysis, by=by), ask(shuffled, analysis, by=by))


def renamed(rows: list[Line]) -> list[Line]:
    ids = ("user_id", "anonymous_id")
    return [row | {name: f"x{row[name]}" for name in ids if name in row} for row in rows]


def test_other_names_of_people_change_ids_only(
    analysis: Analysis[Any], log: Log, tmp_path: Path
) -> None:
    with store(tmp_path, renamed(lines())) as other:
        left, right = ask(log, analysis), ask(other, analysis)
    for name, table in left.tables.items():
        expected = table
        if "person_id" in table.columns:
            expected = table.with_columns(person_id="x" + pl.col("person_id"))
        assert_frame_equal(expected, right.tables[name])


def later(rows: list[Line]) -> list[Line]:
    def moved(row: Line) -> Line:
        return row | {
            "timestamp": (datetime.fromisoformat(row["timestamp"]) + 4 * WEEK).isoformat()
        }

    return [moved(row) for row in rows]


def test_four_weeks_later_only_times_change(
    analysis: Analysis[Any], log: Log, tmp_path: Path
) -> None:
    with store(tmp_path, later(lines())) as moved:
        left, right = ask(log, analysis), ask(moved, analysis)
    for schema in left.schemas:
        values = [c.name for c in schema.columns if c.kind not in ("key", "timestamp")]
        assert_frame_equal(
            left.tables[schema.name].select(values), right.tables[schema.name].select(values)
        )


@pytest.mark.parametrize("by", [(), BY])
def test_shares_lie_in_0_to_1_inside_their_interval_and_stand_beside_two_counts(
    analysis: Analysis[Any], log: Log, by: tuple[str, ...]
) -> None:
    result = ask(log, analysis, by=by)
    for schema in result.schemas:
        table = result.tables[schema.name]
        counts = [c.name for c in schema.columns if c.kind == "count"]
        for column in (c.name for c in schema.columns if c.kind == "share"):
            known = table[column].drop_nulls()
            assert known.is_between(0, 1).all()
            assert len(counts) >= 2
            low, high = f"{column}_low", f"{column}_high"
            if low in table.columns:
                inside = pl.col(column).is_between(pl.col(low), pl.col(high))
                assert table.filter(pl.col(column).is_not_null()).select(inside.all()).item()


def test_a_breakdown_has_the_total_of_the_answer_without_it(
    analysis: Analysis[Any], log: Log
) -> None:
    whole, parts = ask(log, analysis), ask(log, analysis, by=("country",), top=1)
    for schema in whole.schemas:
        if not schema.is_broken_down or not whole.tables[schema.name].height:
            continue
        table = parts.tables[schema.name]
        assert {"(total)", "(other)"} <= set(table["country"])
        total = table.filter(pl.col("country") == "(total)").drop("country")
        assert_frame_equal(total, whole.tables[schema.name])


def test_two_runs_give_equal_tables_and_receipts(analysis: Analysis[Any], log: Log) -> None:
    left, right = ask(log, analysis, by=BY), ask(log, analysis, by=BY)
    same(left, right)
    assert left.meta == right.meta


def test_the_receipt_accounts_for_every_event(analysis: Analysis[Any], log: Log) -> None:
    meta = ask(log, analysis, where=("country = 'DE'",), as_of="2024-04-01").meta
    assert meta["events_read"] + sum(meta["left_out"].values()) == log.dataset().rows
    json.dumps(meta)


def test_parameters_survive_json(analysis: Analysis[Any], log: Log) -> None:
    result = ask(log, analysis)
    again = json.loads(json.dumps(result.meta["parameters"]))
    assert build(analysis.parameters, again) == analysis.sample


def test_limit_keeps_the_first_rows(analysis: Analysis[Any], log: Log) -> None:
    whole, part = ask(log, analysis).to_polars(), ask(log, analysis, limit=1).to_polars()
    assert_frame_equal(whole.head(1), part)


@pytest.mark.parametrize("name", names())
def test_help_is_whole(name: str) -> None:
    analysis = load(name)
    text = headline(name)
    assert text.endswith(".")
    assert len(text) <= 100
    assert len(analysis.examples) == 3
    assert all(example.startswith(f"clickcli {name}") for example in analysis.examples)
    for table in analysis.tables:
        assert set(table.keys) | {w.removeprefix("-") for w in table.order} <= set(table.names())
        assert all(column.help for column in table.columns)


def declared_options(kind: type) -> Iterator[tuple[str, Option]]:
    from typing import get_type_hints

    for name, hint in get_type_hints(kind, include_extras=True).items():
        (option,) = (part for part in hint.__metadata__ if isinstance(part, Option))
        yield name, option


@pytest.mark.parametrize("kind", [Shared, *(one.parameters for one in load_all())])
def test_every_option_explains_itself_in_a_sentence(kind: type) -> None:
    for name, option in declared_options(kind):
        assert option.help.endswith("."), name


def test_names_of_parameters_do_not_hide_shared_options() -> None:
    shared = {field.name for field in dataclasses.fields(Shared)}
    for one in load_all():
        assert not shared & {field.name for field in dataclasses.fields(one.parameters)}


@pytest.mark.parametrize("name", names())
def test_importing_is_cheap(name: str) -> None:
    code = (
        f"import sys, clickcli.registry as r; r.load({name!r}); "
        "print(*{'polars', 'narwhals', 'numpy', 'pyarrow', 'sqlglot'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


ENGINE_CASES: dict[str, Mapping[str, Any]] = {
    "plain": {},
    "by": {
        "by": BY, "top": 2, "tz": "Europe/Berlin", "week_start": "sunday",
        "where": ("properties.plan = 'pro' or revenue > 3.5",), "from_": "2024-03-01",
    },
}  # fmt: skip


@pytest.mark.parametrize("case", ENGINE_CASES)
def test_polars_in_memory_gives_the_rows_of_polars_streaming(
    analysis: Analysis[Any], log: Log, case: str
) -> None:
    shared = ENGINE_CASES[case]
    same(ask(log, analysis, **shared), ask(log, analysis, engine="polars-memory", **shared))


@pytest.mark.spark
def test_spark_gives_the_rows_of_polars(analysis: Analysis[Any], log: Log, spark: str) -> None:
    """The fullest case alone: its totals are computed as without a breakdown, and Spark is slow."""
    shared = ENGINE_CASES["by"]
    there = ask(log, analysis, engine="spark", master=spark, **shared)
    same(ask(log, analysis, **shared), there)
    assert there.meta["engine"] == "spark"


def of_bots(*, is_bot: bool = True) -> list[Line]:
    """Return events inside the span of ``lines()``: of bots alone, and of bots on people's devices.

    Without the flag they are those of people.
    """
    draw = random.Random(11)
    span = [datetime.fromisoformat(line["timestamp"]) for line in lines()]
    first, last = min(span), max(span)
    result: list[Line] = []
    for number in range(90):
        moment = first + (last - first) * draw.random()
        line: Line = {
            "event_id": f"b{number}",
            "event_type": draw.choice(["view", "page_view", "add_to_cart", "purchase"]),
            "timestamp": moment.isoformat(),
            "anonymous_id": draw.choice(["crawler", "monitor", "device-0", "device-1", None]),
            "country": draw.choice(["DE", "US", None]),
            "properties": {"plan": draw.choice(["free", "pro", "none"])},
            "is_bot": is_bot,
        }
        if line["event_type"] == "purchase":
            line |= {"revenue": draw.randrange(100) / 4, "currency": "EUR"}
        result.append(line)
    return result


@pytest.fixture(scope="module")
def with_bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log with events of bots, of which one file was written before bots were told apart."""
    folder = tmp_path_factory.mktemp("bots")
    with store(folder, lines()[:100], lines()[100:] + of_bots()) as opened:
        older = min(opened.dataset().files, key=lambda file: file.min_ts)
        table = pq.read_table(older.path)
        assert table["is_bot"].null_count == table.num_rows
        pq.write_table(table.drop_columns(["is_bot"]), older.path)
        yield opened


@pytest.fixture(scope="module")
def with_more_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """The same log, the bots being people."""
    folder = tmp_path_factory.mktemp("people")
    with store(folder, lines()[:100], lines()[100:] + of_bots(is_bot=False)) as opened:
        yield opened


@pytest.mark.parametrize("case", ENGINE_CASES)
def test_events_of_bots_change_nothing(
    analysis: Analysis[Any], log: Log, with_bots: Log, case: str
) -> None:
    shared = ENGINE_CASES[case]
    found = ask(with_bots, analysis, **shared)
    same(ask(log, analysis, **shared), found)
    left_out = found.meta["left_out"]
    assert left_out["of_bots"] == len(of_bots())
    assert found.meta["events_read"] + sum(left_out.values()) == with_bots.dataset().rows
    assert found.notes[-1] == "left out: 90 events of bots; --include-bots counts them"


@pytest.mark.spark
@pytest.mark.parametrize("name", ["sessions", "funnel"])
def test_spark_leaves_bots_out_too(name: str, log: Log, with_bots: Log, spark: str) -> None:
    found = ask(with_bots, load(name), engine="spark", master=spark)
    same(ask(log, load(name)), found)
    assert found.meta["left_out"]["of_bots"] == len(of_bots())


@pytest.mark.parametrize("case", ENGINE_CASES)
def test_bots_that_are_included_count_like_people(
    analysis: Analysis[Any], with_bots: Log, with_more_people: Log, case: str
) -> None:
    shared = ENGINE_CASES[case]
    found = ask(with_bots, analysis, include_bots=True, **shared)
    expected = ask(with_more_people, analysis, **shared)
    same(expected, found)
    assert found.meta["left_out"] == expected.meta["left_out"]
    assert found.notes == expected.notes


def test_people_of_a_cell_are_the_same_on_every_call(log: Log) -> None:
    who: Callable[..., Result] = log.retention
    first = who(every="week", who="active").to_polars()
    assert_frame_equal(first, who(every="week", who="active").to_polars())
    assert first["person_id"].is_sorted()
