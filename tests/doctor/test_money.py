"""Amounts: currencies, cents, odd and missing ones; at the threshold and just under."""

from __future__ import annotations

from typing import Any

from tests.doctor.world import Line, brief, findings, found, line, numbered, steady, store

BASE = steady(range(2), a_day=50)


def _sales(number: int, revenue: float | None = 10, **fields: Any) -> list[Line]:
    base = {"currency": "EUR", "revenue": revenue} | fields
    return [line("purchase", 1, n, **base) for n in range(number)]


def test_two_currencies_in_a_type_are_worth_knowing() -> None:
    assert findings("currencies", numbered(_sales(9))) == []
    (row,) = findings("currencies", numbered(_sales(9) + _sales(2, currency="USD")))
    assert brief([row]) == [("info", "purchase", 2)]
    assert (row["all"], row["example"]) == (11, "USD")


def test_a_currency_that_is_no_code_is_a_warning() -> None:
    rows = findings("currencies", numbered(_sales(9, currency="€")))
    assert brief(rows) == [("warning", "currency", 9)]


def test_a_price_and_a_hundred_times_it_are_cents_on_some_lines() -> None:
    def view(price: float) -> Line:
        return line("view", 1, price, item_id="p1", price=price, currency="EUR")

    assert findings("minor_amounts", numbered([view(19.99), view(1998)])) == []
    (row,) = findings("minor_amounts", numbered([view(19.99), view(1999), view(1999)]))
    assert brief([row]) == [("warning", "price", 2)]
    assert row["example"] == "p1: 19.99 EUR and 1999.00 EUR"


def test_another_item_or_currency_may_cost_a_hundred_times_as_much() -> None:
    lines = [
        line("view", 1, n, item_id=item, price=price, currency=code)
        for n, (item, price, code) in enumerate(
            [("a", 5, "EUR"), ("b", 500, "EUR"), ("a", 500, "JPY")]
        )
    ]
    assert findings("minor_amounts", numbered(lines)) == []


def test_values_below_zero_among_others_are_told() -> None:
    assert brief(findings("odd_amounts", numbered(_sales(9) + _sales(1, -5)))) == [
        ("warning", "purchase: revenue < 0", 1)
    ]
    refunds = [dict(one, event_type="refund") for one in _sales(9, -5)]
    assert findings("odd_amounts", numbered(_sales(9) + refunds)) == [], "refunds of their own"


def test_a_thousand_times_the_median_is_usual_and_more_is_absurd() -> None:
    assert findings("odd_amounts", numbered(_sales(19) + _sales(1, 10_000))) == []
    (row,) = findings("odd_amounts", numbered(_sales(19) + _sales(1, 10_000.01)))
    assert brief([row]) == [("warning", "purchase: revenue", 1)]
    assert (row["all"], row["example"]) == (20, "10000.01 EUR")
    assert findings("odd_amounts", numbered(_sales(18) + _sales(1, 10_001))) == []


def test_quantities_are_amounts_too() -> None:
    lines = [line("cart", 1, n, quantity=1) for n in range(30)] + [line("cart", 1, 99, quantity=-2)]
    assert brief(findings("odd_amounts", numbered(lines))) == [("warning", "cart: quantity < 0", 1)]


def test_five_purchases_of_a_hundred_without_a_revenue_are_told() -> None:
    def lines(missing: int, total: int) -> list[Line]:
        return numbered(_sales(total - missing) + _sales(missing, None))

    assert findings("missing_amounts", lines(4, 100)) == []
    assert brief(findings("missing_amounts", lines(5, 500))) == [("warning", "purchase", 5)]
    assert findings("missing_amounts", lines(5, 501)) == []


def test_a_type_that_seldom_has_a_revenue_is_no_revenue_event() -> None:
    views = [dict(one, event_type="view") for one in _sales(40) + _sales(60, None)]
    assert findings("missing_amounts", numbered(views)) == []
    with store(numbered(views), settings={"conversion_event": "view"}) as log:
        assert brief(found(log, "missing_amounts")) == [("warning", "view", 60)]


def test_a_log_without_amounts_is_not_looked_at() -> None:
    with store(numbered(BASE)) as log:
        result = log.doctor(
            checks=["currencies", "minor_amounts", "odd_amounts", "missing_amounts"]
        )
    assert result.to_polars("checks")["looked_at"].sum() == 0
