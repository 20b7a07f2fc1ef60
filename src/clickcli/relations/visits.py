"""Every event with the session it belongs to, its place there and what follows.

For analyses of what people do within a session: pages, searches, journeys, traffic. A session is
named by the ``seq`` of its first event, which no other session has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME, Dtype
from clickcli.relations.sessions import Cut, by_session, over_sessions

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
) -> nw.LazyFrame[Any]:
    """Return one row an event of a session, with the columns asked for.

    ``first_seq`` names the session, ``start`` and ``end`` are the times of its first and last
    event, ``place`` counts its events from 0 in the order of (ts, seq), ``session_events`` is
    their number, and ``next_ts`` the time of the next one, null at the last. Events that people do
    not cause and events of nobody belong to no session.
    """
    asked = sorted(set(columns) | {"event_type"})
    types: dict[str, Dtype] = {name: BY_NAME[name].dtype for name in asked if name not in _NUMBERS}
    for ref in properties:
        types[ref.column] = "string" if ref.form == "text" else "float64"
    types |= dict.fromkeys(context.by, "string")
    schema: dict[str, Dtype] = dict.fromkeys(_NUMBERS, "int64")
    return over_sessions(
        events, context, cut, visit_kernel(cut, tuple(types)), schema | types, asked,
        properties=properties,
    )  # fmt: skip


def visit_kernel(cut: Cut, carried: Sequence[str]) -> Kernel:
    """Return a kernel that numbers the events of each session; ``carried`` columns go along."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        session = "session"
        return by_session(frame, cut).select(
            "person_key", "ts", "seq", FIRST_SEQ, "start",
            pl.col("session_end").alias("end"),
            pl.int_range(pl.len()).over(session).alias("place"),
            pl.len().over(session).alias("session_events"),
            pl.col("ts").shift(-1).over(session).alias("next_ts"),
            *carried,
        )  # fmt: skip

    return kernel
