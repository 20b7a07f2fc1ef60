"""Put together what is known of one person, in the tables that are declared."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from clickcli import __version__
from clickcli.analysis import Shared, Table
from clickcli.columns import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND
from clickcli.engines.polars import POLARS_TYPES
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.money import one_currency
from clickcli.notes import left_out
from clickcli.person import lists, tables
from clickcli.person.habits import decision_median, favourites, median, preferences, price_band
from clickcli.person.known import COMPLETENESS, PROFILE, Known, known
from clickcli.person.options import Options
from clickcli.person.recommended import recommended
from clickcli.person.rows import Rows, rows_of
from clickcli.person.rules import Facts, Recent, Rules
from clickcli.person.scores import scores_of
from clickcli.recommend import Recommended
from clickcli.relations.lines import NO_ITEM
from clickcli.run import Result
from clickcli.units import Every, from_us

if TYPE_CHECKING:
    from clickcli.engines.dataset import Dataset
    from clickcli.recommend import Recommender


def person(
    dataset: Dataset,
    text: str,
    shared: Shared,
    options: Options,
    rules: Rules,
    recommender: Recommender,
    *,
    is_device: bool = False,
) -> Result:
    """Return what is known of a user, or of a device.

    Raises UsageError for an id that is nobody's, unknown or not to be shown.
    """
    options.limits()
    rows = rows_of(dataset, text, shared, is_device=is_device)
    found = known(rows, options, rules)
    prefers = preferences(rows, found, rules)
    facts = facts_of(rows, found, options)
    told = _told(rules, facts, recent_of(found, options, rules))
    items, advice = recommended(recommender, rows)
    scores = scores_of(dataset, rows, facts, shared, options)
    did = _activity(rows, found, options, facts)
    made = {
        "person": pl.DataFrame([_profile(rows, found, prefers, facts, told)], strict=False),
        "scores": pl.DataFrame([dict.fromkeys(tables.SCORES.names()) | scores], strict=False),
        "activity": pl.DataFrame([did], strict=False),
        "preferences": prefers,
        "recommendations": pl.DataFrame(items, schema=Recommended._fields, orient="row"),
        "carts": lists.cart_rows(found),
        "content": lists.content_rows(found),
        "sessions": lists.session_rows(found),
        "devices": lists.device_rows(found),
        "events": lists.event_rows(found),
    }
    title = f"{'Device' if is_device else 'User'} {text}"
    return Result(
        "person", 1, {table.name: _typed(table, made[table.name]) for table in tables.TABLES},
        tables.TABLES, _receipt(rows, options, rules, found), (*_notes(rows, did), *advice), title,
    )  # fmt: skip


def _typed(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table in the declared columns and types; instants are microseconds before."""
    return frame.select(
        pl.from_epoch(pl.col(column.name), time_unit="us").dt.replace_time_zone("UTC")
        if column.dtype == "timestamp"
        else pl.col(column.name).cast(POLARS_TYPES[column.dtype])
        for column in table.columns
    )


def facts_of(rows: Rows, found: Known, options: Options) -> Facts:
    """Return what the rules ask."""
    as_of, seen = rows.context.as_of, _seen(found)
    carts = lists.open_carts(found)
    purchases = found.events["event_type"].is_in(list(options.purchases(rows.context))).sum()
    return Facts(
        is_known=not rows.whose.is_device,
        days_known=(as_of - seen["ts"][0]) / MICROSECONDS_PER_DAY,
        days_away=(as_of - seen["ts"][-1]) / MICROSECONDS_PER_DAY,
        events=found.events.height,
        completeness=_completeness(found),
        purchases=int(purchases),
        cart=carts["state"][0] if carts.height else "none",
    )


def _seen(found: Known) -> pl.DataFrame:
    """Return the events that tell when the person was seen: those caused, if there are any."""
    return found.events if found.events.height else found.everything


def _completeness(found: Known) -> float | None:
    """Return the last completeness sent, 0 to 1; what is above 1 was sent in percent."""
    value = found.everything[COMPLETENESS].drop_nulls()
    last = value.filter((value >= 0) & (value <= 100))
    if not len(last):
        return None
    return float(last[-1]) / (100 if last[-1] > 1 else 1)


def recent_of(found: Known, options: Options, rules: Rules) -> Recent:
    """Count what the last events were."""
    last = found.events.tail(rules.intent_events)
    kind, is_last = last["event_type"], pl.col("seq").is_in(last["seq"].implode())
    views = found.lines.filter((pl.col("viewed") == 1) & is_last).select("seq", "item").unique()
    content = found.content.filter((pl.col("done") == "view") & is_last)
    same = views.filter(pl.col("item") != NO_ITEM)["item"].value_counts()["count"].to_list()
    return Recent(
        searches=int(kind.is_in(list(options.search)).sum()),
        carts=int(kind.is_in([*options.add, *options.remove, *options.checkout]).sum()),
        same_item=max(same, default=0),
        views=len({*views["seq"], *content["seq"]}),
    )


