"""People whom no question sees: those who opted out, and where consent is required all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

    from clickcli.engines import Engine
    from clickcli.engines.dataset import Dataset

IS_HIDDEN: Final = "is_hidden"
_BEFORE: Final = "is_hidden_by_id"
_DEVICE: Final = "is_hidden_by_device"
_AGREED: Final = "has_agreed"


def hides(dataset: Dataset) -> bool:
    """Return whether anybody is left out of questions."""
    return dataset.opted_out_count > 0 or dataset.require_consent


def before_links(frame: nw.LazyFrame[Any], engine: Engine, dataset: Dataset) -> nw.LazyFrame[Any]:
    """Mark events by the ids that they carry, before a device's events become its user's."""
    if not dataset.opted_out_count:
        return frame
    frame = _marked(frame, engine, dataset.opted_out(), _BEFORE)
    return _marked(frame, engine, dataset.opted_out_devices(), _DEVICE)


def after_links(frame: nw.LazyFrame[Any], engine: Engine, dataset: Dataset) -> nw.LazyFrame[Any]:
    """Add ``is_hidden``, by the ids and by the person whose the event is."""
    import narwhals as nw

    hidden = nw.lit(value=False)
    if dataset.opted_out_count:
        frame = _marked(frame, engine, dataset.opted_out(), IS_HIDDEN)
        hidden = nw.col(_BEFORE) | nw.col(_DEVICE) | nw.col(IS_HIDDEN)
    if dataset.require_consent:
        frame = _marked(frame, engine, dataset.agreed(), _AGREED)
        hidden = hidden | (~nw.col(_AGREED) & ~nw.col("person_key").is_null())
    return frame.with_columns(hidden.alias(IS_HIDDEN))


def _marked(
    frame: nw.LazyFrame[Any], engine: Engine, listed: pl.DataFrame, name: str
) -> nw.LazyFrame[Any]:
    """Add a column that says whether a row's key is in a list of one column."""
    import narwhals as nw
    import polars as pl

    table = engine.table(listed.with_columns(pl.lit(value=True).alias(name)))
    joined = frame.join(table, on=listed.columns[0], how="left")
    return joined.with_columns((~nw.col(name).is_null()).alias(name))
