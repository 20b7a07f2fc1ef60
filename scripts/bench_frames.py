"""Count sessions or transitions with pandas or retentioneering; run in their environment.

Usage: bench_frames.py pandas|retentioneering sessions|transitions EVENTS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_TIMEOUT = 1_800_000_000


def _read(events: str, *columns: str) -> Any:
    """Return the columns of all files, rows in order of person, time and arrival."""
    import pandas as pd

    found = sorted(Path(events).glob("*/*.parquet"))
    parts = [pd.read_parquet(file, columns=[*columns, "seq"]) for file in found]
    frame = pd.concat(parts, ignore_index=True)
    return frame.sort_values([name for name in columns if name != "event_type"] + ["seq"])


def pandas_sessions(events: str) -> list[list[float]]:
    """Return what the work ``sessions`` asks for."""
    frame = _read(events, "person_key", "session_id", "ts", "event_type")
    given = ["person_key", "session_id"]
    new = (frame[given] != frame[given].shift()).any(axis=1) | (frame["ts"].diff() > _TIMEOUT)
    kind = frame["event_type"]
    frame["number"], frame["view"], frame["buy"] = (
        new.cumsum(), kind == "page_view", kind == "purchase"
    )  # fmt: skip
    table = frame.groupby("number", sort=False).agg(
        person=("person_key", "first"), start=("ts", "first"), end=("ts", "last"),
        events=("ts", "size"), views=("view", "sum"), buys=("buy", "sum"),
    )  # fmt: skip
    duration = table["end"] - table["start"]
    engaged = (duration >= 10_000_000) | (table["views"] >= 2) | (table["buys"] > 0)
    numbers = [
        len(table), table["person"].nunique(), table["events"].sum(), table["views"].sum(),
        engaged.sum(), (table["buys"] > 0).sum(), (duration == 0).sum(),
    ]  # fmt: skip
    spans = [duration.mean(), duration.quantile(0.5), duration.quantile(0.9)]
    return [[int(one) for one in numbers] + [float(one) / 1e6 for one in spans]]


def pandas_transitions(events: str) -> list[list[object]]:
    """Return source, target and number of each transition between events of a person."""
    frame = _read(events, "person_key", "ts", "event_type")
    after = frame["event_type"].shift(-1)
    same = frame["person_key"] == frame["person_key"].shift(-1)
    counts = frame[same].groupby(["event_type", after[same].rename("target")]).size()
    return [[*pair, int(count)] for pair, count in counts.items()]


def retentioneering_transitions(events: str) -> list[list[object]]:
    """Return the same by retentioneering's transition matrix."""
    import pandas as pd
    from retentioneering import Eventstream

    frame = _read(events, "person_key", "ts", "event_type").drop(columns="seq")
    frame["ts"] = pd.to_datetime(frame["ts"], unit="us")
    frame = frame.rename(columns={"event_type": "event"})
    schema = {"path_cols": ["person_key"], "event_col": "event", "timestamp_col": "ts"}
    matrix = Eventstream(frame, schema=schema).transition_graph_data(edge_weight="count")
    return [
        [str(source), str(target), int(count)]
        for source, row in matrix.iterrows()
        for target, count in row.items()
        if count and not {source, target} & {"path_start", "path_end"}
    ]


_PROGRAMS = {
    ("pandas", "sessions"): pandas_sessions,
    ("pandas", "transitions"): pandas_transitions,
    ("retentioneering", "transitions"): retentioneering_transitions,
}

if __name__ == "__main__":
    library, work, given = sys.argv[1:]
    print(json.dumps(_PROGRAMS[library, work](given)))
