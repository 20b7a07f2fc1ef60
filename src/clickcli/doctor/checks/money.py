"""Amounts: there, in one currency, in whole units, and plausible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.columns import BY_NAME
from clickcli.currencies import exponent
from clickcli.doctor.check import Check, Finding, Found, Severity, counted, ends, listed

if TYPE_CHECKING:
    import polars as pl

    from clickcli.doctor.evidence import Evidence

MONEY: Final = tuple(column.name for column in BY_NAME.values() if column.money)


@dataclass(frozen=True, slots=True)
class Mix:
    """Currencies of one event type from which on they are a mix."""

    currencies: int = 2


@dataclass(frozen=True, slots=True)
class Minor:
    """Items that have a price and a hundred times that price."""

    items: int = 1


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts below zero, or so many times the median of enough amounts of their kind."""

    times: int = 1000
    enough: int = 20


@dataclass(frozen=True, slots=True)
class Without:
    """How many revenue events must lack the amount, and which share."""

    events: int = 5
    share: float = 0.01
    usual: float = 0.5


def _currencies(evidence: Evidence, limits: Mix) -> Found:
    import polars as pl

    columns = evidence.filled(*MONEY)
    if not columns:
        return Found(0)
    paid = evidence.events("event_type", "currency", *columns).filter(
        pl.any_horizontal(pl.col(name).is_not_null() for name in columns)
    )
    ts = pl.col("ts")
    table = evidence.collect(
        paid.group_by("event_type", "currency").agg(
            pl.len().alias("n"), ts.min().alias("first"), ts.max().alias("last")
        )
    ).sort(["event_type", "n", "currency"], descending=[False, True, False])
    findings = []
    for (name,), own in table.group_by("event_type", maintain_order=True):
        codes = own["currency"].to_list()
        if len(codes) >= limits.currencies:
            counts = listed(f"{code} {n:,}" for code, n in own.select("currency", "n").iter_rows())
            meaning = (
                f"amounts in {counted(len(codes), 'currency', 'currencies')} ({counts}): sums of "
                "different ones are never added; is it meant, or is a default filled in?"
            )
            rest = own.slice(1)
            findings.append(
                Finding(Severity.INFO, str(name), int(rest["n"].sum()), int(own["n"].sum()),
                        meaning, *ends(rest), codes[1])
            )  # fmt: skip
    findings += _no_codes(table)
    return Found(int(table["n"].sum()), tuple(findings))


def _no_codes(table: pl.DataFrame) -> Iterator[Finding]:
    import polars as pl

    bad = table.filter(~pl.col("currency").str.contains("^[A-Z]{3}$"))
    if bad.height:
        meaning = "amounts whose currency is no ISO 4217 code: their decimals are guessed"
        yield Finding(
            Severity.WARNING, "currency", int(bad["n"].sum()), int(table["n"].sum()), meaning,
            *ends(bad), bad["currency"][0],
        )  # fmt: skip


