"""Events of bots: left out unless asked for, told when there are any, free where there are none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import clickcli
from clickcli.api import Log
from clickcli.engines.dataset import DataFile
from clickcli.engines.polars import PolarsEngine
from clickcli.errors import UsageError

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.1 Mobile Safari/604.1"
NOTE = "left out: 2 events of bots; --include-bots counts them"
LISTED = "events of bots are left out, 2 in the store; --include-bots adds them"


def lines(*agents: str | None) -> str:
    """Return an event a minute, of one person an agent."""
    events = (
        {
            "event_id": f"e{number}",
            "event_type": "view",
            "timestamp": f"2024-03-01T00:{number:02d}:00Z",
            "anonymous_id": f"device-{number}",
            "user_agent": agent,
            "referrer": f"https://www.site-{number % 2}.example/page",
        }
        for number, agent in enumerate(agents)
    )
    return "".join(json.dumps(event) + "\n" for event in events)


def make(folder: Path, *agents: str | None) -> Log:
    """Return a new store of ``lines``."""
    path = folder / "log.jsonl"
    path.write_text(lines(*agents), encoding="utf-8")
    log = clickcli.create(folder / "store")
    log.ingest(path)
    return log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """A log of three people, one of them without an agent, and of two bots."""
    with make(tmp_path, PHONE, BOT, None, "curl/8.5.0", PHONE) as opened:
        yield opened


def test_the_catalog_counts_them(log: Log) -> None:
    assert log.info().rows == 5
    assert log.info().bots == log.dataset().bot_rows == 2


def test_the_count_follows_what_is_stored(log: Log, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text(lines(PHONE, BOT).replace(': "e', ': "f'), encoding="utf-8")
    again = log.ingest(more, more)
    assert (again.stored, again.bots, log.dataset().bot_rows) == (2, 1, 3)
    assert log.ingest(tmp_path / "log.jsonl").bots in (0, None)
    log.store.compact()
    assert log.dataset().bot_rows == 3
    assert again.batch is not None
    log.store.undo(again.batch)
    assert (log.info().bots, log.dataset().bot_rows) == (2, 2)
    assert log.active().meta["left_out"]["of_bots"] == 2


def test_an_answer_says_how_many_it_leaves_out(log: Log) -> None:
    result = log.active()
    assert result.meta["left_out"]["of_bots"] == 2
    assert result.meta["events_read"] == result.meta["people_read"] == 3
    assert NOTE in result.notes


def test_an_answer_that_includes_them_says_so(log: Log) -> None:
    result = log.active(include_bots=True)
    assert result.meta["include_bots"] is True
    assert result.meta["left_out"]["of_bots"] == 0
    assert result.meta["people_read"] == 5
    assert NOTE not in result.notes


def test_bots_after_as_of_are_not_counted_twice(log: Log) -> None:
    left_out = log.active(as_of="2024-03-01T00:02:00Z").meta["left_out"]
    assert (left_out["after_as_of"], left_out["of_bots"]) == (2, 1)


def test_what_does_not_match_is_counted_after_the_bots(log: Log) -> None:
    left_out = log.active(where=["device_type = 'mobile'"]).meta["left_out"]
    assert (left_out["of_bots"], left_out["not_matching_where"]) == (2, 1)


def test_people_of_a_cell_are_no_bots(log: Log) -> None:
    people = log.funnel(steps=["view"], who="step:1").to_polars()["person_id"].to_list()
    assert people == ["device-0", "device-2", "device-4"]


def test_raw_rows_leave_them_out_too(log: Log) -> None:
    listed = log.events()
    assert listed.to_polars().height == 3
    assert listed.notes == (LISTED,)
    assert listed.meta["include_bots"] is False
    every = log.events(include_bots=True, columns=["is_bot", "device_type"])
    assert every.to_polars().rows() == [
        (False, "mobile"), (True, None), (None, None), (True, None), (False, "mobile"),
    ]  # fmt: skip
    assert every.notes == ()


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("is_bot = true", 2),
        ("true = is_bot", 2),
        ("is_bot != false", 2),
        ("is_bot = false", 2),
        ("not is_bot = true", 2),
        ("is_bot is null", 1),
        ("is_bot is not null", 4),
        ("is_bot = true or is_bot is null", 3),
    ],
)
@pytest.mark.parametrize("engine", ["polars", "polars-memory"])
def test_a_filter_may_name_them(log: Log, text: str, events: int, engine: str) -> None:
    found = log.events(count=True, where=[text], include_bots=True, engine=engine)
    assert found.to_polars()["events"].item() == events


@pytest.mark.parametrize(
    "text", ["is_bot = 'true'", "is_bot = 1", "is_bot > false", "is_bot in (true)",
             "contains(is_bot, 't')", "is_bot between false and true"],
)  # fmt: skip
def test_a_flag_is_compared_with_true_or_false(log: Log, text: str) -> None:
    with pytest.raises(UsageError, match=r"^is_bot is true or false, was compared by") as caught:
        log.events(where=[text])
    assert caught.value.hint == "write is_bot = true or is_bot = false"


def test_bots_can_be_set_beside_people(log: Log) -> None:
    table = log.events(by=["is_bot"], include_bots=True).to_polars()
    assert dict(table.select("is_bot", "events").iter_rows()) == {
        "(none)": 1, "false": 2, "true": 2,
    }  # fmt: skip


def test_events_can_be_counted_by_the_host_before(log: Log) -> None:
    table = log.events(by=["referrer_host"]).to_polars()
    assert dict(table.select("referrer_host", "events").iter_rows()) == {"www.site-0.example": 3}


@pytest.mark.parametrize(
    ("agents", "options", "is_read"),
    [
        ((PHONE, None), {}, False),
        ((PHONE, BOT), {}, True),
        ((PHONE, BOT), {"include_bots": True}, False),
    ],
)
def test_the_column_is_read_only_where_it_matters(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    agents: Sequence[str | None],
    options: dict[str, Any],
    is_read: bool,
) -> None:
    seen: list[str] = []
    read = PolarsEngine.read

    def spy(
        self: PolarsEngine, files: Sequence[DataFile], columns: Sequence[str], properties: Any
    ) -> Any:
        seen.extend(columns)
        return read(self, files, columns, properties)

    monkeypatch.setattr(PolarsEngine, "read", spy)
    with make(tmp_path, *agents) as opened:
        result = opened.active(**options)
    assert ("is_bot" in seen) == is_read
    assert bool([note for note in result.notes if "bots" in note]) == is_read
