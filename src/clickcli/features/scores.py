"""Scores of people: engagement, churn risk, loyalty; each is within [0, 1] and ours to define.

Every part of a score comes nearer to its bound by halves: ``1 − 2^(−x / h)`` is 0 at 0, a half at
``h``, and never quite 1. A score is the plain mean of its parts, so that each can be told.

*Engagement* recency ``2^(−days since seen / 7)``, habit (active days, a half at 5) and depth
(events a session, a half at 5).

*Churn risk* ``1 − 2^(−days since seen / gap)``: 0 at a visit, a half when a person has been away
for as long as usual. The gap is the mean one between the person's sessions, at least a day, and 14
days for those with a single session.

*Loyalty* orders after the first (a half at 2), days from the first event to the last (a half at
90), and ``1 − churn risk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clickcli.columns import MICROSECONDS_PER_DAY
from clickcli.expressions import divided

if TYPE_CHECKING:
    import polars as pl

RECENCY_DAYS: Final = 7.0
HABIT_DAYS: Final = 5.0
DEPTH_EVENTS: Final = 5.0
LEAST_GAP_DAYS: Final = 1.0
FIRST_GAP_DAYS: Final = 14.0
AGAIN_ORDERS: Final = 2.0
TENURE_DAYS: Final = 90.0
SCORES: Final = ("days_since_seen", "engagement_score", "churn_risk", "loyalty_score")
"""The features of people that depend on the cutoff itself, not only on what came before it."""


def with_scores(people: pl.DataFrame, cutoff: int) -> pl.DataFrame:
    """Add what depends on the cutoff to the other features of people."""
    import polars as pl

    away = divided(cutoff - pl.col("last_seen").dt.epoch("us"), MICROSECONDS_PER_DAY)
    usual = pl.col("gap_mean_days").clip(lower_bound=LEAST_GAP_DAYS).fill_null(FIRST_GAP_DAYS)
    tenure = (pl.col("last_seen") - pl.col("first_seen")).dt.total_microseconds()
    again = (pl.col("orders") - 1).clip(lower_bound=0)
    depth = pl.col("events") / pl.col("sessions")
    people = people.with_columns(away.alias("days_since_seen"))
    away = pl.col("days_since_seen")
    people = people.with_columns(
        mean(1 - grown(away, RECENCY_DAYS), grown(pl.col("active_days"), HABIT_DAYS),
             grown(depth, DEPTH_EVENTS)).alias("engagement_score"),
        grown(away, usual).alias("churn_risk"),
    )  # fmt: skip
    return people.with_columns(
        mean(grown(again, AGAIN_ORDERS), grown(divided(tenure, MICROSECONDS_PER_DAY), TENURE_DAYS),
             1 - pl.col("churn_risk")).alias("loyalty_score"),
    )  # fmt: skip


def grown(value: pl.Expr, half: pl.Expr | float) -> pl.Expr:
    """Return ``1 − 2^(−value / half)``."""
    import polars as pl

    return 1 - pl.lit(2.0).pow(-divided(value, half))


def mean(*parts: pl.Expr) -> pl.Expr:
    """Return the mean of the parts of a score."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return divided(total, len(parts))
