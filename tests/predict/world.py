"""A shop whose keen people buy, for the tests of predictions."""

from __future__ import annotations

import json
import random
from io import BytesIO
from pathlib import Path
from typing import Any

from clickcli.api import Log

START = 1_709_251_200
"""2024-03-01T00:00:00Z."""
DAY = 86_400


def shop(people: int = 90, weeks: int = 5, seed: int = 5) -> list[dict[str, Any]]:
    """Return visits of people of whom every third is keen: views more, and buys in most weeks."""
    draw = random.Random(seed)
    lines: list[dict[str, Any]] = []
    for person in range(people):
        is_keen = person % 3 == 0
        for week in range(weeks):
            if draw.random() > (0.9 if is_keen else 0.7):
                continue
            at = START + week * 7 * DAY + draw.randrange(6 * DAY)
            kinds = ["view"] * (draw.randrange(3, 7) if is_keen else draw.randrange(1, 4))
            if draw.random() < (0.7 if is_keen else 0.05):
                kinds += ["add_to_cart", "purchase"]
            for step, kind in enumerate(kinds):
                lines.append({
                    "event_type": kind, "ts": at + 20 * step, "user_id": f"u{person}",
                    "item_id": f"i{draw.randrange(5)}", "price": 5.0, "currency": "EUR",
                    "event_id": f"{person}-{week}-{step}",
                })  # fmt: skip
    return lines


def ingest(log: Log, lines: list[dict[str, Any]]) -> None:
    log.ingest(BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))


def log_of(folder: Path, lines: list[dict[str, Any]]) -> Log:
    log = Log.create(folder)
    if lines:
        ingest(log, lines)
    return log
