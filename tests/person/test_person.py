"""One person by hand, against plain loops, at the edges of what may be shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.api import Log
from clickcli.errors import UsageError
from clickcli.person.rules import Rules
from clickcli.run import Result
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_seconds, rows, store, told
from tests.oracles import Event, by_person, local_day
from tests.oracles.logs import boundary_logs
from tests.oracles.sessions import sessions

ANN = """
2024-05-01T08:00:00Z ~phone     page_view    country=FR page_url=/a referrer=https://www.google.com/
2024-05-01T08:01:00Z ~phone     view         PAN
2024-05-01T08:02:00Z ann~phone  login        country=DE device_type=mobile
2024-05-01T08:03:00Z ann~phone  add_to_cart  PAN quantity=2
2024-05-03T08:00:00Z ann        purchase     PAN revenue=40
2024-05-03T08:00:00Z ann        search       search_query=cup result_count=0
2024-05-10T09:00:00Z ann~laptop content_view item_id=c1 content_type=article duration_ms=31000 LIKES
2024-05-10T09:05:00Z ann~laptop view         item_id=cup category=kitchen price=5 currency=EUR
2024-05-10T09:06:00Z ann~laptop add_to_cart  item_id=cup category=table price=5 currency=EUR DESKTOP
2024-05-10T10:00:00Z bob        view         item_id=cup
"""
for short, text in {
    "PAN": "item_id=pan category=kitchen brand=Nord price=20 currency=EUR",
    "LIKES": "likes=tea", "DESKTOP": "device_type=desktop",
}.items():  # fmt: skip
    ANN = ANN.replace(short, text)
# ann: 9 events (bob's is as-of), the first two before the log-in on the phone. Known for 9 days
# and 2 h, away for 54 min. Sessions: 1 May 3 min, 3 May 0 s (with the purchase), 10 May 6 min;
# median 3 min; starts 9 days and 1 h apart in two gaps: 390,600 s. Page views 1 of 3 sessions.
# Carts: the pan's was recovered, the cup's is active. The last 20 events hold 1 search, 2 events of
# cart, 1 view of each item, 3 views with the content: browsing. 9 events: low engagement.
# Pan: viewed 1 May 08:01, bought 3 May 08:00: 172,740 s. Prices 20, 20, 20, 5, 5. Kitchen 4 of 5
# lines, Nord 3 of 3. Content: view .1 + .5 + .2 (over 30 s) = .8. Hours: 8 six times, 9 thrice;
# Fridays 5 times, Wednesday 4. Channels: Organic Search, then Direct twice.


def asked(text: str, person: str | None = "ann", **options: Any) -> Result:
    with store(told(text)) as log:
        found = log.person(person, **options)
        assert isinstance(found, Result)
        return found


def card(result: Result) -> Row:
    """Return what the two tables of one row say."""
    (who,), (did,) = rows(result), rows(result, "activity")
    return {**who, **did}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-05-{text}:00").replace(tzinfo=UTC)


def test_the_golden_person() -> None:
    found = card(asked(ANN))
    wanted = {
        "person_id": "ann", "is_known": True, "stage": "low engagement", "intent": "browsing",
        "next_action": "invite_back", "reason": "stage is low engagement",
        "first_seen": at("01T08:00"), "last_seen": at("10T09:06"),
        "since_first_s": 784_800.0, "since_last_s": 3240.0, "events": 9, "passive_events": 0,
        "completeness": None, "devices": 2, "country": "DE", "city": None,
        "device_type": "desktop", "channel": "Direct", "favourite_category": "kitchen",
        "favourite_brand": "Nord", "peak_hours": "08, 09", "peak_weekday": "Friday",
        "sessions": 3, "active_days": 3, "session_median_s": 180.0,
        "between_sessions_s": 390_600.0, "bounces": 0, "converted": 1, "page_views": 1,
        "views": 2, "searches": 1, "searches_without_result": 1, "adds": 2, "purchases": 1,
        "revenue": 40.0, "revenue_per_purchase": 40.0, "revenue_currency": "EUR",
        "decision_median_s": 172_740.0, "price_p25": 5.0, "price_median": 20.0, "price_p75": 20.0,
        "price_bought_median": 20.0, "price_currency": "EUR",
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert found["pages_per_session"] == pytest.approx(1 / 3)


def test_the_golden_preferences() -> None:
    found = rows(asked(ANN), "preferences")
    counted = [(row["key"], row["value"], row["count"], row["of"], row["source"]) for row in found]
    assert counted == [
        ("category", "kitchen", 4, 5, "inferred"),
        ("category", "table", 1, 5, "inferred"),
        ("brand", "Nord", 3, 3, "inferred"),
        ("content_type", "article", 1, 1, "inferred"),
        ("hour", "08", 6, 9, "inferred"),
        ("hour", "09", 3, 9, "inferred"),
        ("weekday", "Friday", 5, 9, "inferred"),
        ("weekday", "Wednesday", 4, 9, "inferred"),
        ("channel", "Direct", 2, 3, "inferred"),
        ("channel", "Organic Search", 1, 3, "inferred"),
        ("device_type", "desktop", 1, 2, "inferred"),
        ("device_type", "mobile", 1, 2, "inferred"),
        ("likes", "tea", 1, 1, "explicit"),
    ]
    for row in found:
        bounds = {"share": row["share"], "share_low": row["confidence"]}
        n, p, z = row["of"], row["count"] / row["of"], 1.959963984540054
        low = (p + z * z / (2 * n) - z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5) / (
            1 + z * z / n
        )
        assert bounds == {"share": p, "share_low": pytest.approx(low)}


def test_the_golden_lists() -> None:
    result = asked(ANN)
    (cart,) = rows(result, "carts")
    assert (cart["state"], cart["contents"], cart["value"], cart["currency"], cart["pieces"]) == (
        "active", "1 × cup", 5.0, "EUR", 1,
    )  # fmt: skip
    (content,) = rows(result, "content")
    assert content["engagement"] == pytest.approx(0.8)
    assert (content["interactions"], content["views"], content["time_s"]) == (1, 1, 31.0)
    found = rows(result, "sessions")
    assert [(r["start"], r["duration_s"], r["channel"], r["converted"], r["revenue"]) for r in found
            ] == [
        (at("10T09:00"), 360.0, "Direct", False, 0.0),
        (at("03T08:00"), 0.0, "Direct", True, 40.0),
        (at("01T08:00"), 180.0, "Organic Search", False, 0.0),
    ]  # fmt: skip
    devices = [(row["anonymous_id"], row["events"]) for row in rows(result, "devices")]
    assert devices == [("laptop", 3), ("phone", 4)]
    events = [row["event_type"] for row in rows(result, "events")]
    assert events[:5] == ["add_to_cart", "view", "content_view", "search", "purchase"]
    assert len(events) == 9


def test_the_receipt_names_rules_options_and_what_was_left_out() -> None:
    result = asked(ANN, as_of="2024-05-04")
    assert result.meta["events_read"] == 6
    assert result.meta["left_out"] == {"without_consent": 0, "after_as_of": 3, "of_bots": 0}
    assert result.meta["rules"]["new_days"] == 1
    assert json.loads(json.dumps(result.meta))["parameters"]["abandon_after"] == "60m"
    assert result.notes[0] == "left out: 3 events after as-of"


def test_as_of_shows_the_person_as_it_was() -> None:
    found = asked(ANN, as_of="2024-05-01T08:04:00+00:00")
    assert (card(found)["stage"], card(found)["adds"], card(found)["events"]) == ("new", 1, 4)
    assert card(found)["purchases"] == 0
    assert rows(found, "carts")[0]["state"] == "active"


def test_later_events_change_nothing() -> None:
    later = ANN + "2024-06-01T00:00:00Z ann purchase item_id=pan revenue=99 currency=EUR\n"
    before = asked(ANN, as_of="2024-05-10T10:00:00+00:00")
    after = asked(later, as_of="2024-05-10T10:00:00+00:00")
    for name, table in before.tables.items():
        assert table.equals(after.tables[name]), name


@pytest.mark.time
def test_hours_and_weekdays_are_local() -> None:
    text = """2024-03-31T00:30:00Z ann view
              2024-03-31T01:30:00Z ann view
              2024-10-27T23:30:00Z ann view"""
    found = card(asked(text, tz="Europe/Berlin"))  # 01:30 and 03:30 on Sunday, 00:30 on Monday
    assert (found["peak_hours"], found["peak_weekday"]) == ("00, 01, 03", "Sunday")
    sunday = card(asked(text, tz="Europe/Berlin", week_start="sunday"))
    assert (sunday["peak_weekday"], sunday["active_days"]) == ("Sunday", 2)


# --- stage and intent of real rows ------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "rules", "stage"),
    [
        ("2024-05-01T23:59:59.999999+00:00", {}, "new"),
        ("2024-05-02T00:00:00+00:00", {}, "active"),
        ("2024-05-31T00:00:00+00:00", {}, "active"),
        ("2024-05-31T00:00:00.000001+00:00", {}, "power"),
        ("2024-05-31T00:00:00.000001+00:00", {"power_events": 101}, "active"),
        ("2024-05-31T00:00:00.000001+00:00", {"low_events": 102}, "low engagement"),
        ("2024-05-02T00:00:00+00:00", {"low_events": 101}, "active"),
    ],
)  # fmt: skip
def test_stage_at_the_very_moment(as_of: str, rules: dict[str, Any], stage: str) -> None:
    """101 events at one instant: exactly 1 day and 30 days later nothing has changed yet."""
    text = "2024-05-01T00:00:00Z ann click\n" * 101
    assert card(asked(text, as_of=as_of, rules=Rules(**rules)))["stage"] == stage


@pytest.mark.parametrize(
    ("sent", "completeness", "stage"),
    [
        (["0.49"], 0.49, "incomplete profile"), (["0.5"], 0.5, "active"), (["49"], 0.49,
        "incomplete profile"), (["50"], 0.5, "active"), (["0.2", "0.8"], 0.8, "active"),
        (["0.8", "0.2"], 0.2, "incomplete profile"), (["1"], 1.0, "active"),
        (["0"], 0.0, "incomplete profile"), (['"0.3"'], 0.3, "incomplete profile"),
        (["101"], None, "active"), (["-1"], None, "active"), (['"much"'], None, "active"),
        (["0.3", "999"], 0.3, "incomplete profile"),
    ],
    ids=str,
)  # fmt: skip
def test_a_profile_is_as_complete_as_was_last_said(
    sent: list[str], completeness: float | None, stage: str
) -> None:
    lines = ["2024-05-01T00:00:00Z ann click"] * 10
    lines += [f"2024-05-01T00:00:00Z ann profile completeness={value}" for value in sent]
    found = card(asked("\n".join(lines), as_of="2024-05-03"))
    assert found["completeness"] == (None if completeness is None else pytest.approx(completeness))
    assert found["stage"] == stage


def types(*kinds: str) -> str:
    """Return a log of ann's events at one instant, in this order of arrival."""
    return "\n".join(f"2024-05-01T00:00:00Z ann {kind}" for kind in kinds)


