"""Frequent sequences by growing prefixes (PrefixSpan), with limits on the gaps between events.

A prefix is kept as the places at which it can end. What can follow are the places that a gap
allows after any of them; those are sorted by what happened there, and every group that enough
sequences have is the prefix of a longer pattern.

Source: J. Pei et al., IEEE TKDE 16 (2004). Ours keeps every end, not only the first, which limits
on gaps need: a later one may reach what the first does not.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from clickcli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

Pattern = tuple[int, ...]
MOST_WORK: Final = 2_000_000_000
"""Places that a search may look at: a few minutes."""
MOST_PATTERNS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Sequences:
    """Events one after another: what each was, when, in which sequence, and whose.

    The events of a sequence stand together in their order, the sequences of an owner too.
    """

    things: Ints
    ts: Ints
    sequence: Ints
    owner: Ints

    def reach(self, max_gap: int | None, max_between: int | None) -> Ints:
        """Return for each place the last one that may follow it."""
        import numpy as np

        count = len(self.things)
        ends = np.flatnonzero(np.diff(self.sequence, append=-1))
        last = ends[np.searchsorted(ends, np.arange(count))]
        if max_between is not None:
            last = np.minimum(last, np.arange(count) + min(max_between, count) + 1)
        if max_gap is not None:
            low = np.arange(count)
            while (low < last).any():
                middle = (low + last + 1) // 2
                is_near = self.ts[middle] - self.ts <= max_gap
                low, last = np.where(is_near, middle, low), np.where(is_near, last, middle - 1)
        return last


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how long patterns are, and how far apart their events.

    ``max_gap`` is in the unit of ``ts``, ``max_between`` counts other events. With ``top_k`` only
    patterns that may be among the k most frequent of at least ``min_len`` events are looked for.
    """

    min_count: int
    max_len: int
    min_len: int = 1
    max_gap: int | None = None
    max_between: int | None = None
    top_k: int | None = None


def frequent_sequences(sequences: Sequences, limits: Limits) -> dict[Pattern, tuple[int, int]]:
    """Return the patterns that enough sequences hold, with the sequences and owners of each.

    Raises UsageError where the work, or what is found, would be too much.
    """
    import numpy as np

    if not len(sequences.things):
        return {}
    search = _Search(sequences, limits, sequences.reach(limits.max_gap, limits.max_between))
    search.grow((), np.arange(len(sequences.things)))
    return search.found


def closed(
    found: Mapping[Pattern, tuple[int, int]], *, has_gaps: bool
) -> dict[Pattern, tuple[int, int]]:
    """Return the patterns without a longer one that contains them and is as frequent.

    Where gaps are limited, a longer one contains a pattern if it has events before or after it;
    an event in between would bring the others nearer to one another.
    """
    result = dict(found)
    for pattern, (count, _) in found.items():
        size = len(pattern)
        for left_out in (0, size - 1) if has_gaps else range(size):
            part = pattern[:left_out] + pattern[left_out + 1 :]
            if part in result and found[part][0] == count:
                del result[part]
    return result


@dataclass
class _Search:
    """What is found on the way."""

    events: Sequences
    limits: Limits
    reach: Ints
    found: dict[Pattern, tuple[int, int]] = field(default_factory=dict)
    best: list[int] = field(default_factory=list)
    work: int = 0

    def grow(self, prefix: Pattern, places: Ints) -> None:
        """Take what happened at these places to the prefix, the most frequent first."""
        import numpy as np

        if not len(places):
            return
        self.work += len(places)
        if self.work > MOST_WORK:
            raise _too_much("the patterns to be counted are too many")
        order = np.argsort(self.events.things[places], kind="stable")
        places = places[order]
        things = self.events.things[places]
        first = np.flatnonzero(np.diff(things, prepend=-1))
        counts = _groups(self.events.sequence[places], first)
        owners = _groups(self.events.owner[places], first)
        ends = np.append(first[1:], len(places))
        for group in np.argsort(-counts, kind="stable").tolist():
            count = int(counts[group])
            if count < self._least():
                return
            pattern = (*prefix, int(things[first[group]]))
            self._take(pattern, count, int(owners[group]))
            if len(pattern) < self.limits.max_len:
                self.grow(pattern, self._following(places[first[group] : ends[group]]))

    def _following(self, ends: Ints) -> Ints:
        """Return the places that may follow any of these, each once, in order."""
        import numpy as np

        last = self.reach[ends]
        before = np.append(-1, last[:-1])
        start = np.maximum(ends + 1, before + 1)
        size = np.maximum(last - start + 1, 0)
        shift = np.cumsum(size) - size
        places: Ints = np.arange(int(size.sum())) + np.repeat(start - shift, size)
        return places

    def _least(self) -> int:
        """Return the count below which no pattern is wanted."""
        top_k = self.limits.top_k
        if top_k is None or len(self.best) < top_k:
            return self.limits.min_count
        return max(self.limits.min_count, self.best[0])

    def _take(self, pattern: Pattern, count: int, owners: int) -> None:
        self.found[pattern] = (count, owners)
        if len(self.found) > MOST_PATTERNS:
            raise _too_much(f"more than {MOST_PATTERNS:,} frequent patterns")
        top_k = self.limits.top_k
        if top_k is not None and len(pattern) >= self.limits.min_len:
            heapq.heappush(self.best, count)
            if len(self.best) > top_k:
                heapq.heappop(self.best)


def _groups(values: Ints, first: Ints) -> Ints:
    """Return how many different values each group has; equal ones of a group stand together."""
    import numpy as np

    is_new = np.append(True, values[1:] != values[:-1])
    is_new[first] = True
    counts: Ints = np.add.reduceat(is_new, first, dtype=np.int64)
    return counts


def _too_much(what: str) -> UsageError:
    return UsageError(
        what, hint="raise --min-support or --min-count, lower --max-len, or ask for --top-k"
    )
