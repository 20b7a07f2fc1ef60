"""Count the planted stories: incident, bundles, tastes, trend, searches, clicks, answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import combinations, pairwise
from statistics import median
from typing import cast

from sample.events import Event, iso
from sample.story import Story
from sample.tables import (
    BUNDLES,
    CLUSTERS,
    DAY,
    END,
    INCIDENT,
    START,
    TRENDING,
    TRENDING_FROM,
)
from sample.truth import Seen, by_person, known_id, resolve

ENOUGH_VIEWS = 10


def measure_plants(events: list[Event], story: Story) -> dict[str, object]:
    """Count every planted story over the good events."""
    seen = resolve(events)
    return {
        "incident": incident(seen),
        "bundles": bundles(seen, story),
        "tastes": tastes(seen, story),
        "trending": trending(seen, story),
        "zero_result_searches": searches(seen),
        "recommendations": recommendations(seen),
        "api": api(seen),
        "feedback": feedback(seen),
        "traps": traps(events, story),
    }


def incident(seen: list[Seen]) -> dict[str, object]:
    """Compare purchases and failed payments of the incident's day with those of other days."""
    purchases, payments, failed = Counter[int](), Counter[int](), Counter[int]()
    for one in seen:
        day = (one.ts - START) // DAY
        purchases[day] += one.kind == "purchase"
        payments[day] += one.kind == "payment"
        failed[day] += one.kind == "payment" and one.event.properties["result"] == "failed"
    bad = (INCIDENT[0] - START) // DAY
    days = [day for day in range((END - START) // DAY) if day != bad]
    return {
        "date": iso(INCIDENT[0])[:10],
        "from": iso(INCIDENT[0]),
        "to": iso(INCIDENT[1]),
        "purchases": purchases[bad],
        "payments": payments[bad],
        "payments_failed": failed[bad],
        "purchases_same_weekday": [purchases[day] for day in days if (day - bad) % 7 == 0],
        "purchases_usual_median": median(purchases[day] for day in days),
        "payments_other_days": sum(payments[day] for day in days),
        "payments_failed_other_days": sum(failed[day] for day in days),
    }


def bundles(seen: list[Seen], story: Story) -> dict[str, object]:
    """Count orders that hold both items of each pair, and the strongest pair not planted."""
    single, pairs = Counter[str](), Counter[tuple[str, str]]()
    orders = [one.event for one in seen if one.kind == "purchase"]
    for order in orders:
        lines = cast("list[dict[str, object]]", order.fields["items"])
        items = sorted({str(line["item_id"]) for line in lines})
        single.update(items)
        pairs.update((first, second) for first, second in combinations(items, 2))
    planted = [
        tuple(sorted(story.catalogue.at(place).item_id for place in pair)) for pair in BUNDLES
    ]
    return {
        "orders": len(orders),
        "pairs": [
            {
                "items": [one, other],
                "names": [story.catalogue.by_id[item].name for item in (one, other)],
                "orders_with_each": [single[one], single[other]],
                "orders_with_both": pairs[one, other],
            }
            for one, other in planted
        ],
        "most_orders_of_any_other_pair": max(
            count for pair, count in pairs.items() if pair not in planted
        ),
    }


def tastes(seen: list[Seen], story: Story) -> dict[str, object]:
    """List people with ten or more product views by taste, with the share of own categories."""
    plan: dict[str, set[str]] = defaultdict(set)
    for person in story.people:
        for name in (person.user_id, *(device.anonymous_id for device in person.devices)):
            if name is not None:
                plan[name].add(person.cluster)
    members: dict[str, list[str]] = {cluster: [] for cluster in CLUSTERS}
    views, own_views = Counter[str](), Counter[str]()
    for name, own in by_person(seen).items():
        viewed = [one for one in own if one.kind == "product_view"]
        if len(viewed) < ENOUGH_VIEWS or len(plan[name]) != 1:
            continue
        (cluster,) = plan[name]
        members[cluster].append(name)
        views[cluster] += len(viewed)
        own_views[cluster] += sum(
            one.event.fields["category"] in CLUSTERS[cluster] for one in viewed
        )
    return {
        cluster: {
            "categories": list(CLUSTERS[cluster]),
            "people": sorted(members[cluster]),
            "product_views": views[cluster],
            "product_views_in_own_categories": own_views[cluster],
        }
        for cluster in CLUSTERS
    }


def trending(seen: list[Seen], story: Story) -> dict[str, object]:
    """Compare the trending item's views in the last days with those before."""
    item = story.catalogue.at(TRENDING)
    times = [
        one.ts
        for one in seen
        if one.kind == "product_view" and one.event.fields["item_id"] == item.item_id
    ]
    return {
        "item_id": item.item_id,
        "from": iso(TRENDING_FROM),
        "views_before": sum(ts < TRENDING_FROM for ts in times),
        "views_since": sum(ts >= TRENDING_FROM for ts in times),
    }


def searches(seen: list[Seen]) -> dict[str, object]:
    """Count searches and those without a result, by query."""
    found = [one.event for one in seen if one.kind == "search"]
    empty = Counter(
        one.text("search_query") or "" for one in found if one.fields["result_count"] == 0
    )
    return {"searches": len(found), "without_result": dict(sorted(empty.items()))}


def recommendations(seen: list[Seen]) -> dict[str, object]:
    """Count recommendations shown and clicked, by position and by source."""

    def count(kind: str, name: str) -> dict[str, int]:
        values = Counter(str(one.event.properties[name]) for one in seen if one.kind == kind)
        return dict(sorted(values.items()))

    return {
        f"{word}_by_{name}": count(f"recommendation_{word}", name)
        for name in ("position", "source")
        for word in ("shown", "clicked")
    }


def api(seen: list[Seen]) -> dict[str, object]:
    """Count API requests by endpoint, with errors of each kind and the median duration."""
    requests: dict[str, list[Event]] = defaultdict(list)
    for one in seen:
        if one.kind == "api_request":
            requests[one.event.text("endpoint") or ""].append(one.event)
    return {
        endpoint: {
            "requests": len(own),
            "status_4xx": _count(own, lambda status: 400 <= status < 500),
            "status_5xx": _count(own, lambda status: status >= 500),
            "duration_ms_median": median(int(str(one.fields["duration_ms"])) for one in own),
        }
        for endpoint, own in sorted(requests.items())
    }


def _count(events: list[Event], test: Callable[[int], bool]) -> int:
    return sum(test(int(str(one.fields["status"]))) for one in events)


def feedback(seen: list[Seen]) -> dict[str, object]:
    """Count answers by value: stars of items and assistant, satisfaction, recommendation."""
    answers: dict[str, Counter[int]] = defaultdict(Counter)
    for one in seen:
        if one.kind in ("rating", "feedback"):
            kind = one.event.properties.get("survey") or one.event.properties["subject"]
            answers[str(kind)][int(str(one.event.fields["rating"]))] += 1
    return {
        kind: {str(value): count for value, count in sorted(values.items())}
        for kind, values in sorted(answers.items())
    }


def traps(events: list[Event], story: Story) -> dict[str, object]:
    """Name who and what is wrong among the good lines, and count it."""

    def lines_of(anonymous_id: str) -> int:
        return sum(one.fields["anonymous_id"] == anonymous_id for one in events)

    users: dict[str, set[str]] = defaultdict(set)
    for one in events:
        user, anonymous = known_id(one.text("user_id")), known_id(one.text("anonymous_id"))
        if user and anonymous:
            users[anonymous].add(user)
    placeholder_users = [
        one for one in events if one.text("user_id") and not known_id(one.text("user_id"))
    ]
    return {
        "bot": {"anonymous_id": story.bot, "lines": lines_of(story.bot)},
        "clock_two_hours_ahead": {
            "anonymous_id": story.fast_clock,
            "lines": lines_of(story.fast_clock),
        },
        "shared_devices": {
            name: sorted(known, key=int) for name, known in sorted(users.items()) if len(known) > 1
        },
        "received_a_day_late": sum(DAY < one.received_at - one.ts < 30 * DAY for one in events),
        "placeholder_user_id": len(placeholder_users),
        "placeholder_anonymous_id": sum(
            one.text("anonymous_id") is not None and known_id(one.text("anonymous_id")) is None
            for one in events
        ),
        "without_any_person_id": sum(
            one.text("user_id") is None and one.text("anonymous_id") is None for one in events
        ),
        "app_version_as_number": sum(
            isinstance(one.properties.get("app_version"), float) for one in events
        ),
        "app_version_as_text": sum(
            isinstance(one.properties.get("app_version"), str) for one in events
        ),
        "without_event_id": sum(one.event_id is None for one in events),
        "earlier_than_the_good_line_before": sum(
            later.ts < earlier.ts for earlier, later in pairwise(events)
        ),
    }
