"""What a person is worth and how likely gone: scores, the RFM segment, the value tier."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from clickcli.analyses import clv, rfm
from clickcli.engines import engine
from clickcli.features.computing import known
from clickcli.features.options import Options as FeatureOptions
from clickcli.run import run

if TYPE_CHECKING:
    from clickcli.analysis import Analysis, Shared
    from clickcli.engines.dataset import Dataset
    from clickcli.person.options import Options
    from clickcli.person.rows import Rows
    from clickcli.person.rules import Facts

_SCORES: Final = ("churn_risk", "engagement_score", "loyalty_score")
_RFM: Final = {name: name for name in ("segment", "r_score", "f_score", "m_score")}
_CLV: Final = {"tier": "value_tier", "value": "value", "currency": "value_currency",
               "p_alive": "p_alive", "expected_purchases": "expected_purchases"}  # fmt: skip


def scores_of(
    dataset: Dataset, rows: Rows, facts: Facts, shared: Shared, options: Options
) -> dict[str, Any]:
    """Return the scores of ``features``, and what ``rfm`` and ``clv`` tell of a buyer.

    Segment and tier compare all buyers, so that everybody's purchases are read for them; they are
    none for a person without a purchase.
    """
    found = _features(rows, shared, options)
    if facts.purchases:
        bought = options.purchase
        of_rfm = rfm.Parameters(purchase=bought, list="all")
        of_clv = clv.Parameters(purchase=bought, list="all", holdout="none")
        found |= _listed(rfm.ANALYSIS, of_rfm, _RFM, dataset, rows, shared)
        found |= _listed(clv.ANALYSIS, of_clv, _CLV, dataset, rows, shared)
    return found


def _features(rows: Rows, shared: Shared, options: Options) -> dict[str, Any]:
    """Return the person's scores just after as-of, from the events that are held."""
    names = {field.name for field in fields(FeatureOptions)}
    own = {field.name for field in fields(options)} & names
    asked = FeatureOptions(
        tz=shared.tz, include_bots=shared.include_bots,
        **{name: getattr(options, name) for name in own},
    )  # fmt: skip
    key = pl.DataFrame({"person_key": [rows.whose.key]})
    people, _ = known(rows.context, asked, key).at(rows.context.as_of + 1, asked)
    return next(people.select(_SCORES).iter_rows(named=True), {})


def _listed(
    analysis: Analysis[Any], parameters: Any, names: dict[str, str], dataset: Dataset, rows: Rows,
    shared: Shared,
) -> dict[str, Any]:  # fmt: skip
    """Return the person's row of an analysis' list of people, under these names."""
    whose, listed = rows.whose, run(analysis, parameters, dataset, shared, engine("polars"))
    is_own = (pl.col("person_id") == whose.text) & (pl.col("is_known") != whose.is_device)
    row = listed.to_polars("people").filter(is_own).select(*names).rename(names)
    return next(row.iter_rows(named=True), {})
