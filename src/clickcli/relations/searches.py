"""Every search of a session with what followed it, and the filters and sorts that were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import Dtype
from clickcli.relations.sessions import Cut, by_session, over_sessions

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel

NO_QUERY: Final = "(none)"
SEARCHES: Final = ("search", "view_search_results", "site_search")
"""Event types that are searches where nothing else is said."""
_NUMBERS: Final = (
    "person_key", "ts", "seq", "first_seq", "start", "results", "clicked", "converted", "refined",
    "exited",
)  # fmt: skip
_TEXTS: Final = ("query", "next_query")


@dataclass(frozen=True, slots=True)
class Words:
    """The event types that are searches, and clicks on what was found."""

    searches: tuple[str, ...]
    clicks: tuple[str, ...]


def searches(events: Events, context: Context, cut: Cut, words: Words) -> nw.LazyFrame[Any]:
    """Return one row a search of a session.

    ``query`` is in lower case without spare white space; ``results`` null where they were not
    sent. ``clicked``: a click came before the session's next search; ``converted``: a conversion
    came later in the session; ``refined``: the next search asked for something else and no click
    came before it (``next_query`` says what); ``exited``: nothing came after it. All are 0 or 1.
    """
    import narwhals as nw

    kind = nw.col("event_type")
    flags = {
        "is_search": kind.is_in(list(words.searches)),
        "is_click": kind.is_in(list(words.clicks)),
        "is_conversion": kind == context.dataset.conversion_event,
    }
    schema: dict[str, Dtype] = dict.fromkeys(_NUMBERS, "int64")
    schema |= dict.fromkeys((*_TEXTS, *context.by), "string")
    kernel = search_kernel(cut, context.by)
    columns = {"search_query", "result_count"}
    return over_sessions(events, context, cut, kernel, schema, columns, flags)


def search_kernel(cut: Cut, by: Sequence[str]) -> Kernel:
    """Return the kernel of ``searches``."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        session = "session"
        rows = by_session(frame, cut)
        later = pl.col("is_conversion").cum_sum(reverse=True).over(session)
        rows = rows.with_columns(
            pl.col("is_search").cum_sum().over(session).alias("number"),
            (later - pl.col("is_conversion") > 0).alias("converted"),
            (pl.col("seq") == pl.col("seq").last().over(session)).alias("exited"),
        )
        clicked = pl.col("is_click").any().over(session, "number").alias("clicked")
        rows = rows.with_columns(clicked).filter("is_search")
        query = pl.col("search_query").str.replace_all(r"\s+", " ").str.strip_chars()
        rows = rows.with_columns(query.str.to_lowercase().fill_null("").alias("query"))
        rows = rows.with_columns(pl.col("query").replace("", NO_QUERY))
        following = pl.col("query").shift(-1).over(session)
        refined = (following != pl.col("query")).fill_null(value=False) & ~pl.col("clicked")
        return rows.select(
            "person_key", "ts", "seq", "first_seq", "start",
            pl.col("result_count").alias("results"),
            "clicked", "converted",
            refined.alias("refined"),
            "exited", "query",
            pl.when(refined).then(following).alias("next_query"),
            *by,
        )  # fmt: skip

    return kernel
