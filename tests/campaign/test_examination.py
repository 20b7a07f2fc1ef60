"""The examination itself: a store in which something is wrong is found out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.campaign.calls import told_badly
from tests.campaign.campaign import Bench
from tests.campaign.examine import examine
from tests.campaign.processes import Ended
from tests.campaign.scenarios import STORE, Prepared, prepare
from tests.campaign.states import problems_of, read


def change(root: Path, *statements: str) -> None:
    """Change a catalog behind the store's back."""
    with closing(sqlite3.connect(root / "catalog.db")) as db, db:
        for statement in statements:
            db.execute(statement)


def one(root: Path, pattern: str) -> Path:
    """Return the first file that a pattern matches."""
    return min(root.glob(pattern))


def double_a_row(root: Path) -> None:
    path = one(root, "events/*/*.parquet")
    table = pq.ParquetFile(path).read()
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)


def lose_an_id(root: Path) -> None:
    path = one(root, "ids/run-*")
    np.save(path, np.load(path)[:, 1:])


def leave_something(root: Path) -> None:
    (root / "staging" / "b000009").mkdir()


def open_to_all(root: Path) -> None:
    one(root, "rejects/*").chmod(0o644)


def lose_a_file(root: Path) -> None:
    one(root, "events/*/*.parquet").unlink()


def forget_a_batch(root: Path) -> None:
    change(root, "DELETE FROM batches WHERE id = 2")


def count_wrongly(root: Path) -> None:
    change(root, "UPDATE totals SET lines = lines + 1 WHERE kind = 'event_type'")


def take_a_link_back(root: Path) -> None:
    change(root, "DELETE FROM links")


def read_the_log_again(root: Path) -> None:
    change(root, "DELETE FROM sources")


WRONGS = (
    double_a_row, lose_an_id, leave_something, open_to_all, lose_a_file, forget_a_batch,
    count_wrongly, take_a_link_back, read_the_log_again,
)  # fmt: skip


@pytest.fixture
def prepared(bench: Bench) -> Prepared:
    return prepare(bench, "ingest")


@pytest.mark.parametrize("wrong", WRONGS)
def test_what_is_wrong_is_found(
    wrong: Callable[[Path], None], prepared: Prepared, bench: Bench
) -> None:
    with prepared.home_in(bench) as home:
        wrong(home / STORE)
        try:
            reading = read(home / STORE)
        except OSError:
            return
        assert problems_of(reading) or reading.state.differences(prepared.before)


def test_a_store_that_nothing_struck_is_found_sound(prepared: Prepared, bench: Bench) -> None:
    with prepared.home_in(bench) as home:
        outcome = examine(prepared, home)
    assert outcome.failures == ()
    assert outcome.left == "as before"


def test_a_store_that_is_neither_before_nor_after_is_a_failure(
    prepared: Prepared, bench: Bench
) -> None:
    with prepared.home_in(bench) as home:
        take_a_link_back(home / STORE)
        assert any("neither" in text for text in examine(prepared, home).failures)


@pytest.mark.parametrize(
    ("code", "out", "err", "count"),
    [
        (0, "fine", "", 0),
        (74, "", "clickcli: error: full\nhint: free some\n", 0),
        (70, "", "clickcli: error: full\nhint: free some\n", 1),
        (74, "", "clickcli: error: full\n", 1),
        (74, "rows", "clickcli: error: full\nhint: free some\n", 1),
        (1, "", "Traceback (most recent call last):\n", 2),
    ],
)
def test_a_failure_must_be_told_well(code: int, out: str, err: str, count: int) -> None:
    assert len(told_badly(Ended(code, out, err))) == count
