"""Bundles by hand, against plain loops, and with what their margin allows."""

from __future__ import annotations

import json
from itertools import permutations
from math import isclose, sqrt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from tests.analyses import worlds
from tests.analyses.worlds import Row, check_rate, rows, store, told

# Prices and costs in euros.
PAN, POT, LID, TEA = ("pan", "cook", 20, 12), ("pot", "cook", 30, 24), ("lid", "cook", 5, None), (
    "tea", "food", 4, 1
)  # fmt: skip
Item = tuple[str, str, int, int | None]


def order(number: int, *items: Item, month: int = 5) -> bytes:
    entries = [
        {"item_id": name, "category": category, "price": price}
        | ({} if cost is None else {"cost": cost})
        for name, category, price, cost in items
    ]
    line: Row = {
        "timestamp": f"2024-{month:02}-01T10:00:00Z", "event_type": "purchase", "currency": "EUR",
        "user_id": f"u{number % 4}", "order_id": f"o{number}", "items": entries,
    }  # fmt: skip
    return json.dumps(line).encode() + b"\n"


LOG = b"".join([
    *(order(n, PAN, POT) for n in range(3)),
    *(order(n, PAN, TEA, month=6) for n in range(3, 6)),
    *(order(n, LID) for n in range(6, 10)),
])  # fmt: skip
# Ten orders of u0 to u3: pan in 6, pot and tea in 3 each, lid in 4. pan and pot together in 3, all
# in May, which has 7 of the 10 orders; pan and tea in 3, all in June, which has 3.
# pot -> pan: confidence 3/3, its lower bound 3 / (3 + 1.96²) = 0.438503, ÷ 6/10 = 0.730838.
# pan -> pot: 3/6, lower bound 0.187610, ÷ 3/10 = 0.625366. So pot is the item, pan the partner.
# pan -> pot, of one category and dearer, is the upsell; pan and tea are of two, a cross-sell.
# June holds 3 of 3 of pan and tea, at least 0.4385 > 3/10: seasonal; May: 0.4385 < 7/10 is not.
# Counts 3, 3, 4, 6: the slow have 3, the strong more than 3 (the lower of both middles): pan is
# strong, pot and tea are slow. pan and pot cost 36 of 50: keeping 10 % allows 1 - 36/45 = 0.2.
SMALL: dict[str, Any] = {"min_count": 3, "min_lift": 0.0}


def test_the_golden_table() -> None:
    with store(LOG) as log:
        result = log.bundles(**SMALL, discount=0.3)
    found = rows(result)
    assert [(row["bundle_kind"], row["item"], row["partner"]) for row in found] == [
        ("complementary", "pot", "pan"), ("complementary", "tea", "pan"),
        ("cross-sell", "tea", "pan"), ("cross-sell", "pan", "tea"),
        ("promotional", "pan", "pot"), ("promotional", "pan", "tea"),
        ("seasonal", "tea", "pan"),
        ("upsell", "pan", "pot"),
    ]  # fmt: skip
    first = found[0]
    names = ("count", "people", "item_count", "partner_count", "baskets", "price", "currency")
    assert tuple(first[name] for name in names) == (3, 3, 3, 6, 10, 50.0, "EUR")
    assert isclose(first["lift_low"], 0.730838, abs_tol=1e-6)
    assert isclose(first["lift"], 1 / 0.6)
    assert isclose(first["discount"], 0.2)
    assert isclose(first["margin_rate"], 14 / 50)
    check_rate(first, "confidence", 3, 3)
    assert [(row["season"], row["season_count"]) for row in found if row["season"]] == [(6, 3)]


def test_a_discount_is_never_below_nothing_and_free_where_costs_are_not_known() -> None:
    dear: Item = ("pot", "cook", 30, 40)
    with store(b"".join(order(n, dear, PAN) for n in range(3))) as log:
        assert {row["discount"] for row in rows(log.bundles(**SMALL))} == {0.0}
    with store(b"".join(order(n, LID, PAN) for n in range(3))) as log:
        result = log.bundles(**SMALL)
    assert {(row["discount"], row["margin_rate"]) for row in rows(result)} == {(0.1, None)}
    assert any("--costs" in note for note in result.notes)


def test_costs_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "costs.csv"
    file.write_text("item_id,cost,currency\nlid,4,EUR\n", encoding="utf-8")
    with store(b"".join(order(n, LID, PAN) for n in range(3))) as log:
        result = log.bundles(**SMALL, costs=str(file))
    assert {row["margin_rate"] for row in rows(result)} == {(25 - 16) / 25}


