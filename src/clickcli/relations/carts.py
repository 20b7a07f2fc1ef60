"""Follow each person's cart from its first add to what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Option
from clickcli.columns import Dtype
from clickcli.relations.lines import LINE_COLUMNS, NO_ITEM, expanded
from clickcli.units import duration_us

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel
    from clickcli.filters import PropertyRef

_GROUP: Final = "Carts"
_ADD, _REMOVE, _CHECKOUT, _PURCHASE = range(4)
NO_STEP: Final = "(cart)"
"""The step of a cart that never came to a checkout."""


class State(StrEnum):
    """What became of a cart."""

    ACTIVE = "active"
    PURCHASED = "purchased"
    RECOVERED = "recovered"
    EMPTIED = "emptied"
    ABANDONED = "abandoned"
    EXPIRED = "expired"


class Row(StrEnum):
    """What a row of the relation is about."""

    CART = "cart"
    ITEM = "item"
    PURCHASE = "purchase"


@dataclass(frozen=True, kw_only=True)
class CartOptions:
    """Which events change a cart, and when it counts as abandoned."""

    abandon_after: Annotated[
        str, Option("A cart is abandoned this long after its last change.", kind="duration")
    ] = "60m"
    recover_window: Annotated[
        str,
        Option("A purchase this long after the last change recovers it.", kind="duration"),
    ] = "7d"
    add: Annotated[
        tuple[str, ...],
        Option("Event that puts an item into the cart (repeatable).", kind="event", group=_GROUP),
    ] = ("add_to_cart", "cart", "cart_add", "product_added")
    remove: Annotated[
        tuple[str, ...],
        Option("Event that takes an item out of it (repeatable).", kind="event", group=_GROUP),
    ] = ("remove_from_cart", "cart_remove", "product_removed")
    checkout: Annotated[
        tuple[str, ...],
        Option("Event that is a step of the checkout (repeatable).", kind="event", group=_GROUP),
    ] = (
        "checkout", "begin_checkout", "add_shipping_info", "add_payment_info", "shipping_details",
        "payment_details",
    )  # fmt: skip
    purchase: Annotated[
        tuple[str, ...],
        Option(
            "Event that is a purchase (repeatable); default: the conversion event.",
            kind="event",
            group=_GROUP,
        ),
    ] = ()
    step: Annotated[
        str,
        Option("Property that names the step; without it, the event.", kind="column", group=_GROUP),
    ] = "properties.step"

    def limits(self) -> tuple[int, int]:
        """Return both spans in microseconds; UsageError where they are none or contradict."""
        from clickcli.errors import UsageError

        after, window = duration_us(self.abandon_after), duration_us(self.recover_window)
        if window < after:
            raise UsageError(
                f"--recover-window must not be shorter than --abandon-after "
                f"({self.abandon_after}), was {self.recover_window}"
            )
        return after, window

    def purchases(self, context: Context) -> tuple[str, ...]:
        """Return the event types that are purchases."""
        return self.purchase or (context.dataset.conversion_event,)

    def step_ref(self) -> PropertyRef:
        """Return the property that names a step of the checkout; UsageError for no property."""
        from clickcli.filters import property_ref

        return property_ref(self.step)


def carts(
    events: Events, context: Context, options: CartOptions, label: str = "item_id"
) -> nw.LazyFrame[Any]:
    """Return one row a cart, one an item of a cart, and one a purchase, told apart by ``row``.

    A cart opens at a person's first add; adds and removals change it, an item's pieces never go
    below 0. It is over with a purchase, or when nothing changed for longer than the recover
    window. A purchase at most ``abandon_after`` after the last change is ``purchased``, later
    ``recovered``. A cart without pieces is ``emptied`` whatever comes.

    ``seq`` is that of the opening add, or of the purchase; ``start`` its time, ``last`` that of
    the last change, ``closed`` that of the purchase. ``pieces`` and ``value`` (minor units of
    ``currency``) are those at the last moment when the cart was not empty, a piece at the price
    of its item's latest add; ``value`` is null where no price is known or currencies mix
    (``mixed``), ``unpriced`` counts items without a price. ``label`` of an item is its value in
    the column of this name: category, brand or the item itself. ``had_cart`` says whether a
    purchase closed a cart.
    """
    import narwhals as nw

    after, window = options.limits()
    ref = options.step_ref()
    kinds = (options.add, options.remove, options.checkout, options.purchases(context))
    kind = nw.col("event_type")
    number: nw.Expr = nw.lit(None, nw.Int64)
    for place in (_CHECKOUT, _REMOVE, _ADD, _PURCHASE):  # an event of two kinds is the later one
        own = nw.lit(place, nw.Int64)
        number = nw.when(kind.is_in(list(kinds[place]))).then(own).otherwise(number)
    frame = events.frame({*LINE_COLUMNS, "event_type"}, [ref])
    frame = frame.with_columns(
        number.alias("kind"), nw.coalesce(nw.col(ref.column), kind).alias("step")
    ).filter(~nw.col("kind").is_null())
    frame = frame.select("person_key", "ts", "seq", "kind", "step", *LINE_COLUMNS, *context.by)
    kernel = _cart_kernel(_Follower(after, window, context.as_of), label, context.by)
    return context.engine.kernel(frame, kernel, _schema(context.by))


_NUMBERS: Final = (
    "person_key", "seq", "start", "last", "closed", "pieces", "items", "value", "mixed",
    "unpriced", "had_cart",
)  # fmt: skip
_WORDS: Final = ("row", "state", "step", "item_id", "label", "currency")


def _schema(by: Sequence[str]) -> dict[str, Dtype]:
    schema: dict[str, Dtype] = dict.fromkeys(_NUMBERS, "int64")
    return schema | dict.fromkeys((*_WORDS, *by), "string")


@dataclass(slots=True)
class _Item:
    label: str
    pieces: int = 0
    price: int | None = None
    currency: str | None = None


@dataclass(slots=True)
class _Cart:
    person_key: int
    seq: int
    start: int
    last: int
    by: tuple[str, ...]
    step: str = NO_STEP
    items: dict[str, _Item] = field(default_factory=dict)
    emptied: dict[str, _Item] | None = None
    """What the cart held before its last piece was taken out."""

    def put(
        self, item: str, label: str, pieces: int, price: int | None, currency: str | None
    ) -> None:
        own = self.items.setdefault(item, _Item(label))
        own.pieces += pieces
        if price is not None:
            own.price, own.currency = price, currency
        self.emptied = None

    def take(self, item: str, pieces: int) -> None:
        own = self.items.get(item)
        if own is None:
            return
        if pieces < own.pieces:
            own.pieces -= pieces
            return
        del self.items[item]
        if not self.items:
            self.emptied = {item: own}

    def rows(self, state: State, closed: int | None) -> Iterator[dict[str, Any]]:
        """Return the row of the cart and those of its items."""
        items = self.items if self.emptied is None else self.emptied
        common = {
            "person_key": self.person_key, "seq": self.seq, "start": self.start,
            "last": self.last, "closed": closed, "state": state.value, "step": self.step,
        }  # fmt: skip
        priced = [one for one in items.values() if one.price is not None]
        currencies = {one.currency for one in priced}
        one_currency = len(currencies) == 1
        value = sum(one.pieces * (one.price or 0) for one in priced)
        yield common | {
            "row": Row.CART.value, "by": self.by,
            "pieces": sum(one.pieces for one in items.values()), "items": len(items),
            "value": value if one_currency else None,
            "currency": next(iter(currencies)) if one_currency else None,
            "mixed": int(len(currencies) > 1), "unpriced": len(items) - len(priced),
        }  # fmt: skip
        for name, one in items.items():
            yield common | {
                "row": Row.ITEM.value, "by": self.by, "item_id": name, "label": one.label,
                "pieces": one.pieces,
                "items": 1, "value": None if one.price is None else one.pieces * one.price,
                "currency": one.currency, "mixed": 0, "unpriced": int(one.price is None),
            }  # fmt: skip


def _cart_kernel(follower: _Follower, label: str, by: Sequence[str]) -> Kernel:
    """Return the kernel of ``carts``."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from clickcli.engines.polars import POLARS_TYPES

        named = pl.col(label).fill_null(NO_ITEM).alias("label")
        names: tuple[str | pl.Expr, ...]
        names = ("person_key", "ts", "seq", "kind", "step", "item_id", named, "quantity", "price",
                 "currency", *by)  # fmt: skip
        rows = expanded(frame.with_columns(pl.lit(None, pl.Float64).alias("own_cost")))
        rows = rows.filter((pl.col("line") == 0) | (pl.col("kind") < _CHECKOUT))
        found = list(follower.follow(rows.select(*names).iter_rows()))
        for row in found:
            row.update(zip(by, row.pop("by"), strict=True))
        schema = {name: POLARS_TYPES[dtype] for name, dtype in _schema(by).items()}
        return pl.DataFrame(found, schema=schema)

    return kernel


