"""The id files: found what is there, nothing else, whatever the order of runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickcli.store.dedup import fingerprint
from clickcli.store.runs import CONTENT, HI, LO, SEQ, lookup, merge_runs, mergeable, open_run, tier

# Few high words, so that ids often differ in the low word alone.
IDS = st.tuples(st.integers(0, 3), st.integers(0, 40))


def run_of(ids: set[tuple[int, int]]) -> NDArray[np.uint64]:
    """Return a sorted run whose content and seq follow from the id."""
    rows = [(hi, lo, hi * 100 + lo, hi * 1000 + lo) for hi, lo in sorted(ids)]
    return np.array(rows, dtype=np.uint64).reshape(-1, 4).T


@given(st.lists(st.sets(IDS, max_size=30), max_size=4), st.lists(IDS, max_size=30))
def test_lookup_agrees_with_a_dictionary(
    groups: list[set[tuple[int, int]]], asked: list[tuple[int, int]]
) -> None:
    known: set[tuple[int, int]] = set()
    runs = []
    for group in groups:
        runs.append(run_of(group - known))
        known |= group
    hi = np.array([hi for hi, _ in asked], dtype=np.uint64)
    lo = np.array([lo for _, lo in asked], dtype=np.uint64)
    found = lookup(runs, hi, lo)
    assert found.is_known.tolist() == [pair in known for pair in asked]
    for at, (high, low) in enumerate(asked):
        if (high, low) in known:
            assert (found.content[at], found.seq[at]) == (high * 100 + low, high * 1000 + low)


@settings(deadline=None)
@given(groups=st.lists(st.sets(IDS, min_size=1, max_size=30), min_size=2, max_size=4),
       slice_rows=st.integers(1, 40))  # fmt: skip
def test_merging_keeps_every_id_in_order(
    tmp_path_factory: pytest.TempPathFactory, groups: list[set[tuple[int, int]]], slice_rows: int
) -> None:
    path = tmp_path_factory.mktemp("runs") / "merged.npy"
    known: set[tuple[int, int]] = set()
    runs = []
    for group in groups:
        runs.append(run_of(group - known))
        known |= group
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clickcli.store.runs.SLICE", slice_rows)
        merge_runs(path, runs)
    merged = open_run(path)
    expected = run_of(known)
    assert np.array_equal(merged, expected)
    total = sum(fingerprint(run) for run in runs) % 2**64
    assert total == fingerprint(merged)
    assert list(range(4)) == [HI, LO, CONTENT, SEQ]


def test_the_number_of_runs_grows_with_the_logarithm() -> None:
    sizes: list[int] = []
    most = 0
    for _ in range(1000):
        sizes.append(5000)
        chosen = mergeable(sizes)
        merged = sum(sizes[at] for at in chosen)
        sizes = [size for at, size in enumerate(sizes) if at not in chosen]
        sizes += [merged] if merged else []
        most = max(most, len(sizes))
    assert sum(sizes) == 5_000_000
    assert most <= 3 * (tier(5_000_000) + 1)


def test_tiers_grow_fourfold() -> None:
    assert [tier(rows) for rows in (1, 4095, 4096, 16_383, 16_384)] == [0, 0, 1, 1, 2]


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(Exception, match=r"x\.npy"):
        open_run(path)
