"""How seconds, CPU and memory of ingest and of every analysis grow with the number of events."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise

from bench_measure import Contender, run_once
from bench_setup import CLICKCLI, Bench, Rows
from bench_works import STEPS

_ANALYSES: tuple[tuple[str, ...], ...] = (
    ("sessions",),
    ("pages",),
    ("searches",),
    ("active",),
    ("funnel", *STEPS),
    ("retention",),
    ("journeys",),
    ("traffic",),
    ("attribution",),
    ("carts",),
    ("items",),
    ("trending",),
    ("segments",),
    ("rfm",),
    ("clv",),
    ("patterns",),
    ("sequences",),
    ("bundles",),
    ("similar", "--item", "i1"),
    ("features", "build"),
)
_INGEST = "ingest"
NAMES = (_INGEST, *(one[0] for one in _ANALYSES))


def growth(bench: Bench, sizes: Sequence[int], names: Sequence[str]) -> Rows:
    """Run each work named once on stores of growing size; print CPU, memory and its growth.

    Stores that are in the folder are used as they are; ingest is measured into a new one.
    """
    heads = "".join(f"{size / 1e6:>8g} M {'CPU s':>7} {'MiB':>6}" for size in sizes)
    print(f"\ngrowth with the number of events\n{'':12}{heads}   MiB ÷ those of the size before")
    rows: Rows = []
    for command in ((_INGEST,), *_ANALYSES):
        name = command[0]
        if name not in names:
            continue
        print(f"{name:12}", end="", flush=True)
        peaks = []
        for size in sizes:
            wall, cpu, peak = _once(bench, command, size)
            print(f"{wall:9.1f}s {cpu:7.1f} {peak:6.0f}", end="", flush=True)
            rows.append({"work": f"growth, {name}", "events": size, "wall_s": wall, "cpu_s": cpu,
                         "peak_mib": peak})  # fmt: skip
            peaks.append(peak)
        print("   " + ", ".join(f"{b / a:.2f}" for a, b in pairwise(peaks)))
    return rows


def _once(bench: Bench, command: tuple[str, ...], size: int) -> tuple[float, float, float]:
    """Return seconds, CPU seconds and peak MiB of one command."""
    fresh = bench.folder / "ingest-store"
    shutil.rmtree(fresh, ignore_errors=True)
    if command == (_INGEST,):
        store, command = fresh, (_INGEST, str(bench.log(size)))
    else:
        store = bench.store(size)
    wall, cpu, peak, _ = run_once(
        Contender(command[0], (CLICKCLI, *command, "--store", str(store), "-f", "json"))
    )
    shutil.rmtree(fresh, ignore_errors=True)
    return wall, cpu, peak
