"""The models of repeat buying at points worked out by hand, by their definition, and simulated."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import gammaln, hyp2f1

from clickcli.models.buy_till_you_die import (
    BuyTillYouDie,
    Histories,
    Model,
    fit_buy_till_you_die,
)

Floats = NDArray[np.float64]
PUBLISHED = BuyTillYouDie(Model.BGNBD, 0.243, 4.414, 0.793, 2.426)
"""The parameters that Fader, Hardie and Lee print for their sample, in weeks."""


def one(x: float, t_x: float, age: float) -> Histories:
    return Histories(np.array([x]), np.array([t_x]), np.array([age]))


def likelihood(model: BuyTillYouDie, *history: float) -> float:
    return float(np.exp(model.log_likelihoods(one(*history))[0][0]))


# With r = alpha = a = b = 1, chances to be gone are uniform and rates exponential.
# Alive: B(1, 1 + s) / (1 + T)^(1+x) after s chances survived; gone: B(2, s) / (1 + t_x)^(1+x),
# s being the chances up to the fatal one.
BY_HAND = [
    (Model.BGNBD, (0, 0, 3), 1 / 4),
    (Model.BGNBD, (1, 1, 3), 1 / 2 / 16 + 1 / 2 / 4),
    (Model.BGNBD, (2, 1, 3), 2 * (1 / 3 / 64 + 1 / 6 / 8)),
    (Model.MBGNBD, (0, 0, 3), 1 / 2 / 4 + 1 / 2 / 1),
    (Model.MBGNBD, (1, 1, 3), 1 / 3 / 16 + 1 / 6 / 4),
]


@pytest.mark.parametrize(("model", "history", "wanted"), BY_HAND)
def test_the_likelihood_at_points_worked_out_by_hand(
    model: Model, history: tuple[float, ...], wanted: float
) -> None:
    assert likelihood(BuyTillYouDie(model, 1, 1, 1, 1), *history) == pytest.approx(wanted)


POSITIVE = st.floats(0.2, 6)
MODELS = st.builds(BuyTillYouDie, st.sampled_from(Model), POSITIVE, POSITIVE, POSITIVE, POSITIVE)


@st.composite
def histories(draw: st.DrawFn) -> Histories:
    """Draw a person, among them those who bought once, just now, or never again."""
    x = draw(st.sampled_from([0, 0, 1, 2, 7, 40]))
    age = draw(st.sampled_from([0.0, 1.0, 5.0, 300.0]))
    return one(x, draw(st.floats(0, age)) if x else 0.0, age)


def gone_and_alive(model: BuyTillYouDie, person: Histories) -> tuple[float, float]:
    """Return the likelihoods of being gone and of being alive: means over people's chances."""
    histories = (person.repeats, person.age_at_last, person.age)
    x, t_x, age = (float(values[0]) for values in histories)
    survived = x + (model.model is Model.MBGNBD)
    logits = np.linspace(-150, 150, 20_001)
    stay, leave = -np.logaddexp(0, logits), -np.logaddexp(0, -logits)  # logs of 1 - p and p
    density = np.exp(model.a * leave + model.b * stay)
    density /= density.sum()

    def buying(until: float) -> float:
        constants = gammaln(model.r + x) - gammaln(model.r) + model.r * np.log(model.alpha)
        return float(np.exp(constants - (model.r + x) * np.log(model.alpha + until)))

    alive = density @ np.exp(survived * stay) * buying(age)
    gone = density @ np.exp(leave + (survived - 1) * stay) * buying(t_x) if survived else 0.0
    return float(gone), float(alive)


@settings(max_examples=25, deadline=None)
@given(MODELS, histories())
def test_likelihood_and_chance_to_be_alive_are_means_over_people(
    model: BuyTillYouDie, person: Histories
) -> None:
    gone, alive = gone_and_alive(model, person)
    found = model.log_likelihoods(person)[0][0]
    assert found == pytest.approx(np.log(gone + alive), abs=1e-6)
    assert model.p_alive(person)[0] == pytest.approx(alive / (gone + alive), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(MODELS, histories())
def test_the_slopes_are_those_of_the_likelihood(model: BuyTillYouDie, person: Histories) -> None:
    _, slopes = model.log_likelihoods(person)
    own = np.array([model.r, model.alpha, model.a, model.b])
    for place, slope in enumerate(slopes):
        step = np.zeros(4)
        step[place] = 1e-6 * own[place]
        up, down = (
            BuyTillYouDie(model.model, *(own + way * step)).log_likelihoods(person)[0][0]
            for way in (1, -1)
        )
        assert slope[0] == pytest.approx((up - down) / (2 * step[place]), rel=1e-3, abs=1e-6)


def papers_formula(model: BuyTillYouDie, x: float, age: float, span: float) -> float:
    """Return what somebody who is alive is expected to buy, as the papers write it."""
    b = model.b + x + (model.model is Model.MBGNBD)
    shape, scale, a = model.r + x, model.alpha + age, model.a
    series = hyp2f1(shape, b, a + b - 1, span / (scale + span))
    kept = (scale / (scale + span)) ** shape
    return float((a + b - 1) / (a - 1) * (1 - kept * series))


@settings(max_examples=40, deadline=None)
@given(MODELS.filter(lambda one: abs(one.a - 1) > 0.01), histories(), st.floats(1, 200))
def test_expected_purchases_are_those_of_the_papers(
    model: BuyTillYouDie, person: Histories, span: float
) -> None:
    x, age = float(person.repeats[0]), float(person.age[0])
    wanted = model.p_alive(person)[0] * papers_formula(model, x, age, span)
    assert model.expected_again(person, span)[0] == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def test_what_the_papers_print() -> None:
    spans = np.array([0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0])
    printed = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]
    assert PUBLISHED.expected_of_new(spans) == pytest.approx(printed, rel=2e-3, abs=1e-4)
    again = PUBLISHED.expected_again(one(2, 30.43, 38.86), 39)
    assert again[0] == pytest.approx(1.226, abs=1e-3)