INTENTS = {
    "6 searches in the last 20 at one instant": (["click"] * 19 + ["search"] * 6, "searching"),
    "5 searches": (["click"] * 19 + ["search"] * 5, "browsing"),
    "6 searches of which one is the 21st from the end": (
        ["search"] + ["click"] * 15 + ["search"] * 5, "browsing",
    ),
    "6 searches of which one is the 20th from the end": (
        ["search"] + ["click"] * 14 + ["search"] * 5, "searching",
    ),
    "4 events of cart and checkout": (
        ["add_to_cart item_id=a", "remove_from_cart item_id=a", "checkout", "add_to_cart"],
        "buying",
    ),
    "3 events of cart": (["add_to_cart", "checkout", "checkout", "purchase"], "browsing"),
    "4 views of one item": (["view item_id=a"] * 4, "comparing"),
    "3 views of one item and one of another": (
        ["view item_id=a"] * 3 + ["view item_id=b"], "researching",
    ),
    "3 views": (["view item_id=a", "view item_id=b", "content_view item_id=c"], "browsing"),
    "2 views and 2 pieces of content": (
        ["view item_id=a", "view item_id=b", "content_view item_id=c", "content_view item_id=c"],
        "researching",
    ),
    "4 views of no item": (["view"] * 4, "researching"),
}  # fmt: skip


