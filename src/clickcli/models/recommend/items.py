"""Methods that rest on which items are alike: itemknn, rp3, ease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from clickcli.errors import UsageError
from clickcli.models.recommend.method import Carried

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.recommend.interactions import Floats, Interactions, Ints, Scores

MOST_EASE_ITEMS: Final = 8000
"""EASE inverts a matrix of items × items."""
_BLOCK: Final = 512


@dataclass(frozen=True)
class Alike:
    """For each item those that it carries, with strengths: rows of a sparse matrix.

    A score is the sum over the person's items of rating × strength.
    """

    starts: Ints
    others: NDArray[np.int32]
    strengths: Scores
    is_sparse: ClassVar[bool] = True
    is_personal: ClassVar[bool] = True

    @cached_property
    def matrix(self) -> Any:
        """Return the strengths as a csr_matrix, shape (items, items)."""
        from scipy.sparse import csr_matrix

        items = len(self.starts) - 1
        return csr_matrix((self.strengths, self.others, self.starts), shape=(items, items))

    def scores(self, given: Interactions) -> Scores:
        """Return ratings × strengths."""
        made: Scores = (given.ratings() @ self.matrix).toarray()
        return made

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return each one's part in the scores."""
        own = given.ratings()
        part = self.matrix[own.indices][:, items].toarray()
        return Carried(own.indices, part * own.data[:, None])


@dataclass(frozen=True)
class Everything:
    """Strengths between all items, as a full matrix of shape (items, items)."""

    strengths: Scores
    is_sparse: ClassVar[bool] = False
    is_personal: ClassVar[bool] = True

    def scores(self, given: Interactions) -> Scores:
        """Return what people have × strengths."""
        import numpy as np

        return np.asarray(given.seen() @ self.strengths, dtype=np.float32)

    def carried(self, given: Interactions, items: Ints) -> Carried:
        """Return each one's part in the scores."""
        import numpy as np

        own = np.unique(given.item)
        return Carried(own, self.strengths[own][:, items])


def kept(rows: Any, most: int, value: Callable[[int, Any], Any] | None = None) -> Alike:
    """Return the ``most`` greatest of each row of a sparse square product, without the diagonal.

    ``value`` makes strengths of a block of rows, given the number of its first. Of equal ones
    the items that come first are kept.
    """
    import numpy as np

    left, right = rows
    starts, others, strengths = [np.zeros(1, np.int64)], [], []
    for first in range(0, left.shape[0], _BLOCK):
        block = left[first : first + _BLOCK] @ right
        block = (block if value is None else value(first, block)).tocsr()
        block.sort_indices()
        sizes = np.zeros(block.shape[0], dtype=np.int64)
        for row in range(block.shape[0]):
            span = slice(block.indptr[row], block.indptr[row + 1])
            index, strength = block.indices[span], block.data[span]
            good = np.flatnonzero((strength > 0) & (index != first + row))
            if len(good) > most:
                order = np.argsort(-strength[good], kind="stable")[:most]
                good = np.sort(good[order])
            others.append(index[good].astype(np.int32))
            strengths.append(strength[good].astype(np.float32))
            sizes[row] = len(good)
        starts.append(sizes)
    return Alike(
        np.cumsum(np.concatenate(starts)),
        np.concatenate([np.zeros(0, np.int32), *others]),
        np.concatenate([np.zeros(0, np.float32), *strengths]),
    )


def _scaled(matrix: Any, rows: Any = None, columns: Any = None) -> Any:
    """Return a matrix whose rows and columns are multiplied."""
    from scipy.sparse import diags

    made = matrix if rows is None else diags(rows) @ matrix
    return made.tocsr() if columns is None else (made @ diags(columns)).tocsr()


class Similarity(StrEnum):
    """How alike two items are by the people who have them."""

    COSINE = "cosine"
    BM25 = "bm25"


@dataclass(frozen=True)
class ItemKnn:
    """Items that the same people have; the nearest ``neighbours`` of each item count."""

    similarity: Similarity = Similarity.COSINE
    neighbours: int = 100
    shrinkage: float = 10.0
    name: str = "itemknn"

    def fit(self, data: Interactions, seed: int) -> Alike:
        """Compare all items that share a person.

        With ``bm25`` a person of many items says less of each of them, and a repeated item more.
        """
        import numpy as np

        matrix = data.ratings()
        if self.similarity is Similarity.BM25:
            matrix = _bm25(matrix)
        squares = np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel()
        length = np.sqrt(squares)

        def cosine(first: int, block: Any) -> Any:
            block = block.tocsr()
            row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr)) + first
            below = length[row] * length[block.indices] + self.shrinkage
            block.data = block.data / np.maximum(below, 1e-12)
            return block

        return kept((matrix.T.tocsr(), matrix), self.neighbours, cosine)


def _bm25(matrix: Any, k1: float = 1.2, b: float = 0.75) -> Any:
    """Return BM25 weights: people are the words, items the documents."""
    import numpy as np

    coo = matrix.tocoo()
    items = matrix.shape[1]
    of_person = np.bincount(coo.row, minlength=matrix.shape[0])
    idf = np.log1p(items / np.maximum(of_person, 1))
    length = np.bincount(coo.col, coo.data, items)
    mean = max(float(length.mean()), 1e-12)
    norm = 1 - b + b * length / mean
    coo.data = (coo.data * (k1 + 1) / (k1 * norm[coo.col] + coo.data)) * idf[coo.row]
    return coo.tocsr().astype(np.float32)


@dataclass(frozen=True)
class Rp3:
    """A random walk of three steps: item, person, item; popular ends divided out by ``beta``."""

    alpha: float = 0.8
    beta: float = 0.5
    neighbours: int = 100
    name: str = "rp3"

    def fit(self, data: Interactions, seed: int) -> Alike:
        """Multiply the two steps of the walk from item to item."""
        import numpy as np

        matrix = data.ratings()
        to_item = _scaled(matrix, rows=_inverse(np.asarray(matrix.sum(axis=1)).ravel()))
        back = matrix.T.tocsr()
        to_person = _scaled(back, rows=_inverse(np.asarray(back.sum(axis=1)).ravel()))
        to_item.data, to_person.data = to_item.data**self.alpha, to_person.data**self.alpha
        owners = np.maximum(data.counts(), 1).astype(float)
        return kept((to_person, _scaled(to_item, columns=owners**-self.beta)), self.neighbours)


def _inverse(values: Floats) -> Floats:
    import numpy as np

    result: Floats = np.zeros(len(values))
    np.divide(1.0, values, out=result, where=values > 0)
    return result


@dataclass(frozen=True)
class Ease:
    """The linear model of items from items with the least squared error, without the diagonal."""

    regularization: float = 200.0
    name: str = "ease"

    def fit(self, data: Interactions, seed: int) -> Everything:
        """Invert the matrix of what items have in common. UsageError for too many items."""
        import numpy as np
        from threadpoolctl import threadpool_limits

        if data.items > MOST_EASE_ITEMS:
            raise UsageError(
                f"ease takes at most {MOST_EASE_ITEMS} items, there are {data.items}",
                hint="--method rp3 or itemknn",
            )
        seen = data.seen().astype(np.float64)
        with threadpool_limits(1):
            gram = (seen.T @ seen).toarray()
            gram[np.diag_indices(data.items)] += self.regularization
            inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        weights[np.diag_indices(data.items)] = 0.0
        return Everything(weights.astype(np.float32))
