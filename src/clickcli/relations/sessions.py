"""Cut each person's events into sessions.

A session is (person, given id) where events carry an id, else (person); it ends when the next
event is more than the time-out later or would make it longer than the longest allowed. The
cut by length depends on where the session began, so it is a kernel over sorted arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.units import Every, Period

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.filters import PropertyRef

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

CAMPAIGN_COLUMNS: Final = ("utm_source", "utm_medium", "utm_campaign", "click_id")
LOCAL_DAY: Final = "local_day"


class SessionRule(StrEnum):
    """What makes a session where a sender's session id is given."""

    CUT = "cut"
    GIVEN = "given"
    GAP = "gap"


class Split(StrEnum):
    """What else begins a session."""

    NONE = "none"
    MIDNIGHT = "midnight"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Cut:
    """How sessions are cut; durations in microseconds."""

    timeout: int
    max_length: int
    rule: SessionRule = SessionRule.CUT
    split: Split = Split.NONE

    def columns(self) -> set[str]:
        """Return the event columns that the cut reads, besides person_key, ts and seq."""
        columns = {"event_type"}
        if self.rule is not SessionRule.GAP:
            columns.add("session_id")
        if self.split is Split.CAMPAIGN:
            columns.update(CAMPAIGN_COLUMNS)
        return columns


def with_cut_columns(frame: nw.LazyFrame[Any], cut: Cut, context: Context) -> nw.LazyFrame[Any]:
    """Leave out the events that people do not cause; add the local day where the cut needs it."""
    import narwhals as nw

    if passive := list(context.dataset.passive_events):
        frame = frame.filter(~nw.col("event_type").is_in(passive))
    if cut.split is Split.MIDNIGHT:
        frame = context.calendar.with_index(frame, LOCAL_DAY, Every.DAY)
    return frame


