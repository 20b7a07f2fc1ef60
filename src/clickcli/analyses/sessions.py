"""How many visits there are, how long and deep they go, how many bounce and convert.

Definition
----------
A session ends when the person's next event is more than ``--timeout`` later, or would make it
longer than ``--max-length``; a session id in the log is honoured and still cut by both
(``--session-rule``). It belongs to the local day on which it starts; midnight and a new campaign
cut it only with ``--split``. Its duration is last minus first event: one event is 0 s. It is
engaged when it lasts 10 s, has two page views or a conversion event; a bounce is a session that is
not engaged (``--bounce single-page``: one with a single page view).

Input
-----
All events but those named as not caused by people (``passive_events``).

Output
------
``summary``: one row (a value of ``--by``). ``trend``: one row a period of the start, with
``--trend``. ``sessions``: the sessions themselves, earliest first, as many as ``--list`` says.

Units
-----
Seconds; money in the currency's major unit; shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events, sorted by person and time.

Source
------
The 30-minute rule of web analytics; engagement as in GA4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import (
    Analysis,
    Cell,
    Column,
    Finished,
    Option,
    Table,
    Units,
    people_count,
    rate,
)
from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.errors import UsageError
from clickcli.relations.engagement import EngagementOptions, judged_sessions
from clickcli.relations.sessions import Split, with_ends
from clickcli.units import MIN_TS, Every, Period

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_PERCENTS: Final = (50, 90)
_FIRST: Final = (
    "person_id", "is_known", "session_id", "page_path", "device_type", "browser", "os", "country",
    "city", "referrer", "utm_source", "utm_medium", "utm_campaign", "click_id", "page_url",
)  # fmt: skip
_SUMS: Final = ("events", "page_views", "zero_length", "engaged", "bounces", "converted")


@dataclass(frozen=True, kw_only=True)
class Parameters(EngagementOptions):
    """Options of ``sessions``."""

    split: Annotated[
        Split,
        Option("Also begin a session at local midnight, or at a new campaign.", group="Sessions"),
    ] = Split.NONE
    trend: Annotated[
        Every | None, Option("Also count by hour, day, week or month of the start.")
    ] = None
    list: Annotated[str, Option("Sessions listed in the table `sessions`: a number, or all.")] = (
        "20"
    )


_COUNTS = (
    Column("sessions", "int64", "count", "sessions"),
    people_count("people", "people with a session"),
    Column("bounce_rate", "float64", "share", "bounces ÷ sessions"),
    Column("conversion", "float64", "share", "converted ÷ sessions"),
    Column("duration_median_s", "float64", "duration_s", "median duration"),
    Column("duration_mean_s", "float64", "duration_s", "mean duration"),
    Column("duration_p90_s", "float64", "duration_s", "90th percentile of duration"),
    Column("events", "int64", "count", "events in sessions"),
    Column("page_views", "int64", "count", "page views in sessions"),
    Column("engaged", "int64", "count", "engaged sessions"),
    Column("bounces", "int64", "count", "sessions that are a bounce"),
    Column("converted", "int64", "count", "sessions with a conversion event"),
    Column("zero_length", "int64", "count", "sessions of 0 s"),
    Column("zero_length_share", "float64", "share", "zero_length ÷ sessions"),
    *rate("engagement", "engaged ÷ sessions"),
    *rate("bounce_rate", "bounces ÷ sessions")[1:],
    *rate("conversion", "converted ÷ sessions")[1:],
    Column("revenue", "float64", "money", "revenue in sessions; none where currencies mix"),
    Column("currency", "string", "text", "currency of revenue"),
)
SUMMARY = Table("summary", "All sessions of the period.", _COUNTS, keys=())
TREND = Table(
    "trend",
    "One row a period of the start; empty without --trend.",
    (
        Column("period", "string", "key", "day, first day of the week, month, or hour"),
        *_COUNTS,
        Column("complete", "bool", "flag", "whether the period is over at as-of"),
    ),
    keys=("period",),
    time="period",
)
SESSIONS = Table(
    "sessions",
    "The sessions, earliest first.",
    (
        Column("start", "timestamp", "timestamp", "first event"),
        Column("person_id", "string", "key", "person"),
        Column("duration_s", "float64", "duration_s", "last minus first event"),
        Column("events", "int64", "count", "events"),
        Column("page_views", "int64", "count", "page views"),
        Column("entry_page", "string", "text", "page of the first event"),
        Column("exit_page", "string", "text", "page of the last event"),
        Column("engaged", "bool", "flag", "10 s, two page views or a conversion"),
        Column("is_bounce", "bool", "flag", "bounce by --bounce"),
        Column("converted", "bool", "flag", "has a conversion event"),
        Column("end", "timestamp", "timestamp", "last event"),
        Column("is_known", "bool", "key", "whether person_id is a user's, not a device's"),
        Column("date", "date", "key", "local day of the start"),
        Column("session_id", "string", "text", "id given in the log"),
        Column("device_type", "string", "text", "device of the first event"),
        Column("browser", "string", "text", "browser of the first event"),
        Column("os", "string", "text", "operating system of the first event"),
        Column("country", "string", "text", "country of the first event"),
        Column("city", "string", "text", "city of the first event"),
        Column("referrer", "string", "text", "referrer of the first event"),
        Column("utm_source", "string", "text", "campaign source of the first event"),
        Column("utm_medium", "string", "text", "campaign medium of the first event"),
        Column("utm_campaign", "string", "text", "campaign of the first event"),
        Column("channel", "string", "text", "traffic channel; none where it came from an own page"),
        Column("revenue", "float64", "money", "revenue; none where currencies mix"),
        Column("currency", "string", "text", "currency of revenue"),
    ),
    keys=("person_id", "is_known", "start", "session_id"),
    is_list=True,
    order=("start", "person_id", "is_known", "session_id"),
    is_broken_down=False,
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    parameters.cut(parameters.split)
    _listed(parameters)


def _listed(parameters: Parameters) -> int | None:
    if parameters.list == "all":
        return None
    if not parameters.list.isdigit():
        raise UsageError(f"--list must be a number or all, was {parameters.list!r}")
    return int(parameters.list)


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a session that starts in the period; those listed with their first event.

    Sessions that start at the same instant as the last one listed are listed too.
    """
    from clickcli.expressions import inside

    table = judged_sessions(events, context, parameters, parameters.cut(parameters.split))
    judged = context.engine.hold(inside(table, context.period, "start"))
    count = _listed(parameters)
    if count is None:
        listed = with_ends(judged, events, _FIRST, ("page_path",))
    else:
        listed = _earliest(judged, events, context, count)
    return {"sessions": judged, "listed": listed}


