"""What people did with items, for recommending: one row an item of each view, add and purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Option
from clickcli.errors import UsageError
from clickcli.relations.engagement import SessionOptions
from clickcli.relations.item_events import VIEWS, Of, item_events
from clickcli.relations.lines import NO_ITEM
from clickcli.relations.visits import FIRST_SEQ, session_starts
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw

    from clickcli.context import Context, Events

NO_DECAY: Final = "none"
UNIT: Final = ("person_key", "ts", "seq", "line")
"""What identifies a row."""
_GROUP: Final = "Interactions"


def half_life_us(text: str) -> int | None:
    """Return a half-life, None where nothing decays; UsageError for what is no duration."""
    if text.strip().lower() == NO_DECAY:
        return None
    span = duration_us(text)
    if span == 0:
        raise UsageError(
            "--half-life must be longer than nothing, was 0",
            hint="--half-life none lets nothing decay",
        )
    return span


def _weight(what: str) -> Option:
    return Option(f"What {what} counts.", kind="count", minimum=0, maximum=1000, group=_GROUP)


@dataclass(frozen=True, kw_only=True)
class InteractionOptions(SessionOptions):
    """Which events are about items, and what each counts."""

    view: Annotated[
        tuple[str, ...],
        Option("Event that is a view of an item (repeatable).", kind="event", group=_GROUP),
    ] = VIEWS
    add: Annotated[
        tuple[str, ...],
        Option("Event that is an add to the cart (repeatable).", kind="event", group=_GROUP),
    ] = ("add_to_cart", "cart", "cart_add", "product_added")
    purchase: Annotated[
        tuple[str, ...],
        Option("Event that is a purchase (repeatable); default: the conversion event.",
               kind="event", group=_GROUP),
    ] = ()  # fmt: skip
    weight_view: Annotated[int, _weight("a view")] = 1
    weight_add: Annotated[int, _weight("an add to the cart")] = 3
    weight_purchase: Annotated[int, _weight("a purchase")] = 5
    half_life: Annotated[
        str, Option("Age at which an event counts half; none: always whole.", group=_GROUP)
    ] = "30d"
    undamped: Annotated[
        bool,
        Option("Let a rating be the sum s of its events, not ln(1 + s).", group=_GROUP),
    ] = False

    def half_life_us(self) -> int | None:
        """Return the half-life, None where nothing decays; UsageError for what is no duration."""
        return half_life_us(self.half_life)

    def check_interactions(self) -> None:
        """Refuse options that cannot be read, before any data is."""
        self.half_life_us()
        self.cut()
        if not self.weight_view + self.weight_add + self.weight_purchase:
            raise UsageError("views, adds and purchases all have a weight of 0: nothing is left")


def interactions(
    events: Events, context: Context, options: InteractionOptions, *, tells_more: bool = True
) -> nw.LazyFrame[Any]:
    """Return one row an item of each view, add and purchase that names an item.

    Columns: those of ``UNIT``, ``session`` (the ``seq`` of its first event; that of the event
    itself where it belongs to none), ``item``, ``weight``, and of the item ``category``, ``brand``,
    ``price`` in minor units and ``currency``. Events that count 0 are left out. Unless
    ``tells_more``, the session and what is told of the item are left out too.
    """
    import narwhals as nw

    kinds = {
        "views": options.view,
        "adds": options.add,
        "purchases": options.purchase or (context.dataset.conversion_event,),
    }
    weights = (options.weight_view, options.weight_add, options.weight_purchase)
    columns = ("category", "brand", "price", "currency") if tells_more else ()
    rows = item_events(events, context, kinds, Of.ITEM, columns)
    weight = nw.lit(0, nw.Int64)
    for name, own in zip(kinds, weights, strict=True):
        weight = weight + nw.col(name) * own
    rows = rows.with_columns(weight.alias("weight"))
    rows = rows.filter((nw.col("item") != NO_ITEM) & (nw.col("weight") > 0))
    if not tells_more:
        return rows.select(*UNIT, "item", "weight", *context.by)
    types = sorted({name for names in kinds.values() for name in names})
    sessions = session_starts(events, context, options.cut(), types).select("seq", FIRST_SEQ)
    rows = rows.join(sessions, on="seq", how="left")
    return rows.with_columns(nw.coalesce(nw.col(FIRST_SEQ), nw.col("seq")).alias("session")).select(
        *UNIT, "session", "item", "weight", *columns, *context.by
    )
