"""What people do on the site before they buy: look, search, read, share, ask."""

from __future__ import annotations

from collections.abc import Callable

from sample.catalogue import Item
from sample.tables import (
    CATEGORIES,
    CLICK_BY_POSITION,
    COMMENTS,
    CONTENT,
    GROUPS,
    QUERIES,
    SITE,
    TRENDING,
    TRENDING_FROM,
    TRENDING_PULL,
    ZERO_QUERIES,
    ZERO_SHARE,
)
from sample.visit import Visit


def view_product(visit: Visit, item: Item | None = None) -> None:
    """Look at an item, the wanted one or one by taste."""
    if item is None and visit.ts >= TRENDING_FROM and visit.chance(TRENDING_PULL):
        item = visit.catalogue.at(TRENDING)
    if item is None:
        repeat = visit.viewed and visit.chance(0.15)
        item = (
            visit.rng.choice(visit.viewed)
            if repeat
            else visit.catalogue.pick(visit.rng, visit.person.cluster)
        )
    visit.wait(4, 60)
    visit.expose()
    before, visit.page = visit.page, item.path
    seconds = 3 + int(visit.rng.expovariate(1 / 35))
    visit.emit(
        "product_view",
        {"scroll_depth": round(min(1.0, 0.15 + seconds / 90), 2)},
        **visit.item_fields(item),
        page_url=SITE + item.path,
        referrer=SITE + before,
        duration_ms=seconds * 1000,
    )
    visit.ts += min(seconds, 240) * 1000
    visit.viewed.append(item)


def search(visit: Visit) -> None:
    """Search, and look at what was found."""
    visit.wait(3, 40)
    if visit.chance(ZERO_SHARE):
        query = visit.rng.choice(ZERO_QUERIES)
        visit.emit("search", search_query=query, result_count=0)
        visit.api("/api/search", 140)
        return
    query = visit.rng.choice(tuple(QUERIES))
    visit.emit("search", search_query=query, result_count=visit.rng.randrange(3, 60))
    visit.api("/api/search", 90)
    if visit.chance(0.6):
        view_product(visit, visit.catalogue.pick_in(visit.rng, QUERIES[query]))


def browse(visit: Visit) -> None:
    """Open a category, filter and sort it, and look at an item."""
    visit.wait(3, 45)
    item = visit.catalogue.pick(visit.rng, visit.person.cluster)
    category = item.category
    visit.open_page(f"/c/{category}")
    if visit.chance(0.22):
        visit.wait(2, 20)
        top = CATEGORIES[category][1]
        visit.emit(
            "filter",
            {"filter": "price", "to": round(top * visit.rng.uniform(0.2, 0.8))},
            category=category,
        )
    if visit.chance(0.15):
        visit.wait(2, 20)
        visit.emit(
            "sort", {"by": visit.rng.choice(("price", "rating", "newest"))}, category=category
        )
    if visit.chance(0.7):
        view_product(visit, item)


def group(visit: Visit) -> None:
    """Look at a buying group, and perhaps join it with a deposit."""
    visit.wait(4, 60)
    number = visit.rng.choices(range(1, GROUPS + 1), [1 / n for n in range(1, GROUPS + 1)])[0]
    group_id = f"g_{number:03d}"
    target = 5 + number % 4 * 5
    seen = {"group_id": group_id, "members": visit.rng.randrange(1, target), "target": target}
    visit.page = f"/g/{group_id}"
    visit.emit(
        "group_view",
        dict(seen),
        item_id=group_id,
        page_url=SITE + visit.page,
        duration_ms=visit.rng.randrange(3000, 90_000),
    )
    if visit.chance(0.16):
        visit.wait(5, 90)
        visit.emit("group_join", dict(seen), item_id=group_id)


