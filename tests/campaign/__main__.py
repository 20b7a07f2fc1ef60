"""Run fault campaigns and print a table: scripts/campaign [--only NAME] [--points N] [--seed N]."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.campaign import Bench, Campaign, ImpossibleHereError, Tally
from tests.campaign.registry import CAMPAIGNS
from tests.campaign.traces import strace

SHOWN = 20
"""Failures that are printed of one campaign."""
_HEAD = ("campaign", "points", "hit", "failures", "seconds")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        prog="scripts/campaign", description="Kill, starve, cut off clickcli; look at its store.",
        epilog="campaigns: " + "; ".join(f"{c.name} ({c.headline})" for c in CAMPAIGNS),
    )  # fmt: skip
    names = [campaign.name for campaign in CAMPAIGNS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="run these")
    parser.add_argument("--points", type=positive, metavar="N", help="so many points, not all")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="other choices; default 1")
    jobs = os.cpu_count() or 1
    parser.add_argument("--jobs", type=positive, default=jobs, metavar="N", help="points at a time")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    """Read a whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def line(cells: Sequence[object]) -> str:
    """Return a line of the table."""
    name, *numbers = cells
    return f"{name!s:<14}" + "".join(f"{number!s:>10}" for number in numbers)


def report(campaign: Campaign, tally: Tally) -> None:
    """Print what came of a campaign."""
    cells = (campaign.name, tally.points, tally.hits, len(tally.failures), f"{tally.seconds:.0f}")
    say(line(cells))
    say("    " + ", ".join(f"{word}: {n}" for word, n in sorted(tally.left.items())))
    for failure in tally.failures[:SHOWN]:
        say(f"    FAILED {failure}")
    if len(tally.failures) > SHOWN:
        say(f"    … and {len(tally.failures) - SHOWN} more")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaigns; 1 when anything failed, or when one hit nothing."""
    options = parsed(arguments)
    strace()
    say(f"seed {options.seed}, {options.jobs} at a time")
    say(line(_HEAD))
    code = 0
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        bench = Bench(Path(folder), options.seed, options.jobs)
        for campaign in CAMPAIGNS:
            if options.only and campaign.name not in options.only:
                continue
            try:
                tally = campaign.result(bench, options.points)
            except ImpossibleHereError as error:
                say(f"{campaign.name:<14}could not be run: {error}")
                continue
            report(campaign, tally)
            code = max(code, int(bool(tally.failures) or not tally.hits))
    return code


if __name__ == "__main__":
    sys.exit(main())
