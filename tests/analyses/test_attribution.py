"""Attribution: what six models credit, and that credits add up to the conversions exactly."""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clickcli.errors import UsageError
from clickcli.relations.credit_models import Model, apportioned
from clickcli.relations.credits import path_of
from tests.analyses import worlds
from tests.analyses.worlds import rows, store, told
from tests.oracles import DAY, HOUR, MINUTE, Event
from tests.oracles.attribution import Conversion, conversions
from tests.oracles.logs import boundary_logs
from tests.oracles.touches import Told

LOG = told(
    """
    2024-05-01T00:00:00Z ann page_view utm_source=news utm_medium=email utm_campaign=may
    2024-05-08T00:00:00Z ann page_view referrer=https://www.google.com/
    2024-05-15T00:00:00Z ann page_view
    2024-05-15T00:00:10Z ann purchase  revenue=10 currency=EUR
    2024-05-15T00:00:00Z bob page_view utm_source=news utm_medium=email
    2024-05-16T00:00:00Z bob purchase  revenue=5 currency=EUR
    2024-05-16T00:00:00Z cat purchase  revenue=1 currency=EUR referrer=https://www.paypal.com/
    """
)
# ann buys for 10 EUR after Email (14 d and 10 s before), Organic Search (7 d) and Direct (10 s).
#   position 40/20/40; linear thirds; time decay 1/4 : 1/2 : 1 = 1/7, 2/7, 4/7.
# bob buys for 5 EUR after Email (1 d), the purchase itself begins a second session: Direct.
#   position 50/50; time decay 2^(-1/7) : 1 = 0.47526 : 0.52474.
# cat comes back from PayPal and was nowhere before: no touch.
CREDITS = {
    "first": {"Email": 2.0, "Organic Search": 0.0, "Direct": 0.0, "(no touch)": 1.0},
    "last": {"Email": 0.0, "Organic Search": 0.0, "Direct": 2.0, "(no touch)": 1.0},
    "last_non_direct": {"Email": 1.0, "Organic Search": 1.0, "Direct": 0.0, "(no touch)": 1.0},
    "linear": {"Email": 5 / 6, "Organic Search": 1 / 3, "Direct": 5 / 6, "(no touch)": 1.0},
    "position": {"Email": 0.9, "Organic Search": 0.2, "Direct": 0.9, "(no touch)": 1.0},
    "time_decay": {
        "Email": 1 / 7 + 0.4752649, "Organic Search": 2 / 7, "Direct": 4 / 7 + 0.5247351,
        "(no touch)": 1.0,
    },
}  # fmt: skip
REVENUES = {
    "first": {"Email": 15.0, "Organic Search": 0.0, "Direct": 0.0, "(no touch)": 1.0},
    "last_non_direct": {"Email": 5.0, "Organic Search": 10.0, "Direct": 0.0, "(no touch)": 1.0},
    # ann's 1000 cents are 334 + 333 + 333, what is left over goes to the earliest
    "linear": {"Email": 5.84, "Organic Search": 3.33, "Direct": 5.83, "(no touch)": 1.0},
    "position": {"Email": 6.5, "Organic Search": 2.0, "Direct": 6.5, "(no touch)": 1.0},
}


def test_the_golden_credits_of_all_models() -> None:
    with store(LOG) as log:
        result = log.attribution()
    found = {row["touch"]: row for row in rows(result, "models")}
    for model, wanted in CREDITS.items():
        got = {touch: row[model] for touch, row in found.items()}
        assert got == pytest.approx(wanted, abs=1e-7), model
    earned = {row["touch"]: row for row in rows(result, "revenue")}
    for model, wanted in REVENUES.items():
        assert {touch: row[model] for touch, row in earned.items()} == pytest.approx(wanted), model


def test_the_golden_credit_table() -> None:
    with store(LOG) as log:
        found = rows(log.attribution())
    names = ("touch", "credited", "revenue", "touched", "assisted", "people", "all_conversions")
    assert [tuple(row[name] for name in names) for row in found] == [
        ("Email", 1.0, 5.0, 2, 2, 2, 3),
        ("(no touch)", 1.0, 1.0, 1, 0, 1, 3),
        ("Organic Search", 1.0, 10.0, 1, 1, 1, 3),
        ("Direct", 0.0, 0.0, 2, 0, 2, 3),
    ]
    assert {row["currency"] for row in found} == {"EUR"}
    assert sum(row["share"] for row in found) == 1


