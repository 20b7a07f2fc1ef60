"""Answer from the ready lists of a model: a look-up, without any library for numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Final, NamedTuple

from clickcli.errors import DataError, UsageError, unknown
from clickcli.recommend.mapped import Mapped, mapped
from clickcli.recommend.moment import HOURS, Weekday, lift_of, weighed

if TYPE_CHECKING:
    from clickcli.store.models import Model

VERSION: Final = 2
"""Of the manifest; a model of another version is trained again."""
TRENDING: Final = "trending"
POPULAR_WHY: Final = "what people look at now"
_ARRAYS: Final = (
    "people", "top", "score", "why", "source", "fallback", "fallback_score", "words",
    "word_starts", "category", "price",
)  # fmt: skip
_CLOCK: Final = ("hour", "weekday")
"""Arrays that a model of before has not: interactions of each item by hour and by weekday."""
NEXT: Final = "next"
"""Asking for the next item."""
LATER: Final = "later"
"""Asking for items of later days."""
_AGAIN: Final = "train it again: clickcli train"
_SHOWN: Final = 100
"""Names of items that a hint is looked for among."""


def task_of(mode: str, *, allow_repeat: bool) -> str:
    """Return the name under which a model keeps the method chosen for a mode."""
    return f"{mode}_repeat" if allow_repeat else mode


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
    """What a list must be like: its length, items left out, a category, a highest price.

    With an ``hour`` (0 to 23) or a ``weekday``, of the zone of the training, items that do better
    then than usual come earlier.
    """

    k: int = 10
    exclude: Collection[str] = ()
    category: str | None = None
    max_price: float | None = None
    hour: int | None = None
    weekday: Weekday | None = None

    @property
    def is_timed(self) -> bool:
        """Whether the list is one for an hour or a weekday."""
        return self.hour is not None or self.weekday is not None

    @property
    def is_filtered(self) -> bool:
        """Whether some items are not wanted."""
        return bool(self.exclude) or self.category is not None or self.max_price is not None


class Lists:
    """The ready lists of a model; its files are opened at once, and may be replaced then."""

    def __init__(self, model: Model) -> None:
        if model.manifest.get("version") != VERSION:
            raise DataError(
                f"the model {model.id} was trained by another version of clickcli", hint=_AGAIN
            )
        self._model = model
        try:
            timed = [name for name in _CLOCK if name in model.files]
            self._arrays = {name: mapped(model.files[name]) for name in (*_ARRAYS, *timed)}
        except KeyError as error:
            raise DataError(f"the model {model.id} lacks its array {error}", hint=_AGAIN) from error

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
        name = self._model.manifest["methods"][LATER]["name"]
        result: list[Recommended] = []
        for at, score in self.first(items, scores, wish, sources):
            own = [self.item(code) for code in carriers[at * width : (at + 1) * width] if code >= 0]
            source = TRENDING if sources[at] else name
            result.append(self.made(person, items[at], len(result) + 1, score, source, own, wish))
        return result

    def of_anybody(self, person: str | None, wish: Wish) -> list[Recommended]:
        """Return what is trending, for whom nothing is known of."""
        items, scores = self._array("fallback").values, self._array("fallback_score").values
        chosen = self.first(items, scores, wish)
        return [
            self.made(person, items[at], rank, score, TRENDING, (), wish)
            for rank, (at, score) in enumerate(chosen, 1)
        ]

    def made(
        self, person: str | None, code: int, rank: int, score: float, source: str,
        carriers: Collection[str], wish: Wish,
    ) -> Recommended:  # fmt: skip
        """Return one row of an answer."""
        why = "because of " + ", ".join(carriers) if carriers else POPULAR_WHY
        why += self.timed_why(code, wish)
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

    def first(
        self, items: Sequence[int], scores: Sequence[float], wish: Wish,
        sources: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:  # fmt: skip
        """Return the places and scores of the first k items that are wanted.

        For an hour or a weekday all that are wanted are ranked anew, those of each source apart:
        their scores cannot be compared.
        """
        chosen: list[tuple[int, float]] = []
        for at, code in enumerate(items):
            if len(chosen) == wish.k and not wish.is_timed:
                break
            if code >= 0 and self.is_wanted(code, wish):
                chosen.append((at, scores[at]))
        if not wish.is_timed:
            return chosen
        chosen = [(at, weighed(score, self.lift(items[at], wish))) for at, score in chosen]
        chosen.sort(key=lambda one: (0 if sources is None else sources[one[0]], -one[1]))
        return chosen[: wish.k]

    def check_time(self, wish: Wish) -> None:
        """Refuse an hour and a weekday that there are not, or that the model was not told of."""
        if wish.hour is not None and wish.hour not in range(HOURS):
            raise UsageError(f"the hour must be 0 to {HOURS - 1}, was {wish.hour}")
        if wish.weekday is not None and wish.weekday not in list(Weekday):
            raise unknown("weekday", wish.weekday, list(Weekday))
        known = self._model.manifest.get("clock", {})
        if wish.is_timed and not all(name in known and name in self._arrays for name in _CLOCK):
            raise DataError(
                f"the model {self._model.id} was trained without hours and weekdays", hint=_AGAIN
            )

    def lift(self, code: int, wish: Wish) -> float:
        """Return how much better than usual an item does at the hour and weekday; 1 as usual."""
        lift = 1.0
        weekday = None if wish.weekday is None else list(Weekday).index(wish.weekday)
        for name, at in zip(_CLOCK, (wish.hour, weekday), strict=True):
            if at is not None:
                own, whole = self._array(name).row(code), self._model.manifest["clock"][name]
                lift *= lift_of(own[at], sum(own), whole[at], sum(whole))
        return lift

    def timed_why(self, code: int, wish: Wish) -> str:
        """Return what the hour and weekday did to an item, nothing where none was asked for."""
        if not wish.is_timed:
            return ""
        day = "" if wish.weekday is None else f" on {wish.weekday}"
        hour = "" if wish.hour is None else f" at {wish.hour:02}:00"
        return f"; lift {self.lift(code, wish):.2f}{day}{hour}"