@pytest.mark.parametrize("name", INTENTS)
def test_the_intent_of_the_last_events(name: str) -> None:
    kinds, intent = INTENTS[name]
    assert card(asked(types(*kinds)))["intent"] == intent


def test_what_people_do_not_cause_counts_for_nothing() -> None:
    text = types(*["search"] * 6, *["push_sent"] * 30) + "\n2024-06-01T00:00:00Z ann push_sent"
    with store(told(text), settings={"passive_events": ("push_sent",)}) as log:
        result = log.person("ann", as_of="2024-06-02")
    found = card(result)
    assert (found["events"], found["passive_events"], found["intent"]) == (6, 31, "searching")
    assert (found["active_days"], found["last_seen"]) == (1, at("01T00:00"))
    assert rows(result, "events")[0]["event_type"] == "push_sent"


def test_a_person_of_passive_events_alone_has_no_sessions() -> None:
    with store(told(types("push_sent")), settings={"passive_events": ("push_sent",)}) as log:
        found = card(log.person("ann"))
    assert (found["events"], found["passive_events"], found["sessions"]) == (0, 1, 0)
    assert (found["revenue"], found["first_seen"]) == (0.0, at("01T00:00"))


def test_an_abandoned_cart_is_what_to_act_on() -> None:
    text = types("add_to_cart item_id=a price=3 currency=EUR")
    result = asked(text, as_of="2024-05-02")
    assert (card(result)["next_action"], card(result)["reason"]) == (
        "recover_cart", "cart is abandoned",
    )  # fmt: skip
    expired = asked(text, as_of="2024-06-02")
    assert rows(expired, "carts") == []
    assert card(expired)["next_action"] == "invite_back"


