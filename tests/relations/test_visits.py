"""Events in their sessions against the sessions' oracle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.analysis import Shared
from clickcli.context import Events, resolve
from clickcli.engines import engine
from clickcli.filters import property_ref
from clickcli.relations.sessions import Cut, SessionRule
from clickcli.relations.visits import visits
from tests.analyses import worlds
from tests.analyses.worlds import store
from tests.oracles import MINUTE, Event
from tests.oracles.logs import boundary_logs
from tests.oracles.sessions import sessions

LIMIT = 30 * MINUTE
LOGS = worlds.crowds(boundary_logs(max_events=10))


def found(log: Sequence[Event], rule: SessionRule, how: str, master: str | None = None) -> Any:
    """Return the rows of the relation, by seq."""
    with store(log) as opened:
        chosen = engine(how, master)
        try:
            context = resolve(opened.dataset(), chosen, Shared(by=("event_type",)))
            table = visits(
                Events(context), context, Cut(LIMIT, 24 * 60 * MINUTE, rule), {"page_path"},
                [property_ref("properties.k")],
            )  # fmt: skip
            rows = chosen.collect({"visits": table})["visits"].to_dicts()
        finally:
            chosen.close()
    return {row["seq"]: row for row in rows}


def expected(log: Sequence[Event], rule: SessionRule) -> dict[int, dict[str, int | None]]:
    """Return what the oracle's sessions say of each event."""
    at = {event.seq: event.ts for event in log}
    rows: dict[int, dict[str, int | None]] = {}
    for session in sessions(log, timeout_us=LIMIT, rule=rule.value):
        seqs = session["seqs"]
        for place, seq in enumerate(seqs):
            rows[seq] = {
                "ts": at[seq], "first_seq": seqs[0], "start": session["start"],
                "end": session["end"], "place": place, "session_events": len(seqs),
                "next_ts": at[seqs[place + 1]] if place + 1 < len(seqs) else None,
            }  # fmt: skip
    return rows


@settings(max_examples=25)
@given(LOGS, st.sampled_from(list(SessionRule)), st.sampled_from(["polars", "polars-memory"]))
def test_every_event_knows_its_session(log: list[Event], rule: SessionRule, how: str) -> None:
    rows = found(log, rule, how)
    wanted = expected(log, rule)
    assert {seq: {name: row[name] for name in wanted[seq]} for seq, row in rows.items()} == wanted
    kinds = {event.seq: event.event_type for event in log}
    assert all(row["event_type"] == row["by_1"] == kinds[seq] for seq, row in rows.items())


def test_sessions_are_the_same_on_a_cluster(spark: str) -> None:
    log = [
        Event(n * 29 * MINUTE * (n % 3), n, f"p{n % 2}", "view", session_id=("s1", None)[n % 2])
        for n in range(1, 40)
    ]
    log = [Event(1_700_000_000_000_000 + e.ts, e.seq - 1, e.person, e.event_type,
                 session_id=e.session_id) for e in log]  # fmt: skip
    here, there = (
        found(log, SessionRule.CUT, "polars"),
        found(log, SessionRule.CUT, "spark", spark),
    )
    assert here
    assert here == there


def test_an_empty_log_has_no_visits() -> None:
    assert found([], SessionRule.CUT, "polars") == {}
