"""Make seeded, shop-like logs of any size: skewed people and items, visits, a share of faults.

People come in visits of a few events with short and, now and then, very long gaps; hours of the
day differ. One line in a thousand is cut short, one in two thousand comes twice (a client that
tried again), and one in a thousand has its keys in another order and an escape in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

_START_MS = 1_704_067_200_000  # 2024-01-01
_DAY_MS = 86_400_000
_DAYS = 90
_SLICE = 100_000
_ITEMS = 5000
_KINDS = ("page_view", "product_view", "search", "add_to_cart", "checkout", "purchase")
_WEIGHTS = (0.45, 0.35, 0.08, 0.07, 0.03, 0.02)
_WITHOUT_ITEM = (0, 2)
_GOODS = '"item_id":"i{0}","price":{1}.99,"currency":"EUR",'
_WORDS: dict[str, tuple[str, ...]] = {
    "kind": _KINDS,
    "item": tuple(map(str, range(_ITEMS))),
    "goods": ("", *(_GOODS.format(item, item % 400) for item in range(_ITEMS))),
    "ref": tuple(map(str, range(50))),
    "referrer": ("https://www.google.com/", "", "https://news.example/a"),
    "device": ("desktop", "mobile", "tablet"),
    "country": ("DE", "FR", "US", "GB", "IT"),
    "plan": ("free", "pro"),
    "scroll": tuple(map(str, range(100))),
    "exp": tuple(map(str, range(5))),
    "note": tuple("x" * length for length in range(60)),
}
"""What the numbers drawn stand for."""
_LINE = (
    '{"event_id":"<id>","event_type":"<kind>","timestamp":"<at>Z","user_id":"user_<person>",'
    '"session_id":"s<person>-<visit>","page_url":"https://shop.example/<kind>/<item>?ref=<ref>",'
    '"referrer":"<referrer>","device_type":"<device>","country":"<country>","user_agent":"'
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0"
    '",<goods>"properties":{"plan":"<plan>","scroll":<scroll>,"experiment":"exp<exp>",'
    '"note":"<note>"}}'
)
_ODD_LINE = (
    '{"timestamp":"<at>Z", "event_type":"<kind>", "event_id":"<id>", "user_id":"user_<person>", '
    '"session_id":"s<person>-<visit>", "country":"<country>", <goods>"device_type":"<device>", '
    '"page_url":"https://shop.example/<kind>/<item>?ref=<ref>", '
    '"properties":{"note":"it said \\"<note>\\" in K\\u00f6ln", "plan":"<plan>"}}'
)
_CUT_LINE = '{"event_type":"page_view","timestamp":"2024-01-0'
_CUT, _TWICE, _ODD = 0.001, 0.0015, 0.0025
"""Of the fates drawn from [0, 1): a fault comes after, the line comes again, it is odd."""


def _visits(draw: np.random.Generator, first: int, rows: int, events: int) -> dict[str, Any]:
    """Draw who comes when: each event's visit, person and time, in order of time."""
    import numpy as np

    opens = draw.random(rows) < 0.2
    opens[0] = True
    visit = np.cumsum(opens) - 1
    visits = int(visit[-1]) + 1
    begin = _DAYS * (first + rows * draw.random(visits)) / events
    begin -= 0.1 * np.sin(2 * np.pi * begin)  # mornings are quiet
    person = (max(events // 40, 10) * draw.random(visits) ** 2).astype(np.int64)
    gaps = 40_000 * np.exp(1.6 * draw.standard_normal(rows))
    waited = np.cumsum(np.where(opens, 0, gaps))
    at = begin[visit] * _DAY_MS + waited - waited[opens][visit]
    order = np.argsort(at, kind="stable")
    visit = visit[order]
    return {"visit": first + visit, "person": person[visit],
            "at": _START_MS + at[order].astype(np.int64)}  # fmt: skip


def _drawn(first: int, rows: int, events: int, seed: int) -> pl.DataFrame:
    """Return all that a slice of the log says, one row an event, as text but for its fate."""
    import numpy as np
    import polars as pl

    draw = np.random.default_rng([seed, events, first])
    numbers = {
        "kind": draw.choice(len(_KINDS), rows, p=_WEIGHTS),
        "item": (_ITEMS * draw.random(rows) ** 3).astype(np.int64),
        **{
            name: draw.integers(0, len(_WORDS[name]), rows)
            for name in ("ref", "referrer", "device", "country", "plan", "scroll", "exp", "note")
        },
    }
    numbers["goods"] = np.where(np.isin(numbers["kind"], _WITHOUT_ITEM), 0, numbers["item"] + 1)
    noise = pl.Series(np.frombuffer(draw.bytes(8 * rows), "V8").tolist(), dtype=pl.Binary)
    number, person, at = pl.col("number"), pl.col("person"), pl.col("at")
    return pl.DataFrame(
        {
            "number": np.arange(first, first + rows), "noise": noise, "fate": draw.random(rows),
            **_visits(draw, first, rows, events),
            **{name: pl.Series(_WORDS[name]).gather(codes) for name, codes in numbers.items()},
        }
    ).with_columns(
        (number.cast(pl.String).str.zfill(12) + "-" + noise.bin.encode("hex")).alias("id"),
        person.cast(pl.String).str.zfill(7),
        pl.col("visit").cast(pl.String),
        at.cast(pl.Datetime("ms")).dt.to_string("iso:strict"),
    )  # fmt: skip


def _filled(template: str) -> pl.Expr:
    """Return the lines that a template gives, its <names> replaced by the columns' texts."""
    import polars as pl

    parts = re.split(r"<(\w+)>", template)
    return pl.concat_str(
        pl.col(part) if place % 2 else pl.lit(part) for place, part in enumerate(parts)
    ).alias("line")


def slices(events: int, seed: int = 1) -> Iterator[pl.Series]:
    """Yield the lines, in order of arrival, of ``events`` different good events and faults."""
    import polars as pl

    for first in range(0, events, _SLICE):
        drawn = _drawn(first, min(_SLICE, events - first), events, seed)
        fate, place = pl.col("fate"), pl.col("number")
        is_odd = fate.is_between(_TWICE, _ODD)
        good = drawn.filter(~is_odd).select(place, fate, _filled(_LINE))
        odd = drawn.filter(is_odd).select(place, fate, _filled(_ODD_LINE))
        cut = drawn.filter(fate < _CUT).select(place, fate, line=pl.lit(_CUT_LINE))
        again = good.filter(fate.is_between(_CUT, _TWICE)).with_columns(place + 100)
        yield pl.concat([good, odd, cut, again]).sort("number", maintain_order=True)["line"]


def write(path: Path, events: int, seed: int = 1) -> Path:
    """Write a log once; a file that is there already is taken as it is."""
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            for lines in slices(events, seed):
                lines.to_frame().write_csv(file, include_header=False, quote_style="never")
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


def write_interactions(path: Path, pairs: int, seed: int = 1) -> Path:
    """Write (person, item, count) of about so many different pairs, popular items first."""
    import numpy as np

    if not path.exists():
        draw = np.random.default_rng(seed)
        people, items = max(pairs // 25, 100), max(pairs // 250, 100)
        person = (people * draw.random(2 * pairs) ** 1.5).astype(np.int64)
        item = (items * draw.random(2 * pairs) ** 2.5).astype(np.int64)
        cells, counts = np.unique(person * items + item, return_counts=True)
        kept = np.sort(draw.permutation(len(cells))[:pairs])
        np.save(path, np.stack([cells[kept] // items, cells[kept] % items, counts[kept]], axis=1))
    return path
