"""Fitted methods as arrays and plain values, and back: nothing is pickled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from clickcli.errors import DataError
from clickcli.models.recommend import blends, content, factors, items, sequences, simple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickcli.models.recommend.method import Fitted

_KINDS: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (
        simple.SameForAll, simple.OwnItems, simple.Dice, items.Alike, items.Everything,
        factors.Factors, factors.Pairs, sequences.Following, sequences.Sessions,
        content.Affinity, blends.Blended,
    )
}  # fmt: skip


def packed(fitted: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a fitted method as JSON knows it; its arrays are put into ``arrays`` by name."""
    import numpy as np

    if isinstance(fitted, np.ndarray):
        arrays[name] = fitted
        return {"array": name}
    if isinstance(fitted, tuple):
        return [packed(part, f"{name}-{at}", arrays) for at, part in enumerate(fitted)]
    if not dataclasses.is_dataclass(fitted):
        return fitted
    parts = {
        field.name: packed(getattr(fitted, field.name), f"{name}-{field.name}", arrays)
        for field in dataclasses.fields(fitted)
    }
    return {"kind": type(fitted).__name__, "parts": parts}


def unpacked(value: Any, arrays: Mapping[str, NDArray[np.generic]]) -> Fitted:
    """Return the fitted method; DataError where it is not as this version writes it."""
    try:
        made: Fitted = _made(value, arrays)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the model cannot be read: {error}", hint="train it again: clickcli train"
        ) from error
    return made


def _made(value: Any, arrays: Mapping[str, NDArray[np.generic]]) -> Any:
    if isinstance(value, list):
        return tuple(_made(part, arrays) for part in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    parts = {name: _made(part, arrays) for name, part in value["parts"].items()}
    return _KINDS[value["kind"]](**parts)
