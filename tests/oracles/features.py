"""What is known of people, of what they did with items, and of who is like whom, at a cutoff.

*Definition*: Only events before the cutoff count. A rating is the sum of weights that halve with
age; scores are means of parts between 0 and 1, each nearer to its bound by halves; two persons are
as similar as the cosine of the angle between their ratings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Any

from . import DAY, SECOND, Event, by_person, local_day
from .sessions import sessions

Row = dict[str, Any]
WEIGHTS = {"view": 1, "add_to_cart": 3, "purchase": 5, "share": 2, "rating": 3}
KINDS = {"view": "views", "add_to_cart": "adds", "purchase": "purchases", "share": "shares",
         "rating": "ratings", "content_view": "content_views"}  # fmt: skip
MONTH = 30 * DAY


def lines(event: Event) -> list[Row]:
    """Return the items of an event."""
    listed: list[Row] = event.properties.get("items") or [event.properties]
    return listed


def before(events: Iterable[Event], cutoff: int) -> list[Event]:
    """Return the events before a cutoff."""
    return [event for event in events if event.ts < cutoff]


def persons(events: Iterable[Event], cutoff: int, tz: str) -> dict[str, Row]:
    """Return the features of each person."""
    seen = before(events, cutoff)
    visits = sessions(seen)
    return {
        name: _person(log, [one for one in visits if one["person"] == name], cutoff, tz)
        for name, log in by_person(seen).items()
    }


def _person(log: list[Event], visits: list[Any], cutoff: int, tz: str) -> Row:
    kinds = Counter(event.event_type for event in log)
    days = {local_day(event.ts, tz) for event in log}
    adds = {event.seq for event in log if event.event_type == "add_to_cart"}
    starts = [visit["start"] for visit in visits]
    gap = Fraction(max(starts) - min(starts), (len(starts) - 1) * DAY) if starts[1:] else None
    orders = [event for event in log if event.event_type == "purchase"]
    ids = {event.properties.get("order_id") for event in orders} - {None}
    nameless = sum(event.properties.get("order_id") is None for event in orders)
    row: Row = {
        "first_seen": log[0].ts,
        "last_seen": log[-1].ts,
        "events": len(log),
        "active_days": len(days),
        "sessions": len(visits),
        "engaged_sessions": sum(visit["engaged"] for visit in visits),
        "converted_sessions": sum(visit["converted"] for visit in visits),
        "cart_sessions": sum(bool(adds & set(visit["seqs"])) for visit in visits),
        "page_views": kinds["page_view"],
        "views": kinds["view"],
        "adds": kinds["add_to_cart"],
        "purchases": kinds["purchase"],
        "searches": kinds["search"],
        "zero_searches": sum(event.properties.get("result_count") == 0 for event in log),
        "orders": len(ids) + nameless,
        "revenue": sum(event.properties["revenue"] for event in orders),
        "discounted_purchases": sum(event.properties.get("discount", 0) > 0 for event in orders),
        "session_median_s": median(visit["duration_us"] for visit in visits) / SECOND,
        "session_mean_s": sum(v["duration_us"] for v in visits) / len(visits) / SECOND,
        "gap_mean_days": None if gap is None else float(gap),
        **_brands(log),
        **_prices(log),
        "decision_s": _decision(log),
    }
    return row | _scores(row, cutoff)


def _brands(log: list[Event]) -> Row:
    """Return how true a person is to brands, and which one is met most."""
    bought = [
        line["brand"] for event in log if event.event_type == "purchase" for line in lines(event)
    ]
    met = Counter(
        line["brand"]
        for event in log
        if event.event_type in ("view", "add_to_cart", "purchase")
        for line in lines(event)
    )
    top = min(met, key=lambda brand: (-met[brand], brand), default=None)
    return {
        "brand_lines": len(bought),
        "brand_switches": sum(a != b for a, b in pairwise(bought)),
        "brand_loyalty": max(Counter(bought).values()) / len(bought) if bought else None,
        "brand_events": met.total(),
        "brand_1": top,
        "brand_1_share": met[top] / met.total() if top is not None else None,
    }


def _prices(log: list[Event]) -> Row:
    means = {}
    for kind in ("view", "purchase"):
        found = [line["price"] for e in log if e.event_type == kind for line in lines(e)]
        means[kind] = sum(found) / len(found) if found else None
    viewed, bought = means["view"], means["purchase"]
    return {
        "price_viewed_mean": viewed,
        "price_bought_mean": bought,
        "price_ratio": viewed / bought if viewed is not None and bought else None,
    }


def _decision(log: list[Event]) -> float | None:
    viewed: dict[str, int] = {}
    spans: dict[str, int] = {}
    for event in log:  # views first: at one instant either order will do
        if event.event_type == "view":
            for line in lines(event):
                viewed.setdefault(line["item_id"], event.ts)
    for event in log:
        if event.event_type == "purchase":
            for line in lines(event):
                item = line["item_id"]
                if item in viewed and event.ts >= viewed[item]:
                    spans.setdefault(item, event.ts - viewed[item])
    return median(spans.values()) / SECOND if spans else None


def _scores(row: Row, cutoff: int) -> Row:
    away = (cutoff - row["last_seen"]) / DAY
    gap = row["gap_mean_days"]
    usual = 14 if gap is None else max(gap, 1)
    churn = 1 - 2 ** (-away / usual)
    engagement = (
        2 ** (-away / 7)
        + (1 - 2 ** (-row["active_days"] / 5))
        + (1 - 2 ** (-row["events"] / row["sessions"] / 5))
    ) / 3
    tenure = (row["last_seen"] - row["first_seen"]) / DAY
    again = max(row["orders"] - 1, 0)
    loyalty = ((1 - 2 ** (-again / 2)) + (1 - 2 ** (-tenure / 90)) + (1 - churn)) / 3
    return {"days_since_seen": away, "churn_risk": churn, "engagement_score": engagement,
            "loyalty_score": loyalty}  # fmt: skip


def interactions(
    events: Iterable[Event], cutoff: int, half_life: int | None = MONTH
) -> dict[tuple[str, str], Row]:
    """Return one row a person and item."""
    found: dict[tuple[str, str], Row] = {}
    for event in before(events, cutoff):
        if event.event_type not in KINDS:
            continue
        for line in lines(event):
            row = found.setdefault(
                (event.person, line["item_id"]),
                {**dict.fromkeys(KINDS.values(), 0), "rating": 0.0, "seconds": 0.0,
                 "first": event.ts, "last": event.ts, "content_engagement": None},
            )  # fmt: skip
            row[KINDS[event.event_type]] += 1
            row["first"], row["last"] = min(row["first"], event.ts), max(row["last"], event.ts)
            left = 1.0 if half_life is None else 2 ** (-(cutoff - event.ts) / half_life)
            row["rating"] += WEIGHTS.get(event.event_type, 0) * left
            ms = event.properties.get("duration_ms")
            if event.event_type in ("view", "content_view") and ms is not None:
                row["seconds"] += ms / 1000
            if event.event_type == "content_view":
                own = 0.6 + 0.2 * ((ms or 0) > 30_000) + 0.2 * ((ms or 0) > 60_000)
                own = min(own + 0.1 * ((ms or 0) > 120_000), 1.0)
                row["content_engagement"] = max(row["content_engagement"] or 0.0, own)
    return found


def similarities(rows: dict[tuple[str, str], Row]) -> dict[tuple[str, str], tuple[float, int]]:
    """Return the cosine and the number of shared items of each two persons who share one."""
    vectors: dict[str, dict[str, float]] = {}
    for (person, item), row in rows.items():
        if row["rating"] > 0:
            vectors.setdefault(person, {})[item] = row["rating"]
    found = {}
    for one, own in vectors.items():
        for other, theirs in vectors.items():
            shared = own.keys() & theirs.keys()
            if one != other and shared:
                lengths = [sqrt(sum(x * x for x in each.values())) for each in (own, theirs)]
                product = sum(own[item] * theirs[item] for item in shared)
                found[one, other] = (product / (lengths[0] * lengths[1]), len(shared))
    return found
