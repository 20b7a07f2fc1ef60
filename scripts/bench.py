"""Compare clickcli with what people would use instead, as whole processes in one run.

Every contender runs as its own process on the same files, in turns, with byte code cached; the
answers are checked equal before any time is believed. The tables give medians, clickcli's share
of each contender's time (the median of the rounds' ratios) and peak memory. Times drift on a
shared machine: read the ratios.

    scripts/bench.py ingest sessions funnel --events 5000000 --folder /var/tmp/bench
    scripts/bench.py growth --sizes 1000000,5000000,20000000,50000000 --folder /var/tmp/bench
    scripts/bench.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from bench_growth import NAMES, growth
from bench_setup import Bench, Rows
from bench_works import WORKS

_QUICK_EVENTS = 10_000
_GROWTH = "growth"


def _machine() -> str:
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GiB of memory"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "works",
        nargs="*",
        metavar="WORK",
        help=f"of {', '.join(WORKS)} (all of these when none is named),\n{_GROWTH}",
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep data, stores and contenders here")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument(
        "--quick", action="store_true", help="one round on little data: whether answers are equal"
    )
    parser.add_argument("--sizes", default="1000000,5000000", help="numbers of events of growth")
    parser.add_argument("--only", help=f"what growth runs, by commas: {', '.join(NAMES)}")
    asked = parser.parse_args()  # fmt: skip
    asked.only = NAMES if asked.only is None else asked.only.split(",")
    asked.sizes = [int(size) for size in asked.sizes.split(",")]
    unknown = {*asked.works} - {*WORKS, _GROWTH} | {*asked.only} - {*NAMES}
    if unknown:
        parser.error(f"unknown work {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    """Run the works named, all when none is."""
    asked = _asked()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="clickcli-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    events, rounds = (_QUICK_EVENTS, 1) if asked.quick else (asked.events, asked.rounds)
    bench = Bench(folder.resolve(), events, rounds, asked.quick)
    rows: Rows = []
    start = time.perf_counter()
    print(_machine())
    try:
        for name in asked.works or WORKS:
            if name == _GROWTH:
                rows += growth(bench, [events] if asked.quick else asked.sizes, asked.only)
            else:
                rows += WORKS[name](bench)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{time.perf_counter() - start:.0f} s in all")
    if asked.json is not None:
        told = {"machine": _machine(), "rows": rows}
        asked.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
