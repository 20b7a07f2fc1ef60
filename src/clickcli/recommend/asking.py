"""Answers that no ready list holds: the fitted method is asked, from the events of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from clickcli.analysis import Shared
from clickcli.context import Context, Events, resolve
from clickcli.engines import engine
from clickcli.engines.scan import IS_KNOWN, PERSON_ID
from clickcli.errors import UsageError
from clickcli.recommend.options import TrainOptions
from clickcli.recommend.serving import (
    LATER,
    NEXT,
    POPULAR_WHY,
    TRENDING,
    Lists,
    Recommended,
    Wish,
    task_of,
)
from clickcli.recommend.training import rows_of
from clickcli.relations.sessions import SessionRule
from clickcli.units import Period

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.engines.dataset import Dataset
    from clickcli.filters import PropertyRef
    from clickcli.models.recommend.interactions import Interactions
    from clickcli.models.recommend.method import Fitted
    from clickcli.store.models import Model


class _Chosen(Events):
    """The events for which something holds."""

    def __init__(self, context: Context, column: str, value: object) -> None:
        super().__init__(context)
        self._column, self._value = column, value

    def frame(
        self, columns: Iterable[str] = (), properties: Iterable[PropertyRef] = (), *,
        period: Period = Period(), with_nobody: bool = False, with_by: bool = True,
    ) -> nw.LazyFrame[Any]:  # fmt: skip
        """Return one row an event; see ``Events.frame``."""
        import narwhals as nw

        frame = super().frame(
            {*columns, self._column}, properties, period=period, with_nobody=with_nobody,
            with_by=with_by,
        )  # fmt: skip
        return frame.filter(nw.col(self._column) == self._value)


def of_person(
    dataset: Dataset, model: Model, lists: Lists, key: int, person: str, wish: Wish, *,
    allow_repeat: bool,
) -> list[Recommended]:  # fmt: skip
    """Return the list of a person, from all its events."""
    given = _history(dataset, model, lists, "person_key", key)
    if given is None:
        return lists.of_anybody(person, wish)
    return _ranked(model, lists, LATER, given, person, wish, allow_repeat=allow_repeat)


def of_session(
    dataset: Dataset, model: Model, lists: Lists, session: str, wish: Wish, *, allow_repeat: bool
) -> list[Recommended] | None:
    """Return what comes next in a session, None where nothing is known of it."""
    given = _history(dataset, model, lists, "session_id", session)
    if given is None:
        return None
    return _ranked(model, lists, NEXT, given, None, wish, allow_repeat=allow_repeat)


def after_items(
    model: Model, lists: Lists, items: Sequence[str], wish: Wish, *, allow_repeat: bool
) -> list[Recommended]:
    """Return what comes next after items. UsageError for one that the model does not know."""
    if not items:
        raise UsageError("--items names no item")
    import numpy as np

    codes = np.array([lists.need(item) for item in items], dtype=np.int64)
    given = _made(model, codes, np.ones(len(codes)), np.arange(len(codes)) - len(codes))
    return _ranked(model, lists, NEXT, given, None, wish, allow_repeat=allow_repeat)


def options_of(model: Model) -> TrainOptions:
    """Return the options that a model was trained with."""
    told = model.manifest["options"]
    values: dict[str, Any] = {
        field.name: tuple(value) if isinstance(value := told[field.name], list) else value
        for field in fields(TrainOptions)
    }
    return TrainOptions(**{**values, "session_rule": SessionRule(values["session_rule"])})


def _history(
    dataset: Dataset, model: Model, lists: Lists, column: str, value: object
) -> Interactions | None:
    """Return the events with a value as those of one person, None where there are none."""
    import numpy as np

    told = model.manifest
    shared = Shared(where=tuple(told["where"]), include_bots=told["include_bots"], tz=told["tz"])
    context = resolve(dataset, engine("polars"), shared)
    rows = rows_of(_Chosen(context, column, value), context, options_of(model))
    rows = rows.sort("ts", "seq", "line")
    found = [(lists.code(item), weight, ts) for item, weight, ts in
             rows.select("item", "weight", "ts").iter_rows()]  # fmt: skip
    known = [(code, weight, ts) for code, weight, ts in found if code is not None]
    if not known:
        return None
    codes, weights, ts = (np.array(column) for column in zip(*known, strict=True))
    return replace(_made(model, codes, weights.astype(float), ts), now=context.as_of)


def _made(
    model: Model, codes: NDArray[np.int64], weights: NDArray[np.float64], ts: NDArray[np.int64]
) -> Interactions:
    """Return events of one person, all of one session."""
    import numpy as np

    from clickcli.models.recommend.interactions import Interactions, Rating

    options = options_of(model)
    rating = Rating(options.half_life_us(), is_damped=not options.undamped)
    nought = np.zeros(len(codes), dtype=np.int64)
    return Interactions(
        nought, codes, ts, weights, nought, 1, model.manifest["items"], 0, rating
    )  # fmt: skip


def fitted_of(model: Model, task: str) -> Fitted:
    """Return the fitted method of a task, its arrays read where they lie."""
    from clickcli.models.recommend.blends import made_of
    from clickcli.models.recommend.saved import unpacked
    from clickcli.store.arrays import load_array

    recipe = model.manifest["methods"][task]
    fitted = {}
    for part in recipe["parts"]:
        arrays = {
            name: load_array(path, "array") for name, path in model.files.items()
            if name.startswith(f"{part}-")
        }  # fmt: skip
        fitted[part] = unpacked(model.manifest["fitted"][part], arrays)
    return made_of(recipe, fitted)


def _ranked(
    model: Model, lists: Lists, mode: str, given: Interactions, person: str | None, wish: Wish, *,
    allow_repeat: bool,
) -> list[Recommended]:  # fmt: skip
    """Return the best items that are wanted, filled up by what is trending.

    For an hour or a weekday as many are ranked anew as a ready list holds.
    """
    import numpy as np

    from clickcli.models.recommend.lists import top
    from clickcli.models.recommend.method import strongest

    task = task_of(mode, allow_repeat=allow_repeat)
    fitted = fitted_of(model, task)
    allowed = np.ones(given.items, dtype=bool)
    if wish.is_filtered:
        allowed[:] = [lists.is_wanted(code, wish) for code in range(given.items)]
    wide = max(wish.k, lists.kept) if wish.is_timed else wish.k
    found, scores = top(
        fitted, given, min(wide, given.items), allow_repeat=allow_repeat, allowed=allowed
    )
    chosen = lists.first(found[0].tolist(), scores[0].tolist(), wish)
    items = found[0][[at for at, _ in chosen]]
    carriers = strongest(fitted.carried(given, items), len(items))
    name = model.manifest["methods"][task]["name"]
    rows = [
        lists.made(
            person, int(item), rank, score, name, [lists.item(c) for c in own if c >= 0], wish
        )
        for rank, (item, (_, score), own) in enumerate(zip(items, chosen, carriers, strict=True), 1)
    ]
    had = set() if allow_repeat else {lists.item(int(code)) for code in np.unique(given.item)}
    out = {*wish.exclude, *had, *(row.item_id for row in rows)}
    more = lists.of_anybody(person, replace(wish, k=wish.k - len(rows), exclude=out))
    return rows + [row._replace(rank=len(rows) + at) for at, row in enumerate(more, 1)]


def everybody(
    dataset: Dataset, model: Model, lists: Lists, wish: Wish
) -> tuple[pl.DataFrame, list[str]]:
    """Return the ready lists of all people whom a question may see, in order of their ids."""
    if wish.k > lists.kept and lists.kept < model.manifest["items"]:
        raise UsageError(
            f"--all gives at most the {lists.kept} items that were kept of each, was {wish.k}",
            hint=f"clickcli train --keep {wish.k}",
        )
    frame, people = _all_lists(model, lists, wish), _people(dataset)
    found = people.join(frame, on="person_key", how="inner").drop("person_key")
    missing = people.join(frame, on="person_key", how="anti").height
    notes = []
    if missing:
        notes.append(
            f"{missing} people are not listed: the model knows nothing of them, or nothing that is "
            "wanted is in their list"
        )
    return found.sort(PERSON_ID, IS_KNOWN, "rank").drop(IS_KNOWN), notes


def _all_lists(model: Model, lists: Lists, wish: Wish) -> pl.DataFrame:
    """Return the first k wanted items of each ready list, by person key."""
    import numpy as np
    import polars as pl

    from clickcli.store.arrays import load_array

    arrays = {
        name: load_array(model.files[name], "list")
        for name in ("people", "top", "score", "why", "source")
    }
    if wish.is_timed:
        arrays = _timed(arrays, lists, model.manifest["items"], wish)
    items = [lists.item(code) for code in range(model.manifest["items"])]
    wanted = np.ones(len(items), dtype=bool)
    if wish.is_filtered:
        wanted[:] = [lists.is_wanted(code, wish) for code in range(len(items))]
    top = np.asarray(arrays["top"])
    is_kept = (top >= 0) & wanted[top]
    rank = np.cumsum(is_kept, axis=1)
    row, place = np.nonzero(is_kept & (rank <= wish.k))
    names = pl.Series(items, dtype=pl.String)
    frame = pl.DataFrame(
        {
            "person_key": arrays["people"][row],
            "item_id": names.gather(pl.Series(top[row, place])),
            "rank": rank[row, place],
            "score": arrays["score"][row, place].astype(np.float64),
            "is_fallback": arrays["source"][row, place] == 1,
            "first": _named(names, pl.Series(arrays["why"][row, place, 0])),
            "second": _named(names, pl.Series(arrays["why"][row, place, 1])),
        }
    )
    carriers = pl.concat_str("first", "second", separator=", ", ignore_nulls=True)
    is_bare = pl.col("first").is_null()
    name = model.manifest["methods"][LATER]["name"]
    timed = pl.Series([lists.timed_why(code, wish) for code in range(len(items))], dtype=pl.String)
    return frame.select(
        "person_key", "item_id", "rank", "score",
        pl.when("is_fallback").then(pl.lit(TRENDING)).otherwise(pl.lit(name)).alias("source"),
        pl.when(is_bare).then(pl.lit(POPULAR_WHY))
        .otherwise(pl.concat_str(pl.lit("because of "), carriers)).alias("why")
        + timed.gather(pl.Series(top[row, place])),
        pl.lit(model.id).alias("model"),
        pl.lit(model.manifest["as_of"]).alias("trained_as_of"),
    )  # fmt: skip


def _timed(
    arrays: Mapping[str, NDArray[Any]], lists: Lists, items: int, wish: Wish
) -> dict[str, NDArray[Any]]:
    """Return the lists in the order of an hour or a weekday, as ``Lists.first`` ranks them."""
    import numpy as np

    lift = np.array([lists.lift(code, wish) for code in range(items)])[arrays["top"]]
    score = arrays["score"].astype(np.float64)
    score = np.where(score > 0, score * lift, score / lift)
    order = np.lexsort((-score, arrays["source"]), axis=-1)
    return {
        "people": arrays["people"],
        "score": np.take_along_axis(score, order, axis=1),
        "why": np.take_along_axis(arrays["why"], order[:, :, None], axis=1),
        **{name: np.take_along_axis(arrays[name], order, axis=1) for name in ("top", "source")},
    }


def _named(names: pl.Series, codes: pl.Series) -> pl.Series:
    """Return the names of items, null for -1."""
    import polars as pl

    frame = pl.DataFrame({"code": codes}).with_columns(
        pl.when(pl.col("code") >= 0).then(pl.col("code")).alias("code")
    )
    return names.gather(frame["code"])


def _people(dataset: Dataset) -> pl.DataFrame:
    """Return the keys and ids of all people whom a question may see."""
    import narwhals as nw

    context = resolve(dataset, engine("polars"), Shared(include_bots=True))
    frame = Events(context).frame([PERSON_ID, IS_KNOWN])
    people = frame.group_by("person_key").agg(
        nw.col(PERSON_ID).min(), nw.col(IS_KNOWN).cast(nw.Int64).min()
    )
    return context.engine.collect({"people": people})["people"]
