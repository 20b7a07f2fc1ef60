"""Every event with the session it belongs to, its place there and what follows.

For analyses of what people do within a session: pages, searches, journeys, traffic. A session is
named by the ``seq`` of its first event, which no other session has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME, Dtype
from clickcli.relations.sessions import Cut, over_sessions, session_order, starts

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.filters import PropertyRef

FIRST_SEQ: Final = "first_seq"
_NUMBERS: Final = (
    "person_key", "ts", "seq", FIRST_SEQ, "start", "end", "place", "session_events", "next_ts",
)  # fmt: skip


def visits(
    events: Events,
    context: Context,
    cut: Cut,
    columns: Iterable[str] = (),
    properties: Sequence[PropertyRef] = (),
    *,
    numbers: Sequence[str] = _NUMBERS,
    types: Sequence[str] | None = None,
) -> nw.LazyFrame[Any]:
    """Return one row an event of a session, with the columns asked for.

    ``first_seq`` names the session, ``start`` and ``end`` are the times of its first and last
    event, ``place`` counts its events from 0 in the order of (ts, seq), ``session_events`` is
    their number, and ``next_ts`` the time of the next one, null at the last. Events that people do
    not cause and events of nobody belong to no session. With ``types`` the events of others are
    left out but the first of each session; ``numbers`` are those asked for.
    """
    asked = sorted(set(columns) | {"event_type"})
    told: dict[str, Dtype] = {name: BY_NAME[name].dtype for name in asked if name not in _NUMBERS}
    for ref in properties:
        told[ref.column] = "string" if ref.form == "text" else "float64"
    told |= dict.fromkeys(context.by, "string")
    schema: dict[str, Dtype] = dict.fromkeys(numbers, "int64")
    kernel = visit_kernel(cut, (*numbers, *told), types)
    return over_sessions(
        events, context, cut, kernel, schema | told, asked, properties=properties
    )  # fmt: skip


def session_starts(
    events: Events, context: Context, cut: Cut, types: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Return the session of each event of these types: ``seq``, ``first_seq`` and ``start``.

    Some events of other types are there too.
    """
    schema: dict[str, Dtype] = dict.fromkeys(("seq", FIRST_SEQ, "start"), "int64")
    kernel = visit_kernel(cut, tuple(schema), types)
    return over_sessions(events, context, cut, kernel, schema, ("event_type",))


def visit_kernel(cut: Cut, names: Sequence[str], types: Sequence[str] | None = None) -> Kernel:
    """Return a kernel that numbers the events of each session.

    ``names`` are the columns to give, of ``types`` alone and the first of each session.
    """

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        rows = session_order(frame, cut)
        begins = starts(rows, cut)
        first, session = np.flatnonzero(begins), np.cumsum(begins) - 1
        events = np.diff(np.append(first, rows.height))
        seq, ts = rows["seq"].to_numpy(), rows["ts"].to_numpy()
        is_last = np.append(begins[1:], True)[: rows.height]
        made = {
            FIRST_SEQ: lambda: pl.Series(seq[first][session]),
            "start": lambda: pl.Series(ts[first][session]),
            "end": lambda: pl.Series(ts[first + events - 1][session]),
            "place": lambda: pl.Series(np.arange(rows.height) - first[session]),
            "session_events": lambda: pl.Series(events[session]),
            "next_ts": lambda: rows["ts"].shift(-1).set(pl.Series(is_last), None),
        }
        numbered = rows.with_columns(
            made[name]().cast(pl.Int64).alias(name) for name in names if name in made
        )
        if types is not None:
            is_asked = pl.col("event_type").is_in(list(types))
            numbered = numbered.filter(is_asked | pl.Series(begins))
        return numbered.select(names)

    return kernel