class _Follower:
    """Goes through everybody's cart events in order, one open cart at a time."""

    def __init__(self, after: int, window: int, as_of: int) -> None:
        self._after, self._window, self._as_of = after, window, as_of

    def follow(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
        """Return the rows of every cart and purchase."""
        cart: _Cart | None = None
        for person, ts, seq, kind, step, item, label, pieces, price, currency, *by in rows:
            if cart is not None and (cart.person_key != person or ts - cart.last > self._window):
                yield from self._left(cart)
                cart = None
            if kind == _PURCHASE:
                had_cart = cart is not None and cart.emptied is None
                if cart is not None:
                    yield from self._bought(cart, ts)
                    cart = None
                yield {
                    "row": Row.PURCHASE.value, "person_key": person, "seq": seq, "start": ts,
                    "had_cart": int(had_cart), "by": by,
                }  # fmt: skip
            elif kind == _ADD and pieces > 0:
                if cart is None:
                    cart = _Cart(person, seq, ts, ts, tuple(by))
                cart.put(item, label, pieces, price, currency)
                cart.last = ts
            elif kind == _REMOVE and cart is not None:
                cart.take(item, pieces)
                cart.last = ts
            elif kind == _CHECKOUT and cart is not None:
                cart.step = step
        if cart is not None:
            yield from self._left(cart)

    def _bought(self, cart: _Cart, ts: int) -> Iterator[dict[str, Any]]:
        if cart.emptied is not None:
            return cart.rows(State.EMPTIED, None)
        in_time = ts - cart.last <= self._after
        return cart.rows(State.PURCHASED if in_time else State.RECOVERED, ts)

    def _left(self, cart: _Cart) -> Iterator[dict[str, Any]]:
        waits = self._as_of - cart.last
        if cart.emptied is not None:
            state = State.EMPTIED
        elif waits <= self._after:
            state = State.ACTIVE
        else:
            state = State.ABANDONED if waits <= self._window else State.EXPIRED
        return cart.rows(state, None)
