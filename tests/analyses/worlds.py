"""Small stores made by the real ingest, and the arithmetic that answers are compared with.

Nothing here reads the code that it is compared with: intervals and quantiles are worked out anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from io import BytesIO
from math import isclose, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import Phase
from hypothesis import strategies as st

from clickcli.api import Log
from clickcli.run import Result
from tests.oracles import EPOCH, Event, Grain, period_end, period_of
from tests.oracles.logs import to_jsonl

Row = dict[str, Any]
GRAINS: tuple[Grain, ...] = ("day", "week", "month")
NOBODY = "null"
"""A user id that is a placeholder: its events count as events, never as a person's."""
UNSHRUNK = (Phase.generate,)
"""For `find`: that an example exists is enough."""
MIDNIGHT_TWICE = """
2006-10-29T02:20:00Z ann visit
2006-10-29T02:30:30Z ann visit
2006-10-29T02:40:00Z ann visit
2006-10-29T03:40:00Z ann visit
"""
"""In St. John's one minute after midnight, at 02:31 UTC, it is 23:01 of the 28th again."""


@contextmanager
def store(
    log: Iterable[Event] | bytes,
    *,
    knows: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Log]:
    """Make a store of a log.

    ``knows`` are event types of which the store holds an event of nobody at the log's first
    instant, so that a step may name them although nobody did them.
    """
    if not isinstance(log, bytes):
        events = list(log)
        events += _of_nobody(events, knows)
        log = to_jsonl(events)
    with TemporaryDirectory() as folder, Log.create(Path(folder) / "store", settings) as opened:
        if log:
            summary = opened.ingest(BytesIO(log))
            assert summary.stored == log.count(b"\n")
        yield opened


def _of_nobody(events: Sequence[Event], types: Sequence[str]) -> list[Event]:
    if not events:
        return []
    first = min(event.ts for event in events)
    following = 1 + max(event.seq for event in events)
    return [Event(first, following + n, NOBODY, kind) for n, kind in enumerate(types)]


def told(text: str) -> bytes:
    """Read a log told line by line, in order of arrival, as JSON Lines.

    A line is TIME WHO EVENT NAME=VALUE …; who is ``ann`` (a user), ``~phone`` (a device),
    ``ann~phone`` (both) or ``-`` (nobody). Values are JSON where they can be, else text.
    """
    lines = []
    for line in text.strip().splitlines():
        time, who, kind, *values = line.split()
        user, _, device = who.partition("~")
        record: Row = {"timestamp": time, "event_type": kind}
        if user not in ("", "-"):
            record["user_id"] = user
        if device:
            record["anonymous_id"] = device
        for name, value in (word.split("=", 1) for word in values):
            try:
                record[name] = json.loads(value)
            except ValueError:
                record[name] = value
        lines.append(json.dumps(record).encode() + b"\n")
    return b"".join(lines)


@st.composite
def crowds(draw: st.DrawFn, logs: st.SearchStrategy[list[Event]], *, most: int = 6) -> list[Event]:
    """Draw several logs as one, their people apart: one run of an analysis tries them all."""
    parts = draw(st.lists(logs, min_size=1, max_size=most))
    whole: list[Event] = []
    for number, part in enumerate(parts):
        whole += [
            replace(event, seq=len(whole) + event.seq, person=f"{number}{event.person}")
            for event in part
        ]
    return whole


@st.composite
def moments(
    draw: st.DrawFn, log: Sequence[Event], around: Sequence[int] = (), *, tz: str | None = None
) -> int | None:
    """Draw a moment at an event of the log or just beside it, ``around`` after it, or none.

    With ``tz`` also the end of the event's day, week or month, or just before it.
    """
    if not log or draw(st.booleans()):
        return None
    event = draw(st.sampled_from(list(log)))
    ends = [
        period_end(period_of(event.ts, grain, tz), grain, tz) - early
        for grain in GRAINS
        for early in (0, 0, 1)
        if tz is not None
    ]
    beside = [event.ts + after for after in (0, 0, -1, 1, *around)]
    return draw(st.sampled_from([*beside, *ends]))


def until(log: Iterable[Event], as_of: int | None) -> list[Event]:
    """Return the events that may be seen at ``as_of``."""
    return [event for event in log if as_of is None or event.ts <= as_of]


def now(log: Iterable[Event], as_of: int | None) -> int:
    """Return as-of, where it is not given the time of the newest event."""
    return max((event.ts for event in log), default=0) if as_of is None else as_of


def moment(ts: int | None) -> str | None:
    """Write an instant the way an option takes it."""
    return None if ts is None else (EPOCH + timedelta(microseconds=ts)).isoformat()


def given(**options: Any) -> dict[str, Any]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def rows(result: Result, table: str | None = None) -> list[Row]:
    """Return the rows of a table."""
    return result.to_polars(table).to_dicts()


def people(log: Log, name: str, cell: str, **options: Any) -> list[str]:
    """Return whom a cell lists."""
    found = getattr(log, name)(who=cell, **options).to_polars()
    listed: list[str] = found["person_id"].to_list()
    return listed


def written(log: Log, name: str, options: Mapping[str, Any]) -> str:
    """Return every table of an answer as text."""
    return "".join(table.write_json() for table in log.run(name, options, {}).tables.values())


def written_elsewhere(log: Log, name: str, options: Mapping[str, Any]) -> str:
    """Return what ``written`` gives in another process."""
    code = (
        "import sys, clickcli; from tests.analyses.worlds import written; "
        f"log = clickcli.open({log.dataset().root!r}); "
        f"sys.stdout.write(written(log, {name!r}, {dict(options)!r}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         cwd=Path(__file__).parents[2])  # fmt: skip
    return run.stdout


def told_twice(folder: Path, log: bytes, *command: str) -> tuple[bytes, bytes]:
    """Return what a command answers of a log in two processes of unlike hash seeds, as JSON."""
    with Log.create(folder / "store", None) as opened:
        opened.ingest(BytesIO(log))
    whole = [sys.executable, "-m", "clickcli", *command, "--store", str(folder / "store"),
             "-f", "json"]  # fmt: skip
    first, second = (
        subprocess.run(whole, capture_output=True, check=True,
                       env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    )  # fmt: skip
    return first, second


def check_rate(row: Row, name: str, numerator: int, denominator: int) -> None:
    """Check a share and its Wilson 95 % interval, all three empty where nothing is below."""
    names = (name, f"{name}_low", f"{name}_high")
    if denominator == 0:
        assert [row[each] for each in names] == [None] * 3, (name, row)
        return
    n, p, z = denominator, numerator / denominator, 1.959963984540054
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    for each, value in zip(names, (p, middle - half, middle + half), strict=True):
        assert isclose(row[each], value, rel_tol=1e-9, abs_tol=1e-12), (each, value, row)


def mean(values: Sequence[int]) -> Fraction | None:
    """Return the mean of whole numbers; None of none."""
    return Fraction(sum(values), len(values)) if values else None


def quantile(values: Sequence[int], percent: int) -> Fraction | None:
    """Return a quantile, linear between the two nearest ranks; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    place = Fraction((len(ordered) - 1) * percent, 100)
    low = int(place)
    if place == low:
        return Fraction(ordered[low])
    return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])


def check_seconds(row: Row, name: str, microseconds: Fraction | None) -> None:
    """Check a number of seconds against microseconds."""
    if microseconds is None:
        assert row[name] is None, (name, row)
    else:
        assert row[name] is not None, (name, row)
        assert isclose(row[name], microseconds / 10**6, rel_tol=1e-9, abs_tol=1e-9), (name, row)
