"""Who opted out or did not agree: not let in, not seen, never named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clickcli
from clickcli.api import Log
from clickcli.errors import StoreLocked, UsageError
from clickcli.identity import user_key
from clickcli.store import Store
from clickcli.store.lock import WriterLock
from clickcli.store.privacy.tokens import candidates
from tests.store.logs import check, event, events, ingest, write


def at(second: int) -> str:
    return f"2024-03-01T00:00:{second:02d}Z"


def opt_out(store: Store, *ids: str, device: bool = False) -> None:
    store.privacy().consent("opt_out", ids, "device" if device else "user")


def people(store: Store, **more: Any) -> set[str]:
    """Return the people whom ``events`` shows."""
    with Log.open(store.path, more) as log:
        shown = log.events(columns=["person_id"]).to_polars()
    return set(shown["person_id"].drop_nulls().to_list())


def test_lines_of_people_who_opted_out_are_suppressed_and_counted(
    store: Store, tmp_path: Path
) -> None:
    opt_out(store, "anna", "4711")
    lines = [
        event(1, user_id="anna"),
        event(2, user_id=4711),
        event(3, user_id="bert"),
        event(4, user_id="Anna"),
        event(5, user_id=None),
        event(6, user_id=None, anonymous_id="anna"),
    ]
    summary = ingest(store, write(tmp_path / "log", lines))
    check(summary)
    assert (summary.read, summary.stored, summary.suppressed) == (6, 4, 2)
    assert events(store)["event_id"].to_list() == ["e3", "e4", "e5", "e6"]
    assert [batch.suppressed for batch in store.batches()] == [2]


def test_a_dry_run_suppresses_too_and_makes_nothing(store: Store, tmp_path: Path) -> None:
    opt_out(store, "anna")
    log = write(tmp_path / "log", [event(1, user_id="anna"), event(2, user_id="bert")])
    summary = ingest(store, log, dry_run=True)
    check(summary)
    assert (summary.stored, summary.suppressed) == (1, 1)
    assert "anna" not in repr(summary)


def test_a_log_of_nobody_else_is_a_batch_of_no_events(store: Store, tmp_path: Path) -> None:
    opt_out(store, "anna")
    log = write(tmp_path / "log", [event(1, user_id="anna")])
    summary = ingest(store, log)
    assert (summary.batch, summary.stored, summary.suppressed) == ("b000001", 0, 1)
    assert ingest(store, log).read == 0


def test_a_device_that_opted_out_is_left_out_whoever_uses_it(store: Store, tmp_path: Path) -> None:
    opt_out(store, "d1", device=True)
    lines = [
        event(1, user_id=None, anonymous_id="d1"),
        event(2, user_id="bert", anonymous_id="d1"),
        event(3, user_id="bert", anonymous_id="d2"),
    ]
    summary = ingest(store, write(tmp_path / "log", lines))
    assert (summary.stored, summary.suppressed) == (1, 2)
    assert store.info().links == 1


def test_no_link_is_learned_from_a_line_that_is_left_out(store: Store, tmp_path: Path) -> None:
    opt_out(store, "anna")
    lines = [event(1, user_id="anna", anonymous_id="d1"), event(2, user_id=None, anonymous_id="d1")]
    assert ingest(store, write(tmp_path / "log", lines)).suppressed == 1
    assert store.info().links == 0
    assert people(store) == {"d1"}


def test_a_device_known_to_be_an_opted_out_users_is_left_out_at_the_times_it_was(
    store: Store, tmp_path: Path
) -> None:
    first = [
        event(1, user_id="anna", anonymous_id="d1", timestamp=at(10)),
        event(2, user_id="bert", anonymous_id="d1", timestamp=at(20)),
    ]
    ingest(store, write(tmp_path / "one", first))
    opt_out(store, "anna")
    second = [
        event(3, user_id=None, anonymous_id="d1", timestamp=at(5)),
        event(4, user_id=None, anonymous_id="d1", timestamp=at(19)),
        event(5, user_id=None, anonymous_id="d1", timestamp=at(20)),
        event(6, user_id=None, anonymous_id="d2", timestamp=at(5)),
    ]
    assert ingest(store, write(tmp_path / "two", second)).suppressed == 2
    assert events(store)["event_id"].to_list() == ["e1", "e2", "e5", "e6"]


def test_names_of_properties_on_suppressed_lines_are_not_counted(
    store: Store, tmp_path: Path
) -> None:
    opt_out(store, "anna")
    lines = [event(1, user_id="anna", plan="a", seen="x"), event(2, user_id="bert", plan="b")]
    ingest(store, write(tmp_path / "log", lines))
    assert dict(store.info().properties) == {"plan": 1}


@pytest.mark.parametrize(
    "line",
    [
        '{"user_id": "anna-4711", "timestamp": "not a time", "event_type": "view"}',
        '{"user_id": "anna-4711", broken',
        "GET /account/anna-4711?x=1 HTTP/1.1",
        '{"event_type": "view", "url": "https://shop.example/?u=anna-4711&y=2"}',
        '{"event_type": "view", "note": "\\u0061nna-4711"}',
        '{"event_type": "view", "anonymous_id": "d 1/x"}',
        '{"event_type": "view", "url": "https://shop.example/?d=d+1%2Fx"}',
    ],
)
def test_the_text_of_a_rejected_line_that_names_somebody_left_out_is_not_kept(
    store: Store, tmp_path: Path, line: str
) -> None:
    opt_out(store, "anna-4711")
    opt_out(store, "d 1/x", device=True)
    ingest(store, write(tmp_path / "log", [line, "also broken", event(1)]))
    rejects = list(store.rejects())
    assert [reject.line for reject in rejects] == [1, 2]
    assert [reject.raw for reject in rejects] == ["", "also broken"]


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.sampled_from(["{}", '"{}"', "x={}&y=1", "a b {} c", "[{}]", "/{}/", "'{}'"]),
)
def test_a_word_is_found_wherever_it_stands(word: str, place: str) -> None:
    if json.dumps(word, ensure_ascii=False) == f'"{word}"' and word.isalnum():
        assert word in candidates(place.format(word))
    assert word in candidates(json.dumps({"id": word}))


def test_lists_name_nobody(store: Store) -> None:
    opt_out(store, "anna-is-a-long-name")
    store.privacy().consent("grant", ["bert-is-a-long-name"])
    for path in store.path.parent.rglob("*"):
        if path.is_file():
            assert b"is-a-long-name" not in path.read_bytes(), path


def test_opting_out_hides_what_is_stored_and_opting_in_shows_it_again(
    store: Store, tmp_path: Path
) -> None:
    lines = [
        event(1, user_id="anna", anonymous_id="d1", timestamp=at(10)),
        event(2, user_id=None, anonymous_id="d1", timestamp=at(5)),
        event(3, user_id="bert", timestamp=at(6)),
        event(4, user_id=None, timestamp=at(7)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    everybody = people(store)
    assert everybody == {"anna", "bert"}
    opt_out(store, "anna")
    assert people(store) == {"bert"}
    with clickcli.open(store.path) as log:
        result = log.active()
        assert log.events(count=True).to_polars()["events"].to_list() == [2]
    assert result.meta["people_read"] == 1
    assert result.meta["left_out"]["without_consent"] == 2
    assert "left out: 2 events of people who opted out" in " ".join(result.notes)
    store.privacy().consent("opt_in", ["anna"])
    assert people(store) == everybody
    with clickcli.open(store.path) as log:
        assert "without_consent" not in log.active().meta["left_out"]


def test_a_device_that_opts_out_hides_its_events_of_users_too(store: Store, tmp_path: Path) -> None:
    lines = [
        event(1, user_id="anna", anonymous_id="d1", timestamp=at(10)),
        event(2, user_id=None, anonymous_id="d1", timestamp=at(5)),
        event(3, user_id="anna", anonymous_id="d2", timestamp=at(6)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    opt_out(store, "d1", device=True)
    with clickcli.open(store.path) as log:
        assert log.events(columns=["event_id"]).to_polars()["event_id"].to_list() == ["e3"]


def test_without_consent_nobody_is_kept_or_seen_where_it_is_required(
    store: Store, tmp_path: Path
) -> None:
    lines = [
        event(1, user_id="anna", anonymous_id="d1", timestamp=at(10)),
        event(2, user_id="bert", timestamp=at(11)),
        event(3, user_id=None, anonymous_id="d2", timestamp=at(12)),
        event(4, user_id=None, timestamp=at(13)),
        event(5, user_id=None, anonymous_id="d3", timestamp=at(14)),
    ]
    log = write(tmp_path / "log", lines)
    store.privacy().consent("grant", ["anna"])
    store.privacy().consent("grant", ["d2"], "device")
    summary = ingest(store, log, require_consent=True)
    check(summary)
    assert (summary.stored, summary.suppressed) == (3, 2)
    assert people(store, require_consent=True) == {"anna", "d2"}
    more = [
        event(6, user_id=None, anonymous_id="d1", timestamp=at(15)),
        event(7, user_id="carl", timestamp=at(16)),
    ]
    assert ingest(store, write(tmp_path / "more", more), require_consent=True).suppressed == 1
    store.privacy().consent("withdraw", ["anna"])
    assert people(store, require_consent=True) == {"d2"}
    assert people(store) == {"anna", "d2"}


def test_consent_of_nobody_lets_in_nobody_and_needs_no_key(store: Store, tmp_path: Path) -> None:
    log = write(tmp_path / "log", [event(1), event(2, user_id=None), "broken with u1 in it"])
    summary = ingest(store, log, require_consent=True)
    check(summary)
    assert (summary.stored, summary.suppressed, summary.rejected) == (1, 1, 1)
    assert [reject.raw for reject in store.rejects()] == [""]


def test_opting_out_outweighs_consent(store: Store, tmp_path: Path) -> None:
    store.privacy().consent("grant", ["anna"])
    opt_out(store, "anna")
    log = write(tmp_path / "log", [event(1, user_id="anna")])
    assert ingest(store, log, require_consent=True).suppressed == 1


def test_a_change_tells_what_it_did(store: Store, tmp_path: Path) -> None:
    ingest(store, write(tmp_path / "log", [event(1, user_id="anna")]))
    privacy = store.privacy()
    change = privacy.consent("opt_out", ["anna", "bert", "anna"])
    assert (change.given, change.changed, change.known) == (2, 2, 1)
    again = privacy.consent("opt_out", ["anna", "carl"])
    assert (again.given, again.changed, again.lists.opted_out) == (2, 1, 3)
    back = privacy.consent("opt_in", ["anna", "nobody-of-ours"])
    assert (back.changed, back.lists.opted_out) == (1, 2)
    acts = [(act.act, dict(act.detail)) for act in privacy.acts()]
    assert acts == [
        ("opt_out", {"users": 2, "changed": 2}),
        ("opt_out", {"users": 2, "changed": 1}),
        ("opt_in", {"users": 2, "changed": 1}),
    ]


@pytest.mark.parametrize("ids", [[], ["anna", "Guest"], ["anna", ""], ["undefined"]])
def test_ids_that_mean_nobody_change_nothing(store: Store, ids: list[str]) -> None:
    with pytest.raises(UsageError):
        store.privacy().consent("opt_out", ids)
    assert store.privacy().lists().opted_out == 0
    assert store.privacy().acts() == []


def test_a_list_waits_for_the_writer(store: Store) -> None:
    with WriterLock(store.path), pytest.raises(StoreLocked):
        opt_out(store, "anna")


IDS = st.sampled_from([None, "a", "b", "c"])
LINES = st.lists(st.tuples(IDS, st.sampled_from([None, "x", "y"]), st.integers(0, 5)), max_size=12)


@settings(max_examples=25)
@given(first=LINES, second=LINES, users=st.sets(st.sampled_from("abc")))
def test_what_is_let_in_and_seen_is_what_a_plain_reading_of_the_rules_gives(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str | None, str | None, int]],
    second: list[tuple[str | None, str | None, int]],
    users: set[str],
) -> None:
    folder = tmp_path_factory.mktemp("rules")
    rows = [(f"e{n}", *line) for n, line in enumerate([*first, *second])]

    def log(name: str, part: list[tuple[str, str | None, str | None, int]]) -> Path:
        return write(
            folder / name,
            [
                event(0, event_id=n, user_id=u, anonymous_id=d, timestamp=at(t))
                for n, u, d, t in part
            ],
        )

    with Store.create(folder / "store") as store:
        ingest(store, log("one", rows[: len(first)]))
        learned = _owners(rows[: len(first)])
        if users:
            opt_out(store, *sorted(users))
        ingest(store, log("two", rows[len(first) :]))
        let_in = [
            row
            for number, row in enumerate(rows)
            if number < len(first) or _person(row, learned) not in {f"u:{u}" for u in users}
        ]
        assert events(store)["seq"].len() == len(let_in)
        now = _owners(let_in)
        seen = {row[0] for row in let_in if _person(row, now) not in {f"u:{u}" for u in users}}
        with clickcli.open(store.path) as opened:
            shown = opened.events(columns=["event_id"]).to_polars()
        assert set(shown["event_id"].to_list()) == seen


Row = tuple[str, str | None, str | None, int]


def _owners(rows: list[Row]) -> dict[str, list[tuple[int, str]]]:
    """Return for each device the users it was seen with, in order of time."""
    owners: dict[str, list[tuple[int, str]]] = {}
    for _, user, device, time in rows:
        if user is not None and device is not None:
            owners.setdefault(device, []).append((time, user))
    return {device: sorted(seen) for device, seen in owners.items()}


def _person(row: Row, owners: dict[str, list[tuple[int, str]]]) -> str | None:
    _, user, device, time = row
    if user is not None or device is None:
        return None if user is None else f"u:{user}"
    seen = owners.get(device)
    if not seen:
        return f"a:{device}"
    before = [owner for when, owner in seen if when <= time]
    return f"u:{before[-1] if before else seen[0][1]}"


def test_a_hidden_person_is_in_no_answer(store: Store, tmp_path: Path) -> None:
    lines = [
        event(n, user_id=user, timestamp=at(n), event_type=kind)
        for n, (user, kind) in enumerate(
            (user, kind) for user in ("anna", "bert", "carl") for kind in ("view", "buy")
        )
    ]
    ingest(store, write(tmp_path / "log", lines))
    with clickcli.open(store.path) as log:
        without = pl.Series([user_key("anna")])
        assert without.len() == 1
        opt_out(store, "anna")
        funnel = log.funnel(steps=["view", "buy"], within="none").to_polars()
        assert funnel["people"].to_list() == [2, 2]
        assert log.sessions().to_polars()["people"].to_list() == [2]
        who = log.funnel(steps=["view"], within="none", who="step:1").to_polars()
        assert who["person_id"].to_list() == ["bert", "carl"]
        by = log.active(by=["user_id"]).to_polars()
        assert "anna" not in by["user_id"].to_list()


@pytest.mark.spark
@pytest.mark.parametrize("required", [False, True])
def test_every_engine_hides_the_same_people(
    store: Store, tmp_path: Path, spark: str, required: bool
) -> None:
    lines = [
        event(1, user_id="anna", anonymous_id="d1", timestamp=at(10)),
        event(2, user_id=None, anonymous_id="d1", timestamp=at(5)),
        event(3, user_id="bert", anonymous_id="d2", timestamp=at(6)),
        event(4, user_id=None, anonymous_id="d3", timestamp=at(7)),
        event(5, user_id=None, timestamp=at(8)),
        event(6, user_id="carl", anonymous_id="d4", timestamp=at(9)),
    ]
    ingest(store, write(tmp_path / "log", lines))
    opt_out(store, "anna")
    opt_out(store, "d2", device=True)
    store.privacy().consent("grant", ["anna", "carl"])
    answers = []
    for engine in ("polars", "polars-memory", "spark"):
        with Log.open(store.path, {"require_consent": required}) as log:
            result = log.active(engine=engine, master=spark if engine == "spark" else None)
        answers.append((result.to_polars().to_dicts(), result.meta["left_out"]))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][1]["without_consent"] == (4 if required else 3)
    assert answers[0][0][-1]["dau"] == (1 if required else 2)
