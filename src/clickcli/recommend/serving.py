"""Answer from the ready lists of a model: a look-up, without any library for numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Final, NamedTuple

from clickcli.errors import DataError, unknown
from clickcli.recommend.mapped import Mapped, mapped

if TYPE_CHECKING:
    from clickcli.store.models import Model

VERSION: Final = 1
"""Of the manifest; a model of another version is trained again."""
TRENDING: Final = "trending"
POPULAR_WHY: Final = "what people look at now"
_ARRAYS: Final = (
    "people", "top", "score", "why", "source", "fallback", "fallback_score", "words",
    "word_starts", "category", "price",
)  # fmt: skip
_SHOWN: Final = 100
"""Names of items that a hint is looked for among."""


class Recommended(NamedTuple):
    """One item for one person."""

    person_id: str | None
    item_id: str
    rank: int
    score: float
    source: str
    why: str
    model: str
    trained_as_of: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a list must be like: its length, items left out, a category, a highest price."""

    k: int = 10
    exclude: Collection[str] = ()
    category: str | None = None
    max_price: float | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether some items are not wanted."""
        return bool(self.exclude) or self.category is not None or self.max_price is not None


class Lists:
    """The ready lists of a model; its files are opened at once, and may be replaced then."""

    def __init__(self, model: Model) -> None:
        if model.manifest.get("version") != VERSION:
            raise DataError(
                f"the model {model.id} was trained by another version of clickcli",
                hint="train it again: clickcli train",
            )
        self._model = model
        try:
            self._arrays = {name: mapped(model.files[name]) for name in _ARRAYS}
        except KeyError as error:
            raise DataError(
                f"the model {model.id} lacks its array {error}",
                hint="train it again: clickcli train",
            ) from error

    def _array(self, name: str) -> Mapped:
        return self._arrays[name]

    def item(self, code: int) -> str:
        """Return the name of an item."""
        starts = self._array("word_starts").values
        text = self._array("words").values[starts[code] : starts[code + 1]]
        return bytes(text).decode("utf-8", "surrogatepass")

    def code(self, item: str) -> int | None:
        """Return the number of an item, None for one that the model does not know."""
        low, high = 0, len(self._array("word_starts")) - 1
        wanted = item.encode("utf-8", "surrogatepass")
        while low < high:
            middle = (low + high) // 2
            if self.item(middle).encode("utf-8", "surrogatepass") < wanted:
                low = middle + 1
            else:
                high = middle
        is_there = low < len(self._array("word_starts")) - 1 and self.item(low) == item
        return low if is_there else None

    def need(self, item: str) -> int:
        """Return the number of an item; UsageError with a suggestion for an unknown one."""
        code = self.code(item)
        if code is None:
            names = [
                self.item(int(at)) for at in self._array("fallback").values[:_SHOWN] if at >= 0
            ]
            raise unknown("item", item, names)
        return code

    def category(self, name: str) -> int:
        """Return the number of a category; UsageError with a suggestion for an unknown one."""
        known = list(self._model.manifest["categories"])
        if name not in known:
            raise unknown("category", name, known)
        return known.index(name)

    def knows(self, key: int) -> bool:
        """Return whether there is a list for a person."""
        return self._array("people").find(key) is not None

    @property
    def kept(self) -> int:
        """Length of the lists."""
        return self._array("top").shape[1]

    def of_person(self, key: int, person: str | None, wish: Wish) -> list[Recommended]:
        """Return a person's list; shorter than wished for where the kept one does not suffice."""
        row = self._array("people").find(key)
        assert row is not None
        items, scores = self._array("top").row(row), self._array("score").row(row)
        sources, carriers = self._array("source").row(row), self._array("why").row(row)
        width = len(carriers) // max(len(items), 1)
        name = self._model.manifest["methods"]["later"]["name"]
        result: list[Recommended] = []
        for at in self._wanted(items, wish):
            own = [self.item(code) for code in carriers[at * width : (at + 1) * width] if code >= 0]
            source = TRENDING if sources[at] else name
            result.append(self.made(person, items[at], len(result) + 1, scores[at], source, own))
        return result

    def of_anybody(self, person: str | None, wish: Wish) -> list[Recommended]:
        """Return what is trending, for whom nothing is known of."""
        items, scores = self._array("fallback").values, self._array("fallback_score").values
        chosen = self._wanted(items, wish)
        return [
            self.made(person, items[at], rank, scores[at], TRENDING, ())
            for rank, at in enumerate(chosen, 1)
        ]

    def made(
        self, person: str | None, code: int, rank: int, score: float, source: str,
        carriers: Collection[str],
    ) -> Recommended:  # fmt: skip
        """Return one row of an answer."""
        why = "because of " + ", ".join(carriers) if carriers else POPULAR_WHY
        model = self._model
        as_of = str(model.manifest["as_of"])
        return Recommended(
            person, self.item(code), rank, float(score), source, why, model.id, as_of
        )

    def is_wanted(self, code: int, wish: Wish) -> bool:
        """Return whether an item may be in a list."""
        if wish.category is not None and not self._is_of(code, wish.category):
            return False
        if wish.max_price is not None:
            price = self._array("price").values[code]
            if isnan(price) or price > wish.max_price:
                return False
        return not wish.exclude or self.item(code) not in wish.exclude

    def _is_of(self, code: int, category: str) -> bool:
        return bool(self._array("category").values[code] == self.category(category))

    def _wanted(self, items: Collection[int], wish: Wish) -> list[int]:
        """Return the places of the first k items that are wanted."""
        chosen: list[int] = []
        for at, code in enumerate(items):
            if len(chosen) == wish.k:
                break
            if code >= 0 and self.is_wanted(code, wish):
                chosen.append(at)
        return chosen
