"""Lines and events that come twice, under one event id or under none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.doctor.check import (
    Check,
    Finding,
    Found,
    Least,
    Severity,
    counted,
    graded,
    shortened,
)
from clickcli.doctor.checks.rejects import batches

if TYPE_CHECKING:
    from clickcli.doctor.evidence import Evidence

_SAME: Final = (
    "page_url", "page_path", "endpoint", "status", "item_id", "order_id", "position",
    "search_query", "experiment", "event_action",
)  # fmt: skip
"""What must be equal, beside person, type and second, for two events to be near-duplicates."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of what is looked at from which on it is told, and one for a warning."""

    told: float = 0.001
    warning: float = 0.005


@dataclass(frozen=True, slots=True)
class Double:
    """Near-duplicates: how many at least, and which share."""

    events: int = 10
    warning: float = 0.01


def _duplicates(evidence: Evidence, limits: Share) -> Found:
    own = batches(evidence)
    read, lines = sum(one.read for one in own), sum(one.duplicates for one in own)
    if not read or lines < limits.told * read:
        return Found(read)
    earlier = sum(one.repeats_of_earlier for one in own)
    replayed = f", {earlier:,} of them one of an earlier ingest" if earlier else ""
    meaning = (
        f"lines that repeat another{replayed}, and were dropped: the sender or the collector "
        "delivers twice"
    )
    severity = graded(lines / read, limits.warning)
    return Found(read, (Finding(severity, "lines", lines, read, meaning),))


def _conflicts(evidence: Evidence, limits: Least) -> Found:
    own = batches(evidence)
    read, lines = sum(one.read for one in own), sum(one.conflicts for one in own)
    if lines < limits.events:
        return Found(read)
    meaning = (
        "lines with the event id of another but other content; only the first is kept, so that "
        "events are lost where a sender uses ids twice"
    )
    return Found(read, (Finding(Severity.WARNING, "event_id", lines, read, meaning),))


def _near(evidence: Evidence, limits: Double) -> Found:
    import polars as pl

    if evidence.records.columns.get("event_id", 0) >= evidence.dataset.rows:
        return Found(0)
    keys = ["person_key", *evidence.filled(*_SAME)]
    events = evidence.events("event_id", "event_type", *keys).filter(
        pl.col("event_id").is_null() & pl.col("person_key").is_not_null()
    )
    word = pl.struct(pl.col("ts") // 1_000_000, *keys).hash().alias("word")
    groups = events.group_by("event_type", word).agg(
        pl.len().alias("n"), pl.col("ts").min().alias("a"), pl.col("ts").max().alias("b")
    )
    again = (pl.col("n") - 1).sum()
    table = evidence.collect(
        groups.group_by("event_type").agg(
            pl.col("n").sum().alias("all"), again.alias("again"),
            pl.col("a").filter(pl.col("n") > 1).min(), pl.col("b").filter(pl.col("n") > 1).max(),
        )
    ).sort(["again", "event_type"], descending=[True, False])  # fmt: skip
    meaning = (
        "events without an id that equal another of the same person in the same second: "
        "does a tag fire twice?"
    )
    findings = [
        Finding(Severity.WARNING, name, again, total, meaning, first, last)
        for name, total, again, first, last in table.iter_rows()
        if again >= limits.events and again >= limits.warning * total
    ]
    return Found(int(table["all"].sum()), tuple(findings))


def _orders(evidence: Evidence, limits: Least) -> Found:
    import polars as pl

    paid = evidence.events("event_type", "order_id", "revenue").filter(
        pl.col("order_id").is_not_null() & pl.col("revenue").is_not_null()
    )
    orders = paid.group_by("event_type", "order_id").agg(
        pl.len().alias("n"), pl.col("ts").min().alias("a"), pl.col("ts").max().alias("b")
    )
    is_twice = pl.col("n") > 1
    table = evidence.collect(
        orders.group_by("event_type").agg(
            pl.col("n").sum().alias("all"), is_twice.sum().alias("orders"),
            (pl.col("n") - 1).sum().alias("again"), pl.col("a").filter(is_twice).min(),
            pl.col("b").filter(is_twice).max(),
            pl.col("order_id").filter(is_twice).min().alias("example"),
        )
    ).sort("event_type")  # fmt: skip
    findings = []
    for name, total, twice, again, first, last, example in table.iter_rows():
        if again >= limits.events:
            meaning = (
                f"events that count the revenue of {counted(twice, 'order')} once more: the same "
                "order_id under another event id"
            )
            findings.append(
                Finding(Severity.ERROR, name, again, total, meaning, first, last,
                        shortened(example))
            )  # fmt: skip
    return Found(int(table["all"].sum()), tuple(findings))


CHECKS: Final = (
    Check(
        "duplicates", "Lines that were delivered more than once.", Share(),
        "{told:.1%} of the lines read, {warning:.1%} for a warning", "lines", _duplicates,
    ),
    Check(
        "conflicts", "Lines that contradict another with the same event id.", Least(),
        "any", "lines", _conflicts,
    ),
    Check(
        "near_duplicates", "Events without an id that repeat another within a second.", Double(),
        "{events} events and {warning:.1%} of a type", "events", _near, ("event_type",),
    ),
    Check(
        "repeated_orders", "Orders whose revenue is counted more than once.", Least(),
        "any", "events", _orders, ("order_id",),
    ),
)  # fmt: skip
