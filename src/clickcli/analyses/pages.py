"""Which pages are seen, for how long, where visits begin, end and bounce.

Definition
----------
A page is the path of a page view, cleaned: ids, dates and e-mail addresses in it become ``:id``,
``:date`` and ``:email`` (``--paths raw``: as it is). Time on a page runs to the next page view of
the session, for the last page to the session's last event; where nothing follows it is unknown. An
entrance is a session's first page view, an exit its last one; a bounce is an entrance of a session
that bounced. Scroll depth is the deepest that was sent from the view until the next one; what is
above 1 is taken as percent.

Input
-----
Page views (``--page-view``) with their paths, and the other events of their sessions. A page view
counts in the period in which its session starts.

Output
------
``pages``: one row a page, most views first. ``summary``: all pages together.

Units
-----
Seconds; shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events, sorted by person and time.

Source
------
Entrances, exits and bounces as in web analytics; sessions and bounces as in ``sessions``.
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
from clickcli.relations.engagement import EngagementOptions
from clickcli.relations.page_paths import Paths, page_path
from clickcli.relations.page_views import DEPTH_SCALE, page_views

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_MEDIAN: Final = (50,)
_CELLS: Final = {"viewed": None, "entered": "entrances", "exited": "exits", "bounced": "bounces"}


@dataclass(frozen=True, kw_only=True)
class Parameters(EngagementOptions):
    """Options of ``pages``."""

    paths: Annotated[
        Paths, Option("clean: ids, dates and addresses in paths become words; raw: as they are.")
    ] = Paths.CLEAN


_EXIT, _BOUNCE = rate("exit_rate", "exits ÷ views"), rate("bounce_rate", "bounces ÷ entrances")
_COUNTS: Final = (
    Column("views", "int64", "count", "page views"),
    people_count("people", "people who saw the page"),
    Column("time_median_s", "float64", "duration_s", "median time on the page, where known"),
    Column("entrances", "int64", "count", "sessions that began here"),
    _BOUNCE[0],
    Column("exits", "int64", "count", "sessions that ended here"),
    _EXIT[0],
    Column("scroll_mean", "float64", "share", "mean scroll depth, where it was sent"),
    Column("bounces", "int64", "count", "entrances of sessions that bounced"),
    Column("sessions", "int64", "count", "sessions that saw the page"),
    *_BOUNCE[1:],
    *_EXIT[1:],
    Column("timed", "int64", "count", "views whose time is known"),
    Column("scrolled", "int64", "count", "views with a scroll depth"),
)
PAGES = Table(
    "pages",
    "One row a page.",
    (
        Column("page", "string", "key", "path of the page"),
        *_COUNTS,
        Column("share", "float64", "share", "views ÷ all_views"),
        Column("all_views", "int64", "count", "views of all pages"),
    ),
    keys=("page",),
    order=("-views", "page"),
)
SUMMARY = Table("summary", "All pages together.", _COUNTS, keys=())


def check(parameters: Parameters, context: Context) -> None:
    """Refuse durations that cannot be read."""
    parameters.cut()


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a page view whose session starts in the period."""
    from clickcli.expressions import inside

    views = inside(page_views(events, context, parameters), context.period, "start")
    return {"views": views.with_columns(page_path("page_path", parameters.paths).alias("page"))}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum the views of each page, and of all."""
    by, views = list(context.by), units["views"]
    return {**_sums("pages", views, [*by, "page"]), **_sums("summary", views, by)}


def _sums(
    name: str, views: nw.LazyFrame[Any], groups: Sequence[str]
) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    views = views.with_columns(nw.lit(0, nw.Int64).alias("all"))
    groups = [*groups, "all"]
    sums = views.group_by(*groups).agg(
        nw.len().alias("views"),
        nw.col("person_key").n_unique().alias("people"),
        nw.col("first_seq").n_unique().alias("sessions"),
        nw.col("entrances", "exits", "bounces", "depth").sum(),
        nw.col("time").count().alias("timed"),
        nw.col("depth").count().alias("scrolled"),
    )
    return {name: sums, f"{name}_time": ranked_rows(views, "time", groups, _MEDIAN)}


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates, times and depths beside the counts."""
    import polars as pl

    from clickcli.expressions import share

    by = list(context.by)
    summary = _rows("summary", frames, by)
    totals = summary.select(*by, pl.col("views").alias("all_views"))
    pages = _rows("pages", frames, [*by, "page"])
    pages = pages.join(totals, on=by, how="left") if by else pages.join(totals, how="cross")
    pages = pages.with_columns(share("views", "all_views").alias("share"))
    notes = []
    if not summary["views"].sum():
        notes.append("no page views: name the events that are with --page-view")
    title = f"Pages · paths {parameters.paths.value} · bounce: {parameters.bounce.value}"
    return Finished({"pages": pages, "summary": summary}, notes, title)


def _rows(name: str, frames: Mapping[str, pl.DataFrame], groups: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import share, with_rate, zeros
    from clickcli.relations.quantiles import quantiles

    keys, table = [*groups, "all"], frames[name]
    if not table.height and not groups:
        table = zeros(table)
    times = quantiles(frames[f"{name}_time"], "time", keys, _MEDIAN,
                      divisor=MICROSECONDS_PER_SECOND)  # fmt: skip
    table = table.join(times, on=keys, how="left")
    table = with_rate(table, "exit_rate", "exits", "views")
    table = with_rate(table, "bounce_rate", "bounces", "entrances")
    return table.with_columns(
        pl.col("p50").alias("time_median_s"),
        (share("depth", "scrolled") / DEPTH_SCALE).alias("scroll_mean"),
    )


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which views' people a cell lists."""
    import narwhals as nw

    word, _, page = cell.partition(":")
    if word not in _CELLS or not page:
        forms = ", ".join(f"{known}:PAGE" for known in _CELLS)
        raise UsageError(f"--who must be one of {forms}, was {cell!r}")
    flag, is_page = _CELLS[word], nw.col("page") == page
    return "views", is_page if flag is None else is_page & (nw.col(flag) == 1)


ANALYSIS = Analysis(
    name="pages",
    version=1,
    parameters=Parameters,
    sample=Parameters(page_view=("view", "page_view")),
    tables=(PAGES, SUMMARY),
    unit_keys={"views": ("seq",)},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("viewed:PAGE", "people who saw a page"),
        Cell("entered:PAGE", "people with a session that began there"),
        Cell("exited:PAGE", "people with a session whose last page it was"),
        Cell("bounced:PAGE", "people with a session that began there and bounced"),
    ),
    examples=(
        "clickcli pages --limit 20",
        "clickcli pages --last 28d --by device_type",
        "clickcli pages --who exited:/checkout",
    ),
    check=check,
)
