"""Say of everybody, or of each session that goes on, how probable the target is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickcli.errors import DataError
from clickcli.predict.judging import deciles
from clickcli.predict.options import Unit
from clickcli.predict.samples import numbers
from clickcli.units import from_us, zone

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.engines.dataset import Dataset
    from clickcli.predict.options import TrainOptions
    from clickcli.store.models import Model


def score(dataset: Dataset, model: Model, options: TrainOptions, as_of: str | None) -> pl.DataFrame:
    """Return one row a person or session: probability, decile, as_of and model.

    The most probable first, equal ones in the order of ids; ``start`` is that of the session.
    """
    import polars as pl

    from clickcli.predict.people import last_moment, people_at
    from clickcli.predict.sessions import open_sessions

    end = last_moment(dataset, options, as_of)
    if options.unit is Unit.PERSON:
        found = people_at(dataset, end, options).with_columns(pl.lit(None, pl.Int64).alias("start"))
    else:
        found = open_sessions(dataset, options, end)
    found = found.sort("person_id", "is_known", "start")
    probability = _probabilities(model, numbers(found, model.manifest["features"]))
    moment = from_us(max(end - 1, 0), zone(options.tz)).isoformat()
    return (
        found.with_columns(
            pl.Series("probability", probability, pl.Float64),
            pl.Series("decile", deciles(probability), pl.Int64),
            pl.from_epoch("start", "us").dt.replace_time_zone("UTC").alias("session_start"),
            pl.lit(moment).alias("as_of"),
            pl.lit(model.id).alias("model"),
        )
        .select(
            "person_id", pl.col("is_known").cast(pl.Boolean), "probability", "decile",
            "session_start", "as_of", "model",
        )
        .sort("probability", "person_id", "is_known", "session_start",
              descending=[True, False, False, False])
    )  # fmt: skip


def _probabilities(model: Model, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ask the model; DataError where its arrays are damaged."""
    from clickcli.models.classifiers import restored
    from clickcli.store.arrays import load_array

    arrays = {name: load_array(path, "model") for name, path in model.files.items()}
    try:
        return restored(arrays).probabilities(values)
    except (TypeError, ValueError, IndexError) as error:
        raise DataError(
            f"the model {model.id} is damaged: {error}",
            hint="train it again: clickcli predict train",
        ) from error
