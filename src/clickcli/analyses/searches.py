"""What people search for, what finds nothing, and which searches lead on.

Definition
----------
A search succeeds when a result is clicked before the session's next search, or a conversion comes
later in the session. It is refined when the next search of the session asks for something else and
nothing was clicked before it. It found nothing when its ``result_count`` is 0; searches whose count
was not sent are left out of that rate. It is an exit when nothing comes after it. Queries are
compared in lower case without spare white space.

Input
-----
Searches (``--search``) with ``search_query`` and ``result_count``, clicks on results (``--click``:
views of an item), conversions, and the other events of their sessions; filters and sorts
(``--filter``). A search counts in the period in which its session starts.

Output
------
``summary``: all searches. ``queries``: one row a query, most searched first. ``zero``: queries that
found nothing. ``refinements``: which query was followed by which. ``filters``: filters and sorts.

Units
-----
Shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events, sorted by person and time, and one over the filters.

Source
------
Site-search reports of web analytics; refinement and exit as there. Ours asks for a click or a
conversion before it calls a search a success.
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
from clickcli.errors import UsageError
from clickcli.relations.engagement import SessionOptions
from clickcli.relations.searches import NO_QUERY, SEARCHES, Words, searches

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_MEDIAN: Final = (50,)
_FLAGS: Final = ("succeeded", "clicked", "converted", "refined", "exited", "zero", "counted")
_RATES: Final = {
    "success_rate": ("succeeded", "searches"),
    "click_rate": ("clicked", "searches"),
    "conversion": ("converted", "searches"),
    "zero_rate": ("zero", "counted"),
    "refinement_rate": ("refined", "searches"),
    "exit_rate": ("exited", "searches"),
}


@dataclass(frozen=True, kw_only=True)
class Parameters(SessionOptions):
    """Options of ``searches``."""

    search: Annotated[
        tuple[str, ...], Option("Event that is a search (repeatable).", kind="event")
    ] = SEARCHES
    click: Annotated[
        tuple[str, ...], Option("Event that is a click on a result (repeatable).", kind="event")
    ] = ("product_view", "view_item", "item_view", "select_item", "search_click", "view")
    filter: Annotated[
        tuple[str, ...], Option("Event that filters or sorts (repeatable).", kind="event")
    ] = ("filter", "sort")
    filter_value: Annotated[
        tuple[str, ...],
        Option("Property that names the filter; the first that is there counts.", kind="column"),
    ] = ("properties.filter", "properties.sort", "properties.by")


def _counts(text: str) -> tuple[Column, ...]:
    rates = {name: rate(name, f"{above} ÷ {below}") for name, (above, below) in _RATES.items()}
    return (
        Column("searches", "int64", "count", text),
        people_count("people", "people who searched"),
        rates["success_rate"][0], rates["click_rate"][0], rates["conversion"][0],
        rates["zero_rate"][0], rates["refinement_rate"][0], rates["exit_rate"][0],
        Column("results_median", "float64", "ratio", "median number of results"),
        Column("sessions", "int64", "count", "sessions with a search"),
        Column("succeeded", "int64", "count", "searches with a click or a conversion"),
        Column("clicked", "int64", "count", "searches whose results were clicked"),
        Column("converted", "int64", "count", "searches before a conversion of the session"),
        Column("refined", "int64", "count", "searches followed by another query, without a click"),
        Column("exited", "int64", "count", "searches after which nothing came"),
        Column("zero", "int64", "count", "searches without a result"),
        Column("counted", "int64", "count", "searches whose number of results is known"),
        *(column for three in rates.values() for column in three[1:]),
    )  # fmt: skip


SUMMARY = Table(
    "summary", "All searches.",
    (*_counts("searches"), Column("queries", "int64", "count", "distinct queries")), keys=(),
)  # fmt: skip
QUERIES = Table(
    "queries", "One row a query.",
    (Column("query", "string", "key", "what was searched for"), *_counts("searches for it")),
    keys=("query",), order=("-searches", "query"),
)  # fmt: skip
ZERO = Table(
    "zero", "Queries that found nothing.",
    (
        Column("query", "string", "key", "what was searched for"),
        Column("zero", "int64", "count", "searches without a result"),
        people_count("people", "people who searched for it in vain"),
        *rate("zero_rate", "zero ÷ counted"),
        Column("counted", "int64", "count", "searches for it whose number of results is known"),
    ),
    keys=("query",), order=("-zero", "query"),
)  # fmt: skip
REFINEMENTS = Table(
    "refinements", "One row a query and the one that followed it, without a click between.",
    (
        Column("query", "string", "key", "first searched for"),
        Column("next_query", "string", "key", "then searched for"),
        Column("searches", "int64", "count", "how often"),
        people_count("people", "people who did so"),
        Column("sessions", "int64", "count", "sessions with it"),
    ),
    keys=("query", "next_query"), order=("-searches", "query", "next_query"),
)  # fmt: skip
FILTERS = Table(
    "filters", "Filters and sorts that were used.",
    (
        Column("event_type", "string", "key", "filter or sort"),
        Column("value", "string", "key", "which one"),
        Column("events", "int64", "count", "how often"),
        people_count("people", "people who used it"),
    ),
    keys=("event_type", "value"), order=("-events", "event_type", "value"),
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse durations that cannot be read."""
    parameters.cut()


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a search of a session that starts in the period, and one a filter used."""
    import narwhals as nw

    from clickcli.expressions import inside
    from clickcli.filters import property_ref

    found = searches(events, context, parameters.cut(), Words(parameters.search, parameters.click))
    results = nw.col("results")
    zero = nw.when(results == 0).then(1).otherwise(0)
    counted = nw.when(results.is_null()).then(0).otherwise(1)
    flags = [
        nw.max_horizontal("clicked", "converted").alias("succeeded"),
        zero.cast(nw.Int64).alias("zero"),
        counted.cast(nw.Int64).alias("counted"),
    ]
    refs = [property_ref(name) for name in parameters.filter_value]
    used = events.frame({"event_type"}, refs, period=context.period)
    used = used.filter(nw.col("event_type").is_in(list(parameters.filter)))
    values = [nw.col(ref.column) for ref in refs] or [nw.lit(None, nw.String)]
    used = used.with_columns(nw.coalesce(*values).fill_null(NO_QUERY).alias("value"))
    names = ["person_key", "seq", "event_type", "value", *context.by]
    return {
        "searches": inside(found, context.period, "start").with_columns(*flags),
        "filters": used.select(*names),
    }


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum the searches of each query, of all, and of each refinement."""
    import narwhals as nw

    by, table = list(context.by), units["searches"]
    table = table.with_columns(nw.lit(0, nw.Int64).alias("all"))
    people = nw.col("person_key").n_unique().alias("people")
    vain = table.filter(nw.col("zero") == 1)
    return {
        **_sums("summary", table, [*by, "all"]),
        **_sums("queries", table, [*by, "query"]),
        "distinct": table.group_by(*by, "all").agg(nw.col("query").n_unique().alias("queries")),
        "vain": vain.group_by(*by, "query").agg(people),
        "refinements": table.filter(nw.col("refined") == 1)
        .group_by(*by, "query", "next_query")
        .agg(nw.len().alias("searches"), people,
             nw.col("first_seq").n_unique().alias("sessions")),
        "filters": units["filters"]
        .group_by(*by, "event_type", "value")
        .agg(nw.len().alias("events"), people),
    }  # fmt: skip


