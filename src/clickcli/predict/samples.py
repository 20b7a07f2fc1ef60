"""Cases to learn from and to judge: numbers known at a moment, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from clickcli.context import Context


@dataclass(frozen=True)
class Sample:
    """Cases in a fixed order; ``group`` is the person, ``is_test`` says that a case is later.

    ``facts`` say how the cases were chosen: ``test_cutoff``, ``train_cutoffs``.
    """

    names: Sequence[str]
    values: NDArray[np.float64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    is_test: NDArray[np.bool_]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def sample_of(
    table: pl.DataFrame, names: Sequence[str], facts: Mapping[str, Any], notes: Sequence[str]
) -> Sample:
    """Make a sample of a table with features, ``label``, ``group`` and ``is_test``."""
    import numpy as np

    return Sample(
        tuple(names),
        numbers(table, names),
        table["label"].to_numpy().astype(np.int64),
        table["group"].to_numpy().astype(np.int64),
        table["is_test"].to_numpy().astype(np.bool_),
        facts,
        tuple(notes),
    )


def numbers(table: pl.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Return features as an array, NaN where they are not known."""
    import numpy as np
    import polars as pl

    found = table.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in names)
    return np.ascontiguousarray(found.to_numpy().reshape(table.height, len(names)))


def targets(options: Any, context: Context) -> list[str]:
    """Return the event types that a conversion or a purchase is."""
    from clickcli.predict.options import Target

    conversion = context.dataset.conversion_event
    if options.target is Target.PURCHASE:
        return list(options.purchase or (conversion,))
    return [conversion]
