"""People who are faster than people can be, and known bots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.context import IS_BOT
from clickcli.doctor.check import Check, Finding, Found, Least, Severity, counted, shortened

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Rate:
    """More events a minute than a person makes, in so many minutes at least."""

    events: int = 60
    minutes: int = 2


def _fast(evidence: Evidence, limits: Rate) -> Found:
    import polars as pl

    events = evidence.events("person_key", IS_BOT).filter(
        pl.col("person_key").is_not_null() & ~pl.col(IS_BOT).fill_null(value=False)
    )
    minutes = (
        events.group_by("person_key", (pl.col("ts") // 60_000_000).alias("minute"))
        .agg(pl.len().alias("n"))
        .filter(pl.col("n") >= limits.events)
        .group_by("person_key")
        .agg(pl.len().alias("minutes"), pl.col("n").max().alias("most"))
        .filter(pl.col("minutes") >= limits.minutes)
    )
    fast = evidence.collect(minutes)
    if not fast.height:
        return Found(evidence.total)
    ts = pl.col("ts")
    own = evidence.collect(
        events.join(fast.lazy(), on="person_key", how="inner")
        .group_by("person_key")
        .agg(
            pl.len().alias("events"), ts.min().alias("first"), ts.max().alias("last"),
            pl.col("minutes").first(), pl.col("most").first(),
        )
    ).sort(["events", "person_key"], descending=[True, False])  # fmt: skip
    return Found(evidence.total, tuple(_findings(evidence, own)))


def _findings(evidence: Evidence, own: pl.DataFrame) -> list[Finding]:
    names = evidence.people(own["person_key"].head(100))
    findings = []
    for row in own.iter_rows(named=True):
        name = names.get(row["person_key"], str(row["person_key"]))
        meaning = (
            f"up to {row['most']:,} events a minute, in {counted(row['minutes'], 'minute')}: a "
            "program that does not say so; it is counted as a person"
        )
        findings.append(
            Finding(Severity.WARNING, name, row["events"], evidence.total, meaning,
                    row["first"], row["last"])
        )  # fmt: skip
    return findings


def _flagged(evidence: Evidence, limits: Least) -> Found:
    import polars as pl

    if not evidence.dataset.bot_rows:
        return Found(evidence.total)
    flagged = evidence.events(IS_BOT, "person_key", "user_agent").filter(pl.col(IS_BOT))
    ts = pl.col("ts")
    row = evidence.collect(
        flagged.select(
            pl.len().alias("events"), pl.col("person_key").n_unique().alias("people"),
            ts.min().alias("first"), ts.max().alias("last"),
            pl.col("user_agent").drop_nulls().min().alias("agent"),
        )
    ).row(0, named=True)  # fmt: skip
    if row["events"] < limits.events:
        return Found(evidence.total)
    meaning = "events of bots that say so: analyses leave them out unless asked"
    finding = Finding(
        Severity.INFO, f"{counted(row['people'], 'bot')}", row["events"], evidence.total, meaning,
        row["first"], row["last"], None if row["agent"] is None else shortened(row["agent"]),
    )  # fmt: skip
    return Found(evidence.total, (finding,))


CHECKS: Final = (
    Check(
        "fast_people", "People with more events a minute than a person can make.", Rate(),
        "{events} events a minute, in {minutes} minutes", "events", _fast,
    ),
    Check(
        "flagged_bots", "Events that are known to be of bots.", Least(), "any", "events",
        _flagged, (IS_BOT,),
    ),
)  # fmt: skip
