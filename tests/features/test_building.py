"""Building features: again, after more events, after others went, and what a store makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.api import Log
from clickcli.errors import DataError, StoreLocked, UsageError
from clickcli.features import TABLES, Options, building, similar
from clickcli.store.lock import WriterLock
from tests.analyses.worlds import moment, store, told
from tests.features.world import shop_logs
from tests.oracles import DAY, Event, instant
from tests.oracles.logs import to_jsonl

START = instant("2024-05-01T10:00:00")
LOG = told(
    """
    2024-05-01T10:00:00Z ann       view item_id=pan brand=Nord
    2024-05-01T10:01:00Z ~phone    view item_id=pan
    2024-05-02T10:00:00Z bob       view item_id=pan
    2024-05-02T10:05:00Z bob~phone purchase item_id=pot revenue=3 currency=EUR
    2024-05-03T10:00:00Z cat       view item_id=pot
    """
)


def sums(log: Log) -> dict[str, str]:
    """Return the checksums of the tables' files."""
    return {one.name: one.sha256 for one in log.features.kept()}


def more(log: Log, text: str) -> None:
    """Add events."""
    log.ingest(BytesIO(told(text)))


def full(log: Log, **options: Any) -> dict[str, str]:
    log.features.build(full=True, **options)
    return sums(log)


@pytest.fixture
def built() -> Iterator[Log]:
    with store(LOG) as log:
        log.features.build()
        yield log


WHO = ((None, "d1"), (None, "d2"), ("ann", None), ("ann", "d1"), ("bob", "d1"), ("bob", "d2"))
AGES = (0, 1, 31 * 60 * 10**6, DAY, 9 * DAY)


@st.composite
def device_logs(draw: st.DrawFn) -> list[tuple[bytes, int | None]]:
    """Draw batches about two users on two devices, in any order of time, each with a cutoff.

    The first is of devices that nobody has logged in on yet.
    """
    kinds = ("view", "view", "add_to_cart", "purchase", "page_view")
    batches = []
    number = 0
    for at_first in (True, *[False] * draw(st.integers(1, 2))):
        lines = []
        for _ in range(draw(st.integers(1, 4))):
            user, device = draw(st.sampled_from(WHO[:3] if at_first else WHO))
            line = {"event_id": f"e{number}", "user_id": user, "anonymous_id": device,
                    "timestamp": moment(START + draw(st.sampled_from(AGES))),
                    "event_type": draw(st.sampled_from(kinds)), "revenue": 1, "price": 2,
                    "item_id": draw(st.sampled_from(["pan", "pot"])), "currency": "EUR",
                    "brand": draw(st.sampled_from("ab"))}  # fmt: skip
            lines.append(json.dumps(line).encode() + b"\n")
            number += 1
        cutoff = draw(st.sampled_from([None, None, START + 1, START + DAY + 1]))
        batches.append((b"".join(lines), cutoff))
    return batches


@settings(max_examples=8)
@given(device_logs())
def test_what_is_taken_over_is_what_would_be_computed(
    batches: list[tuple[bytes, int | None]],
) -> None:
    with store([]) as log:
        for lines, cutoff in batches:
            log.ingest(BytesIO(lines))
            log.features.build(cutoff=moment(cutoff))
        assert sums(log) == full(log, cutoff=moment(cutoff))


@settings(max_examples=7)
@given(shop_logs(late=False), shop_logs(people=("p1", "p4"), late=False))
def test_events_after_the_cutoff_change_no_byte(log: list[Event], later: list[Event]) -> None:
    cutoff = 1 + max((event.ts for event in log), default=START)
    first = min((event.ts for event in later), default=0)
    future = [
        Event(e.ts - first + cutoff, 1000 + e.seq, e.person, e.event_type, e.session_id,
              e.properties)
        for e in later
    ]  # fmt: skip
    with store(log) as opened:
        opened.features.build(cutoff=moment(cutoff))
        before = sums(opened)
        opened.ingest(BytesIO(to_jsonl(future)))
        opened.features.build(cutoff=moment(cutoff))
        assert sums(opened) == before == full(opened, cutoff=moment(cutoff))


