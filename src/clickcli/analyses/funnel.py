"""How many people get through a series of steps, where they drop off, how long it takes.

Definition
----------
A step is ``EVENT``, ``A|B`` or ``EVENT[price > 10 and properties.plan = 'pro']``, optionally
named ``label=…``; one event fills one step only. Every event of the first step opens an
attempt; the deepest attempt of a person counts, the earliest of equally deep ones, each later
step at its earliest event (``--entry best``). A step counts when it comes at most ``--within``
after the entry, the limit included. Events at one instant may fill successive steps in any
order (``--ties any``). ``--from/--to`` selects entries; conversions count after ``--to`` too.

People whose window is still open are ``pending``: they are counted in ``people``, but rates are
over those whose window has closed. ``drop_off`` is the share of the step before that did not
come this far.

Input
-----
All events of the steps (of the person, for ``--order strict`` and sessions).

Output
------
``steps``: one row a step. ``trend``: one row a period of the entry, with ``--trend``.

Units
-----
Seconds; shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events of the steps, sorted by person and time.

Source
------
Counts as PostHog's ordered, strict and unordered funnels do and as ClickHouse's windowFunnel
does, except that the best entry counts (not the first), a repeated step neither restarts nor
ends an attempt, and rates leave out windows that are still open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

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
from clickcli.relations.attempt_rules import Attribution, Entry, Order, Rules, Ties
from clickcli.relations.engagement import SessionOptions
from clickcli.relations.step_masks import FirstTime
from clickcli.units import Every, Period, duration_text, duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.filters import PropertyRef
    from clickcli.steps import Step


class Unit(StrEnum):
    """What is counted."""

    PERSON = "person"
    SESSION = "session"


class ExclusionScope(StrEnum):
    """What an excluded event voids."""

    ATTEMPT = "attempt"
    PERSON = "person"


class Range(StrEnum):
    """What --from and --to restrict."""

    ENTRIES = "entries"
    EVENTS = "events"


class Repeats(StrEnum):
    """What a step does that was reached already and occurs again."""

    ALLOW = "allow"
    INTERRUPT = "interrupt"


@dataclass(frozen=True, kw_only=True)
class Parameters(SessionOptions):
    """Options of ``funnel``."""

    steps: Annotated[
        tuple[str, ...],
        Option("Steps, in order: EVENT, A|B, EVENT[filter], label=EVENT.", kind="step",
               is_argument=True),
    ]  # fmt: skip
    within: Annotated[
        str,
        Option("Longest time from entry to a step: 7d, none or session.", kind="duration"),
    ] = "7d"
    order: Annotated[
        Order,
        Option("ordered: others may lie between; strict: nothing between; any: any order."),
    ] = Order.ORDERED
    entry: Annotated[
        Entry,
        Option("best: the deepest attempt; first: the first entry only; every: count attempts."),
    ] = Entry.BEST
    ties: Annotated[
        Ties,
        Option("Events at one instant: any order, as they arrived, or strictly later times."),
    ] = Ties.ANY
    grace: Annotated[
        str, Option("Steps within this time of one another may swap.", kind="duration")
    ] = "0s"
    repeats: Annotated[
        Repeats,
        Option("interrupt: a step that occurs again ends the attempt; by order of arrival."),
    ] = Repeats.ALLOW
    not_: Annotated[
        tuple[str, ...],
        Option("EVENT or EVENT:i-j that voids an attempt between steps i and j.", flag="not",
               kind="exclusion"),
    ] = ()  # fmt: skip
    exclusion: Annotated[
        ExclusionScope,
        Option("An excluded event voids the attempt, or drops a person whom no clean one saves."),
    ] = ExclusionScope.ATTEMPT
    first_time: Annotated[
        FirstTime,
        Option("event: enter only by a person's first event of that type ever; matching: by "
               "their first one that also passes the step's filter."),
    ] = FirstTime.ANY  # fmt: skip
    same: Annotated[
        str | None, Option("Column that all steps must share, such as item_id.", kind="column")
    ] = None
    attribution: Annotated[
        str, Option("Event that gives the --by value: first, last, step:N or all.")
    ] = "first"
    unit: Annotated[Unit, Option("Count people or sessions.")] = Unit.PERSON
    range: Annotated[Range, Option("--from/--to restrict the entries, or every event used.")] = (
        Range.ENTRIES
    )
    trend: Annotated[
        Every | None, Option("Also count by hour, day, week or month of the entry.")
    ] = None


def _times(prefix: str, what: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{prefix}_{name}_s", "float64", "duration_s", f"{text} time from {what}")
        for name, text in (
            ("median", "median"),
            ("mean", "mean"),
            ("p25", "lower quartile of"),
            ("p75", "upper quartile of"),
            ("p90", "90th percentile of"),
        )
    )


_CONVERSION = rate("conversion", "reached ÷ entered")
_STEP_CONVERSION = rate("step_conversion", "reached ÷ previous")
STEPS = Table(
    "steps",
    "One row a step.",
    (
        Column("step", "int64", "key", "number of the step, from 1"),
        Column("name", "string", "text", "label of the step"),
        people_count("people", "people (sessions, attempts) that came this far"),
        _CONVERSION[0],
        _STEP_CONVERSION[0],
        people_count("dropped", "of previous, those that did not come this far"),
        Column("drop_off", "float64", "share", "dropped ÷ previous"),
        Column("from_previous_median_s", "float64", "duration_s", "median time from previous"),
        people_count("pending", "of people, those whose window is still open"),
        people_count("reached", "of people, those whose window has closed"),
        people_count("previous", "reached at the step before"),
        people_count("entered", "reached at the first step"),
        *_CONVERSION[1:],
        *_STEP_CONVERSION[1:],
        *_times("from_previous", "the step before")[1:],
        *_times("from_entry", "the entry"),
    ),
    keys=("step",),
)
TREND = Table(
    "trend",
    "One row a period of the entry; empty without --trend.",
    (
        Column("period", "string", "key", "day, first day of the week, month, or hour"),
        people_count("people", "entered in the period"),
        people_count("converted", "of people, those that reached the last step"),
        _CONVERSION[0],
        people_count("entered", "of people, those whose window has closed"),
        people_count("reached", "of entered, those that reached the last step"),
        people_count("pending", "of people, those whose window is still open"),
        *_CONVERSION[1:],
        Column("complete", "bool", "flag", "whether every window of the period has closed"),
    ),
    keys=("period",),
    time="period",
)


def _steps(parameters: Parameters, context: Context) -> list[Step]:
    return [context.step(text) for text in parameters.steps]


def _excluded(parameters: Parameters, context: Context) -> list[tuple[Step, int, int]]:
    from clickcli.steps import parse_exclusion

    known, count = context.dataset.property_names, len(parameters.steps)
    return [
        parse_exclusion(text, steps=count, known_properties=known, tz=context.tz)
        for text in parameters.not_
    ]


def _attribution(text: str, steps: int) -> tuple[Attribution, int]:
    word, _, number = text.partition(":")
    if word == "step" and number.isdigit() and 1 <= int(number) <= steps:
        return Attribution.STEP, int(number)
    if text in ("first", "last", "all"):
        return Attribution(text), 1
    raise UsageError(
        f"--attribution must be first, last, all or step:N with N from 1 to {steps}, was {text!r}"
    )


def _rules(parameters: Parameters, context: Context) -> Rules:
    attribution, number = _attribution(parameters.attribution, len(parameters.steps))
    in_session = parameters.within == "session"
    is_session = parameters.unit is Unit.SESSION
    cut = parameters.cut() if in_session or is_session else None
    start, end = context.period.start, context.period.end
    rules = Rules(
        steps=len(parameters.steps),
        order=parameters.order,
        entry=parameters.entry,
        ties=parameters.ties,
        grace=duration_us(parameters.grace),
        within=None if parameters.within in ("none", "session") else duration_us(parameters.within),
        cut=cut,
        window_is_session=in_session,
        unit_is_session=is_session,
        exclusions=tuple((low, high) for _, low, high in _excluded(parameters, context)),
        exclusion_drops_person=parameters.exclusion is ExclusionScope.PERSON,
        repeats_interrupt=parameters.repeats is Repeats.INTERRUPT,
        attribution=attribution,
        attribution_step=number,
        by=context.by,
        has_same=parameters.same is not None
        or (attribution is Attribution.ALL and bool(context.by)),
        as_of=context.as_of,
    )
    bounds = {"entry_from": start, "entry_to": end}
    return rules.replace(**{name: value for name, value in bounds.items() if value is not None})


def check(parameters: Parameters, context: Context) -> None:
    """Refuse what cannot be a funnel."""
    if not parameters.steps:
        raise UsageError(
            "a funnel needs a step or more",
            hint="clickcli funnel product_view add_to_cart purchase",
        )
    if len(parameters.steps) > 60:
        raise UsageError(f"a funnel has at most 60 steps, was {len(parameters.steps)}")
    if parameters.repeats is Repeats.INTERRUPT and parameters.order is not Order.ORDERED:
        raise UsageError("--repeats interrupt goes with --order ordered")
    if duration_us(parameters.grace) and parameters.order is not Order.ORDERED:
        raise UsageError("--grace goes with --order ordered")
    if parameters.attribution != "first" and not context.by:
        raise UsageError("--attribution goes with --by")
    _rules(parameters, context)
    _steps(parameters, context)
    for step, _, _ in _excluded(parameters, context):
        context.know(step)


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a person, session or attempt: depth and the times of its steps."""
    import narwhals as nw

    from clickcli.expressions import inside
    from clickcli.relations.attempts import attempts
    from clickcli.relations.sessions import with_cut_columns
    from clickcli.relations.step_masks import bits, only_first_time

    rules = _rules(parameters, context)
    steps = _steps(parameters, context)
    excluded = [step for step, _, _ in _excluded(parameters, context)]
    shared, columns, refs = _reads(parameters, context, rules, [*steps, *excluded])
    frame = events.frame(columns, refs, period=_scanned(parameters, context, rules))
    kept = ["person_key", "ts", "seq", "mask", *context.by]
    if rules.cut is not None:
        frame = with_cut_columns(frame, rules.cut, context)
        kept += sorted(rules.cut.columns() - {"event_type"})
    is_used = nw.col("mask") != 0
    masked = frame.with_columns(bits(steps).alias("mask"))
    if excluded:
        masked = masked.with_columns(bits(excluded).alias("veto"))
        is_used = is_used | (nw.col("veto") != 0)
        kept.append("veto")
    if parameters.first_time is not FirstTime.ANY:
        masked = only_first_time(masked, steps[0], parameters.first_time)
    if rules.order is not Order.STRICT and rules.cut is None:
        masked = masked.filter(is_used)
    if parameters.range is Range.EVENTS:
        masked = inside(masked, context.period)
    if shared:
        masked = masked.with_columns(_joined(shared).alias("same"))
        kept.append("same")

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        return attempts(rows, rules)

    return {"attempts": context.engine.kernel(masked.select(*kept), kernel, rules.schema())}


