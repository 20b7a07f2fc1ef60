"""Carts, payments, orders, and what people say about them afterwards."""

from __future__ import annotations

from sample.browsing import view_product
from sample.catalogue import Item
from sample.tables import (
    BUNDLE_PULL,
    BUNDLES,
    COMMENTS,
    CURRENCY,
    INCIDENT_FAILURE,
    SITE,
    USUAL_FAILURE,
)
from sample.visit import Visit


def shop(visit: Visit) -> None:
    """Put viewed items into the cart, and perhaps buy them."""
    wanted = list(dict.fromkeys(visit.viewed))[-visit.rng.choice((1, 1, 2, 3)) :]
    for item in list(wanted):
        partner = _partner(visit, item)
        if partner is not None and partner not in wanted and visit.chance(BUNDLE_PULL):
            view_product(visit, partner)
            wanted.append(partner)
    cart: list[tuple[Item, int]] = []
    for item in wanted:
        visit.wait(3, 40)
        quantity = visit.rng.choices((1, 2, 3), (85, 11, 4))[0]
        visit.emit("add_to_cart", quantity=quantity, **visit.item_fields(item))
        cart.append((item, quantity))
    visit.api("/api/cart", 60)
    if visit.chance(0.12):
        visit.wait(3, 40)
        item, quantity = cart.pop(visit.rng.randrange(len(cart)))
        visit.emit("remove_from_cart", quantity=quantity, **visit.item_fields(item))
    visit.person.open_cart = cart
    if cart and visit.chance(min(0.95, visit.channel.order * 1.25)):
        check_out(visit)


def check_out(visit: Visit) -> None:
    """Go through the checkout with the open cart: address, payment, order."""
    cart = visit.person.open_cart
    value = round(sum(item.price * quantity for item, quantity in cart), 2)
    for step in ("address", "shipping", "payment"):
        visit.wait(8, 70)
        visit.page = f"/checkout/{step}"
        visit.emit(
            "checkout",
            {"step": step, "cart_value": value, "cart_items": len(cart)},
            page_url=SITE + visit.page,
        )
        if visit.chance(0.07):
            return
    method = visit.rng.choice(("card", "card", "paypal", "invoice"))
    for attempt in (1, 2):
        visit.wait(6, 50)
        visit.api("/api/payment", 420)
        visit.wait(0.01, 0.2)
        fails = visit.chance(INCIDENT_FAILURE if visit.is_incident else USUAL_FAILURE)
        outcome: dict[str, object] = {"method": method, "attempt": attempt, "result": "ok"}
        if fails:
            code = "PSP_TIMEOUT" if visit.is_incident else "DECLINED"
            outcome |= {"result": "failed", "error_code": code}
        visit.emit("payment", outcome, currency=CURRENCY)
        if not fails:
            _order(visit, cart)
            return
        if visit.chance(0.5):
            return


def _order(visit: Visit, cart: list[tuple[Item, int]]) -> None:
    visit.wait(0.3, 3)
    total = sum(item.price * quantity for item, quantity in cart)
    discount = round(total * 0.1, 2) if visit.chance(0.18) else None
    single: dict[str, object] = {}
    if len(cart) == 1:
        single = {**visit.item_fields(cart[0][0]), "quantity": cart[0][1]}
    visit.emit(
        "purchase",
        **single
        | {
            "order_id": f"o_{visit.rng.getrandbits(32):08x}",
            "revenue": round(total - (discount or 0), 2),
            "discount": discount,
            "currency": CURRENCY,
            "items": [
                {
                    "item_id": item.item_id,
                    "category": item.category,
                    "brand": item.brand,
                    "price": item.price,
                    "quantity": quantity,
                    "cost": item.cost,
                }
                for item, quantity in cart
            ],
        },
    )
    visit.person.bought.extend(item for item, _ in cart)
    visit.person.open_cart = []


def _partner(visit: Visit, item: Item) -> Item | None:
    for one, other in BUNDLES:
        pair = (visit.catalogue.at(one), visit.catalogue.at(other))
        if item in pair:
            return pair[1] if item == pair[0] else pair[0]
    return None


def give_opinion(visit: Visit) -> None:
    """Rate an item bought before, or answer a question about the shop."""
    rng = visit.rng
    visit.wait(5, 60)
    if visit.person.bought and visit.chance(0.7):
        item = visit.person.bought.pop()
        stars = rng.choices((1, 2, 3, 4, 5), (6, 6, 13, 35, 40))[0]
        visit.emit("rating", {"subject": "item"}, item_id=item.item_id, rating=stars)
        return
    if visit.chance(0.5):
        visit.emit(
            "feedback",
            {"survey": "nps", "feature": "shop"},
            rating=rng.choices(range(11), (2, 1, 1, 2, 2, 5, 6, 14, 25, 20, 22))[0],
        )
        return
    visit.emit(
        "feedback",
        {
            "survey": "csat",
            "feature": rng.choice(("search", "checkout", "delivery", "groups")),
            "comment": rng.choice(COMMENTS),
        },
        rating=rng.choices((1, 2, 3, 4, 5), (7, 8, 15, 40, 30))[0],
    )
