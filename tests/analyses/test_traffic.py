"""Traffic: where sessions come from, what is carried over, and what adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.channels import GROUPS
from clickcli.errors import DataError, StorageError, UsageError
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, check_seconds, rows, store, told
from tests.oracles import MINUTE, Event
from tests.oracles.logs import boundary_logs
from tests.oracles.sessions import Session
from tests.oracles.touches import Told, touched

LOG = told(
    """
    2024-05-06T10:00:00Z ann page_view page_url=https://shop.example/a?gclid=x
    2024-05-06T10:00:20Z ann purchase  revenue=10 currency=EUR
    2024-05-07T23:30:00Z ann page_view referrer=https://www.paypal.com/ page_url=https://shop.example/a
    2024-05-07T23:30:01Z ann purchase  revenue=2.5 currency=EUR
    2024-05-08T10:00:00Z ann page_view page_url=https://shop.example/b
    2024-05-06T10:00:00Z bob page_view referrer=https://www.google.com/ page_url=https://shop.example/a
    2024-05-06T12:00:00Z bob page_view utm_source=news utm_medium=email utm_campaign=may
    2024-05-06T10:00:00Z cat page_view referrer=https://shop.example/b page_url=https://shop.example/a
    2024-05-06T10:00:00Z dan page_view utm_source=news utm_medium=post
    """
)
# ann: an ad (Paid Search, 20 s, 10 EUR); back from PayPal: Paid Search still (1 s, 2.50 EUR); then
#      direct, one page: a bounce.
# bob: google (Organic Search), a bounce; news / email (Email, campaign may), a bounce.
# cat: from an own host, nothing before: Unassigned, (not set). dan: news / post: Unassigned.
Golden = list[tuple[Any, ...]]


def picked(found: list[worlds.Row], *names: str) -> Golden:
    """Return some columns of the rows."""
    return [tuple(row[name] for name in names) for row in found]


def test_the_golden_channels() -> None:
    with store(LOG) as log:
        result = log.traffic()
    assert picked(rows(result), "channel", "group", "sessions", "people", "new_people", "bounces",
                  "converted", "conversions", "revenue", "revenue_per_session", "currency") == [
        ("Paid Search", "paid", 2, 1, 1, 0, 2, 2, 12.5, 6.25, "EUR"),
        ("Unassigned", "unassigned", 2, 2, 2, 2, 0, 0, 0.0, 0.0, None),
        ("Direct", "direct", 1, 1, 0, 1, 0, 0, 0.0, 0.0, None),
        ("Email", "referral", 1, 1, 0, 1, 0, 0, 0.0, 0.0, None),
        ("Organic Search", "organic", 1, 1, 1, 1, 0, 0, 0.0, 0.0, None),
    ]  # fmt: skip
    paid = rows(result)[0]
    check_rate(paid, "conversion", 2, 2)
    check_rate(paid, "bounce_rate", 0, 2)
    assert (paid["duration_median_s"], paid["pages_per_session"]) == (10.5, 1.0)
    assert (paid["revenue_per_person"], paid["share"], paid["all_sessions"]) == (12.5, 2 / 7, 7)


def test_the_golden_sources_campaigns_and_landing_pages() -> None:
    with store(LOG) as log:
        result = log.traffic()
    assert picked(rows(result, "sources"), "source", "medium", "sessions") == [
        ("google", "cpc", 2),
        ("(direct)", "(none)", 1),
        ("(not set)", "(not set)", 1),
        ("google", "organic", 1),
        ("news", "email", 1),
        ("news", "post", 1),
    ]
    assert picked(rows(result, "campaigns"), "campaign", "source", "sessions") == [
        ("may", "news", 1)
    ]
    assert picked(rows(result, "landing"), "page", "channel", "sessions") == [
        ("/a", "Paid Search", 2),
        ("(none)", "Email", 1),
        ("(none)", "Unassigned", 1),
        ("/a", "Organic Search", 1),
        ("/a", "Unassigned", 1),
        ("/b", "Direct", 1),
    ]


def test_what_is_unassigned_says_why() -> None:
    with store(LOG) as log:
        found = rows(log.traffic(), "unassigned")
    assert picked(found, "source", "medium", "sessions", "why") == [
        ("(not set)", "(not set)", 1, "rule 0 no touch: shop.example is an own host"),
        ("news", "post", 1, "rule 20 Unassigned: no rule knows this source and medium"),
    ]


def test_hours_and_weekdays_are_those_of_the_time_zone() -> None:
    with store(LOG) as log:
        utc, berlin = log.traffic(), log.traffic(tz="Europe/Berlin", week_start="sunday")
    assert picked(rows(utc, "hours"), "hour", "sessions") == [(10, 5), (12, 1), (23, 1)]
    assert picked(rows(utc, "weekdays"), "weekday", "day", "sessions") == [
        ("Monday", 1, 5), ("Tuesday", 2, 1), ("Wednesday", 3, 1),
    ]  # fmt: skip
    assert picked(rows(berlin, "hours"), "hour", "sessions") == [(1, 1), (12, 5), (14, 1)]
    assert picked(rows(berlin, "weekdays"), "weekday", "day", "sessions") == [
        ("Monday", 2, 5), ("Wednesday", 4, 2),
    ]  # fmt: skip


def test_a_clock_that_jumps_shows_the_local_hour() -> None:
    log_of_the_night = told(
        """
        2024-03-31T00:30:00Z ann page_view
        2024-03-31T01:30:00Z bob page_view
        2024-10-27T00:30:00Z cat page_view
        2024-10-27T01:30:00Z dan page_view
        """
    )
    with store(log_of_the_night) as log:
        found = rows(log.traffic(tz="Europe/Berlin"), "hours")
    assert picked(found, "hour", "sessions") == [(1, 1), (2, 2), (3, 1)]


def test_the_source_is_kept_from_before_the_period() -> None:
    with store(LOG) as log:
        found = rows(log.traffic(from_="2024-05-07", to="2024-05-08"))
    assert picked(found, "channel", "sessions", "new_people") == [("Paid Search", 1, 0)]


def test_own_hosts_and_sites_come_from_the_configuration() -> None:
    text = told("2024-05-06T10:00:00Z ann view referrer=https://find.example/q")
    for given_, wanted in (
        ({}, ("Referral", "find.example")),
        ({"own_hosts": ("find.example",)}, ("Unassigned", "(not set)")),
        ({"sites": ("search find.example",)}, ("Organic Search", "find.example")),
        ({"sites": ("pass find.example",)}, ("Unassigned", "(not set)")),
    ):
        with store(text, settings=given_) as log:
            result = log.traffic()
        assert rows(result)[0]["channel"] == wanted[0]
        assert rows(result, "sources")[0]["source"] == wanted[1]


def test_revenue_in_two_currencies_is_not_added_up() -> None:
    text = told(
        """
        2024-05-06T10:00:00Z ann purchase revenue=10 currency=EUR
        2024-05-06T10:00:00Z bob purchase revenue=10 currency=JPY
        2024-05-06T10:00:00Z cat purchase revenue=7 currency=JPY utm_source=news utm_medium=email
        """
    )
    with store(text) as log:
        result = log.traffic()
    direct, email = rows(result)
    assert (direct["revenue"], direct["revenue_per_person"], direct["currency"]) == (None,) * 3
    assert (email["revenue"], email["currency"]) == (7.0, "JPY")
    assert any("several currencies" in note for note in result.notes)


@pytest.mark.parametrize(
    ("cell", "whom"),
    [
        ("channel:Paid Search", ["ann"]),
        ("group:unassigned", ["cat", "dan"]),
        ("source:news", ["bob", "dan"]),
        ("medium:email", ["bob"]),
        ("campaign:may", ["bob"]),
        ("landing:/a", ["ann", "bob", "cat"]),
        ("new-source:google", ["ann", "bob"]),
        ("new-channel:Email", []),
        ("converted-landing:/a", ["ann"]),
    ],
)
def test_the_people_of_a_cell(cell: str, whom: list[str]) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "traffic", cell) == whom


@pytest.mark.parametrize("cell", ["channel", "channel:", "first:google", "new-:x", ""])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="must be one of"):
        log.traffic(who=cell)


def test_an_empty_store_and_a_log_without_conversions_say_so() -> None:
    with store(b"") as log:
        assert log.traffic().notes == ("no sessions in the period",)
    with store(told("2024-05-06T10:00:00Z ann page_view")) as log:
        assert any("conversion_event" in note for note in log.traffic().notes)


def test_a_site_that_refers_very_many_sessions_may_be_the_own_one() -> None:
    lines = [f"2024-05-06T10:00:00Z p{n} view referrer=https://mine.example/" for n in range(30)]
    text = told("\n".join(lines))
    with store(text) as log:
        assert any("mine.example refers 100%" in note for note in log.traffic().notes)
    with store(text, settings={"own_hosts": ("mine.example",)}) as log:
        assert not any("refers" in note for note in log.traffic().notes)


COSTS = """date,source,medium,campaign,cost,currency
2024-05-06,Google,cpc,,4.00,EUR
2024-05-07,google,cpc,,1,EUR
2024-05-09,google,cpc,,100,EUR
2024-05-06,news,email,May,2.5,EUR
2024-05-06,radio,,,7,EUR
"""
# Days up to as-of, 8 May 10:00: google / cpc 5 EUR for 2 sessions, 2 conversions, 12.50 EUR: 2.5
# back for 1. news / email / may 2.50 for one session without a conversion. radio: 7 for nothing.


def test_the_golden_spend(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(COSTS, encoding="utf-8")
    with store(LOG) as log:
        found = rows(log.traffic(costs=str(path)), "spend")
        days = rows(log.traffic(costs=str(path), from_="2024-05-07"), "spend")
        parts = rows(log.traffic(costs=str(path), by="country"), "spend")
    names = ("source", "campaign", "cost", "sessions", "conversions", "revenue",
             "return_on_spend", "cost_per_conversion", "cost_per_session", "currency")  # fmt: skip
    assert picked(found, *names) == [
        ("radio", "(not set)", 7.0, 0, 0, 0.0, 0.0, None, None, "EUR"),
        ("google", "(not set)", 5.0, 2, 2, 12.5, 2.5, 2.5, 2.5, "EUR"),
        ("news", "may", 2.5, 1, 0, 0.0, 0.0, None, 2.5, "EUR"),
    ]
    assert parts == found
    assert picked(found, "margin", "revenue_per_person") == [
        (-7.0, None), (7.5, 12.5), (-2.5, 0.0),
    ]  # fmt: skip
    assert picked(days, "source", "cost", "sessions") == [("google", 1.0, 1)]


def test_spend_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(COSTS, encoding="utf-8")
    with store(LOG, settings={"costs_traffic": str(path)}) as log:
        result = log.traffic()
    assert picked(rows(result, "spend"), "source", "cost") == [
        ("radio", 7.0), ("google", 5.0), ("news", 2.5),
    ]  # fmt: skip
    assert result.meta["costs"] == str(path)


def test_spend_by_source_alone_and_in_another_currency(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(
        "\ufeffsource,cost,date,currency\ngoogle,500,2024-05-06,jpy\n", encoding="utf-8"
    )
    with store(LOG) as log:
        (row,) = rows(log.traffic(costs=str(path)), "spend")
    assert (row["medium"], row["campaign"], row["cost"], row["sessions"]) == (None, None, 500.0, 3)
    assert (row["revenue"], row["return_on_spend"], row["currency"]) == (None, None, "JPY")
    assert (row["margin"], row["revenue_per_person"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a column date, has none"),
        ("date,cost\n", "must have a column source"),
        ("date,source,cost\n2024-13-01,x,1\n", "line 2: date must be YYYY-MM-DD, was '2024-13-01'"),
        ("date,source,cost\n2024-05-06,x,nan\n", "line 2: cost must be a number from 0, was 'nan'"),
        ("date,source,cost\n2024-05-06,x,-1\n", "cost must be a number from 0"),
        ("date,source,cost\n2024-05-06\n", "cost must be a number from 0, was ''"),
        ("date,source,cost\n2024-05-06,x,1e400\n", "cost must be a number from 0"),
        ("date,source,cost,currency\n2024-05-06,x,1,EUR\n2024-05-06,x,1,USD\n", "one currency"),
        ("date,source,cost\n2024-05-06,\udcff,1\n", "no CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_no_cost_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "costs.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with store(LOG) as log, pytest.raises(DataError) as caught:
        log.traffic(costs=str(path))
    assert said in caught.value.message


def test_a_cost_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with store(LOG) as log, pytest.raises(StorageError, match=r"cannot read .*nothing\.csv"):
        log.traffic(costs=str(tmp_path / "nothing.csv"))


def test_hostile_referrers_are_but_text() -> None:
    text = told(
        """
        2024-05-06T10:00:00Z ann view referrer="http://[::1" page_url="//\\u0000?utm_source=%00"
        2024-05-06T10:00:00Z bob view referrer="javascript:alert(1)"
        2024-05-06T10:00:00Z cat view utm_source="=cmd()" utm_medium="(none)"
        """
    )
    with store(text) as log:
        result = log.traffic()
    assert sum(row["sessions"] for row in rows(result)) == 3


REFERRERS: dict[str | None, tuple[str, Told | None]] = {
    None: ("Direct", ("(direct)", "(none)")),
    "https://www.google.com/search?q=1": ("Organic Search", ("google", "organic")),
    "https://blog.example/7": ("Referral", ("blog.example", "referral")),
    "https://www.paypal.com/back": ("", None),
    "https://shop.example/cart": ("", None),
}
CHANNEL_OF = {told_: name for name, told_ in REFERRERS.values() if told_} | {
    ("(not set)", "(not set)"): "Unassigned"
}


@st.composite
def referred_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs whose events have a referrer, or none."""
    log = draw(boundary_logs(event_types=("page_view", "page_view", "click", "purchase")))
    page = "https://shop.example/"
    referrers = st.sampled_from(list(REFERRERS))
    return [
        replace(event, properties={"referrer": draw(referrers), "page_url": page}) for event in log
    ]