def test_ways_numbers_of_touches_and_days() -> None:
    with store(LOG) as log:
        result = log.attribution()
    assert [(row["path"], row["conversions"]) for row in rows(result, "paths")] == [
        ("(no touch)", 1),
        ("Email > Direct", 1),
        ("Email > Organic Search > Direct", 1),
    ]
    touches = [(row["touches"], row["conversions"]) for row in rows(result, "touches")]
    assert touches == [(0, 1), (2, 1), (3, 1)]
    assert [(row["days"], row["conversions"]) for row in rows(result, "lags")] == [(1, 1), (14, 1)]


def test_the_lookback_counts_to_the_microsecond() -> None:
    with store(LOG) as log:
        exact = rows(log.attribution(lookback="24h"), "models")
        less = rows(log.attribution(lookback="86399s"), "models")
    assert {row["touch"]: row["first"] for row in exact}["Email"] == 1
    assert "Email" not in {row["touch"] for row in less}


def test_credit_goes_to_sources_media_and_campaigns_too() -> None:
    with store(LOG) as log:
        for of, wanted in (
            ("source", {"news", "google", "(direct)", "(no touch)"}),
            ("medium", {"email", "organic", "(none)", "(no touch)"}),
            ("campaign", {"may", "(not set)", "(no touch)"}),
        ):
            assert {row["touch"] for row in rows(log.attribution(of=of))} == wanted


def test_the_period_is_that_of_the_conversion() -> None:
    with store(LOG) as log:
        found = rows(log.attribution(from_="2024-05-15", to="2024-05-16"), "models")
    assert {row["touch"]: row["first"] for row in found} == {
        "Email": 1.0, "Organic Search": 0.0, "Direct": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "whom"),
    [
        ("converted", ["ann", "bob", "cat"]),
        ("touched:Direct", ["ann", "bob"]),
        ("first:Email", ["ann", "bob"]),
        ("last:Email", []),
        ("last:(no touch)", ["cat"]),
        ("assisted:Email", ["ann", "bob"]),
        ("assisted:Direct", []),
    ],
)
def test_the_people_of_a_cell(cell: str, whom: list[str]) -> None:
    with store(LOG) as log:
        assert worlds.people(log, "attribution", cell) == whom


