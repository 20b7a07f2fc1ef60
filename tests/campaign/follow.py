"""Logs that are followed: written to, rotated and the follower killed, more often than in tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.campaign.campaign import Bench, Campaign, Tally
from tests.campaign.processes import environment

ROUNDS: Final = 40
_TESTS: Final = Path(__file__).parents[1] / "store" / "test_follow.py"
_CHOSEN: Final = "every_line_arrives_once or killed_again_and_again"


def _run(bench: Bench, points: int | None, tally: Tally) -> None:
    """Run the rounds of the tests of follow mode; a round that passes is a hit."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-n", str(bench.jobs), "-k", _CHOSEN, _TESTS],
        env=environment() | {"FOLLOW_ROUNDS": str(points or ROUNDS)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    failed = re.findall(r"^FAILED (.*)$", ended.stdout, re.MULTILINE)
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", ended.stdout)}
    tally.points, tally.hits = sum(counts.values()), counts.get("passed", 0)
    tally.left.update(counts)
    tally.failures += failed
    if ended.returncode and not failed:
        tally.failures.append((ended.stdout + ended.stderr).strip()[-500:])


CAMPAIGN: Final = Campaign("follow", "followed logs: rotated, the follower killed", 0, _run)
