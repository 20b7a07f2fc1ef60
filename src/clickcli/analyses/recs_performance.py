"""Which recommendations are clicked, by position and source, and what is bought after a click.

Definition
----------
A recommendation is one item shown to a person. A click belongs to the latest showing of its item to
that person at or before it, in the same list (``--list-id``), and at the position that the click
tells where it was shown there. Click rate: showings that were clicked ÷ showings. A clicked one is
bought when the person buys the item (``--bought any``: anything) at or after its first click and no
longer after it than ``--within``. A purchase counts once, for the latest first click before it, and
so does its revenue. Conversion: closed clicked ones that were bought ÷ closed ones. One is closed
when its window is over at as-of, and pending until then, bought or not.

Input
-----
Showings (``--shown``) and clicks (``--click``) with ``item_id``, ``position`` and their source
(``--source``); an event with ``items`` shows them all, at positions from 1. Purchases with their
items. A showing counts in the period in which it was shown, its clicks and purchases until as-of.

Output
------
``summary``: all together. ``positions`` and ``sources``: one row each.

Units
-----
Shares 0–1 with Wilson 95 % intervals; money in major units, never added over currencies; seconds.

Cost
----
Two passes over the events; showings, clicks and purchases are sorted by person.

Source
------
Click-through and conversion reports of recommendation engines. Theirs often divide all clicks by
all showings, which can be above 1, and count recent clicks before their window is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

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
from clickcli.columns import MICROSECONDS_PER_SECOND
from clickcli.errors import UsageError
from clickcli.relations.orders import OrderOptions
from clickcli.relations.recommended import NO_POSITION, Bought, Row, Words, recommended
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_PERCENTS: Final = (25, 50, 75, 90)
_FLAGS: Final = ("clicked", "bought", "closed", "converted")
_PEOPLE: Final = {"clickers": "clicked", "buyers": "bought"}
_KEYS: Final = {"summary": "all", "positions": "position", "sources": "source"}


@dataclass(frozen=True, kw_only=True)
class Parameters(OrderOptions):
    """Options of ``recs-performance``."""

    shown: Annotated[
        tuple[str, ...],
        Option("Event that shows a recommendation (repeatable).", kind="event"),
    ] = ("recommendation_shown", "recommendation_view", "recommendation_impression")
    click: Annotated[
        tuple[str, ...], Option("Event that is a click on one (repeatable).", kind="event")
    ] = ("recommendation_clicked", "recommendation_click")
    within: Annotated[
        str, Option("A purchase counts so long after the first click.", kind="duration")
    ] = "7d"
    bought: Annotated[
        Bought, Option("What must be bought after the click: the item, or anything.")
    ] = Bought.ITEM
    source: Annotated[
        str, Option("Column or properties.x that says who recommends.", kind="column")
    ] = "properties.source"
    list_id: Annotated[
        str, Option("Column or properties.x that names the list shown.", kind="column")
    ] = "properties.recommendation_id"

    def words(self, context: Context) -> Words:
        """Return which events count; UsageError for what cannot be read."""
        purchases, within = self.purchases(context), duration_us(self.within)
        return Words(
            self.shown, self.click, purchases, self.source, self.list_id, self.bought, within
        )


_CLICK_RATE: Final = rate("click_rate", "clicked ÷ shown")
_CONVERSION: Final = rate("conversion", "converted ÷ closed")


def _counts(text: str) -> tuple[Column, ...]:
    times = {25: "a quarter of them", 75: "three quarters", 90: "nine of ten"}
    return (
        Column("shown", "int64", "count", text),
        people_count("people", "people to whom they were shown"),
        Column("clicked", "int64", "count", "of those shown, how many were clicked"),
        _CLICK_RATE[0],
        Column("bought", "int64", "count", "of those clicked, how many were bought so far"),
        _CONVERSION[0],
        Column("revenue", "float64", "money", "of those bought; none where currencies mix"),
        Column("currency", "string", "text", "currency of the revenue"),
        Column("to_purchase_median_s", "float64", "duration_s",
               "median time from click to purchase, of the converted"),
        Column("closed", "int64", "count", "of those clicked, how many have their window over"),
        Column("converted", "int64", "count", "of those closed, how many were bought"),
        Column("pending", "int64", "count", "of those clicked, how many have it open still"),
        people_count("clickers", "people who clicked one"),
        people_count("buyers", "people who bought one after a click"),
        *(Column(f"to_purchase_p{percent}_s", "float64", "duration_s", f"{word} took no longer")
          for percent, word in times.items()),
        *_CLICK_RATE[1:], *_CONVERSION[1:],
    )  # fmt: skip


SUMMARY = Table(
    "summary",
    "All recommendations.",
    (
        *_counts("recommendations shown"),
        Column("clicks", "int64", "count", "clicks, repeated ones and those of nothing shown too"),
        Column("unmatched", "int64", "count", "of those, clicks on what was not shown before"),
    ),
    keys=(),
)
POSITIONS = Table(
    "positions",
    "One row a position in the list.",
    (
        Column("position", "int64", "key", "position from 1; none where it was not sent"),
        *_counts("recommendations shown there"),
    ),
    keys=("position",),
)
SOURCES = Table(
    "sources",
    "One row a source.",
    (
        Column("source", "string", "key", "who recommends; (none) where it was not sent"),
        *_counts("recommendations of it shown"),
    ),
    keys=("source",),
    order=("-shown", "source"),
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    from clickcli.filters import column_or_property

    parameters.words(context)
    for text in (parameters.source, parameters.list_id):
        column_or_property(text, known_properties=context.dataset.property_names)
    if both := set(parameters.shown) & set(parameters.click):
        raise UsageError(f"--shown and --click must be different events, both were {min(both)!r}")


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a recommendation shown, one a click, and one a line bought after one."""
    import narwhals as nw

    from clickcli.expressions import inside

    words = parameters.words(context)
    rows = context.engine.hold(inside(recommended(events, context, words), context.period))
    row, clicked_ts = nw.col("row"), nw.col("clicked_ts")
    clicked, bought = ~clicked_ts.is_null(), ~nw.col("bought_ts").is_null()
    closed = clicked & (context.as_of - clicked_ts >= words.within)
    flags = {
        "clicked": clicked, "bought": bought, "closed": closed, "pending": clicked & ~closed,
        "converted": bought & closed,
    }  # fmt: skip
    keys = ["person_key", "seq", "line", "position", "source", *context.by]
    span = nw.when(bought & closed).then(nw.col("bought_ts") - clicked_ts).otherwise(None)
    shown = rows.filter(row == Row.SHOWN.value).with_columns(
        *(nw.when(flag).then(1).otherwise(0).cast(nw.Int64).alias(name)
          for name, flag in flags.items()),
        span.alias("span"),
    )  # fmt: skip
    stray = nw.when(row == Row.STRAY.value).then(1).otherwise(0).cast(nw.Int64)
    clicks = rows.filter(row.is_in([Row.CLICK.value, Row.STRAY.value]))
    return {
        "shown": shown.select(*keys, *flags, "span"),
        "clicks": clicks.with_columns(stray.alias("unmatched")).select(*keys, "unmatched"),
        "sales": rows.filter(row == Row.SALE.value).select(*keys, "sold", "currency"),
    }


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum the recommendations of each position, of each source, and of all."""
    import narwhals as nw

    from clickcli.relations.quantiles import ranked_rows

    everything = nw.lit(0, nw.Int64).alias("all")
    shown, sales = (units[name].with_columns(everything) for name in ("shown", "sales"))
    sales = sales.filter(~nw.col("sold").is_null())
    clicks = units["clicks"].with_columns(everything).group_by(*context.by, "all")
    frames = {
        "clicks": clicks.agg(nw.len().alias("clicks"), nw.col("unmatched").sum()),
    }
    for name, key in _KEYS.items():
        groups = [*context.by, key]
        frames[name] = shown.group_by(*groups).agg(
            nw.len().alias("shown"),
            nw.col("person_key").n_unique().alias("people"),
            nw.col(*_FLAGS, "pending").sum(),
        )
        for people, flag in _PEOPLE.items():
            frames[f"{name}_{people}"] = (
                shown.filter(nw.col(flag) == 1)
                .group_by(*groups)
                .agg(nw.col("person_key").n_unique().alias(people))
            )
        frames[f"{name}_money"] = sales.group_by(*groups, "currency").agg(nw.col("sold").sum())
        frames[f"{name}_spans"] = ranked_rows(shown, "span", groups, _PERCENTS)
    return frames


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates, money and times beside the counts."""
    import polars as pl

    from clickcli.notes import few

    tables = {name: _rows(name, frames, [*context.by, key]) for name, key in _KEYS.items()}
    summary = tables["summary"].join(frames["clicks"], on=[*context.by, "all"], how="left")
    summary = summary.with_columns(pl.col("clicks", "unmatched").fill_null(0))
    notes = few(tables["positions"], "shown", "recommendations shown")
    notes += few(tables["positions"], "closed", "clicked ones")
    if not summary["shown"].sum():
        notes = ["no recommendations shown: name the events that are with --shown"]
    elif not summary["clicked"].sum():
        notes.append("none was clicked: name the events that are clicks with --click")
    else:
        notes += parameters.missing(context)
    if unmatched := max(summary["unmatched"].to_list(), default=0):
        what = "1 click is" if unmatched == 1 else f"{unmatched} clicks are"
        notes.append(f"{what} on what was not shown before; --list-id names the list, if that "
                     "is why")  # fmt: skip
    if (tables["summary"]["currencies"] > 1).any():
        notes.append("some revenue is in several currencies and not added up: filter by currency")
    what = "the item" if parameters.bought is Bought.ITEM else "anything"
    title = f"Recommendations · {what} bought within {parameters.within} of the click"
    position = pl.when(pl.col("position") != NO_POSITION).then("position").alias("position")
    positions = tables["positions"].with_columns(position)
    return Finished({**tables, "summary": summary, "positions": positions}, notes, title)