def _sums(
    name: str, table: nw.LazyFrame[Any], groups: Sequence[str]
) -> dict[str, nw.LazyFrame[Any]]:
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    sums = table.group_by(*groups).agg(
        nw.len().alias("searches"),
        nw.col("person_key").n_unique().alias("people"),
        nw.col("first_seq").n_unique().alias("sessions"),
        nw.col(*_FLAGS).sum(),
    )
    return {name: sums, f"{name}_results": ranked_rows(table, "results", groups, _MEDIAN)}


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates beside the counts."""
    import polars as pl

    from clickcli.expressions import with_rate
    from clickcli.notes import few

    by = list(context.by)
    summary = _rows("summary", frames, [*by, "all"])
    summary = summary.join(frames["distinct"], on=[*by, "all"], how="left")
    summary = summary.with_columns(pl.col("queries").fill_null(0))
    queries = _rows("queries", frames, [*by, "query"])
    vain = frames["vain"].join(
        queries.select(*by, "query", "zero", "counted"), on=[*by, "query"], how="left"
    )
    notes = few(summary, "searches", "searches")
    if not summary["searches"].sum():
        notes.append("no searches: name the events that are with --search")
    elif not summary["counted"].sum():
        notes.append("no search says how many results it had (result_count)")
    return Finished(
        {
            "summary": summary,
            "queries": queries,
            "zero": with_rate(vain, "zero_rate", "zero", "counted"),
            "refinements": frames["refinements"],
            "filters": frames["filters"],
        },
        notes,
        "Searches",
    )


def _rows(name: str, frames: Mapping[str, pl.DataFrame], groups: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate, zeros
    from clickcli.relations.quantiles import quantiles

    table = frames[name]
    if not table.height and list(groups) == ["all"]:
        table = zeros(table)
    medians = quantiles(frames[f"{name}_results"], "results", groups, _MEDIAN)
    table = table.join(medians, on=list(groups), how="left")
    for rate_name, (above, below) in _RATES.items():
        table = with_rate(table, rate_name, above, below)
    return table.with_columns(pl.col("p50").alias("results_median"))


_CELLS: Final = {
    "searched": None, "succeeded": "succeeded", "zero": "zero", "refined": "refined",
    "exited": "exited",
}  # fmt: skip


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which searches' people a cell lists."""
    import narwhals as nw

    word, _, query = cell.partition(":")
    if word not in _CELLS:
        raise UsageError(f"--who must be one of {', '.join(_CELLS)}, or WORD:QUERY, was {cell!r}")
    flag = _CELLS[word]
    chosen = nw.col("counted") >= 0 if flag is None else nw.col(flag) == 1
    return "searches", chosen & (nw.col("query") == query) if query else chosen


ANALYSIS = Analysis(
    name="searches",
    version=1,
    parameters=Parameters,
    sample=Parameters(search=("view",), click=("add_to_cart",), filter=("page_view",)),
    tables=(SUMMARY, QUERIES, ZERO, REFINEMENTS, FILTERS),
    unit_keys={"searches": ("seq",), "filters": ("seq",)},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("searched", "people who searched; searched:QUERY for one query, and so on"),
        Cell("succeeded", "people with a search that led to a click or a conversion"),
        Cell("zero", "people with a search that found nothing"),
        Cell("refined", "people who searched again without a click"),
        Cell("exited", "people whose session ended with a search"),
    ),
    examples=(
        "clickcli searches",
        "clickcli searches --table zero --last 28d",
        "clickcli searches --who 'zero:pan induction'",
    ),
    check=check,
)
