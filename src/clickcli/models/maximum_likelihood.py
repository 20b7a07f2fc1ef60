"""Positive parameters of greatest likelihood, from several starts, with what the search says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LogLikelihood = Callable[["Floats"], "tuple[float, Floats]"]
"""Takes parameters, gives the mean log-likelihood and its derivative by each of them."""

_BOUND: Final = 9.0
"""Logarithms of parameters are looked for within this of 0."""
_EDGE: Final = 0.01
_FLAT: Final = 1e-4
"""Largest slope, by the logarithm of a parameter, at what counts as a maximum."""


@dataclass(frozen=True)
class Fit:
    """Parameters, the log-likelihood of all the data, and whether the search came to an end.

    ``at_edge`` are the places of parameters at the bounds of the search: the likelihood grows
    towards there. ``starts`` is how many starts were tried, ``agreeing`` how many of them came to
    this maximum.
    """

    parameters: tuple[float, ...]
    log_likelihood: float
    converged: bool
    at_edge: tuple[int, ...]
    starts: int
    agreeing: int


def fit(function: LogLikelihood, starts: Sequence[Sequence[float]], count: float) -> Fit:
    """Maximise a mean log-likelihood of ``count`` rows over the logarithms of its parameters.

    The search came to an end where no parameter that can still move makes a difference.
    """
    import numpy as np
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, slope = function(parameters)
        return -value, -slope * parameters

    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-14, "gtol": 1e-9, "maxcor": 20}
    with threadpool_limits(limits=1, user_api="blas"):
        found = [
            minimize(
                loss, np.log(start), jac=True, method="L-BFGS-B", options=options,
                bounds=[(-_BOUND, _BOUND)] * len(start),
            )
            for start in starts
        ]  # fmt: skip
    best = min(found, key=lambda one: float(one.fun))
    near = [one for one in found if float(one.fun) - float(best.fun) <= 1e-7]
    can_move = np.abs(best.x) < _BOUND - _EDGE
    is_flat = bool(np.max(np.abs(best.jac), where=can_move, initial=0.0) < _FLAT)
    return Fit(
        tuple(float(value) for value in np.exp(best.x)),
        -float(best.fun) * count,
        is_flat,
        tuple(int(place) for place in np.flatnonzero(~can_move)),
        len(starts),
        len(near),
    )