def _reads(
    parameters: Parameters, context: Context, rules: Rules, steps: Sequence[Step]
) -> tuple[list[str], set[str], list[PropertyRef]]:
    """Return the columns that all steps must share, and the columns and properties to read."""
    from clickcli.context import raw
    from clickcli.filters import column_or_property

    columns = {"event_type"}.union(*(step.columns for step in steps))
    refs = [ref for step in steps for ref in step.properties]
    shared: list[str] = []
    if rules.cut is not None:
        columns |= rules.cut.columns()
    if parameters.same is not None:
        same = column_or_property(parameters.same)
        shared.append(same if isinstance(same, str) else same.column)
        if isinstance(same, str):
            columns.add(same)
        else:
            refs.append(same)
    if rules.attribution is Attribution.ALL:
        shared += [raw(by) for by in context.by]
    return shared, columns, refs


def _scanned(parameters: Parameters, context: Context, rules: Rules) -> Period:
    """Return the span of events that entries of the period may need."""
    start, end = context.period.start, context.period.end
    if rules.cut is not None or parameters.first_time is not FirstTime.ANY:
        return Period()
    if parameters.range is Range.EVENTS:
        return context.period
    low = None if start is None else start - rules.grace
    return Period(low, None if end is None or rules.within is None else end + rules.within + 1)


