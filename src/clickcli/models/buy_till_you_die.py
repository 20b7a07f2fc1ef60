"""How often people go on buying, from how often and how long they did: BG/NBD and MBG/NBD.

While alive, a person buys at a steady rate; after a purchase they may be gone for good. Rates are
gamma distributed over people (shape r, scale alpha), the chances to be gone beta (a, b). In BG/NBD
nobody is gone before the second purchase; in MBG/NBD somebody may be right after the first.

x : repeat purchase periods; t_x : age at the last purchase; T : age now, in any one unit of time.

*Source* P. S. Fader, B. G. S. Hardie, K. L. Lee, Marketing Science 24 (2005); E. P. Batislam,
M. Denizel, A. Filiztekin, International Journal of Research in Marketing 24 (2007). Expectations
are Gaussian sums over the chance to be gone, not the papers' hypergeometric function: that one
overflows for people with many purchases and where chances hardly differ, and is undefined at a = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from clickcli.models.maximum_likelihood import fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.maximum_likelihood import Fit

    Floats = NDArray[np.float64]

_STARTS: Final = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.1, 0.5, 2.0), (2.0, 0.5, 0.2, 5.0))
"""r, alpha in the longest age, a, b."""
_NODES: Final = 128
_NOTHING: Final = 1e-300


class Model(StrEnum):
    """Whether people may be gone right after the first purchase."""

    BGNBD = "bgnbd"
    MBGNBD = "mbgnbd"


@dataclass(frozen=True)
class Histories:
    """How often, how late and how long ago first: an entry a person, in one unit of time."""

    repeats: Floats
    age_at_last: Floats
    age: Floats


@dataclass(frozen=True)
class BuyTillYouDie:
    """A model with its parameters; alpha is in the unit of the ages."""

    model: Model
    r: float
    alpha: float
    a: float
    b: float

    def log_likelihoods(self, people: Histories) -> tuple[Floats, tuple[Floats, ...]]:
        """Return each person's log-likelihood, and its derivatives by r, alpha, a and b."""
        import numpy as np
        from scipy.special import digamma, gammaln

        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        x, age, at_last = people.repeats, people.age, people.age_at_last
        survived, last, may_be_gone = self._chances(x)
        alive = -(r + x) * np.log(alpha + age)
        gone = np.full(x.shape, -np.inf)
        told = may_be_gone
        gone[told] = np.log(a) - np.log(last[told]) - ((r + x) * np.log(alpha + at_last))[told]
        either = np.logaddexp(alive, gone)
        buying = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        staying = gammaln(a + b) + gammaln(b + survived) - gammaln(b) - gammaln(a + b + survived)
        was_gone = np.exp(gone - either)
        is_alive = 1 - was_gone
        both = digamma(a + b) - digamma(a + b + survived)
        slope_last = np.zeros(x.shape)
        slope_last[told] = was_gone[told] / last[told]
        slopes = (
            digamma(r + x) - digamma(r) + np.log(alpha)
            - is_alive * np.log(alpha + age) - was_gone * np.log(alpha + at_last),
            r / alpha - (r + x) * (is_alive / (alpha + age) + was_gone / (alpha + at_last)),
            both + was_gone / a,
            both + digamma(b + survived) - digamma(b) - slope_last,
        )  # fmt: skip
        return buying + staying + either, slopes

    def p_alive(self, people: Histories) -> Floats:
        """Return the chance that each person will buy again some day."""
        import numpy as np

        x = people.repeats
        _, last, told = self._chances(x)
        longer = np.log(self.alpha + people.age) - np.log(self.alpha + people.age_at_last)
        odds = np.zeros(x.shape)
        with np.errstate(over="ignore"):
            odds[told] = self.a / last[told] * np.exp((self.r + x) * longer)[told]
        alive: Floats = 1 / (1 + odds)
        return alive

    def expected_again(self, people: Histories, span: float) -> Floats:
        """Return how many purchase periods each person is expected to add in ``span``."""
        import numpy as np

        rows = np.column_stack([people.repeats, people.age])
        different, places = np.unique(rows, axis=0, return_inverse=True)
        survived, _, _ = self._chances(different[:, 0])
        expected = np.empty(len(different))
        for once_survived in np.unique(survived):
            those = survived == once_survived
            shape, scale = self.r + different[those, 0], self.alpha + different[those, 1]
            expected[those] = self._while_alive(shape, scale, self.b + once_survived, span)
        again: Floats = self.p_alive(people) * expected[places]
        return again

    def expected_of_new(self, spans: Floats) -> Floats:
        """Return how many repeat periods somebody new is expected to have in each span."""
        import numpy as np

        survived = 0.0 if self.model is Model.BGNBD else 1.0
        stays = 1.0 if self.model is Model.BGNBD else self.b / (self.a + self.b)
        shape, scale = np.full(spans.shape, self.r), np.full(spans.shape, self.alpha)
        expected: Floats = stays * self._while_alive(shape, scale, self.b + survived, spans)
        return expected

    def _chances(self, x: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return chances to be gone survived, the weight of the last one, and who had any."""
        import numpy as np

        if self.model is Model.BGNBD:
            return x, self.b + x - 1, x > 0
        return x + 1, self.b + x, np.ones_like(x, dtype=np.bool_)

    def _while_alive(self, shape: Floats, scale: Floats, b: float, span: float | Floats) -> Floats:
        """Return the purchases in a span of people who are alive at its start.

        Their rates are gamma (shape, scale), their chances to be gone beta (a, b). Somebody whose
        chance is p buys (1 − (1 + p span ÷ scale)^(−shape)) ÷ p times.
        """
        import numpy as np

        chances, weights = _beta_nodes(self.a, b)
        longer = np.log1p(np.multiply.outer(span / scale, chances))
        each = -np.expm1(-shape[:, np.newaxis] * longer) / chances
        expected: Floats = each @ weights
        return expected


def _beta_nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Return the nodes and weights of Gauss' sum for means over a beta distribution.

    *Source* G. H. Golub, J. H. Welsch, Mathematics of Computation 23 (1969).
    """
    import numpy as np
    from scipy.linalg import eigh_tridiagonal

    n, left, right, both = np.arange(1, _NODES), a - 1, b - 1, a + b - 2
    middle = (left**2 - right**2) / ((2 * n + both) * (2 * n + both + 2))
    beside = n * (n + left) * (n + right) / ((2 * n + both) ** 2 * (2 * n + both + 1))
    beside[0] = a * b / ((a + b) ** 2 * (a + b + 1))
    beside[1:] *= (n[1:] + both) / (2 * n[1:] + both - 1)
    diagonal = np.concatenate([[(a - b) / (a + b)], middle])
    nodes, vectors = eigh_tridiagonal((1 + diagonal) / 2, np.sqrt(beside))
    return np.clip(nodes, _NOTHING, 1.0), vectors[0] ** 2


def fit_buy_till_you_die(model: Model, people: Histories) -> tuple[BuyTillYouDie, Fit]:
    """Return the parameters under which these histories are likeliest."""
    import numpy as np

    longest = float(people.age.max()) or 1.0
    rows = np.column_stack([people.repeats, people.age_at_last, people.age])
    different, counts = np.unique(rows, axis=0, return_counts=True)
    x = different[:, 0]
    scaled = Histories(x, different[:, 1] / longest, different[:, 2] / longest)
    share = counts / counts.sum()

    def mean(parameters: Floats) -> tuple[float, Floats]:
        values, slopes = BuyTillYouDie(model, *parameters).log_likelihoods(scaled)
        return float(share @ values), np.array([share @ slope for slope in slopes])

    found = fit(mean, _STARTS, float(counts.sum()))
    r, alpha, a, b = found.parameters
    own = (r, alpha * longest, a, b)
    in_own_unit = found.log_likelihood - float(counts @ x) * float(np.log(longest))
    return BuyTillYouDie(model, *own), replace(found, parameters=own, log_likelihood=in_own_unit)