def _minor(evidence: Evidence, limits: Minor) -> Found:
    """Look for items whose price is written in cents on some lines."""
    import polars as pl

    priced = evidence.events("item_id", "currency", "price").filter(
        pl.col("item_id").is_not_null() & (pl.col("price") > 0)
    )
    ts = pl.col("ts")
    prices = evidence.collect(
        priced.group_by("item_id", "currency", "price").agg(
            pl.len().alias("n"), ts.min().alias("first"), ts.max().alias("last")
        )
    )
    hundredfold = prices.with_columns((pl.col("price") * 100).alias("price")).select(
        "item_id", "currency", "price"
    )
    cents = prices.join(hundredfold, on=["item_id", "currency", "price"], how="semi")
    total, items = int(prices["n"].sum()), cents["item_id"].n_unique()
    if items < limits.items:
        return Found(total)
    example = cents.sort(["n", "item_id"], descending=[True, False]).row(0, named=True)
    meaning = (
        f"prices of {counted(items, 'item')} that are a hundred times the item's other price: "
        "cents on some lines, whole units on others"
    )
    high = _major(example["price"], example["currency"])
    low = _major(example["price"] // 100, example["currency"])
    finding = Finding(
        Severity.WARNING, "price", int(cents["n"].sum()), total, meaning, *ends(cents),
        f"{example['item_id']}: {low} and {high}",
    )  # fmt: skip
    return Found(total, (finding,))


def _major(units: int, currency: str | None) -> str:
    decimals = exponent(currency)
    return f"{units / 10**decimals:.{decimals}f} {currency or ''}".strip()


def _amounts(evidence: Evidence, limits: Amounts) -> Found:
    import polars as pl

    looked, findings = 0, []
    for column in evidence.filled(*MONEY, "quantity"):
        value, ts = pl.col(column), pl.col("ts")
        rows = evidence.events("event_type", "currency", column).filter(value.is_not_null())
        keys = ["event_type", "currency"]
        usual = evidence.collect(
            rows.group_by(keys).agg(
                value.median().alias("median"), pl.len().alias("n"), (value < 0).sum().alias("low")
            )
        )
        looked += int(usual["n"].sum())
        high = value > pl.col("median") * limits.times
        odd = rows.join(usual.lazy(), on=keys, how="left", nulls_equal=True).filter(
            ((value < 0) & (pl.col("low") * 2 < pl.col("n")))
            | (high & (pl.col("median") > 0) & (pl.col("n") >= limits.enough))
        )
        table = evidence.collect(
            odd.group_by("event_type", (value < 0).alias("is_low")).agg(
                pl.len().alias("n"), ts.min().alias("first"), ts.max().alias("last"),
                value.get(value.abs().arg_max()).alias("worst"),
                pl.col("currency").get(value.abs().arg_max()).alias("code"),
            )
        ).sort("event_type", "is_low")  # fmt: skip
        totals = dict(usual.group_by("event_type").agg(pl.col("n").sum()).iter_rows())
        findings += [_odd(column, row, totals, limits) for row in table.iter_rows(named=True)]
    return Found(looked, tuple(findings))


def _odd(column: str, row: dict[str, object], totals: dict[str, int], limits: Amounts) -> Finding:
    name, worst = str(row["event_type"]), int(str(row["worst"]))
    code = None if row["code"] is None else str(row["code"])
    shown = _major(worst, code) if BY_NAME[column].money else str(worst)
    if row["is_low"]:
        meaning = "values below zero among others above: refunds that should be their own event?"
    else:
        meaning = f"values over {limits.times:,} times the median: they carry every sum"
    first, last = int(str(row["first"])), int(str(row["last"]))
    return Finding(
        Severity.WARNING, f"{name}: {column}" + (" < 0" if row["is_low"] else ""),
        int(str(row["n"])), totals[name], meaning, first, last, shown,
    )  # fmt: skip


def _missing(evidence: Evidence, limits: Without) -> Found:
    """Look at the conversion event, and at types of which most have a revenue."""
    import polars as pl

    is_missing, ts = pl.col("revenue").is_null(), pl.col("ts")
    table = evidence.collect(
        evidence.events("event_type", "revenue").group_by("event_type").agg(
            pl.len().alias("n"), is_missing.sum().alias("missing"),
            ts.filter(is_missing).min().alias("first"), ts.filter(is_missing).max().alias("last"),
        )
    ).sort(["missing", "event_type"], descending=[True, False])  # fmt: skip
    looked, findings = 0, []
    for name, total, missing, first, last in table.iter_rows():
        is_conversion = name == evidence.dataset.conversion_event
        if missing == total or (not is_conversion and total - missing < limits.usual * total):
            continue
        looked += total
        if missing >= limits.events and missing >= limits.share * total:
            meaning = "events without a revenue where others of the type have one: sums are too low"
            findings.append(Finding(Severity.WARNING, name, missing, total, meaning, first, last))
    return Found(looked, tuple(findings))


CHECKS: Final = (
    Check(
        "currencies", "Several currencies within one event type, or none that is known.", Mix(),
        "{currencies} currencies", "events with an amount", _currencies, MONEY,
    ),
    Check(
        "minor_amounts", "Prices in cents on some lines and in whole units on others.", Minor(),
        "{items} item", "events with item and price", _minor, ("price",),
    ),
    Check(
        "odd_amounts", "Amounts below zero or absurdly high.", Amounts(),
        "below 0, or {times:,} times the median of {enough} amounts", "amounts", _amounts,
        (*MONEY, "quantity"),
    ),
    Check(
        "missing_amounts", "Revenue events without an amount.", Without(),
        "{events} events and {share:.0%} of a type", "events", _missing, ("revenue",),
    ),
)  # fmt: skip
