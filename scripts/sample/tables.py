"""What the sample shop is made of: calendar, channels, devices, places, words and fault counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

START: Final = 1_740_787_200_000
"""2025-03-01T00:00:00Z in milliseconds: a Saturday."""
DAYS: Final = 60
END: Final = START + DAYS * DAY
"""2025-04-30T00:00:00Z."""
SUMMER_TIME: Final = 1_743_296_400_000
"""2025-03-30T01:00:00Z: clocks in Europe go forward."""

PEOPLE: Final = 2550
SITE: Final = "https://shop.example"
CURRENCY: Final = "EUR"


@dataclass(frozen=True)
class Channel:
    """Where a visit comes from, and how well such visits convert and come back."""

    name: str
    weight: float
    bounce: float
    cart: float
    order: float
    loyalty: float
    referrers: tuple[str, ...] = ()
    utm: tuple[str, str, str] | None = None
    click_id: str | None = None


CHANNELS: Final = (
    Channel("Direct", 20, 0.28, 0.30, 0.62, 1.2),
    Channel(
        "Organic Search",
        26,
        0.34,
        0.24,
        0.56,
        1.0,
        ("https://www.google.com/", "https://www.bing.com/", "https://duckduckgo.com/"),
    ),
    Channel(
        "Paid Search",
        14,
        0.38,
        0.26,
        0.58,
        0.8,
        ("https://www.google.com/",),
        ("google", "cpc", "spring_sale"),
        "gclid",
    ),
    Channel(
        "Paid Social",
        12,
        0.55,
        0.12,
        0.40,
        0.4,
        ("https://l.facebook.com/",),
        ("facebook", "paid_social", "lookalike_eu"),
    ),
    Channel(
        "Organic Social",
        9,
        0.48,
        0.15,
        0.45,
        0.7,
        ("https://l.instagram.com/", "https://www.pinterest.com/"),
    ),
    Channel("Email", 5, 0.18, 0.40, 0.70, 1.5, (), ("newsletter", "email", "weekly_picks")),
    Channel(
        "Referral",
        6,
        0.36,
        0.22,
        0.55,
        0.9,
        ("https://blog.example.org/best-gifts", "https://forum.example.net/t/coffee"),
    ),
    Channel(
        "Affiliates",
        4,
        0.40,
        0.20,
        0.60,
        0.6,
        ("https://deals.example.com/",),
        ("dealhunter", "affiliate", "coupons"),
    ),
    Channel(
        "AI Assistant",
        2,
        0.20,
        0.34,
        0.64,
        0.9,
        ("https://chatgpt.com/", "https://www.perplexity.ai/"),
    ),
    Channel("Display", 2, 0.66, 0.08, 0.35, 0.3, (), ("adnet", "display", "retarget_spring")),
)

CATEGORIES: Final = {
    # name: (lowest price, highest price, nouns)
    "kitchen": (12, 190, ("Pan", "Knife", "Blender", "Scale", "Pot")),
    "coffee": (6, 620, ("Espresso Machine", "Grinder", "Beans", "Descaler", "Kettle")),
    "garden": (5, 240, ("Planter", "Hose", "Shears", "Seeds", "Lantern")),
    "outdoor": (15, 480, ("Tent", "Backpack", "Stove", "Sleeping Bag", "Axe")),
    "sports": (8, 310, ("Yoga Mat", "Dumbbell", "Racket", "Ball", "Shorts")),
    "travel": (7, 260, ("Suitcase", "Headlamp", "Pillow", "Adapter", "Bottle")),
    "audio": (19, 540, ("Headphones", "Speaker", "Turntable", "Microphone", "Cable")),
    "computing": (9, 1400, ("Laptop", "Keyboard", "Mouse", "Monitor", "Hub")),
    "photo": (14, 1250, ("Camera", "Tripod", "Lens", "Bag", "Film")),
    "beauty": (4, 110, ("Serum", "Soap", "Brush", "Perfume", "Mask")),
    "fashion": (9, 280, ("Jacket", "Scarf", "Sneakers", "Shirt", "Belt")),
    "toys": (5, 150, ("Puzzle", "Blocks", "Train", "Kite", "Plush")),
}
ITEMS_PER_CATEGORY: Final = 25
BRANDS: Final = (
    "Alba",
    "Birke",
    "Corvo",
    "Dune",
    "Elm",
    "Fjord",
    "Gale",
    "Hafen",
    "Iris",
    "Juno",
    "Kestrel",
    "Lumen",
    "Moor",
    "Nord",
    "Opal",
    "Pico",
    "Quill",
    "Rune",
    "Sol",
    "Tarn",
    "Umbra",
    "Vale",
    "Wren",
    "Yarrow",
    "Zephyr",
)

CLUSTERS: Final = {
    "home": ("kitchen", "coffee", "garden"),
    "outdoor": ("outdoor", "sports", "travel"),
    "tech": ("audio", "computing", "photo"),
    "style": ("beauty", "fashion", "toys"),
}
CLUSTER_LOYALTY: Final = 0.82
"""Share of the item choices that fall into the person's own three categories."""

BUNDLES: Final = ((("coffee", 1), ("coffee", 4)), (("outdoor", 1), ("travel", 3)))
"""Two pairs, each item as (category, rank by popularity): bought together far too often."""
BUNDLE_PULL: Final = 0.7
TRENDING: Final = ("photo", 21)
TRENDING_FROM: Final = END - 8 * DAY
TRENDING_PULL: Final = 0.10

