"""Small interactions, written as text or drawn by a seed."""

from __future__ import annotations

import random

import numpy as np

from clickcli.models.recommend.interactions import DAY_US, Attributes, Interactions, Rating

PLAIN = Rating(None, is_damped=False)


def told(*people: str, rating: Rating = PLAIN, items: int = 0) -> Interactions:
    """Read one text a person: letters are items in order, a minute apart; a space is a new session.

    Item a is 0, b is 1, …
    """
    rows: list[tuple[int, int, int, int]] = []
    session = 0
    for person, text in enumerate(people):
        at = person
        for part in text.split(" "):
            session += 1
            for letter in part:
                at += 60_000_000
                rows.append((person, ord(letter) - ord("a"), at, session))
            at += 3 * 3_600_000_000
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    count = max(items, int(table[:, 1].max(initial=-1)) + 1)
    now = int(table[:, 2].max(initial=0)) + 1
    return Interactions(
        table[:, 0], table[:, 1], table[:, 2], np.ones(len(table)), table[:, 3], len(people),
        count, now, rating,
    )  # fmt: skip


def walks(
    seed: int = 1, people: int = 80, items: int = 12, length: int = 8, days: int = 20
) -> Interactions:
    """Draw people who go through the items in a circle, each from an item of its own."""
    draw = random.Random(seed)
    rows = []
    for person in range(people):
        item, at = draw.randrange(items), draw.randrange(days * DAY_US)
        for _ in range(length):
            rows.append((person, item, at))
            item = (item + (1 if draw.random() < 0.9 else draw.randrange(items))) % items
            at += 60_000_000
    table, codes = np.array(rows, dtype=np.int64), np.arange(items)
    return Interactions(
        table[:, 0], table[:, 1], table[:, 2], np.ones(len(table)), table[:, 0], people, items,
        int(table[:, 2].max()) + 1, PLAIN,
        Attributes(codes // 4, codes % 3, codes.astype(np.float64) + 1),
    )  # fmt: skip


def letters(row: np.ndarray) -> str:
    """Write a list of items as letters."""
    return "".join(chr(ord("a") + int(item)) for item in row if item >= 0)
