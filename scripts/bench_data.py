"""Make seeded, shop-like logs of any size: skewed people and items, a share of faults."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

_START = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS = 90
_TYPES = ("page_view", "product_view", "search", "add_to_cart", "checkout", "purchase")
_WEIGHTS = (45, 35, 8, 7, 3, 2)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0"
FAULTS_PER_MILLION = 1_000


def _line(draw: random.Random, number: int, events: int) -> dict[str, object]:
    people = max(events // 40, 10)
    person = int(people * draw.random() ** 2)
    item = int(5000 * draw.random() ** 3)
    kind = draw.choices(_TYPES, _WEIGHTS)[0]
    span = _DAYS * 86_400
    moment = _START + timedelta(
        seconds=span * number / events + draw.random() * 900, microseconds=number % 1000
    )
    line: dict[str, object] = {
        "event_id": f"{number:012d}-{draw.getrandbits(64):016x}",
        "event_type": kind,
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "user_id": f"user_{person:07d}",
        "session_id": f"s{person:07d}-{number * 200 // events}",
        "page_url": f"https://shop.example/{kind}/{item}?ref={draw.randrange(50)}",
        "referrer": draw.choice(("https://www.google.com/", "", "https://news.example/a")),
        "device_type": draw.choice(("desktop", "mobile", "tablet")),
        "country": draw.choice(("DE", "FR", "US", "GB", "IT")),
        "user_agent": _AGENT,
    }
    if kind not in ("page_view", "search"):
        line |= {"item_id": f"i{item}", "price": (item % 400) + 0.99, "currency": "EUR"}
    line["properties"] = {
        "plan": draw.choice(("free", "pro")),
        "scroll": draw.randrange(100),
        "experiment": f"exp{draw.randrange(5)}",
        "note": "x" * draw.randrange(60),
    }
    return line


def lines(events: int, seed: int = 1) -> Iterator[bytes]:
    """Yield ``events`` good lines with faults between: one line in a thousand is cut short."""
    draw = random.Random(seed)
    for number in range(events):
        yield json.dumps(_line(draw, number, events), separators=(",", ":")).encode() + b"\n"
        if draw.randrange(1_000_000) < FAULTS_PER_MILLION:
            yield b'{"event_type":"page_view","timestamp":"2024-01-0\n'


def write(path: Path, events: int, seed: int = 1) -> Path:
    """Write a log once; a file that is there already is taken as it is."""
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(lines(events, seed))
        part.rename(path)
    return path


def write_baskets(path: Path, baskets: int, items: int = 5000, seed: int = 1) -> Path:
    """Write (basket, item) pairs as an array: popular items, and a hundred tastes of fifty."""
    import numpy as np

    if not path.exists():
        draw = np.random.default_rng(seed)
        sizes = np.minimum(1 + draw.geometric(0.2, baskets), 50)
        basket = np.repeat(np.arange(baskets), sizes)
        item = (items * draw.random(len(basket)) ** 3).astype(np.int64)
        taste = np.repeat(draw.integers(0, items // 50, baskets), sizes)
        of_taste = (taste * 50 + 50 * draw.random(len(basket)) ** 2).astype(np.int64)
        item = np.where(draw.random(len(basket)) < 0.4, of_taste, item)
        pairs = np.unique(np.stack([basket, item], axis=1), axis=0)
        np.save(path, pairs)
    return path