def read(visit: Visit) -> None:
    """Read or watch a piece of content, and react to it."""
    visit.wait(4, 60)
    number = visit.rng.choices(range(1, 41), [1 / n for n in range(1, 41)])[0]
    fields: dict[str, object] = {
        "item_id": f"c_{number:03d}",
        "content_type": CONTENT[number % len(CONTENT)],
    }
    seconds = 4 + int(visit.rng.expovariate(1 / 70))
    visit.page = f"/stories/{number}"
    visit.emit(
        "content_view",
        {"scroll_depth": round(min(1.0, seconds / 120), 2)},
        **fields,
        page_url=SITE + visit.page,
        duration_ms=seconds * 1000,
    )
    visit.ts += min(seconds, 300) * 1000
    for reaction, share in (("like", 0.12), ("save", 0.07), ("share", 0.04), ("comment", 0.03)):
        if visit.chance(share):
            visit.wait(1, 15)
            text: dict[str, object] = {}
            if reaction == "comment":
                text = {"text": visit.rng.choice(COMMENTS)}
            visit.emit(reaction, text, **fields)


def recommend(visit: Visit) -> None:
    """Be shown three recommendations; click one, sooner the first."""
    visit.wait(2, 20)
    shown = [visit.catalogue.pick(visit.rng, visit.person.cluster) for _ in CLICK_BY_POSITION]
    model = visit.rng.choice(("popular", "itemknn", "itemknn"))
    batch = f"r_{visit.rng.getrandbits(28):07x}"
    for position, item in enumerate(shown, start=1):
        visit.emit(
            "recommendation_shown",
            {"position": position, "source": model, "recommendation_id": batch},
            item_id=item.item_id,
        )
    for position, (item, share) in enumerate(zip(shown, CLICK_BY_POSITION, strict=True), start=1):
        if visit.chance(share * (1.25 if model == "itemknn" else 0.7)):
            visit.wait(2, 25)
            visit.emit(
                "recommendation_clicked",
                {"position": position, "source": model, "recommendation_id": batch},
                item_id=item.item_id,
            )
            view_product(visit, item)
            return


def ask(visit: Visit) -> None:
    """Ask the assistant, perhaps again with a correction, and rate the answer."""
    conversation = f"q_{visit.rng.getrandbits(28):07x}"
    for turn in range(1, visit.rng.choice((1, 1, 2, 3)) + 1):
        visit.wait(6, 70)
        visit.emit(
            "assistant_request",
            {
                "conversation_id": conversation,
                "turn": turn,
                "intent": visit.rng.choice(("find_product", "compare", "order_status", "returns")),
                "is_correction": turn > 1 and visit.chance(0.35),
            },
        )
        duration = int(1400 * visit.rng.lognormvariate(0, 0.5))
        visit.ts += duration
        visit.emit(
            "assistant_response",
            {
                "conversation_id": conversation,
                "turn": turn,
                "success": visit.chance(0.9),
                "completed": visit.chance(0.8),
            },
            duration_ms=duration,
        )
    if visit.chance(0.3):
        visit.wait(2, 20)
        visit.emit(
            "rating",
            {"subject": "assistant", "conversation_id": conversation},
            rating=visit.rng.choices((1, 2, 3, 4, 5), (8, 8, 14, 35, 35))[0],
        )


def keep(visit: Visit) -> None:
    """Put the last item on the wish-list, or share it."""
    if not visit.viewed:
        view_product(visit)
    visit.wait(2, 15)
    item = visit.viewed[-1]
    if visit.chance(0.65):
        visit.emit("wishlist_add", **visit.item_fields(item))
    else:
        visit.emit(
            "share",
            {"target": visit.rng.choice(("whatsapp", "email", "link"))},
            **visit.item_fields(item),
        )


ACTIONS: tuple[tuple[float, Callable[[Visit], None]], ...] = (
    (34, view_product),
    (24, browse),
    (14, search),
    (6, group),
    (8, read),
    (6, recommend),
    (3, ask),
    (5, keep),
)
"""What comes next in a visit, by weight."""


def act(visit: Visit) -> None:
    """Do one thing."""
    action = visit.rng.choices([row[1] for row in ACTIONS], [row[0] for row in ACTIONS])[0]
    action(visit)
