"""The text that explains the sample data, with the figures of the truths."""

from __future__ import annotations

from typing import Any

from sample.events import iso
from sample.tables import DAY, DAYS, END

EVENTS = (
    ("session_start", "a visit begins; carries the user agent, landing page and referrer"),
    (
        "page_view",
        (
            "a page is opened: home, sale, category, landing pages; the first one of a "
            "visit has the very time of its session_start"
        ),
    ),
    ("product_view", "an item is looked at, with price, duration and scroll depth"),
    ("group_view", "a buying group is looked at, with its members and target"),
    ("group_join", "somebody joins a buying group"),
    ("search", "a search with its query and count of results, sometimes none"),
    ("filter", "a category list is filtered by price"),
    ("sort", "a category list is sorted"),
    ("add_to_cart", "an item goes into the cart, with price and quantity"),
    ("remove_from_cart", "an item leaves the cart"),
    ("checkout", "a step of the checkout: address, shipping, payment"),
    ("payment", "an attempt to pay, `properties.result` is ok or failed"),
    ("purchase", "an order: order_id, revenue, discount, and `items` with price, quantity, cost"),
    ("wishlist_add", "an item goes onto the wish-list"),
    ("share", "an item or a piece of content is shared"),
    ("qr_scan", "a visit began with a printed code"),
    (
        "recommendation_shown",
        "one recommended item is shown, three at a time, by position and source",
    ),
    ("recommendation_clicked", "a recommended item is clicked"),
    ("rating", "one to five stars for an item that was bought, or for the assistant"),
    ("feedback", "an answer to a survey: nps (0 to 10) or csat (1 to 5, with a comment)"),
    ("assistant_request", "a question to the assistant, with its turn and whether it corrects"),
    ("assistant_response", "the assistant's answer, with success, completion and duration"),
    ("api_request", "a request to the shop's API: endpoint, status, duration, cache, bytes"),
    ("experiment_exposure", "a person is shown a variant of an experiment"),
    ("content_view", "an article, video, recipe or lookbook is read or watched"),
    ("like", "a piece of content is liked"),
    ("save", "a piece of content is saved"),
    ("comment", "a piece of content is commented on"),
    ("email_open", "a newsletter is opened before the visit; no session id"),
    ("push_sent", "the shop sends a push message: not caused by the person; no session id"),
    ("login", "a known person logs in; links the device to the user"),
    ("signup", "a new account; links the device to the user"),
    ("profile_update", "profile completeness and plan"),
    ("preference_update", "what somebody says they like"),
    ("session_end", "the tracker saw the end of a visit (it often does not)"),
)

FAULTS = {
    "duplicate": "exact copies of an earlier line",
    "conflict": "the event id of an earlier line with other content; the first one counts",
    "cut_json": "a line that ends in the middle",
    "binary": "bytes that are no text, NUL among them",
    "invalid_utf8": "JSON with a Latin-1 byte in it",
    "not_an_object": "valid JSON, but a list, a text, a number or null",
    "missing_type": "no event_type",
    "clock_at_1970": "a tablet that lost its clock: its times count from 1970",
    "missing_time": "no timestamp",
    "bad_time": "a timestamp that is no time, such as `yesterday`",
    "empty": "an empty line",
}