def _earliest(
    judged: nw.LazyFrame[Any], events: Events, context: Context, count: int
) -> nw.LazyFrame[Any]:
    """Return the first sessions with columns of their first and last event."""
    import narwhals as nw

    engine = context.engine
    starts = engine.collect({"starts": judged.select("start").sort("start").head(count)})["starts"]
    latest = max(starts["start"].to_list(), default=MIN_TS - 1)
    rows = engine.collect({"rows": judged.filter(nw.col("start") <= latest)})["rows"]
    spans = {name: _span(rows[name].to_list()) for name in ("start", "end")}
    return with_ends(
        engine.table(rows), events, _FIRST, ("page_path",),
        starts_in=spans["start"], ends_in=spans["end"],
    )  # fmt: skip


def _span(times: Sequence[int]) -> Period:
    """Return the shortest period that holds some times."""
    return Period(min(times, default=0), max(times, default=0) + 1)


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum sessions by breakdown and period."""
    import narwhals as nw

    table, by = units["sessions"], list(context.by)
    frames = _totals("summary", table.with_columns(nw.lit(0, nw.Int64).alias("index")), by)
    if parameters.trend is not None:
        dated = context.calendar.with_index(table, "index", parameters.trend, "start")
        frames |= _totals("trend", dated, by)
    listed = units["listed"]
    if by:
        from clickcli.context import TOTAL

        listed = listed.filter(nw.col(by[0]) == TOTAL)
    return frames | {"list": listed}


def _totals(name: str, table: nw.LazyFrame[Any], by: Sequence[str]) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    groups = [*by, "index"]
    return {
        name: table.group_by(*groups).agg(
            nw.len().alias("sessions"),
            nw.col("person_key").n_unique().alias("people"),
            nw.col(*_SUMS, "duration", "mixed").sum(),
        ),
        f"{name}_money": table.group_by(*groups, "revenue_currency").agg(
            nw.col("revenue").sum(), nw.len().alias("n")
        ),
        f"{name}_ranks": ranked_rows(table, "duration", groups, _PERCENTS),
    }


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates and durations beside the counts, name pages and channels in the list."""
    import polars as pl

    from clickcli.notes import few

    summary = _total_rows("summary", frames, context)
    notes = few(summary, "sessions", "sessions")
    if summary["mixed"].sum() or summary.filter(pl.col("currencies") > 1).height:
        notes.append("revenue is in several currencies and not added up: filter by currency")
    listed = frames["list"].sort("start", "first_person_id", "first_is_known", "first_session_id")
    if (count := _listed(parameters)) is not None:
        listed = listed.head(count)
    tables = {"summary": summary, "sessions": _list_rows(listed, context)}
    if parameters.trend is not None:
        trend = _total_rows("trend", frames, context)
        tables["trend"] = context.with_period_names(trend, parameters.trend)
        if not tables["trend"]["complete"].all():
            notes.append("the last period is not over at as-of")
    views = [name for name in parameters.page_view if name in context.dataset.event_types]
    if not views and summary["sessions"].sum():
        notes.append("no page-view events in the store: name yours with --page-view")
    title = (
        f"Sessions · {parameters.session_rule.value} at {parameters.timeout} gap, "
        f"{parameters.max_length} length · bounce: {parameters.bounce.value}"
    )
    return Finished(tables, notes, title)


