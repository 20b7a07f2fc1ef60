"""How many carts are bought, abandoned or recovered, what is left in them, and at which step.

Definition
----------
A cart opens at a person's first add and holds, for each item, pieces added minus pieces removed,
never below 0. It is over with a purchase, or when nothing changed in it for longer than
``--recover-window``; an add after that opens another. A purchase at most ``--abandon-after`` after
the last add or removal makes it ``purchased``, later ``recovered``. Else, at as-of, it is
``active`` (changed at most ``--abandon-after`` ago), ``abandoned``, or ``expired`` (abandoned for
longer than ``--recover-window``). A cart from which everything was taken out is ``emptied``.

Abandonment rate = (abandoned + expired + recovered) ÷ (those + purchased). Recovery rate =
recovered ÷ (abandoned + expired + recovered), over carts whose recover window has closed. Steps of
the checkout (``--checkout``) tell how far a cart came; they do not put off its abandonment.

Input
-----
Adds, removals, steps of the checkout and purchases, with item, price, quantity and currency, or
a list of items. A cart counts in the period in which it opens.

Output
------
``summary``: all carts. ``states``: one row a state and currency. ``products``: what was left
behind. ``steps``: by step of the checkout reached. ``sizes``: by number of pieces. ``paths``:
with ``--paths``, sessions with a purchase by whether a view and an add came before it in the
session. ``carts``: the carts themselves, newest first, as many as ``--list`` says.

Units
-----
Money in the currency's major unit, never summed over currencies; shares 0–1 with Wilson 95 %
intervals.

Cost
----
One pass over the events of carts, sorted by person and time.

Source
------
Cart abandonment as shops report it; ours keeps recovered carts in the rate.
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
from clickcli.errors import UsageError
from clickcli.relations.carts import CartOptions, Row, State, carts
from clickcli.relations.engagement import SessionOptions
from clickcli.relations.item_events import VIEWS
from clickcli.relations.purchase_paths import Path, purchase_paths

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_STATES: Final = tuple(state.value for state in State)
_LEFT: Final = (State.ABANDONED.value, State.EXPIRED.value)
_BOUGHT: Final = (State.PURCHASED.value, State.RECOVERED.value)
_FLAGS: Final = (*_STATES, "lost", "ended", "recovered_closed", "lost_closed")
_SIZES: Final = {1: "1", 2: "2", 3: "3–4", 5: "5–9", 10: "10 or more"}


@dataclass(frozen=True, kw_only=True)
class Parameters(CartOptions, SessionOptions):
    """Options of ``carts``."""

    paths: Annotated[
        bool, Option("Also count sessions with a purchase by what came before it.")
    ] = False
    view: Annotated[
        tuple[str, ...],
        Option("Event that is a view of an item (repeatable).", kind="event", group="Carts"),
    ] = VIEWS
    list: Annotated[str, Option("Carts listed in the table `carts`: a number, or all.")] = "20"


_ABANDONMENT = rate("abandonment_rate", "lost ÷ ended")
_RECOVERY = rate("recovery_rate", "recovered_closed ÷ lost_closed")
_COUNTS: Final = (
    Column("carts", "int64", "count", "carts"),
    people_count("people", "people with such a cart"),
    _ABANDONMENT[0],
    Column("lost", "int64", "count", "abandoned + expired + recovered"),
    Column("ended", "int64", "count", "lost + purchased"),
)
SUMMARY = Table(
    "summary", "All carts of the period.",
    (
        *_COUNTS,
        _RECOVERY[0],
        Column("recovered_closed", "int64", "count", "recovered, recover window closed"),
        Column("lost_closed", "int64", "count", "lost, recover window closed"),
        Column("value_left", "float64", "money", "value of abandoned and expired carts"),
        Column("value_mean_left", "float64", "money", "mean value of those"),
        Column("value_mean_bought", "float64", "money", "mean value of purchased and recovered"),
        Column("currency", "string", "text", "currency of the values; none where several"),
        *(Column(state, "int64", "count", f"{state} carts") for state in _STATES),
        Column("purchases", "int64", "count", "purchases"),
        Column("without_cart", "int64", "count", "purchases without a cart that holds something"),
        *_ABANDONMENT[1:], *_RECOVERY[1:],
    ),
    keys=(),
)  # fmt: skip
STATES = Table(
    "states", "One row a state and currency.",
    (
        Column("state", "string", "key", "what became of the cart"),
        Column("currency", "string", "key", "currency of its items; none where none or several"),
        Column("carts", "int64", "count", "carts"),
        people_count("people", "people with such a cart"),
        Column("value", "float64", "money", "value of the carts"),
        Column("value_mean", "float64", "money", "mean value of the carts whose value is known"),
        Column("valued", "int64", "count", "carts whose value is known"),
    ),
    keys=("state", "currency"), order=("state", "currency"),
)  # fmt: skip
PRODUCTS = Table(
    "products", "What was left behind in abandoned and expired carts, by item.",
    (
        Column("item_id", "string", "key", "item"),
        Column("left", "int64", "count", "abandoned and expired carts with it"),
        people_count("people", "people who left it behind"),
        Column("pieces", "int64", "count", "pieces left behind"),
        Column("value", "float64", "money", "their value; none where currencies mix"),
        Column("currency", "string", "text", "currency of the value"),
        _ABANDONMENT[0],
        Column("lost", "int64", "count", "abandoned, expired and recovered carts with it"),
        Column("ended", "int64", "count", "lost + purchased carts with it"),
        *_ABANDONMENT[1:],
    ),
    keys=("item_id",), order=("-left", "-lost", "item_id"),
)  # fmt: skip
STEPS = Table(
    "steps", "How far carts came: the last step of the checkout.",
    (
        Column("step", "string", "key", "step of the checkout; (cart): none"),
        *_COUNTS,
        Column("purchased", "int64", "count", "purchased carts"),
        Column("recovered", "int64", "count", "recovered carts"),
        *_ABANDONMENT[1:],
    ),
    keys=("step",), order=("-carts", "step"),
)  # fmt: skip
SIZES = Table(
    "sizes", "Carts by number of pieces.",
    (
        Column("pieces_from", "int64", "key", "fewest pieces of such a cart"),
        Column("pieces", "string", "text", "pieces in the cart"),
        *_COUNTS,
        *_ABANDONMENT[1:],
    ),
    keys=("pieces_from",),
)  # fmt: skip
PATHS = Table(
    "paths", "Sessions with a purchase, by what came before it; empty without --paths.",
    (
        Column("path", "string", "key", "longest way to a purchase"),
        Column("sessions", "int64", "count", "sessions with a purchase that came so"),
        people_count("people", "people with such a session"),
        *rate("share", "sessions ÷ all_sessions"),
        Column("all_sessions", "int64", "count", "sessions with a purchase"),
    ),
    keys=("path",), order=("-sessions", "path"),
)  # fmt: skip
CARTS = Table(
    "carts", "The carts, newest first.",
    (
        Column("start", "timestamp", "timestamp", "first add"),
        Column("person_id", "string", "key", "person"),
        Column("state", "string", "text", "what became of it"),
        Column("pieces", "int64", "count", "pieces when it was last not empty"),
        Column("value", "float64", "money", "their value"),
        Column("currency", "string", "text", "currency of the value"),
        Column("step", "string", "text", "last step of the checkout"),
        Column("last", "timestamp", "timestamp", "last add or removal"),
        Column("closed", "timestamp", "timestamp", "purchase"),
        Column("items", "int64", "count", "different items"),
        Column("is_known", "bool", "key", "whether person_id is a user's, not a device's"),
    ),
    keys=("start", "person_id", "is_known"),
    order=("-start", "person_id", "is_known"),
    is_list=True,
    is_broken_down=False,
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    parameters.limits()
    parameters.step_ref()
    parameters.cut()
    _listed(parameters)


def _listed(parameters: Parameters) -> int | None:
    if parameters.list == "all":
        return None
    if not (parameters.list.isascii() and parameters.list.isdigit()):
        raise UsageError(f"--list must be a number or all, was {parameters.list!r}")
    return int(parameters.list)


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return the carts that open in the period, their items, and the purchases of the period."""
    import narwhals as nw

    from clickcli.expressions import inside

    rows = context.engine.hold(inside(carts(events, context, parameters), context.period, "start"))
    _, window = parameters.limits()
    state, own = nw.col("state"), nw.col("row")
    lost = state.is_in([*_LEFT, State.RECOVERED.value])
    is_closed = nw.lit(context.as_of, nw.Int64) - nw.col("last") > window
    flags = {
        **{name: state == name for name in _STATES},
        "lost": lost,
        "ended": lost | (state == State.PURCHASED.value),
        "recovered_closed": (state == State.RECOVERED.value) & is_closed,
        "lost_closed": lost & is_closed,
    }
    size = nw.lit(1, nw.Int64)
    for least in list(_SIZES)[1:]:
        size = nw.when(nw.col("pieces") >= least).then(nw.lit(least, nw.Int64)).otherwise(size)
    of_carts = rows.filter(own != Row.PURCHASE.value).with_columns(
        size.alias("size"),
        *(nw.when(flag).then(1).otherwise(0).cast(nw.Int64).alias(name)
          for name, flag in flags.items()),
    )  # fmt: skip
    ways = {}
    if parameters.paths:
        table = purchase_paths(events, context, parameters.cut(), parameters.view, parameters.add,
                               parameters.purchases(context))  # fmt: skip
        ways["paths"] = inside(table, context.period, "start")
    found = of_carts.filter(own == Row.CART.value).drop("row", "item_id", "had_cart")
    return {
        "carts": found,
        "items": of_carts.filter(own == Row.ITEM.value).drop("row", "had_cart"),
        "purchases": rows.filter(own == Row.PURCHASE.value).select(
            "person_key", "seq", "had_cart", *context.by
        ),
        "listed": _listed_carts(found, events, parameters),
        **ways,
    }


