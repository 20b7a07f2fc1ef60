"""Raw events from Python: order, limits, spans, counts, and the same on every engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clickcli
from clickcli import listing
from clickcli.api import Log
from clickcli.errors import UsageError

DAY = 86_400
START = 1_709_251_200


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("listing")
    lines = [
        {"event_id": f"e{number}", "event": f"type{number % 3}", "user_id": f"u{number % 5}",
         "ts": START + (number * 37 % 100) * DAY // 10, "item_id": f"i{number % 2}",
         "price": number / 100, "currency": ("USD", "JPY", None)[number % 3],
         "color": "red" if number % 4 else None}
        for number in range(100)
    ]  # fmt: skip
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    made = clickcli.create(folder / "store")
    made.ingest(path)
    return made


def _ids(frame: pl.DataFrame) -> list[str]:
    return frame["event_id"].to_list()


def test_rows_are_ordered_by_time_then_arrival(log: Log) -> None:
    frame = log.events(columns=["ts", "seq", "event_id"]).to_polars()
    assert frame.height == 100
    assert frame.sort("ts", "seq").equals(frame)


@settings(max_examples=25)
@given(size=st.integers(1, 60), limit=st.integers(1, 120))
def test_spans_change_nothing(log: Log, size: int, limit: int) -> None:
    columns = ["ts", "seq", "event_id"]
    everything = _ids(log.events(columns=columns).to_polars())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_SPAN_ROWS", size)
        assert _ids(log.events(columns=columns).to_polars()) == everything
        assert _ids(log.events(columns=columns, head=limit).to_polars()) == everything[:limit]
        assert _ids(log.events(columns=columns, tail=limit).to_polars()) == everything[-limit:]


def test_the_period_and_as_of_bound_the_rows(log: Log) -> None:
    frame = log.events(from_="2024-03-02", to="2024-03-04", columns=["ts"]).to_polars()
    times = frame["ts"].dt.date().cast(pl.String).unique().sort().to_list()
    assert times == ["2024-03-02", "2024-03-03"]
    early = log.events(as_of="2024-03-02T00:00", count=True).to_polars()
    assert early["events"].item() == 11
    assert log.events(to="2024-03-01", columns=["ts"]).to_polars().height == 0


def test_money_is_divided_by_its_currency(log: Log) -> None:
    frame = log.events(columns=["event_id", "price", "currency"]).to_polars()
    prices = dict(frame.select("event_id", "price").iter_rows())
    assert prices["e99"] == 0.99
    assert prices["e98"] == 0.98
    assert prices["e97"] == 1.0  # yen have no decimals


def test_counts_add_up(log: Log) -> None:
    total = log.events(count=True).to_polars().row(0, named=True)
    assert (total["events"], total["people"]) == (100, 5)
    by_type = log.events(by=["event_type"]).to_polars()
    assert by_type["events"].to_list() == [34, 33, 33]
    by_color = log.events(by=["properties.color"]).to_polars()
    assert dict(by_color.select("properties.color", "events").iter_rows()) == {
        "red": 75,
        "(none)": 25,
    }


def test_every_column_can_be_asked_for(log: Log) -> None:
    frame = log.events(columns=["*"], head=1).to_polars()
    assert "person_key" not in frame.columns
    assert {"ts", "seq", "properties", "price"} <= set(frame.columns)


def test_an_empty_store_has_no_rows(tmp_path: Path) -> None:
    with clickcli.create(tmp_path / "store") as empty:
        assert empty.events().to_polars().height == 0
        assert empty.events(count=True).to_polars()["events"].item() == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"head": 1, "tail": 1}, "contradict"),
        ({"columns": ["colour"]}, "unknown column"),
        ({"types": ["typo"]}, "unknown event type"),
        ({"typos": ["x"]}, "unknown option"),
        ({"by": ["events"]}, "unknown column"),
    ],
)
def test_what_cannot_be_listed(log: Log, options: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError, match=error):
        log.events(**options)


@pytest.mark.parametrize("options", [{"tail": 7}, {"by": ["event_type"]}, {"count": True}])
def test_engines_agree(log: Log, spark: str, options: dict[str, Any]) -> None:
    polars = log.events(**options).to_polars()
    assert log.events(**options, engine="polars-memory").to_polars().equals(polars)
    assert log.events(**options, engine="spark", master=spark).to_polars().equals(polars)