def test_prices_in_two_currencies_are_not_added_up() -> None:
    lines = [order(n, PAN) + order(n, TEA).replace(b"EUR", b"USD") for n in range(3)]
    with store(b"".join(lines)) as log:
        found = rows(log.bundles(**SMALL))
    assert {(row["price"], row["currency"], row["count"]) for row in found} == {(None, None, 3)}


@pytest.mark.parametrize(
    ("cell", "people"),
    [("holds:pan, tea", ["u0", "u1", "u3"]), ("holds:pot, tea", []), ("holds:lid, lid", None)],
    ids=["both", "none", "twice"],
)
def test_the_people_of_a_pair(cell: str, people: list[str] | None) -> None:
    with store(LOG) as log:
        found = worlds.people(log, "bundles", cell, **SMALL)
    assert found == (["u0", "u1", "u2", "u3"] if people is None else people)


def test_performance_of_bundles_from_their_events() -> None:
    text = """
    2024-05-01T10:00:00Z ann bundle_shown     bundle_id=b1
    2024-05-01T10:00:01Z ann bundle_shown     bundle_id=b1
    2024-05-01T10:00:02Z ann bundle_clicked   bundle_id=b1
    2024-05-01T10:00:03Z ann bundle_purchased bundle_id=b1
    2024-05-01T10:00:00Z bob bundle_shown     bundle_id=b1
    2024-05-01T10:00:00Z cat bundle_purchased bundle_id=b1
    2024-05-01T10:00:00Z cat bundle_shown
    """
    with store(told(text)) as log:
        first, second = rows(log.bundles(), "performance")
        assert worlds.people(log, "bundles", "bought:b1") == ["ann"]
    names = ("bundle", "shown", "people", "clickers", "buyers", "clicks", "sales")
    assert tuple(first[name] for name in names) == ("b1", 3, 2, 1, 1, 1, 2)
    assert (second["bundle"], second["people"]) == ("(none)", 1)
    check_rate(first, "click_rate", 1, 2)


@pytest.mark.parametrize("cell", ["holds", "holds:", "sold:b1", "shown"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="holds:A, B"):
        log.bundles(who=cell)


@pytest.mark.parametrize(
    ("log", "word"),
    [(told("2024-05-01T10:00:00Z ann click"), "--purchase"), (LOG, "--min-count")],
    ids=["no purchases", "too few"],
)
def test_a_log_without_bundles_says_why(log: bytes, word: str) -> None:
    with store(log) as opened:
        result = opened.bundles()
    assert not rows(result)
    assert any(word in note for note in result.notes)


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = worlds.told_twice(
        tmp_path, LOG, "bundles", "--min-count", "3", "--min-lift", "0"
    )
    assert first == second
    assert json.loads(first)["data"]


@settings(max_examples=20)
@given(st.lists(st.sets(st.sampled_from([PAN, POT, LID, TEA]), min_size=1), max_size=14))
def test_pairs_equal_plain_loops(baskets: list[set[Item]]) -> None:
    with store(
        b"".join(order(n, *sorted(items, key=str)) for n, items in enumerate(baskets))
    ) as log:
        found = rows(log.bundles(min_count=2, min_lift=0.8))
    wanted: dict[tuple[str, str, str], float] = {}
    for item, partner in permutations([PAN, POT, LID, TEA], 2):
        counts = [sum(each in basket for basket in baskets) for each in (item, partner)]
        both = sum({item, partner} <= basket for basket in baskets)
        if both < 2:
            continue
        low = least(both, counts[0]) * len(baskets) / counts[1]
        if low <= 0.8:
            continue
        if item[1] != partner[1]:
            wanted["cross-sell", item[0], partner[0]] = low
        elif partner[2] > item[2]:
            wanted["upsell", item[0], partner[0]] = low
    own = [row for row in found if row["bundle_kind"] in ("cross-sell", "upsell")]
    assert {(row["bundle_kind"], row["item"], row["partner"]) for row in own} == wanted.keys()
    for row in own:
        assert isclose(row["lift_low"], wanted[row["bundle_kind"], row["item"], row["partner"]])


def least(hits: int, n: int) -> float:
    """Return the lower bound of a share after Wilson."""
    z, p = 1.959963984540054, hits / n
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - half) / (1 + z * z / n)
