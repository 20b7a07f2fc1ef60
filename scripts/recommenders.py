#!/usr/bin/env python3
"""Compare the methods of recommending on a file of ratings: NDCG@10 per method.

Usage: scripts/recommenders.py FILE.inter [--split last|time] [--auto] [--method NAME] [--seed N]

The file is tab-separated with a header: user, item, rating, timestamp in seconds (the form of the
recbole package). Every rating counts as one event; all items are ranked, those seen left out.

last: each person's last event is the test. This leaks the future: people are fitted to events that
others had later. time: the last tenth of the events by time is the test, and of people with both
parts only.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clickcli.models.recommend.cases import Mode
from clickcli.models.recommend.choosing import choose
from clickcli.models.recommend.interactions import Interactions, Rating
from clickcli.models.recommend.lists import top
from clickcli.models.recommend.methods import METHODS
from clickcli.models.recommend.metrics import per_person

if TYPE_CHECKING:
    from clickcli.models.recommend.method import Method

_SESSION_US = 30 * 60 * 1_000_000
K = 10


def read(path: Path) -> Interactions:
    """Read a file of ratings as events of weight 1."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
    people, person = np.unique([row[0] for row in rows], return_inverse=True)
    items, item = np.unique([row[1] for row in rows], return_inverse=True)
    ts = np.array([int(float(row[3])) for row in rows], dtype=np.int64) * 1_000_000
    order = np.lexsort((np.arange(len(rows)), ts, person))
    person, item, ts = person[order], item[order], ts[order]
    is_first = (np.diff(person, prepend=-1) != 0) | (np.diff(ts, prepend=0) > _SESSION_US)
    return Interactions(
        person, item, ts, np.ones(len(rows)), np.cumsum(is_first) - 1, len(people), len(items),
        int(ts.max()) + 1, Rating(None, is_damped=False),
    )  # fmt: skip


def split(data: Interactions, how: str) -> tuple[Interactions, Interactions]:
    """Return what is known and what is asked."""
    if how == "last":
        is_test = np.diff(data.person, append=-1) != 0
        return data.where(~is_test), data.where(is_test)
    moment = int(np.quantile(data.ts, 0.9))
    return data.before(moment), data.where(data.ts >= moment)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit every method and print how good it is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--split", choices=("last", "time"), default="last")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--auto", action="store_true", help="choose by an inner validation, too")
    parser.add_argument("--method", action="append", default=[], help="only these")
    options = parser.parse_args(arguments)
    train, test = split(read(options.file), options.split)
    people = np.intersect1d(np.unique(train.person), np.unique(test.person))
    known, asked = train.of(people), test.of(people).seen()
    asked = asked - asked.multiply(known.seen())
    asked.eliminate_zeros()
    keep = np.flatnonzero(np.diff(asked.indptr))
    known, asked = known.of(keep), asked[keep]
    print(f"{options.file.name}, split {options.split}: {len(train)} events, {len(keep)} people")
    methods: list[Method] = [m for n, m in METHODS.items() if not options.method
                             or n in options.method]  # fmt: skip
    if options.auto:
        mode = Mode.NEXT if options.split == "last" else Mode.LATER
        chosen = choose(train, mode, seed=options.seed)
        for row in chosen.table:
            print(f"  inner {row.name:48} {row.ndcg:.4f}")
        methods.append(chosen.method)
    for method in methods:
        began = time.perf_counter()
        lists, _ = top(method.fit(train, options.seed), known, K)
        value = per_person(lists, asked, K)
        told = " ".join(f"{name} {value[name].mean():.4f}" for name in ("ndcg", "hit_rate"))
        print(f"{method.name:50} {told}  {time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