def test_a_later_log_in_tells_nothing_about_before() -> None:
    cutoff = "2024-05-02"
    with store(told("2024-05-01T10:00:00Z ~phone view item_id=pan")) as log:
        log.features.build(cutoff=cutoff)
        before = sums(log)
        more(log, "2024-05-02T10:00:00Z ann~phone view item_id=pan")
        assert full(log, cutoff=cutoff) == before
        log.features.build()
        assert log.features.table("persons").collect()["person_id"].to_list() == ["ann"]


def test_the_second_build_computes_only_whom_new_events_touch(built: Log) -> None:
    more(built, "2024-05-04T10:00:00Z cat view item_id=pan")
    made = built.features.build()
    assert (made.people, made.computed) == (3, 1)
    assert sums(built) == full(built)


def test_a_new_link_moves_the_events_of_a_device(built: Log) -> None:
    more(built, "2024-05-01T10:00:30Z ann~phone view item_id=cup")  # before bob's log-in there
    made = built.features.build()
    assert made.computed == 2
    assert sums(built) == full(built)
    row = built.features.table("persons").filter(pl.col("person_id") == "ann").collect()
    assert row["events"].item() == 3


def test_nothing_new_computes_nothing(built: Log) -> None:
    before = sums(built)
    made = built.features.build()
    assert made.computed == 0
    assert sums(built) == before


def test_another_question_is_answered_anew(built: Log) -> None:
    assert built.features.build(options=Options(weight_view=2)).computed == 3
    assert built.features.build(options=Options(weight_view=2, tz="Asia/Tokyo")).computed == 3


def test_a_taken_back_batch_leaves_no_trace(built: Log) -> None:
    before = sums(built)
    more(built, "2024-05-02T12:00:00Z cat view item_id=pan")
    built.features.build()
    assert sums(built) != before
    built.store.undo("b000002")
    assert [one.is_stale for one in built.features.kept()] == [True] * 4
    assert any("taken out" in note for note in built.features.notes())
    built.features.build()
    assert sums(built) == before


def test_new_events_make_it_stale(built: Log) -> None:
    assert not any(one.is_stale for one in built.features.kept())
    assert built.features.notes() == []
    more(built, "2024-05-04T10:00:00Z cat view item_id=pan")
    assert all(one.is_stale for one in built.features.kept())
    assert "1 events were added" in built.features.notes()[0]


def test_merging_files_makes_nothing_stale(built: Log) -> None:
    more(built, "2024-05-01T10:00:00Z cat view item_id=pan")
    built.features.build()
    built.store.compact()
    assert not any(one.is_stale for one in built.features.kept())
    assert built.features.build().computed == 0


def test_links_by_hand_make_it_stale(built: Log) -> None:
    built.store.split(["phone"])
    assert all(one.is_stale for one in built.features.kept())
    built.features.build()
    assert sums(built) == full(built)
    assert built.features.table("persons").collect().height == 4


def test_a_deleted_person_is_in_no_file(built: Log) -> None:
    built.store.privacy().delete(["bob"])
    assert built.features.kept() == []
    assert not list((built.store.path / "derived").iterdir())
    built.features.build()
    for name in TABLES:
        assert "bob" not in built.features.table(name).collect().write_csv()


@pytest.mark.parametrize("act", ["hash", "retain"])
def test_what_renames_or_drops_people_drops_the_tables(built: Log, act: str) -> None:
    privacy = built.store.privacy()
    if act == "hash":
        privacy.hash()
    else:
        privacy.retain(DAY)
    assert built.features.kept() == []
    with pytest.raises(DataError, match="has no features"):
        built.features.table("persons")
    built.features.build()
    assert built.store.verify().findings == ()


def test_who_opts_out_is_not_shown_any_more(built: Log) -> None:
    assert "cat" in built.features.table("persons").collect()["person_id"]
    built.store.privacy().consent("opt_out", ["cat"])
    for name in ("persons", "interactions", "similar_persons"):
        assert "cat" not in built.features.table(name).collect().write_csv(include_header=False), (
            name
        )
    assert any("opt-outs" in note for note in built.features.notes())
    built.features.build()
    assert built.features.table("persons").collect().height == 2


