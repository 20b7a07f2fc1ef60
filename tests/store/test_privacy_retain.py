"""Retention: whole days go, links of devices still seen stay, old logs bring nothing back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clickcli
from clickcli.errors import UsageError
from clickcli.store import Store
from clickcli.units import duration_us
from tests.store.logs import NOW, check, event, events, ingest, options, write

DAY = 86_400_000_000


def day(number: int, second: int = 0) -> int:
    """Return a time of day, so many days before the tests' present."""
    return (NOW - number * DAY) // 1_000_000 + second


def retain(store: Store, keep: str, **more: Any) -> Any:
    privacy = store.privacy()
    privacy._now = options().now
    return privacy.retain(duration_us(keep), **more)


def ids(store: Store) -> list[str]:
    return events(store)["event_id"].to_list() if store.info().rows else []


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    lines = [
        event(1, timestamp=day(11, -1)),
        event(2, timestamp=day(10, -1)),
        event(3, timestamp=day(10)),
        event(4, timestamp=day(9, 5)),
        event(5, timestamp=day(1)),
        "broken",
    ]
    ingest(store, write(tmp_path / "log", lines))
    return store


def test_days_that_ended_longer_ago_go_and_the_day_itself_stays(filled: Store) -> None:
    made = retain(filled, "10d")
    assert ids(filled) == ["e3", "e4", "e5"]
    assert (made.rows, made.files_dropped, made.floor) == (2, 2, NOW - 10 * DAY)
    info = filled.info()
    assert (info.rows, info.first_ts) == (3, day(10) * 1_000_000)
    assert [batch.removed for batch in filled.batches()] == [2]


def test_a_part_of_a_day_keeps_the_whole_day(filled: Store) -> None:
    retain(filled, "9d12h")
    assert ids(filled) == ["e3", "e4", "e5"]


def test_old_lines_are_known_when_they_come_again(filled: Store, tmp_path: Path) -> None:
    retain(filled, "10d")
    snapshot = filled.info().snapshot
    lines = [
        event(1, timestamp=day(11, -1)),
        event(2, timestamp=day(10, -1), price=3),
        event(3, timestamp=day(10)),
        event(6, timestamp=day(2)),
    ]
    summary = ingest(filled, write(tmp_path / "again", lines))
    check(summary)
    assert (summary.duplicates, summary.conflicts, summary.stored) == (2, 1, 1)
    assert filled.info().snapshot != snapshot
    assert ids(filled) == ["e3", "e4", "e5", "e6"]


def test_late_lines_that_were_never_seen_come_in_and_go_with_the_next_run(
    filled: Store, tmp_path: Path
) -> None:
    retain(filled, "10d")
    assert ingest(filled, write(tmp_path / "late", [event(7, timestamp=day(20))])).stored == 1
    assert retain(filled, "10d").rows == 1
    assert ids(filled) == ["e3", "e4", "e5"]
    assert filled.verify().findings == ()
    again = ingest(filled, write(tmp_path / "again", [event(7, timestamp=day(20))] * 2))
    assert (again.stored, again.duplicates) == (0, 2)


def test_what_is_dropped_makes_another_snapshot(filled: Store) -> None:
    snapshots = [filled.info().snapshot]
    for keep in ("11d", "10d", "9d", "9d"):
        retain(filled, keep)
        snapshots.append(filled.info().snapshot)
    assert len(set(snapshots)) == 4
    assert snapshots[-1] == snapshots[-2]


def test_taking_an_ingest_back_does_not_bring_back_what_was_too_old(
    filled: Store, tmp_path: Path
) -> None:
    retain(filled, "10d")
    (batch,) = filled.batches()
    filled.undo(batch.name)
    assert filled.verify().findings == ()
    again = ingest(filled, tmp_path / "log")
    assert (again.stored, again.duplicates) == (3, 2)


def test_a_dry_run_changes_nothing(filled: Store, tmp_path: Path) -> None:
    told = retain(filled, "10d", dry_run=True)
    assert (told.rows, told.files_dropped, told.dry_run) == (2, 2, True)
    assert len(ids(filled)) == 5
    old = write(tmp_path / "old", [event(7, timestamp=day(20))])
    assert ingest(filled, old).stored == 1
    assert filled.privacy().acts() == []


def test_it_counts_from_the_moment_that_is_given(filled: Store) -> None:
    made = retain(filled, "2d", as_of=NOW - 8 * DAY)
    assert made.floor == NOW - 10 * DAY


@pytest.mark.parametrize("keep", ["0s", "23h", "1439m"])
def test_less_than_a_day_is_refused(filled: Store, keep: str) -> None:
    with pytest.raises(UsageError, match="at least 1d"):
        retain(filled, keep)
    assert len(ids(filled)) == 5


