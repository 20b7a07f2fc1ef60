"""Events that do not say whose they are, or which they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.doctor.census import by_column, merged
from clickcli.doctor.check import Check, Finding, Found, Severity, counted, ends, graded, listed

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence

_MEANT: Final = 0.99
"""From this share on a type never has the id, which may be meant so."""


@dataclass(frozen=True, slots=True)
class Missing:
    """How many events of a type must lack something, and which share."""

    events: int = 5
    share: float = 0.01


@dataclass(frozen=True, slots=True)
class Placeholders:
    """How many placeholders at least, and which share of all events is a warning."""

    events: int = 5
    warning: float = 0.001


@dataclass(frozen=True, slots=True)
class Devices:
    """How many users of one device are worth a word, and how many are too many."""

    told: int = 2
    warning: int = 10


def _without(evidence: Evidence, missing: pl.Expr, *columns: str) -> pl.DataFrame:
    """Return for each event type its events, and those for which something is missing."""
    import polars as pl

    table = evidence.collect(
        evidence.events("event_type", *columns)
        .with_columns(missing.alias("missing"))
        .group_by("event_type")
        .agg(
            pl.len().alias("all"),
            pl.col("missing").sum(),
            pl.col("ts").filter(pl.col("missing")).min().alias("first"),
            pl.col("ts").filter(pl.col("missing")).max().alias("last"),
        )
    )
    return table.sort(["missing", "event_type"], descending=[True, False])


def _nobody(evidence: Evidence, limits: Missing) -> Found:
    import polars as pl

    findings = []
    table = _without(evidence, pl.col("person_key").is_null(), "person_key")
    for name, total, missing, first, last in table.iter_rows():
        if missing < limits.events or missing < limits.share * total:
            continue
        if missing >= _MEANT * total:
            severity, meaning = Severity.INFO, "no event of the type says whose it is"
        else:
            severity = Severity.WARNING
            meaning = "events without any person id: they count as events, but as nobody's"
        findings.append(Finding(severity, name, missing, total, meaning, first, last))
    return Found(evidence.total, tuple(findings))


def _event_ids(evidence: Evidence, limits: Missing) -> Found:
    import polars as pl

    if evidence.records.columns.get("event_id", 0) >= evidence.dataset.rows:
        return Found(evidence.total)
    findings = []
    table = _without(evidence, pl.col("event_id").is_null(), "event_id")
    for name, total, missing, first, last in table.iter_rows():
        if missing >= _MEANT * total or missing < limits.events or missing < limits.share * total:
            continue
        meaning = (
            "events without an id where others of the type have one: a line that is delivered "
            "again in another form counts twice"
        )
        findings.append(Finding(Severity.WARNING, name, missing, total, meaning, first, last))
    return Found(evidence.total, tuple(findings))


def _placeholders(evidence: Evidence, limits: Placeholders) -> Found:
    findings = []
    for column, own in by_column(evidence.census):
        whole = merged(own.values())
        if whole.events < limits.events:
            continue
        worst = listed(
            f"{name} {tally.events / evidence.types[name].events:.1%}"
            for name, tally in own.items()
        )
        meaning = f"values that mean nobody and were taken out; share by event type: {worst}"
        severity = graded(whole.events / evidence.total, limits.warning)
        findings.append(
            Finding(severity, column, whole.events, evidence.total, meaning, whole.first,
                    whole.last, str(whole.example))
        )  # fmt: skip
    return Found(evidence.total, tuple(findings))


def _shared_devices(evidence: Evidence, limits: Devices) -> Found:
    import polars as pl

    if not evidence.dataset.link_count:
        return Found(0)
    users = pl.col("user_id").n_unique().alias("users")
    devices = evidence.dataset.links().group_by("anonymous_id").agg(users)
    shared = devices.filter(pl.col("users") >= limits.told)
    if not shared.height:
        return Found(devices.height)
    own = evidence.events("anonymous_id").join(shared.lazy(), on="anonymous_id", how="inner")
    ts = pl.col("ts")
    table = evidence.collect(
        own.group_by("anonymous_id").agg(
            pl.col("users").first(), pl.len().alias("events"), ts.min().alias("first"),
            ts.max().alias("last"),
        )
    ).sort(["users", "anonymous_id"], descending=[True, False])  # fmt: skip
    if not table.height:
        return Found(devices.height)
    example, most = table.select("anonymous_id", "users").row(0)
    meaning = (
        f"{counted(table.height, 'device')} used by several users, at most {most:,}; their events "
        "go to whoever logged in last"
    )
    severity = Severity.WARNING if most >= limits.warning else Severity.INFO
    finding = Finding(
        severity, "anonymous_id", int(table["events"].sum()), evidence.total, meaning,
        *ends(table), f"{example}: {counted(most, 'user')}",
    )  # fmt: skip
    return Found(devices.height, (finding,))


CHECKS: Final = (
    Check(
        "nobody", "Events without any person id.", Missing(),
        "{events} events and {share:.1%} of a type", "events", _nobody,
    ),
    Check(
        "missing_event_ids", "Events without an id among others that have one.",
        Missing(share=0.001), "{events} events and {share:.1%} of a type", "events", _event_ids,
        ("event_id",),
    ),
    Check(
        "placeholder_ids", "Ids such as null, undefined or guest.", Placeholders(),
        "{events} events; {warning:.1%} of all for a warning", "events", _placeholders,
    ),
    Check(
        "shared_devices", "Devices on which several users log in.", Devices(),
        "{told} users; {warning} for a warning", "linked devices", _shared_devices,
    ),
)  # fmt: skip
