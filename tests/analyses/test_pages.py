"""Pages by hand, against plain loops, and beside the sessions that they are seen in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.relations.page_paths import Paths, page_path
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, rows, store, told
from tests.oracles import MINUTE, Event
from tests.oracles.logs import boundary_logs
from tests.oracles.pages import Page, median_seconds, pages

LOG = told(
    """
    2024-05-01T10:00:00Z ann page_view page_path=/
    2024-05-01T10:00:20Z ann page_view page_path=/item/17
    2024-05-01T10:00:30Z ann scroll    scroll_depth=75
    2024-05-01T10:00:50Z ann page_view page_path=/
    2024-05-01T11:00:00Z bob page_view page_path=/item/18/ scroll_depth=0.25
    2024-05-01T11:00:05Z bob click
    2024-05-01T12:00:00Z cat page_view page_path=/
    2024-05-01T13:00:00Z dan click
    2024-05-01T14:00:00Z -   page_view page_path=/
    """
)
# ann: / for 20 s, then an item for 30 s, scrolled to 75 %, then / again: nothing follows.
# bob: an item for 5 s until his click, to 25 %; under 10 s, one page: a bounce.
# cat: / and nothing else: a bounce. dan saw no page, and nobody's view is in no session.
# /:         3 views, ann and cat; entrances ann, cat; exits ann, cat; bounce cat; time ann's 20 s.
# /item/:id: 2 views, ann and bob; entrance bob; exit bob; bounce bob; times 30 s and 5 s: 17.5 s;
#            mean depth 0.5 of 0.75 and 0.25.


def test_the_golden_table() -> None:
    with store(LOG) as log:
        result = log.pages()
    names = ("page", "views", "people", "sessions", "entrances", "exits", "bounces",
             "time_median_s", "timed", "scroll_mean", "scrolled", "all_views")  # fmt: skip
    assert [tuple(row[name] for name in names) for row in rows(result)] == [
        ("/", 3, 2, 2, 2, 2, 1, 20.0, 1, None, 0, 5),
        ("/item/:id", 2, 2, 2, 1, 1, 1, 17.5, 2, 0.5, 2, 5),
    ]
    home, item = rows(result)
    check_rate(home, "exit_rate", 2, 3)
    check_rate(home, "bounce_rate", 1, 2)
    check_rate(item, "exit_rate", 1, 2)
    (whole,) = rows(result, "summary")
    assert (whole["views"], whole["people"], whole["entrances"], whole["exits"]) == (5, 3, 3, 3)


def test_raw_paths_are_pages_of_their_own() -> None:
    with store(LOG) as log:
        found = rows(log.pages(paths="raw"))
    assert [row["page"] for row in found] == ["/", "/item/17", "/item/18/"]


@pytest.mark.parametrize("cell", ["viewed:/", "entered:/", "exited:/", "bounced:/"])
def test_the_people_of_a_cell(cell: str) -> None:
    with store(LOG) as log:
        found = worlds.people(log, "pages", cell)
    assert found == (["cat"] if cell == "bounced:/" else ["ann", "cat"])


@pytest.mark.parametrize("cell", ["viewed", "viewed:", "seen:/", "/"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="must be one of"):
        log.pages(who=cell)


def test_a_log_without_page_views_says_which_option_names_them() -> None:
    with store(told("2024-05-01T10:00:00Z ann click")) as log:
        result = log.pages()
    assert rows(result) == []
    assert rows(result, "summary")[0]["views"] == 0
    assert any("--page-view" in note for note in result.notes)


CLEANED = {
    None: "(none)",
    "": "/",
    "/": "/",
    "//": "/",
    "/about/": "/about",
    "/orders/8731/items": "/orders/:id/items",
    "/a/12/34/": "/a/:id/:id",
    "/u/Ann.B@shop.example/": "/u/:email",
    "/u/ann%40shop.example": "/u/:email",
    "/blog/2024-03-01/spring": "/blog/:date/spring",
    "/blog/20240301": "/blog/:date",
    "/x/550e8400-e29b-41d4-a716-446655440000": "/x/:id",
    "/f/d41d8cd98f00b204e9800998ecf8427e": "/f/:id",
    "/p/p_022": "/p/:id",
    "/iphone15": "/iphone15",
    "/top-10": "/top-10",
    "/v2/api": "/v2/api",
    "relative/7": "relative/:id",
}


def test_ids_dates_and_addresses_in_paths_become_words() -> None:
    import narwhals as nw

    frame = nw.from_native(pl.LazyFrame({"path": list(CLEANED)}))
    found = frame.select(page_path("path", Paths.CLEAN).alias("page")).collect()["page"]
    assert dict(zip(CLEANED, found.to_list(), strict=True)) == CLEANED


@st.composite
def page_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs whose events have paths and depths."""
    log = draw(boundary_logs(event_types=("page_view", "page_view", "click", "purchase"),
                             max_events=10))  # fmt: skip
    return [
        replace(event, properties={
            "page_path": draw(st.sampled_from(["/u", "/v", None])),
            "scroll_depth": draw(st.sampled_from([None, None, 0.25, 0.5, 1.0])),
        })
        for event in log
    ]  # fmt: skip


@settings(max_examples=30)
@given(
    worlds.crowds(page_logs()),
    st.sampled_from(["cut", "given", "gap"]),
    st.sampled_from(["engaged", "single-page"]),
)
def test_pages_equal_the_oracles(log: list[Event], rule: Any, bounce: Any) -> None:
    wanted = pages(log, timeout_us=30 * MINUTE, rule=rule, bounce=bounce)
    with store(log) as opened:
        result = opened.pages(session_rule=rule, bounce=bounce, timeout="30m")
        (visits,) = rows(opened.sessions(session_rule=rule, bounce=bounce))
    found = {row["page"]: row for row in rows(result)}
    assert found.keys() == {path or "(none)" for path in wanted}
    for path, page in wanted.items():
        check(found[path or "(none)"], page, wanted)
    (whole,) = rows(result, "summary")
    assert whole["views"] == visits["page_views"]
    assert whole["entrances"] == whole["exits"] == whole["sessions"] <= visits["sessions"]


def check(row: worlds.Row, page: Page, everything: dict[str | None, Page]) -> None:
    """Check every number of a row."""
    counts = [row[name] for name in ("views", "entrances", "exits", "bounces", "timed")]
    assert counts == [page["views"], page["entrances"], page["exits"], page["bounces"],
                      len(page["times"])]  # fmt: skip
    assert (row["people"], row["sessions"]) == (len(page["people"]), len(page["sessions"]))
    assert row["time_median_s"] == pytest.approx(median_seconds(page["times"]))
    assert row["scrolled"] == len(page["depths"])
    mean = sum(page["depths"]) / len(page["depths"]) if page["depths"] else None
    assert row["scroll_mean"] == pytest.approx(mean)
    assert row["share"] == page["views"] / sum(one["views"] for one in everything.values())
    check_rate(row, "exit_rate", page["exits"], page["views"])
    check_rate(row, "bounce_rate", page["bounces"], page["entrances"])