def test_the_rules_of_the_caller_decide() -> None:
    from clickcli.person.rules import Rule

    rules = Rules(actions=(Rule("sing"),))
    assert card(asked(ANN, rules=rules))["next_action"] == "sing"


# --- money, content ---------------------------------------------------------------------------


def test_money_in_two_currencies_is_not_added_up() -> None:
    text = """2024-05-01T00:00:00Z ann purchase item_id=a price=10 revenue=10 currency=EUR
              2024-05-02T00:00:00Z ann purchase item_id=b price=500 revenue=500 currency=JPY
              2024-05-02T00:00:01Z ann view item_id=c price=700 currency=JPY"""
    result = asked(text)
    found = card(result)
    assert (found["revenue"], found["revenue_currency"]) == (None, None)
    assert (found["price_median"], found["price_bought_median"], found["price_currency"]) == (
        600.0, 500.0, "JPY",
    )  # fmt: skip
    assert any("several currencies" in note for note in result.notes)
    one = card(asked(text, as_of="2024-05-01T12:00:00+00:00"))
    assert (one["revenue"], one["revenue_currency"]) == (10.0, "EUR")


CONTENT = {
    "content_view content_type=t": 0.6,
    "content_view content_type=t duration_ms=30000": 0.6,
    "content_view content_type=t duration_ms=30001": 0.8,
    "content_view content_type=t duration_ms=60000": 0.8,
    "content_view content_type=t duration_ms=60001": 1.0,
    "content_view content_type=t duration_ms=999999": 1.0,
    "click content_type=t": 0.7,
    "like content_type=t": 0.8,
    "share content_type=t": 0.9,
    "save content_type=t": 0.9,
    "content_apply content_type=t": 1.0,
    "endorse content_type=t": 1.0,
    "like content_type=t duration_ms=30001": 1.0,
}


@pytest.mark.parametrize("kind", CONTENT)
def test_the_engagement_of_an_interaction(kind: str) -> None:
    (row,) = rows(asked(types(kind)), "content")
    assert row["engagement"] == pytest.approx(CONTENT[kind])


def test_what_is_said_stands_beside_what_was_seen_and_content_without_a_type_is_no_preference() -> (
    None
):
    text = """2024-05-01T00:00:00Z ann view item_id=a category=tea
              2024-05-01T00:00:00Z ann content_view
              2024-05-01T00:00:00Z ann say category2=x wish={"category":"tea"}"""
    rules = Rules(likes=("properties.wish.category", "properties.wish", "properties.none"))
    result = asked(text, rules=rules)
    found = [(r["key"], r["value"], r["source"]) for r in rows(result, "preferences")
             if r["key"] not in ("hour", "weekday", "channel")]  # fmt: skip
    assert found == [
        ("category", "tea", "inferred"), ("wish.category", "tea", "explicit"),
        ("wish", '{"category":"tea"}', "explicit"),
    ]  # fmt: skip
    assert card(result)["favourite_category"] == "tea"


def test_a_share_of_an_item_is_none_of_content() -> None:
    assert rows(asked(types("share item_id=a", "comment content_type=t")), "content") == []
    (row,) = rows(asked(types("content_view")), "content")
    assert row["content_type"] == "(none)"


# --- who may be asked for ---------------------------------------------------------------------


