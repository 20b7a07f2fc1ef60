"""Count rows of paths by small numbers: how many, of how many paths, of how many people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clickcli.relations.path_trails import distinct_numbers

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.relations.path_walks import Walk

    Ints = NDArray[np.integer[Any]]
    Sums = Mapping[str, NDArray[Any]]
    Bools = NDArray[np.bool_]

TIMES: Final = "times"
_CODE: Final = "code"
_RADIX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts rows by a code, each value of a breakdown apart.

    ``person`` and ``group`` are numbers of each path; ``labels`` are the values of the groups.
    """

    walk: Walk
    person: Ints
    group: Ints
    groups: int
    labels: tuple[pl.Series, ...]

    @property
    def paths(self) -> Ints:
        """The number of each path."""
        import numpy as np

        return np.arange(len(self.person))

    def count(self, path: Ints, code: Ints, limit: int, sums: Sums | None = None) -> pl.DataFrame:
        """Return for each group and code below ``limit`` its rows, paths, people and sums.

        ``path`` is the number of each row's path; the rows of a code are in order of the paths.
        """
        import numpy as np
        import polars as pl

        found, own = self._numbered(path, code, limit)
        size = len(found)
        order = _stable_order(own, size)
        ordered, paths = own[order], path[order]
        is_new = changes(ordered)
        is_path, is_person = changes(paths), changes(self.person[paths])
        table = pl.DataFrame(
            {
                "rows": np.bincount(own, minlength=size),
                "paths": np.bincount(ordered[is_new | is_path], minlength=size),
                "people": np.bincount(ordered[is_new | is_person], minlength=size),
            }
        )
        for name, values in (sums or {}).items():
            summed = np.bincount(own, weights=values, minlength=size).astype(np.int64)
            table = table.with_columns(pl.Series(name, summed))
        return self._told(table, found, limit)

    def times(self, path: Ints, code: Ints, limit: int, times: Ints) -> pl.DataFrame:
        """Return for each group and code below ``limit`` its times, as a list."""
        import polars as pl

        found, own = self._numbered(path, code, limit)
        rows = pl.DataFrame({"own": own, TIMES: times})
        table = rows.group_by("own").agg(TIMES)
        return self._told(table.drop("own"), found[table["own"].to_numpy()], limit)

    def lengths(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return how many paths have so many nodes, and how many people's shortest path has."""
        import polars as pl

        columns = {"group": self.group, "person": self.person, "place": self.walk.trail.length}
        paths = pl.DataFrame(columns)
        people = paths.group_by("group", "person").agg(pl.col("place").min())
        paths = paths.group_by("group", "place").agg(pl.len().alias("paths"))
        people = people.group_by("group", "place").agg(pl.len().alias("people"))
        return self._named(paths), self._named(people)

    def edge_codes(self, steps: Ints) -> Ints:
        """Return the codes of the transitions of steps."""
        import numpy as np

        codes = self.walk.trail.node[steps].astype(np.int64) * len(self.walk.words)
        return codes + self.walk.targets[steps]

    def edges(
        self, path: Ints, codes: Ints, sums: Sums | None = None, *, places: int = 0
    ) -> pl.DataFrame:
        """Count transitions; at places up to ``places`` where the codes have those in front."""
        limit = (places + 1) * len(self.walk.words) ** 2
        return self.edge_texts(self.count(path, codes, limit, sums))

    def edge_texts(self, table: pl.DataFrame) -> pl.DataFrame:
        """Add the texts and places that codes of transitions stand for, and their numbers."""
        import polars as pl

        words, codes = self.walk.words, table[_CODE].to_numpy()
        told = {
            "place": pl.Series(codes // len(words) ** 2),
            "node": words[codes // len(words) % len(words)],
            "target": words[codes % len(words)],
            "edge": pl.Series(codes % len(words) ** 2),
        }
        return table.drop(_CODE).with_columns(**told)

    def nodes(
        self, path: Ints, codes: Ints, sums: Sums | None = None, *, places: int = 0
    ) -> pl.DataFrame:
        """Count nodes; at places up to ``places`` where the codes have those in front."""
        import polars as pl

        words = self.walk.words
        table = self.count(path, codes, (places + 1) * len(words), sums)
        found = table[_CODE].to_numpy()
        told = {"place": pl.Series(found // len(words)), "node": words[found % len(words)]}
        return table.drop(_CODE).with_columns(**told)

    def texts(self, table: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
        """Turn codes into the texts that they number."""
        return table.drop(_CODE).with_columns(text=texts[table[_CODE].to_numpy()])

    def _numbered(self, path: Ints, code: Ints, limit: int) -> tuple[Ints, Ints]:
        """Return the distinct (group, code), and which of those each row has."""
        values = self.group[path] * limit + code if self.labels else code
        return distinct_numbers(values, self.groups * limit)

    def _told(self, table: pl.DataFrame, found: Ints, limit: int) -> pl.DataFrame:
        """Add what the rows of (group, code) are of."""
        import polars as pl

        columns = [pl.Series("group", found // limit), pl.Series(_CODE, found % limit)]
        return self._named(table.with_columns(columns))

    def _named(self, table: pl.DataFrame) -> pl.DataFrame:
        """Turn the numbers of groups into their values."""
        group = table["group"].to_numpy()
        return table.drop("group").with_columns(label[group] for label in self.labels)


def counter_of(walk: Walk, by: Sequence[str]) -> Counter:
    """Return a counter of these paths, by the values at the first event of each one's session."""
    import numpy as np
    import polars as pl

    heads = walk.rows.select("person_key", *by)[walk.head]
    person = np.cumsum(changes(heads["person_key"].to_numpy()), dtype=np.int32)
    if not by:
        return Counter(walk, person, np.zeros(len(person), dtype=np.int64), 1, ())
    values = heads.select(by)
    labels = values.unique(maintain_order=True)
    numbered = values.join(
        labels.with_row_index("group"), on=list(by), how="left", maintain_order="left"
    )
    group = numbered["group"].cast(pl.Int64).to_numpy()
    return Counter(walk, person, group, max(labels.height, 1), tuple(labels.get_columns()))


def changes(values: Ints) -> Bools:
    """Return where a value is another one than before; the first is."""
    import numpy as np

    result = np.ones(len(values), dtype=np.bool_)
    result[1:] = values[1:] != values[:-1]
    return result


def _stable_order(codes: Ints, size: int) -> Ints:
    """Return the order of codes below ``size``, equal ones as they come.

    NumPy sorts 16 bits at a time by radix, which takes a tenth of a sort by comparing.
    """
    import numpy as np

    order = np.argsort((codes % _RADIX).astype(np.uint16), kind="stable")
    if size > _RADIX:
        high = (codes // _RADIX).astype(np.uint16 if size <= _RADIX**2 else np.int64)
        order = order[np.argsort(high[order], kind="stable")]
    return order