def _rows(name: str, frames: Mapping[str, pl.DataFrame], groups: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    from clickcli.expressions import with_rate, zeros
    from clickcli.money import one_currency
    from clickcli.relations.quantiles import quantiles

    table = frames[name]
    if not table.height and list(groups) == ["all"]:
        table = zeros(table)
    money = one_currency(frames[f"{name}_money"], groups, "sold")
    spans = quantiles(frames[f"{name}_spans"], "span", groups, _PERCENTS,
                      divisor=MICROSECONDS_PER_SECOND)  # fmt: skip
    others = [frames[f"{name}_{people}"] for people in _PEOPLE]
    for other in (*others, money, spans):
        table = table.join(other, on=list(groups), how="left")
    is_free = pl.col("currencies").is_null() & (pl.col("bought") == 0)
    table = table.with_columns(
        pl.col(*_PEOPLE).fill_null(0),
        pl.col("currencies").fill_null(0),
        pl.when(is_free).then(0.0).otherwise("sold").alias("revenue"),
        pl.col("p50").alias("to_purchase_median_s"),
        *(pl.col(f"p{n}").alias(f"to_purchase_p{n}_s") for n in _PERCENTS),
    )
    table = with_rate(table, "click_rate", "clicked", "shown")
    return with_rate(table, "conversion", "converted", "closed")


_CELLS: Final = {
    "shown": None, "clicked": "clicked", "bought": "bought", "converted": "converted",
    "pending": "pending",
}  # fmt: skip


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return the people of the recommendations that a cell counts."""
    import narwhals as nw

    word, _, rest = cell.partition(":")
    key, _, value = rest.partition(":")
    is_number = key == "position" and value.isascii() and value.isdigit() and len(value) < 19
    if word not in _CELLS or (rest and not is_number and not (key == "source" and value)):
        raise UsageError(
            f"--who must be one of {', '.join(_CELLS)}, or WORD:position:N or WORD:source:NAME, "
            f"was {cell!r}"
        )
    flag = _CELLS[word]
    chosen = nw.col("clicked") >= 0 if flag is None else nw.col(flag) == 1
    if not rest:
        return "shown", chosen
    return "shown", chosen & (nw.col(key) == (int(value) if is_number else value))


ANALYSIS = Analysis(
    name="recs-performance",
    version=1,
    parameters=Parameters,
    sample=Parameters(shown=("view", "page_view"), click=("add_to_cart",), bought=Bought.ANY,
                      source="device_type"),
    tables=(SUMMARY, POSITIONS, SOURCES),
    unit_keys={
        "shown": ("seq", "line"), "clicks": ("seq", "line"), "sales": ("seq", "line"),
    },
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("shown", "people to whom one was shown; shown:position:1, shown:source:NAME, and so "
             "on for every word"),
        Cell("clicked", "people who clicked one"),
        Cell("bought", "people who bought one after a click, within the window"),
        Cell("converted", "of those, people whose window is over"),
        Cell("pending", "people who clicked one and whose window is open still"),
    ),
    examples=(
        "clickcli recs-performance",
        "clickcli recs-performance --table sources --within 1d --bought any",
        "clickcli recs-performance --who clicked:position:1",
    ),
    check=check,
)  # fmt: skip
