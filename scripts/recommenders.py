#!/usr/bin/env python3
"""Compare the methods of recommending, and what auto chooses with the best in hindsight: NDCG@10.

Usage: scripts/recommenders.py [--seed N] compare FILE.inter [--split last|time] …
       scripts/recommenders.py [--seed N] regret LOG…

A file of ratings is tab-separated with a header: user, item, rating, timestamp in seconds (the
form of the recbole package). Every rating counts as one event; all items are ranked, those seen
left out.

last: each person's last event is the test. This leaks the future: people are fitted to events that
others had later. time: the last tenth of the events by time is the test, and of people with both
parts only.

regret: auto chooses by what was before the last tenth of the events, in which every method that it
tried and every blend is judged then; a log is a store of clickcli or a file of ratings. Regret is
1 - auto ÷ best, the best being whatever came out highest on the test.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clickcli.analysis import Shared
from clickcli.api import Log
from clickcli.context import Events, resolve
from clickcli.engines import engine
from clickcli.models.recommend.blends import Blended, Hybrid
from clickcli.models.recommend.cases import Cases, Mode, following, later
from clickcli.models.recommend.choosing import MOST_CASES, choose
from clickcli.models.recommend.coding import coded
from clickcli.models.recommend.interactions import Interactions, Rating
from clickcli.models.recommend.lists import top
from clickcli.models.recommend.methods import METHODS
from clickcli.models.recommend.metrics import per_person
from clickcli.recommend.options import TrainOptions
from clickcli.recommend.training import rows_of

if TYPE_CHECKING:
    from clickcli.models.recommend.method import Fitted, Method

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


def read_log(path: Path) -> Interactions:
    """Read the views, adds and purchases of a store, as ``train`` does, or a file of ratings."""
    if path.is_file():
        return read(path)
    options = TrainOptions()
    with Log.open(path) as log:
        context = resolve(log.dataset(), engine("polars"), Shared())
        rows = rows_of(Events(context), context, options)
    return coded(rows, context.as_of, Rating(options.half_life_us())).data


def fitted_to(method: Method, known: dict[str, Fitted], train: Interactions, seed: int) -> Fitted:
    """Return a fitted method; the parts of blends are fitted once."""
    if isinstance(method, Hybrid):
        parts = tuple(fitted_to(part, known, train, seed) for part in method.parts)
        return Blended(parts, method.weights, method.kind.value)
    if method.name not in known:
        known[method.name] = method.fit(train, seed)
    return known[method.name]


def ndcg(fitted: Fitted, cases: Cases) -> float:
    """Return how good a method is for some cases."""
    lists, _ = top(fitted, cases.given, K)
    return float(per_person(lists, cases.relevant, K)["ndcg"].mean())


def regret(path: Path, mode: Mode, seed: int) -> float | None:
    """Print what auto chose on a log, the best in hindsight and the regret, which is returned."""
    data = read_log(path)
    if not len(data):
        print(f"{path.name:16} {mode.value:6} nothing about items")
        return None
    start = int(np.quantile(data.ts, 0.9))
    train = data.before(start)
    cases = (
        following(data, start, MOST_CASES, seed) if mode is Mode.NEXT
        else later(data, start).first(MOST_CASES, seed)
    )  # fmt: skip
    chosen = choose(train, mode, seed=seed)
    known: dict[str, Fitted] = {}
    tried = {chosen.method.name: chosen.method, **chosen.tried}
    found = {name: ndcg(fitted_to(one, known, train, seed), cases) for name, one in tried.items()}
    own, best = found[chosen.method.name], max(found, key=lambda name: found[name])
    single = max((name for name in found if name in METHODS), key=lambda name: found[name])
    lost = 1 - own / found[best] if found[best] else None
    told = "none" if lost is None else f"{lost:.1%}"
    print(
        f"{path.name:16} {mode.value:6} {cases.count:5} {chosen.cases:5} {own:.4f} "
        f"{found[single]:.4f} {found[best]:.4f} {told:>6}  {chosen.method.name}; {single}; {best}",
        flush=True,
    )
    return lost


def regrets(paths: Sequence[Path], seed: int) -> int:
    """Print a line for each log and mode, and the mean."""
    print("log              mode   cases inner auto   single best   regret  what these are")
    lost = [regret(path, mode, seed) for path in paths for mode in Mode]
    known = [one for one in lost if one is not None]
    print(f"mean regret {sum(known) / len(known):.1%} over {len(known)}" if known else "no regret")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare methods on one file, or auto with hindsight on several logs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("compare", help="every method on a file of ratings")
    one.add_argument("file", type=Path)
    one.add_argument("--split", choices=("last", "time"), default="last")
    one.add_argument("--auto", action="store_true", help="choose by an inner validation, too")
    one.add_argument("--method", action="append", default=[], help="only these")
    several = commands.add_parser("regret", help="what auto chooses against the best in hindsight")
    several.add_argument("logs", type=Path, nargs="+", help="stores or files of ratings")
    options = parser.parse_args(arguments)
    return regrets(options.logs, options.seed) if options.command == "regret" else compare(options)


def compare(options: argparse.Namespace) -> int:
    """Fit every method and print how good it is."""
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