LAYOUT = """\
# Sample data

The click log of an invented shop with buying groups, stories and an assistant: {days} days from
{first} to {last}, {events:,} events of {people:,} people. Nobody in it exists. It was written by
`scripts/make_sample_data.py` with seed {seed}; the same seed gives the same lines.

| file | what |
|---|---|
| `events.jsonl.gz` | the log, {main_lines:,} lines, with faults on purpose |
| `late.jsonl.gz` | a second file, {late_lines:,} lines: {replayed} replayed from the first, and \
{late} that arrived late |
| `truth.json` | what an analysis should find, counted by the generator itself |

Times are UTC with milliseconds; `received_at` is when the collector got the line. Prices are in
euros. Anonymous ids begin with `a_`, sessions with `s_`, items with `p_`, groups with `g_`,
content with `c_`; user ids are the numbers from 1. User 42 comes every second day.

## Events

| event type | lines | what happened |
|---|---|---|
{event_rows}

`properties.channel` names the channel of the visit, so that a funnel can be broken down by it;
`utm_*`, `referrer` and the click id in `page_url` say the same in the usual way.

## What is planted

How to read `truth.json`: `main` holds the figures of `events.jsonl.gz` alone, `main_and_late`
those of both files, `planted_in_main` the stories below. Everything is counted over the good
lines, duplicates removed, the wrong clocks included, and the bot too except in
`main_without_bot`. People are resolved by time: what an anonymous id did before its first link to
a user belongs to that user, what it did later to the latest link at or before; placeholder ids
are nobody.

- **Funnel by channel** (`funnel_7d`, `funnel_7d_with_checkout`): people per step of product_view,
  add_to_cart(, checkout), purchase; ordered, best entry, within seven days, entries from
  {entry_from} to {entry_to}, so that every window is closed; the channel is that of the entry.
  All channels: {funnel}. `funnel_without_window`: the whole period, no window.
- **Weekly retention** (`retention_session_start`, `retention_any_event`): people per week since
  the week (from Monday) of their first such event; the first figure is the cohort's size. The last
  week is incomplete. The week of {cohort}: {cohort_row}.
- **Active people** a day, in UTC and in Europe/Berlin, whose clocks go forward on 30 March. The
  four days with many more are those of push messages, which people did not cause.
- **Sessions** (`log.sessions`): `given` counts (person, session id); `gap_30m` ignores the ids;
  `cut_30m` honours and cuts them, and lines without an id form sessions of their own. Some visits
  pause for longer than half an hour.
- **Incident**: on {incident_date} from 05:00 to 23:00 UTC payments fail: that day
  {failed} of {payments}, on all other days together {failed_other} of {payments_other}.
  It has {incident_purchases} purchases, a usual day {usual}. `/api/payment`
  answers 503, and slowly.
- **Bundles**, of {orders} orders: {pair_1};
  {pair_2}.
  No other pair is in more than {other_pair} orders.
- **Tastes**: four groups of people, each with three categories of its own, which take about
  {taste_share} % of their product views; `tastes` lists everybody with ten views or more.
- **Experiments**: with `checkout_button` = treatment people add to the cart more often:
  {effect}. {in_both} people saw both variants.
  `free_shipping_banner` has no effect, and too many people in
  the treatment: {skew}.
- **Trend**: {trending} had {trend_before} views before {trend_from}, {trend_since} since.
- **Searches without a result**: {zero} of {searches}, five queries, one of them misspelt.
- **Recommendations**: clicks fall by position, and `itemknn` does better than `popular`.

## What is wrong with it

Bad lines in `events.jsonl.gz`; good lines and these add up to all lines:

| fault | lines | what |
|---|---|---|
{fault_rows}

Traps among the good lines (`planted_in_main.traps`):

- a **bot**, `{bot}`: {bot_lines:,} product views in two nights, less than a second apart, with a
  user agent that says so;
- a device **two hours ahead**, `{ahead}` ({ahead_lines} lines): `timestamp` is later than
  `received_at`;
- {shuffled:,} lines **out of order** (earlier than the good line before), {late_in_main} received
  more than a day after they happened;
- {placeholder_user} lines with a **placeholder** user id (`null`, `undefined`, `guest` …) and
  {placeholder_anonymous} with a placeholder anonymous id; {no_person} lines without any person id:
  {nobody} events of nobody;
- {no_event_id} lines without an event id;
- {shared} devices **shared** by two users;
- `properties.app_version` is a number on Android ({as_number:,} lines) and a text on iOS
  ({as_text:,}).
"""