def of_event(event: Event) -> Told | None:
    """Return the source and medium that an event's referrer means."""
    return REFERRERS[event.properties["referrer"]][1]


@settings(max_examples=25)
@given(
    worlds.crowds(referred_logs()),
    st.sampled_from(["cut", "given", "gap"]),
    st.sampled_from(["engaged", "single-page"]),
)
def test_channels_and_sources_equal_the_oracles(log: list[Event], rule: Any, bounce: Any) -> None:
    wanted = touched(log, of_event, timeout_us=30 * MINUTE, rule=rule, bounce=bounce)
    with store(log) as opened:
        result = opened.traffic(session_rule=rule, bounce=bounce)
    sources: dict[Told, list[Session]] = {}
    channels: dict[str, list[Session]] = {}
    for session, source in wanted:
        sources.setdefault(source, []).append(session)
        channels.setdefault(CHANNEL_OF[source], []).append(session)
    found = {(row["source"], row["medium"]): row for row in rows(result, "sources")}
    assert found.keys() == sources.keys()
    for source, row in found.items():
        check(row, sources[source], len(wanted))
    by_name = {row["channel"]: row for row in rows(result)}
    assert by_name.keys() == channels.keys()
    for name, row in by_name.items():
        check(row, channels[name], len(wanted))
        assert row["group"] == GROUPS[name]
    for table in ("channels", "sources", "landing", "hours", "weekdays"):
        every = rows(result, table)
        assert sum(row["sessions"] for row in every) == len(wanted)
        assert sum(row["new_people"] for row in every) == len({e.person for e in log})


def check(row: worlds.Row, own: list[Session], everything: int) -> None:
    """Check the numbers of one row against its sessions."""
    first = sum(session["session"] == 1 for session in own)
    converted = sum(session["converted"] for session in own)
    assert (row["sessions"], row["all_sessions"]) == (len(own), everything)
    assert row["people"] == len({session["person"] for session in own})
    assert (row["new_people"], row["converted"]) == (first, converted)
    assert row["pages_per_session"] == sum(s["page_views"] for s in own) / len(own)
    check_rate(row, "bounce_rate", sum(s["is_bounce"] for s in own), len(own))
    check_rate(row, "conversion", converted, len(own))
    spans = [session["duration_us"] for session in own]
    check_seconds(row, "duration_median_s", worlds.quantile(spans, 50))
