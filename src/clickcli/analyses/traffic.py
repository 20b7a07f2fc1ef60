"""Where visits come from, what each source brings, when they come, and what stays unassigned.

Definition
----------
A session's source, medium and campaign are those of its first event: UTM parameters before click
ids, click ids before the referrer, else ``(direct)``. The channel is the first of twenty that fits.
A session that begins from an own, payment or sign-on host keeps the source of the person's session
before. A person is new in the session that is the first in the log. Sessions, bounces and
conversions are those of ``sessions``; a session belongs to the period, the local hour and the
weekday in which it starts. ``--classify URL REFERRER`` explains one case without a store.

Input
-----
Referrer, page address, UTM parameters and click id of each session's first event.

Output
------
``channels``, ``sources``, ``campaigns``, ``landing``, ``hours``, ``weekdays``: one row each, the
most sessions first, hours and weekdays in their order. ``quality``: engagement by channel.
``spend``: with ``--costs`` (or ``costs.traffic`` in the configuration), what each source of that
file cost and earned. ``unassigned``: what no rule knows, worst offenders first.

Units
-----
Seconds; money in the currency's major unit; shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events, sorted by person and time, one over the first events of sessions. Each
combination of referrer and campaign is classified once.

Source
------
Channels as in Google Analytics' default group, with AI Assistant added.
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
from clickcli.notes import FEW, few
from clickcli.relations.costs import read_costs, spend_frames, spend_rows
from clickcli.relations.engagement import EngagementOptions, judged_sessions
from clickcli.relations.one_visit import ASIDE
from clickcli.relations.page_paths import Paths, page_path
from clickcli.relations.touches import touches

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_PERCENTS: Final = (50, 90)
_SUSPICIOUS: Final = 0.2
"""Share of sessions above which a referring site is probably the log's own."""
_CELLS: Final = {
    "channel": "channel", "group": "channel_group", "source": "source", "medium": "medium",
    "campaign": "campaign", "landing": "page",
}  # fmt: skip
_SUMS: Final = (
    "is_first", "bounces", "converted", "conversions", "engaged", "page_views", "events", "mixed",
    "duration",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Parameters(EngagementOptions):
    """Options of ``traffic``."""

    paths: Annotated[
        Paths, Option("clean: ids, dates and addresses in landing pages become words; raw: not.")
    ] = Paths.CLEAN
    costs: Annotated[
        str | None,
        Option("CSV file of spend: date, source, medium, campaign, cost, currency.", kind="csv"),
    ] = None

    def costs_file(self, context: Context) -> str | None:
        """Return the file of spend, that of the configuration where none is named."""
        return self.costs or context.dataset.costs_traffic


_BOUNCE = rate("bounce_rate", "bounces ÷ sessions")
_CONVERSION = rate("conversion", "converted ÷ sessions")
_ENGAGEMENT = rate("engagement", "engaged ÷ sessions")
_SESSIONS: Final = Column("sessions", "int64", "count", "sessions")
_PEOPLE: Final = people_count("people", "people with a session")
_NEW: Final = people_count("new_people", "people whose first session it was")
_COUNTS: Final = (
    _SESSIONS,
    _PEOPLE,
    _NEW,
    _BOUNCE[0],
    _CONVERSION[0],
    Column("revenue", "float64", "money", "revenue in sessions; none where currencies mix"),
    Column("pages_per_session", "float64", "ratio", "page views ÷ sessions"),
    Column("duration_median_s", "float64", "duration_s", "median duration of a session"),
    Column("revenue_per_person", "float64", "money", "revenue ÷ people"),
    Column("revenue_per_session", "float64", "money", "revenue ÷ sessions"),
    Column("currency", "string", "text", "currency of revenue"),
    Column("conversions", "int64", "count", "conversion events"),
    Column("converted", "int64", "count", "sessions with a conversion event"),
    Column("bounces", "int64", "count", "sessions that are a bounce"),
    Column("page_views", "int64", "count", "page views"),
    *_BOUNCE[1:],
    *_CONVERSION[1:],
    Column("share", "float64", "share", "sessions ÷ all_sessions"),
    Column("all_sessions", "int64", "count", "sessions of the whole table's period"),
)
_CHANNEL: Final = Column("channel", "string", "key", "channel, the first of twenty that fits")
_GROUP: Final = Column("group", "string", "text", "organic, social, direct, paid, referral …")
_SOURCE: Final = Column("source", "string", "key", "site, campaign source, or (direct)")
_MEDIUM: Final = Column("medium", "string", "key", "campaign medium, or how the source refers")
CHANNELS = Table(
    "channels", "One row a channel.", (_CHANNEL, *_COUNTS, _GROUP),
    keys=("channel",), order=("-sessions", "channel"),
)  # fmt: skip
SOURCES = Table(
    "sources", "One row a source and medium.", (_SOURCE, _MEDIUM, *_COUNTS),
    keys=("source", "medium"), order=("-sessions", "source", "medium"),
)  # fmt: skip
CAMPAIGNS = Table(
    "campaigns", "One row a campaign, source and medium; sessions without one are left out.",
    (Column("campaign", "string", "key", "campaign"), _SOURCE, _MEDIUM, *_COUNTS),
    keys=("campaign", "source", "medium"), order=("-sessions", "campaign", "source", "medium"),
)  # fmt: skip
LANDING = Table(
    "landing", "One row a landing page and channel.",
    (Column("page", "string", "key", "path of the first event"), _CHANNEL, *_COUNTS),
    keys=("page", "channel"), order=("-sessions", "page", "channel"),
)  # fmt: skip
HOURS = Table(
    "hours", "One row an hour of the day in --tz.",
    (Column("hour", "int64", "key", "local hour in which the session starts, 0–23"), *_COUNTS),
    keys=("hour",),
)  # fmt: skip
WEEKDAYS = Table(
    "weekdays", "One row a day of the week in --tz.",
    (
        Column("weekday", "string", "key", "local day on which the session starts"),
        *_COUNTS,
        Column("day", "int64", "key", "number of the day from 1, the first by --week-start"),
    ),
    keys=("weekday", "day"), order=("day",),
)  # fmt: skip
QUALITY = Table(
    "quality", "How deep and long the sessions of each channel go.",
    (
        _CHANNEL,
        _SESSIONS,
        _ENGAGEMENT[0],
        Column("pages_per_session", "float64", "ratio", "page views ÷ sessions"),
        Column("events_per_session", "float64", "ratio", "events ÷ sessions"),
        Column("duration_median_s", "float64", "duration_s", "median duration"),
        Column("duration_p90_s", "float64", "duration_s", "90th percentile of duration"),
        Column("duration_mean_s", "float64", "duration_s", "mean duration"),
        Column("sessions_per_person", "float64", "ratio", "sessions ÷ people"),
        Column("new_share", "float64", "share", "new_people ÷ people"),
        Column("engaged", "int64", "count", "engaged sessions"),
        _PEOPLE,
        _NEW,
        Column("page_views", "int64", "count", "page views"),
        Column("events", "int64", "count", "events"),
        *_ENGAGEMENT[1:],
    ),
    keys=("channel",), order=("-sessions", "channel"),
)  # fmt: skip
UNASSIGNED = Table(
    "unassigned", "What no rule knows, worst offenders first.",
    (
        _SOURCE,
        _MEDIUM,
        _SESSIONS,
        _PEOPLE,
        Column("why", "string", "key", "why it has no channel"),
        Column("share", "float64", "share", "sessions ÷ all_sessions"),
        Column("all_sessions", "int64", "count", "sessions of the whole table's period"),
    ),
    keys=("source", "medium", "why"), order=("-sessions", "source", "medium", "why"),
)  # fmt: skip
SPEND = Table(
    "spend", "What the sources of --costs cost and earned; empty without it.",
    (
        _SOURCE,
        _MEDIUM,
        Column("campaign", "string", "key", "campaign"),
        Column("cost", "float64", "money", "spend on the days of the period"),
        _SESSIONS,
        Column("conversions", "int64", "count", "conversion events"),
        Column("revenue", "float64", "money", "revenue in sessions, where it is in currency"),
        Column("return_on_spend", "float64", "ratio", "revenue ÷ cost"),
        Column("margin", "float64", "money", "revenue minus cost"),
        Column("cost_per_conversion", "float64", "money", "cost ÷ conversions"),
        Column("cost_per_session", "float64", "money", "cost ÷ sessions"),
        Column("revenue_per_person", "float64", "money", "revenue ÷ people"),
        Column("currency", "string", "text", "currency of the costs"),
        _PEOPLE,
    ),
    keys=("source", "medium", "campaign"), order=("-cost", "source", "medium", "campaign"),
    is_broken_down=False,
)  # fmt: skip
_KEYS: Final = {
    "channels": ("channel", "channel_group"),
    "sources": ("source", "medium"),
    "campaigns": ("campaign", "source", "medium"),
    "landing": ("page", "channel"),
    "hours": ("hour",),
    "weekdays": ("weekday",),
}


def check(parameters: Parameters, context: Context) -> None:
    """Refuse durations that cannot be read."""
    parameters.cut()


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a session that starts in the period, with its touch, hour and weekday."""
    from clickcli.expressions import inside

    judged = judged_sessions(events, context, parameters, parameters.cut())
    table = inside(touches(judged, events, context), context.period, "start")
    table = context.calendar.with_clock(table, "hour", "weekday", "start")
    return {"sessions": table.with_columns(page_path("page_path", parameters.paths).alias("page"))}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum the sessions of each channel, source, campaign, page, hour and weekday."""
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    by, table = list(context.by), units["sessions"]
    frames: dict[str, nw.LazyFrame[Any]] = {}
    for name, keys in _KEYS.items():
        groups, rows = [*by, *keys], table
        if name == "campaigns":
            rows = table.filter(~nw.col("campaign").is_null())
        frames[name] = rows.group_by(*groups).agg(
            nw.len().alias("sessions"),
            nw.col("person_key").n_unique().alias("people"),
            nw.col(*_SUMS).sum(),
        )
        frames[f"{name}_money"] = rows.group_by(*groups, "revenue_currency").agg(
            nw.col("revenue").sum()
        )
        frames[f"{name}_ranks"] = ranked_rows(rows, "duration", groups, _PERCENTS)
    unknown = table.filter(nw.col("channel") == "Unassigned")
    if (costs := parameters.costs_file(context)) is not None:
        frames |= spend_frames(table, read_costs(costs, context), by)
    frames["unassigned"] = unknown.group_by(*by, "source", "medium", "why").agg(
        nw.len().alias("sessions"), nw.col("person_key").n_unique().alias("people")
    )
    return frames


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates, durations and money beside the counts."""
    import polars as pl

    by = list(context.by)
    totals = frames["hours"].group_by(by or pl.lit(0).alias("all")).agg(
        pl.col("sessions").sum().alias("all_sessions")
    )  # fmt: skip
    tables = {name: _rows(name, frames, totals, by) for name in _KEYS}
    channels = tables["channels"].rename({"channel_group": "group"})
    tables["channels"] = tables["quality"] = channels
    tables["weekdays"] = _named_days(tables["weekdays"], context)
    tables["unassigned"] = _with_share(frames["unassigned"], totals, by)
    facts: dict[str, object] = {}
    if (costs := parameters.costs_file(context)) is not None:
        tables["spend"] = spend_rows(frames, read_costs(costs, context))
        facts["costs"] = costs
    notes = few(channels, "sessions", "sessions")
    if channels.filter((pl.col("mixed") > 0) | (pl.col("currencies") > 1)).height:
        notes.append("revenue is in several currencies and not added up: filter by currency")
    if not channels.height:
        notes.append("no sessions in the period")
    elif not channels["conversions"].sum():
        event = context.dataset.conversion_event
        notes.append(
            f"no {event} events: name the conversion with conversion_event in clickcli.toml"
        )
    notes += _own_host(tables["sources"])
    title = f"Traffic · bounce: {parameters.bounce.value}"
    return Finished(tables, notes, title, facts)


def _own_host(sources: pl.DataFrame) -> list[str]:
    """Return a note when one site refers so many sessions that it may be the log's own."""
    import polars as pl

    many = sources.filter(
        (pl.col("medium") == "referral") & (pl.col("share") > _SUSPICIOUS)
        & (pl.col("all_sessions") >= FEW)
    ).sort("share", "source", descending=[True, False])  # fmt: skip
    if not many.height:
        return []
    source, share = many["source"][0], many["share"][0]
    text = f"{source} refers {share:.0%} of the sessions: if it is the site itself, name it in "
    return [f"{text}own_hosts in clickcli.toml"]


def _rows(
    name: str, frames: Mapping[str, pl.DataFrame], totals: pl.DataFrame, by: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of one table, with every column that any of them has."""
    import polars as pl

    from clickcli.expressions import share, with_rate
    from clickcli.money import one_currency
    from clickcli.relations.quantiles import quantiles

    groups = [*by, *_KEYS[name]]
    spans = quantiles(frames[f"{name}_ranks"], "duration", groups, _PERCENTS,
                      divisor=MICROSECONDS_PER_SECOND)  # fmt: skip
    table = frames[name].join(spans, on=groups, how="left")
    money = one_currency(frames[f"{name}_money"], groups, "revenue", "revenue_currency")
    table = table.join(money, on=groups, how="left")
    numerators = {
        "bounce_rate": "bounces", "conversion": "converted", "engagement": "engaged",
    }  # fmt: skip
    for rate_name, numerator in numerators.items():
        table = with_rate(table, rate_name, numerator, "sessions")
    is_one = (pl.col("mixed") == 0) & (pl.col("currencies") <= 1)
    table = table.with_columns(pl.when(is_one).then("revenue").alias("revenue"))
    table = table.rename({"is_first": "new_people", "p50": "duration_median_s",
                          "p90": "duration_p90_s"}).with_columns(
        (share("duration", "sessions") / MICROSECONDS_PER_SECOND).alias("duration_mean_s"),
        share("page_views", "sessions").alias("pages_per_session"),
        share("events", "sessions").alias("events_per_session"),
        share("sessions", "people").alias("sessions_per_person"),
        share("new_people", "people").alias("new_share"),
        share("revenue", "people").alias("revenue_per_person"),
        share("revenue", "sessions").alias("revenue_per_session"),
    )  # fmt: skip
    return _with_share(table, totals, by)


def _with_share(table: pl.DataFrame, totals: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    from clickcli.expressions import share

    table = table.join(totals, on=by, how="left") if by else table.join(totals, how="cross")
    return table.with_columns(share("sessions", "all_sessions").alias("share"))


def _named_days(table: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Name the days of the week, which count from 0 at ``--week-start``."""
    import polars as pl

    from clickcli.units import WeekStart

    names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    if context.week_start is WeekStart.SUNDAY:
        names = [names[-1], *names[:-1]]
    days = table["weekday"].to_list()
    return table.with_columns(
        pl.Series("weekday", [names[day] for day in days], dtype=pl.String),
        pl.Series("day", [day + 1 for day in days], dtype=pl.Int64),
    )


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which sessions' people a cell lists."""
    import narwhals as nw

    word, _, value = cell.partition(":")
    is_new, is_converted = word.startswith("new-"), word.startswith("converted-")
    column = _CELLS.get(word.removeprefix("new-").removeprefix("converted-"))
    if column is None or not value:
        forms = ", ".join(f"{known}:{known.upper()}" for known in _CELLS)
        raise UsageError(
            f"--who must be one of {forms}, with new- or converted- before it, was {cell!r}"
        )
    chosen = (nw.col(column) == value).fill_null(value=False)
    if is_new:
        chosen = chosen & (nw.col("is_first") == 1)
    return "sessions", chosen & (nw.col("converted") == 1) if is_converted else chosen


ANALYSIS = Analysis(
    name="traffic",
    version=1,
    parameters=Parameters,
    sample=Parameters(page_view=("view", "page_view")),
    tables=(CHANNELS, SOURCES, CAMPAIGNS, LANDING, HOURS, WEEKDAYS, QUALITY, SPEND, UNASSIGNED),
    unit_keys={"sessions": ("first_seq",)},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("channel:CHANNEL", "people with a session of a channel"),
        Cell("group:GROUP", "people with a session of a coarse group, such as paid"),
        Cell("source:SOURCE", "people with a session from a source"),
        Cell("medium:MEDIUM", "people with a session of a medium"),
        Cell("campaign:CAMPAIGN", "people with a session of a campaign"),
        Cell("landing:PAGE", "people with a session that began on a page"),
        Cell("new-channel:CHANNEL", "those whose first session it was; new-source: … too"),
        Cell("converted-channel:CHANNEL", "those who converted in it; converted-source: … too"),
    ),
    examples=(
        "clickcli traffic --last 28d",
        "clickcli traffic --table sources --by device_type",
        "clickcli traffic --classify 'https://shop.example/?gclid=x' https://www.google.com/",
    ),
    check=check,
    aside=ASIDE,
)
