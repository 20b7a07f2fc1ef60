"""How items are seen, clicked, put into carts, bought and shared, and what they earn.

Definition
----------
A row is about an item (``--of category`` or ``brand``: all items of one); events that name none
stand in the row ``(none)``. Add and purchase rates are over the people who viewed it, whenever in
the period they did the one and the other. Click rate is over the people to whom it was
recommended or listed (``--shown``). Repeat views are a person's views after the first. Social
proof counts people who bought, shared, saved or joined it. Revenue is price × quantity of the
lines of purchases, before discounts of the order; the event's revenue where it has one line
without a price. Revenue per person is over everybody with an event about it. Cost, margin (revenue
minus cost), margin rate and return on spend are those of the lines whose cost is known: sent with
the line, else that of ``--costs`` (or ``costs.items`` in the configuration). Abandonment is as in
``carts``: of the carts with it, opened in the period, those that were lost. Time to a purchase
runs from the item's first view of the period to its first and its ``--nth`` purchase by anybody.

Input
-----
Views, adds, purchases, shares and recommendations, with an item or a list of items; ``cost`` of
list entries, ``properties.cost`` or a file; ``duration_ms`` of views.

Output
------
``items``: one row an item, most views first.

Units
-----
Seconds; money in the currency's major unit, none where currencies mix; shares 0–1 with Wilson
95 % intervals.

Cost
----
One pass over the events of items and one over those of carts, sorted by person and time.

Source
------
Item reports of shop analytics; ours counts people in rates, so that none is above 1.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from clickcli.relations.carts import CartOptions, Row, State, carts
from clickcli.relations.costs import read_item_costs
from clickcli.relations.item_events import ItemOptions, item_events

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_KINDS: Final = ("views", "adds", "purchases", "shown", "clicks", "shares", "saves", "joins")
_MOST_MS: Final = 86_400_000
"""A view that is said to have lasted longer than a day is not timed."""
_RATES: Final = {
    "add_rate": ("viewers_added", "viewers"),
    "purchase_rate": ("viewers_bought", "viewers"),
    "click_rate": ("shown_clicked", "shown_people"),
    "abandonment_rate": ("lost", "ended"),
}


@dataclass(frozen=True, kw_only=True)
class Parameters(ItemOptions, CartOptions):
    """Options of ``items``."""

    shown: Annotated[
        tuple[str, ...],
        Option("Event that shows an item in a list (repeatable).", kind="event", group="Items"),
    ] = ("recommendation_shown", "view_item_list", "impression")
    click: Annotated[
        tuple[str, ...],
        Option("Event that is a click there (repeatable).", kind="event", group="Items"),
    ] = ("recommendation_clicked", "select_item")
    share: Annotated[
        tuple[str, ...], Option("Event that shares it (repeatable).", kind="event", group="Items")
    ] = ("share",)
    save: Annotated[
        tuple[str, ...], Option("Event that saves it (repeatable).", kind="event", group="Items")
    ] = ("wishlist_add", "add_to_wishlist", "save")
    join: Annotated[
        tuple[str, ...],
        Option("Event that joins its group (repeatable).", kind="event", group="Items"),
    ] = ("group_join",)
    nth: Annotated[
        int, Option("Also the time to this purchase of an item.", kind="count", minimum=2)
    ] = 10
    costs: Annotated[
        str | None, Option("CSV file of item costs: item_id, cost, currency.", kind="csv")
    ] = None

    def costs_file(self, context: Context) -> str | None:
        """Return the file of item costs, that of the configuration where none is named."""
        return self.costs or context.dataset.costs_items


_SHARES: Final = {name: rate(name, " ÷ ".join(counts)) for name, counts in _RATES.items()}
ITEMS = Table(
    "items",
    "One row an item, category or brand.",
    (
        Column("item", "string", "key", "item, category or brand"),
        Column("views", "int64", "count", "views"),
        people_count("viewers", "people who viewed it"),
        _SHARES["add_rate"][0],
        _SHARES["purchase_rate"][0],
        Column("purchases", "int64", "count", "lines of purchases"),
        Column("revenue", "float64", "money", "price × quantity; none where currencies mix"),
        Column("currency", "string", "text", "currency of all money"),
        Column("quantity", "int64", "count", "pieces bought"),
        _SHARES["abandonment_rate"][0],
        Column("margin", "float64", "money", "costed_revenue minus cost"),
        Column("margin_rate", "float64", "ratio", "margin ÷ costed_revenue"),
        Column("revenue_per_person", "float64", "money", "revenue ÷ people"),
        _SHARES["click_rate"][0],
        Column("view_mean_s", "float64", "duration_s", "mean duration of the timed views"),
        Column("repeat_views", "int64", "count", "views after a person's first"),
        Column("shares", "int64", "count", "times shared"),
        people_count("proof", "people who bought, shared, saved or joined it"),
        Column("to_first_s", "float64", "duration_s", "first view to first purchase"),
        Column("to_nth_s", "float64", "duration_s", "first view to the --nth purchase"),
        Column("adds", "int64", "count", "adds to a cart"),
        people_count("buyers", "people who bought it"),
        people_count("people", "people with any event about it"),
        Column("cost", "float64", "money", "cost of what was bought, where it is known"),
        Column("costed_revenue", "float64", "money", "revenue of the lines whose cost is known"),
        Column("return_on_spend", "float64", "ratio", "costed_revenue ÷ cost"),
        people_count("viewers_added", "viewers who put it into a cart"),
        people_count("viewers_bought", "viewers who bought it"),
        Column("shown", "int64", "count", "times recommended or listed"),
        Column("clicks", "int64", "count", "clicks there"),
        people_count("shown_people", "people to whom it was shown"),
        people_count("shown_clicked", "of those, people who clicked"),
        Column("timed", "int64", "count", "views whose duration was sent"),
        Column("lost", "int64", "count", "abandoned, expired and recovered carts with it"),
        Column("ended", "int64", "count", "lost + purchased carts with it"),
        *(column for three in _SHARES.values() for column in three[1:]),
    ),
    keys=("item",),
    order=("-views", "-purchases", "item"),
)


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    parameters.limits()
    if (costs := parameters.costs_file(context)) is not None:
        read_item_costs(costs, context)


def _kinds(parameters: Parameters, context: Context) -> dict[str, tuple[str, ...]]:
    chosen = (
        parameters.view, parameters.add, parameters.purchases(context), parameters.shown,
        parameters.click, parameters.share, parameters.save, parameters.join,
    )  # fmt: skip
    return dict(zip(_KINDS, chosen, strict=True))


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row a person and item, one a line of a purchase, and one an item of a cart."""
    import narwhals as nw

    from clickcli.expressions import inside

    columns = ("item_id", "price", "cost", "quantity", "currency")
    found = item_events(events, context, _kinds(parameters, context), parameters.of, columns,
                        ("duration_ms", "revenue"))  # fmt: skip
    rows = context.engine.hold(inside(found, context.period))
    keys = ["person_key", "item", *context.by]
    is_view, ms = nw.col("views") == 1, nw.col("duration_ms")
    spent = nw.when(is_view & (ms >= 0) & (ms <= _MOST_MS)).then(ms).otherwise(None)
    pairs = rows.with_columns(
        spent.alias("ms"), nw.when(is_view).then(nw.col("ts")).otherwise(None).alias("viewed")
    )
    pairs = pairs.group_by(*keys).agg(
        nw.col(*_KINDS).sum(), nw.col("ms").sum(), nw.col("ms").count().alias("timed"),
        nw.col("viewed").min(),
    )  # fmt: skip
    sold = nw.col("price") * nw.col("quantity")
    sold = nw.when(~nw.col("price").is_null()).then(sold)
    sold = sold.otherwise(nw.when(nw.col("lines") == 1).then(nw.col("revenue")).otherwise(None))
    of_carts = inside(carts(events, context, parameters, parameters.of.column), context.period,
                      "start").filter(nw.col("row") == Row.ITEM.value)  # fmt: skip
    lost = nw.col("state").is_in(
        [State.ABANDONED.value, State.EXPIRED.value, State.RECOVERED.value]
    )
    ended = lost | (nw.col("state") == State.PURCHASED.value)
    in_carts = of_carts.with_columns(
        nw.col("label").alias("item"),
        nw.when(lost).then(1).otherwise(0).cast(nw.Int64).alias("lost"),
        nw.when(ended).then(1).otherwise(0).cast(nw.Int64).alias("ended"),
    )
    return {
        "pairs": _judged(pairs),
        "sales": _costed(rows.filter(nw.col("purchases") == 1), parameters, context)
        .with_columns(sold.alias("sold"), (nw.col("cost") * nw.col("quantity")).alias("cost"))
        .select(*keys, "ts", "seq", "line", "quantity", "currency", "sold", "cost"),
        "carts": in_carts.group_by("person_key", "seq", "item", *context.by).agg(
            nw.col("lost", "ended").max()
        ),
    }


