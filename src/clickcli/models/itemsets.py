"""Frequent item sets, depth first: the baskets of a set as columns, all its pairs by one product.

Pairs of items are counted by the sparse product of the baskets with themselves. From there on
every node of the search is a set with the baskets that hold it, cut down to the items that may
still join it, and the product of that table with itself counts all of their pairs at once.
Nothing is tried that never occurs. Rarer items come first: then the table of an item has no more
cells than all baskets have items.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from clickcli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

MOST_WORK: Final = 20_000_000_000
"""Pairs of items of a basket that a search may look at: a few minutes."""
MOST_SETS: Final = 2_000_000
MOST_ENTRIES: Final = 100_000_000
"""Items of all baskets together that fit: about 4 GB."""
_BLOCK: Final = 4_000_000
"""Entries of a product, or cells of a table, that are held at once."""
_DENSE: Final = 64
"""Pairs of a table that take the time of one pair of the sparse product."""


@dataclass(frozen=True, slots=True)
class Sets:
    """The frequent sets of one size.

    members : shape (sets, size), item numbers ascending; ``counts`` are the baskets that hold a
    set, ``owners`` the people who have such a basket.
    """

    members: Ints
    counts: Ints
    owners: Ints


def frequent_sets(
    baskets: Ints, items: Ints, owners: Ints, *, min_count: int, max_len: int
) -> list[Sets]:
    """Return the sets of each size from 1 that at least ``min_count`` baskets hold.

    ``baskets`` and ``items`` are the numbers of a basket and of an item in it, each pair once;
    ``owners[b]`` is whose basket b is, and does not fall along the baskets. Raises UsageError
    where the work, or what is found, would be too much.
    """
    import numpy as np
    from scipy.sparse import csr_array

    if not len(items):
        return []
    _preflight(baskets)
    counts = np.bincount(items)
    frequent = np.flatnonzero(counts >= min_count)
    frequent = frequent[np.argsort(counts[frequent], kind="stable")]
    number = np.full(len(counts), -1)
    number[frequent] = np.arange(len(frequent))
    columns = number[items]
    kept = columns >= 0
    ones = np.ones(int(kept.sum()), np.int32)
    matrix = csr_array((ones, (baskets[kept], columns[kept])), shape=(len(owners), len(frequent)))
    search = _Search(min_count, max_len)
    search.start(matrix, frequent, owners)
    return search.sets()


def _preflight(baskets: Ints) -> None:
    """Refuse baskets whose items, or whose pairs of items, are too many."""
    import numpy as np

    if len(baskets) > MOST_ENTRIES:
        raise _too_much(f"{len(baskets):,} items in baskets do not fit")
    sizes = np.bincount(baskets)
    if (work := int((sizes * sizes).sum())) > MOST_WORK:
        raise _too_much(f"{work:,} pairs of items in baskets are too many")


def _too_much(what: str) -> UsageError:
    return UsageError(
        what, hint="raise --min-support or --min-count, or lower --max-len or --max-basket"
    )


@dataclass
class _Search:
    """What is found on the way, by size."""

    min_count: int
    max_len: int
    found: dict[int, list[tuple[Ints, Ints, Ints]]] = field(default_factory=dict)
    count: int = 0
    work: int = 0

    def start(self, matrix: Any, items: Ints, owners: Ints) -> None:
        """Take each item, and go on with the items that make a frequent pair with it.

        matrix : csr_array, shape (baskets, frequent items), int32
        """
        import numpy as np

        if not len(items):
            return
        columns = matrix.tocsc()
        counts = np.diff(columns.indptr).astype(np.int64)
        self._take((), items[:, None], counts, _of_entries(columns, owners))
        if self.max_len == 1:
            return
        place = np.full(len(items), -1)
        left, right = self._pairs(matrix, columns)
        for item, joins in _by_first(left, right):
            rows = columns.indices[columns.indptr[item] : columns.indptr[item + 1]]
            table = _table(matrix, rows, joins, place)
            self._grow(table, items[joins], owners[rows], (int(items[item]),))

    def _pairs(self, matrix: Any, columns: Any) -> tuple[Ints, Ints]:
        """Return the frequent pairs of columns, by the first and then the second."""
        import numpy as np

        width = columns.shape[1]
        block = max(1, _BLOCK // width)
        pairs = []
        for start in range(0, width, block):
            part = columns[:, start : start + block].T.tocsr()
            product = (part @ matrix[:, start:]).tocoo()
            kept = (product.data >= self.min_count) & (product.col > product.row)
            pairs.append(np.stack([product.row[kept], product.col[kept]]).astype(np.int64) + start)
        left, right = np.concatenate(pairs, axis=1)
        order = np.lexsort((right, left))
        return left[order], right[order]

    def _grow(self, table: Bools, items: Ints, owners: Ints, prefix: tuple[int, ...]) -> None:
        """Take each item to the prefix, and go on with the pairs of them that are frequent.

        table : shape (baskets that hold the prefix, items that make it a frequent set)
        """
        import numpy as np

        is_first = np.append(True, owners[1:] != owners[:-1])
        is_one_each = bool(is_first.all())
        counts = table.sum(axis=0, dtype=np.int64)
        people = counts
        if not is_one_each:
            starts = np.flatnonzero(is_first)
            people = np.logical_or.reduceat(table, starts, axis=0).sum(axis=0, dtype=np.int64)
        self._take(prefix, items[:, None], counts, people)
        if len(prefix) + 1 >= self.max_len or len(items) < 2:
            return
        both = np.triu(self._product(table), k=1)
        left, right = np.nonzero(both >= self.min_count)
        if is_one_each and len(prefix) + 2 == self.max_len:
            counts = both[left, right].astype(np.int64)
            self._take(prefix, np.column_stack([items[left], items[right]]), counts, counts)
            return
        for item, joins in _by_first(left, right):
            rows = table[:, item]
            part = table[rows][:, joins]
            self._grow(part, items[joins], owners[rows], (*prefix, int(items[item])))

    def _product(self, table: Bools) -> NDArray[np.float64]:
        """Return how many rows hold each pair of columns."""
        import numpy as np

        rows, width = table.shape
        self.work += rows * width * width // _DENSE
        if self.work > MOST_WORK:
            raise _too_much("the sets to be counted are too many")
        block = max(1, _BLOCK // width)
        result = np.zeros((width, width))
        for start in range(0, rows, block):
            part = table[start : start + block].astype(np.float32)
            result += part.T @ part
        return result

    def _take(self, prefix: tuple[int, ...], last: Ints, counts: Ints, owners: Ints) -> None:
        """Note the sets made of a prefix and each row of ``last``."""
        import numpy as np

        self.count += len(counts)
        if self.count > MOST_SETS:
            raise _too_much(f"more than {MOST_SETS:,} frequent sets")
        members = np.empty((len(counts), len(prefix) + last.shape[1]), np.int64)
        members[:, : len(prefix)] = prefix
        members[:, len(prefix) :] = last
        self.found.setdefault(members.shape[1], []).append((members, counts, owners))

    def sets(self) -> list[Sets]:
        """Return what was found, the sets of a size in the order of their members."""
        import numpy as np

        result = []
        for size in sorted(self.found):
            members, counts, owners = (
                np.concatenate(part) for part in zip(*self.found[size], strict=True)
            )
            members.sort(axis=1)
            order = np.lexsort(members.T[::-1])
            if len(order):
                result.append(Sets(members[order], counts[order], owners[order]))
        return result


def _by_first(left: Ints, right: Ints) -> Any:
    """Yield each first member of pairs that are sorted, with all of its second ones."""
    import numpy as np

    first = np.flatnonzero(np.diff(left, prepend=-1))
    seconds = np.split(right, first[1:])
    return zip(left[first].tolist(), seconds, strict=False)


def _table(matrix: Any, rows: Ints, joins: Ints, place: Ints) -> Bools:
    """Return which of the columns ``joins`` each of the rows holds.

    place : shape (columns of the matrix,), all -1, and left so.
    """
    import numpy as np

    starts = matrix.indptr[rows]
    sizes = matrix.indptr[rows + 1] - starts
    before = np.cumsum(sizes) - sizes
    entries = np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)
    place[joins] = np.arange(len(joins))
    column = place[matrix.indices[entries]]
    place[joins] = -1
    kept = column >= 0
    table = np.zeros((len(rows), len(joins)), np.bool_)
    table[np.repeat(np.arange(len(rows)), sizes)[kept], column[kept]] = True
    return table


def _of_entries(columns: Any, owners: Ints) -> Ints:
    """Return how many owners the baskets of each column have; no column is empty."""
    import numpy as np

    of_entry = owners[columns.indices]
    is_new = np.append(True, of_entry[1:] != of_entry[:-1])
    is_new[columns.indptr[:-1]] = True
    counts: Ints = np.add.reduceat(is_new, columns.indptr[:-1], dtype=np.int64)
    return counts
