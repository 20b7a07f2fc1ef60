"""How unlikely it is that nothing happened for so long.

*Definition*: a silence is a run of whole days (or hours) without an event. Its context is what
lies up to ``reach`` buckets before and after it, single peaks cut at the ninth tenth of buckets
alike, so that a bot's night makes no other night quiet. The usual count of a bucket is the mean of
the context's buckets in the same slot (weekday, or weekday and hour), or that of all buckets
alike (days, or the same hour) where that is less: a slot has few of them. Counts come in bursts, so
their variance is taken as phi times their mean, with phi from the buckets alike (Pearson's), at
least 1; then the chance of no event is ``phi ** (-mean / (phi - 1))``, that of a negative binomial
count, ``exp(-mean)`` for phi = 1. The chance of a silence is the product over its buckets.

*Source*: quasi-Poisson dispersion, P. McCullagh and J. A. Nelder, Generalized Linear Models
(1989), chapter 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pace:
    """How silences are judged.

    ``reach``: buckets of context on each side. ``seasonal``: buckets of context from which on
    slots are told apart; with less, only a run of ``patience`` buckets or more is judged.
    ``least``: buckets of context without which nothing is said. Slots with the same remainder by
    ``alike`` are alike: hours of all weekdays.
    """

    reach: int
    seasonal: int
    patience: int
    least: int
    alike: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A run ``[start, end)`` of buckets, the events usual in it, and the log of its chance."""

    start: int
    end: int
    usual: float
    log_chance: float


def silences(counts: Ints, slots: Ints, pace: Pace, odds: float) -> list[Silence]:
    """Return the silences less likely than one in ``odds``, in order of time."""
    found = []
    for start, end in _runs(counts):
        silence = _judged(counts, slots, start, end, pace, log(odds))
        if silence is not None and silence.log_chance <= -log(odds):
            found.append(silence)
    return found


def _runs(counts: Ints) -> Iterator[tuple[int, int]]:
    """Yield the half-open runs of zeros."""
    import numpy as np

    is_zero = np.concatenate(([False], counts == 0, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(is_zero))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _judged(
    counts: Ints, slots: Ints, start: int, end: int, pace: Pace, wanted: float
) -> Silence | None:
    """Return the silence; None where the context says too little or it is surely likely."""
    import numpy as np

    before = slice(max(0, start - pace.reach), start)
    after = slice(end, end + pace.reach)
    context = np.concatenate((counts[before], counts[after]))
    if len(context) < pace.least or context.max() * (end - start) < wanted:
        return None
    own, run = np.concatenate((slots[before], slots[after])), slots[start:end]
    if len(context) < pace.seasonal:
        if end - start < pace.patience:
            return None
        own, run = np.zeros_like(own), np.zeros_like(run)
    levelled = _without_peaks(context, own % pace.alike)
    means = _means(levelled, own, int(slots.max()) + 1)
    usual, log_chance = 0.0, 0.0
    for group in np.unique(run % pace.alike):
        alike = own % pace.alike == group
        phi = _dispersion(levelled[alike], means, own[alike])
        if phi is None:
            return None
        most = float(levelled[alike].mean())
        expected = float(np.minimum(means[run[run % pace.alike == group]], most).sum())
        usual += expected
        log_chance -= expected * (1.0 if phi <= 1 else log(phi) / (phi - 1))
    return Silence(start, end, usual, log_chance)


def _without_peaks(counts: Ints, groups: Ints) -> Floats:
    """Return counts of which none is above the ninth tenth of its group."""
    import numpy as np

    cut = counts.astype(np.float64)
    for group in np.unique(groups):
        own = groups == group
        cut[own] = np.minimum(cut[own], np.quantile(cut[own], 0.9))
    return cut


def _means(counts: Floats, slots: Ints, size: int) -> Floats:
    """Return the mean count of each slot, 0 where there is none."""
    import numpy as np

    number = np.bincount(slots, minlength=size)
    means: Floats = np.bincount(slots, weights=counts, minlength=size) / np.maximum(number, 1)
    return means


def _dispersion(counts: Floats, means: Floats, slots: Ints) -> float | None:
    """Return how much more counts scatter around the means of their slots than Poisson's.

    None where there are too few to say.
    """
    import numpy as np

    expected = means[slots]
    alive = expected > 0
    freedom = int(alive.sum()) - len(np.unique(slots[alive]))
    squares = (counts[alive] - expected[alive]) ** 2 / expected[alive]
    return float(squares.sum()) / freedom if freedom > 0 else None