@pytest.mark.parametrize("model", [
    BuyTillYouDie(Model.BGNBD, 0.5, 30, 1.0, 3.0),
    BuyTillYouDie(Model.BGNBD, 0.5, 30, 2000.0, 8000.0),
    BuyTillYouDie(Model.MBGNBD, 0.5, 30, 0.001, 8000.0),
    BuyTillYouDie(Model.MBGNBD, 8000.0, 0.01, 0.001, 0.001),
])  # fmt: skip
def test_expectations_are_finite_and_grow_with_the_span(model: BuyTillYouDie) -> None:
    person = Histories(
        np.array([0.0, 3, 4000]), np.array([0.0, 20, 4900]), np.array([0.0, 60, 5000])
    )
    spans = [model.expected_again(person, span) for span in (0.5, 5.0, 5000.0)]
    assert all(np.isfinite(found).all() and (found >= 0).all() for found in spans)
    assert (spans[0] <= spans[1]).all()
    assert (spans[1] <= spans[2]).all()


def test_somebody_new_buys_what_somebody_who_just_bought_first_does() -> None:
    for model in (PUBLISHED, BuyTillYouDie(Model.MBGNBD, 0.5, 6, 0.9, 1.6)):
        new = model.expected_of_new(np.array([20.0]))
        assert model.expected_again(one(0, 0, 0), 20.0) == pytest.approx(new)


def test_with_one_purchase_only_mbgnbd_thinks_of_the_end() -> None:
    once = one(0, 0, 500)
    assert PUBLISHED.p_alive(once)[0] == 1
    assert BuyTillYouDie(Model.MBGNBD, 0.5, 6, 0.9, 1.6).p_alive(once)[0] < 0.2


def simulated(model: BuyTillYouDie, people: int, seed: int) -> Histories:
    """Let people buy by the model's own story for 20 to 60 units of time."""
    draw = random.Random(seed)
    rows = []
    for _ in range(people):
        rate = draw.gammavariate(model.r, 1 / model.alpha)
        chance = draw.betavariate(model.a, model.b)
        age, x, last, at = draw.uniform(20, 60), 0, 0.0, 0.0
        is_alive = model.model is Model.BGNBD or draw.random() >= chance
        while is_alive and (at := at + draw.expovariate(max(rate, 1e-12))) < age:
            x, last = x + 1, at
            is_alive = draw.random() >= chance
        rows.append((x, last, age))
    x_s, lasts, ages = np.array(rows).T
    return Histories(x_s, lasts, ages)


@pytest.mark.parametrize("true", [
    BuyTillYouDie(Model.BGNBD, 0.8, 6.0, 0.8, 2.5), BuyTillYouDie(Model.MBGNBD, 0.8, 6.0, 0.8, 2.5),
])  # fmt: skip
def test_parameters_are_found_again_in_people_who_follow_the_story(true: BuyTillYouDie) -> None:
    people = simulated(true, 4000, seed=5)
    fitted, fit = fit_buy_till_you_die(true.model, people)
    assert (fit.converged, fit.at_edge, fit.agreeing) == (True, (), fit.starts)
    assert fit.log_likelihood >= true.log_likelihoods(people)[0].sum()
    assert fit.log_likelihood == pytest.approx(fitted.log_likelihoods(people)[0].sum())
    assert (fitted.r, fitted.alpha) == pytest.approx((true.r, true.alpha), rel=0.2)
    gone = [model.a / (model.a + model.b) for model in (fitted, true)]
    assert gone[0] == pytest.approx(gone[1], rel=0.15)


def test_another_unit_of_time_and_another_order_change_alpha_alone() -> None:
    people = simulated(PUBLISHED, 400, seed=1)
    order = np.random.default_rng(1).permutation(400)
    days = Histories(people.repeats[order], 7 * people.age_at_last[order], 7 * people.age[order])
    weekly, daily = (fit_buy_till_you_die(Model.BGNBD, each)[0] for each in (people, days))
    assert (daily.r, daily.alpha, daily.a, daily.b) == pytest.approx(
        (weekly.r, 7 * weekly.alpha, weekly.a, weekly.b), rel=1e-4
    )


def test_people_who_all_do_the_same_have_no_inner_maximum_and_that_is_told() -> None:
    same = Histories(np.full(50, 3.0), np.full(50, 30.0), np.full(50, 40.0))
    fitted, fit = fit_buy_till_you_die(Model.BGNBD, same)
    assert fit.at_edge
    assert np.isfinite(fitted.expected_again(same, 10)).all()
