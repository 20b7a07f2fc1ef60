"""Predictions of a store: learn from it who will convert, buy or leave, and say so of everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clickcli.errors import DataError
from clickcli.predict.options import TrainOptions, Unit, Which, read_options

if TYPE_CHECKING:
    import polars as pl

    from clickcli.engines.dataset import Dataset
    from clickcli.store import Store
    from clickcli.store.models import Model

__all__ = ["Predictor", "Scored", "TrainOptions", "Which"]


@dataclass(frozen=True)
class Scored:
    """Probabilities, the highest first, of the model that gave them, and notes."""

    table: pl.DataFrame
    model: Model
    notes: tuple[str, ...]


class Predictor:
    """The predictions of one store; ``settings`` are what a configuration file would set."""

    def __init__(self, store: Store, settings: Mapping[str, Any]) -> None:
        self._store = store
        self._settings = settings

    def train(
        self, options: TrainOptions, *, as_of: str | None = None, seed: int = 0,
        wait_s: float = 0.0,
    ) -> Model:  # fmt: skip
        """Learn from the events up to as-of and keep the model in place of the one before.

        Raises Undecidable where there is too little to learn from.
        """
        from clickcli.engines.gone import over_fresh
        from clickcli.predict.training import train

        options.check()
        state = self._store.state()
        trained = over_fresh(self._dataset, lambda data: train(data, options, as_of, seed))
        self._store.keep_model(options.name, trained.arrays, trained.manifest, state, wait_s)
        return self.model(options)

    def model(self, which: Which) -> Model:
        """Return the trained model with its report. DataError when there is none."""
        from clickcli.predict.training import VERSION

        which.check()
        again = f"clickcli predict train {which.target} --unit {which.unit}"
        try:
            found = self._store.model(which.name)
        except DataError as error:
            raise DataError(error.message, hint=f"train it again: {again}") from error
        if found is None:
            raise DataError(
                f"no model of {which.target} of a {which.unit} is trained in {self._store.path}",
                hint=f"train one: {again}",
            )
        if found.manifest.get("version") != VERSION:
            raise DataError(
                f"the model {found.id} was trained by another version of clickcli",
                hint=f"train it again: {again}",
            )
        return found

    def notes(self, model: Model) -> list[str]:
        """Return how the model was made, what speaks against it, and whether it is out of date."""
        return [*model.manifest["notes"], *self._warnings(model)]

    def score(self, which: Which, *, as_of: str | None = None) -> Scored:
        """Return the probability of everybody who was active lately, or of each open session."""
        from clickcli.engines.gone import over_fresh
        from clickcli.predict.scoring import score

        model = self.model(which)
        try:
            options = read_options(model.manifest["options"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"the model {model.id} cannot be read: {error}",
                hint=f"train it again: clickcli predict train {which.target} --unit {which.unit}",
            ) from error
        own = {"conversion_event": model.manifest["conversion_event"]}
        table = over_fresh(
            lambda: replace(self._dataset(), **own), lambda data: score(data, model, options, as_of)
        )
        notes = self._warnings(model)
        if table.is_empty():
            what = f"nobody was active within {options.lookback}"
            if options.unit is Unit.SESSION:
                what = f"no session goes on that has {options.after} events and no target yet"
            notes.append(what)
        return Scored(table, model, tuple(notes))

    def _warnings(self, model: Model) -> list[str]:
        from clickcli.store.models import age_of

        age = age_of(model, self._store.state())
        told = list(model.manifest["warnings"])
        if age is not None:
            told.append(f"the model is older than the data: {age}; clickcli predict train")
        return told

    def _dataset(self) -> Dataset:
        return replace(self._store.dataset(), **self._settings)
