#!/usr/bin/env python3
"""Compare clickcli's answers with published cases of other tools.

Usage: scripts/conformance.py DIR [-v] [--area NAME]

Every case is ingested into a store of its own and asked through the library. A line per area
says how many cases passed, failed or are not supported, and names the latter two. Other
readings that a case states are asked too and counted apart. The exit code is 1 when a case
fails that must hold without an option.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance_cases.runner import Outcome, Status, run_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases of a folder and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of case files")
    parser.add_argument("-v", "--verbose", action="store_true", help="every case, all differences")
    parser.add_argument("--area", help="only cases of this area")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"no such folder: {options.folder}")
    outcomes = list(run_folder(options.folder, options.area))
    if not outcomes:
        parser.error(f"no cases in {options.folder}")
    for area in sorted({outcome.area for outcome in outcomes}):
        lines = area_lines([o for o in outcomes if o.area == area], verbose=options.verbose)
        print("\n".join(lines))
    print(summary("all", [o for o in outcomes if o.kind != "reading"]))
    return 1 if any(outcome.breaks for outcome in outcomes) else 0


def summary(title: str, outcomes: Sequence[Outcome]) -> str:
    """Return one line: a title and the number of cases of each status."""
    counts = (f"{sum(o.status is s for o in outcomes)} {s.value}" for s in Status)
    return f"{title}: {', '.join(counts)}"


def area_lines(outcomes: Sequence[Outcome], *, verbose: bool) -> list[str]:
    """Return the line of an area and, below it, the cases that did not pass."""
    cases = [outcome for outcome in outcomes if outcome.kind != "reading"]
    others = [outcome for outcome in outcomes if outcome.kind == "reading"]
    line = summary(outcomes[0].area, cases)
    if others:
        line += summary("; other readings", others).replace("; other readings:", "; other readings")
    return [line, *(text for o in outcomes for text in case_lines(o, verbose=verbose))]


def case_lines(outcome: Outcome, *, verbose: bool) -> list[str]:
    """Return what is said of one case: nothing of one that passed, unless verbose."""
    if outcome.status is Status.PASSED and not verbose:
        return []
    head = f"  {outcome.status.value}: {outcome.name} [{outcome.kind}]"
    if not outcome.details:
        return [head]
    if verbose:
        return [head, *(f"    {detail}" for detail in outcome.details)]
    more = len(outcome.details) - 1
    return [f"{head}: {outcome.details[0]}" + (f" (+{more} more)" if more else "")]


if __name__ == "__main__":
    sys.exit(main())