def test_a_moment_in_the_future_is_refused(filled: Store) -> None:
    with pytest.raises(UsageError, match="future"):
        retain(filled, "10d", as_of=NOW + 1)
    assert len(ids(filled)) == 5


def test_two_hundred_years_keep_everything(filled: Store) -> None:
    assert retain(filled, "70000d").rows == 0
    assert len(ids(filled)) == 5


def test_everything_may_go(filled: Store, tmp_path: Path) -> None:
    made = retain(filled, "1d", as_of=NOW)
    assert ids(filled) == ["e5"]
    assert made.rows == 4
    log = write(tmp_path / "late", [event(9, timestamp=day(0))])
    assert ingest(filled, log).stored == 1


def test_rejected_lines_go_with_an_ingest_of_before(filled: Store, tmp_path: Path) -> None:
    later = write(tmp_path / "later", ["broken too"])
    ingest(filled, later, now=lambda: NOW + 20 * DAY)
    privacy = filled.privacy()
    privacy._now = lambda: NOW + 20 * DAY
    made = privacy.retain(10 * DAY)
    assert made.rejects == 1
    assert [reject.raw for reject in filled.rejects()] == ["broken too"]


def test_links_of_devices_that_are_still_seen_stay(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, user_id="anna", anonymous_id="d1", timestamp=day(20)),
        event(2, user_id=None, anonymous_id="d1", timestamp=day(1)),
        event(3, user_id="bert", anonymous_id="d2", timestamp=day(20)),
        event(4, user_id=None, anonymous_id="d3", timestamp=day(1)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    retain(store, "10d")
    info = store.info()
    assert (info.rows, info.people, info.links) == (2, 2, 1)
    assert store.dataset().links()["user_id"].to_list() == ["anna"]
    with clickcli.open(store.path) as log:
        shown = log.events(columns=["person_id"]).to_polars()
    assert shown["person_id"].to_list() == ["anna", "d3"]


def test_derived_tables_go_only_when_events_do(filled: Store) -> None:
    (filled.path / "derived").mkdir()
    (filled.path / "derived" / "sessions").write_text("of old days")
    assert retain(filled, "100d").derived == 0
    assert (filled.path / "derived" / "sessions").exists()
    assert retain(filled, "10d").derived == 1
    assert not (filled.path / "derived" / "sessions").exists()


def test_it_is_in_the_audit_log_and_in_the_record(filled: Store) -> None:
    retain(filled, "10d")
    act = filled.privacy().acts()[-1]
    assert (act.act, act.detail["rows"], act.detail["days"]) == ("retain", 2, "10d")
    record = {entry.item: entry.value for entry in filled.privacy().record()}
    assert record["retention"] == "dropped all before 2024-12-22"


LINES = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "b"]), st.sampled_from([None, "x", "y"]), st.integers(1, 5)
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(lines=LINES, keep=st.integers(1, 5))
def test_what_is_left_is_what_is_not_older(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[str | None, str | None, int]],
    keep: int,
) -> None:
    folder = tmp_path_factory.mktemp("retained")
    rows = [
        event(0, event_id=f"e{n}", user_id=user, anonymous_id=device, timestamp=day(ago, n))
        for n, (user, device, ago) in enumerate(lines)
    ]
    left = {row["event_id"] for row, (_, _, ago) in zip(rows, lines, strict=True) if ago <= keep}
    with Store.create(folder / "store") as store:
        ingest(store, write(folder / "log", rows))
        made = retain(store, f"{keep}d")
        assert made.rows == len(rows) - len(left)
        assert set(ids(store)) == left
        again = ingest(store, write(folder / "again", rows))
        assert (again.stored, again.duplicates) == (0, len(rows))
        assert store.verify().findings == ()
        with clickcli.open(store.path) as log:
            counted = log.events(count=True, include_bots=True).to_polars()
        assert [store.info().people] == counted["people"].to_list()


def test_a_link_to_a_user_whose_time_on_a_device_is_over_goes(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, user_id="anna-long-gone", anonymous_id="d1", timestamp=day(20)),
        event(2, user_id="bert", anonymous_id="d1", timestamp=day(5)),
        event(3, user_id=None, anonymous_id="d1", timestamp=day(4)),
        event(4, user_id="carl-long-gone", anonymous_id="d2", timestamp=day(20)),
        event(5, user_id=None, anonymous_id="d2", timestamp=day(9)),
        event(6, user_id="dora", anonymous_id="d2", timestamp=day(8)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    retain(store, "10d")
    links = store.dataset().links()
    assert sorted(links["user_id"].to_list()) == ["bert", "carl-long-gone", "dora"]
    assert store.info().people == 3
    retain(store, "8d")
    assert sorted(store.dataset().links()["user_id"].to_list()) == ["bert", "dora"]
    assert store.info().people == 2
    assert store.verify().findings == ()
