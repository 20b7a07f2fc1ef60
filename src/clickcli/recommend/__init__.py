"""Recommendations of a store: train a model, keep it, answer from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from clickcli.errors import DataError, StorageError, Undecidable
from clickcli.recommend.moment import Weekday
from clickcli.recommend.serving import Lists, Recommended, Wish

if TYPE_CHECKING:
    import polars as pl

    from clickcli.analysis import Shared
    from clickcli.engines.dataset import Dataset
    from clickcli.recommend.options import TrainOptions
    from clickcli.store import Store
    from clickcli.store.models import Model

__all__ = ["Answer", "Recommended", "Recommender", "Weekday", "Wish"]

NAME: Final = "recommend"
"""Name of the model in the store."""
TEN: Final = Wish()
"""Ten items, whatever they are."""
_TRAIN: Final = "train one: clickcli train"


@dataclass(frozen=True, slots=True)
class Answer:
    """Recommended items in order, and what a reader must know."""

    rows: Sequence[Recommended]
    notes: tuple[str, ...]
    meta: Mapping[str, Any]


class Recommender:
    """The recommender of one store; ``settings`` are what a configuration file would set."""

    def __init__(
        self, store: Store, settings: Mapping[str, Any], *, key_file: str | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._key_file = key_file

    def train(self, options: TrainOptions, shared: Shared, wait_s: float = 0.0) -> Model:
        """Fit a model to the events of the store and keep it in place of the one before.

        Raises Undecidable when there is nothing to learn from.
        """
        from clickcli.engines.gone import over_fresh
        from clickcli.recommend.training import train

        state = self._store.state()
        trained = over_fresh(self._dataset, lambda data: train(data, options, shared))
        self._store.keep_model(NAME, trained.arrays, trained.manifest, state, wait_s)
        return self.model()

    def is_trained(self) -> bool:
        """Return whether there is a model. DataError for another store's."""
        return self._store.model(NAME) is not None

    def model(self) -> Model:
        """Return the trained model. DataError when there is none."""
        found = self._store.model(NAME)
        if found is None:
            raise DataError(f"no recommender is trained in {self._store.path}", hint=_TRAIN)
        return found

    def user(
        self, text: str, wish: Wish = TEN, *, is_device: bool = False,
        allow_repeat: bool = False, is_strict: bool = False,
    ) -> Answer:  # fmt: skip
        """Return the list of a user or device; what is trending for whom the model does not know.

        With ``is_strict`` that raises Undecidable instead.
        """
        key = self._store.key_of(
            text, is_device=is_device, key_file=self._key_file,
            require_consent=bool(self._settings.get("require_consent")),
        )  # fmt: skip
        return self.of_key(
            key, text, wish, is_device=is_device, allow_repeat=allow_repeat, is_strict=is_strict
        )

    def of_key(
        self, key: int | None, text: str, wish: Wish = TEN, *, is_device: bool = False,
        allow_repeat: bool = False, is_strict: bool = False,
    ) -> Answer:  # fmt: skip
        """Return the list of the person of a key, as ``user`` does; None is nobody's."""
        model, lists = self._opened()
        _check(lists, wish)
        if key is None or not lists.knows(key):
            what = f"the model knows nothing of the {'device' if is_device else 'user'} {text!r}"
            if is_strict:
                raise Undecidable(what, hint="leave out --strict for what is trending")
            note = f"{what}: this is what is trending"
            return self._answer(model, lists.of_anybody(text, wish), wish, note)
        rows: list[Recommended] = []
        if not allow_repeat:
            rows = lists.of_person(key, text, wish)
        is_short = len(rows) < wish.k and lists.kept < model.manifest["items"]
        if allow_repeat or is_short:
            from clickcli.recommend.asking import of_person

            rows = of_person(
                self._dataset(), model, lists, key, text, wish, allow_repeat=allow_repeat
            )
        return self._answer(model, rows, wish)

    def items(
        self, items: Sequence[str], wish: Wish = TEN, *, allow_repeat: bool = False
    ) -> Answer:
        """Return what comes next after these items, the last one being the latest."""
        from clickcli.recommend.asking import after_items

        model, lists = self._opened()
        _check(lists, wish)
        rows = after_items(model, lists, items, wish, allow_repeat=allow_repeat)
        return self._answer(model, rows, wish)

    def session(
        self, session: str, wish: Wish = TEN, *, allow_repeat: bool = False,
        is_strict: bool = False,
    ) -> Answer:  # fmt: skip
        """Return what comes next in a session of the log, by its own events."""
        from clickcli.recommend.asking import of_session

        model, lists = self._opened()
        _check(lists, wish)
        rows = of_session(self._dataset(), model, lists, session, wish, allow_repeat=allow_repeat)
        if rows is None:
            what = f"no event of the session {session!r} is about an item that the model knows"
            if is_strict:
                raise Undecidable(what, hint="leave out --strict for what is trending")
            note = f"{what}: this is what is trending"
            return self._answer(model, lists.of_anybody(None, wish), wish, note)
        return self._answer(model, rows, wish)

    def kept(self, keys: Collection[int]) -> list[Recommended]:
        """Return all that is kept for the people of these keys, hidden ones too."""
        if not self.is_trained():
            return []
        _, lists = self._opened()
        wish = Wish(lists.kept)
        return [row for key in sorted(keys) if lists.knows(key)
                for row in lists.of_person(key, None, wish)]  # fmt: skip

    def everybody(self, wish: Wish = TEN) -> tuple[pl.DataFrame, Answer]:
        """Return the lists of all people as a table, and what to say of it."""
        from clickcli.recommend.asking import everybody

        model, lists = self._opened()
        _check(lists, wish)
        frame, notes = everybody(self._dataset(), model, lists, wish)
        answer = self._answer(model, (), wish)
        told = (*self.notes(model), *_zone(model, wish), *notes)
        return frame, replace(answer, notes=told)

    def notes(self, model: Model) -> list[str]:
        """Return what happened since the model was trained, as a note."""
        from clickcli.store.models import age_of

        age = age_of(model, self._store.state())
        return [] if age is None else [f"the model is older than the data: {age}; clickcli train"]

    def _opened(self) -> tuple[Model, Lists]:
        """Return the model and its lists; once more when another one took its place meanwhile."""
        try:
            model = self.model()
            return model, Lists(model)
        except StorageError:
            model = self.model()
            return model, Lists(model)

    def _answer(self, model: Model, rows: Sequence[Recommended], wish: Wish, *more: str) -> Answer:
        notes = [*more, *self.notes(model), *_zone(model, wish)]
        if len(rows) < wish.k:
            notes.append(f"{len(rows)} items fit, {wish.k} were asked for")
        return Answer(rows, tuple(notes), receipt(model))

    def _dataset(self) -> Dataset:
        dataset = self._store.dataset()
        known = {field.name for field in fields(dataset)}
        own = {name: value for name, value in self._settings.items() if name in known}
        return replace(dataset, **own)


def _check(lists: Lists, wish: Wish) -> None:
    """Refuse items, categories and times that the model does not know."""
    lists.check_time(wish)
    if wish.category is not None:
        lists.category(wish.category)
    for item in wish.exclude:
        lists.need(item)


def _zone(model: Model, wish: Wish) -> list[str]:
    """Return which hours and weekdays are meant, where one was asked for."""
    return [f"hours and weekdays are those of {model.manifest['tz']}"] if wish.is_timed else []


def receipt(model: Model) -> dict[str, Any]:
    """Return what an answer says of its model."""
    told = model.manifest
    methods = {mode: one["name"] for mode, one in told["methods"].items()}
    return {
        "model": model.id, "trained_as_of": told["as_of"], "methods": methods,
        "people": told["people"], "items": told["items"], "events": told["events"],
        "seed": told["seed"], "bytes": model.bytes, "options": told["options"],
        "where": told["where"], "include_bots": told["include_bots"], "clickcli": told["clickcli"],
    }  # fmt: skip
