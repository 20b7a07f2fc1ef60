"""Small logs that hold what a store keeps apart: links, repeats, contradictions, bad lines."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

DATES: Final = (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 11, 23, 30, tzinfo=UTC))
"""Two days, the second running over midnight, so that there are three dates."""
BAD: Final = ("{", "[]", '{"event_type": "view", "user_id": "u1"}', "\udcff", '{"event_type": 7}')
TYPES: Final = ("view", "view", "view", "add_to_cart", "purchase")


def event(number: int, choices: random.Random) -> dict[str, Any]:
    """Return one event; every number is another one."""
    day = DATES[number % len(DATES)]
    kind = choices.choice(TYPES)
    line: dict[str, Any] = {
        "event_id": f"event-{number}",
        "event_type": kind,
        "timestamp": (day + timedelta(seconds=17 * number % 3600)).isoformat(),
        "page_url": f"https://shop.example/{choices.randrange(9)}?q={choices.randrange(99)}",
        "plan": choices.choice(("free", "pro")),
    }
    person = choices.randrange(12)
    if person < 10:
        line["user_id"] = f"user-{person}"
    if person % 3:
        line["anonymous_id"] = f"device-{person}-{choices.randrange(2)}"
    if kind == "purchase":
        line |= {"revenue": choices.randrange(100, 9900) / 100, "currency": "EUR"}
    if not choices.randrange(10):
        del line["event_id"]
    return line


def lines_of(first: int, count: int, choices: random.Random) -> list[str]:
    """Return lines of so many new events, with repeats, contradictions, bad and blank lines."""
    lines = [json.dumps(event(first + n, choices)) for n in range(count)]
    for line in choices.sample(lines, count // 12):
        lines.insert(choices.randrange(len(lines)), line)
    for line in choices.sample(lines, count // 20):
        changed = {**json.loads(line), "plan": "other"}
        lines.insert(choices.randrange(len(lines)), json.dumps(changed))
    for line in (*BAD, ""):
        lines.insert(choices.randrange(len(lines)), line)
    return lines


def write_log(path: Path, lines: Sequence[str]) -> Path:
    """Write lines as a log."""
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return path


def write_logs(
    folder: Path, choices: random.Random, count: int = 4, events: int = 60
) -> list[Path]:
    """Write logs of which each repeats a few lines of the one before."""
    paths: list[Path] = []
    before: list[str] = []
    for number in range(count):
        fresh = lines_of(number * events, events, choices)
        lines = [*choices.sample(before, min(8, len(before))), *fresh]
        paths.append(write_log(folder / f"log-{number}.jsonl", lines))
        before = fresh
    return paths


def write_wide_log(path: Path, choices: random.Random) -> Path:
    """Write a log that is large enough to be parsed by worker processes, of few long lines."""
    lines = []
    for number in range(48):
        line = {**event(5000 + number, choices), "note": choices.choice("abc") * 750_000}
        lines.append(json.dumps(line))
    return write_log(path, lines)
