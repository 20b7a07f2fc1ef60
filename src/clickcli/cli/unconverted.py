"""Let Typer hand over what the user wrote: types are checked by ``options``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NAME = "process_value"


def unconverted(parameters: Sequence[Any]) -> list[Any]:
    """Return Typer's parameters, made to skip its conversion of text and of missing values.

    Typer converts every value, also a missing one, through pydantic; importing that takes
    longer than the rest of a start. Where this has no effect, all still works.
    """
    for parameter in parameters:
        if _NAME not in vars(parameter):
            vars(parameter)[_NAME] = _Process(parameter)
    return list(parameters)


class _Process:
    """Passes text, lists, booleans and nothing to the parameter's callback as they are."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter
        self._original = getattr(parameter, _NAME)

    def __call__(self, ctx: Any, value: Any) -> Any:
        if value is not None and not isinstance(value, bool | str | list | tuple):
            return self._original(ctx, value)
        callback = self._parameter.callback
        return value if callback is None else callback(ctx, self._parameter, value)
