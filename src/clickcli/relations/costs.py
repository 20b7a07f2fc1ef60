"""What traffic and items cost: tables of spend and of prices paid, read from CSV files.

Spend has the columns ``date`` (YYYY-MM-DD), ``cost``, ``source``, and where wanted ``medium``,
``campaign`` and ``currency``. Names are compared in lower case, as those of sessions. Costs of
items have ``item_id``, ``cost`` (of a piece) and where wanted ``currency``. An amount without a
currency is in that of the configuration.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from clickcli.currencies import exponent
from clickcli.errors import DataError, StorageError
from clickcli.relations.lines import MOST_MINOR
from clickcli.units import local_midnight

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.context import Context

NO_NAME: Final = "(not set)"
_KEYS: Final = ("source", "medium", "campaign")
_MOST: Final = Decimal(10) ** 15

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Costs:
    """Spend in minor units by the columns ``keys`` of the file, and its currency."""

    keys: tuple[str, ...]
    spent: Mapping[tuple[str, ...], int]
    currency: str


def read_costs(path: str, context: Context) -> Costs:
    """Return the spend of the days that begin in the period, up to as-of.

    Raises StorageError for a file that cannot be read, DataError for one that is no cost table.
    """
    return _read(path, lambda rows: _sums(path, rows, context))


def read_item_costs(path: str, context: Context) -> pl.DataFrame:
    """Return one row an item and currency: item_id, currency, and table_cost in minor units.

    Raises StorageError for a file that cannot be read, DataError for one that is no such table.
    """
    return _read(path, lambda rows: _item_costs(path, rows, context))


def _read(path: str, take: Callable[[csv.DictReader[str]], T]) -> T:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return take(csv.DictReader(file, restkey="", restval=""))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file in UTF-8: {error}") from None


def _item_costs(path: str, rows: csv.DictReader[str], context: Context) -> pl.DataFrame:
    import polars as pl

    _names(path, rows, ("item_id", "cost"), "item_id,cost,currency")
    found: dict[tuple[str, str], int] = {}
    for where, row in _numbered(path, rows):
        currency = _currency(row, context)
        item = row["item_id"].strip(), currency
        if item in found:
            raise DataError(f"{where}: {item[0]!r} has a cost in {currency} already")
        found[item] = cost = _minor(where, row["cost"], currency)
        if cost >= MOST_MINOR:
            raise DataError(f"{where}: no piece costs {row['cost']!r}")
    return pl.DataFrame(
        [(*item, cost) for item, cost in found.items()],
        schema={"item_id": pl.String, "currency": pl.String, "table_cost": pl.Int64},
        orient="row",
    )


def _names(
    path: str, rows: csv.DictReader[str], needed: Sequence[str], example: str
) -> Sequence[str]:
    names = rows.fieldnames or []
    if missing := [name for name in needed if name not in names]:
        raise DataError(
            f"{path} must have a column {missing[0]}, has {', '.join(names) or 'none'}",
            hint=example,
        )
    return names


def _currency(row: Mapping[str, str], context: Context) -> str:
    return row.get("currency", "").strip().upper() or context.dataset.currency


def _sums(path: str, rows: csv.DictReader[str], context: Context) -> Costs:
    example = "date,source,medium,campaign,cost,currency"
    names = _names(path, rows, ("date", "source", "cost"), example)
    keys = tuple(key for key in _KEYS if key in names)
    spent: dict[tuple[str, ...], int] = {}
    currencies: set[str] = set()
    for where, row in _numbered(path, rows):
        day = _day(where, row["date"])
        currency = _currency(row, context)
        cost = _minor(where, row["cost"], currency)
        if _counts(day, context):
            currencies.add(currency)
            own = tuple(row[key].strip().lower() or NO_NAME for key in keys)
            spent[own] = spent.get(own, 0) + cost
    if len(currencies) > 1:
        raise DataError(
            f"{path} must be in one currency, was in {', '.join(sorted(currencies))}",
            hint="convert the costs, or keep a file for each currency",
        )
    return Costs(keys, spent, next(iter(currencies), context.dataset.currency))


def _numbered(path: str, rows: csv.DictReader[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for row in rows:
        yield f"{path}, line {rows.line_num}", row


def _day(where: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise DataError(f"{where}: date must be YYYY-MM-DD, was {text!r}") from None


def _minor(where: str, text: str, currency: str) -> int:
    """Return an amount in minor units, rounded half to even."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= _MOST:
        raise DataError(f"{where}: cost must be a number from 0, was {text!r}")
    return int((amount * 10 ** exponent(currency)).to_integral_value())


def _counts(day: date, context: Context) -> bool:
    begins, period = local_midnight(day, context.tz), context.period
    return (
        begins <= context.as_of
        and (period.start is None or begins >= period.start)
        and (period.end is None or begins < period.end)
    )


def spend_frames(
    table: nw.LazyFrame[Any], costs: Costs, by: Sequence[str]
) -> dict[str, nw.LazyFrame[Any]]:
    """Sum all sessions by the keys of the costs, their revenue by currency too."""
    import narwhals as nw

    if by:
        from clickcli.context import TOTAL

        table = table.filter(nw.col(by[0]) == TOTAL)
    table = table.with_columns(nw.col(key).fill_null(NO_NAME) for key in costs.keys)
    return {
        "spend": table.group_by(*costs.keys).agg(
            nw.len().alias("sessions"),
            nw.col("person_key").n_unique().alias("people"),
            nw.col("conversions", "mixed").sum(),
        ),
        "spend_money": table.group_by(*costs.keys, "revenue_currency").agg(nw.col("revenue").sum()),
    }


def spend_rows(frames: Mapping[str, pl.DataFrame], costs: Costs) -> pl.DataFrame:
    """Return one row a key of the costs; revenue only where all of it is in their currency."""
    import polars as pl

    from clickcli.expressions import share
    from clickcli.money import major, one_currency, unit

    keys = list(costs.keys)
    spent = pl.DataFrame(
        [(*own, cost) for own, cost in costs.spent.items()],
        schema={**dict.fromkeys(keys, pl.String), "cost": pl.Int64},
        orient="row",
    ).with_columns(pl.lit(costs.currency).alias("cost_currency"))
    money = one_currency(frames["spend_money"], keys, "revenue", "revenue_currency")
    units = unit("cost_currency")
    rows = (
        spent.rename({"cost": "minor"})
        .with_columns(major("minor", "cost_currency").alias("cost"))
        .join(frames["spend"], on=keys, how="left")
        .join(money, on=keys, how="left")
        .with_columns(
            pl.col("sessions", "people", "conversions", "mixed", "currencies", "revenue")
            .fill_null(0)
        )
    )  # fmt: skip
    is_same = (pl.col("currency") == costs.currency) | (pl.col("currencies") == 0)
    is_known = (pl.col("mixed") == 0) & (pl.col("currencies") <= 1) & is_same
    return rows.with_columns(
        pl.when(is_known).then("revenue").alias("revenue"),
        *(pl.lit(None, pl.String).alias(key) for key in _KEYS if key not in keys),
    ).with_columns(
        (((pl.col("revenue") * units).round() - pl.col("minor")) / units).alias("margin"),
        share("revenue", "cost").alias("return_on_spend"),
        share("revenue", "people").alias("revenue_per_person"),
        share("cost", "conversions").alias("cost_per_conversion"),
        share("cost", "sessions").alias("cost_per_session"),
        pl.col("cost_currency").alias("currency"),
    )