def describe(truth: dict[str, Any]) -> str:
    """Write the explanation of the folder."""
    main, plants = truth["main"], truth["planted_in_main"]
    accounting, late = truth["accounting"]["events.jsonl.gz"], truth["accounting"]["late.jsonl.gz"]
    cohort = list(main["retention_session_start"])[1]
    values: dict[str, Any] = {
        "days": DAYS,
        "first": truth["period"]["from"][:10],
        "last": iso(END - DAY)[:10],
        "events": main["log"]["events"],
        "people": main["log"]["people"],
        "nobody": main["log"]["events_of_nobody"],
        "seed": truth["seed"],
        "main_lines": accounting["lines"],
        "late_lines": late["lines"],
        "late": late["good"],
        "replayed": late["duplicate"],
        "event_rows": _event_rows(main["log"]["events_by_type"]),
        "fault_rows": "\n".join(
            f"| {name} | {accounting[name]} | {text} |" for name, text in FAULTS.items()
        ),
        "entry_from": truth["funnel_7d_entries"]["from"][:10],
        "entry_to": truth["funnel_7d_entries"]["to"][:10],
        "funnel": _row(main["funnel_7d"]["(all)"]),
        "cohort": cohort,
        "cohort_row": _row(main["retention_session_start"][cohort]),
    }
    values |= _experiment_values(main["experiments"])
    return LAYOUT.format(**values, **_plant_values(plants), **_trap_values(plants["traps"]))


def _row(counts: list[int]) -> str:
    return ", ".join(str(count) for count in counts)


def _event_rows(counts: dict[str, int]) -> str:
    missing = set(counts) ^ {name for name, _ in EVENTS}
    if missing:
        raise ValueError(f"event types without a sentence, or the reverse: {sorted(missing)}")
    return "\n".join(f"| {name} | {counts[name]:,} | {text} |" for name, text in EVENTS)


def _experiment_values(experiments: dict[str, Any]) -> dict[str, Any]:
    button, banner = experiments["checkout_button"], experiments["free_shipping_banner"]
    return {
        "in_both": button["people_in_both_variants"],
        "effect": "; ".join(
            f"{counts['added']} of {counts['people']} ({variant})"
            for variant, counts in button["variants"].items()
        ),
        "skew": ", ".join(
            f"{counts['people']} ({variant})" for variant, counts in banner["variants"].items()
        ),
    }


def _plant_values(plants: dict[str, Any]) -> dict[str, Any]:
    incident, trend, bundles = plants["incident"], plants["trending"], plants["bundles"]
    tastes, searches = plants["tastes"].values(), plants["zero_result_searches"]
    views = sum(taste["product_views"] for taste in tastes)
    own = sum(taste["product_views_in_own_categories"] for taste in tastes)
    pairs = [
        f"{' and '.join(pair['items'])} ({' and '.join(pair['names'])}) are both in "
        f"{pair['orders_with_both']}"
        for pair in bundles["pairs"]
    ]
    return {
        "incident_date": incident["date"],
        "incident_purchases": incident["purchases"],
        "payments": incident["payments"],
        "failed": incident["payments_failed"],
        "payments_other": incident["payments_other_days"],
        "failed_other": incident["payments_failed_other_days"],
        "usual": incident["purchases_usual_median"],
        "orders": bundles["orders"],
        "pair_1": pairs[0],
        "pair_2": pairs[1],
        "other_pair": bundles["most_orders_of_any_other_pair"],
        "taste_share": round(100 * own / views),
        "trending": trend["item_id"],
        "trend_before": trend["views_before"],
        "trend_from": trend["from"][:10],
        "trend_since": trend["views_since"],
        "zero": sum(searches["without_result"].values()),
        "searches": searches["searches"],
    }


def _trap_values(traps: dict[str, Any]) -> dict[str, Any]:
    return {
        "bot": traps["bot"]["anonymous_id"],
        "bot_lines": traps["bot"]["lines"],
        "ahead": traps["clock_two_hours_ahead"]["anonymous_id"],
        "ahead_lines": traps["clock_two_hours_ahead"]["lines"],
        "shuffled": traps["earlier_than_the_good_line_before"],
        "late_in_main": traps["received_a_day_late"],
        "placeholder_user": traps["placeholder_user_id"],
        "placeholder_anonymous": traps["placeholder_anonymous_id"],
        "no_person": traps["without_any_person_id"],
        "no_event_id": traps["without_event_id"],
        "shared": len(traps["shared_devices"]),
        "as_number": traps["app_version_as_number"],
        "as_text": traps["app_version_as_text"],
    }
