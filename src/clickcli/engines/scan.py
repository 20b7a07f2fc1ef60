"""Hand out the events of a dataset as ready columns, identity links applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from clickcli.columns import BY_NAME, Dtype
from clickcli.engines.hidden import IS_HIDDEN, after_links, before_links, hides
from clickcli.expressions import inside
from clickcli.units import MAX_TS, MIN_TS, Period

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import DataFile, Dataset
    from clickcli.filters import PropertyRef

ALWAYS: Final = ("person_key", "ts", "seq")
PERSON_ID: Final = "person_id"
"""The person in the sender's words; asked for like a column, never stored."""
IS_KNOWN: Final = "is_known"
"""Whether the person is a user, not a device only: a device may be named like a user."""


def files_of(dataset: Dataset, period: Period) -> tuple[DataFile, ...]:
    """Return the files that may hold events of a period, by their time statistics."""
    low = MIN_TS if period.start is None else period.start
    high = MAX_TS if period.end is None else period.end
    return tuple(file for file in dataset.files if file.max_ts >= low and file.min_ts < high)


def _cutting(files: Sequence[DataFile], period: Period) -> Period:
    """Return the period without an end that no event of the files lies beyond."""
    start, end = period.start, period.end
    if start is not None and all(file.min_ts >= start for file in files):
        start = None
    if end is not None and all(file.max_ts < end for file in files):
        end = None
    return Period(start, end)


def scan(
    engine: Engine,
    dataset: Dataset,
    columns: Iterable[str],
    properties: Sequence[PropertyRef] = (),
    period: Period = Period(),
    *,
    with_hidden: bool = False,
) -> nw.LazyFrame[Any]:
    """Return one row an event of the period, in no particular order.

    Events of people whom no question may see are left out; ``with_hidden`` keeps them and tells
    them by a column ``is_hidden``.

    Columns are ``person_key`` (null for nobody), ``ts``, ``seq``, those asked for (``person_id``
    and ``is_known`` may be among them) and one for each property.
    """
    import narwhals as nw

    asked = set(columns) | set(ALWAYS)
    linked = dataset.link_count > 0
    made = asked & {PERSON_ID, IS_KNOWN}
    stored = asked - made
    hides_people = hides(dataset)
    if made or linked or hides_people:
        stored |= {"user_id", "anonymous_id"}
    names = [name for name in BY_NAME if name in stored]
    unique = list({ref.column: ref for ref in properties}.values())
    files = files_of(dataset, period)
    frame = engine.read(files, names, unique) if files else _empty(engine, names, unique)
    frame = before_links(inside(frame, _cutting(dataset.files, period)), engine, dataset)
    users = ["user_id"]
    if linked:
        frame = _apply_links(frame, engine.table(link_intervals(dataset.links())))
        users.append("link_user_id")
    frame = after_links(frame, engine, dataset)
    if hides_people and not with_hidden:
        frame = frame.filter(~nw.col(IS_HIDDEN))
    if made:
        user = nw.coalesce(*users)
        frame = frame.with_columns(
            nw.coalesce(user, nw.col("anonymous_id")).alias(PERSON_ID),
            (~user.is_null()).alias(IS_KNOWN),
        )
    wanted = [name for name in (*BY_NAME, PERSON_ID, IS_KNOWN) if name in asked]
    wanted += [IS_HIDDEN] if with_hidden else []
    return frame.select(*wanted, *(ref.column for ref in unique))


def link_intervals(links: pl.DataFrame) -> pl.DataFrame:
    """Return for each anonymous id the user of every moment: rows [link_from, link_until).

    Before the first link its events belong to the first linked user, later to the latest
    link at or before the event.
    """
    import polars as pl

    ordered = links.sort("anonymous_id", "ts", "user_id")
    is_first = pl.int_range(pl.len()).over("anonymous_id") == 0
    following = pl.col("ts").shift(-1).over("anonymous_id")
    return ordered.select(
        "anonymous_id",
        pl.col("user_id").alias("link_user_id"),
        pl.col("user_key").alias("link_key"),
        pl.when(is_first).then(MIN_TS).otherwise(pl.col("ts")).alias("link_from"),
        following.fill_null(MAX_TS).alias("link_until"),
    ).filter(pl.col("link_from") < pl.col("link_until"))


def _apply_links(frame: nw.LazyFrame[Any], intervals: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    import narwhals as nw

    ts = nw.col("ts")
    inside = (ts >= nw.col("link_from")) & (ts < nw.col("link_until"))
    use_link = nw.col("user_id").is_null() & ~nw.col("link_key").is_null()
    return (
        frame.join(intervals, on="anonymous_id", how="left")
        .filter(nw.col("link_from").is_null() | inside)
        .with_columns(
            nw.when(use_link)
            .then(nw.col("link_key"))
            .otherwise(nw.col("person_key"))
            .alias("person_key")
        )
    )


def _empty(
    engine: Engine, names: Sequence[str], properties: Sequence[PropertyRef]
) -> nw.LazyFrame[Any]:
    import polars as pl

    from clickcli.engines.polars import POLARS_TYPES

    types: dict[str, Dtype] = {name: BY_NAME[name].dtype for name in names}
    for ref in properties:
        types[ref.column] = "string" if ref.form == "text" else "float64"
    return engine.table(pl.DataFrame(schema={name: POLARS_TYPES[t] for name, t in types.items()}))