def _told(rules: Rules, facts: Facts, recent: Recent) -> dict[str, str | None]:
    stage, intent = rules.stage(facts), rules.intent(recent)
    action, reason = rules.next_action(facts, stage, intent)
    return {"stage": stage, "intent": intent, "next_action": action, "reason": reason}


def _profile(
    rows: Rows, found: Known, prefers: pl.DataFrame, facts: Facts, told: dict[str, str | None]
) -> dict[str, Any]:
    seen = _seen(found)
    last_sent = {name: seen[name].drop_nulls().tail(1).to_list() for name in PROFILE}
    as_of, first, last = rows.context.as_of, seen["ts"][0], seen["ts"][-1]
    inferred = prefers.filter(pl.col("source") == "inferred")
    best = inferred.group_by("key", maintain_order=True).first()
    top = dict(best.select("key", "value").iter_rows())
    return {
        PERSON_ID: rows.whose.text,
        IS_KNOWN: facts.is_known,
        **told,
        "first_seen": first,
        "last_seen": last,
        "since_first_s": (as_of - first) / MICROSECONDS_PER_SECOND,
        "since_last_s": (as_of - last) / MICROSECONDS_PER_SECOND,
        "events": facts.events,
        "passive_events": found.everything.height - facts.events,
        "completeness": facts.completeness,
        "devices": found.everything["anonymous_id"].drop_nulls().n_unique(),
        **{name: values[0] if values else None for name, values in last_sent.items()},
        "channel": top.get("channel"),
        "favourite_category": top.get("category"),
        "favourite_brand": top.get("brand"),
        "peak_hours": favourites(prefers, "hour"),
        "peak_weekday": top.get("weekday"),
    }


def _activity(rows: Rows, found: Known, options: Options, facts: Facts) -> dict[str, Any]:
    context, sessions, lines = rows.context, found.sessions, found.lines
    kind = found.events["event_type"]
    searches = found.events.filter(kind.is_in(list(options.search)))
    days = context.calendar.with_index(
        nw.from_native(found.events.lazy().select("ts")), "day", Every.DAY
    )
    active = context.engine.collect({"days": days})["days"]["day"].n_unique()
    starts = sessions["start"]
    gap = None if len(starts) < 2 else (starts[-1] - starts[0]) / (len(starts) - 1)
    revenue, currency = _revenue(found)
    return {
        "sessions": sessions.height,
        "active_days": active,
        "session_median_s": median(sessions["duration"], MICROSECONDS_PER_SECOND),
        "pages_per_session": sessions["page_views"].mean(),
        "between_sessions_s": None if gap is None else gap / MICROSECONDS_PER_SECOND,
        **{name: sessions[name].sum() for name in ("bounces", "converted", "page_views")},
        "views": lines["viewed"].sum(),
        "searches": searches.height,
        "searches_without_result": (searches["result_count"] == 0).sum(),
        "adds": lines["added"].sum(),
        "purchases": facts.purchases,
        "revenue": revenue,
        "revenue_per_purchase": (
            None if revenue is None or not facts.purchases else revenue / facts.purchases
        ),
        "revenue_currency": currency,
        "decision_median_s": decision_median(lines),
        **price_band(lines),
    }


def _revenue(found: Known) -> tuple[float | None, str | None]:
    """Return the revenue of all sessions and its currency; none where currencies mix."""
    if found.sessions["mixed"].sum():
        return None, None
    money = found.sessions.group_by("revenue_currency").agg(pl.col("revenue").sum())
    whole = one_currency(money.with_columns(pl.lit(0).alias("all")), ["all"], "revenue",
                         "revenue_currency")  # fmt: skip
    return (whole["revenue"][0], whole["currency"][0]) if whole.height else (0.0, None)


def _notes(rows: Rows, did: dict[str, Any]) -> tuple[str, ...]:
    notes = list(left_out(rows.left_out))
    if later := rows.left_out["after_as_of"]:
        notes.append(f"left out: {later} events after as-of")
    if did["revenue"] is None:
        notes.append("revenue is in several currencies and not added up")
    return tuple(notes)


def _receipt(rows: Rows, options: Options, rules: Rules, found: Known) -> dict[str, Any]:
    context = rows.context
    return {
        "clickcli": __version__,
        "person_id": rows.whose.text,
        "is_known": not rows.whose.is_device,
        "parameters": asdict(options),
        "rules": asdict(rules),
        "tz": context.shared.tz,
        "week_start": context.shared.week_start.value,
        "as_of": from_us(context.as_of, context.tz).isoformat(),
        "include_bots": context.shared.include_bots,
        "snapshot": context.dataset.snapshot,
        "events_read": found.everything.height,
        "left_out": rows.left_out,
    }
