"""Groups of people who are alike in a few numbers, and whether there are any groups at all.

Numbers are taken as log1p, moved by their median and divided by the distance of their quartiles,
or, where half of all people have one value, by their standard deviation. Numbers that do not vary
are left out. k-means parts them; the silhouette says how well. There is structure when the
silhouette is at least .25, and by .05 above that of each of 19 clouds: normally distributed points
with the covariances of the people, parted likewise. People are no such cloud even where there are
no clusters, for which the margin allows.

*Source* P. J. Rousseeuw, Journal of Computational and Applied Mathematics 20 (1987); the comparison
with one normal cloud is that of Y. Liu et al., Journal of the American Statistical Association 103
(2008), whose statistic is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LEAST_SILHOUETTE: Final = 0.25
LEAST_PEOPLE: Final = 10
MOST_CLUSTERS: Final = 8
_CLOUDS: Final = 19
MARGIN: Final = 0.05
_FITTED: Final = 50_000
"""Of more people than these, so many are drawn to find the centres."""
_JUDGED: Final = 1_000
"""The silhouette is that of so many people, since it compares all of them with all."""


@dataclass(frozen=True)
class Clusters:
    """Labels from 0 in the order of the rows, and what tells of their quality.

    ``silhouette`` and ``cloud``, the best of the clouds', are None for a single cluster.
    """

    labels: Ints
    k: int
    silhouette: float | None
    cloud: float | None
    has_structure: bool


def scaled(values: Floats) -> Floats:
    """Return the numbers as they are compared; a column that does not vary is 0."""
    import numpy as np

    logs = np.log1p(np.maximum(values, 0.0))
    low, middle, high = np.percentile(logs, [25, 50, 75], axis=0)
    width = np.where(high > low, high - low, logs.std(axis=0))
    varies = np.ptp(logs, axis=0) > 0
    moved: Floats = np.where(varies, (logs - middle) / np.where(varies, width, 1.0), 0.0)
    return moved


def clusters(values: Floats, k: int | None, seed: int) -> Clusters:
    """Return groups of the rows: k of them, or, with None, as many as part them best.

    Fewer than k where fewer rows differ; one group where there are too few people, or where k is
    not given and there is no structure. The order of the rows does not matter.
    """
    import numpy as np
    import sklearn.cluster
    import sklearn.metrics  # noqa: F401 - only libraries that are there can be limited
    from threadpoolctl import threadpool_limits

    people = len(values)
    if people < LEAST_PEOPLE or values.shape[1] == 0:
        return _one_group(people)
    order = np.lexsort(values.T[::-1])
    points = scaled(values[order])
    points = points[:, np.ptp(points, axis=0) > 0]
    different = len(np.unique(points, axis=0))
    most = min(different, people - 1, MOST_CLUSTERS if k is None else k)
    if most < 2:
        return _one_group(people)
    draw = np.random.default_rng(seed)
    drawn = _drawn(points, _FITTED, draw)
    judged = _drawn(points, _JUDGED, draw)
    with threadpool_limits(limits=1):
        tried = {}
        for count in range(2, most + 1) if k is None else (most,):
            model = _Means(drawn, count, seed)
            tried[count] = model, model.silhouette(judged)
        best = max(tried, key=lambda count: (tried[count][1], -count))
        model, silhouette = tried[best]
        cloud = max(_cloud_silhouette(judged, best, draw, seed) for _ in range(_CLOUDS))
        labels = np.empty(people, dtype=np.int64)
        labels[order] = model.labels(points)
    has_structure = silhouette >= max(LEAST_SILHOUETTE, cloud + MARGIN)
    if k is None and not has_structure:
        labels, best = np.zeros(people, dtype=np.int64), 1
    return Clusters(labels, best, silhouette, cloud, has_structure)


def _one_group(people: int) -> Clusters:
    import numpy as np

    return Clusters(np.zeros(people, dtype=np.int64), 1, None, None, has_structure=False)


def _drawn(points: Floats, most: int, draw: np.random.Generator) -> Floats:
    """Return the rows, of more than ``most`` so many drawn in their order."""
    import numpy as np

    if len(points) <= most:
        return points
    return points[np.sort(draw.choice(len(points), most, replace=False))]


def _cloud_silhouette(points: Floats, k: int, draw: np.random.Generator, seed: int) -> float:
    """Return how well one cloud of the spread of these points can be parted."""
    import numpy as np

    _, widths, ways = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    steps = draw.standard_normal((len(points), len(widths))) * widths / np.sqrt(len(points))
    cloud = steps @ ways
    return _Means(cloud, k, seed).silhouette(cloud)


class _Means:
    """k-means of some rows."""

    def __init__(self, points: Floats, k: int, seed: int) -> None:
        import numpy as np
        from sklearn.cluster import KMeans

        k = min(k, len(np.unique(points, axis=0)))
        self._model = KMeans(n_clusters=k, n_init=3, random_state=seed % 2**32).fit(points)

    def labels(self, points: Floats) -> Ints:
        import numpy as np

        return np.asarray(self._model.predict(points), dtype=np.int64)

    def silhouette(self, points: Floats) -> float:
        """Return the mean silhouette of rows; 0 where they are all in one group."""
        import numpy as np
        from sklearn.metrics import silhouette_score

        labels = self.labels(points)
        if not 2 <= len(np.unique(labels)) < len(points):
            return 0.0
        return float(silhouette_score(points, labels))
