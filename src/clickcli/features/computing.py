"""Compute features of people and of what they did with items, as of a cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickcli.features.asof import EventsOf, context_at, cutoff_of
from clickcli.features.options import Options
from clickcli.features.people import people
from clickcli.features.scores import SCORES, with_scores
from clickcli.features.tables import INTERACTIONS, PERSONS, as_declared
from clickcli.features.touched import engaged, item_lines, touched, with_ratings

if TYPE_CHECKING:
    import polars as pl

    from clickcli.context import Context
    from clickcli.engines.dataset import Dataset

RATINGS: Final = ("rating",)
"""The features of interactions that depend on the cutoff itself."""
DEFAULTS: Final = Options()


@dataclass(frozen=True, slots=True)
class Known:
    """What can be said of people and their interactions without knowing the cutoff itself.

    It changes only with the person's own events before the cutoff, so that it can be taken over.
    """

    people: pl.DataFrame
    pairs: pl.DataFrame

    def at(self, cutoff: int, options: Options) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the tables of persons and interactions at a cutoff."""
        return (
            as_declared(with_scores(self.people, cutoff), PERSONS),
            as_declared(with_ratings(self.pairs, cutoff, options), INTERACTIONS),
        )


def known(context: Context, options: Options, keys: pl.DataFrame | None = None) -> Known:
    """Compute it for the people with these keys, for everybody without any list."""
    events = EventsOf(context, keys)
    lines = item_lines(events, context, options)
    found = as_declared(people(events, context, options, lines), PERSONS, without=SCORES)
    pairs = touched(lines, options, context.dataset.conversion_event)
    pairs = pairs.join(engaged(events, context, options), on=["person_key", "item"], how="left")
    pairs = pairs.join(found.select("person_key", "person_id", "is_known"), on="person_key")
    return Known(found, as_declared(pairs, INTERACTIONS, without=RATINGS))


def persons(
    dataset: Dataset, cutoff: str | None = None, options: Options = DEFAULTS
) -> pl.LazyFrame:
    """Return the features of people from the events before a cutoff; nothing is stored.

    Without a cutoff it is just after the newest event.
    """
    options.check()
    moment = cutoff_of(dataset, cutoff, options)
    found = known(context_at(dataset, moment, options), options)
    return found.at(moment, options)[0].lazy()