def _costed(
    lines: nw.LazyFrame[Any], parameters: Parameters, context: Context
) -> nw.LazyFrame[Any]:
    """Fill the costs that were not sent from the file of costs."""
    import narwhals as nw

    path = parameters.costs_file(context)
    if path is None:
        return lines
    table = context.engine.table(read_item_costs(path, context))
    joined = lines.join(table, on=["item_id", "currency"], how="left")
    return joined.with_columns(nw.coalesce("cost", "table_cost").alias("cost"))


def _judged(pairs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add what a person did with an item, as 0 or 1."""
    import narwhals as nw

    did = {name: nw.col(name) > 0 for name in _KINDS}
    flags = {
        "viewers": did["views"],
        "buyers": did["purchases"],
        "viewers_added": did["views"] & did["adds"],
        "viewers_bought": did["views"] & did["purchases"],
        "shown_people": did["shown"],
        "shown_clicked": did["shown"] & did["clicks"],
        "proof": did["purchases"] | did["shares"] | did["saves"] | did["joins"],
    }
    again = nw.when(did["views"]).then(nw.col("views") - 1).otherwise(0)
    return pairs.with_columns(
        again.cast(nw.Int64).alias("repeat_views"),
        *(nw.when(flag).then(1).otherwise(0).cast(nw.Int64).alias(name)
          for name, flag in flags.items()),
    )  # fmt: skip


_SUMS: Final = (
    *_KINDS, "ms", "timed", "repeat_views", "viewers", "buyers", "viewers_added",
    "viewers_bought", "shown_people", "shown_clicked", "proof",
)  # fmt: skip


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Sum what people did by item."""
    import narwhals as nw

    groups = [*context.by, "item"]
    sales = units["sales"]
    place = nw.col("ts").rank("ordinal").over(*groups).cast(nw.Int64).alias("place")
    is_costed = ~nw.col("cost").is_null()
    priced = sales.filter(~nw.col("sold").is_null()).with_columns(
        nw.when(is_costed).then(nw.col("sold")).otherwise(None).alias("costed_revenue")
    )
    return {
        "items": units["pairs"].group_by(*groups).agg(
            nw.col(*_SUMS).sum(), nw.col("viewed").min(), nw.len().alias("people")
        ),
        "quantity": sales.group_by(*groups).agg(nw.col("quantity").sum()),
        "money": priced.group_by(*groups, "currency").agg(
            nw.col("sold", "cost", "costed_revenue").sum(), nw.col("cost").count().alias("costed")
        ),
        "places": sales.with_columns(place)
        .filter((nw.col("place") == 1) | (nw.col("place") == parameters.nth))
        .select(*groups, "place", "ts"),
        "carts": units["carts"].group_by(*groups).agg(nw.col("lost", "ended").sum()),
    }  # fmt: skip


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Put rates, money and times beside the counts."""
    import polars as pl

    from clickcli.expressions import share, with_rate
    from clickcli.notes import few

    groups = [*context.by, "item"]
    table = frames["items"].join(frames["quantity"], on=groups, how="left")
    table = table.join(frames["carts"], on=groups, how="left")
    table = table.with_columns(pl.col("quantity", "lost", "ended").fill_null(0))
    table = table.join(_money(frames["money"], groups), on=groups, how="left")
    sold_nothing = pl.col("purchases") == 0
    table = table.with_columns(
        pl.when(sold_nothing).then(0.0).otherwise(pl.col("revenue")).alias("revenue"),
        pl.when(pl.col("timed") > 0).then(pl.col("ms") / (pl.col("timed") * 1000))
        .alias("view_mean_s"),
    )  # fmt: skip
    for name, place in {"to_first_s": 1, "to_nth_s": parameters.nth}.items():
        at = frames["places"].filter(pl.col("place") == place).select(*groups, "ts")
        span = pl.col("ts") - pl.col("viewed")
        table = table.join(at, on=groups, how="left").with_columns(
            pl.when(span >= 0).then(span / MICROSECONDS_PER_SECOND).alias(name)
        )
        table = table.drop("ts")
    for name, (above, below) in _RATES.items():
        table = with_rate(table, name, above, below)
    table = table.with_columns(
        share("margin", "costed_revenue").alias("margin_rate"),
        share("costed_revenue", "cost").alias("return_on_spend"),
        share("revenue", "people").alias("revenue_per_person"),
    )
    notes = []
    if not table["views"].sum():
        notes.append("no views of items: name the events that are with --view")
    else:
        notes += few(table, "viewers", "viewers")
    if (frames["money"].group_by(groups).len()["len"] > 1).any():
        notes.append("some revenue is in several currencies and not added up: filter by currency")
    what = {"item": "Items", "category": "Categories", "brand": "Brands"}[parameters.of.value]
    costs = parameters.costs_file(context)
    facts = {} if costs is None else {"costs": costs}
    return Finished({"items": table}, notes, f"{what} · of events that name one", facts)


def _money(money: pl.DataFrame, groups: list[str]) -> pl.DataFrame:
    """Return revenue, cost and margin of what earned one currency; the last two where known."""
    import polars as pl

    from clickcli.money import major

    names = ("revenue", "cost", "costed_revenue", "margin")
    is_costed, one = pl.col("costed") > 0, pl.len() == 1
    sums = money.rename({"sold": "revenue"}).with_columns(
        (pl.col("costed_revenue") - pl.col("cost")).alias("margin")
    )
    return (
        sums.with_columns(major(name).alias(name) for name in names)
        .with_columns(pl.when(is_costed).then(name).alias(name) for name in names[1:])
        .group_by(groups)
        .agg(pl.when(one).then(pl.col(name).first()).alias(name) for name in (*names, "currency"))
    )


_CELLS: Final = {
    "viewed": "viewers", "added": "adds", "bought": "buyers", "shared": "shares",
    "repeated": "repeat_views", "proof": "proof",
}  # fmt: skip


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return which people did something with an item."""
    import narwhals as nw

    word, _, item = cell.partition(":")
    if word not in _CELLS or not item:
        forms = ", ".join(f"{known}:ITEM" for known in _CELLS)
        raise UsageError(f"--who must be one of {forms}, was {cell!r}")
    return "pairs", (nw.col("item") == item) & (nw.col(_CELLS[word]) > 0)


ANALYSIS = Analysis(
    name="items",
    version=1,
    parameters=Parameters,
    sample=Parameters(view=("view", "page_view"), nth=2),
    tables=(ITEMS,),
    unit_keys={
        "pairs": ("person_key", "item"), "sales": ("seq", "line"), "carts": ("seq", "item"),
    },
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("viewed:ITEM", "people who viewed it"),
        Cell("added:ITEM", "people who put it into a cart"),
        Cell("bought:ITEM", "people who bought it"),
        Cell("shared:ITEM", "people who shared it"),
        Cell("repeated:ITEM", "people who viewed it more than once"),
        Cell("proof:ITEM", "people who bought, shared, saved or joined it"),
    ),
    examples=(
        "clickcli items --limit 20",
        "clickcli items --of category --last 28d",
        "clickcli items --who viewed:p_026",
    ),
    check=check,
)  # fmt: skip