@pytest.mark.parametrize("cell", ["", "touched", "last:", "all"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    with store(LOG) as log, pytest.raises(UsageError, match="must be converted"):
        log.attribution(who=cell)


def test_conversions_that_people_do_not_cause_have_the_touches_before() -> None:
    text = told(
        """
        2024-05-01T00:00:00Z ann page_view utm_source=news utm_medium=email
        2024-05-02T00:00:00Z ann charge    revenue=3 currency=JPY
        2024-05-02T00:00:00Z bob charge
        """
    )
    own = {"conversion_event": "charge", "passive_events": ("charge",)}
    with store(text, settings=own) as log:
        found = {row["touch"]: row for row in rows(log.attribution())}
    assert {touch: row["credited"] for touch, row in found.items()} == {
        "Email": 1.0, "(no touch)": 1.0,
    }  # fmt: skip
    assert (found["Email"]["revenue"], found["Email"]["currency"]) == (3.0, "JPY")


def test_currencies_are_not_added_up_and_no_conversion_says_so() -> None:
    text = told(
        """
        2024-05-02T00:00:00Z ann purchase revenue=3 currency=JPY
        2024-05-02T00:00:00Z bob purchase revenue=3 currency=EUR
        """
    )
    with store(text) as log:
        result = log.attribution()
        nothing = log.attribution(to="2024-05-01")
    (row,) = rows(result)
    assert (row["credited"], row["revenue"], row["currency"]) == (2.0, None, None)
    assert any("several currencies" in note for note in result.notes)
    assert any("conversion_event" in note for note in nothing.notes)


def test_conversions_looked_at_in_parts_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    with store(LOG) as log:
        whole = log.attribution()
        monkeypatch.setattr("clickcli.relations.credits._AT_ONCE", 1)
        parts = log.attribution()
    for name in whole.tables:
        assert rows(whole, name) == rows(parts, name)


def test_a_path_counts_repeats_and_is_cut_to_its_last_ten_steps() -> None:
    assert path_of(["a", "a", "b", "a"]) == "a ×2 > b > a"
    assert path_of([str(n) for n in range(12)]) == "… > " + " > ".join(map(str, range(2, 12)))


@example([-7, 2**62, 5], [0.1, 0.2, 0.7])
@given(
    st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=4),
    st.lists(st.floats(0.001, 1000), min_size=1, max_size=5),
)
def test_parts_of_whole_numbers_add_up_exactly(totals: list[int], weights: list[float]) -> None:
    size = len(weights)
    group = np.repeat(np.arange(len(totals)), size)
    each = np.repeat(np.array(totals, dtype=np.int64), size)
    parts = apportioned(each, np.tile(weights, len(totals)), group).reshape(-1, size)
    assert parts.sum(axis=1).tolist() == totals
    for total, own in zip(totals, parts.tolist(), strict=True):
        for part, weight in zip(own, weights, strict=True):
            assert abs(part - total * weight / sum(weights)) <= 1 + abs(total) * 1e-12


REFERRERS: dict[str | None, Told | None] = {
    None: ("(direct)", "(none)"),
    "https://www.google.com/": ("google", "organic"),
    "https://blog.example/": ("blog.example", "referral"),
    "https://www.paypal.com/": None,
}
MOVES = (0, 1, 31 * MINUTE, 31 * MINUTE, DAY, 3 * DAY - 1, 3 * DAY, 3 * DAY + 1)


@st.composite
def bought_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs with referrers and purchases for some cents."""
    log = draw(boundary_logs(event_types=("view", "view", "purchase"), moves=MOVES,
                             people=("p1", "p1", "p2"), max_events=10))  # fmt: skip
    return [
        replace(event, properties={
            "referrer": draw(st.sampled_from(list(REFERRERS))),
            **({"revenue": draw(st.integers(0, 999)) / 100, "currency": "EUR"}
               if event.event_type == "purchase" else {}),
        })
        for event in log
    ]  # fmt: skip


@settings(max_examples=30)
@given(worlds.crowds(bought_logs()))
def test_every_model_equals_the_oracle_and_adds_up(log: list[Event]) -> None:
    wanted = conversions(
        log, lambda event: REFERRERS[event.properties["referrer"]],
        timeout_us=30 * MINUTE, lookback_us=3 * DAY,
    )  # fmt: skip
    with store(log) as opened:
        result = opened.attribution(of="source", lookback="3d", half_life="12h")
    shares = {row["touch"]: row for row in rows(result, "models")}
    money = {row["touch"]: row for row in rows(result, "revenue")}
    cents = sum(round(one.event.properties["revenue"] * 100) for one in wanted)
    for model in Model:
        check(model, shares, wanted)
        billionths = [round(row[model.column] * 10**9) for row in shares.values()]
        assert sum(billionths) == len(wanted) * 10**9
        assert sum(round(row[model.column] * 100) for row in money.values()) == cents
    lengths = {row["touches"]: row["conversions"] for row in rows(result, "touches")}
    assert lengths == {
        n: sum(len(one.touches) == n for one in wanted)
        for n in {len(one.touches) for one in wanted}
    }
    for row in rows(result):
        touching = [one for one in wanted if row["touch"] in sources(one)]
        assert row["touched"] == len(touching)
        assert row["assisted"] == sum(sources(one)[-1] != row["touch"] for one in touching)


def sources(conversion: Conversion) -> list[str]:
    """Return the sources of a conversion's touches."""
    return [touch[0] for _, touch in conversion.touches] or ["(no touch)"]


def check(model: Model, found: dict[str, worlds.Row], wanted: list[Conversion]) -> None:
    """Check the credit of every source by one model, against exact fractions."""
    sums: dict[str, float] = {}
    for conversion in wanted:
        for (source, _), share in conversion.credit(model.value, 12 * HOUR).items():
            sums[source] = sums.get(source, 0) + float(share)
    assert found.keys() == sums.keys()
    for source, row in found.items():
        assert isclose(row[model.column], sums[source], abs_tol=1e-7), (model, source)


def test_the_last_touch_model_counts_the_conversions_of_traffic() -> None:
    text = told(
        """
        2024-05-01T00:00:00Z ann page_view utm_source=news utm_medium=email
        2024-05-01T00:01:00Z ann purchase
        2024-05-02T00:00:00Z ann page_view referrer=https://www.google.com/
        2024-05-02T00:01:00Z ann purchase
        2024-05-02T00:01:30Z ann purchase
        """
    )
    with store(text) as log:
        last = {row["touch"]: row["last"] for row in rows(log.attribution(), "models")}
        seen = {row["channel"]: row["conversions"] for row in rows(log.traffic())}
    assert last == seen == {"Email": 1, "Organic Search": 2}
