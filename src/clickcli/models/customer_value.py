"""What each customer is expected to buy and to bring, and whether that came true where it is known.

*Input* One row a person: ``repeats``, ``age_at_last`` and ``age`` in one unit of time, and
``mean_value`` of the repeats, null where it is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clickcli.models.buy_till_you_die import (
    BuyTillYouDie,
    Histories,
    Model,
    fit_buy_till_you_die,
)
from clickcli.models.gamma_gamma import fit_gamma_gamma
from clickcli.models.maximum_likelihood import Fit

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST: Final = 10
"""So few people who bought again are fitted at least."""
GAMMA_GAMMA: Final = "gamma-gamma"
SAME: Final = "same as last period"
_NAMES: Final = {GAMMA_GAMMA: ("p", "q", "v")} | dict.fromkeys(Model, ("r", "alpha", "a", "b"))
_CORRELATED: Final = 0.3


@dataclass
class Valued:
    """People with ``p_alive``, ``expected_purchases``, ``expected_mean_value`` and ``value``.

    These are null where they cannot be told; ``fits`` has one row a parameter, likewise.
    """

    people: pl.DataFrame
    fits: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def valued(people: pl.DataFrame, model: Model, span: float) -> Valued:
    """Fit both models to people, and say what they are worth over a span of time."""
    import polars as pl

    names = ("p_alive", "expected_purchases", "expected_mean_value", "value")
    found = Valued(people.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names))
    histories = _histories(people)
    if (again := int((histories.repeats > 0).sum())) < LEAST:
        found.fits += [*_rows(model, None, 0), *_rows(GAMMA_GAMMA, None, 0)]
        some = f"{again} of {people.height} people"
        found.notes.append(f"{some} bought again: {LEAST} are needed to predict anything")
        return found
    fitted, fit = fit_buy_till_you_die(model, histories)
    found.fits += _rows(model, fit, len(histories.repeats))
    found.notes += _doubts(model, fit)
    expected = fitted.expected_again(histories, span)
    found.people = found.people.with_columns(
        pl.Series("p_alive", fitted.p_alive(histories)), pl.Series("expected_purchases", expected)
    )
    _add_values(found)
    return found


def _histories(people: pl.DataFrame) -> Histories:
    import polars as pl

    columns = people.select(pl.col("repeats", "age_at_last", "age").cast(pl.Float64))
    return Histories(*(column.to_numpy() for column in columns))


def _rows(model: str, fit: Fit | None, people: int) -> list[dict[str, Any]]:
    """Return a row a parameter; without a fit they are null."""
    names = _NAMES[model]
    values = (None,) * len(names) if fit is None else fit.parameters
    shared = {
        "model": str(model), "people": people,
        "log_likelihood": None if fit is None else fit.log_likelihood,
        "converged": None if fit is None else fit.converged,
    }  # fmt: skip
    return [
        {**shared, "parameter": name, "value": value}
        for name, value in zip(names, values, strict=True)
    ]


def _doubts(model: str, fit: Fit) -> list[str]:
    """Return notes on a fit that should not be trusted."""
    notes = []
    if not fit.converged:
        notes.append(f"the fit of {model} did not converge: read its figures with doubt")
    elif fit.agreeing < fit.starts:
        notes.append(f"{fit.agreeing} of {fit.starts} starts of {model} came to the best fit")
    if fit.at_edge:
        names = " and ".join(_NAMES[model][place] for place in fit.at_edge)
        notes.append(f"the fit of {model} has no inner maximum: {names} at the edge of the search")
    return notes


def _add_values(found: Valued) -> None:
    """Fit what purchases bring to those whose mean is known, and add what everybody's will."""
    import numpy as np
    import polars as pl

    known = found.people.filter((pl.col("repeats") > 0) & (pl.col("mean_value") > 0))
    if known.height < LEAST:
        found.fits += _rows(GAMMA_GAMMA, None, 0)
        found.notes.append(
            f"{known.height} bought again at known values in one currency: {LEAST} are needed to "
            "expect a value"
        )
        return
    repeats = known["repeats"].cast(pl.Float64).to_numpy()
    values = known["mean_value"].to_numpy()
    fitted, fit = fit_gamma_gamma(repeats, values)
    found.fits += _rows(GAMMA_GAMMA, fit, known.height)
    found.notes += _doubts(GAMMA_GAMMA, fit)
    if (correlation := _correlation(repeats, values)) is not None:
        strong = ": the values are doubtful" if abs(correlation) > _CORRELATED else ""
        found.notes.append(
            f"how often people bought and at what mean value correlate by {correlation:.2f}; "
            f"Gamma–Gamma assumes 0{strong}"
        )
    if fitted.mean is None:
        found.notes.append("Gamma–Gamma has no mean here (q is at most 1): no values")
        return
    own = found.people["mean_value"].fill_null(0.0).clip(lower_bound=0.0).to_numpy()
    is_known = found.people["mean_value"].is_not_null().to_numpy()
    weights = np.where(is_known, found.people["repeats"].to_numpy(), 0).astype(np.float64)
    means = pl.Series("expected_mean_value", fitted.expected(weights, own))
    found.people = found.people.with_columns(means).with_columns(
        (pl.col("expected_purchases") * pl.col("expected_mean_value")).alias("value")
    )


def _correlation(one: Floats, other: Floats) -> float | None:
    """Return Pearson's correlation; none where either does not vary."""
    import numpy as np

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def held_out(
    people: pl.DataFrame, model: Model, span: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return how well the model and a plain guess foretell what was held back, and notes.

    ``people`` have histories up to the cutoff, ``actual`` purchase periods in the ``span`` after
    it and ``before`` in the one before it. One row a method.
    """
    import polars as pl

    histories = _histories(people)
    actual = people["actual"].cast(pl.Float64).to_numpy()
    plain = _compared(SAME, people["before"].cast(pl.Float64).to_numpy(), actual)
    if (again := int((histories.repeats > 0).sum())) < LEAST:
        ours = {"method": str(model), "people": len(actual), "actual": int(actual.sum())}
        ours |= dict.fromkeys(("expected", "difference", "mae", "rmse"))
        return [ours, plain], [
            f"no holdout check of {model}: {again} people had bought again by then, {LEAST} needed"
        ]
    fitted: BuyTillYouDie = fit_buy_till_you_die(model, histories)[0]
    ours = _compared(str(model), fitted.expected_again(histories, span), actual)
    if ours["rmse"] < plain["rmse"]:
        return [ours, plain], []
    against = f"root mean square error {ours['rmse']:.3f} against {plain['rmse']:.3f}"
    return [ours, plain], [f"in the holdout {model} is no better than {SAME}: {against}"]


def _compared(method: str, guess: Floats, actual: Floats) -> dict[str, Any]:
    import numpy as np

    error = guess - actual
    return {
        "method": method,
        "people": len(actual),
        "actual": int(actual.sum()),
        "expected": float(guess.sum()),
        "difference": float(error.sum()),
        "mae": float(np.abs(error).mean()) if len(error) else None,
        "rmse": float(np.sqrt((error**2).mean())) if len(error) else None,
    }
