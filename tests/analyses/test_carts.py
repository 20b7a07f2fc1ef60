"""Carts by hand, against a plain state machine, and at every limit."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.relations.lines import MOST_PIECES
from clickcli.run import Result
from tests.analyses import worlds
from tests.analyses.worlds import check_rate, moment, now, rows, store, told, until
from tests.oracles import DAY, HOUR, MINUTE, Event
from tests.oracles.carts import carts
from tests.oracles.logs import boundary_logs

LOG = told(
    """
    2024-05-01T10:00:00Z ann add_to_cart      item_id=pan price=20 quantity=2 currency=EUR
    2024-05-01T10:10:00Z ann add_to_cart      item_id=pot price=50 currency=EUR
    2024-05-01T10:20:00Z ann remove_from_cart item_id=pan quantity=1 currency=EUR
    2024-05-01T10:30:00Z ann checkout         step=address
    2024-05-01T11:20:00Z ann purchase         revenue=70 currency=EUR
    2024-05-01T12:00:00Z bob add_to_cart      item_id=pan price=20 currency=EUR
    2024-05-01T12:05:00Z bob checkout         step=address
    2024-05-01T12:06:00Z bob checkout         step=payment
    2024-05-03T12:00:00Z bob purchase         revenue=20 currency=EUR
    2024-05-01T13:00:00Z cat add_to_cart      item_id=pan price=20 quantity=3 currency=EUR
    2024-05-02T13:00:00Z dan add_to_cart      item_id=pot price=50 currency=EUR
    2024-05-02T13:01:00Z dan remove_from_cart item_id=pot quantity=9 currency=EUR
    2024-05-10T10:00:00Z eva add_to_cart      item_id=cup price=5 quantity=4 currency=EUR
    2024-05-10T10:01:00Z eva checkout         step=address
    2024-05-10T12:30:00Z fay add_to_cart      item_id=cup price=5 currency=EUR
    2024-05-10T13:00:00Z gus purchase         revenue=9 currency=EUR
    """
)
# As of 10 May 13:00, abandoned after 60 min, recovered within 7 d:
# ann: 1 pan + 1 pot = 70, bought 60 min after the last change (10:20): purchased.
# bob: 1 pan = 20, bought two days later: recovered; his window closed on 8 May.
# cat: 3 pans = 60, nine days ago: expired. dan: emptied. eva: 4 cups = 20, 3 h ago: abandoned.
# fay: half an hour ago: active. gus bought without a cart.
# lost = bob, cat, eva = 3 of ended 4 (and ann). Windows closed: bob and cat; recovered 1 of 2.
# Left: cat 60 + eva 20 = 80, mean 40; bought: ann 70 + bob 20, mean 45.


def test_the_golden_table() -> None:
    with store(LOG) as log:
        result = log.carts()
    (row,) = rows(result)
    states = ("purchased", "recovered", "abandoned", "expired", "emptied", "active")
    assert (row["carts"], row["people"], [row[state] for state in states]) == (6, 6, [1] * 6)
    check_rate(row, "abandonment_rate", 3, 4)
    check_rate(row, "recovery_rate", 1, 2)
    assert (row["lost"], row["ended"], row["recovered_closed"], row["lost_closed"]) == (3, 4, 1, 2)
    assert (row["value_left"], row["value_mean_left"], row["value_mean_bought"]) == (80, 40, 45)
    assert (row["currency"], row["purchases"], row["without_cart"]) == ("EUR", 3, 1)
    of_items = ("item_id", "left", "people", "pieces", "value", "lost", "ended")
    assert [tuple(row[name] for name in of_items) for row in rows(result, "products")] == [
        ("pan", 1, 1, 3, 60.0, 2, 3),
        ("cup", 1, 1, 4, 20.0, 1, 1),
        ("pot", 0, 0, 0, 0.0, 0, 1),
    ]
    of_steps = ("step", "carts", "lost", "ended", "purchased", "recovered")
    assert [tuple(row[name] for name in of_steps) for row in rows(result, "steps")] == [
        ("(cart)", 3, 1, 1, 0, 0),
        ("address", 2, 1, 2, 1, 0),
        ("payment", 1, 1, 1, 0, 1),
    ]
    found = {row["pieces"]: row["carts"] for row in rows(result, "sizes")}
    assert found == {"1": 3, "2": 1, "3–4": 2}
    assert [row["person_id"] for row in rows(result, "carts")] == [
        "fay", "eva", "dan", "cat", "bob", "ann",
    ]  # fmt: skip


WHO = {
    "purchased": ["ann"], "recovered": ["bob"], "expired": ["cat"], "emptied": ["dan"],
    "abandoned": ["eva"], "active": ["fay"], "left": ["cat", "eva"], "left:pan": ["cat"],
    "purchased:pot": ["ann"],
}  # fmt: skip


@pytest.mark.parametrize("cell", WHO)
def test_the_people_of_a_cell(cell: str) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "carts", cell) == WHO[cell]


@pytest.mark.parametrize("cell", ["", "lost", "left:", "abandoned:", "ABANDONED"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="--who must be one of"):
        log.carts(who=cell)


@pytest.mark.parametrize(
    "options",
    [{"abandon_after": "8d"}, {"recover_window": "soon"}, {"list": "many"}, {"list": "²"},
     {"step": "step"}],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(options: dict[str, str]) -> None:
    with store(LOG) as log, pytest.raises(UsageError):
        log.carts(**options)


ONE = "2024-05-01T10:00:00Z ann add_to_cart item_id=pan price=20 currency=EUR\n"


def became(text: str, **options: str) -> list[str]:
    """Return the states of the carts of a log, oldest first."""
    with store(told(ONE + text)) as log:
        return [row["state"] for row in reversed(rows(log.carts(**options), "carts"))]


@pytest.mark.parametrize(
    ("bought", "state"),
    [("2024-05-01T11:00:00Z", "purchased"), ("2024-05-01T11:00:00.000001Z", "recovered"),
     ("2024-05-08T10:00:00Z", "recovered"), ("2024-05-08T10:00:00.000001Z", "expired")],
)  # fmt: skip
def test_a_limit_belongs_to_the_span_before_it(bought: str, state: str) -> None:
    assert became(f"{bought} ann purchase") == [state]


@pytest.mark.parametrize(
    ("as_of", "state"),
    [("2024-05-01T11:00:00Z", "active"), ("2024-05-01T11:00:00.000001Z", "abandoned"),
     ("2024-05-08T10:00:00Z", "abandoned"), ("2024-05-08T10:00:00.000001Z", "expired")],
)  # fmt: skip
def test_as_of_decides_what_an_open_cart_is(as_of: str, state: str) -> None:
    assert became("2024-06-01T10:00:00Z bob view", as_of=as_of) == [state]


def test_an_add_after_the_recover_window_opens_another_cart() -> None:
    later = "ann add_to_cart item_id=pot"
    assert became(f"2024-05-08T10:00:00Z {later}") == ["active"]
    assert became(f"2024-05-08T10:00:00.000001Z {later}") == ["expired", "active"]


def test_an_emptied_cart_can_be_filled_again() -> None:
    text = """2024-05-01T10:01:00Z ann remove_from_cart item_id=pan
              2024-05-01T10:02:00Z ann add_to_cart item_id=pot"""
    assert became(text) == ["active"]


def test_a_purchase_after_everything_was_taken_out_is_one_without_a_cart() -> None:
    text = """2024-05-01T10:01:00Z ann remove_from_cart item_id=pan
              2024-05-01T10:02:00Z ann purchase
              2024-05-01T10:03:00Z ann add_to_cart item_id=pot"""
    with store(told(ONE + text)) as log:
        result = log.carts()
    assert rows(result)[0]["without_cart"] == 1
    assert [row["state"] for row in rows(result, "carts")] == ["active", "emptied"]


def test_removing_what_is_not_there_changes_no_other_item() -> None:
    with store(
        told(ONE + "2024-05-01T10:01:00Z ann remove_from_cart item_id=pot quantity=5")
    ) as log:
        (row,) = rows(log.carts(), "carts")
    assert (row["state"], row["pieces"]) == ("active", 1)


def test_currencies_are_never_added_up() -> None:
    text = """2024-05-01T10:00:00Z bob add_to_cart item_id=pan price=2000 currency=JPY
              2024-05-01T10:00:00Z cat add_to_cart item_id=pan price=20 currency=EUR
              2024-05-01T10:00:00Z cat add_to_cart item_id=pot price=900 currency=JPY
              2024-05-03T10:00:00Z dan view"""
    with store(told(ONE + text)) as log:
        result = log.carts()
    assert (rows(result)[0]["value_left"], rows(result)[0]["currency"]) == (None, None)
    (pan,) = (row for row in rows(result, "products") if row["item_id"] == "pan")
    assert (pan["left"], pan["value"], pan["currency"]) == (3, None, None)
    found = {row["currency"]: (row["value"], row["carts"]) for row in rows(result, "states")}
    assert found == {"EUR": (20.0, 1), "JPY": (2000.0, 1), None: (None, 1)}
    assert any("several currencies" in note for note in result.notes)


def test_lists_of_items_are_carts_of_several() -> None:
    items = [
        {"sku": "pan", "price": "20.50", "qty": 2}, {"id": 7, "price": 1e300}, {"item_id": [1]},
        {"item_id": "pot", "quantity": -3, "price": 1}, {"item_id": " ", "price": True},
        {"item_id": "cup", "price": 10**9, "quantity": "x"}, {"item_id": "a", "price": "-1"},
        {"item_id": "b", "price": "NaN", "quantity": 10**9},
    ]  # fmt: skip
    line = {"timestamp": "2024-05-01T10:00:00Z", "event_type": "add_to_cart", "user_id": "ann",
            "currency": "EUR", "items": items}  # fmt: skip
    with store(json.dumps(line).encode() + b"\n") as log:
        result = log.carts()
    (row,) = rows(result, "carts")
    # pan 2, 7, (none) twice, cup, a, and as many b as are believed; the pot of -3 was never in.
    assert (row["items"], row["pieces"], row["value"]) == (6, 7 + MOST_PIECES, 1_000_000_041.0)
    assert any("no price" in note for note in result.notes)


def test_a_breakdown_is_by_the_opening_add() -> None:
    text = """2024-05-01T10:00:00Z ann add_to_cart item_id=pan country=DE
              2024-05-01T10:01:00Z ann add_to_cart item_id=pan country=FR
              2024-05-01T10:00:00Z bob add_to_cart item_id=pan
              2024-05-01T10:05:00Z ann purchase"""
    with store(told(text)) as log:
        found = rows(log.carts(by="country"))
    assert [(row["country"], row["carts"], row["purchased"]) for row in found] == [
        ("(total)", 2, 1), ("(none)", 1, 0), ("DE", 1, 1),
    ]  # fmt: skip


def test_a_cart_counts_in_the_period_in_which_it_opens() -> None:
    with store(LOG) as log:
        (row,) = rows(log.carts(from_="2024-05-02", to="2024-05-10"))
    assert (row["carts"], row["emptied"], row["purchases"]) == (1, 1, 1)


def test_a_log_without_carts_says_which_option_names_them() -> None:
    with store(told("2024-05-01T10:00:00Z ann view")) as log:
        result = log.carts()
    assert (rows(result)[0]["carts"], rows(result)[0]["abandonment_rate"]) == (0, None)
    assert any("--add" in note for note in result.notes)


WAYS = told(
    """
    2024-05-01T10:00:00Z ann purchase
    2024-05-01T10:00:00Z ann add_to_cart
    2024-05-01T10:00:00Z ann view
    2024-05-01T10:00:00Z bob add_to_cart
    2024-05-01T10:01:00Z bob view
    2024-05-01T10:02:00Z bob purchase
    2024-05-01T10:00:00Z cat view
    2024-05-01T10:01:00Z cat purchase
    2024-05-01T10:02:00Z cat add_to_cart
    2024-05-01T11:00:00Z cat purchase
    2024-05-01T10:00:00Z dan view
    2024-05-01T10:01:00Z dan add_to_cart
    """
)
# At one instant any order will do: ann went the whole way. bob's view came after his add. cat's
# add came after her purchase; in her second session she bought at once. dan bought nothing.


def test_ways_to_a_purchase_are_those_of_its_session() -> None:
    with store(WAYS) as log:
        result = log.carts(paths=True)
        cats = worlds.people(log, "carts", "view > purchase", paths=True)
    found = {row["path"]: row for row in rows(result, "paths")}
    assert {path: row["sessions"] for path, row in found.items()} == {
        "view > add > purchase": 1, "add > purchase": 1, "view > purchase": 1, "purchase": 1,
    }  # fmt: skip
    check_rate(found["purchase"], "share", 1, 4)
    assert cats == ["cat"]


def test_ways_are_counted_when_asked_for() -> None:
    with store(WAYS) as log:
        assert rows(log.carts(), "paths") == []
        with pytest.raises(UsageError, match="--who"):
            log.carts(who="view > purchase")


@st.composite
def cart_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs of carts whose gaps lie at both limits."""
    limits = [limit + beside for limit in (HOUR, 7 * DAY) for beside in (-1, 0, 1)]
    kinds = ("add", "add", "add", "remove", "remove", "check", "buy")
    log = draw(boundary_logs(event_types=kinds, people=("p1", "p2"), max_events=14,
                             moves=[0, 0, 1, MINUTE, *limits], midnights=False))  # fmt: skip
    return [
        replace(event, properties={
            "item_id": draw(st.sampled_from(["pan", "pot"])),
            "quantity": draw(st.integers(1, 3)),
            "price": draw(st.integers(0, 3)),
            "currency": "JPY",
            "step": draw(st.sampled_from(["address", "payment"])),
        })
        for event in log
    ]  # fmt: skip


