#!/usr/bin/env python3
"""Write the sample data: sixty days of a shop's click log, with faults and known truths.

The same seed gives the same files. Standard library only; no part of clickcli is used, so that
the truths are counted independently of what they check.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

from sample.events import iso
from sample.faults import Log, write_log
from sample.plants import measure_plants
from sample.readme import describe
from sample.story import Story, tell
from sample.tables import END, START
from sample.truth import ENTRIES_END, WINDOW, measure

SEED = 20250301
FOLDER = Path(__file__).resolve().parent.parent / "sample_data"


def make_truth(seed: int, story: Story, log: Log) -> dict[str, Any]:
    """Return everything that is known about the two files."""
    both = log.main_events + log.late_events
    without_bot = [one for one in log.main_events if one.text("anonymous_id") != story.bot]
    return {
        "seed": seed,
        "period": {"from": iso(START), "to": iso(END)},
        "funnel_7d_entries": {
            "from": iso(START),
            "to": iso(ENTRIES_END),
            "within_days": WINDOW // 86_400_000,
        },
        "accounting": {
            "events.jsonl.gz": dict(sorted(log.main_counts.items())),
            "late.jsonl.gz": dict(sorted(log.late_counts.items())),
        },
        "main": measure(log.main_events),
        "main_without_bot": measure(without_bot),
        "main_and_late": measure(both),
        "planted_in_main": measure_plants(log.main_events, story),
    }


def compress(lines: list[bytes]) -> bytes:
    """Compress lines with neither a time nor a name in the header."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        stream.write(b"\n".join(lines) + b"\n")
    return buffer.getvalue()


def main() -> None:
    """Make the files in the folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed (default {SEED})")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder (default sample_data)")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    story = tell(rng)
    log = write_log(rng, story)
    truth = make_truth(options.seed, story, log)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "events.jsonl.gz").write_bytes(compress(log.main))
    (options.out / "late.jsonl.gz").write_bytes(compress(log.late))
    text = json.dumps(truth, indent=1, ensure_ascii=False) + "\n"
    (options.out / "truth.json").write_bytes(text.encode())
    (options.out / "README.md").write_bytes(describe(truth).encode())


if __name__ == "__main__":
    main()
