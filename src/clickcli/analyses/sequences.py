"""What follows what: frequent sequences of events, pages or items in sessions or people.

Definition
----------
A sequence is what a session (``--basket person``: a person, in the period) did, in the order of
(time, arrival): event types (but for those that people do not cause), cleaned paths of page
views, or viewed items, categories or brands; ``--event`` names other events. A pattern A → B → C
is in a sequence when these come in this order, whatever lies between; ``--max-between`` limits
how many other events may lie between two that follow one another (0: none; only what counts
is counted), ``--max-gap`` the time.
A sequence counts once for a pattern, however often it holds it. A pattern is frequent when at
least ``--min-support`` of the sequences and ``--min-count`` of them hold it. Confidence: of the
sequences with all but the last event of the pattern, the share that hold the whole of it.
``--closed`` leaves out what a longer pattern says as well: one that contains it and is in as many
sequences (with limits on gaps, one that goes on before or after it).

Input
-----
Event types, page paths, or items and lists of items. Sessions that start in the period.

Output
------
``patterns``: most frequent first. ``summary``: what they stand on.

Units
-----
Shares 0–1 with Wilson 95 % intervals.

Cost
----
One pass over the events; then memory for all events of the frequent things, some 60 bytes each.
A search that takes more than minutes is ended.

Source
------
PrefixSpan (J. Pei et al., IEEE TKDE 16, 2004) over single events; ours counts people too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import (
    Analysis,
    Column,
    Finished,
    Option,
    Table,
    Units,
    people_count,
    rate,
)
from clickcli.errors import UsageError
from clickcli.relations.baskets import (
    Basket,
    Over,
    SupportOptions,
    check_things,
    each_group,
    things,
)
from clickcli.relations.set_texts import quoted
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_SIGN: Final = "→"


class Unit(StrEnum):
    """What is one sequence."""

    SESSION = "session"
    PERSON = "person"

    @property
    def basket(self) -> Basket:
        """The same, as a basket."""
        return Basket(self.value)


@dataclass(frozen=True, kw_only=True)
class Parameters(SupportOptions):
    """Options of ``sequences``."""

    over: Annotated[Over, Option("What patterns are made of.")] = Over.EVENT_TYPE
    basket: Annotated[Unit, Option("What is one sequence.")] = Unit.SESSION
    max_gap: Annotated[
        str | None, Option("Longest time from one event to the next.", kind="duration")
    ] = None
    max_between: Annotated[
        int | None,
        Option("Most other events between one and the next.", kind="count", minimum=0),
    ] = None
    max_len: Annotated[
        int, Option("Most events of a pattern.", kind="count", minimum=2, maximum=20)
    ] = 4
    min_len: Annotated[
        int, Option("Fewest events of a pattern that is listed.", kind="count", minimum=1)
    ] = 2
    closed: Annotated[bool, Option("Leave out what a longer pattern says as well.")] = False
    top_k: Annotated[
        int | None, Option("Only so many, the most frequent.", kind="count", minimum=1)
    ] = None


_SUPPORT: Final = rate("support", "count ÷ sequences")
_CONFIDENCE: Final = rate("confidence", "count ÷ before_count")
PATTERNS = Table(
    "patterns",
    "One row a pattern.",
    (
        Column("pattern", "string", "key", "events, the earliest first"),
        Column("count", "int64", "count", "sequences that hold it"),
        _SUPPORT[0],
        _CONFIDENCE[0],
        people_count("people", "people with such a sequence"),
        Column("size", "int64", "count", "events of the pattern"),
        Column("before_count", "int64", "count", "sequences that hold all but its last event"),
        Column("sequences", "int64", "count", "all sequences"),
        *_SUPPORT[1:],
        *_CONFIDENCE[1:],
    ),
    keys=("pattern",),
    order=("-count", "-size", "pattern"),
)
SUMMARY = Table(
    "summary",
    "What the patterns stand on.",
    (
        Column("sequences", "int64", "count", "sequences"),
        people_count("people", "people who have one"),
        Column("events", "int64", "count", "events in them"),
        Column("things", "int64", "count", "different things in them"),
        Column("least", "int64", "count", "sequences that a pattern must be in"),
        Column("patterns", "int64", "count", "patterns listed"),
    ),
    keys=(),
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse what contradicts itself."""
    check_things(parameters, parameters.basket.basket)
    if parameters.max_gap is not None:
        duration_us(parameters.max_gap)
    if parameters.min_len > parameters.max_len:
        raise UsageError(
            f"--min-len must be at most --max-len, {parameters.max_len}, was {parameters.min_len}"
        )


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a thing of an event."""
    return {"events": things(events, context, parameters, parameters.basket.basket)}


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count the sequences, and leave out the events of what is in too few of them.

    Where other events between are counted, all must stay.
    """
    import narwhals as nw

    rows = units["events"].with_columns(nw.lit(0, nw.Int64).alias("all"))
    kept = rows
    if parameters.max_between is None:
        kept = parameters.frequent(rows, context.by)
    return {
        "totals": rows.group_by(*context.by, "all").agg(
            nw.col("basket").n_unique().alias("sequences"),
            nw.col("person_key").n_unique().alias("people"),
            nw.len().alias("events"),
            nw.col("thing").n_unique().alias("things"),
        ),
        "rows": kept.select("person_key", "basket", "ts", "seq", "line", "thing", *context.by),
    }


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Find the patterns of each value of the breakdown."""

    def mined(rows: pl.DataFrame, line: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
        return _mined(rows, line, parameters)

    given = each_group(frames["totals"], frames["rows"], context.by, mined)
    return Finished(given, _notes(given, parameters), _title(parameters))


def _mined(
    rows: pl.DataFrame, line: Mapping[str, Any], parameters: Parameters
) -> dict[str, pl.DataFrame]:
    """Return the patterns of the sequences that ``line`` counts, in words, and a line on them."""
    import polars as pl

    from clickcli.expressions import with_rate
    from clickcli.models.prefixspan import Limits, Sequences, closed, frequent_sequences

    names = rows["thing"].unique().sort()
    rows = rows.sort("person_key", "basket", "ts", "seq", "line").select(
        pl.col("thing").cast(pl.Enum(names)).to_physical().cast(pl.Int64), "ts",
        pl.col("basket").rle_id().cast(pl.Int64), pl.col("person_key").rle_id().cast(pl.Int64),
    )  # fmt: skip
    columns = (rows[name].to_numpy() for name in ("thing", "ts", "basket", "person_key"))
    sequences = line["sequences"]
    least = parameters.least(sequences)
    gap, has_gaps = parameters.max_gap, parameters.max_gap or parameters.max_between is not None
    limits = Limits(
        min_count=least,
        # What a closed pattern is judged by may be one event longer.
        max_len=parameters.max_len + parameters.closed,
        min_len=parameters.min_len,
        max_gap=None if gap is None else duration_us(gap),
        max_between=parameters.max_between,
        top_k=None if parameters.closed else parameters.top_k,
    )
    found = frequent_sequences(Sequences(*columns), limits)
    chosen = closed(found, has_gaps=bool(has_gaps)) if parameters.closed else found
    words, between = quoted(names, _SIGN).to_list(), f" {_SIGN} "
    listed = [
        (between.join(words[thing] for thing in pattern), count, people, len(pattern),
         found[pattern[:-1]][0] if len(pattern) > 1 else sequences, sequences)
        for pattern, (count, people) in chosen.items()
        if parameters.min_len <= len(pattern) <= parameters.max_len
    ]  # fmt: skip
    counts = ("count", "people", "size", "before_count", "sequences")
    schema = {"pattern": pl.String} | dict.fromkeys(counts, pl.Int64)
    table = pl.DataFrame(listed, schema=schema, orient="row")
    if parameters.top_k is not None:
        order = [pl.col("count", "size").neg(), pl.col("pattern")]
        table = table.sort(order).head(parameters.top_k)
    table = with_rate(table, "support", "count", "sequences")
    return {
        "patterns": with_rate(table, "confidence", "count", "before_count"),
        "summary": pl.DataFrame([{**line, "least": least, "patterns": table.height}]),
    }


def _notes(given: Mapping[str, pl.DataFrame], parameters: Parameters) -> list[str]:
    """Return what a reader would else be misled by."""
    from clickcli.notes import few

    if (summary := given.get("summary")) is None:
        return []
    sequences = max(summary["sequences"].to_list())
    notes = few(given["patterns"], "before_count", f"{parameters.basket.value}s")
    if not sequences:
        notes.append(f"no {parameters.basket.value}s with {parameters.over.many}: name their "
                     "events with --event")  # fmt: skip
    elif not given["patterns"].height:
        notes.append(f"no pattern is in {parameters.least(sequences)} of {sequences} sequences: "
                     "lower --min-support or --min-count")  # fmt: skip
    return notes


def _title(parameters: Parameters) -> str:
    gaps = []
    if parameters.max_between is not None:
        gaps.append(f"at most {parameters.max_between} others between")
    if parameters.max_gap is not None:
        gaps.append(f"at most {parameters.max_gap} apart")
    shown = ["closed"] if parameters.closed else []
    least = f"in {100 * parameters.min_support:g} % of them, at least {parameters.min_count}"
    what = f"Sequences of {parameters.over.many} of {parameters.basket.value}s"
    return " · ".join([what, least, *gaps, *shown])


ANALYSIS = Analysis(
    name="sequences",
    version=1,
    parameters=Parameters,
    sample=Parameters(basket=Unit.PERSON, min_support=0.1, min_count=1, max_len=3),
    tables=(PATTERNS, SUMMARY),
    unit_keys={"events": ("seq", "line")},
    units=units,
    reduce=reduce,
    finish=finish,
    examples=(
        "clickcli sequences --top-k 20",
        "clickcli sequences --over page --closed --max-between 0",
        "clickcli sequences --basket person --event product_view --event purchase --max-gap 1d",
    ),
    check=check,
    fits=True,
)
