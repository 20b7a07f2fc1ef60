"""Open the store that the options and the settings name."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from clickcli.cli.output import General
from clickcli.config import Settings

if TYPE_CHECKING:
    from clickcli.api import Log


def store_path(general: General, settings: Settings) -> str:
    """Return the folder of the store: ``--store``, else the configured one."""
    return general.store if general.store is not None else str(settings["store"])


def opened(general: General, settings: Settings) -> Log:
    """Open the store with the settings of the configuration.

    Raises DataError when there is none.
    """
    from clickcli.api import Log
    from clickcli.engines.dataset import Dataset

    known = {field.name for field in dataclasses.fields(Dataset)}
    given = settings.given("dataset") | settings.given("privacy")
    return Log.open(
        store_path(general, settings),
        {name: value for name, value in given.items() if name in known},
    )