INCIDENT: Final = (START + 40 * DAY + 5 * HOUR, START + 40 * DAY + 23 * HOUR)
"""2025-04-10, a Thursday, from 05:00 to 23:00 UTC: payments fail."""
INCIDENT_FAILURE: Final = 0.96
USUAL_FAILURE: Final = 0.04

EXPERIMENT: Final = "checkout_button"
EXPERIMENT_PERIOD: Final = (START + 16 * DAY, START + 51 * DAY)
EXPERIMENT_LIFT: Final = 1.45
"""By this factor a person with the treatment puts something into the cart more often."""
SKEWED_EXPERIMENT: Final = "free_shipping_banner"
SKEWED_SHARE: Final = 0.62
"""Share of the treatment where one half was planned: a sample-ratio mismatch."""

PLACES: Final = (
    # weight, country, city, language, hours ahead of UTC in winter, summer time in the period
    (20, "DE", "Berlin", "de-DE", 1, True),
    (12, "DE", "München", "de-DE", 1, True),
    (14, "FR", "Paris", "fr-FR", 1, True),
    (8, "ES", "Madrid", "es-ES", 1, True),
    (7, "NL", "Amsterdam", "nl-NL", 1, True),
    (6, "PL", "Łódź", "pl-PL", 1, True),
    (12, "GB", "London", "en-GB", 0, True),
    (5, "AT", "Wien", "de-AT", 1, True),
    (10, "US", "New York", "en-US", -4, False),
    (6, "JP", "東京", "ja-JP", 9, False),
)
DEVICES: Final = (
    # weight, device type, browser, operating system
    (24, "desktop", "Chrome", "Windows"),
    (9, "desktop", "Safari", "macOS"),
    (7, "desktop", "Firefox", "Linux"),
    (26, "mobile", "Chrome", "Android"),
    (24, "mobile", "Safari", "iOS"),
    (10, "tablet", "Safari", "iPadOS"),
)
WEEKDAYS: Final = (1.0, 0.95, 0.95, 1.0, 0.9, 1.15, 1.35)
"""Weight of each weekday, Monday first."""
HOURS: Final = (
    1,
    0.6,
    0.4,
    0.3,
    0.3,
    0.5,
    1.2,
    2.4,
    3.2,
    3.6,
    3.9,
    4.2,
    4.6,
    4.2,
    3.8,
    3.7,
    3.9,
    4.4,
    5.2,
    6.4,
    7.0,
    6.2,
    4.2,
    2.2,
)
"""Weight of each local hour."""

LOYALTY: Final = (
    # weight, visits on average, days between visits on average
    (50, 1, 30.0),
    (31, 3, 9.0),
    (14, 8, 5.0),
    (4, 14, 3.0),
)

QUERIES: Final = {
    "tent": "outdoor",
    "espresso": "coffee",
    "grinder": "coffee",
    "headphones": "audio",
    "yoga mat": "sports",
    "suitcase": "travel",
    "camera": "photo",
    "gift for dad": "kitchen",
    "serum": "beauty",
    "rain jacket": "fashion",
    "puzzle 1000": "toys",
    "usb-c hub": "computing",
    "hängematte": "garden",
    "pan induction": "kitchen",
    "sneakers": "fashion",
    "mouse": "computing",
}
ZERO_QUERIES: Final = ("gift card", "kindle", "dog food", "espreso machin", "wedding dress")
ZERO_SHARE: Final = 0.13

CONTENT: Final = ("article", "video", "recipe", "lookbook")
GROUPS: Final = 24
CLICK_BY_POSITION: Final = (0.30, 0.17, 0.09)
COMMENTS: Final = (
    "Love it, works great",
    "Delivery was slow",
    "ok for the price",
    "Broken on arrival :(",
    "Würde ich wieder kaufen",
    "too expensive",
    "Great colours, thank you!",
    "size runs small",
)
PLACEHOLDERS: Final = ("null", "undefined", "guest", "NULL", "anonymous", "[object Object]")

PUSH_DAYS: Final = (10, 24, 38, 52)
PUSHES: Final = 110

BOT_AGENT: Final = "Mozilla/5.0 (compatible; PriceHawk/1.2; +https://bot.example/about)"
BOT_RUNS: Final = ((START + 23 * DAY + 2 * HOUR, 700), (START + 37 * DAY + 3 * HOUR, 600))
"""Start and number of views of each of the bot's runs; less than a second from view to view."""

SHARED_DEVICES: Final = 12
BOTH_VARIANTS: Final = 9
UNDEFINED_USERS: Final = 60
"""Visits of unknown people whose tracker sent a placeholder as the user id."""
LATE_VISITS_IN_MAIN: Final = 25
LATE_VISITS_HELD_BACK: Final = 70
REPLAYED: Final = 400
SHUFFLED: Final = 1500
DUPLICATES: Final = 420
CONFLICTS: Final = 24
WITHOUT_EVENT_ID: Final = 60
WITHOUT_PERSON: Final = 80
PLACEHOLDER_PERSON: Final = 150
BAD_LINES: Final = {
    "cut_json": 30,
    "binary": 12,
    "invalid_utf8": 15,
    "not_an_object": 6,
    "missing_type": 18,
    "missing_time": 16,
    "bad_time": 10,
    "empty": 5,
}
