"""Shell completion: formats, zones, and the words of the store itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

from clickcli.cli.options import Parameter
from clickcli.columns import EVENT_COLUMNS

if TYPE_CHECKING:
    from clickcli.store import StoreInfo

Completer = Callable[[typer.Context, str], list[str]]
_MOST = 200


def completer(parameter: Parameter) -> Completer | None:
    """Return the function that completes a parameter's value, None for plain text."""
    words = _WORDS.get(parameter.complete)
    choices = parameter.choices
    if words is None and not choices:
        return None

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return _starting(choices if words is None or choices else words(ctx), incomplete)
        except Exception:  # noqa: BLE001 - a shell shows nothing rather than a traceback
            return []

    return complete


def _starting(words: Iterable[str], incomplete: str) -> list[str]:
    """Return the words that begin so; words that a shell would break are left out."""
    fitting = (word for word in words if word.startswith(incomplete) and word.isprintable())
    return sorted(fitting)[:_MOST]


def _info(context: typer.Context) -> StoreInfo:
    from clickcli.config import load
    from clickcli.store import Store

    path: Any = context.params.get("store") or load()["store"]
    with Store.open(path) as store:
        return store.info()


def _events(context: typer.Context) -> Iterable[str]:
    return list(_info(context).event_types)


def _columns(context: typer.Context) -> Iterable[str]:
    names = [column.name for column in EVENT_COLUMNS if column.source == "given"]
    try:
        return [*names, *(f"properties.{name}" for name in _info(context).properties)]
    except Exception:  # noqa: BLE001 - without a store its own columns are still known
        return names


def _zones(context: typer.Context) -> Iterable[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def _batches(context: typer.Context) -> Iterable[str]:
    from clickcli.config import load
    from clickcli.store import Store

    path: Any = context.params.get("store") or load()["store"]
    with Store.open(path) as store:
        return [batch.name for batch in store.batches() if batch.undone is None]


def _formats(context: typer.Context) -> Iterable[str]:
    from clickcli.render import FORMATS

    return [known.name for known in FORMATS]


def _presets(_context: typer.Context) -> Iterable[str]:
    from clickcli.store.presets import AUTO, MODULES

    return [*MODULES, AUTO]


_WORDS: dict[str, Callable[[typer.Context], Iterable[str]]] = {
    "event": _events,
    "step": _events,
    "exclusion": _events,
    "column": _columns,
    "predicate": _columns,
    "zone": _zones,
    "preset": _presets,
    "format": _formats,
    "batch": _batches,
}