def _total_rows(name: str, frames: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate, zeros
    from clickcli.money import one_currency
    from clickcli.relations.quantiles import quantiles

    groups = [*context.by, "index"]
    table = frames[name]
    if not table.height and not context.by and name == "summary":
        table = zeros(table)
    spans = quantiles(
        frames[f"{name}_ranks"], "duration", groups, _PERCENTS, divisor=MICROSECONDS_PER_SECOND
    )
    table = table.join(spans, on=groups, how="left").join(
        one_currency(frames[f"{name}_money"], groups, "revenue", "revenue_currency"),
        on=groups,
        how="left",
    )
    numerators = {
        "zero_length_share": "zero_length", "engagement": "engaged", "bounce_rate": "bounces",
        "conversion": "converted",
    }  # fmt: skip
    for name_of_rate, numerator in numerators.items():
        table = with_rate(table, name_of_rate, numerator, "sessions")
    mean = pl.col("duration") / (pl.col("sessions") * MICROSECONDS_PER_SECOND)
    return table.with_columns(
        pl.col("p50").alias("duration_median_s"),
        pl.col("p90").alias("duration_p90_s"),
        pl.when(pl.col("sessions") > 0).then(mean).alias("duration_mean_s"),
        pl.when((pl.col("mixed") == 0) & (pl.col("currencies") <= 1))
        .then(pl.col("revenue"))
        .alias("revenue"),
    )


def _list_rows(table: pl.DataFrame, context: Context) -> pl.DataFrame:
    import polars as pl

    from clickcli.money import major

    calendar, moment = context.calendar, pl.Datetime("us", "UTC")
    days = [
        calendar.date_of(calendar.index_of(start, Every.DAY), Every.DAY)
        for start in table["start"].to_list()
    ]
    return table.with_columns(
        pl.Series("date", days, dtype=pl.Date),
        _channels(table, context),
        pl.col("start", "end").cast(moment),
        (pl.col("duration") / MICROSECONDS_PER_SECOND).alias("duration_s"),
        pl.col("first_page_path").alias("entry_page"),
        pl.col("last_page_path").alias("exit_page"),
        pl.col("bounces").cast(pl.Boolean).alias("is_bounce"),
        pl.col("engaged", "converted").cast(pl.Boolean),
        major("revenue", "revenue_currency").alias("revenue"),
        pl.col("revenue_currency").alias("currency"),
        *(pl.col(f"first_{name}").alias(name) for name in _FIRST if name != "page_path"),
    )


def _channels(table: pl.DataFrame, context: Context) -> pl.Series:
    """Return the traffic channel of each session's own first event; null where it is no touch."""
    import polars as pl

    from clickcli.channels import classify
    from clickcli.data.sites import sites_of

    sites = sites_of(context.dataset.sites)
    names = ("referrer", "page_url", "utm_source", "utm_medium", "utm_campaign", "click_id")
    touches = [
        classify(referrer, page_url, utm_source=source, utm_medium=medium, utm_campaign=campaign,
                 click_id=click_id, own_hosts=context.dataset.own_hosts, sites=sites)
        for referrer, page_url, source, medium, campaign, click_id in table.select(
            f"first_{name}" for name in names
        ).iter_rows()
    ]  # fmt: skip
    channels = [touch.channel if touch.is_touch else None for touch in touches]
    return pl.Series("channel", channels, dtype=pl.String)


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which sessions' people a cell lists."""
    import narwhals as nw

    flags = {"people": None, "bounced": "bounces", "engaged": "engaged", "converted": "converted"}
    if cell not in flags:
        raise UsageError(f"--who must be one of {', '.join(flags)}, was {cell!r}")
    flag = flags[cell]
    return "sessions", nw.col("events") > 0 if flag is None else nw.col(flag) == 1


ANALYSIS = Analysis(
    name="sessions",
    version=1,
    parameters=Parameters,
    sample=Parameters(trend=Every.WEEK, list="all"),
    tables=(SUMMARY, TREND, SESSIONS),
    unit_keys={"sessions": ("first_seq",), "listed": ("first_seq",)},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("people", "people with a session"),
        Cell("bounced", "people with a bounce"),
        Cell("engaged", "people with an engaged session"),
        Cell("converted", "people with a session that converted"),
    ),
    examples=(
        "clickcli sessions --by device_type",
        "clickcli sessions --last 28d --trend week",
        "clickcli sessions --table sessions --list all -o sessions.parquet",
    ),
    check=check,
)
