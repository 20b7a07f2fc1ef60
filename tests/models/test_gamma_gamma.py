"""Gamma–Gamma at points worked out by hand, by its slopes, and simulated."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickcli.models.gamma_gamma import GammaGamma, fit_gamma_gamma

POSITIVE = st.floats(0.2, 8)
MODELS = st.builds(GammaGamma, POSITIVE, POSITIVE, POSITIVE)


def test_the_density_at_a_point_worked_out_by_hand() -> None:
    # p = q = v = 1 and one repeat: values are exponential with an exponential rate, so that the
    # density is 1 / (1 + m)^2, a quarter at 1 and a sixteenth at 3.
    values, _ = GammaGamma(1, 1, 1).log_likelihoods(np.array([1.0, 1.0]), np.array([1.0, 3.0]))
    assert np.exp(values) == pytest.approx([1 / 4, 1 / 16])


def test_the_expected_value_lies_between_ones_own_mean_and_that_of_all() -> None:
    model = GammaGamma(2.0, 3.0, 10.0)
    assert model.mean == 10.0
    # p (v + x m) ÷ (p x + q − 1): 2 (10 + 0) / 2, 2 (10 + 40) / 4, 2 (10 + 4000) / 202
    found = model.expected(np.array([0.0, 1.0, 100.0]), np.array([0.0, 40.0, 40.0]))
    assert found == pytest.approx([10.0, 25.0, 8020 / 202])


def test_a_tail_too_heavy_for_a_mean_has_none() -> None:
    assert GammaGamma(1.0, 1.0, 1.0).mean is None


@settings(max_examples=30, deadline=None)
@given(MODELS, st.sampled_from([1.0, 2.0, 30.0]), st.floats(0.1, 50))
def test_the_slopes_are_those_of_the_likelihood(model: GammaGamma, x: float, m: float) -> None:
    own, person = np.array([model.p, model.q, model.v]), (np.array([x]), np.array([m]))
    for place, slope in enumerate(model.log_likelihoods(*person)[1]):
        step = np.zeros(3)
        step[place] = 1e-6 * own[place]
        up, down = (
            GammaGamma(*(own + way * step)).log_likelihoods(*person)[0][0] for way in (1, -1)
        )
        assert slope[0] == pytest.approx((up - down) / (2 * step[place]), rel=1e-3, abs=1e-6)


def test_parameters_are_found_again_in_people_who_follow_the_story() -> None:
    draw, rows = random.Random(3), []
    for _ in range(4000):
        rate, x = draw.gammavariate(4.0, 1 / 15.0), draw.randint(1, 5)
        rows.append((x, sum(draw.gammavariate(6.0, 1 / rate) for _ in range(x)) / x))
    repeats, values = np.array(rows).T
    fitted, fit = fit_gamma_gamma(repeats, values)
    assert (fit.converged, fit.at_edge) == (True, ())
    assert (fitted.p, fitted.q, fitted.v) == pytest.approx((6.0, 4.0, 15.0), rel=0.15)
    cents, in_cents = fit_gamma_gamma(repeats[::-1], 100 * values[::-1])
    assert (cents.p, cents.q, cents.v) == pytest.approx(
        (fitted.p, fitted.q, 100 * fitted.v), rel=1e-4
    )
    assert in_cents.log_likelihood == pytest.approx(fit.log_likelihood - 4000 * np.log(100))