VOCABULARY = {"add": "add", "remove": "remove", "checkout": "check", "purchase": "buy"}


@settings(max_examples=40)
@given(worlds.crowds(cart_logs()), st.data())
def test_carts_equal_the_oracles(log: list[Event], data: st.DataObject) -> None:
    as_of = data.draw(worlds.moments(log, (HOUR, HOUR + 1, 7 * DAY, 7 * DAY + 1)))
    seen = until(log, as_of)
    wanted, bare = carts(seen, as_of=now(log, as_of), after=HOUR, window=7 * DAY)
    with store(log) as opened:
        result = opened.carts(list="all", **VOCABULARY, **worlds.given(as_of=moment(as_of)))
    (whole,) = rows(result)
    found = rows(result, "carts")
    names = ("person_id", "state", "step", "pieces", "value")
    assert sorted(tuple(row[name] for name in names) for row in found) == sorted(
        (one["person"], one["state"], one["step"], one["pieces"].total(), one["value"])
        for one in wanted
    )
    assert whole["without_cart"] == bare
    check_conserved(result)
    held = Counter(item for one in wanted if one["state"] in ("abandoned", "expired")
                   for item in one["pieces"])  # fmt: skip
    left = {row["item_id"]: row["left"] for row in rows(result, "products") if row["left"]}
    assert left == dict(held)


def check_conserved(result: Result) -> None:
    """Check that every table tells of the same carts, and that each cart has one state."""
    (whole,) = rows(result)
    states = ("active", "purchased", "recovered", "emptied", "abandoned", "expired")
    assert whole["carts"] == sum(whole[state] for state in states)
    assert whole["lost"] == whole["abandoned"] + whole["expired"] + whole["recovered"]
    assert whole["ended"] == whole["lost"] + whole["purchased"]
    assert whole["purchases"] == whole["without_cart"] + whole["purchased"] + whole["recovered"]
    for table in ("states", "steps", "sizes"):
        assert sum(row["carts"] for row in rows(result, table)) == whole["carts"]
