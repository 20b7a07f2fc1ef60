"""Sessions that no person has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.doctor.check import Check, Finding, Found, Severity, about, counted, ends, shortened
from clickcli.units import duration_us

if TYPE_CHECKING:
    from clickcli.doctor.evidence import Evidence

_HOURS: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long somebody is active without a pause of ``timeout``, and a session id lasts."""

    timeout: str = "30m"
    hours: int = 12
    id_hours: int = 24


def _active(evidence: Evidence, limits: Limits) -> Found:
    """Look for people who are active without a pause, session ids or not."""
    import narwhals as nw
    import polars as pl

    from clickcli.relations.sessions import Cut, SessionRule, session_kernel, session_schema
    from clickcli.units import MAX_TS

    cut = Cut(duration_us(limits.timeout), MAX_TS, SessionRule.GAP)
    events = evidence.events("person_key", "seq", "revenue", "currency")
    frame = nw.from_native(events.filter(pl.col("person_key").is_not_null()))
    sessions = evidence.engine.kernel(frame, session_kernel(cut, (), ()), session_schema((), ()))
    length = nw.col("end") - nw.col("start")
    tables = evidence.engine.collect(
        {
            "all": sessions.select(nw.len().alias("all")),
            "long": sessions.filter(length > limits.hours * _HOURS),
        }
    )
    total, long = int(tables["all"].item()), tables["long"]
    if not long.height:
        return Found(total)
    longest = long.sort(pl.col("end") - pl.col("start"), "person_key").row(-1, named=True)
    name = evidence.people([longest["person_key"]]).get(longest["person_key"])
    most = about(longest["end"] - longest["start"])
    meaning = (
        f"events of {counted(long.height, 'session')} of more than {limits.hours} hours without a "
        f"pause of {limits.timeout}, at most {most}: a program, or a page that reports by itself"
    )
    finding = Finding(
        Severity.WARNING, "sessions", int(long["events"].sum()), evidence.total, meaning,
        *ends(long.select(first="start", last="end")), name,
    )  # fmt: skip
    return Found(total, (finding,))


def _ids(evidence: Evidence, limits: Limits) -> Found:
    """Look for session ids that are in use for days."""
    import polars as pl

    ts = pl.col("ts")
    events = evidence.events("session_id", "person_key").filter(pl.col("session_id").is_not_null())
    ids = events.group_by("session_id").agg(
        pl.len().alias("events"), ts.min().alias("first"), ts.max().alias("last")
    )
    is_long = pl.col("last") - pl.col("first") > limits.id_hours * _HOURS
    row = evidence.collect(
        ids.select(
            pl.len().alias("ids"),
            is_long.sum().alias("long"),
            pl.col("events").filter(is_long).sum(),
            (pl.col("last") - pl.col("first")).max().alias("most"),
            pl.col("first").filter(is_long).min(),
            pl.col("last").filter(is_long).max(),
            pl.col("session_id").filter(is_long).min().alias("example"),
        )
    ).row(0, named=True)
    if not row["long"]:
        return Found(row["ids"])
    meaning = (
        f"events of {counted(row['long'], 'session id')} used for more than {limits.id_hours} "
        f"hours, at most {about(row['most'])}: the sender does not renew them; sessions are cut "
        "by time all the same"
    )
    finding = Finding(
        Severity.WARNING, "session_id", row["events"], evidence.total, meaning, row["first"],
        row["last"], shortened(row["example"]),
    )  # fmt: skip
    return Found(row["ids"], (finding,))


CHECKS: Final = (
    Check(
        "long_sessions", "People who are active for half a day without a pause.", Limits(),
        "{hours} hours without a pause of {timeout}", "sessions", _active,
    ),
    Check(
        "session_ids", "Session ids that are used for days.", Limits(), "{id_hours} hours",
        "session ids", _ids, ("session_id",),
    ),
)  # fmt: skip
