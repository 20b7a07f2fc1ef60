"""One row an item of an event: of its list of items, else its own item.

A list is kept as it was sent: entries are objects under the names that the columns have in a log
line (``item_id``, ``sku``, ``qty`` …), with amounts in major units; what is no amount is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME, Dtype
from clickcli.currencies import exponent
from clickcli.money import unit

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context, Events
    from clickcli.engines import Kernel

NO_ITEM: Final = "(none)"
COST: Final = "properties.cost"
LINE_COLUMNS: Final = (
    "items", "item_id", "category", "brand", "price", "quantity", "currency",
)  # fmt: skip
"""Event columns that ``expanded`` reads."""
OWN_COST: Final = "own_cost"
MOST_PIECES: Final = 1_000_000
MOST_MINOR: Final = 10**12
"""Amounts from here on are no prices: a sum of them would not fit 64 bits."""
_TEXTS: Final = ("item_id", "category", "brand")
_ENTRY: Final = ("line", "lines", *_TEXTS, "price", "cost", "quantity", "currency")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    name: (name, *BY_NAME[name].aliases) for name in (*_TEXTS, "price", "quantity", "currency")
} | {"item_id": ("item_id", "id", *BY_NAME["item_id"].aliases), "cost": ("cost", "unit_cost")}


def lines(
    events: Events,
    context: Context,
    types: Sequence[str],
    columns: Sequence[str],
    carried: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    """Return one row an item of each event of these types.

    ``columns`` are those of ``line_schema`` asked for, ``carried`` other columns of the event.
    ``line`` counts the ``lines`` of an event from 0. ``item_id`` is ``(none)`` where none is named;
    ``price`` and ``cost`` of a piece are in minor units of ``currency``, null where unknown;
    ``quantity`` is 1 where it was not sent.
    """
    import narwhals as nw

    from clickcli.filters import property_ref

    cost = [property_ref(COST, "number")] if "cost" in columns else []
    read: list[str] = [name for name in LINE_COLUMNS if name in ("items", "item_id", *columns)]
    if not {"price", "cost"}.isdisjoint(columns):
        read = list(dict.fromkeys([*read, "currency"]))
    frame = events.frame({*read, "event_type", *carried}, cost)
    frame = frame.filter(nw.col("event_type").is_in(list(types)))
    frame = frame.rename({ref.column: OWN_COST for ref in cost})
    read += [OWN_COST] if cost else []
    kept: dict[str, Dtype] = {name: BY_NAME[name].dtype for name in ("event_type", *carried)}
    kept |= dict.fromkeys(context.by, "string")
    names = dict.fromkeys(["person_key", "ts", "seq", *read, *kept])
    schema: dict[str, Dtype] = dict.fromkeys(("person_key", "ts", "seq"), "int64")
    schema |= {name: dtype for name, dtype in line_schema().items() if name in columns} | kept
    return context.engine.kernel(frame.select(*names), _line_kernel(tuple(schema)), schema)


def line_schema() -> dict[str, Dtype]:
    """Return the columns that ``expanded`` makes."""
    numbers = ("line", "lines", "price", "cost", "quantity")
    schema: dict[str, Dtype] = dict.fromkeys(numbers, "int64")
    return schema | dict.fromkeys((*_TEXTS, "currency"), "string")


def _line_kernel(names: Sequence[str]) -> Kernel:
    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        from clickcli.engines.polars import POLARS_TYPES

        unread = [name for name in LINE_COLUMNS if name not in frame.columns]
        types = {name: POLARS_TYPES[BY_NAME[name].dtype] for name in unread}
        if OWN_COST not in frame.columns:
            types[OWN_COST] = pl.Float64()
        nothing = [pl.lit(None, dtype).alias(name) for name, dtype in types.items()]
        return expanded(frame.with_columns(nothing)).select(names)

    return kernel


def expanded(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row an item, in the order of the events and of their lists.

    The frame has ``LINE_COLUMNS`` and ``own_cost`` (in major units); other columns go along.
    """
    import polars as pl

    frame = frame.with_row_index("row")
    listed = _listed(frame)
    own = frame
    if listed.height:
        own = frame.join(listed.select("row").unique(), on="row", how="anti")
    pieces = pl.col("quantity").fill_null(1).clip(0, MOST_PIECES)
    major = pl.col(OWN_COST).fill_nan(None)
    minor = (major * unit()).round()
    own = own.with_columns(
        pl.lit(0, pl.Int64).alias("line"),
        pl.lit(1, pl.Int64).alias("lines"),
        pieces.alias("quantity"),
        _price(pl.col("price")).alias("price"),
        _price(pl.when(minor.abs() < MOST_MINOR).then(minor).cast(pl.Int64)).alias("cost"),
    )
    rows = own
    if listed.height:
        others = frame.drop(*(name for name in LINE_COLUMNS if name != "items"))
        several = listed.join(others, on="row", how="inner").select(own.columns)
        rows = pl.concat([own, several]).sort("row", "line")
    rows = rows.drop("row", "items", OWN_COST)
    return rows.with_columns(pl.col("item_id").fill_null(NO_ITEM))


def _price(value: pl.Expr) -> pl.Expr:
    """Return a price, null where it is none."""
    import polars as pl

    return pl.when(value.is_between(0, MOST_MINOR - 1)).then(value)


def _listed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row an entry of the lists, with the number of its event's ``row``."""
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    with_list = frame.filter(pl.col("items").is_not_null())
    rows = [
        (row, *entry)
        for row, text, currency in with_list.select("row", "items", "currency").iter_rows()
        for entry in _entries(text, currency)
    ]
    types = line_schema()
    own = {name: POLARS_TYPES[types[name]] for name in _ENTRY}
    schema: dict[str, Any] = {"row": frame.schema["row"], **own}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _entries(text: str, currency: str | None) -> list[tuple[Any, ...]]:
    """Return the values of each entry, in the order of ``_ENTRY``."""
    import orjson

    result: list[tuple[Any, ...]] = []
    entries = orjson.loads(text)
    for line, entry in enumerate(entries):
        texts = [_text(_first(entry, name)) for name in _TEXTS]
        code = _text(_first(entry, "currency")) or currency
        decimals = exponent(code)
        price, cost = (_minor(_first(entry, name), decimals) for name in ("price", "cost"))
        result.append(
            (line, len(entries), *texts, price, cost, _pieces(_first(entry, "quantity")), code)
        )
    return result


def _first(values: Mapping[str, Any], name: str) -> Any:
    """Return the value under the first of a column's names that the entry has."""
    return next((values[key] for key in _NAMES[name] if values.get(key) is not None), None)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> Decimal | None:
    """Return a finite number of reasonable size, whether it was sent as one or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.adjusted() < 13 else None


def _minor(value: Any, decimals: int) -> int | None:
    number = _number(value)
    if number is None:
        return None
    minor = round(number.scaleb(decimals))
    return minor if 0 <= minor < MOST_MINOR else None


def _pieces(value: Any) -> int:
    number = _number(value)
    return 1 if number is None else min(max(int(number), 0), MOST_PIECES)
