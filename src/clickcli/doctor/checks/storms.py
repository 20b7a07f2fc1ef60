"""Hours and days with very many people of a single event, as when cookies are lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.doctor.check import Check, Finding, Found, Severity
from clickcli.doctor.evidence import HOUR
from clickcli.units import from_us

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Limits:
    """When people of one event are a storm.

    At least so many in an hour or a day, so many times the usual number, and this share of
    all the people first seen then; and the share with more events at most this part of what it
    is over the whole period. ``everybody``: the share over the whole period from which on ids do
    not last at all.
    """

    people: int = 50
    times: int = 5
    share: float = 0.5
    rest: float = 0.5
    everybody: float = 0.9


@dataclass(frozen=True, slots=True)
class _Storm:
    """An hour or a day, with its people of one event and all that were first seen in it."""

    start: int
    end: int
    people: int
    all: int
    usual: float
    example: int


def _look(evidence: Evidence, limits: Limits) -> Found:
    import polars as pl

    people = (
        _events(evidence)
        .group_by("unit")
        .agg(pl.len().alias("events"), pl.col("ts").min().alias("ts"))
    )
    is_one = pl.col("events") == 1
    hours = evidence.collect(
        people.group_by((pl.col("ts") // HOUR).alias("hour")).agg(
            pl.len().alias("all"), is_one.sum().alias("people"),
            pl.col("unit").filter(is_one).min().alias("example"),
        )
    ).sort("hour")  # fmt: skip
    total, ones = int(hours["all"].sum()), int(hours["people"].sum())
    rest = limits.rest * (1 - ones / max(total, 1))
    limits = replace(limits, share=max(limits.share, 1 - rest))
    storms = _storms(hours, HOUR, limits)
    hourly = {storm.start // MICROSECONDS_PER_DAY for storm in storms}
    days = hours.group_by((pl.col("hour") // 24).alias("hour")).agg(
        pl.col("all").sum(), pl.col("people").sum(), pl.col("example").min()
    )
    daily = _storms(days.sort("hour"), MICROSECONDS_PER_DAY, limits)
    storms += [one for one in daily if one.start // MICROSECONDS_PER_DAY not in hourly]
    names = _names(evidence, [storm.example for storm in storms]) if storms else {}
    start = evidence.period.start
    findings = [
        _finding(evidence, storm, names) for storm in storms if start is None or storm.end > start
    ]
    others, all_others = ones - sum(s.people for s in storms), total - sum(s.all for s in storms)
    if others >= limits.people and others >= limits.everybody * all_others:
        meaning = "people of a single event: ids do not last, so that people cannot be counted"
        findings.append(Finding(Severity.ERROR, "all people", others, all_others, meaning))
    return Found(total, tuple(findings))


def _events(evidence: Evidence) -> pl.LazyFrame:
    """Return one row an event, before the period too: ``unit``, a device, and ``ts``.

    Where the log has no devices it is the person. Events that people do not cause are left out.
    """
    import polars as pl

    unit = _device() if evidence.has("anonymous_id") else pl.col("person_key")
    columns = ("anonymous_id", "person_key", "event_type")
    events = evidence.events(*columns, period=evidence.history)
    if passive := list(evidence.dataset.passive_events):
        events = events.filter(~pl.col("event_type").is_in(passive))
    source = "anonymous_id" if evidence.has("anonymous_id") else "person_key"
    return events.filter(pl.col(source).is_not_null()).select(unit.alias("unit"), "ts")


def _device() -> pl.Expr:
    """Return a number for the device of an event."""
    import polars as pl

    return pl.col("anonymous_id").hash().reinterpret(signed=True)


def _names(evidence: Evidence, units: list[int]) -> dict[int, str]:
    """Return the ids of a few devices."""
    import polars as pl

    if not evidence.has("anonymous_id"):
        return evidence.people(units)
    devices = evidence.events("anonymous_id", period=evidence.history).select(
        _device().alias("unit"), "anonymous_id"
    )
    own = devices.filter(pl.col("unit").is_in(units))
    return dict(evidence.collect(own.unique()).iter_rows())


def _storms(table: pl.DataFrame, width: int, limits: Limits) -> list[_Storm]:
    """Return the buckets with far more people of one event than usual.

    Usual is the median over all buckets between the first and the last.
    """
    import numpy as np
    import polars as pl

    if not table.height:
        return []
    first, last = table["hour"].to_list()[0], table["hour"].to_list()[-1]
    counts = np.zeros(last - first + 1)
    counts[table["hour"].to_numpy() - first] = table["people"].to_numpy()
    usual = float(np.median(counts))
    people = pl.col("people")
    high = table.filter(
        (people >= limits.people)
        & (people >= limits.times * usual)
        & (people >= limits.share * pl.col("all"))
    )
    return [
        _Storm(at * width, (at + 1) * width, ones, total, usual, example)
        for at, ones, total, example in high.select("hour", "people", "all", "example").iter_rows()
    ]


def _finding(evidence: Evidence, storm: _Storm, names: dict[int, str]) -> Finding:
    is_hour = storm.end - storm.start == HOUR
    form = "%Y-%m-%d %H:%M" if is_hour else "%Y-%m-%d"
    meaning = (
        f"people of a single event in {'an hour' if is_hour else 'a day'}, {storm.usual:,.0f} are "
        "usual: are cookies lost, or does somebody make up ids?"
    )
    return Finding(
        Severity.ERROR, from_us(storm.start, evidence.tz).strftime(form), storm.people, storm.all,
        meaning, storm.start, storm.end, names.get(storm.example),
    )  # fmt: skip


CHECKS: Final = (
    Check(
        "one_hit_storms", "Hours or days with very many people of a single event.", Limits(),
        "{people} people, {times} times the usual, and {share:.0%} of those first seen then; "
        "{everybody:.0%} of all", "people", _look,
    ),
)  # fmt: skip