def _joined(names: Sequence[str]) -> nw.Expr:
    """Return one text that is equal where all these columns are; null where one is."""
    import narwhals as nw

    texts = [nw.col(name).cast(nw.String) for name in names]
    sizes = [text.str.len_chars().cast(nw.String) for text in texts]
    return nw.concat_str([*texts, *sizes], separator=":")


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count attempts by depth and period; pick the times at the ranks of the quantiles."""
    from clickcli.relations.conversions import counted, counted_by_period

    attempts, steps = units["attempts"], len(parameters.steps)
    frames = counted(attempts, steps, context.by)
    if parameters.trend is not None:
        frames["trend"] = counted_by_period(attempts, steps, parameters.trend, context)
    return frames


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Add up depths to steps, put rates, intervals and times beside them."""
    from clickcli.notes import few
    from clickcli.relations.conversions import period_rows, step_rows

    names = [step.label for step in _steps(parameters, context)]
    steps = step_rows(frames, names, context.by)
    notes = few(steps, "entered", "people entered (window closed)")
    if steps["pending"].sum():
        notes.append(
            "pending: the window is still open at as-of; rates leave these people out "
            "(--as-of, --within none)"
        )
    title = (
        f"Funnel {' → '.join(names)} · {parameters.order.value}, {parameters.entry.value} entry, "
        f"within {_within(parameters)}, per {parameters.unit.value}"
    )
    if parameters.unit is Unit.SESSION or parameters.entry is Entry.EVERY:
        what = "attempts" if parameters.entry is Entry.EVERY else "sessions"
        notes.append(f"the column people counts {what}; --who lists the people of them")
    tables = {"steps": steps}
    if parameters.trend is not None:
        within = _rules(parameters, context).within or 0
        tables["trend"] = period_rows(frames["trend"], parameters.trend, within, context)
    return Finished(tables, notes, title)


