"""Fit recommenders to the events of a store, and make the lists that are served from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from clickcli import __version__
from clickcli.analysis import Shared
from clickcli.context import Events, resolve
from clickcli.engines import engine
from clickcli.errors import Undecidable
from clickcli.recommend.moment import HOURS, Weekday
from clickcli.recommend.options import AUTO, TrainOptions
from clickcli.recommend.serving import LATER, TRENDING, VERSION, task_of
from clickcli.relations.interactions import interactions
from clickcli.units import WeekStart, from_us

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.context import Context
    from clickcli.engines.dataset import Dataset
    from clickcli.models.recommend.choosing import Choice
    from clickcli.models.recommend.coding import Coded
    from clickcli.models.recommend.interactions import Interactions
    from clickcli.models.recommend.method import Fitted

FALLBACK: Final = 1000
"""Items of the list for people of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model ready to be kept: arrays, and a manifest that JSON can hold."""

    arrays: Mapping[str, NDArray[Any]]
    manifest: Mapping[str, Any]


def train(dataset: Dataset, options: TrainOptions, shared: Shared) -> Trained:
    """Fit the methods for next items and for later days to all events, and rank for everybody.

    With ``auto`` each of both is the one that was best on the last fifth of the events, which
    the methods tried had not seen; once more where items may come again. Raises Undecidable when
    nobody did anything with an item.
    """
    options.check()
    chosen = engine("polars")
    context = resolve(dataset, chosen, shared)
    rows = rows_of(Events(context), context, options)
    if not rows.height:
        raise Undecidable(
            "there are no views, adds or purchases of items to learn from",
            hint="name the events that are with --view, --add and --purchase",
        )
    return _trained(rows, context, options)


def rows_of(events: Events, context: Context, options: TrainOptions) -> pl.DataFrame:
    """Return the interactions of the period."""
    from clickcli.expressions import inside

    frame = inside(interactions(events, context, options), context.period)
    return context.engine.collect({"rows": frame})["rows"]


def _trained(rows: pl.DataFrame, context: Context, options: TrainOptions) -> Trained:
    from clickcli.models.recommend.blends import made_of, parts_of, recipe_of
    from clickcli.models.recommend.coding import coded
    from clickcli.models.recommend.interactions import Rating
    from clickcli.models.recommend.methods import METHODS
    from clickcli.models.recommend.saved import packed

    rating = Rating(options.half_life_us(), is_damped=not options.undamped)
    known = coded(rows, context.as_of, rating)
    seed = context.shared.seed
    chosen = _chosen(known.data, options, seed)
    singles = {part.name: part for one in chosen.values() for part in parts_of(one.method)}
    fitted = {name: single.fit(known.data, seed) for name, single in singles.items()}
    arrays: dict[str, NDArray[Any]] = {}
    kept = {name: packed(one, name, arrays) for name, one in fitted.items()}
    methods = {
        task: {
            "name": one.method.name, "reason": one.reason, "cases": one.cases,
            **recipe_of(one.method),
        }
        for task, one in chosen.items()
    }  # fmt: skip
    validation = [
        (task, *asdict(tried).values()) for task, one in chosen.items() for tried in one.table
    ]
    fallback = METHODS[TRENDING].fit(known.data, seed)
    clock = _clock(known.data, context)
    arrays |= clock
    arrays |= _named(known)
    arrays |= _lists(known, made_of(methods[LATER], fitted), fallback, options.keep)
    shared = context.shared
    plain = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in asdict(options).items()
    }
    manifest = {
        "version": VERSION, "clickcli": __version__, "seed": seed, "options": plain,
        "as_of": from_us(context.as_of, context.tz).isoformat(), "now": context.as_of,
        "where": list(shared.where), "include_bots": shared.include_bots,
        "tz": shared.tz, "people": known.data.people, "items": known.data.items,
        "events": len(known.data), "methods": methods, "fitted": kept, "validation": validation,
        "categories": list(known.categories),
        "clock": {name: counts.sum(axis=0).tolist() for name, counts in clock.items()},
    }  # fmt: skip
    return Trained(arrays, manifest)


def _chosen(data: Interactions, options: TrainOptions, seed: int) -> dict[str, Choice]:
    """Return the method for each task: each mode, without and with items that a person had."""
    from clickcli.models.recommend.cases import Mode
    from clickcli.models.recommend.choosing import Choice, choose
    from clickcli.models.recommend.methods import METHODS

    fitted: dict[str, Fitted] = {}
    chosen = {}
    for allow_repeat in (False, True):
        for mode in Mode:
            task = task_of(mode.value, allow_repeat=allow_repeat)
            chosen[task] = (
                choose(data, mode, seed=seed, allow_repeat=allow_repeat, fitted=fitted)
                if options.method == AUTO
                else Choice(METHODS[options.method], "asked for", (), 0)
            )
    return chosen


def _named(known: Coded) -> dict[str, NDArray[Any]]:
    """Return names of items as bytes and where each begins, and what is known of them."""
    import numpy as np

    from clickcli.models.recommend.content import unknown

    texts = [name.encode("utf-8", "surrogatepass") for name in known.items]
    ends = np.cumsum([0, *(len(text) for text in texts)], dtype=np.int64)
    own = known.data.attributes or unknown(known.data.items)
    return {
        "words": np.frombuffer(b"".join(texts), dtype=np.uint8),
        "word_starts": ends,
        "category": own.category.astype(np.int32),
        "price": own.price.astype(np.float64),
    }


def _clock(data: Interactions, context: Context) -> dict[str, NDArray[Any]]:
    """Return the interactions of each item by local hour of the day and by weekday, Monday first.

    ``hour`` has the shape (items, 24), ``weekday`` (items, 7).
    """
    import narwhals as nw
    import numpy as np
    import polars as pl

    frame = nw.from_native(pl.LazyFrame({"item": data.item, "ts": data.ts}))
    frame = context.calendar.with_clock(frame, "hour", "weekday")
    rows = context.engine.collect({"rows": frame})["rows"]
    item, hour = rows["item"].to_numpy(), rows["hour"].to_numpy()
    first = 6 if context.week_start is WeekStart.SUNDAY else 0
    weekday = (rows["weekday"].to_numpy() + first) % len(Weekday)
    counted = {}
    for name, at, width in (("hour", hour, HOURS), ("weekday", weekday, len(Weekday))):
        counts = np.bincount(item * width + at, minlength=data.items * width)
        counted[name] = counts.reshape(data.items, width).astype(np.int32)
    return counted


def _lists(known: Coded, fitted: Fitted, fallback: Fitted, keep: int) -> dict[str, NDArray[Any]]:
    """Return everybody's list, by person key: items, scores, what carried them, their source.

    A list that is too short is filled up by the fallback (source 1), without what was seen.
    """
    import numpy as np

    from clickcli.models.recommend.lists import best, top
    from clickcli.models.recommend.method import MOST_CARRIERS, strongest

    data = known.data
    keep = min(keep, data.items)
    lists, values = top(fitted, data, keep)
    source = np.zeros(lists.shape, dtype=np.int8)
    why = np.full((*lists.shape, MOST_CARRIERS), -1, dtype=np.int32)
    for person, (start, end) in enumerate(pairwise(data.spans().tolist())):
        own = lists[person]
        found = own[own >= 0]
        if len(found):
            given = data.between(start, end)
            why[person, : len(found)] = strongest(fitted.carried(given, found), len(found))
    _fill(lists, values, source, data, fallback)
    order = np.argsort(known.keys, kind="stable")
    everybody, score = best(fallback.scores(data.of(order[:1])), min(FALLBACK, data.items),
                            is_sparse=True)  # fmt: skip
    return {
        "people": known.keys[order],
        "top": lists[order].astype(np.int32),
        "score": values[order],
        "why": why[order],
        "source": source[order],
        "fallback": everybody[0].astype(np.int32),
        "fallback_score": score[0],
    }


def _fill(
    lists: NDArray[Any], values: NDArray[Any], source: NDArray[Any], data: Interactions,
    fallback: Fitted,
) -> None:  # fmt: skip
    """Fill up lists that are too short, in place."""
    import numpy as np

    from clickcli.models.recommend.lists import best, slices

    keep = lists.shape[1]
    for part in slices(data.people, data.items):
        short = np.flatnonzero((lists[part] < 0).any(axis=1))
        if not len(short):
            continue
        given = data.of(part.start + short)
        scores, seen = fallback.scores(given), given.seen()
        for at, row in enumerate(part.start + short):
            count = int((lists[row] >= 0).sum())
            scores[at, lists[row, :count]] = 0
            more, score = best(scores[[at]], keep - count, seen[at], is_sparse=True)
            lists[row, count:], values[row, count:] = more[0], score[0]
            source[row, count:] = 1
