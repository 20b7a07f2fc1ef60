"""Stage, intent and next action: every boundary, every line of the rule table, what is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clickcli.config import load
from clickcli.errors import UsageError
from clickcli.person.rules import (
    DEFAULT_ACTIONS,
    INTENTS,
    STAGES,
    Facts,
    Recent,
    Rule,
    Rules,
    rules_of,
)

USUAL = Facts(
    is_known=True, days_known=40, days_away=1, events=50, completeness=None, purchases=0,
    cart="none",
)  # fmt: skip
NOTHING = Recent(searches=0, carts=0, same_item=0, views=0)
RULES = Rules()

STAGE_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "just under a day is new": ({"days_known": math.nextafter(1, 0)}, "new"),
    "exactly a day is not new": ({"days_known": 1.0}, "active"),
    "new goes before an incomplete profile": ({"days_known": 0, "completeness": 0.1}, "new"),
    "just under 50 % is incomplete": ({"completeness": 0.499}, "incomplete profile"),
    "exactly 50 % is not incomplete": ({"completeness": 0.5}, "active"),
    "nothing of the profile is incomplete": ({"completeness": 0.0}, "incomplete profile"),
    "an unknown profile is not incomplete": ({"completeness": None}, "active"),
    "an incomplete profile goes before low engagement": (
        {"completeness": 0.2, "events": 1}, "incomplete profile",
    ),
    "9 events are low engagement": ({"events": 9}, "low engagement"),
    "exactly 10 events are not": ({"events": 10}, "active"),
    "more than 30 days and 100 events are power": ({"days_known": 30.001, "events": 101}, "power"),
    "exactly 30 days are not power": ({"days_known": 30.0, "events": 500}, "active"),
    "exactly 100 events are not power": ({"days_known": 300, "events": 100}, "active"),
}  # fmt: skip


@pytest.mark.parametrize("name", STAGE_CASES)
def test_the_boundaries_of_stage(name: str) -> None:
    changes, stage = STAGE_CASES[name]
    assert RULES.stage(replace(USUAL, **changes)) == stage


INTENT_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "5 searches are not searching": ({"searches": 5}, "browsing"),
    "6 searches are": ({"searches": 6}, "searching"),
    "3 events of cart are not buying": ({"carts": 3}, "browsing"),
    "4 are": ({"carts": 4}, "buying"),
    "searching goes before buying": ({"searches": 6, "carts": 9}, "searching"),
    "3 views of one item are not comparing": ({"same_item": 3, "views": 3}, "browsing"),
    "4 are, rather than researching": ({"same_item": 4, "views": 9}, "comparing"),
    "buying goes before comparing": ({"carts": 4, "same_item": 4}, "buying"),
    "3 views are not researching": ({"views": 3}, "browsing"),
    "4 views of different items are": ({"same_item": 1, "views": 4}, "researching"),
}


@pytest.mark.parametrize("name", INTENT_CASES)
def test_the_boundaries_of_intent(name: str) -> None:
    changes, intent = INTENT_CASES[name]
    assert RULES.intent(replace(NOTHING, **changes)) == intent


def test_thresholds_are_settings() -> None:
    rules = Rules(new_days=0, low_events=60, intent_views=0)
    assert rules.stage(replace(USUAL, days_known=0)) == "low engagement"
    assert rules.intent(replace(NOTHING, views=1)) == "researching"


ACTION_CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "recover_cart": ({"cart": "abandoned"}, "new", "buying", "cart is abandoned"),
    "help_checkout": ({"cart": "active"}, "new", "buying", "intent is buying, cart is active"),
    "win_back": (
        {"days_away": 30, "purchases": 1}, "power", "searching",
        "last seen 30 days ago, 1 purchase",
    ),
    "complete_profile": (
        {}, "incomplete profile", "searching", "stage is incomplete profile",
    ),
    "welcome": ({"is_known": False}, "new", "buying", "stage is new"),
    "invite_to_sign_up": (
        {"is_known": False}, "active", "comparing", "intent is comparing, not a known user",
    ),
    "help_search": ({"is_known": False}, "active", "searching", "intent is searching"),
    "help_decide": ({}, "power", "buying", "intent is buying"),
    "compare_items": ({}, "power", "comparing", "intent is comparing"),
    "send_guide": ({}, "power", "researching", "intent is researching"),
    "reward": ({}, "power", "browsing", "stage is power"),
    "invite_back": ({"cart": "active"}, "low engagement", "browsing", "stage is low engagement"),
    "show_news": (
        {"days_away": 29.9, "purchases": 1}, "active", "browsing", "no other rule fits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("action", ACTION_CASES)
def test_every_line_of_the_rule_table(action: str) -> None:
    changes, stage, intent, reason = ACTION_CASES[action]
    assert RULES.next_action(replace(USUAL, **changes), stage, intent) == (action, reason)


def test_no_line_of_the_rule_table_is_untested_or_out_of_reach() -> None:
    assert list(ACTION_CASES) == [rule.action for rule in DEFAULT_ACTIONS]
    assert RULES.next_action(replace(USUAL, days_away=90), "active", "browsing")[0] == "show_news"


def test_without_a_rule_that_fits_there_is_no_action() -> None:
    rules = Rules(actions=(Rule("thank", min_purchases=1, max_purchases=2),))
    reasons = [rules.next_action(replace(USUAL, purchases=n), "new", "buying") for n in range(4)]
    assert reasons == [
        (None, None), ("thank", "1 purchase"), ("thank", "2 purchases"), (None, None),
    ]  # fmt: skip


def test_rules_come_from_the_configuration(tmp_path: Path) -> None:
    text = """
    [person]
    new_days = 0.5
    completeness = "properties.profile.done"
    [[person.actions]]
    action = "call them"
    stage = ["new", "power"]
    cart = "none"
    known = true
    [[person.actions]]
    action = "wait"
    """
    (tmp_path / "clickcli.toml").write_text(text)
    rules = Rules(**load(tmp_path, {}).section("person"))
    assert (rules.new_days, rules.low_events) == (0.5, 10)
    assert rules.actions == (
        Rule("call them", stage=("new", "power"), cart=("none",), known=True), Rule("wait"),
    )  # fmt: skip
    assert [str(rule) for rule in rules.actions] == [
        "stage new/power and cart none and known True: call them", "else: wait",
    ]  # fmt: skip


def test_rules_come_from_the_environment() -> None:
    given = {
        "CLICKCLI_PERSON_POWER_EVENTS": "7", "CLICKCLI_PERSON_LIKES": "properties.a, properties.b",
        "CLICKCLI_PERSON_ACTIONS": '[{ action = "x", intent = "buying" }]',
    }  # fmt: skip
    rules = Rules(**load(Path("/"), given).section("person"))
    assert rules.power_events == 7
    assert rules.likes == ("properties.a", "properties.b")
    assert rules.actions == (Rule("x", intent=("buying",)),)


REFUSED = {
    "new_dayz = 1": "unknown key 'person.new_dayz'",
    "new_days = -1": "person.new_days must be a number from 0, was -1",
    "new_days = nan": "person.new_days must be a number from 0",
    "new_days = inf": "person.new_days must be a number from 0",
    "new_days = true": "person.new_days must be a number from 0",
    "complete_share = 50": "person.complete_share must be a number from 0 to 1",
    "intent_events = 0": "person.intent_events must be a whole number from 1",
    "intent_events = 2.5": "person.intent_events must be a whole number from 1",
    "completeness = 'done'": "person.completeness must be a property",
    "likes = 'properties.x'": "person.likes must be a list of properties",
    "likes = ['x']": "person.likes must be a list of properties",
    "actions = 3": "person.actions must be a list of tables, was 3",
    "actions = [3]": "in rule 1 keys with values",
    "actions = [{}]": "in rule 1 an action",
    "actions = [{ action = ' ' }]": "in rule 1 action text",
    "actions = [{ action = 'x' }, { action = 'y', stages = 'new' }]": "in rule 2 no key 'stages' "
    "(did you mean stage?)",
    "actions = [{ action = 'x', stage = 'old' }]": f"stage one or a list of {', '.join(STAGES)}",
    "actions = [{ action = 'x', intent = [] }]": f"intent one or a list of {', '.join(INTENTS)}",
    "actions = [{ action = 'x', intent = [[1]] }]": "intent one or a list of",
    "actions = [{ action = 'x', cart = 1 }]": "cart one or a list of active, abandoned, none",
    "actions = [{ action = 'x', known = 'yes' }]": "known true or false",
    "actions = [{ action = 'x', min_purchases = -1 }]": "min_purchases a number from 0",
    "actions = [{ action = 'x', min_days_away = nan }]": "min_days_away a number from 0",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_setting_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "clickcli.toml").write_text(f"[person]\n{text}\n")
    with pytest.raises(UsageError) as caught:
        load(tmp_path, {})
    assert REFUSED[text] in caught.value.message


def test_an_environment_variable_that_is_no_rule_is_refused() -> None:
    with pytest.raises(UsageError, match=r"CLICKCLI_PERSON_ACTIONS: person\.actions must be"):
        load(Path("/"), {"CLICKCLI_PERSON_ACTIONS": "buy!"})
    with pytest.raises(UsageError, match=r"person\.power_days must be a number"):
        load(Path("/"), {"CLICKCLI_PERSON_POWER_DAYS": "many"})


def test_the_default_rules_can_be_written_as_a_configuration() -> None:
    written = [
        {name: list(value) if isinstance(value, tuple) else value
         for name in Rule.__slots__ if (value := getattr(rule, name)) not in ((), None)}
        for rule in DEFAULT_ACTIONS
    ]  # fmt: skip
    assert rules_of(json.loads(json.dumps(written))) == DEFAULT_ACTIONS