def test_an_export_has_the_features_of_the_person_and_of_nobody_else(built: Log) -> None:
    derived = built.store.privacy().export("user", "bob").derived
    assert {name: table.height for name, table in derived.items()} == {
        "persons": 1, "interactions": 2, "similar_persons": 2,
    }  # fmt: skip
    for table in derived.values():
        assert "ann" not in table.write_csv(include_header=False)


def test_verify_looks_at_the_files(built: Log) -> None:
    assert built.store.verify().findings == ()
    path = built.store.path / "derived" / "items.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    (finding,) = built.store.verify().findings
    assert (finding.severity, finding.path) == ("error", "derived/items.parquet")
    path.unlink()
    (finding,) = built.store.verify().findings
    assert finding.problem == "is missing"


def test_a_damaged_table_is_not_taken_over(built: Log) -> None:
    before = sums(built)
    path = built.store.path / "derived" / "persons.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="is missing or damaged"):
        built.features.table("persons")
    assert built.features.build().computed == 3
    assert sums(built) == before
    assert built.store.verify().findings == ()


def test_a_build_that_fails_leaves_the_one_before(
    built: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sums(built)
    more(built, "2024-05-04T10:00:00Z cat view item_id=pan")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "similar", interrupted)
    with pytest.raises(KeyboardInterrupt):
        built.features.build()
    assert sums(built) == before
    assert built.store.verify().findings == ()
    assert not any((built.store.path / "staging").iterdir())


def test_a_build_that_dies_before_its_files_are_placed_is_finished(built: Log) -> None:
    """The receipt and the checksums change together, whichever state a reader finds."""
    more(built, "2024-05-04T10:00:00Z cat view item_id=pan")
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        from clickcli.store import commit

        original = commit.place

        def dies(_: object) -> None:
            shutil.copytree(built.store.path, copy)
            raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(commit, "place", dies)
            with pytest.raises(KeyboardInterrupt):
                built.features.build()
        assert commit.place is original
        with Log.open(copy) as log:
            assert log.store.verify().findings == ()
            assert not any(one.is_stale for one in log.features.kept())
            assert sums(log) == full(log)


def test_a_busy_store_is_waited_for(built: Log) -> None:
    with WriterLock(built.store.path), pytest.raises(StoreLocked):
        built.features.build()


def test_dropped_tables_are_gone(built: Log) -> None:
    assert sorted(built.features.drop()) == sorted(TABLES)
    assert (built.features.kept(), built.features.drop()) == ([], [])
    assert built.store.verify().findings == ()
    assert built.features.build().computed == 3


def test_too_many_products_leave_similarity_out(
    built: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MOST_PRODUCTS", 3)
    made = built.features.build(full=True)
    assert "similar_persons" not in made.rows
    assert any("similar persons are left out" in note for note in made.notes)
    assert not (built.store.path / "derived" / "similar_persons.parquet").exists()
    with pytest.raises(DataError, match="has no similar_persons"):
        built.features.table("similar_persons")


def test_products_are_counted_by_item(built: Log) -> None:
    pairs = built.features.table("interactions").collect()
    assert similar.products(pairs) == 2 * 2 + 2 * 2  # pan: ann, bob; pot: bob, cat


def test_an_unknown_table_is_refused(built: Log) -> None:
    with pytest.raises(UsageError, match="unknown table 'person'"):
        built.features.table("person")


@pytest.mark.parametrize("few", [1, 10**9], ids=["sorted", "counted"])
def test_both_ways_of_adding_up_are_one(
    built: Log, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sums(built)
    monkeypatch.setattr(similar, "_SPARSE", few)
    assert full(built) == before


def test_a_file_of_costs_is_part_of_the_question(tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    write: Callable[[int], int] = lambda cost: costs.write_text(  # noqa: E731
        f"item_id,cost,currency\npan,{cost},EUR\n"
    )
    text = "2024-05-01T10:00:00Z ann purchase item_id=pan price=5 currency=EUR"
    with store(told(text), settings={"costs_items": str(costs)}) as log:
        margins = []
        for cost in (2, 3):
            write(cost)
            log.features.build()
            margins += log.features.table("items").collect()["margin"].to_list()
    assert margins == [3.0, 2.0]
