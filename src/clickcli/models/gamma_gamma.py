"""What a person's purchases bring on average, from what a few of them brought: Gamma–Gamma.

Values scatter around each person's mean (gamma, shape p), and the means over people (gamma, shape
q, scale v). It assumes that how much people spend does not depend on how often they buy.

*Source* P. S. Fader, B. G. S. Hardie, The Gamma-Gamma Model of Monetary Value (2013).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from clickcli.models.maximum_likelihood import fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.maximum_likelihood import Fit

    Floats = NDArray[np.float64]

_STARTS: Final = ((1.0, 1.0, 1.0), (5.0, 3.0, 0.5), (0.5, 5.0, 5.0))
"""p, q, v in the mean of the values."""


@dataclass(frozen=True)
class GammaGamma:
    """A model with its parameters; v is in the unit of the values."""

    p: float
    q: float
    v: float

    @property
    def mean(self) -> float | None:
        """Mean value over people; none where the model has none (q at most 1)."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else None

    def expected(self, repeats: Floats, values: Floats) -> Floats:
        """Return the expected value of each person's next purchase.

        ``values`` are the means of ``repeats`` purchases; with no repeats the mean over people.
        """
        own: Floats = self.p * (self.v + repeats * values) / (self.p * repeats + self.q - 1)
        return own

    def log_likelihoods(self, x: Floats, m: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        """Return each person's log-likelihood, and its derivatives by p, q and v."""
        import numpy as np
        from scipy.special import digamma, gammaln

        p, q, v = self.p, self.q, self.v
        px, total = p * x, x * m + v
        logs = np.log(x * m)
        values = (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
            - np.log(m) + px * logs - (px + q) * np.log(total)
        )  # fmt: skip
        slopes = (
            x * (digamma(px + q) - digamma(px) + logs - np.log(total)),
            digamma(px + q) - digamma(q) + np.log(v) - np.log(total),
            q / v - (px + q) / total,
        )
        return values, slopes


def fit_gamma_gamma(repeats: Floats, values: Floats) -> tuple[GammaGamma, Fit]:
    """Return the parameters under which the mean values of people who came again are likeliest.

    Every person has at least one repeat and a value above 0.
    """
    import numpy as np

    middle = float(values.mean())
    rows = np.column_stack([repeats, values / middle])
    different, counts = np.unique(rows, axis=0, return_counts=True)
    share = counts / counts.sum()

    def mean(parameters: Floats) -> tuple[float, Floats]:
        each, slopes = GammaGamma(*parameters).log_likelihoods(different[:, 0], different[:, 1])
        return float(share @ each), np.array([share @ slope for slope in slopes])

    found = fit(mean, _STARTS, float(counts.sum()))
    p, q, v = found.parameters
    in_own_unit = found.log_likelihood - float(counts.sum()) * float(np.log(middle))
    own = (p, q, v * middle)
    return GammaGamma(*own), replace(found, parameters=own, log_likelihood=in_own_unit)