def test_a_shared_device_is_each_users_at_its_time() -> None:
    text = """2024-05-01T00:00:00Z ~kiosk     view
              2024-05-01T00:01:00Z ann~kiosk  login
              2024-05-01T00:02:00Z ~kiosk     view
              2024-05-02T00:00:00Z bob~kiosk  login
              2024-05-02T00:01:00Z ~kiosk     view
              2024-05-02T00:02:00Z ~kiosk     view"""
    assert card(asked(text, "ann"))["events"] == 3
    assert card(asked(text, "bob"))["events"] == 3
    with pytest.raises(UsageError, match="device 'kiosk' is a user's") as caught:
        asked(text, None, device="kiosk")
    assert caught.value.hint == "clickcli person ann or clickcli person bob"


def test_a_split_device_is_a_person_of_its_own() -> None:
    with store(told(ANN)) as log:
        log.store.split(["phone"])
        assert card(log.person("ann"))["events"] == 7
        found = card(log.person(device="phone"))
    assert (found["events"], found["is_known"], found["person_id"]) == (2, False, "phone")


def test_a_device_named_like_a_user_is_somebody_else() -> None:
    text = "2024-05-01T00:00:00Z 42 view\n2024-05-02T00:00:00Z ~42 view\n" * 2
    assert card(asked(text, "42"))["last_seen"] == at("01T00:00")
    assert card(asked(text, None, device="42"))["last_seen"] == at("02T00:00")


