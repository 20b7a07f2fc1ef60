"""When a list is asked for: how much better than usual an item does at an hour or a weekday.

Of ``all_rows`` interactions ``all_then`` were at that hour, and of the ``own_rows`` of an item
``own_then``. By the item's overall share, own_rows × all_then ÷ all_rows would have been there;
the lift is what was there against that, both with ``SMOOTHING`` interactions more:

    lift = (own_then + 10) ÷ (own_rows × all_then ÷ all_rows + 10)

so that an item of few interactions, or an hour of few, stays near 1, and no lift is 0. An hour and
a weekday together are both lifts multiplied. A score above 0 is multiplied by the lift, one below
divided by it: more than 1 always raises, and none changes its sign.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

SMOOTHING: Final = 10
"""Interactions as usual that are added to those of an item."""
HOURS: Final = 24


class Weekday(StrEnum):
    """A day of the week, the first one being Monday wherever weeks begin."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def lift_of(own_then: int, own_rows: int, all_then: int, all_rows: int) -> float:
    """Return the smoothed lift of an item at an hour or a weekday; see the module."""
    usual = own_rows * all_then / all_rows
    return (own_then + SMOOTHING) / (usual + SMOOTHING)


def weighed(score: float, lift: float) -> float:
    """Return the score of an item at a time of this lift."""
    return score * lift if score > 0 else score / lift