def session_order(frame: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Order rows so that the events of a session stand together.

    The frame is sorted by (person_key, ts, seq) already, and is returned as it is unless given ids
    interleave: then the rows of the persons with an id that comes back are sorted by id.
    """
    import numpy as np

    places = _interleaved(frame, cut)
    if not len(places):
        return frame
    order = np.arange(frame.height)
    order[places.to_numpy()] = _by_id(frame, places).to_numpy()
    return frame[order]


def _interleaved(frame: pl.DataFrame, cut: Cut) -> pl.Series:
    """Return which rows are of persons with a given id that comes back after another one."""
    import polars as pl

    from clickcli.engines.polars import begins_run

    if cut.rule is SessionRule.GAP:
        return pl.Series(dtype=pl.UInt32)
    runs = frame.select("person_key", "session_id").filter(begins_run(("person_key", "session_id")))
    marks = runs.hash_rows()  # of unlike runs alike once in ages: then too many are named
    if marks.n_unique() == runs.height:
        return pl.Series(dtype=pl.UInt32)
    people = runs["person_key"].filter(marks.is_duplicated()).unique()
    return frame["person_key"].is_in(people.implode(), nulls_equal=True).arg_true()


def _by_id(frame: pl.DataFrame, places: pl.Series) -> pl.Series:
    """Return rows in order of person, given id and time."""
    rows = frame.select("person_key", "session_id", "ts", "seq")[places]
    keys = rows.columns
    return rows.with_columns(places.alias("place")).sort(keys, nulls_last=False)["place"]


def starts(frame: pl.DataFrame, cut: Cut) -> Bools:
    """Return for each row of ``session_order`` whether a session begins with it."""
    import numpy as np
    import polars as pl

    if frame.height == 0:
        return np.zeros(0, dtype=np.bool_)
    ts = frame["ts"].to_numpy()
    groups = pl.col("person_key").ne_missing(pl.col("person_key").shift(1))
    if cut.rule is not SessionRule.GAP:
        groups |= pl.col("session_id").ne_missing(pl.col("session_id").shift(1))
    streams = frame.select(groups).to_series().to_numpy().copy()
    streams[0] = True
    begins = streams.copy()
    if cut.split is Split.MIDNIGHT:
        day = frame[LOCAL_DAY].to_numpy()
        begins[1:] |= day[1:] != day[:-1]
    if cut.split is Split.CAMPAIGN:
        begins |= _campaign_changes(frame, begins)
    begins = _cut_by_time(ts, begins, cut)
    if cut.rule is SessionRule.GIVEN:
        begins &= streams | frame["session_id"].is_null().to_numpy()
    return begins


def _campaign_changes(frame: pl.DataFrame, begins: Bools) -> Bools:
    """Return where an event names a campaign other than the last one named in its group.

    An event at the instant of the one before it does not begin a session.
    """
    import numpy as np
    import polars as pl

    group = pl.Series("group", np.cumsum(begins))
    named = pl.any_horizontal(pl.col(name).is_not_null() for name in CAMPAIGN_COLUMNS)
    touch = pl.when(named).then(pl.struct(CAMPAIGN_COLUMNS).hash())
    before = pl.col("touch").forward_fill().shift(1).over("group")
    changed = pl.col("touch").is_not_null() & pl.col("touch").ne_missing(pl.col("before"))
    later = pl.col("ts") != pl.col("ts").shift(1)
    marked = (
        frame.select("ts", touch.alias("touch"))
        .with_columns(group)
        .with_columns(before.alias("before"))
        .select((changed & later).fill_null(value=False))
    )
    return marked.to_series().to_numpy()


def _cut_by_time(ts: Ints, begins: Bools, cut: Cut) -> Bools:
    """Return the starts with those added that the time-out and the longest length make."""
    import numpy as np

    result = begins.copy()
    result[1:] |= np.diff(ts) > cut.timeout
    first = np.flatnonzero(result)
    ends = np.append(first[1:], len(ts))
    long = np.flatnonzero(ts[ends - 1] - ts[first] > cut.max_length)
    for start, end in zip(first[long], ends[long], strict=True):
        at = int(start)
        while True:
            at += int(np.searchsorted(ts[at:end], ts[at] + cut.max_length, side="right"))
            if at >= end:
                break
            result[at] = True
    return result


def session_kernel(cut: Cut, counted: Sequence[str], by: Sequence[str]) -> Kernel:
    """Return a kernel that gives one row a session, times in microseconds.

    Output: person_key, start, end, events, first_seq and last_seq of its events, the number of
    events with each flag of ``counted``, the values of ``by`` at the first event, revenue in minor
    units and its currency (both null where currencies are mixed).
    """

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        places = _interleaved(frame, cut)
        if not len(places):
            return table(frame)
        theirs = frame[_by_id(frame, places)]  # few, most often: the others stay where they are
        people = theirs["person_key"].unique().implode()
        others = table(frame).filter(~pl.col("person_key").is_in(people, nulls_equal=True))
        return pl.concat([others, table(theirs)])

    def table(rows: pl.DataFrame) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        first, last = _bounds(starts(rows, cut))
        head = rows.select("person_key", "ts", "seq", *by)[first]
        tail = rows.select("ts", "seq")[last]
        out = [
            head["person_key"],
            head["ts"].alias("start"),
            tail["ts"].alias("end"),
            pl.Series("events", last - first + 1, dtype=pl.Int64),
            head["seq"].alias("first_seq"),
            tail["seq"].alias("last_seq"),
            *(head[name] for name in by),
        ]
        for name in counted:
            is_so = rows[name].cast(pl.Boolean).fill_null(value=False).to_numpy()
            sums = np.diff(np.cumsum(is_so)[last], prepend=0)
            out.append(pl.Series(name, sums, dtype=pl.Int64))
        return pl.DataFrame([*out, *_revenue(rows, first)])

    return kernel


def _bounds(begins: Bools) -> tuple[Ints, Ints]:
    """Return the first and the last row of each session."""
    import numpy as np

    first = np.flatnonzero(begins)
    return first, (np.append(first[1:], len(begins)) - 1)[: len(first)]


def _revenue(rows: pl.DataFrame, first: Ints) -> list[pl.Series]:
    """Return the revenue of each session and its currency; no revenue is zero, mixed is null.

    ``first`` are the rows that sessions begin with.
    """
    import numpy as np
    import polars as pl

    paid = rows["revenue"].is_not_null().arg_true()
    session = np.searchsorted(first, paid.to_numpy(), side="right") - 1
    step = np.diff(session, prepend=-1)
    begins = np.flatnonzero(step)
    owners = session[begins]
    sums = np.zeros(len(first), dtype=np.int64)
    if len(begins):
        sums[owners] = np.add.reduceat(rows["revenue"].gather(paid).to_numpy(), begins)
    place = np.full(len(first), -1)
    place[owners] = paid.to_numpy()[begins]
    currency = rows["currency"].gather(paid).fill_null("")
    differs = currency.ne_missing(currency.shift(1)).to_numpy() & (step == 0)
    is_mixed = np.zeros(len(first), dtype=np.bool_)
    is_mixed[session[differs]] = True
    told = pl.Series(place).set(pl.Series(is_mixed | (place < 0)), None)
    return [
        pl.Series("revenue", sums).set(pl.Series(is_mixed), None),
        rows["currency"].gather(told).alias("revenue_currency"),
    ]


def session_schema(counted: Sequence[str], by: Sequence[str]) -> dict[str, Dtype]:
    """Return the columns that the session kernel gives."""
    schema: dict[str, Dtype] = dict.fromkeys(
        ("person_key", "start", "end", "events", "first_seq", "last_seq"), "int64"
    )
    schema |= dict.fromkeys(by, "string")
    schema |= dict.fromkeys(counted, "int64")
    return schema | {"revenue": "int64", "revenue_currency": "string"}


def session_of_event(frame: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Return the frame sorted by (person_key, ts, seq) with ``session`` and ``session_end``.

    ``session`` numbers the sessions of the frame, a person's in order of their first event;
    ``session_end`` is the last event's time.
    """
    rows, is_in_order = _numbered(frame, cut)
    rows = rows.drop("first_seq", "start")
    return rows if is_in_order else rows.sort("person_key", "ts", "seq")


def by_session(frame: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """Return the frame session by session, in order of (ts, seq) within each.

    Added are the columns of ``session_of_event``, ``first_seq``, which names the session, and
    ``start``.
    """
    import numpy as np

    rows, is_in_order = _numbered(frame, cut)
    return rows if is_in_order else rows[np.argsort(rows["session"].to_numpy(), kind="stable")]


def _numbered(frame: pl.DataFrame, cut: Cut) -> tuple[pl.DataFrame, bool]:
    """Return the rows of ``session_order`` with the columns of ``by_session``.

    Where no given ids interleave they stand in the order of ``frame``, and so do the sessions.
    """
    import numpy as np
    import polars as pl

    rows = session_order(frame, cut)
    first, last = _bounds(starts(rows, cut))
    which = np.repeat(np.arange(len(first)), last - first + 1)
    ts, seq = rows["ts"].to_numpy(), rows["seq"].to_numpy()
    number = which if rows is frame else _by_start(rows, first)[which]
    result = rows.with_columns(
        pl.Series("session", number, dtype=pl.Int64),
        pl.Series("session_end", ts[last][which], dtype=pl.Int64),
        pl.Series("first_seq", seq[first][which], dtype=pl.Int64),
        pl.Series("start", ts[first][which], dtype=pl.Int64),
    )
    return result, rows is frame


def _by_start(rows: pl.DataFrame, first: Ints) -> Ints:
    """Return the number of each session by (person, time and arrival of its first event)."""
    import numpy as np

    head = rows.select("person_key", "ts", "seq")[first]
    person = head["person_key"].rle_id().to_numpy()
    order = np.lexsort((head["seq"].to_numpy(), head["ts"].to_numpy(), person))
    number = np.empty(len(first), dtype=np.int64)
    number[order] = np.arange(len(first))
    return number


def sessions(
    events: Events, context: Context, cut: Cut, flags: Mapping[str, nw.Expr]
) -> nw.LazyFrame[Any]:
    """Return one row a session of every person; the events with each of ``flags`` are counted.

    Events that people do not cause and events of nobody belong to no session.
    """
    counted = tuple(flags)
    return over_sessions(
        events, context, cut, session_kernel(cut, counted, context.by),
        session_schema(counted, context.by), {"revenue", "currency"}, flags,
    )  # fmt: skip


def over_sessions(
    events: Events,
    context: Context,
    cut: Cut,
    kernel: Kernel,
    schema: Mapping[str, Dtype],
    columns: Iterable[str],
    flags: Mapping[str, nw.Expr] | None = None,
    properties: Sequence[PropertyRef] = (),
) -> nw.LazyFrame[Any]:
    """Run a kernel that cuts sessions, over the events that belong to any.

    It is given what the cut reads, the columns and properties asked for, ``flags`` and ``by_1`` …
    """
    asked, flags = set(columns), flags or {}
    frame = events.frame(cut.columns() | asked, properties)
    frame = with_cut_columns(frame, cut, context)
    if flags:
        frame = frame.with_columns(*(flag.alias(name) for name, flag in flags.items()))
    needed = {"person_key", "ts", "seq", *asked, *flags, *context.by}
    needed |= {ref.column for ref in properties} | (cut.columns() - {"event_type"})
    if cut.split is Split.MIDNIGHT:
        needed.add(LOCAL_DAY)
    return context.engine.kernel(frame.select(*sorted(needed)), kernel, schema)


def with_ends(
    table: nw.LazyFrame[Any],
    events: Events,
    first: Sequence[str],
    last: Sequence[str],
    *,
    starts_in: Period = Period(),
    ends_in: Period = Period(),
) -> nw.LazyFrame[Any]:
    """Add columns of each session's first event, as ``first_NAME``, and last, as ``last_NAME``.

    They are looked up by ``seq``, so that cutting sessions need not carry them; among the events of
    a period where all the sessions are known to start, or end, in one.
    """
    for prefix, names, period in (("first", first, starts_in), ("last", last, ends_in)):
        rows = events.frame(names, period=period, with_by=False).select("seq", *names)
        rows = rows.rename({name: f"{prefix}_{name}" for name in ("seq", *names)})
        table = table.join(rows, on=f"{prefix}_seq", how="left")
    return table
