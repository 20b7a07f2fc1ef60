"""A full disk: the ingest runs on a file system with so much space and no more."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaign.calls import told_badly
from tests.campaign.campaign import Bench, Campaign, ImpossibleHereError, Outcome, Tally
from tests.campaign.examine import examine
from tests.campaign.processes import Ended, run
from tests.campaign.scenarios import Prepared, prepare

POINTS: Final = 50
PAGE: Final = 4096
SCENARIO: Final = "large"
_MOST: Final = 8
"""So many times what the store fills is enough."""
_CLOSE: Final = 3
"""How near to the least pages that are enough is near enough."""
_ON_SMALL_DISK: Final = """
set -e
mount -t tmpfs -o size="$1",mode=700 tmpfs "$2"
cp -a "$3/." "$2"
shift 3
set +e
"$@"
code=$?
cp -a "$CAMPAIGN_DISK/." "$CAMPAIGN_LEFT"
exit $code
"""
"""Arguments: bytes of the disk, where it is mounted, what is on it, the command."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of so many pages."""

    pages: int

    def __str__(self) -> str:
        return f"a disk of {self.pages * PAGE} bytes"


def apart() -> list[str]:
    """Return how to run a command that sees mounts of its own.

    Raises ImpossibleHereError where neither root nor a user's own namespace may mount.
    """
    tries = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])
    for words in tries[os.geteuid() != 0 :]:
        if (
            shutil.which("unshare")
            and run([*words, "mount", "-t", "tmpfs", "none", "/mnt"]).code == 0
        ):
            return words
    raise ImpossibleHereError("nobody may mount a file system here")


def on_disk(prepared: Prepared, home: Path, disk: Disk) -> tuple[Ended, Path]:
    """Run a command with its home on a small disk; returns a copy of what is on it afterwards."""
    mounted, left = home.with_name("disk"), home.with_name("left")
    mounted.mkdir()
    left.mkdir()
    script = [*apart(), "env", f"CAMPAIGN_DISK={mounted}", f"CAMPAIGN_LEFT={left}", "sh", "-c"]
    size = str(disk.pages * PAGE)
    words = [_ON_SMALL_DISK, "sh", size, str(mounted), str(home), *prepared.command(mounted)]
    return run([*script, *words]), left


def needed(bench: Bench, prepared: Prepared) -> tuple[int, int]:
    """Return the pages that the store before fills, and the least with which the command works."""
    files = [path for path in prepared.home.rglob("*") if path.is_file()]
    full = sum(-(-path.stat().st_size // PAGE) for path in files)
    low, high = full, _MOST * full
    while high - low > _CLOSE:
        middle = (low + high) // 2
        with prepared.home_in(bench) as home:
            ended, _ = on_disk(prepared, home, Disk(middle))
        low, high = (low, middle) if ended.code == 0 else (middle, high)
    return full, high


def hit(bench: Bench, disk: Disk) -> Outcome:
    """Run out of space, and look at what is left."""
    prepared = prepare(bench, SCENARIO)
    with prepared.home_in(bench) as home:
        ended, left = on_disk(prepared, home, disk)
        if ended.code == 0:
            return Outcome(is_hit=False)
        outcome = examine(prepared, left)
        return Outcome(
            True, f"{outcome.left}, exit {ended.code}", (*told_badly(ended), *outcome.failures)
        )


def _run(bench: Bench, points: int | None, tally: Tally) -> None:
    apart()
    full, enough = needed(bench, prepare(bench, SCENARIO))
    count = min(points or POINTS, enough - full)
    sizes = [Disk(full + (enough - full) * n // count) for n in range(count)]
    bench.strike(sizes, hit, tally)


CAMPAIGN: Final = Campaign("space", "an ingest on a disk that gets full, at many sizes", 3, _run)
