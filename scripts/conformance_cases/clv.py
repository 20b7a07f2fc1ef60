"""Ask what buyers are worth: their histories, and what a model with given parameters expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance_cases.case import Case, Check, Fields, Unsupported
from conformance_cases.words import after, log_of

if TYPE_CHECKING:
    from clickcli.models.buy_till_you_die import Histories

_UNITS = {"day": "day", "week": "week", "D": "day", "W": "week"}
_COLUMNS = {
    "frequency": "repeat_purchases",
    "recency": "age_at_last_purchase",
    "T": "customer_age",
    "monetary_value": "mean_value",
}
_MODELS = {"bg_nbd": "bgnbd", "mbg_nbd": "mbgnbd"}


def clv(case: Case, check: Check) -> None:
    """Compare histories of people, or the expectations of a model."""
    name = str(case.query.take("model"))
    if name == "rfm_summary":
        _histories(case, check)
    elif name in _MODELS:
        _expectations(case, check, _MODELS[name])
    elif name == "gamma_gamma":
        _values(case, check)
    else:
        raise Unsupported(f"query model={name!r}: no such model")


def _histories(case: Case, check: Check) -> None:
    """Compare what every person's purchases come to; nobody else may have any."""
    query = case.query
    unit = query.choose("period", _UNITS, "day")
    options: dict[str, Any] = {"unit": unit, "list": "all", "holdout": "none"}
    if (end := query.take("observation_end")) is not None:
        options["as_of"] = options["to"] = after(str(end))
    purchases = tuple(sorted(case.event_types()))
    with log_of(
        replace(case, events=[_with_revenue(event) for event in case.events]), check
    ) as log:
        rows = log.clv(purchase=purchases, **options).to_polars("people").to_dicts()
    found = {row["person_id"]: row for row in rows}
    stated = case.expected.take("summary", {})
    check.equal("people", sorted(found), sorted(stated))
    for person, expected in stated.items():
        fields = Fields(expected, f"expected of {person}")
        for key, column in _COLUMNS.items():
            if key in fields:
                got = found.get(person, {}).get(column)
                check.equal(f"{key} of {person}", got or 0, fields.take(key))
        for key in fields.untaken():
            check.cannot(f"unknown: {key}")


def _with_revenue(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event whose value, where it has one, is its revenue."""
    value = (event.get("properties") or {}).get("value")
    return event if value is None else {**event, "revenue": value}


def _expectations(case: Case, check: Check, name: str) -> None:
    """Compare what people are expected to buy, and whether they are alive."""
    import numpy as np

    from clickcli.models.buy_till_you_die import BuyTillYouDie, Model

    query, expected = case.query, case.expected
    own = Fields(query.take("params", {}), "params")
    model = BuyTillYouDie(Model(name), *(float(own.take(key)) for key in ("r", "alpha", "a", "b")))
    own.finish()
    if (spans := query.take("expected_purchases_times")) is not None:
        got = model.expected_of_new(np.array(spans, dtype=float)).tolist()
        _close("expected purchases", got, expected.take("expected_purchases"), check)
    if (conditional := query.take("conditional")) is not None:
        person, horizon = _person(conditional)
        got = model.expected_again(person, horizon).tolist()
        _close("conditional", got, [expected.take("conditional_expectation")], check)
    if (alive := query.take("alive")) is not None:
        got = [float(model.p_alive(_person(one)[0])[0]) for one in alive]
        _close("p_alive", got, expected.take("p_alive"), check)


def _person(given: Mapping[str, Any]) -> tuple[Histories, float]:
    """Return one history and the horizon; whoever never came again has no age at it."""
    import numpy as np

    from clickcli.models.buy_till_you_die import Histories

    fields = Fields(given, "person")
    repeats, last, age = (float(fields.take(key, 0)) for key in ("frequency", "recency", "T"))
    horizon = float(fields.take("horizon", 0))
    fields.finish()
    at_last = last if repeats else 0.0
    return Histories(np.array([repeats]), np.array([at_last]), np.array([age])), horizon


def _values(case: Case, check: Check) -> None:
    """Compare the mean value that a person is expected to bring."""
    import numpy as np

    from clickcli.models.gamma_gamma import GammaGamma

    own = Fields(case.query.take("params", {}), "params")
    model = GammaGamma(*(float(own.take(key)) for key in ("p", "q", "v")))
    own.finish()
    person = Fields(case.query.take("conditional", {}), "person")
    history = [np.array([float(person.take(key))]) for key in ("frequency", "monetary_value")]
    person.finish()
    got = model.expected(*history).tolist()
    _close("conditional", got, [case.expected.take("conditional_expectation")], check)


def _close(what: str, got: Sequence[float], expected: Sequence[float], check: Check) -> None:
    """Note each number that is not near what is stated.

    The tolerance of a case is for figures about 1, of larger ones it is a share: they stem from
    unrounded parameters, whose rounding moves a figure by a part of itself.
    """
    check.equal(f"{what}: how many", len(got), len(expected))
    for number, (one, stated) in enumerate(zip(got, expected, strict=False), start=1):
        scale = max(1.0, abs(stated))
        own = Check(check.tolerance)
        own.equal(f"{what} {number}", one / scale, stated / scale)
        check.compared += own.compared
        if own.differences:
            check.differences.append(f"{what} {number}: expected {stated!r}, got {one!r}")