def _listed_carts(
    table: nw.LazyFrame[Any], events: Events, parameters: Parameters
) -> nw.LazyFrame[Any]:
    """Return the newest carts with whose they are; those of one instant are listed together."""
    import narwhals as nw

    if (count := _listed(parameters)) is not None:
        table = table.with_columns((0 - nw.col("start")).alias("age"), nw.lit(1).alias("all"))
        table = table.with_columns(nw.col("age").rank("min").over("all").alias("place"))
        table = table.filter(nw.col("place") <= count).drop("age", "all", "place")
    people = events.frame(("person_id", "is_known"), with_by=False)
    people = people.select("seq", "person_id", "is_known")
    return table.join(people, on="seq", how="left")


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count carts and items by what became of them."""
    import narwhals as nw

    by = list(context.by)
    everything = nw.lit(0, nw.Int64).alias("all")
    found, items = units["carts"].with_columns(everything), units["items"]
    bought = units["purchases"].with_columns(everything)
    left = items.filter(nw.col("state").is_in(list(_LEFT)))
    listed = units["listed"]
    if by:
        from clickcli.context import TOTAL

        listed = listed.filter(nw.col(by[0]) == TOTAL)
    people = nw.col("person_key").n_unique().alias("people")
    ways = {}
    if parameters.paths:
        ways["paths"] = units["paths"].group_by(*by, "path").agg(nw.len().alias("sessions"), people)
    return {
        **ways,
        "summary": _counted(found, [*by, "all"]),
        "steps": _counted(found, [*by, "step"]),
        "sizes": _counted(found, [*by, "size"]),
        "items": _counted(items, [*by, "item_id"]),
        "states": found.group_by(*by, "state", "currency").agg(
            nw.len().alias("carts"), people, nw.col("value").sum(),
            nw.col("value").count().alias("valued"), nw.col("unpriced", "mixed").sum(),
        ),
        "left": left.group_by(*by, "item_id").agg(
            nw.len().alias("left"), people, nw.col("pieces").sum()
        ),
        "left_money": left.group_by(*by, "item_id", "currency").agg(nw.col("value").sum()),
        "purchases": bought.group_by(*by, "all").agg(
            nw.len().alias("purchases"), nw.col("had_cart").sum()
        ),
        "listed": listed,
    }  # fmt: skip


def _counted(table: nw.LazyFrame[Any], groups: Sequence[str]) -> nw.LazyFrame[Any]:
    import narwhals as nw

    return table.group_by(*groups).agg(
        nw.len().alias("carts"),
        nw.col("person_key").n_unique().alias("people"),
        nw.col(*_FLAGS).sum(),
    )


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates beside the counts and money into major units."""
    import polars as pl

    from clickcli.expressions import with_rate
    from clickcli.money import major
    from clickcli.notes import few

    summary = _summary(frames, context)
    states = frames["states"].with_columns(major("value").alias("value"))
    states = states.with_columns(
        pl.when(pl.col("valued") > 0).then(pl.col("value")).alias("value"),
        pl.when(pl.col("valued") > 0).then(pl.col("value") / pl.col("valued")).alias("value_mean"),
    )
    sizes = frames["sizes"].with_columns(
        pl.col("size").alias("pieces_from"),
        pl.col("size").replace_strict(_SIZES, return_dtype=pl.String).alias("pieces"),
    )
    tables = {
        "summary": _with_rates(summary),
        "states": states,
        "products": _products(frames, context),
        "steps": _with_rates(frames["steps"]),
        "sizes": _with_rates(sizes),
        "carts": _list_rows(frames["listed"], parameters),
    }
    if parameters.paths:
        whole = pl.col("sessions").sum()
        paths = frames["paths"].with_columns(
            (whole.over(context.by) if context.by else whole).alias("all_sessions")
        )
        tables["paths"] = with_rate(paths, "share", "sessions", "all_sessions")
    title = (
        f"Carts · abandoned after {parameters.abandon_after}, "
        f"recovered within {parameters.recover_window}"
    )
    notes = [*few(summary, "ended", "carts that ended"), *_notes(summary, states, context)]
    return Finished(tables, notes, title)