def _within(parameters: Parameters) -> str:
    if parameters.within == "none":
        return "no limit of time"
    if parameters.within == "session":
        return "one session"
    return duration_text(duration_us(parameters.within))


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which attempts a cell lists."""
    import narwhals as nw

    word, _, number = cell.partition(":")
    depth, is_open = nw.col("depth"), nw.col("is_pending")
    if cell == "pending":
        return "attempts", is_open
    if number.isdigit() and 1 <= (step := int(number)) <= len(parameters.steps):
        if word == "step":
            return "attempts", depth >= step
        if word == "dropped" and step > 1:
            return "attempts", (depth == step - 1) & ~is_open
    raise UsageError(
        f"--who must be step:N, dropped:N or pending with N up to {len(parameters.steps)}, "
        f"was {cell!r}"
    )


ANALYSIS = Analysis(
    name="funnel",
    version=1,
    parameters=Parameters,
    sample=Parameters(steps=("view", "add_to_cart", "purchase"), trend=Every.WEEK),
    tables=(STEPS, TREND),
    unit_keys={"attempts": ("person_key", "attempt")},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("step:2", "people that reached step 2"),
        Cell("dropped:2", "people that reached step 1, not step 2, and whose window has closed"),
        Cell("pending", "people whose window is still open"),
    ),
    examples=(
        "clickcli funnel product_view add_to_cart purchase",
        "clickcli funnel 'product_view[price > 50]' purchase --by country",
        "clickcli funnel add_to_cart purchase --who dropped:2",
    ),
    check=check,
)
