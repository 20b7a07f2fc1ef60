"""Which items to offer together: bundles of two kinds of items, by the lower bound of lift.

Definition
----------
A bundle is two items that are together in at least ``--min-count`` baskets, and whose lower bound
of lift is above ``--min-lift``: the Wilson 95 % lower bound of the confidence (baskets with both ÷
baskets with the item) ÷ the share of baskets with the partner. *complementary*: every such pair
once, the way with the higher bound. *cross-sell*: the partner is of another category. *upsell*: of
the same category, at a higher price. *seasonal*: one month of the year holds a larger share of the
pair's baskets (by its lower bound) than of all baskets, and at least ``--min-count`` of them.
*promotional*: the partner is a slow mover and the item is not: of the items in at least
``--min-count`` baskets, a slow one is in no more than the quarter in fewest, and a strong one in
more than half of them are. The discount suggested is ``--discount`` of the bundle's price; where
both costs are known, no more than leaves ``--keep-margin`` of what is paid, and never below 0.

Input
-----
Purchases with their items, categories, prices and costs (``--costs`` for costs that the log does
not carry). Price and cost of an item are means over its orders in the currency of most of them.
For ``performance``: events that show (``--shown``), click (``--click``) and buy (``--sold``) a
bundle, with its id (``--bundle``).

Output
------
``bundles``: one row a kind and pair, best lower bound first. ``performance``: one row a bundle.

Units
-----
Shares 0–1 with Wilson 95 % intervals; money in major units.

Cost
----
Two passes over the events; memory grows with the lines of orders.

Source
------
Association rules (Agrawal and Srikant 1994), with the lower bound of lift in the place of lift.
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
from clickcli.errors import UsageError
from clickcli.relations.baskets import each_group
from clickcli.relations.costs import read_item_costs
from clickcli.relations.lines import NO_ITEM, lines
from clickcli.relations.orders import OrderOptions
from clickcli.relations.set_texts import parted
from clickcli.units import Every

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events

_GROUP: Final = "Events of bundles"


@dataclass(frozen=True, kw_only=True)
class Parameters(OrderOptions):
    """Options of ``bundles``."""

    min_count: Annotated[
        int, Option("Least number of baskets with both.", kind="count", minimum=1)
    ] = 5
    min_lift: Annotated[
        float, Option("The lower bound of lift must be above this.", kind="count", minimum=0)
    ] = 1.0
    discount: Annotated[
        float,
        Option("Discount suggested, of the price.", kind="count", minimum=0, maximum=1),
    ] = 0.1
    keep_margin: Annotated[
        float,
        Option("Least margin left, of what is paid.", kind="count", minimum=0, maximum=0.99),
    ] = 0.1
    costs: Annotated[
        str | None, Option("CSV file of item costs: item_id, cost, currency.", kind="csv")
    ] = None
    shown: Annotated[
        tuple[str, ...],
        Option("Event that shows a bundle (repeatable).", kind="event", group=_GROUP),
    ] = ("bundle_shown", "bundle_view")
    click: Annotated[
        tuple[str, ...],
        Option("Event that is a click on one (repeatable).", kind="event", group=_GROUP),
    ] = ("bundle_clicked", "bundle_click")
    sold: Annotated[
        tuple[str, ...],
        Option("Event that buys one (repeatable).", kind="event", group=_GROUP),
    ] = ("bundle_purchased", "bundle_purchase")
    bundle: Annotated[
        str, Option("Column or properties.x that names it.", kind="column", group=_GROUP)
    ] = "properties.bundle_id"

    def costs_file(self, context: Context) -> str | None:
        """Return the file of item costs, that of the configuration where none is named."""
        return self.costs or context.dataset.costs_items


_CONFIDENCE: Final = rate("confidence", "count ÷ item_count")
_CLICK_RATE: Final = rate("click_rate", "clickers ÷ people")
_CONVERSION: Final = rate("conversion", "buyers ÷ people")
BUNDLES = Table(
    "bundles",
    "One row a kind and pair.",
    (
        Column("bundle_kind", "string", "key", "why it is a bundle"),
        Column("item", "string", "key", "item that is in the basket"),
        Column("partner", "string", "key", "item to be offered with it"),
        Column("lift_low", "float64", "ratio", "lower 95 % bound of lift"),
        Column("count", "int64", "count", "baskets with both"),
        people_count("people", "people who have such a basket"),
        Column("price", "float64", "money", "of both together, none where currencies differ"),
        Column("currency", "string", "text", "currency of the price"),
        Column("discount", "float64", "ratio", "suggested share of the price to take off"),
        Column("margin_rate", "float64", "ratio", "(price − cost) ÷ price, where costs are known"),
        Column("season", "int64", "text", "month of the year that holds most of a seasonal one"),
        Column("lift", "float64", "ratio", "confidence ÷ share of baskets with the partner"),
        Column("lift_high", "float64", "ratio", "upper 95 % bound of lift"),
        *_CONFIDENCE,
        Column("item_count", "int64", "count", "baskets with the item"),
        Column("partner_count", "int64", "count", "baskets with the partner"),
        Column("baskets", "int64", "count", "all baskets"),
        Column("season_count", "int64", "count", "baskets with both in the season"),
    ),
    keys=("bundle_kind", "item", "partner"),
    order=("bundle_kind", "-lift_low", "item", "partner"),
)
PERFORMANCE = Table(
    "performance",
    "One row a bundle that was shown, clicked or bought as such.",
    (
        Column("bundle", "string", "key", "its id; (none) where it was not sent"),
        Column("shown", "int64", "count", "times shown"),
        people_count("people", "people to whom it was shown"),
        people_count("clickers", "of those, people who clicked it"),
        _CLICK_RATE[0],
        people_count("buyers", "of those, people who bought it"),
        _CONVERSION[0],
        Column("clicks", "int64", "count", "clicks"),
        Column("sales", "int64", "count", "times bought"),
        *_CLICK_RATE[1:], *_CONVERSION[1:],
    ),
    keys=("bundle",),
    order=("-shown", "bundle"),
)  # fmt: skip


def check(parameters: Parameters, context: Context) -> None:
    """Refuse options that cannot be read."""
    from clickcli.filters import column_or_property

    column_or_property(parameters.bundle, known_properties=context.dataset.property_names)
    if (costs := parameters.costs_file(context)) is not None:
        read_item_costs(costs, context)


def units(events: Events, parameters: Parameters, context: Context) -> Units:
    """Return one row an item of a basket, and one a person and bundle."""
    import narwhals as nw

    from clickcli.expressions import inside

    columns = ("item_id", "category", "price", "cost", "currency")
    rows = lines(events, context, parameters.purchases(context), columns, ("order_id",))
    rows = inside(rows, context.period).filter(nw.col("item_id") != NO_ITEM)
    if (path := parameters.costs_file(context)) is not None:
        table = context.engine.table(read_item_costs(path, context))
        rows = rows.join(table, on=["item_id", "currency"], how="left")
        rows = rows.with_columns(nw.coalesce("cost", "table_cost").alias("cost"))
    first = nw.col("seq").min().over("person_key", "order_id")
    number = nw.when(nw.col("order_id").is_null()).then(nw.col("seq")).otherwise(first)
    rows = rows.with_columns(number.alias("basket"), nw.col("item_id").alias("item"))
    in_basket = rows.group_by("person_key", "basket", "item", *context.by).agg(
        nw.col("ts").min(), nw.col("category", "price", "cost", "currency").max()
    )
    months = context.calendar.with_index(in_basket, "month", Every.MONTH)
    return {
        "items": months.select(
            "person_key", "basket", "item", "category", "price", "cost", "currency",
            (nw.col("month") % 12 + 1).alias("month"), *context.by,
        ),
        "shown": _shown(events, parameters, context),
    }  # fmt: skip


def _shown(events: Events, parameters: Parameters, context: Context) -> nw.LazyFrame[Any]:
    """Return one row a person and bundle: how often shown, clicked and bought."""
    import narwhals as nw

    from clickcli.filters import PropertyRef, column_or_property

    source = column_or_property(parameters.bundle)
    is_property = isinstance(source, PropertyRef)
    name = source.column if isinstance(source, PropertyRef) else source
    frame = events.frame(
        {"event_type", *(() if is_property else (name,))},
        [source] if isinstance(source, PropertyRef) else [],
        period=context.period,
    )
    kinds = {"shown": parameters.shown, "clicks": parameters.click, "sales": parameters.sold}
    kind = nw.col("event_type")
    frame = frame.filter(kind.is_in([one for types in kinds.values() for one in types]))
    frame = frame.with_columns(
        nw.col(name).cast(nw.String).fill_null(NO_ITEM).alias("bundle"),
        *(nw.when(kind.is_in(list(types))).then(1).otherwise(0).cast(nw.Int64).alias(one)
          for one, types in kinds.items()),
    )  # fmt: skip
    pairs = frame.group_by("person_key", "bundle", *context.by).agg(nw.col(*kinds).sum())
    saw = nw.col("shown") > 0
    flags = {"people": saw, "clickers": saw & (nw.col("clicks") > 0)}
    flags["buyers"] = saw & (nw.col("sales") > 0)
    return pairs.with_columns(
        nw.when(flag).then(1).otherwise(0).cast(nw.Int64).alias(one) for one, flag in flags.items()
    )


def reduce(
    units: Units, parameters: Parameters, context: Context
) -> Mapping[str, nw.LazyFrame[Any]]:
    """Count the baskets, and leave out the items that are in too few of them."""
    import narwhals as nw

    rows = units["items"].with_columns(nw.lit(0, nw.Int64).alias("all"))
    count = nw.len().over("item", *context.by)
    totals = rows.group_by(*context.by, "all").agg(nw.col("basket").n_unique().alias("baskets"))
    months = rows.group_by(*context.by, "month").agg(nw.col("basket").n_unique().alias("baskets"))
    names = ("shown", "clicks", "sales", "people", "clickers", "buyers")
    return {
        "totals": totals,
        "months": months,
        "rows": rows.with_columns(count.alias("n")).filter(nw.col("n") >= parameters.min_count),
        "shown": units["shown"].group_by(*context.by, "bundle").agg(nw.col(*names).sum()),
    }


def finish(
    frames: Mapping[str, pl.DataFrame], parameters: Parameters, context: Context
) -> Finished:
    """Find the bundles of each value of the breakdown."""
    import polars as pl

    from clickcli.expressions import with_rate
    from clickcli.models.bundles import Terms, bundles

    terms = Terms(
        parameters.min_count, parameters.min_lift, parameters.discount, parameters.keep_margin
    )

    def mined(rows: pl.DataFrame, line: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
        months = frames["months"]
        if context.by:
            months = months.filter([pl.col(name) == line[name] for name in context.by])
        return {"bundles": bundles(rows, months, line["baskets"], terms)}

    given = each_group(frames["totals"], frames["rows"], context.by, mined)
    shown = with_rate(frames["shown"], "click_rate", "clickers", "people")
    shown = with_rate(shown, "conversion", "buyers", "people")
    notes = parameters.missing(context)
    if not notes and ("bundles" not in given or not given["bundles"].height):
        few = (
            f"no two items are together in {parameters.min_count} baskets more often than by chance"
        )
        notes = [f"{few}: lower --min-count or --min-lift"]
    elif not notes and given["bundles"]["margin_rate"].null_count():
        notes = ["no costs of some items: their discount is bounded by no margin (--costs)"]
    title = f"Bundles · items together in {parameters.min_count} orders or more"
    return Finished({**given, "performance": shown}, notes, title)


_CELLS: Final = {"shown": "people", "clicked": "clickers", "bought": "buyers"}


def who(cell: str, parameters: Parameters, context: Context) -> tuple[str, nw.Expr]:
    """Return the people with a basket that holds both items, or who saw a bundle."""
    import narwhals as nw

    word, _, text = cell.partition(":")
    if word in _CELLS and text:
        return "shown", (nw.col("bundle") == text) & (nw.col(_CELLS[word]) == 1)
    if word != "holds" or not text:
        forms = ", ".join(f"{known}:BUNDLE" for known in _CELLS)
        raise UsageError(f"--who must be holds:A, B or one of {forms}, was {cell!r}")
    names = parted(text, ",")
    is_asked = nw.when(nw.col("item").is_in(names)).then(1).otherwise(0)
    return "items", is_asked.sum().over("basket") == len(set(names))


ANALYSIS = Analysis(
    name="bundles",
    version=1,
    parameters=Parameters,
    sample=Parameters(min_count=1, min_lift=0, shown=("view",), click=("add_to_cart",),
                      sold=("purchase",), bundle="page_path"),
    tables=(BUNDLES, PERFORMANCE),
    unit_keys={"items": ("basket", "item"), "shown": ("person_key", "bundle")},
    units=units,
    reduce=reduce,
    finish=finish,
    who=who,
    cells=(
        Cell("holds:A, B", "people with a basket that holds both"),
        Cell("shown:BUNDLE", "people to whom it was shown"),
        Cell("clicked:BUNDLE", "of those, people who clicked it"),
        Cell("bought:BUNDLE", "of those, people who bought it"),
    ),
    examples=(
        "clickcli bundles",
        "clickcli bundles --min-count 3 --discount 0.15 --keep-margin 0.2",
        "clickcli bundles --who 'holds:p_026, p_029'",
    ),
    check=check,
    fits=True,
)  # fmt: skip