UNKNOWN: dict[str, tuple[tuple[str | None, str | None], str, str]] = {
    "a near id": (("anne", None), "unknown user 'anne'", "did you mean ann?"),
    "another one": (("zzz", None), "unknown user 'zzz'", "clickcli events --columns person_id"),
    "a device asked for as a user": (
        ("tablet", None),
        "unknown user 'tablet'",
        "clickcli person --device tablet",
    ),
    "a user's device": (("phone", None), "it is a device", "clickcli person ann"),
    "a user asked for as a device": ((None, "bob"), "unknown device 'bob'", "clickcli person bob"),
    "nobody": (("null", None), "'null' means nobody", ""),
    "nothing": (("", None), "'' means nobody", ""),
    "an id that a shell would run": (("$(rm x)", None), "unknown user", "--columns"),
    "a long one": (("x" * 500, None), "x" * 80 + "…", ""),
    "both": (("ann", "phone"), "give one of", ""),
    "neither": ((None, None), "give one of", ""),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_id_that_is_nobodys_is_told(name: str) -> None:
    (person, device), message, hint = UNKNOWN[name]
    text = ANN + "2024-05-01T00:00:00Z ~tablet view\n"
    with pytest.raises(UsageError) as caught:
        asked(text, person, device=device)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert len(caught.value.message) < 200


def test_before_the_first_event_there_is_nobody() -> None:
    with pytest.raises(UsageError, match="user 'ann' has no event up to as-of") as caught:
        asked(ANN, as_of="2024-04-01")
    assert "2024-05-01T08:00:00" in str(caught.value.hint)
    with store(b"") as log, pytest.raises(UsageError, match="unknown user 'ann'"):
        log.person("ann")


def test_bots_are_shown_when_asked_for() -> None:
    text = "2024-05-01T00:00:00Z ann view is_bot=true\n2024-05-01T00:00:00Z bob view\n"
    with pytest.raises(UsageError, match="user 'ann' is a bot"):
        asked(text)
    assert card(asked(text, include_bots=True))["events"] == 1
    both = text + "2024-05-02T00:00:00Z ann view\n"
    result = asked(both)
    assert (card(result)["events"], result.meta["left_out"]["of_bots"]) == (1, 1)
    assert any("1 event of bots" in note for note in result.notes)


def test_people_who_opted_out_are_not_shown_nor_suggested() -> None:
    with store(told(ANN)) as log:
        log.store.privacy().consent("opt_out", ["ann"])
        with pytest.raises(UsageError, match="user 'ann' opted out or did not agree"):
            log.person("ann")
        for person, device in (("anne", None), ("phone", None), (None, "phone")):
            with pytest.raises(UsageError) as caught:
                log.person(person, device=device)
            hint = caught.value.hint or ""
            assert "person ann" not in hint
            assert "mean ann" not in hint
        log.store.privacy().consent("opt_in", ["ann"])
        assert card(log.person("ann"))["events"] == 9


def test_where_consent_is_required_only_those_who_agreed_are_shown() -> None:
    with store(told(ANN), settings={"require_consent": True}) as log:
        with pytest.raises(UsageError, match="did not agree"):
            log.person("ann")
        with pytest.raises(UsageError) as caught:
            log.person(device="phone")
        assert caught.value.hint is None
        log.store.privacy().consent("grant", ["ann"])
        assert card(log.person("ann"))["events"] == 9


def test_who_was_deleted_is_unknown() -> None:
    with store(told(ANN)) as log:
        log.store.privacy().delete(["ann"])
        with pytest.raises(UsageError, match="unknown user 'ann'") as caught:
            log.person("ann")
        assert "mean ann" not in (caught.value.hint or "")
        assert card(log.person("bob"))["events"] == 1


def test_an_unknown_option_is_refused() -> None:
    with store(told(ANN)) as log, pytest.raises(UsageError, match="unknown option 'asof'"):
        log.person("ann", asof="now")
    with store(told(ANN)) as log, pytest.raises(UsageError, match="recover-window"):
        log.person("ann", recover_window="1m")


def test_files_that_cannot_hold_the_person_are_not_read() -> None:
    text = "2024-05-01T00:00:00Z ann view\n2024-05-02T00:00:00Z bob view\n"
    with store(told(text)) as log:
        (other,) = (one.path for one in log.dataset().files if "2024-05-02" in one.path)
        Path(other).write_bytes(b"no Parquet")
        assert card(log.person("ann"))["events"] == 1


HOSTILE = ("\x1b[31mred", "\u202egnp", "[bold]x[/]", "a\tb", "=1+1", "'; drop", "x" * 5000, "日本")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_texts_are_but_texts(number: int) -> None:
    text = HOSTILE[number]
    line: Row = {
        "timestamp": "2024-05-01T00:00:00Z", "event_type": text, "user_id": text,
        "anonymous_id": text, "item_id": text, "category": text, "brand": text, "country": text,
        "city": text, "language": text, "device_type": text, "browser": text, "os": text,
        "page_url": text, "referrer": text, "utm_source": text, "utm_campaign": text,
        "content_type": text, "search_query": text, "currency": text, "price": 1,
        "properties": {"likes": text, "completeness": text, "step": text},
    }  # fmt: skip
    lines = [line | {"event_type": kind} for kind in (text, "view", "add_to_cart", "content_view")]
    log_lines = "".join(json.dumps(one) + "\n" for one in lines).encode()
    with store(log_lines) as log:
        result = log.person(text)
    assert (card(result)["person_id"], card(result)["events"]) == (text, 4)
    assert rows(result, "carts")[0]["contents"] == f"1 × {text}"


# --- against plain loops ----------------------------------------------------------------------

KINDS = ("page_view", "view", "search", "add_to_cart", "purchase", "x")


@pytest.mark.time
@settings(max_examples=6)
@given(
    log=boundary_logs(event_types=KINDS, people=("p1", "p2"), max_events=30, min_events=1),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Chatham"]),
)
def test_every_person_is_as_counted_by_hand(log: list[Event], tz: str) -> None:
    now = worlds.now(log, None)
    with store(log) as opened:
        for person, events in by_person(log).items():
            check(opened, person, events, now, tz)


def check(log: Log, person: str, events: Sequence[Event], now: int, tz: str) -> None:
    """Check the numbers of one person against their events in order."""
    result = log.person(person, tz=tz)
    found, kinds = card(result), Counter(event.event_type for event in events)
    cut = sessions(events)
    assert found["events"] == len(events)
    assert (found["sessions"], found["bounces"]) == (len(cut), sum(s["is_bounce"] for s in cut))
    assert found["converted"] == sum(s["converted"] for s in cut)
    spans = [session["duration_us"] for session in cut]
    check_seconds(found, "session_median_s", worlds.quantile(spans, 50))
    assert found["active_days"] == len({local_day(event.ts, tz) for event in events})
    assert found["since_last_s"] == pytest.approx((now - events[-1].ts) / 1e6)
    names = {"views": "view", "searches": "search", "adds": "add_to_cart", "purchases": "purchase"}
    assert {name: found[name] for name in names} == {n: kinds[kind] for n, kind in names.items()}
    days = (now - events[0].ts) / 86_400_000_000
    stage = "new" if days < 1 else "low engagement" if len(events) < 10 else "active"
    assert found["stage"] == stage
    last = Counter(event.event_type for event in events[-20:])
    intent = "researching" if last["view"] > 3 else "browsing"
    intent = "buying" if last["add_to_cart"] > 3 else intent
    intent = "searching" if last["search"] > 5 else intent
    assert found["intent"] == intent
    shown = [row["event_type"] for row in rows(result, "events")]
    assert shown == [event.event_type for event in events][::-1][:10]