def _with_rates(table: pl.DataFrame) -> pl.DataFrame:
    from clickcli.expressions import with_rate

    table = with_rate(table, "abandonment_rate", "lost", "ended")
    return with_rate(table, "recovery_rate", "recovered_closed", "lost_closed")


def _summary(frames: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Return the counts of all carts with those of the purchases, and the values."""
    import polars as pl

    from clickcli.expressions import zeros

    groups = [*context.by, "all"]
    table = frames["summary"].join(frames["purchases"], on=groups, how="full", coalesce=True)
    if not table.height and not context.by:
        table = zeros(table)
    table = table.with_columns(pl.col(name).fill_null(0) for name in table.columns
                               if name not in context.by)  # fmt: skip
    states = frames["states"].with_columns(pl.lit(0, pl.Int64).alias("all"))
    for name, wanted in {"left": _LEFT, "bought": _BOUGHT}.items():
        table = table.join(_values(states, wanted, groups, name), on=groups, how="left")
    money = states.filter(pl.col("state").is_in([*_LEFT, *_BOUGHT]) & (pl.col("valued") > 0))
    codes = money.group_by(groups).agg(
        pl.col("currency").min(), pl.col("currency").n_unique().alias("currencies")
    )
    table = table.join(codes, on=groups, how="left")
    one = pl.col("currencies") == 1
    return table.with_columns(
        (pl.col("purchases") - pl.col("had_cart")).alias("without_cart"),
        pl.when(one).then(pl.col("currency")).alias("currency"),
        *(pl.when(one).then(pl.col(name)).alias(name)
          for name in ("value_left", "value_mean_left", "value_mean_bought")),
    )  # fmt: skip


def _values(
    states: pl.DataFrame, wanted: Sequence[str], groups: Sequence[str], name: str
) -> pl.DataFrame:
    """Return the value of carts in these states and its mean, right where one currency is used."""
    import polars as pl

    from clickcli.money import major

    chosen = states.filter(pl.col("state").is_in(list(wanted)))
    sums = chosen.group_by(*groups, "currency").agg(pl.col("value", "valued").sum())
    sums = sums.filter(pl.col("valued") > 0).with_columns(major("value").alias("value"))
    return sums.group_by(list(groups)).agg(
        pl.col("value").sum().alias(f"value_{name}"),
        (pl.col("value").sum() / pl.col("valued").sum()).alias(f"value_mean_{name}"),
    )


def _products(frames: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Return the items of carts that ended, with what was left behind of them."""
    import polars as pl

    from clickcli.money import one_currency

    groups = [*context.by, "item_id"]
    money = one_currency(frames["left_money"].fill_null(0), groups, "value")
    table = frames["items"].filter(pl.col("ended") > 0).drop("people")
    table = table.join(frames["left"], on=groups, how="left")
    table = table.with_columns(pl.col("left", "people", "pieces").fill_null(0))
    nothing = pl.when(pl.col("left") == 0).then(0.0).otherwise(pl.col("value"))
    return _with_rates(
        table.join(money, on=groups, how="left").with_columns(nothing.alias("value"))
    )


def _list_rows(listed: pl.DataFrame, parameters: Parameters) -> pl.DataFrame:
    import polars as pl

    from clickcli.money import major

    rows = listed.sort("start", "person_id", "is_known", descending=[True, False, False])
    if (count := _listed(parameters)) is not None:
        rows = rows.head(count)
    moments = pl.col("start", "last", "closed").cast(pl.Datetime("us", "UTC"))
    return rows.with_columns(major("value").alias("value"), moments)


def _notes(summary: pl.DataFrame, states: pl.DataFrame, context: Context) -> list[str]:
    notes = []
    if not summary["carts"].sum():
        notes.append("no carts: name the events that fill them with --add")
        return notes
    if not summary["purchases"].sum():
        notes.append("no purchases: name the events that are with --purchase")
    if summary.filter(summary["currencies"] > 1).height or states["mixed"].sum():
        notes.append("carts are in several currencies and not added up: see --table states")
    if states["unpriced"].sum():
        notes.append("some items in carts have no price and are left out of their value")
    return notes


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which carts' people a cell lists."""
    import narwhals as nw

    if cell in tuple(Path) and parameters.paths:
        return "paths", nw.col("path") == cell
    state, of_item, item = cell.partition(":")
    if state not in (*_STATES, "left") or (of_item and not item):
        forms = ", ".join((*_STATES, "left"))
        raise UsageError(f"--who must be one of {forms}, or STATE:ITEM, was {cell!r}")
    wanted = list(_LEFT) if state == "left" else [state]
    chosen = nw.col("state").is_in(wanted)
    return ("items", chosen & (nw.col("item_id") == item)) if item else ("carts", chosen)


ANALYSIS = Analysis(
    name="carts",
    version=1,
    parameters=Parameters,
    sample=Parameters(add=("add_to_cart", "view"), view=("page_view",), paths=True, list="all"),
    tables=(SUMMARY, STATES, PRODUCTS, STEPS, SIZES, PATHS, CARTS),
    unit_keys={
        "carts": ("seq",), "items": ("seq", "item_id"), "purchases": ("seq",), "listed": ("seq",),
        "paths": ("first_seq",),
    },
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("abandoned", "people with an abandoned cart; each other state likewise"),
        Cell("left", "people with an abandoned or expired cart"),
        Cell("view > purchase", "people with a session of this path, with --paths"),
        Cell("left:ITEM", "people who left an item behind; STATE:ITEM likewise"),
    ),
    examples=(
        "clickcli carts",
        "clickcli carts --table products --by country",
        "clickcli carts --who abandoned -o remind.jsonl",
    ),
    check=check,
)  # fmt: skip
