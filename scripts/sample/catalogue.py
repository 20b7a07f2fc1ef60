"""The shop's items, by category and popularity, and how a person picks one."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import accumulate

from sample.tables import BRANDS, CATEGORIES, CLUSTER_LOYALTY, CLUSTERS, ITEMS_PER_CATEGORY


@dataclass(frozen=True)
class Item:
    """One product; rank 1 is the most wanted of its category."""

    item_id: str
    name: str
    category: str
    brand: str
    price: float
    cost: float
    rank: int

    @property
    def path(self) -> str:
        """Return the path of the item's page."""
        return f"/p/{self.item_id}"


@dataclass
class Catalogue:
    """All items, with the choice of an item by taste."""

    by_category: dict[str, list[Item]] = field(default_factory=dict)
    by_id: dict[str, Item] = field(default_factory=dict)

    def at(self, place: tuple[str, int]) -> Item:
        """Return the item of a (category, rank)."""
        category, rank = place
        return self.by_category[category][rank - 1]

    def pick_in(self, rng: random.Random, category: str) -> Item:
        """Pick an item of a category, popular ones far more often."""
        return rng.choices(self.by_category[category], cum_weights=_POPULARITY)[0]

    def pick(self, rng: random.Random, cluster: str) -> Item:
        """Pick an item by a taste cluster: mostly its own categories."""
        own = rng.random() < CLUSTER_LOYALTY
        return self.pick_in(rng, rng.choice(CLUSTERS[cluster] if own else tuple(CATEGORIES)))


_POPULARITY = list(accumulate(1 / rank**0.85 for rank in range(1, ITEMS_PER_CATEGORY + 1)))


def make_catalogue(rng: random.Random) -> Catalogue:
    """Make the items: ids p_001 … in order of category and rank, prices skewed to the low end."""
    catalogue = Catalogue()
    number = 0
    for category, (low, high, nouns) in CATEGORIES.items():
        items = catalogue.by_category.setdefault(category, [])
        for rank in range(1, ITEMS_PER_CATEGORY + 1):
            number += 1
            brand = rng.choice(BRANDS)
            price = round(low + (high - low) * rng.random() ** 2.4) + rng.choice((0.0, 0.49, 0.99))
            cost = round(price * rng.uniform(0.45, 0.75), 2)
            name = f"{brand} {nouns[rank % len(nouns)]} {rank}"
            item = Item(f"p_{number:03d}", name, category, brand, price, cost, rank)
            items.append(item)
            catalogue.by_id[item.item_id] = item
    return catalogue
